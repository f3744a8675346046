/* export_ocsf.c - see export.h: Open Cybersecurity Schema Framework, class API Activity (6003). The
 * attributes are those of the version that is pinned; later ones have moved some. */
#include "broker/cli/output.h"
#include "broker/review/export.h"

#define CLASS_UID 6003U
#define CATEGORY_UID 6U

enum activity { ACTIVITY_CREATE = 1, ACTIVITY_READ = 2, ACTIVITY_DELETE = 4, ACTIVITY_OTHER = 99 };
enum severity { SEVERITY_INFORMATIONAL = 1, SEVERITY_LOW = 2, SEVERITY_MEDIUM = 3 };
enum status { STATUS_UNKNOWN = 0, STATUS_SUCCESS = 1, STATUS_FAILURE = 2 };

static enum activity activity_of(const struct review_record *r)
{
    const char *word = audit_type_word(r->line.type);
    if (strncmp(word, "issue.", 6) == 0 || slice_eq_str(r->event.action, "newcert")) {
        return ACTIVITY_CREATE;
    }
    if (strncmp(word, "revoke.", 7) == 0 || slice_eq_str(r->event.action, "revoke")) {
        return ACTIVITY_DELETE;
    }
    return slice_eq_str(r->event.action, "info") ? ACTIVITY_READ : ACTIVITY_OTHER;
}

static enum status status_of(enum export_outcome outcome)
{
    switch (outcome) {
    case EXPORT_SUCCESS:
        return STATUS_SUCCESS;
    case EXPORT_FAILURE:
        return STATUS_FAILURE;
    case EXPORT_UNKNOWN:
        break;
    }
    return STATUS_UNKNOWN;
}

/* severity_of - of the record alone; what is an alarm is for the one who receives it to say. */
static enum severity severity_of(const struct review_record *r)
{
    const char *word = audit_type_word(r->line.type);
    if (r->event.num_mismatch > 0 || r->line.type == AUDIT_FAULT ||
        strncmp(word, "reconcile.", 10) == 0) {
        return SEVERITY_MEDIUM;
    }
    return export_outcome(r) == EXPORT_SUCCESS ? SEVERITY_INFORMATIONAL : SEVERITY_LOW;
}

static void add_metadata(const struct review_record *r, struct slice origin, struct buf *out)
{
    cli_json_key(out, "metadata");
    buf_add_str(out,
                "{\"version\":\"" EXPORT_OCSF_VERSION "\",\"product\":{\"name\":\"certbroker\","
                "\"vendor_name\":\"certbroker\"}");
    cli_json_key(out, "uid");
    export_id(out, origin, r->line.seq);
    cli_json_u64(out, "sequence", r->line.seq);
    cli_json_slice(out, "log_name", origin);
    cli_json_text(out, "event_code", audit_type_word(r->line.type));
    export_json_text(out, "correlation_uid", r->event.req);
    buf_add_char(out, '}');
}

static void add_who(const struct audit_event *e, struct buf *out)
{
    struct slice address = SLICE("");
    struct slice port = {NULL, 0};
    uint64_t number = 0;
    cli_json_key(out, "actor");
    buf_add_char(out, '{');
    if (e->who_id.ptr != NULL) {
        cli_json_key(out, "user");
        buf_add_char(out, '{');
        cli_json_slice(out, "uid", e->who_id);
        cli_json_slice(out, "name", e->who_id);
        export_json_text(out, "credential_uid", e->who_credential);
        buf_add_char(out, '}');
    } else {
        cli_json_text(out, "app_name", "certbroker");
    }
    buf_add_char(out, '}');
    cli_json_key(out, "src_endpoint");
    buf_add_char(out, '{');
    if (e->peer.ptr != NULL) {
        export_peer(e->peer, &address, &port);
        cli_json_slice(out, "ip", address);
        if (port.ptr != NULL && slice_to_u64(port, &number)) {
            cli_json_u64(out, "port", number);
        }
    } else {
        cli_json_text(out, "name", "certbroker");
    }
    buf_add_char(out, '}');
}

static void add_call(const struct review_record *r, struct buf *out)
{
    const struct audit_event *e = &r->event;
    cli_json_key(out, "api");
    buf_add_char(out, '{');
    cli_json_slice(out, "operation",
                   e->action.ptr != NULL ? e->action : slice_of(audit_type_word(r->line.type)));
    if (e->req.ptr != NULL) {
        cli_json_key(out, "request");
        buf_add_char(out, '{');
        cli_json_slice(out, "uid", e->req);
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
    if (e->status != UINT64_MAX) {
        cli_json_key(out, "http_response");
        buf_add_char(out, '{');
        cli_json_u64(out, "code", e->status);
        buf_add_char(out, '}');
    }
    if (e->upstream_us != UINT64_MAX) {
        cli_json_u64(out, "duration", e->upstream_us / 1000);
    }
}

static void add_resources(const struct audit_event *e, struct buf *out)
{
    const struct audit_names *n = export_names(e);
    if (e->serial.ptr == NULL && n->num_dns + n->num_ip == 0) {
        return;
    }
    cli_json_key(out, "resources");
    buf_add_char(out, '[');
    if (e->serial.ptr != NULL) {
        buf_add_str(out, "{\"type\":\"certificate\"");
        cli_json_slice(out, "uid", e->serial);
        export_json_text(out, "name", n->cn);
        buf_add_char(out, '}');
    }
    for (size_t i = 0; i < n->num_dns + n->num_ip; i++) {
        cli_json_item(out);
        buf_add_str(out, "{\"type\":\"name\"");
        cli_json_slice(out, "name", i < n->num_dns ? n->dns[i] : n->ip[i - n->num_dns]);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

void export_ocsf(const struct review_record *r, struct slice origin, struct buf *out)
{
    const struct audit_event *e = &r->event;
    const unsigned activity = activity_of(r);
    buf_add_char(out, '{');
    cli_json_u64(out, "category_uid", CATEGORY_UID);
    cli_json_u64(out, "class_uid", CLASS_UID);
    cli_json_u64(out, "activity_id", activity);
    if (activity == ACTIVITY_OTHER) {
        cli_json_text(out, "activity_name", audit_type_word(r->line.type));
    }
    cli_json_u64(out, "type_uid", (uint64_t)CLASS_UID * 100 + activity);
    cli_json_u64(out, "time", r->line.ts_us < 0 ? 0 : (uint64_t)r->line.ts_us / 1000);
    cli_json_u64(out, "severity_id", severity_of(r));
    cli_json_u64(out, "status_id", status_of(export_outcome(r)));
    export_json_text(out, "status_code", e->reason);
    export_json_text(out, "status_detail", e->detail);
    add_metadata(r, origin, out);
    add_who(e, out);
    add_call(r, out);
    add_resources(e, out);
    cli_json_key(out, "unmapped");
    buf_add_char(out, '{');
    cli_json_text(out, "type", audit_type_word(r->line.type));
    export_json_text(out, "rule", e->rule);
    export_json_text(out, "policy_sha256", e->policy_sha256);
    export_json_text(out, "caller_cert_sha256", e->who_cert_sha256);
    export_ours(out, e);
    buf_add_str(out, "}}\n");
}
