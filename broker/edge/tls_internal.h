/* tls_internal.h - what the tls*.c files share. Nobody else includes it.
 *
 * Everything but the reference count of a generation belongs to one worker thread. */
#ifndef BROKER_EDGE_TLS_INTERNAL_H
#define BROKER_EDGE_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>

#include "broker/base/arena.h"
#include "broker/edge/edge.h"
#include "broker/edge/tls.h"
#include "broker/edge/tls_lean.h"

#define TLS_CERT_BYTES_MAX ((size_t)16 * 1024) /* one certificate, and all that a client sends */
#define TLS_INTERMEDIATES_MAX 2                /* leaf, two more, and the client CA */
#define TLS_CACHE_SETS 64                      /* a power of two */
#define TLS_CACHE_WAYS 8
#define TLS_SAN_MAX 64 /* entries of one certificate */

/* A client whose certificate has been verified: what was presented, until when that verdict
 * holds, and the identity. Counted references: sessions outlive the cache entry. */
struct tls_peer {
    unsigned num_refs;
    unsigned char key[SHA256_LEN]; /* over the DER of every certificate presented */
    int64_t not_before_s;          /* latest of the chain */
    int64_t not_after_s;           /* earliest of the chain, and of the CRLs' next updates */
    struct arena memory;
    struct tls_identity identity; /* in memory */
};

void tls_peer_unref(struct tls_peer *p); /* NULL ok */

/* ---- tls_cache.c: the verdicts of this generation, most recent ones */
struct tls_cache {
    struct tls_peer *slots[TLS_CACHE_SETS][TLS_CACHE_WAYS]; /* each set: newest first */
    uint64_t num_hits, num_misses;
};
/* tls_cache_find - borrowed; NULL when unknown or not valid at now_s. */
struct tls_peer *tls_cache_find(struct tls_cache *cache, const unsigned char key[SHA256_LEN],
                                int64_t now_s);
void tls_cache_add(struct tls_cache *cache, struct tls_peer *p); /* takes a reference of its own */
void tls_cache_free(struct tls_cache *cache);

/* ---- one generation */
struct edge_tls {
    _Atomic unsigned num_refs;
    struct tls_lean lib;
    SSL_CTX *ctx;
    EVP_MD *sha256;
    EVP_MD_CTX *md_ctx;
    const struct cb_clock *clock;
    int64_t not_after_s; /* server certificate */
    int64_t crl_next_s;  /* earliest next update of the client CRLs; INT64_MAX: none */
    struct tls_cache cache;
};

struct tls_session {
    SSL *ssl;
    struct edge_tls *tls;
    struct tls_peer *peer;       /* NULL: no certificate (or not verified) */
    const char *refused_because; /* a client certificate was refused; static text */
};

/* ---- tls_identity.c: reading a client certificate */
/* tls_identity_check - may this leaf speak for a client at all? NULL: yes, else a static text. */
const char *tls_identity_check(X509 *leaf);
/* tls_identity_read - fill p->identity from a leaf that has passed the check. NULL or a text. */
const char *tls_identity_read(struct edge_tls *tls, X509 *leaf, struct tls_peer *p);
/* tls_time_s - seconds since the epoch; false when the time is malformed. */
bool tls_time_s(const ASN1_TIME *t, int64_t *ret_s);

/* ---- tls_verify.c: the verdict on a client certificate */
int tls_verify_client(X509_STORE_CTX *ctx,
                      void *arg); /* for SSL_CTX_set_cert_verify_callback; arg: the generation */

#endif
