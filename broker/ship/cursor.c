/* cursor.c - see cursor.h. */
#include "broker/ship/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static enum cb_code make_path(const char *audit_dir, const char *name, const char *suffix,
                              char out[PATH_MAX], struct cb_err *err)
{
    const int len = snprintf(out, PATH_MAX, "%s/state/cursor.%s%s", audit_dir, name, suffix);
    return len > 0 && len < PATH_MAX ? CB_OK
                                     : cb_fail(err, CB_EINPUT, "%s: too long a path", audit_dir);
}

enum cb_code cursor_read(const char *audit_dir, const char *name, uint64_t *ret, struct cb_err *err)
{
    char path[PATH_MAX];
    char text[32];
    TRY(make_path(audit_dir, name, "", path, err));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        *ret = 0;
        return CB_OK;
    }
    if (fd < 0) {
        return cb_fail_errno(err, "cannot open %s", path);
    }
    const ssize_t got = read(fd, text, sizeof(text));
    (void)close(fd);
    const struct slice line = {text, got > 0 ? (size_t)got : 0};
    if (!slice_has_suffix(line, SLICE("\n")) ||
        !slice_to_u64((struct slice){line.ptr, line.len - 1}, ret)) {
        return cb_fail(err, CB_ECORRUPT,
                       "%s does not hold a record's number; delete it to have the whole log sent "
                       "again",
                       path);
    }
    return CB_OK;
}

enum cb_code cursor_write(const char *audit_dir, const char *name, uint64_t seq, struct cb_err *err)
{
    char path[PATH_MAX];
    char part[PATH_MAX];
    char text[32];
    TRY(make_path(audit_dir, name, "", path, err));
    TRY(make_path(audit_dir, name, ".part", part, err));
    const int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)seq);
    const int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot create %s", part);
    }
    const bool written = write(fd, text, (size_t)len) == (ssize_t)len;
    if (close(fd) != 0 || !written || rename(part, path) != 0) {
        const enum cb_code code = cb_fail_errno(err, "cannot write %s", path);
        (void)unlink(part);
        return code;
    }
    return CB_OK;
}
