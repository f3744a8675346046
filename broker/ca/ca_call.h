/* ca_call.h - inside of ca.h: one struct ca, and one call of it. */
#ifndef BROKER_CA_CA_CALL_H
#define BROKER_CA_CA_CALL_H

#include "broker/ca/ca.h"
#include "broker/ca/ca_loop.h"
#include "broker/ca/ca_tls.h"

#define URL_HOST_MAX 255U
#define URL_MAX 512U
#define TRACE_MAX 64U

LIST_HEAD(ca_call_list, ca_call);

struct ca {
    struct ca_loop loop;
    const struct cb_clock *clock;
    char urls[CA_UPSTREAM_MAX][URL_HOST_MAX + 9]; /* with the scheme */
    size_t num_urls;
    struct ca_settings settings; /* numbers only are valid; text is in urls, tls and pin */
    struct ca_tls tls;
    char pin[64];
    struct curl_slist *headers;
    struct ca_call_list running;
    struct ca_call_list idle; /* with their easy handles, for the next calls */
    size_t num_running, num_idle;
    unsigned depth;   /* how many of our own functions are on the stack below a done callback */
    bool is_closing;  /* no new calls */
    bool is_retiring; /* free when the last call is done */
};

struct ca_call {
    LIST_ENTRY(ca_call) link;
    struct ca *ca;
    CURL *easy;
    char url[URL_MAX];
    const char *path;
    size_t upstream; /* index of the one being tried */
    struct buf body;
    size_t body_at; /* how much of it libcurl has fetched */
    struct buf answer;
    size_t head_bytes;
    bool is_over_limit;
    int64_t call_start_us, try_start_us;
    char trace_text[TRACE_MAX + 16];
    struct curl_slist trace; /* in front of ca->headers */
    void (*done)(void *ctx, struct ca_result *result);
    void *ctx;
};

enum cb_code ca_settings_check(const struct ca_settings *settings, struct cb_err *err) CB_MUST_USE;

/* ca_call_new - with an easy handle that has every option that is the same for all calls; NULL:
 * libcurl or memory failed. */
struct ca_call *ca_call_new(struct ca *ca);
void ca_call_free(struct ca_call *call);
/* ca_call_aim - set what is different for each try, and forget the try before. */
bool ca_call_aim(struct ca_call *call, long timeout_ms);

#endif
