/* stage_reply.c - hand the answer to the edge, wait until it is gone, then clean up after it.
 *
 * The body is made in reply_body.c. A certificate that could not be handed over is recorded as
 * undelivered and, unless configured otherwise, revoked: nobody else will ever have its key. */
#include "broker/request/outcome.h"
#include "broker/request/reply_body.h"

static void start_reply(struct request *r)
{
    struct edge_reply reply = {
        .status = r->verdict.reason->status,
        .request_id = r->client_request_id.ptr != NULL ? r->client_request_id.ptr : r->id,
        .retry_after_s = r->verdict.retry_after_s,
        .allow = r->verdict.reason->id == REFUSED_METHOD ? r->verdict.allow : NULL,
        .www_authenticate = r->verdict.reason->id == REFUSED_UNAUTHENTICATED,
        .close = r->exchange->refused_status != 0,
    };
    reply_body(r, &reply.body);
    if (!buf_ok(&reply.body)) {
        reply.status = reason_of(REFUSED_INTERNAL)->status;
        buf_free(&reply.body);
    }
    r->sv->reply(r->sv->ctx, r, &reply);
}

static bool is_issued(const struct request *r)
{
    return r->route == ROUTE_NEWCERT && r->verdict.reason->id == REFUSED_NONE;
}

enum req_step stage_reply(struct request *r)
{
    if (!r->has_replied) {
        if (!r->is_reply_started) {
            r->is_reply_started = true;
            start_reply(r);
        }
        return STEP_WAIT; /* also when it was done at once: req_on_replied has woken us */
    }
    if (!r->is_delivery_noted) {
        r->is_delivery_noted = true;
        if (is_issued(r) && r->is_gone) {
            outcome_undelivered(r);
        }
    }
    return outcome_late(r) ? STEP_NEXT : STEP_WAIT;
}
