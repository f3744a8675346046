/* row_print.c - see row_print.h. */
#include "broker/review/row_print.h"

#include "broker/review/row_csv.h"
#include "broker/review/row_table.h"

#define TEXT_MAX ((size_t)64 << 20)
#define GATHERED ((size_t)64 << 10)

void row_print_begin(struct row_print *p, enum row_format format, enum cli_paging paging)
{
    const struct cli_terminal terminal = cli_terminal();
    p->format = format;
    p->at_once = false;
    p->num = 0;
    buf_init(&p->text, TEXT_MAX);
    row_table_init(&p->table, &terminal);
    cli_out_begin(&p->out, format == ROWS_TABLE ? paging : CLI_STRAIGHT);
}

static void add_lines(const struct review_row *row, struct buf *out)
{
    for (size_t i = 0; i < row->num; i++) {
        buf_add_slice(out, row->records[i].line.whole);
        buf_add_char(out, '\n');
    }
}

bool row_print_flush(struct row_print *p)
{
    cli_table_flush(&p->table, &p->text);
    return cli_out_buf(&p->out, &p->text);
}

bool row_print_add(struct row_print *p, const struct review_row *row)
{
    bool is_due = p->at_once;
    switch (p->format) {
    case ROWS_TABLE:
        row_table_add(&p->table, row);
        is_due = is_due || cli_table_is_due(&p->table);
        break;
    case ROWS_JSON:
        add_lines(row, &p->text);
        break;
    case ROWS_CSV:
        if (p->num == 0) {
            row_csv_titles(&p->text);
        }
        row_csv_add(row, &p->text);
        break;
    }
    p->num++;
    return is_due || p->text.len >= GATHERED ? row_print_flush(p) : buf_ok(&p->text);
}

int row_print_end(struct row_print *p, int status)
{
    if (p->format == ROWS_CSV && p->num == 0) {
        row_csv_titles(&p->text);
    }
    const bool had_memory = buf_ok(&p->text);
    (void)row_print_flush(p);
    cli_table_free(&p->table);
    buf_free(&p->text);
    status = cli_out_end(&p->out, status);
    return had_memory ? status : cli_no_memory();
}
