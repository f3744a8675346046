/* test_json_scan.c - the texts on which JSON readers are known to disagree, each with our answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/json_scan.h"

#include <stdio.h>

static const struct json_caps caps = {
    .depth = 4, .members = 5, .elements = 6, .string_bytes = 20, .text_bytes = 400};

struct row {
    enum cb_code want;
    struct slice text;
};
#define YES(text)                                                                                  \
    {                                                                                              \
        CB_OK,                                                                                     \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define NO(text)                                                                                   \
    {                                                                                              \
        CB_EINPUT,                                                                                 \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define OVER(text)                                                                                 \
    {                                                                                              \
        CB_ELIMIT,                                                                                 \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }

static const struct row structure[] = {
    YES("{}"),
    YES("[]"),
    YES(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n"),
    YES("[[],{},\"\",0,null,true]"),
    YES("\"alone\""),
    YES("null"),
    YES("-0"),
    NO(""),
    NO(" "),
    NO("{"),
    NO("["),
    NO("}"),
    NO("]"),
    NO("[1"),
    NO("[1,"),
    NO("[1,]"),
    NO("[,1]"),
    NO("[,]"),
    NO("[1,,2]"),
    NO("[1 2]"),
    NO("[1}"),
    NO("{]"),
    NO("[1]]"),
    NO("{}}"),
    NO("{} {}"),
    NO("[] x"),
    NO("[],"),
    NO("{\"a\"}"),
    NO("{\"a\":}"),
    NO("{\"a\":1,}"),
    NO("{,\"a\":1}"),
    NO("{\"a\":1 \"b\":2}"),
    NO("{\"a\" 1}"),
    NO("{\"a\":1:2}"),
    NO("{\"a\"::1}"),
    NO("{a:1}"),
    NO("{1:1}"),
    NO("{'a':1}"),
    NO("{null:1}"),
    NO("[\"a\":1]"),
    NO("[1]/**/"),
    NO("[1]//x"),
    NO("#\n[]"),
    NO("\xef\xbb\xbf{}"),
    NO("\xef\xbb\xbf"),
    NO("{}\0"),
    NO("\0{}"),
    NO("[1\0]"),
    NO("[\f]"),
    NO("[\v1]"),
    NO("\xc2\xa0[]"),
    NO("[\xc2\x85]"),
    NO("*"),
    NO("<null>"),
};

static const struct row values[] = {
    YES("[0]"),
    YES("[-0]"),
    YES("[10]"),
    YES("[-1.5]"),
    YES("[0.0]"),
    YES("[1e5]"),
    YES("[1E+5]"),
    YES("[1.5e-10]"),
    YES("[0e0]"),
    YES("[123456789012345678901234567890]"),
    YES("[1e999]"),
    NO("[01]"),
    NO("[-01]"),
    NO("[00]"),
    NO("[1.]"),
    NO("[.5]"),
    NO("[-.5]"),
    NO("[-]"),
    NO("[- 1]"),
    NO("[+1]"),
    NO("[--1]"),
    NO("[1e]"),
    NO("[1e+]"),
    NO("[1e5.2]"),
    NO("[1.e5]"),
    NO("[1.5.6]"),
    NO("[0x10]"),
    NO("[0b1]"),
    NO("[1_000]"),
    NO("[1a]"),
    NO("[1 000]"),
    NO("[NaN]"),
    NO("[nan]"),
    NO("[Infinity]"),
    NO("[-Infinity]"),
    NO("[\xef\xbc\x91]"),
    YES("[true,false,null]"),
    NO("[True]"),
    NO("[tru]"),
    NO("[truee]"),
    NO("[nul"),
    NO("[nullnull]"),
    NO("[undefined]"),
    NO("t"),
};

static const struct row strings[] = {
    YES("[\"\"]"),
    YES("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
    YES("[\"\\u0041\\u00e9\\u20ac\"]"),
    YES("[\"\\uD83D\\uDE00\"]"),
    YES("[\"\x7f\"]"),
    YES("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"),
    YES("[\"\xf4\x8f\xbf\xbf\"]"),
    YES("[\"\xef\xbf\xbf\"]"),
    YES("[\"\xe2\x80\xa8\"]"),
    NO("[\"]"),
    NO("[\"a]"),
    NO("[\"\\\"]"),
    NO("[\"\\"),
    NO("[\"a\nb\"]"),
    NO("[\"a\tb\"]"),
    NO("[\"a\x1f\"]"),
    NO("[\"a\0b\"]"),
    NO("[\"a\\u0000b\"]"),
    NO("{\"a\\u0000\":1}"),
    NO("[\"\\a\"]"),
    NO("[\"\\x41\"]"),
    NO("[\"\\'\"]"),
    NO("[\"\\U0041\"]"),
    NO("[\"\\\0\"]"),
    NO("[\"\\u\"]"),
    NO("[\"\\u004\"]"),
    NO("[\"\\u00g1\"]"),
    NO("[\"\\u+041\"]"),
    NO("[\"\\u 041\"]"),
    NO("[\"\\u00"),
    NO("[\"\\ud800\"]"),
    NO("[\"\\udc00\"]"),
    NO("[\"\\ud800\\ud800\"]"),
    NO("[\"\\ud800x\"]"),
    NO("[\"\\ud800\\n\"]"),
    NO("[\"\\ud800\\u\"]"),
    NO("[\"\\ud800\\u00e9\"]"),
    NO("[\"\\udc00\\ud800\"]"),
    NO("[\"\\ud800\\udc0"),
    NO("[\"\x80\"]"),
    NO("[\"\xc3\"]"),
    NO("[\"\xc3"),
    NO("[\"\xc0\x80\"]"),
    NO("[\"\xc1\xbf\"]"),
    NO("[\"\xe0\x80\xaf\"]"),
    NO("[\"\xed\xa0\x80\"]"),
    NO("[\"\xf0\x80\x80\xaf\"]"),
    NO("[\"\xf4\x90\x80\x80\"]"),
    NO("[\"\xf8\x88\x80\x80\x80\"]"),
    NO("[\"\xff\"]"),
    NO("[\"\xe2\x82\"]"),
    NO("['a']"),
    NO("[a]"),
    NO("[\"a\"\"b\"]"),
};

static const struct row repeats[] = {
    YES("{\"a\":1,\"b\":2}"),
    YES("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"),
    YES("[{\"a\":1},{\"a\":1}]"),
    YES("{\"\":1,\" \":2}"),
    YES("{\"a\":1,\"ab\":2,\"abc\":3}"),
    YES("{\"\xc3\xa9\":1,\"\xc3\x89\":2}"), /* Go folds these too; neither can be one of our names */
    YES("{\"a\\/b\":1,\"a\\\\b\":2}"),
    NO("{\"a\":1,\"a\":1}"),
    NO("{\"\":1,\"\":2}"),
    NO("{\"a\":1,\"b\":2,\"a\":3}"),
    NO("{\"a\":{},\"a\":{}}"),
    NO("{\"a\":{\"x\":1},\"a\":2}"),
    NO("{\"x\":{\"a\":1,\"a\":2}}"),
    NO("[{\"a\":1,\"a\":2}]"),
    NO("{\"a\":1,\"A\":2}"),
    NO("{\"hosts\":1,\"HOSTS\":2}"),
    NO("{\"a\":1,\"\\u0061\":2}"),
    NO("{\"a\":1,\"\\u0041\":2}"),
    NO("{\"\\u0061\":1,\"\\u0061\":2}"),
    NO("{\"a/b\":1,\"a\\/b\":2}"),
    NO("{\"\\n\":1,\"\\u000a\":2}"),
    NO("{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
    NO("{\"\xe2\x82\xac\":1,\"\\u20AC\":2}"),
    NO("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
    NO("{\"hosts\":1,\"ho\xc5\xbft\xc5\xbf\":2}"),
    NO("{\"hosts\":1,\"ho\\u017ft\\u017f\":2}"),
    NO("{\"key\":1,\"\\u212aey\":2}"),
    NO("{\"key\":1,\"\xe2\x84\xaa"
       "EY\":2}"),
};

static const struct row limits[] = {
    YES("[[[[]]]]"),
    OVER("[[[[[]]]]]"),
    OVER("{\"a\":[{\"a\":[{}]}]}"),
    YES("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}"),
    OVER("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6}"),
    YES("[1,2,3,4,5,6]"),
    OVER("[1,2,3,4,5,6,7]"),
    YES("[\"12345678901234567890\"]"),
    OVER("[\"123456789012345678901\"]"),
    OVER("{\"123456789012345678901\":1}"),
    YES("[\"\\u0041\\u0041\\u0041\\u0041\\u0041\\u0041\"]"), /* the value counts, not its spelling */
    YES("[\"\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\"]"),
    OVER("[\"\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\"]"),
    YES("[\"\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\"]"),
    OVER("[\"\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00\\ud83d\\ude00x\"]"),
};

static void check_rows(const struct row *rows, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        struct cb_err err = {0};
        const enum cb_code got = json_scan(rows[i].text, &caps, &err);
        if (got != rows[i].want) {
            fail_msg("row %zu `%.*s`: %s instead of %s (%s)", i, (int)rows[i].text.len,
                     rows[i].text.ptr, cb_code_word(got), cb_code_word(rows[i].want), err.msg);
        }
    }
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_structure(void **state)
{
    (void)state;
    CHECK_ROWS(structure);
}

static void test_values(void **state)
{
    (void)state;
    CHECK_ROWS(values);
}

static void test_strings(void **state)
{
    (void)state;
    CHECK_ROWS(strings);
}

static void test_repeats(void **state)
{
    (void)state;
    CHECK_ROWS(repeats);
}

static void test_limits(void **state)
{
    (void)state;
    CHECK_ROWS(limits);

    char spaces[401];
    memset(spaces, ' ', sizeof(spaces));
    spaces[0] = '1';
    struct cb_err err = {0};
    assert_int_equal(json_scan((struct slice){spaces, 400}, &caps, &err), CB_OK);
    assert_int_equal(json_scan((struct slice){spaces, 401}, &caps, &err), CB_ELIMIT);
}

/* Every beginning of a good text is refused, and none reads past its end (the copy is exact, so
 * that a sanitizer would see it). */
static void test_beginnings(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1.5e3,\"\\ud83d\\ude00\xe2\x82\xac\"],\"b\\u00e9\":{\"c\":true}}";
    for (size_t len = 0; len + 1 < sizeof(text); len++) {
        char *copy = test_malloc(len + 1);
        memcpy(copy + 1, text, len);
        struct cb_err err = {0};
        assert_int_equal(json_scan((struct slice){copy + 1, len}, &caps, &err), CB_EINPUT);
        test_free(copy);
    }
    struct cb_err err = {0};
    assert_int_equal(json_scan((struct slice){text, sizeof(text) - 1}, &caps, &err), CB_OK);
}

/* The fixed room is a limit of its own, whatever the caller allows. */
static void test_fixed_room(void **state)
{
    (void)state;
    const struct json_caps wide = {100000, 100000, 100000, 100000, 1000000};
    static char text[20000];
    struct cb_err err = {0};

    memset(text, '[', JSON_SCAN_DEPTH_MAX + 1);
    memset(text + JSON_SCAN_DEPTH_MAX + 1, ']', JSON_SCAN_DEPTH_MAX + 1);
    const struct slice deep = {text, 2 * (JSON_SCAN_DEPTH_MAX + 1)};
    assert_int_equal(json_scan(deep, &wide, &err), CB_ELIMIT);
    const struct slice fits = {text + 1, 2 * JSON_SCAN_DEPTH_MAX};
    assert_int_equal(json_scan(fits, &wide, &err), CB_OK);

    for (unsigned num = JSON_SCAN_NAMES_MAX; num <= JSON_SCAN_NAMES_MAX + 1; num++) {
        int at = snprintf(text, sizeof(text), "{");
        for (unsigned i = 0; i < num; i++) {
            at += snprintf(text + at, sizeof(text) - (size_t)at, "%s\"n%u\":0", i ? "," : "", i);
        }
        at += snprintf(text + at, sizeof(text) - (size_t)at, "}");
        assert_int_equal(json_scan((struct slice){text, (size_t)at}, &wide, &err),
                         num > JSON_SCAN_NAMES_MAX ? CB_ELIMIT : CB_OK);
    }
}

static void test_message_tells_the_place(void **state)
{
    (void)state;
    struct cb_err err = {0};
    assert_int_equal(json_scan(SLICE("{\"a\": tru}"), &caps, &err), CB_EINPUT);
    assert_string_equal(err.msg, "not valid JSON at byte 6: unknown word");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),  cmocka_unit_test(test_values),
        cmocka_unit_test(test_strings),    cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_fixed_room), cmocka_unit_test(test_message_tells_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
