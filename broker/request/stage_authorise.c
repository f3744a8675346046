/* stage_authorise.c - the decision: policy_decide with the snapshot this request began with. What the
 * rules add to the ask is put together here; what was asked stays as it was. */
#include "broker/request/explain.h"

/* add_fixed - behind the last attribute of the same or an earlier type, as parse_newcert orders them. */
static void add_fixed(struct subject_attr *attrs, size_t num, const struct subject_attr *fixed)
{
    size_t at = num;
    while (at > 0 && attrs[at - 1].type > fixed->type) {
        attrs[at] = attrs[at - 1];
        at--;
    }
    attrs[at] = *fixed;
}

static bool make_grant(struct request *r)
{
    const struct policy_decision *d = &r->decision;
    r->grant = r->ask;
    if (d->num_fixed == 0) {
        return true;
    }
    const size_t num = r->ask.num_subject;
    struct subject_attr *attrs = arena_array(&r->arena, num + d->num_fixed, sizeof(*attrs));
    if (attrs == NULL) {
        return false;
    }
    if (num > 0) {
        memcpy(attrs, r->ask.subject, num * sizeof(*attrs));
    }
    for (size_t i = 0; i < d->num_fixed; i++) {
        add_fixed(attrs, num + i, &d->fixed[i]);
    }
    r->grant.subject = attrs;
    r->grant.num_subject = num + d->num_fixed;
    return true;
}

enum req_step stage_authorise(struct request *r)
{
    const int64_t now_s = clock_wall_us(r->sv->clock) / 1000000;
    policy_decide(r->policy->policy, &r->who.caller, &r->ask, now_s, &r->decision);
    if (r->route == ROUTE_EXPLAIN) {
        return explain_tried(r, now_s) ? STEP_NEXT : req_refuse(r, REFUSED_INTERNAL, NULL);
    }
    if (!r->decision.allowed) {
        return req_refuse(r, REFUSED_DENIED, "%s", r->decision.detail);
    }
    return make_grant(r) ? STEP_NEXT : req_refuse(r, REFUSED_INTERNAL, NULL);
}
