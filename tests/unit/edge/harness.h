/* harness.h - an edge on a loopback port, a handler that notes what it sees, and clients that are
 * plain non-blocking sockets. Everything runs on one thread: waiting means turning the event loop
 * until something is true, never sleeping. */
#ifndef TESTS_UNIT_EDGE_HARNESS_H
#define TESTS_UNIT_EDGE_HARNESS_H

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/edge/conn.h"
#include "broker/edge/edge.h"

#define WAIT_MS 5000 /* for things that must happen; far longer than they take */
#define SEEN_MAX 64

struct seen_request {
    char method[16];
    char path[64];
    char body[256];
    size_t body_len;
    int refused_status;
    char refused_reason[32];
    char uri[64]; /* first URI of the identity */
    bool has_identity;
    bool is_tls;
};

struct world {
    struct event_base *base;
    struct edge *edge;
    struct edge_limits limits;
    unsigned short port;
    /* The handler. */
    bool is_holding;        /* do not reply at once */
    size_t reply_len;       /* body of a good reply; 0: "ok" */
    const char *request_id; /* for replies */
    struct edge_exchange *held;
    struct seen_request seen[SEEN_MAX];
    size_t num_seen, num_gone, num_done_ok, num_done_lost, num_dropped;
    char dropped_reason[32];
    char dropped_detail[128];
};

static inline void note_done(void *ctx, bool ok)
{
    struct world *w = ctx;
    if (ok) {
        w->num_done_ok++;
    } else {
        w->num_done_lost++;
    }
}

static inline void answer(struct world *w, struct edge_exchange *x)
{
    struct edge_reply reply = {.status = x->refused_status == 0 ? 200 : x->refused_status,
                               .request_id = w->request_id,
                               .done = note_done,
                               .done_ctx = w};
    buf_init_secret(&reply.body, w->reply_len + 64);
    if (x->refused_status != 0) {
        buf_add_str(&reply.body, x->refused_reason);
    } else if (w->reply_len == 0) {
        buf_add_str(&reply.body, "ok");
    }
    for (size_t i = 0; x->refused_status == 0 && i < w->reply_len; i++) {
        buf_add_char(&reply.body, 'r');
    }
    w->held = NULL;
    edge_reply(x, &reply);
}

static inline void copy_slice(char *out, size_t size, struct slice s)
{
    const size_t len = s.ptr == NULL ? 0 : (s.len < size - 1 ? s.len : size - 1);
    if (len > 0) {
        memcpy(out, s.ptr, len);
    }
    out[len] = '\0';
}

static inline void on_request(void *ctx, struct edge_exchange *x)
{
    struct world *w = ctx;
    assert_in_range(w->num_seen, 0, SEEN_MAX - 1);
    struct seen_request *s = &w->seen[w->num_seen++];
    copy_slice(s->method, sizeof(s->method), x->head.method_text);
    copy_slice(s->path, sizeof(s->path), x->head.path);
    copy_slice(s->body, sizeof(s->body), x->body);
    copy_slice(s->refused_reason, sizeof(s->refused_reason), slice_of(x->refused_reason));
    s->body_len = x->body.len;
    s->refused_status = x->refused_status;
    s->is_tls = x->is_tls;
    s->has_identity = x->identity != NULL;
    if (x->identity != NULL && x->identity->num_uris > 0) {
        copy_slice(s->uri, sizeof(s->uri), x->identity->uris[0]);
    }
    if (w->is_holding && x->refused_status == 0) {
        assert_null(w->held); /* one request at a time (these tests hold one connection's) */
        w->held = x;
    } else {
        answer(w, x);
    }
}

static inline void on_gone(void *ctx, struct edge_exchange *x)
{
    struct world *w = ctx;
    assert_true(x->is_gone);
    w->num_gone++;
}

static inline void on_dropped(void *ctx, const char *peer, const char *reason, const char *detail)
{
    struct world *w = ctx;
    assert_non_null(peer);
    w->num_dropped++;
    copy_slice(w->dropped_reason, sizeof(w->dropped_reason), slice_of(reason));
    copy_slice(w->dropped_detail, sizeof(w->dropped_detail), slice_of(detail));
}

/* world_limits - generous; a test narrows what it is about before world_start. */
static inline void world_limits(struct world *w)
{
    *w = (struct world){.limits = {.max_connections = 100,
                                   .max_connections_peer = 100,
                                   .max_requests = 100,
                                   .max_head_bytes = 4096,
                                   .max_body_bytes = 65536,
                                   .handshake_ms = 10000,
                                   .head_ms = 10000,
                                   .body_ms = 10000,
                                   .request_ms = 20000,
                                   .idle_ms = 10000,
                                   .write_ms = 10000}};
}

static inline void world_start_on(struct world *w, struct edge_tls *tls)
{
    const struct edge_handler handler = {w, on_request, on_gone, on_dropped};
    struct cb_err err;
    char text[64];
    int fd = -1;
    (void)signal(SIGPIPE, SIG_IGN); /* as the edge asks of its process */
    w->base = event_base_new();
    assert_int_equal(edge_new(w->base, &w->limits, &handler, &cb_system_clock, &w->edge, &err),
                     CB_OK);
    if (tls != NULL) {
        edge_set_tls(w->edge, tls);
    }
    assert_int_equal(edge_bind("127.0.0.1:0", false, &fd, text, sizeof(text), &err), CB_OK);
    w->port = (unsigned short)strtoul(strrchr(text, ':') + 1, NULL, 10);
    assert_int_equal(edge_listen(w->edge, fd, tls != NULL, &err), CB_OK);
}

static inline void world_start(struct world *w)
{
    world_start_on(w, NULL);
}

static inline void world_stop(struct world *w)
{
    edge_free(w->edge);
    event_base_free(w->base);
    w->edge = NULL;
}

/* turn - one round of the loop, waiting at most a few milliseconds for something to happen. */
static inline void turn(struct world *w)
{
    const struct timeval tick = {.tv_usec = 2000};
    (void)event_base_loopexit(w->base, &tick);
    (void)event_base_loop(w->base, EVLOOP_ONCE);
}

/* WAIT_FOR - turn the loop until cond holds; fails the test if it never does. */
#define WAIT_FOR(w, cond)                                                                          \
    do {                                                                                           \
        const int64_t until_ = clock_mono_us(&cb_system_clock) + WAIT_MS * 1000;                   \
        while (!(cond)) {                                                                          \
            turn(w);                                                                               \
            if (clock_mono_us(&cb_system_clock) > until_) {                                        \
                fail_msg("never true: %s", #cond);                                                 \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static inline void turn_for_ms(struct world *w, int64_t ms)
{
    const int64_t until = clock_mono_us(&cb_system_clock) + ms * 1000;
    while (clock_mono_us(&cb_system_clock) < until) {
        turn(w);
    }
}

/* ---------------------------------------------------------------- clients */

struct client {
    int fd;
    struct buf in; /* all that has come */
    bool is_eof;
    bool is_reset;
};

static inline struct sockaddr_in world_address(const struct world *w)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(w->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int dial_fd(const struct world *w)
{
    const struct sockaddr_in addr = world_address(w);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    const int rc = connect(fd, (const struct sockaddr *)(const void *)&addr, sizeof(addr));
    assert_true(rc == 0 || errno == EINPROGRESS);
    return fd;
}

static inline void client_open(struct world *w, struct client *c)
{
    *c = (struct client){.fd = dial_fd(w)};
    buf_init(&c->in, 4 * 1024 * 1024);
}

static inline void client_close(struct client *c)
{
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    c->fd = -1;
    buf_free(&c->in);
}

/* client_send_bytes - false: the server has closed before all was taken. */
static inline bool client_send_bytes(struct world *w, struct client *c, const char *bytes,
                                     size_t len)
{
    size_t at = 0;
    while (at < len) {
        const ssize_t n = send(c->fd, bytes + at, len - at, MSG_NOSIGNAL);
        if (n > 0) {
            at += (size_t)n;
        } else if (errno != EAGAIN) {
            return false;
        }
        turn(w);
    }
    return true;
}

static inline void client_send(struct world *w, struct client *c, const char *text)
{
    (void)client_send_bytes(w, c, text, strlen(text));
}

/* client_poll - take what is there. */
static inline void client_poll(struct client *c)
{
    char piece[16384];
    ssize_t n = 0;
    while ((n = recv(c->fd, piece, sizeof(piece), 0)) > 0) {
        buf_add(&c->in, piece, (size_t)n);
    }
    c->is_eof |= n == 0;
    c->is_reset |= n < 0 && errno != EAGAIN;
}

static inline bool client_ended(struct client *c)
{
    client_poll(c);
    return c->is_eof || c->is_reset;
}

static inline bool client_has(struct client *c, const char *text)
{
    client_poll(c);
    return c->in.data != NULL && strstr(c->in.data, text) != NULL;
}

static inline size_t client_count(struct client *c, const char *text)
{
    size_t num = 0;
    client_poll(c);
    for (const char *p = c->in.data; p != NULL && (p = strstr(p, text)) != NULL; p++) {
        num++;
    }
    return num;
}

#endif
