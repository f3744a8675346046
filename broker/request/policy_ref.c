/* policy_ref.c - see policy_ref.h. */
#include "broker/request/policy_ref.h"

#include <stdatomic.h>
#include <stdlib.h>

struct policy_ref *policy_ref_new(struct policy *policy)
{
    struct policy_ref *ref = calloc(1, sizeof(*ref));
    if (ref != NULL) {
        atomic_init(&ref->refs, 1U);
        ref->policy = policy;
    }
    return ref;
}

struct policy_ref *policy_ref_get(struct policy_ref *ref)
{
    (void)atomic_fetch_add_explicit(&ref->refs, 1U, memory_order_relaxed);
    return ref;
}

void policy_ref_put(struct policy_ref *ref)
{
    if (ref != NULL && atomic_fetch_sub_explicit(&ref->refs, 1U, memory_order_acq_rel) == 1U) {
        policy_free(ref->policy);
        free(ref);
    }
}
