/* tls_verify.c - the one place that says yes or no to a client certificate.
 *
 * OpenSSL calls us in the handshake with what the client has sent; the proof that it holds the key
 * follows in the handshake itself and is never skipped. No certificate at all is no call: whether
 * that is enough is not TLS's decision. */
#include "broker/edge/tls_internal.h"

#include <openssl/err.h>
#include <stdlib.h>

static bool add_cert(EVP_MD_CTX *md, X509 *cert)
{
    unsigned char *der = NULL;
    const int len = i2d_X509(cert, &der);
    const bool ok =
        len > 0 && (size_t)len <= TLS_CERT_BYTES_MAX && EVP_DigestUpdate(md, der, (size_t)len) == 1;
    OPENSSL_free(der);
    return ok;
}

/* presented_key - SHA-256 over all that the client presented. DER delimits itself, so two
 * different lists never give the same bytes. */
static bool presented_key(struct edge_tls *tls, X509_STORE_CTX *ctx, unsigned char *key)
{
    STACK_OF(X509) *all = X509_STORE_CTX_get0_untrusted(ctx);
    bool ok = EVP_DigestInit_ex2(tls->md_ctx, tls->sha256, NULL) == 1 &&
              add_cert(tls->md_ctx, X509_STORE_CTX_get0_cert(ctx));
    for (int i = 0; ok && i < sk_X509_num(all); i++) {
        ok = add_cert(tls->md_ctx, sk_X509_value(all, i));
    }
    return ok && EVP_DigestFinal_ex(tls->md_ctx, key, NULL) == 1;
}

/* read_dates - when the whole verified chain is valid. */
static bool read_dates(const struct edge_tls *tls, X509_STORE_CTX *ctx, struct tls_peer *p)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    p->not_before_s = INT64_MIN;
    p->not_after_s = INT64_MAX;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *cert = sk_X509_value(chain, i);
        int64_t from = 0;
        int64_t until = 0;
        if (!tls_time_s(X509_get0_notBefore(cert), &from) ||
            !tls_time_s(X509_get0_notAfter(cert), &until)) {
            return false;
        }
        p->not_before_s = from > p->not_before_s ? from : p->not_before_s;
        p->not_after_s = until < p->not_after_s ? until : p->not_after_s;
    }
    p->identity.not_after_s = p->not_after_s;
    if (tls->crl_next_s < p->not_after_s) {
        p->not_after_s = tls->crl_next_s;
    }
    return sk_X509_num(chain) > 0;
}

/* verify_fully - NULL and *ret_peer (one reference), or a text. */
static const char *verify_fully(struct edge_tls *tls, X509_STORE_CTX *ctx, int64_t now_s,
                                struct tls_peer **ret_peer)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    const char *problem = tls_identity_check(leaf);
    if (problem != NULL) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_INVALID_PURPOSE);
        return problem;
    }
    X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
    if (X509_verify_cert(ctx) != 1) {
        return X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    }
    struct tls_peer *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_OUT_OF_MEM);
        return "out of memory";
    }
    p->num_refs = 1;
    problem = read_dates(tls, ctx, p) ? tls_identity_read(tls, leaf, p) : "malformed dates";
    if (problem != NULL) {
        tls_peer_unref(p);
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
        return problem;
    }
    *ret_peer = p;
    return NULL;
}

int tls_verify_client(X509_STORE_CTX *ctx, void *arg)
{
    struct edge_tls *tls = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *s = SSL_get_app_data(ssl);
    const int64_t now_s = clock_wall_us(tls->clock) / 1000000;
    unsigned char key[SHA256_LEN];
    if (!presented_key(tls, ctx, key)) {
        s->refused_because = "certificate too large";
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    struct tls_peer *p = tls_cache_find(&tls->cache, key, now_s);
    if (p != NULL) {
        p->num_refs++;
        s->peer = p;
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    s->refused_because = verify_fully(tls, ctx, now_s, &p);
    /* What a failed check leaves in the thread's queue would confuse the next caller. */
    ERR_clear_error();
    if (s->refused_because != NULL || p == NULL) {
        return 0;
    }
    memcpy(p->key, key, SHA256_LEN);
    tls_cache_add(&tls->cache, p);
    s->peer = p;
    return 1;
}
