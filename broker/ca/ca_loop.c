/* ca_loop.c - see ca_loop.h.
 *
 * libcurl calls on_socket and on_timer; those only arm or disarm events, because libcurl must not
 * be entered again from its own callbacks. The events enter libcurl, and only afterwards, when it
 * has returned, progress() is told to collect what has finished. */
#include "broker/ca/ca_loop.h"

#include <stdlib.h>

/* run - let libcurl work; the last thing each event does, since progress may free the loop. */
static void run(struct ca_loop *loop, curl_socket_t fd, int mask)
{
    int running = 0;
    (void)curl_multi_socket_action(loop->multi, fd, mask, &running);
    loop->progress(loop->ctx);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    const struct ca_sock *sock = arg;
    const int mask =
        ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
    run(sock->loop, fd, mask);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    run(arg, CURL_SOCKET_TIMEOUT, 0);
}

static struct ca_sock *sock_take(struct ca_loop *loop)
{
    struct ca_sock *sock = LIST_FIRST(&loop->idle);
    if (sock != NULL) {
        LIST_REMOVE(sock, link);
    } else {
        sock = calloc(1, sizeof(*sock));
    }
    if (sock != NULL) {
        sock->loop = loop;
        sock->armed = 0;
        LIST_INSERT_HEAD(&loop->busy, sock, link);
    }
    return sock;
}

static void sock_disarm(struct ca_sock *sock)
{
    if (sock->armed != 0) {
        (void)event_del(&sock->event);
        sock->armed = 0;
    }
}

static void sock_give_back(struct ca_sock *sock)
{
    sock_disarm(sock);
    LIST_REMOVE(sock, link);
    LIST_INSERT_HEAD(&sock->loop->idle, sock, link);
}

static int sock_arm(struct ca_sock *sock, curl_socket_t fd, short want)
{
    if (sock->armed == want) {
        return 0;
    }
    sock_disarm(sock);
    if (event_assign(&sock->event, sock->loop->base, fd, (short)(want | EV_PERSIST), on_event,
                     sock) != 0 ||
        event_add(&sock->event, NULL) != 0) {
        return -1;
    }
    sock->armed = want;
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct ca_loop *loop = arg;
    struct ca_sock *sock = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (sock != NULL) { /* libcurl may speak of sockets it never announced */
            sock_give_back(sock);
        }
        return 0;
    }
    if (sock == NULL) {
        sock = sock_take(loop);
        if (sock == NULL || curl_multi_assign(loop->multi, fd, sock) != CURLM_OK) {
            return -1;
        }
    }
    const int want =
        ((what & CURL_POLL_IN) ? EV_READ : 0) | ((what & CURL_POLL_OUT) ? EV_WRITE : 0);
    return sock_arm(sock, fd, (short)want);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct ca_loop *loop = arg;
    (void)multi;
    if (timeout_ms < 0) {
        return event_del(&loop->timer);
    }
    if (timeout_ms == 0) {
        /* As soon as the loop turns, without a system call; never directly from here. */
        event_active(&loop->timer, EV_TIMEOUT, 0);
        return 0;
    }
    const struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    return event_add(&loop->timer, &tv);
}

bool ca_loop_init(struct ca_loop *loop, struct event_base *base, long max_connections,
                  void (*progress)(void *ctx), void *ctx)
{
    *loop = (struct ca_loop){.base = base, .progress = progress, .ctx = ctx};
    LIST_INIT(&loop->busy);
    LIST_INIT(&loop->idle);
    if (event_assign(&loop->timer, base, -1, 0, on_timeout, loop) != 0) {
        return false;
    }
    loop->multi = curl_multi_init();
    if (loop->multi == NULL) {
        return false;
    }
    if (curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
        curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop) == CURLM_OK &&
        curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
        curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop) == CURLM_OK &&
        curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK &&
        curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, max_connections) == CURLM_OK) {
        return true;
    }
    (void)curl_multi_cleanup(loop->multi);
    return false;
}

static void free_socks(struct ca_sock_list *list)
{
    struct ca_sock *sock = LIST_FIRST(list);
    while (sock != NULL) {
        struct ca_sock *next = LIST_NEXT(sock, link);
        sock_disarm(sock);
        free(sock);
        sock = next;
    }
    LIST_INIT(list);
}

void ca_loop_free(struct ca_loop *loop)
{
    /* Closing connections may still call back, so everything else goes after it. */
    (void)curl_multi_cleanup(loop->multi);
    (void)event_del(&loop->timer);
    free_socks(&loop->busy);
    free_socks(&loop->idle);
}
