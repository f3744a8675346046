/* csv.h - inside broker/reconcile only: comma-separated values as RFC 4180 has them, bytes in, rows
 * out. Also takes plain newlines for line ends, as most programs write them.
 *
 * Anything that two readers could understand differently is an error with its line: a quote inside
 * an unquoted field, text behind a closing quote, a lone carriage return, NUL, rows of different
 * length, an unfinished row. Rows, fields and columns are bounded. */
#ifndef BROKER_RECONCILE_CSV_H
#define BROKER_RECONCILE_CSV_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

#define CSV_COLUMNS_MAX 64U
#define CSV_ROW_MAX ((size_t)1 << 20) /* bytes */

/* fields are borrowed for the call; line is where the row begins, from 1. */
typedef enum cb_code (*csv_row_fn)(void *ctx, const struct slice *fields, size_t num, uint64_t line,
                                   struct cb_err *err);

enum csv_state { CSV_FIELD, CSV_PLAIN, CSV_QUOTED, CSV_QUOTE, CSV_CR };

struct csv {
    csv_row_fn row;
    void *ctx;
    enum csv_state state;
    struct buf text;              /* of the row's fields, one after the other */
    size_t ends[CSV_COLUMNS_MAX]; /* where each ends in text */
    size_t num;                   /* fields that are complete */
    size_t width;                 /* of the first row; 0: not known yet */
    uint64_t line, row_line;
    bool has_any; /* the row has begun */
};

void csv_init(struct csv *c, csv_row_fn row, void *ctx);
void csv_free(struct csv *c);
/* csv_feed - the next bytes, in pieces of any size. CB_EINPUT, CB_ELIMIT: "line N: ..."; whatever row
 * returned otherwise. After a failure it must not be fed again. */
enum cb_code csv_feed(struct csv *c, struct slice bytes, struct cb_err *err) CB_MUST_USE;
/* csv_end - that was all; a last line without its end is fine. */
enum cb_code csv_end(struct csv *c, struct cb_err *err) CB_MUST_USE;

#endif
