/* order_check.h - what is asked for at the control socket, held against the log itself before the log's
 * key signs for it. It reads files, so it has a thread of its own.
 *
 *   segment.prune   planned anew by the rules of audit/keep/prune.h; the plan must be the one asked for, and the
 *                   record is made from it. The rules are not the asking program's to keep
 *   reconcile.*     ref must be an issue.attempt, cert_ref an issue.ok or issue.fail. Records that were
 *                   pruned are believed */
#ifndef BROKER_ORDER_CHECK_H
#define BROKER_ORDER_CHECK_H

#include "audit/keep/prune.h"
#include "broker/control/control_order.h"
#include "broker/server/mailbox.h"

#include <pthread.h>

struct order_check {
    struct mail mail; /* first; to mailbox, once it is over */
    void *owner;      /* whoever is behind it */
    struct mailbox *mailbox;
    const char *dir;        /* of the log; borrowed */
    const char *archive_to; /* the second place that certbroker.yaml names; NULL: none. Borrowed */
    struct control_order what; /* one that control_order_check has passed */
    /* what came of it, valid once the mail is delivered */
    enum cb_code code;
    struct cb_err err;
    struct prune_plan plan; /* of segment.prune */
    /* its own */
    atomic_bool stop;
    bool is_running; /* until somebody has joined the thread */
    pthread_t thread;
};

/* order_check_is_needed - else there is nothing to be looked up. */
bool order_check_is_needed(const struct control_order *what);
bool order_is_prune(const struct control_order *what);
/* order_check_run - on the caller's thread. */
enum cb_code order_check_run(struct order_check *c, struct cb_err *err) CB_MUST_USE;
enum cb_code order_check_start(struct order_check *c, struct cb_err *err) CB_MUST_USE;
/* order_check_end - join the thread, which ends soon. False: not within wait_s; it uses *c then. */
bool order_check_end(struct order_check *c, unsigned wait_s);

#endif
