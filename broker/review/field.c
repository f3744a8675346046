/* field.c - see field.h. */
#include "broker/review/field.h"

#include "policy/yaml_tree.h"

#define AT(member) (offsetof(struct audit_event, member) + 1)

const struct review_field review_fields[] = {
    {"client", KIND_CLIENT, {AT(who_id)}, "who asked: client of the policy, or CLIENT:INSTANCE"},
    {"name", KIND_NAME, {0}, "a name asked for or granted: host, address, URI, e-mail, CN"},
    {"rule",
     KIND_TEXT,
     {AT(rule), AT(delegate_rule)},
     "the policy's rule, also the one that let the caller act for another"},
    {"result", KIND_RESULT, {0}, "issued, denied, failed, unknown, revoked, refused, ..."},
    {"reason", KIND_WORD, {AT(reason)}, "why not: name_not_allowed, no_rule, ca_unknown, ..."},
    {"decision", KIND_WORD, {AT(decision)}, "allow or deny"},
    {"type", KIND_TYPE, {0}, "record type: issue.ok, authz.deny, policy.load, ..."},
    {"serial", KIND_SERIAL, {AT(serial)}, "of a certificate: hex in any spelling, or decimal"},
    {"fingerprint", KIND_HEX, {AT(cert_sha256)}, "SHA-256 of a certificate that was issued"},
    {"req", KIND_HEX, {AT(req)}, "request id, as the caller has it"},
    {"peer", KIND_PEER, {AT(peer)}, "where it came from: an address or a network (10.0.0.0/8)"},
    {"owner", KIND_TEXT, {AT(owner)}, "of the rule"},
    {"ticket", KIND_TEXT, {AT(ticket)}, "of the rule"},
    {"seq", KIND_NUMBER, {0}, "number of the record"},
    {"time", KIND_TIME, {0}, "when: 24h (ago), 2026-07-01, 2026-07-01T12:00:00Z; with < and >"},
    {"for", KIND_CLIENT, {AT(on_behalf_of)}, "on whose behalf it was asked"},
    {"via",
     KIND_WORD,
     {AT(who_via)},
     "how the caller was known: mtls.uri, bearer, jwt, broker, ..."},
    {"credential", KIND_TEXT, {AT(who_credential)}, "the SAN, CN or token subject that matched"},
    {"caller-cert", KIND_HEX, {AT(who_cert_sha256)}, "SHA-256 of the client certificate"},
    {"action", KIND_WORD, {AT(action)}, "newcert, revoke or info"},
    {"profile", KIND_TEXT, {AT(profile)}, "of the CA"},
    {"key", KIND_WORD, {AT(key)}, "ecdsa-256, rsa-3072, ..."},
    {"policy",
     KIND_HEX,
     {AT(policy_sha256), AT(policy_old_sha256)},
     "SHA-256 of the policy in force, or of the one that was replaced"},
    {"idem", KIND_TEXT, {AT(idem)}, "Idempotency-Key"},
    {"trace", KIND_TEXT, {AT(trace)}, "traceparent"},
    {"client-req", KIND_TEXT, {AT(client_req)}, "X-Request-ID, as the caller sent it"},
    {"follows", KIND_HEX, {AT(follows)}, "the request that made the broker do this"},
    {"supersedes", KIND_SERIAL, {AT(supersedes)}, "the certificate that this one replaces"},
    {"cert-owner", KIND_CLIENT, {AT(cert_owner)}, "revocations: whose certificate"},
    {"revoke-reason",
     KIND_ANY_CASE,
     {AT(revoke_reason)},
     "revocations: superseded, keyCompromise, ..."},
    {"aki", KIND_HEX, {AT(aki)}, "authority key id"},
    {"stage", KIND_WORD, {AT(stage)}, "how far a call to the CA came"},
    {"effect", KIND_WORD, {AT(effect)}, "none, possible or done: what is known of the CA's side"},
    {"mismatch", KIND_WORDS, {0}, "fields in which a certificate was not as authorised"},
    {"upstream", KIND_TEXT, {AT(upstream)}, "which CA"},
    {"status", KIND_NUMBER, {AT(status)}, "HTTP status answered"},
    {"latency", KIND_NUMBER, {AT(upstream_us)}, "of the CA, in microseconds"},
    {"not-after", KIND_DATE, {AT(not_after)}, "when a certificate ends; with < and >"},
    {"detail", KIND_TEXT, {AT(detail), AT(upstream_message)}, "the record's sentence, or the CA's"},
    {"path", KIND_TEXT, {AT(path)}, "refused requests"},
    {"by", KIND_TEXT, {AT(by)}, "who made the broker do it"},
    {"note", KIND_TEXT, {AT(note), AT(forced)}, "reasons given for a reload, forced ones too"},
    {NULL, KIND_TEXT, {0}, NULL},
};

/* Other words for them: of the log, of OpenSSL, of habit. */
static const char *const synonyms[][2] = {
    {"who", "client"},
    {"who.id", "client"},
    {"user", "client"},
    {"principal", "client"},
    {"host", "name"},
    {"names", "name"},
    {"dns", "name"},
    {"san", "name"},
    {"cn", "name"},
    {"sha256", "fingerprint"},
    {"cert_sha256", "fingerprint"},
    {"request", "req"},
    {"request_id", "req"},
    {"id", "req"},
    {"ip", "peer"},
    {"from", "peer"},
    {"source", "peer"},
    {"address", "peer"},
    {"ts", "time"},
    {"serial_dec", "serial"},
    {"policy_sha256", "policy"},
    {"on_behalf_of", "for"},
    {"outcome", "result"},
    {"delegate_rule", "rule"},
    {"not_after", "not-after"},
    {"expires", "not-after"},
    {"us", "latency"},
    {"caller_cert", "caller-cert"},
    {"client_req", "client-req"},
    {"cert_owner", "cert-owner"},
    {"revoke_reason", "revoke-reason"},
    {"traceparent", "trace"},
    {"forced", "note"},
};

const struct review_field *review_field_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++) {
        if (slice_eq_str(name, synonyms[i][0])) {
            name = slice_of(synonyms[i][1]);
        }
    }
    for (const struct review_field *f = review_fields; f->name != NULL; f++) {
        if (slice_eq_str(name, f->name)) {
            return f;
        }
    }
    return NULL;
}

const char *review_field_suggest(struct slice name)
{
    const char *names[FIELD_COUNT_MAX + 1] = {NULL};
    size_t num = 0;
    for (const struct review_field *f = review_fields; f->name != NULL && num < FIELD_COUNT_MAX;
         f++) {
        names[num++] = f->name;
    }
    return yaml_suggest(name, names);
}

/* ---- what a record has ---- */

typedef bool (*text_test)(const void *ctx, struct slice text);

static bool any_in_list(const struct slice *texts, size_t num, text_test test, const void *ctx)
{
    for (size_t i = 0; i < num; i++) {
        if (test(ctx, texts[i])) {
            return true;
        }
    }
    return false;
}

static bool any_name(const struct audit_names *n, text_test test, const void *ctx)
{
    return (n->cn.ptr != NULL && test(ctx, n->cn)) || any_in_list(n->dns, n->num_dns, test, ctx) ||
           any_in_list(n->ip, n->num_ip, test, ctx) || any_in_list(n->uri, n->num_uri, test, ctx) ||
           any_in_list(n->email, n->num_email, test, ctx);
}

bool review_field_any(const struct review_field *field, const struct audit_event *e, text_test test,
                      const void *ctx)
{
    if (field->kind == KIND_NAME) {
        return any_name(&e->want, test, ctx) || any_name(&e->granted, test, ctx);
    }
    if (field->kind == KIND_WORDS) {
        return any_in_list(e->mismatch, e->num_mismatch, test, ctx);
    }
    for (size_t i = 0; i < FIELD_PLACES && field->at[i] != 0; i++) {
        struct slice text;
        memcpy(&text, (const char *)e + field->at[i] - 1, sizeof(text));
        if (text.ptr != NULL && test(ctx, text)) {
            return true;
        }
    }
    return false;
}

uint64_t review_field_number(const struct review_field *field, const struct review_record *r)
{
    uint64_t number = r->line.seq;
    if (field->kind == KIND_TIME) {
        return r->line.ts_us < 0 ? 0 : (uint64_t)r->line.ts_us;
    }
    if (field->at[0] != 0) {
        memcpy(&number, (const char *)&r->event + field->at[0] - 1, sizeof(number));
    }
    return number;
}
