/* server_reload.c - SIGHUP and the control socket want reloads; here they run one after the other.
 * Policy, TLS files, CA credentials and the CA's certificate are read anew by a job on its own thread
 * (reload_job.c). All of it is good and takes effect here, on the main thread, or nothing changes and
 * the log says what is wrong. certbroker.yaml itself is read at start only. */
#include "broker/base/notify.h"
#include "broker/server/server_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STOP_WAIT_S 5U
#define DAY_US (INT64_C(86400) * 1000000)

/* ---------------------------------------------------------------- what came of it */

static void remember(struct reloads *r, const struct reload_job *job)
{
    r->counts[job->result]++;
    r->last = job->result;
    r->last_wall_us = job->start_wall_us;
    r->last_duration_us = job->duration_us;
    (void)snprintf(r->last_by, sizeof(r->last_by), "%s", job->order.by);
    (void)snprintf(r->last_why, sizeof(r->last_why), "%s", job->why);
    if (!reload_is_refused(job->result)) {
        r->stale_since_us = 0;
    } else if (r->stale_since_us == 0) {
        r->stale_since_us = job->start_wall_us;
    }
}

/* apply - the record is on disk: let everybody have it. */
static void apply(struct server *s, struct reload_job *job)
{
    struct policy_ref *old = s->policy;
    s->policy = policy_ref_get(job->generations[0].policy);
    s->prints = job->prints;
    if (job->generations[0].tls != NULL) {
        s->server_cert_not_after_s = edge_tls_not_after_s(job->generations[0].tls);
    }
    s->issuer_not_after_s = ca_issuer_not_after_s(job->generations[0].issuer);
    policy_ref_put(old);
    for (size_t i = 0; i < s->num_workers; i++) {
        worker_renew(s->workers[i], &job->generations[i]);
    }
}

static void say(const struct server *s, const struct reload_job *job)
{
    if (job->result == RELOAD_BAD_POLICY) {
        log_error("reload.refused", "the policy has errors; everything stays as it was");
    } else if (reload_is_refused(job->result)) {
        log_error("reload.refused", "%s; everything stays as it was", job->why);
    } else {
        log_info("reload.done", "policy %.12s in force: %zu rules, %zu clients",
                 policy_sha256(s->policy->policy), policy_num_rules(s->policy->policy),
                 policy_num_clients(s->policy->policy));
    }
}

/* tell - whoever wanted this reload, if he is still there; job NULL: the broker is stopping. */
static void tell(struct server *s, const struct reload_job *job)
{
    struct reload_wish *served = s->reloads.served;
    s->reloads.served = NULL;
    if (served != NULL && served->done != NULL) {
        served->done(served, job);
    }
}

static void finish(struct server *s, struct reload_job *job)
{
    if (!reload_is_refused(job->result)) {
        apply(s, job);
    }
    if (job->result != RELOAD_STOPPED) {
        remember(&s->reloads, job);
        say(s, job);
    }
    if (!reload_is_refused(job->result)) {
        server_warn_expiring(s, true);
    }
    tell(s, job->result == RELOAD_STOPPED ? NULL : job);
    reload_job_free(job);
    if (!s->is_draining) {
        notify_systemd("READY=1");
    }
}

/* ---------------------------------------------------------------- one after the other */

static void begin_next(struct server *s);

static void on_job_over(struct mail *mail)
{
    struct reload_job *job = (struct reload_job *)(void *)mail;
    struct server *s = job->owner;
    (void)pthread_join(job->thread, NULL); /* posting the mail was the last it did */
    s->reloads.job = NULL;
    finish(s, job);
    begin_next(s);
}

static struct reload_job *new_job(struct server *s, const struct reload_order *order)
{
    struct reload_job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return NULL;
    }
    job->mail.deliver = on_job_over;
    job->mailbox = s->mailbox;
    job->owner = s;
    job->config = s->config;
    job->audit = s->shared.audit;
    job->before = policy_ref_get(s->policy);
    job->prints = s->prints;
    job->num_generations = s->num_workers;
    job->order = *order;
    job->start_wall_us = clock_wall_us(&cb_system_clock);
    job->start_mono_us = clock_mono_us(&cb_system_clock);
    return job;
}

static void cannot_begin(struct server *s, struct reload_wish *wish, const char *why)
{
    log_error("reload.refused", "%s; everything stays as it was", why);
    s->reloads.counts[RELOAD_FAILED]++;
    if (wish->done != NULL) {
        wish->done(wish, NULL);
    }
    notify_systemd("READY=1");
}

static void begin(struct server *s, struct reload_wish *wish)
{
    char state[64];
    struct cb_err err = {0};
    (void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                   clock_mono_us(&cb_system_clock));
    notify_systemd(state);
    struct reload_job *job = new_job(s, &wish->order);
    if (job == NULL) {
        cannot_begin(s, wish, "out of memory");
    } else if (reload_job_start(job, &err) != CB_OK) {
        reload_job_free(job);
        cannot_begin(s, wish, err.msg);
    } else {
        s->reloads.job = job;
        s->reloads.served = wish;
    }
}

static void begin_next(struct server *s)
{
    struct reload_wish *wish = NULL;
    while (s->reloads.job == NULL && !s->is_draining &&
           (wish = TAILQ_FIRST(&s->reloads.queue)) != NULL) {
        TAILQ_REMOVE(&s->reloads.queue, wish, link);
        wish->is_queued = false;
        begin(s, wish);
    }
}

void server_reload_want(struct server *s, struct reload_wish *wish)
{
    if (!wish->is_queued) {
        wish->is_queued = true;
        TAILQ_INSERT_TAIL(&s->reloads.queue, wish, link);
        begin_next(s);
    }
}

void server_reload_forget(struct server *s, struct reload_wish *wish)
{
    if (wish->is_queued) {
        TAILQ_REMOVE(&s->reloads.queue, wish, link);
        wish->is_queued = false;
    }
    if (s->reloads.served == wish) {
        s->reloads.served = NULL;
    }
}

void server_reload_hup(struct server *s)
{
    server_reload_want(s, &s->reloads.hup);
}

void server_reload_init(struct server *s)
{
    struct reloads *r = &s->reloads;
    TAILQ_INIT(&r->queue);
    r->last = RELOAD_STOPPED;
    (void)snprintf(r->hup.order.by, sizeof(r->hup.order.by), "sighup");
}

/* ---------------------------------------------------------------- the end */

void server_reload_drain(struct server *s)
{
    struct reload_wish *wish = NULL;
    while ((wish = TAILQ_FIRST(&s->reloads.queue)) != NULL) {
        TAILQ_REMOVE(&s->reloads.queue, wish, link);
        wish->is_queued = false;
        if (wish->done != NULL) {
            wish->done(wish, NULL);
        }
    }
    if (s->reloads.job != NULL && reload_job_call_off(s->reloads.job)) {
        tell(s, NULL);
    }
}

void server_reload_stop(struct server *s)
{
    struct reload_job *job = s->reloads.job;
    if (job == NULL) {
        return;
    }
    (void)reload_job_call_off(job);
    tell(s, NULL);
    if (!reload_job_join(job, STOP_WAIT_S)) {
        log_error("reload.stuck",
                  "a reload has not ended %u s after it was called off: is one of "
                  "the files it reads a pipe, or on a file system that hangs?",
                  STOP_WAIT_S);
        s->is_stuck = true;
        return;
    }
    mailbox_cancel(s->mailbox, &job->mail);
    s->reloads.job = NULL;
    reload_job_free(job);
}

/* ---------------------------------------------------------------- grants that end soon */

void server_warn_expiring(struct server *s, bool is_new)
{
    const int64_t now_us = clock_mono_us(&cb_system_clock);
    int64_t first_s = 0;
    char when[21];
    if (!is_new && now_us - s->expiring_told_us < DAY_US) {
        return;
    }
    s->expiring_told_us = now_us;
    const size_t num =
        policy_num_expiring(s->policy->policy, clock_wall_us(&cb_system_clock) / 1000000, &first_s);
    if (num > 0) {
        time_format_s(first_s, when);
        log_warn("policy.expiring",
                 "%zu grant%s end%s soon, the first at %s: see certbroker "
                 "policy list",
                 num, num == 1 ? "" : "s", num == 1 ? "s" : "", when);
    }
}
