/* table.c - see table.h. Knows nothing of what is in the cells. */
#include "broker/cli/table.h"

#define GAP 2U
#define ROWS_WAITING 500U
#define CELLS_MAX ((size_t)64 << 20)

void cli_table_init(struct cli_table *t, const struct cli_column *columns, size_t num,
                    const struct cli_terminal *terminal)
{
    CB_CHECK(num > 0 && num <= CLI_TABLE_COLUMNS);
    *t = (struct cli_table){.columns = columns,
                            .num = num,
                            .width = terminal->width,
                            .charset = terminal->is_utf8 ? CLI_UTF8 : CLI_ASCII,
                            .colours = cli_colours()};
    buf_init(&t->cells, CELLS_MAX);
}

void cli_table_free(struct cli_table *t)
{
    buf_free(&t->cells);
}

void cli_table_cell(struct cli_table *t, const char *colour, struct slice text)
{
    buf_add_char(&t->cells, (char)strlen(colour));
    buf_add_str(&t->cells, colour);
    cli_add_escaped(&t->cells, text, t->charset);
    buf_add_char(&t->cells, '\n');
    t->num_cells++;
}

bool cli_table_is_due(const struct cli_table *t)
{
    return t->num_cells >= ROWS_WAITING * t->num || t->cells.len >= CELLS_MAX / 2;
}

struct cell {
    struct slice colour, text;
};

/* next_cell - false behind the last one. */
static bool next_cell(struct slice *rest, struct cell *ret)
{
    if (rest->len == 0) {
        return false;
    }
    const size_t colour = (size_t)(unsigned char)rest->ptr[0];
    const struct slice behind = slice_from(*rest, 1 + colour);
    const size_t len = slice_find(behind, '\n');
    ret->colour = (struct slice){rest->ptr + 1, colour};
    ret->text = (struct slice){behind.ptr, len};
    *rest = slice_from(behind, len + 1);
    return true;
}

/* ---- how wide the columns are ---- */

static void measure(struct cli_table *t)
{
    CB_CHECK(t->num > 0);
    struct slice rest = buf_slice(&t->cells);
    struct cell cell;
    for (size_t i = 0; i < t->num; i++) {
        t->widths[i] = (unsigned)strlen(t->columns[i].title);
    }
    for (size_t i = 0; next_cell(&rest, &cell); i++) {
        const size_t at = i % t->num;
        const size_t width = cli_text_width(cell.text);
        const size_t max = t->columns[at].max == 0 ? 1000000 : t->columns[at].max;
        const size_t wanted = width < max ? width : max;
        if (wanted > t->widths[at]) {
            t->widths[at] = (unsigned)wanted;
        }
    }
}

static unsigned least(const struct cli_table *t, size_t i)
{
    return t->widths[i] < t->columns[i].min ? t->widths[i] : t->columns[i].min;
}

static unsigned fair(const struct cli_table *t, size_t i)
{
    const unsigned wanted =
        t->columns[i].fair > t->columns[i].min ? t->columns[i].fair : t->columns[i].min;
    return t->widths[i] < wanted ? t->widths[i] : wanted;
}

static unsigned full(const struct cli_table *t, size_t i)
{
    return t->widths[i];
}

/* line_width - with each column at its width: full, fair, or the least it can have. */
static unsigned line_width(const struct cli_table *t,
                           unsigned (*width)(const struct cli_table *t, size_t i))
{
    unsigned total = 0;
    for (size_t i = 0; i < t->num; i++) {
        if (!t->dropped[i]) {
            total += (total == 0 ? 0 : GAP) + width(t, i);
        }
    }
    return total;
}

enum which { ANY_COLUMN, EXTRA_COLUMN };

/* drop_one - false: there is none that may go. */
static bool drop_one(struct cli_table *t, enum which what)
{
    size_t which = t->num;
    for (size_t i = 0; i < t->num; i++) {
        if (!t->dropped[i] && t->columns[i].drop > 0 &&
            (what == ANY_COLUMN || t->columns[i].is_extra) &&
            (which == t->num || t->columns[i].drop > t->columns[which].drop)) {
            which = i;
        }
    }
    if (which < t->num) {
        t->dropped[which] = true;
    }
    return which < t->num;
}

/* shrink_one - the widest that may be narrower, by a column; false: there is none. */
static bool shrink_one(struct cli_table *t)
{
    size_t which = t->num;
    for (size_t i = 0; i < t->num; i++) {
        if (!t->dropped[i] && t->widths[i] > least(t, i) &&
            (which == t->num || t->widths[i] > t->widths[which])) {
            which = i;
        }
    }
    if (which < t->num) {
        t->widths[which]--;
    }
    return which < t->num;
}

/* grow_one - the column that is farthest below its max, or min; false: none is. */
static bool grow_one(struct cli_table *t)
{
    size_t which = t->num;
    unsigned most = 0;
    for (size_t i = 0; i < t->num; i++) {
        const unsigned max = t->columns[i].max == 0 ? t->columns[i].min : t->columns[i].max;
        const unsigned below = max > t->widths[i] ? max - t->widths[i] : 0;
        if (!t->dropped[i] && below > most) {
            which = i;
            most = below;
        }
    }
    if (which < t->num) {
        t->widths[which]++;
    }
    return which < t->num;
}

static void decide_widths(struct cli_table *t)
{
    measure(t);
    if (t->width == 0) {
        return;
    }
    while (line_width(t, fair) > t->width && drop_one(t, EXTRA_COLUMN)) {
    }
    while (line_width(t, least) > t->width && drop_one(t, ANY_COLUMN)) {
    }
    while (line_width(t, full) > t->width && shrink_one(t)) {
    }
    while (t->is_roomy && line_width(t, full) < t->width && grow_one(t)) {
    }
}

/* ---- printing ---- */

static size_t last_column(const struct cli_table *t)
{
    size_t last = t->num - 1;
    while (last > 0 && t->dropped[last]) {
        last--;
    }
    return last;
}

/* print_cell - blanks are printed when a text follows them: a line ends with its last text. */
static void print_cell(struct cli_table *t, size_t at, const struct cell *cell, struct buf *out)
{
    const char *mark = t->charset == CLI_UTF8 ? "\xe2\x80\xa6" : "~"; /* an ellipsis */
    const size_t width = cli_text_width(cell->text);
    const bool is_last = at == last_column(t);
    const bool is_cut = width > t->widths[at] && t->width != 0;
    const size_t room = t->widths[at] > 0 ? t->widths[at] - 1 : 0;
    const size_t bytes = is_cut ? cli_text_cut(cell->text, room) : cell->text.len;
    const struct slice part = {cell->text.ptr, bytes};
    const unsigned taken = (unsigned)cli_text_width(part) + (is_cut ? 1 : 0);
    if (taken > 0) {
        buf_printf(out, "%*s", (int)t->owed, "");
        t->owed = 0;
        buf_add_slice(out, cell->colour);
        buf_add_slice(out, part);
        buf_add_str(out, is_cut ? mark : "");
        buf_add_str(out, cell->colour.len > 0 ? t->colours.off : "");
    }
    t->owed += GAP + (taken < t->widths[at] ? t->widths[at] - taken : 0);
    if (is_last) {
        buf_add_char(out, '\n');
        t->owed = 0;
    }
}

static void print_titles(struct cli_table *t, struct buf *out)
{
    for (size_t i = 0; i < t->num; i++) {
        const struct cell cell = {slice_of(t->colours.bold), slice_of(t->columns[i].title)};
        if (!t->dropped[i]) {
            print_cell(t, i, &cell, out);
        }
    }
}

void cli_table_flush(struct cli_table *t, struct buf *out)
{
    struct slice rest = buf_slice(&t->cells);
    struct cell cell;
    if (!buf_ok(&t->cells)) {
        out->failed = true;
    }
    if (t->num_cells == 0) {
        return;
    }
    if (!t->is_begun) {
        decide_widths(t);
        print_titles(t, out);
        t->is_begun = true;
    }
    for (size_t i = 0; next_cell(&rest, &cell); i++) {
        if (!t->dropped[i % t->num]) {
            print_cell(t, i % t->num, &cell, out);
        }
    }
    buf_reset(&t->cells);
    t->num_cells = 0;
}
