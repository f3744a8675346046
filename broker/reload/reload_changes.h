/* reload_changes.h - what a new policy gives and takes, as lines for a record, an answer, a screen. */
#ifndef BROKER_RELOAD_CHANGES_H
#define BROKER_RELOAD_CHANGES_H

#include "broker/base/arena.h"
#include "policy/policy.h"

#define CHANGE_LINES_MAX 40U
#define CHANGE_LINE_BYTES 160U

struct change_lines {
    /* `+ client: dns "x.example" (rule id)` for something gained, `-` for something lost; last, where
     * there are more than fit, "... and N more" */
    struct slice items[CHANGE_LINES_MAX + 1];
    size_t num;
    size_t num_gains, num_losses; /* all there are */
};

/* change_lines_of - compare two policies. Lines are UTF-8 of at most CHANGE_LINE_BYTES bytes, and so
 * few that a record can hold them; they live in the arena. CB_ENOMEM: *ret is empty. */
enum cb_code change_lines_of(const struct policy *before, const struct policy *after,
                             struct arena *arena, struct change_lines *ret,
                             struct cb_err *err) CB_MUST_USE;

#endif
