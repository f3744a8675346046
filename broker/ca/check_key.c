/* check_key.c - see check_key.h.
 *
 * The key is read in place (check_der.h), so that no copy of it stays in a parser's memory; the
 * numbers that OpenSSL needs are cleared when they are freed. What OpenSSL leaves on the stack of
 * its own functions cannot be wiped from here. */
#include "broker/ca/check_key.h"

#include "broker/ca/check_der.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#define RSA_BYTES_MAX 2048

static const struct curve {
    int nid;
    unsigned bits;
    size_t field_len;
    struct slice oid; /* tag and length included */
} curves_known[CURVE_COUNT] = {
    {NID_X9_62_prime256v1, 256, 32, {"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10}},
    {NID_secp384r1, 384, 48, {"\x06\x05\x2b\x81\x04\x00\x22", 7}},
    {NID_secp521r1, 521, 66, {"\x06\x05\x2b\x81\x04\x00\x23", 7}},
};

static const struct slice oid_ec = {"\x2a\x86\x48\xce\x3d\x02\x01", 7};
static const struct slice oid_rsa = {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9};

bool key_curves_load(OSSL_LIB_CTX *lib, struct key_curves *ret)
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        ret->groups[i] = EC_GROUP_new_by_curve_name_ex(lib, NULL, curves_known[i].nid);
        if (ret->groups[i] == NULL) {
            key_curves_free(ret);
            return false;
        }
    }
    return true;
}

void key_curves_free(struct key_curves *curves)
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        EC_GROUP_free(curves->groups[i]);
        curves->groups[i] = NULL;
    }
}

/* ---- public keys ---- */

static unsigned bit_length(struct slice magnitude)
{
    unsigned bits = (unsigned)magnitude.len * 8;
    for (unsigned top = magnitude.len == 0 ? 0x80 : (unsigned char)magnitude.ptr[0]; top < 0x80;
         top <<= 1) {
        bits--;
    }
    return bits;
}

static bool parse_ec_public(struct slice params, struct slice point, struct public_key *ret)
{
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        const struct curve *curve = &curves_known[i];
        if (slice_eq(params, curve->oid)) {
            ret->algo = KEY_ECDSA;
            ret->bits = curve->bits;
            ret->curve = i;
            ret->point = point;
            return point.len == 1 + 2 * curve->field_len && point.ptr[0] == 0x04;
        }
    }
    return false;
}

static bool parse_rsa_public(struct slice params, struct slice key, struct public_key *ret)
{
    struct slice seq = {0};
    if (!slice_eq(params, (struct slice){"\x05\x00", 2}) || !der_only(key, DER_SEQUENCE, &seq) ||
        !der_uint(&seq, &ret->n) || !der_uint(&seq, &ret->e) || seq.len > 0 || ret->n.len == 0 ||
        ret->n.len > RSA_BYTES_MAX) {
        return false;
    }
    ret->algo = KEY_RSA;
    ret->bits = bit_length(ret->n);
    return true;
}

bool public_key_parse(struct slice spki, struct public_key *ret)
{
    struct slice seq = {0};
    struct slice alg = {0};
    struct slice oid = {0};
    struct slice key = {0};
    *ret = (struct public_key){0};
    if (!der_only(spki, DER_SEQUENCE, &seq) || !der_take(&seq, DER_SEQUENCE, &alg) ||
        !der_bits(&seq, &key) || seq.len > 0) {
        return false;
    }
    ret->alg = alg;
    if (!der_take(&alg, DER_OID, &oid)) {
        return false;
    }
    if (slice_eq(oid, oid_ec)) {
        return parse_ec_public(alg, key, ret);
    }
    return slice_eq(oid, oid_rsa) && parse_rsa_public(alg, key, ret);
}

/* ---- EC private keys ---- */

static BIGNUM *number(struct slice magnitude)
{
    return BN_bin2bn((const unsigned char *)magnitude.ptr, (int)magnitude.len, NULL);
}

/* point_matches - is d times the base point the certificate's point? Points are compared rather
 * than bytes: to write out the product would take a division, a third of all this costs. */
static bool point_matches(const EC_GROUP *group, struct slice secret, struct slice point)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *d = number(secret);
    EC_POINT *q = EC_POINT_new(group);
    EC_POINT *wanted = EC_POINT_new(group);
    bool same = false;
    if (ctx != NULL && d != NULL && q != NULL && wanted != NULL && !BN_is_zero(d) &&
        BN_cmp(d, EC_GROUP_get0_order(group)) < 0) {
        BN_set_flags(d, BN_FLG_CONSTTIME);
        same = EC_POINT_oct2point(group, wanted, (const unsigned char *)point.ptr, point.len,
                                  ctx) == 1 &&
               EC_POINT_mul(group, q, d, NULL, NULL, ctx) == 1 &&
               EC_POINT_cmp(group, q, wanted, ctx) == 0;
    }
    EC_POINT_free(wanted);
    EC_POINT_clear_free(q);
    BN_clear_free(d);
    BN_CTX_free(ctx);
    return same;
}

/* sec1_matches - RFC 5915. The curve may be left out where PKCS#8 has named it already. The
 * embedded public key is not believed, but it must not contradict the certificate. */
static bool sec1_matches(const struct key_curves *curves, const struct public_key *pub,
                         struct slice der, bool curve_named)
{
    const struct curve *curve = &curves_known[pub->curve];
    struct slice seq = {0};
    struct slice version = {0};
    struct slice secret = {0};
    struct slice open = {0};
    struct slice point = {0};
    if (!der_only(der, DER_SEQUENCE, &seq) || !der_uint(&seq, &version) ||
        !slice_eq(version, SLICE("\x01")) || !der_take(&seq, DER_OCTET_STRING, &secret) ||
        secret.len != curve->field_len) {
        return false;
    }
    if (der_has(seq, DER_CONTEXT_OPEN(0))) {
        curve_named = der_take(&seq, DER_CONTEXT_OPEN(0), &open) && slice_eq(open, curve->oid);
    }
    if (!curve_named) {
        return false;
    }
    if (der_has(seq, DER_CONTEXT_OPEN(1)) &&
        (!der_take(&seq, DER_CONTEXT_OPEN(1), &open) || !der_bits(&open, &point) || open.len > 0 ||
         !slice_eq(point, pub->point))) {
        return false;
    }
    return seq.len == 0 && point_matches(curves->groups[pub->curve], secret, pub->point);
}

/* ---- RSA private keys ---- */

enum rsa_part {
    RSA_N,
    RSA_E,
    RSA_D,
    RSA_P,
    RSA_Q,
    RSA_DP,
    RSA_DQ,
    RSA_QINV,
    RSA_P1,
    RSA_Q1,
    RSA_T
};
#define RSA_READ 8 /* parts that stand in the key */
#define RSA_PARTS 11

/* is_one_mod - a * b = 1 (mod m); t is scratch. */
static bool is_one_mod(BIGNUM *t, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *ctx)
{
    return BN_mod_mul(t, a, b, m, ctx) == 1 && BN_is_one(t);
}

/* reduces_to - a = want (mod m). */
static bool reduces_to(BIGNUM *t, const BIGNUM *a, const BIGNUM *m, const BIGNUM *want, BN_CTX *ctx)
{
    return BN_nnmod(t, a, m, ctx) == 1 && BN_cmp(t, want) == 0;
}

static bool rsa_consistent(BIGNUM *const *v, BN_CTX *ctx)
{
    BIGNUM *t = v[RSA_T];
    const int least = BN_num_bits(v[RSA_N]) / 2 - 8;
    /* Primality is the CA's business, but what would be no RSA key at all is told: an exponent
     * that encrypts nothing, factors of lopsided size. */
    return BN_is_odd(v[RSA_E]) && BN_num_bits(v[RSA_E]) >= 17 && BN_num_bits(v[RSA_P]) >= least &&
           BN_num_bits(v[RSA_Q]) >= least && BN_is_odd(v[RSA_P]) && BN_is_odd(v[RSA_Q]) &&
           !BN_is_one(v[RSA_P]) && !BN_is_one(v[RSA_Q]) && BN_cmp(v[RSA_P], v[RSA_Q]) != 0 &&
           BN_mul(t, v[RSA_P], v[RSA_Q], ctx) == 1 && BN_cmp(t, v[RSA_N]) == 0 &&
           BN_cmp(v[RSA_D], v[RSA_N]) < 0 && BN_sub(v[RSA_P1], v[RSA_P], BN_value_one()) == 1 &&
           BN_sub(v[RSA_Q1], v[RSA_Q], BN_value_one()) == 1 &&
           is_one_mod(t, v[RSA_D], v[RSA_E], v[RSA_P1], ctx) &&
           is_one_mod(t, v[RSA_D], v[RSA_E], v[RSA_Q1], ctx) &&
           reduces_to(t, v[RSA_D], v[RSA_P1], v[RSA_DP], ctx) &&
           reduces_to(t, v[RSA_D], v[RSA_Q1], v[RSA_DQ], ctx) &&
           is_one_mod(t, v[RSA_Q], v[RSA_QINV], v[RSA_P], ctx);
}

/* pkcs1_matches - RFC 8017 A.1.2, two primes. */
static bool pkcs1_matches(const struct public_key *pub, struct slice der)
{
    struct slice seq = {0};
    struct slice version = {0};
    struct slice parts[RSA_READ] = {{0}};
    if (!der_only(der, DER_SEQUENCE, &seq) || !der_uint(&seq, &version) || version.len > 0) {
        return false;
    }
    for (size_t i = 0; i < RSA_READ; i++) {
        if (!der_uint(&seq, &parts[i]) || parts[i].len == 0 || parts[i].len > pub->n.len) {
            return false;
        }
    }
    if (seq.len > 0 || !slice_eq(parts[RSA_N], pub->n) || !slice_eq(parts[RSA_E], pub->e)) {
        return false;
    }
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *v[RSA_PARTS] = {NULL};
    bool made = ctx != NULL;
    for (size_t i = 0; i < RSA_PARTS; i++) {
        v[i] = i < RSA_READ ? number(parts[i]) : BN_new();
        made = made && v[i] != NULL;
    }
    const bool same = made && rsa_consistent(v, ctx);
    for (size_t i = 0; i < RSA_PARTS; i++) {
        BN_clear_free(v[i]);
    }
    BN_CTX_free(ctx);
    return same;
}

/* ---- containers ---- */

/* pkcs8_matches - RFC 5208; its algorithm must be the certificate's to the byte. */
static bool pkcs8_matches(const struct key_curves *curves, const struct public_key *pub,
                          struct slice der)
{
    struct slice seq = {0};
    struct slice version = {0};
    struct slice alg = {0};
    struct slice key = {0};
    if (!der_only(der, DER_SEQUENCE, &seq) || !der_uint(&seq, &version) || version.len > 0 ||
        !der_take(&seq, DER_SEQUENCE, &alg) || !slice_eq(alg, pub->alg) ||
        !der_take(&seq, DER_OCTET_STRING, &key) || seq.len > 0) {
        return false;
    }
    return pub->algo == KEY_RSA ? pkcs1_matches(pub, key) : sec1_matches(curves, pub, key, true);
}

bool private_key_matches(const struct key_curves *curves, const struct public_key *pub,
                         struct slice key_pem, struct arena *arena)
{
    struct slice label = {0};
    struct slice der = {0};
    if (!pem_read(key_pem, arena, &label, &der)) {
        return false;
    }
    if (slice_eq_str(label, "PRIVATE KEY")) {
        return pkcs8_matches(curves, pub, der);
    }
    if (slice_eq_str(label, "EC PRIVATE KEY")) {
        return pub->algo == KEY_ECDSA && sec1_matches(curves, pub, der, false);
    }
    return slice_eq_str(label, "RSA PRIVATE KEY") && pub->algo == KEY_RSA &&
           pkcs1_matches(pub, der);
}
