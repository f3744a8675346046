/* load_names.c - names: and common_name: of a rule, from the tree to patterns. Whether a pattern is
 * too wide is load_checks.c's business. */
#include "policy/load.h"

/* ---- one name ---- */

static void free_regex(void *regex)
{
    regex_free(regex);
}

static bool read_regex(struct loader *ld, const struct yaml_node *n, enum name_kind kind,
                       struct pattern *ret)
{
    static const char *const keys[] = {"regex", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"regexp", "regex"}, {"re", "regex"}, {"pattern", "regex"}, {NULL, NULL}};
    struct slice text;
    struct cb_err err;
    struct regex *regex = NULL;
    const struct yaml_node *expression = yaml_get(n, "regex");
    if (!load_map(ld, n, "a name that is a map", keys, synonyms)) {
        return false;
    }
    if (expression == NULL) {
        yaml_complain(
            &ld->r, n,
            "a name is a text, or a map with one key: { regex: '[a-z]+\\.example\\.org' }");
        return false;
    }
    if (!yaml_read_text(&ld->r, expression, "regex", &text)) {
        return false;
    }
    if (pattern_parse_regex(&ld->policy->arena, kind, text, ret, &regex, &err) != CB_OK) {
        yaml_complain(&ld->r, expression, "%s", err.msg);
        return false;
    }
    return load_own(ld, regex, free_regex);
}

static bool looks_like_regex(struct slice text)
{
    return slice_has_byte(text, '\\') || slice_has_byte(text, '(') || slice_has_byte(text, '^') ||
           memmem(text.ptr, text.len, ".*", 2) != NULL ||
           memmem(text.ptr, text.len, "]+", 2) != NULL;
}

/* read_pattern - a text or a regular expression. */
static bool read_pattern(struct loader *ld, const struct yaml_node *n, enum name_kind kind,
                         struct pattern *ret)
{
    struct slice text;
    struct cb_err err;
    if (n->kind == YAML_MAP) {
        return read_regex(ld, n, kind, ret);
    }
    if (!yaml_read_text(&ld->r, n, name_kind_word(kind), &text)) {
        return false;
    }
    if (pattern_parse(&ld->policy->arena, kind, text, ret, &err) != CB_OK) {
        yaml_complain(
            &ld->r, n, "%s%s", err.msg,
            looks_like_regex(text) ? "; a regular expression is written as { regex: '...' }" : "");
        return false;
    }
    return true;
}

static void add_pattern(struct loader *ld, const struct yaml_node *n, enum name_kind kind,
                        struct rule *rule)
{
    struct pattern *p = &rule->names.items[rule->names.num];
    if (!read_pattern(ld, n, kind, p)) {
        return;
    }
    if (rule->deny && p->has_placeholder) {
        yaml_complain(&ld->r, n,
                      "a deny rule has no placeholders: one that has no value would let through "
                      "what the rule is there to stop");
        return;
    }
    p->at = load_pos(ld, n);
    rule->names.num++;
    if (p->shape == PATTERN_NET && p->bits == 0) {
        load_warn(ld, n, "this network is every address there is");
    }
    load_check_broad(ld, n, rule, p);
    load_check_scope(ld, n, p);
}

/* ---- names ---- */

void load_names(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    static const char *const keys[] = {"dns", "ip", "uri", "email", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"hosts", "dns"}, {"host", "dns"},   {"hostnames", "dns"}, {"domains", "dns"},
        {"ips", "ip"},    {"address", "ip"}, {"addresses", "ip"},  {"networks", "ip"},
        {"urls", "uri"},  {"spiffe", "uri"}, {"mail", "email"},    {"emails", "email"},
        {NULL, NULL}};
    if (n == NULL) {
        return;
    }
    if (n->kind == YAML_LIST) {
        yaml_complain(&ld->r, n,
                      "names must be a map with a list for each kind of name, such as "
                      "{ dns: [www.example.org], ip: [10.0.0.7] }");
        return;
    }
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
            add_pattern(ld, item, (enum name_kind)kind, rule);
        }
    }
}

/* ---- common_name ---- */

/* may_be_text - what is no pattern may be a text for people, unless it was surely meant as one. */
static bool may_be_text(struct slice text, enum name_kind kind)
{
    return kind != NAME_IP && !slice_has_byte(text, '*') &&
           memmem(text.ptr, text.len, "${", 2) == NULL;
}

/* read_cn - a pattern into ret; false if it is none, and then complained about or kept as a text. A
 * regular expression is about a common name that is a host name. */
static bool read_cn(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue,
                    struct pattern *ret)
{
    struct slice text;
    struct cb_err err;
    if (n->kind == YAML_MAP) {
        return read_regex(ld, n, NAME_DNS, ret);
    }
    if (!load_printable(ld, n, "common_name", 255, &text)) {
        return false;
    }
    const enum name_kind kind = pattern_classify(text);
    if (pattern_parse(&ld->policy->arena, kind, text, ret, &err) == CB_OK) {
        return true;
    }
    if (may_be_text(text, kind)) {
        issue->cn_texts.items[issue->cn_texts.num] = load_keep(ld, text);
        issue->cn_texts.num++;
        load_check_cn_text(ld, n);
    } else {
        yaml_complain(&ld->r, n, "%s", err.msg);
    }
    return false;
}

static void add_cn(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    struct issue_rule *issue = rule->issue;
    struct pattern *p = &issue->cn_patterns.items[issue->cn_patterns.num];
    if (!read_cn(ld, n, issue, p)) {
        return;
    }
    p->at = load_pos(ld, n);
    issue->cn_patterns.num++;
    if (p->kind != NAME_DNS || p->shape != PATTERN_EXACT || p->has_placeholder) {
        load_check_broad(ld, n, rule, p); /* one word alone is a common name like others */
    }
    load_check_scope(ld, n, p);
}

static void load_cn_word(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue)
{
    static const char *const words[] = {"in_names", "absent", "any", NULL};
    static const enum cn_mode modes[] = {CN_IN_NAMES, CN_ABSENT, CN_ANY};
    size_t mode = 0;
    if (yaml_read_choice(&ld->r, n, "common_name (if it is no list of patterns)", words, &mode)) {
        issue->cn = modes[mode];
    }
    if (issue->cn == CN_ANY) {
        load_danger(ld, n, "common_name: any lets a client put any host name into the subject");
    }
}

void load_common_name(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    struct issue_rule *issue = rule->issue;
    rule->at[REASON_COMMON_NAME] = load_pos(ld, n);
    if (n == NULL || n->kind == YAML_SCALAR) {
        if (n != NULL) {
            load_cn_word(ld, n, issue);
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
        add_cn(ld, item, rule);
    }
}
