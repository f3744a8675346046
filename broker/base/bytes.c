/* bytes.c - see bytes.h. Nothing here allocates, logs or knows a locale. */
#include "broker/base/bytes.h"

struct slice slice_of(const char *str)
{
    return (struct slice){str, str == NULL ? 0 : strlen(str)};
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_eq_str(struct slice a, const char *b)
{
    if (b == NULL) {
        return a.len == 0;
    }
    /* Not by way of strlen: most comparisons end with the first byte. */
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] != b[i] || b[i] == '\0') {
            return false;
        }
    }
    return b[a.len] == '\0';
}

bool slice_eq_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool slice_has_prefix(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq((struct slice){s.ptr, prefix.len}, prefix);
}

bool slice_has_suffix(struct slice s, struct slice suffix)
{
    if (s.len < suffix.len) {
        return false;
    }
    return suffix.len == 0 ||
           slice_eq((struct slice){s.ptr + (s.len - suffix.len), suffix.len}, suffix);
}

size_t slice_find(struct slice s, char byte)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, byte, s.len);
    return at == NULL ? s.len : (size_t)(at - s.ptr);
}

bool slice_has_byte(struct slice s, char byte)
{
    return s.len > 0 && memchr(s.ptr, byte, s.len) != NULL;
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* odd_bytes - certificates are long and read several times on a request's way, so eight bytes at once:
 * the top bit of each byte of a word that is not plain. Subtracting borrows from the next
 * higher byte, so bytes above the lowest one that is found may be found wrongly; it itself is right. */
static uint64_t odd_bytes(uint64_t word)
{
    const uint64_t quote = word ^ EACH_BYTE('"');
    const uint64_t backslash = word ^ EACH_BYTE('\\');
    const uint64_t del = word ^ EACH_BYTE(0x7f);
    const uint64_t found = ((word - EACH_BYTE(0x20)) & ~word) | ((quote - EACH_BYTE(1)) & ~quote) |
                           ((backslash - EACH_BYTE(1)) & ~backslash) |
                           ((del - EACH_BYTE(1)) & ~del) | word;
    return found & EACH_BYTE(0x80);
}

size_t slice_plain_run(struct slice s)
{
    size_t run = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (s.len - run >= sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, s.ptr + run, sizeof(word));
        const uint64_t odd = odd_bytes(word);
        if (odd != 0) {
            return run + (size_t)__builtin_ctzll(odd) / 8;
        }
        run += sizeof(word);
    }
#endif
    while (run < s.len && ascii_is_print(s.ptr[run]) && s.ptr[run] != '"' && s.ptr[run] != '\\') {
        run++;
    }
    return run;
}

bool slice_to_u64(struct slice s, uint64_t *ret)
{
    if (s.len == 0 || (s.len > 1 && s.ptr[0] == '0')) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_digit(s.ptr[i]) || __builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    *ret = value;
    return true;
}

/* utf8_step - the length of the well-formed sequence at p (1..4), or 0. The bounds of the second
 * byte rule out overlong forms, surrogates and values above U+10FFFF (Unicode table 3-7). */
static size_t utf8_step(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t len = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (left < len || p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf) {
            return 0;
        }
    }
    return len;
}

bool utf8_valid(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t i = 0;
    while (i < s.len) {
        const size_t step = utf8_step(p + i, s.len - i);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

void hex_encode(const unsigned char *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 0x0f];
    }
    out[2 * len] = '\0';
}

static int hex_value(char c)
{
    if (ascii_is_digit(c)) {
        return c - '0';
    }
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool hex_decode(struct slice in, unsigned char *out, size_t out_len)
{
    if (in.len != 2 * out_len) {
        return false;
    }
    for (size_t i = 0; i < out_len; i++) {
        const int high = hex_value(in.ptr[2 * i]);
        const int low = hex_value(in.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (unsigned char)((high << 4) | low);
    }
    return true;
}

void secret_wipe(void *ptr, size_t len)
{
    if (ptr != NULL) {
        explicit_bzero(ptr, len);
    }
}

bool secret_eq(const void *a, const void *b, size_t len)
{
    const unsigned char *x = a;
    const unsigned char *y = b;
    unsigned char diff = 0;
    for (size_t i = 0; i < len; i++) {
        diff = (unsigned char)(diff | (x[i] ^ y[i]));
    }
    return diff == 0;
}
