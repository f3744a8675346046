/* verdict.h - inside policy/ only: what checking one rule against one request came to. */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include "policy/rule.h"

struct verdict {
    enum policy_reason reason;
    const struct rule *rule;
    size_t num_covered; /* names that the rule covers */
    size_t name_index;  /* the first that it does not (or that it refuses), or SIZE_MAX */
    bool only_wildcard; /* that name is a wildcard, and but for that it would be covered */
    bool common_name;   /* deny: it was the common name */
    size_t attr_index;  /* REASON_SUBJECT: which attribute */
    bool attr_repeated; /* ... because its type is there twice */
};

/* verdict_explain - one sentence about the caller's own request, for policy_decision.detail. */
void verdict_explain(const struct verdict *v, const struct policy_client *client,
                     const struct policy_ask *ask, char out[POLICY_DETAIL_MAX]);

#endif
