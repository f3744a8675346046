/* collect_certs.c - certificates: issued, not issued, gone astray, revoked; and to whom which names went
 * for the first time. */
#include "broker/base/clock.h"
#include "broker/report/collect.h"

/* ---- names ---- */

/* is_first_time - this pair of holder and name was never there before. Past the cap nobody knows, and it
 * counts as not new. */
static bool is_first_time(struct report *r, uint64_t holder, struct slice name)
{
    uint32_t unused = 0;
    const enum finger_put put = finger_put(&r->pairs, finger(&r->key, holder, name), 1, &unused);
    r->pairs_full |= put == FINGER_FULL;
    return put == FINGER_NEW;
}

static void tell_new(struct report *r, struct tally_row *row, struct slice name)
{
    if (row->new_names < TALLY_EXAMPLES) {
        row->examples[row->new_names] = tally_keep_text(&r->holders, name);
    }
    row->new_names++;
    r->new_pairs++;
}

/* add_special - wildcards and addresses reach further than a name: each is told, by holder. */
static void add_special(struct report *r, const struct taken *t, struct slice name,
                        bool is_wildcard, bool is_new)
{
    uint32_t at = 0;
    const struct slice holder = collect_party(t->event);
    const uint64_t key = finger(&r->key, finger(&r->key, 3, holder), name);
    const enum finger_put put = finger_put(&r->special_map, key, (uint32_t)r->num_specials, &at);
    *(is_wildcard ? &r->wildcards : &r->addresses) += 1;
    if (put == FINGER_FULL) {
        r->specials_beyond++;
        return;
    }
    struct special *s = &r->specials[at];
    if (put == FINGER_NEW) {
        *s = (struct special){.client = report_text(r, holder, TALLY_TEXT_MAX),
                              .name = report_text(r, name, TALLY_TEXT_MAX),
                              .is_wildcard = is_wildcard,
                              .first_us = t->line->ts_us,
                              .is_new = is_new};
        r->num_specials++;
    }
    s->times++;
    s->last_us = t->line->ts_us;
}

struct naming {
    struct report *r;
    const struct taken *t;
    uint64_t holder; /* finger */
    uint32_t row;    /* in r->holders */
};

static void add_name(const struct naming *n, struct slice name, bool is_address)
{
    struct report *r = n->r;
    const bool is_new = is_first_time(r, n->holder, name);
    if (!n->t->in_period) {
        return;
    }
    r->names_granted++;
    if (is_new) {
        tell_new(r, tally_at(&r->holders, n->row), name);
    }
    if (is_address || slice_has_byte(name, '*')) {
        add_special(r, n->t, name, !is_address, is_new);
    }
}

static void add_list(const struct naming *n, const struct slice *names, size_t num, bool is_address)
{
    for (size_t i = 0; i < num; i++) {
        add_name(n, names[i], is_address);
    }
}

static bool has_name(const struct audit_names *names, struct slice name)
{
    for (size_t i = 0; i < names->num_dns; i++) {
        if (slice_eq(names->dns[i], name)) {
            return true;
        }
    }
    return false;
}

/* add_names - and the row of whom they are for. */
static uint32_t add_names(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    const struct audit_names *names = &e->granted;
    const struct slice party = collect_party(e);
    const struct naming n = {r, t, finger(&r->key, 1, party), tally_find(&r->holders, party)};
    struct tally_row *row = tally_at(&r->holders, n.row);
    if (row->ever_us == 0) {
        row->ever_us = t->line->ts_us;
        r->new_holders += t->in_period && n.row != TALLY_OTHERS;
    }
    if (t->in_period) {
        tally_mark(row, HAPPENED_ISSUED, t->line->ts_us);
    }
    add_list(&n, names->dns, names->num_dns, false);
    add_list(&n, names->ip, names->num_ip, true);
    add_list(&n, names->uri, names->num_uri, false);
    add_list(&n, names->email, names->num_email, false);
    if (names->cn.len > 0 && !has_name(names, names->cn)) {
        add_name(&n, names->cn, false);
    }
    return n.row;
}

/* holder_of - finger of whom a certificate is for and its first name: who renews keeps those, whatever
 * else is in it. */
static uint64_t holder_of(const struct report *r, const struct audit_event *e)
{
    return finger(&r->key, finger(&r->key, 2, collect_party(e)), collect_first_name(&e->granted));
}

/* ---- outcomes ---- */

void take_issue_ok(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    const uint32_t row = add_names(r, t);
    int64_t not_after_us = 0;
    if (e->not_after.ptr != NULL && time_parse(e->not_after, &not_after_us) && e->serial.len > 0) {
        certs_add(
            &r->certs, e->serial, collect_first_name(&e->granted),
            &(struct cert){.seq = t->line->seq,
                           .holder = holder_of(r, e),
                           .not_after_s = not_after_us / 1000000,
                           .client = row == TALLY_OTHERS ? SLICE("") : r->holders.rows[row].text});
    }
    if (t->in_period) {
        collect_happened(r, t, HAPPENED_ISSUED);
    }
    loose_settle_ref(r, e->ref, t->line->ts_us);
}

void take_issue_fail(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    if (t->in_period) {
        collect_happened(r, t, HAPPENED_FAILED);
        tally_add(&r->fail_reasons, e->reason.len == 0 ? SLICE("not said") : e->reason, 1,
                  t->line->ts_us);
    }
    loose_settle_ref(r, e->ref, t->line->ts_us);
    if (e->num_mismatch > 0) {
        loose_add(r, t, LOOSE_MISMATCH);
    }
}

void take_unknown(struct report *r, const struct taken *t)
{
    if (t->in_period) {
        collect_happened(r, t, HAPPENED_FAILED);
        tally_add(&r->fail_reasons,
                  t->event->reason.len == 0 ? SLICE("not known") : t->event->reason, 1,
                  t->line->ts_us);
    }
    loose_add(r, t, LOOSE_UNKNOWN);
}

void take_undelivered(struct report *r, const struct taken *t)
{
    loose_add(r, t, LOOSE_UNDELIVERED);
}

void take_revoke_ok(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    certs_revoke(&r->certs, e->serial);
    loose_revoked(r, e->serial, t->line->ts_us, e->ref != UINT64_MAX);
    if (!t->in_period) {
        return;
    }
    if (e->ref == UINT64_MAX) {
        r->revoked_already++; /* the CA was not asked */
        return;
    }
    loose_settle_ref(r, e->ref, t->line->ts_us);
    collect_happened(r, t, HAPPENED_REVOKED);
    if (collect_is_order(e)) {
        r->admin_revocations++;
    } else {
        r->own_revocations += slice_eq(e->who_via, SLICE("broker"));
    }
}

void take_revoke_fail(struct report *r, const struct taken *t)
{
    collect_happened(r, t, HAPPENED_FAILED);
    tally_add(&r->fail_reasons, t->event->reason.len == 0 ? SLICE("not said") : t->event->reason, 1,
              t->line->ts_us);
}
