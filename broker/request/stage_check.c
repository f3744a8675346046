/* stage_check.c - is the answer what was authorised (promise P4)? Nothing of the CA's own text,
 * status or headers reaches the client from here on. */
#include "broker/ca/pem.h"
#include "broker/request/lookup.h"

static const struct profile_usages *profile_of(const struct request *r)
{
    const struct req_settings *settings = r->sv->settings;
    for (size_t i = 0; i < settings->num_profiles; i++) {
        if (slice_eq_str(r->ask.profile, settings->profiles[i].name)) {
            return &settings->profiles[i];
        }
    }
    return NULL;
}

static uint64_t smaller_cap(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a; /* 0 is "no cap" */
}

/* take_request - the CSR is of no use to a client, but CFSSL's clients expect it: passed on when it
 * is one block of the right kind and about the certificate's own key (whose bytes it must hold). */
static void take_request(struct request *r)
{
    struct slice der = {NULL, 0};
    if (r->call.answer.request.ptr != NULL &&
        pem_decode(r->call.answer.request, "CERTIFICATE REQUEST", &r->arena, &der) &&
        memmem(der.ptr, der.len, r->call.facts.spki.ptr, r->call.facts.spki.len) != NULL) {
        r->call.request_der = der;
    }
}

static enum req_step refuse_certificate(struct request *r)
{
    if (r->call.facts.serial_hex[0] == '\0') {
        return req_refuse(r, REFUSED_CA_MISMATCH,
                          "the CA's certificate cannot be read; it is withheld, and revoking it "
                          "needs the CA's own records");
    }
    return req_refuse(r, REFUSED_CA_MISMATCH, NULL);
}

/* check_is_new - a CA that answers with a certificate it gave out before would give two callers one
 * key. The index knows every serial that came through here. */
static enum req_step check_is_new(struct request *r)
{
    if (!r->call.has_asked_serial) {
        r->call.has_asked_serial = true;
        lookup_ask(r, ISSUED_BY_SERIAL, (struct slice){NULL, 0},
                   slice_of(r->call.facts.serial_hex));
        return STEP_WAIT;
    }
    if (r->lookup.is_pending) {
        return STEP_WAIT;
    }
    if (r->lookup.query.found == ISSUED_FOUND) {
        r->call.is_replay = true;
        r->call.facts.differs |= 1U << FIELD_SERIAL;
        return req_refuse(
            r, REFUSED_CA_MISMATCH,
            "the CA answered with a certificate it had issued before; it is withheld");
    }
    return STEP_NEXT;
}

/* hold_against - the certificate against what was granted; false when anything differs. */
static bool hold_against(struct request *r, const struct profile_usages *profile)
{
    const struct cert_expected expected = {
        .ask = &r->grant,
        .usages = profile->usages,
        .max_validity_s = smaller_cap(r->decision.max_validity_s, profile->max_validity_s),
        .now_s = clock_wall_us(r->sv->clock) / 1000000,
    };
    return ca_check(r->sv->issuer, r->call.answer.certificate, r->call.answer.private_key,
                    &expected, &r->arena, &r->call.facts);
}

static enum req_step check_certificate(struct request *r)
{
    const struct profile_usages *profile = profile_of(r);
    if (profile == NULL) {
        return req_refuse(r, REFUSED_INTERNAL, NULL);
    }
    if (!hold_against(r, profile)) {
        return refuse_certificate(r);
    }
    take_request(r);
    return check_is_new(r);
}

/* check_info - the certificate handed out is our own copy of the CA's, or none. */
static enum req_step check_info(struct request *r)
{
    struct slice der = {NULL, 0};
    if (pem_decode(r->call.answer.info_certificate, "CERTIFICATE", &r->arena, &der)) {
        /* A copy: a reload may replace the issuer before the reply is written. */
        const struct slice own = ca_issuer_find(r->sv->issuer, der);
        r->call.info_der = own.ptr == NULL ? own : arena_slice(&r->arena, own);
    }
    if (r->call.info_der.ptr == NULL) {
        return req_refuse(r, REFUSED_CA_MISMATCH,
                          "the CA presents another certificate than the configured issuer");
    }
    return STEP_NEXT;
}

static enum req_step check_done(struct request *r)
{
    switch (r->ask.action) {
    case ACTION_NEWCERT:
        return check_certificate(r);
    case ACTION_INFO:
        return check_info(r);
    case ACTION_REVOKE:
        break;
    }
    return STEP_NEXT;
}

static enum req_step check_answer(struct request *r)
{
    switch (r->call.answer.verdict) {
    case CA_DONE:
        return check_done(r);
    case CA_REFUSED:
        r->call.may_have_acted = false;
        return req_refuse(r, REFUSED_CA_REFUSED, "the CA refused the request (its code %u)",
                          (unsigned)r->call.answer.code);
    case CA_TEMPORARY:
        r->call.may_have_acted = false;
        return req_refuse(r, REFUSED_CA_TEMPORARY, NULL);
    case CA_NOT_FOUND:
        r->call.may_have_acted = false;
        return req_refuse(r, REFUSED_CERT_NOT_FOUND, NULL);
    case CA_GARBLED:
        break;
    }
    /* A certificate in an answer that is otherwise broken (without its key, say) can be named and
     * revoked; without one, what the CA did is not known. */
    const struct profile_usages *profile = profile_of(r);
    if (r->ask.action == ACTION_NEWCERT && r->call.answer.certificate.ptr != NULL &&
        profile != NULL) {
        (void)hold_against(r, profile); /* for its serial; it is withheld whatever it says */
        return refuse_certificate(r);
    }
    return req_refuse(r, REFUSED_CA_UNKNOWN, NULL);
}

enum req_step stage_check(struct request *r)
{
    if (r->call.has_asked_serial) {
        return check_is_new(r);
    }
    switch (r->call.result.effect) {
    case CA_NOT_SENT:
        r->call.may_have_acted = false;
        return req_refuse(r, REFUSED_CA_UNAVAILABLE, NULL);
    case CA_UNKNOWN:
        return req_refuse(r, REFUSED_CA_UNKNOWN, NULL);
    case CA_ANSWERED:
        break;
    }
    return check_answer(r);
}
