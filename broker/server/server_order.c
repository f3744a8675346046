/* server_order.c - see server_order.h. Nothing here waits: a record comes back from the committer, a
 * revocation from a worker, both as a mail. */
#include "broker/server/server_order.h"

#include "broker/server/order_check.h"

#include <openssl/bn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define STOP_WAIT_S 10U

struct order {
    struct worker_order revocation; /* its mail is first */
    TAILQ_ENTRY(order) link;
    struct server *server;
    order_done done; /* NULL: forgotten */
    void *ctx;
    struct mail mail; /* of a record */
    struct audit_append append;
    struct buf body;
    enum cb_code code;
    struct order_check *check; /* owned; a record that is held against the log first. Else NULL */
    char by[RELOAD_BY_MAX + 1];
};

static void forget(struct order *o)
{
    buf_free(&o->body);
    free(o->check);
    free(o);
}

static void finish(struct order *o, const struct order_result *result)
{
    if (o->done != NULL) {
        o->done(o->ctx, result);
    }
    TAILQ_REMOVE(&o->server->orders, o, link);
    o->server->num_orders--;
    forget(o);
}

/* ---- records ---- */

static void on_recorded(struct mail *mail)
{
    struct order *o = (struct order *)(void *)((char *)mail - offsetof(struct order, mail));
    const bool is_ok = o->code == CB_OK;
    const struct order_result result = {.is_ok = is_ok,
                                        .word = is_ok ? "recorded" : "audit_unavailable",
                                        .why = is_ok ? "" : "the audit log cannot be written",
                                        .req = "",
                                        .seq = o->append.seq};
    finish(o, &result);
}

/* on_append - on the committer thread. */
static void on_append(struct audit_append *a, enum cb_code code)
{
    struct order *o = a->ctx;
    o->code = code;
    mailbox_post(o->server->mailbox, &o->mail);
}

/* append - what was asked for or, of a prune, what was found. */
static enum cb_code append(struct order *o, const struct control_order *what, struct cb_err *err)
{
    struct audit_kv counts[ORDER_COUNTS_MAX];
    struct audit_event e;
    if (order_is_prune(what)) {
        prune_event(&o->check->plan, o->by, what->note, &e);
    } else {
        control_order_event(what, counts, &e);
        e.by = slice_of(o->by);
    }
    buf_init(&o->body, AUDIT_LINE_MAX);
    if (!audit_event_encode(&e, &o->body)) {
        return cb_fail(err, CB_ELIMIT, "the record does not fit into a line");
    }
    o->mail.deliver = on_recorded;
    o->append = (struct audit_append){.body = buf_slice(&o->body),
                                      .type = e.type,
                                      .ref_seq = UINT64_MAX,
                                      .done = on_append,
                                      .ctx = o};
    return audit_submit(o->server->shared.audit, &o->append, err);
}

static void refuse(struct order *o, const struct cb_err *err)
{
    const struct order_result result = {
        .word = "refused", .why = err->msg, .req = "", .seq = UINT64_MAX};
    log_warn("control", "no record of %s for %s: %s", o->check->what.type, o->by, err->msg);
    finish(o, &result);
}

static void on_checked(struct mail *mail)
{
    struct order_check *check = (struct order_check *)(void *)mail; /* it is first */
    struct order *o = check->owner;
    struct cb_err err = {0};
    (void)pthread_join(check->thread, NULL); /* posting the mail was the last it did */
    check->is_running = false;
    if (check->code != CB_OK) {
        refuse(o, &check->err);
    } else if (o->server->is_draining) {
        (void)cb_fail(&err, CB_EBUSY, "the broker is stopping");
        refuse(o, &err);
    } else if (append(o, &check->what, &err) != CB_OK) {
        refuse(o, &err);
    }
}

/* is_pruning - two plans of one log would say the same twice, and each may read all of it. */
static bool is_pruning(const struct server *s)
{
    const struct order *o = NULL;
    TAILQ_FOREACH(o, &s->orders, link)
    {
        if (o->check != NULL && order_is_prune(&o->check->what)) {
            return true;
        }
    }
    return false;
}

static enum cb_code record(struct order *o, const struct control_order *what, const char *by,
                           struct cb_err *err)
{
    struct server *s = o->server;
    (void)snprintf(o->by, sizeof(o->by), "%s", by);
    if (!order_check_is_needed(what)) {
        return append(o, what, err);
    }
    if (order_is_prune(what) && is_pruning(s)) {
        return cb_fail(err, CB_ELIMIT, "another prune is under way");
    }
    o->check = calloc(1, sizeof(*o->check));
    if (o->check == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    o->check->mail.deliver = on_checked;
    o->check->owner = o;
    o->check->mailbox = s->mailbox;
    o->check->dir = s->config->audit_dir;
    o->check->archive_to = s->config->audit_archive_to;
    o->check->what = *what;
    return order_check_start(o->check, err);
}

/* ---- revocations ---- */

static void on_revoked(struct mail *mail)
{
    struct order *o = (struct order *)(void *)mail;
    const struct worker_order *v = &o->revocation;
    const bool is_ok = v->outcome == REFUSED_NONE;
    const struct order_result result = {.is_ok = is_ok,
                                        .word = !is_ok           ? reason_of(v->outcome)->word
                                                : v->was_revoked ? "already_revoked"
                                                                 : "revoked",
                                        .why = v->why,
                                        .req = v->req,
                                        .seq = UINT64_MAX};
    finish(o, &result);
}

/* set_serial - the decimal form that CFSSL wants; false: no serial number. */
static bool set_serial(const char *hex, struct issued_cert *cert)
{
    BIGNUM *number = NULL;
    const bool good = BN_hex2bn(&number, hex) == (int)strlen(hex);
    char *dec = good ? BN_bn2dec(number) : NULL;
    const bool fits = dec != NULL && strlen(dec) < sizeof(cert->serial_dec) && dec[0] != '0';
    if (fits) {
        (void)snprintf(cert->serial_hex, sizeof(cert->serial_hex), "%s", hex);
        (void)snprintf(cert->serial_dec, sizeof(cert->serial_dec), "%s", dec);
    }
    OPENSSL_free(dec);
    BN_free(number);
    return fits;
}

static enum cb_code revoke(struct order *o, const struct control_order *what, const char *by,
                           struct cb_err *err)
{
    struct server *s = o->server;
    struct worker_order *v = &o->revocation;
    v->reason = REVOKE_SUPERSEDED;
    (void)revoke_reason_parse(slice_of(what->why_word), &v->reason);
    if (!set_serial(what->serial, &v->cert)) {
        return cb_fail(err, CB_EINPUT, "serial: is no serial number");
    }
    (void)snprintf(v->cert.aki_hex, sizeof(v->cert.aki_hex), "%s", what->aki);
    v->cert.ref = UINT64_MAX;
    (void)snprintf(v->by, sizeof(v->by), "%s", by);
    (void)snprintf(v->note, sizeof(v->note), "%s", what->note);
    v->home = s->mailbox;
    v->on_done = on_revoked;
    worker_revoke_for(s->workers[s->next_worker++ % s->num_workers], v);
    return CB_OK;
}

/* ---- both ---- */

enum cb_code server_order_begin(struct server *s, const struct control_order *what, bool is_revoke,
                                const char *by, order_done done, void *ctx, struct order **ret,
                                struct cb_err *err)
{
    if (s->num_orders == ORDERS_MAX) {
        return cb_fail(err, CB_ELIMIT, "%u of these are under way, try again", ORDERS_MAX);
    }
    struct order *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    o->server = s;
    o->done = done;
    o->ctx = ctx;
    const enum cb_code code = is_revoke ? revoke(o, what, by, err) : record(o, what, by, err);
    if (code != CB_OK) {
        forget(o);
        return code;
    }
    TAILQ_INSERT_TAIL(&s->orders, o, link);
    s->num_orders++;
    *ret = o;
    return CB_OK;
}

void server_order_forget(struct order *order)
{
    if (order != NULL) {
        order->done = NULL;
    }
}

void server_orders_stop(struct server *s)
{
    struct order *o = NULL;
    TAILQ_FOREACH(o, &s->orders, link)
    {
        if (o->check == NULL || !o->check->is_running) {
            continue;
        }
        if (!order_check_end(o->check, STOP_WAIT_S)) {
            log_error("control.stuck",
                      "what was asked for is still being held against the log after %u s: is the "
                      "archive on a file system that hangs?",
                      STOP_WAIT_S);
            s->is_stuck = true;
            continue;
        }
        o->check->is_running = false;
        mailbox_cancel(s->mailbox, &o->check->mail);
    }
}

void server_orders_free(struct server *s)
{
    struct order *o = NULL;
    while ((o = TAILQ_FIRST(&s->orders)) != NULL) {
        TAILQ_REMOVE(&s->orders, o, link);
        forget(o);
    }
    s->num_orders = 0;
}
