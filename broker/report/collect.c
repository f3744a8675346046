/* collect.c - one pass over the log. Which records concern a report, from how far back, and what all of
 * them tell by merely being there; the rest is in collect_*.c. */
#include "broker/report/collect.h"

#define ARENA_MAX (1UL << 20)
#define ARENA_USUAL (16UL << 10)
#define CLOCK_SLACK_US 500000 /* less is no step */

_Static_assert(AUDIT_TYPE_COUNT <= REPORT_TYPES_MAX, "more types than a report counts");

/* How far back records of a type matter. */
enum reach { REACH_NONE, REACH_PERIOD, REACH_LOOKBACK, REACH_ALL };

static const struct {
    enum reach reach;
    void (*take)(struct report *r, const struct taken *t);
} handlers[AUDIT_TYPE_COUNT] = {
    [AUDIT_SEGMENT_OPEN] = {REACH_ALL, take_segment_open},
    [AUDIT_BROKER_START] = {REACH_ALL, take_start},
    [AUDIT_BROKER_STOP] = {REACH_PERIOD, take_stop},
    [AUDIT_POLICY_LOAD] = {REACH_ALL, take_policy_load},
    [AUDIT_POLICY_REJECT] = {REACH_PERIOD, take_policy_reject},
    [AUDIT_AUTHN_FAIL] = {REACH_PERIOD, take_authn_fail},
    [AUDIT_AUTHZ_DENY] = {REACH_LOOKBACK, take_deny},
    [AUDIT_REQUEST_REFUSED] = {REACH_PERIOD, take_refused},
    [AUDIT_ISSUE_ATTEMPT] = {REACH_LOOKBACK, take_issue_attempt},
    [AUDIT_ISSUE_OK] = {REACH_ALL, take_issue_ok},
    [AUDIT_ISSUE_FAIL] = {REACH_ALL, take_issue_fail},
    [AUDIT_ISSUE_UNKNOWN] = {REACH_ALL, take_unknown},
    [AUDIT_ISSUE_UNDELIVERED] = {REACH_ALL, take_undelivered},
    [AUDIT_REVOKE_ATTEMPT] = {REACH_LOOKBACK, take_revoke_attempt},
    [AUDIT_REVOKE_OK] = {REACH_ALL, take_revoke_ok},
    [AUDIT_REVOKE_FAIL] = {REACH_PERIOD, take_revoke_fail},
    [AUDIT_REVOKE_UNKNOWN] = {REACH_ALL, take_unknown},
    [AUDIT_INFO_OK] = {REACH_PERIOD, take_info},
    [AUDIT_LIMIT_DROP] = {REACH_PERIOD, take_drop},
    [AUDIT_FAULT] = {REACH_PERIOD, take_fault},
    [AUDIT_RECOVERED] = {REACH_PERIOD, take_recovered},
    [AUDIT_CLOCK_STEP] = {REACH_PERIOD, take_clock_step},
    [AUDIT_KEY_ROTATE] = {REACH_PERIOD, take_key_rotate},
    [AUDIT_LOSS] = {REACH_PERIOD, take_loss},
    [AUDIT_UNSIGNED] = {REACH_PERIOD, take_unsigned},
    [AUDIT_WITNESS_ALARM] = {REACH_PERIOD, take_alarm},
    [AUDIT_SEGMENT_PRUNE] = {REACH_PERIOD, take_prune},
    [AUDIT_RECONCILE_RUN] = {REACH_ALL, take_reconcile_run},
    [AUDIT_RECONCILE_ORPHAN] = {REACH_ALL, take_reconcile_found},
    [AUDIT_RECONCILE_BYPASS] = {REACH_ALL, take_reconcile_found},
    [AUDIT_RECONCILE_MISSING] = {REACH_ALL, take_reconcile_found},
    [AUDIT_RECONCILE_RESOLVED] = {REACH_ALL, take_reconcile_resolved},
};

/* ---- what several kinds of record have in common ---- */

static bool is_own(const struct audit_event *e)
{
    return slice_eq(e->who_via, SLICE("broker"));
}

bool collect_is_order(const struct audit_event *e)
{
    return is_own(e) && e->by.len > 0;
}

struct slice collect_who(const struct audit_event *e)
{
    if (collect_is_order(e)) {
        return SLICE("(an administrator)");
    }
    if (is_own(e)) {
        return SLICE("(the broker itself)");
    }
    return e->who_id.len == 0 ? SLICE("(not said)") : e->who_id;
}

struct slice collect_party(const struct audit_event *e)
{
    return e->on_behalf_of.len > 0 ? e->on_behalf_of : collect_who(e);
}

struct slice collect_first_name(const struct audit_names *names)
{
    if (names->cn.len > 0) {
        return names->cn;
    }
    if (names->num_dns > 0) {
        return names->dns[0];
    }
    if (names->num_ip > 0) {
        return names->ip[0];
    }
    if (names->num_uri > 0) {
        return names->uri[0];
    }
    return names->num_email > 0 ? names->email[0] : (struct slice){NULL, 0};
}

void collect_happened(struct report *r, const struct taken *t, enum happening what)
{
    const struct audit_event *e = t->event;
    const int64_t us = t->line->ts_us;
    r->total[what]++;
    series_add(&r->series, what, us);
    tally_mark(tally_at(&r->clients, tally_find(&r->clients, collect_who(e))), what, us);
    if (e->rule.len > 0) {
        tally_mark(tally_at(&r->rules, tally_find(&r->rules, e->rule)), what, us);
    }
    if (e->owner.len > 0) {
        tally_mark(tally_at(&r->owners, tally_find(&r->owners, e->owner)), what, us);
    }
}

/* ---- every record ---- */

/* begin_period - where the log begins within it, that is where the charts begin. */
static void begin_period(struct report *r, int64_t us)
{
    if (r->series.num == 0) {
        const bool is_first = r->first_us >= r->since_us && r->first_us <= us;
        const int64_t start = is_first ? r->first_us : r->since_us;
        series_init(&r->series, start == INT64_MIN ? us : start, r->until_us);
    }
}

static void look_at_times(struct report *r, const struct audit_line *line)
{
    const int64_t step = line->ts_us - r->last_us;
    struct health *h = &r->health;
    if (r->records > 1 && step < -CLOCK_SLACK_US) {
        h->clock_back++;
        if (-step > h->clock_back_worst_us) {
            h->clock_back_worst_us = -step;
            h->clock_back_at_us = line->ts_us;
        }
    }
    const int64_t from = r->last_us > r->since_us ? r->last_us : r->since_us;
    if (r->records > 1 && line->ts_us >= r->since_us && line->ts_us - from > h->silence_us) {
        h->silence_us = line->ts_us - from;
        h->silence_from_us = from;
    }
}

static bool is_wanted(const struct report *r, const struct audit_line *line, bool in_period)
{
    switch (handlers[line->type].reach) {
    case REACH_NONE:
        return false;
    case REACH_PERIOD:
        return in_period;
    case REACH_LOOKBACK:
        return in_period || line->ts_us >= r->since_us - REPORT_LOOKBACK_US;
    case REACH_ALL:
        return true;
    }
    return false;
}

static enum cb_code take(struct report *r, struct arena *arena, const struct audit_line *line,
                         bool in_period, struct cb_err *err)
{
    struct audit_event event;
    struct slice trunc;
    const enum cb_code code = audit_line_decode(line, arena, &event, &trunc, err);
    if (code == CB_OK) {
        handlers[line->type].take(
            r, &(struct taken){.line = line, .event = &event, .in_period = in_period});
    }
    r->undecoded += code == CB_EINPUT;
    return code == CB_EINPUT ? CB_OK : code;
}

enum cb_code collect_line(struct report *r, struct arena *arena, const struct audit_line *line,
                          struct cb_err *err)
{
    if (r->records++ == 0) {
        r->first_seq = line->seq;
        r->first_us = line->ts_us;
    }
    if (line->ts_us < r->first_us) {
        r->first_us = line->ts_us; /* the clock was set back */
    }
    if (line->ts_us >= r->until_us) {
        r->after++;
        return CB_OK;
    }
    look_at_times(r, line);
    r->last_seq = line->seq;
    r->last_us = line->ts_us;
    const bool in_period = line->ts_us >= r->since_us;
    if (in_period) {
        begin_period(r, line->ts_us);
        r->in_period++;
        r->health.types[line->type]++;
    }
    return is_wanted(r, line, in_period) ? take(r, arena, line, in_period, err) : CB_OK;
}

/* ---- the log ---- */

struct collecting {
    struct report *r;
    struct arena arena;
    enum cb_code code;
    struct cb_err err;
};

static bool on_line(void *ctx, const struct audit_line *line)
{
    struct collecting *c = ctx;
    c->code = collect_line(c->r, &c->arena, line, &c->err);
    arena_reset(&c->arena);
    return c->code == CB_OK;
}

/* ---- a period in front of the log ---- */

/* on_first - a log begins with a segment.open; one that was pruned, too. */
static bool on_first(void *ctx, const struct audit_line *line)
{
    struct report *r = ctx;
    struct audit_own own;
    r->first_us = line->ts_us;
    r->first_seq = line->seq;
    if (line->type == AUDIT_SEGMENT_OPEN && audit_line_own(line, &own)) {
        report_copy(r->origin, sizeof(r->origin), own.origin);
        report_copy(r->host, sizeof(r->host), own.host);
    }
    return false;
}

/* look_before - nothing was read: where does the log begin, then? */
static enum cb_code look_before(struct report *r, struct cb_err *err)
{
    TRY(audit_walk_span(r->dir, INT64_MIN, INT64_MAX, on_first, r, err));
    r->is_before = r->first_us >= r->until_us;
    return CB_OK;
}

enum cb_code report_collect(struct report *r, struct cb_err *err)
{
    struct collecting c = {.r = r};
    arena_init(&c.arena, ARENA_MAX);
    if (arena_alloc(&c.arena, ARENA_USUAL) == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to read %s", r->dir);
    }
    arena_reset(&c.arena);
    enum cb_code code = audit_walk_span(
        r->dir, INT64_MIN, r->is_until_now ? INT64_MAX : r->until_us, on_line, &c, err);
    arena_free(&c.arena);
    if (code == CB_OK && c.code != CB_OK) {
        *err = c.err;
        return c.code;
    }
    if (code == CB_ECORRUPT && r->records > 0) {
        r->is_damaged = true;
        r->damage = *err;
        code = CB_OK;
    }
    return code == CB_OK && r->records == r->after ? look_before(r, err) : code;
}
