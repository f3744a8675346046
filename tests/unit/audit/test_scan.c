/* test_scan.c - what the log's JSON may look like, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/scan.h"

#include <stdlib.h>

static const struct {
    const char *text;
    bool ok;
} values[] = {
    {"\"\"", true},
    {"\"plain\"", true},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", true},
    {"\"\\ud83d\\ude00\"", true},
    {"0", true},
    {"9007199254740992", true},
    {"-1", true},
    {"true", true},
    {"false", true},
    {"null", true},
    {"[]", true},
    {"{}", true},
    {"[1,[2,{\"a\":[]}],\"x\"]", true},
    {"{\"a\":{\"b\":{}},\"c\":[{}]}", true},
    {"[[[[[[[[]]]]]]]]", true},
    {"", false},
    {"\"", false},
    {"\"\\\"", false},
    {"\"\\x41\"", false},
    {"\"\\u12\"", false},
    {"\"\\u123g\"", false},
    {"\"\\ud83d\"", false},
    {"\"\\ud83dx\"", false},
    {"\"\\ud83d\\u0041\"", false},
    {"\"\\ude00\"", false},
    {"\"a\nb\"", false},
    {"\"a\x7f\"", false},
    {"\"\xc3\xa9\"", false},
    {"01", false},
    {"-", false},
    {"--1", false},
    {"+1", false},
    {"9007199254740993", false},
    {"99999999999999999999999999", false},
    {"1.0", false},
    {"1e3", false},
    {"nul", false},
    {"True", false},
    {"[1,]", false},
    {"[,1]", false},
    {"[1 ,2]", false},
    {" 1", false},
    {"[1", false},
    {"[1}", false},
    {"{\"a\"}", false},
    {"{\"a\":}", false},
    {"{\"a\":1,}", false},
    {"{a:1}", false},
    {"{\"\\u0061\":1}", false},
    {"{1:1}", false},
    {"[[[[[[[[[]]]]]]]]]", false},
    {"[]]", false},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        /* A copy of just these bytes: reading past them shows under ASan. */
        const size_t len = strlen(values[i].text);
        char *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, values[i].text, len);
        struct scan s = scan_over((struct slice){copy, len});
        const bool ok = scan_value(&s) && s.at == s.end;
        if (ok != values[i].ok) {
            fail_msg("%s: %s", values[i].text, ok ? "accepted" : "refused");
        }
        free(copy);
    }
}

static void test_unescape(void **state)
{
    (void)state;
    const struct {
        struct slice raw, text;
    } cases[] = {
        {SLICE(""), SLICE("")},
        {SLICE("plain"), SLICE("plain")},
        {SLICE("\\\"\\\\\\/\\b\\f\\n\\r\\t"), SLICE("\"\\/\b\f\n\r\t")},
        {SLICE("\\u0000\\u0041\\u00e9\\u20ac"), SLICE("\0A\xc3\xa9\xe2\x82\xac")},
        {SLICE("\\ud83d\\ude00"), SLICE("\xf0\x9f\x98\x80")},
        {SLICE("\\uD83D\\uDE00x"), SLICE("\xf0\x9f\x98\x80x")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[64];
        const size_t len = scan_unescape(cases[i].raw, out);
        assert_true(slice_eq((struct slice){out, len}, cases[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_unescape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
