/* ca.h - talking to the certificate authority: one POST, sent at most once.
 *
 * One struct ca per worker: a curl multi handle on the worker's event base with its own connection
 * pool, never shared. All calls on that thread. */
#ifndef BROKER_CA_CA_H
#define BROKER_CA_CA_H

#include "broker/base/buf.h"
#include "broker/base/clock.h"
#include "broker/base/err.h"

struct event_base;
struct ca;      /* opaque */
struct ca_call; /* opaque, owned by ca until done was called */

#define CA_UPSTREAM_MAX 8

struct ca_upstream {
    /* "https://ca.internal:8888", no path; http only where allowed in the config */
    const char *url;
};

struct ca_settings {
    const struct ca_upstream *upstreams; /* in order of preference */
    size_t num_upstreams;
    const char *tls_ca;   /* PEM the CA's server certificate must chain to; NULL: http only */
    const char *tls_cert; /* client certificate and key for the CA; NULL: none */
    const char *tls_key;
    const char *tls_pin; /* "sha256//base64" of the server's SPKI; NULL: none */
    unsigned connect_timeout_ms;
    unsigned timeout_ms;     /* whole call, all upstreams together */
    size_t max_answer_bytes; /* body */
    size_t max_answer_head_bytes;
    /* A pooled connection that was idle for longer is not used again; keep it below the CA's own
     * limit. 0: a new connection for each call. */
    unsigned max_idle_s;
    unsigned max_life_s; /* the same, counted from its start; 0: no limit */
};

enum ca_effect {
    CA_NOT_SENT, /* the CA cannot have received the request: safe to try again */
    CA_ANSWERED, /* a complete HTTP answer came */
    CA_UNKNOWN,  /* it may have been received; there is no complete answer */
};

struct ca_result {
    enum ca_effect effect;
    long http_status;     /* CA_ANSWERED */
    struct buf body;      /* CA_ANSWERED; secret; moved to the receiver, who frees it */
    int curl_code;        /* CURLcode of the last try */
    const char *stage;    /* "connect", "tls", "send", "receive", "timeout", "limit", ... */
    char message[160];    /* ours, never the CA's text */
    const char *upstream; /* url of the upstream that was used last; lives as long as ca */
    int64_t latency_us;   /* of the last try */
};

/* ca_setup - initialise libcurl for the whole process, once, before there are threads: like
 * curl_global_init, but what libcurl frees is wiped, since private keys pass through it. */
enum cb_code ca_setup(struct cb_err *err) CB_MUST_USE;

/* ca_new - check the settings (files are read here, so that a bad one is found before it is
 * used). settings are copied. */
enum cb_code ca_new(struct event_base *base, const struct ca_settings *settings,
                    const struct cb_clock *clock, struct ca **ret, struct cb_err *err) CB_MUST_USE;
/* ca_free - abandons calls under way: done is called with CA_UNKNOWN (or CA_NOT_SENT). NULL ok.
 * For credentials that rotate: make a new ca, point new calls at it, and ca_retire the old one. */
void ca_free(struct ca *ca);
/* ca_retire - free by itself as soon as its last call is done, which may be now. Calls under way go
 * on, but no more upstreams are tried. Both may be called from inside done; afterwards ca_post says
 * CB_EBUSY. */
void ca_retire(struct ca *ca);

/* ca_post - start POST <upstream><path> with our own JSON body. Tries the upstreams in order;
 * moves to the next one only while the request cannot have been received. A second POST on the
 * same upstream never happens (libcurl's silent resend is shut off, see ca.c).
 *   path   one of our constants, e.g. "/api/v1/cfssl/newcert"
 *   body   moved in; still the caller's when this fails
 *   trace  traceparent header to pass on, or absent; copied. Left out when it has any other byte
 *          than hex digits and hyphens
 *   done   exactly once, later, on this thread, never from inside ca_post
 * The result and its body belong to the receiver. */
enum cb_code ca_post(struct ca *ca, const char *path, struct buf *body, struct slice trace,
                     void (*done)(void *ctx, struct ca_result *result), void *ctx,
                     struct cb_err *err) CB_MUST_USE;

size_t ca_num_calls(const struct ca *ca);

/* ca_effect_of - the outcome class of a CURLcode: the table of every code libcurl 7.88 has.
 * bytes_sent: whether any byte of the request (not of the handshake) was handed to the
 * connection. Unknown codes are CA_UNKNOWN. */
enum ca_effect ca_effect_of(int curl_code, bool bytes_sent, const char **ret_stage);

#endif
