/* explain.c - see verdict.h. Words for a refusal: about what the caller sent, naming the rule, never
 * listing what the rule allows. A certificate of somebody else is not described to the caller. */
#include "policy/verdict.h"

#include <stdio.h>

struct sentence {
    const struct verdict *v;
    const struct policy_ask *ask;
    const char *rule_id;
    char *out;
};

#define SAY(s, ...) (void)snprintf((s)->out, POLICY_DETAIL_MAX, __VA_ARGS__)

static bool is_foreign(const struct policy_ask *ask)
{
    return ask->action == ACTION_REVOKE && ask->relation != CERT_OWN;
}

static void say_denied(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    const struct policy_ask *ask = s->ask;
    if (s->v->name_index == SIZE_MAX && !s->v->common_name) {
        SAY(s, "rule %s refuses %s to this client", s->rule_id, policy_action_word(ask->action));
    } else if (is_foreign(ask)) {
        SAY(s, "the certificate carries a name that rule %s refuses", s->rule_id);
    } else if (s->v->common_name) {
        SAY(s, "common name \"%s\" is refused by rule %s", name_quote(ask->common_name, quoted),
            s->rule_id);
    } else {
        SAY(s, "name \"%s\" is refused by rule %s",
            name_quote(ask->names[s->v->name_index].text, quoted), s->rule_id);
    }
}

static void say_name(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    (void)name_quote(s->ask->names[s->v->name_index].text, quoted);
    if (s->v->only_wildcard) {
        SAY(s, "name \"%s\" is a wildcard, which rule %s does not allow", quoted, s->rule_id);
    } else {
        SAY(s, "name \"%s\" is not covered by rule %s", quoted, s->rule_id);
    }
}

static void say_common_name(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    (void)name_quote(s->ask->common_name, quoted);
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

static void say_subject(const struct sentence *s)
{
    char quoted[NAME_QUOTE_SIZE];
    const struct subject_attr *attr = &s->ask->subject[s->v->attr_index];
    if (s->v->attr_repeated) {
        SAY(s, "subject attribute %s is asked for more than once, which rule %s does not allow",
            subject_attr_word(attr->type), s->rule_id);
    } else {
        SAY(s, "subject %s=\"%s\" is not allowed by rule %s", subject_attr_word(attr->type),
            name_quote(attr->value, quoted), s->rule_id);
    }
}

static void say_not_owner(const struct sentence *s)
{
    SAY(s, "the certificate was issued to another client, and rule %s %s", s->rule_id,
        s->v->rule->revoke == REVOKE_SCOPE_OWN ? "allows a client to revoke its own only"
                                               : "does not cover the names in it");
}

void verdict_explain(const struct verdict *v, const struct policy_client *client,
                     const struct policy_ask *ask, char out[POLICY_DETAIL_MAX])
{
    char quoted[NAME_QUOTE_SIZE];
    out[0] = '\0';
    if (v->rule == NULL) {
        (void)snprintf(out, POLICY_DETAIL_MAX, "no rule allows client %s the action %s", client->id,
                       policy_action_word(ask->action));
        return;
    }
    const struct sentence s = {v, ask, v->rule->id, out};
    switch (v->reason) {
    case REASON_ALLOWED:
    case REASON_NO_RULE:
        break;
    case REASON_DENY_RULE:
        say_denied(&s);
        break;
    case REASON_RULE_EXPIRED:
        SAY(&s, "rule %s was valid until %s", s.rule_id, v->rule->until_text);
        break;
    case REASON_NO_NAMES:
        SAY(&s, "the request names no host name and no IP address, and rule %s needs one",
            s.rule_id);
        break;
    case REASON_TOO_MANY_NAMES:
        SAY(&s, "%zu names are asked for, more than rule %s allows", ask->num_names, s.rule_id);
        break;
    case REASON_NAME_NOT_ALLOWED:
        say_name(&s);
        break;
    case REASON_COMMON_NAME:
        say_common_name(&s);
        break;
    case REASON_SUBJECT:
        say_subject(&s);
        break;
    case REASON_KEY:
        SAY(&s, "a key of %s %u bits is not allowed by rule %s", key_algo_word(ask->key_algo),
            ask->key_bits, s.rule_id);
        break;
    case REASON_PROFILE:
        SAY(&s, "profile \"%s\" is not allowed by rule %s", name_quote(ask->profile, quoted),
            s.rule_id);
        break;
    case REASON_NOT_OWNER:
        say_not_owner(&s);
        break;
    case REASON_UNKNOWN_CERT:
        SAY(&s,
            "the certificate was not issued through this service, and rule %s does not allow "
            "revoking such",
            s.rule_id);
        break;
    }
}
