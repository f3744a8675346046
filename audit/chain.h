/* chain.h - which segments there are, in order, and how many bytes of each count.
 *
 * Each segment.open names the segment before it; the newest segment that is in use leads back to the
 * first. The directory's listing alone is believed in nothing. */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include "broker/base/err.h"

#include <stdint.h>

struct chain_link {
    uint64_t no;
    uint64_t first_seq;   /* of its segment.open */
    int64_t first_us;     /* when that was written */
    uint64_t valid_bytes; /* UINT64_MAX: the newest; everything whole counts */
};

struct chain {
    struct chain_link *links; /* oldest first; owned */
    size_t num;
};

/* chain_read - of the log in dir, also beside a running writer. CB_ENOENT: no log there. CB_ECORRUPT:
 * a segment is missing, or does not fit the one that follows it; the message names it. */
enum cb_code chain_read(const char *dir, struct chain *ret, struct cb_err *err) CB_MUST_USE;
void chain_free(struct chain *chain); /* a zeroed struct is fine */

#endif
