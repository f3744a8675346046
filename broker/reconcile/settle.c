/* settle.c - when both sides have been read: what are the certificates that the log does not know, what
 * became of attempts without an outcome, and what does the CA lack. */
#include "broker/reconcile/join.h"

#include <stdlib.h>

/* ---- what has been issued meanwhile ---- */

/* is_late - the log has gained it since it was read first. */
static bool is_late(const struct join *j, const struct stranger *x)
{
    const struct log_cert *cert = cert_table_find(&j->log.certs, &x->serial, x->finding.aki_hex);
    return cert != NULL && (cert->flags & (CERT_ISSUED | CERT_WITHHELD)) != 0;
}

static void drop_late(struct join *j)
{
    size_t kept = 0;
    for (size_t i = 0; i < j->num_strangers; i++) {
        if (is_late(j, &j->strangers[i])) {
            j->result->counts[VERDICT_OK]++;
        } else {
            j->strangers[kept++] = j->strangers[i];
        }
    }
    j->num_strangers = kept;
}

/* ---- which attempt a certificate comes from ---- */

static int by_issued(const void *a, const void *b)
{
    const struct stranger *x = a;
    const struct stranger *y = b;
    return (x->finding.issued_us > y->finding.issued_us) -
           (x->finding.issued_us < y->finding.issued_us);
}

/* An attempt by what it asked for, and which it is. */
struct ask_entry {
    unsigned char ask[SHA256_LEN];
    uint64_t index;
};

static int by_ask(const void *a, const void *b)
{
    const struct ask_entry *x = a;
    const struct ask_entry *y = b;
    const int order = memcmp(x->ask, y->ask, SHA256_LEN);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

struct asks {
    struct ask_entry *entries;
    size_t num;
};

static bool asks_make(const struct log_side *log, struct asks *ret)
{
    ret->entries = calloc(log->num_attempts + 1, sizeof(*ret->entries));
    ret->num = 0;
    if (ret->entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < log->num_attempts; i++) {
        if (log->attempts[i].has_details) {
            struct ask_entry *e = &ret->entries[ret->num++];
            memcpy(e->ask, log->attempts[i].ask, SHA256_LEN);
            e->index = i;
        }
    }
    qsort(ret->entries, ret->num, sizeof(*ret->entries), by_ask);
    return true;
}

/* asks_first - the first entry that asked for this. */
static size_t asks_first(const struct asks *asks, const unsigned char *ask)
{
    size_t low = 0;
    size_t high = asks->num;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (memcmp(asks->entries[middle].ask, ask, SHA256_LEN) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_in_time(const struct join *j, const struct stranger *x, const struct log_attempt *a)
{
    const int64_t slack = stranger_slack_us(x);
    const int64_t issued = x->finding.issued_us;
    return issued >= a->ts_us - slack && issued <= a->ts_us + j->options->window_us + slack;
}

/* match - the earliest attempt that asked for just this at the right time and has made nothing else
 * yet. Where there are only such as have, there are too many certificates: all of these are
 * ambiguous. */
static void match(struct join *j, const struct asks *asks, size_t index)
{
    struct stranger *x = &j->strangers[index];
    size_t crowded = 0;
    for (size_t i = asks_first(asks, x->ask);
         i < asks->num && memcmp(asks->entries[i].ask, x->ask, SHA256_LEN) == 0; i++) {
        struct log_attempt *a = &j->log.attempts[asks->entries[i].index];
        if (!is_in_time(j, x, a)) {
            continue;
        }
        a->has_match = true;
        if (!a->is_taken) {
            a->is_taken = true;
            x->attempt = asks->entries[i].index;
            x->finding.verdict = VERDICT_ORPHAN;
            return;
        }
        crowded++;
    }
    if (crowded == 0) {
        return;
    }
    x->finding.verdict = VERDICT_AMBIGUOUS;
    for (size_t i = 0; i < index; i++) {
        struct stranger *other = &j->strangers[i];
        if (other->attempt != SIZE_MAX && memcmp(other->ask, x->ask, SHA256_LEN) == 0 &&
            is_in_time(j, x, &j->log.attempts[other->attempt])) {
            other->finding.verdict = VERDICT_AMBIGUOUS;
        }
    }
}

static bool match_all(struct join *j)
{
    struct asks asks;
    if (!asks_make(&j->log, &asks)) {
        return false;
    }
    if (j->num_strangers > 0) {
        qsort(j->strangers, j->num_strangers, sizeof(*j->strangers), by_issued);
    }
    for (size_t i = 0; i < j->num_strangers; i++) {
        if (j->strangers[i].has_ask) {
            match(j, &asks, i);
        }
    }
    free(asks.entries);
    return true;
}

/* ---- verdicts ---- */

/* is_young - it may still get its outcome. */
static bool is_young(const struct join *j, const struct log_attempt *a)
{
    return a->state == ATTEMPT_OPEN &&
           a->ts_us + j->options->window_us + EXACT_SLACK_US > j->options->now_us;
}

/* look_up - what the log says of a certificate that it did not see issued: revoked through us,
 * recorded by an earlier run. */
static void look_up(const struct join *j, struct stranger *x, unsigned *ret_flags)
{
    const struct log_cert *cert = cert_table_find(&j->log.certs, &x->serial, x->finding.aki_hex);
    *ret_flags = cert == NULL ? 0 : cert->flags;
    if (cert != NULL && (cert->flags & CERT_REVOKED) != 0) {
        x->finding.is_revoked = true;
        x->finding.is_revoked_here = true;
        x->finding.revoked_us =
            x->finding.revoked_us == 0 ? cert->revoked_us : x->finding.revoked_us;
    }
}

/* revoked_words - for the evidence: it is over, but the finding is not recorded yet. */
static const char *revoked_words(const struct finding *f)
{
    return f->is_revoked_here ? "; it is revoked, through this broker"
           : f->is_revoked    ? "; it is revoked at the CA"
                              : "";
}

static const char *backdated_words(const struct join *j, const struct stranger *x)
{
    if (!x->is_backdated) {
        return "";
    }
    return is_before_log(j, x) ? "; it claims to be older than the log, but was stored after "
                                 "certificates that are in it"
                               : "; it claims to be from before --ignore-before, but was stored "
                                 "after certificates that are in the log";
}

static void settle_orphan(struct join *j, struct stranger *x, unsigned flags)
{
    struct log_attempt *a = &j->log.attempts[x->attempt];
    x->finding.ref = a->seq;
    x->finding.who = a->who;
    x->finding.req = a->req;
    x->finding.is_recorded = (flags & CERT_TOLD_ORPHAN) != 0;
    if (x->finding.verdict != VERDICT_ORPHAN) {
        return;
    }
    if (is_young(j, a)) {
        x->finding.verdict = VERDICT_UNDER_WAY;
        return;
    }
    if (finding_is_over(j, &x->finding)) {
        finding_end(&x->finding, flags);
    }
    finding_detail(j->result, &x->finding,
                   "names, key and time are those of attempt %llu, whose outcome is not known%s",
                   (unsigned long long)a->seq, revoked_words(&x->finding));
}

static void settle_bypass(struct join *j, struct stranger *x, unsigned flags)
{
    const bool is_ours = x->finding.verdict == VERDICT_AMBIGUOUS;
    x->finding.is_recorded = (flags & (is_ours ? CERT_TOLD_ORPHAN : CERT_TOLD_BYPASS)) != 0;
    if (x->finding.is_recorded && finding_is_over(j, &x->finding)) {
        finding_end(&x->finding, flags);
    }
    finding_detail(j->result, &x->finding, "%s%s%s%s",
                   is_ours ? "attempts here asked for just this, but for fewer of them"
                           : "no attempt in the log asked for these names, with this key, at this "
                             "time",
                   x->is_ca ? "; it may itself sign certificates" : "", backdated_words(j, x),
                   revoked_words(&x->finding));
}

static enum cb_code settle_strangers(struct join *j, struct cb_err *err)
{
    for (size_t i = 0; i < j->num_strangers; i++) {
        struct stranger *x = &j->strangers[i];
        unsigned flags = 0;
        look_up(j, x, &flags);
        if (x->attempt != SIZE_MAX) {
            settle_orphan(j, x, flags);
        }
        if (x->finding.verdict == VERDICT_BYPASS || x->finding.verdict == VERDICT_AMBIGUOUS) {
            settle_bypass(j, x, flags);
        }
        TRY(finding_add(j->result, &x->finding, NULL, err));
    }
    return CB_OK;
}

/* settle_attempt - one without a known outcome that no certificate was found for. */
static enum cb_code settle_attempt(struct join *j, const struct log_attempt *a, struct cb_err *err)
{
    struct finding f = finding_none;
    if (a->ts_us < j->options->since_us || a->ts_us >= j->options->until_us) {
        return CB_OK;
    }
    j->result->num_attempts++;
    if (a->is_taken) {
        return CB_OK;
    }
    f.verdict = is_young(j, a)          ? VERDICT_UNDER_WAY
                : a->is_told            ? VERDICT_SETTLED
                : j->facts.is_selective ? VERDICT_UNRESOLVED
                                        : VERDICT_NOT_ISSUED;
    f.ref = a->seq;
    f.who = a->who;
    f.req = a->req;
    f.names = a->names;
    f.issued_us = a->ts_us;
    if (a->has_match) {
        finding_detail(j->result, &f,
                       "other attempts for the same names account for what the CA has");
    } else if (f.verdict == VERDICT_NOT_ISSUED) {
        finding_detail(j->result, &f,
                       "no certificate with these names and this key from that time");
    }
    return finding_add(j->result, &f, NULL, err);
}

static enum cb_code settle_revocation(struct join *j, const struct revocation *v,
                                      struct cb_err *err)
{
    const struct log_cert *cert = &j->log.certs.certs[v->cert];
    if ((cert->flags & CERT_REVOKED) != 0) {
        j->result->counts[VERDICT_OK]++; /* the log has it by now */
        return CB_OK;
    }
    struct finding f = finding_of_cert(&j->log.certs, cert, VERDICT_REVOKED_AT_CA);
    f.is_revoked = true;
    f.revoked_us = v->revoked_us;
    f.is_recorded = (cert->flags & CERT_TOLD_RESOLVED) != 0;
    if ((cert->flags & CERT_REVOKE_TRIED) != 0) {
        f.verdict = VERDICT_REVOKED_LATE;
    } else if (f.is_recorded || cert->not_after_s < j->options->now_us / 1000000) {
        f.verdict = VERDICT_SETTLED;
    }
    finding_detail(j->result, &f, "reason there: %s",
                   v->reason[0] == '\0' ? "not a known one" : v->reason);
    return finding_add(j->result, &f, NULL, err);
}

/* settle_logged - what the log has and the CA does not; only what was in the log before the CA's side
 * was read must be there. */
static enum cb_code settle_logged(struct join *j, const struct log_cert *cert, struct cb_err *err)
{
    const unsigned must = CERT_ISSUED | CERT_IN_PERIOD;
    if ((cert->flags & (CERT_ISSUED | CERT_WITHHELD)) != 0) {
        j->result->num_logged++;
    }
    if ((cert->flags & must) != must) {
        return CB_OK;
    }
    const bool is_expired = cert->not_after_s < j->options->now_us / 1000000;
    if ((cert->flags & CERT_UNDELIVERED) != 0 && (cert->flags & CERT_REVOKED) == 0 && !is_expired) {
        j->result->num_undelivered++;
    }
    if ((cert->flags & (CERT_SEEN | CERT_UNREADABLE)) != 0 || (cert->flags & CERT_EARLY) == 0) {
        return CB_OK;
    }
    struct finding f =
        finding_of_cert(&j->log.certs, cert, is_expired ? VERDICT_EXPIRED : VERDICT_MISSING);
    f.is_recorded = (cert->flags & CERT_TOLD_MISSING) != 0;
    finding_detail(j->result, &f, "record %llu of the log has the whole certificate",
                   (unsigned long long)cert->seq);
    return finding_add(j->result, &f, NULL, err);
}

/* ---- who asked ---- */

/* A finding about a certificate that the log knows, and the record that tells more of it. */
struct wanted {
    uint64_t seq;
    size_t finding;
};

struct wanting {
    struct join *j;
    struct wanted *items;
    size_t num;
};

static int by_seq(const void *a, const void *b)
{
    const struct wanted *x = a;
    const struct wanted *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static bool on_record(void *ctx, uint64_t seq, const struct audit_event *e)
{
    const struct wanting *w = ctx;
    const struct wanted key = {.seq = seq};
    const struct wanted *found = bsearch(&key, w->items, w->num, sizeof(key), by_seq);
    if (found == NULL) {
        return true;
    }
    struct arena *arena = &w->j->result->arena;
    struct finding *f = &w->j->result->findings[found->finding];
    size_t num = 0;
    const struct slice *names = names_of_event(&w->j->scratch, &e->granted, &num);
    if (names == NULL) {
        return false;
    }
    if (f->names.ptr == NULL) {
        f->names = names_text(arena, e->granted.cn, names, num);
    }
    f->who = arena_slice(arena, e->on_behalf_of.ptr == NULL ? e->who_id : e->on_behalf_of);
    f->req = arena_slice(arena, e->req);
    arena_reset(&w->j->scratch);
    return f->names.ptr != NULL;
}

static void widen(struct log_wanted *w, int64_t us)
{
    w->from_us = us < w->from_us ? us : w->from_us;
    w->to_us = us >= w->to_us ? us + 1 : w->to_us;
}

static enum cb_code read_details(struct join *j, struct wanting *w, struct cb_err *err)
{
    uint64_t *seqs = calloc(w->num + 1, sizeof(*seqs));
    struct log_wanted wanted = {.seqs = seqs, .num = w->num, .from_us = INT64_MAX};
    if (seqs == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    if (w->num > 0) {
        qsort(w->items, w->num, sizeof(*w->items), by_seq);
    }
    for (size_t i = 0; i < w->num; i++) {
        seqs[i] = w->items[i].seq;
        widen(&wanted, j->result->findings[w->items[i].finding].issued_us);
    }
    for (size_t i = 0; i < j->log.num_attempts; i++) {
        widen(&wanted, j->log.attempts[i].ts_us);
    }
    const enum cb_code code =
        wanted.from_us < wanted.to_us
            ? log_side_details(&j->log, &j->result->arena, &wanted, on_record, w, err)
            : CB_OK;
    free(seqs);
    return code;
}

static enum cb_code add_details(struct join *j, struct cb_err *err)
{
    struct wanting w = {.j = j};
    w.items = calloc(j->result->num_findings + 1, sizeof(*w.items));
    if (w.items == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < j->result->num_findings; i++) {
        if (j->result->findings[i].cert_ref != UINT64_MAX) {
            w.items[w.num++] = (struct wanted){j->result->findings[i].cert_ref, i};
        }
    }
    const enum cb_code code = read_details(j, &w, err);
    free(w.items);
    return code;
}

/* ---- all of it ---- */

static int by_verdict(const void *a, const void *b)
{
    const struct finding *x = a;
    const struct finding *y = b;
    if (x->verdict != y->verdict) {
        return (x->verdict > y->verdict) - (x->verdict < y->verdict);
    }
    return (x->issued_us > y->issued_us) - (x->issued_us < y->issued_us);
}

/* find_hint - when nearly everything is wrong it is mostly the comparison. */
static void find_hint(struct reconcile_result *r)
{
    if (r->num_rows == 0 && r->counts[VERDICT_MISSING] > 0 && !r->is_selective) {
        r->hint = "the database holds no certificates at all: is it the one that `cfssl serve` was "
                  "started with (-db-config)? Without one CFSSL keeps no list of what it signs";
    } else if (r->counts[VERDICT_OK] == 0 && r->counts[VERDICT_MISSING] > 1 &&
               r->counts[VERDICT_BYPASS] > 1) {
        r->hint = "not one certificate is in both: is this the database of the CA behind this "
                  "broker, and this the broker's log?";
    }
}

/* settle_both - certificates that are in both, or in the log alone. */
static enum cb_code settle_both(struct join *j, struct cb_err *err)
{
    for (size_t i = 0; i < j->num_revocations; i++) {
        TRY(settle_revocation(j, &j->revocations[i], err));
    }
    for (size_t i = 0; i < j->log.certs.num; i++) {
        TRY(settle_logged(j, &j->log.certs.certs[i], err));
    }
    return CB_OK;
}

static enum cb_code settle_attempts(struct join *j, struct cb_err *err)
{
    for (size_t i = 0; i < j->log.num_attempts; i++) {
        TRY(settle_attempt(j, &j->log.attempts[i], err));
    }
    return CB_OK;
}

/* meet_akis - keys of --aki that certificates in the log are signed by. */
static void meet_akis(struct join *j)
{
    const struct cert_table *t = &j->log.certs;
    for (size_t i = 0; i < j->options->num_akis; i++) {
        for (size_t k = 0; k < t->num_akis && !j->result->is_aki_met[i]; k++) {
            j->result->is_aki_met[i] = strcmp(j->options->akis[i], t->akis[k]) == 0;
        }
    }
}

enum cb_code join_settle(struct join *j, struct cb_err *err)
{
    struct reconcile_result *r = j->result;
    log_side_settle(&j->log);
    meet_akis(j);
    drop_late(j);
    TRY(settle_both(j, err));
    TRY(add_details(j, err));
    if (!match_all(j)) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    TRY(settle_strangers(j, err));
    TRY(settle_attempts(j, err));
    if (r->num_findings > 0) {
        qsort(r->findings, r->num_findings, sizeof(*r->findings), by_verdict);
    }
    find_hint(r);
    return CB_OK;
}
