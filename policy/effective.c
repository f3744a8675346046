/* effective.c - see trace.h: everything a client may get, rule by rule. Rules are shown as they stand;
 * only placeholders are filled in, and what deny rules take away is added. The conditions of a rule
 * are in effective_rule.c. */
#include "policy/effective.h"

#include <stdio.h>

/* ---- could a certificate fit both? ---- */

static struct name name_of(const struct pattern *exact)
{
    return (struct name){.kind = exact->kind, .text = exact->text};
}

/* fixed_end - the labels right of the last placeholder. */
static struct slice fixed_end(const struct pattern *p)
{
    const char *brace = memrchr(p->text.ptr, '}', p->text.len);
    struct slice end = p->text;
    if (brace != NULL) {
        end = (struct slice){brace + 1, (size_t)(p->text.ptr + p->text.len - brace) - 1};
    }
    while (end.len > 0 && end.ptr[0] == '.') {
        end = (struct slice){end.ptr + 1, end.len - 1};
    }
    return end;
}

/* ends_in - whole labels at the end; everything ends in nothing. */
static bool ends_in(struct slice name, struct slice end)
{
    return slice_has_suffix(name, end) &&
           (end.len == 0 || name.len == end.len || name.ptr[name.len - end.len - 1] == '.');
}

/* unknown_meets - a pattern whose placeholders have no value yet. Where it can't be told they meet. */
static bool unknown_meets(const struct pattern *allow, const struct pattern *deny)
{
    const struct slice end = fixed_end(allow);
    if (allow->kind != NAME_DNS || deny->shape == PATTERN_REGEX) {
        return true;
    }
    const bool one_label = allow->shape == PATTERN_EXACT &&
                           placeholder_len(allow->text) + 1 + end.len == allow->text.len;
    if (one_label && deny->shape == PATTERN_EXACT && ends_in(deny->text, end)) {
        return memchr(deny->text.ptr, '.', deny->text.len) ==
               deny->text.ptr + deny->text.len - end.len - 1;
    }
    return ends_in(end, deny->text) || ends_in(deny->text, end);
}

/* globs_meet - two that both stand for many names. Where it can't be told they do. */
static bool globs_meet(const struct pattern *allow, const struct pattern *deny)
{
    return allow->shape == PATTERN_REGEX || deny->shape == PATTERN_REGEX ||
           allow->kind == NAME_URI || pattern_within(allow, deny) || pattern_within(deny, allow);
}

static bool patterns_meet(const struct effective *e, const struct pattern *allow,
                          const struct pattern *deny)
{
    char text[NAME_TEXT_MAX + 1];
    struct pattern filled = *allow;
    if (allow->kind != deny->kind) {
        return false;
    }
    if (allow->has_placeholder) {
        struct slice value;
        if (!placeholder_fill(allow->kind, allow->text, e->caller, text, &value)) {
            return unknown_meets(allow, deny);
        }
        filled.has_placeholder = false;
        filled.text = value;
    }
    if (deny->shape == PATTERN_EXACT) {
        const struct name name = name_of(deny);
        return pattern_covers(&filled, &name, e->caller);
    }
    if (filled.shape == PATTERN_EXACT) {
        const struct name name = name_of(&filled);
        return pattern_touches(deny, &name);
    }
    return globs_meet(&filled, deny);
}

static bool cuts_into(const struct effective *e, const struct rule *rule,
                      const struct pattern *deny)
{
    for (size_t i = 0; i < rule->names.num; i++) {
        if (patterns_meet(e, &rule->names.items[i], deny)) {
            return true;
        }
    }
    return false;
}

static bool profiles_meet(const struct rule *allow, const struct rule *deny)
{
    for (size_t i = 0; i < allow->issue->num_profiles; i++) {
        for (size_t k = 0; k < deny->num_deny_profiles; k++) {
            if (strcmp(allow->issue->profiles[i], deny->deny_profiles[k]) == 0) {
                return true;
            }
        }
    }
    return deny->num_deny_profiles == 0;
}

/* ---- deny rules ---- */

static void show_deny(struct effective *e, const struct rule *deny, size_t num_cut,
                      const struct rule *allow)
{
    struct view *v = &e->v;
    char text[NAME_TEXT_MAX + 1];
    view_object(v, NULL);
    view_text(v, v->json ? "rule" : "but not, by rule", slice_of(deny->id));
    v->indent = 2;
    if (num_cut > 0) {
        view_list(v, "names", true);
        for (size_t i = 0; i < deny->names.num; i++) {
            if (cuts_into(e, allow, &deny->names.items[i])) {
                view_item(v, slice_of(pattern_text(&deny->names.items[i], text)));
            }
        }
        view_list_end(v);
    }
    effective_actions(e, deny->actions & allow->actions);
    effective_texts(e, "profiles", deny->deny_profiles, deny->num_deny_profiles);
    v->indent = 0;
    view_object_end(v);
}

static void try_denies(struct effective *e, const struct rule_refs *refs, const struct rule *allow)
{
    for (size_t i = 0; i < refs->num; i++) {
        const struct rule *deny = refs->items[i];
        size_t num_cut = 0;
        for (size_t n = 0; n < deny->names.num; n++) {
            num_cut += cuts_into(e, allow, &deny->names.items[n]) ? 1U : 0U;
        }
        if ((deny->actions & allow->actions) != 0 && profiles_meet(allow, deny) &&
            (deny->names.num == 0 || num_cut > 0)) {
            show_deny(e, deny, num_cut, allow);
        }
    }
}

/* ---- one rule, one client ---- */

static const char *state_of(const struct effective *e, const struct rule *rule)
{
    if (e->now_s >= rule->until_s) {
        return "ended";
    }
    return window_is_open(rule->when, e->now_s) ? "in force" : "not at this time";
}

static void show_rule(struct effective *e, const struct rule *rule)
{
    struct view *v = &e->v;
    char heading[200];
    char number[24];
    (void)snprintf(heading, sizeof(heading), "rule %s", rule->id);
    view_object(v, heading);
    if (v->json) {
        view_text(v, "rule", slice_of(rule->id));
    }
    const struct diag_place place = rule_place(e->policy, rule->pos);
    char where[400];
    (void)snprintf(number, sizeof(number), ":%u:%u", place.line, place.col);
    (void)snprintf(where, sizeof(where), "%.370s%s", place.file, number);
    view_text(v, "place", slice_of(where));
    view_text(v, "state", slice_of(state_of(e, rule)));
    effective_conditions(e, rule);
    view_array(v, "but_not");
    try_denies(e, &e->caller->client->deny, rule);
    try_denies(e, &e->policy->deny_everybody, rule);
    view_array_end(v);
    view_object_end(v);
}

static void show_groups(struct effective *e)
{
    const struct policy *policy = e->policy;
    const size_t client = (size_t)(e->caller->client - policy->clients);
    view_list(&e->v, "groups", false);
    for (size_t g = 0; g < policy->num_groups; g++) {
        for (size_t i = 0; i < policy->groups[g].num_clients; i++) {
            if (policy->groups[g].clients[i] == client) {
                view_item(&e->v, slice_of(policy->groups[g].id));
            }
        }
    }
    view_list_end(&e->v);
}

static void show_client(struct effective *e)
{
    struct view *v = &e->v;
    const struct policy_client *client = e->caller->client;
    char principal[POLICY_PRINCIPAL_MAX + 1];
    char heading[POLICY_PRINCIPAL_MAX + 16];
    const struct slice who = policy_principal(e->caller, principal);
    (void)snprintf(heading, sizeof(heading), "client %s", client->id);
    view_object(v, heading);
    if (v->json) {
        view_text(v, "client", slice_of(client->id));
    }
    view_text(v, "principal", who);
    view_text(v, "description", slice_of(client->description));
    show_groups(e);
    view_array(v, "rules");
    for (size_t i = 0; i < client->allow.num; i++) {
        show_rule(e, client->allow.items[i]);
    }
    view_array_end(v);
    if (!v->json && client->allow.num == 0) {
        buf_add_str(v->out, "\nno rule allows this client anything\n");
    }
    view_object_end(v);
}

bool policy_effective(const struct policy *policy, const struct policy_caller *caller,
                      int64_t now_s, bool json, struct buf *out)
{
    struct effective e = {
        .policy = policy, .caller = caller, .now_s = now_s, .v = {.out = out, .json = json}};
    show_client(&e);
    if (json) {
        buf_add_char(out, '\n');
    }
    return buf_ok(out);
}
