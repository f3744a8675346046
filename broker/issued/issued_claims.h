/* issued_claims.h - which (client, key) pairs a request is busy with right now. Private to
 * broker/issued. In memory only: a restart ends every request, so it ends every claim. */
#ifndef BROKER_ISSUED_ISSUED_CLAIMS_H
#define BROKER_ISSUED_ISSUED_CLAIMS_H

#include "broker/base/bytes.h"

#define CLAIMS_MAX 65536U /* far above the requests that can be under way at once */

struct claim;
#define CLAIM_BUCKETS 512U

struct claims {
    struct claim *buckets[CLAIM_BUCKETS];
    size_t num;
};

enum claim_result {
    CLAIM_TAKEN,  /* it is the caller's now */
    CLAIM_HELD,   /* somebody else has it */
    CLAIM_FAILED, /* CLAIMS_MAX, or out of memory */
};

/* The zero struct is empty. client and key are copied. */
enum claim_result claims_take(struct claims *c, struct slice client, struct slice key);
void claims_release(struct claims *c, struct slice client, struct slice key); /* unknown: no-op */
void claims_free(struct claims *c);

#endif
