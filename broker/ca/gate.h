/* gate.h - how many requests may be on their way to the CA at once, and who is next.
 *
 * Two steps. gate_enter: wait in the fair queue to be let in (round robin over clients, first
 * come first served within one). A request that is in writes its intent record. gate_call: then
 * wait for one of the call slots. At most max_calls are in a call, at most max_calls + ahead are
 * in, so that the disk's latency never leaves the CA idle. When the queue is full the newest waiter
 * of the client that has most waiting is turned away, which may be the one that just came.
 *
 * One gate per process; any thread may call; grants are reported on the thread that asks, through
 * the notify hook. Why a cap at all: 64 calls at once make CFSSL on sqlite slower than 2 do. */
#ifndef BROKER_CA_GATE_H
#define BROKER_CA_GATE_H

#include "broker/base/bytes.h"

#include <sys/queue.h>

struct gate;

enum gate_state {
    GATE_IDLE,
    GATE_QUEUED,      /* waiting to be let in */
    GATE_IN,          /* let in: may write its intent */
    GATE_WAITING,     /* has its intent, waits for a call slot */
    GATE_CALLING,     /* may call the CA */
    GATE_TURNED_AWAY, /* the queue was full */
};

/* A place in the gate; embedded in the request, zero-initialised. The caller sets client, notify
 * and ctx; the rest is the gate's. */
struct gate_ticket {
    TAILQ_ENTRY(gate_ticket) link;
    uint64_t client; /* identity for fairness: those with the same one share turns */
    struct gate_client_queue *queue; /* while GATE_QUEUED */
    _Atomic enum gate_state state;   /* may be read on any thread at any time */
    bool unreported;                 /* notify is due and has not been started */
    /* notify: the state changed to IN, CALLING or TURNED_AWAY after a wait. Called with no lock
     * held, on any thread: post to the owner's mailbox and do nothing else (above all: don't call
     * the gate). The gate does not touch the ticket after notify has begun, unless its owner calls
     * again. */
    void (*notify)(struct gate_ticket *t);
    void *ctx;
};

/* gate_new - max_calls at least 1 (0 is taken as 1); NULL when out of memory. */
struct gate *gate_new(unsigned max_calls, unsigned ahead, unsigned max_queue);
void gate_free(struct gate *g); /* nobody may be inside */
/* gate_resize - for a reload. Nobody who is in is thrown out; waiters beyond a smaller queue are. */
void gate_resize(struct gate *g, unsigned max_calls, unsigned ahead, unsigned max_queue);

/* gate_enter - GATE_IN or GATE_TURNED_AWAY at once, or GATE_QUEUED and notify later. */
enum gate_state gate_enter(struct gate *g, struct gate_ticket *t);
/* gate_call - from GATE_IN: GATE_CALLING at once, or GATE_WAITING and notify later. */
enum gate_state gate_call(struct gate *g, struct gate_ticket *t);
/* gate_leave - from any state, also while queued (a cancelled request); the state becomes IDLE.
 * When it returns, notify neither runs nor will run for this ticket, so the ticket may be freed;
 * what notify posted before may still lie in the owner's mailbox. Lets the next ones in. May wait
 * for a notify under way on another thread, so hold no lock that notify takes. */
void gate_leave(struct gate *g, struct gate_ticket *t);

struct gate_stats {
    unsigned queued, in, calling;
    uint64_t turned_away;
};
void gate_get_stats(struct gate *g, struct gate_stats *ret);

#endif
