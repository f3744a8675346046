/* test_parse_revoke.c - revoke bodies, reasons, and info bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/request/parse.h"

#include <stdio.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 64U << 10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

#define SERIAL_MAX "1461501637330902918203684832716283019655932542975" /* 2^160 - 1 */

static void test_accepted(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want; /* serial_dec|serial_hex|aki|reason */
    } cases[] = {
        {"{\"serial\":\"1\"}", "1|01||unspecified"},
        {"{\"serial\":\"255\",\"reason\":\"\",\"authority_key_id\":\"\"}", "255|ff||unspecified"},
        {"{\"serial\":\"256\"}", "256|0100||unspecified"},
        {"{\"serial\":\"18446744073709551616\"}",
         "18446744073709551616|010000000000000000||unspecified"},
        {"{\"serial\":\"481152203193473354004800344190482527686564340030\"}",
         "481152203193473354004800344190482527686564340030|"
         "54479c69d95c36d3d3e58d7b51bc811a7b2d613e||unspecified"},
        {"{\"serial\":\"" SERIAL_MAX "\"}",
         SERIAL_MAX "|ffffffffffffffffffffffffffffffffffffffff||unspecified"},
        {"{\"serial\":\"7\",\"authority_key_id\":\"F665C7\"}", "7|07|f665c7|unspecified"},
        {"{\"serial\":\"7\",\"authority_key_id\":\"F6:65:c7\"}", "7|07|f665c7|unspecified"},
        {"{\"serial\":\"7\",\"authority_key_id\":\"aa\"}", "7|07|aa|unspecified"},
        {"{\"serial\":\"7\",\"authority_key_id\":"
         "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}",
         "7|07|000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f|unspecified"},
        {"{\"serial\":\"7\",\"reason\":\"keyCompromise\"}", "7|07||keyCompromise"},
        {"{\"serial\":\"7\",\"reason\":\"KEYCOMPROMISE\"}", "7|07||keyCompromise"},
        {"{\"serial\":\"7\",\"reason\":\"cacompromise\"}", "7|07||cACompromise"},
        {"{\"serial\":\"7\",\"reason\":\"AffiliationChanged\"}", "7|07||affiliationChanged"},
        {"{\"serial\":\"7\",\"reason\":\"superseded\"}", "7|07||superseded"},
        {"{\"serial\":\"7\",\"reason\":\"cessationofoperation\"}", "7|07||cessationOfOperation"},
        {"{\"serial\":\"7\",\"reason\":\"privilegewithdrawn\"}", "7|07||privilegeWithdrawn"},
        {"{\"serial\":\"7\",\"reason\":\"Unspecified\"}", "7|07||unspecified"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct revoke_ask ask;
        struct cb_err err = {.msg = ""};
        if (parse_revoke(&arena, slice_of(cases[i].body), &ask, &err) != CB_OK) {
            fail_msg("%s: %s", cases[i].body, err.msg);
        }
        char got[256];
        (void)snprintf(got, sizeof(got), "%s|%s|%s|%s", ask.serial_dec, ask.serial_hex, ask.aki_hex,
                       revoke_reason_word(ask.reason));
        assert_string_equal(got, cases[i].want);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *message;
    } cases[] = {
        {"[]", "the body: must be an object"},
        {"{}", "serial: missing"},
        {"{\"serial\":\"\"}", "serial: missing"},
        {"{\"serial\":12}", "serial: must be a string"},
        {"{\"serial\":null}", "serial: must be a string, not null"},
        {"{\"serial\":\"0\"}", "serial: must be a decimal"},
        {"{\"serial\":\"012\"}", "serial: must be a decimal"},
        {"{\"serial\":\"-12\"}", "serial: must be a decimal"},
        {"{\"serial\":\"+12\"}", "serial: must be a decimal"},
        {"{\"serial\":\" 12\"}", "serial: must be a decimal"},
        {"{\"serial\":\"12 \"}", "serial: must be a decimal"},
        {"{\"serial\":\"0x12\"}", "serial: must be a decimal"},
        {"{\"serial\":\"54479c69\"}", "not hexadecimal"},
        {"{\"serial\":\"1461501637330902918203684832716283019655932542976\"}", "2^160-1"},
        {"{\"serial\":\"9999999999999999999999999999999999999999999999999\"}", "2^160-1"},
        {"{\"serial\":\"10000000000000000000000000000000000000000000000000\"}", "2^160-1"},
        {"{\"serial\":\"1\",\"Serial\":\"2\"}", "twice"},
        {"{\"Serial\":\"2\"}", "did you mean \"serial\"?"},
        {"{\"serial\":\"1\",\"\\u017ferial\":\"2\"}", ""},
        {"{\"\\u017ferial\":\"2\"}", "accepted here: serial, authority_key_id, reason"},
        {"{\"serial\":\"1\",\"authority_key_id\":null}", "authority_key_id: must be a string"},
        {"{\"serial\":\"1\",\"authority_key_id\":\"abc\"}", "authority_key_id: must be at most"},
        {"{\"serial\":\"1\",\"authority_key_id\":\"xx\"}", "authority_key_id: must be at most"},
        {"{\"serial\":\"1\",\"authority_key_id\":\":\"}", "authority_key_id: must be at most"},
        {"{\"serial\":\"1\",\"authority_key_id\":\"aa:\"}", "authority_key_id: must be at most"},
        {"{\"serial\":\"1\",\"authority_key_id\":\":aa\"}", "authority_key_id: must be at most"},
        {"{\"serial\":\"1\",\"authority_key_id\":\"aa::bb\"}", "authority_key_id: must be at most"},
        {"{\"serial\":\"1\",\"authority_key_id\":\"aabb:cc\"}", "authority_key_id: must be at"},
        {"{\"serial\":\"1\",\"authority_key_id\":\"aa:bbcc\"}", "authority_key_id: must be at"},
        {"{\"serial\":\"1\",\"authority_key_id\":"
         "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\"}",
         "at most 32 bytes"},
        {"{\"serial\":\"1\",\"authority_key_id\":\"00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:"
         "10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f:20\"}",
         "at most 32 bytes"},
        {"{\"serial\":\"1\",\"reason\":1}", "reason: must be a string"},
        {"{\"serial\":\"1\",\"reason\":null}", "reason: must be a string, not null"},
        {"{\"serial\":\"1\",\"reason\":\"bogus\"}", "reason: \"bogus\" is not one of"},
        {"{\"serial\":\"1\",\"reason\":\"key compromise\"}", "is not one of"},
        {"{\"serial\":\"1\",\"reason\":\"0\"}", "write \"unspecified\""},
        {"{\"serial\":\"1\",\"reason\":\"1\"}", "write \"keyCompromise\""},
        {"{\"serial\":\"1\",\"reason\":\"4\"}", "write \"superseded\""},
        {"{\"serial\":\"1\",\"reason\":\"9\"}", "write \"privilegeWithdrawn\""},
        {"{\"serial\":\"1\",\"reason\":\"+1\"}", "is not one of"},
        {"{\"serial\":\"1\",\"reason\":\"7\"}", "7 is not a reason"},
        {"{\"serial\":\"1\",\"reason\":\"certificateHold\"}", "no way to release"},
        {"{\"serial\":\"1\",\"reason\":\"6\"}", "no way to release"},
        {"{\"serial\":\"1\",\"reason\":\"REMOVEFROMCRL\"}", "without making the certificate valid"},
        {"{\"serial\":\"1\",\"reason\":\"8\"}", "without making the certificate valid"},
        {"{\"serial\":\"1\",\"reason\":\"aACompromise\"}", "attribute authorities"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct revoke_ask ask = {.serial_dec = "untouched"};
        struct cb_err err = {.msg = ""};
        const enum cb_code code = parse_revoke(&arena, slice_of(cases[i].body), &ask, &err);
        if (code != CB_EINPUT || strstr(err.msg, cases[i].message) == NULL) {
            fail_msg("%s: code %d, \"%s\" instead of \"%s\"", cases[i].body, (int)code, err.msg,
                     cases[i].message);
        }
        assert_string_equal(ask.serial_dec, "untouched");
    }
}

/* Each reason's two spellings differ in letter case only, and parse back to the same reason. */
static void test_reason_words(void **state)
{
    (void)state;
    for (int i = 0; i < REVOKE_REASON_COUNT; i++) {
        const enum revoke_reason reason = (enum revoke_reason)i;
        const struct slice word = slice_of(revoke_reason_word(reason));
        const struct slice cfssl = slice_of(revoke_reason_cfssl(reason));
        assert_true(slice_eq_nocase(word, cfssl));
        for (size_t c = 0; c < cfssl.len; c++) {
            assert_int_equal(cfssl.ptr[c], ascii_lower(cfssl.ptr[c]));
        }
        enum revoke_reason got = REVOKE_UNSPECIFIED;
        assert_true(revoke_reason_parse(word, &got));
        assert_int_equal(got, reason);
        assert_null(revoke_reason_refusal(word));
    }
    enum revoke_reason got = REVOKE_SUPERSEDED;
    assert_false(revoke_reason_parse(SLICE("certificateHold"), &got));
    assert_false(revoke_reason_parse(SLICE(""), &got));
    assert_int_equal(got, REVOKE_SUPERSEDED);
}

static void test_info(void **state)
{
    (void)state;
    static const struct {
        const char *body, *profile, *message; /* profile NULL: refused */
    } cases[] = {
        {"{}", "default", ""},
        {"{\"label\":\"\",\"profile\":\"\"}", "default", ""},
        {"{\"profile\":\"server\"}", "server", ""},
        {"", NULL, "JSON"},
        {"{\"label\":\"other\"}", NULL, "label: only \"\" is accepted"},
        {"{\"profile\":null}", NULL, "profile: must be a string, not null"},
        {"{\"Profile\":\"x\"}", NULL, "did you mean \"profile\"?"},
        {"{\"request\":{}}", NULL, "accepted here: label, profile"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice profile = SLICE("untouched");
        struct cb_err err = {.msg = ""};
        const enum cb_code code = parse_info(&arena, slice_of(cases[i].body), &profile, &err);
        assert_int_equal(code, cases[i].profile == NULL ? CB_EINPUT : CB_OK);
        assert_true(slice_eq_str(profile, code == CB_OK ? cases[i].profile : "untouched"));
        assert_non_null(strstr(err.msg, cases[i].message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test(test_reason_words),
        cmocka_unit_test_setup_teardown(test_info, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
