/* test_follow.c - following a log: whatever the writer goes through, each durable record comes once, in
 * order, and with the bytes that the walk over the log has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/read/follow.h"
#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"

struct copy { /* everything that was handed out, a line each */
    struct buf text;
    uint64_t next;
};

static uint64_t durable(struct audit *a)
{
    struct audit_stats stats;
    audit_get_stats(a, &stats);
    return stats.next_seq;
}

static void take_all(struct audit_follow *f, uint64_t below, struct copy *c)
{
    for (;;) {
        struct slice line;
        uint64_t seq = 0;
        struct cb_err err;
        if (audit_follow_next(f, below, &line, &seq, &err) != CB_OK) {
            fail_msg("audit_follow_next: %s", err.msg);
        }
        if (line.ptr == NULL) {
            return;
        }
        assert_int_equal(seq, c->next);
        assert_true(seq < below);
        c->next++;
        buf_add_slice(&c->text, line);
        buf_add_char(&c->text, '\n');
    }
}

static bool copy_line(void *ctx, uint64_t seq, struct slice line)
{
    struct copy *c = ctx;
    c->next = seq + 1;
    buf_add_slice(&c->text, line);
    buf_add_char(&c->text, '\n');
    return true;
}

static void assert_same(const char *dir, uint64_t from, struct copy *c)
{
    struct copy walked = {.next = from};
    struct cb_err err;
    buf_init(&walked.text, 64U << 20);
    assert_int_equal(audit_walk(dir, from, copy_line, &walked, &err), CB_OK);
    assert_int_equal(c->next, walked.next);
    assert_true(slice_eq(buf_slice(&c->text), buf_slice(&walked.text)));
    buf_free(&walked.text);
    buf_free(&c->text);
}

static struct audit_follow *follow(const char *dir, uint64_t from)
{
    struct audit_follow *f = NULL;
    struct cb_err err;
    assert_int_equal(audit_follow_open(dir, from, &f, &err), CB_OK);
    return f;
}

static void test_as_they_come(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit *a = open_log(dir, NULL);
    struct audit_follow *f = follow(dir, 0);
    struct copy c = {.next = 0};
    buf_init(&c.text, 64U << 20);
    take_all(f, 0, &c);
    assert_int_equal(c.next, 0);
    for (int i = 0; i < 50; i++) {
        (void)append_ok(a, "one more");
        take_all(f, durable(a) - (uint64_t)(i % 2), &c); /* also one behind */
    }
    take_all(f, durable(a), &c);
    take_all(f, durable(a), &c);
    assert_same(dir, 0, &c);
    audit_follow_close(f);
    audit_close(a);
    remove_dir(dir);
}

/* Over rolls, restarts and from anywhere. */
static void test_many_segments(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit_options options = options_for(dir, NULL);
    options.segment_bytes = 2000;
    struct audit_follow *f = follow(dir, 0);
    struct copy c = {.next = 0};
    buf_init(&c.text, 64U << 20);
    uint64_t next = 0;
    for (int run = 0; run < 3; run++) {
        struct audit *a = open_with(&options, NULL);
        for (int i = 0; i < 40; i++) {
            (void)append_ok(a, "a record of some length, so that segments fill up before long");
            if (i % 7 == 0) {
                take_all(f, durable(a), &c);
            }
        }
        audit_close(a);
    }
    next = walk_ok(dir, 0).next;
    take_all(f, next, &c);
    assert_same(dir, 0, &c);
    audit_follow_close(f);
    for (uint64_t from = 0; from < next; from++) {
        f = follow(dir, from);
        c = (struct copy){.next = from};
        buf_init(&c.text, 64U << 20);
        take_all(f, next, &c);
        assert_same(dir, from, &c);
        audit_follow_close(f);
    }
    remove_dir(dir);
}

/* A failed sync leaves whole lines behind that do not count: they come from where they were written
 * again, and only from there. */
static void test_void_lines_are_not_followed(void **state)
{
    (void)state;
    static const enum fake_op ops[] = {OP_FDATASYNC, OP_WRITE};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        for (int ahead = 0; ahead < 2; ahead++) {
            char *dir = new_log();
            struct fake_io *fake = fake_new();
            struct audit *a = open_log(dir, &fake->io);
            struct audit_follow *f = follow(dir, 0);
            struct copy c = {.next = 0};
            buf_init(&c.text, 64U << 20);
            (void)append_ok(a, "before");
            const uint64_t then = durable(a);
            if (ahead == 0) {
                take_all(f, then, &c);
            }
            fake_fail(fake, ops[i], EIO, 1);
            (void)append_ok(a, "moved");
            take_all(f, then, &c);
            (void)append_ok(a, "after");
            take_all(f, durable(a), &c);
            assert_same(dir, 0, &c);
            audit_follow_close(f);
            audit_close(a);
            fake_free(fake);
            remove_dir(dir);
        }
    }
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    char *dir = new_log();
    struct cb_err err;
    struct slice line;
    uint64_t seq = 0;
    struct audit_follow *f = follow(dir, 0);
    assert_int_equal(audit_follow_next(f, 100, &line, &seq, &err), CB_OK);
    assert_int_equal(audit_follow_next(f, 100, &line, &seq, &err), CB_OK);
    assert_int_equal(audit_follow_next(f, 100, &line, &seq, &err), CB_ECORRUPT);
    assert_null(line.ptr);
    assert_non_null(strstr(err.msg, "record 2"));
    audit_follow_close(f);
    f = follow("no-such-directory", 0);
    assert_int_equal(audit_follow_next(f, 100, &line, &seq, &err), CB_ENOENT);
    audit_follow_close(f);
    audit_follow_close(NULL);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_they_come),
        cmocka_unit_test(test_many_segments),
        cmocka_unit_test(test_void_lines_are_not_followed),
        cmocka_unit_test(test_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
