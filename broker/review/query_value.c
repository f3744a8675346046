/* query_value.c - see query_parts.h: what a value means for each kind of field. */
#include "broker/base/clock.h"
#include "broker/cli/output.h"
#include "broker/review/query_parts.h"
#include "policy/yaml_tree.h"

#include <arpa/inet.h>

#define SERIAL_BYTES_MAX 64U
#define SERIAL_DIGITS_MAX 154U /* of that many bytes, in decimal */
#define HEX_MIN 4U
#define DAY_US (86400 * INT64_C(1000000))

static enum cb_code no_memory(struct cb_err *err)
{
    return cb_fail(err, CB_ENOMEM, "no memory for a query");
}

static enum cb_code spell(struct query *q, struct query_term *t, struct slice text,
                          struct cb_err *err)
{
    const struct slice copy = arena_slice(&q->arena, text);
    if (copy.ptr == NULL) {
        return no_memory(err);
    }
    CB_CHECK(t->num_spelled < QUERY_SPELLINGS);
    t->spelled[t->num_spelled++] = copy;
    return CB_OK;
}

static enum cb_code spell_lower(struct query *q, struct query_term *t, struct slice text,
                                struct cb_err *err)
{
    char *copy = arena_dup(&q->arena, text);
    if (copy == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = ascii_lower(copy[i]);
    }
    t->spelled[t->num_spelled++] = (struct slice){copy, text.len};
    return CB_OK;
}

static bool has_upper(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ascii_lower(text.ptr[i])) {
            return true;
        }
    }
    return false;
}

/* ---- texts and words ---- */

/* unescape - of a text without stars the backslashes in front of what would have been one. */
static enum cb_code spell_plain(struct query *q, struct query_term *t, struct slice text,
                                struct cb_err *err)
{
    char *copy = arena_alloc(&q->arena, text.len + 1);
    size_t len = 0;
    if (copy == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < text.len; i++) {
        i += text.ptr[i] == '\\' && i + 1 < text.len && strchr("*?\\", text.ptr[i + 1]) != NULL ? 1
                                                                                                : 0;
        copy[len++] = text.ptr[i];
    }
    const struct slice plain = {copy, len};
    if (t->field->kind == KIND_NAME && has_upper(plain)) {
        TRY(spell_lower(q, t, plain, err));
    }
    const bool words = t->field->kind == KIND_WORD || t->field->kind == KIND_WORDS ||
                       t->field->kind == KIND_TYPE || t->field->kind == KIND_RESULT;
    return words ? spell_lower(q, t, plain, err) : spell(q, t, plain, err);
}

static enum cb_code glob_value(struct query *q, struct query_term *t, struct slice value,
                               struct cb_err *err)
{
    t->shape = SHAPE_GLOB;
    if (t->field->kind == KIND_NAME && has_upper(value)) {
        TRY(spell_lower(q, t, value, err));
    }
    const bool any_case =
        t->field->kind == KIND_TEXT || t->field->kind == KIND_CLIENT || t->field->kind == KIND_NAME;
    return any_case ? spell(q, t, value, err) : spell_lower(q, t, value, err);
}

/* has_value - FIELD~VALUE is FIELD=*VALUE* in any case of letters. */
static enum cb_code has_value(struct query *q, struct query_term *t, struct slice value,
                              struct cb_err *err)
{
    char *copy = arena_alloc(&q->arena, value.len + 3);
    if (copy == NULL) {
        return no_memory(err);
    }
    copy[0] = '*';
    memcpy(copy + 1, value.ptr, value.len);
    copy[value.len + 1] = '*';
    t->shape = SHAPE_GLOB;
    t->any_case = true;
    t->spelled[t->num_spelled++] = (struct slice){copy, value.len + 2};
    return CB_OK;
}

/* ---- words of which there are only some ---- */

/* check_word - the value of a field that has but these; a glob must fit one of them. */
static enum cb_code check_word(const struct query_term *t, struct slice value,
                               const char *const *words, struct cb_err *err)
{
    char quoted[NAME_QUOTE_SIZE];
    for (size_t i = 0; words[i] != NULL; i++) {
        if (query_glob(value, slice_of(words[i]), GLOB_ANY_CASE)) {
            return CB_OK;
        }
    }
    const char *meant = yaml_suggest(value, words);
    name_quote(value, quoted);
    if (meant != NULL) {
        return cb_fail(err, CB_EINPUT, "%s: there is no \"%s\": did you mean \"%s\"?",
                       t->field->name, quoted, meant);
    }
    char list[200] = "";
    size_t used = 0;
    for (size_t i = 0; words[i] != NULL && used + 40 < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ",
                                 words[i]);
        if (words[i + 1] != NULL && used + 40 >= sizeof(list)) {
            (void)snprintf(list + used, sizeof(list) - used, ", ...");
        }
    }
    return cb_fail(err, CB_EINPUT, "%s: there is no \"%s\"; it is one of %s", t->field->name,
                   quoted, list);
}

static enum cb_code check_words(const struct query_term *t, struct slice value, struct cb_err *err)
{
    static const char *const actions[] = {"newcert", "revoke", "info", NULL};
    static const char *const effects[] = {"none", "possible", "done", NULL};
    const char *words[AUDIT_TYPE_COUNT + REVIEW_RESULT_COUNT + 1] = {NULL};
    size_t num = 0;
    for (size_t i = 0; t->field->kind == KIND_RESULT && review_result_words[i] != NULL; i++) {
        words[num++] = review_result_words[i];
    }
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        words[num++] = audit_type_word((enum audit_type)i);
    }
    if (t->field->kind == KIND_TYPE || t->field->kind == KIND_RESULT) {
        return check_word(t, value, words, err);
    }
    if (strcmp(t->field->name, "decision") == 0) {
        return check_word(t, value, review_decision_words, err);
    }
    if (strcmp(t->field->name, "action") == 0) {
        return check_word(t, value, actions, err);
    }
    /* Other versions may have others: a glob is never wrong. */
    if (strcmp(t->field->name, "reason") == 0 && !query_is_glob(value)) {
        return check_word(t, value, review_reason_words, err);
    }
    return strcmp(t->field->name, "effect") == 0 ? check_word(t, value, effects, err) : CB_OK;
}

/* ---- digests and serials ---- */

static bool is_hex_digit(char c)
{
    c = ascii_lower(c);
    return ascii_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* hex_of - lower case, without colons; NULL ptr: no memory, or (ret_bad) something else in it. */
static struct slice hex_of(struct query *q, struct slice value, bool *ret_bad)
{
    char *copy = arena_alloc(&q->arena, value.len + 1);
    size_t len = 0;
    *ret_bad = false;
    for (size_t i = 0; copy != NULL && i < value.len; i++) {
        if (value.ptr[i] == ':') {
            continue;
        }
        *ret_bad = *ret_bad || !is_hex_digit(value.ptr[i]);
        copy[len++] = ascii_lower(value.ptr[i]);
    }
    return (struct slice){*ret_bad ? NULL : copy, len};
}

static enum cb_code hex_value(struct query *q, struct query_term *t, struct slice value,
                              struct cb_err *err)
{
    bool bad = false;
    const struct slice hex = hex_of(q, value, &bad);
    char quoted[NAME_QUOTE_SIZE];
    if (bad || (hex.ptr != NULL && hex.len < HEX_MIN)) {
        return cb_fail(err, CB_EINPUT, "%s is written in hex, %u digits of it or more, not \"%s\"",
                       t->field->name, HEX_MIN, name_quote(value, quoted));
    }
    t->shape = SHAPE_BEGINS;
    return hex.ptr == NULL ? no_memory(err) : spell(q, t, hex, err);
}

/* hex_of_decimal - false if it is too large. out: 2 * SERIAL_BYTES_MAX + 1. */
static bool hex_of_decimal(struct slice digits, char *out)
{
    unsigned char bytes[SERIAL_BYTES_MAX] = {0};
    for (size_t i = 0; i < digits.len; i++) {
        unsigned carry = (unsigned)(digits.ptr[i] - '0');
        for (size_t k = SERIAL_BYTES_MAX; k > 0; k--) {
            carry += bytes[k - 1] * 10U;
            bytes[k - 1] = (unsigned char)carry;
            carry >>= 8;
        }
        if (carry != 0) {
            return false;
        }
    }
    hex_encode(bytes, sizeof(bytes), out);
    return true;
}

static struct slice without_zeros(struct slice hex)
{
    while (hex.len > 1 && hex.ptr[0] == '0') {
        hex = slice_from(hex, 1);
    }
    return hex;
}

/* serial_value - hex as OpenSSL or a browser writes it, or decimal as CFSSL does. Digits alone can be
 * either, and then mean both. */
static enum cb_code serial_value(struct query *q, struct query_term *t, struct slice value,
                                 struct cb_err *err)
{
    char decimal[2 * SERIAL_BYTES_MAX + 1];
    char quoted[NAME_QUOTE_SIZE];
    bool bad = false;
    bool digits = true;
    const bool marked =
        slice_has_prefix(value, SLICE("0x")) || slice_has_prefix(value, SLICE("0X"));
    const struct slice hex = hex_of(q, marked ? slice_from(value, 2) : value, &bad);
    for (size_t i = 0; i < value.len; i++) {
        digits = digits && ascii_is_digit(value.ptr[i]);
    }
    if (bad || (hex.ptr != NULL && (hex.len == 0 || hex.len > SERIAL_DIGITS_MAX))) {
        return cb_fail(err, CB_EINPUT,
                       "%s: \"%s\" is no serial number: hex digits, with or without colons, or a "
                       "decimal number",
                       t->field->name, name_quote(value, quoted));
    }
    if (hex.ptr == NULL) {
        return no_memory(err);
    }
    TRY(spell(q, t, without_zeros(hex), err));
    if (digits && hex_of_decimal(value, decimal)) {
        return spell(q, t, without_zeros(slice_of(decimal)), err);
    }
    return CB_OK;
}

/* ---- addresses ---- */

static enum cb_code peer_value(struct query *q, struct query_term *t, struct slice value,
                               struct cb_err *err)
{
    char text[INET6_ADDRSTRLEN + 4] = "";
    char quoted[NAME_QUOTE_SIZE];
    const size_t slash = slice_find(value, '/');
    struct slice host = {value.ptr, slash};
    uint64_t bits = 0;
    if (host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host = (struct slice){host.ptr + 1, host.len - 2};
    }
    if (host.len < sizeof(text)) {
        memcpy(text, host.ptr, host.len);
    }
    t->net_len = inet_pton(AF_INET, text, t->net) == 1 ? 4 : 0;
    t->net_len = t->net_len == 0 && inet_pton(AF_INET6, text, t->net) == 1 ? 16 : t->net_len;
    bits = 8 * (uint64_t)t->net_len;
    if (t->net_len == 0 ||
        (slash < value.len &&
         (!slice_to_u64(slice_from(value, slash + 1), &bits) || bits > 8 * (uint64_t)t->net_len))) {
        return cb_fail(err, CB_EINPUT,
                       "%s: \"%s\" is no address and no network: write 10.20.0.7, 10.20.0.0/16 or "
                       "2001:db8::/32",
                       t->field->name, name_quote(value, quoted));
    }
    t->shape = SHAPE_NET;
    t->net_bits = (unsigned)bits;
    return t->net_len == 4 && bits == 32 ? spell(q, t, host, err) : CB_OK;
}

/* ---- numbers and times ---- */

static enum cb_code number_value(struct query_term *t, struct slice value, struct cb_err *err)
{
    char quoted[NAME_QUOTE_SIZE];
    t->shape = SHAPE_NUMBER;
    return slice_to_u64(value, &t->number)
               ? CB_OK
               : cb_fail(err, CB_EINPUT, "%s is a whole number, not \"%s\"", t->field->name,
                         name_quote(value, quoted));
}

static enum cb_code time_value(struct query_term *t, const char *value, struct cb_err *err)
{
    char quoted[NAME_QUOTE_SIZE];
    int64_t us = 0;
    const bool ahead = value[0] == '+';
    const int64_t now_us = clock_wall_us(&cb_system_clock);
    if (!cli_time(value + (ahead ? 1 : 0), &us) || us < 0) {
        return cb_fail(
            err, CB_EINPUT,
            "%s: \"%s\" is no time: write 24h or 7d (ago), +30d (from now), 2026-07-01 or "
            "2026-07-01T12:00:00Z (or +02:00)",
            t->field->name, name_quote(slice_of(value), quoted));
    }
    us = ahead ? now_us + (now_us - us) : us;
    const bool is_day = strlen(value) == sizeof("2026-07-01") - 1 && value[4] == '-';
    if ((t->op == OP_IS || t->op == OP_IS_NOT) && !is_day) {
        return cb_fail(err, CB_EINPUT, "%s%s takes a day (2026-07-01); for others use < and >",
                       t->field->name, query_op_text(t->op));
    }
    t->shape = SHAPE_NUMBER;
    t->number = (uint64_t)us;
    t->beyond = is_day ? (uint64_t)(us + DAY_US) : 0;
    return CB_OK;
}

enum cb_code query_value(struct query *q, struct query_term *t, struct slice value,
                         struct cb_err *err)
{
    const bool is_glob = query_is_glob(value);
    if (t->op == OP_HAS || t->op == OP_HAS_NOT) {
        return has_value(q, t, value, err);
    }
    switch (t->field->kind) {
    case KIND_NUMBER:
        return number_value(t, value, err);
    case KIND_TIME:
        return time_value(t, value.ptr, err);
    case KIND_DATE:
        return is_glob ? glob_value(q, t, value, err) : time_value(t, value.ptr, err);
    case KIND_SERIAL:
        return is_glob ? glob_value(q, t, value, err) : serial_value(q, t, value, err);
    case KIND_HEX:
        return is_glob ? glob_value(q, t, value, err) : hex_value(q, t, value, err);
    case KIND_PEER:
        return is_glob ? glob_value(q, t, value, err) : peer_value(q, t, value, err);
    case KIND_TYPE:
    case KIND_RESULT:
    case KIND_WORD:
    case KIND_WORDS:
        TRY(check_words(t, value, err));
        break;
    case KIND_ANY_CASE:
        t->any_case = true;
        return glob_value(q, t, value, err);
    case KIND_TEXT:
    case KIND_CLIENT:
    case KIND_NAME:
        break;
    }
    t->shape = SHAPE_EXACT;
    return is_glob ? glob_value(q, t, value, err) : spell_plain(q, t, value, err);
}
