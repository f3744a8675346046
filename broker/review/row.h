/* row.h - what people look for: a request with what became of it. An attempt and its outcome are one row;
 * every other record is a row of its own. Public. */
#ifndef BROKER_REVIEW_ROW_H
#define BROKER_REVIEW_ROW_H

#include "broker/base/arena.h"
#include "broker/review/field.h"

enum review_result {
    RESULT_ISSUED,
    RESULT_DENIED,
    RESULT_FAILED, /* the CA said no, or was not reached, or its certificate was not as authorised */
    RESULT_UNKNOWN, /* asked, and no complete answer */
    RESULT_OPEN,    /* asked, and no outcome yet */
    RESULT_UNDELIVERED,
    RESULT_REVOKED,
    RESULT_ALREADY_REVOKED, /* it was revoked before: nothing was done */
    RESULT_REVOKE_FAILED,
    RESULT_REVOKE_UNKNOWN,
    RESULT_REVOKE_OPEN,
    RESULT_REFUSED,  /* never decided */
    RESULT_STRANGER, /* nobody the policy knows */
    RESULT_INFO,
    RESULT_OTHER, /* about the broker, its policy, its log: the record's type says it */
};
#define REVIEW_RESULT_COUNT 15
extern const char
    *const review_result_words[]; /* in the enum's order without the last; ended by NULL */

struct review_row {
    struct review_record records[2]; /* in the order of the log */
    size_t num;                      /* 1 or 2 */
    enum review_result result;
};

/* row_first, row_last - the attempt and the outcome; of a single record both are that. */
static inline const struct review_record *row_first(const struct review_row *row)
{
    return &row->records[0];
}
static inline const struct review_record *row_last(const struct review_row *row)
{
    return &row->records[row->num - 1];
}

/* row_decode - a row of one line, or of an attempt and the outcome that refers to it (NULL: none).
 * Texts point into the lines or the arena. */
enum cb_code row_decode(const struct audit_line *first, const struct audit_line *second,
                        struct arena *arena, struct review_row *ret,
                        struct cb_err *err) CB_MUST_USE;

/* row_result_word - "issued", ...; for RESULT_OTHER the record's type. */
const char *row_result_word(const struct review_row *row);

/* row_is_request - somebody asked for a certificate, and the CA may have been asked for it. */
bool row_is_request(const struct review_row *row);
/* row_is_finding - of a comparison with the CA's own database, about one certificate or request. */
bool row_is_finding(const struct review_row *row);
/* row_is_revocation - of a certificate: wanted, done or not. A denied one is RESULT_DENIED. */
bool row_is_revocation(const struct review_row *row);

/* row_result_type - the type of the last record of a row with this result, given as a word. False: no
 * such word. */
bool row_result_type(struct slice word, enum audit_type *ret);

/* row_text - a field of the outcome where it has one, else of the attempt; absent: neither has. at:
 * offset of a struct slice in struct audit_event. */
struct slice row_text_at(const struct review_row *row, size_t at);
#define row_text(row, member) row_text_at(row, offsetof(struct audit_event, member))
/* row_names - what was granted, where there is such, else what was asked for. */
const struct audit_names *row_names(const struct review_row *row);

#endif
