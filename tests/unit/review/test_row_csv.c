/* test_row_csv.c - CSV and SQL of texts that want to be something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/review/export.h"
#include "broker/review/row_csv.h"

#include <stdio.h>

struct field_case {
    const char *text;
    const char *field;
};

static const struct field_case fields[] = {
    {"plain", "\"plain\""},
    {"", "\"\""},
    {"a, b", "\"a, b\""},
    {"say \"yes\"", "\"say \"\"yes\"\"\""},
    {"\"", "\"\"\"\""},
    {"two\r\nlines", "\"two\\x0d\\nlines\""},
    {"=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""},
    {"+1", "\"'+1\""},
    {"-1", "\"'-1\""},
    {"@SUM(A1)", "\"'@SUM(A1)\""},
    {"\t=1", "\"'\\t=1\""},
    {"\r=1", "\"'\\x0d=1\""},
    {"a=1", "\"a=1\""},
    {"\033[31m", "\"\\x1b[31m\""},
    {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct buf out;
        buf_init(&out, 1000);
        csv_field(&out, slice_of(fields[i].text));
        assert_string_equal(out.data, fields[i].field);
        csv_field(&out, SLICE("x"));
        assert_int_equal(out.len, strlen(fields[i].field) + 4);
        assert_int_equal(out.data[strlen(fields[i].field)], ',');
        buf_free(&out);
    }
}

static void test_as_many_fields_as_titles(void **state)
{
    (void)state;
    struct buf out;
    struct review_row row = {.num = 1, .result = RESULT_OTHER};
    unsigned commas[2] = {0, 0};
    audit_event_zero(&row.records[0].event, AUDIT_BROKER_START);
    buf_init(&out, 10000);
    row_csv_titles(&out);
    const size_t titles = out.len;
    row_csv_add(&row, &out);
    for (size_t i = 0; i < out.len; i++) {
        commas[i < titles ? 0 : 1] += out.data[i] == ',' ? 1 : 0;
    }
    assert_int_equal(commas[0], commas[1]);
    assert_true(commas[0] > 20);
    buf_free(&out);
}

static void test_sql(void **state)
{
    (void)state;
    struct buf out;
    struct review_record r = {.line = {.seq = 7, .type = AUDIT_AUTHZ_DENY, .whole = SLICE("{}")}};
    audit_event_zero(&r.event, AUDIT_AUTHZ_DENY);
    r.event.who_id = SLICE("x'); DROP TABLE records; --");
    r.event.detail = SLICE("a\n.shell id\nb");
    buf_init(&out, 100000);
    export_sql(&r, SLICE("o'brien"), &out);
    assert_non_null(strstr(out.data, "VALUES ('o''brien',7,"));
    assert_non_null(strstr(out.data, ",'x''); DROP TABLE records; --',"));
    assert_non_null(strstr(out.data, "'a\\n.shell id\\nb'"));
    assert_true(slice_find(buf_slice(&out), '\n') == out.len - 1); /* a statement is a line */
    buf_free(&out);
}

static void test_peers(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *address, *port;
    } peers[] = {{"10.20.0.7:41234", "10.20.0.7", "41234"}, {"10.20.0.7", "10.20.0.7", NULL},
                 {"[::1]:5", "::1", "5"},                   {"2001:db8::1", "2001:db8::1", NULL},
                 {"[::1]", "::1", NULL},                    {"unix", "unix", NULL},
                 {"", "", NULL},                            {"[", "", NULL}};
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        struct slice address;
        struct slice port;
        export_peer(slice_of(peers[i].peer), &address, &port);
        assert_true(slice_eq_str(address, peers[i].address));
        assert_true(peers[i].port == NULL ? port.ptr == NULL : slice_eq_str(port, peers[i].port));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields),
                                       cmocka_unit_test(test_as_many_fields_as_titles),
                                       cmocka_unit_test(test_sql), cmocka_unit_test(test_peers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
