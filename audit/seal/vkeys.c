/* vkeys.c - see vkeys.h. Does not know private keys. */
#include "audit/seal/vkeys.h"

#include "audit/segdir.h"

#define FILE_MAX (VKEYS_MAX * (NOTE_KEY_TEXT_MAX + 22UL))

enum cb_code vkeys_add(struct vkeys *vkeys, uint64_t from, const struct note_key *key,
                       struct cb_err *err)
{
    if (vkeys->num == VKEYS_MAX) {
        return cb_fail(err, CB_ELIMIT, "a log can have %u keys in its life, and has had them",
                       VKEYS_MAX);
    }
    if (vkeys->num > 0 && (from <= vkeys->list[vkeys->num - 1].from ||
                           strcmp(key->name, vkeys->list[0].key.name) != 0)) {
        return cb_fail(err, CB_EINPUT, "a key that does not follow the one before");
    }
    vkeys->list[vkeys->num].from = from;
    vkeys->list[vkeys->num].key = *key;
    vkeys->num++;
    return CB_OK;
}

const struct note_key *vkeys_current(const struct vkeys *vkeys)
{
    CB_CHECK(vkeys->num > 0);
    return &vkeys->list[vkeys->num - 1].key;
}

const struct note_key *vkeys_at(const struct vkeys *vkeys, uint64_t size)
{
    CB_CHECK(vkeys->num > 0);
    size_t i = vkeys->num - 1;
    while (i > 0 && vkeys->list[i].from > size) {
        i--;
    }
    return &vkeys->list[i].key;
}

enum cb_code vkeys_open_checkpoint(const struct vkeys *vkeys, struct slice note,
                                   struct checkpoint *ret, struct cb_err *err)
{
    struct note parsed;
    struct checkpoint unchecked;
    TRY(note_parse(note, &parsed, err));
    TRY(checkpoint_parse(parsed.text, &unchecked, err));
    return checkpoint_open(note, vkeys_at(vkeys, unchecked.size), &parsed, ret, err);
}

/* ---- the file ---- */

/* take_line - FROM KEY. */
static enum cb_code take_line(struct vkeys *vkeys, struct slice line, struct cb_err *err)
{
    const size_t space = slice_find(line, ' ');
    struct note_key key;
    uint64_t from = 0;
    if (space == line.len || !slice_to_u64((struct slice){line.ptr, space}, &from) ||
        (vkeys->num == 0) != (from == 0)) {
        return cb_fail(err, CB_EINPUT, "a line is a size, a space and a key; the first size is 0");
    }
    TRY(note_key_parse(slice_from(line, space + 1), &key, err));
    return vkeys_add(vkeys, from, &key, err);
}

static enum cb_code take_lines(struct vkeys *vkeys, struct slice rest, struct cb_err *err)
{
    while (rest.len > 0) {
        const size_t end = slice_find(rest, '\n');
        if (end == rest.len) {
            return cb_fail(err, CB_EINPUT, "the last line is cut off");
        }
        TRY(take_line(vkeys, (struct slice){rest.ptr, end}, err));
        rest = slice_from(rest, end + 1);
    }
    return vkeys->num > 0 ? CB_OK : cb_fail(err, CB_EINPUT, "no key");
}

enum cb_code vkeys_read(const struct audit_io *io, const char *dir, struct vkeys *ret,
                        struct cb_err *err)
{
    struct buf text;
    struct cb_err why;
    *ret = (struct vkeys){.num = 0};
    TRY(io_read_file(io, dir, "state/vkeys", FILE_MAX, &text, err));
    const enum cb_code code = take_lines(ret, buf_slice(&text), &why);
    buf_free(&text);
    return code == CB_OK ? CB_OK
                         : cb_fail(err, CB_ECORRUPT, "%s/state/vkeys: line %zu: %s", dir,
                                   ret->num + 1, why.msg);
}

enum cb_code vkeys_write(const struct audit_io *io, const char *dir, const struct vkeys *vkeys,
                         struct cb_err *err)
{
    char state[SEGMENT_PATH_MAX];
    struct buf text;
    TRY(segdir_join(dir, "state", state, err));
    buf_init(&text, FILE_MAX);
    for (size_t i = 0; i < vkeys->num; i++) {
        char key[NOTE_KEY_TEXT_MAX];
        note_key_text(&vkeys->list[i].key, key);
        buf_add_u64(&text, vkeys->list[i].from);
        buf_printf(&text, " %s\n", key);
    }
    const enum cb_code code = buf_ok(&text)
                                  ? io_put_file(io, state, "vkeys", buf_slice(&text), err)
                                  : cb_fail(err, CB_ENOMEM, "no memory for the log's keys");
    buf_free(&text);
    return code;
}
