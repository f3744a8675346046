/* explain.h - POST /v1/explain: would this be allowed, and if not, how near it came. About the caller's
 * own request only: nothing of where rules are written, and nothing of other clients' rules. */
#ifndef BROKER_REQUEST_EXPLAIN_H
#define BROKER_REQUEST_EXPLAIN_H

#include "broker/request/request.h"

/* explain_tried - which rules were looked at, into r->explain. After the decision. False: out of
 * memory. */
bool explain_tried(struct request *r, int64_t now_s);

/* explain_result - the answer as a JSON object. */
void explain_result(const struct request *r, struct buf *out);

#endif
