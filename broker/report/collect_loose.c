/* collect_loose.c - certificates that need a look, and what became of them.
 *
 * A mark (by serial, or by the attempt's seq) leads back to each, so that a revocation or a late answer
 * settles it: its value is the kind, whether it is from before the period, and which one it was. What was
 * revoked is kept as well: a comparison with the CA may find a certificate that was dealt with before. */
#include "broker/report/collect.h"

#include <stdio.h>

#define MARK_OLDER 0x80000000U
#define MARK_KIND_SHIFT 28U
#define MARK_NUMBER 0x0fffffffU
#define MARK_SETTLED (FINGER_NONE - 1)

static uint64_t serial_key(const struct report *r, struct slice serial)
{
    return finger(&r->key, 4, serial);
}

/* mark_key - a certificate can be several kinds of loose end. */
static uint64_t mark_key(const struct report *r, struct slice serial, enum loose_kind kind)
{
    return finger(&r->key, 8 + (uint64_t)kind, serial);
}

static uint64_t ref_key(const struct report *r, uint64_t ref)
{
    return finger(&r->key, 5, (struct slice){(const char *)&ref, sizeof(ref)});
}

/* ---- attempts under way ---- */

void attempt_open(struct report *r, const struct taken *t)
{
    struct open_attempt *o = &r->open[t->line->seq % OPEN_SLOTS];
    o->seq = t->line->seq;
    report_copy(o->client, sizeof(o->client), collect_party(t->event));
    report_copy(o->name, sizeof(o->name), collect_first_name(&t->event->want));
}

/* ---- settling ---- */

static void settle(struct report *r, uint64_t key, int64_t us, bool was_revoked)
{
    const uint32_t value = finger_get(&r->loose_marks, key);
    if (value == FINGER_NONE || value == MARK_SETTLED) {
        return;
    }
    struct loose_list *list = &r->loose[(value & ~MARK_OLDER) >> MARK_KIND_SHIFT];
    finger_set(&r->loose_marks, key, MARK_SETTLED);
    if ((value & MARK_OLDER) != 0) {
        list->older_open--;
        return;
    }
    const uint64_t number = value & MARK_NUMBER;
    list->open--;
    if (number + REPORT_LOOSE_MAX >= list->num) {
        struct loose *l = &list->items[number % REPORT_LOOSE_MAX];
        l->settled_us = us;
        l->was_revoked = was_revoked;
    }
}

/* ---- adding ---- */

/* mark - false: it is there already, or there is no room. */
static bool mark(struct report *r, uint64_t key, uint32_t value)
{
    uint32_t was = 0;
    const enum finger_put put = finger_put(&r->loose_marks, key, value, &was);
    if (put == FINGER_OLD && was == MARK_SETTLED) {
        finger_set(&r->loose_marks, key, value); /* again */
        return true;
    }
    return put == FINGER_NEW;
}

static void say_detail(struct loose *l, const struct audit_event *e)
{
    char fields[sizeof(l->detail)] = "";
    if (e->num_mismatch > 0) {
        size_t used = 0;
        for (size_t i = 0; i < e->num_mismatch && used + 2 < sizeof(fields); i++) {
            const int len =
                snprintf(fields + used, sizeof(fields) - used, "%s%.*s", i == 0 ? "" : ", ",
                         (int)(e->mismatch[i].len & 0xff), e->mismatch[i].ptr);
            used += len > 0 ? (size_t)len : 0;
        }
        report_copy(l->detail, sizeof(l->detail), slice_of(fields));
        return;
    }
    const struct slice why = e->detail.len > 0             ? e->detail
                             : e->upstream_message.len > 0 ? e->upstream_message
                                                           : e->reason;
    report_copy(l->detail, sizeof(l->detail), why);
}

static void describe(struct report *r, const struct taken *t, struct loose *l)
{
    const struct audit_event *e = t->event;
    const struct open_attempt *o = &r->open[e->ref % OPEN_SLOTS];
    *l = (struct loose){.us = t->line->ts_us,
                        .seq = t->line->seq,
                        .is_revoke = t->line->type == AUDIT_REVOKE_UNKNOWN};
    report_copy(l->client, sizeof(l->client), collect_party(e));
    report_copy(l->name, sizeof(l->name), collect_first_name(&e->granted));
    report_copy(l->serial, sizeof(l->serial), e->serial);
    say_detail(l, e);
    const struct cert *cert = certs_find(&r->certs, e->serial);
    if (cert != NULL && l->name[0] == '\0') {
        report_copy(l->name, sizeof(l->name), cert->name);
    }
    if (e->ref != UINT64_MAX && o->seq == e->ref) {
        if (l->name[0] == '\0') {
            report_copy(l->name, sizeof(l->name), slice_of(o->name));
        }
        if (e->who_id.len == 0) {
            report_copy(l->client, sizeof(l->client), slice_of(o->client));
        }
    }
}

/* settle_at_once - what was revoked before it got here. Not what the CA lacks: that is so although it
 * was revoked. */
static void settle_at_once(struct report *r, struct slice serial, enum loose_kind kind)
{
    const uint32_t at_s = serial.len == 0 || kind == LOOSE_MISSING
                              ? FINGER_NONE
                              : finger_get(&r->revoked, serial_key(r, serial));
    if (at_s != FINGER_NONE) {
        settle(r, mark_key(r, serial, kind), at_s * INT64_C(1000000), true);
    }
}

void loose_add(struct report *r, const struct taken *t, enum loose_kind kind)
{
    const struct audit_event *e = t->event;
    struct loose_list *list = &r->loose[kind];
    const uint64_t number = t->in_period ? list->num : 0;
    const uint32_t value = (t->in_period ? 0 : MARK_OLDER) | (uint32_t)kind << MARK_KIND_SHIFT |
                           (uint32_t)(number & MARK_NUMBER);
    /* One of which nothing is known to tell it by stays open. */
    if (e->serial.len > 0) {
        (void)mark(r, mark_key(r, e->serial, kind), value);
    } else if (e->ref != UINT64_MAX) {
        (void)mark(r, ref_key(r, e->ref), value);
    }
    if (t->in_period) {
        describe(r, t, &list->items[list->num++ % REPORT_LOOSE_MAX]);
        list->open++;
    } else {
        list->older_open++;
    }
    settle_at_once(r, e->serial, kind);
}

/* note_revoked - the first time counts. */
static void note_revoked(struct report *r, uint64_t key, int64_t us)
{
    uint32_t unused = 0;
    const int64_t at_s = us / 1000000;
    if (at_s > 0 && at_s < FINGER_NONE) {
        (void)finger_put(&r->revoked, key, (uint32_t)at_s, &unused);
    }
}

void loose_revoked(struct report *r, struct slice serial, int64_t us, bool is_done)
{
    if (serial.len == 0) {
        return;
    }
    note_revoked(r, serial_key(r, serial), us);
    for (unsigned kind = 0; kind < LOOSE_COUNT && r->loose_marks.num > 0; kind++) {
        if (kind != LOOSE_MISSING || is_done) {
            settle(r, mark_key(r, serial, (enum loose_kind)kind), us, true);
        }
    }
}

void loose_settle_ref(struct report *r, uint64_t ref, int64_t us)
{
    if (ref != UINT64_MAX && r->loose_marks.num > 0) {
        settle(r, ref_key(r, ref), us, false);
    }
}

/* ---- what a comparison with the CA's own database found ---- */

void take_reconcile_run(struct report *r, const struct taken *t)
{
    r->health.reconciled_us = t->line->ts_us;
}

void take_reconcile_found(struct report *r, const struct taken *t)
{
    enum loose_kind kind = LOOSE_MISSING;
    if (t->line->type == AUDIT_RECONCILE_BYPASS) {
        kind = LOOSE_BYPASS;
    } else if (t->line->type == AUDIT_RECONCILE_ORPHAN) {
        kind = LOOSE_ORPHAN;
        loose_settle_ref(r, t->event->ref, t->line->ts_us); /* no longer unknown, but worse */
    }
    /* Every run may find it again. What is revoked stays so; what the CA lacked it can lose again. */
    const uint32_t known = finger_get(&r->loose_marks, mark_key(r, t->event->serial, kind));
    if (t->event->serial.len == 0 || known == FINGER_NONE ||
        (known == MARK_SETTLED && kind == LOOSE_MISSING)) {
        loose_add(r, t, kind);
    }
}

void take_reconcile_resolved(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    loose_settle_ref(r, e->ref, t->line->ts_us);
    if (e->serial.len > 0 && slice_eq(e->reason, SLICE("revoked_at_ca"))) {
        r->revoked_at_ca += t->in_period;
        certs_revoke(&r->certs, e->serial);
        loose_revoked(r, e->serial, t->line->ts_us, true);
    }
}
