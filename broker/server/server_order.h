/* server_order.h - what somebody at the control socket wants done by the log's one writer: a record of
 * reconcile.*, a revocation. Main thread; each is answered when it is on disk. */
#ifndef BROKER_SERVER_ORDER_H
#define BROKER_SERVER_ORDER_H

#include "broker/control/control_order.h"
#include "broker/server/server_parts.h"

#define ORDERS_MAX 8U /* under way at a time: clients come first */

/* How it went. */
struct order_result {
    bool is_ok;
    const char *word; /* "recorded", "revoked", "already_revoked", or the reason why not */
    const char *why;  /* a sentence; "": none */
    const char *req;  /* the request in the log; "": none */
    uint64_t seq;     /* of the record */
};
typedef void (*order_done)(void *ctx, const struct order_result *result);

/* server_order_begin - by: who wants it, for the record. done is called once, later, unless it is
 * forgotten; the order itself goes through all the same. CB_ELIMIT: too many at a time. */
enum cb_code server_order_begin(struct server *s, const struct control_order *what, bool is_revoke,
                                const char *by, order_done done, void *ctx, struct order **ret,
                                struct cb_err *err) CB_MUST_USE;
void server_order_forget(struct order *order); /* NULL ok */
/* server_orders_stop - no more records come of them; before the log is closed. Sets is_stuck if one does
 * not end. */
void server_orders_stop(struct server *s);
/* server_orders_free - when workers, log and the mailboxes are gone, and nothing can come back. */
void server_orders_free(struct server *s);

#endif
