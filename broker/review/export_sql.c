/* export_sql.c - see export.h. Texts go in as a terminal would see them, so that a statement is a line;
 * what they were exactly is in records.line. */
#include "broker/base/clock.h"
#include "broker/cli/escape.h"
#include "broker/review/export.h"

#define AT(member) offsetof(struct audit_event, member)

static const struct {
    const char *column;
    size_t at;
} texts[] = {
    {"req", AT(req)},
    {"client", AT(who_id)},
    {"via", AT(who_via)},
    {"credential", AT(who_credential)},
    {"caller_cert_sha256", AT(who_cert_sha256)},
    {"on_behalf_of", AT(on_behalf_of)},
    {"peer", AT(peer)},
    {"action", AT(action)},
    {"profile", AT(profile)},
    {"key_type", AT(key)},
    {"idem", AT(idem)},
    {"serial", AT(serial)},
    {"serial_dec", AT(serial_dec)},
    {"aki", AT(aki)},
    {"revoke_reason", AT(revoke_reason)},
    {"policy_sha256", AT(policy_sha256)},
    {"rule", AT(rule)},
    {"owner", AT(owner)},
    {"ticket", AT(ticket)},
    {"delegate_rule", AT(delegate_rule)},
    {"decision", AT(decision)},
    {"reason", AT(reason)},
    {"detail", AT(detail)},
    {"stage", AT(stage)},
    {"effect", AT(effect)},
    {"upstream", AT(upstream)},
    {"cert_sha256", AT(cert_sha256)},
    {"not_before", AT(not_before)},
    {"not_after", AT(not_after)},
    {"supersedes", AT(supersedes)},
    {"cert_owner", AT(cert_owner)},
    {"follows", AT(follows)},
    {"by_whom", AT(by)}, /* BY is a word of SQL */
    {"note", AT(note)},
    {"forced", AT(forced)},
};
#define NUM_TEXTS (sizeof(texts) / sizeof(texts[0]))

static const char tables_end[] =
    "  line TEXT NOT NULL,\n"
    "  PRIMARY KEY (origin, seq));\n"
    "CREATE TABLE IF NOT EXISTS names (\n"
    "  origin TEXT NOT NULL, seq BIGINT NOT NULL, role TEXT NOT NULL, kind TEXT NOT NULL,\n"
    "  name TEXT NOT NULL, PRIMARY KEY (origin, seq, role, kind, name));\n";

static const char end[] =
    "CREATE INDEX IF NOT EXISTS records_req ON records (req);\n"
    "CREATE INDEX IF NOT EXISTS records_serial ON records (serial);\n"
    "CREATE INDEX IF NOT EXISTS records_client ON records (client, ts);\n"
    "CREATE INDEX IF NOT EXISTS records_ref ON records (origin, ref);\n"
    "CREATE INDEX IF NOT EXISTS names_name ON names (name);\n"
    "DROP VIEW IF EXISTS requests;\n"
    "CREATE VIEW requests AS\n"
    "  SELECT a.origin, a.seq, a.ts, o.seq AS outcome_seq, o.ts AS outcome_ts,\n"
    "    COALESCE(o.type, a.type) AS type, a.req, a.client, a.via, a.credential, a.on_behalf_of,\n"
    "    a.peer, a.action, a.by_whom, a.note,\n"
    "    a.profile, a.rule, a.owner, a.ticket, a.policy_sha256, COALESCE(o.reason, a.reason) AS "
    "reason,\n"
    "    COALESCE(o.detail, a.detail) AS detail, COALESCE(o.serial, a.serial) AS serial,\n"
    "    o.cert_sha256, o.not_before, o.not_after, o.effect, o.upstream_us\n"
    "  FROM records a LEFT JOIN records o ON o.origin = a.origin AND o.ref = a.seq AND o.type IN\n"
    "    ('issue.ok', 'issue.fail', 'issue.unknown', 'revoke.ok', 'revoke.fail', "
    "'revoke.unknown')\n"
    "  WHERE a.type IN ('issue.attempt', 'revoke.attempt', 'authz.deny', 'request.refused',\n"
    "    'authn.fail') OR (a.type = 'revoke.ok' AND a.ref IS NULL);\n"
    "COMMIT;\n";

void export_sql_begin(struct buf *out)
{
    buf_add_str(out, "BEGIN;\nCREATE TABLE IF NOT EXISTS records (\n"
                     "  origin TEXT NOT NULL, seq BIGINT NOT NULL, ts TEXT NOT NULL,\n"
                     "  type TEXT NOT NULL, ref BIGINT, status BIGINT, upstream_us BIGINT,\n");
    for (size_t i = 0; i < NUM_TEXTS; i++) {
        buf_printf(out, "  %s TEXT,\n", texts[i].column);
    }
    buf_add_str(out, tables_end);
}

void export_sql_end(struct buf *out)
{
    buf_add_str(out, end);
}

static void add_text(struct buf *out, struct slice text)
{
    struct buf escaped;
    if (text.ptr == NULL) {
        buf_add_str(out, "NULL");
        return;
    }
    buf_init(&escaped, (size_t)1 << 20);
    cli_add_escaped(&escaped, text, CLI_UTF8);
    buf_add_char(out, '\'');
    cli_add_doubled(out, buf_slice(&escaped), '\'');
    buf_add_char(out, '\'');
    out->failed = out->failed || !buf_ok(&escaped);
    buf_free(&escaped);
}

static void add_number(struct buf *out, uint64_t number)
{
    if (number == UINT64_MAX) {
        buf_add_str(out, "NULL");
    } else {
        buf_add_u64(out, number);
    }
}

static void add_names(struct buf *out, struct slice origin, uint64_t seq, const char *role,
                      const struct audit_names *n)
{
    const struct {
        const char *kind;
        const struct slice *names;
        size_t num;
    } kinds[] = {{"cn", &n->cn, n->cn.ptr == NULL ? 0 : 1},
                 {"dns", n->dns, n->num_dns},
                 {"ip", n->ip, n->num_ip},
                 {"uri", n->uri, n->num_uri},
                 {"email", n->email, n->num_email}};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (size_t i = 0; i < kinds[k].num; i++) {
            buf_add_str(out, "INSERT INTO names VALUES (");
            add_text(out, origin);
            buf_printf(out, ",%llu,'%s','%s',", (unsigned long long)seq, role, kinds[k].kind);
            add_text(out, kinds[k].names[i]);
            buf_add_str(out, ") ON CONFLICT DO NOTHING;\n");
        }
    }
}

void export_sql(const struct review_record *r, struct slice origin, struct buf *out)
{
    char time[TIME_TEXT_LEN + 1];
    time_format_us(r->line.ts_us, time);
    buf_add_str(out, "INSERT INTO records VALUES (");
    add_text(out, origin);
    buf_printf(out, ",%llu,'%s','%s',", (unsigned long long)r->line.seq, time,
               audit_type_word(r->line.type));
    add_number(out, r->event.ref);
    buf_add_char(out, ',');
    add_number(out, r->event.status);
    buf_add_char(out, ',');
    add_number(out, r->event.upstream_us);
    for (size_t i = 0; i < NUM_TEXTS; i++) {
        struct slice text;
        memcpy(&text, (const char *)&r->event + texts[i].at, sizeof(text));
        buf_add_char(out, ',');
        add_text(out, text);
    }
    buf_add_char(out, ',');
    add_text(out, r->line.whole);
    buf_add_str(out, ") ON CONFLICT DO NOTHING;\n");
    add_names(out, origin, r->line.seq, "asked", &r->event.want);
    add_names(out, origin, r->line.seq, "granted", &r->event.granted);
}
