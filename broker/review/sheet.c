/* sheet.c - see sheet.h. Breaks lines at spaces, and only there: an id must stay whole to be copied. */
#include "broker/review/sheet.h"

#include "broker/base/clock.h"

#include <stdarg.h>

#define TEXT_MAX ((size_t)1 << 20)

void sheet_init(struct sheet *s, struct buf *out, const struct cli_terminal *terminal)
{
    *s = (struct sheet){.out = out,
                        .c = cli_colours(),
                        .charset = terminal->is_utf8 ? CLI_UTF8 : CLI_ASCII,
                        .width = terminal->width};
    buf_init(&s->text, TEXT_MAX);
}

void sheet_free(struct sheet *s)
{
    buf_free(&s->text);
}

void sheet_title(struct sheet *s, const char *colour, struct slice text)
{
    buf_add_str(s->out, colour);
    buf_add_slice(s->out, text);
    buf_add_str(s->out, colour[0] != '\0' ? s->c.off : "");
    buf_add_char(s->out, '\n');
}

void sheet_heading(struct sheet *s, const char *text)
{
    s->heading = text;
}

void sheet_raw(struct sheet *s)
{
    if (s->heading != NULL) {
        buf_add_str(s->out, s->out->len > 0 ? "\n" : "");
        sheet_title(s, s->c.bold, slice_of(s->heading));
        s->heading = NULL;
    }
}

void sheet_begin(struct sheet *s, const char *label)
{
    buf_reset(&s->text);
    s->label = label;
}

void sheet_add(struct sheet *s, struct slice text)
{
    cli_add_escaped(&s->text, text, s->charset);
}

void sheet_coloured(struct sheet *s, const char *colour, struct slice text)
{
    buf_add_str(&s->text, colour);
    sheet_add(s, text);
    buf_add_str(&s->text, colour[0] != '\0' ? s->c.off : "");
}

void sheet_say(struct sheet *s, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    const int len = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    buf_add_str(&s->text, len < 0 ? "" : text);
}

void sheet_time(struct sheet *s, int64_t us)
{
    char text[21];
    time_format_s(us / 1000000, text);
    text[10] = ' ';
    text[19] = '\0';
    buf_add_str(&s->text, text);
    buf_add_str(&s->text, " UTC");
}

/* word_width - of the next word; colours take none. *ret_len: its bytes. */
static size_t word_width(struct slice text, size_t *ret_len)
{
    size_t width = 0;
    size_t i = 0;
    while (i < text.len && text.ptr[i] != ' ') {
        if (text.ptr[i] == '\033') {
            i += slice_find(slice_from(text, i), 'm') + 1;
            continue;
        }
        size_t end = i;
        while (end < text.len && text.ptr[end] != ' ' && text.ptr[end] != '\033') {
            end++;
        }
        width += cli_text_width((struct slice){text.ptr + i, end - i});
        i = end;
    }
    *ret_len = i < text.len ? i : text.len;
    return width;
}

static void indent(struct sheet *s)
{
    buf_printf(s->out, "%*s", (int)SHEET_LABEL, "");
}

void sheet_end(struct sheet *s)
{
    struct slice rest = buf_slice(&s->text);
    size_t column = 0; /* behind the label */
    while (rest.len > 0 && rest.ptr[rest.len - 1] == ' ') {
        rest.len--;
    }
    if (rest.len == 0) {
        return;
    }
    sheet_raw(s);
    const size_t room = s->width > SHEET_LABEL + 20 ? s->width - SHEET_LABEL : 0;
    buf_printf(s->out, "%s  %-*s%s", s->c.dim, (int)SHEET_LABEL - 2, s->label, s->c.off);
    while (rest.len > 0) {
        size_t spaces = 0;
        size_t len = 0;
        while (spaces < rest.len && rest.ptr[spaces] == ' ') {
            spaces++;
        }
        const size_t width = word_width(slice_from(rest, spaces), &len);
        if (room > 0 && column > 0 && column + spaces + width > room) {
            buf_add_char(s->out, '\n');
            indent(s);
            column = 0;
        } else {
            buf_add(s->out, rest.ptr, spaces);
            column += spaces;
        }
        buf_add(s->out, rest.ptr + spaces, len);
        column += width;
        rest = slice_from(rest, spaces + len);
    }
    buf_add_char(s->out, '\n');
    s->out->failed = s->out->failed || !buf_ok(&s->text);
    buf_reset(&s->text);
}
