/* stage_authorise.c - the decision: policy_decide with the snapshot this request began with. */
#include "broker/request/request.h"

enum req_step stage_authorise(struct request *r)
{
    policy_decide(r->policy->policy, r->who.client, &r->ask, clock_wall_us(r->sv->clock) / 1000000,
                  &r->decision);
    if (r->decision.allowed || r->route == ROUTE_EXPLAIN) {
        return STEP_NEXT;
    }
    return req_refuse(r, REFUSED_DENIED, "%s", r->decision.detail);
}
