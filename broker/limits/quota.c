/* quota.c - see quota.h. One mutex: what happens under it is a look into a table and a few additions,
 * which is nothing beside a handshake or an fdatasync. */
#include "broker/limits/bucket.h"

#include <pthread.h>
#include <stdlib.h>

#define MINUTE_US ((int64_t)60 * 1000000)

struct quotas {
    pthread_mutex_t lock;
    struct buckets buckets;
};

struct quotas *quotas_new(void)
{
    struct quotas *q = calloc(1, sizeof(*q));
    if (q == NULL || !buckets_init(&q->buckets)) {
        free(q);
        return NULL;
    }
    CB_CHECK(pthread_mutex_init(&q->lock, NULL) == 0);
    return q;
}

void quotas_free(struct quotas *q)
{
    if (q != NULL) {
        buckets_free(&q->buckets);
        (void)pthread_mutex_destroy(&q->lock);
        free(q);
    }
}

static void lock(struct quotas *q)
{
    CB_CHECK(pthread_mutex_lock(&q->lock) == 0);
}

static void unlock(struct quotas *q)
{
    CB_CHECK(pthread_mutex_unlock(&q->lock) == 0);
}

/* ---- what is recorded, and what is only counted; all with the lock held ---- */

static void leave_out(struct quotas *q, struct bucket *b, int64_t mono_us)
{
    if (b->num_left_out == 0) {
        b->first_us = mono_us;
        TAILQ_INSERT_TAIL(&q->buckets.waiting, b, wait);
    }
    b->num_left_out++;
    b->last_refused_us = mono_us;
}

static void refuse(struct quotas *q, struct bucket *b, int64_t mono_us, struct quota_answer *ret)
{
    ret->is_first = b->num_refused == 0 || mono_us - b->since_us >= MINUTE_US;
    if (ret->is_first) {
        b->since_us = mono_us;
        b->num_refused = 0;
    } else {
        leave_out(q, b, mono_us);
    }
    ret->num_refused = ++b->num_refused;
}

static void grant(struct quotas *q, struct bucket *b)
{
    b->num_refused = 0;
    if (b->num_left_out > 0 && !b->is_due) {
        b->is_due = true;
        TAILQ_REMOVE(&q->buckets.waiting, b, wait);
        TAILQ_INSERT_HEAD(&q->buckets.waiting, b, wait);
    }
}

/* ---- taking ---- */

/* no_memory - a limit that cannot be kept is not given out. */
static const struct quota_answer no_memory = {
    .retry_after_s = 1, .is_first = true, .num_refused = 1};

static struct quota_answer take(struct quotas *q, enum quota_kind kind, struct slice principal,
                                const struct policy_quota *quota, int64_t mono_us)
{
    struct quota_answer answer = no_memory;
    lock(q);
    struct bucket *b = buckets_get(&q->buckets, kind, principal, slice_of(quota->rule_id), mono_us);
    if (b != NULL) {
        bucket_set(b, quota, mono_us);
        bucket_refill(b, mono_us);
        answer = (struct quota_answer){.granted = b->tokens > 0};
        if (answer.granted) {
            b->tokens--;
            grant(q, b);
        } else {
            answer.retry_after_s = bucket_wait_s(b);
            refuse(q, b, mono_us, &answer);
        }
    }
    unlock(q);
    return answer;
}

struct quota_answer quotas_take(struct quotas *q, struct slice principal,
                                const struct policy_quota *quota, int64_t mono_us)
{
    return take(q, QUOTA_RATE, principal, quota, mono_us);
}

static struct policy_quota fixed_quota(uint32_t per_minute)
{
    return (struct policy_quota){
        .rule_id = "", .rate_count = per_minute, .rate_per_ms = 60000, .rate_burst = per_minute};
}

struct quota_answer quotas_take_fixed(struct quotas *q, enum quota_kind kind,
                                      struct slice principal, uint32_t per_minute, int64_t mono_us)
{
    const struct policy_quota quota = fixed_quota(per_minute);
    return take(q, kind, principal, &quota, mono_us);
}

void quotas_give_back(struct quotas *q, struct slice principal, const struct policy_quota *quota)
{
    lock(q);
    struct bucket *b = buckets_find(&q->buckets, QUOTA_RATE, principal, slice_of(quota->rule_id));
    if (b != NULL && b->tokens < b->burst) {
        b->tokens++;
    }
    unlock(q);
}

static uint32_t peek(struct quotas *q, enum quota_kind kind, struct slice principal,
                     const struct policy_quota *quota, int64_t mono_us)
{
    struct bucket copy = {.last_us = mono_us}; /* as a new one would be */
    lock(q);
    const struct bucket *b = buckets_find(&q->buckets, kind, principal, slice_of(quota->rule_id));
    if (b != NULL) {
        copy = *b;
    }
    unlock(q);
    bucket_set(&copy, quota, mono_us);
    bucket_refill(&copy, mono_us);
    return copy.tokens;
}

uint32_t quotas_peek(struct quotas *q, struct slice principal, const struct policy_quota *quota,
                     int64_t mono_us)
{
    return peek(q, QUOTA_RATE, principal, quota, mono_us);
}

uint32_t quotas_peek_fixed(struct quotas *q, enum quota_kind kind, struct slice principal,
                           uint32_t per_minute, int64_t mono_us)
{
    const struct policy_quota quota = fixed_quota(per_minute);
    return peek(q, kind, principal, &quota, mono_us);
}

struct quota_answer quotas_refused(struct quotas *q, struct slice principal,
                                   const struct policy_quota *quota, int64_t mono_us)
{
    struct quota_answer answer = no_memory;
    lock(q);
    struct bucket *b =
        buckets_get(&q->buckets, QUOTA_ACTIVE, principal, slice_of(quota->rule_id), mono_us);
    if (b != NULL) {
        answer = (struct quota_answer){.granted = false};
        refuse(q, b, mono_us, &answer);
    }
    unlock(q);
    return answer;
}

void quotas_admitted(struct quotas *q, struct slice principal, const struct policy_quota *quota)
{
    lock(q);
    struct bucket *b = buckets_find(&q->buckets, QUOTA_ACTIVE, principal, slice_of(quota->rule_id));
    if (b != NULL) {
        grant(q, b);
    }
    unlock(q);
}

/* ---- telling ---- */

static void copy_text(char *out, size_t size, const char *text, size_t len)
{
    const size_t fits = len < size ? len : size - 1;
    memcpy(out, text, fits);
    out[fits] = '\0';
}

static void take_count(struct quotas *q, struct bucket *b, struct quota_count *ret)
{
    *ret = (struct quota_count){.kind = b->kind,
                                .num = b->num_left_out,
                                .first_us = b->first_us,
                                .last_us = b->last_refused_us};
    copy_text(ret->principal, sizeof(ret->principal), b->text, b->principal_len);
    copy_text(ret->rule, sizeof(ret->rule), b->text + b->principal_len, b->rule_len);
    TAILQ_REMOVE(&q->buckets.waiting, b, wait);
    b->num_left_out = 0;
    b->is_due = false;
}

bool quotas_next_count(struct quotas *q, int64_t mono_us, struct quota_count *ret)
{
    lock(q);
    struct bucket *b = TAILQ_FIRST(&q->buckets.waiting);
    const bool has_lost = q->buckets.lost.num > 0;
    const bool is_due = b != NULL && (b->is_due || mono_us - b->first_us >= MINUTE_US);
    if (has_lost) {
        *ret = q->buckets.lost;
        q->buckets.lost = (struct quota_count){.num = 0};
    } else if (is_due) {
        take_count(q, b, ret);
    }
    unlock(q);
    return has_lost || is_due;
}
