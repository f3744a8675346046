/* test_gate.c - order, fairness, bounds and threads of the gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ca/gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MAX_TICKETS 64

/* What was reported, in order. */
static struct gate_ticket *told[MAX_TICKETS];
static size_t num_told;

static void note(struct gate_ticket *t)
{
    told[num_told++] = t;
}

static void make_tickets(struct gate_ticket *t, size_t num, const char *clients)
{
    num_told = 0;
    for (size_t i = 0; i < num; i++) {
        t[i] = (struct gate_ticket){.client = (uint64_t)(clients[i] - 'A'), .notify = note};
    }
}

static struct gate_stats stats_of(struct gate *g)
{
    struct gate_stats stats;
    gate_get_stats(g, &stats);
    return stats;
}

static void leave_all(struct gate *g, struct gate_ticket *t, size_t num)
{
    for (size_t i = num; i-- > 0;) {
        gate_leave(g, &t[i]);
    }
    const struct gate_stats stats = stats_of(g);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.in, 0);
    assert_int_equal(stats.calling, 0);
    gate_free(g);
}

static void test_two_steps(void **state)
{
    (void)state;
    struct gate *g = gate_new(1, 1, 10);
    struct gate_ticket t[3];
    make_tickets(t, 3, "AAA");
    assert_int_equal(gate_enter(g, &t[0]), GATE_IN);
    assert_int_equal(gate_enter(g, &t[1]), GATE_IN);
    assert_int_equal(gate_enter(g, &t[2]), GATE_QUEUED);
    assert_int_equal(gate_call(g, &t[1]), GATE_CALLING);
    assert_int_equal(gate_call(g, &t[0]), GATE_WAITING);
    assert_int_equal(num_told, 0);

    gate_leave(g, &t[1]); /* its call slot goes to t0, its place to t2 */
    assert_int_equal(num_told, 2);
    assert_ptr_equal(told[0], &t[0]);
    assert_int_equal(t[0].state, GATE_CALLING);
    assert_ptr_equal(told[1], &t[2]);
    assert_int_equal(t[2].state, GATE_IN);
    assert_int_equal(t[1].state, GATE_IDLE);
    leave_all(g, t, 3);
}

static void test_round_robin(void **state)
{
    (void)state;
    struct gate *g = gate_new(1, 0, 20);
    struct gate_ticket first = {.client = 7, .notify = note};
    struct gate_ticket t[8];
    make_tickets(t, 8, "AAAAABBC");
    assert_int_equal(gate_enter(g, &first), GATE_IN);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(gate_enter(g, &t[i]), GATE_QUEUED);
    }
    static const size_t order[8] = {0, 5, 7, 1, 6, 2, 3, 4};
    gate_leave(g, &first);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(num_told, i + 1);
        assert_ptr_equal(told[i], &t[order[i]]);
        assert_int_equal(told[i]->state, GATE_IN);
        gate_leave(g, told[i]);
    }
    leave_all(g, t, 8);
}

static void test_full_queue(void **state)
{
    (void)state;
    struct gate *g = gate_new(1, 0, 4);
    struct gate_ticket t[9];
    make_tickets(t, 9, "HAAABABCD");
    assert_int_equal(gate_enter(g, &t[0]), GATE_IN);
    for (size_t i = 1; i <= 4; i++) {
        assert_int_equal(gate_enter(g, &t[i]), GATE_QUEUED); /* A A A B */
    }
    /* the one who came is the newest of the longest queue */
    assert_int_equal(gate_enter(g, &t[5]), GATE_TURNED_AWAY);
    assert_int_equal(num_told, 0);
    /* B takes the place of A's newest */
    assert_int_equal(gate_enter(g, &t[6]), GATE_QUEUED); /* A A B B */
    assert_int_equal(num_told, 1);
    assert_ptr_equal(told[0], &t[3]);
    assert_int_equal(t[3].state, GATE_TURNED_AWAY);
    /* a new client takes a place too, of the first of two that are equally long */
    assert_int_equal(gate_enter(g, &t[7]), GATE_QUEUED); /* A B B C */
    assert_ptr_equal(told[1], &t[2]);
    assert_int_equal(gate_enter(g, &t[8]), GATE_QUEUED); /* A B C D */
    assert_ptr_equal(told[2], &t[6]);
    /* nobody has more than one: the newcomer goes, whoever it is */
    assert_int_equal(gate_enter(g, &t[3]), GATE_TURNED_AWAY);
    assert_int_equal(stats_of(g).queued, 4);
    assert_true(stats_of(g).turned_away == 5);
    leave_all(g, t, 9);
}

static void test_no_queue(void **state)
{
    (void)state;
    struct gate *g = gate_new(0, 0, 0); /* one call at least */
    struct gate_ticket t[2];
    make_tickets(t, 2, "AB");
    assert_int_equal(gate_enter(g, &t[0]), GATE_IN);
    assert_int_equal(gate_enter(g, &t[1]), GATE_TURNED_AWAY);
    gate_leave(g, &t[0]);
    assert_int_equal(gate_enter(g, &t[1]), GATE_IN);
    leave_all(g, t, 2);
}

static void test_leave_from_every_state(void **state)
{
    (void)state;
    struct gate *g = gate_new(1, 2, 4);
    struct gate_ticket t[6];
    make_tickets(t, 6, "AAAABB");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(gate_enter(g, &t[i]), GATE_IN);
    }
    assert_int_equal(gate_enter(g, &t[3]), GATE_QUEUED);
    assert_int_equal(gate_enter(g, &t[4]), GATE_QUEUED);
    assert_int_equal(gate_enter(g, &t[5]), GATE_QUEUED);
    assert_int_equal(gate_call(g, &t[0]), GATE_CALLING);
    assert_int_equal(gate_call(g, &t[1]), GATE_WAITING);

    gate_leave(g, &t[4]); /* queued */
    assert_int_equal(stats_of(g).queued, 2);
    assert_int_equal(num_told, 0);
    gate_leave(g, &t[1]); /* waiting for a slot: its place goes on, the slot is still taken */
    assert_int_equal(num_told, 1);
    assert_ptr_equal(told[0], &t[3]);
    assert_int_equal(stats_of(g).calling, 1);
    gate_leave(g, &t[2]); /* in */
    assert_ptr_equal(told[1], &t[5]);
    gate_leave(g, &t[0]); /* calling */
    assert_int_equal(stats_of(g).calling, 0);
    gate_leave(g, &t[0]); /* idle: nothing happens */
    assert_int_equal(stats_of(g).in, 2);
    leave_all(g, t, 6);
}

static void test_resize(void **state)
{
    (void)state;
    struct gate *g = gate_new(2, 0, 10);
    struct gate_ticket t[8];
    make_tickets(t, 8, "AAAAABBB");
    for (size_t i = 0; i < 8; i++) {
        (void)gate_enter(g, &t[i]);
    }
    assert_int_equal(stats_of(g).in, 2);
    assert_int_equal(stats_of(g).queued, 6);

    gate_resize(g, 1, 0, 4); /* the two stay in; two waiters too many */
    assert_int_equal(stats_of(g).in, 2);
    assert_int_equal(stats_of(g).queued, 4);
    assert_int_equal(num_told, 2);
    assert_int_equal(told[0]->state, GATE_TURNED_AWAY);
    gate_leave(g, &t[0]);
    assert_int_equal(stats_of(g).in, 1);
    assert_int_equal(num_told, 2); /* still one in, and one is the limit now */

    gate_resize(g, 2, 1, 4);
    assert_int_equal(stats_of(g).in, 3);
    assert_int_equal(num_told, 4);
    leave_all(g, t, 8);
}

/* A ticket whose grant was not reported yet may leave or go on: it is not reported any more. */
static struct gate *nested_gate;
static struct gate_ticket *nested_peer;

static void look_at_peer(struct gate_ticket *t)
{
    note(t);
    if (nested_peer != NULL) {
        struct gate_ticket *peer = nested_peer;
        nested_peer = NULL;
        assert_int_equal(peer->state, GATE_IN); /* granted with us, not told yet */
        gate_leave(nested_gate, peer);
    }
}

static void test_leave_before_the_report(void **state)
{
    (void)state;
    struct gate *g = gate_new(2, 0, 10);
    struct gate_ticket t[4];
    make_tickets(t, 4, "AABC");
    for (size_t i = 0; i < 4; i++) {
        (void)gate_enter(g, &t[i]);
        t[i].notify = look_at_peer;
    }
    nested_gate = g;
    nested_peer = &t[3];
    gate_resize(g, 4, 0, 10);
    assert_int_equal(num_told, 1);
    assert_ptr_equal(told[0], &t[2]);
    assert_int_equal(t[3].state, GATE_IDLE);
    leave_all(g, t, 4);
}

/* ---- threads ---- */
#define THREADS 4
#define ROUNDS 1500
#define CALLS 2
#define AHEAD 1

static struct gate *shared;
static atomic_uint calling_now;
static atomic_uint most_calling;
static atomic_uint served;
static atomic_uint refused;

struct waiter {
    struct gate_ticket ticket;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool told;
};

static void wake_owner(struct gate_ticket *t)
{
    struct waiter *w = t->ctx;
    (void)pthread_mutex_lock(&w->lock);
    w->told = true;
    (void)pthread_cond_signal(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
}

static void wait_told(struct waiter *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!w->told) {
        (void)pthread_cond_wait(&w->wake, &w->lock);
    }
    w->told = false;
    (void)pthread_mutex_unlock(&w->lock);
}

static bool get_in(struct waiter *w)
{
    if (gate_enter(shared, &w->ticket) == GATE_QUEUED) {
        wait_told(w);
    }
    return w->ticket.state == GATE_IN;
}

static void one_call(struct waiter *w)
{
    if (gate_call(shared, &w->ticket) == GATE_WAITING) {
        wait_told(w);
    }
    const unsigned now = atomic_fetch_add(&calling_now, 1) + 1;
    unsigned most = atomic_load(&most_calling);
    while (now > most && !atomic_compare_exchange_weak(&most_calling, &most, now)) {
    }
    (void)atomic_fetch_sub(&calling_now, 1);
    (void)atomic_fetch_add(&served, 1);
}

/* Each round is a request with memory of its own, so that a notify that comes too late is seen. */
static void *run_client(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct waiter *w = calloc(1, sizeof(*w));
        w->ticket = (struct gate_ticket){.client = seed % 3, .notify = wake_owner, .ctx = w};
        (void)pthread_mutex_init(&w->lock, NULL);
        (void)pthread_cond_init(&w->wake, NULL);
        seed = seed * 1103515245U + 12345U;
        if (seed >> 29 == 0) { /* cancelled at once, whatever has become of it */
            (void)gate_enter(shared, &w->ticket);
        } else if (get_in(w)) {
            one_call(w);
        } else {
            (void)atomic_fetch_add(&refused, 1);
        }
        gate_leave(shared, &w->ticket);
        (void)pthread_cond_destroy(&w->wake);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS * 2];
    shared = gate_new(CALLS, AHEAD, 3);
    for (size_t i = 0; i < THREADS * 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, (void *)(i + 1)), 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        gate_resize(shared, CALLS, i % 3, i % 5);
        const struct gate_stats stats = stats_of(shared);
        assert_true(stats.calling <= CALLS);
        assert_true(stats.calling <= stats.in);
    }
    gate_resize(shared, CALLS, AHEAD, 3);
    for (size_t i = 0; i < THREADS * 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_true(atomic_load(&most_calling) <= CALLS);
    assert_true(atomic_load(&served) > 0);
    const struct gate_stats stats = stats_of(shared);
    assert_int_equal(stats.in, 0);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.calling, 0);
    gate_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_steps),
        cmocka_unit_test(test_round_robin),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_no_queue),
        cmocka_unit_test(test_leave_from_every_state),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_leave_before_the_report),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
