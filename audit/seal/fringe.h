/* fringe.h - the right edge of the tree with everything that is not in a full tile yet.
 *
 * A frontier (merkle.h) is enough to go on appending; to write tiles, the hashes of the last,
 * unfinished tile of each level are needed too. Not thread-safe: one owner. */
#ifndef AUDIT_FRINGE_H
#define AUDIT_FRINGE_H

#include "audit/io.h"
#include "audit/tlog/merkle.h"
#include "audit/tlog/tile.h"

#define FRINGE_LEVELS 8U /* of tiles: 256^8 records */

struct fringe {
    struct merkle tree; /* the frontier; its size is the number of records */
    /* Of level L, size >> 8*L modulo 256 hashes are kept: nodes of tree level 8*L. */
    unsigned char tile[FRINGE_LEVELS][TILE_WIDTH][SHA256_LEN];
};

enum cb_code fringe_init(struct fringe *e, struct cb_err *err) CB_MUST_USE; /* empty */
void fringe_free(struct fringe *e);                                         /* zeroed is fine */
/* fringe_copy - the hashes only; both are initialised. */
void fringe_copy(struct fringe *to, const struct fringe *from);

/* fringe_append - one more leaf. For every tile that it completes, lowest level first, full is called with
 * its TILE_BYTES; what it returns other than CB_OK ends the append, and the edge must be dropped. */
typedef enum cb_code fringe_full_fn(void *ctx, unsigned level, uint64_t n,
                                    const unsigned char *bytes, struct cb_err *err);
enum cb_code fringe_append(struct fringe *e, const unsigned char leaf[SHA256_LEN],
                           fringe_full_fn *full, void *ctx, struct cb_err *err) CB_MUST_USE;

/* fringe_load - the edge of the first size records, from the full tiles in dir and from the leaf hashes of
 * the records behind the last full tile of level 0: leaf is called for each of those, in order. Reads
 * at most 255 tiles a level, whatever the size. CB_ENOENT: a tile is missing. CB_ECORRUPT: one has another
 * length. */
typedef enum cb_code fringe_leaf_fn(void *ctx, uint64_t seq, unsigned char ret[SHA256_LEN],
                                    struct cb_err *err);
enum cb_code fringe_load(struct fringe *e, const struct audit_io *io, const char *dir,
                         uint64_t size, fringe_leaf_fn *leaf, void *ctx,
                         struct cb_err *err) CB_MUST_USE;

/* fringe_tree_eq - do two trees have the same size and frontier? Needs no hashing. */
bool fringe_tree_eq(const struct merkle *a, const struct merkle *b);
/* fringe_tree_copy - size and frontier only. */
void fringe_tree_copy(struct merkle *to, const struct merkle *from);

#endif
