/* tile_store.c - see tile_store.h. Each file: a temporary one, fsync, rename, and last the directory. */
#include "audit/seal/tile_store.h"

#include "audit/segdir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>

/* make_parents - every folder of DIR/tile/... that is missing, each name made durable. */
static enum cb_code make_parents(const struct tile_store *s, const char *path, struct cb_err *err)
{
    char part[SEGMENT_PATH_MAX];
    char above[SEGMENT_PATH_MAX];
    for (const char *slash = strchr(path + strlen(s->dir) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        (void)snprintf(above, sizeof(above), "%s", part);
        TRY(io_make_dir(s->io, part, err));
        TRY(io_sync_dir(s->io, dirname(above), err));
    }
    return CB_OK;
}

static enum cb_code tile_paths(const struct tile_store *s, size_t i, char path[SEGMENT_PATH_MAX],
                               char part[SEGMENT_PATH_MAX], struct cb_err *err)
{
    char name[TILE_PATH_MAX];
    tile_path(s->tile[i].level, s->tile[i].n, name);
    TRY(segdir_join(s->dir, name, path, err));
    const int len = snprintf(part, SEGMENT_PATH_MAX, "%s.part", path);
    return len > 0 && len < SEGMENT_PATH_MAX
               ? CB_OK
               : cb_fail(err, CB_EINPUT, "the audit directory's path is too long");
}

static enum cb_code write_part(const struct tile_store *s, size_t i, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char part[SEGMENT_PATH_MAX];
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    TRY(tile_paths(s, i, path, part, err));
    int fd = s->io->open(s->io->ctx, part, flags, 0640);
    if (fd < 0 && errno == ENOENT) {
        TRY(make_parents(s, part, err));
        fd = s->io->open(s->io->ctx, part, flags, 0640);
    }
    if (fd < 0) {
        return cb_fail_errno(err, "cannot create %s", part);
    }
    const struct slice bytes = {(const char *)s->tile[i].bytes, TILE_BYTES};
    enum cb_code code = io_write_all(s->io, fd, bytes, err);
    if (code == CB_OK && s->io->fsync(s->io->ctx, fd) != 0) {
        code = cb_fail_errno(err, "fsync of %s", part);
    }
    (void)s->io->close(s->io->ctx, fd);
    return code;
}

static enum cb_code rename_part(const struct tile_store *s, size_t i, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char part[SEGMENT_PATH_MAX];
    TRY(tile_paths(s, i, path, part, err));
    return s->io->rename(s->io->ctx, part, path) == 0
               ? CB_OK
               : cb_fail_errno(err, "cannot rename to %s", path);
}

/* folder_of - of tile number i. */
static enum cb_code folder_of(const struct tile_store *s, size_t i, char out[SEGMENT_PATH_MAX],
                              struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char part[SEGMENT_PATH_MAX];
    TRY(tile_paths(s, i, path, part, err));
    (void)snprintf(out, SEGMENT_PATH_MAX, "%s", dirname(path));
    return CB_OK;
}

/* sync_other - unless it was the one before. */
static enum cb_code sync_other(const struct tile_store *s, const char *folder,
                               char io_done[SEGMENT_PATH_MAX], struct cb_err *err)
{
    if (strcmp(folder, io_done) == 0) {
        return CB_OK;
    }
    (void)snprintf(io_done, SEGMENT_PATH_MAX, "%s", folder);
    return io_sync_dir(s->io, folder, err);
}

/* sync_folders - each folder that got a tile, once where neighbours share it. */
static enum cb_code sync_folders(const struct tile_store *s, struct cb_err *err)
{
    char folder[SEGMENT_PATH_MAX];
    char done[SEGMENT_PATH_MAX] = "";
    for (size_t i = 0; i < s->num; i++) {
        TRY(folder_of(s, i, folder, err));
        TRY(sync_other(s, folder, done, err));
    }
    return CB_OK;
}

static enum cb_code flush(const struct tile_store *s, struct cb_err *err)
{
    for (size_t i = 0; i < s->num; i++) {
        TRY(write_part(s, i, err));
    }
    for (size_t i = 0; i < s->num; i++) {
        TRY(rename_part(s, i, err));
    }
    return sync_folders(s, err);
}

enum cb_code tile_store_flush(struct tile_store *s, struct cb_err *err)
{
    const enum cb_code code = flush(s, err);
    s->num = 0;
    return code;
}

enum cb_code tile_store_add(struct tile_store *s, unsigned level, uint64_t n,
                            const unsigned char *bytes, struct cb_err *err)
{
    if (s->num == TILE_STORE_MAX) {
        TRY(tile_store_flush(s, err));
    }
    s->tile[s->num].level = level;
    s->tile[s->num].n = n;
    memcpy(s->tile[s->num].bytes, bytes, TILE_BYTES);
    s->num++;
    return CB_OK;
}
