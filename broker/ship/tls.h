/* tls.h - inside broker/ship only: the client's side of syslog over TLS (RFC 5425). */
#ifndef BROKER_SHIP_TLS_H
#define BROKER_SHIP_TLS_H

#include "broker/ship/ship.h"

struct ship_tls; /* opaque: the files of a target, loaded */
struct tls_stream;

enum cb_code ship_tls_new(const struct ship_target *target, struct ship_tls **ret,
                          struct cb_err *err) CB_MUST_USE;
void ship_tls_free(struct ship_tls *tls); /* NULL ok */

/* tls_stream_open - the handshake over a connected non-blocking socket, which stays the caller's. The
 * receiver's certificate must be for host. */
enum cb_code tls_stream_open(struct ship_tls *tls, int fd, const char *host, int64_t until_us,
                             struct tls_stream **ret, struct cb_err *err) CB_MUST_USE;
void tls_stream_close(struct tls_stream *s); /* says goodbye; NULL ok */
/* tls_stream_write - all of it, until a time by the monotonic clock without progress of timeout_ms. */
enum cb_code tls_stream_write(struct tls_stream *s, struct slice bytes, int timeout_ms,
                              struct cb_err *err) CB_MUST_USE;
/* tls_stream_poll - take in what the receiver says (nothing, in syslog). CB_ESYS: it has closed. */
enum cb_code tls_stream_poll(struct tls_stream *s, struct cb_err *err) CB_MUST_USE;
uint64_t tls_stream_sent(const struct tls_stream *s); /* bytes on the wire */

#endif
