/* test_progress.c - the progress line at all widths, and that it leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/cli/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct cli_progress_at half = {
    .what = "reading", .done = 1400000000, .total = 2800000000, .is_bytes = true};

static void test_widths(void **state)
{
    (void)state;
    for (unsigned width = 1; width < 300; width++) {
        struct buf out;
        buf_init(&out, 1024);
        cli_progress_line(&out, &half, 2000000, width);
        assert_true(buf_ok(&out));
        assert_true(out.len <= (width < 7 ? 7 : width));
        buf_free(&out);
    }
}

static void test_what_it_says(void **state)
{
    (void)state;
    static const struct {
        struct cli_progress_at at;
        int64_t elapsed_us;
        unsigned width;
        const char *line;
    } cases[] = {
        {{"reading", 1400000000, 2800000000, true},
         2000000,
         100,
         "reading   50 %  2 s left  700 MB/s  1.4 GB of 2.8 GB  [####################"
         "....................]"},
        {{"reading", 1400000000, 2800000000, true}, 2000000, 20, "reading   50 %"},
        {{"reading", 1400000000, 2800000000, true}, 2000000, 30, "reading   50 %  2 s left"},
        {{"reading", 3000, 2000, true}, 1000000, 45, "reading  100 %  2.0 kB/s  2.0 kB of 2.0 kB"},
        {{"checking", 10, 7210, false}, 1000000, 40, "checking    0 %  12 min 00 s left  10/s"},
        {{"checking", 1, 36000, false}, 1000000, 40, "checking    0 %  9 h 59 min left  1/s"},
        {{"reading", 0, 0, true}, 1000000, 40, "reading  0 B/s"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out;
        buf_init(&out, 1024);
        cli_progress_line(&out, &cases[i].at, cases[i].elapsed_us, cases[i].width);
        assert_string_equal(out.data, cases[i].line);
        buf_free(&out);
    }
}

struct asked {
    atomic_bool yes;
};

static struct cli_progress_at read_half(void *ctx)
{
    struct asked *asked = ctx;
    atomic_store(&asked->yes, true);
    return half;
}

/* test_terminal - a line of the terminal's width at most, redrawn in place, and erased at the end. */
static void test_terminal(void **state)
{
    (void)state;
    struct cli_progress p;
    struct asked asked = {false};
    char seen[4096];
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    const struct winsize size = {.ws_row = 24, .ws_col = 30};
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    const int kept = dup(STDERR_FILENO);
    assert_int_equal(setenv("TERM", "xterm", 1), 0);
    assert_int_equal(dup2(slave, STDERR_FILENO), STDERR_FILENO);
    cli_progress_begin(&p, read_half, &asked);
    struct pollfd wait = {.fd = master, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 20000), 1);
    cli_progress_end(&p);
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    size_t got = 0;
    while (got < 4 || memcmp(seen + got - 4, "\r\033[K", 4) != 0) { /* the last that is written */
        const ssize_t more = read(master, seen + got, sizeof(seen) - 1 - got);
        assert_true(more > 0);
        got += (size_t)more;
    }
    assert_true(atomic_load(&asked.yes));
    seen[got] = '\0';
    assert_int_equal(seen[0], '\r');
    assert_non_null(strstr(seen, "reading   50 %"));
    assert_null(strchr(seen, '\n'));
    assert_true(strcspn(seen + 1, "\033") < 30);
    (void)close(kept);
    (void)close(slave);
    (void)close(master);
}

static void test_no_terminal(void **state)
{
    (void)state;
    struct cli_progress p;
    int ends[2];
    struct asked asked = {false};
    assert_int_equal(pipe(ends), 0);
    const int kept = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    cli_progress_begin(&p, read_half, &asked);
    assert_false(p.runs);
    cli_progress_end(&p);
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    (void)close(kept);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
