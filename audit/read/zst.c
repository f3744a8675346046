/* zst.c - see zst.h. The one home of libzstd. Knows bytes, no lines and no segments. */
#include "audit/read/zst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <zstd.h>

#define BLOCK (128UL * 1024)
#define WINDOW_LOG_MAX 23 /* 8 MiB */
#define LEVEL 3           /* five to six times smaller; higher ones cost much and win little here */

struct zst {
    const struct audit_io *io;
    const char *path;
    int fd;
    ZSTD_DCtx *ctx;
    char *block;
    ZSTD_inBuffer in;
    uint64_t read_at; /* in the file, of the next read */
    uint64_t left;    /* bytes that the frame still has to give */
    bool at_end;      /* the frame is complete, nothing follows */
};

static enum cb_code damaged(const struct zst *z, const char *what, struct cb_err *err)
{
    return cb_fail(err, CB_ECORRUPT, "%s: damaged archive: %s", z->path, what);
}

/* refill - the next block of the file, when the last one is used up. */
static enum cb_code refill(struct zst *z, struct cb_err *err)
{
    if (z->in.pos < z->in.size) {
        return CB_OK;
    }
    ssize_t got = 0;
    do {
        got = z->io->pread(z->io->ctx, z->fd, z->block, BLOCK, (off_t)z->read_at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return cb_fail_errno(err, "cannot read %s", z->path);
    }
    z->read_at += (uint64_t)got;
    z->in = (ZSTD_inBuffer){.src = z->block, .size = (size_t)got};
    return CB_OK;
}

static enum cb_code read_header(struct zst *z, uint64_t *ret_size, struct cb_err *err)
{
    TRY(refill(z, err));
    const unsigned long long size = ZSTD_getFrameContentSize(z->in.src, z->in.size);
    if (size == ZSTD_CONTENTSIZE_ERROR) {
        return damaged(z, "it does not begin as a zstd frame", err);
    }
    if (size == ZSTD_CONTENTSIZE_UNKNOWN) {
        return damaged(z, "it does not state its size", err);
    }
    if (size > ZST_CONTENT_MAX) {
        return damaged(z, "it states a size that no segment has", err);
    }
    z->left = size;
    *ret_size = size;
    return CB_OK;
}

enum cb_code zst_open(const struct audit_io *io, const char *path, struct zst **ret,
                      uint64_t *ret_size, struct cb_err *err)
{
    int fd = -1;
    TRY(io_open_file(io, path, 0, ZST_CONTENT_MAX, &fd, err));
    struct zst *z = calloc(1, sizeof(*z));
    if (z == NULL) {
        (void)io->close(io->ctx, fd);
        return cb_fail(err, CB_ENOMEM, "no memory to read %s", path);
    }
    *z = (struct zst){
        .io = io, .path = path, .fd = fd, .ctx = ZSTD_createDCtx(), .block = malloc(BLOCK)};
    enum cb_code code = CB_OK;
    if (z->ctx == NULL || z->block == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(z->ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        code = cb_fail(err, CB_ENOMEM, "no memory to read %s", path);
    } else {
        code = read_header(z, ret_size, err);
    }
    if (code != CB_OK) {
        zst_close(z);
        return code;
    }
    *ret = z;
    return CB_OK;
}

/* check_end - the frame is complete: has it given what it promised, and is it all there is? */
static enum cb_code check_end(struct zst *z, struct cb_err *err)
{
    if (z->left != 0) {
        return damaged(z, "it holds another number of bytes than it states", err);
    }
    TRY(refill(z, err));
    if (z->in.size > z->in.pos) {
        return damaged(z, "something stands behind it", err);
    }
    z->at_end = true;
    return CB_OK;
}

/* step - once more through the decompressor: some bytes into out, or the end. */
static enum cb_code step(struct zst *z, ZSTD_outBuffer *out, struct cb_err *err)
{
    TRY(refill(z, err));
    const bool no_more = z->in.size == 0;
    const size_t before = out->pos;
    const size_t status = ZSTD_decompressStream(z->ctx, out, &z->in);
    if (ZSTD_isError(status)) {
        return damaged(z, ZSTD_getErrorName(status), err);
    }
    const size_t got = out->pos - before;
    if (got > z->left) {
        return damaged(z, "it holds more bytes than it states", err);
    }
    z->left -= got;
    if (status == 0) {
        return check_end(z, err);
    }
    return no_more && got == 0 ? damaged(z, "it is cut off", err) : CB_OK;
}

enum cb_code zst_read(struct zst *z, void *out, size_t len, size_t *ret_got, struct cb_err *err)
{
    ZSTD_outBuffer buffer = {.dst = out, .size = len};
    while (buffer.pos < len && !z->at_end) {
        TRY(step(z, &buffer, err));
    }
    *ret_got = buffer.pos;
    return CB_OK;
}

void zst_close(struct zst *z)
{
    if (z == NULL) {
        return;
    }
    (void)z->io->close(z->io->ctx, z->fd);
    (void)ZSTD_freeDCtx(z->ctx);
    free(z->block);
    free(z);
}

/* ---- packing ---- */

struct packing {
    const struct audit_io *io;
    int from_fd, to_fd;
    uint64_t size;
    ZSTD_CCtx *ctx;
    char *in, *out;
};

static bool set_up(struct packing *p)
{
    p->ctx = ZSTD_createCCtx();
    p->in = malloc(BLOCK);
    p->out = malloc(BLOCK);
    return p->ctx != NULL && p->in != NULL && p->out != NULL &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(p->ctx, ZSTD_c_compressionLevel, LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(p->ctx, ZSTD_c_checksumFlag, 1)) &&
           !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(p->ctx, p->size));
}

/* read_block - at this place of the file; *ret_got 0: its end. */
static enum cb_code read_block(const struct packing *p, uint64_t at, size_t *ret_got,
                               struct cb_err *err)
{
    ssize_t got = 0;
    do {
        got = p->io->pread(p->io->ctx, p->from_fd, p->in, BLOCK, (off_t)at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return cb_fail_errno(err, "read");
    }
    *ret_got = (size_t)got;
    return CB_OK;
}

/* feed - a block into the frame; end: it was the last one. */
static enum cb_code feed(const struct packing *p, size_t len, ZSTD_EndDirective directive,
                         struct cb_err *err)
{
    ZSTD_inBuffer in = {.src = p->in, .size = len};
    bool more = true;
    while (more) {
        ZSTD_outBuffer out = {.dst = p->out, .size = BLOCK};
        const size_t status = ZSTD_compressStream2(p->ctx, &out, &in, directive);
        if (ZSTD_isError(status)) {
            return cb_fail(err, CB_EINTERNAL, "zstd: %s", ZSTD_getErrorName(status));
        }
        TRY(io_write_all(p->io, p->to_fd, (struct slice){p->out, out.pos}, err));
        more = directive == ZSTD_e_end ? status != 0 : in.pos < in.size;
    }
    return CB_OK;
}

static enum cb_code pack(const struct packing *p, struct cb_err *err)
{
    uint64_t at = 0;
    for (;;) {
        size_t got = 0;
        TRY(read_block(p, at, &got, err));
        at += got;
        if (at > p->size || (got == 0 && at != p->size)) {
            return cb_fail(err, CB_ECORRUPT, "the file changed its length while it was packed");
        }
        if (got == 0) {
            return feed(p, 0, ZSTD_e_end, err);
        }
        TRY(feed(p, got, ZSTD_e_continue, err));
    }
}

enum cb_code zst_pack(const struct audit_io *io, int from_fd, uint64_t size, int to_fd,
                      struct cb_err *err)
{
    struct packing p = {.io = io, .from_fd = from_fd, .to_fd = to_fd, .size = size};
    const enum cb_code code =
        set_up(&p) ? pack(&p, err) : cb_fail(err, CB_ENOMEM, "no memory to pack a segment");
    (void)ZSTD_freeCCtx(p.ctx);
    free(p.in);
    free(p.out);
    return code;
}
