/* test_diag.c - order, counting, and that a complaint is one line whatever it quotes. */
#include "tests/unit/policy/support.h"

static void test_order(void **state)
{
    (void)state;
    struct diag_list *d = diag_new();
    char name[] = "b.yaml";
    diag_add(d, DIAG_ERROR, (struct diag_place){name, 10, 1}, "ten");
    diag_add(d, DIAG_WARNING, (struct diag_place){name, 2, 7}, "col %d", 7);
    diag_add(d, DIAG_ERROR, (struct diag_place){name, 2, 3}, "first");
    diag_add(d, DIAG_ERROR, (struct diag_place){name, 2, 3}, "second");
    diag_add(d, DIAG_ERROR, (struct diag_place){.file = "a.yaml"}, "whole file");
    memset(name, 'x', 6); /* the list has its own copy */
    char *text = printed(d);
    assert_string_equal(text, "a.yaml: error: whole file\n"
                              "b.yaml:2:3: error: first\n"
                              "b.yaml:2:3: error: second\n"
                              "b.yaml:2:7: warning: col 7\n"
                              "b.yaml:10:1: error: ten\n");
    free(text);
    assert_int_equal(diag_num_errors(d), 4);
    assert_int_equal(diag_num_warnings(d), 1);
    diag_free(d);
}

static void test_first(void **state)
{
    (void)state;
    struct diag_list *d = diag_new();
    char out[40];
    diag_first(d, out, sizeof(out));
    assert_string_equal(out, "");
    diag_add(d, DIAG_WARNING, (struct diag_place){"f", 1, 1}, "only a warning");
    diag_first(d, out, sizeof(out));
    assert_string_equal(out, "");
    diag_add(d, DIAG_ERROR, (struct diag_place){"f", 9, 1}, "later");
    diag_add(d, DIAG_ERROR, (struct diag_place){"f", 3, 4}, "a rather long text that is cut off");
    diag_first(d, out, sizeof(out));
    assert_string_equal(out, "f:3:4: a rather long text that is cut o");
    diag_first(d, out, 4);
    assert_string_equal(out, "f:3");
    diag_free(d);
}

static void test_more(void **state)
{
    (void)state;
    struct diag_list *d = diag_new();
    for (unsigned i = 1; i <= DIAG_MAX + 5; i++) {
        diag_add(d, DIAG_WARNING, (struct diag_place){"f", i, 1}, "w");
    }
    diag_add(d, DIAG_ERROR, (struct diag_place){"f", 1, 2}, "not lost behind the warnings");
    char *text = printed(d);
    assert_non_null(strstr(text, "f:1:2: error: not lost"));
    assert_non_null(strstr(text, "... and 5 more warnings\n"));
    assert_null(strstr(text, "more error"));
    free(text);
    assert_int_equal(diag_num_warnings(d), DIAG_MAX + 5);
    assert_false(diag_is_full(d));
    for (unsigned i = 1; i < DIAG_MAX; i++) {
        assert_false(diag_is_full(d));
        diag_add(d, DIAG_ERROR, (struct diag_place){"f", i, 1}, "e");
    }
    assert_true(diag_is_full(d));
    diag_free(d);
    diag_free(NULL);
}

/* Each of many files keeps its name. */
static void test_many_files(void **state)
{
    (void)state;
    struct diag_list *d = diag_new();
    char name[20];
    for (unsigned i = 0; i < DIAG_MAX; i++) {
        (void)snprintf(name, sizeof(name), "%04u.yaml", i);
        diag_add(d, DIAG_ERROR, (struct diag_place){name, 1, 1}, "e");
        diag_add(d, DIAG_WARNING, (struct diag_place){name, 1, 1}, "w");
    }
    char *text = printed(d);
    assert_null(strchr(text, '?'));
    assert_non_null(strstr(text, "0199.yaml:1:1: error: e\n0199.yaml:1:1: warning: w\n"));
    free(text);
    diag_free(d);
}

static void test_one_line(void **state)
{
    (void)state;
    struct diag_list *d = diag_new();
    diag_add(d, DIAG_ERROR, (struct diag_place){"f", 1, 1}, "a\nb\x1b[0m%s", "\r");
    char *text = printed(d);
    assert_string_equal(text, "f:1:1: error: a?b?[0m?\n");
    free(text);
    diag_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_many_files),
        cmocka_unit_test(test_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
