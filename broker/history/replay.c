/* replay.c - everything that was decided in a span of time, decided again by another policy. */
#include "broker/history/flips.h"

#include <stdlib.h>

struct replay {
    const struct policy *policy;
    struct history_replay out;
    struct flips flips;
    bool no_memory;
};

static bool decide_again(void *ctx, const struct history_ask *ask)
{
    struct replay *r = ctx;
    struct policy_decision now;
    if (ask->by_quota) {
        r->out.not_redecided++;
        return true;
    }
    history_decide(r->policy, ask, &now);
    if (now.allowed == ask->was_allowed) {
        r->out.same++;
        return true;
    }
    if (now.allowed) {
        r->out.gained++;
    } else {
        r->out.lost++;
    }
    r->no_memory = !flips_add(&r->flips, ask, &now);
    return !r->no_memory;
}

enum cb_code history_replay(const struct policy *policy, const char *audit_dir,
                            const struct history_range *range, struct history_replay *ret,
                            struct cb_err *err)
{
    struct replay r = {.policy = policy};
    TRY(flips_init(&r.flips, err));
    enum cb_code code = history_walk(audit_dir, range, decide_again, &r, &r.out.counts, err);
    if (code == CB_OK && r.no_memory) {
        code = cb_fail(err, CB_ENOMEM, "no memory for what comes out differently");
    }
    if (code == CB_OK) {
        r.out.not_redecided += r.out.counts.quota_refusals;
        flips_sort(&r.flips);
        *ret = r.out;
        ret->flips = r.flips.items;
        ret->num_flips = r.flips.num;
        ret->flips_left_out = r.flips.left_out;
        r.flips.items = NULL;
    }
    flips_free(&r.flips);
    return code;
}

void history_replay_free(struct history_replay *r)
{
    free(r->flips);
    *r = (struct history_replay){0};
}
