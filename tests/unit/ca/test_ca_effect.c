/* test_ca_effect.c - every code of libcurl has a class; the ones that matter are written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ca/ca.h"

#include <curl/curl.h>
#include <limits.h>

static const struct {
    int code;
    enum ca_effect unsent, sent;
    const char *stage;
} rows[] = {
    {CURLE_OK, CA_ANSWERED, CA_ANSWERED, "done"},
    {CURLE_COULDNT_RESOLVE_HOST, CA_NOT_SENT, CA_UNKNOWN, "resolve"},
    {CURLE_COULDNT_CONNECT, CA_NOT_SENT, CA_UNKNOWN, "connect"},
    {CURLE_SSL_CONNECT_ERROR, CA_NOT_SENT, CA_UNKNOWN, "tls"},
    {CURLE_PEER_FAILED_VERIFICATION, CA_NOT_SENT, CA_UNKNOWN, "tls"},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, CA_NOT_SENT, CA_UNKNOWN, "tls"},
    {CURLE_SSL_CERTPROBLEM, CA_NOT_SENT, CA_UNKNOWN, "tls"},
    {CURLE_OPERATION_TIMEDOUT, CA_NOT_SENT, CA_UNKNOWN, "timeout"},
    {CURLE_SEND_ERROR, CA_NOT_SENT, CA_UNKNOWN, "send"},
    {CURLE_RECV_ERROR, CA_NOT_SENT, CA_UNKNOWN, "receive"},
    {CURLE_OUT_OF_MEMORY, CA_NOT_SENT, CA_UNKNOWN, "setup"},
    {CURLE_SEND_FAIL_REWIND, CA_UNKNOWN, CA_UNKNOWN, "send"},
    {CURLE_GOT_NOTHING, CA_UNKNOWN, CA_UNKNOWN, "receive"},
    {CURLE_PARTIAL_FILE, CA_UNKNOWN, CA_UNKNOWN, "receive"},
    {CURLE_WRITE_ERROR, CA_UNKNOWN, CA_UNKNOWN, "receive"},
    {CURLE_WEIRD_SERVER_REPLY, CA_UNKNOWN, CA_UNKNOWN, "receive"},
    {CURLE_HTTP2, CA_UNKNOWN, CA_UNKNOWN, "receive"},
    {CURLE_SSH, CA_UNKNOWN, CA_UNKNOWN, "internal"},
    {CURL_LAST, CA_UNKNOWN, CA_UNKNOWN, "internal"},
    {CURL_LAST + 1, CA_UNKNOWN, CA_UNKNOWN, "internal"},
    {-1, CA_UNKNOWN, CA_UNKNOWN, "internal"},
    {INT_MAX, CA_UNKNOWN, CA_UNKNOWN, "internal"},
    {INT_MIN, CA_UNKNOWN, CA_UNKNOWN, "internal"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *stage = NULL;
        assert_int_equal(ca_effect_of(rows[i].code, false, &stage), rows[i].unsent);
        assert_string_equal(stage, rows[i].stage);
        assert_int_equal(ca_effect_of(rows[i].code, true, &stage), rows[i].sent);
    }
}

/* A code that a newer libcurl brings must be looked at before it is trusted with anything. */
static void test_all_codes(void **state)
{
    (void)state;
    assert_int_equal(CURL_LAST, 100);
    for (int code = 1; code < CURL_LAST; code++) {
        const char *stage = NULL;
        assert_int_equal(ca_effect_of(code, true, &stage), CA_UNKNOWN);
        assert_int_not_equal(ca_effect_of(code, false, &stage), CA_ANSWERED);
        assert_non_null(stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_all_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
