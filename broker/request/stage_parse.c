/* stage_parse.c - the body, and the one header that changes what a request means, to typed form.
 * Nothing after this stage looks at a byte the client sent. */
#include "broker/request/request.h"

#define IDEMPOTENCY_KEY_MAX 64U

static enum req_step refuse_input(struct request *r, enum cb_code code, const struct cb_err *err)
{
    switch (code) {
    case CB_ELIMIT:
        return req_refuse(r, REFUSED_TOO_LARGE, "%s", err->msg);
    case CB_EINPUT:
        return req_refuse(r, REFUSED_BAD_REQUEST, "%s", err->msg);
    case CB_OK:
    case CB_ENOENT:
    case CB_ESYS:
    case CB_ECRYPTO:
    case CB_ECORRUPT:
    case CB_EBUSY:
    case CB_ENOMEM:
    case CB_EINTERNAL:
    case CB_CODE_COUNT:
        break;
    }
    return req_refuse(r, REFUSED_INTERNAL, NULL);
}

static bool is_idempotency_key(struct slice key)
{
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_MAX) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        if (!ascii_is_alnum(key.ptr[i]) && !slice_has_byte(SLICE("-_.:"), key.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* has_member - does this quoted text stand in front of a colon? */
static bool has_member(struct slice body, struct slice quoted)
{
    const char *at = memmem(body.ptr, body.len, quoted.ptr, quoted.len);
    if (at == NULL) {
        return false;
    }
    const char *end = body.ptr + body.len;
    at += quoted.len;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at < end && *at == ':';
}

static enum cb_code parse_revocation(struct request *r, struct slice body, struct cb_err *err)
{
    r->ask.action = ACTION_REVOKE;
    TRY(parse_revoke(&r->arena, body, &r->revoke, err));
    r->ask.on_behalf_of = r->revoke.on_behalf_of;
    return CB_OK;
}

static enum cb_code parse_explain(struct request *r, struct slice body, struct cb_err *err)
{
    /* The same bodies as the real endpoints; only a revocation has a member "serial". Either way
     * the whole body is parsed strictly: this merely chooses by which rules. */
    if (!has_member(body, SLICE("\"serial\""))) {
        return parse_newcert(&r->arena, body, &r->ask, err);
    }
    return parse_revocation(r, body, err);
}

static enum cb_code parse_body(struct request *r, struct slice body, struct cb_err *err)
{
    switch (r->route) {
    case ROUTE_NEWCERT:
        return parse_newcert(&r->arena, body, &r->ask, err);
    case ROUTE_REVOKE:
        return parse_revocation(r, body, err);
    case ROUTE_INFO:
        r->ask.action = ACTION_INFO;
        return parse_info(&r->arena, body, &r->ask.profile, err);
    case ROUTE_EXPLAIN:
        return parse_explain(r, body, err);
    case ROUTE_HEALTH:
    case ROUTE_WHOAMI:
    case ROUTE_REFUSED:
    case ROUTE_FOLLOW_UP:
        break;
    }
    return cb_fail(err, CB_EINTERNAL, "no body expected");
}

enum req_step stage_parse(struct request *r)
{
    struct cb_err err = {0};
    const enum cb_code code = parse_body(r, r->exchange->body, &err);
    if (code != CB_OK) {
        return refuse_input(r, code, &err);
    }
    const struct slice key = r->exchange->head.idempotency_key;
    if (key.ptr != NULL) {
        if (!is_idempotency_key(key)) {
            return req_refuse(r, REFUSED_BAD_REQUEST,
                              "Idempotency-Key must be 1 to %u characters of A-Z a-z 0-9 - _ . :",
                              IDEMPOTENCY_KEY_MAX);
        }
        r->idem = arena_slice(&r->arena, key);
    }
    if (r->ask.action == ACTION_NEWCERT) {
        ask_digest(&r->ask, r->ask_sha256);
    }
    return STEP_NEXT;
}
