/* conn.c - one connection from its first byte to a request handed to the handler.
 *
 * Here: reading, phases and their deadlines, noticing that the peer has gone. Not here: the reply
 * (reply.c), every kind of ending (conn_close.c), TLS beyond "the handshake is done". Reading
 * goes on while a request is pending, because that is how a disconnect is noticed. */
#include "broker/edge/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/edge/tls_session.h"

/* ---------------------------------------------------------------- deadlines */

static bool arm(struct conn *c, int64_t now_us)
{
    const int64_t left = c->deadline_us > now_us ? c->deadline_us - now_us : 0;
    const struct timeval tv = {.tv_sec = left / 1000000, .tv_usec = left % 1000000};
    const bool ok = event_add(&c->timer, &tv) == 0;
    c->armed_us = ok ? c->deadline_us : 0;
    return ok;
}

bool conn_set_deadline(struct conn *c, int64_t deadline_us)
{
    c->deadline_us = deadline_us;
    /* A timer that fires too early arms itself again: most requests never touch it. */
    if (c->armed_us == 0 || deadline_us < c->armed_us) {
        return arm(c, conn_now_us(c));
    }
    return true;
}

static void set_phase(struct conn *c, enum conn_state state, unsigned ms)
{
    const int64_t deadline = conn_now_us(c) + ms_to_us(ms);
    const bool in_request = state == CONN_HEAD || state == CONN_BODY;
    c->state = state;
    if (!conn_set_deadline(c, in_request && deadline > c->request_deadline_us
                                  ? c->request_deadline_us
                                  : deadline)) {
        conn_kill(c); /* out of memory; a connection without a deadline must not live */
    }
}

/* ---------------------------------------------------------------- handing over */

static void hand_over(struct conn *c)
{
    struct edge *edge = c->edge;
    struct edge_exchange *x = &c->exchange;
    c->state = CONN_PENDING;
    x->head = c->reader.head;
    x->body = c->body.data == NULL ? (struct slice){"", 0} : buf_slice(&c->body);
    c->is_head_only = slice_eq(x->head.method_text, SLICE("HEAD"));
    c->num_requests++;
    edge->num_pending++;
    if (!x->head.keep_alive || c->num_requests >= edge->limits.max_requests) {
        c->must_close = true;
    }
    /* Without memory for the timer the handler's own deadline remains. */
    (void)conn_set_deadline(c, c->request_deadline_us);
    edge->handler.on_request(edge->handler.ctx, x);
}

static void refuse(struct conn *c, enum http_refusal why)
{
    c->exchange.refused_status = http_refusal_status(why);
    c->exchange.refused_reason = http_refusal_word(why);
    c->edge->stats.bad_requests++;
    if (why == HTTP_REFUSAL_DEADLINE) {
        /* The request's own time is over; its answer still needs some. */
        c->edge->stats.timeouts++;
        c->request_deadline_us = conn_now_us(c) + ms_to_us(c->edge->limits.request_ms);
    }
    c->must_close = true;
    c->must_linger = true;
    buf_free(&c->body);
    hand_over(c);
}

/* gone - the peer left while the handler works. The socket is closed soon, the exchange stays. */
static void gone(struct conn *c)
{
    struct edge *edge = c->edge;
    c->exchange.is_gone = true;
    c->is_open = false;
    edge_queue_turn(c);
    edge->handler.on_gone(edge->handler.ctx, &c->exchange);
}

/* ---------------------------------------------------------------- reading */

/* next_piece - the first run of bytes in the input buffer, in place. drain_wiped takes bytes out of
 * it and leaves no copy there. */
static bool next_piece(struct conn *c, struct evbuffer_iovec *ret)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    return evbuffer_peek(in, -1, NULL, ret, 1) > 0 && ret->iov_len > 0;
}

static void drain_wiped(struct conn *c, const struct evbuffer_iovec *piece, size_t len)
{
    secret_wipe(piece->iov_base, len);
    (void)evbuffer_drain(bufferevent_get_input(c->bev), len);
}

static void begin_request(struct conn *c)
{
    const int64_t now = conn_now_us(c);
    edge_unmark_idle(c);
    c->exchange.start_mono_us = now;
    c->request_deadline_us = now + ms_to_us(c->edge->limits.request_ms);
    if (c->num_requests == 0) {
        c->state = CONN_HEAD; /* the first head's time began when the connection was ready */
    } else {
        set_phase(c, CONN_HEAD, c->edge->limits.head_ms);
    }
}

static void send_continue(struct conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    (void)bufferevent_write(c->bev, text, sizeof(text) - 1);
}

static void head_complete(struct conn *c)
{
    c->edge->stats.requests++;
    c->body_left = c->reader.content_length;
    if (c->body_left == 0) {
        hand_over(c);
        return;
    }
    buf_init_secret(&c->body, c->body_left);
    set_phase(c, CONN_BODY, c->edge->limits.body_ms);
    if (c->reader.expects_continue && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0) {
        send_continue(c);
    }
}

static void read_head(struct conn *c)
{
    struct evbuffer_iovec piece;
    while (c->reader.status == HTTP_READ_MORE && next_piece(c, &piece)) {
        drain_wiped(c, &piece, http_reader_feed(&c->reader, piece.iov_base, piece.iov_len));
    }
    switch (c->reader.status) {
    case HTTP_READ_MORE:
        break;
    case HTTP_READ_COMPLETE:
        head_complete(c);
        break;
    case HTTP_READ_REFUSED:
        refuse(c, c->reader.refusal);
        break;
    }
}

static void read_body(struct conn *c)
{
    struct evbuffer_iovec piece;
    while (c->body_left > 0 && next_piece(c, &piece)) {
        const size_t len = piece.iov_len < c->body_left ? piece.iov_len : c->body_left;
        buf_add(&c->body, piece.iov_base, len);
        drain_wiped(c, &piece, len);
        c->body_left -= len;
    }
    if (!buf_ok(&c->body)) {
        refuse(c, HTTP_REFUSAL_NO_MEMORY);
    } else if (c->body_left == 0) {
        hand_over(c);
    }
}

/* bound_input - what is sent ahead of our replies may not pile up. */
static void bound_input(struct conn *c)
{
    const size_t held = evbuffer_get_length(bufferevent_get_input(c->bev));
    if (!c->is_paused && held > c->edge->limits.max_head_bytes) {
        c->is_paused = true;
        (void)bufferevent_disable(c->bev, EV_READ);
    }
}

void conn_advance(struct conn *c)
{
    if (c->state == CONN_IDLE && evbuffer_get_length(bufferevent_get_input(c->bev)) > 0) {
        begin_request(c);
    }
    if (c->state == CONN_HEAD) {
        read_head(c);
    }
    if (c->state == CONN_BODY) {
        read_body(c);
    }
    if ((c->state == CONN_PENDING && !c->exchange.is_gone) || c->state == CONN_WRITE) {
        bound_input(c);
    }
}

void conn_next(struct conn *c)
{
    struct edge *edge = c->edge;
    if (c->must_close || edge->is_draining) {
        conn_close(c);
        return;
    }
    c->exchange = (struct edge_exchange){
        .identity = c->exchange.identity, .is_tls = c->is_tls, .peer = c->peer};
    set_phase(c, CONN_IDLE, edge->limits.idle_ms);
    edge_mark_idle(c);
    if (c->is_paused) {
        c->is_paused = false;
        (void)bufferevent_enable(c->bev, EV_READ);
    }
    if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0) {
        edge_queue_turn(c); /* not from here: a pipelining peer must not deepen our stack */
    }
}

/* ---------------------------------------------------------------- callbacks */

static void on_read(struct bufferevent *bev, void *ctx)
{
    (void)bev;
    conn_advance(ctx);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
    struct conn *c = ctx;
    if (c->state == CONN_WRITE && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
        conn_finish(c, true);
        conn_next(c);
    }
}

static void ready(struct conn *c)
{
    c->is_open = true;
    set_phase(c, CONN_IDLE, c->edge->limits.head_ms);
}

static void handshake_done(struct conn *c)
{
    c->edge->stats.handshakes++;
    c->exchange.identity = tls_session_identity(c->session);
    ready(c);
}

static void handshake_failed(struct conn *c)
{
    const char *detail = "";
    const char *word =
        tls_session_failure(c->session, bufferevent_get_openssl_error(c->bev), &detail);
    c->edge->stats.handshake_failures++;
    edge_drop(c->edge, c->peer, word, detail);
    /* The alert is on its way, and the peer may be sending already (TLS 1.3): a reset would
     * destroy the alert before it is read. */
    c->must_linger = true;
    conn_close(c);
}

/* lost - end of file or error from below. */
static void lost(struct conn *c, bool is_clean)
{
    if (!is_clean) {
        c->is_open = false;
    }
    switch (c->state) {
    case CONN_HANDSHAKE:
        handshake_failed(c);
        break;
    case CONN_IDLE:
        if (c->num_requests == 0) {
            edge_drop(c->edge, c->peer, "no_request", "closed before a request");
        }
        conn_close(c);
        break;
    case CONN_HEAD:
    case CONN_BODY:
        edge_drop(c->edge, c->peer, "cut_off", "closed within a request");
        conn_kill(c);
        break;
    case CONN_PENDING:
        if (!c->exchange.is_gone) {
            gone(c);
        }
        break;
    case CONN_WRITE:
        conn_finish(c, false);
        conn_kill(c);
        break;
    case CONN_CLOSING:
    case CONN_LINGER:
    case CONN_DEAD:
        break;
    }
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct conn *c = ctx;
    (void)bev;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        if (c->state == CONN_HANDSHAKE) {
            handshake_done(c);
        }
        return;
    }
    lost(c, (what & BEV_EVENT_ERROR) == 0);
}

static void too_late(struct conn *c)
{
    switch (c->state) {
    case CONN_HANDSHAKE:
        c->edge->stats.timeouts++;
        c->edge->stats.handshake_failures++;
        edge_drop(c->edge, c->peer, "handshake_deadline", "the handshake took too long");
        conn_kill(c);
        break;
    case CONN_IDLE:
        if (c->num_requests == 0) {
            c->edge->stats.timeouts++;
            edge_drop(c->edge, c->peer, "idle", "no request came");
        }
        conn_close(c);
        break;
    case CONN_HEAD:
    case CONN_BODY:
        refuse(c, HTTP_REFUSAL_DEADLINE);
        break;
    case CONN_PENDING:
        c->edge->stats.timeouts++;
        if (!c->exchange.is_gone) {
            gone(c);
        }
        break;
    case CONN_WRITE:
        c->edge->stats.timeouts++;
        conn_finish(c, false);
        conn_kill(c);
        break;
    case CONN_CLOSING:
    case CONN_DEAD:
        break;
    case CONN_LINGER:
        conn_kill(c);
        break;
    }
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *c = ctx;
    (void)fd;
    (void)what;
    c->armed_us = 0;
    const int64_t now = conn_now_us(c);
    if (c->exchange.is_gone) {
        return; /* nothing is awaited from the peer any more */
    }
    if (now >= c->deadline_us || !arm(c, now)) {
        too_late(c);
    }
}

/* ---------------------------------------------------------------- opening */

static bool make_transport(struct conn *c)
{
    struct edge *edge = c->edge;
    if (!c->is_tls) {
        c->bev = bufferevent_socket_new(edge->base, c->fd, 0);
        return c->bev != NULL;
    }
    /* Without TLS material or memory there is no connection: never a plain one instead. */
    c->session = edge->tls == NULL ? NULL : tls_session_new(edge->tls);
    if (c->session == NULL) {
        return false;
    }
    c->bev = bufferevent_openssl_socket_new(edge->base, c->fd, tls_session_ssl(c->session),
                                            BUFFEREVENT_SSL_ACCEPTING, 0);
    return c->bev != NULL;
}

void conn_open(struct edge *edge, int fd, bool is_tls, const struct peer_key *key, const char *peer)
{
    const int on = 1;
    struct conn *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        peers_remove(edge->peers, key);
        edge_drop(edge, peer, "no_memory", "");
        (void)close(fd);
        return;
    }
    *c = (struct conn){.edge = edge, .fd = fd, .is_tls = is_tls, .peer_key = *key};
    memcpy(c->peer, peer, sizeof(c->peer));
    c->exchange.is_tls = is_tls;
    c->exchange.peer = c->peer;
    http_reader_init(&c->reader, edge->limits.max_head_bytes, edge->limits.max_body_bytes);
    (void)event_assign(&c->timer, edge->base, -1, 0, on_timer, c);
    TAILQ_INSERT_TAIL(&edge->conns, c, all_link);
    edge->num_conns++;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a Unix socket has none */
    if (!make_transport(c)) {
        edge_drop(edge, peer, is_tls ? "tls_setup" : "no_memory", "");
        conn_kill(c);
        return;
    }
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    if (is_tls) {
        set_phase(c, CONN_HANDSHAKE, edge->limits.handshake_ms);
    } else {
        ready(c);
    }
    if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) != 0) {
        edge_drop(edge, peer, "no_memory", "");
        conn_kill(c);
    }
}
