/* seals.c - see seals.h. Does not know whether a root is the one of the records. */
#include "audit/seal/seals.h"

#include "audit/segdir.h"

#include <errno.h>
#include <fcntl.h>

#define TAIL_MAX 65536U /* of checkpoints.log: many times the longest note */

/* ---- storing ---- */

/* append_note - behind a piece of a note that a crash left, first end its line. */
static enum cb_code append_note(const struct audit_io *io, int fd, const char *path,
                                struct slice note, bool sync, struct cb_err *err)
{
    struct stat st;
    char last = '\n';
    if (io->fstat(io->ctx, fd, &st) != 0) {
        return cb_fail_errno(err, "fstat of %s", path);
    }
    if (st.st_size > 0 && io->pread(io->ctx, fd, &last, 1, st.st_size - 1) != 1) {
        return cb_fail_errno(err, "cannot read %s", path);
    }
    if (last != '\n') {
        TRY(io_write_all(io, fd, SLICE("\n"), err));
    }
    TRY(io_write_all(io, fd, note, err));
    if (sync && io->fdatasync(io->ctx, fd) != 0) {
        return cb_fail_errno(err, "fdatasync of %s", path);
    }
    return CB_OK;
}

enum cb_code seals_store(const struct audit_io *io, const char *dir, struct slice note, bool sync,
                         struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    TRY(segdir_join(dir, "state", path, err));
    TRY(io_put_file(io, path, "checkpoint", note, err));
    TRY(segdir_join(dir, "state/checkpoints.log", path, err));
    const int fd = io->open(
        io->ctx, path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot open %s", path);
    }
    const enum cb_code code = append_note(io, fd, path, note, sync, err);
    (void)io->close(io->ctx, fd);
    return code;
}

/* ---- finding the newest ---- */

/* find_line - where a line that is exactly this begins, from `from` on; or s.len. */
static size_t find_line(struct slice s, size_t from, struct slice line)
{
    while (from < s.len) {
        const struct slice rest = slice_from(s, from);
        const size_t end = slice_find(rest, '\n');
        if (end < rest.len && slice_eq((struct slice){rest.ptr, end}, line)) {
            return from;
        }
        from += end + 1;
    }
    return s.len;
}

bool seals_next(struct slice *rest, struct slice origin, struct slice *ret)
{
    const size_t start = find_line(*rest, 0, origin);
    if (start == rest->len) {
        return false;
    }
    const size_t end = find_line(*rest, start + origin.len + 1, origin);
    *ret = (struct slice){rest->ptr + start, end - start};
    *rest = slice_from(*rest, end);
    return true;
}

/* read_tail - the end of checkpoints.log. CB_ENOENT: no such file. */
static enum cb_code read_tail(const struct audit_io *io, const char *path, char *out, size_t *ret,
                              struct cb_err *err)
{
    struct stat st;
    int fd = -1;
    TRY(io_open_file(io, path, 0, SEALS_HISTORY_MAX, &fd, err));
    ssize_t got = -1;
    if (io->fstat(io->ctx, fd, &st) == 0) {
        const off_t from = st.st_size > (off_t)TAIL_MAX ? st.st_size - (off_t)TAIL_MAX : 0;
        got = io->pread(io->ctx, fd, out, TAIL_MAX, from);
    }
    const enum cb_code code = got < 0 ? cb_fail_errno(err, "cannot read %s", path) : CB_OK;
    (void)io->close(io->ctx, fd);
    *ret = got < 0 ? 0 : (size_t)got;
    return code;
}

/* newest_in - the last note in these bytes that is whole and signed. A torn one is followed by others
 * that are not, or by nothing. */
static bool newest_in(struct slice bytes, const struct vkeys *vkeys, struct checkpoint *ret,
                      struct slice *ret_note)
{
    const struct slice origin = slice_of(vkeys->list[0].key.name);
    struct slice note;
    struct cb_err ignored;
    bool found = false;
    while (seals_next(&bytes, origin, &note)) {
        struct checkpoint c;
        while (note.len > 1 && note.ptr[note.len - 1] == '\n' && note.ptr[note.len - 2] == '\n') {
            note.len--; /* the line end that closes a torn piece may stand behind a whole note */
        }
        if (vkeys_open_checkpoint(vkeys, note, &c, &ignored) == CB_OK) {
            *ret = c;
            *ret_note = note;
            found = true;
        }
    }
    return found;
}

/* pick - the newer of the two; they must not contradict each other. */
static enum cb_code pick(const char *dir, const struct checkpoint *file,
                         const struct checkpoint *history, bool *ret_history, struct cb_err *err)
{
    if (file->size == history->size && memcmp(file->root, history->root, SHA256_LEN) != 0) {
        return cb_fail(
            err, CB_ECORRUPT,
            "%s/state/checkpoint and the end of checkpoints.log have different roots for "
            "%llu records: the log's key has signed two histories",
            dir, (unsigned long long)file->size);
    }
    *ret_history = history->size > file->size;
    return CB_OK;
}

/* One of the two places as it was found. */
struct place {
    bool found;
    struct checkpoint checkpoint;
    struct slice note;
};

static enum cb_code choose(const char *dir, const struct place *file, const struct place *history,
                           struct checkpoint *ret, struct buf *ret_note, struct cb_err *err)
{
    bool take_history = !file->found;
    if (!file->found && !history->found) {
        return cb_fail(err, CB_ENOENT, "%s/state holds no signed checkpoint", dir);
    }
    if (file->found && history->found) {
        TRY(pick(dir, &file->checkpoint, &history->checkpoint, &take_history, err));
    }
    const struct place *chosen = take_history ? history : file;
    if (ret_note != NULL) {
        buf_init(ret_note, SEAL_NOTE_MAX);
        buf_add_slice(ret_note, chosen->note);
        if (!buf_ok(ret_note)) {
            buf_free(ret_note);
            return cb_fail(err, CB_ENOMEM, "no memory for a checkpoint");
        }
    }
    *ret = chosen->checkpoint;
    return CB_OK;
}

static enum cb_code read_history(const struct audit_io *io, const char *dir,
                                 const struct vkeys *vkeys, char *bytes, struct place *ret,
                                 struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    size_t len = 0;
    TRY(segdir_join(dir, "state/checkpoints.log", path, err));
    const enum cb_code code = read_tail(io, path, bytes, &len, err);
    if (code != CB_OK) {
        return code == CB_ENOENT ? CB_OK : code;
    }
    ret->found = newest_in((struct slice){bytes, len}, vkeys, &ret->checkpoint, &ret->note);
    return CB_OK;
}

static enum cb_code read_file(const char *dir, const struct vkeys *vkeys, struct slice note,
                              struct place *ret, struct cb_err *err)
{
    struct cb_err why;
    if (vkeys_open_checkpoint(vkeys, note, &ret->checkpoint, &why) != CB_OK) {
        return cb_fail(err, CB_ECORRUPT, "%s/state/checkpoint: %s", dir, why.msg);
    }
    ret->found = true;
    ret->note = note;
    return CB_OK;
}

enum cb_code seals_newest(const struct audit_io *io, const char *dir, const struct vkeys *vkeys,
                          struct checkpoint *ret, struct buf *ret_note, struct cb_err *err)
{
    char tail[TAIL_MAX];
    struct place file = {.found = false};
    struct place history = {.found = false};
    struct buf note = {0};
    enum cb_code code = io_read_file(io, dir, "state/checkpoint", SEAL_NOTE_MAX, &note, err);
    if (code == CB_OK) {
        code = read_file(dir, vkeys, buf_slice(&note), &file, err);
    } else if (code == CB_ENOENT) {
        code = CB_OK;
    }
    if (code == CB_OK) {
        code = read_history(io, dir, vkeys, tail, &history, err);
    }
    if (code == CB_OK) {
        code = choose(dir, &file, &history, ret, ret_note, err);
    }
    buf_free(&note);
    return code;
}
