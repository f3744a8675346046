/* effective_rule.c - see effective.h: the conditions of one rule, in the order of a policy's keys. */
#include "policy/effective.h"
#include "policy/trace_words.h"

#include <stdio.h>

#define MS_PER_S 1000U

void effective_actions(struct effective *e, unsigned actions)
{
    view_list(&e->v, "actions", false);
    for (unsigned a = 0; a < POLICY_ACTION_COUNT; a++) {
        if ((actions & (1U << a)) != 0) {
            view_item(&e->v, slice_of(policy_action_word((enum policy_action)a)));
        }
    }
    view_list_end(&e->v);
}

void effective_texts(struct effective *e, const char *key, const char *const *texts, size_t num)
{
    if (num == 0) {
        return;
    }
    view_list(&e->v, key, false);
    for (size_t i = 0; i < num; i++) {
        view_item(&e->v, slice_of(texts[i]));
    }
    view_list_end(&e->v);
}

/* show_patterns - those of one kind, or of all (kind NAME_KIND_COUNT), with placeholders filled in. */
static void show_patterns(struct effective *e, const char *key, const struct pattern_list *list,
                          unsigned kind)
{
    char text[NAME_TEXT_MAX + 1];
    bool any = false;
    for (size_t i = 0; i < list->num; i++) {
        if (kind != NAME_KIND_COUNT && (unsigned)list->items[i].kind != kind) {
            continue;
        }
        if (!any) {
            view_list(&e->v, key, true);
            any = true;
        }
        (void)pattern_expand(&list->items[i], e->caller, text);
        view_item(&e->v, slice_of(text));
    }
    if (any) {
        view_list_end(&e->v);
    }
}

static void show_names(struct effective *e, const struct rule *rule)
{
    if (rule->names.num == 0) {
        return;
    }
    view_map(&e->v, "names");
    for (unsigned kind = 0; kind < NAME_KIND_COUNT; kind++) {
        show_patterns(e, name_kind_word((enum name_kind)kind), &rule->names, kind);
    }
    view_object_end(&e->v);
    for (unsigned i = 0; i < rule->num_scopes; i++) {
        show_patterns(e, i == 0 ? "within_scope" : "and_within_scope", rule->scopes[i],
                      NAME_KIND_COUNT);
    }
    view_flag(&e->v, "wildcards", rule->wildcards);
}

/* ---- common name ---- */

static void show_common_name(struct effective *e, const struct issue_rule *issue)
{
    static const char *const words[] = {
        [CN_IN_NAMES] = "in_names", [CN_ABSENT] = "absent", [CN_ANY] = "any"};
    if (issue->cn != CN_LISTED) {
        view_text(&e->v, "common_name", slice_of(words[issue->cn]));
        return;
    }
    char text[NAME_TEXT_MAX + 1];
    view_list(&e->v, "common_name", true);
    for (size_t i = 0; i < issue->cn_patterns.num; i++) {
        (void)pattern_expand(&issue->cn_patterns.items[i], e->caller, text);
        view_item(&e->v, slice_of(text));
    }
    for (size_t i = 0; i < issue->cn_texts.num; i++) {
        view_item(&e->v, issue->cn_texts.items[i]);
    }
    view_list_end(&e->v);
}

/* ---- subject ---- */

static bool is_about(const struct subject_rule *rule)
{
    return rule->fixed.ptr != NULL || (rule->max != 0 && rule->values.num > 0);
}

static void show_attr_json(struct view *v, const struct subject_rule *rule, const char *word)
{
    view_map(v, word);
    view_text(v, "fixed", rule->fixed);
    if (rule->fixed.ptr == NULL) {
        view_list(v, "values", false);
        for (size_t i = 0; i < rule->values.num; i++) {
            view_item(v, rule->values.items[i]);
        }
        view_list_end(v);
        view_flag(v, "required", rule->required);
        view_number(v, "max", rule->max);
    }
    view_object_end(v);
}

/* show_attr_text - `O  "ACME" or "ACME, Inc.", at most 2, required`, `OU  always "Payments"`. */
static void show_attr_text(struct view *v, const struct subject_rule *rule, const char *word)
{
    struct buf text;
    buf_init(&text, v->out->cap);
    buf_add_str(&text, rule->fixed.ptr != NULL ? "always " : "");
    if (rule->fixed.ptr != NULL) {
        trace_quote(&text, rule->fixed);
    }
    for (size_t i = 0; i < rule->values.num && rule->fixed.ptr == NULL; i++) {
        buf_add_str(&text, i == 0 ? "" : " or ");
        trace_quote(&text, rule->values.items[i]);
    }
    if (rule->max > 1) {
        buf_printf(&text, ", at most %u", rule->max);
    }
    if (rule->required && rule->fixed.ptr == NULL) {
        buf_add_str(&text, ", required");
    }
    view_text(v, word, buf_slice(&text));
    buf_free(&text);
}

static void show_subject(struct effective *e, const struct issue_rule *issue)
{
    if (issue->subject == NULL) {
        return;
    }
    view_map(&e->v, "subject");
    for (unsigned type = 0; type < SUBJECT_ATTR_COUNT; type++) {
        const char *word = subject_attr_word((enum subject_attr_type)type);
        char label[32];
        if (!is_about(&issue->subject[type])) {
            continue;
        }
        if (e->v.json) {
            show_attr_json(&e->v, &issue->subject[type], word);
        } else {
            (void)snprintf(label, sizeof(label), "subject %s", word);
            show_attr_text(&e->v, &issue->subject[type], label);
        }
    }
    view_object_end(&e->v);
}

/* ---- keys ---- */

static void show_key(struct effective *e, const char *text)
{
    view_item(&e->v, slice_of(text));
}

static void show_keys(struct effective *e, const struct key_rule *keys)
{
    char text[40];
    view_list(&e->v, "keys", false);
    if (keys->ecdsa_256) {
        show_key(e, "ecdsa 256");
    }
    if (keys->ecdsa_384) {
        show_key(e, "ecdsa 384");
    }
    if (keys->ecdsa_521) {
        show_key(e, "ecdsa 521");
    }
    if (keys->rsa_max != 0) {
        (void)snprintf(text, sizeof(text), "rsa %u to %u", keys->rsa_min, keys->rsa_max);
        show_key(e, text);
    }
    for (size_t i = 0; i < keys->num_rsa_sizes; i++) {
        (void)snprintf(text, sizeof(text), "rsa %u", keys->rsa_sizes[i]);
        show_key(e, text);
    }
    view_list_end(&e->v);
}

/* ---- when, and how much ---- */

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static void show_hours(struct effective *e, const struct time_window *when)
{
    char text[16];
    if (when->num_hours == 0) {
        return;
    }
    view_list(&e->v, "hours", false);
    for (size_t i = 0; i < when->num_hours; i++) {
        const struct minutes *m = &when->hours[i];
        (void)snprintf(text, sizeof(text), "%02u:%02u-%02u:%02u", m->from / 60U, m->from % 60U,
                       m->to / 60U, m->to % 60U);
        view_item(&e->v, slice_of(text));
    }
    view_list_end(&e->v);
}

static void show_when(struct effective *e, const struct time_window *when)
{
    if (when == NULL) {
        return;
    }
    view_map(&e->v, "when");
    view_list(&e->v, "days", false);
    for (unsigned i = 0; i < 7; i++) {
        if ((when->days & (1U << i)) != 0) {
            view_item(&e->v, slice_of(days[i]));
        }
    }
    view_list_end(&e->v);
    show_hours(e, when);
    view_text(&e->v, "zone", slice_of(zone_name(when->zone)));
    view_object_end(&e->v);
}

static void show_rate(struct effective *e, const struct policy_quota *quota)
{
    char text[100];
    char per[VIEW_DURATION_SIZE];
    const uint64_t per_s = quota->rate_per_ms / MS_PER_S;
    if (!e->v.json) {
        (void)snprintf(text, sizeof(text), "%u in %s, at most %u at once", quota->rate_count,
                       view_duration(per_s, per), quota->rate_burst);
        view_text(&e->v, "rate", slice_of(text));
        return;
    }
    view_map(&e->v, "rate");
    view_number(&e->v, "count", quota->rate_count);
    view_number(&e->v, "per_s", per_s);
    view_number(&e->v, "burst", quota->rate_burst);
    view_object_end(&e->v);
}

static void show_quota(struct effective *e, const struct policy_quota *quota)
{
    if (quota->rate_count != 0) {
        show_rate(e, quota);
    }
    if (quota->max_active != 0) {
        view_number(&e->v, "max_active", quota->max_active);
        view_flag(&e->v, "auto_revoke_oldest", quota->auto_revoke_oldest);
    }
}

static void show_parties(struct effective *e, const struct rule *rule)
{
    if (!rule->delegates) {
        return;
    }
    view_list(&e->v, "acts_for", false);
    for (size_t i = 0; i < rule->num_parties; i++) {
        view_item(&e->v, slice_of(e->policy->clients[rule->parties[i]].id));
    }
    view_list_end(&e->v);
}

/* show_newcert - with what a certificate may look like. */
static void show_newcert(struct effective *e, const struct rule *rule)
{
    const struct issue_rule *issue = rule->issue;
    show_common_name(e, issue);
    show_subject(e, issue);
    show_keys(e, &issue->keys);
    view_number(&e->v, "max_names", issue->max_names);
    if (issue->no_names) {
        view_flag(&e->v, "no_names", true);
    }
    if (issue->max_validity_s != 0) {
        view_seconds(&e->v, "max_validity", "max_validity_s", issue->max_validity_s);
    } else {
        view_text(&e->v, "max_validity", SLICE("unlimited"));
    }
}

void effective_conditions(struct effective *e, const struct rule *rule)
{
    static const char *const scopes[] = {
        [REVOKE_SCOPE_OWN] = "own", [REVOKE_SCOPE_NAMES] = "names", [REVOKE_SCOPE_ANY] = "any"};
    struct view *v = &e->v;
    view_text(v, "description", slice_of(rule->description));
    view_text(v, "owner", slice_of(rule->owner));
    view_text(v, "ticket", slice_of(rule->ticket));
    view_text(v, "reason", slice_of(rule->why));
    view_text(v, "until", slice_of(rule->until_text));
    show_parties(e, rule);
    effective_actions(e, rule->actions);
    show_names(e, rule);
    if ((rule->actions & action_bit(ACTION_NEWCERT)) != 0) {
        show_newcert(e, rule);
    }
    effective_texts(e, "profiles", rule->issue->profiles, rule->issue->num_profiles);
    if ((rule->actions & action_bit(ACTION_REVOKE)) != 0) {
        view_text(v, "revoke", slice_of(scopes[rule->revoke]));
    }
    show_patterns(e, "from", &rule->from, NAME_KIND_COUNT);
    show_when(e, rule->when);
    show_quota(e, &rule->quota);
}
