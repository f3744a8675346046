/* lookup.h - questions a request asks the index of issued certificates, one at a time. */
#ifndef BROKER_REQUEST_LOOKUP_H
#define BROKER_REQUEST_LOOKUP_H

#include "broker/request/request.h"

/* lookup_ask - start one question; req_on_issued will come. The slices must live in the arena. */
void lookup_ask(struct request *r, enum issued_verb verb, struct slice client, struct slice key);

/* lookup_release - give back the claimed key and the room, if there are any. Not waited for, but the request stays
 * alive until it is done. */
void lookup_release(struct request *r);

#endif
