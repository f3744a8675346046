/* test_pieces.c - what a report is counted with: fingers, tallies, series, certificates, diffs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/report/certs.h"
#include "broker/report/series.h"
#include "broker/report/tally.h"
#include "broker/report/text_diff.h"

#include <stdio.h>

#define DAY_S INT64_C(86400)
#define HOUR_US INT64_C(3600000000)
#define DAY_US (24 * HOUR_US)

static void test_fingers(void **state)
{
    (void)state;
    const struct finger_key a = {{1, 2}};
    const struct finger_key b = {{1, 3}};
    const struct slice texts[] = {{"", 0},        {"\0", 1},       {"\0\0", 2},     {"a", 1},
                                  {"abcdefg", 7}, {"abcdefgh", 8}, {"abcdefghi", 9}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(finger(&a, 0, texts[i]), finger(&a, 0, texts[i]));
        assert_int_not_equal(finger(&a, 0, texts[i]), finger(&b, 0, texts[i]));
        assert_int_not_equal(finger(&a, 0, texts[i]), finger(&a, 1, texts[i]));
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(finger(&a, 0, texts[i]), finger(&a, 0, texts[k]));
        }
    }
    /* A list is not its texts put together. */
    assert_int_not_equal(finger(&a, finger(&a, 0, SLICE("ab")), SLICE("c")),
                         finger(&a, finger(&a, 0, SLICE("a")), SLICE("bc")));
}

static void test_finger_map(void **state)
{
    (void)state;
    struct finger_map m;
    uint32_t value = 0;
    finger_map_init(&m, 10000);
    assert_int_equal(finger_get(&m, 7), FINGER_NONE);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(finger_put(&m, i * UINT64_C(0x100000000), i, &value), FINGER_NEW);
    }
    for (uint32_t i = 1; i < 10000; i++) {
        assert_int_equal(finger_put(&m, i * UINT64_C(0x100000000), 5, &value), FINGER_OLD);
        assert_int_equal(value, i);
    }
    assert_int_equal(finger_put(&m, 77, 1, &value), FINGER_FULL);
    assert_int_equal(value, FINGER_NONE);
    finger_set(&m, UINT64_C(0x100000000), 9);
    assert_int_equal(finger_get(&m, UINT64_C(0x100000000)), 9);
    finger_map_free(&m);
    assert_int_equal(finger_get(&m, 7), FINGER_NONE);
}

static void test_tally(void **state)
{
    (void)state;
    const struct finger_key key = {{1, 2}};
    struct tally t;
    char long_text[2 * TALLY_TEXT_MAX];
    tally_init(&t, &key, 3);
    tally_add(&t, SLICE("b"), 2, 20);
    tally_add(&t, SLICE("a"), 2, 10);
    tally_add(&t, SLICE("c"), 5, 30);
    tally_add(&t, SLICE("b"), 1, 5);
    tally_add(&t, SLICE("d"), 4, 40); /* one too many */
    tally_add(&t, SLICE("e"), 1, 41);
    tally_add(&t, SLICE("b"), 1, 42); /* is known */
    tally_sort(&t);
    assert_int_equal(tally_used(&t), 3);
    assert_true(slice_eq_str(t.rows[0].text, "c"));
    assert_true(slice_eq_str(t.rows[1].text, "b"));
    assert_true(slice_eq_str(t.rows[2].text, "a"));
    assert_int_equal(t.rows[1].total, 4);
    assert_int_equal(t.rows[1].first_us, 5);
    assert_int_equal(t.rows[1].last_us, 42);
    assert_int_equal(t.others.total, 5);
    assert_int_equal(t.beyond, 2);
    /* Cut, but not in the middle of a character. */
    memset(long_text, 'x', sizeof(long_text));
    memcpy(long_text + TALLY_TEXT_MAX - 1, "\xc3\xa9", 2);
    assert_int_equal(tally_keep_text(&t, (struct slice){long_text, sizeof(long_text)}).len,
                     TALLY_TEXT_MAX - 1);
    tally_free(&t);
}

static void test_series(void **state)
{
    (void)state;
    static const struct {
        int64_t since_h, until_h;
        const char *words;
        size_t num;
    } cases[] = {
        /* Hour 0 is 2026-07-22T16:00Z, a Wednesday. */
        {0, 1, "2 minutes", 30},    {0, 5, "10 minutes", 30},    {0, 24, "hour", 24},
        {0, 168, "6 hours", 29},    {0, 720, "day", 31},         {0, 8760, "week", 53},
        {0, 8, "hour", 8},          {8, 8 + 48, "hour", 48},     {0, 24 * 2000, "4 weeks", 73},
        {8, 8 + 72, "6 hours", 12}, {0, 24 * 20000, "bar", 120},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct series s;
        const int64_t t0 = INT64_C(1784736000000000);
        const int64_t since = t0 + cases[i].since_h * HOUR_US;
        const int64_t until = t0 + cases[i].until_h * HOUR_US;
        series_init(&s, since, until);
        assert_string_equal(series_bucket_words(&s), cases[i].words);
        assert_in_range(s.num, cases[i].num - (s.num > 100), cases[i].num);
        assert_true(s.start_us <= since);
        assert_true(s.start_us + (int64_t)s.num * s.bucket_us >= until);
        assert_true(s.start_us + (int64_t)(s.num - 1) * s.bucket_us < until);
        series_add(&s, HAPPENED_DENIED, since);
        series_add(&s, HAPPENED_DENIED, until - 1);
        series_add(&s, HAPPENED_DENIED, until - 1);
        series_add(&s, HAPPENED_DENIED, s.start_us - 1); /* is not counted */
        assert_int_equal(s.count[HAPPENED_DENIED][0], 1);
        assert_int_equal(s.count[HAPPENED_DENIED][s.num - 1], 2);
        assert_int_equal(series_max(&s, HAPPENED_DENIED), 2);
        assert_int_equal(series_max(&s, HAPPENED_ISSUED), 0);
    }
}

static void test_series_starts_on_mondays(void **state)
{
    (void)state;
    struct series s;
    series_init(&s, INT64_C(1784736000000000), INT64_C(1784736000000000) + 365 * DAY_US);
    assert_int_equal(s.start_us / 1000000, 1784505600); /* 2026-07-20, a Monday */
}

static void test_certs(void **state)
{
    (void)state;
    const struct finger_key key = {{1, 2}};
    static const struct {
        const char *serial;
        uint64_t holder;
        int64_t hours_left;
    } given[] = {{"01", 1, 24 * 3},  {"02", 1, 24 * 40},                 /* newer than 01 */
                 {"03", 2, 24 * 6},  {"04", 3, 1},        {"05", 4, -1}, /* over */
                 {"06", 5, 24 * 20}, {"07", 6, 24 * 2},                  /* revoked */
                 {"08", 7, 24 * 89}, {"09", 8, 24 * 364}, {"0a", 9, 24 * 400}};
    struct certs c;
    certs_init(&c, &key, 1000 * DAY_S);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        certs_add(&c, slice_of(given[i].serial), SLICE("a.example"),
                  &(struct cert){.seq = i,
                                 .holder = given[i].holder,
                                 .not_after_s = 1000 * DAY_S + given[i].hours_left * 3600});
    }
    certs_add(&c, SLICE("01"), SLICE("twice"), &(struct cert){.not_after_s = 2000 * DAY_S});
    certs_revoke(&c, SLICE("07"));
    certs_revoke(&c, SLICE("ff"));
    assert_true(slice_eq_str(certs_find(&c, SLICE("03"))->name, "a.example"));
    assert_null(certs_find(&c, SLICE("05")));
    certs_finish(&c);
    assert_int_equal(c.alive, 8);
    assert_int_equal(c.due_7, 3);
    assert_int_equal(c.gap_7, 2);
    assert_int_equal(c.due_30, 4);
    assert_int_equal(c.due_90, 2);
    assert_int_equal(c.due_365, 1);
    assert_int_equal(c.due_later, 1);
    assert_int_equal(c.by_day[0], 1);
    assert_int_equal(c.by_day[3], 1);
    assert_int_equal(c.gap_by_day[3], 0);
    assert_int_equal(c.gap_by_day[6], 1);
    assert_string_equal(c.items[0].serial, "04");
    assert_true(certs_has_newer(&c.items[1]));
    certs_free(&c);
}

static void test_text_diff(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *diff;
        size_t added, removed;
    } cases[] = {
        {"", "", "", 0, 0},
        {"a\n", "a\n", "", 0, 0},
        {"", "a\n", "@@ -1 +1 @@\n+a\n", 1, 0},
        {"a\nb\n", "", "@@ -1 +1 @@\n-a\n-b\n", 0, 2},
        {"a", "a\n", "", 0, 0},
        {"a\nb\nc\n", "a\nx\nc\n", "@@ -1 +1 @@\n a\n-b\n+x\n c\n", 1, 1},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nx\n",
         "@@ -6 +6 @@\n 6\n 7\n 8\n-9\n+x\n", 1, 1},
        {"x\n1\n2\n3\n4\n5\n6\n7\n8\ny\n", "1\n2\n3\n4\n5\n6\n7\n8\n",
         "@@ -1 +1 @@\n-x\n 1\n 2\n 3\n@@ -7 +6 @@\n 6\n 7\n 8\n-y\n", 0, 2},
        {"a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", NULL, 2, 3}, /* Myers' own example: D = 5 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        struct text_diff d;
        buf_init(&out, 4096);
        assert_true(text_diff(slice_of(cases[i].before), slice_of(cases[i].after), 4096, &out, &d));
        assert_int_equal(d.added, cases[i].added);
        assert_int_equal(d.removed, cases[i].removed);
        if (cases[i].diff != NULL) {
            assert_string_equal(out.data == NULL ? "" : out.data, cases[i].diff);
        }
        buf_free(&out);
    }
}

static void test_text_diff_bounds(void **state)
{
    (void)state;
    struct buf before;
    struct buf after;
    struct buf out;
    struct text_diff d;
    buf_init(&before, 1U << 20);
    buf_init(&after, 1U << 20);
    buf_init(&out, 1U << 20);
    for (unsigned i = 0; i < 5000; i++) {
        buf_printf(&before, "old %u\n", i);
        buf_printf(&after, "new %u\n", i);
    }
    assert_true(text_diff(buf_slice(&before), buf_slice(&after), 1000, &out, &d));
    assert_int_equal(d.added, 5000);
    assert_int_equal(d.removed, 5000);
    assert_in_range(out.len, 1000, 1300);
    assert_true(d.not_shown > 9000);
    buf_reset(&before);
    for (unsigned i = 0; i <= TEXT_DIFF_LINES_MAX; i++) {
        buf_add_char(&before, '\n');
    }
    assert_false(text_diff(buf_slice(&before), buf_slice(&after), 1000, &out, &d));
    buf_free(&before);
    buf_free(&after);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingers),
        cmocka_unit_test(test_finger_map),
        cmocka_unit_test(test_tally),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_series_starts_on_mondays),
        cmocka_unit_test(test_certs),
        cmocka_unit_test(test_text_diff),
        cmocka_unit_test(test_text_diff_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
