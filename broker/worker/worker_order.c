/* worker_order.c - a revocation that an administrator wants (certbroker audit reconcile --revoke). It
 * goes the way of our own revocations, but is tried once: whoever wanted it hears how it went, and can
 * want it again. */
#include "broker/worker/worker_parts.h"

#include <stdio.h>

static void send_back(struct worker_order *o)
{
    o->mail.deliver = o->on_done;
    mailbox_post(o->home, &o->mail);
}

static void give_up(struct worker_order *o, const char *why)
{
    o->outcome = REFUSED_INTERNAL;
    (void)snprintf(o->why, sizeof(o->why), "%s", why);
    send_back(o);
}

static bool init_request(struct request *r, struct worker *w, const struct worker_order *o)
{
    const bool ok = req_init_follow_up(r, &w->services, &o->cert, o->reason, SLICE(""));
    r->follows = (struct slice){NULL, 0};
    r->by = arena_slice(&r->arena, slice_of(o->by));
    if (o->note[0] != '\0') {
        r->note = arena_slice(&r->arena, slice_of(o->note));
    }
    return ok && r->by.ptr != NULL && (o->note[0] == '\0' || r->note.ptr != NULL);
}

static void begin(struct mail *mail)
{
    struct worker_order *o = (struct worker_order *)(void *)mail;
    struct worker *w = o->worker;
    struct worker_request *wr = w->is_draining ? NULL : worker_request_new(w);
    if (wr == NULL) {
        give_up(o, w->is_draining ? "the broker is stopping" : "out of memory");
        return;
    }
    if (!init_request(&wr->request, w, o)) {
        worker_request_free(wr);
        give_up(o, "out of memory");
        return;
    }
    wr->order = o;
    req_resume(&wr->request);
}

void worker_order_finished(struct worker_request *wr)
{
    struct worker_order *o = wr->order;
    const struct request *r = &wr->request;
    wr->order = NULL;
    o->outcome = r->verdict.reason->id;
    o->was_revoked = r->lookup.is_already_revoked;
    (void)snprintf(o->why, sizeof(o->why), "%s", r->verdict.detail);
    (void)snprintf(o->req, sizeof(o->req), "%s", r->id);
    send_back(o);
}

void worker_revoke_for(struct worker *w, struct worker_order *order)
{
    order->worker = w;
    order->mail.deliver = begin;
    mailbox_post(w->mailbox, &order->mail);
}
