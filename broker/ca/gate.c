/* gate.c - see gate.h.
 *
 * One mutex guards everything. Whoever changes something under it collects the tickets that must
 * be told on g->unreported and reports them afterwards, one by one, with the mutex released. A
 * reporter is entered in g->reporters while it is inside a notify, so that gate_leave can wait
 * until the ticket is out of every thread's hands. It does not know requests or the CA. */
#include "broker/ca/gate.h"

#include "broker/base/err.h"

#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 256U

TAILQ_HEAD(ticket_list, gate_ticket);

/* The waiters of one client; exists only while there are some. */
struct gate_client_queue {
    TAILQ_ENTRY(gate_client_queue) turn;   /* in gate.turns */
    TAILQ_ENTRY(gate_client_queue) bucket; /* in gate.clients */
    uint64_t client;
    struct ticket_list tickets;
    unsigned num;
};

TAILQ_HEAD(queue_list, gate_client_queue);

/* A thread that is inside a notify; lives on its stack. */
struct reporter {
    TAILQ_ENTRY(reporter) link;
    const struct gate_ticket *ticket; /* compared, never followed: it may be gone by now */
    pthread_t thread;
};

TAILQ_HEAD(reporter_list, reporter);

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t reported; /* some reporter has come back from its notify */
    unsigned max_calls, max_in, max_queue;
    unsigned in, calling, queued;
    uint64_t turned_away;
    struct queue_list turns; /* clients with waiters; the first one's turn is next */
    struct queue_list clients[BUCKETS];
    struct ticket_list waiting; /* for a call slot, in order */
    struct ticket_list unreported;
    struct reporter_list reporters;
};

static unsigned add_capped(unsigned a, unsigned b)
{
    unsigned sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

static void set_limits(struct gate *g, unsigned max_calls, unsigned ahead, unsigned max_queue)
{
    g->max_calls = max_calls == 0 ? 1 : max_calls;
    g->max_in = add_capped(g->max_calls, ahead);
    g->max_queue = max_queue;
}

struct gate *gate_new(unsigned max_calls, unsigned ahead, unsigned max_queue)
{
    struct gate *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&g->lock, NULL) != 0) {
        free(g);
        return NULL;
    }
    if (pthread_cond_init(&g->reported, NULL) != 0) {
        (void)pthread_mutex_destroy(&g->lock);
        free(g);
        return NULL;
    }
    set_limits(g, max_calls, ahead, max_queue);
    TAILQ_INIT(&g->turns);
    TAILQ_INIT(&g->waiting);
    TAILQ_INIT(&g->unreported);
    TAILQ_INIT(&g->reporters);
    for (size_t i = 0; i < BUCKETS; i++) {
        TAILQ_INIT(&g->clients[i]);
    }
    return g;
}

void gate_free(struct gate *g)
{
    if (g == NULL) {
        return;
    }
    CB_CHECK(g->in == 0 && g->queued == 0 && TAILQ_EMPTY(&g->reporters));
    (void)pthread_cond_destroy(&g->reported);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

static void lock(struct gate *g)
{
    CB_CHECK(pthread_mutex_lock(&g->lock) == 0);
}

static void unlock(struct gate *g)
{
    CB_CHECK(pthread_mutex_unlock(&g->lock) == 0);
}

/* ---- the fair queue; all with the lock held ---- */

static struct queue_list *bucket_of(struct gate *g, uint64_t client)
{
    /* Whatever the numbers are: they may differ little in their low bits. */
    const uint64_t mixed = client * 0x9e3779b97f4a7c15U;
    return &g->clients[(mixed >> 32) % BUCKETS];
}

static struct gate_client_queue *queue_find(struct gate *g, uint64_t client)
{
    struct gate_client_queue *q = NULL;
    TAILQ_FOREACH(q, bucket_of(g, client), bucket)
    {
        if (q->client == client) {
            return q;
        }
    }
    return NULL;
}

static struct gate_client_queue *queue_make(struct gate *g, uint64_t client)
{
    struct gate_client_queue *q = calloc(1, sizeof(*q));
    if (q != NULL) {
        q->client = client;
        TAILQ_INIT(&q->tickets);
        TAILQ_INSERT_TAIL(&g->turns, q, turn);
        TAILQ_INSERT_TAIL(bucket_of(g, client), q, bucket);
    }
    return q;
}

/* queue_remove - take a waiter out; its client's queue goes when it was the last. */
static void queue_remove(struct gate *g, struct gate_ticket *t)
{
    struct gate_client_queue *q = t->queue;
    TAILQ_REMOVE(&q->tickets, t, link);
    t->queue = NULL;
    q->num--;
    g->queued--;
    if (q->num == 0) {
        TAILQ_REMOVE(&g->turns, q, turn);
        TAILQ_REMOVE(bucket_of(g, q->client), q, bucket);
        free(q);
    }
}

/* queue_longest - where somebody has to go. One pass over the clients that wait: it happens only
 * when the queue is full. */
static struct gate_client_queue *queue_longest(struct gate *g)
{
    struct gate_client_queue *longest = NULL;
    struct gate_client_queue *q = NULL;
    TAILQ_FOREACH(q, &g->turns, turn)
    {
        if (longest == NULL || q->num > longest->num) {
            longest = q;
        }
    }
    return longest;
}

static void report(struct gate *g, struct gate_ticket *t, enum gate_state state)
{
    t->state = state;
    t->unreported = true;
    TAILQ_INSERT_TAIL(&g->unreported, t, link);
}

static void evict_newest(struct gate *g, struct gate_client_queue *q)
{
    struct gate_ticket *t = TAILQ_LAST(&q->tickets, ticket_list);
    queue_remove(g, t);
    g->turned_away++;
    report(g, t, GATE_TURNED_AWAY);
}

/* admit - fill what is free: call slots first, then places inside. */
static void admit(struct gate *g)
{
    while (g->calling < g->max_calls && !TAILQ_EMPTY(&g->waiting)) {
        struct gate_ticket *t = TAILQ_FIRST(&g->waiting);
        TAILQ_REMOVE(&g->waiting, t, link);
        g->calling++;
        report(g, t, GATE_CALLING);
    }
    while (g->in < g->max_in && g->queued > 0) {
        struct gate_client_queue *q = TAILQ_FIRST(&g->turns);
        struct gate_ticket *t = TAILQ_FIRST(&q->tickets);
        TAILQ_REMOVE(&g->turns, q, turn); /* its next turn comes after everybody else's */
        TAILQ_INSERT_TAIL(&g->turns, q, turn);
        queue_remove(g, t);
        g->in++;
        report(g, t, GATE_IN);
    }
}

/* ---- telling the owners ---- */

/* flush_reports - give the lock back and run every notify that is due. */
static void flush_reports(struct gate *g)
{
    struct reporter me = {.thread = pthread_self()};
    struct gate_ticket *t = TAILQ_FIRST(&g->unreported);
    if (t == NULL) {
        unlock(g);
        return;
    }
    TAILQ_INSERT_TAIL(&g->reporters, &me, link);
    while (t != NULL) {
        TAILQ_REMOVE(&g->unreported, t, link);
        t->unreported = false;
        me.ticket = t;
        unlock(g);
        t->notify(t);
        lock(g);
        me.ticket = NULL;
        (void)pthread_cond_broadcast(&g->reported);
        t = TAILQ_FIRST(&g->unreported);
    }
    TAILQ_REMOVE(&g->reporters, &me, link);
    unlock(g);
}

/* unreport - the owner has come by itself: there is nothing to tell it any more. */
static void unreport(struct gate *g, struct gate_ticket *t)
{
    if (t->unreported) {
        TAILQ_REMOVE(&g->unreported, t, link);
        t->unreported = false;
    }
}

static bool reported_elsewhere(struct gate *g, const struct gate_ticket *t)
{
    const struct reporter *r = NULL;
    TAILQ_FOREACH(r, &g->reporters, link)
    {
        if (r->ticket == t && !pthread_equal(r->thread, pthread_self())) {
            return true;
        }
    }
    return false;
}

/* ---- the public steps ---- */

/* enqueue - TURNED_AWAY when the newcomer is the one who has to go, else QUEUED. */
static enum gate_state enqueue(struct gate *g, struct gate_ticket *t)
{
    struct gate_client_queue *mine = queue_find(g, t->client);
    if (g->queued >= g->max_queue) {
        struct gate_client_queue *longest = queue_longest(g);
        const unsigned mine_then = (mine == NULL ? 0 : mine->num) + 1;
        if (longest == NULL || mine_then >= longest->num) {
            g->turned_away++;
            return GATE_TURNED_AWAY;
        }
        evict_newest(g, longest);
    }
    if (mine == NULL) {
        mine = queue_make(g, t->client);
    }
    if (mine == NULL) {
        g->turned_away++;
        return GATE_TURNED_AWAY;
    }
    TAILQ_INSERT_TAIL(&mine->tickets, t, link);
    t->queue = mine;
    mine->num++;
    g->queued++;
    return GATE_QUEUED;
}

enum gate_state gate_enter(struct gate *g, struct gate_ticket *t)
{
    enum gate_state state = GATE_IN;
    lock(g);
    CB_CHECK(t->state == GATE_IDLE || t->state == GATE_TURNED_AWAY);
    unreport(g, t);
    if (g->in < g->max_in) { /* then nobody is queued: admit() has seen to that */
        g->in++;
    } else {
        state = enqueue(g, t);
    }
    t->state = state;
    flush_reports(g);
    return state;
}

enum gate_state gate_call(struct gate *g, struct gate_ticket *t)
{
    enum gate_state state = GATE_CALLING;
    lock(g);
    CB_CHECK(t->state == GATE_IN);
    unreport(g, t);
    if (g->calling < g->max_calls) {
        g->calling++;
    } else {
        state = GATE_WAITING;
        TAILQ_INSERT_TAIL(&g->waiting, t, link);
    }
    t->state = state;
    flush_reports(g);
    return state;
}

static void give_back(struct gate *g, struct gate_ticket *t)
{
    const enum gate_state state = t->state;
    switch (state) {
    case GATE_QUEUED:
        queue_remove(g, t);
        break;
    case GATE_WAITING:
        TAILQ_REMOVE(&g->waiting, t, link);
        g->in--;
        break;
    case GATE_CALLING:
        g->calling--;
        g->in--;
        break;
    case GATE_IN:
        g->in--;
        break;
    case GATE_IDLE:
    case GATE_TURNED_AWAY:
        break;
    }
}

void gate_leave(struct gate *g, struct gate_ticket *t)
{
    lock(g);
    unreport(g, t);
    give_back(g, t);
    t->state = GATE_IDLE;
    admit(g);
    while (reported_elsewhere(g, t)) {
        CB_CHECK(pthread_cond_wait(&g->reported, &g->lock) == 0);
    }
    flush_reports(g);
}

void gate_resize(struct gate *g, unsigned max_calls, unsigned ahead, unsigned max_queue)
{
    lock(g);
    set_limits(g, max_calls, ahead, max_queue);
    admit(g);
    while (g->queued > g->max_queue) {
        evict_newest(g, queue_longest(g));
    }
    flush_reports(g);
}

void gate_get_stats(struct gate *g, struct gate_stats *ret)
{
    lock(g);
    *ret = (struct gate_stats){g->queued, g->in, g->calling, g->turned_away};
    unlock(g);
}
