/* init.c - makes an empty log: directories, a first segment, and last of all its name.
 *
 * The first segment is opened and closed right here, and with a key its records are signed for, so
 * that a log always has a segment and a checkpoint: a volume that lost either can never pass for a
 * fresh log. */
#include "audit/writer.h"

#include "audit/seal/seals.h"

#include <stdio.h>
#include <stdlib.h>

static enum cb_code make_dirs(const struct audit *a, struct cb_err *err)
{
    static const char *const names[] = {"seg", "policy", "state"};
    char path[SEGMENT_PATH_MAX];
    struct cb_err ignored;
    TRY(io_make_dir(a->io, a->dir, err));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        TRY(segdir_join(a->dir, names[i], path, err));
        TRY(io_make_dir(a->io, path, err));
    }
    TRY(segdir_join(a->dir, "..", path, err));
    /* The parent may well be a directory we may not open; then its owner made ours. */
    (void)!io_sync_dir(a->io, path, &ignored);
    return io_sync_dir(a->io, a->dir, err);
}

/* check_empty - no name and no segment yet. */
static enum cb_code check_empty(struct audit *a, struct cb_err *err)
{
    struct segment_list list;
    struct cb_err why;
    const enum cb_code code = writer_read_origin(a, &why);
    if (code != CB_ENOENT) {
        return code == CB_OK
                   ? cb_fail(err, CB_EBUSY, "%s holds the audit log %s already", a->dir, a->origin)
                   : cb_fail(err, code, "%s", why.msg);
    }
    TRY(segdir_list(a->dir, &list, err));
    const size_t num = list.num;
    segdir_list_free(&list);
    if (num > 0) {
        return cb_fail(err, CB_EBUSY,
                       "%s has segments but no state/origin: restore that, or choose an empty "
                       "directory",
                       a->dir);
    }
    return CB_OK;
}

/* sign_first - the log's key, and a checkpoint over its first records. */
static enum cb_code sign_first(struct audit *a, struct cb_err *err)
{
    struct vkeys vkeys = {.num = 0};
    struct checkpoint c = {.size = a->tree.size};
    struct buf note;
    if (a->options.key == NULL) {
        return CB_OK;
    }
    TRY(vkeys_add(&vkeys, 0, note_signer_key(a->options.key), err));
    TRY(vkeys_write(a->io, a->dir, &vkeys, err));
    (void)snprintf(c.origin, sizeof(c.origin), "%s", a->origin);
    merkle_root(&a->tree, c.root);
    buf_init(&note, SEAL_NOTE_MAX);
    enum cb_code code = checkpoint_sign(&c, a->options.key, &note, err);
    if (code == CB_OK) {
        code = seals_store(a->io, a->dir, buf_slice(&note), true, err);
    }
    buf_free(&note);
    return code;
}

static enum cb_code write_first(struct audit *a, const char *origin, struct cb_err *err)
{
    char state[SEGMENT_PATH_MAX];
    char text[sizeof(a->origin) + 1];
    TRY(make_dirs(a, err));
    TRY(writer_lock(a, err));
    TRY(check_empty(a, err));
    TRY(merkle_init(&a->tree, err));
    (void)snprintf(a->origin, sizeof(a->origin), "%s", origin);
    TRY(writer_open_segment(a, err));
    writer_stop(a, "init");
    if (stat_get(&a->faults) > 0) {
        return cb_fail(err, CB_ESYS, "cannot write the first segment in %s", a->dir);
    }
    TRY(sign_first(a, err));
    (void)snprintf(text, sizeof(text), "%s\n", origin);
    TRY(segdir_join(a->dir, "state", state, err));
    return io_put_file(a->io, state, "origin", slice_of(text), err);
}

enum cb_code audit_origin_check(const char *origin, struct cb_err *err)
{
    return writer_origin_valid(slice_of(origin))
               ? CB_OK
               : cb_fail(err, CB_EINPUT,
                         "a log's name has 1 to 64 characters of a-z, 0-9, dot, slash and hyphen");
}

enum cb_code init_check_names(const char *origin, const struct note_signer *key, struct cb_err *err)
{
    TRY(audit_origin_check(origin, err));
    if (key != NULL && (note_signer_key(key)->type != NOTE_LOG ||
                        strcmp(note_signer_key(key)->name, origin) != 0)) {
        return cb_fail(err, CB_EINPUT, "the key is one of %s: it must be a log's, and named %s",
                       note_signer_key(key)->name, origin);
    }
    return CB_OK;
}

enum cb_code init_with(const struct audit_io *io, const char *dir, const char *origin,
                       const struct note_signer *key, struct cb_err *err)
{
    struct audit *a = NULL;
    TRY(init_check_names(origin, key, err));
    TRY(writer_new(&(struct audit_options){.dir = dir, .io = io, .key = key}, &a, err));
    const enum cb_code code = write_first(a, origin, err);
    writer_free(a);
    return code;
}

enum cb_code audit_init(const char *dir, const char *origin, struct cb_err *err)
{
    return init_with(&audit_system_io, dir, origin, NULL, err);
}

enum cb_code audit_init_signed(const char *dir, const char *origin, const struct note_signer *key,
                               struct cb_err *err)
{
    return init_with(&audit_system_io, dir, origin, key, err);
}
