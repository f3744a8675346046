/* sealer.c - the sealer's thread: when to sign, and what others may ask of it. What one round does is
 * seal.c. */
#include "audit/seal/sealer_parts.h"

#include "audit/seal/seals.h"
#include "broker/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define BETWEEN_US 1000000 /* at most one checkpoint a second ... */
#define GATHER_US 250000   /* ... and after a pause let an attempt's outcome come in */
#define STOP_US 5000000    /* for the last round */

static int64_t now_us(void)
{
    return clock_mono_us(&cb_system_clock);
}

/* ---- making ---- */

static bool init_sync(struct sealer *s)
{
    pthread_condattr_t monotonic;
    bool ok = pthread_condattr_init(&monotonic) == 0;
    ok = ok && pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0;
    ok = ok && pthread_mutex_init(&s->mutex, NULL) == 0;
    ok = ok && pthread_cond_init(&s->wake, &monotonic) == 0;
    ok = ok && pthread_cond_init(&s->changed, NULL) == 0;
    (void)pthread_condattr_destroy(&monotonic);
    return ok;
}

enum cb_code sealer_new(const struct sealer_options *options, struct sealer_start *start,
                        struct sealer **ret, struct cb_err *err)
{
    struct sealer *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        fringe_free(&start->fringe);
        buf_free(&start->note);
        return cb_fail(err, CB_ENOMEM, "no memory for the sealer");
    }
    CB_CHECK(init_sync(s));
    s->options = *options;
    s->key = options->key;
    s->fringe = start->fringe;
    s->at = start->at;
    s->note = start->note;
    s->tiles.io = options->io;
    s->tiles.dir = options->dir;
    s->sealed = start->sealed;
    s->stats.sealed_size = s->sealed.size;
    fringe_tree_copy(&s->target.tree, &s->fringe.tree);
    s->target.no = s->at.no;
    s->target.bytes = s->at.offset;
    const enum cb_code code = fringe_init(&s->next, err);
    if (code != CB_OK) {
        sealer_free(s);
        return code;
    }
    *ret = s;
    return CB_OK;
}

void sealer_free(struct sealer *s)
{
    if (s == NULL) {
        return;
    }
    fringe_free(&s->fringe);
    fringe_free(&s->next);
    buf_free(&s->note);
    (void)pthread_mutex_destroy(&s->mutex);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_cond_destroy(&s->changed);
    free(s);
}

/* ---- what the committer says ---- */

/* is_behind - something is published that is not signed for. Mutex held. */
static bool is_behind(const struct sealer *s)
{
    return s->target.tree.size > s->stats.sealed_size && atomic_load(&s->state) != SEALER_MISMATCH;
}

void sealer_publish(struct sealer *s, const struct segment *segment, const struct merkle *tree)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->target.no = segment->no;
    s->target.bytes = segment->durable;
    s->target.dev = segment->dev;
    s->target.ino = segment->ino;
    fringe_tree_copy(&s->target.tree, tree);
    int64_t *since_us = s->busy ? &s->later_us : &s->first_us;
    if (*since_us == 0) {
        *since_us = now_us();
    }
    if (s->idle) {
        s->idle = false; /* one wake-up is enough; while it waits for its time it needs none */
        (void)pthread_cond_signal(&s->wake);
    }
    (void)pthread_mutex_unlock(&s->mutex);
}

void sealer_urge(struct sealer *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->urged = s->rolled = is_behind(s);
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->mutex);
}

void sealer_stop(struct sealer *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->stop = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->mutex);
}

/* ---- the loop ---- */

/* due_us - when the next round should begin; INT64_MAX: there is nothing to do. Mutex held. */
static int64_t due_us(const struct sealer *s, int64_t last_us)
{
    if (!is_behind(s) || s->held) {
        return INT64_MAX;
    }
    if (s->urged || s->stop) {
        return 0;
    }
    const int64_t gathered = s->first_us + GATHER_US;
    return last_us + BETWEEN_US > gathered ? last_us + BETWEEN_US : gathered;
}

/* wait_until_due - false: the end has come and there is nothing left to sign for. Mutex held. */
static bool wait_until_due(struct sealer *s, int64_t last_us)
{
    for (;;) {
        const int64_t due = due_us(s, last_us);
        if (due <= now_us()) {
            return true;
        }
        if (s->stop) {
            return false;
        }
        if (due == INT64_MAX) {
            s->idle = true;
            (void)pthread_cond_wait(&s->wake, &s->mutex);
            s->idle = false;
        } else {
            const struct timespec until = {.tv_sec = due / 1000000,
                                           .tv_nsec = due % 1000000 * 1000};
            (void)pthread_cond_timedwait(&s->wake, &s->mutex, &until);
        }
    }
}

/* set_state - mutex held. */
static void set_failed(struct sealer *s, enum cb_code code, const struct cb_err *err)
{
    s->stats.failures++;
    s->failed_in_a_row++;
    (void)snprintf(s->stats.why, sizeof(s->stats.why), "%s", err->msg);
    if (code != CB_ECORRUPT) {
        atomic_store(&s->state, SEALER_FAILING);
        return;
    }
    atomic_store(&s->state, SEALER_MISMATCH);
    s->fault = (struct own_fault){.what = "reread",
                                  .sys_errno = 0,
                                  .segment = s->at.no,
                                  .next_seq = s->at.seq,
                                  .since_us = now_us()};
    (void)snprintf(s->fault.detail, sizeof(s->fault.detail), "%s", err->msg);
    s->has_fault = true;
}

/* set_sealed - mutex held; the note becomes ours. */
static void set_sealed(struct sealer *s, struct buf *note)
{
    atomic_store(&s->state, SEALER_OK);
    s->failed_in_a_row = 0;
    buf_free(&s->note);
    s->note = *note;
    s->stats.checkpoints++;
    s->stats.sealed_size = s->fringe.tree.size;
    s->stats.sealed_us = clock_wall_us(&cb_system_clock);
    s->key_before = NULL;
    s->first_us = s->later_us;
}

/* try_round - a mismatch is looked at twice before it is believed: it stops all issuance. */
static enum cb_code try_round(struct sealer *s, const struct seal_target *target,
                              const struct note_signer *key, const struct note_signer *before,
                              struct buf *note, struct cb_err *err)
{
    enum cb_code code = CB_ECORRUPT;
    for (int i = 0; i < 2 && code == CB_ECORRUPT; i++) {
        buf_free(note);
        buf_init(note, SEAL_NOTE_MAX);
        code = seal_round(s, target, key, before, note, err);
    }
    return code;
}

/* run_round - mutex held on entry and exit, not while it works. */
static void run_round(struct sealer *s)
{
    struct seal_target target;
    struct buf note = {0};
    struct cb_err err;
    target = s->target;
    const struct note_signer *const key = s->key;
    const struct note_signer *const before = s->key_before;
    s->sync_history = s->rolled || s->stop;
    s->deadline_us = s->stop ? now_us() + STOP_US : 0;
    s->urged = s->rolled = false;
    s->busy = true;
    (void)pthread_mutex_unlock(&s->mutex);
    const enum cb_code code = try_round(s, &target, key, before, &note, &err);
    if (code == CB_OK && s->options.on_seal != NULL) {
        s->options.on_seal(s->options.on_seal_ctx, buf_slice(&note));
    }
    (void)pthread_mutex_lock(&s->mutex);
    s->busy = false;
    s->rounds++;
    if (code == CB_OK) {
        set_sealed(s, &note);
    } else {
        set_failed(s, code, &err);
        buf_free(&note);
    }
    s->later_us = 0;
    s->urged = s->urged && is_behind(s);
    (void)pthread_cond_broadcast(&s->changed);
}

void *sealer_main(void *sealer)
{
    /* Whoever waits for its record comes first. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 15);
    struct sealer *s = sealer;
    int64_t last_us = now_us() - BETWEEN_US;
    (void)pthread_mutex_lock(&s->mutex);
    while (wait_until_due(s, last_us)) {
        const bool last = s->stop;
        last_us = now_us();
        run_round(s);
        if (last) {
            break;
        }
    }
    s->stop = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* ---- what others ask ---- */

bool sealer_wait(struct sealer *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    const uint64_t size = s->target.tree.size;
    const uint64_t failures = s->stats.failures;
    s->urged = is_behind(s);
    (void)pthread_cond_signal(&s->wake);
    while (s->stats.sealed_size < size && s->stats.failures == failures &&
           atomic_load(&s->state) != SEALER_MISMATCH && !s->stop) {
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    }
    const bool sealed = s->stats.sealed_size >= size;
    (void)pthread_mutex_unlock(&s->mutex);
    return sealed;
}

void sealer_hold(struct sealer *s)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->held = true;
    while (s->busy) {
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    }
    (void)pthread_mutex_unlock(&s->mutex);
}

void sealer_release(struct sealer *s, const struct note_signer *key)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->key_before = s->key;
    s->key = key;
    s->held = false;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->mutex);
}

void sealer_get_stats(struct sealer *s, struct sealer_stats *ret)
{
    (void)pthread_mutex_lock(&s->mutex);
    *ret = s->stats;
    ret->state = (enum sealer_state)atomic_load(&s->state);
    ret->waiting_since_us = s->first_us;
    (void)pthread_mutex_unlock(&s->mutex);
}

enum sealer_state sealer_get_state(const struct sealer *s)
{
    return (enum sealer_state)atomic_load(&s->state);
}

bool sealer_take_fault(struct sealer *s, struct own_fault *ret)
{
    (void)pthread_mutex_lock(&s->mutex);
    const bool has = s->has_fault;
    if (has) {
        *ret = s->fault;
        s->has_fault = false;
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return has;
}

enum cb_code sealer_note(struct sealer *s, struct buf *out, struct cb_err *err)
{
    buf_reset(out);
    (void)pthread_mutex_lock(&s->mutex);
    buf_add_slice(out, buf_slice(&s->note));
    (void)pthread_mutex_unlock(&s->mutex);
    return buf_ok(out) ? CB_OK : cb_fail(err, CB_ENOMEM, "no memory for a checkpoint");
}
