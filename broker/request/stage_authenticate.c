/* stage_authenticate.c - who is it? Failures all look alike from outside; the record says more.
 *
 * A request that is refused anyway (no such path, malformed) is still attributed to its caller if
 * that is possible, so that the audit trail shows who tries what. */
#include "broker/request/authn.h"
#include "broker/request/request.h"

static enum req_step refuse_route(struct request *r)
{
    const struct edge_exchange *x = r->exchange;
    if (x->refused_status != 0) {
        return req_refuse(r, reason_of_status(x->refused_status)->id, "%s (%s)",
                          reason_of_status(x->refused_status)->sentence, x->refused_reason);
    }
    if (r->verdict.allow != NULL) {
        return req_refuse(r, REFUSED_METHOD, "this endpoint takes %s only", r->verdict.allow);
    }
    return req_refuse(r, REFUSED_NOT_FOUND, NULL);
}

/* first_name - a certificate that verified but belongs to nobody should be recognisable. */
static struct slice first_name(struct request *r, const struct tls_identity *id)
{
    struct slice name = id->common_name;
    if (id->num_uris > 0) {
        name = id->uris[0];
    } else if (id->num_dns > 0) {
        name = id->dns[0];
    }
    return name.ptr == NULL ? name : arena_slice(&r->arena, name);
}

/* take_peer - the address without its port, "192.0.2.7:40112" or "[2001:db8::1]:40112", as a name that
 * source networks can be held against. A local peer has none. */
static void take_peer(struct request *r)
{
    struct slice text = r->peer;
    const char *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
    if (colon == NULL) {
        return;
    }
    text.len = (size_t)(colon - text.ptr);
    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
        text = (struct slice){text.ptr + 1, text.len - 2};
    }
    struct cb_err err;
    if (name_classify(text) == NAME_IP &&
        name_parse(&r->arena, text, &r->who.peer, &err) == CB_OK) {
        r->who.caller.peer = &r->who.peer;
    }
}

static void take_principal(struct request *r)
{
    char text[POLICY_PRINCIPAL_MAX + 1];
    r->who.id = arena_slice(&r->arena, policy_principal(&r->who.caller, text));
    take_peer(r);
}

enum req_step stage_authenticate(struct request *r)
{
    const struct edge_exchange *x = r->exchange;
    struct authn_context cx = {.exchange = x,
                               .now_s = clock_wall_us(r->sv->clock) / 1000000,
                               .arena = &r->arena,
                               .jwt_keys = r->sv->jwt_keys};
    struct authn_identity identity = {0};
    const enum authn_result result = authenticate(r->policy->policy, &cx, &identity);
    if (x->identity != NULL) {
        r->who.cert_sha256 = arena_slice(&r->arena, slice_of(x->identity->cert_sha256));
        r->who.credential = first_name(r, x->identity); /* until something better is known */
    }
    if (result == AUTHN_OK) {
        r->who.client = identity.caller.client;
        r->who.caller = identity.caller;
        take_principal(r);
        r->who.via = identity.via;
        r->who.credential = identity.credential;
    }
    if (r->route == ROUTE_REFUSED) {
        return refuse_route(r);
    }
    if (result != AUTHN_OK) {
        /* The record's detail is ours to read; the reply carries the reason's own sentence. */
        return req_refuse(r, REFUSED_UNAUTHENTICATED, "%s",
                          cx.problem != NULL ? cx.problem : authn_result_word(result));
    }
    return r->who.id.ptr != NULL ? STEP_NEXT : req_refuse(r, REFUSED_INTERNAL, NULL);
}
