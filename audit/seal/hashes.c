/* hashes.c - see hashes.h.
 *
 * Every node is worked out from the nodes of one tile, of 256. Such a tile is read from its file; if
 * there is none - it is not full yet, it was lost, it is short - its nodes are made one by one as they
 * are asked for: those of level 0 from the records, those of a higher one from the full tiles below,
 * or from the tiles below those, or from the records. A few tiles are kept, since a proof asks for the
 * same ones again and again. */
#include "audit/seal/hashes.h"

#include "audit/io.h"
#include "audit/read/records.h"
#include "audit/segdir.h"
#include "audit/tlog/tile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define TILES_KEPT 12U
#define TILE_LEVELS 8U /* of 8 levels of the tree each */

struct tile {
    unsigned level;
    uint64_t n;
    uint64_t used; /* when; 0: the place is free */
    bool known[TILE_WIDTH];
    unsigned char node[TILE_WIDTH][SHA256_LEN];
};

struct hashes {
    char *dir;
    uint64_t size;
    enum hashes_from from;
    struct merkle m; /* for its SHA-256 */
    struct records *records;
    struct hash_source source;
    uint64_t clock;
    struct tile kept[TILES_KEPT];
    unsigned char scratch[TILE_WIDTH][SHA256_LEN];
};

/* ---- reading a tile's file ---- */

/* read_tile - false: no such file, or not of the right length; the records then have to do. */
static bool read_tile(const struct hashes *h, unsigned level, uint64_t n,
                      unsigned char ret[TILE_WIDTH][SHA256_LEN])
{
    const struct audit_io *io = &audit_system_io;
    char name[TILE_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    char more = 0;
    struct cb_err ignored;
    tile_path(level, n, name);
    if (h->from == HASHES_FROM_RECORDS || segdir_join(h->dir, name, path, &ignored) != CB_OK) {
        return false;
    }
    int fd = -1;
    if (io_open_file(io, path, 0, UINT64_MAX, &fd, &ignored) != CB_OK) {
        return false;
    }
    const bool is_whole = io->pread(io->ctx, fd, ret, TILE_BYTES, 0) == (ssize_t)TILE_BYTES &&
                          io->pread(io->ctx, fd, &more, 1, TILE_BYTES) == 0;
    (void)io->close(io->ctx, fd);
    return is_whole;
}

/* fold - num nodes side by side, a power of two of them, into the one above them all. */
static void fold(struct merkle *m, unsigned char nodes[][SHA256_LEN], size_t num)
{
    for (; num > 1; num /= 2) {
        for (size_t i = 0; i < num / 2; i++) {
            merkle_join(m, nodes[2 * i], nodes[2 * i + 1], nodes[i]);
        }
    }
}

/* ---- records ---- */

struct leaves {
    struct hashes *h;
    uint64_t first;
    unsigned char (*ret)[SHA256_LEN];
};

static bool add_leaf(void *ctx, uint64_t seq, struct slice line)
{
    struct leaves *l = ctx;
    merkle_leaf(&l->h->m, line, l->ret[seq - l->first]);
    return true;
}

static enum cb_code read_leaves(struct hashes *h, uint64_t first, uint64_t num,
                                unsigned char ret[][SHA256_LEN], struct cb_err *err)
{
    struct leaves l = {h, first, ret};
    return records_read(h->records, first, num, add_leaf, &l, err);
}

/* ---- the root of a full tile that has no file of its own ---- */

/* add_subtree - behind those that are there: as merkle_append_leaf, for a node of any level. */
static void add_subtree(struct merkle *sum, struct merkle *m, unsigned level,
                        unsigned char node[SHA256_LEN])
{
    const uint64_t size = sum->size + (UINT64_C(1) << level);
    for (; (sum->size >> level) & 1U; level++) {
        merkle_join(m, sum->node[level], node, node);
    }
    memcpy(sum->node[level], node, SHA256_LEN);
    sum->size = size;
}

/* read_piece - the largest full tile that begins at record first and ends at end or before, into
 * h->scratch; tiles have a level below below. *ret_level: of the tile. */
static enum cb_code read_piece(struct hashes *h, uint64_t first, uint64_t end, unsigned below,
                               unsigned *ret_level, struct cb_err *err)
{
    for (unsigned level = below; level > 0; level--) {
        const unsigned bits = 8 * level; /* a tile of level - 1 spans so many */
        const uint64_t n = first >> bits;
        if ((n << bits) == first && ((n + 1) << bits) <= end &&
            read_tile(h, level - 1, n, h->scratch)) {
            *ret_level = level - 1;
            return CB_OK;
        }
    }
    *ret_level = 0;
    return read_leaves(h, first, TILE_WIDTH, h->scratch, err);
}

/* make_node - node (8 * level, index), level > 0: the root of the tile below it. */
static enum cb_code make_node(struct hashes *h, unsigned level, uint64_t index,
                              unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    struct merkle sum = {.size = 0};
    const uint64_t first = index << (8 * level);
    const uint64_t end = (index + 1) << (8 * level);
    while (first + sum.size < end) {
        unsigned tile = 0;
        TRY(read_piece(h, first + sum.size, end, level, &tile, err));
        fold(&h->m, h->scratch, TILE_WIDTH);
        add_subtree(&sum, &h->m, 8 * (tile + 1), h->scratch[0]);
    }
    memcpy(ret, sum.node[(size_t)8 * level], SHA256_LEN);
    return CB_OK;
}

/* ---- tiles that are kept ---- */

static struct tile *keep_tile(struct hashes *h, unsigned level, uint64_t n)
{
    struct tile *oldest = &h->kept[0];
    h->clock++;
    for (size_t i = 0; i < TILES_KEPT; i++) {
        struct tile *t = &h->kept[i];
        if (t->used != 0 && t->level == level && t->n == n) {
            t->used = h->clock;
            return t;
        }
        oldest = t->used < oldest->used ? t : oldest;
    }
    oldest->level = level;
    oldest->n = n;
    oldest->used = h->clock;
    const bool is_full = (n + 1) <= (h->size >> (8 * level)) / TILE_WIDTH;
    memset(oldest->known, is_full && read_tile(h, level, n, oldest->node), sizeof(oldest->known));
    return oldest;
}

/* fill_leaves - all of a tile of level 0 at once: its records stand side by side. */
static enum cb_code fill_leaves(struct hashes *h, struct tile *t, struct cb_err *err)
{
    const uint64_t first = t->n * TILE_WIDTH;
    const uint64_t left = h->size - first;
    const uint64_t num = left < TILE_WIDTH ? left : TILE_WIDTH;
    TRY(read_leaves(h, first, num, t->node, err));
    memset(t->known, true, num);
    return CB_OK;
}

static enum cb_code fill(struct hashes *h, struct tile *t, size_t at, struct cb_err *err)
{
    if (t->known[at]) {
        return CB_OK;
    }
    if (t->level == 0) {
        return fill_leaves(h, t, err);
    }
    TRY(make_node(h, t->level, t->n * TILE_WIDTH + at, t->node[at], err));
    t->known[at] = true;
    return CB_OK;
}

static enum cb_code read_node(void *ctx, unsigned level, uint64_t index,
                              unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    struct hashes *h = ctx;
    unsigned tile_level = 0;
    uint64_t n = 0;
    size_t first = 0;
    size_t num = 0;
    if (level >= MERKLE_LEVELS || index >= h->size >> level) {
        return cb_fail(err, CB_EINPUT, "node %llu of level %u is beyond %llu records",
                       (unsigned long long)index, level, (unsigned long long)h->size);
    }
    tile_of(level, index, &tile_level, &n, &first, &num);
    struct tile *t = keep_tile(h, tile_level, n);
    for (size_t i = first; i < first + num; i++) {
        TRY(fill(h, t, i, err));
    }
    unsigned char nodes[TILE_WIDTH / 2][SHA256_LEN];
    memcpy(nodes, t->node[first], num * SHA256_LEN);
    fold(&h->m, nodes, num);
    memcpy(ret, nodes[0], SHA256_LEN);
    return CB_OK;
}

/* ---- opening and closing ---- */

enum cb_code hashes_open(const char *dir, uint64_t size, enum hashes_from from, struct hashes **ret,
                         struct cb_err *err)
{
    struct hashes *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the hash tree of %s", dir);
    }
    h->size = size;
    h->from = from;
    h->source = (struct hash_source){read_node, h};
    h->dir = strdup(dir);
    enum cb_code code = h->dir != NULL
                            ? merkle_init(&h->m, err)
                            : cb_fail(err, CB_ENOMEM, "no memory for the hash tree of %s", dir);
    if (code == CB_OK) {
        code = records_open(dir, &h->records, err);
    }
    if (code != CB_OK) {
        hashes_close(h);
        return code;
    }
    *ret = h;
    return CB_OK;
}

void hashes_close(struct hashes *h)
{
    if (h != NULL) {
        merkle_free(&h->m);
        records_close(h->records);
        free(h->dir);
        free(h);
    }
}

const struct hash_source *hashes_source(const struct hashes *h)
{
    return &h->source;
}

struct records *hashes_records(struct hashes *h)
{
    return h->records;
}

struct merkle *hashes_merkle(struct hashes *h)
{
    return &h->m;
}
