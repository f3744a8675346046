/* ship.h - sends the audit log to syslog receivers as it is written: RFC 5424 messages over TLS (RFC
 * 5425), TCP (RFC 6587 octet counting) or a Unix datagram socket.
 *
 * Each target has a thread of its own that reads the files from a saved cursor, so that no append ever
 * waits for a receiver. At least once: syslog acknowledges nothing, so a record counts as delivered when
 * the receiver's machine has taken its bytes and the connection still stood a while after; behind a
 * connection that broke everything from there on is sent again. Receivers tell copies, and gaps, by
 * origin and seq. What a receiver took and then lost nobody here can know. */
#ifndef BROKER_SHIP_SHIP_H
#define BROKER_SHIP_SHIP_H

#include "broker/base/arena.h"
#include "broker/base/err.h"

#define SHIP_TARGETS_MAX 8U
#define SHIP_NAME_MAX 32U

enum ship_transport { SHIP_TLS, SHIP_TCP, SHIP_UNIX };

struct ship_target {
    const char *name; /* 1..SHIP_NAME_MAX of [a-z0-9-]: names the cursor, state/cursor.NAME */
    enum ship_transport transport;
    const char *host, *port;       /* TLS, TCP; the host also names the certificate */
    const char *path;              /* UNIX */
    const char *ca;                /* TLS: who may have signed the receiver's certificate */
    const char *certificate, *key; /* TLS: to show to it; NULL: nothing */
    size_t max_message; /* bytes; longer records go without their certificate, or empty */
};

enum ship_state { SHIP_IDLE, SHIP_CONNECTING, SHIP_CONNECTED, SHIP_WAITING };

struct ship_stats {
    enum ship_state state;
    uint64_t cursor;   /* records before this one are delivered */
    uint64_t sent;     /* messages, copies included */
    uint64_t failures; /* connections that failed or broke */
    uint64_t cut;      /* messages that were too long to go whole */
};

struct ship_settings {
    const char *audit_dir, *origin;
    const struct ship_target *targets; /* borrowed until ship_stop */
    size_t num_targets;
    uint64_t (*durable)(void *ctx); /* how many records are on disk; any thread */
    /* What an operator wants to know; on the target's thread. detail may be NULL. */
    void (*tell)(void *ctx, const struct ship_target *target, bool is_trouble, const char *detail);
    void *ctx;
};

struct ship; /* opaque */

/* ship_parse_url - "tls://host:6514", "tcp://[::1]:514", "unix:/dev/log" into transport, host, port or
 * path, as texts of the arena. CB_EINPUT says what would be right. */
enum cb_code ship_parse_url(const char *url, struct arena *arena, struct ship_target *ret,
                            struct cb_err *err) CB_MUST_USE;

/* ship_check - can the TLS files of this target be used? For `certbroker check`. */
enum cb_code ship_check(const struct ship_target *target, struct cb_err *err) CB_MUST_USE;

/* ship_start - settings and origin are copied. ship_stop - try for a few seconds to deliver what is durable,
 * save the cursors, end the threads; NULL ok. */
enum cb_code ship_start(const struct ship_settings *settings, struct ship **ret,
                        struct cb_err *err) CB_MUST_USE;
void ship_stop(struct ship *ship);

void ship_get_stats(const struct ship *ship, size_t target,
                    struct ship_stats *ret); /* any thread */

#endif
