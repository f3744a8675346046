/* export_parts.c - see export.h: what ECS and OCSF have in common. */
#include "broker/cli/output.h"
#include "broker/review/export.h"

enum export_outcome export_outcome(const struct review_record *r)
{
    const char *word = audit_type_word(r->line.type);
    const char *dot = strrchr(word, '.');
    const char *last = dot == NULL ? word : dot + 1;
    static const struct {
        const char *word;
        enum export_outcome outcome;
    } outcomes[] = {
        {"ok", EXPORT_SUCCESS},      {"fail", EXPORT_FAILURE},    {"deny", EXPORT_FAILURE},
        {"refused", EXPORT_FAILURE}, {"reject", EXPORT_FAILURE},  {"fault", EXPORT_FAILURE},
        {"unknown", EXPORT_UNKNOWN}, {"attempt", EXPORT_UNKNOWN}, {"undelivered", EXPORT_FAILURE}};
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (strcmp(last, outcomes[i].word) == 0) {
            return outcomes[i].outcome;
        }
    }
    return EXPORT_SUCCESS;
}

void export_json_text(struct buf *out, const char *key, struct slice text)
{
    if (text.ptr != NULL) {
        cli_json_slice(out, key, text);
    }
}

void export_json_list(struct buf *out, const char *key, const struct slice *texts, size_t num)
{
    if (num == 0) {
        return;
    }
    cli_json_key(out, key);
    buf_add_char(out, '[');
    for (size_t i = 0; i < num; i++) {
        cli_json_item(out);
        buf_add_json_str(out, texts[i]);
    }
    buf_add_char(out, ']');
}

void export_peer(struct slice peer, struct slice *ret_address, struct slice *ret_port)
{
    const bool bracketed = peer.len > 0 && peer.ptr[0] == '[';
    const size_t colon = slice_find(peer, ':');
    struct slice rest = {NULL, 0};
    *ret_address = peer;
    *ret_port = rest;
    if (bracketed) {
        const size_t end = slice_find(peer, ']');
        *ret_address = (struct slice){peer.ptr + 1, end - 1};
        rest = end + 1 < peer.len ? slice_from(peer, end + 1) : rest;
    } else if (colon < peer.len && !slice_has_byte(slice_from(peer, colon + 1), ':')) {
        *ret_address = (struct slice){peer.ptr, colon};
        rest = slice_from(peer, colon);
    }
    if (rest.len > 1 && rest.ptr[0] == ':') {
        *ret_port = slice_from(rest, 1);
    }
}

const struct audit_names *export_names(const struct audit_event *e)
{
    const struct audit_names *g = &e->granted;
    return g->num_dns + g->num_ip + g->num_uri + g->num_email > 0 ? g : &e->want;
}

void export_id(struct buf *out, struct slice origin, uint64_t seq)
{
    struct buf text;
    buf_init(&text, 4096);
    buf_add_slice(&text, origin);
    buf_printf(&text, "/%llu", (unsigned long long)seq);
    buf_add_json_str(out, buf_slice(&text));
    buf_free(&text);
}

static void names_member(struct buf *out, const char *key, const struct audit_names *n)
{
    if (n->cn.ptr == NULL && n->num_dns + n->num_ip + n->num_uri + n->num_email == 0) {
        return;
    }
    cli_json_key(out, key);
    buf_add_char(out, '{');
    export_json_text(out, "cn", n->cn);
    export_json_list(out, "dns", n->dns, n->num_dns);
    export_json_list(out, "ip", n->ip, n->num_ip);
    export_json_list(out, "uri", n->uri, n->num_uri);
    export_json_list(out, "email", n->email, n->num_email);
    buf_add_char(out, '}');
}

void export_ours(struct buf *out, const struct audit_event *e)
{
    const struct {
        const char *key;
        struct slice text;
    } texts[] = {{"via", e->who_via},
                 {"credential", e->who_credential},
                 {"on_behalf_of", e->on_behalf_of},
                 {"action", e->action},
                 {"profile", e->profile},
                 {"key", e->key},
                 {"decision", e->decision},
                 {"owner", e->owner},
                 {"ticket", e->ticket},
                 {"delegate_rule", e->delegate_rule},
                 {"stage", e->stage},
                 {"effect", e->effect},
                 {"upstream", e->upstream},
                 {"upstream_message", e->upstream_message},
                 {"supersedes", e->supersedes},
                 {"cert_owner", e->cert_owner},
                 {"revoke_reason", e->revoke_reason},
                 {"follows", e->follows},
                 {"idempotency_key", e->idem},
                 {"by", e->by},
                 {"forced", e->forced},
                 {"note", e->note},
                 {"policy_old_sha256", e->policy_old_sha256}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        export_json_text(out, texts[i].key, texts[i].text);
    }
    if (e->ref != UINT64_MAX) {
        cli_json_u64(out, "ref", e->ref);
    }
    export_json_list(out, "mismatch", e->mismatch, e->num_mismatch);
    names_member(out, "asked", &e->want);
    if (e->serial.ptr != NULL || e->cert_sha256.ptr != NULL) {
        cli_json_key(out, "x509");
        buf_add_char(out, '{');
        export_json_text(out, "serial_number", e->serial);
        export_json_text(out, "authority_key_id", e->aki);
        export_json_text(out, "sha256", e->cert_sha256);
        export_json_text(out, "not_before", e->not_before);
        export_json_text(out, "not_after", e->not_after);
        names_member(out, "granted", &e->granted);
        buf_add_char(out, '}');
    }
}
