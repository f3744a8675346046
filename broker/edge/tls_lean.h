/* tls_lean.h - an OpenSSL library context that knows only what our TLS server needs.
 *
 * Why: to read the public key of a client certificate, OpenSSL 3.0 walks over every decoder and
 * every key type of the library context, in each handshake; with the default provider's full list
 * that walk is a quarter of the whole handshake. The algorithms are the default provider's own,
 * code and state; only the list is shorter. */
#ifndef BROKER_EDGE_TLS_LEAN_H
#define BROKER_EDGE_TLS_LEAN_H

#include <openssl/evp.h>
#include <openssl/types.h>
#include <stdbool.h>

struct tls_lean {
    OSSL_LIB_CTX *full; /* the default provider as it is: for reading key files */
    OSSL_PROVIDER *full_provider;
    OSSL_LIB_CTX *lean; /* for handshakes */
    OSSL_PROVIDER *lean_provider;
};

/* tls_lean_open - false: OpenSSL's error queue says why. Close in any case. */
bool tls_lean_open(struct tls_lean *l);
void tls_lean_close(struct tls_lean *l); /* when everything made in the contexts is freed */
/* tls_lean_key - the same private key in the lean context; NULL: not of a type that it knows. */
EVP_PKEY *tls_lean_key(const struct tls_lean *l, EVP_PKEY *key);

#endif
