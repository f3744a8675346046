/* load_rules.c - the rules: part of a policy: what each rule is about. What an allow rule demands is
 * in load_conditions.c, its names in load_names.c. */
#include "policy/load.h"

#include <stdlib.h>

static const char *const allow_keys[] = {
    "id",        "effect",   "description", "owner",       "ticket",
    "reason",    "until",    "clients",     "actions",     "names",
    "wildcards", "broad",    "no_names",    "common_name", "subject",
    "keys",      "profiles", "usages",      "max_names",   "max_validity",
    "from",      "when",     "rate",        "max_active",  "auto_revoke_oldest",
    "delegate",  "revoke",   NULL};
static const char *const deny_keys[] = {"id",     "effect",   "description", "owner",
                                        "ticket", "reason",   "clients",     "actions",
                                        "names",  "profiles", NULL};

/* What people write who come from CFSSL, certificates or other policies. */
static const struct yaml_synonym rule_synonyms[] = {{"hosts", "names"},
                                                    {"host", "names"},
                                                    {"hostnames", "names"},
                                                    {"san", "names"},
                                                    {"sans", "names"},
                                                    {"domains", "names"},
                                                    {"dns", "names"},
                                                    {"ip", "names"},
                                                    {"uri", "names"},
                                                    {"email", "names"},
                                                    {"cn", "common_name"},
                                                    {"key", "keys"},
                                                    {"algo", "keys"},
                                                    {"key_types", "keys"},
                                                    {"ttl", "max_validity"},
                                                    {"max_ttl", "max_validity"},
                                                    {"validity", "max_validity"},
                                                    {"expiry", "until"},
                                                    {"expires", "until"},
                                                    {"expiration", "until"},
                                                    {"allow", "actions"},
                                                    {"operations", "actions"},
                                                    {"who", "clients"},
                                                    {"principals", "clients"},
                                                    {"wildcard", "wildcards"},
                                                    {"name", "id"},
                                                    {"comment", "description"},
                                                    {"type", "effect"},
                                                    {"profile", "profiles"},
                                                    {"why", "reason"},
                                                    {"justification", "reason"},
                                                    {"usage", "usages"},
                                                    {"key_usage", "usages"},
                                                    {"ext_key_usage", "usages"},
                                                    {"source", "from"},
                                                    {"sources", "from"},
                                                    {"networks", "from"},
                                                    {"cidr", "from"},
                                                    {"schedule", "when"},
                                                    {"hours", "when"},
                                                    {"days", "when"},
                                                    {"time", "when"},
                                                    {"rate_limit", "rate"},
                                                    {"limit", "rate"},
                                                    {"quota", "max_active"},
                                                    {"max_certs", "max_active"},
                                                    {"on_behalf_of", "delegate"},
                                                    {"for", "delegate"},
                                                    {"groups", "clients"},
                                                    {"group", "clients"},
                                                    {NULL, NULL}};
static const struct yaml_synonym deny_synonyms[] = {
    {"hosts", "names"}, {"san", "names"}, {"sans", "names"},       {"domains", "names"},
    {"who", "clients"}, {"name", "id"},   {"profile", "profiles"}, {"groups", "clients"},
    {"why", "reason"},  {NULL, NULL}};

static const char *const action_words[] = {"newcert", "revoke", "info", NULL};

static bool is_word_of(struct slice word, const char *const *words)
{
    while (*words != NULL && !slice_eq_str(word, *words)) {
        words++;
    }
    return *words != NULL;
}

static bool is_meant(struct slice word, const char *key)
{
    const char *const keys[] = {key, NULL};
    for (const struct yaml_synonym *s = rule_synonyms; s->word != NULL; s++) {
        if (slice_eq_nocase(word, slice_of(s->word))) {
            return strcmp(s->meant, key) == 0;
        }
    }
    return yaml_suggest(word, keys) != NULL;
}

bool load_needs(const struct yaml_node *rule_node, const char *key)
{
    if (yaml_get(rule_node, key) != NULL) {
        return false;
    }
    for (const struct yaml_node *n = rule_node->first; n != NULL; n = n->next) {
        if (!is_word_of(n->key, allow_keys) && is_meant(n->key, key)) {
            return false;
        }
    }
    return true;
}

/* ---- who ---- */

static void load_who(struct loader *ld, const struct yaml_node *n,
                     const struct yaml_node *rule_node, struct rule *rule)
{
    if (n == NULL) {
        if (!rule->deny && load_needs(rule_node, "clients")) {
            yaml_complain(&ld->r, rule_node,
                          "rule \"%s\" needs clients: the ids of those it is for", rule->id);
        }
        return;
    }
    struct party_list list;
    (void)load_parties(ld, n, "clients", &list);
    rule->clients = list.clients;
    rule->num_clients = list.num_clients;
    rule->groups = list.groups;
    rule->num_groups = list.num_groups;
}

static int compare_indexes(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a;
    const size_t y = *(const size_t *)b;
    return x < y ? -1 : (x > y ? 1 : 0);
}

static void load_delegate(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    static const char *const keys[] = {"for", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"clients", "for"}, {"to", "for"}, {"parties", "for"}, {NULL, NULL}};
    rule->at[REASON_NOT_DELEGATED] = load_pos(ld, n);
    rule->delegates = n != NULL;
    if (n != NULL && n->kind != YAML_MAP) {
        yaml_complain(&ld->r, n,
                      "delegate must be a map: { for: [the clients or groups to act for] }");
        return;
    }
    if (n == NULL || !load_map(ld, n, "delegate", keys, synonyms)) {
        return;
    }
    if (yaml_get(n, "for") == NULL) {
        yaml_complain(&ld->r, n, "delegate needs for: the clients or groups to act for");
        return;
    }
    struct party_list list;
    (void)load_parties(ld, yaml_get(n, "for"), "for", &list);
    rule->parties = list.clients;
    rule->num_parties = list.num_clients;
    if (list.num_clients > 0) {
        qsort(list.clients, list.num_clients, sizeof(*list.clients), compare_indexes);
    }
}

/* ---- what ---- */

static void load_actions(struct loader *ld, const struct yaml_node *n,
                         const struct yaml_node *rule_node, struct rule *rule)
{
    if (n == NULL && rule->deny) {
        /* A ban on names or profiles is about issuing them: what was issued before must stay
         * revocable. One without either shuts its clients out of everything. */
        const bool about_new =
            yaml_get(rule_node, "names") != NULL || yaml_get(rule_node, "profiles") != NULL;
        rule->actions = about_new ? 1U << ACTION_NEWCERT : (1U << POLICY_ACTION_COUNT) - 1;
        return;
    }
    if (n == NULL) {
        if (load_needs(rule_node, "actions")) {
            yaml_complain(&ld->r, rule_node,
                          "rule \"%s\" needs actions: a list of newcert, revoke, info", rule->id);
        }
        return;
    }
    if (!yaml_check_list(&ld->r, n, "actions")) {
        return;
    }
    for (const struct yaml_node *a = n->first; a != NULL; a = a->next) {
        size_t action = 0;
        if (!yaml_read_choice(&ld->r, a, "an action", action_words, &action)) {
            continue;
        }
        if ((rule->actions & (1U << action)) != 0) {
            yaml_complain(&ld->r, a, "action %s is listed twice", action_words[action]);
        }
        rule->actions |= 1U << action;
    }
}

static void load_until(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    rule->until_s = INT64_MAX;
    rule->at[REASON_RULE_EXPIRED] = load_pos(ld, n);
    if (!load_time_end(ld, n, "until", &rule->until_s)) {
        return;
    }
    rule->until_text = load_copy(ld, n->text);
    if (rule->until_s <= ld->now_s) {
        load_warn(
            ld, n,
            "rule \"%s\" has expired: it allows nothing any more (move until, or delete the rule)",
            rule->id);
    }
}

/* ---- one rule ---- */

/* load_id - never NULL, so that complaints can name the rule; a bad one is complained about. */
static const char *load_id(struct loader *ld, const struct yaml_node *rule_node)
{
    const struct yaml_node *n = yaml_get(rule_node, "id");
    struct slice id;
    char quoted[NAME_QUOTE_SIZE];
    char where[LOAD_WHERE_SIZE];
    size_t index = 0;
    if (n == NULL) {
        yaml_complain(&ld->r, rule_node, "this rule needs an id: it is named in every decision");
        return "?";
    }
    if (!yaml_read_text(&ld->r, n, "id", &id)) {
        return "?";
    }
    if (!load_id_valid(id)) {
        yaml_complain(&ld->r, n, "rule id \"%s\" " LOAD_ID_RULE, name_quote(id, quoted));
        return "?";
    }
    if (table_get(&ld->rule_ids, 0, id, &index)) {
        yaml_complain(&ld->r, n, "rule id \"%s\" is taken: the first one is in %s",
                      name_quote(id, quoted), load_where(ld, ld->policy->rules[index].pos, where));
        return "?";
    }
    const char *copy = load_copy(ld, id);
    if (copy == NULL ||
        !table_put(&ld->rule_ids, 0, (struct slice){copy, id.len}, ld->policy->num_rules)) {
        ld->no_memory = true;
        return "?";
    }
    return copy;
}

static void load_effect(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    static const char *const words[] = {"allow", "deny", NULL};
    size_t effect = 0;
    if (yaml_read_choice(&ld->r, n, "effect", words, &effect)) {
        rule->deny = effect == 1;
    }
}

static void load_notes(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    rule->description = load_note(ld, yaml_get(n, "description"), "description");
    rule->owner = load_note(ld, yaml_get(n, "owner"), "owner");
    rule->ticket = load_note(ld, yaml_get(n, "ticket"), "ticket");
    rule->why = load_note(ld, yaml_get(n, "reason"), "reason");
}

static void load_deny(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    const struct yaml_node *names = yaml_get(n, "names");
    load_names(ld, names, rule);
    rule->num_deny_profiles =
        load_profiles(ld, yaml_get(n, "profiles"), &rule->deny_profiles, &rule->deny_profiles_at);
    rule->at[REASON_DENY_RULE] = load_pos(ld, names != NULL ? names : yaml_get(n, "profiles"));
    load_check_deny(ld, n, rule);
}

static void load_rule(struct loader *ld, const struct yaml_node *n)
{
    struct rule *rule = &ld->policy->rules[ld->policy->num_rules];
    *rule = (struct rule){.id = "?", .pos = load_pos(ld, n), .until_s = INT64_MAX};
    if (n->kind == YAML_MAP) {
        load_effect(ld, yaml_get(n, "effect"), rule);
        rule->id = load_id(ld, n);
    }
    const bool is_map =
        load_map(ld, n, rule->deny ? "a deny rule" : "a rule", rule->deny ? deny_keys : allow_keys,
                 rule->deny ? deny_synonyms : rule_synonyms);
    if (!is_map) {
        return;
    }
    ld->policy->num_rules++;
    load_notes(ld, n, rule);
    load_who(ld, yaml_get(n, "clients"), n, rule);
    load_actions(ld, yaml_get(n, "actions"), n, rule);
    if (rule->deny) {
        load_deny(ld, n, rule);
        return;
    }
    load_delegate(ld, yaml_get(n, "delegate"), rule);
    load_until(ld, yaml_get(n, "until"), rule);
    load_conditions(ld, n, rule);
}

void load_rules(struct loader *ld, const struct yaml_node *rules)
{
    if (rules->kind != YAML_LIST || rules->num == 0) {
        yaml_complain(&ld->r, rules,
                      "rules must be a list with at least one rule, each beginning "
                      "with - id:");
        return;
    }
    for (const struct yaml_node *n = rules->first;
         n != NULL && !ld->no_memory && !load_is_hopeless(ld); n = n->next) {
        load_rule(ld, n);
    }
}
