/* tls_session.c - see tls_session.h. */
#include "broker/edge/tls_session.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "broker/edge/tls_internal.h"

struct tls_session *tls_session_new(struct edge_tls *tls)
{
    struct tls_session *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->ssl = SSL_new(tls->ctx);
    if (s->ssl == NULL || SSL_set_app_data(s->ssl, s) != 1) {
        ERR_clear_error();
        SSL_free(s->ssl);
        free(s);
        return NULL;
    }
    s->tls = edge_tls_ref(tls);
    return s;
}

void tls_session_free(struct tls_session *s)
{
    if (s == NULL) {
        return;
    }
    SSL_free(s->ssl);
    tls_peer_unref(s->peer);
    edge_tls_unref(s->tls);
    free(s);
}

struct ssl_st *tls_session_ssl(struct tls_session *s)
{
    return s->ssl;
}

const struct tls_identity *tls_session_identity(const struct tls_session *s)
{
    return s->peer == NULL ? NULL : &s->peer->identity;
}

bool tls_session_is_of(const struct tls_session *s, const struct edge_tls *tls)
{
    return s->tls == tls;
}

const char *tls_session_failure(const struct tls_session *s, unsigned long openssl_error,
                                const char **ret_detail)
{
    if (s->refused_because != NULL) {
        *ret_detail = s->refused_because;
        return "client_certificate";
    }
    const char *text = openssl_error == 0 ? NULL : ERR_reason_error_string(openssl_error);
    *ret_detail = text == NULL ? "closed within the handshake" : text;
    return "tls_handshake";
}

bool tls_session_write(struct tls_session *s, const void *data, size_t len)
{
    size_t written = 0;
    if (len == 0 || len > TLS_WRITE_MAX) {
        return false;
    }
    ERR_clear_error();
    const bool ok = SSL_write_ex(s->ssl, data, len, &written) == 1 && written == len;
    if (!ok) {
        ERR_clear_error(); /* what is wrong will show again when the bufferevent writes */
    }
    return ok;
}

void tls_session_close_notify(struct tls_session *s)
{
    ERR_clear_error();
    (void)SSL_shutdown(s->ssl); /* once: it sends ours and does not wait for theirs */
    ERR_clear_error();
}
