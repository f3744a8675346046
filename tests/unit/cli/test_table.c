/* test_table.c - tables at many widths: aligned, never wider than the terminal, cut where they must. */
#include "broker/cli/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct cli_column columns[] = {{.title = "TIME", .min = 5},
                                            {.title = "NAME", .min = 6, .max = 20},
                                            {.title = "ID", .min = 4, .drop = 1}};

static void rows(struct cli_table *t, size_t num, const char *name)
{
    for (size_t i = 0; i < num; i++) {
        cli_table_cell(t, "", SLICE("12:00"));
        cli_table_cell(t, "", slice_of(name));
        cli_table_cell(t, "", SLICE("abcdefgh"));
    }
}

static void check(unsigned width, bool is_utf8, const char *name, const char *expected)
{
    const struct cli_terminal terminal = {.width = width, .is_utf8 = is_utf8};
    struct cli_table t;
    struct buf out;
    buf_init(&out, 100000);
    cli_table_init(&t, columns, 3, &terminal);
    rows(&t, 1, name);
    cli_table_flush(&t, &out);
    assert_true(buf_ok(&out));
    if (!slice_eq_str(buf_slice(&out), expected)) {
        fail_msg("width %u:\n%s", width, out.data);
    }
    cli_table_free(&t);
    buf_free(&out);
}

static void test_widths(void **state)
{
    (void)state;
    check(0, false, "api.example", "TIME   NAME         ID\n12:00  api.example  abcdefgh\n");
    check(80, false, "api.example", "TIME   NAME         ID\n12:00  api.example  abcdefgh\n");
    check(28, false, "api.example", "TIME   NAME         ID\n12:00  api.example  abcdefgh\n");
    check(26, false, "api.example", "TIME   NAME       ID\n12:00  api.exam~  abcdefgh\n");
    check(26, true, "api.example", "TIME   NAME       ID\n12:00  api.exam\xe2\x80\xa6  abcdefgh\n");
    check(19, false, "api.example", "TIME   NAME    ID\n12:00  api.e~  abc~\n");
    check(18, false, "api.example", "TIME   NAME\n12:00  api.example\n"); /* the last one goes */
    check(5, false, "api.example", "TIME   NAME\n12:00  api.e~\n");       /* no less than min */
    check(60, false, "a-name-of-more-than-twenty.example",
          "TIME   NAME                  ID\n12:00  a-name-of-more-than~  abcdefgh\n");
    check(0, false, "a\nb", "TIME   NAME  ID\n12:00  a\\nb  abcdefgh\n");
}

static void test_later_rows_keep_the_widths(void **state)
{
    (void)state;
    const struct cli_terminal terminal = {.width = 40};
    struct cli_table t;
    struct buf out;
    buf_init(&out, 1000000);
    cli_table_init(&t, columns, 3, &terminal);
    cli_table_flush(&t, &out);
    assert_int_equal(out.len, 0); /* no rows, no titles */
    rows(&t, 499, "api");
    assert_false(cli_table_is_due(&t));
    rows(&t, 1, "api");
    assert_true(cli_table_is_due(&t));
    cli_table_flush(&t, &out);
    buf_reset(&out);
    rows(&t, 1, "longer.example");
    cli_table_flush(&t, &out);
    assert_string_equal(out.data, "12:00  lon~  abcdefgh\n");
    cli_table_free(&t);
    buf_free(&out);
}

static void test_every_line_fits(void **state)
{
    (void)state;
    for (unsigned width = 24; width < 120; width++) {
        const struct cli_terminal terminal = {.width = width, .is_utf8 = true};
        struct cli_table t;
        struct buf out;
        buf_init(&out, 100000);
        cli_table_init(&t, columns, 3, &terminal);
        rows(&t, 2, "x");
        rows(&t, 2, "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2.example.of.some.length.example");
        cli_table_flush(&t, &out);
        struct slice rest = buf_slice(&out);
        while (rest.len > 0) {
            const size_t end = slice_find(rest, '\n');
            assert_true(cli_text_width((struct slice){rest.ptr, end}) <= width);
            rest = slice_from(rest, end + 1);
        }
        cli_table_free(&t);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths),
                                       cmocka_unit_test(test_later_rows_keep_the_widths),
                                       cmocka_unit_test(test_every_line_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
