/* load_link.c - what is worked out from all rules once they are there: each client's own rules, names to
 * be looked up fast, when things end, which claims are wanted. */
#include "policy/load.h"
#include "policy/placeholder.h"

#define CLAIMS_MAX 8U /* different ones in ${jwt.CLAIM}: each record holds them all */

#include <stdlib.h>

#define NAME_SET_MIN 9U /* patterns; fewer are gone through faster */

/* ---- each client's own rules, so that deciding costs nothing for other clients' rules ---- */

static struct rule_refs *refs_of(struct policy *p, const struct rule *rule, size_t i)
{
    if (rule->deny && rule->num_clients == 0) {
        return &p->deny_everybody;
    }
    struct policy_client *client = &p->clients[rule->clients[i]];
    return rule->deny ? &client->deny : &client->allow;
}

static size_t num_refs(const struct rule *rule)
{
    return rule->deny && rule->num_clients == 0 ? 1 : rule->num_clients;
}

static void make_refs(struct loader *ld, struct rule_refs *refs)
{
    if (refs->num > 0) {
        refs->items = load_array(ld, refs->num, sizeof(const struct rule *));
        refs->num = 0;
    }
}

static void link_clients(struct loader *ld)
{
    struct policy *p = ld->policy;
    for (size_t r = 0; r < p->num_rules; r++) {
        for (size_t i = 0; i < num_refs(&p->rules[r]); i++) {
            refs_of(p, &p->rules[r], i)->num++;
        }
    }
    make_refs(ld, &p->deny_everybody);
    for (size_t c = 0; c < p->num_clients; c++) {
        make_refs(ld, &p->clients[c].deny);
        make_refs(ld, &p->clients[c].allow);
    }
    for (size_t r = 0; r < p->num_rules && !ld->no_memory; r++) {
        for (size_t i = 0; i < num_refs(&p->rules[r]); i++) {
            struct rule_refs *refs = refs_of(p, &p->rules[r], i);
            refs->items[refs->num++] = &p->rules[r];
        }
    }
}

/* ---- names ---- */

static void free_set(void *set)
{
    name_set_free(set);
}

static struct name_set *new_set(struct loader *ld, const struct pattern *const *patterns,
                                const size_t *values, size_t num)
{
    struct name_set *set = name_set_new(patterns, values, num);
    if (set == NULL) {
        ld->no_memory = true;
        return NULL;
    }
    return load_own(ld, set, free_set) ? set : NULL;
}

/* link_names - many names of one rule: each pattern counts as its index. */
static void link_names(struct loader *ld, struct rule *rule)
{
    const size_t num = rule->names.num;
    if (num < NAME_SET_MIN) {
        return;
    }
    const struct pattern **patterns = load_array(ld, num, sizeof(const struct pattern *));
    size_t *values = load_array(ld, num, sizeof(*values));
    if (patterns == NULL || values == NULL) {
        return;
    }
    for (size_t i = 0; i < num; i++) {
        patterns[i] = &rule->names.items[i];
        values[i] = i;
    }
    rule->name_set = new_set(ld, patterns, values, num);
}

/* only_names - a touched name is all that this deny rule asks for. */
static bool only_names(const struct rule *rule)
{
    return rule->names.num > 0 && rule->num_deny_profiles == 0 &&
           rule->actions == action_bit(ACTION_NEWCERT);
}

/* link_deny - the names nobody may have, in one set for all rules. */
static void link_deny(struct loader *ld)
{
    struct policy *p = ld->policy;
    const struct rule_refs *all = &p->deny_everybody;
    size_t num = 0;
    for (size_t i = 0; i < all->num; i++) {
        num += only_names(all->items[i]) ? all->items[i]->names.num : 0;
    }
    const struct pattern **patterns = load_array(ld, num, sizeof(const struct pattern *));
    size_t *values = load_array(ld, num, sizeof(*values));
    p->deny_others.items = load_array(ld, all->num, sizeof(const struct rule *));
    if (ld->no_memory) {
        return;
    }
    num = 0;
    for (size_t i = 0; i < all->num; i++) {
        const struct rule *rule = all->items[i];
        if (!only_names(rule)) {
            p->deny_others.items[p->deny_others.num++] = rule;
            continue;
        }
        for (size_t k = 0; k < rule->names.num; k++) {
            patterns[num] = &rule->names.items[k];
            values[num++] = (size_t)(rule - p->rules);
        }
    }
    if (num > 0) {
        p->deny_names = new_set(ld, patterns, values, num);
    }
}

/* ---- ends ---- */

static int compare_ends(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return x < y ? -1 : (x > y ? 1 : 0);
}

static void link_ends(struct loader *ld)
{
    struct policy *p = ld->policy;
    p->ends_s = calloc(p->num_rules + p->num_creds + 1, sizeof(*p->ends_s));
    if (p->ends_s == NULL) {
        ld->no_memory = true;
        return;
    }
    for (size_t i = 0; i < p->num_rules; i++) {
        if (!p->rules[i].deny && p->rules[i].until_s != INT64_MAX) {
            p->ends_s[p->num_ends++] = p->rules[i].until_s;
        }
    }
    for (size_t i = 0; i < p->num_creds; i++) {
        if (p->creds[i].expires_s != INT64_MAX) {
            p->ends_s[p->num_ends++] = p->creds[i].expires_s;
        }
    }
    qsort(p->ends_s, p->num_ends, sizeof(*p->ends_s), compare_ends);
}

/* ---- claims ---- */

static void complain_claims(struct loader *ld, const struct pattern *p)
{
    diag_add(ld->r.diags, DIAG_ERROR, rule_place(ld->policy, p->at),
             "this is the policy's claim number %u in ${jwt...}, and at most %u fit into a record",
             CLAIMS_MAX + 1, CLAIMS_MAX);
}

static void link_claims(struct loader *ld, const struct pattern *p)
{
    struct table *claims = &ld->policy->claims;
    struct slice claim;
    size_t at = 0;
    while (pattern_next_claim(p, &at, &claim)) {
        size_t known = 0;
        if (!table_get(claims, 0, claim, &known) && !table_put(claims, 0, claim, 1)) {
            ld->no_memory = true;
            return;
        }
        if (claims->num > CLAIMS_MAX) {
            complain_claims(ld, p);
            return;
        }
    }
}

static void link_claims_of(struct loader *ld, const struct pattern_list *list)
{
    for (size_t i = 0; i < list->num; i++) {
        link_claims(ld, &list->items[i]);
    }
}

void load_link(struct loader *ld)
{
    struct policy *p = ld->policy;
    link_clients(ld);
    for (size_t i = 0; i < p->num_rules && !ld->no_memory; i++) {
        struct rule *rule = &p->rules[i];
        link_names(ld, rule);
        link_claims_of(ld, &rule->names);
        if (rule->issue != NULL) {
            link_claims_of(ld, &rule->issue->cn_patterns);
        }
    }
    if (!ld->no_memory) {
        link_deny(ld);
    }
    link_ends(ld);
    load_check_takeovers(ld);
}
