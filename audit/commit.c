/* commit.c - the committer thread: takes what is queued, writes it with one sync, and says so.
 *
 * There is no delay timer: while one batch is at the disk the next one gathers. Hashing for the
 * tree happens after the answer, because nobody waits for it. Does not decide what to do about a
 * failing disk: faults.c does. */
#include "audit/writer.h"

#include <stdlib.h>

bool batch_init(struct batch *b)
{
    *b = (struct batch){.entries = calloc(BATCH_RECORDS_MAX, sizeof(*b->entries))};
    buf_init(&b->lines, BATCH_BYTES_MAX + AUDIT_LINE_MAX);
    return b->entries != NULL;
}

void batch_free(struct batch *b)
{
    free(b->entries);
    buf_free(&b->lines);
    *b = (struct batch){0};
}

void batch_add(struct batch *b, struct audit_append *append, enum audit_type type,
               struct slice body, uint64_t ref)
{
    CB_CHECK(b->num < BATCH_RECORDS_MAX);
    b->entries[b->num++] = (struct entry){.append = append, .type = type, .body = body, .ref = ref};
    b->bytes += body.len + LINE_FRAME_MAX;
}

/* ---- writing ---- */

static bool frame_all(struct audit *a, struct batch *b)
{
    const uint64_t floor = a->tree.size;
    const int64_t now_us = clock_wall_us(a->clock);
    buf_reset(&b->lines);
    for (size_t i = 0; i < b->num; i++) {
        struct entry *e = &b->entries[i];
        e->line_at = b->lines.len;
        line_frame(&b->lines, floor + i, floor, now_us, e->body);
        e->line_len = b->lines.len - e->line_at - 1;
    }
    return buf_ok(&b->lines);
}

static enum cb_code timed_sync(struct audit *a, struct cb_err *err)
{
    const int64_t start_us = clock_mono_us(a->clock);
    const enum cb_code code = segment_sync(&a->segment, a->io, err);
    const int64_t took_us = clock_mono_us(a->clock) - start_us;
    const uint64_t took = took_us > 0 ? (uint64_t)took_us : 0;
    stat_add(&a->syncs, 1);
    atomic_store_explicit(&a->last_sync_us, took, memory_order_relaxed);
    if (took > stat_get(&a->max_sync_us)) {
        atomic_store_explicit(&a->max_sync_us, took, memory_order_relaxed);
    }
    return code;
}

enum cb_code commit_write(struct audit *a, struct batch *b, const char **ret_what,
                          struct cb_err *err)
{
    *ret_what = "memory";
    if (!frame_all(a, b)) {
        return cb_fail(err, CB_ENOMEM, "no memory for a batch");
    }
    *ret_what = "write";
    TRY(segment_write(&a->segment, a->io, buf_slice(&b->lines), err));
    *ret_what = "file";
    TRY(segment_check_size(&a->segment, a->io, err));
    *ret_what = "fdatasync";
    return timed_sync(a, err);
}

/* ---- telling ---- */

static struct slice entry_line(const struct batch *b, const struct entry *e)
{
    return (struct slice){b->lines.data + e->line_at, e->line_len};
}

/* track - keep the set of open attempts in step with what is on disk. */
static void track(struct audit *a, const struct entry *e, uint64_t seq)
{
    if (audit_type_is_attempt(e->type)) {
        CB_CHECK(open_set_add(&a->open, seq, e->type, e->append->req));
        a->attempts_pending--;
    } else if (audit_type_is_outcome(e->type)) {
        (void)open_set_remove(&a->open, e->ref);
    }
}

void commit_settle(struct audit *a, struct batch *b)
{
    bool urgent = false;
    const uint64_t first = a->tree.size;
    atomic_store_explicit(&a->next_seq, first + b->num, memory_order_relaxed);
    stat_add(&a->records, b->num);
    stat_add(&a->batches, 1);
    stat_add(&a->bytes, b->lines.len);
    for (size_t i = 0; i < b->num && a->options.observer != NULL; i++) {
        a->options.observer(a->options.observer_ctx, first + i, entry_line(b, &b->entries[i]));
    }
    (void)pthread_mutex_lock(&a->mutex);
    for (size_t i = 0; i < b->num; i++) {
        track(a, &b->entries[i], first + i);
    }
    (void)pthread_mutex_unlock(&a->mutex);
    for (size_t i = 0; i < b->num; i++) {
        struct audit_append *append = b->entries[i].append;
        if (append != NULL) {
            append->seq = first + i;
            append->done(append, CB_OK);
        }
        urgent = urgent || b->entries[i].type == AUDIT_SEGMENT_PRUNE;
    }
    for (size_t i = 0; i < b->num; i++) {
        merkle_append(&a->tree, entry_line(b, &b->entries[i]));
    }
    a->last_record_us = clock_mono_us(a->clock);
    if (a->sealer != NULL) {
        sealer_publish(a->sealer, &a->segment, &a->tree);
        if (urgent) { /* until it is signed it prunes nothing, and keeps a crashed log from opening */
            sealer_urge(a->sealer);
        }
    }
    b->num = 0;
    b->bytes = 0;
}

/* forget - an append that will not be written: what it held goes back. Mutex held. */
static void forget(struct audit *a, const struct entry *e)
{
    if (audit_type_is_attempt(e->type)) {
        a->attempts_pending--;
    } else if (audit_type_is_outcome(e->type)) {
        struct open_item *item = open_set_find(&a->open, e->ref);
        if (item != NULL) {
            item->lost = true;
        }
    }
}

void commit_fail(struct audit *a, struct batch *b, enum cb_code code)
{
    (void)pthread_mutex_lock(&a->mutex);
    for (size_t i = 0; i < b->num; i++) {
        if (b->entries[i].append != NULL) {
            forget(a, &b->entries[i]);
        }
    }
    (void)pthread_mutex_unlock(&a->mutex);
    for (size_t i = 0; i < b->num; i++) {
        struct audit_append *append = b->entries[i].append;
        if (append != NULL) {
            append->done(append, code);
        }
    }
    b->num = 0;
    b->bytes = 0;
}

/* ---- one batch ---- */

bool commit_roll_is_due(const struct audit *a)
{
    const struct segment *s = &a->segment;
    const int64_t age_us = clock_mono_us(a->clock) - s->opened_us;
    const bool full = s->size + a->batch.bytes > a->options.segment_bytes;
    const bool old = age_us >= (int64_t)(a->options.segment_seconds * 1000000U);
    /* A segment that holds nothing but its segment.open is not worth closing. */
    return !a->roll_failed && (full || old) && s->durable > s->first_bytes;
}

static size_t count_attempts(const struct batch *b)
{
    size_t num = 0;
    for (size_t i = 0; i < b->num; i++) {
        num += audit_type_is_attempt(b->entries[i].type) ? 1 : 0;
    }
    return num;
}

/* refuse_unreserved - the disk is full: keep what has its space already, turn the rest away. */
static void refuse_unreserved(struct audit *a)
{
    struct batch keep = {.entries = a->batch.entries, .lines = a->batch.lines};
    struct batch refuse = a->own; /* borrowed: our own records are not being written now */
    refuse.num = 0;
    for (size_t i = 0; i < a->batch.num; i++) {
        const struct entry e = a->batch.entries[i];
        batch_add(writer_has_reserve(e.type) ? &keep : &refuse, e.append, e.type, e.body, e.ref);
    }
    a->batch = keep;
    stat_add(&a->refused, refuse.num);
    commit_fail(a, &refuse, CB_ESYS);
}

/* reserve_space - before an attempt is written, its outcome's space must be the file's own: a full
 * disk then shows before the side effect, never between it and its record. */
static void reserve_space(struct audit *a)
{
    struct cb_err err;
    const uint64_t need = writer_reservation(a, count_attempts(&a->batch), a->batch.bytes);
    if (segment_reserve(&a->segment, a->io, need, &err) != CB_OK) {
        atomic_store(&a->space, SPACE_OUT);
        refuse_unreserved(a);
    }
}

/* set_busy - from here on the watchdog counts. */
static void set_busy(struct audit *a)
{
    const int64_t now_us = clock_mono_us(a->clock);
    atomic_store(&a->busy_since_us, now_us == 0 ? 1 : now_us);
}

/* write_batch - with one more try in a fresh segment. False: BLOCKED, nothing was written. */
static bool write_batch(struct audit *a)
{
    for (int try = 0; try < 2; try++) {
        const char *what = NULL;
        struct cb_err err;
        if (commit_write(a, &a->batch, &what, &err) == CB_OK) {
            return true;
        }
        writer_abandon(a, what, &err);
        if (try == 0 && !writer_replace(a)) {
            return false;
        }
    }
    writer_block(a);
    return false;
}

static void commit_batch(struct audit *a)
{
    set_busy(a);
    bool ok = !atomic_load(&a->blocked);
    ok = ok && watch_clock(a);
    if (ok && commit_roll_is_due(a)) {
        ok = writer_roll(a);
    }
    if (ok) {
        reserve_space(a);
    }
    if (ok && a->batch.num > 0) {
        ok = write_batch(a);
    }
    atomic_store(&a->busy_since_us, 0);
    if (!ok) {
        stat_add(&a->refused, a->batch.num);
        commit_fail(a, &a->batch, CB_ESYS);
    } else if (a->batch.num > 0) {
        const size_t num = a->batch.num;
        const size_t waiting = (size_t)stat_get(&a->queued_now);
        commit_settle(a, &a->batch);
        gather_expect(&a->gather, num, waiting, stat_get(&a->last_sync_us));
    }
}

/* ---- the loop ---- */

/* take_batch - move what is queued into the batch. Mutex held. */
static void take_batch(struct audit *a)
{
    struct batch *b = &a->batch;
    while (!TAILQ_EMPTY(&a->queue) && b->num < BATCH_RECORDS_MAX) {
        struct audit_append *append = TAILQ_FIRST(&a->queue);
        if (b->bytes + append->body.len + LINE_FRAME_MAX > BATCH_BYTES_MAX) {
            break;
        }
        TAILQ_REMOVE(&a->queue, append, link);
        a->queued--;
        atomic_store_explicit(&a->queued_now, a->queued, memory_order_relaxed);
        a->queued_bytes -= append->body.len;
        batch_add(b, append, append->type, append->body, append->ref_seq);
    }
}

static bool tick_is_due(const struct audit *a)
{
    return a->pokes_served != a->pokes || clock_mono_us(&cb_system_clock) >= a->next_tick_us;
}

/* wait_for_work - until something is queued, a tick is due or the end has come. Mutex held. */
static void wait_for_work(struct audit *a)
{
    const struct timespec until = {.tv_sec = a->next_tick_us / 1000000,
                                   .tv_nsec = a->next_tick_us % 1000000 * 1000};
    while (TAILQ_EMPTY(&a->queue) && !a->stop && !tick_is_due(a)) {
        a->idle = true;
        (void)pthread_cond_timedwait(&a->wake, &a->mutex, &until);
        a->idle = false;
    }
}

static void run_tick(struct audit *a)
{
    (void)pthread_mutex_lock(&a->mutex);
    const uint64_t pokes = a->pokes;
    (void)pthread_mutex_unlock(&a->mutex);
    a->next_tick_us = clock_mono_us(&cb_system_clock) + (int64_t)TICK_MS * 1000;
    set_busy(a);
    writer_tick(a);
    atomic_store(&a->busy_since_us, 0);
    (void)pthread_mutex_lock(&a->mutex);
    a->pokes_served = pokes;
    (void)pthread_cond_broadcast(&a->ticked);
    (void)pthread_mutex_unlock(&a->mutex);
}

void *committer_main(void *audit)
{
    struct audit *a = audit;
    a->next_tick_us = clock_mono_us(&cb_system_clock) + (int64_t)TICK_MS * 1000;
    for (;;) {
        gather_wait(&a->gather, &a->queued_now);
        (void)pthread_mutex_lock(&a->mutex);
        wait_for_work(a);
        take_batch(a);
        const bool tick = tick_is_due(a);
        const bool end = a->stop && a->batch.num == 0;
        (void)pthread_mutex_unlock(&a->mutex);
        if (end) {
            break;
        }
        if (a->batch.num > 0) {
            commit_batch(a);
        }
        if (tick) {
            run_tick(a);
        }
    }
    writer_stop(a, "stop");
    return NULL;
}
