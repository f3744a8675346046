/* helpers.h - records made from events, straight into a report. Each test program includes it once, after
 * cmocka. */
#ifndef TESTS_UNIT_REPORT_HELPERS_H
#define TESTS_UNIT_REPORT_HELPERS_H

#include "broker/base/clock.h"
#include "broker/report/collect.h"
#include "broker/report/html.h"
#include "broker/report/writers.h"

#define UNUSED __attribute__((unused))
#define T0_S INT64_C(1784736000) /* 2026-07-22T16:00:00Z */
#define HOURS_US(n) ((T0_S + 3600 * (int64_t)(n)) * 1000000)

struct telling {
    struct report *r;
    struct arena arena;
    uint64_t seq;
};

/* telling_begin - a report of the time from the hour since to the hour until after T0_S. */
static void telling_begin(struct telling *t, int since, int until)
{
    *t = (struct telling){
        .r = report_new("/nowhere", HOURS_US(since), HOURS_US(until), HOURS_US(until))};
    assert_non_null(t->r);
    arena_init(&t->arena, 1U << 20);
}

static void telling_end(struct telling *t)
{
    report_free(t->r);
    arena_free(&t->arena);
}

/* tell_body - a record with this body; its seq. */
static uint64_t tell_body(struct telling *t, double hour, enum audit_type type, struct slice body)
{
    struct cb_err err;
    const struct audit_line line = {.seq = t->seq++,
                                    .ts_us = HOURS_US(0) + (int64_t)(hour * 3600e6),
                                    .type = type,
                                    .body = body};
    assert_int_equal(collect_line(t->r, &t->arena, &line, &err), CB_OK);
    arena_reset(&t->arena);
    return line.seq;
}

static uint64_t tell(struct telling *t, double hour, const struct audit_event *e)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(e, &body));
    const uint64_t seq = tell_body(t, hour, e->type, buf_slice(&body));
    buf_free(&body);
    return seq;
}

/* One thing that happens, with its attempt where there is one. */
struct row {
    double hour;
    enum audit_type type;
    const char *who, *name, *serial, *rule, *reason, *behalf, *by;
    int days; /* of the certificate */
    unsigned count;
    bool own; /* by the broker itself */
    bool mismatch;
    uint64_t ref;    /* 0: of an attempt that is told first, if it has one */
    bool no_attempt; /* it has none */
};

static void describe(struct audit_event *e, const struct row *row, const struct slice *name,
                     char not_after[21])
{
    e->who_id = slice_of(row->own ? NULL : row->who);
    e->who_via = slice_of(row->own ? "broker" : "mtls.uri");
    e->on_behalf_of = slice_of(row->behalf);
    e->rule = slice_of(row->rule);
    e->owner = row->rule == NULL ? e->owner : SLICE("owner@acme.example");
    e->reason = slice_of(row->reason);
    e->by = slice_of(row->by);
    e->serial = slice_of(row->serial);
    if (row->count > 0) {
        e->count = row->count;
    }
    if (row->name != NULL && e->type == AUDIT_ISSUE_OK) {
        e->granted = (struct audit_names){.cn = *name, .dns = name, .num_dns = 1};
    } else if (row->name != NULL) {
        e->want = (struct audit_names){.cn = *name, .dns = name, .num_dns = 1};
    }
    if (row->days != 0) {
        time_format_s(T0_S + (int64_t)(row->hour * 3600) + row->days * 86400, not_after);
        e->not_after = slice_of(not_after);
    }
}

static uint64_t tell_row(struct telling *t, const struct row *row)
{
    static const struct slice field = {"not_after", 9};
    char not_after[21];
    struct audit_event e;
    const struct slice name = slice_of(row->name);
    uint64_t ref = row->ref != 0 ? row->ref : UINT64_MAX;
    if (audit_type_is_outcome(row->type) && !row->no_attempt && row->ref == 0) {
        const bool is_revoke = row->type >= AUDIT_REVOKE_ATTEMPT;
        audit_event_zero(&e, is_revoke ? AUDIT_REVOKE_ATTEMPT : AUDIT_ISSUE_ATTEMPT);
        describe(&e, row, &name, not_after);
        e.serial = is_revoke ? e.serial : (struct slice){NULL, 0};
        ref = tell(t, row->hour, &e);
    }
    audit_event_zero(&e, row->type);
    describe(&e, row, &name, not_after);
    e.ref = ref;
    e.mismatch = &field;
    e.num_mismatch = row->mismatch;
    return tell(t, row->hour, &e);
}

UNUSED static void tell_rows(struct telling *t, const struct row *rows, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        (void)tell_row(t, &rows[i]);
    }
}

#endif
