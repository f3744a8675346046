/* archive_pack.c - one closed segment into its packed form, and never its plain file away before the
 * packed one has been read back. */
#include "audit/keep/archive_parts.h"

#include "audit/keep/segment_digest.h"
#include "audit/read/lines.h"
#include "audit/read/zst.h"

#include <errno.h>
#include <fcntl.h>

enum cb_code archive_closed(const struct chain *chain, size_t i, const char *dir,
                            const struct audit_io *io, struct closed *ret, struct cb_err *err)
{
    char next[SEGMENT_PATH_MAX];
    CB_CHECK(i + 1 < chain->num);
    *ret = (struct closed){.link = &chain->links[i], .end_seq = chain->links[i + 1].first_seq};
    TRY(segdir_path(dir, ret->link->no, ret->plain, err));
    TRY(segdir_packed(ret->plain, ret->packed, err));
    TRY(segdir_path(dir, chain->links[i + 1].no, next, err));
    return segment_start_root(io, next, ret->root, err);
}

enum cb_code archive_check_packed(const struct audit_io *io, const struct closed *c,
                                  const char *packed, struct cb_err *err)
{
    struct segment_digest there;
    struct segment_digest here;
    TRY(segment_digest_file(io, packed, &there, err));
    TRY(segment_digest_file(io, c->plain, &here, err));
    if (there.bytes != here.bytes || memcmp(there.sha256, here.sha256, SHA256_LEN) != 0) {
        return cb_fail(err, CB_ECORRUPT,
                       "%s does not hold the bytes of %s: keep both and find out which is genuine "
                       "(certbroker audit verify)",
                       packed, c->plain);
    }
    return segment_root_file(io, packed, c->link, c->end_seq, c->root, err);
}

/* write_packed - from the plain file into fd. */
static enum cb_code write_packed(const struct audit_io *io, const struct closed *c, int fd,
                                 struct cb_err *err)
{
    struct stat st;
    int from = -1;
    TRY(io_open_file(io, c->plain, 0, ZST_CONTENT_MAX, &from, err));
    enum cb_code code = CB_OK;
    if (io->fstat(io->ctx, from, &st) != 0) {
        code = cb_fail_errno(err, "fstat of %s", c->plain);
    } else {
        code = zst_pack(io, from, (uint64_t)st.st_size, fd, err);
    }
    (void)io->close(io->ctx, from);
    return code;
}

/* pack_into - fd is the temporary file part: written, on the disk, read back and compared. */
static enum cb_code pack_into(const struct audit_io *io, const struct closed *c, int fd,
                              const char *part, struct cb_err *err)
{
    TRY(write_packed(io, c, fd, err));
    if (io->fsync(io->ctx, fd) != 0) {
        return cb_fail_errno(err, "fsync of %s", part);
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* so that it is the disk that is read */
    return archive_check_packed(io, c, part, err);
}

enum cb_code archive_pack_to(const struct audit_io *io, const struct closed *c, const char *target,
                             struct cb_err *err)
{
    char part[SEGMENT_PATH_MAX];
    int fd = -1;
    TRY(archive_begin(io, target, c->plain, part, &fd, err));
    return archive_end(io, target, part, fd, pack_into(io, c, fd, part, err), err);
}

enum cb_code archive_pack(const struct audit_io *io, const struct closed *c,
                          uint64_t *ret_plain_bytes, uint64_t *ret_packed_bytes, bool *ret_packed,
                          struct cb_err *err)
{
    struct stat plain;
    struct stat packed;
    if (io->lstat(io->ctx, c->plain, &plain) != 0) {
        *ret_packed = false;
        return errno == ENOENT ? CB_OK : cb_fail_errno(err, "cannot look at %s", c->plain);
    }
    if (archive_has(io, c->packed)) {
        /* An earlier run died in between, or somebody put one of them there. */
        TRY(archive_check_packed(io, c, c->packed, err));
    } else {
        TRY(archive_pack_to(io, c, c->packed, err));
    }
    if (io->unlink(io->ctx, c->plain) != 0) {
        return cb_fail_errno(err, "cannot remove %s, which is packed now", c->plain);
    }
    TRY(archive_sync_parent(io, c->plain, err));
    if (io->lstat(io->ctx, c->packed, &packed) != 0) {
        return cb_fail_errno(err, "cannot look at %s", c->packed);
    }
    *ret_plain_bytes = (uint64_t)plain.st_size;
    *ret_packed_bytes = (uint64_t)packed.st_size;
    *ret_packed = true;
    return CB_OK;
}
