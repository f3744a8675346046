/* tls.c - see tls.h. TLS 1.2 or newer, a verified chain and the host's name in the certificate; nothing
 * is sent before that. */
#include "broker/ship/tls.h"

#include "broker/base/clock.h"
#include "broker/base/file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)1 << 20)

struct ship_tls {
    SSL_CTX *ctx;
};

struct tls_stream {
    SSL *ssl;
    int fd;
};

static enum cb_code fail(struct cb_err *err, const char *what, const char *about)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return cb_fail(err, CB_ECRYPTO, "%s: %s: %s", about, what, reason == NULL ? "failed" : reason);
}

static int no_passphrase(char *out, int size, int is_write, void *arg)
{
    (void)out;
    (void)size;
    (void)is_write;
    (void)arg;
    return -1;
}

static enum cb_code load_key(SSL_CTX *ctx, const char *path, struct cb_err *err)
{
    struct buf text;
    TRY(file_read(path, FILE_SECRET, FILE_MAX, &text, err));
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    enum cb_code code = CB_OK;
    if (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1) {
        code = fail(err, "no private key that fits the certificate", path);
    }
    EVP_PKEY_free(key);
    BIO_free(bio);
    buf_free(&text);
    return code;
}

static enum cb_code set_up(SSL_CTX *ctx, const struct ship_target *target, struct cb_err *err)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
        return fail(err, "TLS cannot be set up", target->name);
    }
    if (SSL_CTX_load_verify_file(ctx, target->ca) != 1) {
        return fail(err, "no certificates of a CA can be read from it (PEM expected)", target->ca);
    }
    if (target->certificate == NULL) {
        return CB_OK;
    }
    if (SSL_CTX_use_certificate_chain_file(ctx, target->certificate) != 1) {
        return fail(err, "no certificate can be read from it (PEM expected)", target->certificate);
    }
    return load_key(ctx, target->key, err);
}

enum cb_code ship_tls_new(const struct ship_target *target, struct ship_tls **ret,
                          struct cb_err *err)
{
    struct ship_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for TLS");
    }
    tls->ctx = SSL_CTX_new(TLS_client_method());
    const enum cb_code code = tls->ctx == NULL ? cb_fail(err, CB_ENOMEM, "no memory for TLS")
                                               : set_up(tls->ctx, target, err);
    if (code != CB_OK) {
        ship_tls_free(tls);
        return code;
    }
    *ret = tls;
    return CB_OK;
}

void ship_tls_free(struct ship_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->ctx);
        free(tls);
    }
}

/* ---- one stream ---- */

/* wait_for - what the last call wants of the socket. CB_OK also when the time is up: the next call then
 * wants it again, and the caller looks at the clock. */
static enum cb_code wait_for(const struct tls_stream *s, int result, int timeout_ms,
                             struct cb_err *err)
{
    const int why = SSL_get_error(s->ssl, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        const long verdict = SSL_get_verify_result(s->ssl);
        const char *reason = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                             : why == SSL_ERROR_ZERO_RETURN
                                 ? "the receiver closed the connection"
                                 : ERR_reason_error_string(ERR_peek_last_error());
        ERR_clear_error();
        return cb_fail(err, CB_ESYS, "TLS: %s",
                       reason == NULL ? "the connection was closed" : reason);
    }
    struct pollfd p = {.fd = s->fd,
                       .events = (short)(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT)};
    if (poll(&p, 1, timeout_ms) < 0 && errno != EINTR) {
        return cb_fail_errno(err, "poll");
    }
    return CB_OK;
}

static bool is_address(const char *host)
{
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
    ASN1_OCTET_STRING_free(ip);
    ERR_clear_error();
    return ip != NULL;
}

/* expect_host - whose certificate it must be. */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (is_address(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
    }
    char name[256]; /* OpenSSL's macro takes a const away */
    (void)snprintf(name, sizeof(name), "%s", host);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static enum cb_code handshake(struct tls_stream *s, int64_t until_us, struct cb_err *err)
{
    for (;;) {
        ERR_clear_error();
        const int result = SSL_connect(s->ssl);
        if (result == 1) {
            return CB_OK;
        }
        TRY(wait_for(s, result, 250, err));
        if (clock_mono_us(&cb_system_clock) >= until_us) {
            return cb_fail(err, CB_ESYS, "TLS: the handshake took too long");
        }
    }
}

enum cb_code tls_stream_open(struct ship_tls *tls, int fd, const char *host, int64_t until_us,
                             struct tls_stream **ret, struct cb_err *err)
{
    struct tls_stream *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for TLS");
    }
    s->fd = fd;
    s->ssl = SSL_new(tls->ctx);
    enum cb_code code = CB_OK;
    if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1 || !expect_host(s->ssl, host)) {
        code = fail(err, "TLS cannot be set up", host);
    } else {
        code = handshake(s, until_us, err);
    }
    if (code != CB_OK) {
        SSL_free(s->ssl);
        free(s);
        return code;
    }
    *ret = s;
    return CB_OK;
}

void tls_stream_close(struct tls_stream *s)
{
    if (s != NULL) {
        ERR_clear_error();
        (void)SSL_shutdown(s->ssl);
        ERR_clear_error();
        SSL_free(s->ssl);
        free(s);
    }
}

enum cb_code tls_stream_write(struct tls_stream *s, struct slice bytes, int timeout_ms,
                              struct cb_err *err)
{
    int64_t until_us = clock_mono_us(&cb_system_clock) + (int64_t)timeout_ms * 1000;
    while (bytes.len > 0) {
        /* In parts of a record: the same part has to be offered again until it is taken. */
        const int part = bytes.len < 16384 ? (int)bytes.len : 16384;
        ERR_clear_error();
        const int result = SSL_write(s->ssl, bytes.ptr, part);
        if (result > 0) {
            bytes = slice_from(bytes, (size_t)result);
            until_us = clock_mono_us(&cb_system_clock) + (int64_t)timeout_ms * 1000;
            continue;
        }
        TRY(wait_for(s, result, 250, err));
        if (clock_mono_us(&cb_system_clock) >= until_us) {
            return cb_fail(err, CB_ESYS, "the receiver takes nothing any more");
        }
    }
    return CB_OK;
}

enum cb_code tls_stream_poll(struct tls_stream *s, struct cb_err *err)
{
    char unwanted[512];
    for (;;) {
        ERR_clear_error();
        const int result = SSL_read(s->ssl, unwanted, sizeof(unwanted));
        if (result <= 0) {
            const int why = SSL_get_error(s->ssl, result);
            const bool is_fine = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
            return is_fine ? CB_OK : wait_for(s, result, 0, err);
        }
    }
}

uint64_t tls_stream_sent(const struct tls_stream *s)
{
    return BIO_number_written(SSL_get_wbio(s->ssl));
}
