/* worker.h - one thread with its own event base, HTTP edge, CA connections and TLS state. Workers
 * share nothing on a request's way but the audit log's queue, the gate and the index. */
#ifndef BROKER_WORKER_H
#define BROKER_WORKER_H

#include "broker/config/config.h"
#include "broker/server/mailbox.h"
#include "broker/server/metrics.h"

struct worker; /* opaque */

/* What all workers share; outlives them. */
struct worker_shared {
    const struct config *config;
    struct audit *audit;
    struct anchor *anchor; /* of the audit log; NULL: no witnesses are configured */
    struct issued *issued;
    struct gate *gate;
    struct quotas *quotas;
    struct sources *sources;
    _Atomic(int) aki_learned;
    /* called on the worker's thread when its last request is done after worker_drain */
    void (*drained)(void *ctx);
    void *ctx;
};

/* One generation of what a reload replaces: all or nothing. */
struct worker_generation {
    struct policy_ref *policy; /* a reference */
    struct edge_tls *tls;      /* a reference; NULL without TLS listeners, or on a reload to keep
                                  what is in use */
    struct ca_issuer *issuer;  /* owned */
    struct jwt_keys *jwt_keys; /* owned; NULL: no token issuers are configured */
    bool has_new_ca_tls;       /* the credentials for the CA have changed: a new pool */
    struct worker_renewal *renewal; /* owned: what it takes to hand it over, see below */
};
/* worker_generation_prepare - allocate what worker_renew needs, which then can't fail. */
bool worker_generation_prepare(struct worker_generation *g) CB_MUST_USE;
void worker_generation_free(struct worker_generation *g);

/* worker_new - everything but the thread. The generation is taken over on success. */
enum cb_code worker_new(struct worker_shared *shared, unsigned number,
                        struct worker_generation *generation, struct worker **ret,
                        struct cb_err *err) CB_MUST_USE;
/* worker_listen - before worker_start; the socket is the worker's on success. */
enum cb_code worker_listen(struct worker *w, int fd, bool is_tls, struct cb_err *err) CB_MUST_USE;
enum cb_code worker_start(struct worker *w, struct cb_err *err) CB_MUST_USE;

/* The calls below may come from any thread and take effect on the worker's own. */
/* worker_renew - use this generation, which was prepared, for all requests from now on. Takes it. */
void worker_renew(struct worker *w, struct worker_generation *generation);
void worker_drain(struct worker *w);
/* worker_revoke - start our own revocation of a certificate. */
void worker_revoke(struct worker *w, const struct issued_cert *cert, enum revoke_reason reason,
                   const char *follows);

#define ORDER_BY_MAX 224U /* bytes; as of a reload */
#define ORDER_NOTE_MAX 200U
/* A revocation that somebody wants of the running broker, and what came of it. The sender's until it
 * is posted, and again when it comes back. */
struct worker_order {
    struct mail mail;     /* to the worker, and back to home */
    struct mailbox *home; /* whoever is to hear of it; on_done is delivered there */
    void (*on_done)(struct mail *mail);
    struct worker *worker;
    struct issued_cert cert; /* serial_hex, serial_dec, aki_hex; the rest is absent */
    enum revoke_reason reason;
    char by[ORDER_BY_MAX + 1];
    char note[ORDER_NOTE_MAX + 1]; /* why; "": not said */
    /* how it went; outcome: REFUSED_NONE, it is revoked */
    enum reason_id outcome;
    bool was_revoked; /* already, and nothing was done */
    char why[POLICY_DETAIL_MAX];
    char req[33]; /* the request in the log */
};
/* worker_revoke_for - tried once. A certificate that the index knows as some client's, not revoked
 * and not to be, is left alone (REFUSED_CERT_NOT_FOUND). Any thread. The order must stay until it
 * comes back, or until the worker is freed. */
void worker_revoke_for(struct worker *w, struct worker_order *order);

struct metrics *worker_metrics(struct worker *w);
/* worker_stop - end the loop, join the thread, and record what is still under way (as unknown, as
 * undelivered). The audit log must still be open. */
void worker_stop(struct worker *w);
/* worker_free - after worker_stop and after the audit log and the index are closed: until then they
 * may still report to this worker's requests. NULL ok. */
void worker_free(struct worker *w);

#endif
