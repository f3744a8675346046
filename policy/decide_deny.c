/* decide_deny.c - see verdict.h: does a deny rule match, and which is the first. Those for everybody
 * may be many, and most are about nothing but names: these are found by name. */
#include "policy/verdict.h"

static bool touches(const struct rule *rule, const struct name *name)
{
    if (rule->name_set != NULL) {
        return name_set_touches(rule->name_set, name) != SIZE_MAX;
    }
    for (size_t i = 0; i < rule->names.num; i++) {
        if (pattern_touches(&rule->names.items[i], name)) {
            return true;
        }
    }
    return false;
}

/* cn_matters - it is a name to some verifier, and not one that is looked at anyway. */
static bool cn_matters(const struct question *q)
{
    return q->cn_is_dotted_name || (q->cn_is_name && !cn_is_asked_name(q));
}

static bool profile_matches(const struct question *q, const struct rule *rule)
{
    if (rule->num_deny_profiles == 0) {
        return true;
    }
    for (size_t i = 0; i < rule->num_deny_profiles; i++) {
        if (q->ask->action != ACTION_REVOKE &&
            slice_eq_str(q->ask->profile, rule->deny_profiles[i])) {
            return true;
        }
    }
    return false;
}

bool deny_matches(const struct question *q, const struct rule *rule, struct verdict *v)
{
    if ((rule->actions & action_bit(q->ask->action)) == 0 || !profile_matches(q, rule)) {
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
    v->common_name = cn_matters(q) && touches(rule, &q->cn_name);
    return v->common_name;
}

/* first_of - an earlier rule of this list than *v's, which may have none yet. */
static void first_of(const struct question *q, const struct rule_refs *refs, struct verdict *v)
{
    for (size_t i = 0; i < refs->num; i++) {
        struct verdict found;
        if (v->rule != NULL && refs->items[i] >= v->rule) {
            return;
        }
        if (deny_matches(q, refs->items[i], &found)) {
            *v = found;
            return;
        }
    }
}

/* first_by_name - the lowest rule that touches any of the names. */
static void first_by_name(const struct question *q, const struct name_set *set, struct verdict *v)
{
    size_t lowest = SIZE_MAX;
    for (size_t i = 0; i < q->ask->num_names; i++) {
        const size_t at = name_set_touches(set, &q->ask->names[i]);
        if (at < lowest) {
            lowest = at;
            v->name_index = i;
        }
    }
    if (cn_matters(q)) {
        const size_t at = name_set_touches(set, &q->cn_name);
        if (at < lowest) {
            lowest = at;
            v->name_index = SIZE_MAX;
            v->common_name = true;
        }
    }
    if (lowest != SIZE_MAX) {
        v->reason = REASON_DENY_RULE;
        v->rule = &q->policy->rules[lowest];
    }
}

bool deny_first(const struct question *q, struct verdict *v)
{
    *v = (struct verdict){.name_index = SIZE_MAX};
    if (q->ask->action == ACTION_NEWCERT && q->policy->deny_names != NULL) {
        first_by_name(q, q->policy->deny_names, v);
    }
    first_of(q, &q->policy->deny_others, v);
    first_of(q, &q->asker->client->deny, v);
    if (q->knows_party) {
        first_of(q, &q->party.client->deny, v);
    }
    return v->rule != NULL;
}
