/* flips.h - inside broker/history/ only: decisions that come out differently, gathered in groups. */
#ifndef BROKER_HISTORY_FLIPS_H
#define BROKER_HISTORY_FLIPS_H

#include "broker/history/history.h"

#define FLIPS_MAX 1000U

struct flips {
    struct history_flip *items;
    size_t num, room;
    uint64_t left_out;
    size_t *slots; /* open addressing: 1 + index in items, 0: free */
};

/* flips_init - CB_ENOMEM only. */
enum cb_code flips_init(struct flips *f, struct cb_err *err) CB_MUST_USE;
void flips_free(struct flips *f); /* zeroed is fine */

/* flips_add - one more decision that differs. Groups beyond FLIPS_MAX are only counted. False: out of
 * memory. */
bool flips_add(struct flips *f, const struct history_ask *ask, const struct policy_decision *now);

/* flips_sort - losses before gains, most frequent first. Nothing can be added any more. */
void flips_sort(struct flips *f);

#endif
