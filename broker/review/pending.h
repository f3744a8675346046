/* pending.h - inside broker/review only: attempts that were seen and whose outcome was not. */
#ifndef BROKER_REVIEW_PENDING_H
#define BROKER_REVIEW_PENDING_H

#include "audit/read/reader.h"

/* Attempts that are only kept because an outcome might turn up that fits: the oldest give way. */
#define PENDING_SPARE 8192U

struct pending_item {
    struct audit_line line; /* whole and body point into text */
    char *text;             /* owned; NULL: the place is free */
    bool is_awaited;        /* stays until it is taken */
};

struct pending {
    struct pending_item *items; /* a ring in the order of seq, oldest at `first`; owned */
    size_t room, first, num;
    size_t num_spare; /* that are not awaited */
};

void pending_free(struct pending *p); /* a zeroed struct is fine */
/* pending_add - a copy of the line; its seq is higher than all before. False: out of memory. */
bool pending_add(struct pending *p, const struct audit_line *line, bool is_awaited);
/* pending_take - the attempt with this number, which is not in the ring any more; its text is the
 * caller's to free. text NULL: it is not there. */
struct pending_item pending_take(struct pending *p, uint64_t seq);
/* pending_pop - the oldest that is awaited; text NULL: there is none. */
struct pending_item pending_pop(struct pending *p);

#endif
