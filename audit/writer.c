/* writer.c - makes and frees the writer, takes the lock, reads the log's name. */
#include "audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value == 0 ? fallback : value;
}

static void fill_options(struct audit *a, const struct audit_options *given)
{
    struct audit_options *o = &a->options;
    *o = *given;
    o->segment_bytes = or_default(o->segment_bytes, 64 * MIB);
    o->segment_seconds = or_default(o->segment_seconds, UINT64_C(24) * 3600);
    o->soft_free_bytes = or_default(o->soft_free_bytes, 1024 * MIB);
    o->hard_free_bytes = or_default(o->hard_free_bytes, 64 * MIB);
    o->stall_ms = or_default(o->stall_ms, 5000);
    o->heartbeat_ms = or_default(o->heartbeat_ms, 60000);
    a->io = o->io == NULL ? &audit_system_io : o->io;
    a->clock = o->clock == NULL ? &cb_system_clock : o->clock;
}

/* read_boot_id - which boot of the machine this is; empty where the kernel does not tell. */
static void read_boot_id(char out[37])
{
    out[0] = '\0';
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (f == NULL) {
        return;
    }
    if (fgets(out, 37, f) == NULL) {
        out[0] = '\0';
    }
    (void)fclose(f);
}

static bool init_sync(struct audit *a)
{
    pthread_condattr_t monotonic;
    bool ok = pthread_condattr_init(&monotonic) == 0;
    ok = ok && pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0;
    ok = ok && pthread_mutex_init(&a->mutex, NULL) == 0;
    ok = ok && pthread_mutex_init(&a->keep_mutex, NULL) == 0;
    ok = ok && pthread_cond_init(&a->wake, &monotonic) == 0;
    ok = ok && pthread_cond_init(&a->ticked, NULL) == 0;
    (void)pthread_condattr_destroy(&monotonic);
    return ok;
}

enum cb_code writer_new(const struct audit_options *options, struct audit **ret, struct cb_err *err)
{
    struct audit *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the audit log");
    }
    fill_options(a, options);
    a->lock_fd = -1;
    a->segment.fd = -1;
    a->last_record_us = clock_mono_us(a->clock);
    a->clock_gap_us = clock_wall_us(a->clock) - clock_boot_us(a->clock);
    TAILQ_INIT(&a->queue);
    buf_init(&a->own_bodies, BATCH_BYTES_MAX);
    (void)snprintf(a->version, sizeof(a->version), "%s",
                   options->version == NULL ? "" : options->version);
    read_boot_id(a->boot_id);
    (void)gethostname(a->host, sizeof(a->host) - 1);
    a->dir = strdup(options->dir);
    a->options.dir = a->dir;
    CB_CHECK(init_sync(a));
    if (a->dir == NULL || !batch_init(&a->batch) || !batch_init(&a->own)) {
        writer_free(a);
        return cb_fail(err, CB_ENOMEM, "no memory for the audit log");
    }
    *ret = a;
    return CB_OK;
}

void writer_free(struct audit *a)
{
    if (a == NULL) {
        return;
    }
    sealing_stop(a);
    segment_close(&a->segment, a->io);
    if (a->lock_fd >= 0) {
        (void)a->io->close(a->io->ctx, a->lock_fd); /* gives the lock back too */
    }
    merkle_free(&a->tree);
    batch_free(&a->batch);
    batch_free(&a->own);
    buf_free(&a->own_bodies);
    (void)pthread_mutex_destroy(&a->mutex);
    (void)pthread_mutex_destroy(&a->keep_mutex);
    (void)pthread_cond_destroy(&a->wake);
    (void)pthread_cond_destroy(&a->ticked);
    free(a->dir);
    free(a);
}

enum cb_code writer_lock(struct audit *a, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    TRY(segdir_join(a->dir, "state/LOCK", path, err));
    a->lock_fd = a->io->open(a->io->ctx, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (a->lock_fd < 0) {
        return cb_fail_errno(err, "cannot open %s", path);
    }
    if (a->io->flock(a->io->ctx, a->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        return CB_OK;
    }
    if (errno == EWOULDBLOCK) {
        return cb_fail(err, CB_EBUSY, "another process writes the audit log in %s", a->dir);
    }
    return cb_fail_errno(err, "cannot lock %s", path);
}

bool writer_origin_valid(struct slice origin)
{
    if (origin.len == 0 || origin.len > 64) {
        return false;
    }
    for (size_t i = 0; i < origin.len; i++) {
        const char c = origin.ptr[i];
        const bool ok =
            (c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '.' || c == '/' || c == '-';
        if (!ok) {
            return false;
        }
    }
    return true;
}

enum cb_code writer_read_origin(struct audit *a, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char text[sizeof(a->origin) + 1];
    TRY(segdir_join(a->dir, "state/origin", path, err));
    int fd = -1;
    const enum cb_code code = io_open_file(a->io, path, 0, sizeof(text), &fd, err);
    if (code != CB_OK) {
        const bool missing = err->sys_errno == ENOENT || err->sys_errno == ENOTDIR;
        return missing ? cb_fail(err, CB_ENOENT,
                                 "%s holds no audit log (no state/origin): a new log is made only "
                                 "by an explicit `certbroker audit init`",
                                 a->dir)
                       : code;
    }
    const ssize_t got = a->io->pread(a->io->ctx, fd, text, sizeof(text), 0);
    (void)a->io->close(a->io->ctx, fd);
    if (got < 0) {
        return cb_fail_errno(err, "cannot read %s", path);
    }
    const struct slice line = {text, (size_t)got};
    const struct slice origin = {text, line.len > 0 ? line.len - 1 : 0};
    if (!slice_has_suffix(line, SLICE("\n")) || !writer_origin_valid(origin)) {
        return cb_fail(err, CB_ECORRUPT, "%s does not hold a log's name", path);
    }
    memcpy(a->origin, origin.ptr, origin.len);
    a->origin[origin.len] = '\0';
    return CB_OK;
}
