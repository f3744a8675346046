/* test_control_line.c - what is a request on the control socket, and how an answer is read. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "broker/control/control_line.h"

static const struct {
    const char *line;
    enum control_command command;
    const char *force, *reason, *sudo_user;
} good[] = {
    {"{\"command\":\"status\"}", CONTROL_STATUS, "", "", ""},
    {" { \"command\" : \"reload\" } ", CONTROL_RELOAD, "", "", ""},
    {"{\"command\":\"reload\",\"force\":\"SEC-1042\"}", CONTROL_RELOAD, "SEC-1042", "", ""},
    {"{\"force\":\"caf\\u00e9 \\\"x\\\"\",\"command\":\"reload\"}", CONTROL_RELOAD,
     "caf\xc3\xa9 \"x\"", "", ""},
    {"{\"command\":\"reload\",\"reason\":\"SEC-7\"}", CONTROL_RELOAD, "", "SEC-7", ""},
    {"{\"sudo_user\":\"anna\",\"command\":\"reload\",\"reason\":\"x\"}", CONTROL_RELOAD, "", "x",
     "anna"},
    {"{\"command\":\"reload\",\"force\":\"x\",\"sudo_user\":\"AD\\\\anna\"}", CONTROL_RELOAD, "x",
     "", "AD\\anna"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct control_request request;
        struct cb_err err = {0};
        if (control_request_parse(slice_of(good[i].line), &request, &err) != CB_OK) {
            fail_msg("%s: %s", good[i].line, err.msg);
        }
        assert_int_equal(request.command, good[i].command);
        assert_string_equal(request.force, good[i].force);
        assert_string_equal(request.reason, good[i].reason);
        assert_string_equal(request.sudo_user, good[i].sudo_user);
    }
}

static const struct {
    const char *line, *told;
} bad[] = {
    {"", ""},
    {"x", ""},
    {"{}", "\"command\" is missing"},
    {"[]", "must be one JSON object"},
    {"\"reload\"", "must be one JSON object"},
    {"null", "must be one JSON object"},
    {"{\"command\":\"stop\"}", "no such command"},
    {"{\"command\":\"Reload\"}", "no such command"},
    {"{\"command\":\"\"}", "no such command"},
    {"{\"command\":null}", "command: must be a string"},
    {"{\"command\":[\"reload\"]}", "command: must be a string"},
    {"{\"COMMAND\":\"reload\"}", "only \"command\", \"force\""},
    {"{\"command\":\"reload\",\"command\":\"reload\"}", ""},
    {"{\"command\":\"reload\",\"Command\":\"reload\"}", ""},
    {"{\"command\":\"reload\",\"policy\":\"/etc/x\"}", "only \"command\", \"force\""},
    {"{\"command\":\"reload\",\"force\":1}", "force: must be a string"},
    {"{\"command\":\"reload\",\"force\":\"\"}", "the reason is empty"},
    {"{\"command\":\"reload\",\"force\":\"\\t\"}", "the reason is empty"},
    {"{\"command\":\"reload\",\"force\":\"a\\u007fb\"}", "without control characters"},
    {"{\"command\":\"reload\",\"force\":\"a\\u0000\"}", ""},
    {"{\"command\":\"status\",\"force\":\"x\"}", "only a reload can"},
    {"{\"command\":\"status\",\"reason\":\"x\"}", "only a reload can"},
    {"{\"command\":\"status\",\"sudo_user\":\"x\"}", "only a reload can"},
    {"{\"command\":\"reload\",\"reason\":\" \"}", "the reason is empty"},
    {"{\"command\":\"reload\",\"reason\":null}", "reason: must be a string"},
    {"{\"command\":\"reload\",\"reason\":\"x\",\"force\":\"y\"}", "no \"reason\" beside it"},
    {"{\"command\":\"reload\",\"sudo_user\":\"\"}", "sudo_user must be"},
    {"{\"command\":\"reload\",\"sudo_user\":\"a\\\", pid 1\"}", "sudo_user must be"},
    {"{\"command\":\"reload\",\"sudo_user\":\"a\\nb\"}", "sudo_user must be"},
    {"{\"command\":\"status\"}{}", ""},
    {"{\"command\":\"status\",}", ""},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct control_request request = {.force = "untouched"};
        struct cb_err err = {0};
        if (control_request_parse(slice_of(bad[i].line), &request, &err) == CB_OK) {
            fail_msg("%s: accepted", bad[i].line);
        }
        assert_string_not_equal(err.msg, "");
        if (strstr(err.msg, bad[i].told) == NULL) {
            fail_msg("%s: \"%s\", not \"%s\"", bad[i].line, err.msg, bad[i].told);
        }
        assert_string_equal(request.force, "untouched");
    }
}

static void test_length_of_a_reason(void **state)
{
    (void)state;
    char text[RELOAD_REASON_MAX + 2];
    struct cb_err err;
    memset(text, 'x', sizeof(text));
    assert_int_equal(control_reason_check((struct slice){text, RELOAD_REASON_MAX}, &err), CB_OK);
    assert_int_equal(control_reason_check((struct slice){text, RELOAD_REASON_MAX + 1}, &err),
                     CB_EINPUT);
}

static void test_written_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct control_request request;
        struct control_request again;
        struct cb_err err;
        struct buf line;
        buf_init(&line, CONTROL_LINE_MAX);
        assert_int_equal(control_request_parse(slice_of(good[i].line), &request, &err), CB_OK);
        control_request_write(&request, &line);
        assert_true(buf_ok(&line) && line.data[line.len - 1] == '\n');
        assert_int_equal(
            control_request_parse((struct slice){line.data, line.len - 1}, &again, &err), CB_OK);
        assert_int_equal(request.command, again.command);
        assert_string_equal(request.force, again.force);
        assert_string_equal(request.reason, again.reason);
        assert_string_equal(request.sudo_user, again.sudo_user);
        buf_free(&line);
    }
}

static void test_answers(void **state)
{
    (void)state;
    struct control_answer *a = NULL;
    struct cb_err err;
    assert_int_equal(
        control_answer_parse(SLICE("{\"ok\":true,\"result\":\"loaded\",\"rules\":12,\"x\":-1,"
                                   "\"changes\":[\"+ a\",\"- b\"]}"),
                             &a, &err),
        CB_OK);
    assert_true(control_answer_ok(a));
    assert_string_equal(control_answer_text(a, "result"), "loaded");
    assert_null(control_answer_text(a, "rules"));
    assert_null(control_answer_text(a, "none"));
    assert_int_equal(control_answer_number(a, "rules"), 12);
    assert_int_equal(control_answer_number(a, "x"), 0);
    assert_int_equal(control_answer_number(a, "result"), 0);
    assert_string_equal(control_answer_item(a, "changes", 1), "- b");
    assert_null(control_answer_item(a, "changes", 2));
    assert_null(control_answer_item(a, "none", 0));
    control_answer_free(a);
    assert_int_equal(control_answer_parse(SLICE("[1]"), &a, &err), CB_EINPUT);
    assert_int_equal(control_answer_parse(SLICE("{\"ok\":true"), &a, &err), CB_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_length_of_a_reason),
        cmocka_unit_test(test_written_is_read),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
