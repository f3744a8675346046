/* text_wrap.c - the report as text: sentences that are longer than a line. Breaks at spaces; a word that
 * fits on no line is cut in two. */
#include "broker/report/text.h"

#define ROOM_LEAST 20U /* columns for the text itself, however narrow the terminal */

static void begin_line(struct buf *out, size_t indent)
{
    buf_add_char(out, '\n');
    for (size_t i = 0; i < indent; i++) {
        buf_add_char(out, ' ');
    }
}

static size_t room_behind(const struct text *t, size_t used)
{
    return t->width < used + ROOM_LEAST ? ROOM_LEAST : t->width - used;
}

/* line_len - bytes of what stands on one line: up to the last space that fits, or all that fits. */
static size_t line_len(struct slice text, size_t room)
{
    const size_t fits = cli_text_cut(text, room);
    if (fits == text.len) {
        return fits;
    }
    for (size_t i = fits; i > 0; i--) {
        if (text.ptr[i] == ' ') {
            return i;
        }
    }
    return fits > 0 ? fits : 1;
}

void text_wrapped(const struct text *t, size_t used, size_t indent, struct slice text)
{
    struct buf shown;
    buf_init(&shown, 1U << 20);
    cli_add_escaped(&shown, text, t->charset);
    struct slice rest = buf_slice(&shown);
    while (rest.len > 0) {
        const size_t len = line_len(rest, room_behind(t, used));
        buf_add_slice(t->out, (struct slice){rest.ptr, len});
        rest = slice_from(rest, len);
        while (rest.len > 0 && rest.ptr[0] == ' ') {
            rest = slice_from(rest, 1);
        }
        if (rest.len > 0) {
            begin_line(t->out, indent);
            used = indent;
        }
    }
    buf_add_char(t->out, '\n');
    t->out->failed |= shown.failed;
    buf_free(&shown);
}
