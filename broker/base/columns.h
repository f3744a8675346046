/* columns.h - text in aligned columns, for people. */
#ifndef CB_BASE_COLUMNS_H
#define CB_BASE_COLUMNS_H

#include "broker/base/buf.h"

#define COLUMNS_MAX 8U

struct columns {
    size_t num;      /* columns */
    unsigned narrow; /* bit i: column i may be cut where there is little room */
    unsigned right;  /* bit i: column i is set to the right, as numbers are; 0 at first */
    struct buf text; /* every cell, one after the other, each ended by a newline */
};

void columns_init(struct columns *c, size_t num, unsigned narrow);
void columns_free(struct columns *c);
/* columns_end - what was added to c->text since the last end is one cell; cells come row by row. */
void columns_end(struct columns *c);
void columns_cell(struct columns *c, const char *text); /* NULL: an empty one */
/* columns_print - two spaces between columns, indent in front, lines of at most width characters
 * where the columns that may be cut allow it (0: no limit). False: out of memory. */
bool columns_print(const struct columns *c, const char *indent, size_t width, struct buf *out);

#endif
