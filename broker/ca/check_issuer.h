/* check_issuer.h - the CA certificates of one worker, decoded once, and signatures by them. */
#ifndef BROKER_CA_CHECK_ISSUER_H
#define BROKER_CA_CHECK_ISSUER_H

#include "broker/ca/check.h"
#include "broker/ca/check_cert.h"
#include "broker/ca/check_key.h"

#define SIGNATURE_HASHES 3 /* SHA-256, -384, -512 */

/* One CA certificate. */
struct issuer_cert {
    struct slice der;     /* in issuer.arena, as are the slices below */
    struct slice subject; /* whole Name */
    struct slice ski;     /* ptr NULL: it has none */
    int64_t not_before_s, not_after_s;
    EVP_PKEY *key;
    int key_type;                           /* EVP_PKEY_EC, ... */
    EVP_PKEY_CTX *verify[SIGNATURE_HASHES]; /* made when first needed, then used again */
};

struct ca_issuer {
    OSSL_LIB_CTX *lib; /* of its own: threads that share one wait for each other's locks */
    EVP_MD *hashes[SIGNATURE_HASHES];
    EVP_MD_CTX *digest;
    struct key_curves curves;
    struct arena arena;
    struct issuer_cert *certs;
    size_t num_certs;
};

/* issuer_pick - the CA certificate whose subject is name, the issuer of what is checked; of several
 * the one with this key identifier, and of those one that is valid now. NULL: none has the name. */
struct issuer_cert *issuer_pick(struct ca_issuer *issuer, struct slice name, struct slice aki,
                                int64_t now_s);

bool issuer_valid_at(const struct issuer_cert *cert, int64_t now_s);

/* issuer_verify - is the signature of cert by this CA certificate? ECDSA, RSA PKCS#1 1.5 with
 * SHA-2, and Ed25519; anything else is no. */
bool issuer_verify(struct ca_issuer *issuer, struct issuer_cert *by, const struct cert *cert);

/* issuer_sha256 - of any bytes, with the algorithm that was fetched at load. */
bool issuer_sha256(struct ca_issuer *issuer, struct slice bytes, unsigned char out[SHA256_LEN]);

#endif
