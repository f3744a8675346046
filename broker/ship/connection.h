/* connection.h - inside broker/ship only: one connection to a receiver, and how much of what was sent
 * has arrived there. Blocking with time limits; one thread. */
#ifndef BROKER_SHIP_CONNECTION_H
#define BROKER_SHIP_CONNECTION_H

#include "broker/ship/ship.h"

struct connection; /* opaque */
struct ship_tls;   /* tls.h */

/* connection_open - tls: of the target; NULL for other transports. Takes at most five seconds a try and
 * address. */
enum cb_code connection_open(const struct ship_target *target, struct ship_tls *tls,
                             struct connection **ret, struct cb_err *err) CB_MUST_USE;
void connection_close(struct connection *c); /* NULL ok */

/* connection_send - a message: with its length in front on a stream, as a datagram of its own on a Unix
 * socket. CB_ESYS: broken, or it took nothing for thirty seconds; close it. */
enum cb_code connection_send(struct connection *c, struct slice message,
                             struct cb_err *err) CB_MUST_USE;
/* connection_flush - hand over what is gathered. */
enum cb_code connection_flush(struct connection *c, struct cb_err *err) CB_MUST_USE;

/* connection_check - CB_ESYS: the receiver has gone. */
enum cb_code connection_check(struct connection *c, struct cb_err *err) CB_MUST_USE;

/* Positions in the stream of bytes: what was handed to the kernel, and what of it the receiver's machine
 * has acknowledged (for a Unix socket: what the receiver has read). */
uint64_t connection_sent(const struct connection *c);
uint64_t connection_arrived(struct connection *c);

#endif
