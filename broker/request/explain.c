/* explain.c - see explain.h. What is said of a rule comes from policy/trace.h. */
#include "broker/request/explain.h"

#include "broker/request/reply_body.h"
#include "policy/trace.h"

#define TRIED_MAX 32U
/* A trace tells everything that fails in every rule, of which little is passed on. */
#define TRACE_ARENA_MAX (16U << 20)

/* is_own - may the caller be told of this rule? Its own rules, those for everybody, and those of a
 * party for whom it may act. */
static bool is_own(const struct request *r, const struct trace_rule *rule)
{
    if (r->ask.on_behalf_of.ptr == NULL || r->decision.delegate_rule_id != NULL) {
        return true;
    }
    return rule->is_delegation || rule->rule_id == r->decision.rule_id;
}

static bool take_rule(struct request *r, const struct trace_rule *rule)
{
    if (r->explain.num_tried == TRIED_MAX) {
        r->explain.num_more++;
        return true;
    }
    struct tried_rule *tried = &r->explain.tried[r->explain.num_tried++];
    *tried = (struct tried_rule){.rule_id = rule->rule_id,
                                 .is_delegation = rule->is_delegation,
                                 .reason = rule->is_deny ? REASON_DENY_RULE : REASON_ALLOWED};
    if (rule->num_failures == 0) {
        return true;
    }
    tried->reason = rule->failures[0].reason;
    tried->detail = arena_slice(&r->arena, slice_of(rule->failures[0].detail));
    return tried->detail.ptr != NULL;
}

bool explain_tried(struct request *r, int64_t now_s)
{
    struct arena arena;
    struct policy_trace trace;
    struct cb_err err;
    r->explain.tried = arena_array(&r->arena, TRIED_MAX, sizeof(*r->explain.tried));
    arena_init(&arena, TRACE_ARENA_MAX);
    bool ok = r->explain.tried != NULL && policy_trace(r->policy->policy, &r->who.caller, &r->ask,
                                                       now_s, &arena, &trace, &err) == CB_OK;
    for (size_t i = 0; ok && i < trace.num_rules; i++) {
        ok = !is_own(r, &trace.rules[i]) || take_rule(r, &trace.rules[i]);
    }
    arena_free(&arena);
    return ok;
}

/* ---- the answer ---- */

static void tried(const struct request *r, struct buf *out)
{
    buf_add_str(out, "\"tried\":[");
    for (size_t i = 0; i < r->explain.num_tried; i++) {
        const struct tried_rule *t = &r->explain.tried[i];
        buf_add_str(out, i == 0 ? "{" : ",{");
        reply_member(out, "rule", slice_of(t->rule_id));
        buf_printf(out, ",\"delegates\":%s,", t->is_delegation ? "true" : "false");
        reply_member(out, "reason", slice_of(policy_reason_word(t->reason)));
        buf_add_char(out, ',');
        reply_member(out, "detail", t->detail);
        buf_add_char(out, '}');
    }
    buf_printf(out, "],\"tried_more\":%zu", r->explain.num_more);
}

static void fixed(const struct policy_decision *d, struct buf *out)
{
    buf_add_str(out, "\"fixed\":[");
    for (size_t i = 0; i < d->num_fixed; i++) {
        buf_add_str(out, i == 0 ? "{" : ",{");
        reply_member(out, subject_attr_word(d->fixed[i].type), d->fixed[i].value);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* rate - true if no token is left. */
static bool rate(const struct request *r, const struct policy_quota *quota, struct slice principal,
                 struct buf *out)
{
    const uint32_t left = quotas_peek(r->sv->quotas, principal, quota, clock_mono_us(r->sv->clock));
    buf_printf(out, ",\"rate\":{\"count\":%u,\"per_ms\":%llu,\"burst\":%u,\"left\":%u}",
               quota->rate_count, (unsigned long long)quota->rate_per_ms, quota->rate_burst, left);
    return left == 0;
}

/* max_active - true if it is reached, and no older one would make room. */
static bool max_active(const struct request *r, const struct policy_quota *quota, bool of_delegate,
                       struct buf *out)
{
    const struct issued_room *room = &r->lookup.query.room;
    size_t i = 0; /* stage_room asked for each limit of this kind */
    while (i + 1 < room->num_limits && r->lookup.limits[i].of_delegate != of_delegate) {
        i++;
    }
    buf_printf(out, ",\"max_active\":%u,\"auto_revoke_oldest\":%s,\"active\":%llu",
               quota->max_active, quota->auto_revoke_oldest ? "true" : "false",
               (unsigned long long)room->taken[i]);
    return r->lookup.query.found == ISSUED_FULL && room->full == i;
}

/* limit - what one rule allows only so often; false when it sets no limit. */
static bool limit(const struct request *r, const struct policy_quota *quota, bool of_delegate,
                  bool is_first, struct buf *out)
{
    const struct slice principal = of_delegate ? r->who.id : req_owner(r);
    enum reason_id why = REFUSED_NONE;
    if (quota->rule_id == NULL || (quota->rate_count == 0 && quota->max_active == 0)) {
        return false;
    }
    buf_add_str(out, is_first ? "{" : ",{");
    reply_member(out, "rule", slice_of(quota->rule_id));
    buf_add_char(out, ',');
    reply_member(out, "principal", principal);
    if (quota->rate_count > 0 && rate(r, quota, principal, out)) {
        why = REFUSED_RATE_LIMITED;
    }
    if (quota->max_active > 0 && max_active(r, quota, of_delegate, out) && why == REFUSED_NONE) {
        why = REFUSED_TOO_MANY_ACTIVE; /* the rate is asked first */
    }
    buf_add_char(out, ',');
    reply_member(out, "would_wait", slice_of(why == REFUSED_NONE ? NULL : reason_of(why)->word));
    buf_add_char(out, '}');
    return true;
}

void explain_result(const struct request *r, struct buf *out)
{
    const struct policy_decision *d = &r->decision;
    const struct {
        const char *name;
        struct slice value;
    } members[] = {
        {"client", slice_of(policy_client_id(r->who.client))},
        {"principal", r->who.id},
        {"on_behalf_of", r->ask.on_behalf_of},
        {"action", slice_of(policy_action_word(r->ask.action))},
        {"rule", slice_of(d->rule_id)},
        {"delegate_rule", slice_of(d->delegate_rule_id)},
        {"reason", slice_of(policy_reason_word(d->reason))},
        {"detail", d->allowed ? (struct slice){NULL, 0} : slice_of(d->detail)},
    };
    buf_printf(out, "{\"allowed\":%s,", d->allowed ? "true" : "false");
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        reply_member(out, members[i].name, members[i].value);
        buf_add_char(out, ',');
    }
    fixed(d, out);
    buf_add_str(out, ",\"limits\":[");
    const bool has_own = limit(r, &d->quota, false, true, out);
    (void)limit(r, &d->delegate_quota, true, !has_own, out);
    buf_add_str(out, "],");
    tried(r, out);
    buf_add_char(out, '}');
}
