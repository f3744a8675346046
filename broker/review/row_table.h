/* row_table.h - inside broker/review only: rows for people, one line each. */
#ifndef BROKER_REVIEW_ROW_TABLE_H
#define BROKER_REVIEW_ROW_TABLE_H

#include "broker/cli/table.h"
#include "broker/review/row.h"

/* row_table_init - columns that fit the terminal. */
void row_table_init(struct cli_table *t, const struct cli_terminal *terminal);
void row_table_add(struct cli_table *t, const struct review_row *row);

/* row_what - what it was about: names, a serial, a path, a sentence. Not escaped. */
void row_what(const struct review_row *row, struct buf *out);
/* row_why - the rule that allowed it, or the reason why it was not. Absent: neither is known. */
struct slice row_why(const struct review_row *row);
/* row_colour - one of c. */
const char *row_colour(const struct review_row *row, const struct cli_colours *c);

#endif
