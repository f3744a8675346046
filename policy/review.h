/* review.h - looking at whole policies: what is in one, and what two of them differ in. Public, with
 * policy.h. */
#ifndef POLICY_REVIEW_H
#define POLICY_REVIEW_H

#include "policy/policy.h"

/* policy_list - rules (who, what, until, owner, place), clients and groups: an aligned table of at most
 * width columns (0: no limit), or JSON. now_s: to mark what has ended or soon will. False: no memory. */
bool policy_list(const struct policy *policy, int64_t now_s, unsigned width, bool json,
                 struct buf *out);

/* policy_scopes - a line for each file whose rules are held to a scope, with front before it. */
void policy_scopes(const struct policy *policy, const char *front, struct buf *out);

/* A difference in meaning. */
struct policy_change {
    bool gains;          /* is allowed something new; false: loses something */
    const char *client;  /* whom it is about; "*": everybody */
    const char *rule_id; /* by which rule (of the new policy when gaining, the old when losing; a
                            deny rule: of the one that has it); NULL: not by a rule */
    const char *what;    /* "action", "dns", "ip", "uri", "email", "profile", "keys", ... */
    const char *text;    /* `dns "*.pods.example"`, `keys rsa 2048 to 4096`, one line */
};

struct policy_changes {
    struct policy_change *items; /* ordered by client, then losses before gains */
    size_t num;
    size_t rules_added, rules_removed; /* by id */
    /* What the policy asks of itself and asked differently: no difference in what anybody may have. */
    const char **notes;
    size_t num_notes;
};

/* policy_diff - which clients gain or lose which names, keys, profiles, actions, parties, time.
 * Compares what rules mean, not how they are written: a rule that moved, was renamed or split, a client
 * that came into a group, a pattern that another one covers, are no difference. Where the meaning of
 * two conditions cannot be compared (two regular expressions) a change in text is one. Everything
 * lives in the arena. CB_ENOMEM only. */
enum cb_code policy_diff(const struct policy *before, const struct policy *after,
                         struct arena *arena, struct policy_changes *ret,
                         struct cb_err *err) CB_MUST_USE;

#endif
