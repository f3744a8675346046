/* stage_outcome.c - the outcome, or the refusal, is on stable storage before the reply (P3).
 *
 * When the log fails after the CA has acted, the certificate is dropped, the client gets 503, and
 * the record is kept in memory and written as soon as the log takes records again: see
 * outcome_late, which stage_reply goes on with once the client is answered. */
#include "broker/request/limit_fixed.h"
#include "broker/request/lookup.h"
#include "broker/request/outcome.h"
#include "broker/request/record.h"

static enum audit_type attempt_outcome(const struct request *r)
{
    const bool is_revoke = r->ask.action == ACTION_REVOKE;
    if (r->verdict.reason->id == REFUSED_NONE) {
        return is_revoke ? AUDIT_REVOKE_OK : AUDIT_ISSUE_OK;
    }
    if (r->verdict.reason->id == REFUSED_CA_UNKNOWN) {
        return is_revoke ? AUDIT_REVOKE_UNKNOWN : AUDIT_ISSUE_UNKNOWN;
    }
    return is_revoke ? AUDIT_REVOKE_FAIL : AUDIT_ISSUE_FAIL;
}

static enum audit_type refusal_type(enum reason_id reason)
{
    if (reason == REFUSED_DENIED) {
        return AUDIT_AUTHZ_DENY;
    }
    return reason == REFUSED_UNAUTHENTICATED ? AUDIT_AUTHN_FAIL : AUDIT_REQUEST_REFUSED;
}

/* limit_refusals - a known caller whose requests are refused over and over must not fill the disk with
 * that, nor hide in it: from a number a minute on they are refused for that reason, and counted. */
static void limit_refusals(struct request *r)
{
    if (r->record.attempt_seq != UINT64_MAX) {
        if (r->verdict.reason->id == REFUSED_CERT_NOT_FOUND) {
            (void)limit_take_fixed(r, QUOTA_LOST); /* see stage_limit */
        }
        return;
    }
    if (r->verdict.reason->record == RECORD_DURABLE && r->route != ROUTE_FOLLOW_UP) {
        const struct quota_answer answer = limit_take_fixed(r, QUOTA_REFUSAL);
        if (!answer.granted) {
            limit_refuse_fixed(r, &answer);
        }
    }
}

/* is_unrecorded_repeat - one more revocation of what is revoked already, by who has asked so often that it
 * is only counted. */
static bool is_unrecorded_repeat(const struct request *r)
{
    if (r->ask.action != ACTION_REVOKE || r->route == ROUTE_FOLLOW_UP) {
        return false;
    }
    const struct quota_answer answer = limit_take_fixed(r, QUOTA_REPEAT);
    return !answer.granted && !answer.is_first;
}

/* choose - what has to be recorded, and whether the reply waits for it. */
static enum reason_record choose(const struct request *r, enum audit_type *ret_type)
{
    if (r->record.attempt_seq != UINT64_MAX) {
        *ret_type = attempt_outcome(r);
        return RECORD_DURABLE;
    }
    if (r->verdict.reason->id == REFUSED_NONE) {
        *ret_type = r->ask.action == ACTION_REVOKE ? AUDIT_REVOKE_OK : AUDIT_INFO_OK;
        return is_unrecorded_repeat(r) ? RECORD_NOT : RECORD_DURABLE;
    }
    if (r->route == ROUTE_FOLLOW_UP) {
        return RECORD_NOT; /* it never reached an attempt and will be tried again */
    }
    *ret_type = refusal_type(r->verdict.reason->id);
    const enum reason_record record = r->verdict.reason->record;
    if (record == RECORD_COUNTED) {
        return r->verdict.is_counted_only ? RECORD_NOT : RECORD_DURABLE;
    }
    /* Strangers cannot make us sync the disk; known callers' refusals are kept like decisions. */
    return record == RECORD_DURABLE && r->who.client == NULL ? RECORD_NOTED : record;
}

static void doom(struct request *r)
{
    const struct cert_facts *facts = &r->call.facts;
    if (facts->serial_hex[0] == '\0' || r->call.is_replay) {
        return; /* nothing that could be named, or nothing that is ours to revoke */
    }
    struct issued_cert cert = {.owner = req_owner(r), .ref = r->record.append.seq};
    memcpy(cert.serial_hex, facts->serial_hex, sizeof(cert.serial_hex));
    memcpy(cert.serial_dec, facts->serial_dec, sizeof(cert.serial_dec));
    memcpy(cert.aki_hex, facts->aki_hex, sizeof(cert.aki_hex));
    r->sv->follow_up(r->sv->ctx, &cert, REVOKE_SUPERSEDED, slice_of(r->id));
}

/* supersede - the new certificate is issued and recorded, so the one it takes the place of goes. Not
 * a moment earlier: whoever repeats a request while the CA is away still has the first one. */
static void supersede(struct request *r)
{
    if (r->verdict.reason->id == REFUSED_NONE && r->ask.action == ACTION_NEWCERT &&
        r->lookup.has_cert) {
        r->sv->follow_up(r->sv->ctx, &r->lookup.cert, REVOKE_SUPERSEDED, slice_of(r->id));
    }
}

static enum req_step settled(struct request *r)
{
    supersede(r);
    if (r->verdict.reason->id == REFUSED_CA_MISMATCH) {
        doom(r);
    }
    lookup_release(r);
    return STEP_NEXT;
}

static enum req_step cannot_record(struct request *r)
{
    r->record.is_late = r->record.attempt_seq != UINT64_MAX && r->route != ROUTE_FOLLOW_UP;
    r->record.late_type = r->record.append.type;
    lookup_release(r);
    return req_refuse(r, REFUSED_AUDIT_UNAVAILABLE, NULL);
}

enum req_step stage_outcome(struct request *r)
{
    if (r->record.is_pending) {
        return STEP_WAIT;
    }
    if (r->record.is_written) {
        return settled(r);
    }
    if (r->record.is_outcome_asked) {
        return cannot_record(r);
    }
    r->record.is_outcome_asked = true;
    r->sv->timer_clear(r->sv->ctx, r);
    r->sv->gate_leave(r->sv->ctx, r);
    enum audit_type type = AUDIT_REQUEST_REFUSED;
    struct cb_err err = {0};
    limit_refusals(r);
    switch (choose(r, &type)) {
    case RECORD_NOT:
        return settled(r);
    case RECORD_NOTED:
        record_note(r, type);
        return settled(r);
    case RECORD_DURABLE:
    case RECORD_COUNTED:
        break;
    }
    r->record.append.type = type;
    return record_submit(r, type, &err) ? STEP_WAIT : cannot_record(r);
}

/* ---------------------------------------------------------------- after the reply */

#define LATE_RETRY_MS 1000U

bool outcome_late(struct request *r)
{
    if (!r->record.is_late) {
        return true;
    }
    if (r->record.is_pending) {
        return false;
    }
    if (r->record.is_written) {
        r->record.is_late = false;
        if (r->call.facts.serial_hex[0] != '\0' && !r->call.is_replay) {
            record_note(r, AUDIT_ISSUE_UNDELIVERED);
            doom(r);
        }
        return true;
    }
    if (r->is_timed_out) {
        r->is_timed_out = false;
        /* The verdict is what the client was told; the record says what the CA did. */
        struct cb_err err = {0};
        if (record_submit(r, r->record.late_type, &err)) {
            return false;
        }
        if (err.code == CB_EINTERNAL) {
            r->record.is_late = false; /* the log closes the attempt itself, as unknown */
            doom(r);
            return true;
        }
    }
    r->sv->timer_set(r->sv->ctx, r, LATE_RETRY_MS);
    return false;
}

void outcome_undelivered(struct request *r)
{
    record_note(r, AUDIT_ISSUE_UNDELIVERED);
    if (r->sv->settings->revoke_undelivered) {
        doom(r);
    }
}
