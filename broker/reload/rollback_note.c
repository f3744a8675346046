/* rollback_note.c - see rollback_note.h. Believed as much as the log it lies beside: who may write
 * there may write that, too. */
#include "broker/reload/rollback_note.h"

#include "broker/base/file.h"
#include "broker/base/log.h"
#include "broker/control/control_line.h"
#include "broker/reload/rollback_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "rollback"
#define LINE_MAX_BYTES (SHA256_HEX_LEN + 1 + RELOAD_REASON_MAX + 1)

static enum cb_code path_of(const char *audit_dir, const char *name, char out[PATH_MAX],
                            struct cb_err *err)
{
    const int n =
        snprintf(out, PATH_MAX, "%s/state%s%s", audit_dir, name[0] == '\0' ? "" : "/", name);
    return n > 0 && n < PATH_MAX ? CB_OK : cb_fail(err, CB_EINPUT, "%s: too long", audit_dir);
}

enum cb_code rollback_note_write(const char *audit_dir, const char *sha256, const char *reason,
                                 struct cb_err *err)
{
    char folder[PATH_MAX];
    char origin[PATH_MAX];
    char line[LINE_MAX_BYTES + 1];
    struct stat like;
    TRY(path_of(audit_dir, "", folder, err));
    TRY(path_of(audit_dir, "origin", origin, err));
    if (lstat(origin, &like) != 0) {
        return cb_fail_errno(err, "%s", origin);
    }
    (void)snprintf(line, sizeof(line), "%s %s\n", sha256, reason);
    return rollback_put_file(folder, NAME, slice_of(line), &like, err);
}

/* parse - the line's reason, if the line is about this policy. */
static bool parse(struct slice line, const char *sha256, char out[RELOAD_REASON_MAX + 1])
{
    struct cb_err unheard;
    if (line.len <= SHA256_HEX_LEN + 1 || line.ptr[line.len - 1] != '\n' ||
        !slice_has_prefix(line, slice_of(sha256)) || line.ptr[SHA256_HEX_LEN] != ' ') {
        return false;
    }
    const struct slice reason = {line.ptr + SHA256_HEX_LEN + 1, line.len - SHA256_HEX_LEN - 2};
    if (control_reason_check(reason, &unheard) != CB_OK) {
        return false;
    }
    (void)snprintf(out, RELOAD_REASON_MAX + 1, "%.*s", (int)reason.len, reason.ptr);
    return true;
}

void rollback_note_read(const char *audit_dir, const char *sha256, char out[RELOAD_REASON_MAX + 1])
{
    char path[PATH_MAX];
    struct buf line;
    struct cb_err err = {0};
    out[0] = '\0';
    if (path_of(audit_dir, NAME, path, &err) != CB_OK || access(path, F_OK) != 0) {
        return;
    }
    if (file_read(path, FILE_PUBLIC, LINE_MAX_BYTES, &line, &err) != CB_OK) {
        log_warn("rollback.note", "the reason of the rollback is lost: %s", err.msg);
        return;
    }
    if (!parse(buf_slice(&line), sha256, out)) {
        out[0] = '\0';
    }
    buf_free(&line);
}

void rollback_note_remove(const char *audit_dir)
{
    char path[PATH_MAX];
    struct cb_err err;
    if (path_of(audit_dir, NAME, path, &err) == CB_OK && unlink(path) != 0 && errno != ENOENT) {
        (void)cb_fail_errno(&err, "%s", path);
        log_warn("rollback.note", "what a rollback left cannot be removed: %s", err.msg);
    }
}
