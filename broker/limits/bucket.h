/* bucket.h - one token bucket, and the bounded table of them. Private to broker/limits; the caller
 * locks. */
#ifndef BROKER_LIMITS_BUCKET_H
#define BROKER_LIMITS_BUCKET_H

#include "broker/limits/quota.h"

#include <sys/queue.h>

#define BUCKETS_MAX 65536U

struct bucket {
    struct bucket *next; /* of the same slot */
    TAILQ_ENTRY(bucket) use;
    TAILQ_ENTRY(bucket) wait; /* while num_left_out is not 0 */
    enum quota_kind kind;
    /* Tokens, in whole ones and in parts of 1/per_us: count parts come with each microsecond. */
    uint32_t count, burst, tokens;
    uint64_t per_us, part;
    int64_t last_us;
    /* Refusals since it was last granted something, or within a minute. */
    uint64_t num_refused;
    int64_t since_us;
    /* Of these, those that nobody has recorded. */
    uint64_t num_left_out;
    int64_t first_us, last_refused_us;
    bool is_due; /* to be told at once: it was granted again */
    size_t principal_len, rule_len;
    char text[]; /* principal, then rule */
};
TAILQ_HEAD(bucket_list, bucket);

/* bucket_set - take these settings over at this time. What it holds stays, up to the new burst. */
void bucket_set(struct bucket *b, const struct policy_quota *quota, int64_t mono_us);
/* bucket_refill - add what has come since the last time. A clock that steps back adds nothing. */
void bucket_refill(struct bucket *b, int64_t mono_us);
/* bucket_wait_s - when an empty one has a token again: whole seconds, rounded up, at least one. */
unsigned bucket_wait_s(const struct bucket *b);

struct buckets {
    struct bucket **slots;
    size_t num;
    uint64_t seed;              /* so that nobody can choose names that meet in one slot */
    struct bucket_list used;    /* the one used last is first */
    struct bucket_list waiting; /* those with num_left_out, in the order in which it began */
    struct quota_count lost;    /* of buckets that had to go */
};

bool buckets_init(struct buckets *t); /* false: out of memory */
void buckets_free(struct buckets *t);

/* buckets_find - NULL if there is none. It counts as used. */
struct bucket *buckets_find(struct buckets *t, enum quota_kind kind, struct slice principal,
                            struct slice rule);
/* buckets_get - find, or make with zeroed numbers (last_us is mono_us); NULL: out of memory. When the
 * table is full another one goes: a full one among those not used for longest, else the oldest. */
struct bucket *buckets_get(struct buckets *t, enum quota_kind kind, struct slice principal,
                           struct slice rule, int64_t mono_us);

#endif
