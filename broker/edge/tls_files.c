/* tls_files.c - see tls_files.h. Files are read once, whole, up to a cap; a key's bytes are wiped
 * when it has been decoded. */
#include "broker/edge/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "broker/base/file.h"
#include "broker/edge/tls_internal.h"

#define FILE_BYTES_MAX ((size_t)1024 * 1024)
#define FILE_ITEMS_MAX 256

enum cb_code tls_fail(struct cb_err *err, const char *fmt, ...)
{
    char text[CB_ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return cb_fail(err, CB_ECRYPTO, "%.300s: %.90s", text, reason == NULL ? "failed" : reason);
}

/* no_passphrase - never ask the terminal. */
static int no_passphrase(char *out, int size, int is_write, void *arg)
{
    (void)out;
    (void)size;
    (void)is_write;
    (void)arg;
    return -1;
}

static BIO *bio_over(const struct buf *text)
{
    return BIO_new_mem_buf(text->data == NULL ? "" : text->data, (int)text->len);
}

/* is_at_end - did the PEM reader stop because nothing follows, or because of an error? */
static bool is_at_end(void)
{
    const unsigned long last = ERR_peek_last_error();
    const bool is_end =
        ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (is_end) {
        ERR_clear_error();
    }
    return is_end;
}

static enum cb_code check_list(const char *path, int num, bool is_whole, const char *what,
                               struct cb_err *err)
{
    if (!is_whole) {
        return tls_fail(err, "%s: %s %d", path, what, num + 1);
    }
    if (num == 0) {
        return cb_fail(err, CB_EINPUT, "%s: no %s in it (PEM expected)", path, what);
    }
    return CB_OK;
}

static bool parse_certs(OSSL_LIB_CTX *libctx, BIO *bio, STACK_OF(X509) * list)
{
    while (sk_X509_num(list) < FILE_ITEMS_MAX) {
        X509 *cert = X509_new_ex(libctx, NULL);
        if (cert == NULL || PEM_read_bio_X509(bio, &cert, no_passphrase, NULL) == NULL) {
            X509_free(cert);
            return is_at_end();
        }
        if (sk_X509_push(list, cert) <= 0) {
            X509_free(cert);
            return false;
        }
    }
    return false;
}

enum cb_code tls_read_certs(OSSL_LIB_CTX *libctx, const char *path, STACK_OF(X509) * *ret,
                            struct cb_err *err)
{
    struct buf text = {0};
    TRY(file_read(path, FILE_PUBLIC, FILE_BYTES_MAX, &text, err));
    BIO *bio = bio_over(&text);
    STACK_OF(X509) *list = sk_X509_new_null();
    const bool is_whole = bio != NULL && list != NULL && parse_certs(libctx, bio, list);
    BIO_free(bio);
    buf_free(&text);
    const enum cb_code code = check_list(path, sk_X509_num(list), is_whole, "certificate", err);
    if (code != CB_OK) {
        sk_X509_pop_free(list, X509_free);
        return code;
    }
    *ret = list;
    return CB_OK;
}

static bool parse_crls(OSSL_LIB_CTX *libctx, BIO *bio, STACK_OF(X509_CRL) * list)
{
    while (sk_X509_CRL_num(list) < FILE_ITEMS_MAX) {
        X509_CRL *crl = X509_CRL_new_ex(libctx, NULL);
        if (crl == NULL || PEM_read_bio_X509_CRL(bio, &crl, no_passphrase, NULL) == NULL) {
            X509_CRL_free(crl);
            return is_at_end();
        }
        if (sk_X509_CRL_push(list, crl) <= 0) {
            X509_CRL_free(crl);
            return false;
        }
    }
    return false;
}

enum cb_code tls_read_crls(OSSL_LIB_CTX *libctx, const char *path, STACK_OF(X509_CRL) * *ret,
                           struct cb_err *err)
{
    struct buf text = {0};
    TRY(file_read(path, FILE_PUBLIC, FILE_BYTES_MAX, &text, err));
    BIO *bio = bio_over(&text);
    STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
    const bool is_whole = bio != NULL && list != NULL && parse_crls(libctx, bio, list);
    BIO_free(bio);
    buf_free(&text);
    const enum cb_code code = check_list(path, sk_X509_CRL_num(list), is_whole, "CRL", err);
    if (code != CB_OK) {
        sk_X509_CRL_pop_free(list, X509_CRL_free);
        return code;
    }
    *ret = list;
    return CB_OK;
}

enum cb_code tls_read_key(const struct tls_lean *lib, const char *path, EVP_PKEY **ret,
                          struct cb_err *err)
{
    struct buf text = {0};
    TRY(file_read(path, FILE_SECRET, FILE_BYTES_MAX, &text, err));
    BIO *bio = bio_over(&text);
    EVP_PKEY *read =
        bio == NULL ? NULL
                    : PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase, NULL, lib->full, NULL);
    BIO_free(bio);
    buf_free(&text);
    if (read == NULL) {
        return tls_fail(err, "%s: no private key without a passphrase in it (PEM expected)", path);
    }
    EVP_PKEY *key = tls_lean_key(lib, read);
    EVP_PKEY_free(read);
    if (key == NULL) {
        return tls_fail(err, "%s: the key's type cannot be used", path);
    }
    *ret = key;
    return CB_OK;
}

enum cb_code tls_check_crl(const char *path, X509_CRL *crl, STACK_OF(X509) * cas, int64_t now_s,
                           int64_t *ret_next_s, struct cb_err *err)
{
    bool is_signed = false;
    for (int i = 0; !is_signed && i < sk_X509_num(cas); i++) {
        X509 *ca = sk_X509_value(cas, i);
        is_signed = X509_NAME_cmp(X509_get_subject_name(ca), X509_CRL_get_issuer(crl)) == 0 &&
                    X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1;
    }
    ERR_clear_error();
    if (!is_signed) {
        return cb_fail(err, CB_EINPUT, "%s: a CRL that no client CA has signed", path);
    }
    if (!tls_time_s(X509_CRL_get0_nextUpdate(crl), ret_next_s)) {
        return cb_fail(err, CB_EINPUT, "%s: a CRL without a next update", path);
    }
    if (*ret_next_s <= now_s) {
        char text[21];
        time_format_s(*ret_next_s, text);
        return cb_fail(err, CB_EINPUT, "%s: the CRL is stale, its next update was due %s", path,
                       text);
    }
    return CB_OK;
}
