/* policy_ref.h - a counted reference to a loaded policy: one snapshot for a request's whole life,
 * whatever is reloaded meanwhile. */
#ifndef BROKER_REQUEST_POLICY_REF_H
#define BROKER_REQUEST_POLICY_REF_H

#include "policy/policy.h"

struct policy_ref {
    _Atomic(unsigned) refs;
    struct policy *policy; /* owned */
};

/* policy_ref_new - takes the policy; one reference for the caller. NULL: out of memory (the policy
 * is then still the caller's). */
struct policy_ref *policy_ref_new(struct policy *policy);
struct policy_ref *policy_ref_get(struct policy_ref *ref);
void policy_ref_put(struct policy_ref *ref); /* NULL ok; the last one frees the policy */

#endif
