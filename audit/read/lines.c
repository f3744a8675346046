/* lines.c - see lines.h. Does not judge a line: that is line.c. */
#include "audit/read/lines.h"

#include "audit/event.h"
#include "audit/read/zst.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>

/* The block: room for the unfinished line of the last read, then an aligned area to read into. */
#define ALIGNMENT 4096UL
#define CARRY ((size_t)AUDIT_LINE_MAX)
#define CHUNK (256UL * 1024)
#define SECTOR 512UL
_Static_assert(CARRY % ALIGNMENT == 0 && CHUNK % ALIGNMENT == 0, "O_DIRECT wants alignment");

/* open_source - from the disk if the file system can; tmpfs for one cannot, and there the page
 * cache is the disk. Where O_DIRECT is refused we at least ask for clean pages to be dropped. */
static enum cb_code open_source(const struct audit_io *io, const char *path,
                                enum lines_source source, int *ret_fd, struct cb_err *err)
{
    if (source == LINES_FROM_CACHE) {
        return io_open_file(io, path, 0, ZST_CONTENT_MAX, ret_fd, err);
    }
    enum cb_code code = io_open_file(io, path, O_DIRECT, ZST_CONTENT_MAX, ret_fd, err);
    if (code == CB_ESYS && err->sys_errno == EINVAL) {
        code = io_open_file(io, path, 0, ZST_CONTENT_MAX, ret_fd, err);
        if (code == CB_OK) {
            (void)posix_fadvise(*ret_fd, 0, 0, POSIX_FADV_DONTNEED);
        }
    }
    return code;
}

/* open_packed - the other form. A segment is packed before its plain file goes, so looking for them
 * in this order finds one, also while it happens. */
static enum cb_code open_packed(struct lines *l, const char *path, uint64_t *ret_size,
                                struct cb_err *err)
{
    if (segdir_is_packed(path)) {
        l->path = path;
        return zst_open(l->io, path, &l->zst, ret_size, err);
    }
    TRY(segdir_packed(path, l->packed, err));
    const enum cb_code code = zst_open(l->io, l->packed, &l->zst, ret_size, err);
    if (code == CB_ENOENT) {
        return cb_fail(err, CB_ENOENT, "cannot open %s: no such file, nor packed", path);
    }
    l->path = l->packed;
    return code;
}

static enum cb_code open_either(struct lines *l, const char *path, enum lines_source source,
                                struct cb_err *err)
{
    uint64_t size = 0;
    if (segdir_is_packed(path)) {
        return open_packed(l, path, &size, err);
    }
    const enum cb_code code = open_source(l->io, path, source, &l->fd, err);
    return code == CB_ENOENT ? open_packed(l, path, &size, err) : code;
}

enum cb_code lines_open(struct lines *l, const struct audit_io *io, const char *path,
                        enum lines_source source, uint64_t limit, struct cb_err *err)
{
    *l = (struct lines){.io = io, .path = path, .fd = -1, .limit = limit};
    TRY(open_either(l, path, source, err));
    l->block = aligned_alloc(ALIGNMENT, CARRY + CHUNK);
    if (l->block == NULL) {
        lines_close(l);
        return cb_fail(err, CB_ENOMEM, "no memory to read %s", path);
    }
    l->from = l->to = CARRY;
    return CB_OK;
}

void lines_close(struct lines *l)
{
    if (l->io != NULL && l->fd >= 0) {
        (void)l->io->close(l->io->ctx, l->fd);
    }
    zst_close(l->zst);
    free(l->block);
    *l = (struct lines){.fd = -1};
}

/* read_plain - a whole chunk, or what there is up to the end. A count that is no multiple of a
 * sector is the end too: O_DIRECT could not go on from there. */
static enum cb_code read_plain(struct lines *l, size_t want, size_t *ret, struct cb_err *err)
{
    size_t total = 0;
    while (total < want && total % SECTOR == 0) {
        const ssize_t got = l->io->pread(l->io->ctx, l->fd, l->block + CARRY + total, want - total,
                                         (off_t)(l->read_at + total));
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return cb_fail_errno(err, "cannot read %s", l->path);
        }
        total += got > 0 ? (size_t)got : 0;
    }
    *ret = total;
    return CB_OK;
}

static enum cb_code read_chunk(struct lines *l, size_t *ret, struct cb_err *err)
{
    const uint64_t left = l->limit > l->read_at ? l->limit - l->read_at : 0;
    const size_t want = left < CHUNK ? (size_t)left : CHUNK;
    if (l->zst != NULL) {
        return zst_read(l->zst, l->block + CARRY, want, ret, err);
    }
    /* Whole sectors, as O_DIRECT wants them; what lies behind the limit is left out again. */
    const size_t sectors = (want + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t got = 0;
    TRY(read_plain(l, sectors, &got, err));
    *ret = got < want ? got : want;
    return CB_OK;
}

/* refill - keep the unread bytes in front of the reading area and read one more chunk. */
static enum cb_code refill(struct lines *l, struct cb_err *err)
{
    CB_CHECK(l->block != NULL);
    const size_t left = l->to - l->from;
    memmove(l->block + CARRY - left, l->block + l->from, left);
    l->from = CARRY - left;
    l->to = CARRY;
    size_t got = 0;
    TRY(read_chunk(l, &got, err));
    l->at_end = got < CHUNK;
    l->read_at += got;
    l->to = CARRY + got;
    l->from += l->drop < got ? l->drop : got;
    l->drop = 0;
    return CB_OK;
}

/* take - hand out len bytes of the block and step over them and, if there, their newline. */
static struct slice take(struct lines *l, size_t len, size_t newline, uint64_t *ret_offset)
{
    const struct slice bytes = {l->block + l->from, len};
    *ret_offset = l->offset;
    l->from += len + newline;
    l->offset += len + newline;
    return bytes;
}

enum lines_next lines_next(struct lines *l, struct slice *ret_line, uint64_t *ret_offset,
                           struct cb_err *err)
{
    for (;;) {
        const size_t left = l->to - l->from;
        const char *newline = memchr(l->block + l->from, '\n', left);
        if (newline != NULL) {
            const size_t len = (size_t)(newline - (l->block + l->from));
            const bool whole = !l->resync && len < AUDIT_LINE_MAX;
            l->resync = false;
            *ret_line = take(l, len, 1, ret_offset);
            return whole ? LINES_LINE : LINES_BROKEN;
        }
        if (left >= AUDIT_LINE_MAX || (l->at_end && left > 0)) {
            l->resync = true;
            *ret_line = take(l, left, 0, ret_offset);
            return LINES_BROKEN;
        }
        if (l->at_end) {
            return LINES_END;
        }
        if (refill(l, err) != CB_OK) {
            return LINES_FAILED;
        }
    }
}

enum cb_code lines_skip(struct lines *l, uint64_t offset, struct cb_err *err)
{
    if (l->zst == NULL) {
        l->offset = offset;
        l->read_at = offset - offset % ALIGNMENT;
        l->drop = (size_t)(offset % ALIGNMENT);
        return CB_OK;
    }
    while (l->offset < offset && !l->at_end) {
        l->from = l->to;
        TRY(refill(l, err));
        const size_t got = l->to - CARRY;
        const size_t skip = offset - l->offset < got ? (size_t)(offset - l->offset) : got;
        l->from = CARRY + skip;
        l->offset += skip;
        if (skip < got) {
            break;
        }
    }
    return CB_OK;
}

enum lines_next lines_bulk(struct lines *l, struct slice *ret_lines, uint64_t *ret_offset,
                           struct cb_err *err)
{
    const size_t left = l->to - l->from;
    const char *newline = l->resync ? NULL : memrchr(l->block + l->from, '\n', left);
    if (newline == NULL && !l->resync && !l->at_end && left < AUDIT_LINE_MAX) {
        if (refill(l, err) != CB_OK) {
            return LINES_FAILED;
        }
        newline = memrchr(l->block + l->from, '\n', l->to - l->from);
    }
    if (newline == NULL) {
        return lines_next(l, ret_lines, ret_offset, err);
    }
    *ret_lines = take(l, (size_t)(newline + 1 - (l->block + l->from)), 0, ret_offset);
    return LINES_LINE;
}

enum cb_code lines_size(const struct audit_io *io, const char *path, uint64_t *ret,
                        struct cb_err *err)
{
    struct stat st;
    struct lines l = {.io = io, .fd = -1};
    if (!segdir_is_packed(path) && io->lstat(io->ctx, path, &st) == 0) {
        *ret = (uint64_t)st.st_size;
        return CB_OK;
    }
    if (!segdir_is_packed(path) && errno != ENOENT) {
        return cb_fail_errno(err, "cannot look at %s", path);
    }
    TRY(open_packed(&l, path, ret, err));
    lines_close(&l);
    return CB_OK;
}

/* digest_all - feed the rest of the file, line boundaries or not, to the digest. */
static enum cb_code digest_all(struct lines *l, uint64_t offset, EVP_MD_CTX *ctx,
                               uint64_t *ret_bytes, struct cb_err *err)
{
    uint64_t bytes = 0;
    l->read_at = l->zst != NULL ? 0 : offset - offset % ALIGNMENT;
    uint64_t skip = offset - l->read_at;
    while (!l->at_end) {
        l->from = l->to;
        TRY(refill(l, err));
        const size_t got = l->to - CARRY;
        const size_t part = got > skip ? got - (size_t)skip : 0;
        if (part > 0 && EVP_DigestUpdate(ctx, l->block + CARRY + (got - part), part) != 1) {
            return cb_fail(err, CB_ECRYPTO, "SHA-256 failed");
        }
        bytes += part;
        skip -= got - part;
    }
    *ret_bytes = bytes;
    return CB_OK;
}

enum cb_code lines_digest(const struct audit_io *io, const char *path, uint64_t offset,
                          uint64_t *ret_bytes, unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    struct lines l = {.fd = -1};
    TRY(lines_open(&l, io, path, LINES_FROM_DISK, UINT64_MAX, err));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum cb_code code = CB_OK;
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        code = cb_fail(err, CB_ECRYPTO, "SHA-256 is not available");
    } else {
        code = digest_all(&l, offset, ctx, ret_bytes, err);
    }
    if (code == CB_OK && EVP_DigestFinal_ex(ctx, ret, NULL) != 1) {
        code = cb_fail(err, CB_ECRYPTO, "SHA-256 failed");
    }
    EVP_MD_CTX_free(ctx);
    lines_close(&l);
    return code;
}
