/* worker_note.c - records that no reply waits for, and the limit that keeps strangers from filling
 * the disk with them. What is left out is counted, and the count is recorded. */
#include "broker/worker/worker_parts.h"

#include <stdlib.h>

/* For the whole process; each worker has its share. */
#define NOTES_PER_SECOND 50.0
#define NOTES_BURST 200.0

struct kept_note {
    struct audit_append append;
    char body[];
};

static void note_done(struct audit_append *a, enum cb_code code)
{
    (void)code; /* on the committer thread; a lost note shows in the log's own fault record */
    free(a);
}

static void submit(struct worker *w, enum audit_type type, struct slice body)
{
    struct kept_note *n = calloc(1, sizeof(*n) + body.len);
    if (n == NULL) {
        return;
    }
    memcpy(n->body, body.ptr, body.len);
    n->append.body = (struct slice){n->body, body.len};
    n->append.type = type;
    n->append.ref_seq = UINT64_MAX;
    n->append.done = note_done;
    struct cb_err err;
    if (audit_submit(w->shared->audit, &n->append, &err) != CB_OK) {
        metrics_add(&w->metrics.notes_dropped, 1);
        w->flood.dropped++;
        free(n);
    }
}

static bool take_token(struct worker *w)
{
    struct flood *f = &w->flood;
    const double share = 1.0 / (double)w->shared->config->workers;
    const int64_t now = clock_mono_us(&cb_system_clock);
    f->tokens += (double)(now - f->last_us) / 1e6 * NOTES_PER_SECOND * share;
    f->last_us = now;
    if (f->tokens > NOTES_BURST * share) {
        f->tokens = NOTES_BURST * share;
    }
    if (f->tokens < 1.0) {
        return false;
    }
    f->tokens -= 1.0;
    return true;
}

static void leave_out(struct worker *w, uint64_t num, int64_t first_wall_us)
{
    if (w->flood.dropped == 0) {
        w->flood.first_drop_us = first_wall_us;
    }
    w->flood.dropped += num;
    metrics_add(&w->metrics.notes_dropped, num);
}

void worker_note(struct worker *w, enum audit_type type, struct slice body,
                 const struct source_key *from)
{
    if (from != NULL && !sources_take(w->shared->sources, from, clock_mono_us(&cb_system_clock))) {
        return; /* told by tell_sources */
    }
    /* What we know of certificates that went astray is never left out. */
    if (type == AUDIT_ISSUE_UNDELIVERED || take_token(w)) {
        submit(w, type, body);
        return;
    }
    leave_out(w, 1, clock_wall_us(&cb_system_clock));
}

/* encode_count - the record for what got none: e says of whom and why, if that is known. */
static bool encode_count(struct audit_event *e, uint64_t count, int64_t first_us, int64_t last_us,
                         struct buf *out)
{
    char first[TIME_TEXT_LEN + 1];
    char last[TIME_TEXT_LEN + 1];
    time_format_us(first_us, first);
    time_format_us(last_us, last);
    e->count = count;
    e->first_ts = slice_of(first);
    e->last_ts = slice_of(last);
    return audit_event_encode(e, out);
}

static void tell_count(struct worker *w, struct audit_event *e, uint64_t count, int64_t first_us,
                       int64_t last_us)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    if (encode_count(e, count, first_us, last_us, &body)) {
        submit(w, e->type, buf_slice(&body));
    }
    buf_free(&body);
}

/* tell_sources - what strangers did again within seconds. Whoever has many addresses is still held to the
 * rate of all notes. */
static void tell_sources(struct worker *w)
{
    const int64_t mono_us = clock_mono_us(&cb_system_clock);
    const int64_t to_wall_us = clock_wall_us(&cb_system_clock) - mono_us;
    struct source_count n;
    while (sources_next_count(w->shared->sources, w->is_draining ? INT64_MAX : mono_us, &n)) {
        struct audit_event e;
        if (n.num == 0) {
            continue;
        }
        if (n.peer[0] == '\0' || !take_token(w)) {
            leave_out(w, n.num, n.first_us + to_wall_us);
            continue;
        }
        audit_event_zero(&e, (enum audit_type)n.kind);
        e.peer = slice_of(n.peer);
        e.who_via = n.via[0] == '\0' ? e.who_via : slice_of(n.via);
        e.reason = slice_of(n.reason);
        tell_count(w, &e, n.num, n.first_us + to_wall_us, n.last_us + to_wall_us);
    }
}

/* tell_refusals - of rates and quotas: the first of each was recorded, these were not. */
static void tell_refusals(struct worker *w)
{
    static const enum reason_id reasons[QUOTA_KIND_COUNT] = {[QUOTA_RATE] = REFUSED_RATE_LIMITED,
                                                             [QUOTA_ACTIVE] =
                                                                 REFUSED_TOO_MANY_ACTIVE,
                                                             [QUOTA_REFUSAL] = REFUSED_TOO_OFTEN,
                                                             [QUOTA_REPEAT] = REFUSED_NONE,
                                                             [QUOTA_LOST] = REFUSED_TOO_OFTEN};
    const int64_t mono_us = clock_mono_us(&cb_system_clock);
    const int64_t to_wall_us = clock_wall_us(&cb_system_clock) - mono_us;
    struct quota_count n;
    while (quotas_next_count(w->shared->quotas, w->is_draining ? INT64_MAX : mono_us, &n)) {
        struct audit_event e;
        audit_event_zero(&e, AUDIT_LIMIT_DROP);
        if (n.principal[0] != '\0') {
            e.who_id = slice_of(n.principal);
            e.rule = n.rule[0] == '\0' ? e.rule : slice_of(n.rule);
        }
        e.reason = n.kind == QUOTA_REPEAT ? SLICE("revoked_already")
                                          : slice_of(reason_of(reasons[n.kind])->word);
        tell_count(w, &e, n.num, n.first_us + to_wall_us, n.last_us + to_wall_us);
    }
}

void worker_note_tick(struct worker *w)
{
    struct flood *f = &w->flood;
    if (w->number == 0) {
        tell_sources(w);
    }
    if (f->dropped > 0) {
        struct audit_event e;
        audit_event_zero(&e, AUDIT_LIMIT_DROP);
        const uint64_t dropped = f->dropped;
        f->dropped = 0;
        tell_count(w, &e, dropped, f->first_drop_us, clock_wall_us(&cb_system_clock));
    }
    if (w->number == 0 || w->is_draining) {
        tell_refusals(w);
    }
}
