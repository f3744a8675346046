/* archive_file.c - files that appear all at once and belong to whoever owns their neighbours, so that
 * a tool run as root leaves nothing behind that the broker cannot read. */
#include "audit/keep/archive_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COPY_BLOCK (64UL * 1024)

bool archive_has(const struct audit_io *io, const char *path)
{
    struct stat st;
    return io->lstat(io->ctx, path, &st) == 0 && S_ISREG(st.st_mode);
}

/* split - where the last name of a path begins. */
static size_t name_at(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

static enum cb_code parent_of(const char *path, char out[SEGMENT_PATH_MAX], struct cb_err *err)
{
    const size_t at = name_at(path);
    const int len =
        snprintf(out, SEGMENT_PATH_MAX, "%.*s", at == 0 ? 1 : (int)at, at == 0 ? "." : path);
    return len > 0 && len < SEGMENT_PATH_MAX ? CB_OK
                                             : cb_fail(err, CB_EINPUT, "%s: too long", path);
}

enum cb_code archive_sync_parent(const struct audit_io *io, const char *path, struct cb_err *err)
{
    char parent[SEGMENT_PATH_MAX];
    TRY(parent_of(path, parent, err));
    return io_sync_dir(io, parent, err);
}

/* adopt - owner and mode of a file like it. Only root can, and only root must. */
static enum cb_code adopt(const struct audit_io *io, int fd, const char *like, struct cb_err *err)
{
    struct stat st;
    if (like == NULL || geteuid() != 0 || io->lstat(io->ctx, like, &st) != 0) {
        return CB_OK;
    }
    if (fchown(fd, st.st_uid, st.st_gid) != 0 || fchmod(fd, st.st_mode & 0777) != 0) {
        return cb_fail_errno(err, "cannot give a file the owner of %s", like);
    }
    return CB_OK;
}

enum cb_code archive_begin(const struct audit_io *io, const char *target, const char *like,
                           char part[SEGMENT_PATH_MAX], int *ret_fd, struct cb_err *err)
{
    const size_t at = name_at(target);
    const int len = snprintf(part, SEGMENT_PATH_MAX, "%.*s.part-%s", (int)at, target, target + at);
    if (len < 0 || len >= SEGMENT_PATH_MAX) {
        return cb_fail(err, CB_EINPUT, "%s: too long", target);
    }
    /* What an earlier run that died has left under this name is nobody's. */
    (void)io->unlink(io->ctx, part);
    const int fd =
        io->open(io->ctx, part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot create %s", part);
    }
    const enum cb_code code = adopt(io, fd, like, err);
    if (code != CB_OK) {
        (void)io->close(io->ctx, fd);
        (void)io->unlink(io->ctx, part);
        return code;
    }
    *ret_fd = fd;
    return CB_OK;
}

enum cb_code archive_end(const struct audit_io *io, const char *target, const char *part, int fd,
                         enum cb_code code, struct cb_err *err)
{
    if (code == CB_OK && io->fsync(io->ctx, fd) != 0) {
        code = cb_fail_errno(err, "fsync of %s", part);
    }
    if (io->close(io->ctx, fd) != 0 && code == CB_OK) {
        code = cb_fail_errno(err, "close of %s", part);
    }
    if (code == CB_OK && io->rename(io->ctx, part, target) != 0) {
        code = cb_fail_errno(err, "cannot rename to %s", target);
    }
    if (code != CB_OK) {
        (void)io->unlink(io->ctx, part);
        return code;
    }
    return archive_sync_parent(io, target, err);
}

static enum cb_code copy_bytes(const struct audit_io *io, int from, int to, const char *name,
                               struct cb_err *err)
{
    char block[COPY_BLOCK];
    for (off_t at = 0;;) {
        const ssize_t got = io->pread(io->ctx, from, block, sizeof(block), at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cb_fail_errno(err, "cannot read %s", name);
        }
        if (got == 0) {
            return CB_OK;
        }
        at += got;
        TRY(io_write_all(io, to, (struct slice){block, (size_t)got}, err));
    }
}

enum cb_code archive_copy_file(const struct audit_io *io, const char *from, const char *to,
                               struct cb_err *err)
{
    char part[SEGMENT_PATH_MAX];
    int out = -1;
    int in = -1;
    TRY(io_open_file(io, from, 0, UINT64_MAX, &in, err));
    enum cb_code code = archive_begin(io, to, from, part, &out, err);
    if (code == CB_OK) {
        code = archive_end(io, to, part, out, copy_bytes(io, in, out, from, err), err);
    }
    (void)io->close(io->ctx, in);
    return code;
}

enum cb_code archive_lock(const struct audit_io *io, const char *dir, int *ret_fd,
                          struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char like[SEGMENT_PATH_MAX];
    TRY(segdir_join(dir, "state/ARCHIVE.lock", path, err));
    TRY(segdir_join(dir, "state/origin", like, err));
    const int fd =
        io->open(io->ctx, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot open %s", path);
    }
    enum cb_code code = adopt(io, fd, like, err);
    if (code == CB_OK && io->flock(io->ctx, fd, LOCK_EX | LOCK_NB) != 0) {
        code = errno == EWOULDBLOCK
                   ? cb_fail(err, CB_EBUSY, "another process archives or prunes %s", dir)
                   : cb_fail_errno(err, "cannot lock %s", path);
    }
    if (code != CB_OK) {
        (void)io->close(io->ctx, fd);
        return code;
    }
    *ret_fd = fd;
    return CB_OK;
}

/* flags_of - the attributes that chattr sets; none where the file system has no such thing. */
static unsigned flags_of(const char *path)
{
    unsigned flags = 0;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return 0;
    }
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) {
        flags = 0;
    }
    (void)close(fd);
    return flags & (FS_APPEND_FL | FS_IMMUTABLE_FL);
}

enum cb_code archive_may_remove(const char *dir, const char *file, struct cb_err *err)
{
    const char *locked = flags_of(dir) != 0                    ? dir
                         : file != NULL && flags_of(file) != 0 ? file
                                                               : NULL;
    if (locked == NULL) {
        return CB_OK;
    }
    return cb_fail(err, CB_EINPUT,
                   "%s is append-only or immutable (chattr): nothing in it can be replaced or "
                   "removed. As root take that off for the time (chattr -a -i), or only copy: --to",
                   locked);
}
