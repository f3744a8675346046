/* test_answer.c - answers that no CFSSL gives, and the exact bytes that we send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ca/answer.h"

#include <stdio.h>

#define CERT "-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n"
#define KEY "-----BEGIN EC PRIVATE KEY-----\\nAA==\\n-----END EC PRIVATE KEY-----\\n"
#define GOOD "{\"certificate\":\"" CERT "\",\"private_key\":\"" KEY "\"}"
#define OKAY(result) "{\"success\":true,\"result\":" result ",\"errors\":[],\"messages\":[]}\n"
#define FAIL(errors) "{\"success\":false,\"result\":null,\"errors\":" errors ",\"messages\":[]}\n"

static const struct {
    enum ca_endpoint endpoint;
    long status;
    const char *body;
    enum ca_verdict verdict;
    uint64_t code;
} rows[] = {
    {CA_NEWCERT, 200, OKAY(GOOD), CA_DONE, 0},
    {CA_NEWCERT, 200, "{\"success\":true,\"result\":" GOOD "}", CA_DONE, 0},
    {CA_NEWCERT, 200, "{\"success\":true,\"result\":" GOOD ",\"errors\":null,\"new\":[{}]}",
     CA_DONE, 0},
    /* success that is none */
    {CA_NEWCERT, 200, OKAY("{}"), CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("null"), CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("[]"), CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("\"x\""), CA_GARBLED, 0},
    {CA_NEWCERT, 200, "{\"success\":true}", CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("{\"certificate\":\"" CERT "\"}"), CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("{\"private_key\":\"" KEY "\"}"), CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("{\"certificate\":\"\",\"private_key\":\"" KEY "\"}"), CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("{\"certificate\":1,\"private_key\":\"" KEY "\"}"), CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY("{\"Certificate\":\"" CERT "\",\"private_key\":\"" KEY "\"}"),
     CA_GARBLED, 0},
    {CA_NEWCERT, 200,
     OKAY("{\"certificate\":\"a\",\"certificate\":\"b\",\"private_key\":\"" KEY "\"}"), CA_GARBLED,
     0},
    {CA_NEWCERT, 200,
     OKAY("{\"certificate\":\"a\",\"CERTIFICATE\":\"b\",\"private_key\":\"" KEY "\"}"), CA_GARBLED,
     0},
    {CA_NEWCERT, 200, OKAY("{\"certificate\":\"a\\u0000b\",\"private_key\":\"" KEY "\"}"),
     CA_GARBLED, 0},
    {CA_NEWCERT, 201, OKAY(GOOD), CA_GARBLED, 0},
    {CA_NEWCERT, 400, OKAY(GOOD), CA_GARBLED, 0},
    {CA_NEWCERT, 500, OKAY(GOOD), CA_GARBLED, 0},
    {CA_NEWCERT, 200, "{\"success\":\"true\",\"result\":" GOOD "}", CA_GARBLED, 0},
    {CA_NEWCERT, 200, "{\"success\":1,\"result\":" GOOD "}", CA_GARBLED, 0},
    {CA_NEWCERT, 200, "{\"result\":" GOOD "}", CA_GARBLED, 0},
    {CA_NEWCERT, 200, "[" OKAY(GOOD) "]", CA_GARBLED, 0},
    /* not an envelope */
    {CA_NEWCERT, 200, "", CA_GARBLED, 0},
    {CA_NEWCERT, 200, "null", CA_GARBLED, 0},
    {CA_NEWCERT, 200, "{\"success\":true,\"result\":{\"certificate\":\"", CA_GARBLED, 0},
    {CA_NEWCERT, 200, OKAY(GOOD) OKAY(GOOD), CA_GARBLED, 0},
    {CA_NEWCERT, 200, "<html>", CA_GARBLED, 0},
    {CA_NEWCERT, 301, "", CA_GARBLED, 0},
    {CA_NEWCERT, 302, OKAY(GOOD), CA_GARBLED, 0},
    {CA_NEWCERT, 400, "no", CA_GARBLED, 0},
    {CA_NEWCERT, 403, "Invalid CN\n", CA_REFUSED, 403},
    {CA_NEWCERT, 404, "404 page not found\n", CA_REFUSED, 404},
    {CA_NEWCERT, 405, "", CA_REFUSED, 405},
    {CA_NEWCERT, 500, "oops", CA_GARBLED, 0},
    {CA_NEWCERT, 502, "<html>bad gateway</html>", CA_GARBLED, 0},
    /* 503 is not CFSSL's: something in between may say so after CFSSL has acted */
    {CA_NEWCERT, 503, "<html>", CA_GARBLED, 503},
    {CA_REVOKE, 503, "<html>", CA_GARBLED, 503},
    {CA_INFO, 503, "<html>", CA_TEMPORARY, 503},
    {CA_NEWCERT, 503, OKAY(GOOD), CA_GARBLED, 0},
    {CA_NEWCERT, 503, FAIL("[{\"code\":11000,\"message\":\"locked\"}]"), CA_TEMPORARY, 11000},
    /* a failure beside a certificate */
    {CA_NEWCERT, 400,
     "{\"success\":false,\"result\":" GOOD
     ",\"errors\":[{\"code\":5300,\"message\":\"no\"}],\"messages\":[]}",
     CA_GARBLED, 0},
    {CA_NEWCERT, 504, "", CA_GARBLED, 0},
    /* failures */
    {CA_NEWCERT, 400, FAIL("[{\"code\":5300,\"message\":\"no\"}]"), CA_REFUSED, 5300},
    {CA_NEWCERT, 200, FAIL("[{\"code\":5300,\"message\":\"no\"}]"), CA_REFUSED, 5300},
    {CA_NEWCERT, 400, FAIL("[{\"code\":5300}]"), CA_REFUSED, 5300},
    {CA_NEWCERT, 400, FAIL("[{\"code\":11000,\"message\":\"database is locked\"}]"), CA_TEMPORARY,
     11000},
    {CA_NEWCERT, 400, FAIL("[{\"code\":11100,\"message\":\"\"}]"), CA_TEMPORARY, 11100},
    {CA_NEWCERT, 400, FAIL("[{\"code\":11200,\"message\":\"\"}]"), CA_REFUSED, 11200},
    {CA_REVOKE, 400, FAIL("[{\"code\":11200,\"message\":\"\"}]"), CA_NOT_FOUND, 11200},
    {CA_NEWCERT, 400, FAIL("[{\"code\":1220,\"message\":\"\"}]"), CA_GARBLED, 1220},
    {CA_NEWCERT, 500, FAIL("[{\"code\":0,\"message\":\"\"}]"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("[]"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("null"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("{}"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("[\"x\"]"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("[{\"code\":\"5300\"}]"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("[{\"code\":-1}]"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("[{\"code\":1.5}]"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, FAIL("[{\"code\":1e999}]"), CA_GARBLED, 0},
    {CA_NEWCERT, 400, "{\"success\":false}", CA_GARBLED, 0},
    /* the other endpoints */
    {CA_REVOKE, 200, OKAY("{}"), CA_DONE, 0},
    {CA_REVOKE, 200, OKAY("null"), CA_GARBLED, 0},
    {CA_INFO, 200, OKAY("{\"certificate\":\"c\",\"usages\":[],\"expiry\":\"1h\"}"), CA_DONE, 0},
    {CA_INFO, 200, OKAY("{\"certificate\":\"c\",\"usages\":null,\"expiry\":\"1h\"}"), CA_GARBLED,
     0},
    {CA_INFO, 200, OKAY("{\"certificate\":\"c\",\"usages\":[1],\"expiry\":\"1h\"}"), CA_GARBLED, 0},
    {CA_INFO, 200, OKAY("{\"certificate\":\"c\",\"usages\":[]}"), CA_GARBLED, 0},
    {CA_HEALTH, 200, OKAY("{\"healthy\":true}"), CA_DONE, 0},
    {CA_HEALTH, 200, OKAY("{\"healthy\":false}"), CA_GARBLED, 0},
    {CA_CERTINFO, 200, OKAY("{\"serial_number\":\"7\",\"pem\":\"x\"}"), CA_DONE, 0},
    {CA_CERTINFO, 200, OKAY("{\"serial_number\":\"7\"}"), CA_GARBLED, 0},
    {CA_CERTINFO, 500, FAIL("[{\"code\":0,\"message\":\"no certificate found\"}]"), CA_NOT_FOUND,
     0},
    {CA_CERTINFO, 500, FAIL("[{\"code\":0,\"message\":\"no such table\"}]"), CA_GARBLED, 0},
    {CA_CERTINFO, 400, FAIL("[{\"code\":11000,\"message\":\"database is locked\"}]"), CA_TEMPORARY,
     11000},
    {CA_CERTINFO, 400, FAIL("[{\"code\":400,\"message\":\"no valid parameter sets found\"}]"),
     CA_REFUSED, 400},
};

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        struct ca_answer got;
        arena_init_secret(&arena, 100000);
        ca_answer_read(rows[i].endpoint, rows[i].status, slice_of(rows[i].body), &arena, &got);
        if (got.verdict != rows[i].verdict || got.code != rows[i].code ||
            (got.verdict == CA_GARBLED && got.code == 0 && got.message.ptr == NULL &&
             rows[i].status != 500)) {
            fail_msg("row %zu %s: verdict %d code %d", i, rows[i].body, (int)got.verdict,
                     (int)got.code);
        }
        arena_free(&arena);
    }
}

static void test_result(void **state)
{
    (void)state;
    struct arena arena;
    struct ca_answer got;
    arena_init_secret(&arena, 100000);
    ca_answer_read(CA_NEWCERT, 200, SLICE(OKAY(GOOD)), &arena, &got);
    assert_true(slice_eq(got.certificate,
                         SLICE("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")));
    assert_true(slice_has_prefix(got.private_key, SLICE("-----BEGIN EC PRIVATE KEY-----\n")));
    assert_null(got.request.ptr);

    /* the certificate is handed over even without its key: somebody must revoke it */
    ca_answer_read(CA_NEWCERT, 200, SLICE(OKAY("{\"certificate\":\"" CERT "\"}")), &arena, &got);
    assert_int_equal(got.verdict, CA_GARBLED);
    assert_true(slice_has_prefix(got.certificate, SLICE("-----BEGIN CERTIFICATE")));
    arena_free(&arena);

    /* an arena that is too small is no answer either */
    arena_init_secret(&arena, 32);
    ca_answer_read(CA_NEWCERT, 200, SLICE(OKAY(GOOD)), &arena, &got);
    assert_int_equal(got.verdict, CA_GARBLED);
    arena_free(&arena);
}

static void test_message_is_cut(void **state)
{
    (void)state;
    char body[1000];
    char text[301];
    struct arena arena;
    struct ca_answer got;
    memset(text, 'x', 300);
    text[300] = '\0';
    memcpy(text + 199, "\xe2\x82\xac", 3); /* a character across the limit */
    (void)snprintf(body, sizeof(body), FAIL("[{\"code\":400,\"message\":\"%s\"}]"), text);
    arena_init_secret(&arena, 100000);
    ca_answer_read(CA_NEWCERT, 400, slice_of(body), &arena, &got);
    assert_int_equal(got.verdict, CA_REFUSED);
    assert_int_equal(got.message.len, 199);
    assert_true(utf8_valid(got.message));
    arena_free(&arena);
}

static void test_paths(void **state)
{
    (void)state;
    assert_string_equal(ca_endpoint_path(CA_NEWCERT), "/api/v1/cfssl/newcert");
    assert_string_equal(ca_endpoint_path(CA_REVOKE), "/api/v1/cfssl/revoke");
    assert_string_equal(ca_endpoint_path(CA_INFO), "/api/v1/cfssl/info");
    assert_string_equal(ca_endpoint_path(CA_HEALTH), "/api/v1/cfssl/health");
}

/* ---- what we send ---- */

static const struct name names[] = {
    {.kind = NAME_DNS, .text = {"a.example", 9}},
    {.kind = NAME_DNS, .text = {"*.b.example", 11}},
    {.kind = NAME_IP, .text = {"10.0.0.1", 8}},
    {.kind = NAME_URI, .text = {"spiffe://example/x", 18}},
};
static const struct subject_attr subject[] = {
    {SUBJECT_OU, {"one", 3}},   {SUBJECT_C, {"NL", 2}},
    {SUBJECT_OU, {"two", 3}},   {SUBJECT_O, {"\"A\\\n\xc3\xa9", 6}},
    {SUBJECT_L, {"L", 1}},      {SUBJECT_ST, {"ST", 2}},
    {SUBJECT_SERIAL, {"7", 1}},
};
static const struct subject_attr serials[] = {{SUBJECT_SERIAL, {"7", 1}},
                                              {SUBJECT_SERIAL, {"8", 1}}};

#define ASK(...)                                                                                   \
    {                                                                                              \
        .action = ACTION_NEWCERT, __VA_ARGS__                                                      \
    }

static const struct {
    struct policy_ask ask;
    const char *body;
} bodies[] = {
    {ASK(.names = names, .num_names = 1, .common_name = {"a.example", 9}, .key_algo = KEY_RSA,
         .key_bits = 2048, .profile = {"server", 6}),
     "{\"request\":{\"CN\":\"a.example\",\"hosts\":[\"a.example\"],"
     "\"key\":{\"algo\":\"rsa\",\"size\":2048}},\"profile\":\"server\"}"},
    {ASK(.names = names, .num_names = 4, .key_algo = KEY_ECDSA, .key_bits = 256,
         .profile = {"default", 7}),
     "{\"request\":{\"hosts\":[\"a.example\",\"*.b.example\",\"10.0.0.1\",\"spiffe://example/x\"],"
     "\"key\":{\"algo\":\"ecdsa\",\"size\":256}}}"},
    {ASK(.names = names, .num_names = 1, .subject = subject, .num_subject = 7,
         .key_algo = KEY_ECDSA, .key_bits = 521, .profile = {"default", 7}),
     "{\"request\":{\"hosts\":[\"a.example\"],\"names\":[{\"C\":\"NL\",\"ST\":\"ST\",\"L\":\"L\","
     "\"O\":\"\\\"A\\\\\\u000a\\u00e9\",\"OU\":\"one\"},{\"OU\":\"two\"}],\"serialnumber\":\"7\","
     "\"key\":{\"algo\":\"ecdsa\",\"size\":521}}}"},
    {ASK(.subject = serials, .num_subject = 1, .key_algo = KEY_ECDSA, .key_bits = 256,
         .profile = {"default", 7}),
     "{\"request\":{\"hosts\":[],\"serialnumber\":\"7\",\"key\":{\"algo\":\"ecdsa\",\"size\":256}}"
     "}"},
};

static void test_newcert_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct buf out;
        buf_init(&out, 1000);
        assert_true(ca_body_newcert(&bodies[i].ask, &out));
        assert_string_equal(out.data, bodies[i].body);
        buf_free(&out);
        buf_init(&out, strlen(bodies[i].body) - 1);
        assert_false(ca_body_newcert(&bodies[i].ask, &out));
        buf_free(&out);
    }
    const struct policy_ask two = ASK(.subject = serials, .num_subject = 2);
    struct buf out;
    buf_init(&out, 1000);
    assert_false(ca_body_newcert(&two, &out));
    buf_free(&out);
}

static void test_small_bodies(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    assert_true(ca_body_revoke(SLICE("123"), SLICE("00ff"), SLICE("keycompromise"), &out));
    assert_string_equal(out.data, "{\"serial\":\"123\",\"authority_key_id\":\"00ff\","
                                  "\"reason\":\"keycompromise\"}");
    buf_reset(&out);
    assert_true(ca_body_revoke(SLICE("123"), SLICE(""), SLICE("unspecified"), &out));
    assert_string_equal(out.data, "{\"serial\":\"123\",\"authority_key_id\":\"\","
                                  "\"reason\":\"unspecified\"}");
    buf_reset(&out);
    assert_true(ca_body_info(SLICE("server"), &out));
    assert_string_equal(out.data, "{\"profile\":\"server\"}");
    buf_reset(&out);
    assert_true(ca_body_info(SLICE("default"), &out));
    assert_string_equal(out.data, "{}");
    buf_free(&out);
    buf_init(&out, 1);
    assert_false(ca_body_info(SLICE("default"), &out));
    buf_free(&out);
}

int main(void)
{
    ca_answer_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),       cmocka_unit_test(test_result),
        cmocka_unit_test(test_message_is_cut), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_newcert_body),   cmocka_unit_test(test_small_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
