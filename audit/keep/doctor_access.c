/* doctor_access.c - may we read all of the log? What we may not read is not damaged, and advice given without
 * having seen it would be wrong. */
#include "audit/keep/doctor_parts.h"

#include "audit/segdir.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum cb_code refuse(const char *path, const struct stat *log, struct cb_err *err)
{
    if (log == NULL) {
        return cb_fail(err, CB_ESYS, "%s: permission denied: run it as the broker's user", path);
    }
    return cb_fail(
        err, CB_ESYS,
        "%s: permission denied: run it as the broker's user (uid %u, to whom %s belongs; "
        "this is uid %u)",
        path, (unsigned)log->st_uid, "the log's directory", (unsigned)geteuid());
}

/* check_path - what is not there, or cannot be read for another reason, is said elsewhere. */
static enum cb_code check_path(const struct doctor *d, const char *path, const struct stat *log,
                               struct cb_err *err)
{
    const int fd = d->io->open(d->io->ctx, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd >= 0) {
        (void)d->io->close(d->io->ctx, fd);
        return CB_OK;
    }
    return errno == EACCES || errno == EPERM ? refuse(path, log, err) : CB_OK;
}

static enum cb_code check_segments(const struct doctor *d, const struct stat *log,
                                   struct cb_err *err)
{
    struct segment_list list;
    struct cb_err ignored;
    if (segdir_list(d->dir, &list, &ignored) != CB_OK) {
        return CB_OK;
    }
    enum cb_code code = CB_OK;
    for (size_t i = 0; i < list.num && code == CB_OK; i++) {
        char plain[SEGMENT_PATH_MAX];
        char packed[SEGMENT_PATH_MAX];
        code = segdir_path(d->dir, list.no[i], plain, err);
        code = code == CB_OK ? segdir_packed(plain, packed, err) : code;
        code = code == CB_OK ? check_path(d, plain, log, err) : code;
        code = code == CB_OK ? check_path(d, packed, log, err) : code;
    }
    segdir_list_free(&list);
    return code;
}

enum cb_code doctor_access(const struct doctor *d, struct cb_err *err)
{
    static const char *const names[] = {".",
                                        "seg",
                                        "state",
                                        "policy",
                                        "state/origin",
                                        "state/vkeys",
                                        "state/checkpoint",
                                        "state/checkpoints.log",
                                        "state/pruned"};
    struct stat log;
    if (d->io->lstat(d->io->ctx, d->dir, &log) != 0) {
        const enum cb_code code =
            errno == EACCES ? refuse(d->dir, NULL, err) : cb_fail_errno(err, "%s", d->dir);
        return err->sys_errno == ENOENT ? (err->code = CB_ENOENT) : code;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[SEGMENT_PATH_MAX];
        TRY(segdir_join(d->dir, names[i], path, err));
        TRY(check_path(d, path, &log, err));
    }
    return check_segments(d, &log, err);
}
