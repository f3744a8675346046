/* edge.h - the HTTP/1.1 front door: listeners, connections, TLS, strict request reading.
 *
 * One struct edge per thread, on that thread's event base; nothing in it is shared, and every
 * call is made on that thread. The edge knows HTTP and TLS and nothing of certificates or policy:
 * it hands over one complete, well-formed request at a time and takes one reply for each. */
#ifndef BROKER_EDGE_EDGE_H
#define BROKER_EDGE_EDGE_H

#include "broker/base/buf.h"
#include "broker/base/clock.h"
#include "broker/base/err.h"

struct event_base;
struct edge;     /* opaque */
struct edge_tls; /* opaque: server-side TLS material of one generation, see tls.h */

struct edge_limits {
    unsigned max_connections;      /* per edge */
    unsigned max_connections_peer; /* per peer address (IPv6: per /64) */
    unsigned max_requests;         /* per connection, then it is closed; spreads load */
    size_t max_head_bytes;         /* request line and headers */
    size_t max_body_bytes;
    unsigned handshake_ms; /* absolute deadlines, each from the start of its phase */
    unsigned head_ms;
    unsigned body_ms;
    unsigned request_ms; /* head's first byte to the handler's reply. A request that is
                                    * then still pending is taken as gone (on_gone) and closed */
    unsigned idle_ms;    /* keep-alive, between requests */
    unsigned write_ms;   /* the reply: from edge_reply to its last byte */
};

/* Who is at the other end of a TLS connection, taken from the verified client certificate once,
 * after the handshake. All slices borrowed from the connection. */
struct tls_identity {
    const struct slice *uris, *dns; /* SAN entries, raw bytes, already checked: IA5, no NUL */
    size_t num_uris, num_dns;
    struct slice common_name; /* absent when there is none or more than one */
    char spki_sha256[SHA256_HEX_LEN + 1];
    char cert_sha256[SHA256_HEX_LEN + 1];
    int64_t not_after_s; /* earliest of the chain: re-check it on every request */
};

enum http_method { HTTP_GET, HTTP_POST, HTTP_OTHER };

/* The headers that mean something here; absent: ptr NULL. Repeated ones were refused. */
struct http_head {
    enum http_method method;
    struct slice method_text;
    struct slice path; /* origin form, byte-exact, with its query if it had one */
    struct slice host;
    struct slice authorization; /* a secret */
    struct slice content_type;
    struct slice idempotency_key;
    struct slice request_id; /* X-Request-ID */
    struct slice traceparent;
    bool keep_alive; /* false: "Connection: close" or HTTP/1.0 */
};

/* One request and its one reply. Lives from on_request until the edge has sent the reply (or given
 * it up) and called done. */
struct edge_exchange {
    struct http_head head; /* borrowed by the handler until it replies */
    struct slice body;
    const struct tls_identity *identity; /* NULL: no client certificate, or plain HTTP */
    bool is_tls;
    const char *peer;      /* "192.0.2.7:40112", "[2001:db8::1]:40112" */
    int64_t start_mono_us; /* first byte of the head */
    /* Set by the edge when it refuses the request itself (malformed, too big, too slow): the
     * handler only audits and answers it with this status. reason is a stable word
     * ("bad_header", "body_too_large", "transfer_encoding", "deadline", ...). */
    int refused_status; /* 0: a good request */
    const char *refused_reason;
    bool is_gone; /* the peer has closed or reset; a reply is pointless */
    void *user;   /* the handler's */
};

struct edge_handler {
    void *ctx;
    /* One request is complete (or was refused: see above). The handler must call edge_reply
     * exactly once for it, now or later. */
    void (*on_request)(void *ctx, struct edge_exchange *x);
    /* The peer went away while the request was pending: it closed (also only its sending half) or
     * reset the connection, or request_ms is over. edge_reply is still owed, and may be called from
     * here. Called at most once, never after edge_reply. */
    void (*on_gone)(void *ctx, struct edge_exchange *x);
    /* A connection ended without a request that could be answered: failed handshake, silence,
     * over a connection cap. For counters and authn.fail; reason is a stable word: "tls_handshake",
     * "client_certificate", "handshake_deadline", "idle" (connected, never asked), "no_request"
     * (closed without asking), "cut_off" (closed within a request), "too_many", "tls_setup",
     * "no_memory". detail is for people: OpenSSL's or our own fixed text, no client bytes. */
    void (*on_dropped)(void *ctx, const char *peer, const char *reason, const char *detail);
};

/* A reply. The edge adds Content-Length, Date, Connection and nosniff/no-store headers. */
struct edge_reply {
    int status;
    const char *content_type; /* NULL: application/json */
    const char *request_id;   /* X-Request-ID; NULL: none */
    unsigned retry_after_s;   /* 0: none */
    const char *allow;        /* Allow header for 405; NULL: none */
    bool www_authenticate;    /* for 401 */
    struct buf body;          /* moved in: the edge frees it, wiping if it is secret */
    bool close;               /* close the connection after it */
    /* done: all bytes are handed to the kernel (ok) or the peer is gone (not ok). Exactly once,
     * also when the edge is freed; the exchange is invalid after it returns. May be called from
     * inside edge_reply. */
    void (*done)(void *ctx, bool ok);
    void *done_ctx;
};

/* edge_new - no listeners yet; edge_set_tls before the first connection if one of them is to speak
 * TLS. handler and limits are copied, clock is borrowed. The process must ignore SIGPIPE. */
enum cb_code edge_new(struct event_base *base, const struct edge_limits *limits,
                      const struct edge_handler *handler, const struct cb_clock *clock,
                      struct edge **ret, struct cb_err *err) CB_MUST_USE;
/* edge_free - closes listeners and connections. Pending exchanges: done(false) is called for those
 * replied to; the others are dropped, so drain first. NULL ok. Never from inside a callback of the
 * same edge. Free the event base after it, not before. */
void edge_free(struct edge *edge);

/* edge_listen - adopt a bound, listening, non-blocking socket (see edge_bind); at most 8. The edge
 * closes it; on failure it stays the caller's. */
enum cb_code edge_listen(struct edge *edge, int fd, bool is_tls, struct cb_err *err) CB_MUST_USE;
/* edge_bind - "127.0.0.1:8443", "[::1]:8443"; port 0 takes a free one. SO_REUSEPORT when
 * reuse_port. ret_text (may be NULL) gets the real address, at least 64 bytes. */
enum cb_code edge_bind(const char *address, bool reuse_port, int *ret_fd, char *ret_text,
                       size_t text_size, struct cb_err *err) CB_MUST_USE;
bool edge_address_is_loopback(const char *address);

/* edge_set_tls - use this generation for new connections; takes a reference. Connections of an
 * older one end: idle ones at once, the others after one more reply. Who was let in under the old
 * client CA or CRL must show its certificate again. */
void edge_set_tls(struct edge *edge, struct edge_tls *tls);

/* edge_reply - send the reply of one exchange. Takes *reply's body. */
void edge_reply(struct edge_exchange *x, struct edge_reply *reply);

/* edge_drain - stop accepting, close idle connections, "Connection: close" on every reply. */
void edge_drain(struct edge *edge);
size_t edge_num_connections(const struct edge *edge);
size_t edge_num_pending(const struct edge *edge); /* exchanges not yet done */

struct edge_stats {
    uint64_t accepted, refused_over_limit, handshakes, handshake_failures, requests, bad_requests;
    uint64_t timeouts, accept_errors;
};
void edge_get_stats(const struct edge *edge, struct edge_stats *ret); /* owner thread */

#endif
