/* file.c - see file.h. */
#include "broker/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum cb_code check_file(int fd, const char *path, enum file_kind kind, struct cb_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return cb_fail_errno(err, "%s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return cb_fail(err, CB_EINPUT, "%s: not a regular file", path);
    }
    const unsigned forbidden = st.st_uid == 0 ? 037 : 077;
    if (kind == FILE_SECRET && (st.st_mode & forbidden) != 0) {
        return cb_fail(err, CB_EINPUT, "%s: others may read or write it (mode %04o): chmod 0600 %s",
                       path, (unsigned)st.st_mode & 07777U, path);
    }
    if (kind == FILE_TRUSTED && (st.st_mode & 022) != 0) {
        return cb_fail(err, CB_EINPUT, "%s: others may write it (mode %04o): chmod go-w %s", path,
                       (unsigned)st.st_mode & 07777U, path);
    }
    return CB_OK;
}

static enum cb_code read_all(int fd, const char *path, struct buf *out, struct cb_err *err)
{
    char piece[4096];
    ssize_t n = 0;
    do {
        n = read(fd, piece, sizeof(piece));
        if (n > 0) {
            buf_add(out, piece, (size_t)n);
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    secret_wipe(piece, sizeof(piece));
    if (n < 0) {
        return cb_fail_errno(err, "%s", path);
    }
    return buf_ok(out) ? CB_OK
                       : cb_fail(err, CB_ELIMIT, "%s: larger than %zu bytes", path, out->cap);
}

enum cb_code file_read(const char *path, enum file_kind kind, size_t cap, struct buf *out,
                       struct cb_err *err)
{
    buf_init_secret(out, cap);
    /* NONBLOCK: opening a pipe by mistake must not hang. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return cb_fail_errno(err, "%s", path);
    }
    enum cb_code code = check_file(fd, path, kind, err);
    if (code == CB_OK) {
        code = read_all(fd, path, out, err);
    }
    (void)close(fd);
    if (code != CB_OK) {
        buf_free(out);
    }
    return code;
}
