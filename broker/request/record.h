/* record.h - what a request writes into the audit log, and when it is durable. */
#ifndef BROKER_REQUEST_RECORD_H
#define BROKER_REQUEST_RECORD_H

#include "broker/request/request.h"

/* record_submit - build this request's record of that type and hand it to the log. True: r->record
 * is pending, req_on_audit will come. False: the log does not take it (err says why); CB_EINTERNAL:
 * and it never will. */
bool record_submit(struct request *r, enum audit_type type, struct cb_err *err) CB_MUST_USE;

/* record_note - the same without waiting, for records nobody's reply depends on. */
void record_note(struct request *r, enum audit_type type);

/* record_attempt_type - ISSUE_ATTEMPT or REVOKE_ATTEMPT. */
enum audit_type record_attempt_type(const struct request *r);

#endif
