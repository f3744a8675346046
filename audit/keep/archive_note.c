/* archive_note.c - the signed checkpoint that goes with what a second place has: the newest that covers
 * no record that is not there. Looked for in state/checkpoints.log from its end. */
#include "audit/keep/archive_parts.h"

#include "audit/seal/seals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define WINDOW_FIRST (256UL * 1024)
#define WINDOW_MAX (256UL * 1024 * 1024)
#define TORN_MAX 8U

struct search {
    const struct archiver *a;
    struct vkeys *vkeys;
    struct slice origin;
    int fd;
    uint64_t size; /* of the file */
};

/* size_of - the second line of a note, without any further look at it; UINT64_MAX: it is no number. */
static uint64_t size_of(const struct search *s, struct slice note)
{
    uint64_t size = UINT64_MAX;
    if (note.len <= s->origin.len + 1) {
        return size;
    }
    const struct slice rest = slice_from(note, s->origin.len + 1);
    return slice_to_u64((struct slice){rest.ptr, slice_find(rest, '\n')}, &size) ? size
                                                                                 : UINT64_MAX;
}

/* find_in - the last note among these bytes that fits and is signed; they may begin in the middle of
 * one. Signatures are looked at for the few last ones only: one may be torn. */
static bool find_in(const struct search *s, struct slice bytes, struct buf *out)
{
    struct slice last[TORN_MAX];
    struct slice note;
    struct checkpoint c;
    struct cb_err ignored;
    size_t num = 0;
    while (seals_next(&bytes, s->origin, &note)) {
        if (size_of(s, note) <= s->a->counts.end_seq) {
            last[num++ % TORN_MAX] = note;
        }
    }
    for (size_t i = 0; i < TORN_MAX && i < num; i++) {
        note = last[(num - 1 - i) % TORN_MAX];
        while (note.len > 1 && note.ptr[note.len - 1] == '\n' && note.ptr[note.len - 2] == '\n') {
            note.len--; /* the line end that closes a torn piece may stand behind a whole note */
        }
        if (vkeys_open_checkpoint(s->vkeys, note, &c, &ignored) == CB_OK) {
            buf_add_slice(out, note);
            return buf_ok(out);
        }
    }
    return false;
}

/* try_window - the last len bytes of the file. */
static enum cb_code try_window(const struct search *s, size_t len, struct buf *out, bool *ret_found,
                               struct cb_err *err)
{
    char *bytes = malloc(len);
    if (bytes == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to read checkpoints");
    }
    size_t total = 0;
    enum cb_code code = CB_OK;
    while (total < len && code == CB_OK) {
        const ssize_t got = s->a->io->pread(s->a->io->ctx, s->fd, bytes + total, len - total,
                                            (off_t)(s->size - len + total));
        if (got < 0 && errno != EINTR) {
            code = cb_fail_errno(err, "cannot read %s/state/checkpoints.log", s->a->dir);
        }
        if (got == 0) {
            break;
        }
        total += got > 0 ? (size_t)got : 0;
    }
    *ret_found = code == CB_OK && find_in(s, (struct slice){bytes, total}, out);
    free(bytes);
    return code;
}

static enum cb_code look(struct search *s, struct buf *out, bool *ret_found, struct cb_err *err)
{
    struct stat st;
    *ret_found = false;
    if (s->a->io->fstat(s->a->io->ctx, s->fd, &st) != 0) {
        return cb_fail_errno(err, "fstat of %s/state/checkpoints.log", s->a->dir);
    }
    s->size = (uint64_t)st.st_size;
    for (size_t len = WINDOW_FIRST; !*ret_found && len <= WINDOW_MAX; len *= 8) {
        const bool all = s->size <= len;
        TRY(try_window(s, all ? (size_t)s->size : len, out, ret_found, err));
        if (all) {
            break;
        }
    }
    return CB_OK;
}

static enum cb_code find(struct search *s, struct buf *out, bool *ret_found, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    *ret_found = false;
    const enum cb_code code = vkeys_read(s->a->io, s->a->dir, s->vkeys, err);
    if (code != CB_OK) {
        return code == CB_ENOENT ? CB_OK : code;
    }
    s->origin = slice_of(s->vkeys->list[0].key.name);
    TRY(segdir_join(s->a->dir, "state/checkpoints.log", path, err));
    const enum cb_code opened = io_open_file(s->a->io, path, 0, SEALS_HISTORY_MAX, &s->fd, err);
    if (opened != CB_OK) {
        return opened == CB_ENOENT ? CB_OK : opened;
    }
    const enum cb_code looked = look(s, out, ret_found, err);
    (void)s->a->io->close(s->a->io->ctx, s->fd);
    return looked;
}

/* put - it replaces what is there; where nothing may be replaced (a WORM volume) that stays. */
static enum cb_code put(const struct archiver *a, struct slice note, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char part[SEGMENT_PATH_MAX];
    char like[SEGMENT_PATH_MAX];
    int fd = -1;
    TRY(segdir_join(a->options->to, "state/checkpoint", path, err));
    TRY(segdir_join(a->options->to, "state/origin", like, err));
    enum cb_code code = archive_begin(a->io, path, like, part, &fd, err);
    if (code == CB_OK) {
        code = archive_end(a->io, path, part, fd, io_write_all(a->io, fd, note, err), err);
    }
    const int why = code == CB_ESYS ? err->sys_errno : 0;
    return why == EPERM || why == EACCES || why == EEXIST ? CB_OK : code;
}

enum cb_code archive_copy_note(const struct archiver *a, struct cb_err *err)
{
    struct buf note;
    bool found = false;
    struct search s = {.a = a, .vkeys = calloc(1, sizeof(*s.vkeys))};
    if (s.vkeys == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the log's keys");
    }
    buf_init(&note, SEAL_NOTE_MAX);
    enum cb_code code = find(&s, &note, &found, err);
    if (code == CB_OK && found) {
        code = put(a, buf_slice(&note), err);
    }
    buf_free(&note);
    free(s.vkeys);
    return code;
}
