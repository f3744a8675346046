/* jwt_keys.c - a JWKS file (RFC 7517, 7518 6, 8037) to public keys that are ready for use. Says nothing
 * about tokens. */
#include "broker/base/file.h"
#include "broker/jwt/jwt_internal.h"

#include <cjson/cJSON.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#define JWKS_MAX (256U << 10)
#define KEYS_ARENA_MAX (4U << 20)
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192
#define P256_COORDINATE 32U
#define ED25519_LEN 32U

const char *const jwt_alg_word[JWT_ALG_COUNT] = {
    [JWT_RS256] = "RS256", [JWT_ES256] = "ES256", [JWT_EDDSA] = "EdDSA"};

static const unsigned char *bytes_of(struct slice s)
{
    return (const unsigned char *)s.ptr;
}

/* member - a base64url member of a JWK. */
static struct slice member(struct jwt_keys *keys, const cJSON *jwk, const char *name)
{
    const struct slice text = jwt_text(jwk, name);
    return text.ptr == NULL ? text : jwt_base64url(&keys->arena, text);
}

static EVP_PKEY *from_params(struct jwt_keys *keys, const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(keys->lib, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(struct jwt_keys *keys, const cJSON *jwk)
{
    const struct slice n = member(keys, jwk, "n");
    const struct slice e = member(keys, jwk, "e");
    if (n.ptr == NULL || e.ptr == NULL || n.len > RSA_MAX_BITS / 8 || e.len > 4) {
        return NULL;
    }
    BIGNUM *modulus = BN_bin2bn(bytes_of(n), (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(bytes_of(e), (int)e.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (modulus != NULL && exponent != NULL && build != NULL &&
        BN_num_bits(modulus) >= RSA_MIN_BITS && BN_is_odd(modulus) && BN_is_odd(exponent) &&
        !BN_is_one(exponent) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        key = from_params(keys, "RSA", build);
    }
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static bool is_on_curve(struct jwt_keys *keys, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(keys->lib, key, NULL);
    const bool good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static EVP_PKEY *p256_key(struct jwt_keys *keys, const cJSON *jwk)
{
    const struct slice x = member(keys, jwk, "x");
    const struct slice y = member(keys, jwk, "y");
    if (!slice_eq(jwt_text(jwk, "crv"), SLICE("P-256")) || x.len != P256_COORDINATE ||
        y.len != P256_COORDINATE) {
        return NULL;
    }
    unsigned char point[1 + 2 * P256_COORDINATE] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, x.ptr, P256_COORDINATE);
    memcpy(point + 1 + P256_COORDINATE, y.ptr, P256_COORDINATE);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (build != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) ==
            1) {
        key = from_params(keys, "EC", build);
    }
    OSSL_PARAM_BLD_free(build);
    if (key != NULL && !is_on_curve(keys, key)) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

static EVP_PKEY *ed25519_key(struct jwt_keys *keys, const cJSON *jwk)
{
    const struct slice x = member(keys, jwk, "x");
    if (!slice_eq(jwt_text(jwk, "crv"), SLICE("Ed25519")) || x.len != ED25519_LEN) {
        return NULL;
    }
    return EVP_PKEY_new_raw_public_key_ex(keys->lib, "ED25519", NULL, bytes_of(x), x.len);
}

static const struct kind {
    const char *kty;
    enum jwt_alg alg;
    EVP_PKEY *(*make)(struct jwt_keys *keys, const cJSON *jwk);
} kinds[] = {
    {"RSA", JWT_RS256, rsa_key}, {"EC", JWT_ES256, p256_key}, {"OKP", JWT_EDDSA, ed25519_key}};

static enum cb_code bad_key(struct cb_err *err, const struct jwt_issuer *issuer, size_t number,
                            const char *what)
{
    return cb_fail(err, CB_EINPUT, "%s: key %zu %s", issuer->jwks_path, number + 1, what);
}

/* is_for_us - signatures, and with an algorithm of ours if it names one at all. */
static bool is_for_us(const cJSON *jwk, enum jwt_alg alg)
{
    const struct slice use = jwt_text(jwk, "use");
    const struct slice named = jwt_text(jwk, "alg");
    return (use.ptr == NULL || slice_eq(use, SLICE("sig"))) &&
           (named.ptr == NULL || slice_eq_str(named, jwt_alg_word[alg]));
}

static bool is_taken(const struct jwt_keys *keys, const struct jwt_issuer *issuer, struct slice kid)
{
    for (size_t i = 0; i < keys->num; i++) {
        const struct jwt_key *k = &keys->keys[i];
        if (k->issuer == issuer && kid.ptr != NULL && k->kid.ptr != NULL && slice_eq(k->kid, kid)) {
            return true;
        }
    }
    return false;
}

static enum cb_code add_key(struct jwt_keys *keys, const struct jwt_issuer *issuer,
                            const cJSON *jwk, size_t number, struct cb_err *err)
{
    const struct slice kty = jwt_text(jwk, "kty");
    const struct slice kid = jwt_text(jwk, "kid");
    if (!cJSON_IsObject(jwk) || kty.ptr == NULL) {
        return bad_key(err, issuer, number, "is no JWK: it has no kty");
    }
    if (slice_eq(kty, SLICE("oct")) || cJSON_GetObjectItemCaseSensitive(jwk, "d") != NULL) {
        return bad_key(err, issuer, number,
                       "is a secret (a symmetric or private key): publish public keys only");
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!slice_eq_str(kty, kinds[i].kty) || !is_for_us(jwk, kinds[i].alg)) {
            continue;
        }
        if (kinds[i].alg == JWT_ES256 && !slice_eq(jwt_text(jwk, "crv"), SLICE("P-256"))) {
            return CB_OK; /* of a curve that no algorithm of ours has */
        }
        if (is_taken(keys, issuer, kid)) {
            return bad_key(err, issuer, number, "has a kid that an earlier one has, too");
        }
        EVP_PKEY *key = kinds[i].make(keys, jwk);
        if (key == NULL) {
            ERR_clear_error();
            return bad_key(err, issuer, number,
                           "can't be used: RSA of 2048 to 8192 bits, P-256 or Ed25519 is expected");
        }
        keys->keys[keys->num++] =
            (struct jwt_key){.issuer = issuer,
                             .kid = kid.ptr == NULL ? kid : arena_slice(&keys->arena, kid),
                             .alg = kinds[i].alg,
                             .key = key};
        return CB_OK;
    }
    return CB_OK; /* for another use */
}

static enum cb_code add_all(struct jwt_keys *keys, const struct jwt_issuer *issuer,
                            struct slice text, struct cb_err *err)
{
    cJSON *tree = jwt_json(text, JWKS_MAX);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "keys");
    const size_t before = keys->num;
    enum cb_code code = CB_OK;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > (int)JWT_KEYS_MAX) {
        code = cb_fail(err, CB_EINPUT,
                       "%s: is no JWKS: a JSON object with at most %u keys under \"keys\"",
                       issuer->jwks_path, JWT_KEYS_MAX);
    }
    size_t number = 0;
    for (const cJSON *jwk = list == NULL ? NULL : list->child; jwk != NULL && code == CB_OK;
         jwk = jwk->next) {
        code = add_key(keys, issuer, jwk, number++, err);
    }
    cJSON_Delete(tree);
    if (code == CB_OK && keys->num == before) {
        code = cb_fail(err, CB_EINPUT, "%s: holds no key for RS256, ES256 or EdDSA signatures",
                       issuer->jwks_path);
    }
    return code;
}

static enum cb_code load_issuer(struct jwt_keys *keys, const struct jwt_issuer *issuer,
                                struct cb_err *err)
{
    struct buf text;
    TRY(file_read(issuer->jwks_path, FILE_TRUSTED, JWKS_MAX, &text, err));
    const enum cb_code code = add_all(keys, issuer, buf_slice(&text), err);
    buf_free(&text);
    return code;
}

enum cb_code jwt_keys_load(const struct jwt_settings *settings, struct jwt_keys **ret,
                           struct cb_err *err)
{
    struct jwt_keys *keys = calloc(1, sizeof(*keys));
    if (keys == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the token issuers' keys");
    }
    keys->settings = settings;
    arena_init(&keys->arena, KEYS_ARENA_MAX);
    keys->lib = OSSL_LIB_CTX_new();
    enum cb_code code =
        keys->lib == NULL ? cb_fail(err, CB_ECRYPTO, "OpenSSL can't set up its algorithms") : CB_OK;
    for (size_t i = 0; i < settings->num_issuers && code == CB_OK; i++) {
        code = load_issuer(keys, &settings->issuers[i], err);
    }
    if (code != CB_OK) {
        jwt_keys_free(keys);
        return code;
    }
    /* Another thread will use and free this context: leave nothing of it behind for this one. */
    OPENSSL_thread_stop_ex(keys->lib);
    *ret = keys;
    return CB_OK;
}

void jwt_keys_free(struct jwt_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    for (size_t i = 0; i < keys->num; i++) {
        EVP_PKEY_free(keys->keys[i].key);
    }
    OSSL_LIB_CTX_free(keys->lib);
    arena_free(&keys->arena);
    free(keys);
}
