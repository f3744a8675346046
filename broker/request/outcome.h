/* outcome.h - what remains to be recorded after the client was answered. */
#ifndef BROKER_REQUEST_OUTCOME_H
#define BROKER_REQUEST_OUTCOME_H

#include "broker/request/request.h"

/* outcome_late - write the outcome the log did not take in time; true once nothing is left. While
 * it returns false a completion or the timer will come. */
bool outcome_late(struct request *r);

/* outcome_undelivered - the certificate was issued and recorded, but the client is gone: record
 * that, and revoke it if the configuration says so. */
void outcome_undelivered(struct request *r);

#endif
