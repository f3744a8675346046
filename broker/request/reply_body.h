/* reply_body.h - the JSON of a reply, in CFSSL's envelope. */
#ifndef BROKER_REQUEST_REPLY_BODY_H
#define BROKER_REQUEST_REPLY_BODY_H

#include "broker/request/request.h"

/* reply_body - initialise out (as a secret buffer) and write the whole body of r's reply:
 * {"success":..,"result":..,"errors":[..],"messages":[..]} plus request_id, and reason for a
 * refusal. buf_ok(out) is false when it did not fit. */
void reply_body(const struct request *r, struct buf *out);

/* reply_member - "name":"value", or null for an absent one. */
void reply_member(struct buf *out, const char *name, struct slice value);

#endif
