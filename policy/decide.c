/* decide.c - see policy.h: may this client have this? Deny rules first, then the client's allow
 * rules in file order; a refusal is explained by the rule that came nearest. Who acts for somebody
 * else needs a rule of its own for that, and then one of the other's.
 *
 * Pure: no clock, no lock, no allocation. The conditions are in decide_conditions.c and
 * decide_subject.c, deny rules in decide_deny.c, the words of a refusal in explain.c. */
#include "policy/verdict.h"

/* Of expressions, in one decision: together a quarter of a second at worst. */
#define MATCHES_MAX 4000U
#define COSTLY_MATCHES_MAX 8U

/* ---- the question ---- */

static void read_common_name(struct question *q)
{
    struct slice cn = q->ask->common_name;
    struct cb_err err;
    q->cn_is_name = false;
    q->cn_is_dotted_name = false;
    if (cn.ptr == NULL) {
        return;
    }
    q->cn_is_name = name_parse_into(cn, q->cn_buf, &q->cn_name, &err) == CB_OK;
    if (!q->cn_is_name && cn.len > 0 && cn.ptr[cn.len - 1] == '.') {
        cn.len--;
        q->cn_is_dotted_name = name_parse_into(cn, q->cn_buf, &q->cn_name, &err) == CB_OK;
    }
}

bool question_for_other(const struct question *q)
{
    return q->ask->on_behalf_of.ptr != NULL;
}

static bool lists_party(const struct question *q, const struct rule *rule)
{
    const size_t wanted = (size_t)(q->party.client - q->policy->clients);
    size_t low = 0;
    size_t high = rule->num_parties;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (rule->parties[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < rule->num_parties && rule->parties[low] == wanted;
}

/* may_act - has the asker any rule for acting for somebody, or for this very party? */
static bool may_act(const struct question *q, bool for_this_party)
{
    const struct rule_refs *allow = &q->asker->client->allow;
    for (size_t i = 0; i < allow->num; i++) {
        if (allow->items[i]->delegates && q->now_s < allow->items[i]->until_s &&
            (!for_this_party || lists_party(q, allow->items[i]))) {
            return true;
        }
    }
    return false;
}

/* leave_out_many - a client that is known by patterns alone is nobody in particular: no certificate
 * could ever be its own. Said to those only who may act for its instances. */
static void leave_out_many(struct question *q)
{
    const struct policy_client *client = q->party.client;
    if (q->knows_party && q->party.instance.ptr == NULL && policy_stands_for_many(client)) {
        q->many = client;
        q->party.client = NULL;
        q->knows_party = false;
    }
}

/* question_begin - field by field: clearing the buffer too would cost more than most decisions. */
void question_begin(struct question *q, const struct policy *policy,
                    const struct policy_caller *caller, const struct policy_ask *ask, int64_t now_s)
{
    q->policy = policy;
    q->ask = ask;
    q->now_s = now_s;
    q->self = *caller;
    q->self.effort = &q->effort;
    q->effort = (struct regex_effort){.matches = MATCHES_MAX, .costly = COSTLY_MATCHES_MAX};
    q->asker = &q->self;
    q->caller = &q->self;
    q->delegating = false;
    q->delegate = NULL;
    q->party.client = NULL;
    q->knows_party = false;
    q->many = NULL;
    read_common_name(q);
    if (question_for_other(q)) {
        q->delegating = true;
        if (!policy_caller_by_principal(policy, ask->on_behalf_of, &q->party)) {
            q->party.client = NULL;
        }
        q->party.effort = &q->effort;
        q->knows_party = q->party.client != NULL && may_act(q, true);
        leave_out_many(q);
    }
}

void question_go_on(struct question *q, const struct rule *delegate)
{
    q->caller = &q->party;
    q->delegating = false;
    q->delegate = delegate;
}

bool rule_counts(const struct question *q, const struct rule *rule)
{
    const enum policy_action action = q->ask->action;
    const unsigned wanted = action == ACTION_INFO
                                ? action_bit(ACTION_INFO) | action_bit(ACTION_NEWCERT)
                                : action_bit(action);
    return (rule->actions & wanted) != 0 && rule->delegates == q->delegating &&
           (!q->delegating || lists_party(q, rule));
}

/* ---- allow rules ---- */

/* best_allow - the first rule that allows, else the one that came nearest. */
static struct verdict best_allow(const struct question *q)
{
    const struct rule_refs *allow = &q->caller->client->allow;
    struct verdict best = {.reason = q->delegating ? REASON_NOT_DELEGATED : REASON_NO_RULE,
                           .name_index = SIZE_MAX};
    for (size_t i = 0; i < allow->num; i++) {
        if (!rule_counts(q, allow->items[i])) {
            continue;
        }
        struct verdict v = {.rule = allow->items[i]};
        size_t step = 0;
        if (!verdict_next(q, &v, &step)) {
            return v;
        }
        if (v.reason > best.reason ||
            (v.reason == best.reason && v.num_covered > best.num_covered)) {
            best = v;
        }
    }
    return best;
}

static struct verdict decide(struct question *q)
{
    struct verdict v;
    if (deny_first(q, &v)) {
        return v;
    }
    if (q->delegating && !q->knows_party) {
        const bool may_ask = q->party.client == NULL && may_act(q, false);
        return (struct verdict){.reason = may_ask ? REASON_UNKNOWN_PARTY : REASON_NOT_DELEGATED,
                                .name_index = SIZE_MAX};
    }
    v = best_allow(q);
    if (q->delegating && v.reason == REASON_ALLOWED) {
        question_go_on(q, v.rule);
        v = best_allow(q);
    }
    return v;
}

/* ---- the answer ---- */

/* fill_quota - nobody is kept from revoking what is its own: that would keep certificates valid which
 * nobody needs any more. */
static void fill_quota(const struct rule *rule, const struct policy_ask *ask,
                       struct policy_quota *ret)
{
    if (ask->action == ACTION_REVOKE && ask->relation == CERT_OWN) {
        return;
    }
    *ret = rule->quota;
    if (ask->action == ACTION_REVOKE) {
        ret->max_active = 0;
        ret->auto_revoke_oldest = false;
        if (ret->rate_count == 0) {
            ret->rule_id = NULL;
        }
    }
}

static void lower_to(uint64_t *validity_s, uint64_t cap_s)
{
    if (cap_s != 0 && (*validity_s == 0 || cap_s < *validity_s)) {
        *validity_s = cap_s;
    }
}

/* fill_allowed - what comes with the permission, from the rule and the delegating one, if any. */
static void fill_allowed(const struct question *q, const struct rule *rule,
                         struct policy_decision *ret)
{
    const enum policy_action action = q->ask->action;
    if (action == ACTION_INFO) {
        return;
    }
    fill_quota(rule, q->ask, &ret->quota);
    if (q->delegate != NULL) {
        fill_quota(q->delegate, q->ask, &ret->delegate_quota);
    }
    if (action != ACTION_NEWCERT) {
        return;
    }
    ret->max_validity_s = rule->issue->max_validity_s;
    subject_add_fixed(rule, q->ask, ret);
    if (q->delegate != NULL) {
        lower_to(&ret->max_validity_s, q->delegate->issue->max_validity_s);
        subject_add_fixed(q->delegate, q->ask, ret);
    }
}

static void fill(const struct question *q, const struct verdict *v, struct policy_decision *ret)
{
    *ret = (struct policy_decision){.allowed = v->reason == REASON_ALLOWED,
                                    .reason = v->reason,
                                    .place = {.file = policy_file(q->policy)},
                                    .name_index = v->name_index};
    if (q->delegate != NULL) {
        ret->delegate_rule_id = q->delegate->id;
    }
    if (v->rule == NULL) {
        return;
    }
    ret->rule_id = v->rule->id;
    ret->owner = v->rule->owner;
    ret->ticket = v->rule->ticket;
    ret->place = verdict_place(q, v);
    if (ret->allowed) {
        fill_allowed(q, v->rule, ret);
    }
}

void policy_decide(const struct policy *policy, const struct policy_caller *caller,
                   const struct policy_ask *ask, int64_t now_s, struct policy_decision *ret)
{
    struct question q;
    question_begin(&q, policy, caller, ask, now_s);
    const struct verdict v = decide(&q);
    fill(&q, &v, ret);
    verdict_explain(&q, &v, ret->detail);
    if (v.reason == REASON_DENY_RULE && ask->action == ACTION_REVOKE && ask->relation != CERT_OWN) {
        ret->name_index = SIZE_MAX; /* nor is its place in somebody else's certificate said */
    }
}
