/* test_escape.c - what of a stranger's text reaches a terminal, and how wide that is. */
#include "broker/cli/escape.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct escape_case {
    const char *text;
    const char *utf8, *ascii;
    size_t width; /* of the UTF-8 form */
};

static const struct escape_case cases[] = {
    {"plain text ~", "plain text ~", "plain text ~", 12},
    {"DOMAIN\\user", "DOMAIN\\user", "DOMAIN\\user", 11},
    {"\033[2J\a\b", "\\x1b[2J\\x07\\x08", "\\x1b[2J\\x07\\x08", 15},
    {"two\nlines\tof", "two\\nlines\\tof", "two\\nlines\\tof", 14},
    {"\r\177", "\\x0d\\x7f", "\\x0d\\x7f", 8},
    {"caf\xc3\xa9", "caf\xc3\xa9", "caf\\u{00e9}", 4},
    {"\xc2\x9b"
     "31m",
     "\\u{009b}31m", "\\u{009b}31m", 11}, /* C1: CSI */
    {"\xe2\x80\xae"
     "txt.exe",
     "\\u{202e}txt.exe", "\\u{202e}txt.exe", 15}, /* right to left */
    {"a\xe2\x80\x8b"
     "b",
     "a\\u{200b}b", "a\\u{200b}b", 10},            /* no width */
    {"e\xcc\x81", "e\\u{0301}", "e\\u{0301}", 9},  /* combines */
    {"\xe2\x80\xa8", "\\u{2028}", "\\u{2028}", 8}, /* line separator */
    {"\xc2\xad\xc2\xa0", "\\u{00ad}\\u{00a0}", "\\u{00ad}\\u{00a0}", 16},
    {"\xe6\xbc\xa2\xe5\xad\x97", "\xe6\xbc\xa2\xe5\xad\x97", "\\u{6f22}\\u{5b57}", 4},
    {"\xf3\xa0\x81\x81", "\\u{e0041}", "\\u{e0041}", 9}, /* a tag */
    {"\xff\xc3(", "\\xff\\xc3(", "\\xff\\xc3(", 9},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", 12}, /* a surrogate */
    {"", "", "", 0},
};

static void check(const struct escape_case *c, enum cli_charset charset, const char *expected)
{
    struct buf out;
    buf_init(&out, 1000);
    cli_add_escaped(&out, slice_of(c->text), charset);
    assert_true(buf_ok(&out));
    assert_true(slice_eq_str(buf_slice(&out), expected));
    if (charset == CLI_UTF8) {
        assert_int_equal(cli_text_width(buf_slice(&out)), c->width);
    }
    buf_free(&out);
}

static void test_escaping(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(&cases[i], CLI_UTF8, cases[i].utf8);
        check(&cases[i], CLI_ASCII, cases[i].ascii);
    }
}

/* Whatever comes in, what goes out is one line of printable characters. */
static void test_any_byte(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const char text[2] = {(char)first, (char)second};
            struct buf out;
            buf_init(&out, 100);
            cli_add_escaped(&out, (struct slice){text, 2}, CLI_ASCII);
            for (size_t i = 0; i < out.len; i++) {
                assert_true(ascii_is_print(out.data[i]));
            }
            buf_free(&out);
        }
    }
}

static void test_cutting(void **state)
{
    (void)state;
    const struct slice mixed = SLICE("a\xe6\xbc\xa2"
                                     "b");
    assert_int_equal(cli_text_cut(mixed, 0), 0);
    assert_int_equal(cli_text_cut(mixed, 1), 1);
    assert_int_equal(cli_text_cut(mixed, 2), 1); /* half a wide character is none */
    assert_int_equal(cli_text_cut(mixed, 3), 4);
    assert_int_equal(cli_text_cut(mixed, 4), 5);
    assert_int_equal(cli_text_cut(mixed, 100), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_escaping),
                                       cmocka_unit_test(test_any_byte),
                                       cmocka_unit_test(test_cutting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
