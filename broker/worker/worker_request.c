/* worker_request.c - the memory of a request and its mails. A request is freed by a mail to its own
 * worker, so that nobody up the stack still uses it. */
#include "broker/worker/worker_parts.h"

#include <stddef.h>
#include <stdlib.h>

#define OWNER_OF(member_ptr, member)                                                               \
    ((struct worker_request *)(void *)((char *)(member_ptr)-offsetof(struct worker_request,        \
                                                                     member)))

struct worker_request *worker_request_of(struct request *r)
{
    return (struct worker_request *)(void *)r;
}

static void deliver_audit(struct mail *mail)
{
    struct worker_request *wr = OWNER_OF(mail, audit_mail);
    req_on_audit(&wr->request, wr->audit_code);
}

static void deliver_issued(struct mail *mail)
{
    req_on_issued(&OWNER_OF(mail, issued_mail)->request);
}

static void deliver_gate(struct mail *mail)
{
    req_on_gate(&OWNER_OF(mail, gate_mail)->request);
}

static void deliver_free(struct mail *mail)
{
    struct worker_request *wr = OWNER_OF(mail, free_mail);
    struct worker *w = wr->worker;
    worker_request_free(wr);
    worker_check_drained(w);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct worker_request *wr = arg;
    req_on_timer(&wr->request);
}

struct worker_request *worker_request_new(struct worker *w)
{
    struct worker_request *wr = calloc(1, sizeof(*wr));
    if (wr == NULL) {
        return NULL;
    }
    wr->worker = w;
    wr->audit_mail.deliver = deliver_audit;
    wr->issued_mail.deliver = deliver_issued;
    wr->gate_mail.deliver = deliver_gate;
    wr->free_mail.deliver = deliver_free;
    (void)evtimer_assign(&wr->timer, w->base, on_timer, wr);
    TAILQ_INSERT_TAIL(&w->live, wr, link);
    metrics_add(&w->metrics.live, 1);
    return wr;
}

void worker_request_free(struct worker_request *wr)
{
    struct worker *w = wr->worker;
    (void)evtimer_del(&wr->timer);
    gate_leave(w->shared->gate, &wr->request.gate.ticket);
    mailbox_cancel(w->mailbox, &wr->gate_mail);
    mailbox_cancel(w->mailbox, &wr->audit_mail);
    mailbox_cancel(w->mailbox, &wr->issued_mail);
    TAILQ_REMOVE(&w->live, wr, link);
    metrics_add(&w->metrics.live, (uint64_t)-1);
    req_free(&wr->request);
    free(wr);
}
