/* rule.h - inside policy/ only: a loaded policy, as load*.c makes it and decide.c reads it.
 * Immutable once policy_load has returned. All texts and arrays live in policy->arena. */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "broker/base/arena.h"
#include "policy/pattern.h"
#include "policy/policy.h"
#include "policy/table.h"
#include "policy/yaml_tree.h"

#define POLICY_NAMES_MAX 100U /* names in one certificate, whatever a rule says */
#define RSA_BITS_MIN 2048U    /* what CFSSL makes */
#define RSA_BITS_MAX 8192U
#define RSA_BITS_DEFAULT_MAX 4096U /* without keys:; larger ones keep the CA busy for seconds */

struct pos {
    unsigned line, col; /* 0: not written in the rule */
};

struct pattern_list {
    struct pattern *items;
    size_t num;
};

struct text_list {
    struct slice *items;
    size_t num;
};

enum cn_mode {
    CN_IN_NAMES, /* absent, or equal to one of the asked host names and addresses */
    CN_ABSENT,
    CN_ANY,
    CN_LISTED,
};

enum revoke_scope { REVOKE_SCOPE_OWN, REVOKE_SCOPE_NAMES, REVOKE_SCOPE_ANY };

struct key_rule {
    bool ecdsa_256, ecdsa_384, ecdsa_521;
    unsigned rsa_min, rsa_max; /* 0: no RSA by range */
    unsigned *rsa_sizes;       /* or these sizes */
    size_t num_rsa_sizes;
};

/* The conditions of an allow rule that are only about newcert and info. */
struct issue_rule {
    enum cn_mode cn;
    struct pattern_list cn_patterns; /* CN_LISTED: names ... */
    struct text_list cn_texts;       /* ... and texts that are no names, compared byte by byte */
    struct text_list subject[SUBJECT_ATTR_COUNT];
    struct key_rule keys;
    const char **profiles;
    size_t num_profiles;
    unsigned max_names;
    uint64_t max_validity_s; /* 0: none set */
    bool no_names;           /* a certificate need not name a host or an address */
};

struct rule {
    const char *id;
    const char *owner;  /* NULL: not given */
    const char *ticket; /* NULL: not given */
    struct pos pos;
    bool deny;
    bool wildcards;
    unsigned actions;          /* bit 1 << enum policy_action */
    enum revoke_scope revoke;  /* allow rules */
    int64_t until_s;           /* the first second in which it is over; INT64_MAX: never */
    const char *until_text;    /* as written */
    struct pattern_list names; /* of all kinds */
    struct issue_rule *issue;  /* allow rules; NULL in deny rules */
    size_t *clients;           /* indexes; a deny rule without any is about everybody */
    size_t num_clients;
    /* Where the condition stands whose failure gives this reason. */
    struct pos at[POLICY_REASON_COUNT];
};

struct rule_refs {
    const struct rule **items; /* in file order */
    size_t num;
};

struct policy_client {
    const char *id;
    struct pos pos;
    size_t last_rule; /* while loading: 1 + index of the last rule that named it */
    struct rule_refs deny;
    struct rule_refs allow;
};

struct stored_credential {
    size_t client;
    int64_t expires_s; /* INT64_MAX: never */
    struct pos pos;
};

struct policy {
    struct arena arena;
    struct yaml_doc *doc; /* file name and bytes; its tree is gone */
    char sha256[SHA256_HEX_LEN + 1];
    struct rule *rules;
    size_t num_rules;
    struct policy_client *clients;
    size_t num_clients;
    struct stored_credential *creds;
    size_t num_creds;
    struct rule_refs deny_everybody; /* deny rules without clients: */
    struct table client_ids;         /* id -> index in clients */
    struct table cred_index;         /* (enum credential_kind, text) -> index in creds */
};

static inline unsigned action_bit(enum policy_action action)
{
    return 1U << (unsigned)action;
}

#endif
