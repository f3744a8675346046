/* history_snippet.c - see history_snippet.h. Writes the tightest rule that covers what was seen. Never
 * suggests what a rule should only say on purpose: revoke: any, or anything that a deny rule refused. */
#include "broker/tools/history_snippet.h"

#include "broker/base/clock.h"
#include "broker/tools/history_names.h"
#include "broker/tools/history_tools.h"
#include "policy/review.h"

#include <stdio.h>

#define RULE_ID_MAX 64U
#define UNTIL_DAYS 90 /* where the policy's settings want an until: */

bool snippet_is_empty(const struct suggestion *s)
{
    return s->own.count + s->foreign.count + s->acting.count == 0;
}

/* ---- ids ---- */

static bool is_taken(const struct policy *policy, const char *id)
{
    for (size_t i = 0; policy != NULL && i < policy_num_rules(policy); i++) {
        if (strcmp(policy_rule_id(policy, i), id) == 0) {
            return true;
        }
    }
    return false;
}

/* make_id - CLIENT-seen, CLIENT-seen-2, ...: one that the policy does not have. */
static void make_id(const struct suggestion *s, const char *suffix, char out[RULE_ID_MAX + 1])
{
    char end[32];
    (void)snprintf(end, sizeof(end), "%s", suffix);
    for (unsigned n = 2;; n++) {
        const size_t room = RULE_ID_MAX - strlen(end);
        const size_t len = s->client.len < room ? s->client.len : room;
        (void)snprintf(out, RULE_ID_MAX + 1, "%.*s%s", (int)len, s->client.ptr, end);
        if (!is_taken(s->policy, out)) {
            return;
        }
        (void)snprintf(end, sizeof(end), "%s-%u", suffix, n);
    }
}

/* ---- fields ---- */

static void add_period(struct buf *out, int64_t first_us, int64_t last_us)
{
    cli_add_date(out, first_us);
    if (first_us / 86400000000 != last_us / 86400000000) {
        buf_add_str(out, " to ");
        cli_add_date(out, last_us);
    }
}

/* add_list - `key: ["a", "b"]` on one line, of short texts. */
static void add_list(struct buf *out, const char *key, const struct seen_set *set)
{
    buf_printf(out, "%s: [", key);
    for (size_t i = 0; i < set->num; i++) {
        buf_add_str(out, i == 0 ? "" : ", ");
        snippet_add_text(out, set->items[i].text);
    }
    buf_add_char(out, ']');
}

/* reads_as_more - what was a plain text in a request would be a pattern in a rule. */
static bool reads_as_more(struct slice text)
{
    return slice_has_byte(text, '*') || slice_has_byte(text, '$') || slice_has_byte(text, '/');
}

static void add_listed_names(struct buf *out, const struct seen_set *names)
{
    size_t num = 0;
    for (size_t i = 0; i < names->num; i++) {
        char quoted[NAME_QUOTE_SIZE];
        if (reads_as_more(names->items[i].text)) {
            buf_printf(out,
                       "    # left out: common name \"%s\", which in a rule would be a pattern\n",
                       name_quote(names->items[i].text, quoted));
            continue;
        }
        num++;
    }
    buf_add_str(out, num == 0 ? "    common_name: absent\n" : "    common_name:\n");
    for (size_t i = 0; i < names->num; i++) {
        if (!reads_as_more(names->items[i].text)) {
            snippet_add_item(out, "      ", &names->items[i]);
        }
    }
}

static void add_common_name(struct buf *out, const struct shape *shape)
{
    if (shape->common_names.num == 0) {
        buf_add_str(out, "    common_name: absent\n");
    } else if (shape->all_cn_in_names) {
        buf_add_str(out, "    common_name: in_names\n");
    } else {
        add_listed_names(out, &shape->common_names);
    }
}

static void add_subject(struct buf *out, const struct shape *shape)
{
    bool any = false;
    for (unsigned type = 0; type < SUBJECT_ATTR_COUNT; type++) {
        const struct seen_set *values = &shape->subject[type];
        if (values->num == 0) {
            continue;
        }
        buf_add_str(out, any ? "" : "    subject:\n");
        any = true;
        buf_printf(out, "      %s: { ", subject_attr_word((enum subject_attr_type)type));
        add_list(out, "values", values);
        if (shape->subject_requests[type] == shape->actions[ACTION_NEWCERT]) {
            buf_add_str(out, ", required: true");
        }
        if (shape->subject_max[type] > 1) {
            buf_printf(out, ", max: %zu", shape->subject_max[type]);
        }
        buf_add_str(out, " }\n");
    }
}

/* add_sizes - the set holds "ecdsa-256", "rsa-2048", ... ; those of one algorithm. False: none. */
static bool add_sizes(struct buf *out, const struct seen_set *keys, enum key_algo algo,
                      const char *before)
{
    const struct slice word = slice_of(key_algo_word(algo));
    bool any = false;
    for (size_t i = 0; i < keys->num; i++) {
        const struct slice key = keys->items[i].text;
        if (!slice_has_prefix(key, word)) {
            continue;
        }
        if (any) {
            buf_add_str(out, ", ");
        } else {
            buf_printf(out, "%s%s: [", before, word.ptr);
        }
        buf_add_slice(out, (struct slice){key.ptr + word.len + 1, key.len - word.len - 1});
        any = true;
    }
    buf_add_str(out, any ? "]" : "");
    return any;
}

static void add_keys(struct buf *out, const struct shape *shape)
{
    buf_add_str(out, "    keys: { ");
    const bool any = add_sizes(out, &shape->keys, KEY_ECDSA, "");
    (void)add_sizes(out, &shape->keys, KEY_RSA, any ? ", " : "");
    buf_add_str(out, " }\n");
}

static void add_validity(const struct suggestion *s, struct buf *out)
{
    const uint64_t minutes = (s->max_validity_s + 59) / 60;
    if (s->max_validity_s == 0) {
        buf_add_str(out, "    max_validity: 24h # no certificate was issued: choose one\n");
    } else if (minutes % 60 == 0) {
        buf_printf(out, "    max_validity: %lluh # of the certificates that were issued\n",
                   (unsigned long long)(minutes / 60));
    } else {
        buf_printf(out, "    max_validity: %llum # of the certificates that were issued\n",
                   (unsigned long long)minutes);
    }
}

static bool add_newcert(struct suggestion *s, const struct shape *shape, struct buf *out)
{
    if (!snippet_add_names(s, shape, out)) {
        return false;
    }
    if (shape->any_wildcard) {
        buf_add_str(out, "    wildcards: true # wildcard names were asked for\n");
    }
    if (shape->any_without_host) {
        buf_add_str(out, "    no_names: true # asked for without any host name or address\n");
    }
    add_common_name(out, shape);
    add_subject(out, shape);
    add_keys(out, shape);
    buf_printf(out, "    max_names: %zu\n", shape->max_names == 0 ? 1 : shape->max_names);
    add_validity(s, out);
    return true;
}

/* add_profiles - those of the CA; the others, which no rule can allow, as comments. */
static void add_profiles(const struct suggestion *s, const struct seen_set *profiles,
                         struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < profiles->num; i++) {
        char quoted[NAME_QUOTE_SIZE];
        const struct slice name = profiles->items[i].text;
        if (s->has_profile != NULL && !s->has_profile(s->profiles, name)) {
            buf_printf(out, "    # left out: profile \"%s\", which is not in ca.profiles\n",
                       name_quote(name, quoted));
        }
    }
    buf_add_str(out, "    profiles: [");
    for (size_t i = 0; i < profiles->num; i++) {
        const struct slice name = profiles->items[i].text;
        if (s->has_profile == NULL || s->has_profile(s->profiles, name)) {
            buf_add_str(out, any ? ", " : "");
            snippet_add_text(out, name);
            any = true;
        }
    }
    buf_add_str(out, "]\n");
}

/* ---- rules ---- */

static void add_actions(struct buf *out, const struct shape *shape)
{
    const char *before = "    actions: [";
    for (unsigned a = 0; a < POLICY_ACTION_COUNT; a++) {
        if (shape->actions[a] > 0) {
            buf_printf(out, "%s%s", before, policy_action_word((enum policy_action)a));
            before = ", ";
        }
    }
    buf_add_str(out, "] #");
    before = " ";
    for (unsigned a = 0; a < POLICY_ACTION_COUNT; a++) {
        if (shape->actions[a] > 0) {
            buf_printf(out, "%s%s %llu", before, policy_action_word((enum policy_action)a),
                       (unsigned long long)shape->actions[a]);
            before = ", ";
        }
    }
    buf_add_char(out, '\n');
}

/* add_required - the fields that the settings want of each rule, for people to fill in. */
static void add_required(const struct suggestion *s, struct buf *out)
{
    static const struct {
        const char *field, *what;
    } texts[] = {{"owner", "who answers for it"},
                 {"ticket", "where it was agreed"},
                 {"reason", "why it is needed"}};
    for (size_t i = 0; s->policy != NULL && i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (policy_requires(s->policy, texts[i].field)) {
            buf_printf(out, "    %s: \"fill in: %s\"\n", texts[i].field, texts[i].what);
        }
    }
    if (s->policy != NULL && policy_requires(s->policy, "until")) {
        char until[21];
        time_format_s(cli_now_s() + (int64_t)UNTIL_DAYS * 86400, until);
        buf_printf(out, "    until: %.10s\n", until);
    }
}

static void begin_rule(const struct suggestion *s, const struct shape *shape, const char *suffix,
                       struct buf *out)
{
    char id[RULE_ID_MAX + 1];
    make_id(s, suffix, id);
    buf_printf(out, "  - id: %s\n    description: seen %llu time%s, ", id,
               (unsigned long long)shape->count, shape->count == 1 ? "" : "s");
    add_period(out, shape->first_us, shape->last_us);
    buf_add_char(out, '\n');
    add_required(s, out);
    buf_add_str(out, "    clients: [");
    snippet_add_text(out, s->client);
    buf_add_str(out, "]\n");
    add_actions(out, shape);
}

/* add_rule - for the client itself or, when acting, for the parties. */
static bool add_rule(struct suggestion *s, const struct shape *shape, const char *suffix,
                     struct buf *out)
{
    if (shape->count == 0) {
        return true;
    }
    begin_rule(s, shape, suffix, out);
    if (shape->parties.num > 0) {
        buf_add_str(out, "    delegate: { ");
        add_list(out, "for", &shape->parties);
        buf_add_str(out, " }\n");
    }
    if (shape->actions[ACTION_NEWCERT] > 0 && !add_newcert(s, shape, out)) {
        return false;
    }
    if (shape->profiles.num > 0) {
        add_profiles(s, &shape->profiles, out);
    }
    if (shape->actions[ACTION_REVOKE] > 0) {
        buf_add_str(out, "    revoke: own\n");
    }
    return true;
}

static bool add_foreign_rule(struct suggestion *s, struct buf *out)
{
    if (s->foreign.count == 0) {
        return true;
    }
    begin_rule(s, &s->foreign, "-seen-revoke", out);
    if (!snippet_add_names(s, &s->foreign, out)) {
        return false;
    }
    buf_add_str(out, s->foreign.any_wildcard ? "    wildcards: true\n" : "");
    buf_add_str(out, "    revoke: names # certificates of others with these names\n");
    return true;
}

static void add_left_out(struct buf *out, uint64_t number, const char *what)
{
    if (number > 0) {
        buf_printf(out, "# Not covered, %llu time%s: %s.\n", (unsigned long long)number,
                   number == 1 ? "" : "s", what);
    }
}

static void add_head(const struct suggestion *s, struct buf *out)
{
    char quoted[NAME_QUOTE_SIZE];
    const uint64_t count = s->own.count + s->foreign.count + s->acting.count;
    const uint64_t denied = s->own.denied + s->foreign.denied + s->acting.denied;
    buf_printf(out, "# What %llu request%s of %s need%s", (unsigned long long)count,
               count == 1 ? "" : "s", name_quote(slice_of(s->who), quoted), count == 1 ? "s" : "");
    if (denied > 0) {
        buf_printf(out, ", %llu of them denied", (unsigned long long)denied);
    }
    buf_add_str(out, ". A suggestion: read it, then put it into the policy.\n");
    add_left_out(out, s->by_deny_rule, "what a deny rule refused");
    add_left_out(out, s->by_quota, "what was refused for a rate or a quota");
    add_left_out(out, s->unknown_certs, "revoking certificates not issued here (revoke: any)");
    add_left_out(out, s->foreign_acting, "revoking for others what was not theirs");
    add_left_out(out, s->unknown_parties, "asked for somebody whom the policy does not know");
    if (s->policy != NULL) {
        struct buf scopes;
        buf_init(&scopes, CLI_OUTPUT_MAX);
        policy_scopes(s->policy, "#   ", &scopes);
        if (scopes.len > 0) {
            buf_add_str(out, "# The rules of these files must stay within a scope:\n");
            buf_add_slice(out, buf_slice(&scopes));
        }
        buf_free(&scopes);
    }
    buf_add_str(out, "version: 1\nrules:\n");
}

bool snippet_write(struct suggestion *s, struct buf *out)
{
    shape_sort(&s->own);
    shape_sort(&s->foreign);
    shape_sort(&s->acting);
    add_head(s, out);
    return add_rule(s, &s->own, "-seen", out) && add_foreign_rule(s, out) &&
           add_rule(s, &s->acting, "-seen-for-others", out) && buf_ok(out);
}

/* ---- is it valid ---- */

static void add_client(struct buf *out, struct slice id)
{
    buf_add_str(out, "  ");
    snippet_add_text(out, id);
    buf_add_str(out, ": { auth: [{ mtls: { uri: \"spiffe://check/");
    buf_add_slice(out, id);
    buf_add_str(out, "\" } }] }\n");
}

/* add_settings - what the policy asks of each rule is asked of these, too. */
static void add_settings(const struct policy *policy, struct buf *out)
{
    static const char *const fields[] = {"owner", "ticket", "reason", "until", "description"};
    const char *before = ", require: [";
    const char *end = "";
    buf_printf(out, "settings: { strict: %s", policy_is_strict(policy) ? "true" : "false");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (policy_requires(policy, fields[i])) {
            buf_printf(out, "%s%s", before, fields[i]);
            before = ", ";
            end = "]";
        }
    }
    buf_printf(out, "%s }\n", end);
}

bool snippet_check(const struct suggestion *s, struct slice snippet, struct diag_list *diags)
{
    struct buf text;
    struct policy *policy = NULL;
    buf_init(&text, CLI_OUTPUT_MAX);
    buf_add_slice(&text, snippet);
    if (s->policy != NULL) {
        add_settings(s->policy, &text);
    }
    buf_add_str(&text, "clients:\n");
    add_client(&text, s->client);
    for (size_t i = 0; i < s->acting.parties.num; i++) {
        if (!slice_eq(s->acting.parties.items[i].text, s->client)) {
            add_client(&text, s->acting.parties.items[i].text);
        }
    }
    const bool ok = buf_ok(&text) && policy_load_bytes("suggestion", buf_slice(&text), cli_now_s(),
                                                       diags, &policy) == CB_OK;
    policy_free(policy);
    buf_free(&text);
    return ok;
}
