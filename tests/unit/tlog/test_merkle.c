/* test_merkle.c - the tree against RFC 6962's own definition, written down here in the plainest
 * way, for every size up to 1,025. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/tlog/merkle.h"

#include <openssl/evp.h>
#include <stdio.h>

#define SIZE_MAX_TRIED 1025

typedef unsigned char digest[SHA256_LEN];

static void sha256(const void *bytes, size_t len, unsigned char *ret)
{
    assert_int_equal(EVP_Digest(bytes, len, ret, NULL, EVP_sha256(), NULL), 1);
}

/* mth - RFC 6962 section 2.1: split at the largest power of two below the number of leaves. */
static void mth(digest *leaves, size_t num, unsigned char *ret)
{
    unsigned char both[1 + 2 * SHA256_LEN] = {0x01};
    if (num == 1) {
        memcpy(ret, leaves[0], SHA256_LEN);
        return;
    }
    size_t k = 1;
    while (k * 2 < num) {
        k *= 2;
    }
    mth(leaves, k, both + 1);
    mth(leaves + k, num - k, both + 1 + SHA256_LEN);
    sha256(both, sizeof(both), ret);
}

static void assert_hex(const unsigned char *hash, const char *hex)
{
    char text[SHA256_HEX_LEN + 1];
    hex_encode(hash, SHA256_LEN, text);
    assert_string_equal(text, hex);
}

static void test_known_roots(void **state)
{
    (void)state;
    struct merkle m;
    struct cb_err err;
    digest root;
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    merkle_root(&m, root);
    assert_hex(root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    merkle_append(&m, SLICE("")); /* the leaf hash of nothing */
    merkle_root(&m, root);
    assert_hex(root, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    merkle_free(&m);
}

static void test_every_size(void **state)
{
    (void)state;
    static digest leaves[SIZE_MAX_TRIED];
    struct merkle m;
    struct cb_err err;
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    for (size_t i = 0; i < SIZE_MAX_TRIED; i++) {
        char line[32] = {0};
        digest want;
        digest got;
        (void)snprintf(line + 1, sizeof(line) - 1, "line %zu", i);
        sha256(line, 1 + strlen(line + 1), leaves[i]);
        merkle_append(&m, slice_of(line + 1));
        mth(leaves, i + 1, want);
        merkle_root(&m, got);
        assert_memory_equal(want, got, SHA256_LEN);
        assert_int_equal(m.size, i + 1);
    }
    merkle_free(&m);
}

/* The frontier is enough to go on: a tree restored from it gives the same roots. */
static void test_restored_frontier(void **state)
{
    (void)state;
    struct cb_err err;
    for (uint64_t size = 0; size < 70; size++) {
        struct merkle a;
        struct merkle b;
        digest root_a;
        digest root_b;
        assert_int_equal(merkle_init(&a, &err), CB_OK);
        assert_int_equal(merkle_init(&b, &err), CB_OK);
        for (uint64_t i = 0; i < size; i++) {
            merkle_append(&a, SLICE("x"));
        }
        b.size = size;
        for (size_t i = 0; i < merkle_frontier_count(size); i++) {
            const unsigned level = merkle_frontier_level(size, i);
            assert_true((size >> level) & 1U);
            memcpy(b.node[level], a.node[level], SHA256_LEN);
        }
        for (int i = 0; i < 5; i++) {
            merkle_root(&a, root_a);
            merkle_root(&b, root_b);
            assert_memory_equal(root_a, root_b, SHA256_LEN);
            merkle_append(&a, SLICE("more"));
            merkle_append(&b, SLICE("more"));
        }
        merkle_free(&a);
        merkle_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_roots),
                                       cmocka_unit_test(test_every_size),
                                       cmocka_unit_test(test_restored_frontier)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
