/* test_quota.c - rates under a virtual clock: how many, how soon again, what is recorded and what only
 * counted, and what becomes of it with many principals and many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/limits/bucket.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000000)
#define MINUTE (60 * SECOND)
#define START (1000 * SECOND)

static struct policy_quota quota_of(const char *rule, uint32_t count, uint64_t per_ms,
                                    uint32_t burst)
{
    return (struct policy_quota){
        .rule_id = rule, .rate_count = count, .rate_per_ms = per_ms, .rate_burst = burst};
}

/* take_all - as many as there are at this moment. */
static unsigned take_all(struct quotas *q, const struct policy_quota *quota, int64_t now)
{
    unsigned num = 0;
    while (num < 100000 && quotas_take(q, SLICE("web"), quota, now).granted) {
        num++;
    }
    return num;
}

static const struct {
    const char *name;
    uint32_t count;
    uint64_t per_ms;
    uint32_t burst;
    struct {
        int64_t at_us;
        unsigned granted; /* then all that can be had */
        unsigned retry_s; /* of the refusal that ends it */
    } steps[5];
} rates[] = {
    {"one a second", 1, 1000, 1, {{0, 1, 1}, {999999, 0, 1}, {SECOND, 1, 1}, {9 * SECOND, 1, 1}}},
    {"thirty a minute, sixty at once",
     30,
     60000,
     60,
     {{0, 60, 2}, {2 * SECOND, 1, 2}, {3 * SECOND, 0, 1}, {64 * SECOND, 31, 2}}},
    {"three a second", 3, 1000, 3, {{0, 3, 1}, {333333, 0, 1}, {333334, 1, 1}, {666667, 1, 1}}},
    {"one an hour", 1, 3600000, 1, {{0, 1, 3600}, {1, 0, 3600}, {SECOND, 0, 3599}}},
    {"seven a day",
     7,
     86400000,
     1,
     {{0, 1, 12343}, {12342 * SECOND, 0, 1}, {12343 * SECOND, 1, 12343}}},
    {"a clock that steps back gives nothing",
     1,
     1000,
     1,
     {{5 * SECOND, 1, 1}, {2 * SECOND, 0, 1}, {5 * SECOND, 0, 1}, {6 * SECOND, 1, 1}}},
    {"many in a year",
     4000000000U,
     (uint64_t)31536000 * 1000,
     50000,
     {{0, 50000, 1}, {SECOND, 126, 1}, {2 * SECOND, 127, 1}}},
};

static void test_rates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct quotas *q = quotas_new();
        const struct policy_quota quota =
            quota_of("r", rates[i].count, rates[i].per_ms, rates[i].burst);
        for (size_t s = 0; s < 5 && rates[i].steps[s].retry_s != 0; s++) {
            const int64_t now = START + rates[i].steps[s].at_us;
            const unsigned granted = take_all(q, &quota, now);
            const struct quota_answer refused = quotas_take(q, SLICE("web"), &quota, now);
            if (granted != rates[i].steps[s].granted ||
                refused.retry_after_s != rates[i].steps[s].retry_s) {
                fail_msg("%s, step %zu: %u granted, again in %u s", rates[i].name, s, granted,
                         refused.retry_after_s);
            }
        }
        quotas_free(q);
    }
}

/* Who waits as long as it was told gets one, whatever the rate. */
static void test_retry_is_honest(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    unsigned seed = 1;
    for (unsigned i = 0; i < 2000; i++) {
        char rule[32];
        (void)snprintf(rule, sizeof(rule), "rule-%u", i);
        seed = seed * 1103515245U + 12345U;
        const uint32_t count = 1 + (seed >> 16) % 50;
        const uint64_t per_ms = 1000 + (seed >> 8) % 1000000;
        const struct policy_quota quota = quota_of(rule, count, per_ms, 1 + (seed >> 20) % 5);
        int64_t now = START + (int64_t)(seed % 1000000);
        for (unsigned round = 0; round < 3; round++) {
            (void)take_all(q, &quota, now);
            const struct quota_answer refused = quotas_take(q, SLICE("web"), &quota, now);
            assert_false(refused.granted);
            /* Never longer than one token takes, but for the rounding. */
            assert_true(refused.retry_after_s <= per_ms / count / 1000 + 2);
            now += refused.retry_after_s * SECOND;
            assert_true(quotas_take(q, SLICE("web"), &quota, now).granted);
        }
    }
    quotas_free(q);
}

static void test_principals_and_rules_are_apart(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    const struct policy_quota a = quota_of("a", 1, 1000, 1);
    const struct policy_quota ab = quota_of("ab", 1, 1000, 1);
    const struct policy_quota b = quota_of("b", 1, 1000, 1);
    assert_true(quotas_take(q, SLICE("web"), &ab, START).granted);
    assert_true(quotas_take(q, SLICE("weba"), &b, START).granted);
    assert_true(quotas_take(q, SLICE("web"), &a, START).granted);
    assert_true(quotas_take(q, SLICE("web:1"), &a, START).granted);
    assert_true(quotas_take(q, SLICE("web:2"), &a, START).granted);
    assert_false(quotas_take(q, SLICE("web"), &ab, START).granted);
    assert_false(quotas_take(q, SLICE("web:2"), &a, START).granted);
    quotas_free(q);
}

static void test_give_back(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    const struct policy_quota quota = quota_of("r", 1, 60000, 2);
    quotas_give_back(q, SLICE("web"), &quota); /* nobody has it: nothing happens */
    assert_int_equal(take_all(q, &quota, START), 2);
    quotas_give_back(q, SLICE("web"), &quota);
    assert_int_equal(take_all(q, &quota, START), 1);
    for (unsigned i = 0; i < 5; i++) {
        quotas_give_back(q, SLICE("web"), &quota);
    }
    assert_int_equal(take_all(q, &quota, START), 2);
    quotas_free(q);
}

static void test_reload(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    const struct policy_quota small = quota_of("r", 1, 60000, 2);
    const struct policy_quota large = quota_of("r", 100, 60000, 100);
    assert_true(quotas_take(q, SLICE("web"), &small, START).granted);
    assert_int_equal(take_all(q, &large, START), 1); /* it keeps what it held, and no more */
    assert_int_equal(take_all(q, &large, START + MINUTE), 100);
    assert_int_equal(take_all(q, &large, START + MINUTE + 30 * SECOND), 50);
    assert_int_equal(take_all(q, &small, START + 9 * MINUTE), 2);
    quotas_free(q);
}

/* ---- what is recorded, and what is only counted ---- */

static void test_first_and_rest(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    struct quota_count count;
    const struct policy_quota quota = quota_of("r", 1, 600000, 1);
    assert_int_equal(take_all(q, &quota, START), 1); /* the refusal that ends it was the first */
    for (unsigned i = 2; i <= 10; i++) {
        const struct quota_answer answer = quotas_take(q, SLICE("web"), &quota, START + i * SECOND);
        assert_false(answer.granted || answer.is_first);
        assert_int_equal(answer.num_refused, i);
    }
    assert_false(quotas_next_count(q, START + 61 * SECOND, &count)); /* counting began at 2 s */
    assert_true(quotas_next_count(q, START + 62 * SECOND, &count));
    assert_int_equal(count.kind, QUOTA_RATE);
    assert_string_equal(count.principal, "web");
    assert_string_equal(count.rule, "r");
    assert_int_equal(count.num, 9);
    assert_int_equal(count.first_us, START + 2 * SECOND);
    assert_int_equal(count.last_us, START + 10 * SECOND);
    assert_false(quotas_next_count(q, INT64_MAX, &count));
    /* A minute after the one that was recorded the next one is. */
    assert_false(quotas_take(q, SLICE("web"), &quota, START + MINUTE - 1).is_first);
    const struct quota_answer again = quotas_take(q, SLICE("web"), &quota, START + MINUTE);
    assert_true(again.is_first);
    assert_int_equal(again.num_refused, 1);
    assert_true(quotas_next_count(q, INT64_MAX, &count));
    assert_int_equal(count.num, 1);
    quotas_free(q);
}

static void test_granted_again(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    struct quota_count count;
    const struct policy_quota other = quota_of("other", 1, 600000, 1);
    const struct policy_quota quota = quota_of("r", 1, 1000, 1);
    (void)take_all(q, &other, START);
    (void)quotas_take(q, SLICE("web"), &other, START);
    (void)take_all(q, &quota, START);
    (void)quotas_take(q, SLICE("web"), &quota, START + 1);
    (void)quotas_take(q, SLICE("web"), &quota, START + 2);
    assert_false(quotas_next_count(q, START + 3, &count));
    assert_true(quotas_take(q, SLICE("web"), &quota, START + SECOND).granted);
    /* It may be refused again before anybody has come for the count. */
    assert_true(quotas_take(q, SLICE("web"), &quota, START + SECOND).is_first);
    assert_false(quotas_take(q, SLICE("web"), &quota, START + SECOND + 7).is_first);
    assert_true(quotas_next_count(q, START + SECOND + 9, &count));
    assert_string_equal(count.rule, "r");
    assert_int_equal(count.num, 3);
    assert_int_equal(count.first_us, START + 1);
    assert_int_equal(count.last_us, START + SECOND + 7);
    assert_false(quotas_next_count(q, START + SECOND + 9, &count));
    assert_true(quotas_next_count(q, START + MINUTE, &count));
    assert_string_equal(count.rule, "other");
    quotas_free(q);
}

static void test_active(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    struct quota_count count;
    const struct policy_quota quota = {.rule_id = "r", .max_active = 3};
    quotas_admitted(q, SLICE("web"), &quota);
    assert_true(quotas_refused(q, SLICE("web"), &quota, START).is_first);
    assert_false(quotas_refused(q, SLICE("web"), &quota, START + 1).is_first);
    assert_int_equal(quotas_refused(q, SLICE("web"), &quota, START + 2).num_refused, 3);
    assert_true(quotas_refused(q, SLICE("mail"), &quota, START + 3).is_first);
    quotas_admitted(q, SLICE("web"), &quota);
    assert_true(quotas_next_count(q, START + 4, &count));
    assert_int_equal(count.kind, QUOTA_ACTIVE);
    assert_string_equal(count.principal, "web");
    assert_int_equal(count.num, 2);
    assert_true(quotas_refused(q, SLICE("web"), &quota, START + 5).is_first);
    quotas_free(q);
}

/* ---- many ---- */

static struct slice name_of(char *out, size_t size, unsigned i)
{
    (void)snprintf(out, size, "client:%u", i);
    return slice_of(out);
}

static void test_bounded(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    char text[32];
    const struct policy_quota fast = quota_of("fast", 1, 1000, 1);
    const struct policy_quota slow = quota_of("slow", 1, (uint64_t)86400000 * 365, 1);
    /* One that is empty for a year, and as many others as there is room for. */
    assert_true(quotas_take(q, SLICE("web"), &slow, START).granted);
    for (unsigned i = 0; i < BUCKETS_MAX - 1; i++) {
        assert_true(quotas_take(q, name_of(text, sizeof(text), i), &fast, START).granted);
    }
    /* A second later these are full again and go, oldest first; the empty one stays. */
    for (unsigned i = 0; i < 1000; i++) {
        const struct slice more = name_of(text, sizeof(text), BUCKETS_MAX + i);
        assert_true(quotas_take(q, more, &fast, START + SECOND).granted);
    }
    assert_false(quotas_take(q, SLICE("web"), &slow, START + SECOND).granted);
    assert_false(quotas_take(q, SLICE("client:66000"), &fast, START + SECOND).granted);
    quotas_free(q);
}

/* When none is full the oldest goes, and what it had counted is still told. */
static void test_no_room(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    struct quota_count count;
    char text[32];
    const struct policy_quota slow = quota_of("slow", 1, (uint64_t)86400000 * 365, 1);
    for (unsigned i = 0; i < BUCKETS_MAX; i++) {
        const struct slice name = name_of(text, sizeof(text), i);
        (void)quotas_take(q, name, &slow, START);
        (void)quotas_take(q, name, &slow, START + 1);
        (void)quotas_take(q, name, &slow, START + 2 + i);
    }
    for (unsigned i = 0; i < 10; i++) {
        const struct slice more = name_of(text, sizeof(text), BUCKETS_MAX + i);
        assert_true(quotas_take(q, more, &slow, START + SECOND).granted);
    }
    assert_true(quotas_next_count(q, START + SECOND, &count));
    assert_string_equal(count.principal, "");
    assert_int_equal(count.num, 10);
    assert_int_equal(count.first_us, START + 2);
    assert_int_equal(count.last_us, START + 11);
    uint64_t rest = 0;
    while (quotas_next_count(q, INT64_MAX, &count)) {
        assert_string_equal(count.rule, "slow");
        rest += count.num;
    }
    assert_int_equal(rest, BUCKETS_MAX - 10);
    quotas_free(q);
}

#define THREADS 4
#define TAKES 20000

struct thread_state {
    struct quotas *q;
    unsigned number;
    uint64_t granted, first, counted;
};

static void *run_taker(void *arg)
{
    struct thread_state *t = arg;
    const struct policy_quota quota = quota_of("r", 10, 1000, 10);
    struct quota_count count;
    for (unsigned i = 0; i < TAKES; i++) {
        /* A virtual clock that all threads move along: two seconds in all. */
        const int64_t now = START + (int64_t)i * 100;
        const struct quota_answer answer = quotas_take(t->q, SLICE("web"), &quota, now);
        t->granted += answer.granted;
        t->first += !answer.granted && answer.is_first;
        if (i % 7 == 0 && answer.granted) {
            quotas_give_back(t->q, SLICE("web"), &quota);
            t->granted--;
        }
        while (i % 100 == 0 && quotas_next_count(t->q, now, &count)) {
            t->counted += count.num;
        }
        char text[32];
        const struct slice own = name_of(text, sizeof(text), t->number * TAKES + i);
        (void)quotas_take(t->q, own, &quota, now);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct thread_state states[THREADS];
    struct quotas *q = quotas_new();
    for (unsigned i = 0; i < THREADS; i++) {
        states[i] = (struct thread_state){.q = q, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_taker, &states[i]), 0);
    }
    uint64_t granted = 0;
    uint64_t told = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        granted += states[i].granted;
        told += states[i].first + states[i].counted;
    }
    struct quota_count count;
    while (quotas_next_count(q, INT64_MAX, &count)) {
        told += count.num;
    }
    /* Ten at once and ten a second for two seconds. Every refusal was told of exactly once, but for
     * those that were granted and given back. */
    assert_true(granted <= 30);
    assert_true(granted >= 29);
    assert_true(told <= THREADS * TAKES - granted);
    assert_true(told + THREADS * TAKES / 7 + THREADS >= THREADS * TAKES - granted);
    quotas_free(q);
}

/* Looking shows what a take would find, and changes nothing. */
static void test_peek(void **state)
{
    (void)state;
    struct quotas *q = quotas_new();
    const struct policy_quota quota = quota_of("r", 2, 2000, 5);
    const struct policy_quota lower = quota_of("r", 2, 2000, 1);
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(quotas_peek(q, SLICE("web"), &quota, START), 5);
    }
    assert_int_equal(take_all(q, &quota, START), 5);
    assert_int_equal(quotas_peek(q, SLICE("web"), &quota, START), 0);
    assert_int_equal(quotas_peek(q, SLICE("mail"), &quota, START), 5);
    assert_int_equal(quotas_peek(q, SLICE("web"), &quota, START + 3 * SECOND), 3);
    assert_int_equal(quotas_peek(q, SLICE("web"), &lower, START + 3 * SECOND), 1);
    assert_int_equal(quotas_peek(q, SLICE("web"), &quota, START + SECOND), 1);
    assert_int_equal(take_all(q, &quota, START + 3 * SECOND), 3);
    quotas_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_retry_is_honest),
        cmocka_unit_test(test_principals_and_rules_are_apart),
        cmocka_unit_test(test_give_back),
        cmocka_unit_test(test_peek),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_first_and_rest),
        cmocka_unit_test(test_granted_again),
        cmocka_unit_test(test_active),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
