/* io.h - every call by which audit/ touches a file, in one table, so that a test can count them,
 * put them in order, make them fail, and work out what a crash could leave behind.
 *
 * Each returns what the system call of that name returns, with errno. Listing a directory is not
 * here: it changes nothing and recovery does not depend on its failing in a particular way. */
#ifndef AUDIT_IO_H
#define AUDIT_IO_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct audit_io {
    void *ctx; /* handed to each call */
    int (*open)(void *ctx, const char *path, int flags, mode_t mode);
    int (*mkdir)(void *ctx, const char *path, mode_t mode);
    ssize_t (*write)(void *ctx, int fd, const void *data, size_t len);
    ssize_t (*pread)(void *ctx, int fd, void *data, size_t len, off_t offset);
    int (*fallocate)(void *ctx, int fd, int mode, off_t offset, off_t len);
    int (*fdatasync)(void *ctx, int fd);
    int (*fsync)(void *ctx, int fd);
    int (*fstat)(void *ctx, int fd, struct stat *ret);
    int (*lstat)(void *ctx, const char *path, struct stat *ret);
    int (*statvfs)(void *ctx, const char *path, struct statvfs *ret);
    int (*flock)(void *ctx, int fd, int operation);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*unlink)(void *ctx, const char *path);
    int (*close)(void *ctx, int fd);
};

extern const struct audit_io audit_system_io;

/* io_write_all - write everything, going on after EINTR and short writes. A write that moves
 * nothing, or any other error, ends it: CB_ESYS. */
enum cb_code io_write_all(const struct audit_io *io, int fd, struct slice bytes,
                          struct cb_err *err) CB_MUST_USE;
/* io_sync_dir - make names in the directory durable. */
enum cb_code io_sync_dir(const struct audit_io *io, const char *path,
                         struct cb_err *err) CB_MUST_USE;
/* io_make_dir - mkdir with mode 0750; one that is already there is fine. */
enum cb_code io_make_dir(const struct audit_io *io, const char *path,
                         struct cb_err *err) CB_MUST_USE;
/* io_open_file - a file to be read, which must be a regular one of at most max bytes: a pipe, a device or a
 * link that somebody put in its place neither hangs nor misleads whoever reads the log. more: further
 * flags. CB_ENOENT: no such file. CB_ECORRUPT: something else stands there, or too much. */
enum cb_code io_open_file(const struct audit_io *io, const char *path, int more, uint64_t max,
                          int *ret_fd, struct cb_err *err) CB_MUST_USE;
/* io_read_file - all bytes of dir/name, which is not larger than cap, into out (initialised here, freed
 * on failure). CB_ENOENT: no such file. */
enum cb_code io_read_file(const struct audit_io *io, const char *dir, const char *name, size_t cap,
                          struct buf *out, struct cb_err *err) CB_MUST_USE;
/* io_put_file - dir/name with these bytes, all or nothing after any crash: a temporary file, fsync,
 * rename, fsync of the directory. */
enum cb_code io_put_file(const struct audit_io *io, const char *dir, const char *name,
                         struct slice bytes, struct cb_err *err) CB_MUST_USE;

#endif
