/* kept.h - inside broker/review only: the newest rows of a search, as lines, to be printed when it is over. */
#ifndef BROKER_REVIEW_KEPT_H
#define BROKER_REVIEW_KEPT_H

#include "broker/review/row.h"

struct kept_row {
    char *text; /* the lines, one behind the other; owned */
    struct audit_line lines[2];
    size_t num;
};

struct kept {
    struct kept_row *rows; /* a ring; owned */
    size_t most, room, first, num;
    uint64_t seen; /* rows that were added, also those that are gone */
};

enum kept_order { KEPT_OLDEST_FIRST, KEPT_NEWEST_FIRST };

void kept_init(struct kept *k, size_t most); /* at least 1 */
void kept_free(struct kept *k);
/* kept_add - a copy; the oldest goes where there are `most` already. False: out of memory. */
bool kept_add(struct kept *k, const struct review_row *row);
/* kept_each - false from each: stop. */
enum cb_code kept_each(const struct kept *k, enum kept_order order,
                       bool (*each)(void *ctx, const struct review_row *row), void *ctx,
                       struct cb_err *err) CB_MUST_USE;

#endif
