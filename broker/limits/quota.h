/* quota.h - token buckets: how often a principal may use a rule; and who is being refused, so that a
 * caller in a loop does not fill the audit log with it.
 *
 * In memory only and shared by all workers: a restart starts with full buckets. What must outlast a
 * restart (max_active) is counted from the index instead; only its refusals are counted here. */
#ifndef BROKER_LIMITS_QUOTA_H
#define BROKER_LIMITS_QUOTA_H

#include "policy/policy.h"

struct quotas; /* opaque */

enum quota_kind {
    QUOTA_RATE,    /* a rule's rate */
    QUOTA_ACTIVE,  /* a rule's max_active */
    QUOTA_REFUSAL, /* refused requests that get a record each */
    QUOTA_REPEAT,  /* revocations of what is revoked already that get a record each */
    QUOTA_LOST,    /* revocations of what the CA does not know, which it is asked each time */
};
#define QUOTA_KIND_COUNT 5

struct quotas *quotas_new(void);    /* NULL: out of memory */
void quotas_free(struct quotas *q); /* NULL ok */

struct quota_answer {
    bool granted;
    unsigned retry_after_s; /* refused: when there will be a token again, rounded up */
    bool is_first;          /* refused: the first time since it was last granted, or in a minute */
    uint64_t num_refused;   /* refused: how often since then, this time included */
};

/* quotas_take - a token of (principal, quota->rule_id). quota->rate_count is not 0. A bucket whose
 * settings changed with a reload keeps what it held, at most the new burst. Bounded: when there are
 * too many buckets the ones that are full again go, and if there are none the one that was not used
 * for longest. Any thread; mono_us from the monotonic clock. */
struct quota_answer quotas_take(struct quotas *q, struct slice principal,
                                const struct policy_quota *quota, int64_t mono_us);
/* quotas_give_back - a token taken for something that was then not done (a second quota was used up). */
void quotas_give_back(struct quotas *q, struct slice principal, const struct policy_quota *quota);

/* quotas_peek - how many tokens there are, without taking one. Any thread. */
uint32_t quotas_peek(struct quotas *q, struct slice principal, const struct policy_quota *quota,
                     int64_t mono_us);

/* quotas_refused, quotas_admitted - for max_active, whose count is kept elsewhere: principal was
 * refused for it, or was not. is_first and num_refused of the answer as above. Any thread. */
struct quota_answer quotas_refused(struct quotas *q, struct slice principal,
                                   const struct policy_quota *quota, int64_t mono_us);
void quotas_admitted(struct quotas *q, struct slice principal, const struct policy_quota *quota);

/* quotas_take_fixed - a token of what the broker itself allows each principal, whatever its rules: per_minute
 * of it, all of them at once too. For the kinds from QUOTA_REFUSAL on. Any thread. */
struct quota_answer quotas_take_fixed(struct quotas *q, enum quota_kind kind,
                                      struct slice principal, uint32_t per_minute, int64_t mono_us);
/* quotas_peek_fixed - how many of them there are. */
uint32_t quotas_peek_fixed(struct quotas *q, enum quota_kind kind, struct slice principal,
                           uint32_t per_minute, int64_t mono_us);

/* Refusals that were not the first: nobody has recorded them one by one. */
#define QUOTA_RULE_MAX 256U
struct quota_count {
    enum quota_kind kind;
    char principal[POLICY_PRINCIPAL_MAX + 1]; /* "": of principals that had to make room */
    char rule[QUOTA_RULE_MAX + 1];
    uint64_t num;
    int64_t first_us, last_us; /* monotonic */
};

/* quotas_next_count - take the next count that is due out: because its principal was granted again, or
 * because a minute is over; INT64_MAX as mono_us: all of them. False: there is none. Any thread. */
bool quotas_next_count(struct quotas *q, int64_t mono_us, struct quota_count *ret);

#endif
