/* ca_loop.h - a libcurl multi handle that lives on a libevent base. Knows nothing of requests. */
#ifndef BROKER_CA_CA_LOOP_H
#define BROKER_CA_CA_LOOP_H

#include <stdbool.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

/* A socket that libcurl wants to be told about. */
struct ca_sock {
    LIST_ENTRY(ca_sock) link;
    struct ca_loop *loop;
    struct event event;
    short armed; /* EV_READ | EV_WRITE, 0: not pending */
};

LIST_HEAD(ca_sock_list, ca_sock);

struct ca_loop {
    struct event_base *base;
    CURLM *multi;
    struct event timer;
    struct ca_sock_list busy;
    struct ca_sock_list idle;    /* for the next socket */
    void (*progress)(void *ctx); /* something may have finished; may free the loop */
    void *ctx;
};

/* ca_loop_init - max_connections: most that are kept open while idle. False: nothing to free. */
bool ca_loop_init(struct ca_loop *loop, struct event_base *base, long max_connections,
                  void (*progress)(void *ctx), void *ctx);
void ca_loop_free(struct ca_loop *loop); /* every easy handle was removed before */

#endif
