/* test_threads.c - many threads submit while others read the log and its state. For TSan, and for
 * the promise that each record is acknowledged once and in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#define SUBMITTERS 6
#define EACH 200

struct shared {
    struct audit *audit;
    const char *dir;
    int running;                             /* submitters */
    bool seen[SUBMITTERS * EACH * 2 + 1000]; /* by seq */
    pthread_mutex_t mutex;
};

static void mark(struct shared *s, uint64_t seq)
{
    (void)pthread_mutex_lock(&s->mutex);
    CB_CHECK(seq < sizeof(s->seen) && !s->seen[seq]);
    s->seen[seq] = true;
    (void)pthread_mutex_unlock(&s->mutex);
}

static void submit(struct shared *s, enum audit_type type, uint64_t ref, uint64_t *ret_seq)
{
    struct buf body;
    struct audit_event e;
    struct cb_err err;
    audit_event_zero(&e, type);
    e.ref = ref;
    e.req = SLICE("00112233445566778899aabbccddeeff");
    buf_init(&body, AUDIT_LINE_MAX);
    CB_CHECK(audit_event_encode(&e, &body));
    CB_CHECK(audit_append_wait(s->audit, type, buf_slice(&body), ret_seq, &err) == CB_OK);
    buf_free(&body);
    mark(s, *ret_seq);
}

static void *submitter(void *ctx)
{
    struct shared *s = ctx;
    for (int i = 0; i < EACH; i++) {
        uint64_t attempt = 0;
        uint64_t outcome = 0;
        submit(s, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, &attempt);
        submit(s, AUDIT_ISSUE_OK, attempt, &outcome);
        CB_CHECK(outcome > attempt);
    }
    (void)__atomic_sub_fetch(&s->running, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static bool in_order(void *ctx, uint64_t seq, struct slice line)
{
    uint64_t *next = ctx;
    (void)line;
    CB_CHECK(seq == *next);
    *next = seq + 1;
    return true;
}

static void *watcher(void *ctx)
{
    struct shared *s = ctx;
    uint64_t before = 0;
    while (__atomic_load_n(&s->running, __ATOMIC_SEQ_CST) > 0) {
        struct audit_stats stats;
        struct cb_err err;
        uint64_t next = 0;
        CB_CHECK(audit_get_state(s->audit) == AUDIT_OK);
        audit_get_stats(s->audit, &stats);
        CB_CHECK(audit_walk(s->dir, 0, in_order, &next, &err) == CB_OK);
        CB_CHECK(next >= before && next >= stats.next_seq); /* what was durable is there */
        before = next;
    }
    return NULL;
}

static void test_many_submitters(void **state)
{
    (void)state;
    char *dir = new_log();
    struct shared *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    struct audit_options options = options_for(dir, NULL);
    options.segment_bytes = 30000;
    s->audit = open_with(&options, NULL);
    s->dir = dir;
    s->running = SUBMITTERS;
    (void)pthread_mutex_init(&s->mutex, NULL);
    pthread_t threads[SUBMITTERS + 1];
    for (int i = 0; i < SUBMITTERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, submitter, s), 0);
    }
    assert_int_equal(pthread_create(&threads[SUBMITTERS], NULL, watcher, s), 0);
    for (int i = 0; i <= SUBMITTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    audit_poke(s->audit);
    audit_close(s->audit);
    const struct seen seen = walk_ok(dir, 0);
    assert_int_equal(seen.of_type[AUDIT_ISSUE_ATTEMPT], SUBMITTERS * EACH);
    assert_int_equal(seen.of_type[AUDIT_ISSUE_OK], SUBMITTERS * EACH);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_submitters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
