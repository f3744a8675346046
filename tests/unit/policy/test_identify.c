/* test_identify.c - credentials to clients, and the table under it. */
#include "policy/table.h"
#include "tests/unit/policy/support.h"

#define HEX_A "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define HEX_B "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const char policy_text[] =
    "version: 1\n"
    "clients:\n"
    "  a:\n"
    "    auth:\n"
    "      - mtls: {uri: \"spiffe://x/a\"}\n"
    "      - mtls: {dns: A.Example}\n"
    "      - bearer: {sha256: " HEX_A ", expires: 2026-05-28}\n" /* ends with the day of NOW_S */
    "  b:\n"
    "    auth:\n"
    "      - bearer: {sha256: " HEX_B ", expires: \"2026-05-01T00:00:00Z\"}\n"
    "      - mtls: {spki: " HEX_B "}\n"
    "      - mtls: {cn: Batch Job}\n"
    "rules:\n"
    "  - {id: r, clients: [a], actions: [info]}\n";

static const struct {
    struct credential creds[3];
    size_t num;
    int64_t now_s;
    enum policy_identity expected;
    const char *client;
    size_t matched;
} cases[] = {
    {{{CRED_MTLS_URI, {"spiffe://x/a", 12}}}, 1, NOW_S, IDENTITY_OK, "a", 0},
    {{{CRED_MTLS_URI, {"spiffe://x/A", 12}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_MTLS_URI, {"spiffe://x/ab", 13}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_MTLS_DNS, {"a.EXAMPLE", 9}}}, 1, NOW_S, IDENTITY_OK, "a", 0},
    {{{CRED_MTLS_CN, {"a.example", 9}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_MTLS_URI, {"a.example", 9}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_MTLS_CN, {"Batch Job", 9}}}, 1, NOW_S, IDENTITY_OK, "b", 0},
    {{{CRED_MTLS_CN, {"batch job", 9}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_MTLS_SPKI, {HEX_B, 64}}}, 1, NOW_S, IDENTITY_OK, "b", 0},
    {{{CRED_MTLS_SPKI, {HEX_A, 64}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_BEARER, {HEX_A, 64}}}, 1, NOW_S, IDENTITY_OK, "a", 0},
    {{{CRED_BEARER, {HEX_A, 64}}}, 1, 1780012799, IDENTITY_OK, "a", 0}, /* 23:59:59 */
    {{{CRED_BEARER, {HEX_A, 64}}}, 1, 1780012800, IDENTITY_EXPIRED, NULL, 0},
    {{{CRED_BEARER, {HEX_B, 64}}}, 1, NOW_S, IDENTITY_EXPIRED, NULL, 0},
    {{{CRED_BEARER, {HEX_B, 64}}}, 1, 1777593599, IDENTITY_OK, "b", 0},
    {{{CRED_BEARER, {NULL, 0}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_BEARER, {"", 0}}}, 1, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    {{{CRED_BEARER, {NULL, 0}}}, 0, NOW_S, IDENTITY_UNKNOWN, NULL, 0},
    /* several: unknown ones are passed over, the first live one decides */
    {{{CRED_MTLS_CN, {"x", 1}},
      {CRED_MTLS_DNS, {"a.example", 9}},
      {CRED_MTLS_URI, {"spiffe://x/a", 12}}},
     3,
     NOW_S,
     IDENTITY_OK,
     "a",
     1},
    {{{CRED_BEARER, {HEX_B, 64}}, {CRED_MTLS_SPKI, {HEX_B, 64}}}, 2, NOW_S, IDENTITY_OK, "b", 1},
    {{{CRED_MTLS_URI, {"spiffe://x/a", 12}}, {CRED_MTLS_CN, {"Batch Job", 9}}},
     2,
     NOW_S,
     IDENTITY_AMBIGUOUS,
     NULL,
     0},
    /* also when the other one's token has expired */
    {{{CRED_MTLS_URI, {"spiffe://x/a", 12}}, {CRED_BEARER, {HEX_B, 64}}},
     2,
     NOW_S,
     IDENTITY_AMBIGUOUS,
     NULL,
     0},
};

static void test_identify(void **state)
{
    (void)state;
    struct policy *p = load_text(policy_text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_caller client = {0};
        size_t matched = SIZE_MAX;
        const enum policy_identity got =
            policy_identify(p, cases[i].creds, cases[i].num, cases[i].now_s, &client, &matched);
        if (got != cases[i].expected) {
            fail_msg("case %zu: got %d", i, (int)got);
        }
        assert_int_equal(client.client != NULL, got == IDENTITY_OK);
        if (client.client != NULL) {
            assert_string_equal(policy_client_id(client.client), cases[i].client);
            assert_int_equal(matched, cases[i].matched);
            assert_ptr_equal(client.client, policy_client_by_id(p, slice_of(cases[i].client)));
        }
    }
    struct policy_caller client = {0};
    assert_int_equal(policy_identify(p, cases[0].creds, 1, NOW_S, &client, NULL), IDENTITY_OK);
    assert_null(policy_client_by_id(p, SLICE("c")));
    policy_free(p);
}

static void test_long_dns(void **state)
{
    (void)state;
    struct policy *p = load_text(policy_text);
    char text[1000];
    memset(text, 'a', sizeof(text));
    const struct credential cred = {CRED_MTLS_DNS, {text, sizeof(text)}};
    struct policy_caller client = {0};
    assert_int_equal(policy_identify(p, &cred, 1, NOW_S, &client, NULL), IDENTITY_UNKNOWN);
    policy_free(p);
}

static void test_table(void **state)
{
    (void)state;
    struct table t = {0};
    char keys[3000][8];
    size_t value = 0;
    assert_false(table_get(&t, 0, SLICE("x"), &value));
    for (size_t i = 0; i < 3000; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        assert_true(table_put(&t, i % 3 == 0, slice_of(keys[i]), i));
    }
    assert_true(table_put(&t, 7, (struct slice){NULL, 0}, 42));
    for (size_t i = 0; i < 3000; i++) {
        assert_true(table_get(&t, i % 3 == 0, slice_of(keys[i]), &value));
        assert_int_equal(value, i);
        assert_false(table_get(&t, i % 3 != 0, slice_of(keys[i]), &value));
    }
    assert_true(table_get(&t, 7, SLICE(""), &value));
    assert_int_equal(value, 42);
    table_free(&t);
    assert_false(table_get(&t, 7, SLICE(""), &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identify),
        cmocka_unit_test(test_long_dns),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
