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
    GATE_QUEUED,   /* waiting to be let in */
    GATE_IN,       /* let in: may write its intent */
    GATE_WAITING,  /* has its intent, waits for a call slot */
    GATE_CALLING,  /* may call the CA */
    GATE_TURNED_AWAY, /* the queue was full */
};

/* A place in the gate; embedded in the request, zero-initialised. */
struct gate_ticket {
    TAILQ_ENTRY(gate_ticket) link;
    const void *client;      /* identity for fairness; pointer compared, never followed */
    struct gate_client_queue *queue;
    enum gate_state state;
    /* notify: the state changed to IN, CALLING or TURNED_AWAY after a wait. Called with no lock
     * held, on any thread: post to the owner's mailbox and do nothing else. */
    void (*notify)(struct gate_ticket *t);
    void *ctx;
};

struct gate *gate_new(unsigned max_calls, unsigned ahead, unsigned max_queue);
void gate_free(struct gate *g); /* nobody may be inside */
void gate_resize(struct gate *g, unsigned max_calls, unsigned ahead, unsigned max_queue);

/* gate_enter - GATE_IN or GATE_TURNED_AWAY at once, or GATE_QUEUED and notify later. */
enum gate_state gate_enter(struct gate *g, struct gate_ticket *t);
/* gate_call - from GATE_IN: GATE_CALLING at once, or GATE_WAITING and notify later. */
enum gate_state gate_call(struct gate *g, struct gate_ticket *t);
/* gate_leave - from any state, also while queued (a cancelled request). After it returns notify
 * will not be started any more; one that already runs on another thread may still arrive, so the
 * receiver checks the ticket's state on its own thread. Lets the next ones in. */
void gate_leave(struct gate *g, struct gate_ticket *t);

struct gate_stats {
    unsigned queued, in, calling;
    uint64_t turned_away;
};
void gate_get_stats(struct gate *g, struct gate_stats *ret);

#endif
