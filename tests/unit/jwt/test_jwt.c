/* test_jwt.c - tokens made here with keys made here: what is taken, and every way of getting one past
 * the check that is known to have worked on somebody. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "broker/base/buf.h"
#include "broker/jwt/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_S 1900000000

struct world {
    EVP_PKEY *rsa, *ec, *ed, *stranger; /* stranger: RSA, in nobody's JWKS */
    char dir[64];
    char jwks[2][128];
    struct jwt_issuer issuers[2];
    struct jwt_settings settings;
    struct jwt_keys *keys;
    struct arena arena;
};

static const char *const audiences[] = {"certbroker", "pki"};

static void add_base64url(struct buf *out, const void *data, size_t len)
{
    unsigned char *text = malloc(len * 4 / 3 + 8);
    assert_non_null(text);
    const int n = EVP_EncodeBlock(text, data, (int)len);
    for (int i = 0; i < n && text[i] != '='; i++) {
        buf_add_char(out, text[i] == '+' ? '-' : (text[i] == '/' ? '_' : (char)text[i]));
    }
    free(text);
}

static void add_number(struct buf *out, const EVP_PKEY *key, const char *param)
{
    BIGNUM *n = NULL;
    unsigned char bytes[1024];
    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
    const bool is_coordinate = strcmp(param, OSSL_PKEY_PARAM_EC_PUB_X) == 0 ||
                               strcmp(param, OSSL_PKEY_PARAM_EC_PUB_Y) == 0;
    const int len = BN_bn2binpad(n, bytes, is_coordinate ? 32 : BN_num_bytes(n));
    add_base64url(out, bytes, (size_t)len);
    BN_free(n);
}

static void add_rsa_jwk(struct buf *out, const EVP_PKEY *key, const char *extra)
{
    buf_printf(out, "{\"kty\":\"RSA\",%s\"n\":\"", extra);
    add_number(out, key, OSSL_PKEY_PARAM_RSA_N);
    buf_add_str(out, "\",\"e\":\"");
    add_number(out, key, OSSL_PKEY_PARAM_RSA_E);
    buf_add_str(out, "\"}");
}

static void add_ec_jwk(struct buf *out, const EVP_PKEY *key, const char *extra)
{
    buf_printf(out, "{\"kty\":\"EC\",\"crv\":\"P-256\",%s\"x\":\"", extra);
    add_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X);
    buf_add_str(out, "\",\"y\":\"");
    add_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y);
    buf_add_str(out, "\"}");
}

static void add_ed_jwk(struct buf *out, const EVP_PKEY *key, const char *extra)
{
    unsigned char raw[32];
    size_t len = sizeof(raw);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
    buf_printf(out, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",%s\"x\":\"", extra);
    add_base64url(out, raw, len);
    buf_add_str(out, "\"}");
}

static void write_file(const char *path, struct slice text, mode_t mode)
{
    (void)unlink(path);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->rsa = EVP_RSA_gen(2048);
    w->stranger = EVP_RSA_gen(2048);
    w->ec = EVP_EC_gen("P-256");
    w->ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/test_jwt.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_add_str(&text, "{\"keys\":[");
    add_rsa_jwk(&text, w->rsa, "\"kid\":\"r1\",\"use\":\"sig\",\"alg\":\"RS256\",");
    buf_add_str(&text, ",");
    add_ec_jwk(&text, w->ec, "\"kid\":\"e1\",");
    buf_add_str(&text, ",{\"kty\":\"EC\",\"crv\":\"P-521\",\"kid\":\"x\"},"
                       "{\"kty\":\"RSA\",\"use\":\"enc\",\"kid\":\"r1\"}]}");
    (void)snprintf(w->jwks[0], sizeof(w->jwks[0]), "%s/k8s.json", w->dir);
    write_file(w->jwks[0], buf_slice(&text), 0644);
    buf_reset(&text);
    buf_add_str(&text, "{\"keys\":[");
    add_ed_jwk(&text, w->ed, "");
    buf_add_str(&text, "]}");
    (void)snprintf(w->jwks[1], sizeof(w->jwks[1]), "%s/oidc.json", w->dir);
    write_file(w->jwks[1], buf_slice(&text), 0600);
    buf_free(&text);
    w->issuers[0] = (struct jwt_issuer){"k8s", "https://k8s.example", audiences, 2, w->jwks[0], 30, 0};
    w->issuers[1] =
        (struct jwt_issuer){"oidc", "https://oidc.example", audiences, 1, w->jwks[1], 0, 3600};
    w->settings = (struct jwt_settings){w->issuers, 2};
    struct cb_err err = {0};
    if (jwt_keys_load(&w->settings, &w->keys, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    arena_init(&w->arena, 1 << 22);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    jwt_keys_free(w->keys);
    EVP_PKEY_free(w->rsa);
    EVP_PKEY_free(w->stranger);
    EVP_PKEY_free(w->ec);
    EVP_PKEY_free(w->ed);
    (void)unlink(w->jwks[0]);
    (void)unlink(w->jwks[1]);
    (void)rmdir(w->dir);
    arena_free(&w->arena);
    free(w);
    return 0;
}

enum signer { BY_RSA, BY_EC, BY_ED, BY_STRANGER, BY_NOBODY, BY_HMAC_OF_PUBLIC_KEY, BY_EC_DER };

static void add_ecdsa(struct buf *out, const unsigned char *der, size_t len, bool as_der)
{
    if (as_der) {
        add_base64url(out, der, len);
        return;
    }
    const unsigned char *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    unsigned char raw[64];
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32), 32);
    ECDSA_SIG_free(sig);
    add_base64url(out, raw, sizeof(raw));
}

static void add_signature(const struct world *w, struct buf *out, enum signer by)
{
    EVP_PKEY *const keys[] = {w->rsa, w->ec, w->ed, w->stranger, NULL, NULL, w->ec};
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    struct slice input = buf_slice(out);
    if (by == BY_HMAC_OF_PUBLIC_KEY) { /* the classic: the public key taken as an HMAC secret */
        unsigned char *der = NULL;
        const int der_len = i2d_PUBKEY(w->rsa, &der);
        unsigned hmac_len = 0;
        (void)HMAC(EVP_sha256(), der, der_len, (const unsigned char *)input.ptr, input.len, sig,
                   &hmac_len);
        OPENSSL_free(der);
        len = hmac_len;
    } else if (by == BY_NOBODY) {
        len = 0;
    } else {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, by == BY_ED ? NULL : "SHA256", NULL, NULL,
                                               keys[by], NULL),
                         1);
        assert_int_equal(
            EVP_DigestSign(ctx, sig, &len, (const unsigned char *)input.ptr, input.len), 1);
        EVP_MD_CTX_free(ctx);
    }
    buf_add_char(out, '.');
    if (by == BY_EC || by == BY_EC_DER) {
        add_ecdsa(out, sig, len, by == BY_EC_DER);
    } else {
        add_base64url(out, sig, len);
    }
}

static void make_token(const struct world *w, const char *header, const char *claims,
                       enum signer by, struct buf *out)
{
    buf_reset(out);
    add_base64url(out, header, strlen(header));
    buf_add_char(out, '.');
    add_base64url(out, claims, strlen(claims));
    add_signature(w, out, by);
}

#define H_RSA "{\"alg\":\"RS256\",\"kid\":\"r1\"}"
#define H_EC "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"JWT\"}"
#define H_ED "{\"alg\":\"EdDSA\"}"
#define ISS "\"iss\":\"https://k8s.example\""
#define AUD "\"aud\":[\"other\",\"certbroker\"]"
#define SUB "\"sub\":\"system:serviceaccount:pay:api\""
#define EXP "\"exp\":1900000100"
#define GOOD "{" ISS "," AUD "," SUB "," EXP "}"
#define OIDC "\"iss\":\"https://oidc.example\",\"aud\":\"certbroker\",\"sub\":\"u\""

static const struct {
    const char *name;
    const char *header, *claims;
    enum signer by;
    enum jwt_result expected;
} cases[] = {
    {"rsa", H_RSA, GOOD, BY_RSA, JWT_OK},
    {"ec", H_EC, GOOD, BY_EC, JWT_OK},
    {"ed", H_ED, "{" OIDC ",\"iat\":1899999000,\"exp\":1900000100}", BY_ED, JWT_OK},
    {"second audience", H_RSA, "{" ISS ",\"aud\":\"pki\"," SUB "," EXP "}", BY_RSA, JWT_OK},
    {"without kid, one key fits", "{\"alg\":\"RS256\"}", GOOD, BY_RSA, JWT_OK},
    {"fraction of a second", H_RSA, "{" ISS "," AUD "," SUB ",\"exp\":1900000000.5}", BY_RSA, JWT_OK},
    {"expired within the skew", H_RSA, "{" ISS "," AUD "," SUB ",\"exp\":1899999971}", BY_RSA, JWT_OK},
    {"nbf within the skew", H_RSA, "{" ISS "," AUD "," SUB "," EXP ",\"nbf\":1900000030}", BY_RSA, JWT_OK},
    /* time */
    {"expired", H_RSA, "{" ISS "," AUD "," SUB ",\"exp\":1899999970}", BY_RSA, JWT_EXPIRED},
    {"expired to the second", H_ED, "{" OIDC ",\"iat\":1899999000,\"exp\":1900000000}", BY_ED, JWT_EXPIRED},
    {"not yet", H_RSA, "{" ISS "," AUD "," SUB "," EXP ",\"nbf\":1900000031}", BY_RSA, JWT_NOT_YET},
    {"issued in the future", H_RSA, "{" ISS "," AUD "," SUB "," EXP ",\"iat\":1900000031}", BY_RSA, JWT_NOT_YET},
    {"too long lived", H_ED, "{" OIDC ",\"iat\":1899999000,\"exp\":1900002601}", BY_ED, JWT_TOO_LONG_LIVED},
    {"lifetime without iat", H_ED, "{" OIDC ",\"exp\":1900000100}", BY_ED, JWT_MALFORMED},
    {"no exp", H_RSA, "{" ISS "," AUD "," SUB "}", BY_RSA, JWT_MALFORMED},
    {"exp as text", H_RSA, "{" ISS "," AUD "," SUB ",\"exp\":\"1900000100\"}", BY_RSA, JWT_MALFORMED},
    {"exp beyond time", H_RSA, "{" ISS "," AUD "," SUB ",\"exp\":1e300}", BY_RSA, JWT_MALFORMED},
    {"negative exp", H_RSA, "{" ISS "," AUD "," SUB ",\"exp\":-1}", BY_RSA, JWT_MALFORMED},
    {"nbf as text", H_RSA, "{" ISS "," AUD "," SUB "," EXP ",\"nbf\":\"0\"}", BY_RSA, JWT_MALFORMED},
    /* for whom, by whom */
    {"other audience", H_RSA, "{" ISS ",\"aud\":\"other\"," SUB "," EXP "}", BY_RSA, JWT_WRONG_AUDIENCE},
    {"audience of the other issuer", H_ED, "{\"iss\":\"https://oidc.example\",\"aud\":\"pki\",\"sub\":\"u\",\"iat\":1899999999,\"exp\":1900000100}", BY_ED, JWT_WRONG_AUDIENCE},
    {"no audience", H_RSA, "{" ISS "," SUB "," EXP "}", BY_RSA, JWT_MALFORMED},
    {"empty audience", H_RSA, "{" ISS ",\"aud\":[]," SUB "," EXP "}", BY_RSA, JWT_WRONG_AUDIENCE},
    {"audience with a number", H_RSA, "{" ISS ",\"aud\":[\"certbroker\",1]," SUB "," EXP "}", BY_RSA, JWT_MALFORMED},
    {"unknown issuer", H_RSA, "{\"iss\":\"https://k8s.example/\"," AUD "," SUB "," EXP "}", BY_RSA, JWT_UNKNOWN_ISSUER},
    {"no issuer", H_RSA, "{" AUD "," SUB "," EXP "}", BY_RSA, JWT_MALFORMED},
    {"no subject", H_RSA, "{" ISS "," AUD "," EXP "}", BY_RSA, JWT_MALFORMED},
    {"empty subject", H_RSA, "{" ISS "," AUD ",\"sub\":\"\"," EXP "}", BY_RSA, JWT_MALFORMED},
    {"subject with a space", H_RSA, "{" ISS "," AUD ",\"sub\":\"a b\"," EXP "}", BY_RSA, JWT_MALFORMED},
    {"subject with a newline", H_RSA, "{" ISS "," AUD ",\"sub\":\"a\\nb\"," EXP "}", BY_RSA, JWT_MALFORMED},
    {"one issuer's claims, the other's key", H_ED, GOOD, BY_ED, JWT_UNKNOWN_KEY},
    /* signature */
    {"stranger's key", H_RSA, GOOD, BY_STRANGER, JWT_BAD_SIGNATURE},
    {"no signature", H_RSA, GOOD, BY_NOBODY, JWT_BAD_SIGNATURE},
    {"alg none", "{\"alg\":\"none\"}", GOOD, BY_NOBODY, JWT_UNKNOWN_KEY},
    {"alg None", "{\"alg\":\"None\",\"kid\":\"r1\"}", GOOD, BY_NOBODY, JWT_UNKNOWN_KEY},
    {"no alg", "{\"kid\":\"r1\"}", GOOD, BY_RSA, JWT_UNKNOWN_KEY},
    {"hmac with the public key", "{\"alg\":\"HS256\",\"kid\":\"r1\"}", GOOD, BY_HMAC_OF_PUBLIC_KEY, JWT_UNKNOWN_KEY},
    {"hmac called RS256", H_RSA, GOOD, BY_HMAC_OF_PUBLIC_KEY, JWT_BAD_SIGNATURE},
    {"rsa signature called ES256", H_EC, GOOD, BY_RSA, JWT_BAD_SIGNATURE},
    {"ec key id called RS256", "{\"alg\":\"RS256\",\"kid\":\"e1\"}", GOOD, BY_RSA, JWT_UNKNOWN_KEY},
    {"ec signature in DER", H_EC, GOOD, BY_EC_DER, JWT_BAD_SIGNATURE},
    {"unknown key id", "{\"alg\":\"RS256\",\"kid\":\"r2\"}", GOOD, BY_RSA, JWT_UNKNOWN_KEY},
    {"key id as a number", "{\"alg\":\"RS256\",\"kid\":1}", GOOD, BY_RSA, JWT_MALFORMED},
    {"RS384", "{\"alg\":\"RS384\",\"kid\":\"r1\"}", GOOD, BY_RSA, JWT_UNKNOWN_KEY},
    {"crit", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[\"b64\"],\"b64\":false}", GOOD, BY_RSA, JWT_MALFORMED},
    /* what two readers could read differently */
    {"alg twice", "{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"r1\"}", GOOD, BY_RSA, JWT_MALFORMED},
    {"sub twice", H_RSA, "{" ISS "," AUD "," SUB ",\"sub\":\"root\"," EXP "}", BY_RSA, JWT_MALFORMED},
    {"Sub as well", H_RSA, "{" ISS "," AUD "," SUB ",\"Sub\":\"root\"," EXP "}", BY_RSA, JWT_MALFORMED},
    {"NUL in sub", H_RSA, "{" ISS "," AUD ",\"sub\":\"a\\u0000b\"," EXP "}", BY_RSA, JWT_MALFORMED},
    {"claims are a list", H_RSA, "[1]", BY_RSA, JWT_MALFORMED},
    {"claims are cut", H_RSA, "{" ISS, BY_RSA, JWT_MALFORMED},
    {"header is no JSON", "{\"alg\":\"RS256\"", GOOD, BY_RSA, JWT_MALFORMED},
};

static void test_cases(void **state)
{
    struct world *w = *state;
    struct buf token;
    buf_init(&token, JWT_TOKEN_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jwt_token got = {0};
        make_token(w, cases[i].header, cases[i].claims, cases[i].by, &token);
        const enum jwt_result result =
            jwt_verify(w->keys, buf_slice(&token), NOW_S, &w->arena, &got);
        if (result != cases[i].expected) {
            fail_msg("%s: %s", cases[i].name, jwt_result_word(result));
        }
        assert_int_equal(got.issuer != NULL, result == JWT_OK);
    }
    buf_free(&token);
}

static void test_changed(void **state)
{
    struct world *w = *state;
    struct buf token;
    buf_init(&token, JWT_TOKEN_MAX);
    make_token(w, H_EC, GOOD, BY_EC, &token);
    struct jwt_token got;
    for (size_t i = 0; i < token.len; i++) { /* each byte changed, and cut at each length */
        const char was = token.data[i];
        token.data[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(jwt_verify(w->keys, buf_slice(&token), NOW_S, &w->arena, &got), JWT_OK);
        token.data[i] = was;
        assert_int_not_equal(
            jwt_verify(w->keys, (struct slice){token.data, i}, NOW_S, &w->arena, &got), JWT_OK);
    }
    assert_int_equal(jwt_verify(w->keys, buf_slice(&token), NOW_S, &w->arena, &got), JWT_OK);
    buf_add_char(&token, '='); /* padding, a further part, a space */
    assert_int_not_equal(jwt_verify(w->keys, buf_slice(&token), NOW_S, &w->arena, &got), JWT_OK);
    token.data[token.len - 1] = '.';
    assert_int_not_equal(jwt_verify(w->keys, buf_slice(&token), NOW_S, &w->arena, &got), JWT_OK);
    token.data[token.len - 1] = ' ';
    assert_int_not_equal(jwt_verify(w->keys, buf_slice(&token), NOW_S, &w->arena, &got), JWT_OK);
    buf_free(&token);
}

static struct slice claim(const struct jwt_token *token, const char *name)
{
    for (size_t i = 0; i < token->num_claims; i++) {
        if (slice_eq_str(token->claims[i].name, name)) {
            return token->claims[i].value;
        }
    }
    return (struct slice){0};
}

static void test_claims(void **state)
{
    struct world *w = *state;
    struct buf token;
    buf_init(&token, JWT_TOKEN_MAX);
    make_token(w, H_RSA,
               "{" ISS "," AUD "," SUB "," EXP ",\"ns\":\"pay\",\"n\":7,\"a.b\":\"x\",\"a\":{\"b\":\"y\","
               "\"c\":\"z\"},\"kubernetes.io\":{\"namespace\":\"pay\",\"pod\":{\"name\":\"p-1\"}}}",
               BY_RSA, &token);
    struct jwt_token got;
    assert_int_equal(jwt_verify(w->keys, buf_slice(&token), NOW_S, &w->arena, &got), JWT_OK);
    assert_ptr_equal(got.issuer, &w->issuers[0]);
    assert_true(slice_eq_str(got.subject, "system:serviceaccount:pay:api"));
    assert_int_equal(got.expires_s, 1900000100);
    assert_true(slice_eq_str(claim(&got, "ns"), "pay"));
    assert_true(slice_eq_str(claim(&got, "kubernetes.io.namespace"), "pay"));
    assert_true(slice_eq_str(claim(&got, "kubernetes.io.pod.name"), "p-1"));
    assert_true(slice_eq_str(claim(&got, "a.c"), "z"));
    assert_null(claim(&got, "a.b").ptr);
    assert_null(claim(&got, "n").ptr);
    buf_free(&token);
}

static void test_form(void **state)
{
    (void)state;
    assert_true(jwt_has_form(SLICE("eyJhbGciOiJub25lIn0.e30.")));
    assert_true(jwt_has_form(SLICE("eyJ..")));
    assert_false(jwt_has_form(SLICE("eyJhbGciOiJub25lIn0.e30")));
    assert_false(jwt_has_form(SLICE("eyJ.a.b.c")));
    assert_false(jwt_has_form(SLICE("s3cret.with.dots")));
    assert_false(jwt_has_form(SLICE("")));
}

static void test_files(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text;
        mode_t mode;
        const char *says;
    } bad[] = {
        {"{\"keys\":[]}", 0644, "no key"},
        {"{\"keys\":{}}", 0644, "no JWKS"},
        {"[]", 0644, "no JWKS"},
        {"", 0644, "no JWKS"},
        {"{\"keys\":[{}]}", 0644, "kty"},
        {"{\"keys\":[7]}", 0644, "kty"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", 0644, "secret"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}]}", 0644, "secret"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", 0644, "2048"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}", 0644, "can't be used"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}", 0644, "can't be used"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"use\":\"enc\"}]}", 0644, "no key"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}", 0644, "kid"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}", 0666, "others may write"},
    };
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/bad.json", w->dir);
    struct jwt_issuer issuer = w->issuers[0];
    issuer.jwks_path = path;
    const struct jwt_settings settings = {&issuer, 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct jwt_keys *keys = NULL;
        struct cb_err err = {0};
        write_file(path, slice_of(bad[i].text), bad[i].mode);
        assert_int_equal(jwt_keys_load(&settings, &keys, &err), CB_EINPUT);
        if (strstr(err.msg, bad[i].says) == NULL || strstr(err.msg, path) == NULL) {
            fail_msg("case %zu: %s", i, err.msg);
        }
    }
    (void)unlink(path);
    struct jwt_keys *keys = NULL;
    struct cb_err err = {0};
    assert_int_not_equal(jwt_keys_load(&settings, &keys, &err), CB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases), cmocka_unit_test(test_changed), cmocka_unit_test(test_claims),
        cmocka_unit_test(test_form),  cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
