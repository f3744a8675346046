/* anchor.c - see anchor.h: the threads, and what they share.
 *
 * A round begins when the interval is over (or at once for what is urgent): the newest checkpoint
 * becomes the target, and each thread shows it to its witness until that has cosigned it or the next
 * round has begun. All show the same one, so that their cosignatures end up under one checkpoint.
 * An unchanged log is shown again, too: the time in a cosignature says how fresh the view is. */
#include "broker/anchor/anchor.h"

#include "broker/anchor/cosigned.h"
#include "broker/anchor/submit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOTE_MAX 16384U
#define RETRY_FIRST_MS 1000U
#define RETRY_MAX_MS 60000U

struct target {
    struct buf note;
    struct checkpoint checkpoint;
    uint64_t round; /* 0: none yet */
};

struct anchor_thread {
    struct anchor *anchor;
    struct submit submit;
    pthread_t thread;
    bool is_started;
    /* under the anchor's lock */
    uint64_t done_round; /* the last one that needs no more of this witness */
    int64_t retry_us;    /* not before */
    unsigned retry_ms;
    struct anchor_stats stats;
};

struct anchor {
    const struct anchor_settings *settings;
    struct anchor_log log;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf newest;
    struct checkpoint newest_checkpoint;
    bool has_newest;
    struct target target;
    int64_t next_round_us;
    bool is_ending;
    _Atomic(int64_t) end_us;       /* what is not done by then is given up; INT64_MAX: no end yet */
    pthread_mutex_t cosigned_lock; /* held while it is stored; never with lock */
    struct cosigned cosigned;
    _Atomic(unsigned) num_split;
    struct anchor_thread *threads;
    size_t num;
};

static int64_t now_us(void)
{
    return clock_mono_us(&cb_system_clock);
}

static int64_t interval_us(const struct anchor *a)
{
    return (int64_t)(a->settings->interval_ms == 0 ? 60000 : a->settings->interval_ms) * 1000;
}

/* ---------------------------------------------------------------- rounds; all with the lock held */

/* begin_round - the newest checkpoint becomes what is shown. */
static void begin_round(struct anchor *a)
{
    if (!a->has_newest) {
        return;
    }
    buf_reset(&a->target.note);
    buf_add_slice(&a->target.note, buf_slice(&a->newest));
    a->target.checkpoint = a->newest_checkpoint;
    a->target.round++;
    a->next_round_us = now_us() + interval_us(a);
    (void)pthread_cond_broadcast(&a->changed);
}

/* wait_for_work - until there is something for this thread to show (true), or nothing ever more. */
static bool wait_for_work(struct anchor_thread *t)
{
    struct anchor *a = t->anchor;
    for (;;) {
        const int64_t now = now_us();
        if (a->is_ending && (t->done_round == a->target.round || now >= atomic_load(&a->end_us))) {
            return false;
        }
        if (!a->is_ending && a->has_newest && now >= a->next_round_us) {
            begin_round(a);
        }
        const bool has_work = t->done_round != a->target.round;
        if (has_work && (now >= t->retry_us || a->is_ending)) {
            return true;
        }
        int64_t until = a->has_newest ? a->next_round_us : now + 3600000000;
        until = has_work && t->retry_us < until ? t->retry_us : until;
        const struct timespec ts = {(time_t)(until / 1000000), (long)(until % 1000000) * 1000};
        (void)pthread_cond_timedwait(&a->changed, &a->lock, &ts);
    }
}

/* ---------------------------------------------------------------- one witness */

static void back_off(struct anchor_thread *t)
{
    t->retry_ms = t->retry_ms == 0 ? RETRY_FIRST_MS : t->retry_ms * 2;
    t->retry_ms = t->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS : t->retry_ms;
    t->retry_us = now_us() + (int64_t)t->retry_ms * 1000;
}

/* note_result - with the lock held. True: this is news. */
static bool note_result(struct anchor_thread *t, enum submit_result result,
                        const struct target *shown, const struct cb_err *err)
{
    struct anchor_stats *stats = &t->stats;
    const bool was_up = stats->is_up;
    const bool was_split = stats->is_split;
    const bool is_first = stats->cosignatures + stats->failures == 0;
    stats->is_up = result == SUBMIT_COSIGNED;
    if (result == SUBMIT_COSIGNED) {
        stats->cosignatures++;
        stats->size = shown->checkpoint.size;
        stats->cosigned_wall_s = clock_wall_us(&cb_system_clock) / 1000000;
        stats->is_split = false;
        t->retry_ms = 0;
        t->retry_us = 0;
        t->done_round = shown->round;
    } else {
        stats->failures++;
        (void)snprintf(stats->last_error, sizeof(stats->last_error), "%s", err->msg);
        back_off(t);
        if (result == SUBMIT_SPLIT) {
            stats->is_split = true;
            t->done_round = shown->round; /* asking again at once changes nothing */
        }
        if (t->anchor->is_ending) {
            t->done_round = shown->round;
        }
    }
    if (stats->is_split != was_split) {
        (void)atomic_fetch_add(&t->anchor->num_split, stats->is_split ? 1U : -1U);
    }
    return stats->is_split != was_split || stats->is_up != was_up || is_first;
}

/* keep - with whatever other witnesses have said of the same checkpoint. */
static enum cb_code keep(struct anchor *a, const struct target *shown, struct slice line,
                         struct cb_err *err)
{
    enum cb_code code = CB_OK;
    (void)pthread_mutex_lock(&a->cosigned_lock);
    if (cosigned_add(&a->cosigned, buf_slice(&shown->note), shown->checkpoint.size, line)) {
        code = a->log.keep_cosigned(a->log.ctx, buf_slice(&a->cosigned.note), err);
    }
    (void)pthread_mutex_unlock(&a->cosigned_lock);
    return code;
}

static void tell(struct anchor_thread *t, enum submit_result result, const struct target *shown,
                 uint64_t seen, const char *message)
{
    const struct anchor_log *log = &t->anchor->log;
    const enum anchor_news news = result == SUBMIT_COSIGNED ? ANCHOR_UP
                                  : result == SUBMIT_SPLIT  ? ANCHOR_SPLIT
                                                            : ANCHOR_DOWN;
    log->news(log->ctx, news, t->submit.witness, shown->checkpoint.size, seen, message);
}

/* show - the lock is not held. */
static void show(struct anchor_thread *t, const struct target *shown)
{
    struct anchor *a = t->anchor;
    struct cb_err err = {0};
    struct buf line;
    uint64_t seen = 0;
    buf_init(&line, NOTE_MAX);
    enum submit_result result =
        submit_run(&t->submit, buf_slice(&shown->note), &shown->checkpoint, &line, &seen, &err);
    if (result == SUBMIT_COSIGNED && keep(a, shown, buf_slice(&line), &err) != CB_OK) {
        result = SUBMIT_FAILED;
    }
    buf_free(&line);
    if (t->submit.forgot_size > 0) {
        a->log.news(a->log.ctx, ANCHOR_FORGOT, t->submit.witness, t->submit.forgot_size, seen, "");
    }
    (void)pthread_mutex_lock(&a->lock);
    const bool is_news = note_result(t, result, shown, &err);
    (void)pthread_mutex_unlock(&a->lock);
    if (is_news) {
        tell(t, result, shown, seen, err.msg);
    }
}

static void *run(void *arg)
{
    struct anchor_thread *t = arg;
    struct anchor *a = t->anchor;
    struct target shown = {.round = 0};
    buf_init(&shown.note, NOTE_MAX);
    (void)pthread_mutex_lock(&a->lock);
    while (wait_for_work(t)) {
        buf_reset(&shown.note);
        buf_add_slice(&shown.note, buf_slice(&a->target.note));
        shown.checkpoint = a->target.checkpoint;
        shown.round = a->target.round;
        (void)pthread_mutex_unlock(&a->lock);
        show(t, &shown);
        (void)pthread_mutex_lock(&a->lock);
    }
    (void)pthread_mutex_unlock(&a->lock);
    buf_free(&shown.note);
    return NULL;
}

/* ---------------------------------------------------------------- beginning and end */

static enum cb_code start_thread(struct anchor *a, size_t i, struct cb_err *err)
{
    const struct anchor_witness *w = &a->settings->witnesses[i];
    struct anchor_thread *t = &a->threads[i];
    const struct anchor_http_options options = {.url = w->url,
                                                .ca_file = w->ca_file,
                                                .timeout_ms = a->settings->timeout_ms,
                                                .end_us = &a->end_us};
    sigset_t all;
    sigset_t before;
    t->anchor = a;
    t->submit = (struct submit){.witness = w, .log = &a->log};
    t->stats.name = w->key.name;
    t->stats.url = w->url;
    TRY(anchor_http_new(&options, &t->submit.http, err));
    /* Signals are the main thread's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&t->thread, NULL, run, t);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->is_started = failed == 0;
    return failed == 0 ? CB_OK : cb_fail(err, CB_ESYS, "cannot start a thread for a witness");
}

static void init_sync(struct anchor *a)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&a->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_mutex_init(&a->cosigned_lock, NULL);
}

enum cb_code anchor_new(const struct anchor_settings *settings, const struct anchor_log *log,
                        struct anchor **ret, struct cb_err *err)
{
    struct anchor *a = calloc(1, sizeof(*a));
    struct anchor_thread *threads = calloc(settings->num + 1, sizeof(*threads));
    if (a == NULL || threads == NULL) {
        free(a);
        free(threads);
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    a->settings = settings;
    a->log = *log;
    a->threads = threads;
    a->num = settings->num;
    atomic_init(&a->num_split, 0);
    atomic_init(&a->end_us, INT64_MAX);
    buf_init(&a->newest, NOTE_MAX);
    buf_init(&a->target.note, NOTE_MAX);
    cosigned_init(&a->cosigned);
    init_sync(a);
    for (size_t i = 0; i < a->num; i++) {
        const enum cb_code code = start_thread(a, i, err);
        if (code != CB_OK) {
            anchor_free(a);
            return code;
        }
    }
    *ret = a;
    return CB_OK;
}

void anchor_offer(struct anchor *a, struct slice note, bool is_urgent)
{
    struct note parsed;
    struct checkpoint checkpoint;
    struct cb_err ignored;
    if (note.len > NOTE_MAX || note_parse(note, &parsed, &ignored) != CB_OK ||
        checkpoint_parse(parsed.text, &checkpoint, &ignored) != CB_OK) {
        return;
    }
    (void)pthread_mutex_lock(&a->lock);
    if (!a->has_newest || checkpoint.size >= a->newest_checkpoint.size) {
        const bool is_first = !a->has_newest;
        buf_reset(&a->newest);
        buf_add_slice(&a->newest, note);
        a->newest_checkpoint = checkpoint;
        a->has_newest = buf_ok(&a->newest);
        if ((is_first || is_urgent) && !a->is_ending) {
            begin_round(a);
        }
    }
    (void)pthread_mutex_unlock(&a->lock);
}

/* end - tell the threads; with_last: once the newest checkpoint is shown. */
static void end(struct anchor *a, bool with_last, unsigned timeout_ms)
{
    (void)pthread_mutex_lock(&a->lock);
    atomic_store(&a->end_us, with_last ? now_us() + (int64_t)timeout_ms * 1000 : 0);
    if (!a->is_ending) {
        if (with_last && a->newest_checkpoint.size > a->target.checkpoint.size) {
            begin_round(a);
        }
        a->is_ending = true;
        (void)pthread_cond_broadcast(&a->changed);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

static void join(struct anchor *a)
{
    for (size_t i = 0; i < a->num; i++) {
        struct anchor_thread *t = &a->threads[i];
        if (t->is_started) {
            (void)pthread_join(t->thread, NULL);
            t->is_started = false;
        }
    }
}

void anchor_finish(struct anchor *a, unsigned timeout_ms)
{
    end(a, true, timeout_ms);
    join(a);
}

void anchor_free(struct anchor *a)
{
    if (a == NULL) {
        return;
    }
    end(a, false, 0);
    join(a);
    for (size_t i = 0; i < a->num; i++) {
        anchor_http_free(a->threads[i].submit.http);
    }
    free(a->threads);
    buf_free(&a->newest);
    buf_free(&a->target.note);
    cosigned_free(&a->cosigned);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    (void)pthread_mutex_destroy(&a->cosigned_lock);
    free(a);
}

/* ---------------------------------------------------------------- how it stands */

size_t anchor_num(const struct anchor *a)
{
    return a == NULL ? 0 : a->num;
}

void anchor_get_stats(struct anchor *a, size_t index, struct anchor_stats *ret)
{
    (void)pthread_mutex_lock(&a->lock);
    *ret = a->threads[index].stats;
    (void)pthread_mutex_unlock(&a->lock);
}

bool anchor_is_split(const struct anchor *a)
{
    return a != NULL && atomic_load_explicit(&a->num_split, memory_order_relaxed) > 0;
}
