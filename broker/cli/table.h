/* table.h - rows in aligned columns on a terminal, as they come: the first rows decide how wide each
 * column is, and nothing but those is ever held. */
#ifndef BROKER_CLI_TABLE_H
#define BROKER_CLI_TABLE_H

#include "broker/cli/escape.h"
#include "broker/cli/output.h"
#include "broker/cli/terminal.h"

#define CLI_TABLE_COLUMNS 12U

struct cli_column {
    const char *title;
    unsigned min;  /* what it is never cut below; its title and shorter cells may take less */
    unsigned max;  /* 0: as wide as its cells */
    unsigned fair; /* what it should have before an extra column gets room; 0: min */
    bool is_extra; /* only there where all that stay have their fair width */
    unsigned drop; /* 0: always there. Where there is no room the highest goes first */
};

struct cli_table {
    const struct cli_column *columns; /* borrowed */
    size_t num;
    unsigned width; /* of a line; 0: no limit */
    enum cli_charset charset;
    struct cli_colours colours;
    struct buf cells; /* rows that wait: of each cell its colour's length, colour, text, newline */
    size_t num_cells;
    bool
        is_roomy; /* set by its owner: what is left of the line goes to the columns, for rows to come */
    bool is_begun; /* widths are decided, titles are printed */
    unsigned widths[CLI_TABLE_COLUMNS];
    bool dropped[CLI_TABLE_COLUMNS];
    unsigned owed; /* blanks in front of the next text of the line, if one comes */
};

/* cli_table_init - for stdout as terminal says. */
void cli_table_init(struct cli_table *t, const struct cli_column *columns, size_t num,
                    const struct cli_terminal *terminal);
void cli_table_free(struct cli_table *t);

/* cli_table_cell - the next one of the row, row by row. text is escaped here; colour: one of
 * t->colours, "" for none. */
void cli_table_cell(struct cli_table *t, const char *colour, struct slice text);
/* cli_table_is_due - so many rows wait that they should be flushed. */
bool cli_table_is_due(const struct cli_table *t);
/* cli_table_flush - the rows that wait, behind the titles if these are the first; nothing if there are
 * none. Only whole rows may wait. */
void cli_table_flush(struct cli_table *t, struct buf *out);

#endif
