/* test_findings.c - what is said first, and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/report/helpers.h"

#include "broker/report/findings.h"

#include <stdio.h>

/* says - a finding of that level begins so. */
static bool says(struct report *r, enum finding_level level, const char *text)
{
    struct finding findings[FINDINGS_MAX];
    const size_t num = findings_of(r, findings);
    for (size_t i = 0; i < num; i++) {
        if (findings[i].level == level && slice_has_prefix(findings[i].text, slice_of(text))) {
            return true;
        }
    }
    return false;
}

static uint64_t tell_fault(struct telling *t, const char *reason, unsigned sys_errno)
{
    char body[128];
    (void)snprintf(body, sizeof(body),
                   "\"type\":\"audit.fault\",\"reason\":\"%s\",\"errno\":%u,\"segment\":1", reason,
                   sys_errno);
    return tell_body(t, 1, AUDIT_FAULT, slice_of(body));
}

/* Who took the file away is no fault of the disk; a file that cannot be looked at is. */
static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        unsigned sys_errno;
        bool is_file, is_reread;
    } cases[] = {
        {"fdatasync", 5, false, false}, {"write", 28, false, false}, {"segment", 2, false, false},
        {"file", 0, true, false}, /* replaced, or grown */
        {"file", 2, true, false}, /* moved away */
        {"file", 13, true, false},      {"file", 5, false, false},   {"reread", 0, false, true},
    };
    struct telling t;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        telling_begin(&t, 0, 24);
        (void)tell_fault(&t, cases[i].reason, cases[i].sys_errno);
        const bool is_disk = !cases[i].is_file && !cases[i].is_reread;
        assert_int_equal(t.r->health.faults, is_disk);
        assert_int_equal(t.r->health.file_changes.num, cases[i].is_file);
        assert_int_equal(t.r->health.rereads.num, cases[i].is_reread);
        assert_true(says(t.r, FINDING_LOOK, "The disk of the log failed 1 time") == is_disk);
        assert_true(says(t.r, FINDING_ALERT,
                         "The log's file was removed or replaced from outside, or written to by "
                         "another, 1 time: record 0") == cases[i].is_file);
        assert_true(says(t.r, FINDING_ALERT,
                         "The disk did not hold what had been acknowledged, 1 time: record 0") ==
                    cases[i].is_reread);
        telling_end(&t);
    }
}

static void test_which_records(void **state)
{
    (void)state;
    struct telling t;
    telling_begin(&t, 0, 24);
    t.seq = 10;
    (void)tell_fault(&t, "reread", 0);
    (void)tell_fault(&t, "reread", 0);
    assert_true(says(t.r, FINDING_ALERT,
                     "The disk did not hold what had been acknowledged, 2 times: records 10, 11"));
    for (unsigned i = 0; i < 1200; i++) {
        (void)tell_fault(&t, "reread", 0);
    }
    assert_true(says(t.r, FINDING_ALERT,
                     "The disk did not hold what had been acknowledged, 1,202 times: records 10, "
                     "11, 12, 13, 14, 15 and 1,196 more"));
    telling_end(&t);
}

static void tell_load(struct telling *t, const char *sha256, const char *by, const char *forced)
{
    struct audit_event e;
    audit_event_zero(&e, AUDIT_POLICY_LOAD);
    e.policy_sha256 = slice_of(sha256);
    e.by = slice_of(by);
    e.forced = slice_of(forced);
    (void)tell(t, 1, &e);
}

static void test_forced(void **state)
{
    (void)state;
    struct telling t;
    telling_begin(&t, 0, 24);
    tell_load(&t, "11", "sighup", NULL);
    tell_load(&t, "22", "uid 0 (root), pid 7 via control", "SEC-9: at once");
    tell_load(&t, "33", NULL, "because");
    assert_false(says(t.r, FINDING_LOOK, "Policy 11"));
    assert_true(says(t.r, FINDING_LOOK,
                     "Policy 22 was loaded although something objected (--force), by uid 0 (root), "
                     "pid 7 via control: SEC-9: at once"));
    assert_true(says(t.r, FINDING_LOOK,
                     "Policy 33 was loaded although something objected (--force), by (not said): "
                     "because"));
    tell_load(&t, "44", "x", "y");
    tell_load(&t, "55", "x", "y");
    assert_false(says(t.r, FINDING_LOOK, "Policy 22"));
    assert_true(
        says(t.r, FINDING_LOOK, "1 more policy was loaded although something objected (--force)"));
    telling_end(&t);
}

/* "Never" is only said where it is known. */
static void test_compared(void **state)
{
    (void)state;
    struct telling t;
    telling_begin(&t, 0, 24);
    (void)tell_row(&t, &(struct row){.hour = 1, .type = AUDIT_AUTHN_FAIL});
    assert_true(says(t.r, FINDING_NOTE, "Up to the end of this period the log was not compared"));
    t.r->is_until_now = true;
    assert_true(says(t.r, FINDING_NOTE, "The log was never compared"));
    t.r->first_seq = 70; /* pruned */
    assert_true(says(t.r, FINDING_NOTE, "What is kept of the log has no comparison"));
    assert_false(says(t.r, FINDING_NOTE, "The log was never compared"));
    (void)tell_row(&t, &(struct row){.hour = 1, .type = AUDIT_RECONCILE_RUN});
    assert_false(says(t.r, FINDING_NOTE, "What is kept of the log has no comparison"));
    telling_end(&t);
}

static void test_before_the_log(void **state)
{
    (void)state;
    struct telling t;
    struct finding findings[FINDINGS_MAX];
    telling_begin(&t, 0, 24);
    t.r->is_before = true;
    t.r->first_us = HOURS_US(30);
    assert_int_equal(findings_of(t.r, findings), 1);
    assert_true(slice_eq_str(findings[0].text, "The log begins 2026-07-23T22:00:00Z, after this "
                                               "period: there is nothing to tell of it"));
    telling_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),         cmocka_unit_test(test_which_records),
        cmocka_unit_test(test_forced),         cmocka_unit_test(test_compared),
        cmocka_unit_test(test_before_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
