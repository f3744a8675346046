/* tree.h - inside audit/verify only: the hash tree while a segment is read, held against tiles and
 * checkpoints.
 *
 * Where a record's hash is not the one in its tile, a second tree goes on with the tile's hash. The
 * next checkpoint that has the root of one of the two says which was changed: the record or the tile. */
#ifndef AUDIT_VERIFY_TREE_H
#define AUDIT_VERIFY_TREE_H

#include "audit/tlog/merkle.h"
#include "audit/verify/promises.h"
#include "audit/verify/tiles.h"

#define TREE_SUSPECTS_MAX 16U

struct tree_suspect {
    uint64_t seq, line;
};

struct tree {
    /* given */
    struct findings *findings;
    struct promises *promises;
    struct tile_source *tiles;
    struct tile_windows *windows;
    const char *file; /* of the segment, for findings */
    /* state */
    struct merkle *m;   /* of the records as they are */
    struct merkle twin; /* as the tiles have them; borrows m's SHA-256 */
    bool has_twin;
    bool is_lost;   /* a record could not be hashed, and no tile has its hash */
    uint64_t good;  /* records up to here are as a checkpoint or the segment's begin says */
    uint64_t found; /* findings that were added */
    size_t next_promise;
    struct tree_suspect suspects[TREE_SUSPECTS_MAX];
    size_t num_suspects;
};

/* tree_begin - m holds the tree that the segment begins with. */
void tree_begin(struct tree *t);
/* tree_leaf - the next record's hash. line: where it stands. Failure: a tile cannot be read. */
enum cb_code tree_leaf(struct tree *t, const unsigned char leaf[SHA256_LEN], uint64_t line,
                       struct cb_err *err) CB_MUST_USE;
/* tree_gap - the next record cannot be hashed; what is wrong with it was said. */
enum cb_code tree_gap(struct tree *t, struct cb_err *err) CB_MUST_USE;
/* tree_gaps - the same for all records before seq. Ends where the tiles do: what a number claims is no
 * reason to count to it. */
enum cb_code tree_gaps(struct tree *t, uint64_t seq, struct cb_err *err) CB_MUST_USE;
/* tree_kept - the next record was pruned: its tile has its hash, or it is not known. */
enum cb_code tree_kept(struct tree *t, struct cb_err *err) CB_MUST_USE;
/* tree_end - the segment ends: suspects nobody has decided about are called changed. */
void tree_end(struct tree *t);

#endif
