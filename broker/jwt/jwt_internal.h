/* jwt_internal.h - keys and algorithms; private to broker/jwt. */
#ifndef BROKER_JWT_JWT_INTERNAL_H
#define BROKER_JWT_JWT_INTERNAL_H

#include "broker/jwt/jwt.h"

#include <openssl/evp.h>

enum jwt_alg { JWT_RS256, JWT_ES256, JWT_EDDSA };
#define JWT_ALG_COUNT 3
extern const char *const jwt_alg_word[JWT_ALG_COUNT];

struct jwt_key {
    const struct jwt_issuer *issuer;
    struct slice kid; /* absent: it has none */
    enum jwt_alg alg; /* the only one it is used with */
    EVP_PKEY *key;
};

struct jwt_keys {
    const struct jwt_settings *settings;
    struct arena arena;
    OSSL_LIB_CTX *lib;
    struct jwt_key keys[JWT_ISSUERS_MAX * JWT_KEYS_MAX];
    size_t num;
};

/* jwt_base64url - decode strictly (RFC 4648 5: no padding, no other characters, unused bits zero) into
 * the arena. ptr NULL: it is not, or no memory. */
struct slice jwt_base64url(struct arena *arena, struct slice text);

struct cJSON;
#define JWT_DEPTH_MAX 8U
/* jwt_json - a JSON object within caps that two parsers can't read differently, as a tree; NULL if it
 * is none. The caller's: cJSON_Delete. */
struct cJSON *jwt_json(struct slice text, size_t max);
/* jwt_text - a member that is a text; ptr NULL otherwise. Borrows from the tree. */
struct slice jwt_text(const struct cJSON *object, const char *name);

/* jwt_signature_fits - signed are the bytes up to the second dot. */
bool jwt_signature_fits(const struct jwt_keys *keys, const struct jwt_key *key, struct slice input,
                        struct slice signature);

#endif
