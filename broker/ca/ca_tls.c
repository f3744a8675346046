/* ca_tls.c - see ca_tls.h. libcurl makes the connections; this only feeds it good material. */
#include "broker/ca/ca_tls.h"

#include "broker/base/file.h"
#include "broker/ca/ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#define TLS_FILE_MAX ((size_t)1 << 20)

static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static BIO *bio_of(const struct buf *b)
{
    return BIO_new_mem_buf(b->data, (int)b->len);
}

/* num_certs - how many PEM certificates there are; 0 also when one of them is broken. */
static size_t num_certs(const struct buf *b)
{
    BIO *bio = bio_of(b);
    size_t num = 0;
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    while (cert != NULL) {
        num++;
        X509_free(cert);
        cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    ERR_clear_error();
    return at_end ? num : 0;
}

static bool key_fits(const struct ca_tls *tls)
{
    BIO *cert_bio = bio_of(&tls->cert);
    BIO *key_bio = bio_of(&tls->key);
    X509 *cert = cert_bio == NULL ? NULL : PEM_read_bio_X509(cert_bio, NULL, no_passphrase, NULL);
    EVP_PKEY *key =
        key_bio == NULL ? NULL : PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
    const bool fits = cert != NULL && key != NULL && X509_check_private_key(cert, key) == 1;
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    ERR_clear_error();
    return fits;
}

static enum cb_code load(const struct ca_settings *s, struct ca_tls *ret, struct cb_err *err)
{
    if ((s->tls_cert == NULL) != (s->tls_key == NULL)) {
        return cb_fail(err, CB_EINPUT,
                       "a client certificate for the CA needs its key, and a key "
                       "its certificate");
    }
    if (s->tls_ca != NULL) {
        TRY(file_read(s->tls_ca, FILE_PUBLIC, TLS_FILE_MAX, &ret->ca, err));
        if (num_certs(&ret->ca) == 0) {
            return cb_fail(err, CB_EINPUT, "%s: no good PEM certificates", s->tls_ca);
        }
    }
    if (s->tls_cert == NULL) {
        return CB_OK;
    }
    TRY(file_read(s->tls_cert, FILE_PUBLIC, TLS_FILE_MAX, &ret->cert, err));
    TRY(file_read(s->tls_key, FILE_SECRET, TLS_FILE_MAX, &ret->key, err));
    if (num_certs(&ret->cert) == 0) {
        return cb_fail(err, CB_EINPUT, "%s: no good PEM certificate", s->tls_cert);
    }
    if (!key_fits(ret)) {
        return cb_fail(err, CB_EINPUT, "%s: not the key of %s, or locked with a passphrase",
                       s->tls_key, s->tls_cert);
    }
    return CB_OK;
}

enum cb_code ca_tls_load(const struct ca_settings *settings, struct ca_tls *ret, struct cb_err *err)
{
    struct ca_tls tls;
    buf_init(&tls.ca, TLS_FILE_MAX);
    buf_init(&tls.cert, TLS_FILE_MAX);
    buf_init_secret(&tls.key, TLS_FILE_MAX);
    const enum cb_code code = load(settings, &tls, err);
    if (code != CB_OK) {
        ca_tls_free(&tls);
    }
    *ret = tls;
    return code;
}

void ca_tls_free(struct ca_tls *tls)
{
    buf_free(&tls->ca);
    buf_free(&tls->cert);
    buf_free(&tls->key);
}

CURLcode ca_tls_context(CURL *easy, void *ssl_ctx, void *arg)
{
    (void)easy;
    (void)arg;
    (void)SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION);
    return CURLE_OK;
}

const char *ca_tls_verify_word(long verify_result)
{
    return X509_verify_cert_error_string(verify_result);
}
