/* load_reach.c - how far a rule may reach: not over domains of different owners unless it says so, and
 * not out of the scope of its file. */
#include "policy/load.h"
#include "policy/placeholder.h"
#include "policy/suffix.h"

#include <stdio.h>

/* ---- patterns that reach too far ---- */

void load_check_broad(struct loader *ld, const struct yaml_node *n, const struct rule *rule,
                      const struct pattern *p)
{
    static const char *const narrower[NAME_KIND_COUNT] = {[NAME_DNS] = "**.acme.example",
                                                          [NAME_IP] = "",
                                                          [NAME_URI] = "spiffe://acme.example/**",
                                                          [NAME_EMAIL] = "*@acme.example"};
    char text[NAME_TEXT_MAX + 1];
    char quoted[NAME_QUOTE_SIZE];
    if (rule->deny || rule->broad || !suffix_is_broad(p)) {
        return;
    }
    (void)name_quote(slice_of(pattern_text(p, text)), quoted);
    if (p->shape == PATTERN_EXACT && !p->has_placeholder) {
        yaml_complain(&ld->r, n,
                      "\"%s\" is in no domain that has one owner: write the full name, such as "
                      "%s.acme.example, or add broad: true to the rule if it is meant so",
                      quoted, quoted);
        return;
    }
    yaml_complain(&ld->r, n,
                  "\"%s\" reaches over domains of different owners: name the domain that is meant, "
                  "as in \"%s\", or add broad: true to the rule if all of them are",
                  quoted, narrower[p->kind]);
}

static bool lies_within(const struct pattern *p, const struct pattern_list *scope)
{
    for (size_t i = 0; i < scope->num; i++) {
        if (pattern_within(p, &scope->items[i])) {
            return true;
        }
    }
    return false;
}

/* print_scope - "dns *.a.example, **.b.example" of one kind, cut where there is no more room. */
static const char *print_scope(const struct pattern_list *scope, enum name_kind kind, char *out,
                               size_t size)
{
    char text[NAME_TEXT_MAX + 1];
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < scope->num; i++) {
        if (scope->items[i].kind != kind) {
            continue;
        }
        (void)pattern_text(&scope->items[i], text);
        if (used + strlen(text) + sizeof(", ...") > size) {
            (void)snprintf(out + used, size - used, ", ...");
            break;
        }
        const int len = snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ", text);
        used += len > 0 ? (size_t)len : 0;
    }
    return out;
}

static void complain_out_of(struct loader *ld, const struct yaml_node *n, const struct pattern *p,
                            const struct pattern_list *scope)
{
    char listed[160];
    char where[LOAD_WHERE_SIZE];
    char text[NAME_TEXT_MAX + 1];
    char quoted[NAME_QUOTE_SIZE];
    const char *word = name_kind_word(p->kind);
    (void)load_where(ld, scope->items[0].at, where);
    (void)print_scope(scope, p->kind, listed, sizeof(listed));
    if (listed[0] == '\0') {
        yaml_complain(&ld->r, n, "the scope of this file (%s) allows no %s names at all", where,
                      word);
        return;
    }
    yaml_complain(&ld->r, n, "\"%s\" reaches out of the scope of this file (%s), which is %s %s",
                  name_quote(slice_of(pattern_text(p, text)), quoted), where, word, listed);
}

/* has_kind - are there names of the kind in the scope? */
static bool has_kind(const struct pattern_list *scope, enum name_kind kind)
{
    for (size_t i = 0; i < scope->num; i++) {
        if (scope->items[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* load_check_scope - of an expression only its kind is known here; its names are checked one by one
 * when it is decided about them. */
void load_check_scope(struct loader *ld, const struct yaml_node *n, const struct pattern *p)
{
    for (unsigned i = 0; i < ld->num_scopes; i++) {
        const struct pattern_list *scope = ld->scopes[i];
        const bool fine =
            p->shape == PATTERN_REGEX ? has_kind(scope, p->kind) : lies_within(p, scope);
        if (!fine && scope->num > 0) {
            complain_out_of(ld, n, p, scope);
            return;
        }
    }
}

void load_check_cn_text(struct loader *ld, const struct yaml_node *n)
{
    char quoted[NAME_QUOTE_SIZE];
    if (ld->num_scopes > 0) {
        yaml_complain(
            &ld->r, n,
            "\"%s\" is no name, and so not inside the scope of this file: list names only",
            name_quote(n->text, quoted));
    }
}

/* ---- a scope and fields that know none ---- */

static void check_deny_reach(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    if (yaml_get(n, "names") == NULL) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" needs names: in a file with a scope a deny rule is about names "
                      "inside it",
                      rule->id);
    }
    for (size_t i = 0; i < rule->names.num; i++) {
        if (rule->names.items[i].shape == PATTERN_REGEX) {
            diag_add(
                ld->r.diags, DIAG_ERROR, rule_place(ld->policy, rule->names.items[i].at),
                "that a regular expression stays inside the scope of this file cannot be told: "
                "deny by patterns here");
        }
    }
}

void load_check_reach(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    if (ld->num_scopes == 0) {
        return;
    }
    if (rule->deny) {
        check_deny_reach(ld, n, rule);
        return;
    }
    if (rule->revoke == REVOKE_SCOPE_ANY) {
        yaml_complain(&ld->r, yaml_get(n, "revoke"),
                      "revoke: any reaches out of the scope of this file: write own or names");
    }
    if (rule->issue->cn == CN_ANY) {
        yaml_complain(&ld->r, yaml_get(n, "common_name"),
                      "common_name: any reaches out of the scope of this file: write in_names, "
                      "absent or a list");
    }
    if (rule->issue->no_names) {
        yaml_complain(&ld->r, yaml_get(n, "no_names"),
                      "no_names: true reaches out of the scope of this file: a certificate without "
                      "a host is inside no domain");
    }
}
