/* diff_parts.h - inside policy/ only: what the parts of policy_diff share.
 *
 * A grant is what one allow rule lets one client do for one action. Grants are compared as sets of
 * requests: one lies within another if every request it allows the other allows too, by the same
 * terms. What has been lost is what lies within none of the other policy's. Everything is lopsided
 * towards saying too much: where it cannot be told, it is a difference. */
#ifndef POLICY_DIFF_PARTS_H
#define POLICY_DIFF_PARTS_H

#include "policy/review.h"
#include "policy/rule.h"
#include "policy/table.h"

/* One size, or a range of sizes, of one algorithm. */
struct key_item {
    enum key_algo algo;
    unsigned min, max;
};

/* The conditions of which a request meets exactly one item each: rules that share the items out
 * between them allow the same as one rule that lists all. */
enum grant_dim { DIM_PROFILES, DIM_KEYS, DIM_PARTIES, DIM_FROM, DIM_NAMES };
#define GRANT_DIM_COUNT 5

struct grant {
    const struct rule *rule;
    enum policy_action action;
    struct pattern_list names; /* placeholders filled in as far as the client is known */
    struct pattern_list cn_patterns;
    const char **profiles;
    size_t num_profiles;
    struct key_item *keys;
    size_t num_keys;
    const char **parties; /* ids, in order of bytes */
    size_t num_parties;
    struct pattern_list from; /* num 0: anywhere */
};

struct grant_list {
    struct grant *items;
    size_t num;
};

/* Everything that one comparison of two policies needs. */
struct diff {
    const struct policy *before, *after;
    struct arena *arena;       /* of the result */
    struct arena scratch;      /* of one client; emptied behind each */
    const char *client;        /* whom it is about now */
    bool gains;                /* looking for gains: the roles of the two policies are swapped */
    size_t first_change;       /* of this client, for leaving out what is said already */
    struct table said;         /* (gains, text): what was said of this client */
    size_t num_said;           /* calls of diff_say */
    uint64_t comparisons_left; /* of grants; past it only rules of one id are compared ... */
    uint64_t pairs_left;       /* ... and of rules that changed places */
    struct policy_changes *ret;
    size_t room;
    bool no_memory;
};

/* ---- diff.c ---- */
/* diff_say - a change; text is one line. Said once for a client, however often it comes. */
void diff_say(struct diff *d, const char *rule_id, const char *what, struct buf *text);

/* ---- diff_grant.c ---- */
/* grants_of - those of an allow rule, for a client: one for each action, in the scratch arena. */
bool grants_of(struct diff *d, const struct policy *policy, const struct policy_client *client,
               const struct rule *rule, struct grant out[POLICY_ACTION_COUNT], size_t *ret_num);
size_t grant_dim_num(const struct grant *g, enum grant_dim dim);
/* grant_take - g with only item i of a dimension. */
struct grant grant_take(const struct grant *g, enum grant_dim dim, size_t i);
/* grant_item_within - does other allow what item i of g's dimension stands for? */
bool grant_item_within(const struct grant *g, enum grant_dim dim, size_t i,
                       const struct grant *other);
/* grant_in_scope - what the scope of a file cuts off a pattern that could not be told at load must
 * not go unnoticed. */
bool grant_in_scope(const struct pattern *p, const struct grant *g, const struct grant *other);
/* grant_within_any - is the pattern within one of the list? */
bool grant_within_any(const struct pattern *p, const struct pattern_list *list);
bool grant_dim_within(const struct grant *g, enum grant_dim dim, const struct grant *other);
/* grant_items_within - of every dimension. */
bool grant_items_within(const struct grant *g, const struct grant *other);
bool grant_shares_out(const struct grant *g, enum grant_dim dim); /* see enum grant_dim */
/* grant_overlaps - could one request be both's? In doubt: yes. */
bool grant_overlaps(const struct grant *a, const struct grant *b);

/* ---- diff_terms.c: the conditions that are no lists of alternatives ---- */
#define TERM_COUNT 12
/* terms_within - are all these of g no wider than other's? Which are: a bit each in *ret_wider. */
bool terms_within(const struct grant *g, const struct grant *other, unsigned *ret_wider);
/* limits_within - only those that take effect after the decision: validity, quotas, fixed subject. */
bool limits_within(const struct grant *g, const struct grant *other);
/* requests_within - does other allow every request that g does, on whatever limits? */
bool requests_within(const struct grant *g, const struct grant *other);
/* terms_say - what g allows by the terms in wider, and other does not; front is put before each. */
void terms_say(struct diff *d, const struct grant *g, const struct grant *other, unsigned wider,
               struct slice front);
/* limits_say - in what way first, which decides in front of other, is narrower than g. */
void limits_say(struct diff *d, const struct grant *g, const struct grant *first);

/* ---- diff_cover.c ---- */
/* cover_grant - do the others together allow all that g does? *ret_by (may be NULL): the first that
 * does so alone; NULL where there is none. */
bool cover_grant(struct diff *d, const struct grant *g, const struct grant_list *others,
                 const struct grant **ret_by);
/* cover_say - what of g the others do not allow, as changes. */
void cover_say(struct diff *d, const struct grant *g, const struct grant_list *others);

/* ---- diff_deny.c ---- */
/* deny_covered - does one of the others refuse all that rule refuses, or do several together? Either
 * list may be empty. */
bool deny_covered(const struct rule *rule, const struct rule_refs *own,
                  const struct rule_refs *everybody);

/* ---- diff_digest.c ---- */
/* What a rule means, whatever it is called, owned by, and for whom: equal ones mean the same. */
struct rule_digest {
    unsigned char bytes[SHA256_LEN];
};
/* digest_rules - one for each rule of a policy, to be freed. NULL: out of memory. */
struct rule_digest *digest_rules(const struct policy *policy);

/* ---- diff_side.c: one client, in one policy ---- */
struct diff_side {
    const struct policy *policy;
    const struct policy_client *client; /* NULL: it has none */
    const struct rule_digest *digests;  /* of the policy's rules */
    struct table allow, deny; /* (SIDE_BY_*, digest or id) -> place in the client's list */
    struct grant_list grants; /* made when first needed */
    bool has_grants;
};
enum { SIDE_BY_DIGEST, SIDE_BY_ID };
struct slice side_digest_key(const struct diff_side *side, const struct rule *rule);
const struct rule_digest *side_digest(const struct diff_side *side, const struct rule *rule);
bool side_index(struct diff *d, struct diff_side *side);
void side_free(struct diff_side *side);
/* side_grants - of all its allow rules, in their order. */
const struct grant_list *side_grants(struct diff *d, struct diff_side *side);
/* side_candidates - those that a rule of the other side may be covered by: all, or where there are too
 * many to go through those of the rule of its id alone. */
struct grant_list side_candidates(struct diff *d, struct diff_side *side, const struct rule *rule);
/* sides_equal - the same rules in the same order. */
bool sides_equal(const struct diff_side *a, const struct diff_side *b);

/* ---- diff_order.c ---- */
/* order_say - the first rule that allows sets validity, quotas and fixed attributes: where a rule is
 * still there, but another with less now comes first. Both sides are indexed. */
void order_say(struct diff *d, struct diff_side *from, struct diff_side *to);
/* order_say_covered - the same for a grant whose rule is gone, but which is covered: by one of the
 * other side's, or (NULL) by several together. */
void order_say_covered(struct diff *d, struct diff_side *from, struct diff_side *to,
                       const struct grant *g, const struct grant *by);

/* ---- diff_credentials.c ---- */
struct credential_change {
    const char *client;
    bool gains;
    const struct stored_credential *cred;  /* that came or went, or whose end changed ... */
    const struct stored_credential *other; /* ... from or to this one's; NULL: it came or went */
};
struct credential_changes {
    struct credential_change *items; /* by client, losses first; to be freed */
    size_t num;
};
bool credential_changes(const struct policy *before, const struct policy *after,
                        struct credential_changes *ret);
void credential_say(struct diff *d, const struct credential_change *change);

/* ---- diff_settings.c ---- */
/* settings_note - what changed in settings: and scopes, as notes. False: out of memory. */
bool settings_note(const struct policy *before, const struct policy *after, struct arena *arena,
                   struct policy_changes *ret);

#endif
