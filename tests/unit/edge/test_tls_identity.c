/* test_tls_identity.c - which client certificates are let in, and what is read from them. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <openssl/param_build.h>

#include "tests/unit/edge/tls_fixture.h"

static struct pki pki;
static struct world world;
static struct edge_tls *tls;

static int set_up(void **state)
{
    (void)state;
    pki_open(&pki);
    tls = pki_load(&pki, false);
    world_limits(&world);
    world_start_on(&world, tls);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_stop(&world);
    edge_tls_unref(tls);
    pki_close(&pki);
    return 0;
}

static void start_case(void)
{
    world.num_seen = 0;
    world.num_dropped = 0;
    world.dropped_reason[0] = '\0';
    world.dropped_detail[0] = '\0';
}

#define URI "URI:spiffe://test/a"
#define RAW(text) .raw_san = (text), .raw_san_len = sizeof(text) - 1

/* Issued by the right CA, and still refused; detail is part of what on_dropped is told. */
static const struct {
    const char *what;
    struct spec spec;
    const char *detail;
} refused[] = {
    {"expired", {.from_s = -10 * DAY, .until_s = -60}, "expired"},
    {"not yet valid", {.from_s = DAY, .until_s = 2 * DAY}, "not yet valid"},
    {"version 1", {.is_v1 = true}, "version 3"},
    {"no extended key usage", {.eku = "", .san = URI}, "clientAuth"},
    {"for servers only", {.eku = "serverAuth", .san = URI}, "clientAuth"},
    {"for anything", {.eku = "anyExtendedKeyUsage", .san = URI}, "clientAuth"},
    {"a CA", {.is_ca = true}, "CA certificate"},
    {"explicit curve", {.has_explicit_curve = true, .san = URI}, "curve"},
    {"unknown critical extension", {.has_unknown_critical = true}, "critical"},
    {"two SAN extensions", {.has_two_sans = true, .san = URI}, "extension twice"},
    {"NUL in a URI", {RAW("spiffe://test/a\0.evil")}, "odd bytes"},
    {"UTF-8 in a URI", {RAW("spiffe://test/\xc3\xa4")}, "odd bytes"},
    {"newline in a URI", {RAW("spiffe://test/a\n")}, "odd bytes"},
    {"empty URI", {.raw_san = "", .raw_san_len = 0}, "odd bytes"},
    {"SHA-1 signature", {.is_sha1 = true, .san = URI}, "too weak"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct pair p = issue(&pki.ca, refused[i].spec);
        start_case();
        if (tls_visit(&world, &p, NULL) || world.num_seen != 0) {
            fail_msg("%s: let in", refused[i].what);
        }
        if (world.num_dropped != 1 || strcmp(world.dropped_reason, "client_certificate") != 0 ||
            strstr(world.dropped_detail, refused[i].detail) == NULL) {
            fail_msg("%s: dropped %zu times, \"%s\", \"%s\"", refused[i].what, world.num_dropped,
                     world.dropped_reason, world.dropped_detail);
        }
        pair_free(&p);
    }
    assert_int_equal(tls->cache.num_hits, 0); /* what is refused is never remembered */
}

static void test_strangers(void **state)
{
    struct pair other = issue(NULL, (struct spec){.name = "client ca", .is_ca = true});
    struct pair theirs = issue(&other, (struct spec){.san = URI});
    struct pair own = issue(NULL, (struct spec){.san = URI});
    (void)state;
    start_case();
    assert_false(tls_visit(&world, &theirs, NULL)); /* same name, other key */
    assert_string_equal(world.dropped_reason, "client_certificate");
    start_case();
    assert_false(tls_visit(&world, &own, NULL));
    assert_string_equal(world.dropped_reason, "client_certificate");
    pair_free(&other);
    pair_free(&theirs);
    pair_free(&own);
}

static void test_too_large(void **state)
{
    struct pair p = issue(&pki.ca, (struct spec){.san = URI, .padding = TLS_CERT_BYTES_MAX});
    (void)state;
    start_case();
    assert_false(tls_visit(&world, &p, NULL));
    assert_int_equal(world.num_seen, 0);
    assert_int_equal(world.num_dropped, 1);
    assert_non_null(strstr(world.dropped_detail, "excessive message size")); /* not even parsed */
    pair_free(&p);
}

static void test_none_is_fine_here(void **state)
{
    (void)state;
    start_case();
    assert_true(tls_visit(&world, NULL, NULL));
    assert_true(world.seen[0].is_tls);
    assert_false(world.seen[0].has_identity);
}

static void test_key_types(void **state)
{
    static const char *const types[] = {"EC", "RSA", "ED25519"};
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct pair p = issue(&pki.ca, (struct spec){.san = URI, .key_type = types[i]});
        start_case();
        assert_true(tls_visit(&world, &p, NULL));
        assert_string_equal(world.seen[0].uri, "spiffe://test/a");
        pair_free(&p);
    }
}

/* ---------------------------------------------------------------- chains */

static void test_chains(void **state)
{
    struct pair middle[3];
    STACK_OF(X509) *chain = sk_X509_new_null();
    (void)state;
    const struct pair *issuer = &pki.ca;
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "middle %zu", i);
        middle[i] = issue(issuer, (struct spec){.name = name, .is_ca = true});
        issuer = &middle[i];
        (void)sk_X509_push(chain, middle[i].cert);
        struct pair leaf = issue(issuer, (struct spec){.san = URI});
        start_case();
        /* TLS_INTERMEDIATES_MAX of them pass, one more does not. */
        assert_int_equal(tls_visit(&world, &leaf, chain), i < TLS_INTERMEDIATES_MAX);
        start_case();
        assert_false(tls_visit(&world, &leaf, NULL)); /* the links must be shown, each time */
        pair_free(&leaf);
    }
    sk_X509_free(chain);
    for (size_t i = 0; i < 3; i++) {
        pair_free(&middle[i]);
    }
}

/* A leaf must not vouch for another certificate. */
static void test_leaf_is_no_issuer(void **state)
{
    struct pair leaf = issue(&pki.ca, (struct spec){.name = "leaf", .san = URI});
    struct pair forged = issue(&leaf, (struct spec){.san = "URI:spiffe://test/admin"});
    STACK_OF(X509) *chain = sk_X509_new_null();
    (void)state;
    (void)sk_X509_push(chain, leaf.cert);
    start_case();
    assert_false(tls_visit(&world, &forged, chain));
    sk_X509_free(chain);
    pair_free(&leaf);
    pair_free(&forged);
}

/* ---------------------------------------------------------------- the cache */

static void test_cache_spares_the_verification(void **state)
{
    struct pair p = issue(&pki.ca, (struct spec){.san = URI});
    (void)state;
    start_case();
    assert_true(tls_visit(&world, &p, NULL));
    const uint64_t hits = tls->cache.num_hits;
    const uint64_t misses = tls->cache.num_misses;
    assert_true(tls_visit(&world, &p, NULL));
    assert_int_equal(tls->cache.num_hits, hits + 1);
    assert_int_equal(tls->cache.num_misses, misses);
    assert_string_equal(world.seen[1].uri, "spiffe://test/a");
    pair_free(&p);
}

static void test_cache_knows_the_time(void **state)
{
    struct pair p = issue(&pki.ca, (struct spec){.san = URI, .until_s = 2 * DAY});
    (void)state;
    assert_true(tls_visit(&world, &p, NULL));
    assert_true(tls_visit(&world, &p, NULL));
    pki.offset_us = 3 * DAY * 1000000; /* past it */
    start_case();
    assert_false(tls_visit(&world, &p, NULL));
    assert_string_equal(world.dropped_reason, "client_certificate");
    assert_non_null(strstr(world.dropped_detail, "expired"));
    pki.offset_us = -DAY * 1000000; /* a clock that was set back, before it began */
    start_case();
    assert_false(tls_visit(&world, &p, NULL));
    pki.offset_us = 0;
    assert_true(tls_visit(&world, &p, NULL));
    pair_free(&p);
}

/* false_key - the public half of one key with the private half of another: what a thief of a
 * certificate can do at most. */
static EVP_PKEY *false_key(EVP_PKEY *public_half, EVP_PKEY *private_half)
{
    unsigned char point[256];
    size_t len = 0;
    BIGNUM *secret = NULL;
    EVP_PKEY *out = NULL;
    assert_int_equal(
        EVP_PKEY_get_octet_string_param(public_half, "pub", point, sizeof(point), &len), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(private_half, "priv", &secret), 1);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    (void)OSSL_PARAM_BLD_push_utf8_string(build, "group", "prime256v1", 0);
    (void)OSSL_PARAM_BLD_push_octet_string(build, "pub", point, len);
    (void)OSSL_PARAM_BLD_push_BN(build, "priv", secret);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params), 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(secret);
    return out;
}

/* The verdict is remembered, the proof is not: a peer with the certificate alone stays outside. */
static void test_cache_does_not_replace_the_proof(void **state)
{
    struct pair good = issue(&pki.ca, (struct spec){.san = URI});
    struct pair other = issue(&pki.ca, (struct spec){.san = URI});
    struct pair stolen = {good.cert, false_key(good.key, other.key)};
    (void)state;
    assert_true(tls_visit(&world, &good, NULL));
    const uint64_t hits = tls->cache.num_hits;
    start_case();
    assert_false(tls_visit(&world, &stolen, NULL));
    assert_int_equal(tls->cache.num_hits, hits + 1);
    assert_int_equal(world.num_seen, 0);
    assert_string_equal(world.dropped_reason, "tls_handshake");
    assert_true(tls_visit(&world, &good, NULL));
    EVP_PKEY_free(stolen.key);
    pair_free(&good);
    pair_free(&other);
}

static void test_cache_is_bounded(void **state)
{
    struct tls_cache *cache = calloc(1, sizeof(*cache));
    size_t num = 0;
    (void)state;
    for (size_t i = 0; i < (size_t)4 * TLS_CACHE_SETS * TLS_CACHE_WAYS; i++) {
        struct tls_peer *p = calloc(1, sizeof(*p));
        p->num_refs = 1;
        p->key[0] = (unsigned char)i;
        p->key[1] = (unsigned char)(i >> 8);
        p->not_after_s = INT64_MAX;
        tls_cache_add(cache, p);
        assert_ptr_equal(tls_cache_find(cache, p->key, 0), p);
        tls_peer_unref(p);
    }
    for (size_t i = 0; i < TLS_CACHE_SETS; i++) {
        for (size_t k = 0; k < TLS_CACHE_WAYS; k++) {
            num += cache->slots[i][k] != NULL;
        }
    }
    assert_int_equal(num, TLS_CACHE_SETS * TLS_CACHE_WAYS);
    tls_cache_free(cache);
    free(cache);
}

/* ---------------------------------------------------------------- what is read */

static void test_identity(void **state)
{
    struct pair p =
        issue(&pki.ca, (struct spec){.name = "web-1",
                                     .san = URI ",DNS:a.test,URI:spiffe://test/b,"
                                                "DNS:b.test,IP:10.0.0.1,email:x@y.test"});
    struct tls_peer peer = {0};
    unsigned char digest[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    (void)state;
    assert_null(tls_identity_check(p.cert));
    assert_null(tls_identity_read(tls, p.cert, &peer));
    assert_int_equal(peer.identity.num_uris, 2);
    assert_true(slice_eq_str(peer.identity.uris[0], "spiffe://test/a"));
    assert_true(slice_eq_str(peer.identity.uris[1], "spiffe://test/b"));
    assert_int_equal(peer.identity.num_dns, 2);
    assert_true(slice_eq_str(peer.identity.dns[0], "a.test"));
    assert_true(slice_eq_str(peer.identity.dns[1], "b.test"));
    assert_true(slice_eq_str(peer.identity.common_name, "web-1"));
    assert_int_equal(X509_digest(p.cert, EVP_sha256(), digest, NULL), 1);
    hex_encode(digest, SHA256_LEN, hex);
    assert_string_equal(peer.identity.cert_sha256, hex);
    unsigned char *spki = NULL;
    const int len = i2d_PUBKEY(p.key, &spki);
    assert_int_equal(EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(spki);
    hex_encode(digest, SHA256_LEN, hex);
    assert_string_equal(peer.identity.spki_sha256, hex);
    arena_free(&peer.memory);
    pair_free(&p);
}

static void test_two_common_names_are_none(void **state)
{
    struct pair p = issue(&pki.ca, (struct spec){.name = "one"});
    struct tls_peer peer = {0};
    (void)state;
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(p.cert), "CN", MBSTRING_ASC,
                                     (const unsigned char *)"two", -1, -1, 0);
    assert_null(tls_identity_read(tls, p.cert, &peer));
    assert_null(peer.identity.common_name.ptr);
    assert_int_equal(peer.identity.num_uris, 0);
    arena_free(&peer.memory);
    pair_free(&p);
}

static void test_not_after_is_the_chains(void **state)
{
    struct pair middle =
        issue(&pki.ca, (struct spec){.name = "middle", .is_ca = true, .until_s = 5 * DAY});
    struct pair leaf = issue(&middle, (struct spec){.san = URI, .until_s = 20 * DAY});
    STACK_OF(X509) *chain = sk_X509_new_null();
    int64_t expected = 0;
    bool is_found = false;
    (void)state;
    (void)sk_X509_push(chain, middle.cert);
    assert_true(tls_visit(&world, &leaf, chain));
    assert_true(tls_time_s(X509_get0_notAfter(middle.cert), &expected));
    for (size_t i = 0; i < TLS_CACHE_SETS; i++) {
        const struct tls_peer *p = tls->cache.slots[i][0];
        is_found |= p != NULL && p->not_after_s == expected && p->identity.not_after_s == expected;
    }
    assert_true(is_found);
    sk_X509_free(chain);
    pair_free(&middle);
    pair_free(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_none_is_fine_here),
        cmocka_unit_test(test_key_types),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_leaf_is_no_issuer),
        cmocka_unit_test(test_cache_spares_the_verification),
        cmocka_unit_test(test_cache_knows_the_time),
        cmocka_unit_test(test_cache_does_not_replace_the_proof),
        cmocka_unit_test(test_cache_is_bounded),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_two_common_names_are_none),
        cmocka_unit_test(test_not_after_is_the_chains),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
