/* ca.c - see ca.h: the life of a call, from ca_post to done.
 *
 * A call is tried at one upstream after the other, but only while ca_effect_of says that the CA
 * cannot have received it. Options and bytes are in ca_call.c, sockets and timers in ca_loop.c.
 * What is in the answer does not matter here. */
#include "broker/ca/ca_call.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_CALLS_MAX 64U
#define POOL_MAX 64L /* idle connections to the CA */

/* ---- memory of libcurl ---- */

static void free_wiped(void *ptr)
{
    secret_wipe(ptr, ptr == NULL ? 0 : malloc_usable_size(ptr));
    free(ptr);
}

static void *realloc_wiped(void *ptr, size_t size)
{
    void *moved = malloc(size);
    const size_t old = ptr == NULL ? 0 : malloc_usable_size(ptr);
    if (moved != NULL && ptr != NULL) {
        memcpy(moved, ptr, old < size ? old : size);
        free_wiped(ptr);
    }
    return moved;
}

enum cb_code ca_setup(struct cb_err *err)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free_wiped, realloc_wiped, strdup,
                             calloc) != CURLE_OK) {
        return cb_fail(err, CB_EINTERNAL, "libcurl can't be initialised");
    }
    return CB_OK;
}

/* ---- results ---- */

static bool bytes_sent(const struct ca_call *call)
{
    long request_bytes = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    return request_bytes > 0 || call->body_at > 0;
}

/* describe - our words, libcurl's and OpenSSL's; never the CA's. */
static void describe(const struct ca_call *call, struct ca_result *r)
{
    long verify = 0;
    long os = 0;
    char reason[64] = "";
    (void)curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
    (void)curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os);
    if (r->curl_code == CURLE_PEER_FAILED_VERIFICATION && verify != 0) {
        (void)snprintf(reason, sizeof(reason), ": %s", ca_tls_verify_word(verify));
    } else if (r->curl_code == CURLE_COULDNT_CONNECT && os != 0) {
        char text[48];
        (void)snprintf(reason, sizeof(reason), ": %s", strerror_r((int)os, text, sizeof(text)));
    }
    const char *what = call->is_over_limit ? "The answer is larger than allowed"
                                           : curl_easy_strerror((CURLcode)r->curl_code);
    (void)snprintf(r->message, sizeof(r->message), "%s%s", what, reason);
}

static void make_result(struct ca_call *call, int curl_code, struct ca_result *r)
{
    *r = (struct ca_result){.curl_code = curl_code, .upstream = call->ca->urls[call->upstream]};
    r->effect = ca_effect_of(curl_code, bytes_sent(call), &r->stage);
    r->latency_us = clock_mono_us(call->ca->clock) - call->try_start_us;
    if (r->effect == CA_ANSWERED) {
        (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &r->http_status);
        r->body = call->answer;
        call->answer = (struct buf){0};
        return;
    }
    if (call->is_over_limit) {
        r->stage = "limit";
    }
    describe(call, r);
}

/* ---- tries ---- */

static struct ca_call *take_call(struct ca *ca)
{
    struct ca_call *call = LIST_FIRST(&ca->idle);
    if (call == NULL) {
        return ca_call_new(ca);
    }
    LIST_REMOVE(call, link);
    ca->num_idle--;
    return call;
}

static void give_back(struct ca *ca, struct ca_call *call)
{
    buf_free(&call->body);
    buf_free(&call->answer);
    if (ca->num_idle >= IDLE_CALLS_MAX || ca->is_closing) {
        ca_call_free(call);
        return;
    }
    LIST_INSERT_HEAD(&ca->idle, call, link);
    ca->num_idle++;
}

/* start_try - with what is left of the call's time; false: it can't be tried any more. */
static bool start_try(struct ca_call *call)
{
    const struct ca *ca = call->ca;
    const int64_t spent_us = clock_mono_us(ca->clock) - call->call_start_us;
    const int64_t left_ms = (int64_t)ca->settings.timeout_ms - spent_us / 1000;
    return left_ms > 0 && ca_call_aim(call, (long)left_ms) &&
           curl_multi_add_handle(ca->loop.multi, call->easy) == CURLM_OK;
}

static void destroy(struct ca *ca);

/* finish - the call is over: give its place back, then tell its owner, who may do anything. */
static void finish(struct ca_call *call, struct ca_result *result)
{
    struct ca *ca = call->ca;
    void (*done)(void *, struct ca_result *) = call->done;
    void *ctx = call->ctx;
    LIST_REMOVE(call, link);
    ca->num_running--;
    give_back(ca, call);
    ca->depth++;
    done(ctx, result);
    ca->depth--;
}

static void on_done(struct ca_call *call, int curl_code)
{
    struct ca *ca = call->ca;
    struct ca_result result;
    make_result(call, curl_code, &result);
    (void)curl_multi_remove_handle(ca->loop.multi, call->easy);
    while (result.effect == CA_NOT_SENT && call->upstream + 1 < ca->num_urls && !ca->is_closing) {
        call->upstream++;
        if (start_try(call)) {
            return;
        }
    }
    finish(call, &result);
}

/* settle - nobody of ours is on the stack any more: what was asked for meanwhile can be done. */
static void settle(struct ca *ca)
{
    if (ca->depth == 0 && ca->is_retiring && ca->num_running == 0) {
        destroy(ca);
    }
}

static void on_progress(void *arg)
{
    struct ca *ca = arg;
    int left = 0;
    ca->depth++;
    const CURLMsg *msg = curl_multi_info_read(ca->loop.multi, &left);
    while (msg != NULL) {
        const CURLcode code = msg->data.result;
        char *private = NULL;
        if (msg->msg == CURLMSG_DONE &&
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private) == CURLE_OK) {
            on_done((struct ca_call *)(void *)private, (int)code); /* msg is gone after this */
        }
        msg = curl_multi_info_read(ca->loop.multi, &left);
    }
    ca->depth--;
    settle(ca);
}

/* ---- the public calls ---- */

/* set_trace - W3C traceparent: hex digits and hyphens only, so that it can't become a header of
 * its own. */
static void set_trace(struct ca_call *call, struct slice trace)
{
    bool good = trace.ptr != NULL && trace.len > 0 && trace.len <= TRACE_MAX;
    for (size_t i = 0; good && i < trace.len; i++) {
        const char c = trace.ptr[i];
        good = ascii_is_digit(c) || (c >= 'a' && c <= 'f') || c == '-';
    }
    call->trace_text[0] = '\0';
    if (good) {
        (void)snprintf(call->trace_text, sizeof(call->trace_text), "traceparent: %.*s",
                       (int)trace.len, trace.ptr);
    }
    call->trace = (struct curl_slist){.data = call->trace_text, .next = call->ca->headers};
}

enum cb_code ca_post(struct ca *ca, const char *path, struct buf *body, struct slice trace,
                     void (*done)(void *ctx, struct ca_result *result), void *ctx,
                     struct cb_err *err)
{
    if (ca->is_closing) {
        return cb_fail(err, CB_EBUSY, "the way to the CA is being closed");
    }
    if (strlen(path) + URL_HOST_MAX + 9 > URL_MAX) {
        return cb_fail(err, CB_EINTERNAL, "the path is too long");
    }
    struct ca_call *call = take_call(ca);
    if (call == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for a call to the CA");
    }
    call->path = path;
    call->body = *body;
    call->done = done;
    call->ctx = ctx;
    call->upstream = 0;
    call->call_start_us = clock_mono_us(ca->clock);
    set_trace(call, trace);
    if (!start_try(call)) {
        call->body = (struct buf){0}; /* still the caller's */
        give_back(ca, call);
        return cb_fail(err, CB_EINTERNAL, "libcurl does not take a call to the CA");
    }
    *body = (struct buf){0};
    LIST_INSERT_HEAD(&ca->running, call, link);
    ca->num_running++;
    return CB_OK;
}

size_t ca_num_calls(const struct ca *ca)
{
    return ca->num_running;
}

static bool copy_settings(struct ca *ca, const struct ca_settings *s)
{
    ca->settings = *s;
    ca->settings.upstreams = NULL;
    ca->settings.tls_ca = ca->settings.tls_cert = ca->settings.tls_key = NULL;
    ca->settings.tls_pin = NULL;
    ca->num_urls = s->num_upstreams;
    for (size_t i = 0; i < s->num_upstreams; i++) {
        (void)snprintf(ca->urls[i], sizeof(ca->urls[i]), "%s", s->upstreams[i].url);
    }
    (void)snprintf(ca->pin, sizeof(ca->pin), "%s", s->tls_pin == NULL ? "" : s->tls_pin);
    /* An empty "Expect:" keeps libcurl from asking for 100-continue and waiting for it. */
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json", "Expect:"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct curl_slist *longer = curl_slist_append(ca->headers, headers[i]);
        if (longer == NULL) {
            return false;
        }
        ca->headers = longer;
    }
    return true;
}

enum cb_code ca_new(struct event_base *base, const struct ca_settings *settings,
                    const struct cb_clock *clock, struct ca **ret, struct cb_err *err)
{
    TRY(ca_settings_check(settings, err));
    struct ca *ca = calloc(1, sizeof(*ca));
    if (ca == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the way to the CA");
    }
    ca->clock = clock;
    LIST_INIT(&ca->running);
    LIST_INIT(&ca->idle);
    const enum cb_code code = ca_tls_load(settings, &ca->tls, err);
    if (code != CB_OK) {
        free(ca);
        return code;
    }
    if (!copy_settings(ca, settings) || !ca_loop_init(&ca->loop, base, POOL_MAX, on_progress, ca)) {
        curl_slist_free_all(ca->headers);
        ca_tls_free(&ca->tls);
        free(ca);
        return cb_fail(err, CB_EINTERNAL, "libcurl can't be set up");
    }
    *ret = ca;
    return CB_OK;
}

static void destroy(struct ca *ca)
{
    while (!LIST_EMPTY(&ca->idle)) {
        struct ca_call *call = LIST_FIRST(&ca->idle);
        LIST_REMOVE(call, link);
        ca_call_free(call);
    }
    ca_loop_free(&ca->loop);
    curl_slist_free_all(ca->headers);
    ca_tls_free(&ca->tls);
    free(ca);
}

/* abandon - what is known now is all that will be known: no code at all is the code. */
static void abandon(struct ca_call *call)
{
    struct ca_result result;
    make_result(call, CURLE_ABORTED_BY_CALLBACK, &result);
    (void)curl_multi_remove_handle(call->ca->loop.multi, call->easy);
    result.stage = "abandoned";
    (void)snprintf(result.message, sizeof(result.message), "Abandoned while it was under way");
    finish(call, &result);
}

void ca_free(struct ca *ca)
{
    if (ca == NULL) {
        return;
    }
    ca->is_closing = true;
    ca->is_retiring = true;
    ca->depth++;
    while (!LIST_EMPTY(&ca->running)) {
        abandon(LIST_FIRST(&ca->running));
    }
    ca->depth--;
    settle(ca);
}

void ca_retire(struct ca *ca)
{
    ca->is_closing = true;
    ca->is_retiring = true;
    settle(ca);
}
