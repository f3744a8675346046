/* policy.h - who may have what: load a policy, find the caller, decide a request.
 *
 * The only header of policy/ that the rest needs (with name.h and diag.h). A loaded policy is
 * immutable and may be read by any number of threads. Deciding is a pure function of (policy,
 * client, ask, time): it allocates nothing, locks nothing, reads no clock. The server, the
 * /v1/explain endpoint and the tools all call policy_decide. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "broker/base/err.h"
#include "policy/diag.h"
#include "policy/name.h"

struct policy;        /* opaque, owned by the caller of policy_load, freed by policy_free */
struct policy_client; /* opaque, borrowed from its policy */

/* policy_load - read a policy file. On success *ret is set (diags may hold warnings); otherwise
 * CB_EINPUT and diags hold every error found. now_s: for "this grant has expired" warnings. */
enum cb_code policy_load(const char *path, int64_t now_s, struct diag_list *diags,
                         struct policy **ret) CB_MUST_USE;
enum cb_code policy_load_bytes(const char *file, struct slice bytes, int64_t now_s,
                               struct diag_list *diags, struct policy **ret) CB_MUST_USE;
void policy_free(struct policy *policy);

const char *policy_sha256(const struct policy *policy); /* 64 hex digits of the file's bytes */
struct slice policy_bytes(const struct policy *policy); /* the file, for keeping it by its hash */
const char *policy_file(const struct policy *policy);
size_t policy_num_rules(const struct policy *policy);
size_t policy_num_clients(const struct policy *policy);
/* policy_rule_id - the id of rule number i (0..num-1); policy_rule_profiles - how many profiles it
 * lists and the i-th: for cross-checks with the CA's configured profiles. */
const char *policy_rule_id(const struct policy *policy, size_t i);
size_t policy_rule_profiles(const struct policy *policy, size_t rule, const char *const **ret);
struct diag_place policy_rule_place(const struct policy *policy, size_t i);

/* ---- who is asking ---- */
enum credential_kind {
    CRED_MTLS_URI,  /* text: a URI SAN of the verified client certificate */
    CRED_MTLS_DNS,  /* text: a DNS SAN */
    CRED_MTLS_SPKI, /* text: lower-case hex SHA-256 of the DER SubjectPublicKeyInfo */
    CRED_MTLS_CN,   /* text: the subject's CN, only matched where a client asks for cn: */
    CRED_BEARER,    /* text: lower-case hex SHA-256 of the token */
};
#define CREDENTIAL_KIND_COUNT 5

struct credential {
    enum credential_kind kind;
    struct slice text;
};

enum policy_identity {
    IDENTITY_OK,
    IDENTITY_UNKNOWN,   /* no client has any of these credentials */
    IDENTITY_AMBIGUOUS, /* they belong to more than one client */
    IDENTITY_EXPIRED,   /* the only match has passed its expires: date */
};

/* policy_identify - the one client that the presented credentials belong to. matched (may be
 * NULL) gets the index of the credential that decided. O(1) in the number of clients. */
enum policy_identity policy_identify(const struct policy *policy, const struct credential *creds,
                                     size_t num_creds, int64_t now_s,
                                     const struct policy_client **ret, size_t *matched);
const char *policy_client_id(const struct policy_client *client);
/* policy_client_by_id - NULL if there is none. */
const struct policy_client *policy_client_by_id(const struct policy *policy, struct slice id);

/* ---- what is asked ---- */
enum policy_action { ACTION_NEWCERT, ACTION_REVOKE, ACTION_INFO };
#define POLICY_ACTION_COUNT 3
const char *policy_action_word(enum policy_action action); /* "newcert", "revoke", "info" */

enum key_algo { KEY_ECDSA, KEY_RSA };
const char *key_algo_word(enum key_algo algo);

/* The subject attributes CFSSL's names[] can carry, in the order in which they are printed. */
enum subject_attr_type {
    SUBJECT_C,
    SUBJECT_ST,
    SUBJECT_L,
    SUBJECT_O,
    SUBJECT_OU,
    SUBJECT_SERIAL, /* subject serialNumber, CFSSL's request.serialnumber */
};
#define SUBJECT_ATTR_COUNT 6
const char *subject_attr_word(enum subject_attr_type type); /* "C", "ST", ... "serialNumber" */

struct subject_attr {
    enum subject_attr_type type;
    struct slice value; /* valid UTF-8 without control characters, 1..128 bytes */
};

enum cert_relation {
    CERT_OWN,     /* issued to this client */
    CERT_FOREIGN, /* issued to another client of ours */
    CERT_UNKNOWN, /* we have no record of it */
};

/* One typed request. The parser makes it, the policy decides it, the CA body is built from it. */
struct policy_ask {
    enum policy_action action;
    /* newcert: what is wanted; revoke: what the certificate to be revoked carries */
    const struct name *names;
    size_t num_names;         /* sorted, unique */
    struct slice common_name; /* ptr NULL: absent */
    /* newcert only */
    const struct subject_attr *subject;
    size_t num_subject;
    enum key_algo key_algo;
    unsigned key_bits;
    struct slice profile; /* never absent: an omitted profile is "default" */
    /* revoke only */
    enum cert_relation relation;
};

/* ---- the answer ---- */
/* From RULE_EXPIRED on this is the order in which an allow rule's conditions are checked: of two
 * rules the one that fails later in it was the nearer one. */
enum policy_reason {
    REASON_ALLOWED,
    REASON_DENY_RULE,    /* a deny rule matched */
    REASON_NO_RULE,      /* no allow rule is about this client and action */
    REASON_RULE_EXPIRED, /* until: has passed */
    REASON_NO_NAMES,     /* a certificate must name at least one host or address */
    REASON_TOO_MANY_NAMES,
    REASON_NAME_NOT_ALLOWED,
    REASON_COMMON_NAME,
    REASON_SUBJECT,
    REASON_KEY,
    REASON_PROFILE,
    REASON_NOT_OWNER,    /* revoke: not one of the caller's own certificates */
    REASON_UNKNOWN_CERT, /* revoke: not issued through us, and the rule is not revoke: any */
};
#define POLICY_REASON_COUNT 13
/* policy_reason_word - stable, for replies, audit and metrics: "allowed", "deny_rule", "no_rule",
 * "rule_expired", "no_names", "too_many_names", "name_not_allowed", "common_name_not_allowed",
 * "subject_not_allowed", "key_not_allowed", "profile_not_allowed", "not_owner", "unknown_cert" */
const char *policy_reason_word(enum policy_reason reason);

#define POLICY_DETAIL_MAX 320

struct policy_decision {
    bool allowed;
    enum policy_reason reason;
    /* The deciding rule; for a refusal the nearest allow rule (the one that got furthest), or the
     * deny rule that matched. All borrowed from the policy; NULL when there is no such rule. */
    const char *rule_id;
    const char *owner;
    const char *ticket;
    struct diag_place place; /* of the rule, or of the failing condition inside it; tools only */
    /* For a refusal: one sentence about the caller's own request, e.g. `name "x.example" is not
     * covered by rule payments-server`. Never lists what the rule would allow to others. */
    char detail[POLICY_DETAIL_MAX];
    size_t name_index; /* the first name that failed, or SIZE_MAX */
    /* For an allowed newcert: what the checked answer is held to. */
    uint64_t max_validity_s; /* 0: the rule sets none */
};

/* policy_decide - see the top of this file. now_s: unix seconds. The rule that allows is the first
 * allow rule in file order whose every condition holds and only if no deny rule matches any name.
 * Cost: proportional to the rules that name this client, not to all rules. */
void policy_decide(const struct policy *policy, const struct policy_client *client,
                   const struct policy_ask *ask, int64_t now_s, struct policy_decision *ret);

#endif
