/* load_scope.c - scope: what the names of a file's rules must stay inside, as lists of patterns.
 * Whether a rule does is looked at where its names are read, and again in each decision. */
#include "policy/load.h"

static const char *const scope_keys[] = {"dns", "ip", "uri", "email", NULL};
static const struct yaml_synonym scope_synonyms[] = {
    {"names", "dns"},    {"hosts", "dns"},    {"domains", "dns"}, {"ips", "ip"},
    {"networks", "ip"},  {"urls", "uri"},     {"spiffe", "uri"},  {"mail", "email"},
    {"addresses", "ip"}, {"emails", "email"}, {NULL, NULL}};

static void add_pattern(struct loader *ld, const struct yaml_node *n, enum name_kind kind,
                        struct pattern_list *list)
{
    struct slice text;
    struct cb_err err;
    if (n->kind == YAML_MAP) {
        yaml_complain(&ld->r, n,
                      "a scope is made of patterns alone: there are no regular "
                      "expressions in it");
        return;
    }
    if (!yaml_read_text(&ld->r, n, name_kind_word(kind), &text)) {
        return;
    }
    struct pattern *p = &list->items[list->num];
    if (pattern_parse(&ld->policy->arena, kind, text, p, &err) != CB_OK) {
        yaml_complain(&ld->r, n, "%s", err.msg);
        return;
    }
    if (p->has_placeholder) {
        yaml_complain(&ld->r, n,
                      "a scope is the same for everybody: there are no placeholders "
                      "(${...}) in it");
        return;
    }
    p->at = load_pos(ld, n);
    list->num++;
}

const struct pattern_list *load_scope(struct loader *ld, const struct yaml_node *n)
{
    if (n == NULL || !load_map(ld, n, "a scope", scope_keys, scope_synonyms)) {
        return NULL;
    }
    if (n->num == 0) {
        yaml_complain(&ld->r, n,
                      "this scope is empty, so that no name would be inside: put dns, ip, "
                      "uri or email lists in");
        return NULL;
    }
    size_t total = 0;
    for (const struct yaml_node *list = n->first; list != NULL; list = list->next) {
        total += list->num;
    }
    struct pattern_list *scope = load_array(ld, 1, sizeof(*scope));
    struct pattern *items = load_array(ld, total, sizeof(*items));
    if (scope == NULL || items == NULL) {
        return NULL;
    }
    scope->items = items;
    for (int kind = 0; kind < NAME_KIND_COUNT; kind++) {
        const char *word = name_kind_word((enum name_kind)kind);
        const struct yaml_node *list = yaml_get(n, word);
        if (!yaml_check_list(&ld->r, list, word)) {
            continue;
        }
        for (const struct yaml_node *item = list->first; item != NULL; item = item->next) {
            add_pattern(ld, item, (enum name_kind)kind, scope);
        }
    }
    return scope;
}
