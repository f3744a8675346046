/* reload_guard.h - would this policy lock people out? It is held against what was granted lately and
 * against the rules that there were.
 *
 * Counted is what the policy in force still grants and the new one would not: what a forced reload
 * took away an hour ago does not stand in the way of the next. */
#ifndef BROKER_RELOAD_GUARD_H
#define BROKER_RELOAD_GUARD_H

#include "broker/config/config.h"
#include "broker/history/history.h"

#define GUARD_EXAMPLES 3U
#define GUARD_NAMES 3U

struct guard {
    /* what was looked at */
    const struct policy *before, *after;
    bool (*is_called_off)(void *ctx); /* asked now and then; NULL: never */
    void *ctx;
    /* what was seen */
    uint64_t num_granted; /* granted lately, and by the policy in force still */
    uint64_t num_lost;    /* of these the new one denies */
    struct guard_example {
        char client[POLICY_PRINCIPAL_MAX + 1];
        char text[1024];        /* what was asked, when, and why it would be denied now */
    } examples[GUARD_EXAMPLES]; /* of different callers as far as there are */
    size_t num_examples;
    size_t num_rules;                 /* of the policy in force */
    size_t num_dropped;               /* of their ids the new one does not have */
    const char *dropped[GUARD_NAMES]; /* the first of them; borrowed from the policy in force */
};

/* guard_rules - fill in the part about rules. CB_ENOMEM only. */
enum cb_code guard_rules(struct guard *g, struct cb_err *err) CB_MUST_USE;
/* guard_ask - take one recorded decision into account; ctx is the guard. False: called off. */
bool guard_ask(void *ctx, const struct history_ask *ask);
/* guard_look - both, over the last window_s of the log. Blocks; any thread. */
enum cb_code guard_look(struct guard *g, const char *audit_dir, uint64_t window_s, int64_t now_us,
                        struct cb_err *err) CB_MUST_USE;
/* guard_objects - is it too much? Then out says why in one line. */
bool guard_objects(const struct guard *g, const struct config_reload *settings, char *out,
                   size_t out_size);
/* guard_window_text - "24h", "90m", "45s": in the largest unit that comes out even. */
void guard_window_text(uint64_t seconds, char out[24]);

#endif
