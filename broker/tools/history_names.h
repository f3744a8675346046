/* history_names.h - inside broker/tools only: the names of a suggested rule, and texts in YAML. */
#ifndef BROKER_TOOLS_HISTORY_NAMES_H
#define BROKER_TOOLS_HISTORY_NAMES_H

#include "broker/tools/history_snippet.h"

/* snippet_add_text - a double-quoted YAML scalar. */
void snippet_add_text(struct buf *out, struct slice text);

/* snippet_add_item - `- "text" # 12 times, 2026-07-01 to 2026-07-22, 3 denied`, a line. */
void snippet_add_item(struct buf *out, const char *indent, const struct seen *seen);

/* snippet_add_names - names: with a list of each kind; with s->patterns similar names as one pattern,
 * and a comment that says so. Nothing where there are none. False: out of memory. */
bool snippet_add_names(struct suggestion *s, const struct shape *shape, struct buf *out);

#endif
