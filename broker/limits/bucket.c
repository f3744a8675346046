/* bucket.c - see bucket.h: integer arithmetic of tokens, and the table. Decides nothing about who is
 * refused or what is recorded: that is quota.c. */
#include "broker/limits/bucket.h"

#include <openssl/rand.h>
#include <stdlib.h>

#define LOOKED_AT_MAX 32U /* of the least used ones, when one has to go */

/* Tokens times microseconds of any policy; 64 bits are too few for a burst of billions a year. */
__extension__ typedef unsigned __int128 wide;

/* ---- tokens ---- */
void bucket_refill(struct bucket *b, int64_t mono_us)
{
    if (mono_us <= b->last_us) {
        return;
    }
    const wide gained = (wide)(uint64_t)(mono_us - b->last_us) * b->count + b->part;
    const wide whole = gained / b->per_us;
    b->last_us = mono_us;
    if (whole >= b->burst - b->tokens) {
        b->tokens = b->burst;
        b->part = 0;
        return;
    }
    b->tokens += (uint32_t)whole;
    b->part = (uint64_t)(gained % b->per_us);
}

void bucket_set(struct bucket *b, const struct policy_quota *quota, int64_t mono_us)
{
    const uint64_t most_ms = (uint64_t)INT64_MAX / 1000U;
    const uint64_t per_ms = quota->rate_per_ms < most_ms ? quota->rate_per_ms : most_ms;
    const uint64_t per_us = per_ms == 0 ? 1 : per_ms * 1000U;
    const uint32_t burst = quota->rate_burst == 0 ? 1 : quota->rate_burst;
    if (b->per_us == 0) {
        b->tokens = burst; /* a new one */
    } else if (b->count == quota->rate_count && b->per_us == per_us && b->burst == burst) {
        return;
    } else {
        bucket_refill(b, mono_us);
    }
    b->count = quota->rate_count;
    b->per_us = per_us;
    b->burst = burst;
    b->tokens = b->tokens < burst ? b->tokens : burst;
    b->part = 0;
    b->last_us = mono_us > b->last_us ? mono_us : b->last_us;
}

unsigned bucket_wait_s(const struct bucket *b)
{
    const uint64_t missing = b->per_us - b->part;
    const uint64_t wait_us = missing / b->count + (missing % b->count != 0 ? 1 : 0);
    const uint64_t wait_s = wait_us / 1000000U + (wait_us % 1000000U != 0 ? 1 : 0);
    if (wait_s == 0) {
        return 1;
    }
    return wait_s < UINT32_MAX ? (unsigned)wait_s : UINT32_MAX;
}

/* ---- the table ---- */
bool buckets_init(struct buckets *t)
{
    *t = (struct buckets){.slots = calloc(BUCKETS_MAX, sizeof(struct bucket *))};
    TAILQ_INIT(&t->used);
    TAILQ_INIT(&t->waiting);
    CB_CHECK(RAND_bytes((unsigned char *)&t->seed, sizeof(t->seed)) == 1);
    return t->slots != NULL;
}

void buckets_free(struct buckets *t)
{
    struct bucket *b = NULL;
    while ((b = TAILQ_FIRST(&t->used)) != NULL) {
        TAILQ_REMOVE(&t->used, b, use);
        free(b);
    }
    free(t->slots);
    t->slots = NULL;
}

static uint64_t hash_more(uint64_t hash, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3U;
        hash ^= hash >> 29;
    }
    return (hash ^ 0x1ffU) * 0x9e3779b97f4a7c15U; /* so that "a"+"bc" is not "ab"+"c" */
}

static struct bucket **slot_of(struct buckets *t, enum quota_kind kind, struct slice principal,
                               struct slice rule)
{
    const uint64_t hash = hash_more(hash_more(t->seed + (unsigned)kind, principal), rule);
    struct bucket **slot = &t->slots[(hash ^ (hash >> 32)) % BUCKETS_MAX];
    for (; *slot != NULL; slot = &(*slot)->next) {
        const struct bucket *b = *slot;
        const struct slice its_principal = {b->text, b->principal_len};
        const struct slice its_rule = {b->text + b->principal_len, b->rule_len};
        if (b->kind == kind && slice_eq(its_principal, principal) && slice_eq(its_rule, rule)) {
            break;
        }
    }
    return slot;
}

/* lose - what it counted and nobody has recorded is still told, without saying of whom. */
static void lose(struct buckets *t, const struct bucket *b)
{
    if (t->lost.num == 0) {
        t->lost.kind = b->kind;
        t->lost.first_us = b->first_us;
    }
    t->lost.num += b->num_left_out;
    t->lost.first_us = b->first_us < t->lost.first_us ? b->first_us : t->lost.first_us;
    t->lost.last_us = b->last_refused_us > t->lost.last_us ? b->last_refused_us : t->lost.last_us;
}

static void drop(struct buckets *t, struct bucket *b)
{
    CB_CHECK(b != NULL);
    const struct slice principal = {b->text, b->principal_len};
    const struct slice rule = {b->text + b->principal_len, b->rule_len};
    struct bucket **slot = slot_of(t, b->kind, principal, rule);
    *slot = b->next;
    TAILQ_REMOVE(&t->used, b, use);
    if (b->num_left_out > 0) {
        lose(t, b);
        TAILQ_REMOVE(&t->waiting, b, wait);
    }
    free(b);
    t->num--;
}

/* says_nothing - a new one in its place would do the same. */
static bool says_nothing(struct bucket *b, int64_t mono_us)
{
    if (b->kind != QUOTA_ACTIVE) {
        bucket_refill(b, mono_us);
    }
    return b->num_left_out == 0 && (b->kind == QUOTA_ACTIVE || b->tokens == b->burst);
}

static void make_room(struct buckets *t, int64_t mono_us)
{
    struct bucket *b = TAILQ_LAST(&t->used, bucket_list);
    for (unsigned i = 0; i < LOOKED_AT_MAX && b != NULL; i++) {
        if (says_nothing(b, mono_us)) {
            drop(t, b);
            return;
        }
        b = TAILQ_PREV(b, bucket_list, use);
    }
    drop(t, TAILQ_LAST(&t->used, bucket_list));
}

struct bucket *buckets_find(struct buckets *t, enum quota_kind kind, struct slice principal,
                            struct slice rule)
{
    struct bucket *b = *slot_of(t, kind, principal, rule);
    if (b != NULL) {
        TAILQ_REMOVE(&t->used, b, use);
        TAILQ_INSERT_HEAD(&t->used, b, use);
    }
    return b;
}

struct bucket *buckets_get(struct buckets *t, enum quota_kind kind, struct slice principal,
                           struct slice rule, int64_t mono_us)
{
    struct bucket *b = buckets_find(t, kind, principal, rule);
    if (b != NULL) {
        return b;
    }
    if (t->num == BUCKETS_MAX) {
        make_room(t, mono_us);
    }
    b = calloc(1, sizeof(*b) + principal.len + rule.len);
    if (b == NULL) {
        return NULL;
    }
    b->kind = kind;
    b->last_us = mono_us;
    b->principal_len = principal.len;
    b->rule_len = rule.len;
    memcpy(b->text, principal.ptr, principal.len);
    memcpy(b->text + principal.len, rule.ptr, rule.len);
    *slot_of(t, kind, principal, rule) = b;
    TAILQ_INSERT_HEAD(&t->used, b, use);
    t->num++;
    return b;
}
