/* edge.c - one edge: its listeners, its lists of connections, its limits and its end.
 *
 * At the cap of connections in total: the longest idle keep-alive connection makes room for the
 * newcomer (clients expect that an idle connection may close); when none is idle the listeners
 * stop, and newcomers wait in the kernel's queue, which costs neither CPU nor a reset. Every phase
 * of a connection has a deadline, so room always comes. Over the cap for one peer: closed at once,
 * since its address is known only after accept(). */
#include "broker/edge/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/edge/tls_session.h"

#define LISTEN_BACKLOG 1024 /* the kernel cuts it to net.core.somaxconn */

/* ---------------------------------------------------------------- counting */

void edge_drop(struct edge *edge, const char *peer, const char *reason, const char *detail)
{
    edge->handler.on_dropped(edge->handler.ctx, peer, reason, detail);
}

static bool is_full(const struct edge *edge)
{
    return edge->num_conns >= edge->limits.max_connections && TAILQ_EMPTY(&edge->idle);
}

/* update_listeners - accept exactly while there is room and nothing speaks against it. */
static void update_listeners(struct edge *edge)
{
    const bool want = !edge->is_draining && !edge->is_backing_off && !is_full(edge);
    if (want == edge->is_listening) {
        return;
    }
    edge->is_listening = want;
    for (size_t i = 0; i < edge->num_listeners; i++) {
        struct evconnlistener *lev = edge->listeners[i].lev;
        if (want) {
            (void)evconnlistener_enable(lev);
        } else {
            (void)evconnlistener_disable(lev);
        }
    }
}

void edge_mark_idle(struct conn *c)
{
    if (c->state == CONN_IDLE && !c->is_in_idle) {
        c->is_in_idle = true;
        TAILQ_INSERT_TAIL(&c->edge->idle, c, idle_link);
        update_listeners(c->edge);
    }
}

void edge_unmark_idle(struct conn *c)
{
    if (c->is_in_idle) {
        c->is_in_idle = false;
        TAILQ_REMOVE(&c->edge->idle, c, idle_link);
        update_listeners(c->edge);
    }
}

static void leave_turn(struct conn *c)
{
    if (c->is_in_turn) {
        c->is_in_turn = false;
        c->edge->num_turns--;
        TAILQ_REMOVE(&c->edge->turns, c, turn_link);
    }
}

void edge_forget_conn(struct conn *c)
{
    struct edge *edge = c->edge;
    edge_unmark_idle(c);
    leave_turn(c);
    TAILQ_REMOVE(&edge->conns, c, all_link);
    peers_remove(edge->peers, &c->peer_key);
    edge->num_conns--;
    update_listeners(edge);
}

/* ---------------------------------------------------------------- the end of the loop's turn */

void edge_queue_turn(struct conn *c)
{
    if (!c->is_in_turn) {
        c->is_in_turn = true;
        c->edge->num_turns++;
        TAILQ_INSERT_TAIL(&c->edge->turns, c, turn_link);
        event_active(&c->edge->turn, EV_TIMEOUT, 0);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
    struct edge *edge = ctx;
    (void)fd;
    (void)what;
    /* Only those that are queued now: what they queue has its own event. */
    for (size_t left = edge->num_turns; left > 0; left--) {
        struct conn *c = TAILQ_FIRST(&edge->turns);
        leave_turn(c);
        conn_turn(c); /* may free c */
    }
}

/* ---------------------------------------------------------------- accepting */

static void on_backoff(evutil_socket_t fd, short what, void *ctx)
{
    struct edge *edge = ctx;
    (void)fd;
    (void)what;
    edge->is_backing_off = false;
    update_listeners(edge);
}

/* on_accept_error - most often no more descriptors. The listening socket stays readable, so
 * without a pause the loop would spin. */
static void on_accept_error(struct evconnlistener *lev, void *ctx)
{
    struct listener *l = ctx;
    const struct timeval pause = {.tv_usec = EDGE_ACCEPT_BACKOFF_US};
    (void)lev;
    l->edge->stats.accept_errors++;
    if (event_add(&l->edge->backoff, &pause) == 0) {
        l->edge->is_backing_off = true;
        update_listeners(l->edge);
    }
}

/* make_room - false when every connection is busy. */
static bool make_room(struct edge *edge)
{
    struct conn *oldest = TAILQ_FIRST(&edge->idle);
    if (edge->num_conns < edge->limits.max_connections) {
        return true;
    }
    if (oldest == NULL) {
        return false;
    }
    /* It is still counted until the turn ends; the caps allow that one more. */
    conn_close(oldest);
    return true;
}

static void on_accept(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *addr,
                      int len, void *ctx)
{
    struct listener *l = ctx;
    struct edge *edge = l->edge;
    struct peer_key key;
    char peer[PEER_TEXT_MAX];
    (void)lev;
    (void)len;
    peer_describe(addr, &key, peer);
    edge->stats.accepted++;
    const bool has_room = make_room(edge);
    if (!has_room || !peers_add(edge->peers, &key, edge->limits.max_connections_peer)) {
        edge->stats.refused_over_limit++;
        edge_drop(edge, peer, "too_many", has_room ? "from this peer" : "in total");
        (void)close(fd);
        return;
    }
    conn_open(edge, fd, l->is_tls, &key, peer);
    update_listeners(edge);
}

enum cb_code edge_listen(struct edge *edge, int fd, bool is_tls, struct cb_err *err)
{
    if (edge->num_listeners == EDGE_LISTENERS_MAX) {
        return cb_fail(err, CB_ELIMIT, "more than %d listeners", EDGE_LISTENERS_MAX);
    }
    struct listener *l = &edge->listeners[edge->num_listeners];
    *l = (struct listener){.edge = edge, .is_tls = is_tls};
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
                           (edge->is_listening ? 0U : LEV_OPT_DISABLED);
    l->lev = evconnlistener_new(edge->base, on_accept, l, flags, LISTEN_BACKLOG, fd);
    if (l->lev == NULL) {
        return cb_fail_errno(err, "listening failed");
    }
    evconnlistener_set_error_cb(l->lev, on_accept_error);
    edge->num_listeners++;
    return CB_OK;
}

/* ---------------------------------------------------------------- life */

enum cb_code edge_new(struct event_base *base, const struct edge_limits *limits,
                      const struct edge_handler *handler, const struct cb_clock *clock,
                      struct edge **ret, struct cb_err *err)
{
    if (limits->max_connections == 0 || limits->max_connections >= UINT16_MAX ||
        limits->max_connections_peer == 0 || limits->max_requests == 0 ||
        limits->max_head_bytes == 0) {
        return cb_fail(err, CB_EINPUT,
                       "the edge's limits must be set, with less than 65535 "
                       "connections");
    }
    struct edge *edge = calloc(1, sizeof(*edge));
    /* One more than the cap: the connection that makes room is counted until the turn ends. A
     * burst accepted in one turn may need as many again. */
    struct peers *peers = peers_new(2 * limits->max_connections);
    if (edge == NULL || peers == NULL) {
        free(edge);
        peers_free(peers);
        return cb_fail(err, CB_ENOMEM, "no memory for the edge");
    }
    *edge = (struct edge){.base = base,
                          .limits = *limits,
                          .handler = *handler,
                          .clock = clock,
                          .is_listening = true,
                          .peers = peers,
                          .date_s = INT64_MIN};
    TAILQ_INIT(&edge->conns);
    TAILQ_INIT(&edge->idle);
    TAILQ_INIT(&edge->turns);
    (void)event_assign(&edge->turn, base, -1, 0, on_turn, edge);
    (void)event_assign(&edge->backoff, base, -1, 0, on_backoff, edge);
    *ret = edge;
    return CB_OK;
}

static void free_listeners(struct edge *edge)
{
    for (size_t i = 0; i < edge->num_listeners; i++) {
        evconnlistener_free(edge->listeners[i].lev);
    }
    edge->num_listeners = 0;
}

void edge_free(struct edge *edge)
{
    if (edge == NULL) {
        return;
    }
    edge->is_draining = true; /* nothing that ends here may start anything */
    free_listeners(edge);
    struct conn *c = NULL;
    while ((c = TAILQ_FIRST(&edge->conns)) != NULL) {
        if (c->state == CONN_WRITE) {
            conn_finish(c, false);
        }
        conn_free(c);
    }
    (void)event_del(&edge->turn);
    (void)event_del(&edge->backoff);
    edge_tls_unref(edge->tls);
    peers_free(edge->peers);
    free(edge);
}

/* close_idle - all of them, or only those on another TLS generation than keep. */
static void close_idle(struct edge *edge, const struct edge_tls *keep)
{
    struct conn *c = TAILQ_FIRST(&edge->idle);
    while (c != NULL) {
        struct conn *next = TAILQ_NEXT(c, idle_link);
        if (keep == NULL || (c->session != NULL && !tls_session_is_of(c->session, keep))) {
            conn_close(c);
        }
        c = next;
    }
}

void edge_set_tls(struct edge *edge, struct edge_tls *tls)
{
    struct edge_tls *old = edge->tls;
    edge->tls = edge_tls_ref(tls);
    /* Who was let in under the old client CA or CRL shall not stay for ever. */
    struct conn *c = NULL;
    TAILQ_FOREACH(c, &edge->conns, all_link)
    {
        if (c->session != NULL && !tls_session_is_of(c->session, tls)) {
            c->must_close = true;
        }
    }
    close_idle(edge, tls);
    edge_tls_unref(old);
}

void edge_drain(struct edge *edge)
{
    edge->is_draining = true;
    edge->is_listening = false;
    free_listeners(edge);
    close_idle(edge, NULL);
}

size_t edge_num_connections(const struct edge *edge)
{
    return edge->num_conns;
}

size_t edge_num_pending(const struct edge *edge)
{
    return edge->num_pending;
}

void edge_get_stats(const struct edge *edge, struct edge_stats *ret)
{
    *ret = edge->stats;
}
