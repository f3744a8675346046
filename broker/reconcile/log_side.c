/* log_side.c - one pass over the audit log: which certificates it names, which of them it says are
 * revoked, which attempts have no known outcome, and what earlier runs have recorded.
 *
 * Attempts themselves are not decoded: their number and time are enough until one of them turns out
 * to be of interest (log_details.c). */
#include "broker/reconcile/log_side.h"

#include "broker/base/clock.h"

#include <stdlib.h>

#define SCRATCH_MAX ((size_t)1 << 20)
#define SCRATCH_USUAL ((size_t)16 << 10)
#define CLOSED_MAX 4096U /* attempts with an outcome that are kept until they are swept */

enum cb_code log_side_init(struct log_side *log, const struct reconcile_options *options,
                           struct cb_err *err)
{
    *log = (struct log_side){.options = options};
    TRY(cert_table_init(&log->certs, err));
    arena_init(&log->scratch, SCRATCH_MAX);
    if (arena_alloc(&log->scratch, SCRATCH_USUAL) == NULL) {
        log_side_free(log);
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    arena_reset(&log->scratch);
    return CB_OK;
}

void log_side_free(struct log_side *log)
{
    cert_table_free(&log->certs);
    free(log->attempts);
    arena_free(&log->scratch);
    *log = (struct log_side){0};
}

/* ---- attempts ---- */

void log_side_settle(struct log_side *log)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->num_attempts; i++) {
        if (log->attempts[i].state != ATTEMPT_CLOSED) {
            log->attempts[kept++] = log->attempts[i];
        }
    }
    log->num_attempts = kept;
    log->num_closed = 0;
}

static enum cb_code add_attempt(struct log_side *log, const struct audit_line *line,
                                struct cb_err *err)
{
    if (log->num_closed > CLOSED_MAX && log->num_closed > log->num_attempts / 2) {
        log_side_settle(log);
    }
    if (log->num_attempts == log->room_attempts) {
        const size_t room = log->room_attempts == 0 ? 4096 : 2 * log->room_attempts;
        struct log_attempt *more = realloc(log->attempts, room * sizeof(*more));
        if (more == NULL) {
            return cb_fail(err, CB_ENOMEM, "out of memory");
        }
        log->attempts = more;
        log->room_attempts = room;
    }
    if (log->num_attempts - log->num_closed >= ATTEMPTS_MAX) {
        return cb_fail(
            err, CB_ELIMIT,
            "more than %u attempts without a known outcome: take a shorter time, --since",
            ATTEMPTS_MAX);
    }
    log->attempts[log->num_attempts++] =
        (struct log_attempt){.seq = line->seq, .ts_us = line->ts_us};
    return CB_OK;
}

struct log_attempt *log_side_attempt(struct log_side *log, uint64_t seq)
{
    size_t low = 0;
    size_t high = log->num_attempts;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (log->attempts[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < log->num_attempts && log->attempts[low].seq == seq ? &log->attempts[low] : NULL;
}

static void set_state(struct log_side *log, uint64_t seq, enum attempt_state state)
{
    struct log_attempt *a = log_side_attempt(log, seq);
    if (a != NULL) {
        log->num_closed += a->state != ATTEMPT_CLOSED && state == ATTEMPT_CLOSED;
        log->num_closed -= a->state == ATTEMPT_CLOSED && state != ATTEMPT_CLOSED;
        a->state = state;
    }
}

/* ---- certificates ---- */

/* cert_of - the entry for the certificate that a record names; NULL: it names none. */
static enum cb_code cert_of(struct log_side *log, const struct audit_event *e,
                            struct log_cert **ret, struct cb_err *err)
{
    struct serial serial;
    char aki[65] = "";
    *ret = NULL;
    if (e->serial.ptr == NULL || !serial_from_hex(e->serial, &serial)) {
        return CB_OK;
    }
    if (e->aki.ptr != NULL && !aki_text(e->aki, aki)) {
        aki[0] = '\0';
    }
    return cert_table_add(&log->certs, &serial, aki, ret, err);
}

static bool is_in_period(const struct log_side *log, int64_t ts_us)
{
    return ts_us >= log->options->since_us && ts_us < log->options->until_us;
}

static void take_certificate(const struct log_side *log, const struct audit_line *line,
                             const struct audit_event *e, unsigned flag, struct log_cert *cert)
{
    int64_t not_after_us = 0;
    cert->flags = (uint16_t)(cert->flags | flag | (log->is_late ? 0U : CERT_EARLY) |
                             (is_in_period(log, line->ts_us) ? CERT_IN_PERIOD : 0U));
    cert->seq = line->seq;
    cert->ref = e->ref;
    cert->ts_us = line->ts_us;
    if (e->not_after.ptr != NULL && time_parse(e->not_after, &not_after_us)) {
        cert->not_after_s = not_after_us / 1000000;
    }
    if (e->cert_sha256.ptr != NULL && hex_decode(e->cert_sha256, cert->sha256, SHA256_LEN)) {
        cert->flags |= CERT_HAS_SHA256;
    }
}

static enum cb_code on_issued(struct log_side *log, const struct audit_line *line,
                              const struct audit_event *e, struct cb_err *err)
{
    struct log_cert *cert = NULL;
    set_state(log, e->ref, ATTEMPT_CLOSED);
    TRY(cert_of(log, e, &cert, err));
    if (cert != NULL) {
        take_certificate(log, line, e, CERT_ISSUED, cert);
    }
    return CB_OK;
}

/* is_replay - the CA answered with a certificate that it had issued before: it is not this one's. */
static bool is_replay(const struct audit_event *e)
{
    for (size_t i = 0; i < e->num_mismatch; i++) {
        if (slice_eq_str(e->mismatch[i], "serial")) {
            return true;
        }
    }
    return false;
}

static enum cb_code on_failed(struct log_side *log, const struct audit_line *line,
                              const struct audit_event *e, struct cb_err *err)
{
    struct log_cert *cert = NULL;
    const bool is_possible = slice_eq_str(e->effect, "possible") || slice_eq_str(e->effect, "done");
    if (!is_replay(e)) {
        TRY(cert_of(log, e, &cert, err));
    }
    set_state(log, e->ref, cert == NULL && is_possible ? ATTEMPT_UNKNOWN : ATTEMPT_CLOSED);
    if (cert != NULL && (cert->flags & CERT_ISSUED) == 0) {
        take_certificate(log, line, e, CERT_WITHHELD, cert);
    }
    return CB_OK;
}

static enum cb_code on_revoked(struct log_side *log, const struct audit_line *line,
                               const struct audit_event *e, struct cb_err *err)
{
    struct log_cert *cert = NULL;
    TRY(cert_of(log, e, &cert, err));
    if (cert != NULL) {
        cert->flags |= CERT_REVOKED;
        cert->revoked_us = cert->revoked_us == 0 ? line->ts_us : cert->revoked_us;
    }
    return CB_OK;
}

static enum cb_code mark(struct log_side *log, const struct audit_event *e, unsigned flag,
                         struct cb_err *err)
{
    struct log_cert *cert = NULL;
    TRY(cert_of(log, e, &cert, err));
    if (cert != NULL) {
        cert->flags = (uint16_t)(cert->flags | flag);
    }
    return CB_OK;
}

/* told_flag - a record type stands for more than one finding: its reason says which. */
static unsigned told_flag(enum audit_type type, struct slice reason)
{
    if (type == AUDIT_RECONCILE_BYPASS) {
        return slice_eq_str(reason, verdict_word(VERDICT_DIFFERS)) ? CERT_TOLD_DIFFERS
                                                                   : CERT_TOLD_BYPASS;
    }
    if (type == AUDIT_RECONCILE_MISSING) {
        return slice_eq_str(reason, verdict_word(VERDICT_REVOKED_IN_LOG)) ? CERT_TOLD_UNREVOKED
                                                                          : CERT_TOLD_MISSING;
    }
    return type == AUDIT_RECONCILE_ORPHAN ? CERT_TOLD_ORPHAN : CERT_TOLD_RESOLVED;
}

/* on_reconciled - what an earlier run has recorded is not recorded again. */
static enum cb_code on_reconciled(struct log_side *log, const struct audit_event *e,
                                  struct cb_err *err)
{
    struct log_attempt *a = e->ref == UINT64_MAX ? NULL : log_side_attempt(log, e->ref);
    if (a != NULL) {
        a->is_told = true;
    }
    return mark(log, e, told_flag(e->type, e->reason), err);
}

/* ---- records ---- */

static enum cb_code take_event(struct log_side *log, const struct audit_line *line,
                               const struct audit_event *e, struct cb_err *err)
{
    if (line->type == AUDIT_ISSUE_OK) {
        return on_issued(log, line, e, err);
    }
    if (line->type == AUDIT_ISSUE_FAIL) {
        return on_failed(log, line, e, err);
    }
    if (line->type == AUDIT_ISSUE_UNKNOWN) {
        set_state(log, e->ref, ATTEMPT_UNKNOWN);
        return CB_OK;
    }
    if (line->type == AUDIT_ISSUE_UNDELIVERED) {
        return mark(log, e, CERT_UNDELIVERED, err);
    }
    if (line->type == AUDIT_REVOKE_ATTEMPT) {
        return mark(log, e, CERT_REVOKE_TRIED, err);
    }
    if (line->type == AUDIT_REVOKE_OK) {
        return on_revoked(log, line, e, err);
    }
    return on_reconciled(log, e, err);
}

static bool concerns(enum audit_type type)
{
    return type == AUDIT_ISSUE_OK || type == AUDIT_ISSUE_FAIL || type == AUDIT_ISSUE_UNKNOWN ||
           type == AUDIT_ISSUE_UNDELIVERED || type == AUDIT_REVOKE_ATTEMPT ||
           type == AUDIT_REVOKE_OK || type == AUDIT_RECONCILE_ORPHAN ||
           type == AUDIT_RECONCILE_BYPASS || type == AUDIT_RECONCILE_MISSING ||
           type == AUDIT_RECONCILE_RESOLVED;
}

static enum cb_code take_line(struct log_side *log, const struct audit_line *line,
                              struct cb_err *err)
{
    struct audit_event e;
    struct slice trunc = {NULL, 0};
    if (line->type == AUDIT_ISSUE_ATTEMPT) {
        return add_attempt(log, line, err);
    }
    if (!concerns(line->type)) {
        return CB_OK;
    }
    TRY(audit_line_decode(line, &log->scratch, &e, &trunc, err));
    return take_event(log, line, &e, err);
}

static bool on_line(void *ctx, const struct audit_line *line)
{
    struct log_side *log = ctx;
    if (line->seq < log->next_seq) {
        return true;
    }
    if (log->from_us == 0) {
        log->from_us = line->ts_us;
    }
    log->to_us = line->ts_us;
    if (log->options->progress != NULL) {
        atomic_fetch_add_explicit(&log->options->progress->done, 1, memory_order_relaxed);
    }
    log->next_seq = line->seq + 1;
    log->code = take_line(log, line, &log->err);
    arena_reset(&log->scratch);
    return log->code == CB_OK;
}

#define MARGIN_US (INT64_C(3600) * 1000000) /* clocks of the log, the CA and whoever asks */

static int64_t read_from(const struct log_side *log)
{
    if (log->is_late) {
        return log->to_us > MARGIN_US ? log->to_us - MARGIN_US : INT64_MIN;
    }
    return log->options->since_us < 0 ? INT64_MIN : log->options->since_us - MARGIN_US;
}

enum cb_code log_side_read(struct log_side *log, struct cb_err *err)
{
    enum cb_code code =
        audit_walk_span(log->options->audit_dir, read_from(log), INT64_MAX, on_line, log, err);
    if (code == CB_OK && log->code != CB_OK) {
        code = log->code;
        *err = log->err;
    }
    return code;
}
