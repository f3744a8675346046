/* jwt.h - JSON Web Tokens (RFC 7519) as proof of who calls: signed by a known issuer, for us, in time.
 *
 * Compact form (RFC 7515 7.1) with RS256, ES256 or EdDSA (Ed25519). The key decides which algorithm a
 * token may use, never the token: no HMAC, no "none", no key inside the token, no "crit". Keys come
 * from a JWKS file (RFC 7517) that is read at start and at a reload. Knows nothing of policies. */
#ifndef BROKER_JWT_JWT_H
#define BROKER_JWT_JWT_H

#include "broker/base/arena.h"
#include "broker/base/err.h"

#define JWT_TOKEN_MAX 8192U /* bytes; a Kubernetes token has about 1200 */
#define JWT_ISSUERS_MAX 16U
#define JWT_KEYS_MAX 64U /* of one issuer */
#define JWT_SUBJECT_MAX 255U
#define JWT_CLAIMS_MAX 64U
#define JWT_CLAIM_MAX 100U /* bytes of a claim that is passed on */

struct jwt_issuer {               /* one that is trusted; all borrowed from the configuration */
    const char *name;             /* what the policy calls it */
    const char *issuer;           /* "iss", byte for byte */
    const char *const *audiences; /* "aud" must have one of these */
    size_t num_audiences;
    const char *jwks_path;
    uint64_t skew_s;         /* how far the issuer's clock may be off */
    uint64_t max_lifetime_s; /* exp - iat, and then iat is required; 0: no limit */
};

struct jwt_settings {
    const struct jwt_issuer *issuers;
    size_t num_issuers; /* 0: tokens of this kind are not looked at */
};

/* The issuers' keys, decoded; one per worker, used by one thread at a time. */
struct jwt_keys;
/* jwt_keys_load - read every issuer's JWKS file. The settings must outlive the result. Keys for other
 * uses or of kinds we don't know are passed over; a file without a usable key, with a symmetric one
 * or with a key id twice is CB_EINPUT, and the message names file and key. */
enum cb_code jwt_keys_load(const struct jwt_settings *settings, struct jwt_keys **ret,
                           struct cb_err *err) CB_MUST_USE;
void jwt_keys_free(struct jwt_keys *keys); /* NULL ok */

enum jwt_result {
    JWT_OK,
    JWT_MALFORMED,      /* not a token as above, or without iss, sub, aud or exp */
    JWT_UNKNOWN_ISSUER, /* iss is none of ours */
    JWT_UNKNOWN_KEY,    /* none of the issuer's keys has this id and algorithm */
    JWT_BAD_SIGNATURE,
    JWT_WRONG_AUDIENCE, /* made for somebody else */
    JWT_NOT_YET,        /* nbf or iat in the future */
    JWT_EXPIRED,
    JWT_TOO_LONG_LIVED, /* over max_lifetime_s */
};
#define JWT_RESULT_COUNT 9
/* jwt_result_word - "jwt_expired", ...: for our own records only; callers all get the same answer. */
const char *jwt_result_word(enum jwt_result result);

struct jwt_claim {
    struct slice name, value;
};

struct jwt_token {
    const struct jwt_issuer *issuer;
    struct slice subject; /* printable ASCII without spaces */
    /* Every claim that is a short text of printable ASCII; those of objects inside as "outer.inner". Where two would have the
     * same name neither is there. */
    struct jwt_claim *claims;
    size_t num_claims;
    int64_t expires_s;
};

/* jwt_has_form - could this be a token of ours, and no opaque one? Says nothing about its content. */
bool jwt_has_form(struct slice token);
/* jwt_verify - everything. *ret lives in the arena and is only set with JWT_OK. */
enum jwt_result jwt_verify(struct jwt_keys *keys, struct slice token, int64_t now_s,
                           struct arena *arena, struct jwt_token *ret);

/* jwt_read_unverified - what a token says of itself, for people who look into one: no signature, no
 * time, no audience is checked, so nothing may be allowed on the strength of it. ret->issuer is NULL;
 * *ret_issuer is its "iss". False: no token, or one without iss, sub or exp. */
bool jwt_read_unverified(struct slice token, struct arena *arena, struct slice *ret_issuer,
                         struct jwt_token *ret) CB_MUST_USE;

#endif
