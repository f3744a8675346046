/* field.h - what of a record can be asked for, and under which name. One table: the query's parser, its
 * messages, the options of the commands and the help go by it. */
#ifndef BROKER_REVIEW_FIELD_H
#define BROKER_REVIEW_FIELD_H

#include "audit/read/reader.h"

enum field_kind {
    KIND_TEXT,     /* any text */
    KIND_CLIENT,   /* a client; CLIENT also means CLIENT:INSTANCE */
    KIND_NAME,     /* names, asked for and granted: lower case is tried too */
    KIND_WORD,     /* a word in lower case */
    KIND_WORDS,    /* the same; a record has a list of them: mismatch */
    KIND_ANY_CASE, /* a word that is written in more than one way */
    KIND_TYPE,     /* a record type */
    KIND_RESULT,   /* what became of it, see row.h */
    KIND_HEX,      /* a digest or an id in lower-case hex: a beginning will do */
    KIND_SERIAL,   /* hex, or decimal */
    KIND_PEER,     /* an address, or a network */
    KIND_NUMBER,
    KIND_TIME, /* the record's own */
    KIND_DATE, /* a time that is written in it */
};

#define FIELD_PLACES 3U

struct review_field {
    const char *name;
    enum field_kind kind;
    size_t
        at[FIELD_PLACES]; /* where in struct audit_event, plus one; 0: no more. Names, times and the
                                record's own number and type are not there */
    const char *help;
};

/* Words of fields that have but some; each list is ended by NULL. */
extern const char *const review_type_words[];
extern const char *const review_reason_words[];
extern const char *const review_decision_words[];

#define FIELD_COUNT_MAX 48U
extern const struct review_field review_fields[]; /* ended by a NULL name */

/* review_field_find - by its name, or by another word that people use for it; NULL: there is none.
 * review_field_suggest - the name of the one that was perhaps meant; NULL: none is near. */
const struct review_field *review_field_find(struct slice name);
const char *review_field_suggest(struct slice name);

/* The record of a row that is looked at. */
struct review_record {
    struct audit_line line;
    struct audit_event event;
};

/* review_field_any - does test hold for one of the texts that the record has for this field? Not for
 * KIND_NUMBER, KIND_TIME, KIND_TYPE and KIND_RESULT. */
bool review_field_any(const struct review_field *field, const struct audit_event *e,
                      bool (*test)(const void *ctx, struct slice text), const void *ctx);
/* review_field_number - of KIND_NUMBER and KIND_TIME (microseconds); UINT64_MAX: the record has none. */
uint64_t review_field_number(const struct review_field *field, const struct review_record *r);

#endif
