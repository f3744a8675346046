/* authn.h - the ways in which a caller can say who it is.
 *
 * A method turns what came with the request into credentials; the policy says whose they are. A
 * further method (JWT, HMAC, socket peers) is one more row in the table of authn.c: it adds a
 * credential kind to policy.h and a function here, and nothing else changes. */
#ifndef BROKER_REQUEST_AUTHN_H
#define BROKER_REQUEST_AUTHN_H

#include "broker/base/arena.h"
#include "broker/edge/edge.h"
#include "policy/policy.h"

#define AUTHN_CREDENTIALS_MAX 40

struct authn_method {
    const char *name;
    /* collect - append what this request presents for this method to out (at most room) and return
     * how many, 0 for none. text lives in the arena or the exchange. *ret_broken is set when
     * something was presented that cannot be right (two tokens, a bad form): the caller is then
     * refused, whatever the other methods say. */
    size_t (*collect)(const struct edge_exchange *x, int64_t now_s, struct arena *arena,
                      struct credential *out, size_t room, bool *ret_broken);
    /* must_match - a presented credential of this method that belongs to nobody refuses the caller
     * even if another method knows it. False for certificates: a mesh gives one to everybody. */
    bool must_match;
};

enum authn_result {
    AUTHN_OK,
    AUTHN_NONE,
    AUTHN_UNKNOWN,
    AUTHN_AMBIGUOUS,
    AUTHN_EXPIRED,
    AUTHN_BROKEN
};
/* authn_result_word - for the audit record only; callers all get the same answer. */
const char *authn_result_word(enum authn_result result);

struct authn_identity {
    const struct policy_client *client;
    const char *via;         /* "mtls.uri", "mtls.dns", "mtls.spki", "mtls.cn", "bearer" */
    struct slice credential; /* what matched; absent when it is a secret's digest */
};

/* authenticate - exactly one client of the policy, or why not. Pure but for the arena. */
enum authn_result authenticate(const struct policy *policy, const struct edge_exchange *x,
                               int64_t now_s, struct arena *arena, struct authn_identity *ret);

/* the methods, for authn.c's table */
extern const struct authn_method authn_mtls;
extern const struct authn_method authn_bearer;

#endif
