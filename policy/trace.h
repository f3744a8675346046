/* trace.h - why, and why not: what the decision saw, for people. Public, with policy.h.
 *
 * Never decides anything by itself: what it says of a rule comes from the very functions that
 * policy_decide uses. Everything returned lives in the arena and borrows from the policy. */
#ifndef POLICY_TRACE_H
#define POLICY_TRACE_H

#include "policy/policy.h"

#define TRACE_FAILURES_MAX 12

struct trace_failure { /* one condition that does not hold */
    enum policy_reason reason;
    struct diag_place place;            /* of the condition in the file */
    char detail[POLICY_DETAIL_MAX];     /* what does not hold, about this request */
    char change[2 * POLICY_DETAIL_MAX]; /* the smallest edit after which it would, e.g. `add
                                         "x.example" to names: dns:`; "" where none is sensible */
};

struct trace_rule {
    const char *rule_id;
    struct diag_place place;
    bool is_deny;
    bool is_delegation;
    const char *group;              /* it is for just this group; NULL: it is not */
    size_t num_clients;             /* for so many clients; a deny rule's 0: for everybody */
    bool for_many;                  /* for a client that stands for many identities */
    bool fits;                      /* an allow rule that allows it, a deny rule that refuses it */
    struct trace_failure *failures; /* in the order in which they are checked */
    size_t num_failures;
};

struct policy_trace {
    struct policy_decision decision; /* exactly policy_decide's */
    /* The rules that were tried, nearest first: the deciding one, then by how few conditions fail and
     * how far the check got. Deny rules only if they match. */
    struct trace_rule *rules;
    size_t num_rules;
    /* What would allow it with the fewest edits: the failures of rules[best], one of the rules of the
     * step at which it was refused (with on_behalf_of the caller's, then the party's); or, where none
     * of them can be mended, new rules as YAML in `snippet`, to put under rules:. SIZE_MAX: it is
     * allowed, a deny rule forbids it, or no rule can be mended. */
    size_t best;
    const char *snippet; /* NULL: none */
};

/* policy_trace - CB_ENOMEM only. */
enum cb_code policy_trace(const struct policy *policy, const struct policy_caller *caller,
                          const struct policy_ask *ask, int64_t now_s, struct arena *arena,
                          struct policy_trace *ret, struct cb_err *err) CB_MUST_USE;

/* policy_effective - everything a client may get: its rules with what they allow, placeholders filled
 * in as far as they are known, the deny rules that cut into them, and whom it may act for. As text
 * for people, or as one JSON document. False: out of memory. */
bool policy_effective(const struct policy *policy, const struct policy_caller *caller,
                      int64_t now_s, bool json, struct buf *out);

/* Which rules, names and clients a policy needs: filled by asking the same things again. */
struct policy_usage; /* opaque; counts for one policy */
struct policy_usage *policy_usage_new(const struct policy *policy); /* NULL: out of memory */
void policy_usage_free(struct policy_usage *usage);
/* policy_usage_add - caller asked this at when_us and was allowed. Counts its rule, its client, and
 * each pattern that covered a name; deny rules count when they refuse. */
void policy_usage_add(struct policy_usage *usage, const struct policy_caller *caller,
                      const struct policy_ask *ask, int64_t when_us);
/* policy_usage_print - what was never used, as text or JSON; returns how many things. */
size_t policy_usage_print(const struct policy_usage *usage, bool json, struct buf *out);

#endif
