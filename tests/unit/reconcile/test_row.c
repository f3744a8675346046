/* test_row.c - serial numbers, times and key identifiers as databases hold them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/reconcile/row.h"

static const struct {
    const char *dec, *hex;
} numbers[] = {
    {"1", "01"},
    {"255", "ff"},
    {"256", "0100"},
    {"4294967296", "0100000000"},
    {"999999999", "3b9ac9ff"},
    {"1000000000", "3b9aca00"},
    {"712098061318361235870200323438815305996515130926",
     "7cbb94d8c730fdfcec1fc8bb5a2e8ea9327fbe2e"},
    {"1461501637330902918203684832716283019655932542975",
     "ffffffffffffffffffffffffffffffffffffffff"},
};

static void test_serials(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct serial a;
        struct serial b;
        char hex[41];
        char dec[50];
        assert_true(serial_from_dec(slice_of(numbers[i].dec), &a));
        assert_true(serial_from_hex(slice_of(numbers[i].hex), &b));
        assert_memory_equal(a.bytes, b.bytes, SERIAL_BYTES);
        serial_to_hex(&a, hex);
        serial_to_dec(&a, dec);
        assert_string_equal(hex, numbers[i].hex);
        assert_string_equal(dec, numbers[i].dec);
    }
}

static void test_no_serials(void **state)
{
    static const char *const decs[] = {"",
                                       "0",
                                       "01",
                                       "-1",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1.0",
                                       "1e3",
                                       "0x1f",
                                       "ff",
                                       "1461501637330902918203684832716283019655932542976",
                                       "99999999999999999999999999999999999999999999999999",
                                       "1\n",
                                       "12345678a"};
    static const char *const hexes[] = {
        "0",  "00:00", "",
        ":",  "0x1",   "g",
        "1 ", "-1",    "100000000000000000000000000000000000000000"};
    struct serial s;
    (void)state;
    for (size_t i = 0; i < sizeof(decs) / sizeof(decs[0]); i++) {
        assert_false(serial_from_dec(slice_of(decs[i]), &s));
    }
    for (size_t i = 0; i < sizeof(hexes) / sizeof(hexes[0]); i++) {
        assert_false(serial_from_hex(slice_of(hexes[i]), &s));
    }
    assert_false(serial_from_dec((struct slice){"1\0", 2}, &s));
}

#define SECOND INT64_C(1000000)
#define T INT64_C(1784737382) /* 2026-07-22T16:23:02Z */

static const struct {
    const char *text;
    int64_t us; /* 0: none */
} times[] = {
    {"2026-07-22 16:23:02", T *SECOND},
    {"2026-07-22T16:23:02Z", T *SECOND},
    {"2026-07-22 16:23:02+00:00", T *SECOND},
    {"2026-07-22 16:23:02.25+00:00", T *SECOND + 250000},
    {"2026-07-22T16:23:02.123456789Z", T *SECOND + 123456},
    {"2026-07-22 16:23:02 +0000 UTC", T *SECOND},
    {"2026-07-22 18:23:02+02", T *SECOND},
    {"2026-07-22 18:23:02+02:00", T *SECOND},
    {"2026-07-22 10:53:02-05:30", T *SECOND},
    {"1784737382", T *SECOND},
    {"0001-01-01 00:00:00+00:00", 0},
    {"", 0},
    {"2026-07-22", 0},
    {"2026-13-22 16:23:02", 0},
    {"2026-07-22 16:23:02 CEST", 0},
    {"2026-07-22 16:23:02+99:00", 0},
    {"2026-07-22_16:23:02", 0},
    {"2026-07-22 16:23:02x", 0},
    {"17847373821784737382", 0},
    {"-1784737382", 0},
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        int64_t us = 0;
        const bool good = db_time(slice_of(times[i].text), &us);
        if (good != (times[i].us != 0) || us != times[i].us) {
            fail_msg("%s: %lld", times[i].text, (long long)us);
        }
    }
}

static void test_akis(void **state)
{
    char out[65];
    (void)state;
    assert_true(reconcile_aki(SLICE("F6:65:C7:48"), out));
    assert_string_equal(out, "f665c748");
    assert_true(aki_text(SLICE(""), out));
    assert_string_equal(out, "");
    assert_false(reconcile_aki(SLICE(""), out));
    assert_false(reconcile_aki(SLICE("f66"), out));
    assert_false(reconcile_aki(SLICE("xy"), out));
    assert_false(
        aki_text(SLICE("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"), out));
}

static void test_reasons(void **state)
{
    (void)state;
    assert_string_equal(revoke_code_word(SLICE("1")), "keyCompromise");
    assert_string_equal(revoke_code_word(SLICE("4")), "superseded");
    assert_string_equal(revoke_code_word(SLICE("7")), "");
    assert_string_equal(revoke_code_word(SLICE("11")), "");
    assert_string_equal(revoke_code_word((struct slice){NULL, 0}), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serials), cmocka_unit_test(test_no_serials),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_akis),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
