/* check_issuer.c - see check_issuer.h and ca_issuer_* in check.h.
 *
 * Everything that OpenSSL is slow at happens here once: fetching algorithms, decoding keys, setting
 * up verification. A verification context is used again for every signature of its kind. */
#include "broker/ca/check_issuer.h"

#include "broker/ca/check_der.h"
#include "broker/ca/check_fields.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define ISSUERS_MAX 16U
#define ISSUER_ARENA_MAX (256U << 10)
#define KEY_USAGE_CERT_SIGN (1U << 5)

static const char *const hash_names[SIGNATURE_HASHES] = {"SHA256", "SHA384", "SHA512"};

/* AlgorithmIdentifier contents: ECDSA without parameters, RSA with a NULL. */
static const struct signature_alg {
    struct slice alg;
    int key_type;
    int hash; /* index into hash_names, -1: the algorithm has its own */
} signature_algs[] = {
    {{"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10}, EVP_PKEY_EC, 0},
    {{"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 10}, EVP_PKEY_EC, 1},
    {{"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04", 10}, EVP_PKEY_EC, 2},
    {{"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", 13}, EVP_PKEY_RSA, 0},
    {{"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00", 13}, EVP_PKEY_RSA, 1},
    {{"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00", 13}, EVP_PKEY_RSA, 2},
    {{"\x06\x03\x2b\x65\x70", 5}, EVP_PKEY_ED25519, -1},
};
#define NUM_SIGNATURE_ALGS (sizeof(signature_algs) / sizeof(signature_algs[0]))

static const unsigned char *bytes_of(struct slice s)
{
    return (const unsigned char *)s.ptr;
}

/* ---- loading ---- */

static enum cb_code bad_file(struct cb_err *err, enum cb_code code, const char *file,
                             const char *what)
{
    ERR_clear_error();
    return cb_fail(err, code, "%s: %s", file, what);
}

/* may_sign - version 3 with CA:TRUE, and certificate signing among the usages if there are any. */
static bool may_sign(const struct cert *cert)
{
    const struct slice basic = cert->exts[EXT_BASIC].value;
    const struct slice usage = cert->exts[EXT_KEY_USAGE].value;
    bool is_ca = false;
    unsigned bits = 0;
    if (cert->version != 3 || cert->has_repeated_ext || basic.ptr == NULL ||
        !basic_read(basic, &is_ca) || !is_ca) {
        return false;
    }
    return usage.ptr == NULL || (key_usage_read(usage, &bits) && (bits & KEY_USAGE_CERT_SIGN) != 0);
}

static enum cb_code add_cert(struct ca_issuer *issuer, const char *file, struct slice der,
                             struct cb_err *err)
{
    struct cert cert;
    if (issuer->num_certs == ISSUERS_MAX) {
        return bad_file(err, CB_ELIMIT, file, "more than 16 certificates");
    }
    struct issuer_cert *slot = &issuer->certs[issuer->num_certs];
    const struct slice kept = arena_slice(&issuer->arena, der);
    if (kept.ptr == NULL) {
        return bad_file(err, CB_ELIMIT, file, "its certificates are too large");
    }
    if (!cert_parse(kept, &cert)) {
        return bad_file(err, CB_EINPUT, file, "holds a certificate that can't be read");
    }
    if (!may_sign(&cert)) {
        return bad_file(err, CB_EINPUT, file,
                        "holds a certificate that may not sign others (not CA:TRUE)");
    }
    const struct slice ski = cert.exts[EXT_SKI].value;
    if (ski.ptr != NULL && !ski_read(ski, &slot->ski)) {
        return bad_file(err, CB_EINPUT, file, "holds a certificate with a bad key identifier");
    }
    const unsigned char *spki = bytes_of(cert.spki);
    slot->key = d2i_PUBKEY_ex(NULL, &spki, (long)cert.spki.len, issuer->lib, NULL);
    if (slot->key == NULL) {
        return bad_file(err, CB_ECRYPTO, file, "holds a certificate with an unknown kind of key");
    }
    slot->key_type = EVP_PKEY_get_base_id(slot->key);
    slot->der = kept;
    slot->subject = cert.subject;
    slot->not_before_s = cert.not_before_s;
    slot->not_after_s = cert.not_after_s;
    issuer->num_certs++;
    return CB_OK;
}

static enum cb_code add_all(struct ca_issuer *issuer, const char *file, BIO *bio,
                            struct cb_err *err)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    enum cb_code code = CB_OK;
    while (code == CB_OK && PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
        if (strcmp(name, PEM_STRING_X509) == 0 && header[0] == '\0') {
            code = add_cert(issuer, file, (struct slice){(const char *)data, (size_t)len}, err);
        } else {
            code = bad_file(err, CB_EINPUT, file, "holds something else than certificates");
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
        name = NULL;
        header = NULL;
        data = NULL;
    }
    if (code != CB_OK) {
        return code;
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return bad_file(err, CB_EINPUT, file, "is not good PEM");
    }
    ERR_clear_error();
    return issuer->num_certs > 0 ? CB_OK
                                 : bad_file(err, CB_EINPUT, file, "holds no PEM certificate");
}

static bool fetch_algorithms(struct ca_issuer *issuer)
{
    issuer->lib = OSSL_LIB_CTX_new();
    if (issuer->lib == NULL) {
        return false;
    }
    for (size_t i = 0; i < SIGNATURE_HASHES; i++) {
        issuer->hashes[i] = EVP_MD_fetch(issuer->lib, hash_names[i], NULL);
        if (issuer->hashes[i] == NULL) {
            return false;
        }
    }
    issuer->digest = EVP_MD_CTX_new();
    return issuer->digest != NULL && key_curves_load(issuer->lib, &issuer->curves);
}

enum cb_code ca_issuer_load(const char *pem_file, struct ca_issuer **ret, struct cb_err *err)
{
    struct ca_issuer *issuer = calloc(1, sizeof(*issuer));
    if (issuer == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the CA certificates");
    }
    arena_init(&issuer->arena, ISSUER_ARENA_MAX);
    issuer->certs = calloc(ISSUERS_MAX, sizeof(*issuer->certs));
    enum cb_code code = CB_OK;
    if (issuer->certs == NULL || !fetch_algorithms(issuer)) {
        code = bad_file(err, CB_ECRYPTO, pem_file, "OpenSSL can't set up its algorithms");
    } else {
        BIO *bio = BIO_new_file(pem_file, "r");
        code =
            bio == NULL ? cb_fail_errno(err, "%s", pem_file) : add_all(issuer, pem_file, bio, err);
        BIO_free(bio);
        ERR_clear_error();
    }
    if (code != CB_OK) {
        ca_issuer_free(issuer);
        return code;
    }
    /* Another thread will use and free this context: leave nothing of it behind for this one. */
    OPENSSL_thread_stop_ex(issuer->lib);
    *ret = issuer;
    return CB_OK;
}

static void free_certs(struct ca_issuer *issuer)
{
    for (size_t i = 0; i < issuer->num_certs; i++) {
        for (size_t k = 0; k < SIGNATURE_HASHES; k++) {
            EVP_PKEY_CTX_free(issuer->certs[i].verify[k]);
        }
        EVP_PKEY_free(issuer->certs[i].key);
    }
    free(issuer->certs);
}

void ca_issuer_free(struct ca_issuer *issuer)
{
    if (issuer == NULL) {
        return;
    }
    if (issuer->certs != NULL) {
        free_certs(issuer);
    }
    key_curves_free(&issuer->curves);
    EVP_MD_CTX_free(issuer->digest);
    for (size_t i = 0; i < SIGNATURE_HASHES; i++) {
        EVP_MD_free(issuer->hashes[i]);
    }
    OSSL_LIB_CTX_free(issuer->lib);
    arena_free(&issuer->arena);
    free(issuer);
}

int64_t ca_issuer_not_after_s(const struct ca_issuer *issuer)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < issuer->num_certs; i++) {
        first = issuer->certs[i].not_after_s < first ? issuer->certs[i].not_after_s : first;
    }
    return first;
}

struct slice ca_issuer_find(const struct ca_issuer *issuer, struct slice der)
{
    for (size_t i = 0; i < issuer->num_certs; i++) {
        if (slice_eq(issuer->certs[i].der, der)) {
            return issuer->certs[i].der;
        }
    }
    return (struct slice){NULL, 0};
}

void ca_issuer_ski(const struct ca_issuer *issuer, char out[65])
{
    const struct slice ski = issuer->certs[0].ski;
    out[0] = '\0';
    if (ski.ptr != NULL && ski.len <= 32) {
        hex_encode(bytes_of(ski), ski.len, out);
    }
}

/* ---- using ---- */

bool issuer_sha256(struct ca_issuer *issuer, struct slice bytes, unsigned char out[SHA256_LEN])
{
    return EVP_DigestInit_ex2(issuer->digest, issuer->hashes[0], NULL) == 1 &&
           EVP_DigestUpdate(issuer->digest, bytes.ptr, bytes.len) == 1 &&
           EVP_DigestFinal_ex(issuer->digest, out, NULL) == 1;
}

static EVP_PKEY_CTX *verifier(struct ca_issuer *issuer, struct issuer_cert *by, size_t hash)
{
    if (by->verify[hash] != NULL) {
        return by->verify[hash];
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(issuer->lib, by->key, NULL);
    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, issuer->hashes[hash]) != 1 ||
        (by->key_type == EVP_PKEY_RSA &&
         EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    by->verify[hash] = ctx;
    return ctx;
}

static bool verify_hashed(struct ca_issuer *issuer, struct issuer_cert *by, size_t hash,
                          const struct cert *cert)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    EVP_PKEY_CTX *ctx = verifier(issuer, by, hash);
    return ctx != NULL && EVP_DigestInit_ex2(issuer->digest, issuer->hashes[hash], NULL) == 1 &&
           EVP_DigestUpdate(issuer->digest, cert->tbs.ptr, cert->tbs.len) == 1 &&
           EVP_DigestFinal_ex(issuer->digest, digest, &digest_len) == 1 &&
           EVP_PKEY_verify(ctx, bytes_of(cert->signature), cert->signature.len, digest,
                           digest_len) == 1;
}

/* verify_whole - Ed25519 hashes by itself, twice. */
static bool verify_whole(struct ca_issuer *issuer, struct issuer_cert *by, const struct cert *cert)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool good =
        ctx != NULL &&
        EVP_DigestVerifyInit_ex(ctx, NULL, NULL, issuer->lib, NULL, by->key, NULL) == 1 &&
        EVP_DigestVerify(ctx, bytes_of(cert->signature), cert->signature.len, bytes_of(cert->tbs),
                         cert->tbs.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

bool issuer_verify(struct ca_issuer *issuer, struct issuer_cert *by, const struct cert *cert)
{
    if (!slice_eq(cert->tbs_alg, cert->sig_alg)) {
        return false;
    }
    for (size_t i = 0; i < NUM_SIGNATURE_ALGS; i++) {
        const struct signature_alg *alg = &signature_algs[i];
        if (!slice_eq(cert->sig_alg, alg->alg)) {
            continue;
        }
        if (by->key_type != alg->key_type) {
            return false;
        }
        return alg->hash < 0 ? verify_whole(issuer, by, cert)
                             : verify_hashed(issuer, by, (size_t)alg->hash, cert);
    }
    return false;
}

bool issuer_valid_at(const struct issuer_cert *cert, int64_t now_s)
{
    return now_s >= cert->not_before_s && now_s <= cert->not_after_s;
}

struct issuer_cert *issuer_pick(struct ca_issuer *issuer, struct slice name, struct slice aki,
                                int64_t now_s)
{
    struct issuer_cert *best = NULL;
    unsigned best_rank = 0;
    for (size_t i = 0; i < issuer->num_certs; i++) {
        struct issuer_cert *c = &issuer->certs[i];
        if (!slice_eq(c->subject, name)) {
            continue;
        }
        const bool same_key = aki.ptr != NULL && c->ski.ptr != NULL && slice_eq(aki, c->ski);
        const unsigned rank = 1U + (same_key ? 2U : 0U) + (issuer_valid_at(c, now_s) ? 1U : 0U);
        if (rank > best_rank) {
            best = c;
            best_rank = rank;
        }
    }
    return best;
}
