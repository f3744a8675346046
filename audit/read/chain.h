/* chain.h - which segments there are, in order, and how many bytes of each count.
 *
 * Each segment.open names the segment before it; the newest segment that is in use leads back to the
 * first, or to the first that was not pruned. The directory's listing alone is believed in nothing. */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#include <stdint.h>

struct chain_link {
    uint64_t no;
    uint64_t first_seq;   /* of its segment.open */
    int64_t first_us;     /* when that was written */
    uint64_t valid_bytes; /* UINT64_MAX: the newest, or (chain_read_some) nothing that can be read
                             says it; everything whole counts */
};

/* What is not there any more, by a segment.prune record of the log (pruned.h). */
struct chain_pruned {
    uint64_t size;    /* records 0 to size - 1; 0: nothing was pruned */
    uint64_t last_no; /* they were in the segments up to this one */
    uint64_t seq;     /* of the segment.prune */
    unsigned char
        root[SHA256_LEN]; /* of the tree of these records; the first link states the same */
};

struct chain {
    struct chain_link *links; /* oldest first; owned. The first one's first_seq is pruned.size */
    size_t num;
    struct chain_pruned pruned;
};

/* chain_read - of the log in dir, also beside a running writer. CB_ENOENT: no log there. CB_ECORRUPT:
 * a segment is missing, or does not fit the one that follows it; the message names it. CB_EINPUT: a
 * newer version has written one. Segments that were pruned are not missing, and whatever is left of them is
 * not looked at. */
enum cb_code chain_read(const char *dir, struct chain *ret, struct cb_err *err) CB_MUST_USE;

/* chain_read_some - the same for people who look things up: a segment of which the first record cannot be
 * read, or that is missing, is left out, and told of; those before it are then taken as they are listed.
 * Nothing that has to be sure may use it. Fails where no segment can be read, or there is no log. */
enum cb_code chain_read_some(const char *dir, void (*left_out)(void *ctx, const char *what),
                             void *ctx, struct chain *ret, struct cb_err *err) CB_MUST_USE;
void chain_free(struct chain *chain); /* a zeroed struct is fine */

#endif
