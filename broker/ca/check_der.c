/* check_der.c - see check_der.h. Bounds are checked in one place, der_any; everything else is built
 * from it. It knows nothing of certificates. */
#include "broker/ca/check_der.h"

#include "broker/base/clock.h"

static struct slice slice_cut(struct slice s, size_t from)
{
    return (struct slice){s.ptr + from, s.len - from};
}

static unsigned byte_at(struct slice s, size_t i)
{
    return (unsigned char)s.ptr[i];
}

/* read_length - the length field at in[1..]; *head is how many bytes tag and length take. */
static bool read_length(struct slice in, size_t *head, size_t *ret)
{
    const unsigned first = byte_at(in, 1);
    if (first < 0x80) {
        *head = 2;
        *ret = first;
        return true;
    }
    const size_t num = first & 0x7fU;
    if (num == 0 || num > 3 || in.len < 2 + num) {
        return false; /* indefinite, or larger than anything we would read */
    }
    size_t len = 0;
    for (size_t i = 0; i < num; i++) {
        len = (len << 8) | byte_at(in, 2 + i);
    }
    const bool shortest = len >= 0x80 && byte_at(in, 2) != 0;
    *head = 2 + num;
    *ret = len;
    return shortest;
}

bool der_any(struct slice *in, unsigned *tag, struct slice *content, struct slice *whole)
{
    size_t head = 0;
    size_t len = 0;
    if (in->len < 2 || (byte_at(*in, 0) & 0x1fU) == 0x1fU || !read_length(*in, &head, &len) ||
        len > in->len - head) {
        return false;
    }
    *tag = byte_at(*in, 0);
    *content = (struct slice){in->ptr + head, len};
    if (whole != NULL) {
        *whole = (struct slice){in->ptr, head + len};
    }
    *in = slice_cut(*in, head + len);
    return true;
}

bool der_has(struct slice in, unsigned tag)
{
    return in.len > 0 && byte_at(in, 0) == tag;
}

bool der_take(struct slice *in, unsigned tag, struct slice *content)
{
    unsigned got = 0;
    return der_has(*in, tag) && der_any(in, &got, content, NULL);
}

bool der_only(struct slice in, unsigned tag, struct slice *content)
{
    return der_take(&in, tag, content) && in.len == 0;
}

bool der_uint(struct slice *in, struct slice *ret)
{
    struct slice c = {0};
    if (!der_take(in, DER_INTEGER, &c) || c.len == 0 || (byte_at(c, 0) & 0x80U) != 0) {
        return false;
    }
    if (byte_at(c, 0) == 0) {
        c = slice_cut(c, 1);
        if (c.len > 0 && (byte_at(c, 0) & 0x80U) == 0) {
            return false; /* a zero byte too many */
        }
    }
    *ret = c;
    return true;
}

bool der_bits(struct slice *in, struct slice *ret)
{
    struct slice c = {0};
    if (!der_take(in, DER_BIT_STRING, &c) || c.len == 0 || byte_at(c, 0) != 0) {
        return false;
    }
    *ret = slice_cut(c, 1);
    return true;
}

bool der_time(struct slice *in, int64_t *ret_unix_s)
{
    struct slice c = {0};
    const bool is_short = der_has(*in, DER_UTC_TIME);
    if (!der_take(in, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME, &c) ||
        c.len != (is_short ? 13 : 15)) {
        return false;
    }
    const char *century = !is_short ? c.ptr : c.ptr[0] >= '5' ? "19" : "20";
    const char *d = is_short ? c.ptr : c.ptr + 2; /* yymmddhhmmssZ */
    const char text[] = {century[0], century[1], d[0], d[1], '-',  d[2], d[3], '-',   d[4],  d[5],
                         'T',        d[6],       d[7], ':',  d[8], d[9], ':',  d[10], d[11], d[12]};
    int64_t us = 0;
    if (!time_parse((struct slice){text, sizeof(text)}, &us)) {
        return false;
    }
    *ret_unix_s = us / 1000000;
    /* 1950 to 2049 must be written as UTCTime, everything else must not. */
    return is_short || *ret_unix_s >= 2524608000;
}

/* ---- PEM ---- */

static bool skip_prefix(struct slice *s, struct slice prefix)
{
    if (!slice_has_prefix(*s, prefix)) {
        return false;
    }
    *s = slice_cut(*s, prefix.len);
    return true;
}

static void skip_line_ends(struct slice *s)
{
    while (s->len > 0 && (s->ptr[0] == '\n' || s->ptr[0] == '\r')) {
        *s = slice_cut(*s, 1);
    }
}

/* read_label - the upper-case words between BEGIN or END and the closing dashes. */
static bool read_label(struct slice *s, struct slice *ret)
{
    size_t len = 0;
    while (len < s->len && ((s->ptr[len] >= 'A' && s->ptr[len] <= 'Z') || s->ptr[len] == ' ' ||
                            ascii_is_digit(s->ptr[len]))) {
        len++;
    }
    *ret = (struct slice){s->ptr, len};
    *s = slice_cut(*s, len);
    return len > 0 && skip_prefix(s, SLICE("-----"));
}

/* sextet - the value of a base64 digit, 64 or more for any other byte. */
static unsigned sextet(char c)
{
    /* One more than the value, so that what is not named here is 0. */
    static const unsigned char one_more[256] = {
        ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,
        ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
        ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
        ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
        ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
        ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
        ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
        ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
        ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
        ['/'] = 64,
    };
    return one_more[(unsigned char)c] - 1U;
}

struct decoder {
    unsigned char *out;
    size_t len;
    unsigned bits;     /* not yet written */
    unsigned num_bits; /* 0, 6, 4 or 2 between digits */
    unsigned num_pads;
};

static bool decode_char(struct decoder *d, char c)
{
    if (c == '=') {
        d->num_pads++;
        return true;
    }
    const unsigned value = sextet(c);
    if (value > 63 || d->num_pads > 0) {
        return false;
    }
    d->bits = (d->bits << 6) | value;
    d->num_bits += 6;
    if (d->num_bits >= 8) {
        d->num_bits -= 8;
        d->out[d->len++] = (unsigned char)(d->bits >> d->num_bits);
        d->bits &= (1U << d->num_bits) - 1U;
    }
    return true;
}

/* decode_group - four digits at once, as nearly all of a text comes; false: it is something else,
 * and nothing was taken. */
static bool decode_group(struct decoder *d, const char *p)
{
    const unsigned a = sextet(p[0]);
    const unsigned b = sextet(p[1]);
    const unsigned c = sextet(p[2]);
    const unsigned e = sextet(p[3]);
    if ((a | b | c | e) > 63 || d->num_bits > 0 || d->num_pads > 0) {
        return false;
    }
    d->out[d->len++] = (unsigned char)(a << 2 | b >> 4);
    d->out[d->len++] = (unsigned char)((b & 0xfU) << 4 | c >> 2);
    d->out[d->len++] = (unsigned char)((c & 0x3U) << 6 | e);
    return true;
}

/* decode_body - base64 up to the first '-'; advances s to it. */
static bool decode_body(struct slice *s, struct arena *arena, struct slice *ret)
{
    const char *dash = s->len == 0 ? NULL : memchr(s->ptr, '-', s->len);
    if (dash == NULL) {
        return false;
    }
    const size_t size = (size_t)(dash - s->ptr);
    struct decoder d = {.out = arena_alloc(arena, size / 4 * 3 + 3)};
    if (d.out == NULL) {
        return false;
    }
    size_t i = 0;
    while (i < size) {
        const char c = s->ptr[i];
        if (size - i >= 4 && decode_group(&d, s->ptr + i)) {
            i += 4;
        } else if (c == '\n' || c == '\r' || decode_char(&d, c)) {
            i++;
        } else {
            return false;
        }
    }
    const unsigned pads = d.num_bits == 0 ? 0 : d.num_bits == 4 ? 2 : 1;
    *ret = (struct slice){(const char *)d.out, d.len};
    *s = slice_cut(*s, size);
    return d.num_bits < 6 && d.bits == 0 && d.num_pads == pads;
}

bool pem_read(struct slice text, struct arena *arena, struct slice *ret_label,
              struct slice *ret_der)
{
    struct slice label = {0};
    struct slice end = {0};
    struct slice der = {0};
    skip_line_ends(&text);
    if (!skip_prefix(&text, SLICE("-----BEGIN ")) || !read_label(&text, &label) ||
        !decode_body(&text, arena, &der) || !skip_prefix(&text, SLICE("-----END ")) ||
        !read_label(&text, &end) || !slice_eq(label, end)) {
        return false;
    }
    skip_line_ends(&text);
    if (text.len > 0) {
        return false;
    }
    *ret_label = label;
    *ret_der = der;
    return true;
}
