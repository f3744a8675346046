/* row_print.h - inside broker/review only: rows to stdout, as a table, JSON or CSV, as they come. */
#ifndef BROKER_REVIEW_ROW_PRINT_H
#define BROKER_REVIEW_ROW_PRINT_H

#include "broker/cli/table.h"
#include "broker/review/row.h"

enum row_format { ROWS_TABLE, ROWS_JSON, ROWS_CSV };

struct row_print {
    enum row_format format;
    bool at_once; /* each row goes out when it comes: somebody watches */
    struct cli_table table;
    struct cli_out out;
    struct buf text;
    uint64_t num;
};

void row_print_begin(struct row_print *p, enum row_format format, enum cli_paging paging);
/* row_print_add - false: stop, nobody reads it, or it could not be written. */
bool row_print_add(struct row_print *p, const struct review_row *row);
/* row_print_flush - what waits goes out; false as above. */
bool row_print_flush(struct row_print *p);
/* row_print_end - returns status, or EXIT_USAGE where the output failed. */
int row_print_end(struct row_print *p, int status);

#endif
