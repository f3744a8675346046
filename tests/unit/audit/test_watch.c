/* test_watch.c - what the log records of its own accord: silence, steps of the clock; and the option to
 * end the program when the disk cannot save. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"

#include <sys/wait.h>

static _Atomic int64_t wall_us, mono_us, boot_us;

static int64_t get_wall(void *ctx)
{
    (void)ctx;
    return atomic_load(&wall_us);
}

static int64_t get_mono(void *ctx)
{
    (void)ctx;
    return atomic_load(&mono_us);
}

static int64_t get_boot(void *ctx)
{
    (void)ctx;
    return atomic_load(&boot_us);
}

static const struct cb_clock clocks = {
    .wall_us = get_wall, .mono_us = get_mono, .boot_us = get_boot};

static void pass_us(int64_t us)
{
    atomic_fetch_add(&wall_us, us);
    atomic_fetch_add(&mono_us, us);
    atomic_fetch_add(&boot_us, us);
}

static struct audit *open_watched(const char *dir)
{
    struct audit_options options = options_for(dir, NULL);
    atomic_store(&wall_us, INT64_C(1784737382000000));
    atomic_store(&mono_us, INT64_C(5000000));
    atomic_store(&boot_us, INT64_C(9000000));
    options.clock = &clocks;
    return open_with(&options, NULL);
}

static void test_heartbeat_after_a_silent_minute(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit *a = open_watched(dir);
    const struct {
        int64_t pass_us;
        bool append;
        size_t beats; /* so far */
    } steps[] = {{59000000, false, 0}, {1000000, false, 1}, {59000000, false, 1},
                 {1000000, false, 2},  {59000000, true, 2}, {59000000, false, 2},
                 {2000000, false, 3}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        pass_us(steps[i].pass_us);
        if (steps[i].append) {
            (void)append_ok(a, "work");
        }
        audit_poke(a);
        assert_int_equal(count_lines(dir, "\"type\":\"log.heartbeat\""), steps[i].beats);
    }
    audit_close(a);
    remove_dir(dir);
}

static void test_steps_of_the_clock(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_us, boot_us;
        const char *told; /* NULL: nothing */
    } steps[] = {{0, 0, NULL},
                 {499999, 0, NULL},
                 {-499999, 0, NULL},
                 {3600000000, 0, "\"step_us\":3600000000,"},
                 {-7200000000, 0, "\"step_us\":-7200000000,"},
                 {500000, 0, "\"step_us\":500000,"},
                 {10000000, 10000000, NULL} /* the machine slept */};
    char *dir = new_log();
    struct audit *a = open_watched(dir);
    size_t told = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        atomic_fetch_add(&wall_us, steps[i].wall_us);
        atomic_fetch_add(&boot_us, steps[i].boot_us);
        const uint64_t seq = append_ok(a, "work"); /* the step's record comes first */
        told += steps[i].told != NULL ? 1 : 0;
        assert_int_equal(count_lines(dir, "\"type\":\"clock.step\""), told);
        if (steps[i].told != NULL) {
            char text[64];
            assert_int_equal(count_lines(dir, steps[i].told), 1);
            (void)snprintf(text, sizeof(text), "\"seq\":%llu,", (unsigned long long)seq - 1);
            assert_int_equal(count_lines(dir, text), 1);
        }
    }
    audit_poke(a);
    assert_int_equal(count_lines(dir, "\"type\":\"clock.step\""), told);
    audit_close(a);
    remove_dir(dir);
}

/* In a process of its own: it must die before anybody hears that a record is durable. */
static void test_abort_on_sync_error(void **state)
{
    (void)state;
    for (int abort_on_error = 0; abort_on_error < 2; abort_on_error++) {
        char *dir = new_log();
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct fake_io *f = fake_new();
            struct audit_options options = options_for(dir, &f->io);
            options.abort_on_sync_error = abort_on_error == 1;
            assert_non_null(freopen("/dev/null", "w", stderr));
            (void)signal(SIGABRT, SIG_DFL);
            struct audit *a = open_with(&options, NULL);
            fake_fail(f, OP_FDATASYNC, EIO, 1);
            _exit(append(a, AUDIT_AUTHZ_DENY, UINT64_MAX, "x", NULL) == CB_OK ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (abort_on_error == 1) {
            assert_true(WIFSIGNALED(status));
        } else {
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        remove_dir(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heartbeat_after_a_silent_minute),
        cmocka_unit_test(test_steps_of_the_clock),
        cmocka_unit_test(test_abort_on_sync_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
