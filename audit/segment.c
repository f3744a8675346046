/* segment.c - see segment.h. Does not know records, batches or what to do after a fault. */
#include "audit/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum cb_code segment_reserve(struct segment *s, const struct audit_io *io, uint64_t bytes,
                             struct cb_err *err)
{
    if (bytes <= s->reserved) {
        return CB_OK;
    }
    /* In steps: one call for many records. What a closed segment leaves unused is at most a step
     * and the credit of its last attempts. */
    const uint64_t target =
        (bytes + SEGMENT_RESERVE_STEP - 1) / SEGMENT_RESERVE_STEP * SEGMENT_RESERVE_STEP;
    int status = 0;
    do {
        status = io->fallocate(io->ctx, s->fd, FALLOC_FL_KEEP_SIZE, (off_t)s->size,
                               (off_t)(target - s->size));
    } while (status != 0 && errno == EINTR);
    if (status != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
        return cb_fail_errno(err, "cannot reserve space in %s", s->path);
    }
    s->reserved = status == 0 ? target : UINT64_MAX;
    return CB_OK;
}

/* prepare - what must be durable before the first record may go in. */
static enum cb_code prepare(struct segment *s, const struct audit_io *io, const char *seg_dir,
                            uint64_t reserve, struct cb_err *err)
{
    struct stat st;
    if (io->fstat(io->ctx, s->fd, &st) != 0) {
        return cb_fail_errno(err, "fstat of %s", s->path);
    }
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    TRY(segment_reserve(s, io, reserve, err));
    if (io->fsync(io->ctx, s->fd) != 0) {
        return cb_fail_errno(err, "fsync of %s", s->path);
    }
    return io_sync_dir(io, seg_dir, err);
}

enum cb_code segment_create(struct segment *s, const struct audit_io *io, const char *dir,
                            uint64_t no, uint64_t reserve, struct cb_err *err)
{
    char seg_dir[SEGMENT_PATH_MAX];
    *s = (struct segment){.fd = -1, .no = no};
    TRY(segdir_join(dir, "seg", seg_dir, err));
    TRY(segdir_path(dir, no, s->path, err));
    s->fd = io->open(io->ctx, s->path,
                     O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (s->fd < 0) {
        return cb_fail_errno(err, "cannot create %s", s->path);
    }
    const enum cb_code code = prepare(s, io, seg_dir, reserve, err);
    if (code != CB_OK) {
        segment_close(s, io);
        (void)io->unlink(io->ctx, s->path);
    }
    return code;
}

enum cb_code segment_write(struct segment *s, const struct audit_io *io, struct slice bytes,
                           struct cb_err *err)
{
    if (io_write_all(io, s->fd, bytes, err) != CB_OK) {
        errno = err->sys_errno;
        return cb_fail_errno(err, "cannot write %s", s->path);
    }
    s->size += bytes.len;
    return CB_OK;
}

enum cb_code segment_sync(struct segment *s, const struct audit_io *io, struct cb_err *err)
{
    /* Once, whatever the answer: after a failed sync the kernel may call lost pages clean, and a
     * second call would return success for bytes that are gone. */
    if (io->fdatasync(io->ctx, s->fd) != 0) {
        return cb_fail_errno(err, "fdatasync of %s", s->path);
    }
    s->durable = s->size;
    return CB_OK;
}

enum cb_code segment_check_size(const struct segment *s, const struct audit_io *io,
                                struct cb_err *err)
{
    struct stat here;
    if (io->fstat(io->ctx, s->fd, &here) != 0) {
        return cb_fail_errno(err, "fstat of %s", s->path);
    }
    if ((uint64_t)here.st_size != s->size) {
        return cb_fail(err, CB_ECORRUPT, "%s has %lld bytes where %llu were written", s->path,
                       (long long)here.st_size, (unsigned long long)s->size);
    }
    return CB_OK;
}

enum cb_code segment_check(const struct segment *s, const struct audit_io *io, bool *ret_gone,
                           struct cb_err *err)
{
    struct stat here;
    struct stat there;
    *ret_gone = false;
    if (io->fstat(io->ctx, s->fd, &here) != 0) {
        return cb_fail_errno(err, "fstat of %s", s->path);
    }
    if (io->lstat(io->ctx, s->path, &there) != 0) {
        const int why = errno;
        *ret_gone = why == ENOENT;
        errno = why;
        return here.st_nlink == 0 ? cb_fail(err, CB_ECORRUPT, "%s was removed", s->path)
                                  : cb_fail_errno(err, "%s is not there any more", s->path);
    }
    if (there.st_dev != s->dev || there.st_ino != s->ino) {
        *ret_gone = true;
        return cb_fail(err, CB_ECORRUPT, "%s was replaced", s->path);
    }
    return segment_check_size(s, io, err);
}

void segment_close(struct segment *s, const struct audit_io *io)
{
    if (s->fd >= 0) {
        (void)io->close(io->ctx, s->fd);
    }
    s->fd = -1;
}
