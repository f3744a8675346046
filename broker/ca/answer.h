/* answer.h - what the CA's answer says: CFSSL's JSON envelope read strictly and sorted into
 * outcomes. The CA's answer is hostile input too; none of its text reaches a client. */
#ifndef BROKER_CA_ANSWER_H
#define BROKER_CA_ANSWER_H

#include "broker/base/arena.h"
#include "broker/base/buf.h"
#include "broker/base/err.h"
#include "policy/policy.h"

enum ca_verdict {
    CA_DONE,      /* success, and the result has what it must have */
    CA_REFUSED,   /* the CA says no (its code is in ret->code): nothing was done. Also HTTP 403, 404
                      and 405 without an envelope, which CFSSL answers before it reads the body */
    CA_TEMPORARY, /* the CA could not: database locked (11000, 11100); nothing was done */
    CA_NOT_FOUND, /* revoke, certinfo: no such certificate under this AKI */
    CA_GARBLED,   /* not an answer we can understand, or one that may follow the deed (HTTP 500 with
                      code 0; 1200 to 1299, the bundler's): whether it acted is not known */
};

struct ca_answer {
    enum ca_verdict verdict;
    uint64_t code;        /* errors[0].code, or the HTTP status where there is no envelope */
    struct slice message; /* errors[0].message, cut at 200 bytes: for the audit record only */
    /* CA_DONE of newcert (of certinfo: the certificate alone); slices in the arena. With CA_GARBLED what could be found of them is set
     * too, so that a certificate without its key can be revoked. */
    struct slice certificate; /* PEM */
    struct slice private_key; /* PEM, a secret: the arena must be a secret one */
    struct slice request;     /* the CSR, PEM; absent if the CA sent none */
    /* CA_DONE of info */
    struct slice info_certificate;
    const struct slice *usages;
    size_t num_usages;
    struct slice expiry;
};

/* ca_answer_setup - once, before there are threads and before anything is parsed: from then on cJSON
 * wipes what it frees, for the whole process, because its trees hold private keys. */
void ca_answer_setup(void);

enum ca_endpoint { CA_NEWCERT, CA_REVOKE, CA_INFO, CA_HEALTH, CA_CERTINFO };
const char *ca_endpoint_path(enum ca_endpoint endpoint);

/* ca_answer_read - never fails: what cannot be understood is CA_GARBLED with a message of ours.
 * Members that CFSSL may add are ignored; names twice or in another letter case are not an answer.
 * body is borrowed; it and the arena hold secrets. Any thread. Source: CFSSL api/api.go. */
void ca_answer_read(enum ca_endpoint endpoint, long http_status, struct slice body,
                    struct arena *arena, struct ca_answer *ret);

/* ---- the bodies we send: built from the typed ask, never from client bytes ---- */
/* All four: false (and a failed out) when out's cap is too small. */
/* ca_body_newcert - {"request":{"CN":..,"hosts":[..],"names":[{..}],"key":{"algo":..,"size":..}},
 * "profile":".."}; the profile is left out for "default"; hosts in the ask's order.
 * Attributes that occur twice make further elements of names; SUBJECT_SERIAL becomes the request's
 * serialnumber, which is where CFSSL looks for it; false also when there are two of them. */
bool ca_body_newcert(const struct policy_ask *ask, struct buf *out);
/* ca_body_revoke - serial in decimal; aki lower-case hex, or "" for old CFSSL builds; reason one
 * of our reason words in CFSSL's spelling (lower case). */
bool ca_body_revoke(struct slice serial_dec, struct slice aki, struct slice reason,
                    struct buf *out);
/* ca_body_certinfo - serial in decimal, aki as for a revocation. */
bool ca_body_certinfo(struct slice serial_dec, struct slice aki, struct buf *out);
/* ca_body_info - profile is left out for "default". */
bool ca_body_info(struct slice profile, struct buf *out);

#endif
