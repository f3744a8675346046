/* columns.c - see columns.h. Widths are counted in characters of UTF-8, not in bytes. */
#include "broker/base/columns.h"

#define CELL_MIN 12U /* what a cut column keeps */
#define TEXT_MAX ((size_t)1 << 30)

void columns_init(struct columns *c, size_t num, unsigned narrow)
{
    *c = (struct columns){.num = num, .narrow = narrow};
    buf_init(&c->text, TEXT_MAX);
}

void columns_free(struct columns *c)
{
    buf_free(&c->text);
}

void columns_end(struct columns *c)
{
    buf_add_char(&c->text, '\n');
}

void columns_cell(struct columns *c, const char *text)
{
    buf_add_str(&c->text, text == NULL ? "" : text);
    columns_end(c);
}

static bool is_character_start(char byte)
{
    return ((unsigned char)byte & 0xc0U) != 0x80U;
}

static size_t characters(struct slice s)
{
    size_t num = 0;
    for (size_t i = 0; i < s.len; i++) {
        num += is_character_start(s.ptr[i]) ? 1 : 0;
    }
    return num;
}

/* first_characters - the bytes of the first num characters. */
static struct slice first_characters(struct slice s, size_t num)
{
    size_t i = 0;
    for (; i < s.len; i++) {
        if (is_character_start(s.ptr[i]) && num-- == 0) {
            break;
        }
    }
    return (struct slice){s.ptr, i};
}

static bool next_cell(struct slice *rest, struct slice *cell)
{
    if (rest->len == 0) {
        return false;
    }
    const char *end = memchr(rest->ptr, '\n', rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    *cell = (struct slice){rest->ptr, len};
    *rest = (struct slice){rest->ptr + len + (end == NULL ? 0 : 1),
                           rest->len - len - (end == NULL ? 0 : 1)};
    return true;
}

static void measure(const struct columns *c, size_t widths[COLUMNS_MAX])
{
    struct slice rest = buf_slice(&c->text);
    struct slice cell;
    for (size_t i = 0; next_cell(&rest, &cell); i++) {
        const size_t width = characters(cell);
        if (width > widths[i % c->num]) {
            widths[i % c->num] = width;
        }
    }
}

/* shrink - the widest column that may be cut, again and again, until it fits. */
static void shrink(const struct columns *c, size_t width, size_t widths[COLUMNS_MAX])
{
    for (;;) {
        size_t total = 2 * (c->num - 1);
        size_t widest = COLUMNS_MAX;
        for (size_t i = 0; i < c->num; i++) {
            total += widths[i];
            if ((c->narrow >> i & 1U) != 0 && widths[i] > CELL_MIN &&
                (widest == COLUMNS_MAX || widths[i] > widths[widest])) {
                widest = i;
            }
        }
        if (total <= width || widest == COLUMNS_MAX) {
            return;
        }
        widths[widest]--;
    }
}

static void add_spaces(struct buf *out, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        buf_add_char(out, ' ');
    }
}

static void print_cell(const struct columns *c, size_t column, struct slice cell, size_t width,
                       struct buf *out)
{
    const bool is_last = column == c->num - 1;
    const bool is_right = (c->right >> column & 1U) != 0;
    const size_t len = characters(cell);
    const size_t pad = len < width ? width - len : 0;
    add_spaces(out, is_right ? pad : 0);
    if (len > width) {
        buf_add_slice(out, first_characters(cell, width - 3));
        buf_add_str(out, "...");
    } else {
        buf_add_slice(out, cell);
    }
    if (!is_last) {
        add_spaces(out, (is_right ? 0 : pad) + 2);
    }
}

bool columns_print(const struct columns *c, const char *indent, size_t width, struct buf *out)
{
    size_t widths[COLUMNS_MAX] = {0};
    measure(c, widths);
    const size_t taken = strlen(indent);
    if (width != 0) {
        shrink(c, width > taken ? width - taken : 0, widths);
    }
    struct slice rest = buf_slice(&c->text);
    struct slice cell;
    for (size_t i = 0; next_cell(&rest, &cell); i++) {
        const size_t column = i % c->num;
        buf_add_str(out, column == 0 ? indent : "");
        print_cell(c, column, cell, widths[column], out);
        if (column == c->num - 1) {
            buf_add_char(out, '\n');
        }
    }
    return buf_ok(&c->text) && buf_ok(out);
}
