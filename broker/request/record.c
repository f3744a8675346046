/* record.c - from a request to its audit event: field by field, never "everything we have". */
#include "broker/request/record.h"

#include <openssl/evp.h>
#include <stdio.h>

enum audit_type record_attempt_type(const struct request *r)
{
    return r->ask.action == ACTION_REVOKE ? AUDIT_REVOKE_ATTEMPT : AUDIT_ISSUE_ATTEMPT;
}

/* names_to_event - names sorted by kind (as ours are) to the record's lists. */
static bool names_to_event(struct arena *arena, const struct name *names, size_t num,
                           struct slice common_name, struct audit_names *ret)
{
    struct slice *texts = arena_array(arena, num == 0 ? 1 : num, sizeof(*texts));
    if (texts == NULL) {
        return false;
    }
    ret->cn = common_name;
    for (size_t i = 0; i < num; i++) {
        texts[i] = names[i].text;
        const struct slice **list = NULL;
        size_t *count = NULL;
        switch (names[i].kind) {
        case NAME_DNS:
            list = &ret->dns;
            count = &ret->num_dns;
            break;
        case NAME_IP:
            list = &ret->ip;
            count = &ret->num_ip;
            break;
        case NAME_URI:
            list = &ret->uri;
            count = &ret->num_uri;
            break;
        case NAME_EMAIL:
            list = &ret->email;
            count = &ret->num_email;
            break;
        }
        if (*count == 0) {
            *list = texts + i;
        }
        *count += 1;
    }
    return true;
}

/* pairs_of - attributes as a record's list of pairs; NULL: out of memory. */
static const struct audit_kv *pairs_of(struct arena *arena, const struct subject_attr *attrs,
                                       size_t num)
{
    struct audit_kv *pairs = arena_array(arena, num + 1, sizeof(*pairs));
    for (size_t i = 0; pairs != NULL && i < num; i++) {
        pairs[i].key = slice_of(subject_attr_word(attrs[i].type));
        pairs[i].value = attrs[i].value;
    }
    return pairs;
}

/* add_claims - of a JWT those that some rule looks at, so that this can be decided again. The others
 * are none of ours. */
static bool add_claims(struct request *r, struct audit_event *e)
{
    const struct policy_caller *caller = &r->who.caller;
    struct audit_kv *claims = arena_array(&r->arena, caller->num_claims + 1, sizeof(*claims));
    if (claims == NULL) {
        return false;
    }
    for (size_t i = 0; i < caller->num_claims; i++) {
        if (policy_wants_claim(r->policy->policy, caller->claims[i].name)) {
            claims[e->num_claims++] =
                (struct audit_kv){caller->claims[i].name, caller->claims[i].value};
        }
    }
    e->claims = claims;
    return true;
}

static bool add_ask(struct request *r, struct audit_event *e)
{
    const struct policy_ask *ask = &r->ask;
    if (!add_claims(r, e)) {
        return false;
    }
    if (!names_to_event(&r->arena, ask->names, ask->num_names, ask->common_name, &e->want)) {
        return false;
    }
    e->action = slice_of(policy_action_word(ask->action));
    e->profile = ask->profile;
    e->idem = r->idem;
    if (ask->action == ACTION_NEWCERT) {
        e->ask_sha256 = slice_of(r->ask_sha256);
        char *key = arena_alloc(&r->arena, 32);
        e->subject = pairs_of(&r->arena, ask->subject, ask->num_subject);
        e->fixed = pairs_of(&r->arena, r->decision.fixed, r->decision.num_fixed);
        if (key == NULL || e->subject == NULL || e->fixed == NULL) {
            return false;
        }
        (void)snprintf(key, 32, "%s-%u", key_algo_word(ask->key_algo), ask->key_bits);
        e->key = slice_of(key);
        e->num_subject = ask->num_subject;
        e->num_fixed = r->decision.num_fixed;
    }
    return true;
}

static void add_revocation(const struct request *r, struct audit_event *e)
{
    e->serial = slice_of(r->revoke.serial_hex);
    e->serial_dec = slice_of(r->revoke.serial_dec);
    e->revoke_reason = slice_of(revoke_reason_word(r->revoke.reason));
    if (r->lookup.has_cert) {
        e->aki = slice_of(r->lookup.cert.aki_hex);
        e->cert_owner = r->lookup.cert.owner;
        e->cert_ref = r->lookup.cert.ref;
    }
}

/* add_why - a refusal of another kind than the policy's carries no decision: it would be counted as
 * one more that was allowed. */
static void add_why(const struct request *r, enum audit_type type, struct audit_event *e)
{
    if (r->policy != NULL) {
        e->policy_sha256 = slice_of(policy_sha256(r->policy->policy));
    }
    e->rule = slice_of(r->decision.rule_id);
    e->owner = slice_of(r->decision.owner);
    e->ticket = slice_of(r->decision.ticket);
    e->delegate_rule = slice_of(r->decision.delegate_rule_id);
    if (r->verdict.reason->id == REFUSED_DENIED) {
        e->decision = SLICE("deny");
    } else if (r->decision.allowed && type != AUDIT_REQUEST_REFUSED) {
        e->decision = SLICE("allow");
    }
    if (r->verdict.reason->id != REFUSED_NONE) {
        e->reason = slice_of(r->verdict.reason->id == REFUSED_DENIED
                                 ? policy_reason_word(r->decision.reason)
                                 : r->verdict.reason->word);
        e->detail = slice_of(r->verdict.detail);
        e->status = (uint64_t)r->verdict.reason->status;
    }
}

static void add_upstream(const struct request *r, struct audit_event *e)
{
    if (!r->call.has_result) {
        return;
    }
    const struct ca_result *result = &r->call.result;
    e->upstream = slice_of(result->upstream);
    e->upstream_us = (uint64_t)result->latency_us;
    e->stage = slice_of(result->stage);
    if (result->effect == CA_ANSWERED) {
        e->stage = SLICE("answer");
        e->upstream_http = (uint64_t)result->http_status;
        if (r->call.answer.code != 0) {
            e->upstream_code = r->call.answer.code;
        }
        e->upstream_message =
            r->call.answer.message.len > 0 ? r->call.answer.message : (struct slice){NULL, 0};
    } else {
        e->upstream_message = slice_of(result->message);
    }
}

/* effect_word - what is known about the CA's side of it. */
static const char *effect_word(const struct request *r)
{
    if (!r->call.may_have_acted) {
        return "none";
    }
    return r->call.answer.verdict == CA_DONE && r->call.has_result &&
                   r->call.result.effect == CA_ANSWERED
               ? "done"
               : "possible";
}

static bool base64_der(struct arena *arena, struct slice der, struct slice *ret)
{
    if (der.len == 0 || der.len > 8192) {
        return true; /* too large for a line: the fingerprint stands for it */
    }
    char *out = arena_alloc(arena, 4 * ((der.len + 2) / 3) + 1);
    if (out == NULL) {
        return false;
    }
    const int len =
        EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)der.ptr, (int)der.len);
    *ret = (struct slice){out, (size_t)len};
    return true;
}

static char *time_text(struct arena *arena, int64_t unix_s)
{
    char *out = arena_alloc(arena, 21);
    if (out != NULL) {
        time_format_s(unix_s, out);
    }
    return out;
}

/* How much of a certificate goes into its record. What we asked for always fits; a CA may put more
 * into a certificate than a line can hold, and then its serial and digest must do. */
enum detail { DETAIL_FULL, DETAIL_BRIEF };

/* add_certificate - the facts of what the CA returned, also of one that is not as authorised. */
static bool add_certificate(struct request *r, enum detail detail, struct audit_event *e)
{
    const struct cert_facts *facts = &r->call.facts;
    if (facts->der.len == 0) {
        return true;
    }
    if (detail == DETAIL_FULL && (!names_to_event(&r->arena, facts->names, facts->num_names,
                                                  facts->common_name, &e->granted) ||
                                  !base64_der(&r->arena, facts->der, &e->cert_der_b64))) {
        return false;
    }
    if (facts->serial_hex[0] != '\0') {
        e->serial = slice_of(facts->serial_hex);
        e->serial_dec = slice_of(facts->serial_dec);
    }
    e->aki = facts->aki_hex[0] == '\0' ? e->aki : slice_of(facts->aki_hex);
    e->cert_sha256 = slice_of(facts->sha256);
    e->not_before = slice_of(time_text(&r->arena, facts->not_before_s));
    e->not_after = slice_of(time_text(&r->arena, facts->not_after_s));
    if (facts->differs != 0) {
        struct slice *fields = arena_array(&r->arena, CERT_FIELD_COUNT, sizeof(*fields));
        if (fields == NULL) {
            return false;
        }
        for (unsigned f = 0; f < CERT_FIELD_COUNT; f++) {
            if ((facts->differs & (1U << f)) != 0) {
                fields[e->num_mismatch++] = slice_of(cert_field_word((enum cert_field)f));
            }
        }
        e->mismatch = fields;
    }
    return true;
}

static bool is_after_call(enum audit_type type)
{
    return audit_type_is_outcome(type) || type == AUDIT_ISSUE_UNDELIVERED || type == AUDIT_INFO_OK;
}

/* is_supersession - this outcome makes the certificate take the earlier one's place; one that is
 * recorded late was never given out and takes nobody's. */
static bool is_supersession(const struct request *r, enum audit_type type)
{
    return type == AUDIT_ISSUE_OK && r->verdict.reason->id == REFUSED_NONE;
}

static bool encode(struct request *r, enum audit_type type, enum detail detail, struct buf *out)
{
    struct audit_event e;
    audit_event_zero(&e, type);
    e.req = slice_of(r->id);
    e.trace = r->trace;
    e.client_req = r->client_request_id;
    e.who_id = r->who.id;
    e.who_via = slice_of(r->who.via);
    e.who_credential = r->who.credential;
    e.who_cert_sha256 = r->who.cert_sha256;
    e.on_behalf_of = r->ask.on_behalf_of;
    e.peer = r->peer;
    e.follows = r->follows;
    e.by = r->by;
    e.note = r->note;
    add_why(r, type, &e);
    if (type == AUDIT_REQUEST_REFUSED || type == AUDIT_AUTHN_FAIL) {
        e.method = r->method;
        e.path = r->path;
    }
    /* An attempt and a denial carry the whole ask, so that they can be decided again; an outcome
     * refers to its attempt. */
    const bool has_ask = r->ask.profile.ptr != NULL || r->ask.action == ACTION_REVOKE;
    if (has_ask && !is_after_call(type) && !add_ask(r, &e)) {
        return false;
    }
    if (r->revoke.serial_dec[0] != '\0') {
        add_revocation(r, &e);
    } else if (r->lookup.has_cert && (type == AUDIT_ISSUE_ATTEMPT || is_supersession(r, type))) {
        e.supersedes = slice_of(r->lookup.cert.serial_hex);
    }
    if (is_after_call(type)) {
        e.ref = r->record.attempt_seq;
        e.action = slice_of(policy_action_word(r->ask.action));
        e.idem = r->idem;
        e.ask_sha256 = r->ask.action == ACTION_NEWCERT ? slice_of(r->ask_sha256) : e.ask_sha256;
        add_upstream(r, &e);
        if (type == AUDIT_INFO_OK) {
            e.profile = r->ask.profile; /* there is no attempt that would say it */
        } else {
            e.effect = slice_of(effect_word(r));
        }
        if (r->ask.action == ACTION_NEWCERT && !add_certificate(r, detail, &e)) {
            return false;
        }
    }
    return audit_event_encode(&e, out);
}

static bool encode_to_fit(struct request *r, enum audit_type type, struct buf *out)
{
    if (encode(r, type, DETAIL_FULL, out)) {
        return true;
    }
    buf_reset(out);
    return encode(r, type, DETAIL_BRIEF, out);
}

bool record_submit(struct request *r, enum audit_type type, struct cb_err *err)
{
    r->record.is_written = false;
    if (!r->record.is_late_encoded) {
        buf_reset(&r->record.body);
        if (!encode_to_fit(r, type, &r->record.body)) {
            (void)cb_fail(err, CB_EINTERNAL, "the record does not fit into a line");
            return false;
        }
        r->record.is_late_encoded = r->record.is_late; /* tried again as it is */
    }
    r->record.append.body = buf_slice(&r->record.body);
    r->record.append.type = type;
    r->record.append.ref_seq = audit_type_is_outcome(type) ? r->record.attempt_seq : UINT64_MAX;
    if (r->sv->audit_submit(r->sv->ctx, r, err) != CB_OK) {
        return false;
    }
    r->record.is_pending = true;
    return true;
}

void record_note(struct request *r, enum audit_type type)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    if (encode_to_fit(r, type, &body)) {
        const struct source_key from = {.kind = type,
                                        .peer = r->peer,
                                        .via = slice_of(r->who.via),
                                        .reason = slice_of(r->verdict.reason->word)};
        const bool is_stranger = type == AUDIT_AUTHN_FAIL || type == AUDIT_REQUEST_REFUSED;
        r->sv->audit_note(r->sv->ctx, type, buf_slice(&body),
                          is_stranger && r->who.client == NULL ? &from : NULL);
    }
    buf_free(&body);
}
