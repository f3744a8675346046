/* troubles.c - see troubles.h. What was lost and accepted is told by pass.c. */
#include "audit/verify/troubles.h"

#include "audit/read/reader.h"
#include "audit/scan.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX (64UL * 1024)

void troubles_init(struct troubles *t)
{
    *t = (struct troubles){.num_faults = 0};
    CB_CHECK(pthread_mutex_init(&t->mutex, NULL) == 0);
}

void troubles_free(struct troubles *t)
{
    (void)pthread_mutex_destroy(&t->mutex);
}

/* ---- reading ---- */

static void keep(struct trouble *list, uint64_t *num, const struct trouble *trouble)
{
    if (*num < TROUBLES_MAX) {
        list[*num] = *trouble;
    }
    *num += 1;
}

/* take_fault - ret->first: the first record that was not on the disk as it had been acknowledged. */
static enum cb_code take_fault(struct troubles *t, const struct line_info *info, struct cb_err *err)
{
    struct scan s = scan_over(info->body);
    struct slice detail;
    struct trouble trouble = {.seq = info->seq, .last = info->seq - 1};
    uint64_t ignored = 0;
    if (!scan_literal(&s, SLICE("\"type\":\"audit.fault\",\"reason\":\"reread\""))) {
        return CB_OK;
    }
    if (!scan_literal(&s, SLICE(",\"detail\":")) || !scan_string(&s, &detail) ||
        !scan_literal(&s, SLICE(",\"errno\":")) || !scan_u64(&s, &ignored) ||
        !scan_literal(&s, SLICE(",\"segment\":")) || !scan_u64(&s, &ignored) ||
        !scan_literal(&s, SLICE(",\"next_seq\":")) || !scan_u64(&s, &trouble.first) ||
        trouble.first >= info->seq) {
        return cb_fail(err, CB_EINPUT, "audit.fault does not say which records it is about");
    }
    keep(t->fault, &t->num_faults, &trouble);
    return CB_OK;
}

static enum cb_code take_unsigned(struct troubles *t, const struct line_info *info,
                                  struct cb_err *err)
{
    struct arena arena;
    struct audit_event e;
    struct slice trunc;
    struct cb_err ignored;
    const struct audit_line line = {
        .seq = info->seq, .ts_us = info->ts_us, .type = info->type, .body = info->body};
    arena_init(&arena, ARENA_MAX);
    const bool says = audit_line_decode(&line, &arena, &e, &trunc, &ignored) == CB_OK &&
                      e.first_seq <= e.last_seq && e.last_seq < info->seq;
    if (says) {
        const struct trouble trouble = {info->seq, e.first_seq, e.last_seq};
        keep(t->starts, &t->num_unsigned, &trouble);
    }
    arena_free(&arena);
    return says ? CB_OK
                : cb_fail(err, CB_EINPUT, "audit.unsigned does not say which records it is about");
}

static enum cb_code take(struct troubles *t, const struct line_info *info, struct cb_err *err)
{
    if (info->type == AUDIT_FAULT) {
        return take_fault(t, info, err);
    }
    if (info->type == AUDIT_UNSIGNED) {
        return take_unsigned(t, info, err);
    }
    t->last_loss = info->seq > t->last_loss ? info->seq : t->last_loss;
    return CB_OK;
}

enum cb_code troubles_take(struct troubles *t, const struct line_info *info, struct cb_err *err)
{
    if (t == NULL ||
        (info->type != AUDIT_FAULT && info->type != AUDIT_UNSIGNED && info->type != AUDIT_LOSS)) {
        return CB_OK;
    }
    (void)pthread_mutex_lock(&t->mutex);
    const enum cb_code code = take(t, info, err);
    (void)pthread_mutex_unlock(&t->mutex);
    return code;
}

/* ---- judging ---- */

static int by_seq(const void *left, const void *right)
{
    const struct trouble *a = left;
    const struct trouble *b = right;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* judge_fault - what the broker saw then is no longer the disk's, or somebody's, word alone: records that
 * were signed for all the same may not be those that were acknowledged. */
static void judge_fault(const struct trouble *f, uint64_t last_loss, uint64_t sealed,
                        struct findings *findings)
{
    struct verify_finding found = {.kind = VERIFY_RECORDS, .seq = f->first, .last_seq = f->last};
    if (last_loss > f->seq) {
        return; /* and that is told */
    }
    if (sealed <= f->first) {
        findings_notice(findings,
                        "record %llu says that the disk did not hold what was acknowledged, from "
                        "record %llu on; nothing was signed since",
                        (unsigned long long)f->seq, (unsigned long long)f->first);
        return;
    }
    findings_add(findings, found,
                 "record %llu says that the disk did not hold these as they had been acknowledged; "
                 "they were signed for later, and nobody has accepted that (audit.loss)",
                 (unsigned long long)f->seq);
}

static void tell_unsigned(const struct troubles *t, size_t num, struct findings *findings)
{
    char ranges[VERIFY_TEXT_MAX / 2] = "";
    size_t len = 0;
    size_t told = 0;
    for (; told < num && len + 48 < sizeof(ranges); told++) {
        const int more = snprintf(ranges + len, sizeof(ranges) - len, "%s%llu to %llu",
                                  told > 0 ? ", " : "", (unsigned long long)t->starts[told].first,
                                  (unsigned long long)t->starts[told].last);
        len += more > 0 ? (size_t)more : 0;
    }
    findings_notice(findings,
                    "records %s%s were not signed when a start found them, as a crash leaves them: "
                    "they were signed for as they were then",
                    ranges, t->num_unsigned > told ? " and others" : "");
}

void troubles_judge(struct troubles *t, uint64_t sealed, struct findings *findings)
{
    const size_t faults = t->num_faults < TROUBLES_MAX ? (size_t)t->num_faults : TROUBLES_MAX;
    const size_t num = t->num_unsigned < TROUBLES_MAX ? (size_t)t->num_unsigned : TROUBLES_MAX;
    qsort(t->fault, faults, sizeof(t->fault[0]), by_seq);
    qsort(t->starts, num, sizeof(t->starts[0]), by_seq);
    for (size_t i = 0; i < faults; i++) {
        judge_fault(&t->fault[i], t->last_loss, sealed, findings);
    }
    if (num > 0) {
        tell_unsigned(t, num, findings);
    }
}
