/* test_base.c - bytes, buf, arena and clock: the ground everything else stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/arena.h"
#include "broker/base/buf.h"
#include "broker/base/clock.h"

#include <limits.h>
#include <stdlib.h>

static void test_u64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } rows[] = {
        {"0", true, 0},
        {"7", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"00", false, 0},
        {"01", false, 0},
        {"+1", false, 0},
        {"-1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1a", false, 0},
        {"0x1", false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 42;
        assert_int_equal(slice_to_u64(slice_of(rows[i].text), &value), rows[i].ok);
        assert_true(value == (rows[i].ok ? rows[i].value : 42));
    }
}

static void test_slices(void **state)
{
    (void)state;
    const struct slice absent = {0};
    assert_null(slice_of(NULL).ptr);
    assert_non_null(slice_of("").ptr);
    assert_true(slice_eq(absent, SLICE("")));
    assert_true(slice_eq_nocase(SLICE("AbC1"), SLICE("aBc1")));
    assert_false(slice_eq_nocase(SLICE("\xc3\x89"), SLICE("\xc3\xa9")));
    assert_true(slice_has_prefix(SLICE("abc"), SLICE("")));
    assert_true(slice_has_prefix(SLICE("abc"), SLICE("ab")));
    assert_false(slice_has_prefix(SLICE("a"), SLICE("ab")));
    assert_true(slice_has_suffix(SLICE("abc"), SLICE("bc")));
    assert_false(slice_has_suffix(SLICE("c"), SLICE("bc")));
    assert_true(slice_has_suffix(absent, SLICE("")));
    assert_true(slice_has_byte(((struct slice){"a\0b", 3}), '\0'));
    assert_false(slice_has_byte(SLICE("ab"), '\0'));
    assert_true(slice_eq(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
    assert_int_equal(slice_trim(SLICE(" \t ")).len, 0);
}

static void test_hex(void **state)
{
    (void)state;
    const unsigned char bytes[3] = {0x00, 0xa5, 0xff};
    char text[7];
    unsigned char back[3] = {0};
    hex_encode(bytes, 3, text);
    assert_string_equal(text, "00a5ff");
    assert_true(hex_decode(SLICE("00A5fF"), back, 3));
    assert_memory_equal(back, bytes, 3);
    assert_false(hex_decode(SLICE("00a5f"), back, 3));
    assert_false(hex_decode(SLICE("00a5ff00"), back, 3));
    assert_false(hex_decode(SLICE("00a5fg"), back, 3));
    assert_false(hex_decode(SLICE("0x a5f"), back, 3));
}

static void test_secret_eq(void **state)
{
    (void)state;
    assert_true(secret_eq("abc", "abc", 3));
    assert_false(secret_eq("abc", "abd", 3));
    assert_false(secret_eq("\x80", "\x00", 1));
    assert_true(secret_eq("a", "b", 0));
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const wrong[] = {"\x80",
                                        "\xc0\xaf",
                                        "\xc1\xbf",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xed\xbf\xbf",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "\xc2",
                                        "\xe2\x82",
                                        "\xf0\x9f\x98",
                                        "a\xc2",
                                        "\xc2\x41"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(utf8_valid(slice_of(good[i])));
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(utf8_valid(slice_of(wrong[i])));
    }
}

static void test_json_str(void **state)
{
    (void)state;
    static const struct {
        struct slice in;
        const char *out;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{"plain ~", 7}, "\"plain ~\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {{"\n\r\t\x1b\x7f", 5}, "\"\\u000a\\u000d\\u0009\\u001b\\u007f\""},
        {{"\xc3\xa9", 2}, "\"\\u00e9\""},
        {{"\xe2\x82\xac", 3}, "\"\\u20ac\""},
        {{"\xf0\x9f\x98\x80", 4}, "\"\\ud83d\\ude00\""},
        {{"\xff", 1}, "\"\\ufffd\""},
        {{"\xc3", 1}, "\"\\ufffd\""},
        {{"\xc3x", 2}, "\"\\ufffdx\""},
        {{"\xed\xa0\x80", 3}, "\"\\ufffd\\ufffd\\ufffd\""},
        {{"\xe2\x80\xa8", 3}, "\"\\u2028\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;
        buf_init(&b, 1000);
        buf_add_json_str(&b, rows[i].in);
        assert_true(buf_ok(&b));
        assert_string_equal(b.data, rows[i].out);
        buf_free(&b);
    }
}

static void test_plain_run(void **state)
{
    (void)state;
    static const char odd[] = {'"', '\\', '\n', '\0', 0x1f, 0x7f, (char)0x80, (char)0xff};
    char text[40];
    /* Every odd byte, at every place, in texts of every length around the size of a block. */
    for (size_t len = 0; len <= sizeof(text); len++) {
        memset(text, '~', sizeof(text));
        assert_int_equal(slice_plain_run((struct slice){text, len}), len);
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < sizeof(odd); i++) {
                memset(text, ' ', sizeof(text));
                text[at] = odd[i];
                assert_int_equal(slice_plain_run((struct slice){text, len}), at);
            }
        }
    }
    assert_int_equal(slice_plain_run((struct slice){NULL, 0}), 0);
}

static void test_eq_str(void **state)
{
    (void)state;
    assert_true(slice_eq_str(SLICE("abc"), "abc"));
    assert_false(slice_eq_str(SLICE("abc"), "ab"));
    assert_false(slice_eq_str(SLICE("ab"), "abc"));
    assert_false(slice_eq_str(SLICE("abc"), "abd"));
    assert_false(slice_eq_str(((struct slice){"a\0b", 3}), "a"));
    assert_true(slice_eq_str(SLICE(""), ""));
    assert_true(slice_eq_str(((struct slice){NULL, 0}), ""));
    assert_true(slice_eq_str(SLICE(""), NULL));
    assert_false(slice_eq_str(SLICE("a"), NULL));
}

/* test_buf_printf - into the room there is, into more, and past the cap. */
static void test_buf_printf(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5000);
    buf_printf(&b, "%s", "ab");
    buf_printf(&b, "%0*d", 900, 7);
    assert_int_equal(b.len, 902);
    buf_printf(&b, "%0*d|", 3000, 7); /* does not fit into the first block */
    assert_int_equal(b.len, 3903);
    assert_int_equal(strlen(b.data), b.len);
    assert_string_equal(b.data + 3895, "0000007|");
    buf_printf(&b, "%0*d", 2000, 7);
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void test_buf_cap(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_str(&b, "");
    assert_true(buf_ok(&b));
    buf_add_char(&b, 'x');
    assert_false(buf_ok(&b));

    buf_init(&b, 10);
    buf_add_str(&b, "0123456789");
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 10);
    buf_add_char(&b, 'x');
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 0); /* nothing of a failed buffer is left */
    buf_add_str(&b, "y");
    assert_int_equal(buf_slice(&b).len, 0);
    buf_free(&b);
    buf_add_str(&b, "z");
    assert_true(buf_ok(&b));
    buf_free(&b);
}

static void test_buf_grows(void **state)
{
    (void)state;
    struct buf b;
    buf_init_secret(&b, 100000);
    for (unsigned i = 0; i < 10000; i++) {
        buf_add_u64(&b, i % 10);
    }
    buf_add_u64(&b, UINT64_MAX);
    buf_printf(&b, "%s-%d", "x", 7);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 10000 + 20 + 3);
    assert_string_equal(b.data + 10000, "18446744073709551615x-7");
    buf_reset(&b);
    assert_int_equal(b.len, 0);
    for (size_t i = 0; i < b.room; i++) {
        assert_int_equal(b.data[i], 0);
    }
    buf_free(&b);
}

static void test_arena(void **state)
{
    (void)state;
    struct arena a;
    arena_init_secret(&a, 10000);
    char *small = arena_alloc(&a, 1);
    char *big = arena_alloc(&a, 8000);
    assert_non_null(small);
    assert_non_null(big);
    assert_int_equal((uintptr_t)big % 16, 0);
    for (size_t i = 0; i < 8000; i++) {
        assert_int_equal(big[i], 0);
    }
    assert_null(arena_alloc(&a, 8000));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_array(&a, SIZE_MAX / 2, 4));
    const struct slice copy = arena_slice(&a, (struct slice){"a\0b", 3});
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b\0", 4);
    arena_free(&a);
    assert_non_null(arena_alloc(&a, 10));
    arena_free(&a);
}

static void test_arena_reset(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 100, 4096, 5000, 59000, 16};
    struct arena a;
    arena_init(&a, 100000);
    arena_reset(&a);
    char *large = arena_alloc(&a, 60000);
    assert_non_null(large);
    for (int round = 0; round < 3; round++) {
        arena_reset(&a);
        assert_int_equal(a.used, 0);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            char *p = arena_alloc(&a, sizes[i]);
            assert_non_null(p);
            for (size_t at = 0; at < sizes[i]; at++) {
                assert_int_equal(p[at], 0);
            }
            memset(p, 'x', sizes[i]);
        }
    }
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 60000), large); /* the largest is what is kept */
    arena_free(&a);
}

static void test_time_format(void **state)
{
    (void)state;
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {951782399, "2000-02-28T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {951868800, "2000-03-01T00:00:00Z"},
        {978307199, "2000-12-31T23:59:59Z"},
        {1709164800, "2024-02-29T00:00:00Z"},
        {1784737382, "2026-07-22T16:23:02Z"},
        {4107542399, "2100-02-28T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"},
        {253402300799, "9999-12-31T23:59:59Z"},
        {253402300800, "9999-12-31T23:59:59Z"},
        {-1, "1970-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[21];
        time_format_s(rows[i].s, text);
        assert_string_equal(text, rows[i].text);
    }
    char text[TIME_TEXT_LEN + 1];
    time_format_us(1784737382123456, text);
    assert_string_equal(text, "2026-07-22T16:23:02.123456Z");
}

/* Every day of four centuries there and back: the whole cycle of the calendar. */
static void test_time_cycle(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 146097 + 366; day++) {
        char text[21];
        int64_t back = -1;
        time_format_s(day * 86400 + 86399, text);
        assert_true(time_parse(slice_of(text), &back));
        assert_true(back == (day * 86400 + 86399) * 1000000);
    }
}

static void test_time_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1: refused */
    } rows[] = {
        {"1970-01-01", 0},
        {"2026-07-22", 1784678400000000},
        {"2026-07-22T16:23:02Z", 1784737382000000},
        {"2026-07-22T16:23:02.5Z", 1784737382500000},
        {"2026-07-22T16:23:02.123456Z", 1784737382123456},
        {"2026-07-22T16:23:02.123456789Z", 1784737382123456},
        {"2024-02-29", 1709164800000000},
        {"2023-02-29", -1},
        {"2100-02-29", -1},
        {"1969-12-31", -1},
        {"2026-13-01", -1},
        {"2026-00-01", -1},
        {"2026-04-31", -1},
        {"2026-04-00", -1},
        {"2026-4-1", -1},
        {"2026-07-22T24:00:00Z", -1},
        {"2026-07-22T23:60:00Z", -1},
        {"2026-07-22T23:59:60Z", -1},
        {"2026-07-22T16:23:02", -1},
        {"2026-07-22T16:23:02+00:00", -1},
        {"2026-07-22T16:23:02.Z", -1},
        {"2026-07-22T16:23:02.1234567890Z", -1},
        {"2026-07-22 16:23:02Z", -1},
        {"2026-07-22t16:23:02z", -1},
        {"2026-07-22T16:23:02Z ", -1},
        {" 2026-07-22", -1},
        {"2026-07-22x", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t us = -1;
        const bool ok = time_parse(slice_of(rows[i].text), &us);
        if (ok != (rows[i].us >= 0) || us != rows[i].us) {
            fail_msg("%s", rows[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_u64),         cmocka_unit_test(test_slices),
        cmocka_unit_test(test_plain_run),   cmocka_unit_test(test_eq_str),
        cmocka_unit_test(test_buf_printf),  cmocka_unit_test(test_hex),
        cmocka_unit_test(test_secret_eq),   cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_json_str),    cmocka_unit_test(test_buf_cap),
        cmocka_unit_test(test_buf_grows),   cmocka_unit_test(test_arena),
        cmocka_unit_test(test_time_format), cmocka_unit_test(test_time_cycle),
        cmocka_unit_test(test_time_parse),  cmocka_unit_test(test_arena_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
