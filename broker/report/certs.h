/* certs.h - inside broker/report only: the certificates that are valid at the end of the period.
 *
 * Every one issued is offered; those that end earlier are not kept, so memory goes with what is alive. */
#ifndef BROKER_REPORT_CERTS_H
#define BROKER_REPORT_CERTS_H

#include "broker/base/arena.h"
#include "broker/report/fingers.h"

#define CERTS_MAX 1000000U
#define CERTS_DAYS 30U      /* of the timeline */
#define CERTS_NAME_MAX 100U /* bytes kept of a name */

struct cert {
    uint64_t seq;    /* of its issue.ok */
    uint64_t holder; /* finger of client and first name: what a later one has, too */
    int64_t not_after_s;
    struct slice client; /* borrowed */
    uint32_t state;      /* certs.c's */
    struct slice name;   /* the first; absent where there was no memory for more of them */
    char serial[41];     /* "" where it was longer */
};

struct certs {
    struct finger_map by_serial;
    struct cert *items; /* owned */
    size_t num, room;
    uint64_t beyond; /* not kept for want of room: whether they were revoked is not known */
    struct arena names;
    const struct finger_key *key;
    int64_t now_s;
    /* what certs_finish works out */
    uint64_t alive, due_7, due_30, gap_7; /* gap: due, and nothing newer of the same holder */
    uint64_t by_day[CERTS_DAYS];          /* alive ones by full days left */
    uint64_t gap_by_day[CERTS_DAYS];
    uint64_t due_90, due_365, due_later; /* beyond 30: to 90, to 365 days, more */
};

void certs_init(struct certs *c, const struct finger_key *key, int64_t now_s);
void certs_free(struct certs *c);
void certs_add(struct certs *c, struct slice serial, struct slice name, const struct cert *cert);
void certs_revoke(struct certs *c, struct slice serial);
/* certs_find - one that is kept; NULL: none. Gone with the next call. */
const struct cert *certs_find(const struct certs *c, struct slice serial);
/* certs_finish - count, and move the alive ones to the front, those that end first first. */
void certs_finish(struct certs *c);
/* certs_has_newer - is there one for the same client and names that ends later? After certs_finish,
 * by the mark it has set. */
bool certs_has_newer(const struct cert *cert);

#endif
