/* collect_broker.c - policies, and how the broker and its log fared. */
#include "broker/report/collect.h"

#include <errno.h>

#define TEXT_MAX 400U

/* ---- policies ---- */

static void add_changes(struct report *r, const struct audit_event *e, struct policy_event *p)
{
    for (size_t i = 0; i < e->num_changes && i < REPORT_CHANGES_MAX; i++) {
        p->changes[p->num_changes++] = report_text(r, e->changes[i], TEXT_MAX);
    }
}

static void add_policy(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    struct policy_event *p = &r->policies[r->num_policies++ % REPORT_POLICIES_MAX];
    *p = (struct policy_event){.us = t->line->ts_us,
                               .seq = t->line->seq,
                               .is_reject = t->line->type == AUDIT_POLICY_REJECT,
                               .is_start = slice_eq(e->by, SLICE("start")),
                               .by = report_text(r, e->by, TEXT_MAX),
                               .forced = report_text(r, e->forced, TEXT_MAX),
                               .note = report_text(r, e->note, TEXT_MAX),
                               .reason = report_text(r, e->reason, TEXT_MAX),
                               .detail = report_text(r, e->detail, TEXT_MAX),
                               .rules = e->rules,
                               .clients = e->clients,
                               .num_lost = e->num_lost};
    report_copy(p->sha256, sizeof(p->sha256), e->policy_sha256);
    report_copy(p->old_sha256, sizeof(p->old_sha256), e->policy_old_sha256);
    add_changes(r, e, p);
}

static void is_in_force(struct report *r, struct slice sha256)
{
    if (sha256.len > 0) {
        report_copy(r->policy_sha256, sizeof(r->policy_sha256), sha256);
    }
}

void take_policy_load(struct report *r, const struct taken *t)
{
    is_in_force(r, t->event->policy_sha256);
    /* A reload of what was there already (new TLS files, perhaps) is no change of policy. */
    if (t->in_period && !slice_eq(t->event->policy_sha256, t->event->policy_old_sha256)) {
        r->num_loads++;
        r->num_forced += t->event->forced.len > 0;
        add_policy(r, t);
    }
}

void take_policy_reject(struct report *r, const struct taken *t)
{
    r->num_rejects++;
    add_policy(r, t);
}

/* ---- the broker ---- */

void take_start(struct report *r, const struct taken *t)
{
    is_in_force(r, t->event->policy_sha256);
    r->health.starts += t->in_period;
}

void take_stop(struct report *r, const struct taken *t)
{
    (void)t;
    r->health.stops++;
}

/* ---- the log ---- */

void take_segment_open(struct report *r, const struct taken *t)
{
    struct audit_own own;
    if (!audit_line_own(t->line, &own)) {
        r->undecoded++;
        return;
    }
    report_copy(r->origin, sizeof(r->origin), own.origin);
    report_copy(r->host, sizeof(r->host), own.host);
    if (!t->in_period) {
        return;
    }
    r->health.opens++;
    if (own.prev_no != 0) {
        r->health.unclean += !own.prev_clean;
        r->health.void_tails += own.prev_void_bytes > 0;
        r->health.void_bytes += own.prev_void_bytes;
    }
}

static void add_log_event(struct report *r, const struct taken *t)
{
    struct health *h = &r->health;
    const struct audit_event *e = t->event;
    h->events[h->num_events++ % REPORT_EVENTS_MAX] = (struct log_event){
        .us = t->line->ts_us,
        .type = (uint32_t)t->line->type,
        .what = report_text(r, e->reason.len > 0 ? e->reason : e->note, TEXT_MAX),
        .detail = report_text(r, e->detail.len > 0 ? e->detail : e->by, TEXT_MAX)};
}

/* is_by_others - a fault "file" is somebody else's doing, unless the file could not even be looked at. */
static bool is_by_others(const struct taken *t)
{
    struct audit_own own;
    const uint64_t why = audit_line_own(t->line, &own) ? own.sys_errno : 0;
    return slice_eq(t->event->reason, SLICE("file")) && why != EIO && why != ESTALE;
}

void take_fault(struct report *r, const struct taken *t)
{
    if (slice_eq(t->event->reason, SLICE("reread"))) {
        report_add_seq(&r->health.rereads, t->line->seq);
    } else if (is_by_others(t)) {
        report_add_seq(&r->health.file_changes, t->line->seq);
    } else {
        r->health.faults++;
    }
    add_log_event(r, t);
}

void take_loss(struct report *r, const struct taken *t)
{
    r->health.losses++;
    add_log_event(r, t);
}

void take_unsigned(struct report *r, const struct taken *t)
{
    add_log_event(r, t);
}

void take_alarm(struct report *r, const struct taken *t)
{
    r->health.alarms++;
    add_log_event(r, t);
}

void take_clock_step(struct report *r, const struct taken *t)
{
    r->health.clock_steps++;
    add_log_event(r, t);
}

void take_key_rotate(struct report *r, const struct taken *t)
{
    r->health.key_changes++;
    add_log_event(r, t);
}

void take_prune(struct report *r, const struct taken *t)
{
    add_log_event(r, t);
}

void take_recovered(struct report *r, const struct taken *t)
{
    struct audit_own own;
    if (!audit_line_own(t->line, &own)) {
        r->undecoded++;
        return;
    }
    r->health.outages++;
    r->health.outage_us += own.outage_us;
    r->health.refused += own.refused;
}
