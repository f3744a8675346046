/* export_ecs.c - see export.h: Elastic Common Schema. What it has no field for is under certbroker.*: its
 * own x509 fields belong to the certificate of a connection or a file, not to one that is issued. */
#include "broker/base/clock.h"
#include "broker/cli/output.h"
#include "broker/review/export.h"

static const char *const outcomes[] = {
    [EXPORT_SUCCESS] = "success", [EXPORT_FAILURE] = "failure", [EXPORT_UNKNOWN] = "unknown"};

static void add_kind(struct buf *out, const char *category, const char *type)
{
    cli_json_key(out, "category");
    buf_printf(out, "[\"%s\"]", category);
    cli_json_key(out, "type");
    buf_printf(out, "[\"%s\"]", type);
}

static void add_category(struct buf *out, enum audit_type type)
{
    const char *word = audit_type_word(type);
    if (type == AUDIT_ISSUE_OK) {
        add_kind(out, "iam", "creation");
    } else if (type == AUDIT_REVOKE_OK) {
        add_kind(out, "iam", "deletion");
    } else if (type == AUDIT_AUTHN_FAIL) {
        add_kind(out, "authentication", "start");
    } else if (type == AUDIT_BROKER_START || type == AUDIT_BROKER_STOP) {
        add_kind(out, "process", type == AUDIT_BROKER_START ? "start" : "end");
    } else if (strncmp(word, "policy.", 7) == 0) {
        add_kind(out, "configuration", type == AUDIT_POLICY_LOAD ? "change" : "info");
    } else {
        add_kind(out, "iam", "info");
    }
}

static void add_event(const struct review_record *r, struct slice origin, struct buf *out)
{
    const struct audit_event *e = &r->event;
    cli_json_key(out, "event");
    buf_add_char(out, '{');
    cli_json_text(out, "kind", "event");
    cli_json_text(out, "module", "certbroker");
    cli_json_text(out, "dataset", "certbroker.audit");
    cli_json_slice(out, "provider", origin);
    cli_json_text(out, "action", audit_type_word(r->line.type));
    add_category(out, r->line.type);
    cli_json_text(out, "outcome", outcomes[export_outcome(r)]);
    cli_json_key(out, "id");
    export_id(out, origin, r->line.seq);
    cli_json_u64(out, "sequence", r->line.seq);
    export_json_text(out, "reason", e->reason);
    if (e->upstream_us != UINT64_MAX) {
        cli_json_u64(out, "duration", e->upstream_us * 1000);
    }
    buf_add_char(out, '}');
}

static void add_http(const struct audit_event *e, struct buf *out)
{
    if (e->req.ptr == NULL) {
        return;
    }
    cli_json_key(out, "http");
    buf_add_str(out, "{\"request\":{");
    cli_json_slice(out, "id", e->req);
    export_json_text(out, "method", e->method);
    buf_add_char(out, '}');
    if (e->status != UINT64_MAX) {
        cli_json_key(out, "response");
        buf_add_char(out, '{');
        cli_json_u64(out, "status_code", e->status);
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
    if (e->path.ptr != NULL) {
        cli_json_key(out, "url");
        buf_add_char(out, '{');
        cli_json_slice(out, "path", e->path);
        buf_add_char(out, '}');
    }
}

static void add_client(const struct audit_event *e, struct buf *out)
{
    struct slice address;
    struct slice port;
    uint64_t number = 0;
    if (e->peer.ptr == NULL) {
        return;
    }
    export_peer(e->peer, &address, &port);
    cli_json_key(out, "client");
    buf_add_char(out, '{');
    cli_json_slice(out, "address", e->peer);
    cli_json_slice(out, "ip", address);
    if (port.ptr != NULL && slice_to_u64(port, &number)) {
        cli_json_u64(out, "port", number);
    }
    buf_add_char(out, '}');
}

static void add_who(const struct audit_event *e, struct buf *out)
{
    if (e->who_id.ptr != NULL) {
        cli_json_key(out, "user");
        buf_add_char(out, '{');
        cli_json_slice(out, "id", e->who_id);
        cli_json_slice(out, "name", e->who_id);
        buf_add_char(out, '}');
    }
    if (e->who_cert_sha256.ptr != NULL) {
        cli_json_key(out, "tls");
        buf_add_str(out, "{\"client\":{\"hash\":{");
        cli_json_slice(out, "sha256", e->who_cert_sha256);
        buf_add_str(out, "}}}");
    }
}

static void add_rule(const struct audit_event *e, struct buf *out)
{
    if (e->rule.ptr == NULL && e->policy_sha256.ptr == NULL) {
        return;
    }
    cli_json_key(out, "rule");
    buf_add_char(out, '{');
    export_json_text(out, "name", e->rule);
    export_json_text(out, "version", e->policy_sha256);
    buf_add_char(out, '}');
}

static void add_related(const struct audit_event *e, struct buf *out)
{
    const struct audit_names *names = export_names(e);
    struct slice hashes[2];
    size_t num = 0;
    if (e->cert_sha256.ptr != NULL) {
        hashes[num++] = e->cert_sha256;
    }
    if (e->who_cert_sha256.ptr != NULL) {
        hashes[num++] = e->who_cert_sha256;
    }
    if (num + names->num_dns + names->num_ip == 0) {
        return;
    }
    cli_json_key(out, "related");
    buf_add_char(out, '{');
    export_json_list(out, "hosts", names->dns, names->num_dns);
    export_json_list(out, "ip", names->ip, names->num_ip);
    export_json_list(out, "hash", hashes, num);
    buf_add_char(out, '}');
}

void export_ecs(const struct review_record *r, struct slice origin, struct buf *out)
{
    char time[TIME_TEXT_LEN + 1];
    time_format_us(r->line.ts_us, time);
    buf_add_char(out, '{');
    cli_json_text(out, "@timestamp", time);
    buf_add_str(out, ",\"ecs\":{\"version\":\"" EXPORT_ECS_VERSION "\"}");
    export_json_text(out, "message", r->event.detail);
    add_event(r, origin, out);
    add_http(&r->event, out);
    add_who(&r->event, out);
    add_client(&r->event, out);
    add_rule(&r->event, out);
    add_related(&r->event, out);
    cli_json_key(out, "certbroker");
    buf_add_char(out, '{');
    export_ours(out, &r->event);
    buf_add_str(out, "}}\n");
}
