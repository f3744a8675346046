/* test_writers.c - the three forms: that nothing hostile comes through, how large they get, and a small
 * report as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/file.h"
#include "tests/unit/report/helpers.h"

#include <stdio.h>

#define HOSTILE                                                                                    \
    "\"'><script>alert(1)</script>&amp;\x1b[31m\n\r\t\x01\xff\xe2\x80\xae" /* ends in RLO */

static struct slice page_of(struct report *r, struct buf *out)
{
    buf_init(out, 64U << 20);
    html_page(r, out);
    assert_true(buf_ok(out));
    return buf_slice(out);
}

static size_t count_of(struct slice text, const char *part)
{
    size_t num = 0;
    const char *at = text.ptr;
    const char *end = text.ptr + text.len;
    while ((at = memmem(at, (size_t)(end - at), part, strlen(part))) != NULL) {
        num++;
        at += strlen(part);
    }
    return num;
}

/* Every text of an event that a stranger or a client could choose. */
static void tell_hostile(struct telling *t, enum audit_type type)
{
    static const struct slice bad = {HOSTILE, sizeof(HOSTILE) - 1};
    const struct slice list[] = {bad, bad};
    struct audit_event e;
    audit_event_zero(&e, type);
    e.who_id = e.on_behalf_of = e.peer = e.rule = e.owner = e.reason = e.detail = e.by = bad;
    e.serial = e.forced = e.note = e.policy_sha256 = e.policy_old_sha256 = bad;
    e.upstream_message = e.path = e.method = bad;
    e.want = (struct audit_names){.cn = bad, .dns = list, .num_dns = 2, .ip = list, .num_ip = 2};
    e.granted = e.want;
    e.changes = e.mismatch = list;
    e.num_changes = e.num_mismatch = 2;
    e.not_after = SLICE("2026-07-24T00:00:00Z");
    (void)tell(t, 1, &e);
}

static void test_hostile(void **state)
{
    (void)state;
    struct telling t;
    struct buf out;
    telling_begin(&t, 0, 24);
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        tell_hostile(&t, (enum audit_type)i);
    }
    (void)tell_body(
        &t, 1, AUDIT_SEGMENT_OPEN,
        SLICE("\"type\":\"segment.open\",\"origin\":\"<script>\",\"host\":\"\\u202e\""));
    t.r->policies[0].diff = slice_of("-<script>\n+" HOSTILE "\n");
    t.r->is_damaged = true;
    (void)cb_fail(&t.r->damage, CB_ECORRUPT, "<script>");
    report_finish(t.r);
    const struct slice page = page_of(t.r, &out);
    assert_int_equal(count_of(page, "<script"), 0);
    assert_true(count_of(page, "&lt;script&gt;alert(1)") > 20);
    assert_int_equal(count_of(page, "\xe2\x80\xae"), 0); /* right-to-left override */
    assert_true(utf8_valid(page));
    for (size_t i = 0; i < page.len; i++) {
        assert_true((unsigned char)page.ptr[i] >= 0x20 || page.ptr[i] == '\n');
    }
    buf_free(&out);
    buf_init(&out, 64U << 20);
    text_report(t.r, &(struct cli_terminal){.is_utf8 = true}, &out);
    assert_true(utf8_valid(buf_slice(&out)));
    assert_int_equal(count_of(buf_slice(&out), "\xe2\x80\xae"), 0);
    for (size_t i = 0; i < out.len; i++) {
        assert_true((unsigned char)out.data[i] >= 0x20 || out.data[i] == '\n');
    }
    buf_free(&out);
    telling_end(&t);
}

/* As many distinct texts as anybody can bring, as long as records allow: the page stays small. */
static void test_page_stays_small(void **state)
{
    (void)state;
    static char long_text[1000];
    struct telling t;
    struct buf out;
    telling_begin(&t, 0, 24 * 30);
    memset(long_text, '<', sizeof(long_text) - 1);
    for (unsigned i = 0; i < 4000; i++) {
        (void)snprintf(long_text, 12, "%08u", i);
        long_text[8] = '<';
        const struct row rows[] = {
            {.hour = 1,
             .type = AUDIT_ISSUE_OK,
             .who = long_text,
             .name = long_text,
             .rule = long_text,
             .serial = long_text,
             .days = 31},
            {.hour = 2,
             .type = AUDIT_AUTHZ_DENY,
             .who = long_text,
             .name = "*",
             .reason = long_text},
            {.hour = 3, .type = AUDIT_ISSUE_OK, .who = long_text, .name = "*", .reason = long_text},
            {.hour = 4, .type = AUDIT_ISSUE_UNKNOWN, .who = long_text, .reason = long_text},
            {.hour = 5, .type = AUDIT_ISSUE_UNDELIVERED, .who = long_text, .serial = long_text},
            {.hour = 6, .type = AUDIT_POLICY_REJECT, .who = long_text, .reason = long_text},
            {.hour = 7, .type = AUDIT_AUTHN_FAIL, .who = long_text, .reason = long_text},
            {.hour = 8, .type = AUDIT_FAULT, .reason = long_text},
        };
        tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
    }
    report_finish(t.r);
    assert_true(page_of(t.r, &out).len < 1U << 20);
    buf_free(&out);
    telling_end(&t);
}

static void test_empty(void **state)
{
    (void)state;
    struct telling t;
    struct buf out;
    telling_begin(&t, 0, 24);
    report_finish(t.r);
    const struct slice page = page_of(t.r, &out);
    assert_true(count_of(page, "The log has no record of this period.") == 1);
    buf_free(&out);
    telling_end(&t);
}

static void test_digests_of_tokens_are_cut(void **state)
{
    (void)state;
    struct telling t;
    struct buf out;
    struct audit_event e;
    telling_begin(&t, 0, 24);
    audit_event_zero(&e, AUDIT_POLICY_LOAD);
    e.policy_sha256 = SLICE("aa");
    (void)tell(&t, 1, &e);
    t.r->policies[0].diff =
        SLICE("+  auth: [{bearer: {sha256: "
              "\"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\"}}]\n");
    const struct slice page = page_of(t.r, &out);
    assert_int_equal(count_of(page, "2bb80d537b1da3e3"), 0);
    assert_int_equal(count_of(page, "&quot;2bb80d537b1d\xe2\x80\xa6&quot;"), 1);
    buf_free(&out);
    telling_end(&t);
}

/* widest - characters of the longest line. */
static size_t widest(struct slice text)
{
    size_t most = 0;
    for (struct slice rest = text; rest.len > 0;) {
        const size_t len = slice_find(rest, '\n');
        most = len > most ? len : most;
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
    }
    return most;
}

/* Whatever texts are in it: lines end where the terminal does, and where there is none, at 80. */
static void test_text_fits(void **state)
{
    (void)state;
    static char words[400];
    static char word[400];
    static const unsigned widths[] = {0, 80, 100, 200};
    struct telling t;
    struct buf out;
    struct audit_event e;
    telling_begin(&t, 0, 24);
    memset(word, 'w', sizeof(word) - 1);
    for (size_t i = 0; i + 1 < sizeof(words); i++) {
        words[i] = i % 7 == 6 ? ' ' : 'x';
    }
    const char *const texts[] = {words, word};
    for (size_t i = 0; i < 2; i++) {
        const struct slice text = slice_of(texts[i]);
        const struct row rows[] = {
            {.hour = 1,
             .type = AUDIT_AUTHZ_DENY,
             .who = texts[i],
             .name = texts[i],
             .reason = texts[i]},
            {.hour = 2,
             .type = AUDIT_ISSUE_OK,
             .who = texts[i],
             .name = texts[i],
             .serial = texts[i],
             .rule = texts[i],
             .days = 2},
            {.hour = 2,
             .type = AUDIT_ISSUE_OK,
             .who = texts[i],
             .name = "*",
             .serial = "1",
             .rule = texts[i],
             .days = 2},
            {.hour = 3,
             .type = AUDIT_ISSUE_UNKNOWN,
             .who = texts[i],
             .name = texts[i],
             .reason = texts[i]},
            {.hour = 4, .type = AUDIT_ISSUE_UNDELIVERED, .who = texts[i], .serial = texts[i]},
            {.hour = 5,
             .type = AUDIT_AUTHN_FAIL,
             .who = texts[i],
             .reason = texts[i],
             .count = 1000000000},
            {.hour = 6, .type = AUDIT_REVOKE_OK, .serial = texts[i], .own = true, .by = "uid 0"},
        };
        tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
        audit_event_zero(&e, AUDIT_POLICY_LOAD);
        e.policy_sha256 = SLICE("aa");
        e.by = e.forced = e.detail = e.reason = e.note = text;
        e.changes = &text;
        e.num_changes = 1;
        (void)tell(&t, 7, &e);
    }
    report_copy(t.r->origin, sizeof(t.r->origin), slice_of(word));
    report_copy(t.r->host, sizeof(t.r->host), slice_of(words));
    t.r->is_damaged = true;
    (void)cb_fail(&t.r->damage, CB_ECORRUPT, "%s", words);
    report_finish(t.r);
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        const size_t limit = widths[i] == 0 ? 80 : widths[i];
        buf_init(&out, 1U << 20);
        text_report(t.r, &(struct cli_terminal){.width = widths[i]}, &out);
        assert_true(buf_ok(&out));
        if (widest(buf_slice(&out)) > limit) {
            struct cb_err err;
            assert_int_equal(output_file(".build/report-wide.txt", buf_slice(&out), &err), CB_OK);
            fail_msg("%zu columns of %zu: .build/report-wide.txt", widest(buf_slice(&out)), limit);
        }
        assert_true(count_of(buf_slice(&out), "##") > 0);
        buf_free(&out);
    }
    telling_end(&t);
}

/* A small report as a whole, as it was when somebody last looked at it: tests/data/report/small.txt. */
static void test_text_golden(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.hour = -30,
         .type = AUDIT_ISSUE_OK,
         .who = "alice",
         .name = "a.example",
         .serial = "01",
         .days = 30,
         .rule = "web"},
        {.hour = 1,
         .type = AUDIT_ISSUE_OK,
         .who = "alice",
         .name = "*.a.example",
         .serial = "02",
         .days = 3,
         .rule = "web"},
        {.hour = 2,
         .type = AUDIT_AUTHZ_DENY,
         .who = "bob",
         .name = "b.example",
         .reason = "no_rule"},
        {.hour = 3,
         .type = AUDIT_ISSUE_OK,
         .who = "bob",
         .name = "b.example",
         .serial = "03",
         .days = 90,
         .rule = "batch"},
        {.hour = 4,
         .type = AUDIT_ISSUE_UNKNOWN,
         .who = "bob",
         .name = "c.example",
         .reason = "ca_unknown",
         .rule = "batch"},
        {.hour = 4,
         .type = AUDIT_ISSUE_FAIL,
         .who = "bob",
         .name = "d.example",
         .reason = "ca_unavailable",
         .rule = "batch"},
        {.hour = 5, .type = AUDIT_REVOKE_OK, .who = "alice", .serial = "01", .rule = "web"},
        {.hour = 5, .type = AUDIT_AUTHN_FAIL, .reason = "unknown_client", .count = 1200},
    };
    struct telling t;
    struct buf out;
    struct buf golden;
    struct cb_err err;
    telling_begin(&t, 0, 6);
    (void)tell_body(&t, -31, AUDIT_SEGMENT_OPEN,
                    SLICE("\"type\":\"segment.open\",\"origin\":\"acme/log\",\"segment\":1,"
                          "\"host\":\"h1\""));
    tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
    report_finish(t.r);
    buf_init(&out, 1U << 20);
    text_report(t.r, &(struct cli_terminal){.is_terminal = false}, &out);
    assert_int_equal(file_read("tests/data/report/small.txt", FILE_PUBLIC, 1U << 20, &golden, &err),
                     CB_OK);
    if (!slice_eq(buf_slice(&golden), buf_slice(&out))) {
        assert_int_equal(output_file(".build/report-small.txt", buf_slice(&out), &err), CB_OK);
        fail_msg("it is now .build/report-small.txt; if that is right, copy it");
    }
    buf_free(&golden);
    buf_free(&out);
    telling_end(&t);
}

static void test_json(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.hour = 1,
         .type = AUDIT_ISSUE_OK,
         .who = "alice",
         .name = "a.example",
         .serial = "01",
         .days = 30,
         .rule = "r1"},
        {.hour = 2,
         .type = AUDIT_AUTHZ_DENY,
         .who = "bob",
         .name = "b.example",
         .reason = "no_rule"},
    };
    struct telling t;
    struct buf out;
    telling_begin(&t, 0, 6);
    tell_rows(&t, rows, 2);
    report_finish(t.r);
    buf_init(&out, 1U << 20);
    json_report(t.r, &out);
    const struct slice json = buf_slice(&out);
    static const char *const parts[] = {
        "\"since\":\"2026-07-22T17:00:00Z\",\"until\":\"2026-07-22T22:00:00Z\"",
        "\"records\":3,\"records_in_period\":3",
        "\"totals\":{\"issued\":1,\"denied\":1,\"revoked\":0,\"failed\":0,",
        "\"clients\":{\"rows\":[{\"name\":\"alice\",\"issued\":1,\"denied\":0,\"revoked\":0,",
        "\"failed\":0,\"first\":\"2026-07-22T17:00:00Z\",\"last\":\"2026-07-22T17:00:00Z\"},{",
        "\"deny_reasons\":{\"rows\":[{\"name\":\"no_rule\",\"count\":1,",
        "\"valid\":{\"count\":1,",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (count_of(json, parts[i]) == 0) {
            fail_msg("not in it: %s\n%s", parts[i], json.ptr);
        }
    }
    buf_free(&out);
    telling_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),   cmocka_unit_test(test_page_stays_small),
        cmocka_unit_test(test_empty),     cmocka_unit_test(test_digests_of_tokens_are_cut),
        cmocka_unit_test(test_json),      cmocka_unit_test(test_text_golden),
        cmocka_unit_test(test_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
