/* edge_server.c - the smallest program with an edge in it: answers every request with a fixed
 * text. For measuring what the edge itself costs. Usage: edge_server CERT KEY CLIENT_CA [plain] */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "broker/edge/edge.h"
#include "broker/edge/tls.h"

static void on_request(void *ctx, struct edge_exchange *x)
{
    static const char text[] = "{\"success\":true,\"result\":{},\"errors\":[],\"messages\":[]}\n";
    struct edge_reply reply = {.status = x->refused_status == 0 ? 200 : x->refused_status};
    (void)ctx;
    buf_init_secret(&reply.body, sizeof(text));
    buf_add_str(&reply.body, text);
    edge_reply(x, &reply);
}

static void on_gone(void *ctx, struct edge_exchange *x)
{
    (void)ctx;
    (void)x;
}

static void on_dropped(void *ctx, const char *peer, const char *reason, const char *detail)
{
    (void)ctx;
    (void)fprintf(stderr, "dropped %s: %s (%s)\n", peer, reason, detail);
}

static void on_term(evutil_socket_t sig, short what, void *base)
{
    (void)sig;
    (void)what;
    (void)event_base_loopbreak(base);
}

static const struct edge_limits limits = {.max_connections = 1000,
                                          .max_connections_peer = 1000,
                                          .max_requests = 1000000,
                                          .max_head_bytes = 8192,
                                          .max_body_bytes = 65536,
                                          .handshake_ms = 5000,
                                          .head_ms = 5000,
                                          .body_ms = 10000,
                                          .request_ms = 30000,
                                          .idle_ms = 60000,
                                          .write_ms = 10000};

static enum cb_code serve(struct event_base *base, char **argv, bool is_tls, struct cb_err *err)
{
    const struct edge_handler handler = {NULL, on_request, on_gone, on_dropped};
    const struct edge_tls_files files = {
        .certificate = argv[1], .key = argv[2], .client_ca = argv[3]};
    struct edge *edge = NULL;
    struct edge_tls *tls = NULL;
    char address[64];
    int fd = -1;
    TRY(edge_new(base, &limits, &handler, &cb_system_clock, &edge, err));
    if (is_tls) {
        TRY(edge_tls_load(&files, &tls, err));
        edge_set_tls(edge, tls);
        edge_tls_unref(tls);
    }
    TRY(edge_bind("127.0.0.1:0", false, &fd, address, sizeof(address), err));
    TRY(edge_listen(edge, fd, is_tls, err));
    (void)printf("%s\n", strrchr(address, ':') + 1);
    (void)fflush(stdout);
    (void)event_base_dispatch(base);
    edge_free(edge);
    return CB_OK;
}

int main(int argc, char **argv)
{
    struct cb_err err = {0};
    if (argc < 4) {
        (void)fprintf(stderr, "usage: edge_server CERT KEY CLIENT_CA [plain]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct event *term = evsignal_new(base, SIGTERM, on_term, base);
    (void)event_add(term, NULL);
    const enum cb_code code = serve(base, argv, argc == 4, &err);
    event_free(term);
    event_base_free(base);
    if (code != CB_OK) {
        (void)fprintf(stderr, "edge_server: %s\n", err.msg);
        return 1;
    }
    return 0;
}
