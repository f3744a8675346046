/* connection.c - see connection.h. The socket is non-blocking; every wait has an end, and a short one,
 * so that a broker that stops does not wait for a receiver that hangs. */
#include "broker/ship/connection.h"

#include "broker/base/buf.h"
#include "broker/base/clock.h"
#include "broker/ship/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OPEN_MS 5000
#define SEND_MS 30000
#define GATHER_MAX ((size_t)64 * 1024)

struct connection {
    enum ship_transport transport;
    int fd;
    struct tls_stream *tls;
    struct buf out;   /* streams: what is gathered for one write */
    uint64_t sent;    /* not for TLS, which counts by itself */
    uint64_t arrived; /* as far as was seen last */
};

static int64_t until(int ms)
{
    return clock_mono_us(&cb_system_clock) + (int64_t)ms * 1000;
}

/* ---- opening ---- */

static enum cb_code finish_connect(int fd, const char *host, struct cb_err *err)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int failure = 0;
    socklen_t len = sizeof(failure);
    const int ready = poll(&p, 1, OPEN_MS);
    if (ready == 0) {
        return cb_fail(err, CB_ESYS, "%s does not answer", host);
    }
    if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0) {
        return cb_fail_errno(err, "cannot connect to %s", host);
    }
    if (failure != 0) {
        errno = failure;
        return cb_fail_errno(err, "cannot connect to %s", host);
    }
    return CB_OK;
}

static enum cb_code connect_one(const struct addrinfo *ai, const char *host, int *ret,
                                struct cb_err *err)
{
    const int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot make a socket");
    }
    enum cb_code code = CB_OK;
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
        code = errno == EINPROGRESS ? finish_connect(fd, host, err)
                                    : cb_fail_errno(err, "cannot connect to %s", host);
    }
    if (code != CB_OK) {
        (void)close(fd);
        return code;
    }
    /* A receiver that vanished without a word must show before its share of the log is large. */
    const int on = 1;
    const unsigned timeout_ms = SEND_MS;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    *ret = fd;
    return CB_OK;
}

static enum cb_code connect_tcp(const struct ship_target *target, int *ret, struct cb_err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    const int status = getaddrinfo(target->host, target->port, &hints, &list);
    if (status != 0) {
        return cb_fail(err, CB_ESYS, "cannot look up %s: %s", target->host, gai_strerror(status));
    }
    enum cb_code code = cb_fail(err, CB_ESYS, "%s has no address", target->host);
    for (const struct addrinfo *ai = list; ai != NULL && code != CB_OK; ai = ai->ai_next) {
        code = connect_one(ai, target->host, ret, err);
    }
    freeaddrinfo(list);
    return code;
}

static enum cb_code connect_unix(const struct ship_target *target, int *ret, struct cb_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(target->path) >= sizeof(address.sun_path)) {
        return cb_fail(err, CB_EINPUT, "%s is too long for a socket's path", target->path);
    }
    memcpy(address.sun_path, target->path, strlen(target->path) + 1);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot make a socket");
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        const enum cb_code code = cb_fail_errno(err, "cannot connect to %s", target->path);
        (void)close(fd);
        return code;
    }
    *ret = fd;
    return CB_OK;
}

enum cb_code connection_open(const struct ship_target *target, struct ship_tls *tls,
                             struct connection **ret, struct cb_err *err)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for a connection");
    }
    c->fd = -1;
    c->transport = target->transport;
    buf_init(&c->out, GATHER_MAX + ((size_t)1 << 20));
    enum cb_code code = target->transport == SHIP_UNIX ? connect_unix(target, &c->fd, err)
                                                       : connect_tcp(target, &c->fd, err);
    if (code == CB_OK && target->transport == SHIP_TLS) {
        code = tls_stream_open(tls, c->fd, target->host, until(OPEN_MS), &c->tls, err);
    }
    if (code != CB_OK) {
        connection_close(c);
        return code;
    }
    *ret = c;
    return CB_OK;
}

void connection_close(struct connection *c)
{
    if (c != NULL) {
        tls_stream_close(c->tls);
        if (c->fd >= 0) {
            (void)close(c->fd);
        }
        buf_free(&c->out);
        free(c);
    }
}

/* ---- sending ---- */

/* wait_writable - after a write that would have blocked. */
static enum cb_code wait_writable(const struct connection *c, int64_t until_us, struct cb_err *err)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    if (poll(&p, 1, 250) < 0 && errno != EINTR) {
        return cb_fail_errno(err, "poll");
    }
    if (clock_mono_us(&cb_system_clock) >= until_us) {
        return cb_fail(err, CB_ESYS, "the receiver takes nothing any more");
    }
    return CB_OK;
}

/* send_some - one call; *ret: bytes taken, 0 if it has to be tried again. */
static enum cb_code send_some(struct connection *c, struct slice bytes, int64_t until_us,
                              size_t *ret, struct cb_err *err)
{
    const ssize_t done = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    *ret = done > 0 ? (size_t)done : 0;
    c->sent += *ret;
    if (done >= 0 || errno == EINTR) {
        return CB_OK;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
        return wait_writable(c, until_us, err);
    }
    return cb_fail_errno(err, "cannot send");
}

static enum cb_code send_stream(struct connection *c, struct slice bytes, struct cb_err *err)
{
    int64_t until_us = until(SEND_MS);
    if (c->tls != NULL) {
        return tls_stream_write(c->tls, bytes, SEND_MS, err);
    }
    while (bytes.len > 0) {
        size_t done = 0;
        TRY(send_some(c, bytes, until_us, &done, err));
        bytes = slice_from(bytes, done);
        until_us = done > 0 ? until(SEND_MS) : until_us;
    }
    return CB_OK;
}

static enum cb_code send_datagram(struct connection *c, struct slice message, struct cb_err *err)
{
    const int64_t until_us = until(SEND_MS);
    size_t done = 0;
    while (done == 0) {
        TRY(send_some(c, message, until_us, &done, err));
    }
    return CB_OK;
}

enum cb_code connection_flush(struct connection *c, struct cb_err *err)
{
    if (c->out.len == 0) {
        return CB_OK;
    }
    const enum cb_code code = send_stream(c, buf_slice(&c->out), err);
    buf_reset(&c->out);
    return code;
}

enum cb_code connection_send(struct connection *c, struct slice message, struct cb_err *err)
{
    if (c->transport == SHIP_UNIX) {
        return send_datagram(c, message, err);
    }
    buf_printf(&c->out, "%zu ", message.len);
    buf_add_slice(&c->out, message);
    if (!buf_ok(&c->out)) {
        return cb_fail(err, CB_ENOMEM, "no memory for a message");
    }
    return c->out.len < GATHER_MAX ? CB_OK : connection_flush(c, err);
}

/* ---- what has arrived ---- */

enum cb_code connection_check(struct connection *c, struct cb_err *err)
{
    char unwanted[512];
    if (c->tls != NULL) {
        return tls_stream_poll(c->tls, err);
    }
    if (c->transport == SHIP_UNIX) {
        return CB_OK; /* a receiver that has gone shows with the next datagram */
    }
    for (;;) {
        const ssize_t got = recv(c->fd, unwanted, sizeof(unwanted), 0);
        if (got == 0) {
            return cb_fail(err, CB_ESYS, "the receiver closed the connection");
        }
        if (got < 0 && errno != EINTR) {
            return errno == EAGAIN ? CB_OK : cb_fail_errno(err, "the connection broke");
        }
    }
}

uint64_t connection_sent(const struct connection *c)
{
    return c->tls != NULL ? tls_stream_sent(c->tls) : c->sent;
}

uint64_t connection_arrived(struct connection *c)
{
    const uint64_t sent = connection_sent(c);
    int waiting = 0;
    if (ioctl(c->fd, SIOCOUTQ, &waiting) != 0 || waiting < 0) {
        return c->arrived;
    }
    if (waiting == 0) {
        c->arrived = sent;
    } else if (c->transport != SHIP_UNIX && sent - (uint64_t)waiting > c->arrived &&
               (uint64_t)waiting <= sent) {
        c->arrived = sent - (uint64_t)waiting; /* of a Unix socket the count is in other units */
    }
    return c->arrived;
}
