/* policy.h - who may have what: load a policy, find the caller, decide a request.
 *
 * What the server needs of policy/ (with name.h and diag.h); the tools' part is in trace.h, review.h
 * and check_tests.h. A loaded policy is immutable and may be read by any number of threads. Deciding
 * is a pure function of (policy, caller, ask, time): it locks nothing, reads no clock and, unless a
 * rule has regular expressions, allocates nothing. The server, the /v1/explain endpoint and the tools
 * all call policy_decide. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "broker/base/err.h"
#include "policy/diag.h"
#include "policy/name.h"

struct policy;        /* opaque, owned by the caller of policy_load, freed by policy_free */
struct regex_effort;  /* opaque */
struct policy_client; /* opaque, borrowed from its policy */

/* policy_load - read a policy: a file, or a folder of which every *.yaml counts (not *.test.yaml, not
 * names that begin with a dot), merged in the order of the names' bytes. On success *ret is set
 * (diags may hold warnings); otherwise CB_EINPUT and diags hold every error found. now_s: for "this
 * grant has expired" warnings. */
enum cb_code policy_load(const char *path, int64_t now_s, struct diag_list *diags,
                         struct policy **ret) CB_MUST_USE;
/* policy_load_bytes - the same for bytes in memory (copied): one file, or a bundle as policy_bytes
 * makes it. file is the name used in complaints. */
enum cb_code policy_load_bytes(const char *file, struct slice bytes, int64_t now_s,
                               struct diag_list *diags, struct policy **ret) CB_MUST_USE;
void policy_free(struct policy *policy);

const char *policy_sha256(const struct policy *policy); /* 64 hex digits, of policy_bytes */
/* policy_bytes - for keeping it by its hash: the file as it was read, or, of a folder, one text that
 * holds all its files (see bundle.h). */
struct slice policy_bytes(const struct policy *policy);
const char *policy_file(const struct policy *policy); /* the path it was loaded from */
/* The files it was made of: their number, and the i-th one's name within its folder and bytes. */
size_t policy_num_files(const struct policy *policy);
const char *policy_file_name(const struct policy *policy, size_t i);
struct slice policy_file_bytes(const struct policy *policy, size_t i);
size_t policy_num_rules(const struct policy *policy);
size_t policy_num_clients(const struct policy *policy);
/* policy_rule_id - the id of rule number i (0..num-1); policy_rule_profiles - how many profiles it
 * lists and the i-th: for cross-checks with the CA's configured profiles. */
const char *policy_rule_id(const struct policy *policy, size_t i);
size_t policy_rule_profiles(const struct policy *policy, size_t rule, const char *const **ret);
struct diag_place policy_rule_place(const struct policy *policy, size_t i);
/* policy_rule_profile_place - of the i-th profile that a rule lists. */
struct diag_place policy_rule_profile_place(const struct policy *policy, size_t rule, size_t i);
/* policy_rule_usages - the words of usages:, the most a certificate of this rule may be good for; 0:
 * the rule says nothing about it. For cross-checks with the CA's configured profiles. */
size_t policy_rule_usages(const struct policy *policy, size_t rule, const struct slice **ret);
/* policy_requires - do the settings want this field of every allow rule? policy_is_strict - are
 * dangerous grants errors? */
bool policy_requires(const struct policy *policy, const char *field);
bool policy_is_strict(const struct policy *policy);
/* policy_num_expiring - allow rules and tokens that end within the settings' warn_before (14 days)
 * of now_s; *ret_first_s (may be NULL): the first of these ends. Ended ones don't count. */
size_t policy_num_expiring(const struct policy *policy, int64_t now_s, int64_t *ret_first_s);
/* policy_wants_claim - does any rule look at this claim of a JWT? Only such ones are recorded. */
bool policy_wants_claim(const struct policy *policy, struct slice name);

/* ---- who is asking ---- */
enum credential_kind {
    CRED_MTLS_URI,  /* text: a URI SAN of the verified client certificate */
    CRED_MTLS_DNS,  /* text: a DNS SAN */
    CRED_MTLS_SPKI, /* text: lower-case hex SHA-256 of the DER SubjectPublicKeyInfo */
    CRED_MTLS_CN,   /* text: the subject's CN, only matched where a client asks for cn: */
    CRED_BEARER,    /* text: lower-case hex SHA-256 of the token */
    CRED_JWT,       /* text: the configured issuer's name, a space, the verified token's sub */
};
#define CREDENTIAL_KIND_COUNT 6

struct credential {
    enum credential_kind kind;
    struct slice text;
};

/* policy_credential - the i-th credential of the policy, of its clients in turn, and where it stands;
 * false past the last one. For cross-checks with the configured token issuers. */
bool policy_credential(const struct policy *policy, size_t i, struct credential *ret,
                       struct diag_place *ret_place);

struct policy_claim { /* of a verified JWT; texts only */
    struct slice name, value;
};

/* One authenticated caller. Texts are borrowed from whoever filled them in. */
struct policy_caller {
    const struct policy_client *client;
    /* What fitted a pattern of the client's credentials (credential.text: the whole URI or host name,
     * or the JWT's issuer, a space and its sub). Absent: the client is one identity. */
    struct slice instance;
    struct slice uri;                  /* the verified URI SAN by which it is known; else absent */
    const struct policy_claim *claims; /* of the JWT by which it is known */
    size_t num_claims;
    const struct name *peer;     /* the address it comes from (NAME_IP); NULL: not known */
    struct regex_effort *effort; /* policy_decide's own */
};

enum policy_identity {
    IDENTITY_OK,
    IDENTITY_UNKNOWN,   /* no client has any of these credentials */
    IDENTITY_AMBIGUOUS, /* they belong to more than one client, or to two instances of one */
    IDENTITY_EXPIRED,   /* the only match has passed its expires: date */
};

/* policy_identify - the one client that the presented credentials belong to. A credential that is
 * written out in the policy belongs to its client, whatever patterns it also fits. Fills client,
 * instance and uri of *ret; the rest is the caller's to add. matched (may be NULL) gets the index of
 * the credential that decided. O(1) in the number of clients. */
enum policy_identity policy_identify(const struct policy *policy, const struct credential *creds,
                                     size_t num_creds, int64_t now_s, struct policy_caller *ret,
                                     size_t *matched);
const char *policy_client_id(const struct policy_client *client);
/* policy_client_by_id - NULL if there is none. */
const struct policy_client *policy_client_by_id(const struct policy *policy, struct slice id);

/* policy_principal - the name of this identity, in records and as owner of certificates: the
 * client's id, or "id:instance" where the client stands for many. Longer ones are never identified. */
#define POLICY_PRINCIPAL_MAX 512U
struct slice policy_principal(const struct policy_caller *caller,
                              char out[POLICY_PRINCIPAL_MAX + 1]);
/* policy_caller_by_principal - the way back: false if the policy has no such client, or its patterns
 * don't fit the instance. A client that is known by one URI and nothing else gets it as uri. Claims and peer
 * stay empty. Texts borrow from principal and the policy. */
bool policy_caller_by_principal(const struct policy *policy, struct slice principal,
                                struct policy_caller *ret);
/* policy_stands_for_many - is the client known by patterns alone? Then its id is nobody's principal. */
bool policy_stands_for_many(const struct policy_client *client);
/* policy_principal_problem - for people who wrote a principal: why there is nobody of that name (and,
 * with suggest, who was perhaps meant, which looks at all clients). False: there is somebody. */
#define POLICY_PROBLEM_MAX 800
bool policy_principal_problem(const struct policy *policy, struct slice principal, bool suggest,
                              char out[POLICY_PROBLEM_MAX]);

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
    struct slice on_behalf_of; /* principal for whom it is asked; absent: for the caller itself */
    /* newcert: what is wanted; revoke: what the certificate to be revoked carries */
    const struct name *names;
    size_t num_names;         /* sorted, unique */
    struct slice common_name; /* ptr NULL: absent */
    /* newcert only */
    const struct subject_attr *subject;
    size_t num_subject;
    enum key_algo key_algo;
    unsigned key_bits;
    struct slice profile; /* never absent: an omitted profile is "default" ... */
    bool profile_omitted; /* ... and this says so, for advice alone */
    /* revoke only; with on_behalf_of as seen from that party */
    enum cert_relation relation;
};

/* ---- the answer ---- */
/* From RULE_EXPIRED on this is the order in which an allow rule's conditions are checked: of two
 * rules the one that fails later in it was the nearer one. */
enum policy_reason {
    REASON_ALLOWED,
    REASON_DENY_RULE,     /* a deny rule matched */
    REASON_UNKNOWN_PARTY, /* on_behalf_of names nobody the policy knows, or many at once */
    REASON_NOT_DELEGATED, /* no rule lets the caller act for that party */
    REASON_NO_RULE,       /* no allow rule is about this client and action */
    REASON_RULE_EXPIRED,  /* until: has passed */
    REASON_SOURCE,        /* from: the caller comes from elsewhere */
    REASON_TIME,          /* when: not at this hour or day */
    REASON_NO_NAMES,      /* a certificate must name at least one host or address */
    REASON_TOO_MANY_NAMES,
    REASON_NAME_NOT_ALLOWED,
    REASON_OUT_OF_SCOPE, /* the rule covers it, the scope of the rule's file does not */
    REASON_COMMON_NAME,
    REASON_SUBJECT,
    REASON_KEY,
    REASON_PROFILE,
    REASON_NOT_OWNER,    /* revoke: not one of the caller's own certificates */
    REASON_UNKNOWN_CERT, /* revoke: not issued through us, and the rule is not revoke: any */
};
#define POLICY_REASON_COUNT 18
/* policy_reason_word - stable, for replies, audit and metrics: "allowed", "deny_rule",
 * "unknown_party", "not_delegated", "no_rule", "rule_expired", "source_not_allowed",
 * "time_not_allowed", "no_names", "too_many_names", "name_not_allowed", "out_of_scope",
 * "common_name_not_allowed", "subject_not_allowed", "key_not_allowed", "profile_not_allowed",
 * "not_owner", "unknown_cert" */
const char *policy_reason_word(enum policy_reason reason);
/* policy_reason_parse - the way back; false if it is no such word. */
bool policy_reason_parse(struct slice word, enum policy_reason *ret);

#define POLICY_DETAIL_MAX 320

/* What a rule allows only so often. The policy says it, whoever keeps the counts enforces it. */
struct policy_quota {
    const char *rule_id;  /* counted for this rule and one principal; NULL: no such rule */
    uint32_t rate_count;  /* requests ... 0: no rate */
    uint64_t rate_per_ms; /* ... in this time */
    uint32_t rate_burst;  /* at most so many at once */
    uint32_t max_active;  /* unexpired, unrevoked certificates; 0: no limit */
    bool auto_revoke_oldest;
};

struct policy_decision {
    bool allowed;
    enum policy_reason reason;
    /* The deciding rule; for a refusal the nearest allow rule (the one that got furthest), or the
     * deny rule that matched. All borrowed from the policy; NULL when there is no such rule. With
     * on_behalf_of it is that party's rule once the caller's own delegation rule has allowed it. */
    const char *rule_id;
    const char *owner;
    const char *ticket;
    const char *delegate_rule_id; /* the caller's rule that lets it act for on_behalf_of */
    struct diag_place place; /* of the rule, or of the failing condition inside it; tools only */
    /* For a refusal: one sentence about the caller's own request, e.g. `name "x.example" is not
     * covered by rule payments-server`. Never lists what the rule would allow to others. */
    char detail[POLICY_DETAIL_MAX];
    size_t name_index; /* the first name that failed, or SIZE_MAX */
    /* For an allowed newcert: what the checked answer is held to ... */
    uint64_t max_validity_s; /* 0: the rule sets none */
    /* ... the subject attributes the rule adds to those asked for (borrowed from the policy) ... */
    struct subject_attr fixed[SUBJECT_ATTR_COUNT];
    size_t num_fixed;
    /* ... and what is to be counted: for whom the certificate is, and for the caller that acts for
     * somebody else. Also of an allowed revoke of what is not one's own, then only the rates. */
    struct policy_quota quota;
    struct policy_quota delegate_quota;
};

/* policy_decide - see the top of this file. now_s: unix seconds. The rule that allows is the first
 * allow rule in file order whose every condition holds and only if no deny rule matches any name.
 * With ask->on_behalf_of both parties must be allowed it: the caller by a rule with delegate:, the
 * other by a rule of its own; deny rules of either count. Cost: proportional to the rules that name
 * these clients, not to all rules. */
void policy_decide(const struct policy *policy, const struct policy_caller *caller,
                   const struct policy_ask *ask, int64_t now_s, struct policy_decision *ret);

#endif
