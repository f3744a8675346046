/* jwt_verify.c - one token: form, key, signature, and only then what it claims. See jwt.h. */
#include "broker/jwt/jwt_internal.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#define HEADER_MAX 1024U
#define TIME_MAX 253402300799.0 /* the end of the year 9999 */
#define ES256_HALF ((size_t)32)

const char *jwt_result_word(enum jwt_result result)
{
    static const char *const words[JWT_RESULT_COUNT] = {
        [JWT_OK] = "ok",
        [JWT_MALFORMED] = "jwt_malformed",
        [JWT_UNKNOWN_ISSUER] = "jwt_unknown_issuer",
        [JWT_UNKNOWN_KEY] = "jwt_unknown_key",
        [JWT_BAD_SIGNATURE] = "jwt_bad_signature",
        [JWT_WRONG_AUDIENCE] = "jwt_wrong_audience",
        [JWT_NOT_YET] = "jwt_not_yet_valid",
        [JWT_EXPIRED] = "jwt_expired",
        [JWT_TOO_LONG_LIVED] = "jwt_too_long_lived",
    };
    return words[result];
}

/* ---- form ---- */

struct parts {
    struct slice header, payload, signature; /* as written */
    struct slice input;                      /* what is signed: header, dot, payload */
};

static bool split(struct slice token, struct parts *ret)
{
    const char *first = memchr(token.ptr, '.', token.len);
    if (first == NULL) {
        return false;
    }
    const size_t header_len = (size_t)(first - token.ptr);
    const struct slice rest = {first + 1, token.len - header_len - 1};
    const char *second = memchr(rest.ptr, '.', rest.len);
    if (second == NULL) {
        return false;
    }
    const size_t payload_len = (size_t)(second - rest.ptr);
    ret->header = (struct slice){token.ptr, header_len};
    ret->payload = (struct slice){rest.ptr, payload_len};
    ret->signature = (struct slice){second + 1, rest.len - payload_len - 1};
    ret->input = (struct slice){token.ptr, header_len + 1 + payload_len};
    return memchr(ret->signature.ptr, '.', ret->signature.len) == NULL;
}

bool jwt_has_form(struct slice token)
{
    struct parts parts;
    return slice_has_prefix(token, SLICE("eyJ")) && split(token, &parts); /* base64 of {" */
}

/* ---- header: which key ---- */

static bool alg_of(struct slice word, enum jwt_alg *ret)
{
    for (unsigned i = 0; i < JWT_ALG_COUNT; i++) {
        if (slice_eq_str(word, jwt_alg_word[i])) {
            *ret = (enum jwt_alg)i;
            return true;
        }
    }
    return false;
}

/* key_for - by key id; a token without one is taken if exactly one key comes into question. */
static const struct jwt_key *key_for(const struct jwt_keys *keys, const struct jwt_issuer *issuer,
                                     enum jwt_alg alg, struct slice kid)
{
    const struct jwt_key *found = NULL;
    for (size_t i = 0; i < keys->num; i++) {
        const struct jwt_key *k = &keys->keys[i];
        if (k->issuer != issuer || k->alg != alg ||
            (kid.ptr != NULL && (k->kid.ptr == NULL || !slice_eq(k->kid, kid)))) {
            continue;
        }
        if (found != NULL) {
            return NULL;
        }
        found = k;
    }
    return found;
}

/* ---- signature ---- */

/* ecdsa_der - r and s side by side (RFC 7518 3.4) in the form OpenSSL reads. The caller frees. */
static unsigned char *ecdsa_der(struct slice raw, size_t *ret_len)
{
    const unsigned char *bytes = (const unsigned char *)raw.ptr;
    unsigned char *der = NULL;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    const bool is_whole = raw.len == 2 * ES256_HALF;
    BIGNUM *r = is_whole ? BN_bin2bn(bytes, (int)ES256_HALF, NULL) : NULL;
    BIGNUM *s = is_whole ? BN_bin2bn(bytes + ES256_HALF, (int)ES256_HALF, NULL) : NULL;
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        const int len = i2d_ECDSA_SIG(sig, &der);
        *ret_len = len > 0 ? (size_t)len : 0;
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return der;
}

bool jwt_signature_fits(const struct jwt_keys *keys, const struct jwt_key *key, struct slice input,
                        struct slice signature)
{
    const unsigned char *bytes = (const unsigned char *)signature.ptr;
    size_t len = signature.len;
    unsigned char *der = NULL;
    if (key->alg == JWT_ES256) {
        der = ecdsa_der(signature, &len);
        if (der == NULL) {
            ERR_clear_error();
            return false;
        }
        bytes = der;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool fits =
        ctx != NULL &&
        EVP_DigestVerifyInit_ex(ctx, NULL, key->alg == JWT_EDDSA ? NULL : "SHA256", keys->lib, NULL,
                                key->key, NULL) == 1 &&
        EVP_DigestVerify(ctx, bytes, len, (const unsigned char *)input.ptr, input.len) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ERR_clear_error();
    return fits;
}

/* ---- claims ---- */

/* time_claim - seconds since the epoch (RFC 7519 NumericDate); fractions are cut. */
static bool time_claim(const cJSON *claims, const char *name, int64_t *ret)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(claims, name);
    if (!cJSON_IsNumber(n) || !(n->valuedouble >= 0.0 && n->valuedouble <= TIME_MAX)) {
        return false;
    }
    *ret = (int64_t)floor(n->valuedouble);
    return true;
}

static bool is_for(const struct jwt_issuer *issuer, const char *audience)
{
    for (size_t i = 0; i < issuer->num_audiences; i++) {
        if (strcmp(issuer->audiences[i], audience) == 0) {
            return true;
        }
    }
    return false;
}

static enum jwt_result check_audience(const struct jwt_issuer *issuer, const cJSON *claims)
{
    const cJSON *aud = cJSON_GetObjectItemCaseSensitive(claims, "aud");
    if (cJSON_IsString(aud)) {
        return is_for(issuer, aud->valuestring) ? JWT_OK : JWT_WRONG_AUDIENCE;
    }
    if (!cJSON_IsArray(aud)) {
        return JWT_MALFORMED;
    }
    enum jwt_result result = JWT_WRONG_AUDIENCE;
    for (const cJSON *item = aud->child; item != NULL; item = item->next) {
        if (!cJSON_IsString(item)) {
            return JWT_MALFORMED;
        }
        result = is_for(issuer, item->valuestring) ? JWT_OK : result;
    }
    return result;
}

/* check_times - a claim that is there must be good, also one that is not needed. */
static enum jwt_result check_times(const struct jwt_issuer *issuer, const cJSON *claims,
                                   int64_t now_s, int64_t *ret_expires_s)
{
    const int64_t skew = (int64_t)issuer->skew_s;
    int64_t expires = 0;
    int64_t begins = 0;
    int64_t issued = 0;
    const bool has_nbf = cJSON_GetObjectItemCaseSensitive(claims, "nbf") != NULL;
    const bool has_iat = cJSON_GetObjectItemCaseSensitive(claims, "iat") != NULL;
    if (!time_claim(claims, "exp", &expires) || (has_nbf && !time_claim(claims, "nbf", &begins)) ||
        (has_iat && !time_claim(claims, "iat", &issued)) ||
        (!has_iat && issuer->max_lifetime_s > 0)) {
        return JWT_MALFORMED;
    }
    if (begins > now_s + skew || issued > now_s + skew) {
        return JWT_NOT_YET;
    }
    if (now_s - skew >= expires) {
        return JWT_EXPIRED;
    }
    if (issuer->max_lifetime_s > 0 && expires - issued > (int64_t)issuer->max_lifetime_s) {
        return JWT_TOO_LONG_LIVED;
    }
    *ret_expires_s = expires;
    return JWT_OK;
}

static bool is_subject(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_print(s.ptr[i]) || s.ptr[i] == ' ') {
            return false;
        }
    }
    return s.ptr != NULL && s.len >= 1 && s.len <= JWT_SUBJECT_MAX;
}

/* ---- texts among the claims, for whoever has rules about them ---- */

struct gathering {
    struct arena *arena;
    struct jwt_claim claims[JWT_CLAIMS_MAX];
    size_t num;
    bool failed;
};

static void add_claim(struct gathering *g, struct slice name, struct slice value)
{
    for (size_t i = 0; i < g->num; i++) {
        if (slice_eq(g->claims[i].name, name)) {
            g->claims[i].value =
                (struct slice){0}; /* {"a.b":..,"a":{"b":..}}: which one? neither */
            return;
        }
    }
    if (g->num == JWT_CLAIMS_MAX) {
        g->failed = true;
        return;
    }
    const struct slice kept = arena_slice(g->arena, value);
    g->failed = g->failed || kept.ptr == NULL;
    g->claims[g->num++] = (struct jwt_claim){name, kept};
}

static struct slice joined(struct arena *arena, struct slice outer, struct slice inner)
{
    const size_t dot = outer.len == 0 ? 0 : 1;
    char *out = arena_alloc(arena, outer.len + dot + inner.len + 1);
    if (out == NULL) {
        return (struct slice){0};
    }
    if (dot > 0) {
        memcpy(out, outer.ptr, outer.len);
        out[outer.len] = '.';
    }
    if (inner.len > 0) {
        memcpy(out + outer.len + dot, inner.ptr, inner.len);
    }
    return (struct slice){out, outer.len + dot + inner.len};
}

/* is_plain - could a rule be about it? What is longer, or no printable ASCII, could only fill records. */
static bool is_plain(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!ascii_is_print(value.ptr[i])) {
            return false;
        }
    }
    return value.len >= 1 && value.len <= JWT_CLAIM_MAX;
}

/* gather - depth first; jwt_json lets no more levels through than there is room for. */
static void gather(struct gathering *g, const cJSON *claims)
{
    struct {
        const cJSON *next;
        struct slice name;
    } open[JWT_DEPTH_MAX];
    size_t depth = 1;
    open[0].next = claims->child;
    open[0].name = (struct slice){0};
    while (depth > 0 && !g->failed) {
        const cJSON *m = open[depth - 1].next;
        if (m == NULL) {
            depth--;
            continue;
        }
        open[depth - 1].next = m->next;
        if (!cJSON_IsString(m) && !cJSON_IsObject(m)) {
            continue;
        }
        const struct slice name = joined(g->arena, open[depth - 1].name, slice_of(m->string));
        g->failed = name.ptr == NULL || depth == JWT_DEPTH_MAX;
        if (g->failed) {
            return;
        }
        if (cJSON_IsString(m) && is_plain(slice_of(m->valuestring))) {
            add_claim(g, name, slice_of(m->valuestring));
        } else if (cJSON_IsObject(m)) {
            open[depth].next = m->child;
            open[depth].name = name;
            depth++;
        }
    }
}

static bool keep_claims(struct arena *arena, const cJSON *claims, struct jwt_token *ret)
{
    struct gathering *g = arena_alloc(arena, sizeof(*g));
    if (g == NULL) {
        return false;
    }
    g->arena = arena;
    gather(g, claims);
    ret->claims = g->claims;
    for (size_t i = 0; i < g->num; i++) {
        if (g->claims[i].value.ptr != NULL) {
            g->claims[ret->num_claims++] = g->claims[i];
        }
    }
    return !g->failed;
}

/* ---- the whole ---- */

static const struct jwt_issuer *issuer_of(const struct jwt_keys *keys, struct slice iss)
{
    for (size_t i = 0; i < keys->settings->num_issuers; i++) {
        if (slice_eq_str(iss, keys->settings->issuers[i].issuer)) {
            return &keys->settings->issuers[i];
        }
    }
    return NULL;
}

static enum jwt_result verify_signature(struct jwt_keys *keys, const struct parts *parts,
                                        const cJSON *header, const struct jwt_issuer *issuer,
                                        struct arena *arena)
{
    enum jwt_alg alg = JWT_RS256;
    const cJSON *kid = cJSON_GetObjectItemCaseSensitive(header, "kid");
    if (cJSON_GetObjectItemCaseSensitive(header, "crit") != NULL ||
        (kid != NULL && !cJSON_IsString(kid))) {
        return JWT_MALFORMED;
    }
    if (!alg_of(jwt_text(header, "alg"), &alg)) {
        return JWT_UNKNOWN_KEY;
    }
    const struct jwt_key *key = key_for(keys, issuer, alg, jwt_text(header, "kid"));
    if (key == NULL) {
        return JWT_UNKNOWN_KEY;
    }
    const struct slice signature = jwt_base64url(arena, parts->signature);
    if (signature.ptr == NULL) {
        return JWT_MALFORMED;
    }
    return jwt_signature_fits(keys, key, parts->input, signature) ? JWT_OK : JWT_BAD_SIGNATURE;
}

static enum jwt_result read_claims(const cJSON *claims, const struct jwt_issuer *issuer,
                                   int64_t now_s, struct arena *arena, struct jwt_token *ret)
{
    const struct slice subject = jwt_text(claims, "sub");
    struct jwt_token token = {.issuer = issuer};
    enum jwt_result result = is_subject(subject) ? check_audience(issuer, claims) : JWT_MALFORMED;
    if (result == JWT_OK) {
        result = check_times(issuer, claims, now_s, &token.expires_s);
    }
    if (result != JWT_OK) {
        return result;
    }
    token.subject = arena_slice(arena, subject);
    if (token.subject.ptr == NULL || !keep_claims(arena, claims, &token)) {
        return JWT_MALFORMED;
    }
    *ret = token;
    return JWT_OK;
}

enum jwt_result jwt_verify(struct jwt_keys *keys, struct slice token, int64_t now_s,
                           struct arena *arena, struct jwt_token *ret)
{
    struct parts parts;
    if (token.len > JWT_TOKEN_MAX || !jwt_has_form(token) || !split(token, &parts)) {
        return JWT_MALFORMED;
    }
    cJSON *header = jwt_json(jwt_base64url(arena, parts.header), HEADER_MAX);
    cJSON *claims = jwt_json(jwt_base64url(arena, parts.payload), JWT_TOKEN_MAX);
    const struct slice iss = jwt_text(claims, "iss");
    enum jwt_result result = JWT_MALFORMED;
    if (header != NULL && iss.ptr != NULL) {
        const struct jwt_issuer *issuer = issuer_of(keys, iss);
        result = issuer == NULL ? JWT_UNKNOWN_ISSUER
                                : verify_signature(keys, &parts, header, issuer, arena);
        if (result == JWT_OK) {
            result = read_claims(claims, issuer, now_s, arena, ret);
        }
    }
    cJSON_Delete(header);
    cJSON_Delete(claims);
    return result;
}

bool jwt_read_unverified(struct slice token, struct arena *arena, struct slice *ret_issuer,
                         struct jwt_token *ret)
{
    struct parts parts;
    if (token.len > JWT_TOKEN_MAX || !jwt_has_form(token) || !split(token, &parts)) {
        return false;
    }
    struct jwt_token read = {.issuer = NULL};
    cJSON *claims = jwt_json(jwt_base64url(arena, parts.payload), JWT_TOKEN_MAX);
    struct slice issuer = {NULL, 0};
    struct slice subject = {NULL, 0};
    if (claims != NULL) {
        issuer = jwt_text(claims, "iss");
        subject = jwt_text(claims, "sub");
    }
    bool good = issuer.ptr != NULL && is_subject(subject);
    if (good) {
        *ret_issuer = arena_slice(arena, issuer);
        read.subject = arena_slice(arena, subject);
        good = ret_issuer->ptr != NULL && read.subject.ptr != NULL &&
               time_claim(claims, "exp", &read.expires_s) && keep_claims(arena, claims, &read);
    }
    cJSON_Delete(claims);
    if (good) {
        *ret = read;
    }
    return good;
}
