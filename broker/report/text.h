/* text.h - inside broker/report only: what both halves of the text form write with. */
#ifndef BROKER_REPORT_TEXT_H
#define BROKER_REPORT_TEXT_H

#include "broker/base/columns.h"
#include "broker/cli/escape.h"
#include "broker/cli/output.h"
#include "broker/report/writers.h"

struct text {
    struct buf *out;
    struct cli_colours colours;
    enum cli_charset charset;
    size_t width; /* columns of a line */
};

void text_title(const struct text *t, const char *title);
void text_num(struct buf *out, uint64_t num); /* 1,234 */
void text_when(struct buf *out, int64_t us);  /* 2026-07-22 16:23, or a dash */
/* text_wrapped - text of anybody's making up to the end of its line, on which so many columns are used
 * already; what does not fit is continued behind so many spaces. */
void text_wrapped(const struct text *t, size_t used, size_t indent, struct slice text);
void text_cell(const struct text *t, struct columns *c, struct slice text);
void text_cell_num(struct columns *c, uint64_t num);
void text_cell_when(struct columns *c, int64_t us);
void text_cell_day(struct columns *c, int64_t us);
/* text_heads - a first row of titles separated by '|'; '#' in front: of a column of numbers. */
void text_heads(struct columns *c, const char *heads);
/* text_more - the line that says how many are not shown; nothing if it is all of them. */
void text_more(const struct text *t, const char *indent, uint64_t more);
/* text_table - print and free it; more: what is not shown. */
void text_table(const struct text *t, struct columns *c, uint64_t more);

void text_who(const struct report *r, const struct text *t); /* text_tables.c */
void text_lists(const struct report *r, const struct text *t);
void text_log(const struct report *r, const struct text *t); /* text_log.c */

#endif
