/* explain_print.c - see explain.h: a decision in words. Judges nothing: all of it is in the trace. */
#include "broker/tools/explain.h"

#define RULES_SHOWN 10U /* in full; further ones are counted */

struct printing {
    const struct explaining *e;
    const struct policy_trace *trace;
    struct cli_colours c;
    struct buf *out;
};

const char *explain_credential_word(enum credential_kind kind)
{
    static const char *const words[CREDENTIAL_KIND_COUNT] = {
        [CRED_MTLS_URI] = "mtls uri", [CRED_MTLS_DNS] = "mtls dns", [CRED_MTLS_SPKI] = "mtls spki",
        [CRED_MTLS_CN] = "mtls cn",   [CRED_BEARER] = "bearer",     [CRED_JWT] = "jwt"};
    return words[kind];
}

static const char *relation_text(enum cert_relation relation)
{
    static const char *const texts[] = {[CERT_OWN] = "its own (own)",
                                        [CERT_FOREIGN] = "issued to another client (foreign)",
                                        [CERT_UNKNOWN] =
                                            "not issued through this service (unknown)"};
    return texts[relation];
}

static void add_who(const struct printing *p)
{
    char principal[POLICY_PRINCIPAL_MAX + 1];
    const struct explaining *e = p->e;
    (void)policy_principal(&e->caller, principal);
    buf_printf(p->out, "%s asks for %s", principal, policy_action_word(e->ask.action));
    for (size_t i = 0; i < e->ask.num_names; i++) {
        buf_printf(p->out, "%s%.*s", i == 0 ? " of " : ", ", (int)e->ask.names[i].text.len,
                   e->ask.names[i].text.ptr);
    }
    if (e->ask.on_behalf_of.ptr != NULL) {
        char quoted[NAME_QUOTE_SIZE];
        buf_printf(p->out, " on behalf of %s", name_quote(e->ask.on_behalf_of, quoted));
    }
    buf_add_char(p->out, '\n');
    if (e->ask.action == ACTION_REVOKE) {
        buf_printf(p->out, "the certificate: %s%s\n", relation_text(e->ask.relation),
                   args_has(e->args, "relation") ? ""
                                                 : " (assumed: --relation says something else)");
    }
    if (e->matched != SIZE_MAX) {
        const struct credential *cred = &e->creds[e->matched];
        buf_printf(p->out, "known by %s %.*s\n", explain_credential_word(cred->kind),
                   (int)cred->text.len, cred->text.ptr);
    }
}

/* ---- allowed ---- */

static void add_quota(const struct printing *p, const struct policy_quota *quota, const char *whose)
{
    if (quota->rule_id == NULL) {
        return;
    }
    if (quota->rate_count != 0) {
        buf_printf(p->out, "  rate: %u in %llu s, at most %u at once, for %s (rule %s)\n",
                   quota->rate_count, (unsigned long long)(quota->rate_per_ms / 1000),
                   quota->rate_burst, whose, quota->rule_id);
    }
    if (quota->max_active != 0) {
        buf_printf(p->out, "  active certificates: at most %u for %s%s (rule %s)\n",
                   quota->max_active, whose,
                   quota->auto_revoke_oldest ? "; past that the oldest is revoked" : "",
                   quota->rule_id);
    }
}

static void add_allowed(const struct printing *p)
{
    const struct policy_decision *d = &p->trace->decision;
    buf_printf(p->out, "%sALLOWED%s by rule %s at ", p->c.good, p->c.off, d->rule_id);
    cli_add_place(p->out, d->place);
    buf_add_char(p->out, '\n');
    if (d->delegate_rule_id != NULL) {
        buf_printf(p->out, "  acting for others by rule %s\n", d->delegate_rule_id);
    }
    if (d->owner != NULL) {
        buf_printf(p->out, "  owner: %s\n", d->owner);
    }
    if (d->ticket != NULL) {
        buf_printf(p->out, "  ticket: %s\n", d->ticket);
    }
    if (d->max_validity_s != 0) {
        buf_printf(p->out, "  the certificate may be valid for %llu hours at most\n",
                   (unsigned long long)(d->max_validity_s / 3600));
    }
    for (size_t i = 0; i < d->num_fixed; i++) {
        buf_printf(p->out, "  filled in: %s=\"%.*s\"\n", subject_attr_word(d->fixed[i].type),
                   (int)d->fixed[i].value.len, d->fixed[i].value.ptr);
    }
    add_quota(p, &d->quota,
              d->delegate_rule_id == NULL ? "this client" : "the one it is asked for");
    add_quota(p, &d->delegate_quota, "this client");
    if (d->quota.rule_id != NULL || d->delegate_quota.rule_id != NULL) {
        buf_add_str(p->out, "  (whether these are used up only the running broker knows)\n");
    }
}

/* ---- denied ---- */

static void add_rule(const struct printing *p, const struct trace_rule *rule)
{
    buf_printf(p->out, "  %s%s%s%s%s  %s", p->c.bold, rule->rule_id, p->c.off,
               rule->is_deny ? " (deny)" : "", rule->is_delegation ? " (delegation)" : "",
               p->c.dim);
    cli_add_place(p->out, rule->place);
    buf_printf(p->out, "%s%s\n", p->c.off,
               rule->fits ? (rule->is_deny ? ": refuses this" : ": allows this") : "");
    for (size_t i = 0; i < rule->num_failures; i++) {
        const struct trace_failure *f = &rule->failures[i];
        buf_printf(p->out, "    %s%s%s %s\n      %sat ", p->c.bad, policy_reason_word(f->reason),
                   p->c.off, f->detail, p->c.dim);
        cli_add_place(p->out, f->place);
        buf_printf(p->out, "%s\n", p->c.off);
    }
}

/* add_for - whom a change of the rule would be for, too. */
static void add_for(const struct printing *p, const struct trace_rule *rule)
{
    if (rule->num_clients > 1 && rule->group != NULL) {
        buf_printf(p->out, " (this rule is for %zu clients, those of group %s)", rule->num_clients,
                   rule->group);
    } else if (rule->num_clients > 1) {
        buf_printf(p->out, " (this rule is for %zu clients)", rule->num_clients);
    } else if (rule->for_many) {
        buf_add_str(p->out, " (this rule is for many identities)");
    }
}

static void add_changes(const struct printing *p)
{
    const struct policy_trace *t = p->trace;
    if (t->best < t->num_rules) {
        const struct trace_rule *rule = &t->rules[t->best];
        buf_printf(p->out, "\nThe smallest change that would allow it, in rule %s", rule->rule_id);
        add_for(p, rule);
        buf_add_str(p->out, ":\n");
        for (size_t i = 0; i < rule->num_failures; i++) {
            buf_printf(p->out, "  %s+%s %s%s", p->c.good, p->c.off, rule->failures[i].change,
                       p->c.dim);
            buf_add_str(p->out, "  (");
            cli_add_place(p->out, rule->failures[i].place);
            buf_printf(p->out, ")%s\n", p->c.off);
        }
    }
    if (t->snippet != NULL) {
        buf_printf(p->out, "\nA rule that would allow it:\n%s", t->snippet);
    }
}

static void add_denied(const struct printing *p)
{
    const struct policy_trace *t = p->trace;
    const struct policy_decision *d = &t->decision;
    buf_printf(p->out, "%sDENIED%s %s: %s\n", p->c.bad, p->c.off, policy_reason_word(d->reason),
               d->detail);
    if (d->rule_id != NULL) {
        buf_printf(p->out, "  rule %s at ", d->rule_id);
        cli_add_place(p->out, d->place);
        buf_add_char(p->out, '\n');
    }
    if (t->num_rules > 0) {
        buf_add_str(p->out, "\nRules that were tried, nearest first:\n");
    }
    for (size_t i = 0; i < t->num_rules && i < RULES_SHOWN; i++) {
        add_rule(p, &t->rules[i]);
    }
    if (t->num_rules > RULES_SHOWN) {
        buf_printf(p->out, "  and %zu more (all of them with --json)\n",
                   t->num_rules - RULES_SHOWN);
    }
    add_changes(p);
}

void explain_text(const struct explaining *e, const struct policy_trace *trace, struct buf *out)
{
    const struct printing p = {e, trace, cli_colours(), out};
    add_who(&p);
    if (trace->decision.allowed) {
        add_allowed(&p);
    } else {
        add_denied(&p);
    }
}
