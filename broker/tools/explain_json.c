/* explain_json.c - see explain.h: a decision as one JSON document. */
#include "broker/tools/explain.h"

static void add_quota(struct buf *out, const char *key, const struct policy_quota *quota)
{
    if (quota->rule_id == NULL) {
        return;
    }
    cli_json_key(out, key);
    buf_add_char(out, '{');
    cli_json_text(out, "rule", quota->rule_id);
    if (quota->rate_count != 0) {
        cli_json_u64(out, "rate_count", quota->rate_count);
        cli_json_u64(out, "rate_per_ms", quota->rate_per_ms);
        cli_json_u64(out, "rate_burst", quota->rate_burst);
    }
    if (quota->max_active != 0) {
        cli_json_u64(out, "max_active", quota->max_active);
        cli_json_bool(out, "auto_revoke_oldest", quota->auto_revoke_oldest);
    }
    buf_add_char(out, '}');
}

static void add_fixed(struct buf *out, const struct policy_decision *d)
{
    cli_json_key(out, "fixed");
    buf_add_char(out, '[');
    for (size_t i = 0; i < d->num_fixed; i++) {
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "attribute", subject_attr_word(d->fixed[i].type));
        cli_json_slice(out, "value", d->fixed[i].value);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_decision(struct buf *out, const struct policy_decision *d)
{
    cli_json_bool(out, "allowed", d->allowed);
    cli_json_text(out, "reason", policy_reason_word(d->reason));
    cli_json_text(out, "rule", d->rule_id);
    if (d->rule_id != NULL) {
        cli_json_place(out, "place", d->place);
    }
    cli_json_text(out, "owner", d->owner);
    cli_json_text(out, "ticket", d->ticket);
    cli_json_text(out, "delegate_rule", d->delegate_rule_id);
    if (!d->allowed) {
        cli_json_text(out, "detail", d->detail);
        return;
    }
    cli_json_u64(out, "max_validity_s", d->max_validity_s);
    add_fixed(out, d);
    add_quota(out, "quota", &d->quota);
    add_quota(out, "delegate_quota", &d->delegate_quota);
}

static void add_rule(struct buf *out, const struct trace_rule *rule)
{
    cli_json_item(out);
    buf_add_char(out, '{');
    cli_json_text(out, "rule", rule->rule_id);
    cli_json_place(out, "place", rule->place);
    cli_json_bool(out, "deny", rule->is_deny);
    cli_json_bool(out, "delegation", rule->is_delegation);
    cli_json_bool(out, "fits", rule->fits);
    cli_json_u64(out, "clients", rule->num_clients);
    cli_json_bool(out, "many_identities", rule->for_many);
    cli_json_key(out, "failures");
    buf_add_char(out, '[');
    for (size_t i = 0; i < rule->num_failures; i++) {
        const struct trace_failure *f = &rule->failures[i];
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "reason", policy_reason_word(f->reason));
        cli_json_place(out, "place", f->place);
        cli_json_text(out, "detail", f->detail);
        cli_json_text(out, "change", f->change);
        buf_add_char(out, '}');
    }
    buf_add_str(out, "]}");
}

void explain_json(const struct explaining *e, const struct policy_trace *trace, struct buf *out)
{
    char principal[POLICY_PRINCIPAL_MAX + 1];
    (void)policy_principal(&e->caller, principal);
    buf_add_char(out, '{');
    cli_json_text(out, "principal", principal);
    cli_json_text(out, "action", policy_action_word(e->ask.action));
    if (e->ask.action == ACTION_REVOKE) {
        cli_json_text(out, "relation", ask_text_relations[e->ask.relation]);
        cli_json_bool(out, "relation_assumed", !args_has(e->args, "relation"));
    }
    cli_json_time(out, "at", e->now_s);
    add_decision(out, &trace->decision);
    cli_json_key(out, "rules");
    buf_add_char(out, '[');
    for (size_t i = 0; i < trace->num_rules; i++) {
        add_rule(out, &trace->rules[i]);
    }
    buf_add_char(out, ']');
    cli_json_key(out, "best");
    if (trace->best < trace->num_rules) {
        buf_add_u64(out, trace->best);
    } else {
        buf_add_str(out, "null");
    }
    cli_json_text(out, "snippet", trace->snippet);
    buf_add_str(out, "}\n");
}
