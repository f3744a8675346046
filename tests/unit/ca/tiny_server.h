/* tiny_server.h - a CA that misbehaves to order: an HTTP/1.1 server on a thread of its own, on
 * 127.0.0.1, which does with request number n what its script says. Header-only. */
#ifndef TESTS_UNIT_CA_TINY_SERVER_H
#define TESTS_UNIT_CA_TINY_SERVER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum tiny_act {
    TINY_ANSWER,       /* 200 with tiny.body, keep-alive; also what comes after the script's end */
    TINY_ANSWER_CLOSE, /* the same, then hang up, without having said so */
    TINY_CHUNKED,
    TINY_CONTINUE, /* 100 Continue first, though nobody asked */
    TINY_HANG_UP,  /* read the whole request, close */
    TINY_HANG_UP_AT_HEAD,
    TINY_SILENT, /* read it and do nothing */
    TINY_HALF,   /* half the promised body, close */
    TINY_GARBAGE,
    TINY_HTTP_09, /* the body alone */
    TINY_HUGE_HEAD,
    TINY_ENDLESS_HEADS,
    TINY_REDIRECT,
    TINY_UNAVAILABLE, /* 503 */
};

#define TINY_CONNS 16
#define TINY_REQUEST_MAX 8192

struct tiny_conn {
    int fd; /* -1: free */
    SSL *ssl;
};

struct tiny {
    const enum tiny_act *script;
    size_t script_len;
    const char *body;
    SSL_CTX *tls; /* NULL: plain */
    int listen_fd;
    int stop_fd[2];
    unsigned short port;
    pthread_t thread;
    struct tiny_conn conns[TINY_CONNS];
    atomic_size_t accepted;      /* connections */
    atomic_size_t beginnings;    /* requests of which a byte arrived */
    atomic_size_t requests;      /* those that arrived whole, or as far as the script wanted */
    char last[TINY_REQUEST_MAX]; /* the last request; read it when the server has stopped */
    char url[64];
};

static inline ssize_t tiny_read(struct tiny_conn *c, char *out, size_t size)
{
    return c->ssl != NULL ? SSL_read(c->ssl, out, (int)size) : recv(c->fd, out, size, 0);
}

static inline void tiny_write(struct tiny_conn *c, const char *text, size_t len)
{
    if (c->ssl != NULL) {
        (void)SSL_write(c->ssl, text, (int)len);
    } else {
        (void)!send(c->fd, text, len, MSG_NOSIGNAL);
    }
}

static inline void tiny_say(struct tiny_conn *c, const char *text)
{
    tiny_write(c, text, strlen(text));
}

static inline void tiny_close(struct tiny_conn *c)
{
    if (c->ssl != NULL) {
        (void)SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }
    (void)close(c->fd);
    *c = (struct tiny_conn){.fd = -1};
}

/* tiny_receive - one request, whole or only its head; 0 when the peer is gone. */
static inline size_t tiny_receive(struct tiny *t, struct tiny_conn *c, int head_only)
{
    size_t len = 0;
    for (;;) {
        const char *end = len == 0 ? NULL : memmem(t->last, len, "\r\n\r\n", 4);
        if (end != NULL) {
            t->last[len] = '\0';
            const char *length = strstr(t->last, "Content-Length: ");
            const size_t body = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
            if (head_only || len >= (size_t)(end - t->last) + 4 + body) {
                return len;
            }
        }
        const ssize_t num = tiny_read(c, t->last + len, sizeof(t->last) - 1 - len);
        if (num <= 0) {
            return 0;
        }
        if (len == 0) {
            (void)atomic_fetch_add(&t->beginnings, 1);
        }
        len += (size_t)num;
    }
}

static inline void tiny_answer(struct tiny *t, struct tiny_conn *c, const char *status)
{
    char head[200];
    (void)snprintf(head, sizeof(head),
                   "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                   status, strlen(t->body));
    tiny_say(c, head);
    tiny_say(c, t->body);
}

static inline void tiny_heads(struct tiny_conn *c, size_t num)
{
    tiny_say(c, "HTTP/1.1 200 OK\r\n");
    for (size_t i = 0; i < num; i++) {
        tiny_say(c, "X-Filler: 0123456789012345678901234567890123456789012345678901234567890\r\n");
    }
}

/* tiny_act_on - false: the connection is to be closed. */
static inline int tiny_act_on(struct tiny *t, struct tiny_conn *c, enum tiny_act act)
{
    char text[400];
    switch (act) {
    case TINY_ANSWER:
        tiny_answer(t, c, "200 OK");
        return 1;
    case TINY_CONTINUE:
        tiny_say(c, "HTTP/1.1 100 Continue\r\n\r\n");
        tiny_answer(t, c, "200 OK");
        return 1;
    case TINY_UNAVAILABLE:
        tiny_answer(t, c, "503 Service Unavailable");
        return 1;
    case TINY_ANSWER_CLOSE:
        tiny_answer(t, c, "200 OK");
        return 0;
    case TINY_CHUNKED:
        (void)snprintf(text, sizeof(text), "%zx\r\n%s\r\n0\r\n\r\n", strlen(t->body), t->body);
        tiny_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        tiny_say(c, text);
        return 1;
    case TINY_HALF:
        tiny_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"success\":true");
        return 0;
    case TINY_GARBAGE:
        tiny_say(c, "\x16\x03\x01 what?\r\n\r\n");
        return 0;
    case TINY_HTTP_09:
        tiny_say(c, t->body);
        return 0;
    case TINY_HUGE_HEAD:
        tiny_heads(c, 100);
        tiny_say(c, "Content-Length: 0\r\n\r\n");
        return 1;
    case TINY_ENDLESS_HEADS:
        tiny_heads(c, 2000);
        return 0;
    case TINY_REDIRECT:
        (void)snprintf(text, sizeof(text),
                       "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/elsewhere\r\n"
                       "Content-Length: 0\r\n\r\n",
                       t->url);
        tiny_say(c, text);
        return 1;
    case TINY_SILENT:
        return 1;
    case TINY_HANG_UP:
    case TINY_HANG_UP_AT_HEAD:
        return 0;
    }
    return 0;
}

static inline void tiny_serve(struct tiny *t, struct tiny_conn *c)
{
    const size_t n = atomic_load(&t->requests);
    const enum tiny_act act = n < t->script_len ? t->script[n] : TINY_ANSWER;
    if (tiny_receive(t, c, act == TINY_HANG_UP_AT_HEAD) == 0) {
        tiny_close(c);
        return;
    }
    (void)atomic_fetch_add(&t->requests, 1);
    if (!tiny_act_on(t, c, act)) {
        tiny_close(c);
    }
}

static inline void tiny_accept(struct tiny *t)
{
    const int fd = accept(t->listen_fd, NULL, NULL);
    const int on = 1; /* an answer in two writes must not wait for an acknowledgement */
    size_t i = 0;
    while (i < TINY_CONNS && t->conns[i].fd >= 0) {
        i++;
    }
    if (fd < 0 || i == TINY_CONNS) {
        (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)atomic_fetch_add(&t->accepted, 1);
    t->conns[i] = (struct tiny_conn){.fd = fd};
    if (t->tls != NULL) {
        t->conns[i].ssl = SSL_new(t->tls);
        (void)SSL_set_fd(t->conns[i].ssl, fd);
        if (SSL_accept(t->conns[i].ssl) != 1) {
            tiny_close(&t->conns[i]);
        }
    }
}

static inline void *tiny_run(void *arg)
{
    struct tiny *t = arg;
    for (;;) {
        struct pollfd fds[TINY_CONNS + 2] = {{t->stop_fd[0], POLLIN, 0}, {t->listen_fd, POLLIN, 0}};
        for (size_t i = 0; i < TINY_CONNS; i++) {
            fds[i + 2] = (struct pollfd){t->conns[i].fd, POLLIN, 0};
        }
        (void)poll(fds, TINY_CONNS + 2, -1);
        if (fds[0].revents != 0) {
            return NULL;
        }
        for (size_t i = 0; i < TINY_CONNS; i++) {
            if (fds[i + 2].fd >= 0 && fds[i + 2].revents != 0) {
                tiny_serve(t, &t->conns[i]);
            }
        }
        if (fds[1].revents != 0) {
            tiny_accept(t);
        }
    }
}

/* tiny_start - script, body and tls are set by the caller before. */
static inline int tiny_start(struct tiny *t)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    for (size_t i = 0; i < TINY_CONNS; i++) {
        t->conns[i] = (struct tiny_conn){.fd = -1};
    }
    t->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (t->listen_fd < 0 || bind(t->listen_fd, (const struct sockaddr *)&addr, len) != 0 ||
        listen(t->listen_fd, 16) != 0 ||
        getsockname(t->listen_fd, (struct sockaddr *)&addr, &len) != 0 || pipe(t->stop_fd) != 0) {
        return 0;
    }
    t->port = ntohs(addr.sin_port);
    (void)snprintf(t->url, sizeof(t->url), "%s://127.0.0.1:%u", t->tls != NULL ? "https" : "http",
                   t->port);
    return pthread_create(&t->thread, NULL, tiny_run, t) == 0;
}

/* tiny_stop - afterwards the port refuses connections. */
static inline void tiny_stop(struct tiny *t)
{
    (void)!write(t->stop_fd[1], "x", 1);
    (void)pthread_join(t->thread, NULL);
    for (size_t i = 0; i < TINY_CONNS; i++) {
        if (t->conns[i].fd >= 0) {
            tiny_close(&t->conns[i]);
        }
    }
    (void)close(t->stop_fd[0]);
    (void)close(t->stop_fd[1]);
    (void)close(t->listen_fd);
}

#endif
