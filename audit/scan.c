/* scan.c - see scan.h. Does not know what a record means; that is line.c and reader.c. */
#include "audit/scan.h"

bool scan_literal(struct scan *s, struct slice literal)
{
    if ((size_t)(s->end - s->at) < literal.len || memcmp(s->at, literal.ptr, literal.len) != 0) {
        return false;
    }
    s->at += literal.len;
    return true;
}

bool scan_u64(struct scan *s, uint64_t *ret)
{
    const char *start = s->at;
    uint64_t value = 0;
    while (s->at < s->end && ascii_is_digit(*s->at)) {
        value = value * 10 + (uint64_t)(*s->at - '0');
        if (value > SCAN_NUMBER_MAX) {
            return false;
        }
        s->at++;
    }
    if (s->at == start || (*start == '0' && s->at - start > 1)) {
        return false;
    }
    *ret = value;
    return true;
}

static int hex_digit(char c)
{
    if (ascii_is_digit(c)) {
        return c - '0';
    }
    const char low = ascii_lower(c);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* code_unit - the four digits of \uXXXX at p; -1 if they are not. */
static int32_t code_unit(const char *p, const char *end)
{
    int32_t unit = 0;
    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        const int digit = hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* unicode_escape - the code point of the escape whose digits start at p, and how many bytes after
 * the first "\u" it takes: 4, or 10 for a surrogate pair. 0: not valid (a lone surrogate too). */
static size_t unicode_escape(const char *p, const char *end, uint32_t *ret)
{
    const int32_t first = code_unit(p, end);
    if (first < 0 || (first >= 0xdc00 && first <= 0xdfff)) {
        return 0;
    }
    if (first < 0xd800 || first > 0xdfff) {
        *ret = (uint32_t)first;
        return 4;
    }
    if (end - p < 10 || p[4] != '\\' || p[5] != 'u') {
        return 0;
    }
    const int32_t second = code_unit(p + 6, end);
    if (second < 0xdc00 || second > 0xdfff) {
        return 0;
    }
    *ret = 0x10000U + (((uint32_t)first - 0xd800U) << 10) + ((uint32_t)second - 0xdc00U);
    return 10;
}

/* simple_escape - the byte meant by the letter after a backslash; -1 if there is no such escape. */
static int simple_escape(char letter)
{
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return -1;
    }
}

/* skip_escape - the cursor stands behind a backslash. */
static bool skip_escape(struct scan *s)
{
    if (s->at == s->end) {
        return false;
    }
    const char letter = *s->at++;
    if (letter != 'u') {
        return simple_escape(letter) >= 0;
    }
    uint32_t code = 0;
    const size_t len = unicode_escape(s->at, s->end, &code);
    s->at += len;
    return len > 0;
}

bool scan_string(struct scan *s, struct slice *ret_raw)
{
    if (!scan_byte(s, '"')) {
        return false;
    }
    const char *start = s->at;
    while (s->at < s->end) {
        s->at += slice_plain_run((struct slice){s->at, (size_t)(s->end - s->at)});
        if (s->at == s->end) {
            return false;
        }
        const char c = *s->at++;
        if (c == '"') {
            *ret_raw = (struct slice){start, (size_t)(s->at - 1 - start)};
            return true;
        }
        if (!ascii_is_print(c) || (c == '\\' && !skip_escape(s))) {
            return false;
        }
    }
    return false;
}

bool scan_key(struct scan *s, struct slice *ret_raw)
{
    return scan_string(s, ret_raw) && !slice_has_byte(*ret_raw, '\\') && scan_byte(s, ':');
}

bool scan_bool(struct scan *s, bool *ret)
{
    *ret = scan_literal(s, SLICE("true"));
    return *ret || scan_literal(s, SLICE("false"));
}

static bool skip_scalar(struct scan *s)
{
    struct slice text;
    uint64_t number = 0;
    bool flag = false;
    if (scan_at(s, '"')) {
        return scan_string(s, &text);
    }
    if (scan_byte(s, '-') || (s->at < s->end && ascii_is_digit(*s->at))) {
        return scan_u64(s, &number);
    }
    return scan_literal(s, SLICE("null")) || scan_bool(s, &flag);
}

/* The containers that are open, as the bracket that will close each. */
struct nest {
    char close[SCAN_DEPTH_MAX];
    unsigned depth;
};

static bool nest_next(struct scan *s, const struct nest *n)
{
    struct slice key;
    return n->close[n->depth - 1] != '}' || scan_key(s, &key);
}

/* after_value - a value has ended: close what ends with it, then a comma if anything is open. */
static bool after_value(struct scan *s, struct nest *n)
{
    while (n->depth > 0 && scan_byte(s, n->close[n->depth - 1])) {
        n->depth--;
    }
    return n->depth == 0 || (scan_byte(s, ',') && nest_next(s, n));
}

/* enter - consume an opening bracket. *ret_empty: it was closed at once. */
static bool enter(struct scan *s, struct nest *n, bool *ret_empty)
{
    if (n->depth == SCAN_DEPTH_MAX) {
        return false;
    }
    n->close[n->depth++] = *s->at++ == '{' ? '}' : ']';
    *ret_empty = scan_at(s, n->close[n->depth - 1]);
    return *ret_empty || nest_next(s, n);
}

bool scan_value(struct scan *s)
{
    struct nest n = {.depth = 0};
    do {
        bool ended = true;
        if (scan_at(s, '{') || scan_at(s, '[')) {
            if (!enter(s, &n, &ended)) {
                return false;
            }
        } else if (!skip_scalar(s)) {
            return false;
        }
        if (ended && !after_value(s, &n)) {
            return false;
        }
    } while (n.depth > 0);
    return true;
}

static size_t utf8_put(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    const size_t len = code < 0x800 ? 2 : (code < 0x10000 ? 3 : 4);
    static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80U | (code & 0x3fU));
        code >>= 6;
    }
    out[0] = (char)(lead[len] | code);
    return len;
}

size_t scan_unescape(struct slice raw, char *out)
{
    size_t len = 0;
    const char *end = raw.ptr + raw.len;
    for (const char *p = raw.ptr; p < end;) {
        const size_t run = slice_plain_run((struct slice){p, (size_t)(end - p)});
        if (run > 0) {
            memcpy(out + len, p, run);
            len += run;
            p += run;
            continue;
        }
        if (p[1] != 'u') {
            out[len++] = (char)simple_escape(p[1]);
            p += 2;
            continue;
        }
        uint32_t code = 0;
        p += 2 + unicode_escape(p + 2, end, &code);
        len += utf8_put(code, out + len);
    }
    return len;
}
