/* archive_place.c - the second place: is it there, is it this log's, and does it hold what it should? Changes
 * nothing. */
#include "audit/keep/archive_parts.h"

#include "audit/keep/elsewhere.h"
#include "audit/keep/segment_digest.h"
#include "audit/read/lines.h"

#include <errno.h>
#include <fcntl.h>

#define ORIGIN_MAX 64U
#define FRAME_SUM_LEN 4 /* a zstd frame ends with a checksum of what it holds (RFC 8878) */

enum cb_code archive_place_check(const char *to, struct cb_err *err)
{
    struct stat st;
    if (stat(to, &st) != 0) {
        return errno == ENOENT
                   ? cb_fail(err, CB_ENOENT,
                             "%s is not there, and is never created: a volume that is not mounted "
                             "would go unnoticed. Mount it, or make the directory",
                             to)
                   : cb_fail_errno(err, "%s", to);
    }
    return S_ISDIR(st.st_mode) ? CB_OK : cb_fail(err, CB_EINPUT, "%s is no directory", to);
}

enum cb_code archive_place_of(const struct archiver *a, struct cb_err *err)
{
    struct buf ours;
    struct buf theirs;
    TRY(archive_place_check(a->options->to, err));
    TRY(elsewhere_check(a->dir, a->options->to, err));
    const enum cb_code code =
        io_read_file(a->io, a->options->to, "state/origin", ORIGIN_MAX + 1, &theirs, err);
    if (code != CB_OK) {
        return code == CB_ENOENT ? CB_OK : code; /* nothing was copied yet */
    }
    enum cb_code same = io_read_file(a->io, a->dir, "state/origin", ORIGIN_MAX + 1, &ours, err);
    if (same == CB_OK) {
        same =
            slice_eq(buf_slice(&ours), buf_slice(&theirs))
                ? CB_OK
                : cb_fail(err, CB_EINPUT,
                          "%s is the second place of another log, %.*s: each wants its own",
                          a->options->to, (int)slice_find(buf_slice(&theirs), '\n'), theirs.data);
        buf_free(&ours);
    }
    buf_free(&theirs);
    return same;
}

/* frame_sum - the last bytes of a packed file. */
static enum cb_code frame_sum(const struct audit_io *io, const char *path,
                              unsigned char ret[FRAME_SUM_LEN], struct cb_err *err)
{
    struct stat st;
    int fd = -1;
    TRY(io_open_file(io, path, 0, UINT64_MAX, &fd, err));
    const bool ok =
        io->fstat(io->ctx, fd, &st) == 0 && st.st_size >= FRAME_SUM_LEN &&
        io->pread(io->ctx, fd, ret, FRAME_SUM_LEN, st.st_size - FRAME_SUM_LEN) == FRAME_SUM_LEN;
    (void)io->close(io->ctx, fd);
    return ok ? CB_OK : cb_fail(err, CB_ECORRUPT, "%s: damaged archive: its end is missing", path);
}

static enum cb_code differs(const struct closed *c, const char *there, struct cb_err *err)
{
    return cb_fail(err, CB_ECORRUPT,
                   "%s does not hold the bytes of %s: find out which is genuine (certbroker audit "
                   "verify)",
                   there, c->plain);
}

/* is_alike - by what costs nothing: the length, and where both are packed the checksum at their end. */
static enum cb_code is_alike(const struct audit_io *io, const struct closed *c, const char *there,
                             struct cb_err *err)
{
    uint64_t bytes_here = 0;
    uint64_t bytes_there = 0;
    unsigned char here[FRAME_SUM_LEN];
    unsigned char sum[FRAME_SUM_LEN];
    TRY(lines_size(io, c->plain, &bytes_here, err));
    TRY(lines_size(io, there, &bytes_there, err));
    if (bytes_here != bytes_there) {
        return differs(c, there, err);
    }
    if (archive_has(io, c->plain) || !segdir_is_packed(there)) {
        return CB_OK;
    }
    TRY(frame_sum(io, c->packed, here, err));
    TRY(frame_sum(io, there, sum, err));
    return memcmp(here, sum, FRAME_SUM_LEN) == 0 ? CB_OK : differs(c, there, err);
}

enum cb_code archive_compare(const struct archiver *a, const struct closed *c, const char *there,
                             struct cb_err *err)
{
    struct segment_digest here_digest;
    struct segment_digest there_digest;
    if (!a->options->check) {
        return is_alike(a->io, c, there, err);
    }
    TRY(segment_digest_file(a->io, there, &there_digest, err));
    TRY(segment_digest_file(a->io, c->plain, &here_digest, err));
    return here_digest.bytes == there_digest.bytes &&
                   memcmp(here_digest.sha256, there_digest.sha256, SHA256_LEN) == 0
               ? CB_OK
               : differs(c, there, err);
}
