/* store.c - see store.h. Compare-and-swap is its caller's: one thread, one process, and the reply only
 * after store_replace has returned. */
#include "broker/witness/store.h"

#include "broker/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define NAME_SIZE 160U

static enum cb_code join(const char *dir, const char *name, char out[STORE_DIR_MAX],
                         struct cb_err *err)
{
    const int len = snprintf(out, STORE_DIR_MAX, "%s/%s", dir, name);
    return len >= 0 && (size_t)len < STORE_DIR_MAX
               ? CB_OK
               : cb_fail(err, CB_EINPUT, "%.100s...: the path is too long", dir);
}

enum cb_code store_create(const struct audit_io *io, const char *dir, struct cb_err *err)
{
    static const char *const names[] = {"state", "evidence"};
    char path[STORE_DIR_MAX];
    TRY(io_make_dir(io, dir, err));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        TRY(join(dir, names[i], path, err));
        TRY(io_make_dir(io, path, err));
    }
    return io_sync_dir(io, dir, err);
}

static enum cb_code lock(const struct audit_io *io, const char *dir, int *ret_fd,
                         struct cb_err *err)
{
    char path[STORE_DIR_MAX];
    struct stat st;
    TRY(join(dir, "LOCK", path, err));
    if (io->lstat(io->ctx, dir, &st) != 0 && errno == ENOENT) {
        return cb_fail(err, CB_ENOENT,
                       "%s is not there: certbroker witness init creates it; if it was there "
                       "before, mount or restore its volume",
                       dir);
    }
    const int fd = io->open(io->ctx, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot open %s", path);
    }
    if (io->flock(io->ctx, fd, LOCK_EX | LOCK_NB) != 0) {
        const enum cb_code code =
            errno == EWOULDBLOCK
                ? cb_fail(err, CB_EBUSY, "%s is locked: another witness runs on this directory",
                          path)
                : cb_fail_errno(err, "cannot lock %s", path);
        (void)io->close(io->ctx, fd);
        return code;
    }
    *ret_fd = fd;
    return CB_OK;
}

enum cb_code store_open(const struct audit_io *io, const char *dir, struct store *ret,
                        struct cb_err *err)
{
    struct store store = {.io = io, .lock_fd = -1};
    TRY(join(dir, "state", store.dir, err));
    TRY(lock(io, store.dir, &store.lock_fd, err));
    *ret = store;
    return CB_OK;
}

void store_close(struct store *store)
{
    if (store->lock_fd >= 0) {
        (void)store->io->close(store->io->ctx, store->lock_fd);
        store->lock_fd = -1;
    }
}

enum cb_code store_read(const struct store *store, const char *id, struct buf *out,
                        struct cb_err *err)
{
    char path[STORE_DIR_MAX];
    char name[NAME_SIZE];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%s.note", id);
    TRY(join(store->dir, name, path, err));
    if (store->io->lstat(store->io->ctx, path, &st) != 0 && errno == ENOENT) {
        return cb_fail(err, CB_ENOENT, "%s is not there", path);
    }
    return file_read(path, FILE_TRUSTED, NOTE_BYTES_MAX, out, err);
}

enum cb_code store_replace(const struct store *store, const char *id, struct slice note,
                           struct cb_err *err)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%s.note", id);
    return io_put_file(store->io, store->dir, name, note, err);
}

enum cb_code store_keep_evidence(const struct store *store, const char *name, struct slice note,
                                 bool *ret_is_new, struct cb_err *err)
{
    char dir[STORE_DIR_MAX];
    char path[STORE_DIR_MAX];
    struct stat st;
    TRY(join(store->dir, "../evidence", dir, err));
    TRY(join(dir, name, path, err));
    if (store->io->lstat(store->io->ctx, path, &st) == 0) {
        *ret_is_new = false;
        return CB_OK;
    }
    TRY(io_put_file(store->io, dir, name, note, err));
    *ret_is_new = true;
    return CB_OK;
}
