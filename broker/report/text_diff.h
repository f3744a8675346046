/* text_diff.h - inside broker/report only: a unified diff of two texts. */
#ifndef BROKER_REPORT_TEXT_DIFF_H
#define BROKER_REPORT_TEXT_DIFF_H

#include "broker/base/buf.h"

#define TEXT_DIFF_LINES_MAX 200000U /* of each text */
#define TEXT_DIFF_EDITS_MAX 2000U   /* more: what differs is shown as one block */

struct text_diff {
    size_t added, removed; /* lines */
    size_t not_shown;      /* lines of the diff that max_bytes left no room for */
};

/* text_diff - with three lines around each change, at most max_bytes of it into out. Lines longer than
 * 240 bytes are cut. False: too many lines, or no memory; out may then hold part of it. */
bool text_diff(struct slice before, struct slice after, size_t max_bytes, struct buf *out,
               struct text_diff *ret);

#endif
