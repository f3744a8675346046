/* tiles.h - inside audit/verify only: what the tiles say about a node of the tree. */
#ifndef AUDIT_VERIFY_TILES_H
#define AUDIT_VERIFY_TILES_H

#include "audit/tlog/tile.h"
#include "broker/base/err.h"

#include <stdatomic.h>

#define TILE_LEVELS 5U /* 256^5 records: more than a log will hold */

enum tile_got {
    TILE_THERE,
    TILE_ABSENT,
    TILE_DAMAGED, /* not as long as a full tile */
    TILE_FAILED,  /* err says why it cannot be read */
};

/* Where tiles come from: files, or in tests memory. Any thread. */
struct tile_source {
    enum tile_got (*read)(void *ctx, unsigned level, uint64_t n, unsigned char out[TILE_BYTES],
                          struct cb_err *err);
    void *ctx;
    uint64_t covered; /* tiles that lie below this many records must be there; 0: there are none */
    _Atomic uint64_t num_read;
};

/* tiles_in_dir - those in dir (borrowed), for a log that is sealed up to this many records. covered
 * stays 0 where no tile was ever written. */
void tiles_in_dir(struct tile_source *source, const char *dir, uint64_t sealed);

/* One tile of each level, the one looked at last. Zeroed: none. */
struct tile_windows {
    struct {
        bool is_loaded;
        uint64_t n;
        enum tile_got got;
        unsigned char hashes[TILE_BYTES];
    } at[TILE_LEVELS];
};

/* tiles_hash - of node index at tree level 8 * level; NULL: no tile has it. *ret_fresh: its tile was
 * loaded by this call, *ret_got says with what result; TILE_ABSENT also where none has to be. */
const unsigned char *tiles_hash(struct tile_windows *w, struct tile_source *source, unsigned level,
                                uint64_t index, bool *ret_fresh, enum tile_got *ret_got,
                                struct cb_err *err);

#endif
