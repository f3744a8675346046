/* search.h - the rows of a log that a query fits, in order. Public. */
#ifndef BROKER_REVIEW_SEARCH_H
#define BROKER_REVIEW_SEARCH_H

#include "broker/review/query.h"

#define REVIEW_DAMAGE_SHOWN 8U

/* What could not be read and was stepped over. */
struct review_damage {
    char what[REVIEW_DAMAGE_SHOWN][320]; /* file, record, what is wrong; each once */
    size_t num;                          /* of those that are in what */
    bool has_more;
};

struct review_search {
    const char *dir;
    struct review_damage *damage; /* step over what is damaged, and tell it here; NULL: that is an
                                     error */
    int64_t since_us, until_us;   /* of the row's last record; half open */
    struct query *query;          /* NULL: everything */
    struct query *any_of; /* of these terms one is enough: for who looks himself; only narrows where
                                   to look. NULL: no such */
    struct slice literals[AUDIT_GREP_LITERALS]; /* as audit_grep_want, where neither is given */
    size_t num_literals;
    bool raw;          /* every record is a row */
    bool housekeeping; /* also records that are about the log's files alone (segment.open, ...) */
    size_t newest;     /* of so many of the newest segments; 0: of all */
    uint64_t below;    /* only rows whose last record has a lower number; 0: no such limit */
    bool no_open;      /* without attempts that have no outcome yet */
};

/* review_search - each is called for every row that fits, in the order of their last records; attempts
 * that have no outcome come at the end. The row is gone afterwards. each returns false to stop. Holds
 * what is between an attempt and its outcome, nothing more. Errors as audit_grep. */
enum cb_code review_search(const struct review_search *search,
                           bool (*each)(void *ctx, const struct review_row *row), void *ctx,
                           struct cb_err *err) CB_MUST_USE;

/* A search in records as they come. */
struct review_stream; /* opaque */

/* review_stream_open - search and its query are borrowed; raw, query, housekeeping and the span count. */
enum cb_code review_stream_open(const struct review_search *search,
                                bool (*each)(void *ctx, const struct review_row *row), void *ctx,
                                struct review_stream **ret, struct cb_err *err) CB_MUST_USE;
void review_stream_close(struct review_stream *s); /* NULL ok */
/* review_stream_add - the next record; each is called where it completes a row that fits. *ret_more: what
 * each said last. */
enum cb_code review_stream_add(struct review_stream *s, const struct audit_line *line,
                               bool *ret_more, struct cb_err *err) CB_MUST_USE;

#endif
