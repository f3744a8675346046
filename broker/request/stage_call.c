/* stage_call.c - one POST to the CA, with a body of our own making (promise P2, P5).
 *
 * Under `aki: auto` a revocation may take two: CFSSL builds spell the authority key id differently,
 * and "no such certificate" under one spelling is a complete answer that nothing was done, so
 * asking under the other spelling repeats nothing. */
#include "broker/request/request.h"

#include <stdatomic.h>

static enum ca_endpoint endpoint_of(const struct request *r)
{
    switch (r->ask.action) {
    case ACTION_NEWCERT:
        return CA_NEWCERT;
    case ACTION_REVOKE:
        return CA_REVOKE;
    case ACTION_INFO:
        break;
    }
    return CA_INFO;
}

/* aki_for_call - the authority key id of the certificate: from our index, else from the caller,
 * else the issuer's that is in force now. */
static struct slice aki_for_call(struct request *r)
{
    if (r->call.aki_used == AKI_EMPTY) {
        return SLICE("");
    }
    if (r->lookup.has_cert && r->lookup.cert.aki_hex[0] != '\0') {
        return slice_of(r->lookup.cert.aki_hex);
    }
    if (r->revoke.aki_hex[0] == '\0') {
        ca_issuer_ski(r->sv->issuer, r->revoke.aki_hex);
    }
    return slice_of(r->revoke.aki_hex);
}

static bool build_body(struct request *r, struct buf *body)
{
    switch (r->ask.action) {
    case ACTION_NEWCERT:
        return ca_body_newcert(&r->grant, body);
    case ACTION_REVOKE:
        return ca_body_revoke(slice_of(r->revoke.serial_dec), aki_for_call(r),
                              slice_of(revoke_reason_cfssl(r->revoke.reason)), body);
    case ACTION_INFO:
        break;
    }
    return ca_body_info(r->ask.profile, body);
}

static enum req_step post(struct request *r)
{
    struct buf body;
    struct cb_err err = {0};
    buf_init(&body, 128U << 10);
    if (!build_body(r, &body)) {
        buf_free(&body);
        return req_refuse(r, REFUSED_INTERNAL, NULL);
    }
    const char *path = ca_endpoint_path(endpoint_of(r));
    if (r->sv->ca_post(r->sv->ctx, r, path, &body, &err) != CB_OK) {
        buf_free(&body);
        return req_refuse(r, REFUSED_CA_UNAVAILABLE, NULL);
    }
    r->call.is_pending = true;
    r->call.may_have_acted = true; /* until we know better */
    return STEP_WAIT;
}

static enum req_step first_post(struct request *r)
{
    const enum gate_state state =
        r->gate.ticket.state == GATE_IN ? r->sv->gate_call(r->sv->ctx, r) : r->gate.ticket.state;
    if (state == GATE_WAITING) {
        return STEP_WAIT;
    }
    if (r->is_gone) {
        return req_refuse(r, REFUSED_CLIENT_GONE, NULL); /* the last moment to turn back */
    }
    const enum aki_mode mode = r->sv->settings->aki_mode;
    r->call.aki_used = mode == AKI_AUTO ? (enum aki_mode)atomic_load(r->sv->aki_learned) : mode;
    return post(r);
}

static void read_answer(struct request *r)
{
    const struct ca_result *result = &r->call.result;
    if (result->effect == CA_ANSWERED) {
        ca_answer_read(endpoint_of(r), result->http_status, buf_slice(&result->body), &r->arena,
                       &r->call.answer);
    }
}

static bool should_try_other_aki(const struct request *r)
{
    return r->ask.action == ACTION_REVOKE && r->sv->settings->aki_mode == AKI_AUTO &&
           !r->call.tried_other_aki && r->call.result.effect == CA_ANSWERED &&
           r->call.answer.verdict == CA_NOT_FOUND;
}

enum req_step stage_call(struct request *r)
{
    if (r->call.is_pending) {
        return STEP_WAIT;
    }
    if (!r->call.has_result) {
        return first_post(r);
    }
    read_answer(r);
    if (should_try_other_aki(r)) {
        r->call.tried_other_aki = true;
        r->call.has_result = false;
        r->call.aki_used = r->call.aki_used == AKI_HEX ? AKI_EMPTY : AKI_HEX;
        return post(r);
    }
    if (r->ask.action == ACTION_REVOKE && r->call.answer.verdict == CA_DONE) {
        atomic_store(r->sv->aki_learned, (int)r->call.aki_used);
    }
    r->sv->gate_leave(r->sv->ctx, r);
    return STEP_NEXT;
}
