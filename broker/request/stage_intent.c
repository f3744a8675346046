/* stage_intent.c - the attempt is on stable storage before the CA hears of it (promise P3). */
#include "broker/request/record.h"

enum req_step stage_intent(struct request *r)
{
    if (r->record.is_pending) {
        return STEP_WAIT;
    }
    if (r->record.is_written) {
        r->record.is_written = false;
        r->record.attempt_seq = r->record.append.seq;
        return STEP_NEXT;
    }
    struct cb_err err = {0};
    if (r->route == ROUTE_NEWCERT && r->sv->is_contested(r->sv->ctx)) {
        return req_refuse(r, REFUSED_AUDIT_CONTESTED, NULL);
    }
    if (r->record.result != CB_OK || !record_submit(r, record_attempt_type(r), &err)) {
        return req_refuse(r, REFUSED_AUDIT_UNAVAILABLE, NULL);
    }
    return STEP_WAIT;
}
