/* ca_tls.h - the TLS material for the way to the CA, read once. */
#ifndef BROKER_CA_CA_TLS_H
#define BROKER_CA_CA_TLS_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

#include <curl/curl.h>

struct ca_settings;

/* The files' bytes. They are kept, so that a connection made later can't see half of a rotation:
 * the new certificate with the old key. */
struct ca_tls {
    struct buf ca, cert, key; /* empty: none; key is a secret */
};

/* ca_tls_load - read and check the files of the settings: they parse, the key fits the certificate,
 * nothing asks for a passphrase. On failure *ret is empty. ca_tls_free wipes the key. */
enum cb_code ca_tls_load(const struct ca_settings *settings, struct ca_tls *ret,
                         struct cb_err *err) CB_MUST_USE;
void ca_tls_free(struct ca_tls *tls);

/* ca_tls_context - a CURLOPT_SSL_CTX_FUNCTION: received plaintext is wiped inside OpenSSL. */
CURLcode ca_tls_context(CURL *easy, void *ssl_ctx, void *arg);

/* ca_tls_verify_word - OpenSSL's words for a verification result; constant text. */
const char *ca_tls_verify_word(long verify_result);

#endif
