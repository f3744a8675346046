/* parse_body.c - strict JSON, exact member names, checked types. Knows nothing of any particular
 * request and keeps nothing: the tree is the caller's, the client's bytes are only borrowed. */
#include "broker/request/parse_body.h"

#include "broker/base/buf.h"
#include "broker/base/json_scan.h"
#include "broker/request/parse.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#define INTEGER_DIGITS_MAX 9U
#define PROFILE_MAX 64U

static const struct json_caps body_caps = {
    .depth = 8,
    .members = 32,
    .elements = ASK_NAMES_MAX,
    .string_bytes = 4096,
    .text_bytes = 64U << 10,
};

/* number_end - the first byte after the number that starts at i. */
static size_t number_end(struct slice text, size_t i)
{
    while (i < text.len && (ascii_is_alnum(text.ptr[i]) || text.ptr[i] == '.' ||
                            text.ptr[i] == '-' || text.ptr[i] == '+')) {
        i++;
    }
    return i;
}

static enum cb_code check_number(struct slice number, struct cb_err *err)
{
    for (size_t i = 0; i < number.len; i++) {
        const bool is_sign = i == 0 && number.ptr[i] == '-';
        if (!ascii_is_digit(number.ptr[i]) && !is_sign) {
            return cb_fail(err, CB_EINPUT, "%s: write a whole number without point or exponent",
                           text_piece(number).text);
        }
    }
    if (number.len > INTEGER_DIGITS_MAX) {
        return cb_fail(err, CB_EINPUT, "%s: no number here has more than %u digits",
                       text_piece(number).text, INTEGER_DIGITS_MAX);
    }
    return CB_OK;
}

/* next_number - the first number at or after *at, which moves behind it; false when there is none.
 * text is valid JSON already, so outside a string a digit or '-' always starts a number. */
static bool next_number(struct slice text, size_t *at, struct slice *ret)
{
    bool in_string = false;
    for (size_t i = *at; i < text.len; i++) {
        const char c = text.ptr[i];
        if (c == '"') {
            in_string = !in_string;
        } else if (in_string && c == '\\') {
            i++;
        } else if (!in_string && (c == '-' || ascii_is_digit(c))) {
            *at = number_end(text, i);
            *ret = (struct slice){text.ptr + i, *at - i};
            return true;
        }
    }
    return false;
}

/* check_numbers - every number must be spelt as a short integer. cJSON keeps a double, in which
 * 256, 256.0 and 2.56e2 are the same; Go refuses the latter two. */
static enum cb_code check_numbers(struct slice text, struct cb_err *err)
{
    size_t at = 0;
    struct slice number;
    while (next_number(text, &at, &number)) {
        TRY(check_number(number, err));
    }
    return CB_OK;
}

enum cb_code body_open(struct slice body, struct cJSON **ret, struct cb_err *err)
{
    TRY(json_scan(body, &body_caps, err));
    TRY(check_numbers(body, err));
    /* A copy with a NUL that counts as part of the text: only then does cJSON itself refuse
     * trailing bytes, and none of its look-aheads can pass the end. */
    char *copy = malloc(body.len + 1);
    if (copy == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory for the request's body");
    }
    memcpy(copy, body.ptr, body.len);
    copy[body.len] = '\0';
    cJSON *root = cJSON_ParseWithLengthOpts(copy, body.len + 1, NULL, true);
    free(copy);
    if (root == NULL) {
        return cb_fail(err, CB_EINPUT, "the body cannot be read as JSON");
    }
    const enum cb_code code = body_check_type(root, MEMBER_OBJECT, "the body", err);
    if (code != CB_OK) {
        cJSON_Delete(root);
        return code;
    }
    *ret = root;
    return CB_OK;
}

static const char *type_word(enum member_type type)
{
    switch (type) {
    case MEMBER_STRING:
        return "a string";
    case MEMBER_OBJECT:
        return "an object";
    case MEMBER_ARRAY:
        return "an array";
    case MEMBER_BOOL:
        return "true or false";
    case MEMBER_INTEGER:
        return "a whole number";
    }
    return "something else";
}

static bool has_type(const cJSON *value, enum member_type type)
{
    switch (type) {
    case MEMBER_STRING:
        return cJSON_IsString(value) != 0;
    case MEMBER_OBJECT:
        return cJSON_IsObject(value) != 0;
    case MEMBER_ARRAY:
        return cJSON_IsArray(value) != 0;
    case MEMBER_BOOL:
        return cJSON_IsBool(value) != 0;
    case MEMBER_INTEGER:
        return cJSON_IsNumber(value) != 0;
    }
    return false;
}

enum cb_code body_check_type(const struct cJSON *value, enum member_type type, const char *path,
                             struct cb_err *err)
{
    if (has_type(value, type)) {
        return CB_OK;
    }
    if (cJSON_IsNull(value)) {
        return cb_fail(err, CB_EINPUT, "%s: must be %s, not null; leave it out instead", path,
                       type_word(type));
    }
    return cb_fail(err, CB_EINPUT, "%s: must be %s", path, type_word(type));
}

/* fail_unknown - say what is not accepted, what was probably meant, and what is accepted. */
static enum cb_code fail_unknown(struct slice name, const char *where, const struct member *table,
                                 size_t num, struct cb_err *err)
{
    struct buf accepted;
    buf_init(&accepted, 200);
    const char *meant = NULL;
    for (size_t i = 0; i < num; i++) {
        buf_add_str(&accepted, i == 0 ? "" : ", ");
        buf_add_str(&accepted, table[i].name);
        if (slice_eq_nocase(name, slice_of(table[i].name))) {
            meant = table[i].name;
        }
    }
    const char *dot = where[0] == '\0' ? "" : ".";
    const struct slice list = buf_slice(&accepted);
    const struct piece piece = text_piece(name);
    if (meant != NULL) {
        (void)cb_fail(err, CB_EINPUT, "%s%s%s: letter case counts, did you mean \"%s\"?", where,
                      dot, piece.text, meant);
    } else {
        (void)cb_fail(err, CB_EINPUT, "%s%s%s: this member is not accepted; accepted here: %.*s",
                      where, dot, piece.text, (int)list.len, list.ptr);
    }
    buf_free(&accepted);
    return CB_EINPUT;
}

static size_t find_member(struct slice name, const struct member *table, size_t num)
{
    size_t i = 0;
    while (i < num && !slice_eq_str(name, table[i].name)) {
        i++;
    }
    return i;
}

/* fail_member - twice, or of the wrong type. The scan refuses what is there twice already; this is
 * a second lock on the door that matters most. */
static enum cb_code fail_member(const cJSON *value, const char *where, const struct member *member,
                                bool is_twice, struct cb_err *err)
{
    char path[BODY_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s%s%s", where, where[0] == '\0' ? "" : ".", member->name);
    if (is_twice) {
        return cb_fail(err, CB_EINPUT, "%s: given twice", path);
    }
    return body_check_type(value, member->type, path, err);
}

enum cb_code body_members(const struct cJSON *object, const char *where, const struct member *table,
                          size_t num, const struct cJSON **ret, struct cb_err *err)
{
    for (size_t i = 0; i < num; i++) {
        ret[i] = NULL;
    }
    const cJSON *child = NULL;
    cJSON_ArrayForEach(child, object)
    {
        const struct slice name = slice_of(child->string);
        const size_t at = find_member(name, table, num);
        if (at == num) {
            return fail_unknown(name, where, table, num, err);
        }
        if (ret[at] != NULL || !has_type(child, table[at].type)) {
            return fail_member(child, where, &table[at], ret[at] != NULL, err);
        }
        ret[at] = child;
    }
    return CB_OK;
}

struct slice body_text(const struct cJSON *string)
{
    if (string == NULL || string->valuestring[0] == '\0') {
        return (struct slice){NULL, 0};
    }
    return slice_of(string->valuestring);
}

enum cb_code body_no_label(const struct cJSON *label, struct cb_err *err)
{
    if (body_text(label).ptr == NULL) {
        return CB_OK;
    }
    return cb_fail(err, CB_EINPUT,
                   "label: only \"\" is accepted: which signer is used is not the caller's choice");
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_print(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

enum cb_code body_profile(const struct cJSON *profile, struct slice *ret, struct cb_err *err)
{
    const struct slice text = body_text(profile);
    if (text.ptr == NULL) {
        *ret = SLICE("default");
        return CB_OK;
    }
    if (text.len > PROFILE_MAX || !is_printable(text)) {
        return cb_fail(err, CB_EINPUT, "profile: must be 1 to %u printable ASCII characters",
                       PROFILE_MAX);
    }
    *ret = text;
    return CB_OK;
}

enum cb_code body_on_behalf_of(struct arena *arena, const struct cJSON *principal,
                               struct slice *ret, struct cb_err *err)
{
    if (principal == NULL) {
        return CB_OK;
    }
    /* "" is refused, too: it would be asked for the caller itself, and somebody else was meant. */
    const struct slice text = slice_of(principal->valuestring);
    if (text.len == 0 || text.len > POLICY_PRINCIPAL_MAX || !is_printable(text)) {
        return cb_fail(err, CB_EINPUT,
                       "on_behalf_of: must be the principal for whom this is asked, 1 to %u "
                       "printable ASCII characters; leave it out to ask for yourself",
                       POLICY_PRINCIPAL_MAX);
    }
    const struct slice copy = arena_slice(arena, text);
    if (copy.ptr == NULL) {
        return cb_fail(err, CB_ENOMEM, "the request does not fit into its memory");
    }
    *ret = copy;
    return CB_OK;
}
