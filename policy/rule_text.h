/* rule_text.h - a rule as it stands in its file. Public, with policy.h. */
#ifndef POLICY_RULE_TEXT_H
#define POLICY_RULE_TEXT_H

#include "policy/policy.h"

struct policy_rule_text {
    const char *file;    /* borrowed from the policy */
    unsigned first_line; /* from 1 */
    struct slice
        lines; /* whole lines, the last one's newline included if it has one; of a rule that
                            shares its lines with others these are there as well */
};

/* policy_rule_text - of the rule with this id. False: the policy has no such rule, or there is no memory. */
bool policy_rule_text(const struct policy *policy, struct slice id, struct policy_rule_text *ret);

#endif
