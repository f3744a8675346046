/* tls.c - one generation of TLS material: read the files, check them, build the SSL_CTX.
 *
 * A generation is immutable once loaded, apart from its cache. It has its own OpenSSL library
 * contexts: OpenSSL 3.0 fetches algorithms anew for most operations and takes locks of the context
 * for it, which threads on a common context fight over. */
#include "broker/edge/tls_internal.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "broker/edge/tls_files.h"

/* TLS 1.3 suites, then TLS 1.2: only AEAD with an ephemeral key exchange. AES-128 first: it is the
 * fastest with AES instructions and has margin enough. */
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_12                                                                                  \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* Not const only because OpenSSL's macros cast them. */
static char groups[] = "X25519:P-256:P-384";
static char signatures[] = "ECDSA+SHA256:ed25519:ECDSA+SHA384:ECDSA+SHA512:ed448:"
                           "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
                           "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
                           "RSA+SHA256:RSA+SHA384:RSA+SHA512";
/* Security level 2 (112 bits) as Debian sets it, which a library context of our own would miss. */
#define SECURITY_LEVEL 2

static const uint64_t options = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT;

/* pick_protocol - ALPN: http/1.1 or nothing in common. */
static int pick_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                         const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static enum cb_code set_up_protocol(SSL_CTX *ctx, struct cb_err *err)
{
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    (void)SSL_CTX_set_options(ctx, options);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    /* NO_AUTO_CHAIN: or OpenSSL would build our own chain anew in every handshake. */
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_max_cert_list(ctx, (long)TLS_CERT_BYTES_MAX);
    SSL_CTX_set_alpn_select_cb(ctx, pick_protocol, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(ctx, 0) != 1 || SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, SUITES_13) != 1 ||
        SSL_CTX_set_cipher_list(ctx, SUITES_12) != 1 ||
        SSL_CTX_set1_groups_list(ctx, groups) != 1 ||
        SSL_CTX_set1_sigalgs_list(ctx, signatures) != 1) {
        return tls_fail(err, "setting up TLS");
    }
    return CB_OK;
}

/* ---------------------------------------------------------------- our certificate */

static enum cb_code check_dates(const char *path, const X509 *cert, int64_t now_s,
                                int64_t *ret_not_after_s, struct cb_err *err)
{
    int64_t from = 0;
    if (!tls_time_s(X509_get0_notBefore(cert), &from) ||
        !tls_time_s(X509_get0_notAfter(cert), ret_not_after_s)) {
        return cb_fail(err, CB_EINPUT, "%s: the certificate's dates are malformed", path);
    }
    char text[21];
    if (now_s < from) {
        time_format_s(from, text);
        return cb_fail(err, CB_EINPUT, "%s: the certificate is not valid before %s", path, text);
    }
    if (now_s > *ret_not_after_s) {
        time_format_s(*ret_not_after_s, text);
        return cb_fail(err, CB_EINPUT, "%s: the certificate has expired on %s", path, text);
    }
    return CB_OK;
}

static enum cb_code use_certificate(struct edge_tls *tls, const struct edge_tls_files *files,
                                    STACK_OF(X509) * chain, EVP_PKEY *key, struct cb_err *err)
{
    const int64_t now_s = clock_wall_us(tls->clock) / 1000000;
    X509 *leaf = sk_X509_value(chain, 0);
    TRY(check_dates(files->certificate, leaf, now_s, &tls->not_after_s, err));
    if (X509_check_private_key(leaf, key) != 1) {
        return tls_fail(err, "%s is not the key of the first certificate in %s", files->key,
                        files->certificate);
    }
    X509 *first = sk_X509_shift(chain);
    const int ok = SSL_CTX_use_cert_and_key(tls->ctx, first, key, chain, 1);
    X509_free(first);
    if (ok != 1) {
        return tls_fail(err, "%s cannot be used for TLS", files->certificate);
    }
    return CB_OK;
}

static enum cb_code load_certificate(struct edge_tls *tls, const struct edge_tls_files *files,
                                     struct cb_err *err)
{
    STACK_OF(X509) *chain = NULL;
    EVP_PKEY *key = NULL;
    enum cb_code code = tls_read_certs(tls->lib.lean, files->certificate, &chain, err);
    if (code == CB_OK) {
        code = tls_read_key(&tls->lib, files->key, &key, err);
    }
    if (code == CB_OK) {
        code = use_certificate(tls, files, chain, key, err);
    }
    sk_X509_pop_free(chain, X509_free);
    EVP_PKEY_free(key);
    return code;
}

/* ---------------------------------------------------------------- the client CA */

static enum cb_code trust(struct edge_tls *tls, const char *path, STACK_OF(X509) * cas,
                          struct cb_err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);
    const int64_t now_s = clock_wall_us(tls->clock) / 1000000;
    bool is_any_valid = false;
    for (int i = 0; i < sk_X509_num(cas); i++) {
        X509 *ca = sk_X509_value(cas, i);
        int64_t until = 0;
        if (X509_check_ca(ca) != 1) {
            return cb_fail(err, CB_EINPUT, "%s: certificate %d is not a CA", path, i + 1);
        }
        is_any_valid |= tls_time_s(X509_get0_notAfter(ca), &until) && until >= now_s;
        if (X509_STORE_add_cert(store, ca) != 1 || SSL_CTX_add_client_CA(tls->ctx, ca) != 1) {
            return tls_fail(err, "%s: certificate %d", path, i + 1);
        }
    }
    if (!is_any_valid) {
        return cb_fail(err, CB_EINPUT, "%s: every CA in it has expired", path);
    }
    return CB_OK;
}

static enum cb_code load_crls(struct edge_tls *tls, const char *path, STACK_OF(X509) * cas,
                              struct cb_err *err)
{
    STACK_OF(X509_CRL) *crls = NULL;
    TRY(tls_read_crls(tls->lib.lean, path, &crls, err));
    X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);
    const int64_t now_s = clock_wall_us(tls->clock) / 1000000;
    enum cb_code code = CB_OK;
    for (int i = 0; code == CB_OK && i < sk_X509_CRL_num(crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(crls, i);
        int64_t next = 0;
        code = tls_check_crl(path, crl, cas, now_s, &next, err);
        if (code == CB_OK && X509_STORE_add_crl(store, crl) != 1) {
            code = tls_fail(err, "%s: CRL %d", path, i + 1);
        }
        tls->crl_next_s = next < tls->crl_next_s ? next : tls->crl_next_s;
    }
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    return code;
}

static void ask_for_certificates(struct edge_tls *tls, bool has_crl)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls->ctx);
    /* PARTIAL_CHAIN: every CA of the bundle is an anchor, also an intermediate one, so that an
     * organisation can trust one of its intermediates without trusting all of its root. */
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN |
                                                 (has_crl ? X509_V_FLAG_CRL_CHECK : 0UL));
    X509_VERIFY_PARAM_set_depth(param, TLS_INTERMEDIATES_MAX);
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls->ctx, tls_verify_client, tls);
}

static enum cb_code load_client_ca(struct edge_tls *tls, const struct edge_tls_files *files,
                                   struct cb_err *err)
{
    STACK_OF(X509) *cas = NULL;
    if (files->client_ca == NULL) {
        if (files->client_crl != NULL) {
            return cb_fail(err, CB_EINPUT, "%s: a client CRL without a client CA",
                           files->client_crl);
        }
        SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_NONE, NULL);
        return CB_OK;
    }
    TRY(tls_read_certs(tls->lib.lean, files->client_ca, &cas, err));
    enum cb_code code = trust(tls, files->client_ca, cas, err);
    if (code == CB_OK && files->client_crl != NULL) {
        code = load_crls(tls, files->client_crl, cas, err);
    }
    ask_for_certificates(tls, files->client_crl != NULL);
    sk_X509_pop_free(cas, X509_free);
    return code;
}

/* ---------------------------------------------------------------- life */

static enum cb_code build(struct edge_tls *tls, const struct edge_tls_files *files,
                          struct cb_err *err)
{
    if (!tls_lean_open(&tls->lib)) {
        return tls_fail(err, "setting up a library context");
    }
    tls->ctx = SSL_CTX_new_ex(tls->lib.lean, NULL, TLS_server_method());
    tls->sha256 = tls->ctx == NULL ? NULL : EVP_MD_fetch(tls->lib.lean, "SHA256", NULL);
    tls->md_ctx = EVP_MD_CTX_new();
    if (tls->sha256 == NULL || tls->md_ctx == NULL) {
        return tls_fail(err, "setting up TLS");
    }
    TRY(set_up_protocol(tls->ctx, err));
    TRY(load_certificate(tls, files, err));
    return load_client_ca(tls, files, err);
}

enum cb_code edge_tls_load(const struct edge_tls_files *files, struct edge_tls **ret,
                           struct cb_err *err)
{
    struct edge_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for TLS");
    }
    atomic_init(&tls->num_refs, 1);
    tls->clock = files->clock == NULL ? &cb_system_clock : files->clock;
    tls->crl_next_s = INT64_MAX;
    const enum cb_code code = build(tls, files, err);
    if (code != CB_OK) {
        edge_tls_unref(tls);
        return code;
    }
    /* Another thread will use and free this context. What OpenSSL keeps of it for this thread (its
     * random generators) must go now, or it would be cleaned up after the context is gone. */
    OPENSSL_thread_stop_ex(tls->lib.lean);
    OPENSSL_thread_stop_ex(tls->lib.full);
    *ret = tls;
    return CB_OK;
}

struct edge_tls *edge_tls_ref(struct edge_tls *tls)
{
    (void)atomic_fetch_add(&tls->num_refs, 1);
    return tls;
}

void edge_tls_unref(struct edge_tls *tls)
{
    if (tls == NULL || atomic_fetch_sub(&tls->num_refs, 1) > 1) {
        return;
    }
    tls_cache_free(&tls->cache);
    SSL_CTX_free(tls->ctx);
    EVP_MD_CTX_free(tls->md_ctx);
    EVP_MD_free(tls->sha256);
    tls_lean_close(&tls->lib);
    free(tls);
}

int64_t edge_tls_not_after_s(const struct edge_tls *tls)
{
    return tls->not_after_s;
}
