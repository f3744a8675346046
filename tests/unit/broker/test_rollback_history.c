/* test_rollback_history.c - which policy was in force before, after rollbacks too. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "audit/audit.h"
#include "broker/reload/rollback_history.h"

#include <stdio.h>
#include <stdlib.h>

/* Each letter is a policy that came into force, `<` in front of it: by a rollback. */
static const struct {
    const char *events, *steps;
} rows[] = {
    {"", ""},          {"a", "a"},     {"aaa", "a"},   {"ab", "ab"},
    {"aabbb", "ab"},   {"abc", "abc"}, {"aba", "aba"}, /* written anew by hand: a step like any other */
    {"ab<a", "a"},                                     /* undone */
    {"abc<b", "ab"},                                   /* the next one goes to a */
    {"abc<b<a", "a"},  {"abc<a", "a"},                 /* two at once, by --to */
    {"abc<bd", "abd"}, {"ab<aa", "a"},                 /* and started anew */
    {"bc<a", "a"},                                     /* to one from before what was read */
    {"abab<a", "aba"},                                 /* to the nearest of them */
};

static void add(struct rollback_history *h, char letter, bool is_rollback)
{
    char sha256[SHA256_HEX_LEN + 1];
    memset(sha256, letter, SHA256_HEX_LEN);
    sha256[SHA256_HEX_LEN] = '\0';
    rollback_history_add(h, slice_of(sha256), 7, is_rollback);
}

static void read(struct rollback_history *h, const char *events)
{
    for (const char *c = events; *c != '\0'; c++) {
        const bool is_rollback = *c == '<';
        c += is_rollback ? 1 : 0;
        add(h, *c, is_rollback);
    }
}

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rollback_history h = {.num = 0};
        char steps[16] = "";
        read(&h, rows[i].events);
        assert_false(h.no_memory);
        assert_true(h.num < sizeof(steps));
        for (size_t k = 0; k < h.num; k++) {
            steps[k] = h.steps[k].sha256[0];
        }
        if (strcmp(steps, rows[i].steps) != 0) {
            fail_msg("%s: %s, not %s", rows[i].events, steps, rows[i].steps);
        }
        rollback_history_free(&h);
    }
}

static void test_find(void **state)
{
    (void)state;
    struct rollback_history h = {.num = 0};
    const struct rollback_step *step = NULL;
    struct cb_err err;
    read(&h, "abc<a");
    assert_int_equal(rollback_history_find(&h, SLICE("bbbbbbbb"), &step, &err), CB_OK);
    assert_int_equal(step->sha256[0], 'b'); /* also what was undone */
    assert_int_equal(rollback_history_find(&h, SLICE("bbbbbbb"), &step, &err), CB_EINPUT);
    assert_int_equal(rollback_history_find(&h, SLICE("dddddddd"), &step, &err), CB_EINPUT);
    char near[SHA256_HEX_LEN + 1];
    memset(near, 'b', SHA256_HEX_LEN);
    near[SHA256_HEX_LEN - 1] = 'c';
    near[SHA256_HEX_LEN] = '\0';
    rollback_history_add(&h, slice_of(near), 8, false);
    assert_int_equal(rollback_history_find(&h, SLICE("bbbbbbbb"), &step, &err), CB_EINPUT);
    assert_int_equal(rollback_history_find(&h, slice_of(near), &step, &err), CB_OK);
    rollback_history_free(&h);
}

static void test_odd_digests_are_not_taken(void **state)
{
    (void)state;
    struct rollback_history h = {.num = 0};
    rollback_history_add(&h, SLICE("abc"), 7, false);
    rollback_history_add(&h, (struct slice){0}, 7, false);
    assert_int_equal(h.num, 0);
    assert_int_equal(h.num_all, 0);
}

static void put_start(const char *dir, char letter)
{
    char sha256[SHA256_HEX_LEN + 1];
    struct audit *audit = NULL;
    struct audit_recovery recovery = {0};
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    const struct audit_options options = {
        .dir = dir, .version = "1", .soft_free_bytes = 1, .hard_free_bytes = 1};
    memset(sha256, letter, SHA256_HEX_LEN);
    sha256[SHA256_HEX_LEN] = '\0';
    assert_int_equal(audit_open(&options, &audit, &recovery, &err), CB_OK);
    audit_recovery_free(&recovery);
    audit_event_zero(&e, AUDIT_BROKER_START);
    e.policy_sha256 = slice_of(sha256);
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_int_equal(audit_append_wait(audit, e.type, buf_slice(&body), NULL, &err), CB_OK);
    buf_free(&body);
    audit_close(audit);
}

/* However long ago it was; a clock that was set back is no obstacle. */
static void test_last(void **state)
{
    (void)state;
    static const int64_t later_s[] = {0, 4000, 86400, INT64_C(400) * 86400, -86400};
    char dir[] = "/tmp/certbroker-last-XXXXXX";
    char command[64];
    char last[SHA256_HEX_LEN + 1];
    struct cb_err err;
    assert_non_null(mkdtemp(dir));
    const int64_t now_us = clock_wall_us(&cb_system_clock);
    assert_int_equal(rollback_history_last(dir, now_us, last, &err), CB_ENOENT);
    assert_int_equal(audit_init(dir, "test", &err), CB_OK);
    assert_int_equal(rollback_history_last(dir, now_us, last, &err), CB_OK);
    assert_string_equal(last, "");
    put_start(dir, 'a');
    put_start(dir, 'b');
    for (size_t i = 0; i < sizeof(later_s) / sizeof(later_s[0]); i++) {
        const int64_t then_us = now_us + later_s[i] * 1000000;
        assert_int_equal(rollback_history_last(dir, then_us, last, &err), CB_OK);
        assert_int_equal(last[0], 'b');
    }
    (void)snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_odd_digests_are_not_taken),
        cmocka_unit_test(test_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
