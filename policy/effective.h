/* effective.h - inside policy/ only: what effective.c and effective_rule.c share. */
#ifndef POLICY_EFFECTIVE_H
#define POLICY_EFFECTIVE_H

#include "policy/placeholder.h"
#include "policy/trace.h"
#include "policy/verdict.h"
#include "policy/view.h"

struct effective {
    const struct policy *policy;
    const struct policy_caller *caller;
    int64_t now_s;
    struct view v;
};

/* ---- effective_rule.c ---- */
/* effective_conditions - all that an allow rule says, but who has it. */
void effective_conditions(struct effective *e, const struct rule *rule);
void effective_actions(struct effective *e, unsigned actions);
/* effective_texts - nothing is written where there are none. */
void effective_texts(struct effective *e, const char *key, const char *const *texts, size_t num);

#endif
