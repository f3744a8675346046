/* test_keeper.c - the thread that archives: does it at once when it is started, ends when it is told to, and
 * a place that is not there stops nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "broker/base/clock.h"
#include "broker/server/keeper.h"

#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WAIT_US 10000000

static char *some_log(void)
{
    char *dir = strdup(P_tmpdir "/certbroker-keeper-XXXXXX");
    struct cb_err err;
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(audit_init(dir, "keeper.test/log", &err), CB_OK);
    for (int i = 0; i < 4; i++) {
        const struct audit_options options = {
            .dir = dir, .version = "test", .soft_free_bytes = 2, .hard_free_bytes = 1};
        struct audit *a = NULL;
        struct audit_recovery recovery;
        assert_int_equal(audit_open(&options, &a, &recovery, &err), CB_OK);
        audit_recovery_free(&recovery);
        audit_close(a);
    }
    return dir;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_dir(char *dir)
{
    (void)nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

static bool is_there(const char *dir, const char *name)
{
    char path[256];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return stat(path, &st) == 0;
}

static void wait_for(const char *dir, const char *name)
{
    const int64_t until = clock_mono_us(&cb_system_clock) + WAIT_US;
    while (!is_there(dir, name)) {
        assert_true(clock_mono_us(&cb_system_clock) < until);
        (void)sched_yield();
    }
}

static void test_packs_and_copies(void **state)
{
    (void)state;
    char *dir = some_log();
    char *to = strdup(P_tmpdir "/certbroker-keeper-XXXXXX");
    struct keeper *k = NULL;
    struct cb_err err;
    assert_non_null(mkdtemp(to));
    assert_int_equal(keeper_start(dir, to, 0, &k, &err), CB_OK);
    assert_non_null(k);
    wait_for(dir, "seg/00000003.jsonl.zst");
    wait_for(to, "state/origin");
    keeper_stop(k);
    assert_true(is_there(to, "seg/00000003.jsonl.zst"));
    assert_true(is_there(dir, "seg/00000004.jsonl") && is_there(dir, "seg/00000005.jsonl"));
    remove_dir(to);
    remove_dir(dir);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    char *dir = some_log();
    struct keeper *k = NULL;
    struct cb_err err;
    assert_int_equal(keeper_start(dir, NULL, UINT64_MAX, &k, &err), CB_OK);
    assert_null(k);
    keeper_stop(NULL);
    /* A second place that is not there, and told to end before or while it finds that out. */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(keeper_start(dir, "/nonexistent/place", UINT64_MAX, &k, &err), CB_OK);
        keeper_stop(k);
    }
    assert_true(is_there(dir, "seg/00000001.jsonl"));
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packs_and_copies),
        cmocka_unit_test(test_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
