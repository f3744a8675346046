/* load_names.c - names: and common_name: of a rule, from the tree to patterns. */
#include "policy/load.h"

static bool add_pattern(struct loader *ld, const struct yaml_node *n, enum name_kind kind,
                        struct pattern_list *list)
{
    struct slice text;
    struct cb_err err;
    if (!yaml_read_text(&ld->r, n, name_kind_word(kind), &text)) {
        return false;
    }
    struct pattern *p = &list->items[list->num];
    if (pattern_parse(&ld->policy->arena, kind, text, p, &err) != CB_OK) {
        yaml_complain(&ld->r, n, "%s", err.msg);
        return false;
    }
    list->num++;
    if (p->shape == PATTERN_NET && p->bits == 0) {
        load_warn(ld, n, "this network is every address there is");
    }
    return true;
}

void load_names(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    static const char *const keys[] = {"dns", "ip", "uri", "email", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"hosts", "dns"}, {"host", "dns"},   {"hostnames", "dns"}, {"domains", "dns"},
        {"ips", "ip"},    {"address", "ip"}, {"addresses", "ip"},  {"networks", "ip"},
        {"urls", "uri"},  {"spiffe", "uri"}, {"mail", "email"},    {"emails", "email"},
        {NULL, NULL}};
    if (!load_map(ld, n, "names", keys, synonyms)) {
        return;
    }
    if (n->num == 0) {
        yaml_complain(&ld->r, n,
                      "names is an empty map: leave it out or put dns, ip, uri or email "
                      "lists in");
        return;
    }
    size_t total = 0;
    for (const struct yaml_node *list = n->first; list != NULL; list = list->next) {
        total += list->num;
    }
    rule->names.items = load_array(ld, total, sizeof(*rule->names.items));
    for (int kind = 0; kind < NAME_KIND_COUNT && rule->names.items != NULL; kind++) {
        const char *word = name_kind_word((enum name_kind)kind);
        const struct yaml_node *list = yaml_get(n, word);
        if (!yaml_check_list(&ld->r, list, word)) {
            continue;
        }
        for (const struct yaml_node *item = list->first; item != NULL; item = item->next) {
            (void)add_pattern(ld, item, (enum name_kind)kind, &rule->names);
        }
    }
}

/* add_cn - a pattern if it can be one, else a text that the common name must equal. */
static void add_cn(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue)
{
    struct slice text;
    struct cb_err err;
    if (!load_printable(ld, n, "common_name", 255, &text)) {
        return;
    }
    const enum name_kind kind = pattern_classify(text);
    struct pattern *p = &issue->cn_patterns.items[issue->cn_patterns.num];
    if (pattern_parse(&ld->policy->arena, kind, text, p, &err) == CB_OK) {
        issue->cn_patterns.num++;
        return;
    }
    if (kind == NAME_IP || slice_has_byte(text, '*')) { /* surely meant as a pattern */
        yaml_complain(&ld->r, n, "%s", err.msg);
        return;
    }
    const char *copy = load_copy(ld, text);
    if (copy != NULL) {
        issue->cn_texts.items[issue->cn_texts.num++] = (struct slice){copy, text.len};
    }
}

void load_common_name(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue)
{
    static const char *const words[] = {"in_names", "absent", "any", NULL};
    static const enum cn_mode modes[] = {CN_IN_NAMES, CN_ABSENT, CN_ANY};
    if (n == NULL) {
        return;
    }
    if (n->kind == YAML_SCALAR) {
        size_t mode = 0;
        if (yaml_read_choice(&ld->r, n, "common_name (if it is no list of patterns)", words,
                             &mode)) {
            issue->cn = modes[mode];
        }
        if (issue->cn == CN_ANY) {
            load_warn(ld, n, "common_name: any lets a client put any host name into the subject");
        }
        return;
    }
    if (!yaml_check_list(&ld->r, n, "common_name")) {
        return;
    }
    issue->cn = CN_LISTED;
    issue->cn_patterns.items = load_array(ld, n->num, sizeof(*issue->cn_patterns.items));
    issue->cn_texts.items = load_array(ld, n->num, sizeof(*issue->cn_texts.items));
    if (issue->cn_patterns.items == NULL || issue->cn_texts.items == NULL) {
        return;
    }
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        add_cn(ld, item, issue);
    }
}
