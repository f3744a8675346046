/* diff_deny.c - see diff_parts.h: deny rules as sets of what they refuse. A deny rule refuses whatever
 * meets one action, one profile and one name of it, so it may be shared out among others. */
#include "policy/diff_parts.h"

static bool profile_refused(const char *profile, const struct rule *other)
{
    for (size_t i = 0; i < other->num_deny_profiles; i++) {
        if (profile != NULL && strcmp(profile, other->deny_profiles[i]) == 0) {
            return true;
        }
    }
    return other->num_deny_profiles == 0;
}

static bool name_refused(const struct pattern *name, const struct rule *other)
{
    for (size_t i = 0; i < other->names.num; i++) {
        if (name != NULL && pattern_within(name, &other->names.items[i])) {
            return true;
        }
    }
    return other->names.num == 0;
}

static bool refused_by(unsigned action, const char *profile, const struct pattern *name,
                       const struct rule_refs *rules)
{
    for (size_t i = 0; i < rules->num; i++) {
        const struct rule *other = rules->items[i];
        if ((other->actions & 1U << action) != 0 && profile_refused(profile, other) &&
            name_refused(name, other)) {
            return true;
        }
    }
    return false;
}

struct others {
    const struct rule_refs *own, *everybody;
};

/* names_covered - for one action and one profile (NULL: any). */
static bool names_covered(const struct rule *rule, unsigned action, const char *profile,
                          const struct others *others)
{
    const size_t num_names = rule->names.num == 0 ? 1 : rule->names.num;
    for (size_t n = 0; n < num_names; n++) {
        const struct pattern *name = rule->names.num == 0 ? NULL : &rule->names.items[n];
        if (!refused_by(action, profile, name, others->own) &&
            !refused_by(action, profile, name, others->everybody)) {
            return false;
        }
    }
    return true;
}

static bool action_covered(const struct rule *rule, unsigned action, const struct others *others)
{
    const size_t num_profiles = rule->num_deny_profiles == 0 ? 1 : rule->num_deny_profiles;
    for (size_t p = 0; p < num_profiles; p++) {
        const char *profile = rule->num_deny_profiles == 0 ? NULL : rule->deny_profiles[p];
        if (!names_covered(rule, action, profile, others)) {
            return false;
        }
    }
    return true;
}

bool deny_covered(const struct rule *rule, const struct rule_refs *own,
                  const struct rule_refs *everybody)
{
    const struct others others = {own, everybody};
    for (unsigned action = 0; action < POLICY_ACTION_COUNT; action++) {
        if ((rule->actions & 1U << action) != 0 && !action_covered(rule, action, &others)) {
            return false;
        }
    }
    return true;
}
