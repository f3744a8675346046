/* stage_lookup.c - revocation: whose certificate is it, and what does it carry? The caller needs
 * to know the serial only. */
#include "broker/request/lookup.h"

void lookup_ask(struct request *r, enum issued_verb verb, struct slice client, struct slice key)
{
    struct issued_query *q = &r->lookup.query;
    q->verb = verb;
    q->client = client;
    q->key = key;
    q->arena = &r->arena;
    r->lookup.is_pending = true;
    r->sv->issued_ask(r->sv->ctx, r);
}

void lookup_release(struct request *r)
{
    const bool has_key = r->lookup.has_claim;
    if ((has_key || r->lookup.has_room) && !r->lookup.is_pending) {
        r->lookup.has_claim = false;
        r->lookup.has_room = false;
        lookup_ask(r, ISSUED_RELEASE, r->lookup.claim_client,
                   has_key ? r->lookup.claim_key : (struct slice){NULL, 0});
    }
}

/* take_names - the index keeps canonical texts; a decision needs typed names. A certificate that was
 * not as authorised may carry names no policy could be about: then it has none to be decided by,
 * and only its owner (or revoke: any) may revoke it. */
static bool take_names(struct request *r)
{
    const struct issued_cert *cert = &r->lookup.cert;
    struct name *names = arena_array(&r->arena, cert->num_names + 1, sizeof(*names));
    if (names == NULL) {
        return false;
    }
    struct cb_err err;
    r->ask.names = names;
    r->ask.common_name = cert->common_name;
    for (size_t i = 0; i < cert->num_names; i++) {
        if (name_parse(&r->arena, cert->names[i], &names[i], &err) != CB_OK) {
            return true;
        }
    }
    r->ask.num_names = name_sort_unique(names, cert->num_names);
    return true;
}

/* relation_of - as seen by the one for whom the revocation is asked. */
static enum cert_relation relation_of(const struct request *r)
{
    if (r->lookup.cert.owner.ptr == NULL) {
        return CERT_UNKNOWN; /* revoked through us once, but not issued by us */
    }
    return slice_eq(r->lookup.cert.owner, req_owner(r)) ? CERT_OWN : CERT_FOREIGN;
}

enum req_step stage_lookup(struct request *r)
{
    if (r->ask.action != ACTION_REVOKE) {
        return STEP_NEXT; /* explain of a newcert */
    }
    if (r->lookup.is_pending) {
        return STEP_WAIT;
    }
    if (r->lookup.step == 0) {
        r->lookup.step = 1;
        lookup_ask(r, ISSUED_BY_SERIAL, (struct slice){NULL, 0}, slice_of(r->revoke.serial_hex));
        return STEP_WAIT;
    }
    r->lookup.step = 0;
    switch (r->lookup.query.found) {
    case ISSUED_FOUND:
        r->lookup.cert = r->lookup.query.cert;
        r->lookup.has_cert = true;
        r->ask.relation = relation_of(r);
        return take_names(r) ? STEP_NEXT : req_refuse(r, REFUSED_INTERNAL, NULL);
    case ISSUED_NONE:
        r->ask.relation = CERT_UNKNOWN;
        return STEP_NEXT;
    case ISSUED_IN_FLIGHT:
    case ISSUED_FULL:
    case ISSUED_ERROR:
        break;
    }
    return req_refuse(r, REFUSED_INDEX_UNAVAILABLE, NULL);
}
