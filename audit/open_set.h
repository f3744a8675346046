/* open_set.h - the attempts that have no outcome yet. Bounded, because segment.open must be able
 * to carry all of them: then recovery needs one segment, however long the history. */
#ifndef AUDIT_OPEN_SET_H
#define AUDIT_OPEN_SET_H

#include "audit/audit.h"

#define OPEN_SET_MAX 1024U
/* What their numbers may take in a segment.open; the frontier and the rest need 5 KiB. */
#define OPEN_SET_TEXT_MAX 11000U

struct open_item {
    struct audit_open_attempt attempt;
    bool lost; /* its outcome could not be written: we close it as unknown ourselves */
};

struct open_set {
    size_t num;
    struct open_item items[OPEN_SET_MAX]; /* ascending by seq */
};

/* open_set_room - how many attempts may be open when the log stands at next_seq: fewer when the
 * numbers get longer. */
size_t open_set_room(uint64_t next_seq);

/* open_set_add - seq is higher than all in the set. False if full. req is cut if too long. */
bool open_set_add(struct open_set *set, uint64_t seq, enum audit_type type, struct slice req);
/* open_set_insert - anywhere in the order, for reading a segment.open. False if full or there. */
bool open_set_insert(struct open_set *set, uint64_t seq, enum audit_type type);
/* open_set_find - NULL if not there. */
struct open_item *open_set_find(struct open_set *set, uint64_t seq);
bool open_set_remove(struct open_set *set, uint64_t seq); /* false: was not there */

#endif
