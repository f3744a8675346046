/* write_log.h - a log made fast by the real writer: on a disk that does not sync, and a clock that the
 * caller moves. Each bench program includes it once. */
#ifndef TESTS_BENCH_WRITE_LOG_H
#define TESTS_BENCH_WRITE_LOG_H

#include "audit/audit.h"
#include "audit/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WRITE_LOG_IN_FLIGHT 512U
#define UNUSED __attribute__((unused))

struct log_writer {
    const char *dir;
    const struct note_signer *key; /* set before writer_start: the log signs; NULL: it does not */
    struct audit *audit;
    struct audit_append append[WRITE_LOG_IN_FLIGHT];
    struct buf body[WRITE_LOG_IN_FLIGHT];
    int running;
    _Atomic(int64_t) clock_us;
    _Atomic(bool) sync_fails; /* once */
    struct audit_io io;
    struct cb_clock clock;
};

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(1);
}

static int64_t writer_wall(void *ctx)
{
    const struct log_writer *w = ctx;
    return w->clock_us;
}

static int64_t writer_mono(void *ctx)
{
    (void)ctx;
    return clock_mono_us(&cb_system_clock);
}

static struct log_writer *syncing; /* whose disk it is: the io table has no room for it */

static int writer_sync(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
    if (syncing->sync_fails) {
        syncing->sync_fails = false;
        errno = EIO;
        return -1;
    }
    return 0;
}

static void writer_done(struct audit_append *a, enum cb_code code)
{
    struct log_writer *w = a->ctx;
    if (code != CB_OK) {
        die("append", cb_code_word(code));
    }
    (void)__atomic_sub_fetch(&w->running, 1, __ATOMIC_SEQ_CST);
}

/* audit_init has no clock of the caller's: here it gets one all the same. */
static int64_t init_at_us;

int clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id == CLOCK_REALTIME && init_at_us != 0) {
        *ret = (struct timespec){.tv_sec = init_at_us / 1000000};
        return 0;
    }
    return (int)syscall(SYS_clock_gettime, id, ret);
}

static void writer_open(struct log_writer *w)
{
    struct audit_recovery recovery;
    struct cb_err err;
    if (audit_open(&(struct audit_options){.dir = w->dir,
                                           .version = "bench",
                                           .io = &w->io,
                                           .clock = &w->clock,
                                           .key = w->key,
                                           .segment_seconds = 1U << 30},
                   &w->audit, &recovery, &err) != CB_OK) {
        die("log", err.msg);
    }
    audit_recovery_free(&recovery);
}

static void writer_start(struct log_writer *w, const char *dir, const char *origin,
                         int64_t start_us)
{
    struct cb_err err;
    w->dir = dir;
    w->clock_us = start_us;
    w->io = audit_system_io;
    w->io.fdatasync = writer_sync;
    w->clock = (struct cb_clock){.wall_us = writer_wall, .mono_us = writer_mono, .ctx = w, .boot_us = writer_wall};
    syncing = w;
    init_at_us = start_us;
    const enum cb_code code = w->key == NULL ? audit_init(dir, origin, &err)
                                             : audit_init_signed(dir, origin, w->key, &err);
    if (code != CB_OK) {
        die("log", err.msg);
    }
    init_at_us = 0;
    writer_open(w);
    for (size_t i = 0; i < WRITE_LOG_IN_FLIGHT; i++) {
        buf_init(&w->body[i], AUDIT_LINE_MAX);
    }
}

/* writer_submit - place i, which must be free; w->append[i].seq is known after writer_wait. */
static void writer_submit(struct log_writer *w, size_t i, const struct audit_event *e)
{
    struct cb_err err;
    if (!audit_event_encode(e, &w->body[i])) {
        die("encode", "too long");
    }
    w->append[i] =
        (struct audit_append){.body = buf_slice(&w->body[i]),
                              .type = e->type,
                              .done = writer_done,
                              .ctx = w,
                              .ref_seq = audit_type_is_outcome(e->type) ? e->ref : UINT64_MAX};
    (void)__atomic_add_fetch(&w->running, 1, __ATOMIC_SEQ_CST);
    if (audit_submit(w->audit, &w->append[i], &err) != CB_OK) {
        die("submit", err.msg);
    }
}

static void writer_wait(struct log_writer *w)
{
    while (__atomic_load_n(&w->running, __ATOMIC_SEQ_CST) > 0) {
        (void)usleep(20);
    }
}

/* writer_restart - close the log and open it again, as a broker that restarts does. */
UNUSED static void writer_restart(struct log_writer *w)
{
    audit_close(w->audit);
    writer_open(w);
}

static void writer_end(struct log_writer *w)
{
    audit_close(w->audit);
    for (size_t i = 0; i < WRITE_LOG_IN_FLIGHT; i++) {
        buf_free(&w->body[i]);
    }
}

#endif
