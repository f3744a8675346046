/* worker_follow_up.c - our own revocations: of a certificate that is not what was authorised, that
 * nobody received, or that a retry has replaced.
 *
 * They go the same way as a client's revocation (gate, intent, CA, outcome). One that fails is
 * tried again, later and later; the index remembers it across a restart. */
#include "broker/worker/worker_parts.h"

#include <stddef.h>
#include <stdlib.h>

#define RETRY_FIRST_S 1U
#define RETRY_MAX_S 300U

static void free_one(struct follow_up *f)
{
    (void)evtimer_del(&f->timer);
    mailbox_cancel(f->worker->mailbox, &f->mail);
    TAILQ_REMOVE(&f->worker->follow_ups, f, link);
    free(f);
}

static void begin(struct follow_up *f)
{
    struct worker *w = f->worker;
    struct worker_request *wr = worker_request_new(w);
    if (wr == NULL) {
        return; /* the index still has it as doomed: the next start takes it up */
    }
    wr->tries = f->tries + 1;
    const bool ok =
        req_init_follow_up(&wr->request, &w->services, &f->cert, f->reason, slice_of(f->follows));
    free_one(f);
    if (!ok) {
        worker_request_free(wr);
        return;
    }
    req_resume(&wr->request);
}

static void on_mail(struct mail *mail)
{
    begin((struct follow_up *)(void *)((char *)mail - offsetof(struct follow_up, mail)));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    begin(arg);
}

static unsigned delay_s(unsigned tries)
{
    const unsigned shift = tries < 9 ? tries - 1 : 8;
    const unsigned s = RETRY_FIRST_S << shift;
    return s < RETRY_MAX_S ? s : RETRY_MAX_S;
}

static void copy_text(char *out, size_t size, struct slice text)
{
    const size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

void follow_up_start(struct worker *w, const struct issued_cert *cert, enum revoke_reason reason,
                     struct slice follows, unsigned tries)
{
    struct follow_up *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return;
    }
    f->worker = w;
    f->cert = *cert;
    copy_text(f->owner, sizeof(f->owner), cert->owner);
    f->cert.owner = slice_of(f->owner);
    f->cert.names = NULL;
    f->cert.num_names = 0;
    f->cert.common_name = (struct slice){NULL, 0};
    f->cert.revoke_reason = (struct slice){NULL, 0};
    f->cert.ask_sha256 = (struct slice){NULL, 0};
    copy_text(f->follows, sizeof(f->follows), follows);
    f->reason = reason;
    f->tries = tries;
    f->mail.deliver = on_mail;
    (void)evtimer_assign(&f->timer, w->base, on_timer, f);
    TAILQ_INSERT_TAIL(&w->follow_ups, f, link);
    if (tries == 0) {
        mailbox_post(w->mailbox, &f->mail); /* not from inside the request's own step */
    } else {
        const struct timeval tv = {(time_t)delay_s(tries), 0};
        (void)evtimer_add(&f->timer, &tv);
    }
}

void follow_up_finished(struct worker_request *wr)
{
    struct worker *w = wr->worker;
    const struct request *r = &wr->request;
    const enum reason_id reason = r->verdict.reason->id;
    if (reason == REFUSED_NONE || reason == REFUSED_CERT_NOT_FOUND) {
        metrics_add(&w->metrics.follow_ups_done, 1);
        return;
    }
    metrics_add(&w->metrics.follow_ups_failed, 1);
    log_line(LOG_LEVEL_WARN, "revoke.retry", r->id,
             "could not revoke serial %s (%s); trying again in %u s", r->revoke.serial_hex,
             r->verdict.reason->word, delay_s(wr->tries));
    if (!w->is_draining) {
        follow_up_start(w, &r->lookup.cert, r->revoke.reason, r->follows, wr->tries);
    }
}

void follow_up_free_all(struct worker *w)
{
    while (!TAILQ_EMPTY(&w->follow_ups)) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see that the list has moved on */
        free_one(TAILQ_FIRST(&w->follow_ups));
    }
}
