/* cursor.c - see cursor.h. */
#include "broker/ship/cursor.h"

#include "broker/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define CURSOR_MAX 32U

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
    struct buf text;
    TRY(make_path(audit_dir, name, "", path, err));
    const enum cb_code code = file_read(path, FILE_PUBLIC, CURSOR_MAX, &text, err);
    if (code != CB_OK && err->sys_errno == ENOENT) {
        *ret = 0;
        return CB_OK;
    }
    if (code == CB_ESYS) {
        return code;
    }
    const struct slice line = code == CB_OK ? buf_slice(&text) : SLICE("");
    const bool is_number = slice_has_suffix(line, SLICE("\n")) &&
                           slice_to_u64((struct slice){line.ptr, line.len - 1}, ret);
    if (code == CB_OK) {
        buf_free(&text);
    }
    if (!is_number) {
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
    const int fd =
        open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
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
