/* load_rules.c - the rules: part of a policy: what each rule is about. What an allow rule demands is
 * in load_conditions.c, its names in load_names.c. */
#include "policy/load.h"

#include "broker/base/clock.h"

#define SUGGEST_COMPARISONS 2000000U /* spelling comparisons in one load, so that it stays fast */

static const char *const allow_keys[] = {
    "id",       "effect",    "description",  "owner",    "ticket",      "until",   "clients",
    "actions",  "names",     "wildcards",    "no_names", "common_name", "subject", "keys",
    "profiles", "max_names", "max_validity", "revoke",   NULL};
static const char *const deny_keys[] = {"id",      "effect",  "description", "owner", "ticket",
                                        "clients", "actions", "names",       NULL};

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
                                                    {NULL, NULL}};
static const struct yaml_synonym deny_synonyms[] = {
    {"hosts", "names"}, {"san", "names"}, {"sans", "names"}, {"domains", "names"},
    {"who", "clients"}, {"name", "id"},   {NULL, NULL}};

static const char *const action_words[] = {"newcert", "revoke", "info", NULL};

/* ---- who ---- */

static const char *suggest_client(struct loader *ld, struct slice id)
{
    struct policy *p = ld->policy;
    if (ld->suggestions_left < p->num_clients) {
        return NULL;
    }
    ld->suggestions_left -= p->num_clients;
    if (ld->client_names == NULL) {
        ld->client_names = load_array(ld, p->num_clients + 1, sizeof(*ld->client_names));
        for (size_t i = 0; ld->client_names != NULL && i < p->num_clients; i++) {
            ld->client_names[i] = p->clients[i].id;
        }
    }
    return ld->client_names == NULL ? NULL : yaml_suggest(id, ld->client_names);
}

static void add_client(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    struct policy *p = ld->policy;
    struct slice id;
    size_t index = 0;
    char quoted[NAME_QUOTE_SIZE];
    if (!yaml_read_text(&ld->r, n, "a client id", &id)) {
        return;
    }
    if (slice_eq(id, SLICE("*"))) {
        yaml_complain(&ld->r, n,
                      rule->deny ? "leave clients out: a deny rule without it is about everybody"
                                 : "an allow rule names its clients one by one: there is no *");
        return;
    }
    if (!table_get(&p->client_ids, 0, id, &index)) {
        const char *meant = suggest_client(ld, id);
        yaml_complain(&ld->r, n, "there is no client \"%s\"%s%s%s", name_quote(id, quoted),
                      meant == NULL ? " under clients" : ": did you mean \"",
                      meant == NULL ? "" : meant, meant == NULL ? "" : "\"?");
        return;
    }
    const size_t this_rule = (size_t)(rule - p->rules) + 1;
    if (p->clients[index].last_rule == this_rule) {
        yaml_complain(&ld->r, n, "client \"%s\" is listed twice", name_quote(id, quoted));
        return;
    }
    p->clients[index].last_rule = this_rule;
    rule->clients[rule->num_clients++] = index;
}

static void load_who(struct loader *ld, const struct yaml_node *n,
                     const struct yaml_node *rule_node, struct rule *rule)
{
    if (n == NULL) {
        if (!rule->deny) {
            yaml_complain(&ld->r, rule_node,
                          "rule \"%s\" needs clients: the ids of those it is for", rule->id);
        }
        return;
    }
    if (!yaml_check_list(&ld->r, n, "clients")) {
        return;
    }
    rule->clients = load_array(ld, n->num, sizeof(*rule->clients));
    for (const struct yaml_node *c = n->first; c != NULL && rule->clients != NULL; c = c->next) {
        add_client(ld, c, rule);
    }
}

/* ---- what ---- */

static void load_actions(struct loader *ld, const struct yaml_node *n,
                         const struct yaml_node *rule_node, struct rule *rule)
{
    if (n == NULL && rule->deny) {
        /* A ban on names is about issuing them: what was issued before must stay revocable. One
         * without names shuts its clients out of everything. */
        rule->actions = yaml_get(rule_node, "names") != NULL ? 1U << ACTION_NEWCERT
                                                             : (1U << POLICY_ACTION_COUNT) - 1;
        return;
    }
    if (n == NULL) {
        yaml_complain(&ld->r, rule_node,
                      "rule \"%s\" needs actions: a list of newcert, revoke, info", rule->id);
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
    rule->at[REASON_RULE_EXPIRED] = load_pos(n);
    if (!load_time_end(ld, n, "until", &rule->until_s)) {
        return;
    }
    rule->until_text = load_copy(ld, n->text);
    if (rule->until_s <= ld->now_s) {
        load_warn(ld, n, "rule \"%s\" has expired: it allows nothing any more", rule->id);
    }
}

/* ---- one rule ---- */

/* load_id - never NULL, so that complaints can name the rule; a bad one is complained about. */
static const char *load_id(struct loader *ld, const struct yaml_node *rule_node, struct table *seen)
{
    const struct yaml_node *n = yaml_get(rule_node, "id");
    struct slice id;
    char quoted[NAME_QUOTE_SIZE];
    size_t line = 0;
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
    if (table_get(seen, 0, id, &line)) {
        yaml_complain(&ld->r, n, "rule id \"%s\" is taken: the first one is in line %zu",
                      name_quote(id, quoted), line);
        return "?";
    }
    const char *copy = load_copy(ld, id);
    if (copy == NULL || !table_put(seen, 0, (struct slice){copy, id.len}, n->line)) {
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

static void load_deny(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    load_names(ld, yaml_get(n, "names"), rule);
    rule->at[REASON_DENY_RULE] = load_pos(yaml_get(n, "names"));
    if (rule->num_clients == 0 && yaml_get(n, "clients") == NULL &&
        yaml_get(n, "actions") == NULL && yaml_get(n, "names") == NULL) {
        load_warn(ld, n, "rule \"%s\" refuses everything to everybody", rule->id);
    }
}

static void load_rule(struct loader *ld, const struct yaml_node *n, struct table *seen)
{
    struct rule *rule = &ld->policy->rules[ld->policy->num_rules];
    *rule = (struct rule){.id = "?", .pos = {n->line, n->col}, .until_s = INT64_MAX};
    if (n->kind == YAML_MAP) {
        load_effect(ld, yaml_get(n, "effect"), rule);
        rule->id = load_id(ld, n, seen);
    }
    const bool is_map =
        load_map(ld, n, rule->deny ? "a deny rule" : "a rule", rule->deny ? deny_keys : allow_keys,
                 rule->deny ? deny_synonyms : rule_synonyms);
    if (!is_map) {
        return;
    }
    ld->policy->num_rules++;
    (void)load_note(ld, yaml_get(n, "description"), "description");
    rule->owner = load_note(ld, yaml_get(n, "owner"), "owner");
    rule->ticket = load_note(ld, yaml_get(n, "ticket"), "ticket");
    load_who(ld, yaml_get(n, "clients"), n, rule);
    load_actions(ld, yaml_get(n, "actions"), n, rule);
    if (rule->deny) {
        load_deny(ld, n, rule);
        return;
    }
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
    struct policy *p = ld->policy;
    struct table seen = {0};
    ld->suggestions_left = SUGGEST_COMPARISONS;
    p->rules = load_array(ld, rules->num, sizeof(*p->rules));
    for (const struct yaml_node *n = rules->first; n != NULL && !ld->no_memory; n = n->next) {
        load_rule(ld, n, &seen);
    }
    table_free(&seen);
}
