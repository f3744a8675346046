/* check_key.h - the public key of a certificate, and whether a private key belongs to it. */
#ifndef BROKER_CA_CHECK_KEY_H
#define BROKER_CA_CHECK_KEY_H

#include "broker/base/arena.h"
#include "policy/policy.h"

#include <openssl/ec.h>

#define CURVE_COUNT 3 /* P-256, P-384, P-521 */

/* Decoded curves; immutable after load. */
struct key_curves {
    EC_GROUP *groups[CURVE_COUNT];
};
bool key_curves_load(OSSL_LIB_CTX *lib, struct key_curves *ret);
void key_curves_free(struct key_curves *curves);

struct public_key {
    enum key_algo algo;
    unsigned bits;
    size_t curve;       /* KEY_ECDSA: index into key_curves */
    struct slice point; /* KEY_ECDSA: 04 || X || Y */
    struct slice n, e;  /* KEY_RSA: magnitudes */
    struct slice alg;   /* content of the AlgorithmIdentifier */
};

/* public_key_parse - spki: a whole SubjectPublicKeyInfo. Named curves only, uncompressed points
 * only, RSA up to 16384 bits. The point is not checked to be on its curve. */
bool public_key_parse(struct slice spki, struct public_key *ret);

/* private_key_matches - does key_pem hold the private half of pub? The public half is computed
 * afresh from the secret (EC), or every number of the key is held against n and e (RSA; that p and
 * q are prime is not tested). Accepts "EC PRIVATE KEY", "RSA PRIVATE KEY" and "PRIVATE KEY" without
 * a passphrase. The arena must be a secret one. Leaves OpenSSL's error queue alone or dirty: the
 * caller clears it. */
bool private_key_matches(const struct key_curves *curves, const struct public_key *pub,
                         struct slice key_pem, struct arena *arena);

#endif
