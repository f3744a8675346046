/* tile.h - hash tiles: 256 nodes of one level side by side, in the layout of C2SP tlog-tiles.
 *
 * Tile (L, N) holds the nodes of tree level 8*L with index 256*N to 256*N+255: 8192 bytes. Only full
 * tiles are kept as files; what is behind the last one is worked out from the records. */
#ifndef AUDIT_TLOG_TILE_H
#define AUDIT_TLOG_TILE_H

#include "broker/base/bytes.h"

#define TILE_WIDTH 256U
#define TILE_BYTES ((size_t)TILE_WIDTH * SHA256_LEN)
#define TILE_PATH_MAX 64U

/* tile_path - tile/L/x001/x234/067: relative to the log's directory, N in groups of three digits. */
void tile_path(unsigned level, uint64_t n, char out[TILE_PATH_MAX]);

/* tile_of - which tile has node (level, index) or the nodes it is made of: level / 8 gives the tile's
 * level; *ret_first and *ret_num say which of its nodes, 1 to 128, span the node. */
void tile_of(unsigned level, uint64_t index, unsigned *ret_level, uint64_t *ret_n,
             size_t *ret_first, size_t *ret_num);

#endif
