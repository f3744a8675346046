/* test_source.c - strangers under a virtual clock: which of their failures is worth a record, and what
 * becomes of the rest; by address, with a full table, from many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/err.h"
#include "broker/limits/source.h"

#include <pthread.h>
#include <stdio.h>

#define SECOND ((int64_t)1000000)
#define START (1000 * SECOND)

static bool fails(struct sources *s, const char *peer, const char *reason, int64_t now)
{
    const struct source_key key = {
        .kind = 7, .peer = slice_of(peer), .via = SLICE("bearer"), .reason = slice_of(reason)};
    return sources_take(s, &key, now);
}

static const struct {
    const char *one, *other;
    const char *network; /* NULL: they are two */
} peers[] = {
    {"192.0.2.7:40112", "192.0.2.7:1", "192.0.2.7"},
    {"192.0.2.7:40112", "192.0.2.8:40112", NULL},
    {"[2001:db8:1:2::1]:443", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:9", "2001:db8:1:2::/64"},
    {"[2001:db8:1:2::1]:443", "[2001:db8:1:3::1]:443", NULL},
    {"[::ffff:192.0.2.7]:443", "192.0.2.7:9", "192.0.2.7"},
    {"unix", "unix", "unix"},
};

static void test_who_is_one_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        struct sources *s = sources_new();
        struct source_count count;
        assert_true(fails(s, peers[i].one, "bad", START));
        assert_int_equal(fails(s, peers[i].other, "bad", START + 1), peers[i].network == NULL);
        if (peers[i].network != NULL) {
            assert_true(sources_next_count(s, INT64_MAX, &count));
            assert_string_equal(count.peer, peers[i].network);
            assert_string_equal(count.via, "bearer");
            assert_string_equal(count.reason, "bad");
            assert_int_equal(count.kind, 7);
            assert_int_equal(count.num, 1);
            assert_int_equal(count.first_us, START + 1);
        }
        sources_free(s);
    }
}

static void test_ten_seconds(void **state)
{
    (void)state;
    struct sources *s = sources_new();
    struct source_count count;
    assert_true(fails(s, "192.0.2.7:1", "bad", START));
    assert_true(fails(s, "192.0.2.7:1", "worse", START));
    for (int64_t i = 1; i <= 100; i++) {
        assert_false(fails(s, "192.0.2.7:1", "bad", START + i * SECOND / 20));
    }
    assert_false(sources_next_count(s, START + 10 * SECOND - 1, &count));
    assert_true(sources_next_count(s, START + 10 * SECOND, &count));
    assert_int_equal(count.num, 100);
    assert_int_equal(count.first_us, START + SECOND / 20);
    assert_int_equal(count.last_us, START + 5 * SECOND);
    assert_false(sources_next_count(s, START + 10 * SECOND, &count)); /* "worse" has nothing to tell */
    assert_true(fails(s, "192.0.2.7:1", "bad", START + 10 * SECOND));
    assert_true(fails(s, "192.0.2.7:1", "worse", START + 10 * SECOND));
    sources_free(s);
}

/* Whoever has very many addresses cannot make the table grow, and nothing goes uncounted. */
static void test_full_table(void **state)
{
    (void)state;
    struct sources *s = sources_new();
    struct source_count count;
    uint64_t recorded = 0;
    uint64_t counted = 0;
    for (unsigned i = 0; i < 2 * SOURCES_MAX; i++) {
        char peer[64];
        (void)snprintf(peer, sizeof(peer), "10.%u.%u.1:1", i / 256, i % 256);
        recorded += fails(s, peer, "bad", START + i) ? 1 : 0;
    }
    assert_int_equal(recorded, SOURCES_MAX);
    while (sources_next_count(s, INT64_MAX, &count)) {
        assert_true(count.num == 0 || count.peer[0] == '\0');
        counted += count.num;
    }
    assert_int_equal(counted, SOURCES_MAX);
    assert_true(fails(s, "192.0.2.7:1", "bad", START + 20 * SECOND));
    sources_free(s);
}

static void test_long_words_are_cut(void **state)
{
    (void)state;
    struct sources *s = sources_new();
    char word[300];
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_true(fails(s, word, word, START));
    assert_false(fails(s, word, word, START));
    assert_true(fails(s, "", "", START));
    (void)fails(s, "[]:", "", START); /* whatever it is, nothing breaks */
    sources_free(s);
}

#define THREADS 4
#define EACH 20000
struct racer {
    struct sources *s;
    uint64_t recorded;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    for (unsigned i = 0; i < EACH; i++) {
        char peer[64];
        (void)snprintf(peer, sizeof(peer), "10.0.0.%u:1", i % 16);
        r->recorded += fails(r->s, peer, "bad", START) ? 1 : 0;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct racer racers[THREADS];
    pthread_t threads[THREADS];
    struct sources *s = sources_new();
    struct source_count count;
    uint64_t sum = 0;
    for (size_t i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.s = s};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        sum += racers[i].recorded;
    }
    assert_int_equal(sum, 16);
    while (sources_next_count(s, INT64_MAX, &count)) {
        sum += count.num;
    }
    assert_int_equal(sum, (uint64_t)THREADS * EACH);
    sources_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_one_source), cmocka_unit_test(test_ten_seconds),
        cmocka_unit_test(test_full_table),        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
