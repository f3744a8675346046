/* answer.h - what the CA's answer says: CFSSL's JSON envelope read strictly and sorted into
 * outcomes. The CA's answer is hostile input too; none of its text reaches a client. */
#ifndef BROKER_CA_ANSWER_H
#define BROKER_CA_ANSWER_H

#include "broker/base/arena.h"
#include "broker/base/buf.h"
#include "broker/base/err.h"
#include "policy/policy.h"

enum ca_verdict {
    CA_DONE,       /* success, and the result has what it must have */
    CA_REFUSED,    /* the CA says no: the request is at fault (its code is in ret->code) */
    CA_TEMPORARY,  /* the CA could not: database locked (11000, 11100), HTTP 503; nothing was done */
    CA_NOT_FOUND,  /* revoke: no such certificate under this AKI (11200) */
    CA_GARBLED,    /* not an answer we can understand: whether it acted is not known */
};

struct ca_answer {
    enum ca_verdict verdict;
    uint64_t code;             /* errors[0].code; 0 if none */
    struct slice message;      /* errors[0].message, cut at 200 bytes: for the audit record only */
    /* CA_DONE of newcert; slices in the arena */
    struct slice certificate;  /* PEM */
    struct slice private_key;  /* PEM, a secret: the arena must be a secret one */
    struct slice request;      /* the CSR, PEM; absent if the CA sent none */
    /* CA_DONE of info */
    struct slice info_certificate;
    const struct slice *usages;
    size_t num_usages;
    struct slice expiry;
};

enum ca_endpoint { CA_NEWCERT, CA_REVOKE, CA_INFO, CA_HEALTH };
const char *ca_endpoint_path(enum ca_endpoint endpoint);

/* ca_answer_read - never fails: what cannot be understood is CA_GARBLED with a message of ours. */
void ca_answer_read(enum ca_endpoint endpoint, long http_status, struct slice body,
                    struct arena *arena, struct ca_answer *ret);

/* ---- the bodies we send: built from the typed ask, never from client bytes ---- */
/* ca_body_newcert - {"request":{"CN":..,"hosts":[..],"names":[{..}],"key":{"algo":..,"size":..}},
 * "profile":".."}; the profile is left out for "default"; hosts in the ask's order. */
bool ca_body_newcert(const struct policy_ask *ask, struct buf *out);
/* ca_body_revoke - serial in decimal; aki lower-case hex, or "" for old CFSSL builds; reason one
 * of our reason words in CFSSL's spelling (lower case). */
bool ca_body_revoke(struct slice serial_dec, struct slice aki, struct slice reason,
                    struct buf *out);
/* ca_body_info - profile is left out for "default". */
bool ca_body_info(struct slice profile, struct buf *out);

#endif
