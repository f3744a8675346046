/* load_conditions.c - what an allow rule demands of a request, field by field in the files that know
 * each: everything but who it is for. */
#include "policy/load.h"

static void load_revoke(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    static const char *const words[] = {"own", "names", "any", NULL};
    static const enum revoke_scope scopes[] = {REVOKE_SCOPE_OWN, REVOKE_SCOPE_NAMES,
                                               REVOKE_SCOPE_ANY};
    size_t scope = 0;
    rule->at[REASON_NOT_OWNER] = load_pos(ld, n);
    rule->at[REASON_UNKNOWN_CERT] = load_pos(ld, n);
    if (yaml_read_choice(&ld->r, n, "revoke", words, &scope)) {
        rule->revoke = scopes[scope];
    }
}

static void load_flags(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    (void)yaml_read_bool(&ld->r, yaml_get(n, "wildcards"), "wildcards", &rule->wildcards);
    (void)yaml_read_bool(&ld->r, yaml_get(n, "broad"), "broad", &rule->broad);
    (void)yaml_read_bool(&ld->r, yaml_get(n, "no_names"), "no_names", &rule->issue->no_names);
}

/* load_issue - what is about new certificates alone. */
static void load_issue(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    struct issue_rule *issue = rule->issue;
    load_common_name(ld, yaml_get(n, "common_name"), rule);
    load_subject(ld, yaml_get(n, "subject"), issue);
    load_keys(ld, yaml_get(n, "keys"), &issue->keys);
    issue->num_profiles =
        load_profiles(ld, yaml_get(n, "profiles"), &issue->profiles, &issue->profiles_at);
    load_usages(ld, yaml_get(n, "usages"), &issue->usages);
    rule->at[REASON_SUBJECT] = load_pos(ld, yaml_get(n, "subject"));
    rule->at[REASON_KEY] = load_pos(ld, yaml_get(n, "keys"));
    rule->at[REASON_PROFILE] = load_pos(ld, yaml_get(n, "profiles"));
}

void load_conditions(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    const struct yaml_node *names = yaml_get(n, "names");
    rule->issue = load_array(ld, 1, sizeof(*rule->issue));
    if (rule->issue == NULL) {
        return;
    }
    load_flags(ld, n, rule);
    load_names(ld, names, rule);
    rule->at[REASON_NAME_NOT_ALLOWED] = load_pos(ld, names);
    rule->at[REASON_NO_NAMES] = load_pos(ld, names);
    rule->at[REASON_OUT_OF_SCOPE] = load_pos(ld, names);
    load_issue(ld, n, rule);
    load_from(ld, yaml_get(n, "from"), rule);
    load_when(ld, yaml_get(n, "when"), rule);
    load_limits(ld, n, rule);
    load_revoke(ld, yaml_get(n, "revoke"), rule);
    load_check_allow(ld, n, rule);
}
