/* test_parse_digest.c - equal asks have equal digests, and any difference shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/request/parse.h"

/* Bodies that ask for the same, spelt differently. */
static const char *const same[] = {
    "{\"request\":{\"CN\":\"a.example\",\"hosts\":[\"a.example\",\"10.0.0.1\"],"
    "\"names\":[{\"C\":\"NL\",\"O\":\"x\"}],\"key\":{\"algo\":\"ecdsa\",\"size\":256}}}",
    "{\"profile\":\"default\",\"request\":{\"hosts\":[\"10.0.0.1\",\"A.EXAMPLE\",\"a.example\"],"
    "\"CN\":\"A.example\",\"names\":[{\"O\":\"x\"},{\"C\":\"NL\"}]},\"bundle\":false}",
    "{\"label\":\"\",\"profile\":\"\",\"request\":{\"CN\":\"\\u0061.example\","
    "\"hosts\":[\"::ffff:10.0.0.1\",\"a.example\"],\"names\":[{\"O\":\"x\",\"C\":\"NL\",\"L\":\"\"}"
    "]}}",
};

/* Each of these asks for something else than every other one. */
static const char *const different[] = {
    "{\"request\":{}}",
    "{\"request\":{\"hosts\":[\"a.example\"]}}",
    "{\"request\":{\"hosts\":[\"a.example\",\"b.example\"]}}",
    "{\"request\":{\"hosts\":[\"b.example\"]}}",
    "{\"request\":{\"hosts\":[\"10.0.0.1\"]}}",
    "{\"request\":{\"CN\":\"a.example\"}}",
    "{\"request\":{\"CN\":\"a.example\",\"hosts\":[\"a.example\"]}}",
    "{\"request\":{\"hosts\":[\"a.example\"]},\"profile\":\"server\"}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"key\":{\"algo\":\"ecdsa\",\"size\":384}}}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"key\":{\"algo\":\"rsa\",\"size\":2048}}}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"names\":[{\"O\":\"a\"}]}}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"names\":[{\"OU\":\"a\"}]}}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"names\":[{\"OU\":\"a\"},{\"OU\":\"b\"}]}}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"names\":[{\"OU\":\"b\"},{\"OU\":\"a\"}]}}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"names\":[{\"OU\":\"ab\"}]}}",
    "{\"request\":{\"hosts\":[\"a.example\"],\"serialnumber\":\"a\"}}",
};
#define DIFFERENT_NUM (sizeof(different) / sizeof(different[0]))

static void digest_of(const char *body, char out[SHA256_HEX_LEN + 1])
{
    struct arena arena;
    arena_init(&arena, 64U << 10);
    struct policy_ask ask;
    struct cb_err err = {.msg = ""};
    if (parse_newcert(&arena, slice_of(body), &ask, &err) != CB_OK) {
        fail_msg("%s: %s", body, err.msg);
    }
    ask_digest(&ask, out);
    assert_int_equal(strlen(out), SHA256_HEX_LEN);
    arena_free(&arena);
}

static void test_same(void **state)
{
    (void)state;
    char first[SHA256_HEX_LEN + 1];
    digest_of(same[0], first);
    for (size_t i = 1; i < sizeof(same) / sizeof(same[0]); i++) {
        char other[SHA256_HEX_LEN + 1];
        digest_of(same[i], other);
        assert_string_equal(first, other);
    }
}

static void test_different(void **state)
{
    (void)state;
    char digests[DIFFERENT_NUM][SHA256_HEX_LEN + 1];
    for (size_t i = 0; i < DIFFERENT_NUM; i++) {
        digest_of(different[i], digests[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(digests[i], digests[j]);
        }
    }
}

/* The digest is kept in records for years: it must not change by accident. */
static void test_known(void **state)
{
    (void)state;
    char digest[SHA256_HEX_LEN + 1];
    digest_of(different[1], digest);
    assert_string_equal(digest, "72a08ca5e17456c4838fc7c092a8c3549f0e354122e04f8893542a6579db4f00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_different),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
