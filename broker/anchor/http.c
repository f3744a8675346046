/* http.c - see http.h: libcurl's easy interface with everything switched off that is not needed.
 *
 * A POST that libcurl repeats by itself because a kept connection had died is harmless here: a
 * witness that has seen a checkpoint already cosigns it again. */
#include "broker/anchor/http.h"

#include "broker/anchor/anchor.h"
#include "broker/base/clock.h"
#include "broker/base/file.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define CA_FILE_MAX ((size_t)1 << 20)
#define HEAD_MAX 16384U
#define URL_MAX 1024U

struct anchor_http {
    CURL *easy;
    struct buf ca;
    struct curl_slist *headers;
    const _Atomic(int64_t) *end_us; /* NULL: none */
    char url[URL_MAX];
    /* of the request under way */
    struct buf *answer;
    size_t head_bytes;
    bool is_over_limit;
    char reason[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t size, size_t num, void *arg)
{
    struct anchor_http *http = arg;
    buf_add(http->answer, data, size * num);
    http->is_over_limit = !buf_ok(http->answer);
    return http->is_over_limit ? 0 : size * num;
}

static size_t take_head(char *data, size_t size, size_t num, void *arg)
{
    struct anchor_http *http = arg;
    (void)data;
    http->head_bytes += size * num;
    http->is_over_limit = http->head_bytes > HEAD_MAX;
    return http->is_over_limit ? 0 : size * num;
}

/* give_up - libcurl asks about once a second; anything but 0 ends the request. */
static int give_up(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                   curl_off_t up)
{
    const struct anchor_http *http = arg;
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    return clock_mono_us(&cb_system_clock) >= atomic_load(http->end_us) ? 1 : 0;
}

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool set_http(CURL *easy, struct anchor_http *http)
{
    return SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_USERAGENT, "certbroker") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_PATH_AS_IS, 1L) && SET(CURLOPT_HTTP_CONTENT_DECODING, 0L) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L) && SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
           SET(CURLOPT_HTTPHEADER, http->headers) && SET(CURLOPT_WRITEFUNCTION, take_body) &&
           SET(CURLOPT_WRITEDATA, http) && SET(CURLOPT_HEADERFUNCTION, take_head) &&
           SET(CURLOPT_HEADERDATA, http) && SET(CURLOPT_ERRORBUFFER, http->reason);
}

static bool set_way(CURL *easy, const struct anchor_http_options *options)
{
    const unsigned connect_ms =
        options->connect_timeout_ms == 0 ? 3000 : options->connect_timeout_ms;
    const unsigned timeout_ms = options->timeout_ms == 0 ? 10000 : options->timeout_ms;
    /* QUICK_EXIT: a resolver that hangs is left to itself instead of being waited for. PROXY "": the environment's http_proxy and its kin mean nothing to us. */
    return SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_QUICK_EXIT, 1L) && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_PROTOCOLS_STR, options->ca_file == NULL ? "http" : "https") &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) &&
           SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms) && SET(CURLOPT_MAXAGE_CONN, 90L);
}

static bool set_end(CURL *easy, struct anchor_http *http)
{
    return http->end_us == NULL ||
           (SET(CURLOPT_NOPROGRESS, 0L) && SET(CURLOPT_XFERINFOFUNCTION, give_up) &&
            SET(CURLOPT_XFERINFODATA, http));
}

static bool set_tls(CURL *easy, struct anchor_http *http)
{
    struct curl_blob blob = {.data = http->ca.data, .len = http->ca.len, .flags = CURL_BLOB_NOCOPY};
    return SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_CAINFO, NULL) && SET(CURLOPT_CAPATH, NULL) &&
           (http->ca.len == 0 || SET(CURLOPT_CAINFO_BLOB, &blob)) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_SSL_ENABLE_ALPN, 0L) && SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

/* read_ca - whether its certificates are good is libcurl's to say when they are used. */
static enum cb_code read_ca(const char *path, struct buf *ret, struct cb_err *err)
{
    TRY(file_read(path, FILE_PUBLIC, CA_FILE_MAX, ret, err));
    if (strstr(ret->data == NULL ? "" : ret->data, "-----BEGIN CERTIFICATE-----") == NULL) {
        buf_free(ret);
        return cb_fail(err, CB_EINPUT, "%s holds no PEM certificate", path);
    }
    return CB_OK;
}

static enum cb_code set_up(struct anchor_http *http, const struct anchor_http_options *options,
                           struct cb_err *err)
{
    const bool is_tls = slice_has_prefix(slice_of(options->url), SLICE("https://"));
    if (is_tls != (options->ca_file != NULL)) {
        return cb_fail(err, CB_EINPUT,
                       "%.200s: https:// needs the CA of the witness's certificate, "
                       "and nothing else does",
                       options->url);
    }
    const int len = snprintf(http->url, sizeof(http->url), "%s", options->url);
    if (len < 0 || (size_t)len >= sizeof(http->url)) {
        return cb_fail(err, CB_EINPUT, "the url of a witness is too long");
    }
    if (options->ca_file != NULL) {
        TRY(read_ca(options->ca_file, &http->ca, err));
    }
    http->end_us = options->end_us;
    /* Without "Expect" libcurl would wait for a 100 before longer bodies. */
    http->headers = curl_slist_append(NULL, "Expect:");
    http->easy = curl_easy_init();
    if (http->headers == NULL || http->easy == NULL || !set_http(http->easy, http) ||
        !set_way(http->easy, options) || !set_tls(http->easy, http) || !set_end(http->easy, http)) {
        return cb_fail(err, CB_EINTERNAL, "libcurl does not take an option");
    }
    return CB_OK;
}

enum cb_code anchor_http_new(const struct anchor_http_options *options, struct anchor_http **ret,
                             struct cb_err *err)
{
    struct anchor_http *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    const enum cb_code code = set_up(http, options, err);
    if (code != CB_OK) {
        anchor_http_free(http);
        return code;
    }
    *ret = http;
    return CB_OK;
}

enum cb_code anchor_check_file(const struct anchor_witness *witness, struct cb_err *err)
{
    struct buf bytes;
    if (witness->ca_file == NULL) {
        return CB_OK;
    }
    TRY(read_ca(witness->ca_file, &bytes, err));
    buf_free(&bytes);
    return CB_OK;
}

void anchor_http_free(struct anchor_http *http)
{
    if (http == NULL) {
        return;
    }
    curl_easy_cleanup(http->easy);
    curl_slist_free_all(http->headers);
    buf_free(&http->ca);
    free(http);
}

static bool aim(struct anchor_http *http, const char *path, struct slice body)
{
    CURL *easy = http->easy;
    char url[URL_MAX + 256];
    (void)snprintf(url, sizeof(url), "%s%.200s", http->url, path);
    if (!SET(CURLOPT_URL, url)) {
        return false;
    }
    if (body.ptr == NULL) {
        return SET(CURLOPT_HTTPGET, 1L);
    }
    return SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDS, body.ptr) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
}

enum cb_code anchor_http_run(struct anchor_http *http, const char *path, struct slice body,
                             long *ret_status, struct buf *answer, struct cb_err *err)
{
    http->answer = answer;
    http->head_bytes = 0;
    http->is_over_limit = false;
    http->reason[0] = '\0';
    if (!aim(http, path, body)) {
        return cb_fail(err, CB_EINTERNAL, "libcurl does not take an option");
    }
    const CURLcode code = curl_easy_perform(http->easy);
    if (http->is_over_limit) {
        return cb_fail(err, CB_ELIMIT, "the answer is longer than any witness's");
    }
    if (code != CURLE_OK) {
        return cb_fail(err, CB_ESYS, "%.250s",
                       http->reason[0] != '\0' ? http->reason : curl_easy_strerror(code));
    }
    long status = 0;
    (void)curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = status;
    return CB_OK;
}
