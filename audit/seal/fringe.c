/* fringe.c - see fringe.h. Writes no files and reads only tiles. */
#include "audit/seal/fringe.h"

#include "audit/segdir.h"

#include <errno.h>
#include <fcntl.h>

enum cb_code fringe_init(struct fringe *e, struct cb_err *err)
{
    return merkle_init(&e->tree, err);
}

void fringe_free(struct fringe *e)
{
    merkle_free(&e->tree);
}

void fringe_tree_copy(struct merkle *to, const struct merkle *from)
{
    to->size = from->size;
    for (unsigned i = 0; i < MERKLE_LEVELS && (from->size >> i) != 0; i++) {
        memcpy(to->node[i], from->node[i], SHA256_LEN);
    }
}

bool fringe_tree_eq(const struct merkle *a, const struct merkle *b)
{
    if (a->size != b->size) {
        return false;
    }
    for (unsigned i = 0; i < MERKLE_LEVELS && (a->size >> i) != 0; i++) {
        if (((a->size >> i) & 1U) != 0 && memcmp(a->node[i], b->node[i], SHA256_LEN) != 0) {
            return false;
        }
    }
    return true;
}

void fringe_copy(struct fringe *to, const struct fringe *from)
{
    fringe_tree_copy(&to->tree, &from->tree);
    memcpy(to->tile, from->tile, sizeof(to->tile));
}

/* in_tile - how many hashes the unfinished tile of this level holds. */
static size_t in_tile(uint64_t size, unsigned level)
{
    return (size_t)((size >> (8U * level)) % TILE_WIDTH);
}

/* fold - the root of num hashes side by side, num a power of two up to TILE_WIDTH. */
static void fold(struct merkle *m, const unsigned char (*hashes)[SHA256_LEN], size_t num,
                 unsigned char ret[SHA256_LEN])
{
    unsigned char work[TILE_WIDTH][SHA256_LEN];
    CB_CHECK(num > 0 && num <= TILE_WIDTH);
    memcpy(work, hashes, num * SHA256_LEN);
    for (; num > 1; num /= 2) {
        for (size_t i = 0; i < num / 2; i++) {
            merkle_join(m, work[2 * i], work[2 * i + 1], work[i]);
        }
    }
    memcpy(ret, work[0], SHA256_LEN);
}

enum cb_code fringe_append(struct fringe *e, const unsigned char leaf[SHA256_LEN],
                           fringe_full_fn *full, void *ctx, struct cb_err *err)
{
    unsigned char node[SHA256_LEN];
    const uint64_t size = e->tree.size;
    merkle_append_leaf(&e->tree, leaf);
    memcpy(node, leaf, SHA256_LEN);
    for (unsigned level = 0; level < FRINGE_LEVELS; level++) {
        const size_t at = in_tile(size, level);
        memcpy(e->tile[level][at], node, SHA256_LEN);
        if (at + 1 < TILE_WIDTH) {
            break;
        }
        TRY(full(ctx, level, size >> (8U * (level + 1)), e->tile[level][0], err));
        fold(&e->tree, (const unsigned char(*)[SHA256_LEN])e->tile[level], TILE_WIDTH, node);
    }
    return CB_OK;
}

/* ---- loading ---- */

static enum cb_code read_tile(const struct audit_io *io, const char *dir, unsigned level,
                              uint64_t n, unsigned char *ret, struct cb_err *err)
{
    char name[TILE_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    tile_path(level, n, name);
    TRY(segdir_join(dir, name, path, err));
    int fd = -1;
    enum cb_code code = io_open_file(io, path, 0, UINT64_MAX, &fd, err);
    if (code != CB_OK) {
        return code == CB_ENOENT ? cb_fail(err, CB_ENOENT, "%s is missing", path) : code;
    }
    const ssize_t got = io->pread(io->ctx, fd, ret, TILE_BYTES, 0);
    if (got < 0) {
        code = cb_fail_errno(err, "cannot read %s", path);
    } else if ((size_t)got != TILE_BYTES) {
        code = cb_fail(err, CB_ECORRUPT, "%s has %zd bytes instead of %u", path, got,
                       (unsigned)TILE_BYTES);
    }
    (void)io->close(io->ctx, fd);
    return code;
}

/* load_level - the unfinished tile of a level above the leaves, each hash from a full tile below. */
static enum cb_code load_level(struct fringe *e, const struct audit_io *io, const char *dir,
                               uint64_t size, unsigned level, struct cb_err *err)
{
    unsigned char below[TILE_WIDTH][SHA256_LEN];
    const uint64_t nodes = size >> (8U * level);
    const size_t num = in_tile(size, level);
    for (size_t i = 0; i < num; i++) {
        TRY(read_tile(io, dir, level - 1, nodes - num + i, below[0], err));
        fold(&e->tree, (const unsigned char(*)[SHA256_LEN])below, TILE_WIDTH, e->tile[level][i]);
    }
    return CB_OK;
}

/* set_frontier - each bit of size has its node in the unfinished tile of its eight levels. */
static void set_frontier(struct fringe *e, uint64_t size)
{
    e->tree.size = size;
    for (unsigned level = 0; level < FRINGE_LEVELS; level++) {
        const size_t num = in_tile(size, level);
        size_t at = 0;
        for (unsigned bit = 8; bit > 0; bit--) {
            const size_t width = (size_t)1 << (bit - 1);
            if ((num & width) != 0) {
                fold(&e->tree, (const unsigned char(*)[SHA256_LEN])e->tile[level] + at, width,
                     e->tree.node[8U * level + bit - 1]);
                at += width;
            }
        }
    }
}

enum cb_code fringe_load(struct fringe *e, const struct audit_io *io, const char *dir,
                         uint64_t size, fringe_leaf_fn *leaf, void *ctx, struct cb_err *err)
{
    const size_t num = in_tile(size, 0);
    for (size_t i = 0; i < num; i++) {
        TRY(leaf(ctx, size - num + i, e->tile[0][i], err));
    }
    for (unsigned level = 1; level < FRINGE_LEVELS; level++) {
        TRY(load_level(e, io, dir, size, level, err));
    }
    set_frontier(e, size);
    return CB_OK;
}
