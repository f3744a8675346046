/* explain.c - see verdict.h. Words for a refusal: about what the caller sent, naming the rule, never
 * listing what the rule allows. A certificate of somebody else is not described to the caller. */
#include "policy/verdict.h"

#include "broker/base/clock.h"

#include <stdio.h>

struct sentence {
    const struct question *q;
    const struct verdict *v;
    const struct policy_ask *ask;
    const char *rule_id;
    char *out;
    size_t room;
};

#define SAY(s, ...) (void)snprintf((s)->out, (s)->room, __VA_ARGS__)

static bool is_foreign(const struct policy_ask *ask)
{
    return ask->action == ACTION_REVOKE && ask->relation != CERT_OWN;
}

static void say_denied(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    const struct policy_ask *ask = s->ask;
    if (s->v->name_index == SIZE_MAX && !s->v->common_name) {
        if (s->v->rule->num_deny_profiles > 0) {
            SAY(s, "profile \"%s\" is refused by rule %s", name_quote(ask->profile, quoted),
                s->rule_id);
        } else {
            SAY(s, "rule %s refuses %s%s", s->rule_id, policy_action_word(ask->action),
                question_for_other(s->q) ? "" : " to this client");
        }
    } else if (is_foreign(ask)) {
        SAY(s, "the certificate carries a name that rule %s refuses", s->rule_id);
    } else {
        const struct slice name =
            s->v->common_name ? ask->common_name : ask->names[s->v->name_index].text;
        SAY(s, "%s \"%s\" is refused by rule %s%s", s->v->common_name ? "common name" : "name",
            name_quote(name, quoted), s->rule_id,
            s->v->rule->num_deny_profiles > 0 ? " under this profile" : "");
    }
}

static void say_not_delegated(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    SAY(s, "no rule lets client %s ask for %s on behalf of \"%s\"", s->q->asker->client->id,
        policy_action_word(s->ask->action), name_quote(s->ask->on_behalf_of, quoted));
}

static void say_source(const struct sentence *s)
{
    if (s->q->asker->peer == NULL) {
        SAY(s, "rule %s allows certain source addresses only, and the caller's is not known",
            s->rule_id);
    } else {
        SAY(s, "rule %s does not allow requests from %s", s->rule_id, s->q->asker->peer->text.ptr);
    }
}

static void say_time(const struct sentence *s)
{
    char now[21];
    time_format_s(s->q->now_s, now);
    SAY(s, "rule %s does not allow this at %s", s->rule_id, now);
}

static void say_name(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    (void)name_quote(s->ask->names[s->v->name_index].text, quoted);
    if (s->v->reason == REASON_OUT_OF_SCOPE) {
        SAY(s, "name \"%s\" is outside of the scope that rule %s is held to", quoted, s->rule_id);
    } else if (s->v->only_wildcard) {
        SAY(s, "name \"%s\" is a wildcard, which rule %s does not allow", quoted, s->rule_id);
    } else {
        SAY(s, "name \"%s\" is not covered by rule %s", quoted, s->rule_id);
    }
}

static void say_common_name(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    (void)name_quote(s->ask->common_name, quoted);
    if (s->v->out_of_scope) {
        SAY(s, "common name \"%s\" is outside of the scope that rule %s is held to", quoted,
            s->rule_id);
        return;
    }
    switch (s->v->rule->issue->cn) {
    case CN_IN_NAMES:
        SAY(s, "common name \"%s\" is not one of the names asked for, as rule %s demands", quoted,
            s->rule_id);
        break;
    case CN_ABSENT:
        SAY(s, "common name \"%s\" is given, and rule %s allows none", quoted, s->rule_id);
        break;
    case CN_ANY:
    case CN_LISTED:
        SAY(s, "common name \"%s\" is not allowed by rule %s", quoted, s->rule_id);
        break;
    }
}

static void say_too_often(const struct sentence *s)
{
    const char *word = subject_attr_word(s->v->attr_type);
    const struct subject_rule *rule = &s->v->rule->issue->subject[s->v->attr_type];
    if (rule->max <= 1) {
        SAY(s, "subject attribute %s is asked for more than once, which rule %s does not allow",
            word, s->rule_id);
    } else {
        SAY(s, "subject attribute %s is asked for more often than rule %s allows", word,
            s->rule_id);
    }
}

static void say_subject(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    const char *word = subject_attr_word(s->v->attr_type);
    switch (s->v->fault) {
    case SUBJECT_NOT_ALLOWED:
        SAY(s, "subject %s=\"%s\" is not allowed by rule %s", word,
            name_quote(s->ask->subject[s->v->attr_index].value, quoted), s->rule_id);
        break;
    case SUBJECT_TOO_OFTEN:
        say_too_often(s);
        break;
    case SUBJECT_NOT_FIXED:
        SAY(s, "subject %s=\"%s\" is not the value that rule %s sets", word,
            name_quote(s->ask->subject[s->v->attr_index].value, quoted), s->rule_id);
        break;
    case SUBJECT_MISSING:
        SAY(s, "subject attribute %s is not asked for, and rule %s demands it", word, s->rule_id);
        break;
    case SUBJECT_CONFLICT:
        SAY(s, "rules %s and %s do not agree on subject attribute %s", s->rule_id,
            s->q->delegate->id, word);
        break;
    }
}

static void say_not_owner(const struct sentence *s)
{
    if (s->ask->relation == CERT_OWN) {
        SAY(s, "the certificate carries names that rule %s does not cover", s->rule_id);
        return;
    }
    SAY(s, "the certificate was issued to another client, and rule %s %s", s->rule_id,
        s->v->rule->revoke == REVOKE_SCOPE_OWN ? "allows a client to revoke its own only"
                                               : "does not cover the names in it");
}

/* acts_only - has the caller rules for this action that are all about others? */
static bool acts_only(const struct sentence *s)
{
    const struct rule_refs *allow = &s->q->caller->client->allow;
    for (size_t i = 0; i < allow->num; i++) {
        if (allow->items[i]->delegates &&
            (allow->items[i]->actions & action_bit(s->ask->action)) != 0) {
            return !question_for_other(s->q);
        }
    }
    return false;
}

/* say_no_rule - why there is no rule to speak of. */
static void say_no_rule(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    if (s->v->reason == REASON_UNKNOWN_PARTY && s->q->many != NULL) {
        SAY(s,
            "on_behalf_of: \"%s\" stands for many identities, and one of them is needed: "
            "%s:INSTANCE",
            s->q->many->id, s->q->many->id);
    } else if (s->v->reason == REASON_UNKNOWN_PARTY) {
        SAY(s, "on_behalf_of names \"%s\", whom the policy does not know",
            name_quote(s->ask->on_behalf_of, quoted));
    } else if (s->v->reason == REASON_NOT_DELEGATED) {
        say_not_delegated(s);
    } else if (acts_only(s)) {
        SAY(s,
            "client %s may ask for %s on behalf of others only, and the request has no "
            "on_behalf_of",
            s->q->caller->client->id, policy_action_word(s->ask->action));
    } else {
        SAY(s, "no rule allows client %s the action %s", s->q->caller->client->id,
            policy_action_word(s->ask->action));
    }
}

static void say_reason(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    switch (s->v->reason) {
    case REASON_ALLOWED:
    case REASON_UNKNOWN_PARTY:
    case REASON_NOT_DELEGATED:
    case REASON_NO_RULE:
        break;
    case REASON_DENY_RULE:
        say_denied(s);
        break;
    case REASON_RULE_EXPIRED:
        SAY(s, "rule %s was valid until %s", s->rule_id, s->v->rule->until_text);
        break;
    case REASON_SOURCE:
        say_source(s);
        break;
    case REASON_TIME:
        say_time(s);
        break;
    case REASON_NO_NAMES:
        SAY(s, "the request names no host name and no IP address, and rule %s needs one",
            s->rule_id);
        break;
    case REASON_TOO_MANY_NAMES:
        SAY(s, "%zu names are asked for, more than rule %s allows", s->ask->num_names, s->rule_id);
        break;
    case REASON_NAME_NOT_ALLOWED:
    case REASON_OUT_OF_SCOPE:
        say_name(s);
        break;
    case REASON_COMMON_NAME:
        say_common_name(s);
        break;
    case REASON_SUBJECT:
        say_subject(s);
        break;
    case REASON_KEY:
        SAY(s, "a key of %s %u bits is not allowed by rule %s", key_algo_word(s->ask->key_algo),
            s->ask->key_bits, s->rule_id);
        break;
    case REASON_PROFILE:
        SAY(s, "profile \"%s\" is not allowed by rule %s", name_quote(s->ask->profile, quoted),
            s->rule_id);
        break;
    case REASON_NOT_OWNER:
        say_not_owner(s);
        break;
    case REASON_UNKNOWN_CERT:
        SAY(s,
            "the certificate was not issued through this service, and rule %s does not allow "
            "revoking such",
            s->rule_id);
        break;
    }
}

/* says_party_itself - its sentence is about on_behalf_of already. */
static bool says_party_itself(enum policy_reason reason)
{
    return reason == REASON_ALLOWED || reason == REASON_UNKNOWN_PARTY ||
           reason == REASON_NOT_DELEGATED;
}

void verdict_explain(const struct question *q, const struct verdict *v, char out[POLICY_DETAIL_MAX])
{
    char quoted[NAME_QUOTE_SIZE];
    struct sentence s = {.q = q, .v = v, .ask = q->ask, .out = out, .room = POLICY_DETAIL_MAX};
    out[0] = '\0';
    if (question_for_other(q) && !says_party_itself(v->reason)) {
        SAY(&s, "on behalf of \"%s\": ", name_quote(q->ask->on_behalf_of, quoted));
        const size_t len = strlen(out);
        s.out += len;
        s.room -= len;
    }
    if (v->rule == NULL) {
        say_no_rule(&s);
    } else {
        s.rule_id = v->rule->id;
        say_reason(&s);
    }
}
