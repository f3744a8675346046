/* sheet.h - inside broker/review only: labels on the left, texts on the right, broken to the terminal's
 * width. */
#ifndef BROKER_REVIEW_SHEET_H
#define BROKER_REVIEW_SHEET_H

#include "broker/cli/escape.h"
#include "broker/cli/output.h"
#include "broker/cli/terminal.h"

#define SHEET_LABEL 14U /* columns of a label with what is behind it */

struct sheet {
    struct buf *out;
    struct cli_colours c;
    enum cli_charset charset;
    unsigned width;  /* 0: no limit */
    struct buf text; /* of the line that is being put together, escaped, with colours */
    const char *label;
    const char *heading; /* that waits for its first line; NULL: none */
};

void sheet_init(struct sheet *s, struct buf *out, const struct cli_terminal *terminal);
void sheet_free(struct sheet *s);

/* sheet_title - a line of its own. sheet_heading - the same for a part, with an empty line before it;
 * it is printed with the first line that follows, and not at all where none does. text is borrowed until
 * then. */
void sheet_title(struct sheet *s, const char *colour, struct slice text);
void sheet_heading(struct sheet *s, const char *text);
/* sheet_raw - for a line that is printed by other means: what waits goes before it. */
void sheet_raw(struct sheet *s);

/* A line: begun with its label, filled, ended. Texts of records only through sheet_add. */
void sheet_begin(struct sheet *s, const char *label); /* "" where the one above goes on */
void sheet_add(struct sheet *s, struct slice text);   /* escaped */
void sheet_coloured(struct sheet *s, const char *colour,
                    struct slice text); /* escaped, and in colour */
void sheet_say(struct sheet *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* our own words */
void sheet_time(struct sheet *s, int64_t us);
void sheet_end(
    struct sheet *s); /* nothing is printed where nothing was added; no blanks at its end */

#endif
