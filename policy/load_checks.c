/* load_checks.c - rules that are well written and still wrong: without fields that the settings ask
 * for, with grants that want a second look, with combinations that can't have been meant. How far the
 * names reach is load_reach.c's business. */
#include "policy/load.h"
#include "policy/placeholder.h"
#include "policy/suffix.h"

#include <stdarg.h>
#include <stdio.h>

#define NEWCERT (1U << ACTION_NEWCERT)
#define REVOKE (1U << ACTION_REVOKE)
#define INFO (1U << ACTION_INFO)

void load_danger(struct loader *ld, const struct yaml_node *n, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0) {
        text[0] = '\0';
    }
    va_end(ap);
    diag_add(ld->r.diags, ld->settings->strict ? DIAG_ERROR : DIAG_WARNING,
             yaml_key_place(&ld->r, n), "%s%s", text,
             ld->settings->strict ? ", which settings: strict does not allow" : "");
}

/* ---- what the settings ask for ---- */

static void check_required(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    static const struct {
        const char *key;
        unsigned bit;
    } fields[] = {{"owner", REQUIRE_OWNER},
                  {"ticket", REQUIRE_TICKET},
                  {"reason", REQUIRE_REASON},
                  {"until", REQUIRE_UNTIL},
                  {"description", REQUIRE_DESCRIPTION}};
    char missing[64] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if ((ld->settings->require & fields[i].bit) != 0 && load_needs(n, fields[i].key)) {
            const int len = snprintf(missing + used, sizeof(missing) - used, "%s%s",
                                     used == 0 ? "" : ", ", fields[i].key);
            used += len > 0 ? (size_t)len : 0;
        }
    }
    if (used > 0) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" needs %s: settings: require asks for it in every allow rule",
                      rule->id, missing);
    }
}

/* ---- dangerous grants ---- */

static const struct pattern *first_broad(const struct pattern_list *list)
{
    for (size_t i = 0; i < list->num; i++) {
        if (suffix_is_broad(&list->items[i])) {
            return &list->items[i];
        }
    }
    return NULL;
}

static void check_broad(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    const struct pattern *p = first_broad(&rule->names);
    char text[NAME_TEXT_MAX + 1];
    char quoted[NAME_QUOTE_SIZE];
    if (p == NULL) {
        p = first_broad(&rule->issue->cn_patterns);
    }
    if (p == NULL) {
        load_warn(ld, n, "broad has no effect: no pattern of rule \"%s\" needs it", rule->id);
    } else {
        load_danger(ld, n, "broad: true allows \"%s\", names that no single owner has",
                    name_quote(slice_of(pattern_text(p, text)), quoted));
    }
}

static void check_wildcards(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    for (size_t i = 0; i < rule->names.num; i++) {
        if (pattern_matches_wildcards(&rule->names.items[i])) {
            load_danger(ld, n,
                        "wildcards: true lets one certificate stand for all hosts of a domain");
            return;
        }
    }
    load_warn(ld, n,
              "wildcards has no effect: no dns pattern of rule \"%s\" covers a wildcard name",
              rule->id);
}

static void check_dangerous(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    if (rule->wildcards) {
        check_wildcards(ld, yaml_get(n, "wildcards"), rule);
    }
    if (rule->broad) {
        check_broad(ld, yaml_get(n, "broad"), rule);
    }
    if (rule->revoke == REVOKE_SCOPE_ANY) {
        load_danger(ld, yaml_get(n, "revoke"),
                    "revoke: any lets these clients revoke every certificate of the CA");
    }
}

/* ---- combinations ---- */

static bool has_host_pattern(const struct rule *rule)
{
    for (size_t i = 0; i < rule->names.num; i++) {
        if (rule->names.items[i].kind == NAME_DNS || rule->names.items[i].kind == NAME_IP) {
            return true;
        }
    }
    return false;
}

static void check_newcert(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    const struct yaml_node *names = yaml_get(n, "names");
    if (!rule->issue->no_names && load_needs(n, "names")) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" allows newcert and needs names: what may be asked for",
                      rule->id);
    }
    if (!rule->issue->no_names && rule->names.num > 0 && !has_host_pattern(rule)) {
        yaml_complain(&ld->r, names,
                      "rule \"%s\" lists no dns and no ip names, and a certificate "
                      "must have one: add them, or no_names: true",
                      rule->id);
    }
    if (load_needs(n, "profiles")) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" allows newcert and needs profiles: the CA's profiles "
                      "that may be asked for",
                      rule->id);
    }
    if (load_needs(n, "max_validity")) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" allows newcert and needs max_validity: the longest that a "
                      "certificate may live, such as 720h, or unlimited, which leaves it to the "
                      "CA's profile",
                      rule->id);
    }
}

/* A field, and the actions without any of which it does nothing. */
static const struct {
    const char *key;
    unsigned actions;
    const char *words;
} used_by[] = {
    {"common_name", NEWCERT, "newcert"},
    {"subject", NEWCERT, "newcert"},
    {"keys", NEWCERT, "newcert"},
    {"usages", NEWCERT, "newcert"},
    {"max_names", NEWCERT, "newcert"},
    {"max_validity", NEWCERT, "newcert"},
    {"no_names", NEWCERT, "newcert"},
    {"max_active", NEWCERT, "newcert"},
    {"auto_revoke_oldest", NEWCERT, "newcert"},
    {"profiles", NEWCERT | INFO, "newcert or info"},
    {"revoke", REVOKE, "revoke"},
    {"rate", NEWCERT | REVOKE, "newcert or revoke"},
};

static void warn_idle(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    for (size_t i = 0; i < sizeof(used_by) / sizeof(used_by[0]); i++) {
        const struct yaml_node *field = yaml_get(n, used_by[i].key);
        if (field != NULL && (rule->actions & used_by[i].actions) == 0) {
            load_warn(ld, field, "%s has no effect without the action %s", used_by[i].key,
                      used_by[i].words);
        }
    }
    const struct yaml_node *names = yaml_get(n, "names");
    if (names != NULL && (rule->actions & NEWCERT) == 0 && rule->revoke != REVOKE_SCOPE_NAMES) {
        load_warn(ld, names, "names has no effect without the action newcert or revoke: names");
    }
}

static void check_revoke(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    if (rule->revoke == REVOKE_SCOPE_NAMES && load_needs(n, "names")) {
        yaml_complain(&ld->r, yaml_get(n, "revoke"),
                      "revoke: names needs names: whose certificates may be revoked");
    }
}

static void check_delegate(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    const struct yaml_node *parties = yaml_get(n, "for");
    if (rule->actions != 0 && (rule->actions & (NEWCERT | REVOKE)) == 0) {
        load_warn(ld, n,
                  "rule \"%s\" has no effect: only newcert and revoke can be asked for others",
                  rule->id);
    }
    if (parties == NULL || parties->kind != YAML_LIST || rule->num_clients != 1) {
        return;
    }
    const char *self = ld->policy->clients[rule->clients[0]].id;
    for (const struct yaml_node *item = parties->first; item != NULL; item = item->next) {
        if (item->kind == YAML_SCALAR && slice_eq_str(item->text, self)) {
            yaml_complain(&ld->r, item,
                          "client \"%s\" would act for itself, which needs no delegate: take it "
                          "out of this list, or delegate out of the rule",
                          self);
        }
    }
}

void load_check_allow(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    check_required(ld, n, rule);
    check_dangerous(ld, n, rule);
    load_check_reach(ld, n, rule);
    if ((rule->actions & NEWCERT) != 0) {
        check_newcert(ld, n, rule);
    }
    if (rule->actions != 0) {
        warn_idle(ld, n, rule);
    }
    check_revoke(ld, n, rule);
    if (rule->delegates) {
        check_delegate(ld, yaml_get(n, "delegate"), rule);
    }
}

/* ---- deny rules ---- */

/* check_never - a rule that is believed in and never matches is worse than none. */
static void check_never(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    const struct yaml_node *names = yaml_get(n, "names");
    const struct yaml_node *profiles = yaml_get(n, "profiles");
    if (rule->actions == 0) {
        return;
    }
    if (profiles != NULL && (rule->actions & (NEWCERT | INFO)) == 0) {
        yaml_complain(&ld->r, profiles,
                      "rule \"%s\" never matches: only newcert and info ask for a profile",
                      rule->id);
    }
    if (names != NULL && (rule->actions & (NEWCERT | REVOKE)) == 0) {
        yaml_complain(&ld->r, names,
                      "rule \"%s\" never matches: only newcert and revoke are about names",
                      rule->id);
    }
    if (names != NULL && profiles != NULL && (rule->actions & NEWCERT) == 0) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" never matches: only newcert has both names and a profile",
                      rule->id);
    }
}

void load_check_deny(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    check_never(ld, n, rule);
    load_check_reach(ld, n, rule);
    if (yaml_get(n, "clients") == NULL && yaml_get(n, "actions") == NULL &&
        yaml_get(n, "names") == NULL && yaml_get(n, "profiles") == NULL) {
        load_warn(ld, n, "rule \"%s\" refuses everything to everybody", rule->id);
    }
}
