/* tls_session.h - the TLS side of one connection, as the connection code sees it.
 *
 * Only the tls*.c files know OpenSSL; here its SSL object is a name to be passed to libevent. */
#ifndef BROKER_EDGE_TLS_SESSION_H
#define BROKER_EDGE_TLS_SESSION_H

#include "broker/edge/edge.h"
#include "broker/edge/tls.h"

struct ssl_st;
struct tls_session; /* opaque; belongs to one connection and to its thread */

/* tls_session_new - a server side ready for its handshake; keeps tls alive. NULL: out of memory,
 * and then the connection must be closed: there is no way to go on without TLS. */
struct tls_session *tls_session_new(struct edge_tls *tls);
void tls_session_free(struct tls_session *s); /* NULL ok; wipes nothing but what OpenSSL wipes */

struct ssl_st *tls_session_ssl(struct tls_session *s); /* borrowed */
/* tls_session_identity - after the handshake; NULL: the client has shown no certificate. */
const struct tls_identity *tls_session_identity(const struct tls_session *s);
bool tls_session_is_of(const struct tls_session *s, const struct edge_tls *tls);

/* tls_session_failure - why the handshake failed: "client_certificate" or "tls_handshake", and a
 * text for people. openssl_error: from the bufferevent, 0 if none. Static or session's memory. */
const char *tls_session_failure(const struct tls_session *s, unsigned long openssl_error,
                                const char **ret_detail);

/* tls_session_write - encrypt and send all of it now, at most one record (TLS_WRITE_MAX bytes). False:
 * nothing was sent, or only a part that must be given again, the same bytes at the same place, to
 * whoever writes next (which is the bufferevent). Only after the handshake, and only while nothing
 * else waits to be written. Never waits. */
#define TLS_WRITE_MAX ((size_t)16384)
bool tls_session_write(struct tls_session *s, const void *data, size_t len);

/* tls_session_close_notify - tell the peer that nothing more comes. Only after a handshake that
 * succeeded and while the session has not failed. Never waits. */
void tls_session_close_notify(struct tls_session *s);

#endif
