/* tile.c - see tile.h. Names and numbers only: does not read or write files. */
#include "audit/tlog/tile.h"

#include <stdio.h>

#define GROUPS_MAX 7U /* of three digits: more than any 64-bit number has */

void tile_path(unsigned level, uint64_t n, char out[TILE_PATH_MAX])
{
    unsigned group[GROUPS_MAX];
    size_t num = 0;
    do {
        group[num++] = (unsigned)(n % 1000);
        n /= 1000;
    } while (n > 0);
    int len = snprintf(out, TILE_PATH_MAX, "tile/%u/", level);
    while (num > 0 && len > 0 && (size_t)len < TILE_PATH_MAX) {
        num--;
        len += snprintf(out + len, TILE_PATH_MAX - (size_t)len, num > 0 ? "x%03u/" : "%03u",
                        group[num]);
    }
}

void tile_of(unsigned level, uint64_t index, unsigned *ret_level, uint64_t *ret_n,
             size_t *ret_first, size_t *ret_num)
{
    const unsigned inside = level % 8U;
    const uint64_t per_tile = TILE_WIDTH >> inside; /* nodes of this level under one tile */
    *ret_level = level / 8U;
    *ret_n = index / per_tile;
    *ret_first = (size_t)(index % per_tile) << inside;
    *ret_num = (size_t)1 << inside;
}
