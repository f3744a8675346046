/* archive_copy.c - brings a second place up to date: segments, hash tiles, policies, the log's name and
 * keys, and the newest checkpoint that covers no more than is there.
 *
 * What is there already is compared where a wrong one would matter (segments) and else believed: an
 * archive is verified as a whole, like any log. */
#include "audit/keep/archive_parts.h"

#include "audit/tlog/tile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

/* make_dir - one that is already there is fine. */
static enum cb_code make_dir(const struct audit_io *io, const char *path, struct cb_err *err)
{
    if (io->mkdir(io->ctx, path, 0750) == 0) {
        return archive_sync_parent(io, path, err);
    }
    return errno == EEXIST ? CB_OK : cb_fail_errno(err, "cannot create the directory %s", path);
}

/* make_dirs - the directories on the way to DIR/name. */
static enum cb_code make_dirs(const struct audit_io *io, const char *dir, const char *name,
                              struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const int len = snprintf(path, sizeof(path), "%s/%.*s", dir, (int)(slash - name), name);
        if (len < 0 || len >= (int)sizeof(path)) {
            return cb_fail(err, CB_EINPUT, "%s: too long", dir);
        }
        TRY(make_dir(io, path, err));
    }
    return CB_OK;
}

/* copy_name - DIR/name to TO/name, unless it is there or there is nothing to copy. */
static enum cb_code copy_name(const struct archiver *a, const char *name, size_t *count,
                              struct cb_err *err)
{
    char from[SEGMENT_PATH_MAX];
    char to[SEGMENT_PATH_MAX];
    TRY(segdir_join(a->dir, name, from, err));
    TRY(segdir_join(a->options->to, name, to, err));
    if (archive_has(a->io, to) || !archive_has(a->io, from)) {
        return CB_OK;
    }
    (*count)++;
    if (a->options->dry_run) {
        return CB_OK;
    }
    TRY(make_dirs(a->io, a->options->to, name, err));
    return archive_copy_file(a->io, from, to, err);
}

enum cb_code archive_copy_segment(struct archiver *a, const struct closed *c, bool *ret_copied,
                                  struct cb_err *err)
{
    char target[SEGMENT_PATH_MAX];
    char plain[SEGMENT_PATH_MAX];
    TRY(segdir_path(a->options->to, c->link->no, plain, err));
    TRY(segdir_packed(plain, target, err));
    *ret_copied = false;
    if (archive_has(a->io, target)) {
        return archive_compare(a, c, target, err);
    }
    if (archive_has(a->io, plain)) {
        return archive_compare(a, c, plain, err);
    }
    *ret_copied = true;
    if (a->options->dry_run) {
        return CB_OK;
    }
    TRY(make_dirs(a->io, a->options->to, "seg/", err));
    if (archive_has(a->io, c->plain)) {
        return archive_pack_to(a->io, c, target, err);
    }
    TRY(archive_copy_file(a->io, c->packed, target, err));
    return archive_check_packed(a->io, c, target, err);
}

/* copy_level - tiles 0 to num - 1 of a level. */
static enum cb_code copy_level(struct archiver *a, unsigned level, uint64_t num, struct cb_err *err)
{
    for (uint64_t n = 0; n < num; n++) {
        char name[TILE_PATH_MAX];
        tile_path(level, n, name);
        TRY(copy_name(a, name, &a->counts.tiles, err));
    }
    return CB_OK;
}

static enum cb_code copy_tiles(struct archiver *a, struct cb_err *err)
{
    unsigned level = 0;
    for (uint64_t num = a->counts.end_seq / TILE_WIDTH; num > 0; num /= TILE_WIDTH) {
        TRY(copy_level(a, level++, num, err));
    }
    return CB_OK;
}

static enum cb_code copy_policies(struct archiver *a, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    TRY(segdir_join(a->dir, "policy", path, err));
    DIR *d = opendir(path);
    if (d == NULL) {
        return errno == ENOENT ? CB_OK : cb_fail_errno(err, "cannot read the directory %s", path);
    }
    enum cb_code code = CB_OK;
    for (struct dirent *e = readdir(d); e != NULL && code == CB_OK; e = readdir(d)) {
        if (e->d_name[0] == '.') {
            continue;
        }
        char name[sizeof(e->d_name) + 8];
        (void)snprintf(name, sizeof(name), "policy/%s", e->d_name);
        code = copy_name(a, name, &a->counts.policies, err);
    }
    (void)closedir(d);
    return code;
}

enum cb_code archive_copy_rest(struct archiver *a, struct cb_err *err)
{
    size_t ignored = 0;
    TRY(copy_tiles(a, err));
    TRY(copy_policies(a, err));
    TRY(copy_name(a, "state/origin", &ignored, err));
    TRY(copy_name(a, "state/vkeys", &ignored, err));
    return a->options->dry_run ? CB_OK : archive_copy_note(a, err);
}
