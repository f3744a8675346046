/* fake_io.h - the real file calls, written down and made to fail on request. */
#ifndef TESTS_UNIT_AUDIT_FAKE_IO_H
#define TESTS_UNIT_AUDIT_FAKE_IO_H

#include "audit/io.h"

#include <pthread.h>

enum fake_op {
    OP_OPEN,
    OP_WRITE,
    OP_FALLOCATE,
    OP_FDATASYNC,
    OP_FSYNC,
    OP_FLOCK,
    OP_RENAME,
    OP_UNLINK,
    OP_STATVFS,
    OP_LSTAT,
    OP_COUNT,
    OP_MKDIR, /* these only in the journal */
    OP_ACK,   /* the test saw a record acknowledged */
    OP_SEAL   /* the test was told of a checkpoint of seq records */
};

/* What happened, in order; the crash simulator replays it. */
struct fake_entry {
    enum fake_op op;
    char path[256]; /* of the file; after a rename the new name */
    char from[256]; /* OP_RENAME */
    char *data;     /* OP_WRITE */
    size_t len;
    bool created; /* OP_OPEN */
    int flags;    /* OP_OPEN */
    bool failed;
    uint64_t seq; /* OP_ACK */
};

struct fake_io {
    struct audit_io io;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int calls[OP_COUNT];
    int fail_errno[OP_COUNT];
    int fail_times[OP_COUNT]; /* negative: until told otherwise */
    int fail_skip[OP_COUNT];  /* so many calls still work before that */
    size_t write_limit;       /* a write moves at most this many bytes; 0: all */
    uint64_t disk_left;       /* writes beyond are short, then ENOSPC; UINT64_MAX: no limit */
    uint64_t free_bytes;      /* what statvfs says; 0: the truth */
    bool hold_sync;           /* fdatasync waits */
    int syncs_held;
    bool no_direct; /* open without O_DIRECT: it waits for the disk to take what was just written */
    bool journal_on;
    struct fake_entry *journal;
    size_t journal_len, journal_room;
    char fd_path[1024][256];
};

UNUSED static struct fake_entry *fake_note(struct fake_io *f, enum fake_op op, const char *path)
{
    static struct fake_entry nowhere;
    if (!f->journal_on) {
        return &nowhere;
    }
    if (f->journal_len == f->journal_room) {
        f->journal_room = f->journal_room == 0 ? 256 : f->journal_room * 2;
        f->journal = realloc(f->journal, f->journal_room * sizeof(*f->journal));
        assert_non_null(f->journal);
    }
    struct fake_entry *e = &f->journal[f->journal_len++];
    *e = (struct fake_entry){.op = op};
    (void)snprintf(e->path, sizeof(e->path), "%s", path);
    return e;
}

/* fake_fails - count the call; true if it is to fail, with errno set. Mutex held. */
UNUSED static bool fake_fails(struct fake_io *f, enum fake_op op)
{
    f->calls[op]++;
    if (f->fail_times[op] == 0) {
        return false;
    }
    if (f->fail_skip[op] > 0) {
        f->fail_skip[op]--;
        return false;
    }
    f->fail_times[op] -= f->fail_times[op] > 0 ? 1 : 0;
    errno = f->fail_errno[op];
    return true;
}

UNUSED static int fake_open(void *ctx, const char *path, int flags, mode_t mode)
{
    struct fake_io *f = ctx;
    (void)pthread_mutex_lock(&f->mutex);
    struct stat st;
    const bool existed = lstat(path, &st) == 0;
    int fd = -1;
    const bool counts = (flags & O_CREAT) != 0;
    if (!counts || !fake_fails(f, OP_OPEN)) {
        fd = audit_system_io.open(NULL, path, f->no_direct ? flags & ~O_DIRECT : flags, mode);
    }
    const int saved = errno;
    if (fd >= 0) {
        assert_true(fd < 1024);
        (void)snprintf(f->fd_path[fd], sizeof(f->fd_path[fd]), "%s", path);
        if (counts) {
            struct fake_entry *e = fake_note(f, OP_OPEN, path);
            e->created = !existed;
            e->flags = flags;
        }
    }
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return fd;
}

UNUSED static int fake_mkdir(void *ctx, const char *path, mode_t mode)
{
    struct fake_io *f = ctx;
    (void)pthread_mutex_lock(&f->mutex);
    const int status = mkdir(path, mode);
    const int saved = errno;
    if (status == 0) {
        (void)fake_note(f, OP_MKDIR, path);
    }
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return status;
}

UNUSED static ssize_t fake_write(void *ctx, int fd, const void *data, size_t len)
{
    struct fake_io *f = ctx;
    ssize_t done = -1;
    (void)pthread_mutex_lock(&f->mutex);
    if (!fake_fails(f, OP_WRITE)) {
        size_t part = f->write_limit > 0 && len > f->write_limit ? f->write_limit : len;
        if (part > f->disk_left) {
            part = (size_t)f->disk_left;
        }
        errno = ENOSPC;
        done = part == 0 ? -1 : audit_system_io.write(NULL, fd, data, part);
    }
    const int saved = errno;
    if (done > 0) {
        if (f->disk_left != UINT64_MAX) {
            f->disk_left -= (uint64_t)done;
        }
        struct fake_entry *e = fake_note(f, OP_WRITE, f->fd_path[fd]);
        if (f->journal_on) {
            e->data = malloc((size_t)done);
            assert_non_null(e->data);
            memcpy(e->data, data, (size_t)done);
            e->len = (size_t)done;
        }
    }
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return done;
}

UNUSED static ssize_t fake_pread(void *ctx, int fd, void *data, size_t len, off_t offset)
{
    (void)ctx;
    return audit_system_io.pread(NULL, fd, data, len, offset);
}

/* Only counted: nothing here depends on the blocks, and giving them back takes a disk its time. */
UNUSED static int fake_fallocate(void *ctx, int fd, int mode, off_t offset, off_t len)
{
    struct fake_io *f = ctx;
    (void)fd;
    (void)mode;
    (void)offset;
    (void)len;
    (void)pthread_mutex_lock(&f->mutex);
    const int status = fake_fails(f, OP_FALLOCATE) ? -1 : 0;
    const int saved = errno;
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return status;
}

/* fake_sync - the sync itself is left out: what a crash would do is worked out from the journal,
 * and the tests write far more often than a disk likes. */
UNUSED static int fake_sync(struct fake_io *f, enum fake_op op, int fd)
{
    (void)pthread_mutex_lock(&f->mutex);
    const bool bad = fake_fails(f, op);
    const int saved = errno;
    fake_note(f, op, f->fd_path[fd])->failed = bad;
    while (op == OP_FDATASYNC && f->hold_sync) {
        f->syncs_held++;
        (void)pthread_cond_broadcast(&f->changed);
        (void)pthread_cond_wait(&f->changed, &f->mutex);
    }
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return bad ? -1 : 0;
}

UNUSED static int fake_fdatasync(void *ctx, int fd)
{
    return fake_sync(ctx, OP_FDATASYNC, fd);
}

UNUSED static int fake_fsync(void *ctx, int fd)
{
    return fake_sync(ctx, OP_FSYNC, fd);
}

UNUSED static int fake_fstat(void *ctx, int fd, struct stat *ret)
{
    (void)ctx;
    return fstat(fd, ret);
}

UNUSED static int fake_lstat(void *ctx, const char *path, struct stat *ret)
{
    struct fake_io *f = ctx;
    (void)pthread_mutex_lock(&f->mutex);
    const int status = fake_fails(f, OP_LSTAT) ? -1 : lstat(path, ret);
    const int saved = errno;
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return status;
}

UNUSED static int fake_statvfs(void *ctx, const char *path, struct statvfs *ret)
{
    struct fake_io *f = ctx;
    (void)pthread_mutex_lock(&f->mutex);
    const int status = fake_fails(f, OP_STATVFS) ? -1 : statvfs(path, ret);
    if (status == 0 && f->free_bytes != 0) {
        ret->f_frsize = 1;
        ret->f_bavail = f->free_bytes;
    }
    (void)pthread_mutex_unlock(&f->mutex);
    return status;
}

UNUSED static int fake_flock(void *ctx, int fd, int operation)
{
    struct fake_io *f = ctx;
    (void)pthread_mutex_lock(&f->mutex);
    const int status = fake_fails(f, OP_FLOCK) ? -1 : audit_system_io.flock(NULL, fd, operation);
    const int saved = errno;
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return status;
}

UNUSED static int fake_rename(void *ctx, const char *from, const char *to)
{
    struct fake_io *f = ctx;
    (void)pthread_mutex_lock(&f->mutex);
    int status = -1;
    if (!fake_fails(f, OP_RENAME)) {
        status = rename(from, to);
        struct fake_entry *e = fake_note(f, OP_RENAME, to);
        (void)snprintf(e->from, sizeof(e->from), "%s", from);
    }
    const int saved = errno;
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return status;
}

UNUSED static int fake_unlink(void *ctx, const char *path)
{
    struct fake_io *f = ctx;
    (void)pthread_mutex_lock(&f->mutex);
    int status = -1;
    if (!fake_fails(f, OP_UNLINK)) {
        status = unlink(path);
        (void)fake_note(f, OP_UNLINK, path);
    }
    const int saved = errno;
    (void)pthread_mutex_unlock(&f->mutex);
    errno = saved;
    return status;
}

UNUSED static int fake_close(void *ctx, int fd)
{
    (void)ctx;
    return close(fd);
}

/* ---- what tests say to it ---- */

UNUSED static struct fake_io *fake_new(void)
{
    struct fake_io *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->disk_left = UINT64_MAX;
    (void)pthread_mutex_init(&f->mutex, NULL);
    (void)pthread_cond_init(&f->changed, NULL);
    f->io = (struct audit_io){.ctx = f,
                              .open = fake_open,
                              .mkdir = fake_mkdir,
                              .write = fake_write,
                              .pread = fake_pread,
                              .fallocate = fake_fallocate,
                              .fdatasync = fake_fdatasync,
                              .fsync = fake_fsync,
                              .fstat = fake_fstat,
                              .lstat = fake_lstat,
                              .statvfs = fake_statvfs,
                              .flock = fake_flock,
                              .rename = fake_rename,
                              .unlink = fake_unlink,
                              .close = fake_close};
    return f;
}

UNUSED static void fake_free(struct fake_io *f)
{
    for (size_t i = 0; i < f->journal_len; i++) {
        free(f->journal[i].data);
    }
    free(f->journal);
    (void)pthread_mutex_destroy(&f->mutex);
    (void)pthread_cond_destroy(&f->changed);
    free(f);
}

/* fake_fail - the next calls of op fail, times of them; -1: all. 0: none any more. */
UNUSED static void fake_fail(struct fake_io *f, enum fake_op op, int error, int times)
{
    (void)pthread_mutex_lock(&f->mutex);
    f->fail_errno[op] = error;
    f->fail_times[op] = times;
    (void)pthread_mutex_unlock(&f->mutex);
}

UNUSED static int fake_calls(struct fake_io *f, enum fake_op op)
{
    (void)pthread_mutex_lock(&f->mutex);
    const int calls = f->calls[op];
    (void)pthread_mutex_unlock(&f->mutex);
    return calls;
}

UNUSED static void fake_set_disk(struct fake_io *f, uint64_t disk_left, size_t write_limit)
{
    (void)pthread_mutex_lock(&f->mutex);
    f->disk_left = disk_left;
    f->write_limit = write_limit;
    (void)pthread_mutex_unlock(&f->mutex);
}

UNUSED static void fake_set_free(struct fake_io *f, uint64_t free_bytes)
{
    (void)pthread_mutex_lock(&f->mutex);
    f->free_bytes = free_bytes;
    (void)pthread_mutex_unlock(&f->mutex);
}

/* fake_hold - from now on fdatasync waits; fake_await_held - until one does; fake_release. */
UNUSED static void fake_hold(struct fake_io *f)
{
    (void)pthread_mutex_lock(&f->mutex);
    f->hold_sync = true;
    f->syncs_held = 0;
    (void)pthread_mutex_unlock(&f->mutex);
}

UNUSED static void fake_await_held(struct fake_io *f)
{
    (void)pthread_mutex_lock(&f->mutex);
    while (f->syncs_held == 0) {
        (void)pthread_cond_wait(&f->changed, &f->mutex);
    }
    (void)pthread_mutex_unlock(&f->mutex);
}

UNUSED static void fake_release(struct fake_io *f)
{
    (void)pthread_mutex_lock(&f->mutex);
    f->hold_sync = false;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->mutex);
}

UNUSED static void fake_mark(struct fake_io *f, enum fake_op op, uint64_t seq)
{
    (void)pthread_mutex_lock(&f->mutex);
    fake_note(f, op, "")->seq = seq;
    (void)pthread_mutex_unlock(&f->mutex);
}

UNUSED static void fake_ack(struct fake_io *f, uint64_t seq)
{
    fake_mark(f, OP_ACK, seq);
}

#endif
