/* trace_snippet.c - see trace_words.h: a new rule as YAML, as tight as the request is. What only people
 * know (how long a certificate may live, who answers for the rule) is marked for them to fill in. */
#include "broker/base/clock.h"
#include "policy/trace_words.h"

#include <stdio.h>

#define ID_PART_MAX 24 /* of the ids that a new one is made of */
#define UNTIL_DAYS 90  /* where the policy's settings want an until: */
#define SNIPPET_VALIDITY "720h"

struct snippet {
    const struct question *q;
    bool delegate; /* the asker's rule for acting for the party; else the owner's own */
    struct buf *out;
};

static const struct policy_client *owner_of(const struct question *q)
{
    return q->party.client != NULL ? q->party.client : q->asker->client;
}

/* ---- what no rule can allow ---- */

static bool key_is_possible(const struct policy_ask *ask)
{
    const unsigned bits = ask->key_bits;
    return ask->key_algo == KEY_RSA ? bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX
                                    : bits == 256 || bits == 384 || bits == 521;
}

static bool subject_is_possible(const struct policy_ask *ask)
{
    for (size_t i = 0; i < ask->num_subject; i++) {
        if (!trace_quotable(ask->subject[i].value)) {
            return false;
        }
    }
    return true;
}

static bool is_possible(const struct question *q)
{
    const struct policy_ask *ask = q->ask;
    return ask->action != ACTION_NEWCERT ||
           (ask->num_names <= POLICY_NAMES_MAX && key_is_possible(ask) &&
            (ask->common_name.ptr == NULL || trace_cn_listable(q)) && subject_is_possible(ask) &&
            trace_quotable(ask->profile));
}

/* ---- the parts of a rule ---- */

static bool id_is_taken(const struct policy *policy, const char *id)
{
    for (size_t i = 0; i < policy->num_rules; i++) {
        if (strcmp(policy->rules[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void write_id(const struct snippet *s)
{
    char base[60];
    char id[72];
    const struct question *q = s->q;
    const char *action = policy_action_word(q->ask->action);
    if (s->delegate) {
        (void)snprintf(base, sizeof(base), "%.*s-%s-for-%.*s", ID_PART_MAX, q->asker->client->id,
                       action, ID_PART_MAX, owner_of(q)->id);
    } else {
        (void)snprintf(base, sizeof(base), "%.*s-%s", 2 * ID_PART_MAX, owner_of(q)->id, action);
    }
    (void)snprintf(id, sizeof(id), "%s", base);
    for (unsigned i = 2; id_is_taken(q->policy, id); i++) {
        (void)snprintf(id, sizeof(id), "%.57s-%u", base, i);
    }
    buf_printf(s->out, "  - id: %s\n", id);
}

/* write_required - the fields that the settings want of each rule, for people to fill in. */
static void write_required(const struct snippet *s)
{
    const unsigned require = s->q->policy->settings.require;
    char until[21];
    if ((require & REQUIRE_DESCRIPTION) != 0) {
        buf_add_str(s->out, "    description: \"fill in: what it is for\"\n");
    }
    if ((require & REQUIRE_OWNER) != 0) {
        buf_add_str(s->out, "    owner: \"fill in: who answers for it\"\n");
    }
    if ((require & REQUIRE_TICKET) != 0) {
        buf_add_str(s->out, "    ticket: \"fill in: where it was agreed\"\n");
    }
    if ((require & REQUIRE_REASON) != 0) {
        buf_add_str(s->out, "    reason: \"fill in: why it is needed\"\n");
    }
    if ((require & REQUIRE_UNTIL) != 0) {
        time_format_s(s->q->now_s + (int64_t)UNTIL_DAYS * 86400, until);
        buf_printf(s->out, "    until: %.10s\n", until);
    }
}

static void write_names(const struct snippet *s)
{
    const struct policy_ask *ask = s->q->ask;
    bool wildcards = s->q->cn_is_name && name_is_wildcard(&s->q->cn_name);
    bool broad = false;
    buf_add_str(s->out, ask->num_names > 0 ? "    names:\n" : "");
    for (unsigned kind = 0; kind < NAME_KIND_COUNT; kind++) {
        bool first = true;
        for (size_t i = 0; i < ask->num_names; i++) {
            const struct name *name = &ask->names[i];
            if (name->kind != (enum name_kind)kind) {
                continue;
            }
            if (first) {
                buf_printf(s->out, "      %s:\n", name_kind_word(name->kind));
                first = false;
            }
            buf_add_str(s->out, "        - ");
            trace_quote(s->out, name->text);
            buf_add_char(s->out, '\n');
            wildcards = wildcards || name_is_wildcard(name);
            broad = broad || trace_needs_broad(name);
        }
    }
    buf_add_str(s->out, wildcards ? "    wildcards: true\n" : "");
    buf_add_str(s->out, broad ? "    broad: true\n" : "");
}

static void write_subject(const struct snippet *s)
{
    const struct policy_ask *ask = s->q->ask;
    buf_add_str(s->out, ask->num_subject > 0 ? "    subject:\n" : "");
    for (unsigned type = 0; type < SUBJECT_ATTR_COUNT; type++) {
        unsigned num = 0;
        for (size_t i = 0; i < ask->num_subject; i++) {
            if (ask->subject[i].type != (enum subject_attr_type)type) {
                continue;
            }
            if (num++ == 0) {
                buf_printf(s->out, "      %s: {values: [", subject_attr_word(ask->subject[i].type));
            } else {
                buf_add_str(s->out, ", ");
            }
            trace_quote(s->out, ask->subject[i].value);
        }
        if (num > 0) {
            buf_printf(s->out, "], max: %u}\n", num);
        }
    }
}

static bool names_a_host(const struct policy_ask *ask)
{
    for (size_t i = 0; i < ask->num_names; i++) {
        if (ask->names[i].kind == NAME_DNS || ask->names[i].kind == NAME_IP) {
            return true;
        }
    }
    return false;
}

static void write_newcert(const struct snippet *s)
{
    const struct policy_ask *ask = s->q->ask;
    write_names(s);
    if (!names_a_host(ask)) {
        buf_add_str(s->out, "    no_names: true\n");
    }
    if (ask->common_name.ptr == NULL) {
        buf_add_str(s->out, "    common_name: absent\n");
    } else if (!cn_is_asked_name(s->q)) {
        buf_add_str(s->out, "    common_name: [");
        trace_quote(s->out, ask->common_name);
        buf_add_str(s->out, "]\n");
    }
    write_subject(s);
    if (ask->key_algo == KEY_RSA) {
        buf_printf(s->out, "    keys: {rsa: [%u]}\n", ask->key_bits);
    } else {
        buf_printf(s->out, "    keys: {ecdsa: [%u]}\n", ask->key_bits);
    }
    buf_add_str(s->out, "    profiles: [");
    trace_quote(s->out, ask->profile);
    buf_add_str(s->out,
                ask->profile_omitted ? "]  # what a request without a profile asks for\n" : "]\n");
    if (ask->num_names > 0) {
        buf_printf(s->out, "    max_names: %zu\n", ask->num_names);
    }
    buf_add_str(s->out, "    max_validity: " SNIPPET_VALIDITY "  # as long as is needed\n");
}

static void write_revoke(const struct snippet *s)
{
    const struct policy_ask *ask = s->q->ask;
    if (ask->relation == CERT_OWN) {
        buf_add_str(s->out, "    revoke: own\n");
    } else if (ask->relation == CERT_FOREIGN && ask->num_names > 0) {
        write_names(s);
        buf_add_str(s->out, "    revoke: names\n");
    } else {
        buf_add_str(s->out, "    revoke: any  # every certificate of the CA\n");
    }
}

static void write_rule(const struct snippet *s)
{
    const struct question *q = s->q;
    const struct policy_ask *ask = q->ask;
    write_id(s);
    write_required(s);
    buf_printf(s->out, "    clients: [%s]\n", s->delegate ? q->asker->client->id : owner_of(q)->id);
    if (s->delegate) {
        buf_printf(s->out, "    delegate: {for: [%s]}\n", owner_of(q)->id);
    }
    buf_printf(s->out, "    actions: [%s]\n", policy_action_word(ask->action));
    switch (ask->action) {
    case ACTION_NEWCERT:
        write_newcert(s);
        break;
    case ACTION_REVOKE:
        write_revoke(s);
        break;
    case ACTION_INFO:
        if (!slice_eq(ask->profile, SLICE("default"))) {
            buf_add_str(s->out, "    profiles: [");
            trace_quote(s->out, ask->profile);
            buf_add_str(s->out, "]\n");
        }
        break;
    }
}

bool trace_snippet(const struct question *q, bool delegate, bool own, struct buf *out)
{
    if (!is_possible(q) || (question_for_other(q) && q->party.client == NULL)) {
        return false;
    }
    if (delegate) {
        write_rule(&(struct snippet){q, true, out});
    }
    if (own) {
        write_rule(&(struct snippet){q, false, out});
    }
    return true;
}
