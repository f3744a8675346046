/* io.c - the real file calls, and the small sequences built from them. */
#include "audit/io.h"

#include "audit/segdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static int real_open(void *ctx, const char *path, int flags, mode_t mode)
{
    (void)ctx;
    return open(path, flags, mode);
}

static int real_mkdir(void *ctx, const char *path, mode_t mode)
{
    (void)ctx;
    return mkdir(path, mode);
}

static ssize_t real_write(void *ctx, int fd, const void *data, size_t len)
{
    (void)ctx;
    return write(fd, data, len);
}

static ssize_t real_pread(void *ctx, int fd, void *data, size_t len, off_t offset)
{
    (void)ctx;
    return pread(fd, data, len, offset);
}

static int real_fallocate(void *ctx, int fd, int mode, off_t offset, off_t len)
{
    (void)ctx;
    return fallocate(fd, mode, offset, len);
}

static int real_fdatasync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

static int real_fsync(void *ctx, int fd)
{
    (void)ctx;
    return fsync(fd);
}

static int real_fstat(void *ctx, int fd, struct stat *ret)
{
    (void)ctx;
    return fstat(fd, ret);
}

static int real_lstat(void *ctx, const char *path, struct stat *ret)
{
    (void)ctx;
    return lstat(path, ret);
}

static int real_statvfs(void *ctx, const char *path, struct statvfs *ret)
{
    (void)ctx;
    return statvfs(path, ret);
}

static int real_flock(void *ctx, int fd, int operation)
{
    (void)ctx;
    return flock(fd, operation);
}

static int real_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return rename(from, to);
}

static int real_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return unlink(path);
}

static int real_close(void *ctx, int fd)
{
    (void)ctx;
    return close(fd);
}

const struct audit_io audit_system_io = {
    .open = real_open,
    .mkdir = real_mkdir,
    .write = real_write,
    .pread = real_pread,
    .fallocate = real_fallocate,
    .fdatasync = real_fdatasync,
    .fsync = real_fsync,
    .fstat = real_fstat,
    .lstat = real_lstat,
    .statvfs = real_statvfs,
    .flock = real_flock,
    .rename = real_rename,
    .unlink = real_unlink,
    .close = real_close,
};

enum cb_code io_write_all(const struct audit_io *io, int fd, struct slice bytes, struct cb_err *err)
{
    while (bytes.len > 0) {
        const ssize_t done = io->write(io->ctx, fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return cb_fail_errno(err, "write");
        }
        if (done == 0 || (size_t)done > bytes.len) {
            errno = EIO;
            return cb_fail_errno(err, "write moved %zd of %zu bytes", done, bytes.len);
        }
        bytes.ptr += done;
        bytes.len -= (size_t)done;
    }
    return CB_OK;
}

enum cb_code io_sync_dir(const struct audit_io *io, const char *path, struct cb_err *err)
{
    const int fd = io->open(io->ctx, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot open the directory %s", path);
    }
    enum cb_code code = CB_OK;
    if (io->fsync(io->ctx, fd) != 0) {
        code = cb_fail_errno(err, "fsync of the directory %s", path);
    }
    (void)io->close(io->ctx, fd);
    return code;
}

enum cb_code io_make_dir(const struct audit_io *io, const char *path, struct cb_err *err)
{
    if (io->mkdir(io->ctx, path, 0750) != 0 && errno != EEXIST) {
        return cb_fail_errno(err, "cannot create the directory %s", path);
    }
    return CB_OK;
}

static enum cb_code read_all(const struct audit_io *io, int fd, const char *path, struct buf *out,
                             struct cb_err *err)
{
    char piece[4096];
    ssize_t got = 0;
    do {
        got = io->pread(io->ctx, fd, piece, sizeof(piece), (off_t)out->len);
        if (got > 0) {
            buf_add(out, piece, (size_t)got);
        }
    } while ((got > 0 && buf_ok(out)) || (got < 0 && errno == EINTR));
    if (got < 0) {
        return cb_fail_errno(err, "cannot read %s", path);
    }
    return buf_ok(out) ? CB_OK
                       : cb_fail(err, CB_ELIMIT, "%s: larger than %zu bytes", path, out->cap);
}

static enum cb_code check_file(const struct audit_io *io, int fd, const char *path, uint64_t max,
                               struct cb_err *err)
{
    struct stat st;
    if (io->fstat(io->ctx, fd, &st) != 0) {
        return cb_fail_errno(err, "fstat of %s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return cb_fail(err, CB_ECORRUPT, "%s: not a regular file", path);
    }
    if ((uint64_t)st.st_size > max) {
        return cb_fail(err, CB_ECORRUPT, "%s: %lld bytes, and it never has more than %llu", path,
                       (long long)st.st_size, (unsigned long long)max);
    }
    return CB_OK;
}

enum cb_code io_open_file(const struct audit_io *io, const char *path, int more, uint64_t max,
                          int *ret_fd, struct cb_err *err)
{
    /* NONBLOCK: opening a pipe must not wait for a writer. */
    const int fd =
        io->open(io->ctx, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | more, 0);
    if (fd < 0) {
        const enum cb_code code = cb_fail_errno(err, "cannot open %s", path);
        if (err->sys_errno == ELOOP) {
            return cb_fail(err, CB_ECORRUPT, "%s: not a regular file", path);
        }
        return err->sys_errno == ENOENT ? (err->code = CB_ENOENT) : code;
    }
    const enum cb_code code = check_file(io, fd, path, max, err);
    if (code != CB_OK) {
        (void)io->close(io->ctx, fd);
        return code;
    }
    *ret_fd = fd;
    return CB_OK;
}

enum cb_code io_read_file(const struct audit_io *io, const char *dir, const char *name, size_t cap,
                          struct buf *out, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    TRY(segdir_join(dir, name, path, err));
    int fd = -1;
    TRY(io_open_file(io, path, 0, cap, &fd, err));
    buf_init(out, cap);
    const enum cb_code code = read_all(io, fd, path, out, err);
    (void)io->close(io->ctx, fd);
    if (code != CB_OK) {
        buf_free(out);
    }
    return code;
}

static enum cb_code write_and_sync(const struct audit_io *io, const char *path, struct slice bytes,
                                   struct cb_err *err)
{
    const int fd = io->open(
        io->ctx, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot create %s", path);
    }
    enum cb_code code = io_write_all(io, fd, bytes, err);
    if (code == CB_OK && io->fsync(io->ctx, fd) != 0) {
        code = cb_fail_errno(err, "fsync of %s", path);
    }
    if (io->close(io->ctx, fd) != 0 && code == CB_OK) {
        code = cb_fail_errno(err, "close of %s", path);
    }
    return code;
}

enum cb_code io_put_file(const struct audit_io *io, const char *dir, const char *name,
                         struct slice bytes, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char part[SEGMENT_PATH_MAX];
    char part_name[128];
    (void)snprintf(part_name, sizeof(part_name), ".%s.part", name);
    TRY(segdir_join(dir, name, path, err));
    TRY(segdir_join(dir, part_name, part, err));
    enum cb_code code = write_and_sync(io, part, bytes, err);
    if (code == CB_OK && io->rename(io->ctx, part, path) != 0) {
        code = cb_fail_errno(err, "cannot rename to %s", path);
    }
    if (code != CB_OK) {
        (void)io->unlink(io->ctx, part);
        return code;
    }
    return io_sync_dir(io, dir, err);
}
