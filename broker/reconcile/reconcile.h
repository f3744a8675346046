/* reconcile.h - the audit log held against the CA's own list of certificates.
 *
 * The log says what was asked through this broker and what the CA answered. The CA's database says
 * what the CA has signed. Whatever is in only one of the two is a finding: a certificate that nobody
 * asked this broker for, one whose answer never arrived, one that the CA no longer knows.
 *
 * Reads both sides and changes neither. The log is read first, then the CA's side, then what the log
 * has gained meanwhile: a certificate that is issued while this runs is in both or in neither.
 *
 * Memory: about 100 bytes for each certificate in the log, RECONCILE_CERTS_MAX of them at most; the
 * CA's side is streamed. Findings are capped and counted beyond the cap. Public surface of
 * broker/reconcile. Blocks. */
#ifndef BROKER_RECONCILE_RECONCILE_H
#define BROKER_RECONCILE_RECONCILE_H

#include "broker/base/arena.h"
#include "broker/base/buf.h"
#include "broker/base/err.h"

#include <stdatomic.h>

struct ca_settings; /* broker/ca/ca.h */

#define RECONCILE_CERTS_MAX (8U << 20)
#define RECONCILE_FINDINGS_MAX 10000U /* kept; more are counted only */
#define RECONCILE_CLAIMED_MAX 1000U   /* of VERDICT_BEFORE that are listed */
#define RECONCILE_AKIS_MAX 32U
#define RECONCILE_KNOWN_MAX 100000U /* serials in the file of --known */

enum verdict {
    VERDICT_OK,
    /* something is wrong */
    VERDICT_BYPASS,         /* at the CA, and no attempt in the log asked for it */
    VERDICT_ORPHAN,         /* at the CA, asked for by us, and nobody received it: still valid */
    VERDICT_AMBIGUOUS,      /* more certificates than attempts that could have made them */
    VERDICT_MISSING,        /* issued through us, unknown to the CA, still valid */
    VERDICT_DIFFERS,        /* the CA has another certificate under the serial */
    VERDICT_UNREADABLE,     /* a row that cannot be compared */
    VERDICT_REVOKED_AT_CA,  /* the log knows of no revocation */
    VERDICT_REVOKED_IN_LOG, /* the CA says it is good */
    VERDICT_UNRESOLVED,     /* outcome not known, and this source cannot tell */
    /* said, and not wrong */
    VERDICT_NOT_ISSUED,   /* outcome not known; the CA has no such certificate: nothing happened */
    VERDICT_LAPSED,       /* an orphan or bypass that is over, which the log does not say yet */
    VERDICT_REVOKED_LATE, /* a revocation of ours whose outcome was not known took effect */
    VERDICT_SETTLED,      /* recorded, and over: revoked, expired, explained */
    VERDICT_UNDER_WAY,    /* the attempt is too young to have an outcome */
    VERDICT_BEFORE,    /* issued before the log begins, or before --ignore-before; listed where only
                             its own notBefore says so */
    VERDICT_KNOWN,     /* in the file of --known */
    VERDICT_OTHER_KEY, /* signed by another key than those of --aki */
    VERDICT_OUTSIDE,   /* not issued in the period asked for */
    VERDICT_EXPIRED,   /* issued through us, expired, and no longer kept by the CA */
};
#define VERDICT_COUNT 20
const char *verdict_word(enum verdict v);     /* "bypass", "revoked_at_ca", ... */
const char *verdict_sentence(enum verdict v); /* what it means */
const char *verdict_advice(enum verdict v);   /* what to do; NULL: nothing */
bool verdict_is_problem(enum verdict v);
bool verdict_is_listed(
    enum verdict v); /* each gets a finding of its own; others are only counted */

enum reconcile_kind { RECONCILE_SQLITE, RECONCILE_CSV, RECONCILE_POSTGRES, RECONCILE_CERTINFO };

/* How far it is, for another thread to look at. */
enum reconcile_phase { RECONCILE_READING_LOG, RECONCILE_READING_CA, RECONCILE_SETTLING };
struct reconcile_progress {
    _Atomic(int) phase;
    _Atomic(uint64_t) done; /* records, rows */
};

struct reconcile_options {
    const char *audit_dir;
    enum reconcile_kind kind;
    const char *certdb;           /* path or URL; NULL for certinfo */
    const char *password;         /* PostgreSQL: "file:PATH", "env:NAME" or NULL */
    const struct ca_settings *ca; /* certinfo */
    int64_t since_us, until_us;   /* issued within; INT64_MIN, INT64_MAX: no limit */
    int64_t before_us;            /* what is older is not expected in the log; INT64_MIN: the log's
                                     first record decides */
    const char *akis[RECONCILE_AKIS_MAX]; /* lower-case hex; none: every key counts */
    size_t num_akis;
    const char *known_path; /* serials issued otherwise, a line each; NULL: none */
    int64_t window_us;      /* how long the CA may take to answer */
    int64_t backdate_us;    /* how far the CA's notBefore lies before the time of issuing */
    int64_t now_us;
    struct reconcile_progress *progress; /* NULL: nobody looks */
};

/* reconcile_kind_of - by what certdb looks like: postgres:// or postgresql:// is a URL, else the
 * file's first bytes decide between SQLite and CSV. CB_EINPUT: neither, with what would be. */
enum cb_code reconcile_kind_of(const char *certdb, enum reconcile_kind *ret,
                               struct cb_err *err) CB_MUST_USE;

/* reconcile_aki - a key identifier as it is compared: lower-case hex without colons. */
bool reconcile_aki(struct slice text, char out[65]);

/* One finding. Texts live in the result; raw ones may hold any byte: escape before printing. Absent
 * where not known. */
struct finding {
    enum verdict verdict;
    bool is_recorded;     /* an earlier run has put it into the log */
    bool is_revoked;      /* at the CA, or through us */
    bool is_revoked_here; /* through us: the log has its revoke.ok */
    uint64_t ref;         /* seq of the attempt (orphan, not_issued), else UINT64_MAX */
    uint64_t cert_ref;    /* seq of the record that names the certificate, else UINT64_MAX */
    char serial_hex[41];  /* "" where there is none */
    char serial_dec[50];
    char aki_hex[65];
    char sha256[65];         /* "" where it could not be read */
    struct slice raw_serial; /* unreadable rows: as it stands in the database */
    struct slice label;      /* the CA's ca_label, which whoever asks the CA may choose */
    struct slice names;      /* separated by a space */
    struct slice who;        /* who asked for it, from the log */
    struct slice req;        /* the request */
    struct slice detail;     /* the evidence, a sentence */
    bool is_reckoned;        /* issued_us comes from notBefore, and is good to a minute or two */
    int64_t issued_us;       /* 0: not known */
    int64_t not_before_s, not_after_s; /* 0: not known */
    int64_t revoked_us;                /* 0: not revoked, or when is not known */
};

struct reconcile_result {
    struct arena arena; /* owns the texts */
    struct finding *findings;
    size_t num_findings, room;
    uint64_t counts[VERDICT_COUNT]; /* each certificate, and each attempt without one, in one */
    uint64_t num_unlisted;          /* findings beyond the cap */
    uint64_t num_rows;              /* at the CA */
    uint64_t num_logged;            /* certificates in the log */
    uint64_t num_attempts;          /* whose outcome is not known */
    uint64_t num_before_option;  /* of VERDICT_BEFORE: the log's beginning alone would not do it */
    uint64_t num_before_claimed; /* of VERDICT_BEFORE: only their own notBefore says so */
    bool is_aki_met[RECONCILE_AKIS_MAX]; /* the CA or the log has a certificate signed by it */
    uint64_t num_undelivered;            /* valid ones whose caller may not have received them */
    int64_t log_from_us, log_to_us;
    uint64_t log_next_seq;
    char source[256];
    char source_sha256[65]; /* over the rows as read, in their order */
    bool is_selective, has_status;
    const char *hint; /* what is probably wrong with the whole comparison; NULL: nothing */
};

/* reconcile_run - *ret is the caller's on success, reconcile_free it. CB_EINPUT, CB_ENOENT, CB_ESYS: a side cannot be read; CB_ECORRUPT: the log is damaged. */
enum cb_code reconcile_run(const struct reconcile_options *options, struct reconcile_result *ret,
                           struct cb_err *err) CB_MUST_USE;
void reconcile_free(struct reconcile_result *result);
bool reconcile_has_problems(const struct reconcile_result *result);
/* reconcile_num_new - problems that no earlier run has recorded. */
uint64_t reconcile_num_new(const struct reconcile_result *result);

/* print.c - for people; for programs, as members of a JSON object that is open. */
void reconcile_print(const struct reconcile_result *result, const char *audit_dir, struct buf *out);
/* reconcile_left_out - "2 by --aki, 1 by --known": what options kept from being compared, and how many.
 * Adds nothing and returns 0 if there are none. */
uint64_t reconcile_left_out(const struct reconcile_result *result, struct buf *out);
void reconcile_json_members(const struct reconcile_result *result, const char *audit_dir,
                            struct buf *out);

#endif
