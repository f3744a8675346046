/* authn.h - the ways in which a caller can say who it is.
 *
 * A method turns what came with the request into credentials; the policy says whose they are. A
 * further method (HMAC, socket peers) is one more row in the table of authn.c: it adds a
 * credential kind to policy.h and a function here, and nothing else changes. */
#ifndef BROKER_REQUEST_AUTHN_H
#define BROKER_REQUEST_AUTHN_H

#include "broker/base/arena.h"
#include "broker/edge/edge.h"
#include "broker/jwt/jwt.h"
#include "policy/policy.h"

#define AUTHN_CREDENTIALS_MAX 40

/* What the methods look at, and what they leave for whoever comes after them. */
struct authn_context {
    const struct edge_exchange *exchange;
    int64_t now_s;
    struct arena *arena;
    struct jwt_keys *jwt_keys; /* NULL: no issuer is configured, and no token is taken for a JWT */
    struct jwt_token jwt;      /* the token of this request; issuer NULL: none */
    bool is_broken;
    const char *problem; /* which is_broken it is, for the record; NULL: the general word */
};

struct authn_method {
    const char *name;
    /* collect - append what this request presents for this method to out (at most room) and return
     * how many, 0 for none. text lives in the arena or the exchange. is_broken is set when something
     * was presented that cannot be right (two tokens, a bad form, an expired one): the caller is then
     * refused, whatever the other methods say. */
    size_t (*collect)(struct authn_context *cx, struct credential *out, size_t room);
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
    struct policy_caller caller;
    const char *via;         /* "mtls.uri", "mtls.dns", "mtls.spki", "mtls.cn", "bearer", "jwt" */
    struct slice credential; /* what matched; absent when it is a secret's digest */
};

/* authenticate - exactly one client of the policy, or why not. Pure but for the arena and the keys'
 * scratch space. The claims of a JWT by which the caller is known are in ret->caller. */
enum authn_result authenticate(const struct policy *policy, struct authn_context *cx,
                               struct authn_identity *ret);

/* authn_bearer_token - the token of "Authorization: Bearer ..."; false: another or no header. */
bool authn_bearer_token(struct slice header, struct slice *ret);
/* authn_is_jwt - it is one and is to be treated as such: no opaque token then. */
bool authn_is_jwt(const struct authn_context *cx, struct slice token);

/* the methods, for authn.c's table */
extern const struct authn_method authn_mtls;
extern const struct authn_method authn_bearer;
extern const struct authn_method authn_jwt;

#endif
