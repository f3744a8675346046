/* fields.c - the table. A field's place here is its place in the line; the fields of one group
 * stand together. Add at the end of a group: readers find fields by key and skip unknown ones.
 *
 * Around these the committer puts v, seq, d, ts before, and crc after; type comes first and
 * "trunc", naming the fields that were cut or left out, comes last. segment.open, segment.close,
 * audit.fault, audit.recovered, log.heartbeat and clock.step carry further keys of their own: see own_records.c. */
#include "audit/fields.h"

#define AT(member) offsetof(struct audit_event, member)
#define TEXT(group, key, member, max)                                                              \
    {                                                                                              \
        group, FIELD_TEXT, key, AT(member), 0, max                                                 \
    }
#define NAME(group, key, member)                                                                   \
    {                                                                                              \
        group, FIELD_NAME, key, AT(member), 0, 0                                                   \
    }
#define WHOLE(group, key, member)                                                                  \
    {                                                                                              \
        group, FIELD_WHOLE, key, AT(member), 0, 0                                                  \
    }
#define U64(group, key, member)                                                                    \
    {                                                                                              \
        group, FIELD_U64, key, AT(member), 0, 0                                                    \
    }
#define LIST(group, key, member, count)                                                            \
    {                                                                                              \
        group, FIELD_LIST, key, AT(member), AT(count), 0                                           \
    }
#define PAIRS(group, key, member, count)                                                           \
    {                                                                                              \
        group, FIELD_PAIRS, key, AT(member), AT(count), 0                                          \
    }

const char *const audit_group_key[GROUP_COUNT] = {"", "who", "want", "upstream", "granted"};

const struct field audit_fields[FIELD_COUNT] = {
    U64(GROUP_TOP, "ref", ref), /* seq of the attempt this record closes or belongs to */
    TEXT(GROUP_TOP, "req", req, 64),
    TEXT(GROUP_TOP, "trace", trace, 128),
    TEXT(GROUP_TOP, "client_req", client_req, 128),
    /* who asked */
    TEXT(GROUP_WHO, "id", who_id, 512),
    TEXT(GROUP_WHO, "via", who_via, 64),
    TEXT(GROUP_WHO, "credential", who_credential, 1024),
    TEXT(GROUP_WHO, "cert_sha256", who_cert_sha256, 64),
    PAIRS(GROUP_WHO, "claims", claims, num_claims),
    TEXT(GROUP_TOP, "on_behalf_of", on_behalf_of, 512),
    TEXT(GROUP_TOP, "peer", peer, 128),
    /* what was asked */
    TEXT(GROUP_TOP, "action", action, 64),
    TEXT(GROUP_TOP, "method", method, 32),
    TEXT(GROUP_TOP, "path", path, 512),
    NAME(GROUP_WANT, "cn", want.cn),
    LIST(GROUP_WANT, "dns", want.dns, want.num_dns),
    LIST(GROUP_WANT, "ip", want.ip, want.num_ip),
    LIST(GROUP_WANT, "uri", want.uri, want.num_uri),
    LIST(GROUP_WANT, "email", want.email, want.num_email),
    PAIRS(GROUP_WANT, "subject", subject, num_subject),
    PAIRS(GROUP_WANT, "fixed", fixed, num_fixed),
    NAME(GROUP_WANT, "key", key),
    TEXT(GROUP_TOP, "profile", profile, 128),
    TEXT(GROUP_TOP, "idem", idem, 256),
    TEXT(GROUP_TOP, "ask_sha256", ask_sha256, 64),
    TEXT(GROUP_TOP, "serial", serial, 128),
    TEXT(GROUP_TOP, "serial_dec", serial_dec, 128),
    TEXT(GROUP_TOP, "aki", aki, 128),
    TEXT(GROUP_TOP, "revoke_reason", revoke_reason, 64),
    /* why it was decided so */
    TEXT(GROUP_TOP, "policy_sha256", policy_sha256, 64),
    TEXT(GROUP_TOP, "policy_old_sha256", policy_old_sha256, 64),
    TEXT(GROUP_TOP, "rule", rule, 256),
    TEXT(GROUP_TOP, "owner", owner, 256),
    TEXT(GROUP_TOP, "ticket", ticket, 256),
    TEXT(GROUP_TOP, "delegate_rule", delegate_rule, 256),
    TEXT(GROUP_TOP, "decision", decision, 32),
    TEXT(GROUP_TOP, "reason", reason, 64),
    TEXT(GROUP_TOP, "detail", detail, 1024),
    /* how it went */
    TEXT(GROUP_TOP, "stage", stage, 32),
    TEXT(GROUP_TOP, "effect", effect, 32),
    TEXT(GROUP_UPSTREAM, "url", upstream, 256),
    U64(GROUP_UPSTREAM, "http", upstream_http),
    U64(GROUP_UPSTREAM, "code", upstream_code),
    TEXT(GROUP_UPSTREAM, "message", upstream_message, 512),
    U64(GROUP_UPSTREAM, "us", upstream_us),
    TEXT(GROUP_TOP, "cert_sha256", cert_sha256, 64),
    NAME(GROUP_GRANTED, "cn", granted.cn),
    LIST(GROUP_GRANTED, "dns", granted.dns, granted.num_dns),
    LIST(GROUP_GRANTED, "ip", granted.ip, granted.num_ip),
    LIST(GROUP_GRANTED, "uri", granted.uri, granted.num_uri),
    LIST(GROUP_GRANTED, "email", granted.email, granted.num_email),
    TEXT(GROUP_TOP, "not_before", not_before, 32),
    TEXT(GROUP_TOP, "not_after", not_after, 32),
    TEXT(GROUP_TOP, "supersedes", supersedes, 128),
    TEXT(GROUP_TOP, "cert_owner", cert_owner, 512),
    U64(GROUP_TOP, "cert_ref", cert_ref),
    LIST(GROUP_TOP, "mismatch", mismatch, num_mismatch),
    TEXT(GROUP_TOP, "follows", follows, 64),
    WHOLE(GROUP_TOP, "cert_der", cert_der_b64),
    U64(GROUP_TOP, "status", status),
    U64(GROUP_TOP, "count", count),
    TEXT(GROUP_TOP, "first_ts", first_ts, 32),
    TEXT(GROUP_TOP, "last_ts", last_ts, 32),
    /* the broker itself */
    TEXT(GROUP_TOP, "config_sha256", config_sha256, 64),
    TEXT(GROUP_TOP, "version", version, 64),
    TEXT(GROUP_TOP, "listen", listen, 512),
    U64(GROUP_TOP, "rules", rules),
    U64(GROUP_TOP, "clients", clients),
    TEXT(GROUP_TOP, "by", by, 256),
    TEXT(GROUP_TOP, "forced", forced, 256),
    LIST(GROUP_TOP, "changes", changes, num_changes),
    U64(GROUP_TOP, "num_lost", num_lost),
    U64(GROUP_TOP, "uptime_s", uptime_s),
    TEXT(GROUP_TOP, "note", note, 256),
    /* the log against the CA's own database */
    TEXT(GROUP_TOP, "source", source, 256),
    TEXT(GROUP_TOP, "source_sha256", source_sha256, 64),
    PAIRS(GROUP_TOP, "counts", counts, num_counts),
    /* the log about its own past */
    U64(GROUP_TOP, "first_seq", first_seq),
    U64(GROUP_TOP, "last_seq", last_seq),
    U64(GROUP_TOP, "first_segment", first_segment),
    U64(GROUP_TOP, "last_segment", last_segment),
    U64(GROUP_TOP, "tree_size", tree_size),
    TEXT(GROUP_TOP, "root", root, 64),
    TEXT(GROUP_TOP, "archive_sha256", archive_sha256, 64),
    /* the log against what a witness has seen */
    TEXT(GROUP_TOP, "witness", witness, 128),
    U64(GROUP_TOP, "witness_size", witness_size),
    TEXT(GROUP_TOP, "old_vkey", old_vkey, 256),
    TEXT(GROUP_TOP, "new_vkey", new_vkey, 256),
    TEXT(GROUP_TOP, "statement", statement, 2048),
};
