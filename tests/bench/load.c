/* load.c - a closed loop of N clients over mTLS or plain TCP, each asking one thing again and again.
 *
 * What it does: one thread, one epoll, non-blocking OpenSSL; measures each request from its first
 * byte out (from connect() where a connection is made for it) to its last byte in; sessions are
 * never resumed. What it does not do: parse bodies. Every answer with another status than expected,
 * and every connection that ends before its answer, is counted and never retried.
 *
 * After the warm-up it prints "warm" and waits for a line on stdin, so that whoever measures the
 * other side's processor time can look at the clock; then it runs, and prints one JSON object. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 65536

static struct {
    int port;
    int clients, requests, warmup, seconds, expect;
    bool is_new; /* a new connection for each request */
    const char *cert, *key, *ca, *path, *body_file;
} opt = {.clients = 1, .requests = 1000, .seconds = 60, .expect = 200};

enum phase { CONNECTING, HANDSHAKE, WRITING, READING, IDLE };

struct client {
    int fd;
    SSL *ssl;
    enum phase phase;
    uint64_t begun_us;
    size_t num_out, num_in;
    char in[ANSWER_MAX];
};

static SSL_CTX *ctx;
static int epoll;
static char *request;
static size_t request_len;
static unsigned started, finished, ok, wrong_status, lost, handshakes, goal;
static unsigned statuses[600];
static uint32_t *latencies;
static bool is_measuring;

static uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void fail(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

/* ---------------------------------------------------------------- one connection */

static void watch(struct client *c, bool is_new_fd)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll, is_new_fd ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev) != 0) {
        fail("epoll_ctl");
    }
}

static void open_connection(struct client *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)opt.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (c->fd < 0 ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)) {
        fail("connect");
    }
    const int one = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->phase = CONNECTING;
    if (ctx != NULL) {
        c->ssl = SSL_new(ctx);
        if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
            SSL_set_tlsext_host_name(c->ssl, "localhost") != 1) {
            fail("SSL_new");
        }
        SSL_set_connect_state(c->ssl);
    }
    watch(c, true);
}

static void close_connection(struct client *c)
{
    if (c->ssl != NULL) {
        (void)SSL_shutdown(c->ssl); /* sends close_notify; we do not wait for theirs */
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
        c->fd = -1;
    }
    ERR_clear_error();
}

enum io { IO_DONE, IO_AGAIN, IO_DEAD };

static enum io io_result(struct client *c, ssize_t n)
{
    if (n > 0) {
        return IO_DONE;
    }
    if (c->ssl == NULL) {
        return n < 0 && errno == EAGAIN ? IO_AGAIN : IO_DEAD;
    }
    const int error = SSL_get_error(c->ssl, (int)n);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? IO_AGAIN : IO_DEAD;
}

static enum io transfer(struct client *c, bool is_out, char *data, size_t len, size_t *moved)
{
    ssize_t n = 0;
    if (c->ssl != NULL) {
        n = is_out ? SSL_write(c->ssl, data, (int)len) : SSL_read(c->ssl, data, (int)len);
    } else {
        n = is_out ? send(c->fd, data, len, MSG_NOSIGNAL) : recv(c->fd, data, len, 0);
    }
    const enum io result = io_result(c, n);
    *moved = result == IO_DONE ? (size_t)n : 0;
    return result;
}

/* ---------------------------------------------------------------- one request */

static bool may_start(void)
{
    return started < goal;
}

static void begin_request(struct client *c)
{
    started++;
    c->begun_us = now_us();
    c->num_out = c->num_in = 0;
    if (c->fd < 0) {
        open_connection(c);
    } else {
        c->phase = WRITING;
    }
}

/* answer_len - bytes of the answer; 0 while it is not all there. */
static size_t answer_len(struct client *c, bool *is_last)
{
    c->in[c->num_in] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    const size_t head = (size_t)(end - c->in) + 4;
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    const char *closing = strcasestr(c->in, "\r\nconnection: close");
    const char *chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked");
    *is_last = closing != NULL && closing < end;
    if (chunked != NULL && chunked < end) {
        return c->num_in >= 5 && memcmp(c->in + c->num_in - 5, "0\r\n\r\n", 5) == 0 ? c->num_in : 0;
    }
    const size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return c->num_in >= head + body ? head + body : 0;
}

static void count(struct client *c, bool is_answered)
{
    if (is_measuring) {
        latencies[finished] = (uint32_t)(now_us() - c->begun_us);
        if (is_answered) {
            const int status = atoi(c->in + 9);
            statuses[status > 0 && status < 600 ? status : 0]++;
            *(status == opt.expect ? &ok : &wrong_status) += 1;
        } else {
            lost++;
        }
    }
    finished++;
}

static void finish_request(struct client *c, bool is_answered, bool is_last)
{
    count(c, is_answered);
    if (!is_answered || is_last || opt.is_new) {
        close_connection(c);
    }
    c->phase = IDLE;
    if (may_start()) {
        begin_request(c);
    }
}

static enum io step(struct client *c)
{
    size_t moved = 0;
    enum io result = IO_DONE;
    bool is_last = false;
    switch (c->phase) {
    case CONNECTING: {
        int error = 0;
        socklen_t size = sizeof(error);
        struct sockaddr_in peer;
        socklen_t peer_size = sizeof(peer);
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            return IO_DEAD;
        }
        if (getpeername(c->fd, (struct sockaddr *)&peer, &peer_size) != 0) {
            return IO_AGAIN;
        }
        c->phase = ctx != NULL ? HANDSHAKE : WRITING;
        return IO_DONE;
    }
    case HANDSHAKE:
        result = io_result(c, SSL_do_handshake(c->ssl));
        if (result == IO_DONE) {
            handshakes += is_measuring ? 1 : 0;
            c->phase = WRITING;
        }
        return result;
    case WRITING:
        result = transfer(c, true, request + c->num_out, request_len - c->num_out, &moved);
        c->num_out += moved;
        if (c->num_out == request_len) {
            c->phase = READING;
        }
        return result;
    case READING:
        result = transfer(c, false, c->in + c->num_in, ANSWER_MAX - 1 - c->num_in, &moved);
        c->num_in += moved;
        if (result == IO_DONE && answer_len(c, &is_last) > 0) {
            finish_request(c, true, is_last);
        }
        return result;
    case IDLE:
        return IO_AGAIN;
    }
    return IO_DEAD;
}

static void advance(struct client *c)
{
    while (c->phase != IDLE) {
        const enum io result = step(c);
        if (result == IO_AGAIN) {
            return;
        }
        if (result == IO_DEAD) {
            close_connection(c);
            finish_request(c, false, true);
        }
    }
}

/* ---------------------------------------------------------------- the run */

static void run(struct client *clients, unsigned num_requests)
{
    started = finished = 0;
    goal = num_requests;
    const uint64_t deadline = now_us() + (uint64_t)opt.seconds * 1000000;
    for (int i = 0; i < opt.clients && may_start(); i++) {
        begin_request(&clients[i]);
        advance(&clients[i]);
    }
    struct epoll_event events[256];
    while (finished < started || may_start()) {
        const int num = epoll_wait(epoll, events, 256, 1000);
        for (int i = 0; i < num; i++) {
            struct client *c = events[i].data.ptr;
            if (c->fd >= 0) {
                advance(c);
            }
        }
        if (now_us() > deadline) {
            goal = started; /* out of time: what is under way may finish, or is lost */
            if (now_us() > deadline + 10000000) {
                lost += started - finished;
                return;
            }
        }
    }
}

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(uint64_t took_us)
{
    qsort(latencies, finished, sizeof(*latencies), by_value);
    const unsigned n = finished == 0 ? 1 : finished;
    (void)printf("{\"requests\":%u,\"ok\":%u,\"wrong_status\":%u,\"lost\":%u,\"handshakes\":%u,"
                 "\"seconds\":%.4f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"statuses\":{",
                 finished, ok, wrong_status, lost, handshakes, (double)took_us / 1e6,
                 latencies[n / 2], latencies[(uint64_t)n * 99 / 100], latencies[n - 1]);
    const char *comma = "";
    for (int i = 0; i < 600; i++) {
        if (statuses[i] > 0) {
            (void)printf("%s\"%d\":%u", comma, i, statuses[i]);
            comma = ",";
        }
    }
    (void)printf("}}\n");
}

static void build_request(void)
{
    char body[8192] = "";
    size_t len = 0;
    if (opt.body_file != NULL) {
        FILE *in = fopen(opt.body_file, "r");
        if (in == NULL) {
            fail(opt.body_file);
        }
        len = fread(body, 1, sizeof(body), in);
        (void)fclose(in);
    }
    request = malloc(len + 1024);
    const int head = snprintf(request, 1024,
                              "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                              "application/json\r\nContent-Length: %zu\r\n\r\n",
                              opt.path, len);
    memcpy(request + head, body, len);
    request_len = (size_t)head + len;
}

static void build_tls(void)
{
    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, opt.cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, opt.key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1) {
        fail("TLS files");
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, NULL, 'p'},   {"clients", 1, NULL, 'c'}, {"requests", 1, NULL, 'n'},
        {"warmup", 1, NULL, 'w'}, {"seconds", 1, NULL, 's'}, {"expect", 1, NULL, 'e'},
        {"new", 0, NULL, 'N'},    {"cert", 1, NULL, 'C'},    {"key", 1, NULL, 'K'},
        {"ca", 1, NULL, 'A'},     {"path", 1, NULL, 'P'},    {"body", 1, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    for (int o = 0; (o = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (o) {
        case 'p':
            opt.port = atoi(optarg);
            break;
        case 'c':
            opt.clients = atoi(optarg);
            break;
        case 'n':
            opt.requests = atoi(optarg);
            break;
        case 'w':
            opt.warmup = atoi(optarg);
            break;
        case 's':
            opt.seconds = atoi(optarg);
            break;
        case 'e':
            opt.expect = atoi(optarg);
            break;
        case 'N':
            opt.is_new = true;
            break;
        case 'C':
            opt.cert = optarg;
            break;
        case 'K':
            opt.key = optarg;
            break;
        case 'A':
            opt.ca = optarg;
            break;
        case 'P':
            opt.path = optarg;
            break;
        case 'b':
            opt.body_file = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (opt.port == 0 || opt.path == NULL || opt.clients < 1 || opt.requests < 1) {
        (void)fprintf(stderr, "usage: load --port N --path P [--body FILE] [--cert F --key F --ca "
                              "F] [--clients N] [--requests N] [--warmup N] [--new]\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    (void)signal(SIGPIPE, SIG_IGN);
    build_request();
    if (opt.cert != NULL) {
        build_tls();
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc((size_t)opt.clients, sizeof(*clients));
    const unsigned most = (unsigned)(opt.requests > opt.warmup ? opt.requests : opt.warmup);
    latencies = calloc((size_t)most + 1, sizeof(*latencies));
    if (epoll < 0 || clients == NULL || latencies == NULL) {
        fail("memory");
    }
    for (int i = 0; i < opt.clients; i++) {
        clients[i].fd = -1;
        clients[i].phase = IDLE;
    }
    run(clients, (unsigned)opt.warmup);
    (void)printf("warm\n");
    (void)fflush(stdout);
    char line[16];
    if (fgets(line, sizeof(line), stdin) == NULL) {
        return 1;
    }
    is_measuring = true;
    const uint64_t begun = now_us();
    run(clients, (unsigned)opt.requests);
    report(now_us() - begun);
    return 0;
}
