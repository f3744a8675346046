/* query_want.c - see query.h: from a query to the texts that a line must hold. A row that matches has one
 * of them in its attempt or in its outcome; what is not certain gives none, and every line is looked at. */
#include "broker/review/query.h"

#include <stdio.h>

#define RUN_MIN 3U /* shorter texts are everywhere */

/* How few lines have such a value: of two terms the rarer one is looked for. */
static unsigned rarity(const struct review_field *field)
{
    switch (field->kind) {
    case KIND_SERIAL:
    case KIND_HEX:
        return 5;
    case KIND_NAME:
        return 4;
    case KIND_TEXT:
    case KIND_CLIENT:
    case KIND_PEER:
        return 3;
    case KIND_WORD:
    case KIND_WORDS:
    case KIND_ANY_CASE:
        return 2;
    case KIND_TYPE:
    case KIND_RESULT:
        return 1;
    case KIND_NUMBER:
    case KIND_TIME:
    case KIND_DATE:
        break;
    }
    return 0;
}

struct literals {
    struct slice items[AUDIT_GREP_LITERALS];
    size_t num;
    size_t shortest;
};

static bool add(struct query *q, struct literals *l, const char *before, struct slice text,
                const char *behind)
{
    const size_t len = strlen(before) + text.len + strlen(behind);
    char *copy = arena_alloc(&q->arena, len + 1);
    if (copy == NULL || l->num == AUDIT_GREP_LITERALS || text.len == 0 ||
        slice_plain_run(text) != text.len) {
        return false;
    }
    (void)snprintf(copy, len + 1, "%s%.*s%s", before, (int)text.len, text.ptr, behind);
    l->items[l->num++] = (struct slice){copy, len};
    l->shortest = l->shortest == 0 || len < l->shortest ? len : l->shortest;
    return true;
}

/* add_run - of a glob the longest run without stars; a quote where the run begins or ends the text. */
static bool add_run(struct query *q, struct literals *l, struct slice glob)
{
    struct slice best = {glob.ptr, 0};
    for (size_t at = 0; at < glob.len;) {
        const struct slice rest = slice_from(glob, at);
        size_t len = 0;
        while (len < rest.len && strchr("*?\\", rest.ptr[len]) == NULL) {
            len++;
        }
        best = len > best.len ? (struct slice){rest.ptr, len} : best;
        /* What is escaped stands in no run: that is never wrong. */
        at += len + (len < rest.len && rest.ptr[len] == '\\' ? 2 : 1);
    }
    const bool first = best.ptr == glob.ptr;
    const bool last = best.ptr + best.len == glob.ptr + glob.len;
    return best.len >= RUN_MIN && add(q, l, first ? "\"" : "", best, last ? "\"" : "");
}

static bool add_spelled(struct query *q, struct literals *l, const struct query_term *t,
                        struct slice text)
{
    enum audit_type type;
    if (t->any_case) {
        return false;
    }
    if (t->shape == SHAPE_GLOB) {
        return t->field->kind != KIND_TYPE && t->field->kind != KIND_RESULT && add_run(q, l, text);
    }
    switch (t->field->kind) {
    case KIND_TYPE:
        return add(q, l, "\"type\":\"", text, "\"");
    case KIND_SERIAL: /* there may be zeros in front of it */
        return add(q, l, "", text, "\"");
    case KIND_HEX:
        return add(q, l, "\"", text, "");
    case KIND_CLIENT:
        return add(q, l, "\"", text, "\"") && add(q, l, "\"", text, ":");
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_WORD:
    case KIND_WORDS:
    case KIND_ANY_CASE:
        return add(q, l, "\"", text, "\"");
    case KIND_RESULT:
        return row_result_type(text, &type) &&
               add(q, l, "\"type\":\"", slice_of(audit_type_word(type)), "\"");
    case KIND_PEER:
    case KIND_NUMBER:
    case KIND_TIME:
    case KIND_DATE:
        break;
    }
    return false;
}

/* add_term - false: it says nothing certain about the bytes of a line. */
static bool add_term(struct query *q, struct literals *l, const struct query_term *t)
{
    if (t->shape == SHAPE_NET) { /* one IPv4 address has one spelling */
        return t->num_spelled == 1 && add(q, l, "", t->spelled[0], "");
    }
    for (size_t i = 0; i < t->num_spelled; i++) {
        if (!add_spelled(q, l, t, t->spelled[i])) {
            return false;
        }
    }
    return t->num_spelled > 0;
}

/* add_alternatives - this term and the others that say FIELD=VALUE of its field. */
static bool add_alternatives(struct query *q, struct literals *l, const struct review_field *field)
{
    for (size_t i = 0; i < q->num; i++) {
        const struct query_term *t = &q->terms[i];
        if (t->field == field && t->op == OP_IS && !add_term(q, l, t)) {
            return false;
        }
    }
    return l->num > 0;
}

static void narrow(const struct query_term *t, struct audit_grep_want *want)
{
    const int64_t us = t->number > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)t->number;
    const int64_t next = us == INT64_MAX ? us : us + 1;
    const bool below = t->op == OP_BELOW || t->op == OP_AT_MOST;
    const bool above = t->op == OP_ABOVE || t->op == OP_AT_LEAST;
    const int64_t until = t->op == OP_BELOW ? us : next;
    const int64_t since = t->op == OP_ABOVE ? next : us;
    if (below && until < want->until_us) {
        want->until_us = until;
    } else if (above && since > want->since_us) {
        want->since_us = since;
    }
}

void query_want(struct query *q, struct audit_grep_want *want)
{
    unsigned best = 0;
    size_t length = 0;
    for (size_t i = 0; i < q->num; i++) {
        const struct query_term *t = &q->terms[i];
        struct literals l = {.num = 0};
        if (t->field->kind == KIND_TIME) {
            narrow(t, want);
        }
        const unsigned score = rarity(t->field);
        if (t->op != OP_IS || score < best || !add_alternatives(q, &l, t->field)) {
            continue;
        }
        if (score > best || l.shortest > length) {
            best = score;
            length = l.shortest;
            memcpy(want->literals, l.items, l.num * sizeof(l.items[0]));
            want->num_literals = l.num;
        }
    }
}

void query_want_any(struct query *q, struct audit_grep_want *want)
{
    struct literals l = {.num = 0};
    for (size_t i = 0; i < q->num; i++) {
        if (q->terms[i].op != OP_IS || !add_term(q, &l, &q->terms[i])) {
            return; /* every line */
        }
    }
    memcpy(want->literals, l.items, l.num * sizeof(l.items[0]));
    want->num_literals = l.num;
}
