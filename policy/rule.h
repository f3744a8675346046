/* rule.h - inside policy/ only: a loaded policy, as load*.c makes it and decide.c reads it.
 * Immutable once policy_load has returned. All texts and arrays live in policy->arena. */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "broker/base/arena.h"
#include "policy/name_set.h"
#include "policy/pattern.h"
#include "policy/policy.h"
#include "policy/table.h"
#include "policy/yaml_tree.h"
#include "policy/zone.h"

#define POLICY_NAMES_MAX 100U /* names in one certificate, whatever a rule says */
#define RSA_BITS_MIN 2048U    /* what CFSSL makes */
#define RSA_BITS_MAX 8192U
#define RSA_BITS_DEFAULT_MAX 4096U /* without keys:; larger ones keep the CA busy for seconds */

#define RULE_SCOPES_MAX 2U /* what the settings say of its file, and what the file itself says */

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

/* One subject attribute, as far as a rule is about it. */
struct subject_rule {
    struct text_list values; /* what may be asked for; with fixed: that alone */
    struct slice fixed;      /* filled in where it is not asked for; absent: nothing is */
    unsigned max;            /* how often it may be asked for; 0: not at all */
    bool required;
};

/* When a rule counts: some minutes of some days of the week, as clocks in a place show them. */
struct minutes {
    unsigned short from, to; /* of the day; to is the first minute after. to <= from: over midnight,
                                and then the day is the one on which it began */
};
struct time_window {
    unsigned char days; /* bit 0 is Monday */
    struct minutes *hours;
    size_t num_hours; /* 0: the whole day */
    const struct zone *zone;
};

/* The conditions of an allow rule that are only about newcert and info. */
struct issue_rule {
    enum cn_mode cn;
    struct pattern_list cn_patterns; /* CN_LISTED: names ... */
    struct text_list cn_texts;       /* ... and texts that are no names, compared byte by byte */
    struct subject_rule *subject;    /* SUBJECT_ATTR_COUNT of them; NULL: none may be asked for */
    struct key_rule keys;
    const char **profiles;
    struct pos *profiles_at; /* of each, for complaints about it */
    size_t num_profiles;
    struct text_list usages; /* the most the profiles may give; num 0: not said */
    unsigned max_names;
    uint64_t max_validity_s; /* 0: unlimited */
    bool no_names;           /* a certificate need not name a host or an address */
};

struct rule {
    const char *id;
    const char *owner;  /* NULL: not given */
    const char *ticket; /* NULL: not given */
    const char *description;
    const char *why; /* reason: */
    struct pos pos;
    bool deny;
    bool wildcards;
    bool broad;                /* names at or above a public suffix may be listed */
    unsigned actions;          /* bit 1 << enum policy_action */
    enum revoke_scope revoke;  /* allow rules */
    int64_t until_s;           /* the first second in which it is over; INT64_MAX: never */
    const char *until_text;    /* as written */
    struct pattern_list names; /* of all kinds */
    struct name_set *name_set; /* the same for looking up; NULL where a list is faster */
    /* Of the rule's file: each name must lie within every one of them. num_scopes 0: none. */
    const struct pattern_list *scopes[RULE_SCOPES_MAX];
    unsigned num_scopes;
    struct issue_rule *issue;   /* allow rules; NULL in deny rules */
    const char **deny_profiles; /* deny rules; num 0: any */
    size_t num_deny_profiles;
    struct pos *deny_profiles_at;
    struct pattern_list from;  /* source networks; num 0: from anywhere */
    struct time_window *when;  /* NULL: always */
    struct policy_quota quota; /* rule_id is set when it limits anything */
    bool delegates;            /* delegate: is there: the rule is about acting for others only */
    size_t *parties;           /* for whom; indexes of clients in ascending order */
    size_t num_parties;
    size_t *clients; /* indexes; a deny rule without any is about everybody */
    size_t num_clients;
    size_t *groups; /* those of its clients: that are groups, for telling people; in clients too */
    size_t num_groups;
    /* Where the condition stands whose failure gives this reason. */
    struct pos at[POLICY_REASON_COUNT];
};

struct rule_refs {
    const struct rule **items; /* in file order */
    size_t num;
};

struct policy_client {
    const char *id;
    const char *description;
    struct pos pos;
    size_t last_list; /* while loading: the number of the last list it is in */
    struct rule_refs deny;
    struct rule_refs allow;      /* the delegating ones too */
    size_t num_creds;            /* patterns too */
    size_t first_wide, num_wide; /* its patterns, in policy->wide */
    struct slice only_uri;       /* it is known by this URI and nothing else; else absent */
};

struct group {
    const char *id;
    const char *description;
    struct pos pos;
    size_t *clients; /* its members, and its groups' members, once each */
    size_t num_clients;
    size_t last_list; /* while loading, as of a client */
};

struct stored_credential {
    size_t client;
    int64_t expires_s; /* INT64_MAX: never */
    struct pos pos;
    enum credential_kind kind;
    struct slice text; /* of a pattern: with a * for each whole segment that may be anything */
};

/* Which segments are a * in some patterns, see wide.h. */
struct wide_shape {
    enum credential_kind kind;
    unsigned num_segments;
    uint64_t stars;
};
#define WIDE_SEGMENTS_MAX 64U

struct policy_source { /* one file */
    const char *name;  /* within its folder */
    const char *path;  /* as complaints name it */
    struct slice bytes;
    const struct pattern_list *scopes[RULE_SCOPES_MAX]; /* as of its rules */
    unsigned num_scopes;
};

#define REQUIRE_OWNER (1U << 0)
#define REQUIRE_TICKET (1U << 1)
#define REQUIRE_REASON (1U << 2)
#define REQUIRE_UNTIL (1U << 3)
#define REQUIRE_DESCRIPTION (1U << 4)

struct policy_settings {
    bool strict;      /* dangerous grants are errors */
    unsigned require; /* REQUIRE_* of every allow rule */
    int64_t warn_before_s;
};

/* Something that is freed with the policy and is not in its arena. */
struct policy_owned {
    void *ptr;
    void (*free_fn)(void *ptr);
    struct policy_owned *next;
};

struct policy {
    struct arena arena;
    const char *path;   /* it was loaded from */
    char *data;         /* owned; what bytes and the sources' bytes point to */
    struct slice bytes; /* see policy_bytes */
    struct policy_owned *owned;
    char sha256[SHA256_HEX_LEN + 1];
    struct policy_settings settings;
    struct policy_source *sources;
    size_t num_sources;
    struct group *groups;
    size_t num_groups;
    struct rule *rules;
    size_t num_rules;
    struct policy_client *clients;
    size_t num_clients;
    struct stored_credential *creds;
    size_t num_creds;
    struct rule_refs deny_everybody; /* deny rules without clients: */
    /* Names of those of them that are about newcert alone and have no other condition, each with its
     * rule's index. NULL: there are none. */
    struct name_set *deny_names;
    struct rule_refs deny_others;   /* the rest of deny_everybody */
    struct stored_credential *wide; /* those with a *, client by client */
    size_t num_wide;
    struct wide_shape *wide_shapes;
    size_t num_wide_shapes;
    struct table client_ids; /* (PARTY_CLIENT or PARTY_GROUP, id) -> index in clients or groups */
    struct table cred_index; /* (enum credential_kind, text) -> index in creds */
    struct table wide_index; /* (enum credential_kind, text) -> index in wide */
    struct table claims;     /* of JWTs, that some rule looks at */
    int64_t *ends_s;         /* when rules and tokens end, in ascending order */
    size_t num_ends;
};

/* Tags of policy->client_ids. */
enum { PARTY_CLIENT, PARTY_GROUP };

/* rule_place - pos as complaints name it. */
static inline struct diag_place rule_place(const struct policy *policy, struct pos pos)
{
    return (struct diag_place){pos.file < policy->num_sources ? policy->sources[pos.file].path
                                                              : policy_file(policy),
                               pos.line, pos.col};
}

static inline unsigned action_bit(enum policy_action action)
{
    return 1U << (unsigned)action;
}

#endif
