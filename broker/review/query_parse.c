/* query_parse.c - see query.h: a term as people write it. The values of each kind are query_value.c's. */
#include "broker/review/query_parts.h"

#include <stdio.h>

void query_init(struct query *q)
{
    *q = (struct query){.num = 0};
    arena_init(&q->arena, (size_t)4 << 20);
}

void query_free(struct query *q)
{
    arena_free(&q->arena);
    q->num = 0;
}

/* Longer ones first. */
static const struct {
    const char *text;
    enum query_op op;
} ops[] = {{"!=", OP_IS_NOT},   {"!~", OP_HAS_NOT}, {"<=", OP_AT_MOST},
           {">=", OP_AT_LEAST}, {"==", OP_IS},      {"=", OP_IS},
           {"~", OP_HAS},       {"<", OP_BELOW},    {">", OP_ABOVE}};

const char *query_op_text(enum query_op op)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (ops[i].op == op && ops[i].text[1] != '=') {
            return ops[i].text;
        }
    }
    return op == OP_IS_NOT ? "!=" : op == OP_AT_MOST ? "<=" : ">=";
}

static size_t field_len(const char *term)
{
    size_t len = 0;
    while (ascii_is_alnum(term[len]) || (term[len] != '\0' && strchr("_-.", term[len]) != NULL)) {
        len++;
    }
    return len;
}

/* guess - which field a word alone could have been meant for. */
static const char *guess(struct slice word)
{
    size_t hex = 0;
    for (size_t i = 0; i < word.len; i++) {
        const char c = ascii_lower(word.ptr[i]);
        hex += ascii_is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' ? 1 : 0;
    }
    if (hex == word.len && word.len == 32) {
        return "req";
    }
    if (hex == word.len && word.len == 64) {
        return "fingerprint";
    }
    if (hex == word.len && word.len >= 8) {
        return "serial";
    }
    enum audit_type type;
    if (audit_type_parse(word, &type)) {
        return "type";
    }
    return row_result_type(word, &type) ? "result"
           : slice_has_byte(word, '.')  ? "name"
           : slice_has_byte(word, '@')  ? "owner"
                                        : "client";
}

static enum cb_code no_operator(const char *term, size_t name_len, struct cb_err *err)
{
    char quoted[NAME_QUOTE_SIZE];
    const struct slice word = slice_of(term);
    name_quote(word, quoted);
    if (name_len == word.len && review_field_find(word) != NULL) {
        return cb_fail(err, CB_EINPUT, "\"%s\": is what? Write %s=VALUE", quoted, quoted);
    }
    return cb_fail(err, CB_EINPUT,
                   "\"%s\" is no term: write FIELD=VALUE (or != ~ !~ < >); did you mean %s=%s?",
                   quoted, guess(word), quoted);
}

static enum cb_code no_field(const char *term, struct slice name, struct cb_err *err)
{
    char quoted[NAME_QUOTE_SIZE];
    const char *meant = review_field_suggest(name);
    (void)term;
    name_quote(name, quoted);
    if (meant != NULL) {
        return cb_fail(err, CB_EINPUT, "there is no field \"%s\": did you mean \"%s\"?", quoted,
                       meant);
    }
    return cb_fail(
        err, CB_EINPUT,
        "there is no field \"%s\"; there are client, name, rule, result, reason, serial, "
        "req, peer and more: --help lists them",
        quoted);
}

static bool is_ordered(enum field_kind kind)
{
    return kind == KIND_NUMBER || kind == KIND_TIME || kind == KIND_DATE;
}

static enum cb_code check_op(const struct query_term *t, struct cb_err *err)
{
    const bool orders =
        t->op == OP_BELOW || t->op == OP_AT_MOST || t->op == OP_ABOVE || t->op == OP_AT_LEAST;
    if (orders && !is_ordered(t->field->kind)) {
        return cb_fail(err, CB_EINPUT, "%s has no order for %s: use = != ~ or !~", t->field->name,
                       query_op_text(t->op));
    }
    if ((t->op == OP_HAS || t->op == OP_HAS_NOT) && is_ordered(t->field->kind)) {
        return cb_fail(err, CB_EINPUT, "%s is compared with = != < <= > or >=, not %s",
                       t->field->name, query_op_text(t->op));
    }
    return CB_OK;
}

static enum cb_code add(struct query *q, const char *name, enum query_op op, struct slice value,
                        struct cb_err *err)
{
    struct query_term t = {.field = review_field_find(slice_of(name)), .op = op};
    CB_CHECK(t.field != NULL);
    if (q->num == QUERY_TERMS_MAX) {
        return cb_fail(err, CB_ELIMIT, "more than %u terms", QUERY_TERMS_MAX);
    }
    if (value.len == 0) {
        return cb_fail(err, CB_EINPUT, "%s%s is followed by no value; %s%s* is: there is %s",
                       t.field->name, query_op_text(op), t.field->name,
                       op == OP_IS_NOT ? "!=" : "=", op == OP_IS_NOT ? "none" : "one");
    }
    if (value.len > QUERY_VALUE_MAX) {
        return cb_fail(err, CB_EINPUT, "%s: a value of %zu bytes is too long, the most is %u",
                       t.field->name, value.len, QUERY_VALUE_MAX);
    }
    TRY(check_op(&t, err));
    TRY(query_value(q, &t, value, err));
    q->terms[q->num++] = t;
    return CB_OK;
}

enum cb_code query_add(struct query *q, const char *term, struct cb_err *err)
{
    const size_t len = field_len(term);
    const struct slice name = {term, len};
    for (size_t i = 0; len > 0 && i < sizeof(ops) / sizeof(ops[0]); i++) {
        const size_t op_len = strlen(ops[i].text);
        if (strncmp(term + len, ops[i].text, op_len) == 0) {
            const struct review_field *field = review_field_find(name);
            return field == NULL
                       ? no_field(term, name, err)
                       : add(q, field->name, ops[i].op, slice_of(term + len + op_len), err);
        }
    }
    return no_operator(term, len, err);
}

enum cb_code query_add_is(struct query *q, const char *field, const char *value, struct cb_err *err)
{
    return add(q, field, OP_IS, slice_of(value), err);
}
