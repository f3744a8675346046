/* reason.h - every way a request can be refused: one table of stable word, HTTP status, error code
 * and default sentence. Words and codes are part of the interface: never reuse or renumber. */
#ifndef BROKER_REQUEST_REASON_H
#define BROKER_REQUEST_REASON_H

#include "policy/policy.h"

#include <stdbool.h>

enum reason_id {
    REFUSED_NONE,
    /* the request itself */
    REFUSED_BAD_REQUEST,
    REFUSED_NOT_FOUND,
    REFUSED_METHOD,
    REFUSED_TIMEOUT,
    REFUSED_LENGTH_REQUIRED,
    REFUSED_TOO_LARGE,
    REFUSED_URI_TOO_LONG,
    REFUSED_EXPECTATION,
    REFUSED_HEAD_TOO_LARGE,
    /* who */
    REFUSED_UNAUTHENTICATED,
    /* policy: status 403, the word comes from policy_reason_word */
    REFUSED_DENIED,
    /* one at a time */
    REFUSED_IDEMPOTENCY_IN_FLIGHT,
    REFUSED_IDEMPOTENCY_MISMATCH,
    REFUSED_REVOKE_IN_FLIGHT,
    REFUSED_CERT_NOT_FOUND,
    REFUSED_CLIENT_GONE,
    /* limits of a rule */
    REFUSED_RATE_LIMITED,
    REFUSED_TOO_MANY_ACTIVE,
    /* of the broker: what it takes no record of its own for */
    REFUSED_TOO_OFTEN,
    /* capacity */
    REFUSED_BUSY,
    REFUSED_QUEUE_TIMEOUT,
    REFUSED_AUDIT_UNAVAILABLE,
    REFUSED_AUDIT_CONTESTED,
    REFUSED_INDEX_UNAVAILABLE,
    /* the CA */
    REFUSED_CA_UNAVAILABLE,
    REFUSED_CA_TEMPORARY,
    REFUSED_CA_REFUSED,
    REFUSED_CA_UNKNOWN,
    REFUSED_CA_MISMATCH,
    REFUSED_INTERNAL,
};
#define REASON_ID_COUNT 31

/* How a refusal gets into the audit log when no attempt was begun. (One that follows an attempt
 * closes it, always durably.) */
enum reason_record {
    RECORD_NOT,     /* it cannot be: the log is what failed; or there is nothing to tell */
    RECORD_NOTED,   /* recorded, but the reply does not wait: overload must not cost a sync each */
    RECORD_DURABLE, /* on stable storage before the reply; strangers' are only noted */
    RECORD_COUNTED, /* durable the first time, then counted and told of in limit.drop: a caller in a
                       loop must not cost a sync each time */
};

struct reason {
    enum reason_id id;
    const char *word;
    int status;
    unsigned code;          /* errors[0].code */
    unsigned retry_after_s; /* 0: no Retry-After */
    enum reason_record record;
    const char *sentence; /* when there is nothing more exact to say */
};

const struct reason *reason_of(enum reason_id id);
/* reason_of_status - for requests the edge refused itself: the reason with this HTTP status. */
const struct reason *reason_of_status(int status);

#endif
