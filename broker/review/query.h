/* query.h - what is looked for: terms such as client=payments-*, all of which must hold.
 *
 *   FIELD=VALUE   is it; VALUE may have * (anything) and ? (one character), \* is a star
 *   FIELD!=VALUE  is not, or the record has no such field
 *   FIELD~VALUE   has it in it, in any case of letters; stars as above
 *   FIELD!~VALUE  has not
 *   FIELD<VALUE   and <=, >, >=: of numbers and times
 *
 * Of several FIELD=VALUE with the same field one is enough. A row is looked at as a whole: a term may hold
 * in the attempt or in the outcome; one that says "not" must hold in both. FIELD=* is: there is one. */
#ifndef BROKER_REVIEW_QUERY_H
#define BROKER_REVIEW_QUERY_H

#include "audit/read/grep.h"
#include "broker/review/row.h"

#define QUERY_TERMS_MAX 64U
#define QUERY_VALUE_MAX 2048U
#define QUERY_SPELLINGS 2U

enum query_op { OP_IS, OP_IS_NOT, OP_HAS, OP_HAS_NOT, OP_BELOW, OP_AT_MOST, OP_ABOVE, OP_AT_LEAST };

enum query_shape {
    SHAPE_EXACT,
    SHAPE_BEGINS, /* KIND_HEX: a beginning */
    SHAPE_GLOB,
    SHAPE_NET,
    SHAPE_NUMBER,
};

struct query_term {
    const struct review_field *field;
    enum query_op op;
    enum query_shape shape;
    struct slice spelled[QUERY_SPELLINGS]; /* one of them must fit */
    size_t num_spelled;
    bool any_case;   /* SHAPE_GLOB: of letters */
    uint64_t number; /* or microseconds */
    uint64_t beyond; /* OP_IS of a day: and below this */
    unsigned char net[16];
    unsigned char net_len; /* 4 or 16 */
    unsigned net_bits;
};

struct query {
    struct arena arena; /* of the texts */
    struct query_term terms[QUERY_TERMS_MAX];
    size_t num;
};

void query_init(struct query *q);
void query_free(struct query *q);

/* query_add - a term as written. CB_EINPUT: what is wrong with it and what would be right, in a message
 * that quotes it; CB_ELIMIT: too many. */
enum cb_code query_add(struct query *q, const char *term, struct cb_err *err) CB_MUST_USE;
/* query_add_is - field=value, where an option of that name was given. */
enum cb_code query_add_is(struct query *q, const char *field, const char *value,
                          struct cb_err *err) CB_MUST_USE;

bool query_matches(const struct query *q, const struct review_row *row);
/* query_asks_for - is there a term about this field? */
bool query_asks_for(const struct query *q, const char *field);

/* query_want - what audit_grep has to look for, so that every row that matches is among what it finds:
 * literals and span (which is narrowed). Their texts are the query's. */
void query_want(struct query *q, struct audit_grep_want *want);

/* query_want_any - the same where one of the terms is enough. */
void query_want_any(struct query *q, struct audit_grep_want *want);

/* ---- query_glob.c ---- */
enum glob_case { GLOB_EXACT_CASE, GLOB_ANY_CASE };
bool query_glob(struct slice glob, struct slice text, enum glob_case letters);
bool query_is_glob(struct slice text); /* has it an unescaped * or ? */

#endif
