/* issued.h - the index of issued certificates: who owns which serial, and what became of it.
 *
 * SQLite, derived from the audit log alone: it is fed every durable record, knows up to which
 * sequence number it has read, catches up at start, and is rebuilt from nothing when it is missing
 * or damaged. One thread owns the database. Lookups queue behind the records that were durable when
 * they were asked, so a caller always finds the certificate it was just given. */
#ifndef BROKER_ISSUED_ISSUED_H
#define BROKER_ISSUED_ISSUED_H

#include "broker/base/arena.h"
#include "broker/base/err.h"

#include <sys/queue.h>

struct issued;

/* issued_open - open or create the database, then read the audit log from where it stands. A
 * damaged file is moved aside (".damaged") and rebuilt; so is, without keeping it, one that was made
 * from another log or holds records this log does not have. Blocks; starts the thread.
 *   audit_dir  an audit log that was opened (recovered) already: what an unrecovered log ends with
 *              may not be part of it
 * Records that become durable between this and the first issued_feed are found by themselves.
 * CB_ECORRUPT: the log cannot be read. */
enum cb_code issued_open(const char *path, const char *audit_dir, struct issued **ret,
                         struct cb_err *err) CB_MUST_USE;
/* issued_peek - how many records of this log the index at path has read; 0 where it does not say so: it is
 * not there, damaged, busy, or another log's. A log that has fewer has lost some. Changes nothing. */
uint64_t issued_peek(const char *path, const char *audit_dir);
/* issued_remove - the next issued_open makes it anew. Nobody may have it open. */
enum cb_code issued_remove(const char *path, struct cb_err *err) CB_MUST_USE;
void issued_close(struct issued *issued); /* commits what is queued; NULL ok */

/* issued_feed - one durable audit line, in order: the audit log's observer. Copies what concerns the
 * index. Any thread, one at a time. Never blocks: when ISSUED_FEED_MAX bytes are waiting the line is
 * not kept but read from the log's files afterwards, as is any line that was not fed at all. So the
 * index can never hold up the audit log. Lines that were applied already are passed over. */
#define ISSUED_FEED_MAX (2U << 20)
void issued_feed(struct issued *issued, uint64_t seq, struct slice line);

enum cert_state {
    CERT_STATE_ACTIVE,
    CERT_STATE_REVOKED,
    CERT_STATE_DOOMED, /* must be revoked by us: mismatch, undelivered, superseded; not done yet */
};

struct issued_cert {
    char serial_hex[41];
    char serial_dec[50];
    char aki_hex[65];
    struct slice owner; /* principal; absent: revoked through us, but not issued by us */
    uint64_t ref;       /* seq of its issue.ok (or issue.fail for a mismatch) */
    enum cert_state state;
    struct slice revoke_reason; /* of a revoked one (or of the one to come) */
    int64_t not_after_s;
    struct slice common_name;
    struct slice *names; /* canonical texts */
    size_t num_names;
    struct slice ask_sha256; /* of the ask that made it */
};

enum issued_verb {
    ISSUED_BY_SERIAL,  /* key: serial in lower-case hex */
    ISSUED_CLAIM_KEY,  /* client + idempotency key: look up its latest certificate and reserve */
    ISSUED_CLAIM_ROOM, /* room for one more certificate within each of room.limits */
    ISSUED_LOOK_ROOM,  /* what CLAIM_ROOM would say now; nothing is reserved */
    ISSUED_RELEASE,    /* give back (client, key) unless key is absent, and room.claim unless it is
                        * NULL; done is called for this one too */
};

enum issued_found {
    ISSUED_NONE,      /* not there; for the claims: now reserved for this request */
    ISSUED_FOUND,     /* cert is filled; for the claims: also reserved */
    ISSUED_IN_FLIGHT, /* CLAIM_KEY: another request with this key is not finished */
    ISSUED_FULL,  /* CLAIM_ROOM, LOOK_ROOM: there is none; room.full and room.frees_s are filled */
    ISSUED_ERROR, /* the index cannot answer now (it says why in the log); nothing is reserved */
};

/* How many unexpired, unrevoked certificates a principal may have under one rule. What is doomed
 * does not count: it is being revoked. */
struct issued_limit {
    struct slice principal, rule;
    bool of_delegate; /* those it asked for on behalf of others by this rule; else those it owns */
    uint32_t max;
    bool replaces_oldest; /* full: the oldest makes room, if it is the same party's */
};
#define ISSUED_LIMITS_MAX 2
struct issued_claim; /* opaque: room held by one request under way */

struct issued_room {
    const struct issued_limit *limits; /* borrowed until done */
    size_t num_limits;
    struct slice owner; /* whose the new certificate will be */
    struct slice
        delegate; /* who asks on the owner's behalf; absent: the owner itself. Then only what it
                              was given under the same rule makes room */
    struct slice delegate_rule;
    struct slice replaces; /* serial of the one it takes the place of anyway; absent: of none */
    int64_t now_s;
    /* the answer */
    uint64_t
        taken[ISSUED_LIMITS_MAX]; /* what counts against each: valid ones, requests under way */
    struct issued_claim *claim; /* NULL: none. Until ISSUED_RELEASE, or until the index is closed */
    size_t full;                /* the limit that is reached */
    int64_t frees_s;            /* when there is room, if nobody else takes it; 0: not known */
};

/* One lookup; owned by the caller until done. */
struct issued_query {
    TAILQ_ENTRY(issued_query) link;
    enum issued_verb verb;
    struct slice client; /* borrowed until done */
    struct slice key;
    void (*done)(struct issued_query *q); /* on the index thread: post to a mailbox */
    void *ctx;
    struct arena *arena; /* the answer's memory: the caller must not touch it until done */
    enum issued_found found;
    struct issued_cert
        cert; /* CLAIM_ROOM, LOOK_ROOM: the oldest, which the new one has to supersede */
    struct issued_room room;
};

void issued_ask(struct issued *issued, struct issued_query *q);
/* issued_wait - the same, blocking; for tools, tests and start-up. Uses done and ctx itself. */
void issued_wait(struct issued *issued, struct issued_query *q);

/* issued_doomed - certificates that still must be revoked, at most max, oldest first; for
 * start-up. each is called on this thread before it returns, cert is borrowed for the call. */
enum cb_code issued_doomed(struct issued *issued, size_t max,
                           void (*each)(void *ctx, const struct issued_cert *cert), void *ctx,
                           struct cb_err *err) CB_MUST_USE;

struct issued_stats {
    uint64_t applied_seq;             /* next record to read */
    uint64_t active, revoked, doomed; /* certificates; expired ones are counted too */
    uint64_t queued;                  /* lines fed and not yet applied */
    uint64_t incomplete;              /* records that should name a certificate and do not */
    uint64_t rebuilds;                /* database files made anew */
    uint64_t catch_ups;               /* times it had to read the log's files after the start */
    bool is_behind; /* catching up fails: ISSUED_ERROR until it works, tried again twice a second */
};
void issued_get_stats(struct issued *issued, struct issued_stats *ret); /* any thread, no disk */

#endif
