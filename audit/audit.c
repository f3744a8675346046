/* audit.c - the public surface of the writer: open, close, submit, ask. What happens to a record
 * after it was queued is commit.c. */
#include "audit/read/reader.h"
#include "audit/recover.h"
#include "audit/writer.h"

#include <signal.h>
#include <stdlib.h>

const char *audit_state_word(enum audit_state state)
{
    switch (state) {
    case AUDIT_OK:
        return "ok";
    case AUDIT_LOW_SPACE:
        return "low_space";
    case AUDIT_CORRUPT:
        return "corrupt";
    case AUDIT_STALLED:
        return "stalled";
    case AUDIT_BLOCKED:
        return "blocked";
    }
    return "unknown";
}

/* ---- opening ---- */

void audit_recovery_free(struct audit_recovery *r)
{
    free(r->open);
    *r = (struct audit_recovery){0};
}

/* find_req - the walk's callback: fill in the request ids of attempts from older segments. */
static bool find_req(void *ctx, uint64_t seq, struct slice line)
{
    struct open_set *open = ctx;
    struct line_info info;
    struct cb_err err;
    struct open_item *item = open_set_find(open, seq);
    if (item != NULL && item->attempt.req[0] == '\0' && line_check(line, &info, &err) == CB_OK &&
        info.req.len <= LINE_REQ_MAX && info.req.ptr != NULL) {
        memcpy(item->attempt.req, info.req.ptr, info.req.len);
        item->attempt.req[info.req.len] = '\0';
    }
    return seq < open->items[open->num - 1].attempt.seq;
}

/* find_reqs - attempts that segment.open carried have lost their request id; it stands in an older
 * segment. Only a convenience for whoever reads the log, so its failure is not one of opening. */
static void find_reqs(const struct audit *a, struct open_set *open)
{
    struct cb_err ignored;
    if (open->num > 0 && open->items[0].attempt.req[0] == '\0') {
        (void)!audit_walk(a->dir, open->items[0].attempt.seq, find_req, open, &ignored);
    }
}

static enum cb_code report(const struct recovered *r, const struct unsigned_tail *tail,
                           struct audit_recovery *ret, struct cb_err *err)
{
    *ret = (struct audit_recovery){.next_seq = r->tree.size,
                                   .clean = r->prev.clean,
                                   .void_bytes = r->prev.void_bytes,
                                   .lost = r->loss.found,
                                   .lost_first = r->loss.first_seq,
                                   .lost_last = r->loss.last_seq,
                                   .unsigned_first = tail->first,
                                   .num_unsigned = tail->num,
                                   .num_open = r->open.num};
    ret->open = calloc(r->open.num + 1, sizeof(*ret->open));
    if (ret->open == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the open attempts");
    }
    for (size_t i = 0; i < r->open.num; i++) {
        ret->open[i] = r->open.items[i].attempt;
    }
    return CB_OK;
}

enum cb_code writer_start_thread(pthread_t *ret, void *(*run)(void *), void *arg,
                                 struct cb_err *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int status = pthread_create(ret, NULL, run, arg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != 0) {
        return cb_fail(err, CB_ESYS, "cannot start the audit log's thread (error %d)", status);
    }
    return CB_OK;
}

/* sign_opening - behind a proper end nothing may stand unsigned but the beginning of this run. */
static enum cb_code sign_opening(const struct audit *a, struct cb_err *err)
{
    char why[CB_ERR_MSG_MAX];
    sealer_urge(a->sealer);
    if (sealer_wait(a->sealer)) {
        return CB_OK;
    }
    audit_seal_why(a, why);
    return cb_fail(err, sealer_get_state(a->sealer) == SEALER_MISMATCH ? CB_ECORRUPT : CB_ESYS,
                   "the beginning of this run cannot be signed for: %.300s", why);
}

static enum cb_code start_threads(struct audit *a, const struct sealing *sealing,
                                  struct cb_err *err)
{
    if (a->sealer != NULL) {
        TRY(writer_start_thread(&a->sealer_thread, sealer_main, a->sealer, err));
        a->sealer_runs = true;
        if (sealing->tail.clean_end) {
            TRY(sign_opening(a, err));
        }
    }
    return writer_start_thread(&a->thread, committer_main, a, err);
}

/* adopt - what recovery found becomes the writer's. */
static void adopt(struct audit *a, const struct recovered *r)
{
    a->tree = r->tree;
    a->prev = r->prev;
    a->open = r->open;
    a->newest_no = r->newest_no;
    atomic_store(&a->next_seq, r->tree.size);
}

/* find_end - where the log ends, with what is given up if somebody said so. */
static enum cb_code find_end(struct audit *a, uint64_t sealed, struct recovered *r,
                             struct cb_err *err)
{
    if (a->options.accept_loss == NULL) {
        return recover(a->dir, slice_of(a->origin), a->io, r, err);
    }
    TRY(unsigned_recover(a->dir, slice_of(a->origin), a->io, sealed, r, err));
    a->loss = r->loss;
    return CB_OK;
}

/* check_known - before anything is written: a log that goes on after a cut could not be told apart later. */
static enum cb_code check_known(const struct audit *a, uint64_t size, struct cb_err *err)
{
    if (size >= a->options.known_size) {
        return CB_OK;
    }
    return cb_fail(err, CB_ECORRUPT,
                   "%.100s/seg holds %llu records, but %.100s was made from %llu: records were "
                   "removed, or an older copy of the log was put back. Put the log back; if it was "
                   "restored on purpose, remove that file: it is made anew from the log",
                   a->dir, (unsigned long long)size, a->options.known_to,
                   (unsigned long long)a->options.known_size);
}

static enum cb_code open_writer(struct audit *a, struct recovered *r, struct sealing *sealing,
                                struct audit_recovery *ret_recovery, struct cb_err *err)
{
    TRY(writer_read_origin(a, err));
    TRY(writer_lock(a, err));
    TRY(sealing_read(a, sealing, err));
    TRY(find_end(a, a->options.key != NULL ? sealing->checkpoint.size : 0, r, err));
    find_reqs(a, &r->open);
    adopt(a, r);
    TRY(check_known(a, a->tree.size, err));
    TRY(sealing_check(a, sealing, r, err));
    a->sealed_before = sealing->checkpoint;
    a->unsigned_num = sealing->tail.num;
    TRY(report(r, &sealing->tail, ret_recovery, err));
    writer_check_space(a);
    TRY(writer_open_segment(a, err));
    return start_threads(a, sealing, err);
}

enum cb_code audit_open(const struct audit_options *options, struct audit **ret,
                        struct audit_recovery *ret_recovery, struct cb_err *err)
{
    struct audit *a = NULL;
    struct audit_recovery recovery = {0};
    TRY(writer_new(options, &a, err));
    struct recovered *r = calloc(1, sizeof(*r));
    struct sealing sealing = {.is_signed = false};
    const enum cb_code code = r == NULL ? cb_fail(err, CB_ENOMEM, "no memory for the audit log")
                                        : open_writer(a, r, &sealing, &recovery, err);
    sealing_free(&sealing);
    free(r);
    if (code != CB_OK) {
        audit_recovery_free(&recovery);
        writer_free(a);
        return code;
    }
    *ret = a;
    *ret_recovery = recovery;
    return CB_OK;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&audit->mutex);
    audit->stop = true;
    (void)pthread_cond_signal(&audit->wake);
    (void)pthread_mutex_unlock(&audit->mutex);
    (void)pthread_join(audit->thread, NULL);
    writer_free(audit);
}

const char *audit_origin(const struct audit *audit)
{
    return audit->origin;
}

/* ---- state ---- */

static bool is_stalled(const struct audit *a)
{
    const int64_t since_us = atomic_load(&a->busy_since_us);
    return since_us != 0 &&
           clock_mono_us(a->clock) - since_us >= (int64_t)(a->options.stall_ms * 1000);
}

enum audit_state audit_get_state(const struct audit *audit)
{
    const int space = atomic_load(&audit->space);
    if (atomic_load(&audit->blocked) || space == SPACE_OUT) {
        return AUDIT_BLOCKED;
    }
    if (is_stalled(audit)) {
        return AUDIT_STALLED;
    }
    if (audit->sealer != NULL && sealer_get_state(audit->sealer) == SEALER_MISMATCH) {
        return AUDIT_CORRUPT;
    }
    return space == SPACE_LOW ? AUDIT_LOW_SPACE : AUDIT_OK;
}

void audit_get_stats(const struct audit *audit, struct audit_stats *ret)
{
    *ret = (struct audit_stats){
        .records = stat_get(&audit->records),
        .batches = stat_get(&audit->batches),
        .syncs = stat_get(&audit->syncs),
        .bytes = stat_get(&audit->bytes),
        .faults = stat_get(&audit->faults),
        .segments_opened = stat_get(&audit->segments_opened),
        .last_sync_us = stat_get(&audit->last_sync_us),
        .max_sync_us = stat_get(&audit->max_sync_us),
        .free_bytes = stat_get(&audit->free_bytes),
        .next_seq = stat_get(&audit->next_seq),
        .queued = stat_get(&audit->queued_now),
    };
    sealing_stats(audit, ret);
}

/* ---- submitting ---- */

static bool is_ours(enum audit_type type)
{
    return type == AUDIT_SEGMENT_OPEN || type == AUDIT_SEGMENT_CLOSE || type == AUDIT_FAULT ||
           type == AUDIT_RECOVERED || type == AUDIT_HEARTBEAT || type == AUDIT_CLOCK_STEP ||
           type == AUDIT_UNSIGNED;
}

/* check_append - a body that is not what it says would make the log unreadable: refuse it here. */
static enum cb_code check_append(struct audit_append *a, struct cb_err *err)
{
    struct line_info info;
    TRY(line_check_body(a->body, &info, err));
    if (info.type != a->type || is_ours(a->type)) {
        return cb_fail(err, CB_EINPUT, "a record of type %s cannot be appended as %s",
                       audit_type_word(info.type), audit_type_word(a->type));
    }
    if (audit_type_is_outcome(a->type) && info.ref != a->ref_seq) {
        return cb_fail(err, CB_EINPUT, "an outcome must name its attempt in ref");
    }
    a->req = info.req;
    return CB_OK;
}

/* check_state - mutex held: so that nothing is queued once the log is BLOCKED. */
static enum cb_code check_state(const struct audit *a, enum audit_type type, struct cb_err *err)
{
    const int space = atomic_load(&a->space);
    if (a->stop || atomic_load(&a->blocked)) {
        return cb_fail(err, CB_ESYS, "the audit log cannot be written");
    }
    if (is_stalled(a)) {
        return cb_fail(err, CB_ESYS, "the audit log's disk does not answer");
    }
    if (space == SPACE_OUT && !writer_has_reserve(type)) {
        return cb_fail(err, CB_ESYS, "the audit log's disk is full");
    }
    if (type == AUDIT_ISSUE_ATTEMPT && a->sealer != NULL &&
        sealer_get_state(a->sealer) == SEALER_MISMATCH) {
        return cb_fail(err, CB_ESYS,
                       "the audit log does not hold what was written: nothing is "
                       "issued");
    }
    if (space == SPACE_LOW && type == AUDIT_ISSUE_ATTEMPT) {
        return cb_fail(err, CB_ESYS, "the audit log's disk is nearly full: nothing is issued");
    }
    return CB_OK;
}

static enum cb_code check_room(const struct audit *a, const struct audit_append *append,
                               struct cb_err *err)
{
    if (a->queued >= QUEUE_RECORDS_MAX || a->queued_bytes + append->body.len > QUEUE_BYTES_MAX) {
        return cb_fail(err, CB_ELIMIT, "the audit log's queue is full");
    }
    if (audit_type_is_attempt(append->type) &&
        a->open.num + a->attempts_pending >= open_set_room(stat_get(&a->next_seq))) {
        return cb_fail(err, CB_ELIMIT, "too many requests await their outcome in the audit log");
    }
    return CB_OK;
}

static void enqueue(struct audit *a, struct audit_append *append)
{
    TAILQ_INSERT_TAIL(&a->queue, append, link);
    a->queued++;
    a->queued_bytes += append->body.len;
    atomic_store_explicit(&a->queued_now, a->queued, memory_order_relaxed);
    a->attempts_pending += audit_type_is_attempt(append->type) ? 1 : 0;
    if (a->idle) {
        a->idle = false; /* one wake-up is enough, however many come before it takes effect */
        (void)pthread_cond_signal(&a->wake);
    }
}

/* refuse - an outcome that is turned away leaves its attempt for us to close as unknown. */
static void refuse(struct audit *a, const struct audit_append *append)
{
    stat_add(&a->refused, 1);
    if (audit_type_is_outcome(append->type)) {
        struct open_item *item = open_set_find(&a->open, append->ref_seq);
        if (item != NULL) {
            item->lost = true;
        }
    }
}

enum cb_code audit_submit(struct audit *audit, struct audit_append *a, struct cb_err *err)
{
    TRY(check_append(a, err));
    (void)pthread_mutex_lock(&audit->mutex);
    enum cb_code code = check_state(audit, a->type, err);
    if (code == CB_OK) {
        code = check_room(audit, a, err);
    }
    if (code == CB_OK) {
        enqueue(audit, a);
    } else {
        refuse(audit, a);
    }
    (void)pthread_mutex_unlock(&audit->mutex);
    return code;
}

/* ---- waiting ---- */

struct waiter {
    struct audit_append append;
    pthread_mutex_t mutex;
    pthread_cond_t done;
    bool is_done;
    enum cb_code code;
};

static void on_waiter_done(struct audit_append *a, enum cb_code code)
{
    struct waiter *w = a->ctx;
    (void)pthread_mutex_lock(&w->mutex);
    w->code = code;
    w->is_done = true;
    (void)pthread_cond_signal(&w->done);
    (void)pthread_mutex_unlock(&w->mutex);
}

enum cb_code audit_append_wait(struct audit *audit, enum audit_type type, struct slice body,
                               uint64_t *ret_seq, struct cb_err *err)
{
    struct line_info info;
    struct waiter w = {.mutex = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    TRY(line_check_body(body, &info, err));
    w.append = (struct audit_append){
        .body = body, .type = type, .done = on_waiter_done, .ctx = &w, .ref_seq = info.ref};
    TRY(audit_submit(audit, &w.append, err));
    (void)pthread_mutex_lock(&w.mutex);
    while (!w.is_done) {
        (void)pthread_cond_wait(&w.done, &w.mutex);
    }
    (void)pthread_mutex_unlock(&w.mutex);
    if (w.code != CB_OK) {
        return cb_fail(err, w.code, "the audit log could not be written");
    }
    if (ret_seq != NULL) {
        *ret_seq = w.append.seq;
    }
    return CB_OK;
}

void audit_poke(struct audit *a)
{
    (void)pthread_mutex_lock(&a->mutex);
    const uint64_t mine = ++a->pokes;
    (void)pthread_cond_signal(&a->wake);
    while (a->pokes_served < mine) {
        (void)pthread_cond_wait(&a->ticked, &a->mutex);
    }
    (void)pthread_mutex_unlock(&a->mutex);
}
