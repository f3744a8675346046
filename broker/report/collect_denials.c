/* collect_denials.c - what was denied; and what the same client was denied first and allowed later, with
 * the very same names. */
#include "broker/report/collect.h"

static uint64_t add_list(const struct report *r, uint64_t f, const struct slice *names, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        f = finger(&r->key, f, names[i]);
    }
    return finger(&r->key, f, SLICE(""));
}

/* ask_key - of who asked, for whom, and all the names: what else the request said may change between
 * a first try and the next one. 0: no names, nothing to go by. */
static uint64_t ask_key(const struct report *r, const struct audit_event *e)
{
    const struct audit_names *w = &e->want;
    if (collect_first_name(w).ptr == NULL) {
        return 0;
    }
    uint64_t f = finger(&r->key, 6, e->who_id);
    f = finger(&r->key, f, e->on_behalf_of);
    f = finger(&r->key, f, w->cn);
    f = add_list(r, f, w->dns, w->num_dns);
    f = add_list(r, f, w->ip, w->num_ip);
    f = add_list(r, f, w->uri, w->num_uri);
    return add_list(r, f, w->email, w->num_email);
}

static void remember(struct report *r, const struct taken *t, struct slice reason)
{
    uint32_t at = 0;
    const uint64_t key = ask_key(r, t->event);
    if (key == 0) {
        return;
    }
    const enum finger_put put = finger_put(&r->denial_map, key, (uint32_t)r->num_denials, &at);
    if (put == FINGER_FULL) {
        r->denials_beyond++;
        return;
    }
    struct denial *d = &r->denials[at];
    if (put == FINGER_NEW) {
        r->num_denials++;
        d->first_us = t->line->ts_us;
    }
    d->reason = reason;
    d->times += d->times < UINT32_MAX;
}

void take_deny(struct report *r, const struct taken *t)
{
    const struct slice reason = t->event->reason.len == 0 ? SLICE("not said") : t->event->reason;
    const uint32_t row = tally_find(&r->deny_reasons, reason);
    if (t->in_period) {
        collect_happened(r, t, HAPPENED_DENIED);
        tally_add(&r->deny_reasons, reason, 1, t->line->ts_us);
    }
    remember(r, t, row == TALLY_OTHERS ? SLICE("") : r->deny_reasons.rows[row].text);
}

void take_issue_attempt(struct report *r, const struct taken *t)
{
    const struct audit_event *e = t->event;
    attempt_open(r, t);
    if (r->num_denials == 0) {
        return;
    }
    const uint32_t at = finger_get(&r->denial_map, ask_key(r, e));
    if (at == FINGER_NONE || r->denials[at].allowed_us != 0) {
        return;
    }
    struct denial *d = &r->denials[at];
    d->allowed_us = t->line->ts_us;
    d->in_period = t->in_period;
    d->num_names = e->want.num_dns + e->want.num_ip + e->want.num_uri + e->want.num_email;
    if (t->in_period) {
        r->allowed_later++;
        d->client = report_text(r, collect_party(e), TALLY_TEXT_MAX);
        d->name = report_text(r, collect_first_name(&e->want), TALLY_TEXT_MAX);
        d->rule = report_text(r, e->rule, TALLY_TEXT_MAX);
    }
}

void take_revoke_attempt(struct report *r, const struct taken *t)
{
    attempt_open(r, t);
}
