/* conn_close.c - every way in which a connection ends.
 *
 * Politely: the reply is out, TLS says close_notify, our half is shut; if the peer may still be
 * sending, its bytes are read and thrown away for a short while, because close() with unread input
 * makes the kernel send a reset that can destroy our reply before the peer has read it. */
#include "broker/edge/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/edge/tls_session.h"

void conn_finish(struct conn *c, bool ok)
{
    void (*done)(void *, bool) = c->done;
    void *ctx = c->done_ctx;
    c->done = NULL;
    c->edge->num_pending--;
    if (done != NULL) {
        done(ctx, ok);
    }
}

void conn_close(struct conn *c)
{
    edge_unmark_idle(c);
    c->state = CONN_CLOSING;
    edge_queue_turn(c);
}

void conn_kill(struct conn *c)
{
    edge_unmark_idle(c);
    c->state = CONN_DEAD;
    edge_queue_turn(c);
}

/* wipe_input - requests that were sent ahead and never read may hold secrets too. */
static void wipe_input(struct bufferevent *bev)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_iovec piece;
    while (evbuffer_peek(in, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
        secret_wipe(piece.iov_base, piece.iov_len);
        if (evbuffer_drain(in, piece.iov_len) != 0) {
            break;
        }
    }
}

static void drop_bufferevent(struct conn *c)
{
    if (c->bev == NULL) {
        return;
    }
    bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
    (void)bufferevent_disable(c->bev, EV_READ | EV_WRITE);
    wipe_input(c->bev);
    /* Made without BEV_OPT_CLOSE_ON_FREE: socket and session are ours to end. */
    bufferevent_free(c->bev);
    c->bev = NULL;
}

static void drop_transport(struct conn *c)
{
    drop_bufferevent(c);
    tls_session_free(c->session);
    c->session = NULL;
    c->exchange.identity = NULL; /* it lived in the session */
    if (c->fd >= 0) {
        (void)close(c->fd);
        c->fd = -1;
    }
}

void conn_free(struct conn *c)
{
    if (event_initialized(&c->linger)) {
        (void)event_del(&c->linger);
    }
    (void)event_del(&c->timer);
    drop_transport(c);
    http_reader_free(&c->reader);
    buf_free(&c->body);
    edge_forget_conn(c);
    free(c);
}

/* ---------------------------------------------------------------- lingering */

static void on_linger(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *c = ctx;
    char scratch[16384];
    (void)what;
    const ssize_t n = recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || (size_t)n >= c->linger_left) {
        conn_kill(c);
    } else {
        c->linger_left -= (size_t)n;
    }
    /* On a plain listener these may be the rest of a refused request. */
    secret_wipe(scratch, n > 0 ? (size_t)n : 0);
}

static void begin_linger(struct conn *c)
{
    c->state = CONN_LINGER;
    c->linger_left = CONN_LINGER_BYTES;
    (void)event_assign(&c->linger, c->edge->base, c->fd, EV_READ | EV_PERSIST, on_linger, c);
    if (event_add(&c->linger, NULL) != 0 ||
        !conn_set_deadline(c, conn_now_us(c) + ms_to_us(CONN_LINGER_MS))) {
        conn_kill(c);
    }
}

static void end_politely(struct conn *c)
{
    if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0 || c->is_paused) {
        c->must_linger = true;
    }
    drop_bufferevent(c);
    if (c->session != NULL && c->is_open) {
        tls_session_close_notify(c->session);
    }
    if (c->must_linger && shutdown(c->fd, SHUT_WR) == 0) {
        begin_linger(c);
    } else {
        conn_free(c);
    }
}

void conn_turn(struct conn *c)
{
    switch (c->state) {
    case CONN_DEAD:
        conn_free(c);
        break;
    case CONN_CLOSING:
        end_politely(c);
        break;
    case CONN_PENDING:
        if (c->exchange.is_gone) {
            drop_bufferevent(c);
            if (c->fd >= 0) {
                (void)close(c->fd);
                c->fd = -1;
            }
        }
        break;
    case CONN_HANDSHAKE:
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY:
    case CONN_WRITE:
        conn_advance(c);
        break;
    case CONN_LINGER:
        break;
    }
}
