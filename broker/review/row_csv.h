/* row_csv.h - inside broker/review only: rows for spreadsheets and other programs, RFC 4180.
 *
 * Every field is in quotes. What a spreadsheet would take for a formula (=, +, -, @, tab or carriage
 * return first) gets an apostrophe in front: who opens such a file must not run what a caller wrote into a
 * name. Control characters are escaped as on a terminal. */
#ifndef BROKER_REVIEW_ROW_CSV_H
#define BROKER_REVIEW_ROW_CSV_H

#include "broker/base/buf.h"
#include "broker/review/row.h"

void row_csv_titles(struct buf *out);
void row_csv_add(const struct review_row *row, struct buf *out);
/* csv_field - with a comma in front unless a line begins. */
void csv_field(struct buf *out, struct slice text);

#endif
