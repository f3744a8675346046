/* segment_restore.c - the file of the current segment was removed, renamed or replaced under the writer:
 * its bytes are still behind the open descriptor, so they are written anew under its name. Without that
 * every record in it, though acknowledged, would be gone with the descriptor. What stands in its place
 * is moved aside, not removed: it is evidence. */
#include "audit/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK (256UL * 1024)

/* reopen - for reading: the writer's own descriptor is for appending only. */
static int reopen(const struct segment *s, const struct audit_io *io)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
    return io->open(io->ctx, path, O_RDONLY | O_CLOEXEC, 0);
}

/* move_aside - whatever has taken the name. */
static enum cb_code move_aside(const struct segment *s, const struct audit_io *io,
                               struct cb_err *err)
{
    char aside[SEGMENT_PATH_MAX + 16];
    struct stat st;
    (void)snprintf(aside, sizeof(aside), "%s.foreign", s->path);
    if (io->lstat(io->ctx, s->path, &st) != 0) {
        return CB_OK;
    }
    return io->rename(io->ctx, s->path, aside) == 0
               ? CB_OK
               : cb_fail_errno(err, "cannot move aside what stands in place of %s", s->path);
}

/* copy - the durable bytes. What is missing of them cannot be had. */
static enum cb_code copy(const struct segment *s, const struct audit_io *io, int from, int to,
                         char *block, struct cb_err *err)
{
    uint64_t at = 0;
    while (at < s->durable) {
        const uint64_t left = s->durable - at;
        const size_t want = left < BLOCK ? (size_t)left : BLOCK;
        const ssize_t got = io->pread(io->ctx, from, block, want, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cb_fail_errno(err, "cannot read what was %s", s->path);
        }
        if (got == 0) {
            return cb_fail(err, CB_ECORRUPT, "%s was cut: %llu of %llu bytes are left", s->path,
                           (unsigned long long)at, (unsigned long long)s->durable);
        }
        TRY(io_write_all(io, to, (struct slice){block, (size_t)got}, err));
        at += (uint64_t)got;
    }
    return io->fsync(io->ctx, to) == 0 ? CB_OK : cb_fail_errno(err, "fsync of %s", s->path);
}

static enum cb_code write_anew(const struct segment *s, const struct audit_io *io, int from,
                               struct cb_err *err)
{
    char *block = malloc(BLOCK);
    if (block == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to write %s anew", s->path);
    }
    enum cb_code code = move_aside(s, io, err);
    const int to =
        code != CB_OK
            ? -1
            : io->open(io->ctx, s->path,
                       O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (code == CB_OK && to < 0) {
        code = cb_fail_errno(err, "cannot create %s", s->path);
    }
    if (to >= 0) {
        code = copy(s, io, from, to, block, err);
        (void)io->close(io->ctx, to);
    }
    free(block);
    return code;
}

enum cb_code segment_restore(const struct segment *s, const struct audit_io *io, const char *dir,
                             struct cb_err *err)
{
    char seg_dir[SEGMENT_PATH_MAX];
    TRY(segdir_join(dir, "seg", seg_dir, err));
    const int from = reopen(s, io);
    if (from < 0) {
        return cb_fail_errno(err, "cannot read what was %s", s->path);
    }
    const enum cb_code code = write_anew(s, io, from, err);
    (void)io->close(io->ctx, from);
    return code == CB_OK ? io_sync_dir(io, seg_dir, err) : code;
}
