/* tile_store.h - full tiles as files, DIR/tile/<L>/..., in the layout of C2SP tlog-tiles.
 *
 * Tiles are gathered and then made durable together, since each sync costs the disk the same. Until a
 * checkpoint covers a tile it is provisional: it is written again after a restart, as it was. */
#ifndef AUDIT_TILE_STORE_H
#define AUDIT_TILE_STORE_H

#include "audit/io.h"
#include "audit/tlog/tile.h"

#define TILE_STORE_MAX 32U /* gathered at most */

struct tile_store {
    const struct audit_io *io;
    const char *dir; /* borrowed */
    size_t num;
    struct {
        unsigned level;
        uint64_t n;
        unsigned char bytes[TILE_BYTES];
    } tile[TILE_STORE_MAX];
};

/* tile_store_add - copies the tile; writes the gathered ones first if there is no room. */
enum cb_code tile_store_add(struct tile_store *s, unsigned level, uint64_t n,
                            const unsigned char *bytes, struct cb_err *err) CB_MUST_USE;
/* tile_store_flush - all gathered tiles are durable with their names when this returns CB_OK. What is
 * gathered is forgotten in any case. */
enum cb_code tile_store_flush(struct tile_store *s, struct cb_err *err) CB_MUST_USE;

#endif
