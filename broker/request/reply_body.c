/* reply_body.c - every body this broker answers with. Members that CFSSL's own clients read have
 * CFSSL's names and types; ours (reason, request_id) come after them. */
#include "broker/request/reply_body.h"

#include "broker/ca/pem.h"
#include "broker/request/digest.h"
#include "broker/request/explain.h"

#define BODY_CAP (128U << 10)

void reply_member(struct buf *out, const char *name, struct slice value)
{
    buf_add_json_str(out, slice_of(name));
    buf_add_char(out, ':');
    if (value.ptr == NULL) {
        buf_add_str(out, "null");
    } else {
        buf_add_json_str(out, value);
    }
}

/* member_open - the name, and the quote before a text that needs no escapes. */
static void member_open(struct buf *out, const char *name)
{
    buf_add_char(out, '"');
    buf_add_str(out, name);
    buf_add_slice(out, SLICE("\":\""));
}

/* lines_member - a text of several lines with \n between them, as CFSSL writes PEM: people take it
 * apart with sed. */
static void lines_member(struct buf *out, const char *name, struct slice text)
{
    member_open(out, name);
    while (text.len > 0) {
        const size_t run = slice_plain_run(text);
        buf_add(out, text.ptr, run);
        text = (struct slice){text.ptr + run, text.len - run};
        if (text.len > 0) {
            /* ca_check lets nothing else through in a PEM block than these and line ends. */
            buf_add_str(out, text.ptr[0] == '\n' ? "\\n" : "");
            text = (struct slice){text.ptr + 1, text.len - 1};
        }
    }
    buf_add_char(out, '"');
}

/* hash_member - in upper-case hex; empty where the algorithm is not to be had. */
static void hash_member(struct buf *out, const char *name, enum digest_algorithm algorithm,
                        struct slice der)
{
    static const char digits[] = "0123456789ABCDEF";
    const EVP_MD *md = digest_md(algorithm);
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (md == NULL || EVP_Digest(der.ptr, der.len, digest, &len, md, NULL) != 1) {
        len = 0;
    }
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 0x0fU];
    }
    member_open(out, name);
    buf_add(out, hex, 2 * (size_t)len);
    buf_add_char(out, '"');
}

/* sums - CFSSL's clients compare these with what they received. */
static void sums_member(struct buf *out, const char *name, struct slice der)
{
    buf_add_char(out, '"');
    buf_add_str(out, name);
    buf_add_slice(out, SLICE("\":{"));
    hash_member(out, "md5", DIGEST_MD5, der);
    buf_add_char(out, ',');
    hash_member(out, "sha-1", DIGEST_SHA1, der);
    buf_add_char(out, ',');
    hash_member(out, "sha-256", DIGEST_SHA256, der);
    buf_add_char(out, '}');
}

static void pem_member(struct buf *out, const char *name, const char *label, struct slice der)
{
    member_open(out, name);
    pem_encode_json(out, label, der);
    buf_add_char(out, '"');
}

static void newcert_result(const struct request *r, struct buf *out)
{
    buf_add_char(out, '{');
    pem_member(out, "certificate", "CERTIFICATE", r->call.facts.der);
    buf_add_char(out, ',');
    if (r->call.request_der.len > 0) {
        pem_member(out, "certificate_request", "CERTIFICATE REQUEST", r->call.request_der);
        buf_add_char(out, ',');
    }
    lines_member(out, "private_key", r->call.answer.private_key);
    buf_printf(out, ",\"serial\":\"%s\",\"sums\":{", r->call.facts.serial_dec);
    sums_member(out, "certificate", r->call.facts.der);
    if (r->call.request_der.len > 0) {
        buf_add_char(out, ',');
        sums_member(out, "certificate_request", r->call.request_der);
    }
    buf_add_str(out, "}}");
}

static void info_result(const struct request *r, struct buf *out)
{
    const struct ca_answer *answer = &r->call.answer;
    buf_add_char(out, '{');
    pem_member(out, "certificate", "CERTIFICATE", r->call.info_der);
    buf_add_str(out, ",\"usages\":[");
    for (size_t i = 0; i < answer->num_usages; i++) {
        buf_add_str(out, i == 0 ? "" : ",");
        buf_add_json_str(out, answer->usages[i]);
    }
    buf_add_str(out, "],");
    reply_member(out, "expiry", answer->expiry);
    buf_add_char(out, '}');
}

static void whoami_result(const struct request *r, struct buf *out)
{
    buf_add_char(out, '{');
    reply_member(out, "client", slice_of(policy_client_id(r->who.client)));
    buf_add_char(out, ',');
    reply_member(out, "principal", r->who.id);
    buf_add_char(out, ',');
    reply_member(out, "via", slice_of(r->who.via));
    buf_add_char(out, ',');
    reply_member(out, "credential", r->who.credential);
    buf_add_char(out, ',');
    reply_member(out, "policy_sha256", slice_of(policy_sha256(r->policy->policy)));
    buf_add_char(out, '}');
}

static void result(const struct request *r, struct buf *out)
{
    switch (r->route) {
    case ROUTE_NEWCERT:
        newcert_result(r, out);
        break;
    case ROUTE_INFO:
        info_result(r, out);
        break;
    case ROUTE_HEALTH:
        buf_add_str(out, "{\"healthy\":true}");
        break;
    case ROUTE_WHOAMI:
        whoami_result(r, out);
        break;
    case ROUTE_EXPLAIN:
        explain_result(r, out);
        break;
    case ROUTE_REVOKE:
    case ROUTE_REFUSED:
    case ROUTE_FOLLOW_UP:
        buf_add_str(out, "{}");
        break;
    }
}

static void success_body(const struct request *r, struct buf *out)
{
    buf_add_str(out, "{\"success\":true,\"result\":");
    result(r, out);
    buf_add_str(out, ",\"errors\":[],\"messages\":[");
    if (r->lookup.is_already_revoked) {
        buf_add_str(out, "{\"code\":20200,\"message\":\"already_revoked\"}");
    }
    buf_add_str(out, "],");
    reply_member(out, "request_id", slice_of(r->id));
    buf_add_str(out, "}\n");
}

static void refusal_body(const struct request *r, struct buf *out)
{
    const struct reason *reason = r->verdict.reason;
    const bool is_denied = reason->id == REFUSED_DENIED;
    /* Who could not be authenticated learns nothing about why. */
    const char *sentence =
        reason->id == REFUSED_UNAUTHENTICATED ? reason->sentence : r->verdict.detail;
    buf_printf(out, "{\"success\":false,\"result\":null,\"errors\":[{\"code\":%u,\"message\":",
               reason->code);
    buf_add_json_str(out, slice_of(sentence));
    buf_add_str(out, "}],\"messages\":[],");
    reply_member(out, "reason",
                 slice_of(is_denied ? policy_reason_word(r->decision.reason) : reason->word));
    const char *rule_id = is_denied ? r->decision.rule_id : r->verdict.rule_id;
    if (rule_id != NULL) {
        buf_add_char(out, ',');
        reply_member(out, "rule", slice_of(rule_id));
    }
    buf_add_char(out, ',');
    reply_member(out, "request_id", slice_of(r->id));
    buf_add_str(out, "}\n");
}

void reply_body(const struct request *r, struct buf *out)
{
    buf_init_secret(out, BODY_CAP);
    if (r->verdict.reason->id == REFUSED_NONE) {
        success_body(r, out);
    } else {
        refusal_body(r, out);
    }
}
