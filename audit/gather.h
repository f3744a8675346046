/* gather.h - whether it pays to wait a moment for more records before the next sync.
 *
 * Whoever was just told that its record is durable often has the next one at once: a caller in a loop, a
 * hundred callers in step. Taking the first of them alone costs a sync that all could have shared. So
 * after a batch the committer looks for as many as it has just acknowledged, besides those that are
 * waiting already, for a quarter of what a sync takes at most. Where they do not come it soon stops
 * looking, and now and then tries again. No other delay is added to anything. The committer's own. */
#ifndef AUDIT_GATHER_H
#define AUDIT_GATHER_H

#include "broker/base/clock.h"

#include <stdatomic.h>
#include <stddef.h>

struct gather {
    size_t target;     /* records that may be expected; 0: do not wait */
    int64_t budget_us; /* how long */
    unsigned skip;     /* batches before the next try */
    unsigned backoff;  /* of the last failures */
};

/* gather_expect - after a batch: so many were acknowledged, so many wait, and a sync took so long. */
void gather_expect(struct gather *g, size_t acknowledged, size_t waiting, uint64_t sync_us);
/* gather_wait - until as many wait as may be expected, or for as long as that is worth. */
void gather_wait(struct gather *g, const _Atomic uint64_t *waiting);

#endif
