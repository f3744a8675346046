/* list_json.c - see review.h: what is in a policy, as one JSON document. */
#include "broker/base/clock.h"
#include "policy/list_parts.h"
#include "policy/review_text.h"

#define PATTERN_ROOM ((size_t)2 * NAME_TEXT_MAX)

/* ---- members; a comma unless an object or a list has just begun ---- */

static void comma(struct buf *out)
{
    const struct slice so_far = buf_slice(out);
    if (so_far.len > 0 && !slice_has_byte(SLICE("{[:"), so_far.ptr[so_far.len - 1])) {
        buf_add_char(out, ',');
    }
}

static void add_key(struct buf *out, const char *key)
{
    comma(out);
    buf_printf(out, "\"%s\":", key);
}

/* add_text - nothing for an absent one. */
static void add_text(struct buf *out, const char *key, const char *text)
{
    if (text != NULL) {
        add_key(out, key);
        buf_add_json_str(out, slice_of(text));
    }
}

static void add_item(struct buf *out, struct slice text)
{
    comma(out);
    buf_add_json_str(out, text);
}

static void add_bool(struct buf *out, const char *key, bool value)
{
    add_key(out, key);
    buf_add_str(out, value ? "true" : "false");
}

static void add_number(struct buf *out, const char *key, uint64_t value)
{
    add_key(out, key);
    buf_add_u64(out, value);
}

static void add_texts(struct buf *out, const char *key, const char *const *items, size_t num)
{
    add_key(out, key);
    buf_add_char(out, '[');
    for (size_t i = 0; i < num; i++) {
        add_item(out, slice_of(items[i]));
    }
    buf_add_char(out, ']');
}

/* add_words - what a function of review_text.c says. */
static void add_words(struct buf *out, const char *key, struct buf *words)
{
    add_key(out, key);
    buf_add_json_str(out, buf_slice(words));
    buf_free(words);
}

static void add_place(const struct listing *l, struct pos pos)
{
    const struct diag_place place = rule_place(l->policy, pos);
    add_text(l->out, "file", place.file);
    add_number(l->out, "line", place.line);
    add_number(l->out, "col", place.col);
}

static void add_time(struct buf *out, const char *key, int64_t unix_s)
{
    char text[21];
    if (unix_s != INT64_MAX) {
        time_format_s(unix_s, text);
        add_text(out, key, text);
    }
}

static const char *state_word(enum list_state state)
{
    static const char *const words[] = {
        [LIST_ACTIVE] = "active", [LIST_ENDS_SOON] = "ends_soon", [LIST_ENDED] = "ended"};
    return words[state];
}

/* ---- rules ---- */

static void add_patterns(struct buf *out, const char *key, const struct pattern_list *list,
                         int kind)
{
    add_key(out, key);
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->num; i++) {
        if (kind >= 0 && list->items[i].kind != (enum name_kind)kind) {
            continue;
        }
        struct buf text;
        buf_init(&text, PATTERN_ROOM);
        review_pattern(&text, &list->items[i]);
        add_item(out, buf_slice(&text));
        buf_free(&text);
    }
    buf_add_char(out, ']');
}

static bool has_kind(const struct pattern_list *list, int kind)
{
    for (size_t i = 0; i < list->num; i++) {
        if (list->items[i].kind == (enum name_kind)kind) {
            return true;
        }
    }
    return false;
}

static void add_names(struct buf *out, const struct rule *rule)
{
    add_key(out, "names");
    buf_add_char(out, '{');
    for (int kind = 0; kind < NAME_KIND_COUNT; kind++) {
        if (has_kind(&rule->names, kind)) {
            add_patterns(out, name_kind_word((enum name_kind)kind), &rule->names, kind);
        }
    }
    buf_add_char(out, '}');
}

static void add_clients(const struct listing *l, const char *key, const size_t *items, size_t num,
                        size_t skip_mark)
{
    add_key(l->out, key);
    buf_add_char(l->out, '[');
    for (size_t i = 0; i < num; i++) {
        if (skip_mark == 0 || l->mark[items[i]] != skip_mark) {
            add_item(l->out, slice_of(l->policy->clients[items[i]].id));
        }
    }
    buf_add_char(l->out, ']');
}

static void add_groups(const struct listing *l, const size_t *items, size_t num)
{
    add_key(l->out, "groups");
    buf_add_char(l->out, '[');
    for (size_t i = 0; i < num; i++) {
        add_item(l->out, slice_of(l->policy->groups[items[i]].id));
    }
    buf_add_char(l->out, ']');
}

static void add_issue(const struct rule *rule, struct buf *out)
{
    const struct issue_rule *issue = rule->issue;
    struct buf words;
    add_texts(out, "profiles", issue->profiles, issue->num_profiles);
    if ((rule->actions & action_bit(ACTION_NEWCERT)) == 0) {
        return;
    }
    buf_init(&words, 4096);
    review_keys(&words, &issue->keys);
    add_words(out, "keys", &words);
    buf_init(&words, 1U << 20);
    review_common_name(&words, issue);
    add_words(out, "common_name", &words);
    buf_init(&words, 64);
    review_seconds(&words, issue->max_validity_s);
    add_words(out, "max_validity", &words);
    add_number(out, "max_names", issue->max_names);
    add_bool(out, "no_names", issue->no_names);
}

static void add_limits(const struct rule *rule, struct buf *out)
{
    struct buf words;
    if (rule->from.num > 0) {
        add_patterns(out, "from", &rule->from, -1);
    }
    if (rule->when != NULL) {
        buf_init(&words, 4096);
        review_when(&words, rule->when);
        add_words(out, "when", &words);
    }
    if (rule->quota.rate_count != 0) {
        buf_init(&words, 128);
        review_rate(&words, &rule->quota);
        add_words(out, "rate", &words);
    }
    if (rule->quota.max_active != 0) {
        add_number(out, "max_active", rule->quota.max_active);
        add_bool(out, "auto_revoke_oldest", rule->quota.auto_revoke_oldest);
    }
}

static void add_conditions(const struct listing *l, const struct rule *rule)
{
    if (rule->deny) {
        add_texts(l->out, "profiles", rule->deny_profiles, rule->num_deny_profiles);
        return;
    }
    add_bool(l->out, "wildcards", rule->wildcards);
    add_issue(rule, l->out);
    if ((rule->actions & action_bit(ACTION_REVOKE)) != 0) {
        add_text(l->out, "revoke", review_revoke(rule->revoke));
    }
    add_limits(rule, l->out);
    if (rule->delegates) {
        add_clients(l, "delegate_for", rule->parties, rule->num_parties, 0);
    }
    add_time(l->out, "until", rule->until_s);
    add_text(l->out, "state", state_word(list_state(l, rule->until_s)));
}

static void add_rule(const struct listing *l, size_t r)
{
    const struct rule *rule = &l->policy->rules[r];
    struct buf *out = l->out;
    comma(out);
    buf_add_char(out, '{');
    add_text(out, "id", rule->id);
    add_text(out, "effect", rule->deny ? "deny" : "allow");
    add_text(out, "description", rule->description);
    add_text(out, "owner", rule->owner);
    add_text(out, "ticket", rule->ticket);
    add_text(out, "reason", rule->why);
    list_mark_groups(l, r);
    add_bool(out, "everybody", rule->deny && rule->num_clients == 0);
    add_clients(l, "clients", rule->clients, rule->num_clients, r + 1);
    add_groups(l, rule->groups, rule->num_groups);
    add_key(out, "actions");
    buf_add_char(out, '[');
    for (unsigned i = 0; i < POLICY_ACTION_COUNT; i++) {
        if ((rule->actions & 1U << i) != 0) {
            add_item(out, slice_of(policy_action_word((enum policy_action)i)));
        }
    }
    buf_add_char(out, ']');
    add_names(out, rule);
    add_conditions(l, rule);
    add_place(l, rule->pos);
    buf_add_char(out, '}');
}

/* ---- clients and groups ---- */

static void add_credentials(const struct listing *l, const struct by_client *list,
                            const struct stored_credential *creds, size_t client)
{
    for (size_t i = list->first[client]; i < list->first[client + 1]; i++) {
        const struct stored_credential *cred = &creds[list->items[i]];
        comma(l->out);
        buf_add_char(l->out, '{');
        add_text(l->out, "kind", review_credential_kind(cred->kind));
        add_key(l->out, "text");
        buf_add_json_str(l->out, cred->text);
        add_time(l->out, "expires", cred->expires_s);
        add_text(l->out, "state", state_word(list_state(l, cred->expires_s)));
        buf_add_char(l->out, '}');
    }
}

static void add_rule_ids(struct buf *out, const struct rule_refs *a, const struct rule_refs *b)
{
    add_key(out, "rules");
    buf_add_char(out, '[');
    for (size_t i = 0; i < a->num; i++) {
        add_item(out, slice_of(a->items[i]->id));
    }
    for (size_t i = 0; i < b->num; i++) {
        add_item(out, slice_of(b->items[i]->id));
    }
    buf_add_char(out, ']');
}

static void add_client(const struct listing *l, size_t c)
{
    const struct policy_client *client = &l->policy->clients[c];
    const struct by_client *groups = &l->groups;
    comma(l->out);
    buf_add_char(l->out, '{');
    add_text(l->out, "id", client->id);
    add_text(l->out, "description", client->description);
    add_key(l->out, "credentials");
    buf_add_char(l->out, '[');
    add_credentials(l, &l->creds, l->policy->creds, c);
    add_credentials(l, &l->wide, l->policy->wide, c);
    buf_add_char(l->out, ']');
    add_groups(l, groups->items + groups->first[c], groups->first[c + 1] - groups->first[c]);
    add_rule_ids(l->out, &client->allow, &client->deny);
    add_place(l, client->pos);
    buf_add_char(l->out, '}');
}

static void add_group(const struct listing *l, const struct group *group)
{
    comma(l->out);
    buf_add_char(l->out, '{');
    add_text(l->out, "id", group->id);
    add_text(l->out, "description", group->description);
    add_clients(l, "clients", group->clients, group->num_clients, 0);
    add_place(l, group->pos);
    buf_add_char(l->out, '}');
}

void list_json(struct listing *l)
{
    const struct policy *policy = l->policy;
    buf_add_char(l->out, '{');
    add_text(l->out, "policy", policy_file(policy));
    add_text(l->out, "sha256", policy_sha256(policy));
    add_key(l->out, "rules");
    buf_add_char(l->out, '[');
    for (size_t r = 0; r < policy->num_rules; r++) {
        add_rule(l, r);
    }
    buf_add_str(l->out, "],\"clients\":[");
    for (size_t c = 0; c < policy->num_clients; c++) {
        add_client(l, c);
    }
    buf_add_str(l->out, "],\"groups\":[");
    for (size_t g = 0; g < policy->num_groups; g++) {
        add_group(l, &policy->groups[g]);
    }
    buf_add_str(l->out, "]}\n");
}
