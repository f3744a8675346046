/* row.c - see row.h. Pure functions over text; nothing here knows of the log. */
#include "broker/reconcile/row.h"

#include "broker/base/clock.h"

#include <stdio.h>

#define LIMBS 5U /* of 32 bits: 20 bytes, the least significant first */
#define GROUP_DIGITS 9U
#define GROUP_BASE 1000000000U
#define DEC_DIGITS_MAX 49U

const char *const ca_row_names[CA_ROW_COLUMNS] = {"serial_number", "authority_key_identifier",
                                                  "ca_label",      "status",
                                                  "reason",        "expiry",
                                                  "revoked_at",    "pem",
                                                  "issued_at",     "not_before"};

bool ca_row_is_required(size_t column)
{
    return column != 2 && column < 8;
}

struct slice *ca_row_column(struct ca_row *row, struct slice name)
{
    struct slice *const members[CA_ROW_COLUMNS] = {
        &row->serial, &row->aki,        &row->label, &row->status,    &row->reason,
        &row->expiry, &row->revoked_at, &row->pem,   &row->issued_at, &row->not_before};
    for (size_t i = 0; i < CA_ROW_COLUMNS; i++) {
        if (slice_eq_str(name, ca_row_names[i])) {
            return members[i];
        }
    }
    return NULL;
}

/* ---- serial numbers ---- */

/* multiply_add - limbs = limbs * factor + more; false: it does not fit. */
static bool multiply_add(uint32_t limbs[LIMBS], uint32_t factor, uint32_t more)
{
    uint64_t carry = more;
    for (size_t i = 0; i < LIMBS; i++) {
        carry += (uint64_t)limbs[i] * factor;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

bool serial_from_dec(struct slice text, struct serial *ret)
{
    uint32_t limbs[LIMBS] = {0};
    if (text.len == 0 || text.len > DEC_DIGITS_MAX || text.ptr[0] == '0') {
        return false;
    }
    for (size_t at = 0; at < text.len;) {
        const size_t left = (text.len - at) % GROUP_DIGITS;
        const size_t take = left == 0 ? GROUP_DIGITS : left;
        uint32_t factor = 1;
        uint32_t value = 0;
        for (size_t i = 0; i < take; i++, at++) {
            if (!ascii_is_digit(text.ptr[at])) {
                return false;
            }
            factor *= 10;
            value = value * 10 + (uint32_t)(text.ptr[at] - '0');
        }
        if (!multiply_add(limbs, factor, value)) {
            return false;
        }
    }
    for (size_t i = 0; i < SERIAL_BYTES; i++) {
        ret->bytes[SERIAL_BYTES - 1 - i] = (unsigned char)(limbs[i / 4] >> (8 * (i % 4)));
    }
    return true;
}

/* hex_digits - the digits of a text without its colons and the zeros in front; false: it holds
 * something else, or more than fit. */
static bool hex_digits(struct slice text, size_t max, char *out, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char c = ascii_lower(text.ptr[i]);
        const bool is_hex = ascii_is_digit(c) || (c >= 'a' && c <= 'f');
        if (c == ':') {
            continue;
        }
        if (!is_hex || len == max) {
            return false;
        }
        out[len++] = c;
    }
    *ret_len = len;
    return true;
}

bool serial_from_hex(struct slice text, struct serial *ret)
{
    char digits[2 * SERIAL_BYTES + 1];
    size_t len = 0;
    while (text.len > 1 && text.ptr[0] == '0') {
        text = slice_from(text, 1);
    }
    if (!hex_digits(text, 2 * (size_t)SERIAL_BYTES, digits, &len) || len == 0) {
        return false;
    }
    char padded[2 * (size_t)SERIAL_BYTES];
    memset(padded, '0', sizeof(padded));
    memcpy(padded + sizeof(padded) - len, digits, len);
    struct serial s = {{0}};
    static const struct serial zero;
    if (!hex_decode((struct slice){padded, sizeof(padded)}, s.bytes, SERIAL_BYTES) ||
        memcmp(s.bytes, zero.bytes, SERIAL_BYTES) == 0) {
        return false;
    }
    *ret = s;
    return true;
}

static size_t zeros_in_front(const struct serial *s)
{
    size_t n = 0;
    while (n < SERIAL_BYTES - 1 && s->bytes[n] == 0) {
        n++;
    }
    return n;
}

void serial_to_hex(const struct serial *s, char out[41])
{
    const size_t from = zeros_in_front(s);
    hex_encode(s->bytes + from, SERIAL_BYTES - from, out);
}

void serial_to_dec(const struct serial *s, char out[50])
{
    uint32_t limbs[LIMBS]; /* the most significant first */
    char digits[54] = "";
    size_t at = sizeof(digits);
    for (size_t i = 0; i < LIMBS; i++) {
        const unsigned char *b = s->bytes + 4 * i;
        limbs[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    while (at > 0) {
        uint64_t rest = 0;
        for (size_t i = 0; i < LIMBS; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / GROUP_BASE);
            rest %= GROUP_BASE;
        }
        for (size_t i = 0; i < GROUP_DIGITS; i++) {
            digits[--at] = (char)('0' + rest % 10);
            rest /= 10;
        }
    }
    while (at < sizeof(digits) - 1 && digits[at] == '0') {
        at++;
    }
    memcpy(out, digits + at, sizeof(digits) - at);
    out[sizeof(digits) - at] = '\0';
}

bool aki_text(struct slice text, char out[65])
{
    char digits[64];
    size_t len = 0;
    if (!hex_digits(text, sizeof(digits), digits, &len)) {
        return false;
    }
    memcpy(out, digits, len);
    out[len] = '\0';
    return true;
}

/* ---- times ---- */

/* take_digits - exactly num digits off the front. */
static bool take_digits(struct slice *s, size_t num, int64_t *ret)
{
    int64_t value = 0;
    if (s->len < num) {
        return false;
    }
    for (size_t i = 0; i < num; i++) {
        if (!ascii_is_digit(s->ptr[i])) {
            return false;
        }
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = slice_from(*s, num);
    *ret = value;
    return true;
}

static bool take_char(struct slice *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) {
        return false;
    }
    *s = slice_from(*s, 1);
    return true;
}

static void take_fraction(struct slice *s, int64_t *us)
{
    int64_t unit = 100000;
    if (!take_char(s, '.')) {
        return;
    }
    while (s->len > 0 && ascii_is_digit(s->ptr[0])) {
        *us += (s->ptr[0] - '0') * unit;
        unit /= 10;
        *s = slice_from(*s, 1);
    }
}

/* take_zone - what is behind the time; *ret_s is how far its clock is ahead of UTC. */
static bool take_zone(struct slice s, int64_t *ret_s)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    *ret_s = 0;
    (void)take_char(&s, ' ');
    if (s.len == 0 || slice_eq_str(s, "Z") || slice_eq_str(s, "UTC")) {
        return true;
    }
    const bool is_west = s.ptr[0] == '-';
    if ((!is_west && s.ptr[0] != '+') || s.len < 3) {
        return false;
    }
    s = slice_from(s, 1);
    if (!take_digits(&s, 2, &hours) || hours > 18) {
        return false;
    }
    (void)take_char(&s, ':');
    if (s.len >= 2 && ascii_is_digit(s.ptr[0]) && (!take_digits(&s, 2, &minutes) || minutes > 59)) {
        return false;
    }
    const int64_t ahead = hours * 3600 + minutes * 60;
    *ret_s = is_west ? -ahead : ahead;
    return s.len == 0 || slice_eq_str(s, " UTC");
}

/* epoch - whole seconds since 1970, as some drivers store times. */
static bool epoch(struct slice text, int64_t *ret_us)
{
    uint64_t s = 0;
    if (text.len < 9 || text.len > 11 || !slice_to_u64(text, &s)) {
        return false;
    }
    *ret_us = (int64_t)s * 1000000;
    return true;
}

bool db_time(struct slice text, int64_t *ret_us)
{
    char plain[21];
    int64_t fraction_us = 0;
    int64_t ahead_s = 0;
    int64_t us = 0;
    if (epoch(text, ret_us)) {
        return true;
    }
    if (text.len < 19 || (text.ptr[10] != ' ' && text.ptr[10] != 'T')) {
        return false;
    }
    (void)snprintf(plain, sizeof(plain), "%.10sT%.8sZ", text.ptr, text.ptr + 11);
    struct slice rest = slice_from(text, 19);
    take_fraction(&rest, &fraction_us);
    if (!take_zone(rest, &ahead_s) || !time_parse(slice_of(plain), &us)) {
        return false;
    }
    us += fraction_us - ahead_s * 1000000;
    if (us <= 0) {
        return false;
    }
    *ret_us = us;
    return true;
}

const char *revoke_code_word(struct slice reason)
{
    static const char *const words[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
    uint64_t code = 0;
    return reason.ptr != NULL && slice_to_u64(reason, &code) &&
                   code < sizeof(words) / sizeof(words[0])
               ? words[code]
               : "";
}

bool reconcile_aki(struct slice text, char out[65])
{
    return text.len > 0 && aki_text(text, out) && out[0] != '\0' && strlen(out) % 2 == 0;
}
