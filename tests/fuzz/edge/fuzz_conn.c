/* fuzz_conn.c - whole plain connections: what one peer may send, in arbitrary cuts, with the
 * handler answering at once or later and the peer leaving at any time. The first byte of the input
 * says how; then come pieces, each with its length in one byte. At the end everything must be
 * gone: no connection, no exchange without its one done. */
#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/edge/conn.h"
#include "broker/edge/edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ANSWER_LATER = 1,
    LEAVE_EARLY = 2, /* the peer closes before the answers */
    CLOSE_EACH = 4,
    DRAIN = 8,
};

struct world {
    struct event_base *base;
    struct edge *edge;
    uint8_t how;
    struct edge_exchange *held;
    size_t num_requests, num_done;
};

static void must(bool cond)
{
    if (!cond) {
        abort();
    }
}

static void note_done(void *ctx, bool ok)
{
    (void)ok;
    ((struct world *)ctx)->num_done++;
}

static void answer(struct world *w, struct edge_exchange *x)
{
    struct edge_reply reply = {.status = x->refused_status == 0 ? 200 : x->refused_status,
                               .close = (w->how & CLOSE_EACH) != 0,
                               .done = note_done,
                               .done_ctx = w};
    buf_init_secret(&reply.body, 64);
    buf_add_str(&reply.body, "ok");
    w->held = NULL;
    edge_reply(x, &reply);
}

static void on_request(void *ctx, struct edge_exchange *x)
{
    struct world *w = ctx;
    w->num_requests++;
    must(w->held == NULL);
    if ((w->how & ANSWER_LATER) != 0) {
        w->held = x;
    } else {
        answer(w, x);
    }
}

static void on_gone(void *ctx, struct edge_exchange *x)
{
    must(((struct world *)ctx)->held == x);
}

static void on_dropped(void *ctx, const char *peer, const char *reason, const char *detail)
{
    (void)ctx;
    (void)detail;
    must(peer != NULL && reason[0] != '\0');
}

static void turn(struct world *w)
{
    (void)event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void play(struct world *w, int peer, const uint8_t *data, size_t size)
{
    char sink[4096];
    while (size > 1) {
        const size_t len = data[0] < size - 1 ? data[0] : size - 1;
        (void)send(peer, data + 1, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        data += len + 1;
        size -= len + 1;
        turn(w);
        if (w->held != NULL && (size & 1) != 0) {
            answer(w, w->held);
        }
        (void)recv(peer, sink, sizeof(sink), MSG_DONTWAIT);
    }
}

static void hang_up(int *peer)
{
    if (*peer >= 0) {
        (void)close(*peer);
        *peer = -1;
    }
}

static void finish(struct world *w, int peer)
{
    if ((w->how & DRAIN) != 0) {
        edge_drain(w->edge);
    }
    if ((w->how & LEAVE_EARLY) != 0) {
        hang_up(&peer);
    }
    for (int i = 0; i < 200 && edge_num_connections(w->edge) > 0; i++) {
        turn(w);
        if (w->held != NULL) {
            answer(w, w->held);
        }
        if (i == 100) {
            hang_up(&peer);
        }
    }
    hang_up(&peer);
}

static struct edge *make_edge(struct world *w)
{
    static const struct edge_limits limits = {.max_connections = 4,
                                              .max_connections_peer = 4,
                                              .max_requests = 5,
                                              .max_head_bytes = 512,
                                              .max_body_bytes = 256,
                                              .handshake_ms = 60000,
                                              .head_ms = 60000,
                                              .body_ms = 60000,
                                              .request_ms = 60000,
                                              .idle_ms = 60000,
                                              .write_ms = 60000};
    const struct edge_handler handler = {w, on_request, on_gone, on_dropped};
    struct edge *edge = NULL;
    struct cb_err err;
    must(edge_new(w->base, &limits, &handler, &cb_system_clock, &edge, &err) == CB_OK);
    return edge;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_base *base;
    const struct peer_key key = {.is_counted = false};
    const char peer_text[PEER_TEXT_MAX] = "unix";
    int fds[2];
    if (size < 2) {
        return 0;
    }
    if (base == NULL) {
        (void)signal(SIGPIPE, SIG_IGN); /* as the edge asks of its process */
        base = event_base_new();
    }
    struct world w = {.base = base, .how = data[0]};
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    w.edge = make_edge(&w);
    conn_open(w.edge, fds[0], false, &key, peer_text);
    play(&w, fds[1], data + 1, size - 1);
    finish(&w, fds[1]);
    must(edge_num_connections(w.edge) == 0);
    must(edge_num_pending(w.edge) == 0);
    must(w.num_done == w.num_requests);
    edge_free(w.edge);
    turn(&w); /* libevent ends its own objects in the next round */
    return 0;
}
