/* test_gather.c - when the committer waits a moment for more records, and when it stops trying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/gather.h"

static const struct {
    size_t acknowledged, waiting;
    uint64_t sync_us;
    size_t target;
    int64_t budget_us;
} expectations[] = {
    {1, 0, 200, 1, 50},
    {3, 5, 200, 8, 50},
    {512, 0, 400, 512, 100},
    {10, 0, 5000, 10, 200}, /* a slow disk is no reason to wait for long */
    {10, 0, 0, 10, 0},
};

static void test_how_many_and_how_long(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        struct gather g = {0};
        gather_expect(&g, expectations[i].acknowledged, expectations[i].waiting,
                      expectations[i].sync_us);
        assert_int_equal(g.target, expectations[i].target);
        assert_int_equal(g.budget_us, expectations[i].budget_us);
    }
}

static void test_they_are_there(void **state)
{
    (void)state;
    struct gather g = {0};
    _Atomic uint64_t waiting = 8;
    const int64_t start = clock_mono_us(&cb_system_clock);
    for (int i = 0; i < 1000; i++) {
        gather_expect(&g, 8, 0, 1000000);
        gather_wait(&g, &waiting);
        assert_int_equal(g.skip, 0);
    }
    assert_true(clock_mono_us(&cb_system_clock) - start < 1000 * 200); /* none took its whole time */
}

/* Callers that do not come back cost a wait now and then, not each time. */
static void test_they_never_come(void **state)
{
    (void)state;
    struct gather g = {0};
    _Atomic uint64_t waiting = 0;
    unsigned waits = 0;
    for (int i = 0; i < 10000; i++) {
        gather_expect(&g, 8, 0, 40);
        waits += g.target > 0 ? 1 : 0;
        gather_wait(&g, &waiting);
    }
    assert_in_range(waits, 100, 200);
    waiting = 8; /* and when they do come again it is seen */
    for (int i = 0; i < 65; i++) {
        gather_expect(&g, 8, 0, 40);
        gather_wait(&g, &waiting);
    }
    gather_expect(&g, 8, 0, 40);
    assert_int_equal(g.target, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_many_and_how_long),
        cmocka_unit_test(test_they_are_there),
        cmocka_unit_test(test_they_never_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
