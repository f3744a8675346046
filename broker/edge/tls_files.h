/* tls_files.h - PEM files to OpenSSL objects, with messages that name the file. Not for others. */
#ifndef BROKER_EDGE_TLS_FILES_H
#define BROKER_EDGE_TLS_FILES_H

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "broker/base/err.h"
#include "broker/edge/tls.h"
#include "broker/edge/tls_lean.h"

/* tls_fail - CB_ECRYPTO with the reason of OpenSSL's last error, whose queue is then empty. */
enum cb_code tls_fail(struct cb_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* tls_read_certs - every certificate of the file, at least one. Free with sk_X509_pop_free. */
enum cb_code tls_read_certs(OSSL_LIB_CTX *libctx, const char *path, STACK_OF(X509) * *ret,
                            struct cb_err *err) CB_MUST_USE;
/* tls_read_crls - every CRL of the file, at least one. Free with sk_X509_CRL_pop_free. */
enum cb_code tls_read_crls(OSSL_LIB_CTX *libctx, const char *path, STACK_OF(X509_CRL) * *ret,
                           struct cb_err *err) CB_MUST_USE;
/* tls_read_key - the private key, from a file that only its owner can read. No passphrases. The
 * key belongs to the lean context. */
enum cb_code tls_read_key(const struct tls_lean *lib, const char *path, EVP_PKEY **ret,
                          struct cb_err *err) CB_MUST_USE;
/* tls_check_crl - signed by one of cas, and its next update is still to come. */
enum cb_code tls_check_crl(const char *path, X509_CRL *crl, STACK_OF(X509) * cas, int64_t now_s,
                           int64_t *ret_next_s, struct cb_err *err) CB_MUST_USE;

#endif
