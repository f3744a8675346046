/* model.h - inside broker/report only: what a report tells. collect*.c fill it record by record,
 * finish.c works out the rest, and the writers (html*.c, text.c, json.c) only read it.
 *
 * Bounded whatever the log holds: tables have caps, lists keep the newest (or the first) so many and
 * count all. Texts are as the log has them, any bytes; writers escape. */
#ifndef BROKER_REPORT_MODEL_H
#define BROKER_REPORT_MODEL_H

#include "broker/base/err.h"
#include "broker/report/certs.h"
#include "broker/report/series.h"
#include "broker/report/tally.h"

#define REPORT_CLIENTS_MAX 50000U
#define REPORT_SOURCES_MAX 20000U
#define REPORT_REASONS_MAX 500U
#define REPORT_PAIRS_MAX 2000000U
#define REPORT_LOOSE_MAX 400U /* of each kind */
#define REPORT_DENIALS_MAX 100000U
#define REPORT_REVOKED_MAX 2000000U /* past them, what was revoked before it was found stays open */
#define REPORT_POLICIES_MAX 60U     /* the newest */
#define REPORT_CHANGES_MAX 41U
#define REPORT_EVENTS_MAX 40U
#define REPORT_LOOKBACK_US                                                                         \
    (30 * INT64_C(86400000000)) /* denials before the period that still count */
#define REPORT_TYPES_MAX 64U

/* ---- certificates that need a look ---- */

enum loose_kind {
    LOOSE_UNKNOWN,     /* asked of the CA, and no complete answer: issue.unknown, revoke.unknown */
    LOOSE_MISMATCH,    /* not what was authorised: withheld, to be revoked */
    LOOSE_UNDELIVERED, /* the caller was gone */
    LOOSE_BYPASS,      /* reconcile: at the CA, and nobody asked us */
    LOOSE_ORPHAN,      /* reconcile: at the CA, and nobody received it */
    LOOSE_MISSING,     /* reconcile: issued through us, not at the CA */
};
#define LOOSE_COUNT 6

#define LOOSE_TEXT 100U

struct loose {
    int64_t us;
    uint64_t seq;
    bool is_revoke;
    bool was_revoked;
    int64_t settled_us; /* revoked, or found out, then; 0: not */
    /* Cut, NUL-terminated; "": not known. */
    char client[LOOSE_TEXT], name[LOOSE_TEXT], serial[44], detail[160];
};

struct loose_list {
    struct loose items[REPORT_LOOSE_MAX]; /* a ring: the newest of the period */
    uint64_t num;                         /* all of the period */
    uint64_t open;                        /* of these, not settled */
    uint64_t older_open;                  /* from before the period, not settled either */
};

/* ---- what was denied first and allowed later ---- */

struct denial {
    int64_t first_us, allowed_us; /* 0: not allowed so far */
    uint32_t times;
    bool in_period; /* allowed in it */
    struct slice reason;
    struct slice client, name, rule; /* once allowed: by that rule */
    size_t num_names;
};

/* ---- attempts under way ---- */

#define OPEN_SLOTS 4096U /* the log never has more than 1024 open; a slot is taken by seq */

struct open_attempt {
    uint64_t seq; /* UINT64_MAX: free */
    char client[LOOSE_TEXT], name[LOOSE_TEXT];
};

/* ---- policies ---- */

struct policy_event {
    int64_t us;
    uint64_t seq;
    bool is_reject, is_start;
    char sha256[65], old_sha256[65];
    struct slice by, forced, note, reason, detail;
    uint64_t rules, clients, num_lost; /* UINT64_MAX: not said */
    struct slice changes[REPORT_CHANGES_MAX];
    size_t num_changes;
    struct slice diff; /* of the kept texts; absent: not made, no_diff says why */
    const char *no_diff;
    size_t diff_added, diff_removed;
};

/* ---- the log itself ---- */

/* What happened to the log: faults of the disk, losses that were accepted, alarms of witnesses, pruning. */
struct log_event {
    int64_t us;
    uint32_t type; /* enum audit_type */
    struct slice what, detail;
};

struct log_file_state { /* log_state.c */
    bool has_checkpoint, has_cosigned;
    uint64_t checkpoint_size, cosigned_size;
    int64_t checkpoint_us, cosigned_us; /* when the files were last written */
    uint64_t segments, segment_bytes, free_bytes;
    bool has_free;
};

/* Which records: the first few of them, and how many. */
#define REPORT_SEQS_MAX 6U
struct seqs {
    uint64_t num;
    uint64_t first[REPORT_SEQS_MAX];
};

struct health {
    uint64_t types[REPORT_TYPES_MAX];
    uint64_t opens, unclean, void_tails, void_bytes;
    uint64_t starts, stops;
    uint64_t faults;          /* of the disk */
    struct seqs file_changes; /* audit.fault "file": somebody else was at the file being written */
    struct seqs rereads;      /* audit.fault "reread": the disk lost what had been acknowledged */
    uint64_t losses, alarms, clock_steps, key_changes, outages, outage_us, refused;
    struct log_event events[REPORT_EVENTS_MAX]; /* a ring: the newest */
    uint64_t num_events;
    uint64_t clock_back; /* records dated before the one in front of them */
    int64_t clock_back_worst_us, clock_back_at_us;
    int64_t silence_us, silence_from_us; /* the longest between two records */
    uint64_t dropped;
    int64_t reconciled_us; /* the last reconcile.run; 0: none in the log */
};

struct special { /* a client that was given wildcards or addresses */
    struct slice client, name;
    bool is_wildcard;
    uint64_t times;
    int64_t first_us, last_us;
    bool is_new;
};
#define REPORT_SPECIALS_MAX 5000U

struct report {
    /* what was asked for */
    int64_t since_us, until_us; /* the period; until is when "now" is */
    bool is_until_now;
    int64_t made_us;
    const char *dir;
    /* what was read */
    char origin[129], host[129];
    uint64_t records, in_period, undecoded;
    uint64_t after; /* dated later than the period's end, although that is now */
    bool is_before; /* the period ends before the log begins: there is nothing to tell */
    uint64_t first_seq, last_seq;
    int64_t first_us, last_us; /* of all the log */
    bool is_damaged;
    struct cb_err damage;   /* why reading ended */
    char policy_sha256[65]; /* in force at the end; "" not known */

    struct finger_key key;
    struct arena texts;
    struct series series;
    uint64_t total[HAPPENING_COUNT];
    uint64_t revoked_already, info, refused_requests;
    uint64_t own_revocations;   /* by the broker, of itself */
    uint64_t admin_revocations; /* by the broker, as a person wanted through the control socket */
    uint64_t revoked_at_ca;     /* past the broker, found out by reconcile */
    struct tally clients, rules, owners; /* by who asked */
    struct tally deny_reasons, fail_reasons, sources, authn_reasons, refused_reasons, drop_reasons;
    /* names never given to that client before */
    struct finger_map pairs;
    struct tally holders; /* by whom it is for */
    uint64_t new_pairs, new_holders;
    bool pairs_full;
    uint64_t names_granted;

    struct finger_map special_map;
    struct special *specials; /* REPORT_SPECIALS_MAX */
    size_t num_specials;
    uint64_t wildcards, addresses, specials_beyond;

    struct certs certs;
    struct loose_list loose[LOOSE_COUNT];
    struct finger_map loose_marks; /* serials and refs: of what, see collect_loose.c */
    struct finger_map revoked;     /* serials: when, in seconds since 1970 */
    struct open_attempt *open;     /* OPEN_SLOTS: what an outcome may need to know of its attempt */

    struct finger_map denial_map;
    struct denial *denials; /* REPORT_DENIALS_MAX */
    size_t num_denials;
    uint64_t denials_beyond, allowed_later;

    struct policy_event policies[REPORT_POLICIES_MAX]; /* a ring: the newest */
    uint64_t num_policies, num_loads, num_rejects, num_forced;
    struct health health;
    struct log_file_state state;
};

/* model.c */
struct report *report_new(const char *dir, int64_t since_us, int64_t until_us, int64_t now_us);
void report_free(struct report *r);
/* report_text - a copy in r->texts, cut at max bytes; absent also where there is no memory. */
struct slice report_text(struct report *r, struct slice text, size_t max);
/* report_begin_us - of what is told: the period's begin, or the log's where that is later. */
int64_t report_begin_us(const struct report *r);
void report_add_seq(struct seqs *list, uint64_t seq);
/* report_copy - what fits of it, with a NUL; absent is "". */
void report_copy(char *to, size_t room, struct slice text);

/* collect.c: read the log. CB_ECORRUPT and the like end up in r->damage if anything could be read. */
enum cb_code report_collect(struct report *r, struct cb_err *err) CB_MUST_USE;
/* log_state.c: what the files beside the records say. */
void report_read_state(struct report *r);
/* policy_diffs.c: differences between the kept policies. */
void report_add_diffs(struct report *r);
/* finish.c: sort, count, and what needs attention. */
void report_finish(struct report *r);

#endif
