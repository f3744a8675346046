/* stage_queue.c - wait to be let in to the CA. Nothing has happened yet: a client that leaves here
 * is forgotten, and one that waits too long is told when to come back. */
#include "broker/request/digest.h"
#include "broker/request/request.h"

/* turn_of - turns are shared out by principal. A digest, so that nobody can find a name that shares
 * somebody else's turns. */
static uint64_t turn_of(struct slice principal)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned len = 0;
    uint64_t turn = 0;
    CB_CHECK(EVP_Digest(principal.ptr, principal.len, digest, &len, digest_md(DIGEST_SHA256),
                        NULL) == 1);
    memcpy(&turn, digest, sizeof(turn));
    return turn;
}

/* can_record - a request that could not be recorded is not begun. */
static bool can_record(const struct request *r)
{
    switch (r->sv->audit_state(r->sv->ctx)) {
    case AUDIT_OK:
        return true;
    case AUDIT_LOW_SPACE:
    case AUDIT_CORRUPT:
        return r->ask.action != ACTION_NEWCERT;
    case AUDIT_STALLED:
    case AUDIT_BLOCKED:
        break;
    }
    return false;
}

static enum req_step refuse_unrecordable(struct request *r)
{
    const enum audit_state state = r->sv->audit_state(r->sv->ctx);
    if (state == AUDIT_LOW_SPACE) {
        return req_refuse(r, REFUSED_AUDIT_UNAVAILABLE,
                          "the audit log is short of space, so no new certificates are issued");
    }
    if (state == AUDIT_CORRUPT) {
        return req_refuse(r, REFUSED_AUDIT_UNAVAILABLE,
                          "the audit log was damaged, so no new certificates are issued");
    }
    return req_refuse(r, REFUSED_AUDIT_UNAVAILABLE, NULL);
}

enum req_step stage_queue(struct request *r)
{
    struct gate_ticket *ticket = &r->gate.ticket;
    if (!r->gate.has_asked) {
        if (!can_record(r)) {
            return refuse_unrecordable(r);
        }
        r->gate.has_asked = true;
        ticket->client = turn_of(r->who.id);
        if (r->sv->gate_enter(r->sv->ctx, r) == GATE_QUEUED) {
            r->is_timed_out = false;
            r->sv->timer_set(r->sv->ctx, r, r->sv->settings->queue_timeout_ms);
            return STEP_WAIT;
        }
    }
    const enum gate_state state = ticket->state; /* another thread may be changing it */
    switch (state) {
    case GATE_IN:
        r->sv->timer_clear(r->sv->ctx, r);
        return r->is_gone ? req_refuse(r, REFUSED_CLIENT_GONE, NULL) : STEP_NEXT;
    case GATE_TURNED_AWAY:
        return req_refuse(r, REFUSED_BUSY, NULL);
    case GATE_QUEUED:
        if (r->is_gone) {
            return req_refuse(r, REFUSED_CLIENT_GONE, NULL);
        }
        return r->is_timed_out ? req_refuse(r, REFUSED_QUEUE_TIMEOUT, NULL) : STEP_WAIT;
    case GATE_IDLE:
    case GATE_WAITING:
    case GATE_CALLING:
        break;
    }
    return req_refuse(r, REFUSED_INTERNAL, NULL);
}
