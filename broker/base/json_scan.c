/* json_scan.c - see json_scan.h.
 *
 * One pass over the text with an explicit stack of open objects and arrays: no recursion, no
 * allocation, no value is built. It only says yes or no; a parser reads the text afterwards.
 * Names are compared after their escapes are decoded, because that is what a decoder compares. */
#include "broker/base/json_scan.h"

struct open_level {
    bool is_object;
    unsigned num;   /* members or elements so far */
    unsigned names; /* where this object's names begin in scan.names */
};

struct name_ref {
    uint32_t at; /* of the first byte after the quote */
    uint32_t len;
    uint32_t hash; /* of the folded name, so that unequal names are told apart at once */
};

enum want {
    WANT_VALUE,
    WANT_VALUE_OR_CLOSE,
    WANT_NAME,
    WANT_NAME_OR_CLOSE,
    WANT_COMMA_OR_CLOSE,
    WANT_END,
};

struct scan {
    struct slice text;
    const struct json_caps *caps;
    struct cb_err *err;
    size_t at;
    enum want want;
    unsigned depth;
    unsigned num_names;
    struct open_level levels[JSON_SCAN_DEPTH_MAX];
    struct name_ref names[JSON_SCAN_NAMES_MAX]; /* of all open objects, innermost last */
};

static enum cb_code bad(struct scan *s, const char *what)
{
    return cb_fail(s->err, CB_EINPUT, "not valid JSON at byte %zu: %s", s->at, what);
}

static enum cb_code over(struct scan *s, const char *what)
{
    return cb_fail(s->err, CB_ELIMIT, "JSON at byte %zu: %s", s->at, what);
}

static bool at_end(const struct scan *s)
{
    return s->at == s->text.len;
}

/* peek - the next byte; NUL at the end, which no rule of the grammar accepts. */
static char peek(const struct scan *s)
{
    return at_end(s) ? '\0' : s->text.ptr[s->at];
}

static void skip_space(struct scan *s)
{
    char c = peek(s);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        s->at++;
        c = peek(s);
    }
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (ascii_is_digit(c)) {
        return c - '0';
    }
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* read_unit - the four digits of a \u escape at p as a UTF-16 unit, or -1. */
static int32_t read_unit(const char *p, size_t left)
{
    int32_t unit = 0;
    if (left < 4) {
        return -1;
    }
    for (size_t i = 0; i < 4; i++) {
        const int digit = hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static size_t utf8_len(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/* scan_unicode - the escape whose 'u' is at s->at; adds the bytes it stands for to *bytes. */
static enum cb_code scan_unicode(struct scan *s, size_t *bytes)
{
    const char *p = s->text.ptr + s->at + 1;
    const size_t left = s->text.len - s->at - 1;
    const int32_t unit = read_unit(p, left);
    if (unit < 0) {
        return bad(s, "a \\u escape needs four hex digits");
    }
    if (unit == 0) {
        return bad(s, "an escaped NUL is not accepted");
    }
    if (is_low(unit)) {
        return bad(s, "half of a surrogate pair");
    }
    if (!is_high(unit)) {
        s->at += 5;
        *bytes += utf8_len((uint32_t)unit);
        return CB_OK;
    }
    if (left < 10 || p[4] != '\\' || p[5] != 'u' || !is_low(read_unit(p + 6, left - 6))) {
        return bad(s, "half of a surrogate pair");
    }
    s->at += 11;
    *bytes += 4;
    return CB_OK;
}

static enum cb_code scan_escape(struct scan *s, size_t *bytes)
{
    s->at++;
    switch (peek(s)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        s->at++;
        *bytes += 1;
        return CB_OK;
    case 'u':
        return scan_unicode(s, bytes);
    default:
        return bad(s, "unknown escape");
    }
}

/* utf8_step - the length of the well-formed sequence at s->at, whose first byte is not ASCII. */
static size_t utf8_step(const struct scan *s)
{
    for (size_t len = 2; len <= 4 && len <= s->text.len - s->at; len++) {
        if (utf8_valid((struct slice){s->text.ptr + s->at, len})) {
            return len;
        }
    }
    return 0;
}

/* scan_odd - one character of a string that does not stand for itself. */
static enum cb_code scan_odd(struct scan *s, size_t *bytes)
{
    const unsigned char c = (unsigned char)s->text.ptr[s->at];
    if (c < 0x20) {
        return bad(s, "a control character in a string");
    }
    if (c == '\\') {
        return scan_escape(s, bytes);
    }
    const size_t step = c < 0x80 ? 1 : utf8_step(s);
    if (step == 0) {
        return bad(s, "invalid UTF-8");
    }
    s->at += step;
    *bytes += step;
    return CB_OK;
}

/* scan_string - the string whose opening quote is at s->at; *ret is what stands between the
 * quotes, escapes and all. */
static enum cb_code scan_string(struct scan *s, struct slice *ret)
{
    s->at++;
    const size_t start = s->at;
    size_t bytes = 0; /* of the string's value */
    for (;;) {
        const size_t run =
            slice_plain_run((struct slice){s->text.ptr + s->at, s->text.len - s->at});
        s->at += run;
        bytes += run;
        if (bytes > s->caps->string_bytes) {
            return over(s, "the string is too long");
        }
        if (at_end(s)) {
            return bad(s, "the string does not end");
        }
        if (peek(s) == '"') {
            break;
        }
        TRY(scan_odd(s, &bytes));
    }
    *ret = (struct slice){s->text.ptr + start, s->at - start};
    s->at++;
    return CB_OK;
}

/* ---- member names ---- */

/* fold - one letter case for all that Go's encoding/json takes as equal: besides the ASCII letters
 * the long s and the Kelvin sign. */
static uint32_t fold(uint32_t code)
{
    if (code < 0x80) {
        return (unsigned char)ascii_lower((char)code);
    }
    return code == 0x17f ? 's' : code == 0x212a ? 'k' : code;
}

static char unescape(char c)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    const char *hit = memchr(from, c, sizeof(from) - 1);
    return hit == NULL ? c : to[hit - from];
}

static uint32_t next_escaped(struct slice *name)
{
    const char *p = name->ptr;
    if (p[1] != 'u') {
        *name = (struct slice){p + 2, name->len - 2};
        return (unsigned char)unescape(p[1]);
    }
    const uint32_t unit = (uint32_t)read_unit(p + 2, name->len - 2);
    if (!is_high((int32_t)unit)) {
        *name = (struct slice){p + 6, name->len - 6};
        return unit;
    }
    const uint32_t low = (uint32_t)read_unit(p + 8, name->len - 8);
    *name = (struct slice){p + 12, name->len - 12};
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* next_code - the next code point of a name that scan_string has accepted, folded. */
static uint32_t next_code(struct slice *name)
{
    const unsigned char c = (unsigned char)name->ptr[0];
    if (c == '\\') {
        return fold(next_escaped(name));
    }
    const size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? c : c & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        code = (code << 6) | ((unsigned char)name->ptr[i] & 0x3fU);
    }
    *name = (struct slice){name->ptr + len, name->len - len};
    return fold(code);
}

static uint32_t name_hash(struct slice name)
{
    uint32_t hash = 2166136261U;
    while (name.len > 0) {
        hash = (hash ^ next_code(&name)) * 16777619U;
    }
    return hash;
}

static bool name_same(struct slice a, struct slice b)
{
    while (a.len > 0 && b.len > 0) {
        if (next_code(&a) != next_code(&b)) {
            return false;
        }
    }
    return a.len == b.len;
}

static enum cb_code scan_name(struct scan *s)
{
    struct slice name = {0};
    if (peek(s) != '"') {
        return bad(s, "a member name in quotes is wanted");
    }
    TRY(scan_string(s, &name));
    struct open_level *level = &s->levels[s->depth - 1];
    if (level->num >= s->caps->members) {
        return over(s, "the object has too many members");
    }
    const uint32_t hash = name_hash(name);
    for (unsigned i = level->names; i < s->num_names; i++) {
        const struct name_ref *seen = &s->names[i];
        if (seen->hash == hash &&
            name_same(name, (struct slice){s->text.ptr + seen->at, seen->len})) {
            return bad(s, "a member name appears twice in one object");
        }
    }
    if (s->num_names == JSON_SCAN_NAMES_MAX) {
        return over(s, "too many member names");
    }
    s->names[s->num_names++] =
        (struct name_ref){(uint32_t)(name.ptr - s->text.ptr), (uint32_t)name.len, hash};
    level->num++;
    skip_space(s);
    if (peek(s) != ':') {
        return bad(s, "':' is wanted after a member name");
    }
    s->at++;
    s->want = WANT_VALUE;
    return CB_OK;
}

/* ---- values ---- */

static bool skip_digits(struct scan *s)
{
    const size_t start = s->at;
    while (ascii_is_digit(peek(s))) {
        s->at++;
    }
    return s->at > start;
}

static enum cb_code scan_number(struct scan *s)
{
    if (peek(s) == '-') {
        s->at++;
    }
    if (peek(s) == '0') {
        s->at++;
        if (ascii_is_digit(peek(s))) {
            return bad(s, "a number with a leading zero");
        }
    } else if (!skip_digits(s)) {
        return bad(s, "a digit is wanted");
    }
    if (peek(s) == '.') {
        s->at++;
        if (!skip_digits(s)) {
            return bad(s, "a digit is wanted after '.'");
        }
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') {
            s->at++;
        }
        if (!skip_digits(s)) {
            return bad(s, "a digit is wanted in the exponent");
        }
    }
    return CB_OK;
}

static enum cb_code scan_word(struct scan *s, struct slice word)
{
    const struct slice rest = {s->text.ptr + s->at, s->text.len - s->at};
    if (!slice_has_prefix(rest, word)) {
        return bad(s, "unknown word");
    }
    s->at += word.len;
    return CB_OK;
}

static enum cb_code open_level(struct scan *s, bool is_object)
{
    if (s->depth >= s->caps->depth || s->depth >= JSON_SCAN_DEPTH_MAX) {
        return over(s, "too many levels");
    }
    s->levels[s->depth++] = (struct open_level){.is_object = is_object, .names = s->num_names};
    s->at++;
    s->want = is_object ? WANT_NAME_OR_CLOSE : WANT_VALUE_OR_CLOSE;
    return CB_OK;
}

static void after_value(struct scan *s)
{
    s->want = s->depth == 0 ? WANT_END : WANT_COMMA_OR_CLOSE;
}

static void close_level(struct scan *s)
{
    s->num_names = s->levels[--s->depth].names;
    s->at++;
    after_value(s);
}

static enum cb_code count_element(struct scan *s)
{
    if (s->depth == 0 || s->levels[s->depth - 1].is_object) {
        return CB_OK; /* a member was counted with its name */
    }
    if (s->levels[s->depth - 1].num >= s->caps->elements) {
        return over(s, "the array has too many elements");
    }
    s->levels[s->depth - 1].num++;
    return CB_OK;
}

/* scan_scalar - any value that opens nothing. */
static enum cb_code scan_scalar(struct scan *s)
{
    struct slice ignored = {0};
    switch (peek(s)) {
    case '"':
        return scan_string(s, &ignored);
    case 't':
        return scan_word(s, SLICE("true"));
    case 'f':
        return scan_word(s, SLICE("false"));
    case 'n':
        return scan_word(s, SLICE("null"));
    default:
        if (peek(s) == '-' || ascii_is_digit(peek(s))) {
            return scan_number(s);
        }
        return bad(s, at_end(s) ? "the text ends too early" : "a value is wanted");
    }
}

static enum cb_code scan_value(struct scan *s)
{
    TRY(count_element(s));
    const char c = peek(s);
    if (c == '{' || c == '[') {
        return open_level(s, c == '{');
    }
    TRY(scan_scalar(s));
    after_value(s);
    return CB_OK;
}

static enum cb_code scan_comma(struct scan *s)
{
    if (peek(s) != ',') {
        return bad(s, at_end(s) ? "the text ends too early" : "',' or a closing bracket is wanted");
    }
    s->at++;
    s->want = s->levels[s->depth - 1].is_object ? WANT_NAME : WANT_VALUE;
    return CB_OK;
}

static bool may_close(const struct scan *s)
{
    if (s->want != WANT_VALUE_OR_CLOSE && s->want != WANT_NAME_OR_CLOSE &&
        s->want != WANT_COMMA_OR_CLOSE) {
        return false;
    }
    return peek(s) == (s->levels[s->depth - 1].is_object ? '}' : ']');
}

static enum cb_code scan_step(struct scan *s)
{
    if (may_close(s)) {
        close_level(s);
        return CB_OK;
    }
    switch (s->want) {
    case WANT_VALUE:
    case WANT_VALUE_OR_CLOSE:
        return scan_value(s);
    case WANT_NAME:
    case WANT_NAME_OR_CLOSE:
        return scan_name(s);
    case WANT_COMMA_OR_CLOSE:
        return scan_comma(s);
    case WANT_END:
        break;
    }
    return bad(s, "text after the value");
}

enum cb_code json_scan(struct slice text, const struct json_caps *caps, struct cb_err *err)
{
    if (text.len > caps->text_bytes || text.len > UINT32_MAX) {
        return cb_fail(err, CB_ELIMIT, "JSON text of %zu bytes is too long", text.len);
    }
    /* Not cleared, whatever the compiler does with other variables: it is large, and only what was
     * written is ever read. */
    struct scan s __attribute__((uninitialized));
    s.text = text;
    s.caps = caps;
    s.err = err;
    s.at = 0;
    s.want = WANT_VALUE;
    s.depth = 0;
    s.num_names = 0;
    skip_space(&s);
    while (s.want != WANT_END || !at_end(&s)) {
        TRY(scan_step(&s));
        skip_space(&s);
    }
    return CB_OK;
}
