/* event.h - what an audit record can say: one allow-list struct, one encoder.
 *
 * Nothing reaches the log except through these fields, so no secret can: there is no field for
 * one. A record is one JSON object on one line in fixed key order; absent fields (NULL slices,
 * zero counts, UINT64_MAX numbers) are left out. The committer adds v, seq, d, ts and crc. Keys,
 * order and limits: fields.c. For other programs: examples/audit-record.schema.json. */
#ifndef AUDIT_EVENT_H
#define AUDIT_EVENT_H

#include "broker/base/buf.h"

#define AUDIT_LINE_MAX 16384U

enum audit_type {
    AUDIT_SEGMENT_OPEN, /* written by audit/ itself, as are segment.close, fault and recovered */
    AUDIT_SEGMENT_CLOSE,
    AUDIT_BROKER_START,
    AUDIT_BROKER_STOP,
    AUDIT_POLICY_LOAD,
    AUDIT_POLICY_REJECT,
    AUDIT_AUTHN_FAIL,
    AUDIT_AUTHZ_DENY,
    AUDIT_REQUEST_REFUSED, /* malformed, unknown path, wrong method, over a limit: never decided */
    AUDIT_ISSUE_ATTEMPT,
    AUDIT_ISSUE_OK,
    AUDIT_ISSUE_FAIL,
    AUDIT_ISSUE_UNKNOWN,
    AUDIT_ISSUE_UNDELIVERED,
    AUDIT_REVOKE_ATTEMPT,
    AUDIT_REVOKE_OK,
    AUDIT_REVOKE_FAIL,
    AUDIT_REVOKE_UNKNOWN,
    AUDIT_INFO_OK,    /* the CA's public information was handed out */
    AUDIT_LIMIT_DROP, /* records left out by flood control, counted */
    AUDIT_FAULT,
    AUDIT_RECOVERED,
    AUDIT_RECONCILE_RUN,      /* the log was held against the CA's own database */
    AUDIT_RECONCILE_ORPHAN,   /* ref's certificate is at the CA, and nobody received it */
    AUDIT_RECONCILE_BYPASS,   /* the CA has it, no attempt of ours asked for it */
    AUDIT_RECONCILE_MISSING,  /* it was issued through us, the CA does not have it */
    AUDIT_RECONCILE_RESOLVED, /* what became of ref, whose outcome was not known */
    AUDIT_SEGMENT_PRUNE,      /* the oldest segments may be removed; their tree stays */
    AUDIT_KEY_ROTATE,         /* from the next record on another key signs the checkpoints */
    AUDIT_HEARTBEAT,          /* nothing happened for a while: silence would be a sign */
    AUDIT_CLOCK_STEP,         /* the wall clock was set; ts jumps here */
    AUDIT_LOSS,          /* records are gone, or no longer what they were, and that was accepted */
    AUDIT_WITNESS_ALARM, /* a witness has seen what this log does not have */
    AUDIT_UNSIGNED,      /* records that no checkpoint covered when the log was opened: a crash's */
};
#define AUDIT_TYPE_COUNT 34

const char *audit_type_word(enum audit_type type); /* "issue.attempt", ... */
bool audit_type_parse(struct slice word, enum audit_type *ret);
bool audit_type_is_attempt(enum audit_type type);
bool audit_type_is_outcome(enum audit_type type); /* closes the attempt named by ref */

struct audit_names {
    struct slice cn;
    const struct slice *dns, *ip, *uri, *email;
    size_t num_dns, num_ip, num_uri, num_email;
};

struct audit_kv { /* subject attributes: {"C","NL"} */
    struct slice key, value;
};

struct audit_event {
    enum audit_type type;
    uint64_t ref;            /* seq of the attempt; UINT64_MAX: none */
    struct slice req;        /* request id */
    struct slice trace;      /* traceparent */
    struct slice client_req; /* X-Request-ID, as the caller sent it */
    /* who */
    struct slice who_id;         /* client of the policy */
    struct slice who_via;        /* "mtls.uri", "bearer", ..., "broker" for our own follow-ups */
    struct slice who_credential; /* the matched SAN; for bearer nothing */
    struct slice who_cert_sha256;
    const struct audit_kv *claims; /* of a JWT: those that the policy looks at */
    size_t num_claims;
    struct slice on_behalf_of; /* the party for whom it was asked, if not for the caller itself */
    struct slice peer;         /* address:port */
    /* what was asked (normalised; complete enough to be decided again) */
    struct slice action;       /* newcert, revoke, info; for refused requests method and path */
    struct slice method, path; /* refused requests only; capped */
    struct audit_names want;
    const struct audit_kv *subject;
    size_t num_subject;
    const struct audit_kv *fixed; /* attributes the rule added to those asked for */
    size_t num_fixed;
    struct slice key; /* "ecdsa-256" */
    struct slice profile;
    struct slice idem;       /* Idempotency-Key */
    struct slice ask_sha256; /* digest of the canonical ask */
    struct slice serial;     /* lower-case hex */
    struct slice serial_dec;
    struct slice aki; /* lower-case hex */
    struct slice revoke_reason;
    /* why */
    struct slice policy_sha256, policy_old_sha256;
    struct slice rule, owner, ticket;
    struct slice delegate_rule; /* by which the caller may act for on_behalf_of */
    struct slice decision;      /* allow, deny */
    struct slice reason;        /* stable word */
    struct slice detail;        /* one sentence */
    /* how it went */
    struct slice stage;     /* connect, tls, send, http, parse, verify, ... */
    struct slice effect;    /* none, possible, done */
    uint64_t upstream_http; /* UINT64_MAX: none */
    uint64_t upstream_code;
    struct slice upstream_message;
    struct slice upstream; /* which CA */
    uint64_t upstream_us;
    struct slice cert_sha256;
    struct audit_names granted;
    struct slice not_before, not_after; /* RFC 3339 */
    struct slice supersedes;            /* serial of the certificate this one replaces */
    struct slice cert_owner;            /* revoke: whose certificate */
    uint64_t cert_ref;                  /* revoke: seq of its issue.ok */
    const struct slice *mismatch;       /* fields that differed */
    size_t num_mismatch;
    struct slice follows; /* request id of what caused this follow-up: mismatch, undelivered... */
    struct slice cert_der_b64;
    uint64_t status; /* HTTP status answered */
    uint64_t count;
    struct slice first_ts, last_ts;
    /* broker.* and policy.* */
    struct slice config_sha256, version, listen;
    uint64_t rules, clients;
    struct slice by;             /* who made the broker do it: "sighup", "uid 0 (root), ..." */
    struct slice forced;         /* the reason given for passing over a guard */
    const struct slice *changes; /* what a new policy gives and takes, a line each */
    size_t num_changes;
    uint64_t num_lost; /* requests granted lately that the new policy would deny */
    uint64_t uptime_s;
    struct slice note; /* the reason given by whoever wanted it, where it was not forced */
    struct slice source,
        source_sha256;             /* reconcile.*: the CA's side, and digest of what was read */
    const struct audit_kv *counts; /* reconcile.run: {"bypass","2"} */
    size_t num_counts;
    /* segment.prune, audit.loss, audit.unsigned: what it is about */
    uint64_t first_seq, last_seq, first_segment, last_segment;
    uint64_t tree_size; /* and root: of the tree up to there, or as it was signed before */
    struct slice root, archive_sha256;
    struct slice
        witness; /* witness.alarm: which, and how many records it has seen; tree_size and */
    uint64_t witness_size; /* root are of the checkpoint that it was shown */
    /* key.rotate */
    struct slice old_vkey, new_vkey;
    struct slice statement; /* a note by which both keys sign this (rotation.h) */
};

/* audit_event_zero - an event with every field absent. */
void audit_event_zero(struct audit_event *e, enum audit_type type);

/* audit_event_encode - the body of a record, `"type":"...",...`, without braces, v, seq, d, ts,
 * crc; out is emptied first. Pure printable ASCII. Strings are cut so that a line never passes
 * AUDIT_LINE_MAX, and then named in a "trunc" list; names granted and wanted are never cut (their
 * number is capped by the caller). False if it cannot fit even so, or out of memory. */
bool audit_event_encode(const struct audit_event *e, struct buf *out);

#endif
