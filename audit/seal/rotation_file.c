/* rotation_file.c - state/rotations: see rotation.h. Does not judge what is in it. */
#include "audit/seal/rotation.h"

#include "audit/io.h"
#include "audit/segdir.h"

/* ends_with - is this the last statement there? Then it was stored, and the writer died before it went on. */
static bool ends_with(const struct buf *bytes, struct slice note)
{
    return bytes->len >= note.len &&
           slice_eq(slice_from(buf_slice(bytes), bytes->len - note.len), note);
}

enum cb_code rotation_keep(const struct audit_io *io, const char *dir, struct slice note,
                           struct cb_err *err)
{
    struct buf bytes;
    char state[SEGMENT_PATH_MAX];
    TRY(segdir_join(dir, "state", state, err));
    enum cb_code code = io_read_file(io, dir, ROTATIONS_NAME, ROTATIONS_MAX, &bytes, err);
    if (code == CB_ENOENT) {
        buf_init(&bytes, ROTATIONS_MAX);
    } else if (code != CB_OK) {
        return code;
    }
    code = CB_OK;
    if (!ends_with(&bytes, note)) {
        struct buf all;
        buf_init(&all, ROTATIONS_MAX);
        buf_add_slice(&all, buf_slice(&bytes));
        buf_add_slice(&all, note);
        code = buf_ok(&all) ? io_put_file(io, state, "rotations", buf_slice(&all), err)
                            : cb_fail(err, CB_ELIMIT, "%s/" ROTATIONS_NAME " is too long", dir);
        buf_free(&all);
    }
    buf_free(&bytes);
    return code;
}
