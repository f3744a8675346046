/* tls.h - server-side TLS: one immutable generation of certificate, key and client CA.
 *
 * TLS 1.2 and 1.3, AEAD and forward secrecy only, no tickets, no session cache, no renegotiation.
 * A client certificate is asked for and, if it comes, must verify: X.509 v3, chain to the client
 * CA, EKU clientAuth, in its validity. A reload builds a new generation and swaps pointers. */
#ifndef BROKER_EDGE_TLS_H
#define BROKER_EDGE_TLS_H

#include "broker/base/clock.h"
#include "broker/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct edge_tls;

struct edge_tls_files {
    const char *certificate;      /* PEM chain, leaf first */
    const char *key;              /* PEM, not readable by others */
    const char *client_ca;        /* PEM bundle; NULL: client certificates are not asked for */
    const char *client_crl;       /* PEM; NULL: none. Checked (and its nextUpdate) at load */
    const struct cb_clock *clock; /* for every question of validity; NULL: the system's */
};

/* edge_tls_load - read, check (key matches certificate, dates) and build. Every message names the
 * file. One reference for the caller. One per worker: a generation has its own library context. */
enum cb_code edge_tls_load(const struct edge_tls_files *files, struct edge_tls **ret,
                           struct cb_err *err) CB_MUST_USE;
struct edge_tls *edge_tls_ref(struct edge_tls *tls);
void edge_tls_unref(struct edge_tls *tls);                /* NULL ok */
int64_t edge_tls_not_after_s(const struct edge_tls *tls); /* of the server certificate */

#endif
