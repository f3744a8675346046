/* stage_claim.c - what must not happen twice at the same time.
 *
 * newcert with an Idempotency-Key: a CA-made key is never stored, so a retry cannot be given the
 * first answer again. It gets a fresh certificate, and then the first one is revoked as superseded.
 * While the first request is still under way, or when the key comes with another request, it is
 * refused.
 *
 * revoke: CFSSL overwrites date and reason on every repeat. So a serial is revoked by one request
 * at a time, and a certificate that is revoked already is left alone; only the news that its key
 * is compromised still goes through. */
#include "broker/request/lookup.h"

static enum req_step claim_idempotency_key(struct request *r)
{
    if (r->idem.ptr == NULL) {
        return STEP_NEXT;
    }
    if (r->lookup.step == 0) {
        r->lookup.step = 1;
        r->lookup.claim_client = r->who.id;
        r->lookup.claim_key = r->idem;
        lookup_ask(r, ISSUED_CLAIM_KEY, r->who.id, r->idem);
        return STEP_WAIT;
    }
    const struct issued_query *q = &r->lookup.query;
    switch (q->found) {
    case ISSUED_IN_FLIGHT:
        return req_refuse(r, REFUSED_IDEMPOTENCY_IN_FLIGHT, NULL);
    case ISSUED_FULL:
    case ISSUED_ERROR:
        return req_refuse(r, REFUSED_INDEX_UNAVAILABLE, NULL);
    case ISSUED_NONE:
        r->lookup.has_claim = true;
        return STEP_NEXT;
    case ISSUED_FOUND:
        break;
    }
    r->lookup.has_claim = true;
    if (!slice_eq_str(q->cert.ask_sha256, r->ask_sha256)) {
        return req_refuse(r, REFUSED_IDEMPOTENCY_MISMATCH, NULL);
    }
    if (q->cert.state == CERT_STATE_ACTIVE) {
        r->lookup.cert = q->cert;
        r->lookup.has_cert = true; /* to be superseded once the new one is issued */
    }
    return STEP_NEXT;
}

static bool is_upgrade(const struct request *r, const struct issued_cert *now)
{
    return r->revoke.reason == REVOKE_KEY_COMPROMISE &&
           !slice_eq_str(now->revoke_reason, revoke_reason_word(REVOKE_KEY_COMPROMISE));
}

/* is_somebody_elses - a follow-up is about one certificate, told by the record that made it. A CA
 * that answers with an old serial must not get that certificate revoked. */
static bool is_somebody_elses(const struct request *r, const struct issued_cert *now)
{
    return r->route == ROUTE_FOLLOW_UP && now->state == CERT_STATE_ACTIVE &&
           now->ref != r->lookup.cert.ref;
}

static enum req_step claim_serial(struct request *r)
{
    const struct issued_query *q = &r->lookup.query;
    switch (r->lookup.step) {
    case 0:
        r->lookup.step = 1;
        /* No client is called "", so these claims cannot meet an idempotency key. */
        r->lookup.claim_client = SLICE("");
        r->lookup.claim_key = slice_of(r->revoke.serial_hex);
        lookup_ask(r, ISSUED_CLAIM_KEY, r->lookup.claim_client, r->lookup.claim_key);
        return STEP_WAIT;
    case 1:
        if (q->found == ISSUED_IN_FLIGHT) {
            return req_refuse(r, REFUSED_REVOKE_IN_FLIGHT, NULL);
        }
        if (q->found == ISSUED_ERROR) {
            return req_refuse(r, REFUSED_INDEX_UNAVAILABLE, NULL);
        }
        r->lookup.has_claim = true;
        r->lookup.step = 2;
        /* Again: another request may have revoked it between the lookup and the claim. */
        lookup_ask(r, ISSUED_BY_SERIAL, (struct slice){NULL, 0}, slice_of(r->revoke.serial_hex));
        return STEP_WAIT;
    default:
        break;
    }
    if (q->found == ISSUED_ERROR) {
        return req_refuse(r, REFUSED_INDEX_UNAVAILABLE, NULL);
    }
    if (q->found != ISSUED_FOUND) {
        return STEP_NEXT;
    }
    if (is_somebody_elses(r, &q->cert)) {
        return req_refuse(r, REFUSED_CERT_NOT_FOUND, NULL);
    }
    if (q->cert.state == CERT_STATE_REVOKED && !is_upgrade(r, &q->cert)) {
        r->lookup.is_already_revoked = true;
        return STEP_SETTLED;
    }
    return STEP_NEXT;
}

enum req_step stage_claim(struct request *r)
{
    if (r->lookup.is_pending) {
        return STEP_WAIT;
    }
    return r->ask.action == ACTION_REVOKE ? claim_serial(r) : claim_idempotency_key(r);
}
