/* decide.c - see policy.h: may this client have this? Deny rules first, then the client's allow
 * rules in file order; a refusal is explained by the rule that came nearest.
 *
 * Pure: no clock, no lock, no allocation. Whether a name fits a pattern is pattern.c's business, the
 * words of a refusal are explain.c's. */
#include "policy/verdict.h"

/* The request and what is worked out from it once for all rules. */
struct question {
    const struct policy_ask *ask;
    int64_t now_s;
    bool cn_is_name; /* the common name, read as a name, equals this one */
    struct name cn_name;
    bool cn_is_dotted_name; /* it is a name with a dot behind, which some verifiers overlook */
    char cn_buf[NAME_TEXT_MAX + 1];
};

/* ask_question - field by field: clearing the buffer too would cost more than most decisions. */
static void ask_question(struct question *q, const struct policy_ask *ask, int64_t now_s)
{
    q->ask = ask;
    q->now_s = now_s;
    q->cn_is_name = false;
    q->cn_is_dotted_name = false;
    struct slice cn = ask->common_name;
    struct cb_err err;
    if (cn.ptr == NULL) {
        return;
    }
    q->cn_is_name = name_parse_into(cn, q->cn_buf, &q->cn_name, &err) == CB_OK;
    if (!q->cn_is_name && cn.len > 0 && cn.ptr[cn.len - 1] == '.') {
        cn.len--;
        q->cn_is_dotted_name = name_parse_into(cn, q->cn_buf, &q->cn_name, &err) == CB_OK;
    }
}

/* ---- deny rules ---- */

static bool touches(const struct rule *rule, const struct name *name)
{
    for (size_t i = 0; i < rule->names.num; i++) {
        if (pattern_touches(&rule->names.items[i], name)) {
            return true;
        }
    }
    return false;
}

static bool deny_matches(const struct question *q, const struct rule *rule, struct verdict *v)
{
    if ((rule->actions & action_bit(q->ask->action)) == 0) {
        return false;
    }
    *v = (struct verdict){.reason = REASON_DENY_RULE, .rule = rule, .name_index = SIZE_MAX};
    if (rule->names.num == 0) {
        return true;
    }
    for (size_t i = 0; i < q->ask->num_names; i++) {
        if (touches(rule, &q->ask->names[i])) {
            v->name_index = i;
            return true;
        }
    }
    v->common_name = (q->cn_is_name || q->cn_is_dotted_name) && touches(rule, &q->cn_name);
    return v->common_name;
}

/* first_deny - the first in file order of two lists that both are in file order. */
static bool first_deny(const struct question *q, const struct rule_refs *own,
                       const struct rule_refs *everybody, struct verdict *v)
{
    size_t i = 0;
    size_t j = 0;
    while (i < own->num || j < everybody->num) {
        const bool take_own =
            j == everybody->num || (i < own->num && own->items[i] < everybody->items[j]);
        const struct rule *rule = take_own ? own->items[i++] : everybody->items[j++];
        if (deny_matches(q, rule, v)) {
            return true;
        }
    }
    return false;
}

/* ---- the conditions of an allow rule; each is true when it holds ---- */

static bool covers_but_for_wildcard(const struct pattern_list *list, const struct name *name)
{
    for (size_t i = 0; i < list->num; i++) {
        if (pattern_covers(&list->items[i], name)) {
            return true;
        }
    }
    return false;
}

/* names_hold - counts on after the first failure: the count tells which rule came nearest. */
static bool names_hold(const struct question *q, struct verdict *v)
{
    v->num_covered = 0;
    for (size_t i = 0; i < q->ask->num_names; i++) {
        const struct name *name = &q->ask->names[i];
        const bool covered = covers_but_for_wildcard(&v->rule->names, name);
        const bool forbidden = name_is_wildcard(name) && !v->rule->wildcards;
        if (covered && !forbidden) {
            v->num_covered++;
        } else if (v->name_index == SIZE_MAX) {
            v->name_index = i;
            v->only_wildcard = covered;
        }
    }
    return v->name_index == SIZE_MAX;
}

static bool has_host(const struct policy_ask *ask)
{
    for (size_t i = 0; i < ask->num_names; i++) {
        if (ask->names[i].kind == NAME_DNS || ask->names[i].kind == NAME_IP) {
            return true;
        }
    }
    return false;
}

static bool cn_is_asked_name(const struct question *q)
{
    if (!q->cn_is_name || (q->cn_name.kind != NAME_DNS && q->cn_name.kind != NAME_IP)) {
        return false;
    }
    for (size_t i = 0; i < q->ask->num_names; i++) {
        if (name_cmp(&q->cn_name, &q->ask->names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool list_has(const struct text_list *list, struct slice text)
{
    for (size_t i = 0; i < list->num; i++) {
        if (slice_eq(list->items[i], text)) {
            return true;
        }
    }
    return false;
}

static bool common_name_holds(const struct question *q, const struct rule *rule)
{
    if (q->ask->common_name.ptr == NULL) {
        return true;
    }
    const struct issue_rule *issue = rule->issue;
    switch (issue->cn) {
    case CN_IN_NAMES:
        return cn_is_asked_name(q);
    case CN_ABSENT:
        return false;
    case CN_ANY:
        return true;
    case CN_LISTED:
        break;
    }
    if (list_has(&issue->cn_texts, q->ask->common_name)) {
        return true;
    }
    return q->cn_is_name && (rule->wildcards || !name_is_wildcard(&q->cn_name)) &&
           covers_but_for_wildcard(&issue->cn_patterns, &q->cn_name);
}

static bool subject_holds(const struct question *q, struct verdict *v)
{
    unsigned seen = 0;
    for (size_t i = 0; i < q->ask->num_subject; i++) {
        const struct subject_attr *attr = &q->ask->subject[i];
        const unsigned bit = 1U << (unsigned)attr->type;
        v->attr_index = i;
        v->attr_repeated = (seen & bit) != 0;
        if (v->attr_repeated || !list_has(&v->rule->issue->subject[attr->type], attr->value)) {
            return false;
        }
        seen |= bit;
    }
    return true;
}

static bool key_holds(const struct policy_ask *ask, const struct key_rule *keys)
{
    const unsigned bits = ask->key_bits;
    switch (ask->key_algo) {
    case KEY_ECDSA:
        return (bits == 256 && keys->ecdsa_256) || (bits == 384 && keys->ecdsa_384) ||
               (bits == 521 && keys->ecdsa_521);
    case KEY_RSA:
        break;
    }
    if (keys->rsa_max != 0 && bits >= keys->rsa_min && bits <= keys->rsa_max) {
        return true;
    }
    for (size_t i = 0; i < keys->num_rsa_sizes; i++) {
        if (keys->rsa_sizes[i] == bits) {
            return true;
        }
    }
    return false;
}

static bool profile_holds(const struct policy_ask *ask, const struct issue_rule *issue)
{
    for (size_t i = 0; i < issue->num_profiles; i++) {
        if (slice_eq_str(ask->profile, issue->profiles[i])) {
            return true;
        }
    }
    return false;
}

/* ---- one allow rule and one action: the reason of the first condition that fails ---- */

static enum policy_reason check_newcert(const struct question *q, struct verdict *v)
{
    const struct issue_rule *issue = v->rule->issue;
    if (!issue->no_names && !has_host(q->ask)) {
        return REASON_NO_NAMES;
    }
    if (q->ask->num_names > issue->max_names) {
        return REASON_TOO_MANY_NAMES;
    }
    if (!names_hold(q, v)) {
        return REASON_NAME_NOT_ALLOWED;
    }
    if (!common_name_holds(q, v->rule)) {
        return REASON_COMMON_NAME;
    }
    if (!subject_holds(q, v)) {
        return REASON_SUBJECT;
    }
    if (!key_holds(q->ask, &issue->keys)) {
        return REASON_KEY;
    }
    return profile_holds(q->ask, issue) ? REASON_ALLOWED : REASON_PROFILE;
}

static enum policy_reason check_revoke(const struct question *q, struct verdict *v)
{
    if (q->ask->relation == CERT_OWN || v->rule->revoke == REVOKE_SCOPE_ANY) {
        return REASON_ALLOWED;
    }
    if (q->ask->relation == CERT_UNKNOWN) {
        return REASON_UNKNOWN_CERT;
    }
    const bool by_name =
        v->rule->revoke == REVOKE_SCOPE_NAMES && q->ask->num_names > 0 && names_hold(q, v);
    v->name_index = SIZE_MAX; /* the names of somebody else's certificate stay unsaid */
    return by_name ? REASON_ALLOWED : REASON_NOT_OWNER;
}

/* Which profile signs is no secret from a client that may ask for any; "default" is what a caller
 * gets who names none. */
static enum policy_reason check_info(const struct question *q, const struct verdict *v)
{
    return slice_eq(q->ask->profile, SLICE("default")) || profile_holds(q->ask, v->rule->issue)
               ? REASON_ALLOWED
               : REASON_PROFILE;
}

static bool is_about(const struct rule *rule, enum policy_action action)
{
    const unsigned wanted = action == ACTION_INFO
                                ? action_bit(ACTION_INFO) | action_bit(ACTION_NEWCERT)
                                : action_bit(action);
    return (rule->actions & wanted) != 0;
}

static struct verdict check_rule(const struct question *q, const struct rule *rule)
{
    struct verdict v = {.rule = rule, .name_index = SIZE_MAX};
    if (q->now_s >= rule->until_s) {
        v.reason = REASON_RULE_EXPIRED;
        return v;
    }
    switch (q->ask->action) {
    case ACTION_NEWCERT:
        v.reason = check_newcert(q, &v);
        break;
    case ACTION_REVOKE:
        v.reason = check_revoke(q, &v);
        break;
    case ACTION_INFO:
        v.reason = check_info(q, &v);
        break;
    }
    return v;
}

/* best_allow - the first rule that allows, else the one that came nearest. */
static struct verdict best_allow(const struct question *q, const struct rule_refs *allow)
{
    struct verdict best = {.reason = REASON_NO_RULE, .name_index = SIZE_MAX};
    for (size_t i = 0; i < allow->num; i++) {
        if (!is_about(allow->items[i], q->ask->action)) {
            continue;
        }
        const struct verdict v = check_rule(q, allow->items[i]);
        if (v.reason == REASON_ALLOWED) {
            return v;
        }
        if (v.reason > best.reason ||
            (v.reason == best.reason && v.num_covered > best.num_covered)) {
            best = v;
        }
    }
    return best;
}

/* ---- the answer ---- */

static void fill(struct policy_decision *ret, const struct policy *policy,
                 enum policy_action action, const struct verdict *v)
{
    *ret = (struct policy_decision){.allowed = v->reason == REASON_ALLOWED,
                                    .reason = v->reason,
                                    .place = {.file = policy_file(policy)},
                                    .name_index = v->name_index};
    if (v->rule == NULL) {
        return;
    }
    const struct pos condition = v->rule->at[v->reason];
    const struct pos pos = condition.line != 0 ? condition : v->rule->pos;
    ret->rule_id = v->rule->id;
    ret->owner = v->rule->owner;
    ret->ticket = v->rule->ticket;
    ret->place.line = pos.line;
    ret->place.col = pos.col;
    if (ret->allowed && action == ACTION_NEWCERT) {
        ret->max_validity_s = v->rule->issue->max_validity_s;
    }
}

void policy_decide(const struct policy *policy, const struct policy_client *client,
                   const struct policy_ask *ask, int64_t now_s, struct policy_decision *ret)
{
    struct question q;
    ask_question(&q, ask, now_s);
    struct verdict v;
    if (!first_deny(&q, &client->deny, &policy->deny_everybody, &v)) {
        v = best_allow(&q, &client->allow);
    }
    fill(ret, policy, ask->action, &v);
    verdict_explain(&v, client, ask, ret->detail);
    if (v.reason == REASON_DENY_RULE && ask->action == ACTION_REVOKE && ask->relation != CERT_OWN) {
        ret->name_index = SIZE_MAX;
    }
}
