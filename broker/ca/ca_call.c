/* ca_call.c - the options of a call, and the bytes that go in and out.
 *
 * THE SECOND POST. When a pooled connection dies before the first byte of the answer, libcurl sends
 * the request again by itself, a POST too; for newcert that would be two certificates. No option
 * forbids it. But libcurl can only repeat a body it can rewind: ours is handed over by a read
 * function, and there is no seek function, so libcurl fails with CURLE_SEND_FAIL_REWIND instead
 * and the outcome is "unknown". Never add a SEEKFUNCTION, an IOCTLFUNCTION or POSTFIELDS here;
 * test_ca.c has a CA that hangs up on pooled connections.
 *
 * The answer holds a private key. It is gathered in a secret buffer; ca_setup makes libcurl wipe
 * what it frees, its receive buffer among it, and ca_tls.c makes OpenSSL wipe what it has decrypted
 * and handed over. test_ca_secret.c looks for what is left. Not in our hands: what their functions
 * leave on the stack. */
#include "broker/ca/ca_call.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- bytes ---- */

static size_t send_body(char *out, size_t size, size_t num, void *arg)
{
    struct ca_call *call = arg;
    const size_t room = size * num;
    const size_t left = call->body.len - call->body_at;
    const size_t len = left < room ? left : room;
    memcpy(out, call->body.data + call->body_at, len);
    call->body_at += len;
    return len;
}

/* Returning less than was given ends the transfer. */
static size_t take_body(char *data, size_t size, size_t num, void *arg)
{
    struct ca_call *call = arg;
    buf_add(&call->answer, data, size * num);
    if (!buf_ok(&call->answer)) {
        call->is_over_limit = true;
        return 0;
    }
    return size * num;
}

static size_t take_head(char *data, size_t size, size_t num, void *arg)
{
    struct ca_call *call = arg;
    (void)data;
    call->head_bytes += size * num;
    if (call->head_bytes > call->ca->settings.max_answer_head_bytes) {
        call->is_over_limit = true;
        return 0;
    }
    return size * num;
}

/* ---- options that never change ---- */

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool set_http(CURL *easy)
{
    return SET(CURLOPT_POST, 1L) && SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_USERAGENT, "certbroker") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_PATH_AS_IS, 1L) && SET(CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L) && SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
           SET(CURLOPT_READFUNCTION, send_body) && SET(CURLOPT_WRITEFUNCTION, take_body) &&
           SET(CURLOPT_HEADERFUNCTION, take_head) && SET(CURLOPT_UPLOAD_BUFFERSIZE, 16384L) &&
           SET(CURLOPT_BUFFERSIZE, 8192L); /* most answers are smaller; it is wiped each time */
}

static bool set_way(CURL *easy, const struct ca_settings *s)
{
    /* PROXY "": the environment's http_proxy and its kin mean nothing to us. */
    return SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_timeout_ms) &&
           SET(CURLOPT_MAXAGE_CONN, (long)s->max_idle_s) &&
           SET(CURLOPT_MAXLIFETIME_CONN, (long)s->max_life_s) &&
           SET(CURLOPT_FORBID_REUSE, s->max_idle_s == 0 ? 1L : 0L);
}

static bool set_blob(CURL *easy, CURLoption option, const struct buf *b)
{
    struct curl_blob blob = {.data = b->data, .len = b->len, .flags = CURL_BLOB_NOCOPY};
    return b->len == 0 || SET(option, &blob);
}

static bool set_tls(CURL *easy, const struct ca *ca)
{
    return SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_CAINFO, NULL) && SET(CURLOPT_CAPATH, NULL) &&
           set_blob(easy, CURLOPT_CAINFO_BLOB, &ca->tls.ca) &&
           set_blob(easy, CURLOPT_SSLCERT_BLOB, &ca->tls.cert) &&
           set_blob(easy, CURLOPT_SSLKEY_BLOB, &ca->tls.key) &&
           (ca->pin[0] == '\0' || SET(CURLOPT_PINNEDPUBLICKEY, ca->pin)) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_SSL_ENABLE_ALPN, 0L) && SET(CURLOPT_SSL_SESSIONID_CACHE, 0L) &&
           SET(CURLOPT_SSL_CTX_FUNCTION, ca_tls_context);
}

static bool set_self(CURL *easy, struct ca_call *call)
{
    return SET(CURLOPT_PRIVATE, call) && SET(CURLOPT_READDATA, call) &&
           SET(CURLOPT_WRITEDATA, call) && SET(CURLOPT_HEADERDATA, call);
}

struct ca_call *ca_call_new(struct ca *ca)
{
    struct ca_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->ca = ca;
    call->easy = curl_easy_init();
    if (call->easy == NULL || !set_http(call->easy) || !set_way(call->easy, &ca->settings) ||
        !set_tls(call->easy, ca) || !set_self(call->easy, call)) {
        ca_call_free(call);
        return NULL;
    }
    return call;
}

void ca_call_free(struct ca_call *call)
{
    if (call == NULL) {
        return;
    }
    curl_easy_cleanup(call->easy);
    buf_free(&call->body);
    buf_free(&call->answer);
    free(call);
}

/* ---- what each try needs ---- */

bool ca_call_aim(struct ca_call *call, long timeout_ms)
{
    CURL *easy = call->easy;
    struct ca *ca = call->ca;
    call->body_at = 0;
    call->head_bytes = 0;
    call->is_over_limit = false;
    buf_free(&call->answer);
    buf_init_secret(&call->answer, ca->settings.max_answer_bytes);
    call->try_start_us = clock_mono_us(ca->clock);
    (void)snprintf(call->url, sizeof(call->url), "%s%s", ca->urls[call->upstream], call->path);
    return SET(CURLOPT_URL, call->url) && SET(CURLOPT_TIMEOUT_MS, timeout_ms) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len) &&
           SET(CURLOPT_HTTPHEADER, call->trace_text[0] == '\0' ? ca->headers : &call->trace);
}
