/* test_span.c - walking a span of time: the same records as the walk over everything, decoded to the
 * same events, and damage is found just as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#define RECORDS_MAX 64

struct both {
    struct audit_record records[RECORDS_MAX];
    size_t num, at;
    struct arena arena;
};

static bool keep(void *ctx, uint64_t seq, struct slice line)
{
    struct both *b = ctx;
    struct cb_err err;
    assert_true(b->num < RECORDS_MAX);
    assert_int_equal(audit_line_parse(line, &b->arena, &b->records[b->num], &err), CB_OK);
    assert_int_equal(b->records[b->num++].seq, seq);
    return true;
}

static bool compare(void *ctx, const struct audit_line *line)
{
    struct both *b = ctx;
    struct audit_event e;
    struct slice trunc;
    struct cb_err err;
    assert_true(b->at < b->num);
    const struct audit_record *want = &b->records[b->at++];
    assert_int_equal(line->seq, want->seq);
    assert_int_equal(line->ts_us, want->ts_us);
    assert_int_equal(line->type, want->event.type);
    assert_int_equal(audit_line_decode(line, &b->arena, &e, &trunc, &err), CB_OK);
    assert_true(slice_eq(e.req, want->event.req));
    assert_true(slice_eq(e.detail, want->event.detail));
    assert_int_equal(e.detail.ptr == NULL, want->event.detail.ptr == NULL);
    assert_int_equal(trunc.ptr != NULL, e.detail.len == 1024);
    return true;
}

static void test_same_records(void **state)
{
    (void)state;
    static char large[2000];
    static const char *const details[] = {"plain", "\"quoted\\\" \xc3\xa9 \x1b", "", NULL, large};
    static struct both b;
    struct cb_err err;
    char *dir = new_log();
    memset(large, 'x', sizeof(large) - 1);
    for (int run = 0; run < 3; run++) {
        struct audit *a = open_log(dir, NULL);
        for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
            assert_int_equal(append(a, AUDIT_AUTHZ_DENY, UINT64_MAX, details[i], NULL), CB_OK);
        }
        audit_close(a);
    }
    b = (struct both){.num = 0};
    arena_init(&b.arena, 1U << 20);
    assert_int_equal(audit_walk(dir, 0, keep, &b, &err), CB_OK);
    assert_int_equal(b.num, 23);
    assert_int_equal(audit_walk_span(dir, INT64_MIN, INT64_MAX, compare, &b, &err), CB_OK);
    assert_int_equal(b.at, b.num);
    b.at = 1; /* what was written at the last one's time is not before it */
    while (b.records[b.at].ts_us < b.records[15].ts_us) {
        b.at++;
    }
    assert_int_equal(audit_walk_span(dir, b.records[15].ts_us, INT64_MAX, compare, &b, &err),
                     CB_OK);
    assert_int_equal(b.at, b.num);
    arena_free(&b.arena);
    remove_dir(dir);
}

static bool any(void *ctx, const struct audit_line *line)
{
    (void)ctx;
    (void)line;
    return true;
}

/* Each byte of a record, changed: the walk says where, whatever the byte belongs to. */
static void test_damage_is_found(void **state)
{
    (void)state;
    char *dir = new_log();
    struct cb_err err;
    struct buf bytes;
    struct audit *a = open_log(dir, NULL);
    (void)append_ok(a, "x");
    audit_close(a);
    a = open_log(dir, NULL);
    audit_close(a);
    read_file(segment_path(dir, 2), &bytes);
    const char *record = memmem(bytes.data, bytes.len, "{\"v\":1,\"seq\":3,", 15);
    assert_non_null(record);
    const size_t start = (size_t)(record - bytes.data);
    const size_t len = strcspn(record, "\n");
    for (size_t i = start; i < start + len; i++) {
        bytes.data[i] = (char)(bytes.data[i] ^ 1);
        write_file(segment_path(dir, 2), buf_slice(&bytes));
        bytes.data[i] = (char)(bytes.data[i] ^ 1);
        assert_int_equal(audit_walk_span(dir, INT64_MIN, INT64_MAX, any, NULL, &err), CB_ECORRUPT);
        assert_non_null(strstr(err.msg, "00000002.jsonl: record 3"));
    }
    write_file(segment_path(dir, 2), buf_slice(&bytes));
    assert_int_equal(audit_walk_span(dir, INT64_MIN, INT64_MAX, any, NULL, &err), CB_OK);
    buf_free(&bytes);
    remove_dir(dir);
}

/* What a frame says is right need not be an event that we know: the decoder says so. */
static void test_bodies_that_are_no_events(void **state)
{
    (void)state;
    static const char *const bodies[] = {"\"type\":\"authz.deny\",\"req\":1",
                                         "\"type\":\"authz.deny\",\"req\":\"a\",\"req\":\"b\"",
                                         "\"type\":\"authz.deny\",\"who\":[]",
                                         "\"type\":\"authz.deny\",\"want\":{\"dns\":\"a\"}",
                                         "\"type\":\"authz.deny\",\"count\":\"1\"",
                                         "\"type\":\"authz.deny\",\"detail\":\"\\x\"",
                                         "\"type\":\"authz.deny\",\"who\":{\"id\":\"",
                                         "\"type\":\"authz.deny\" ,\"req\":\"a\"",
                                         "\"req\":\"a\"",
                                         ""};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct audit_event e;
        struct slice trunc;
        struct arena arena;
        struct cb_err err;
        const struct audit_line line = {.type = AUDIT_AUTHZ_DENY, .body = slice_of(bodies[i])};
        arena_init(&arena, 1U << 16);
        assert_int_equal(audit_line_decode(&line, &arena, &e, &trunc, &err), CB_EINPUT);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_records),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_bodies_that_are_no_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
