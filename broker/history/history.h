/* history.h - what was asked of this broker before, read back from the audit log and decided again.
 *
 * Reads only: works on a copy of the log as on a live one. Used by the tools (replay, suggest, unused)
 * and by the guard of a reload. */
#ifndef BROKER_HISTORY_HISTORY_H
#define BROKER_HISTORY_HISTORY_H

#include "audit/read/reader.h"
#include "policy/policy.h"

struct history_range {
    int64_t since_us, until_us; /* wall clock, half open; until INT64_MAX: to the end */
};

/* One decision as it was recorded: an attempt (allowed) or a denial by the policy. Texts live in the
 * arena of the walk and are gone with the next record. */
struct history_ask {
    uint64_t seq;
    int64_t ts_us;
    struct slice req;
    struct slice principal;  /* who.id */
    struct slice via;        /* who.via: the kind of credential, "mtls.uri", "bearer", ... */
    struct slice credential; /* who.credential: which; absent: a secret's digest, not recorded */
    struct slice uri;        /* the same of an mtls.uri caller */
    const struct policy_claim *claims;
    size_t num_claims;
    struct name peer; /* ip_len 0: not known */
    struct policy_ask ask;
    bool was_allowed;
    bool by_quota; /* the policy allowed it, a rate or a quota did not: not decided again */
    struct slice rule, reason; /* reason: of a denial */
    struct slice policy_sha256;
    struct slice cert_owner; /* revoke: whose certificate; absent: not known */
};

struct history_counts {
    uint64_t records; /* read in the range */
    uint64_t asks;    /* decisions among them, that is: calls of each */
    uint64_t unclear; /* decisions whose record does not say enough (cut, written otherwise) */
    uint64_t quota_refusals;   /* for a rate or a quota, that were counted but not recorded each */
    int64_t first_us, last_us; /* of the decisions, unclear ones too; 0: there is none */
};

/* history_walk - each decision in the range, in order; each returns false to stop. Seeks to the first
 * segment that can hold records of the range. What the broker revokes by itself is no decision of the
 * policy and is left out. CB_ENOENT, CB_ECORRUPT as audit_walk. */
enum cb_code history_walk(const char *audit_dir, const struct history_range *range,
                          bool (*each)(void *ctx, const struct history_ask *ask), void *ctx,
                          struct history_counts *ret, struct cb_err *err) CB_MUST_USE;

/* history_caller - the caller of a recorded ask under this policy: found by the credential it showed,
 * or by its name where that is not recorded. False if the policy knows no such caller now. */
bool history_caller(const struct policy *policy, const struct history_ask *ask,
                    struct policy_caller *ret);

/* history_question - the caller and what it asked as this policy sees them: a caller that goes by
 * another name now does not own what was issued to the old one. False as above. */
bool history_question(const struct policy *policy, const struct history_ask *ask,
                      struct policy_caller *ret_caller, struct policy_ask *ret_ask);

/* history_decide - the same question to this policy, at the time it was asked. A caller that the
 * policy does not know is denied with REASON_NO_RULE and a detail that says so. */
void history_decide(const struct policy *policy, const struct history_ask *ask,
                    struct policy_decision *ret);

/* history_describe - what was asked, as a text for people: `newcert dns api.example, ecdsa-256,
 * profile server`. Cut to fit. */
void history_describe(const struct policy_ask *ask, char *out, size_t size);

#define HISTORY_EXAMPLES 3
struct history_flip { /* decisions that come out differently in the same way, grouped */
    bool now_allowed;
    char client[65]; /* the id it had then; all its instances together */
    char rule[65];   /* that decided then (denied: by which it failed, may be "") */
    char now_rule[65];
    enum policy_reason reason; /* now */
    uint64_t count;
    int64_t first_us, last_us;
    struct {
        int64_t ts_us;
        char req[33];
        char principal[POLICY_PRINCIPAL_MAX + 1];
        char detail[POLICY_DETAIL_MAX]; /* what was asked, and why it is decided so now */
    } examples[HISTORY_EXAMPLES];
    size_t num_examples;
};

struct history_replay {
    struct history_counts counts;
    uint64_t same;
    uint64_t lost, gained;      /* allow to deny; deny to allow */
    uint64_t not_redecided;     /* were refused for a rate or a quota, which the log cannot tell */
    struct history_flip *flips; /* losses before gains, most frequent first; owned */
    size_t num_flips;
    uint64_t flips_left_out; /* decisions of groups beyond the cap; lost and gained count them */
};

/* history_replay - decide everything in the range again with this policy, each at its own time, so
 * that until: and when: count as they would have. Blocks; any thread. */
enum cb_code history_replay(const struct policy *policy, const char *audit_dir,
                            const struct history_range *range, struct history_replay *ret,
                            struct cb_err *err) CB_MUST_USE;
void history_replay_free(struct history_replay *r);

#endif
