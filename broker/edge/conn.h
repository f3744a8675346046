/* conn.h - what the files of this folder share about connections. Not for others: see edge.h.
 *
 *   HANDSHAKE -> IDLE -> HEAD -> BODY -> PENDING -> WRITE -> IDLE ... -> CLOSING -> LINGER -> DEAD
 *
 * A connection is one struct conn with one exchange inside it, so it reads one request at a time:
 * what the peer sends ahead waits, bounded, in the input buffer. Nothing is freed inside a
 * callback: it sets the state and queues the connection for the end of the loop's turn, where
 * conn_turn does what is left to do. */
#ifndef BROKER_EDGE_CONN_H
#define BROKER_EDGE_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "broker/edge/edge.h"
#include "broker/edge/http_read.h"
#include "broker/edge/peers.h"

struct bufferevent;
struct evconnlistener;
struct tls_session;

#define EDGE_LISTENERS_MAX 8
#define EDGE_ACCEPT_BACKOFF_US 100000 /* after accept() failed for want of descriptors or memory */
#define CONN_LINGER_MS 2000
#define CONN_LINGER_BYTES ((size_t)256 * 1024)

enum conn_state {
    CONN_HANDSHAKE, /* TLS only */
    CONN_IDLE,      /* no byte of the next head yet */
    CONN_HEAD,
    CONN_BODY,
    CONN_PENDING, /* the handler has the exchange and owes a reply */
    CONN_WRITE,   /* the reply is on its way to the kernel */
    CONN_CLOSING, /* close at the end of the turn, lingering if must_linger */
    CONN_LINGER,  /* our half is closed; the peer's last bytes are read and thrown away */
    CONN_DEAD,    /* free at the end of the turn */
};

struct conn {
    struct edge *edge;
    enum conn_state state;
    int fd;
    struct bufferevent *bev;     /* NULL once CLOSING has been carried out */
    struct tls_session *session; /* NULL: plain HTTP */
    bool is_tls;
    bool is_open;      /* the handshake succeeded (always on plain HTTP) and nothing broke since */
    bool must_close;   /* after the current reply */
    bool must_linger;  /* the peer may still be sending: closing at once would reset its read */
    bool is_paused;    /* reading stopped: the peer sends too far ahead */
    bool is_head_only; /* HEAD: the reply's body is not sent */
    unsigned num_requests;

    struct event timer;
    int64_t deadline_us; /* monotonic; of the current phase */
    int64_t armed_us;    /* when the timer fires, 0: not armed */
    int64_t request_deadline_us;

    struct http_reader reader;
    struct buf body; /* secret */
    size_t body_left;

    struct edge_exchange exchange;
    void (*done)(void *ctx, bool ok);
    void *done_ctx;

    struct event linger; /* readable, in state LINGER */
    size_t linger_left;

    struct peer_key peer_key;
    char peer[PEER_TEXT_MAX];
    bool is_in_turn;
    bool is_in_idle;
    TAILQ_ENTRY(conn) all_link, idle_link, turn_link;
};
TAILQ_HEAD(conn_list, conn);

struct listener {
    struct edge *edge;
    struct evconnlistener *lev;
    bool is_tls;
};

struct edge {
    struct event_base *base;
    struct edge_limits limits;
    struct edge_handler handler;
    const struct cb_clock *clock;
    struct edge_tls *tls;
    struct listener listeners[EDGE_LISTENERS_MAX];
    size_t num_listeners;
    bool is_listening; /* the listeners are enabled */
    bool is_backing_off;
    bool is_draining;
    struct event backoff;
    struct event turn;
    struct conn_list conns, idle, turns; /* idle: longest idle first */
    size_t num_conns, num_pending, num_turns;
    struct peers *peers;
    struct edge_stats stats;
    int64_t date_s; /* what date_text says */
    char date_text[30];
};

/* edge.c */
void edge_queue_turn(struct conn *c);
void edge_drop(struct edge *edge, const char *peer, const char *reason, const char *detail);
void edge_forget_conn(struct conn *c); /* out of all lists and counts; may accept again */
void edge_mark_idle(struct conn *c);
void edge_unmark_idle(struct conn *c);

/* conn.c: reading. conn_open takes fd, already counted in peers; peer has PEER_TEXT_MAX bytes. */
void conn_open(struct edge *edge, int fd, bool is_tls, const struct peer_key *key,
               const char *peer);
void conn_advance(struct conn *c);
bool conn_set_deadline(struct conn *c, int64_t deadline_us); /* false: no memory, no timer */
void conn_next(struct conn *c); /* reply sent, request forgotten: the next one, or close */

/* conn_close.c: ending */
void conn_close(struct conn *c);           /* politely, at the end of the turn */
void conn_kill(struct conn *c);            /* at the end of the turn, without a word */
void conn_finish(struct conn *c, bool ok); /* end the exchange: done() */
void conn_turn(struct conn *c);            /* only at the end of the turn */
void conn_free(struct conn *c);            /* only at the end of the turn and by edge_free */

static inline int64_t conn_now_us(const struct conn *c)
{
    return clock_mono_us(c->edge->clock);
}
static inline int64_t ms_to_us(unsigned ms)
{
    return (int64_t)ms * 1000;
}

#endif
