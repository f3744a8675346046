/* http.h - one request after the other to one witness, over a connection that is kept. Private to
 * broker/anchor/.
 *
 * Blocks, within its time limits; one thread at a time. Nothing of the environment counts (proxies, CA
 * directories), nothing is followed, and no more is read than the caller has room for. */
#ifndef BROKER_ANCHOR_HTTP_H
#define BROKER_ANCHOR_HTTP_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

#include <stdatomic.h>

struct anchor_http;

struct anchor_http_options {
    const char *url;             /* scheme, host and port: "https://witness1.acme.example:8444" */
    const char *ca_file;         /* PEM: who may have signed its certificate; NULL: plain http */
    unsigned connect_timeout_ms; /* 0: 3000 */
    unsigned timeout_ms;         /* of a whole request; 0: 10000 */
    /* NULL, or a monotonic time that may change: what is under way then is given up within a second */
    const _Atomic(int64_t) *end_us;
};

/* anchor_http_new - reads the CA's file; connects later. CB_EINPUT: the file, or https without one. */
enum cb_code anchor_http_new(const struct anchor_http_options *options, struct anchor_http **ret,
                             struct cb_err *err) CB_MUST_USE;
void anchor_http_free(struct anchor_http *http); /* NULL ok */

/* anchor_http_run - GET, or POST if body is not absent. answer is initialised by the caller; its cap is
 * the most that is read. CB_ESYS: no answer, err says why. CB_ELIMIT: it is too long. */
enum cb_code anchor_http_run(struct anchor_http *http, const char *path, struct slice body,
                             long *ret_status, struct buf *answer, struct cb_err *err) CB_MUST_USE;

#endif
