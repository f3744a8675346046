/* init.c - makes an empty log: directories, a first segment, and last of all its name.
 *
 * The first segment is opened and closed right here, so that a log always has at least one: a
 * volume that lost its segments can never pass for a fresh log. */
#include "audit/writer.h"

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
    (void)snprintf(text, sizeof(text), "%s\n", origin);
    TRY(segdir_join(a->dir, "state", state, err));
    return io_put_file(a->io, state, "origin", slice_of(text), err);
}

enum cb_code init_with(const struct audit_io *io, const char *dir, const char *origin,
                       struct cb_err *err)
{
    struct audit *a = NULL;
    if (!writer_origin_valid(slice_of(origin))) {
        return cb_fail(err, CB_EINPUT,
                       "a log's name has 1 to 64 characters of a-z, 0-9, dot, slash and hyphen");
    }
    TRY(writer_new(&(struct audit_options){.dir = dir, .io = io}, &a, err));
    const enum cb_code code = write_first(a, origin, err);
    writer_free(a);
    return code;
}

enum cb_code audit_init(const char *dir, const char *origin, struct cb_err *err)
{
    return init_with(&audit_system_io, dir, origin, err);
}
