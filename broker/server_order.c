/* server_order.c - see server_order.h. Nothing here waits: a record comes back from the committer, a
 * revocation from a worker, both as a mail. */
#include "broker/server_order.h"

#include <openssl/bn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

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
};

static void finish(struct order *o, const struct order_result *result)
{
    if (o->done != NULL) {
        o->done(o->ctx, result);
    }
    TAILQ_REMOVE(&o->server->orders, o, link);
    o->server->num_orders--;
    buf_free(&o->body);
    free(o);
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

static enum cb_code record(struct order *o, const struct control_order *what, const char *by,
                           struct cb_err *err)
{
    struct audit_kv counts[ORDER_COUNTS_MAX];
    struct audit_event e;
    control_order_event(what, counts, &e);
    e.by = slice_of(by);
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
        buf_free(&o->body);
        free(o);
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

void server_orders_free(struct server *s)
{
    struct order *o = NULL;
    while ((o = TAILQ_FIRST(&s->orders)) != NULL) {
        TAILQ_REMOVE(&s->orders, o, link);
        buf_free(&o->body);
        free(o);
    }
    s->num_orders = 0;
}
