/* grep_find.h - inside audit/ only: where in a block of lines the next one is that could matter. */
#ifndef AUDIT_GREP_FIND_H
#define AUDIT_GREP_FIND_H

#include "audit/read/grep.h"

struct grep_find {
    const struct slice *literals; /* borrowed */
    size_t num;
    const char *end; /* of the block */
    const char
        *next[AUDIT_GREP_LITERALS + 1]; /* of each, the first one not yet behind us; end: none.
                                                  The last is an escape that could hide one */
};

/* grep_find_begin - in this block. */
void grep_find_begin(struct grep_find *f, const struct slice *literals, size_t num,
                     struct slice block);
/* grep_find_from - where the first of them is, at `at` or behind it; NULL: in this block there is none. */
const char *grep_find_from(struct grep_find *f, const char *at);

#endif
