/* test_kill.c - a real writer killed at a random moment, many times over one log: what it had
 * acknowledged is there, and the log always opens again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include <sys/wait.h>

#define CYCLES 20
#define IN_FLIGHT 16

struct sender {
    struct audit *audit;
    struct audit_append append[IN_FLIGHT];
    struct buf body;
    int fd;
};

/* again - on the committer's thread: tell the parent, then send the same record again. */
static void again(struct audit_append *a, enum cb_code code)
{
    struct sender *s = a->ctx;
    struct cb_err err;
    if (code != CB_OK || write(s->fd, &a->seq, sizeof(a->seq)) != (ssize_t)sizeof(a->seq) ||
        audit_submit(s->audit, a, &err) != CB_OK) {
        _exit(2);
    }
}

__attribute__((noreturn)) static void child(const char *dir, int fd)
{
    struct sender s = {.fd = fd};
    struct audit_recovery recovery;
    struct cb_err err;
    struct audit_options options = options_for(dir, NULL);
    struct audit_event e;
    options.segment_bytes = 20000; /* so that kills hit rolls as well */
    if (audit_open(&options, &s.audit, &recovery, &err) != CB_OK) {
        (void)fprintf(stderr, "child: %s\n", err.msg);
        _exit(3);
    }
    audit_event_zero(&e, AUDIT_INFO_OK);
    e.detail = SLICE("a record like any other");
    buf_init(&s.body, AUDIT_LINE_MAX);
    if (!audit_event_encode(&e, &s.body)) {
        _exit(4);
    }
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        s.append[i] = (struct audit_append){.body = buf_slice(&s.body),
                                            .type = AUDIT_INFO_OK,
                                            .done = again,
                                            .ctx = &s,
                                            .ref_seq = UINT64_MAX};
        if (audit_submit(s.audit, &s.append[i], &err) != CB_OK) {
            _exit(5);
        }
    }
    for (;;) {
        (void)pause();
    }
}

/* kill_after - run a writer until it has acknowledged num records; the seq after the last one. */
static uint64_t kill_after(const char *dir, uint64_t num, uint64_t next)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fds[0]);
        child(dir, fds[1]);
    }
    (void)close(fds[1]);
    uint64_t seq = 0;
    uint64_t count = 0;
    while (read(fds[0], &seq, sizeof(seq)) == (ssize_t)sizeof(seq)) {
        assert_true(seq >= next);
        next = seq + 1;
        if (++count == num) {
            assert_int_equal(kill(pid, SIGKILL), 0);
        }
    }
    (void)close(fds[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(count >= num);
    return next;
}

static void test_killed_again_and_again(void **state)
{
    (void)state;
    char *dir = new_log();
    uint64_t next = 2;
    uint32_t random = 12345;
    for (int i = 0; i < CYCLES; i++) {
        random = random * 1664525U + 1013904223U;
        next = kill_after(dir, 1 + (random >> 16) % 200, next);
        const struct seen s = walk_ok(dir, 0);
        assert_int_equal(s.first, 0);
        assert_true(s.next >= next);
    }
    struct cb_err err;
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_again_and_again)};
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
