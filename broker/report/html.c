/* html.c - escaping, and the small pieces that all parts of the page are made of. */
#include "broker/report/html.h"

#include "broker/base/clock.h"
#include "broker/cli/escape.h"

#define ESCAPED_MAX (4UL << 20)

void html_escape(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        case '"':
            buf_add_str(out, "&quot;");
            break;
        case '\'':
            buf_add_str(out, "&#39;");
            break;
        default:
            buf_add_char(out, text.ptr[i]);
        }
    }
}

void html_text_cut(struct buf *out, struct slice text, size_t max)
{
    struct buf shown;
    const bool is_cut = text.len > max;
    buf_init(&shown, ESCAPED_MAX);
    if (is_cut) {
        text.len = max;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0U) == 0x80U) {
            text.len--;
        }
    }
    if (text.ptr != NULL) {
        cli_add_escaped(&shown, text, CLI_UTF8);
    }
    html_escape(out, buf_slice(&shown));
    if (is_cut) {
        buf_add_str(out, "\xe2\x80\xa6"); /* an ellipsis */
    }
    buf_free(&shown);
}

void html_text(struct buf *out, struct slice text)
{
    html_text_cut(out, text, HTML_CUT);
}

void html_num(struct buf *out, uint64_t num)
{
    uint64_t power = 1;
    while (num / power >= 1000) {
        power *= 1000;
    }
    buf_printf(out, "%u", (unsigned)(num / power));
    for (power /= 1000; power > 0; power /= 1000) {
        buf_printf(out, ",%03u", (unsigned)(num / power % 1000));
    }
}

void html_bytes(struct buf *out, uint64_t num)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)num;
    size_t unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    buf_printf(out, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void add_time(struct buf *out, int64_t us, size_t len)
{
    char text[21];
    if (us == 0) {
        buf_add_str(out, "\xe2\x80\x93");
        return;
    }
    time_format_s(us / 1000000, text);
    buf_printf(out, "<time datetime=\"%s\">", text);
    text[10] = ' ';
    buf_add(out, text, len);
    buf_add_str(out, "</time>");
}

void html_time(struct buf *out, int64_t us)
{
    add_time(out, us, 16);
}

void html_date(struct buf *out, int64_t us)
{
    add_time(out, us, 10);
}

void html_duration(struct buf *out, int64_t us)
{
    const int64_t s = us / 1000000;
    if (s < 120) {
        buf_printf(out, "%.*f s", s < 10 ? 1 : 0, (double)us / 1e6);
    } else if (s < 7200) {
        buf_printf(out, "%d min", (int)(s / 60));
    } else if (s < INT64_C(172800)) {
        buf_printf(out, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
    } else {
        buf_printf(out, "%d days", (int)(s / 86400));
    }
}

void html_digest(struct buf *out, const char *sha256)
{
    const struct slice all = slice_of(sha256);
    buf_add_str(out, "<code title=\"");
    html_text(out, all);
    buf_add_str(out, "\">");
    html_text(out, (struct slice){all.ptr, all.len < 12 ? all.len : 12});
    buf_add_str(out, "</code>");
}

void html_section(struct buf *out, const char *id, const char *title, const char *about)
{
    buf_printf(out, "<section id=\"%s\"><h2>%s</h2>\n", id, title);
    if (about != NULL) {
        buf_printf(out, "<p class=\"about\">%s</p>\n", about);
    }
}

void html_section_end(struct buf *out)
{
    buf_add_str(out, "</section>\n");
}

void html_table(struct buf *out, const char *heads)
{
    struct slice rest = slice_of(heads);
    buf_add_str(out, "<div class=\"wide\"><table><thead><tr>");
    for (bool more = true; more;) {
        const size_t len = slice_find(rest, '|');
        const bool is_num = len > 0 && rest.ptr[0] == '#';
        buf_add_str(out, len == 0 ? "<td>"
                         : is_num ? "<th scope=\"col\" class=\"n\">"
                                  : "<th scope=\"col\">");
        html_escape(out, (struct slice){rest.ptr + is_num, len - is_num});
        buf_add_str(out, len == 0 ? "</td>" : "</th>");
        more = len < rest.len;
        rest = slice_from(rest, more ? len + 1 : len);
    }
    buf_add_str(out, "</tr></thead><tbody>\n");
}

void html_table_end(struct buf *out)
{
    buf_add_str(out, "</tbody></table></div>\n");
}

void html_cell_num(struct buf *out, uint64_t num)
{
    buf_add_str(out, num == 0 ? "<td class=\"n zero\">" : "<td class=\"n\">");
    html_num(out, num);
    buf_add_str(out, "</td>");
}

static double add_rect(struct buf *out, const char *colour, double x, uint64_t num, uint64_t max)
{
    const double width = max == 0 ? 0 : 100.0 * (double)num / (double)max;
    if (num > 0) {
        buf_printf(out, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"8\"/>", colour,
                   x, width);
    }
    return x + width;
}

void html_cell_bar(struct buf *out, uint64_t num, uint64_t max, const char *colour)
{
    buf_add_str(out, "<td class=\"bar\"><svg aria-hidden=\"true\">");
    (void)add_rect(out, colour, 0, num, max);
    buf_add_str(out, "</svg></td>");
}

void html_cell_stack(struct buf *out, const uint64_t count[HAPPENING_COUNT], uint64_t max)
{
    static const char *const colours[HAPPENING_COUNT] = {"issued", "denied", "revoked", "failed"};
    double x = 0;
    buf_add_str(out, "<td class=\"bar\"><svg aria-hidden=\"true\">");
    for (unsigned k = 0; k < HAPPENING_COUNT; k++) {
        x = add_rect(out, colours[k], x, count[k], max);
    }
    buf_add_str(out, "</svg></td>");
}

void html_cell_text(struct buf *out, struct slice text)
{
    buf_add_str(out, "<td>");
    html_text(out, text);
    buf_add_str(out, "</td>");
}

void html_cell_time(struct buf *out, int64_t us)
{
    buf_add_str(out, "<td class=\"t\">");
    html_time(out, us);
    buf_add_str(out, "</td>");
}

void html_more(struct buf *out, uint64_t num, const char *what)
{
    if (num > 0) {
        buf_add_str(out, "<p class=\"more\">and ");
        html_num(out, num);
        buf_printf(out, " more %s</p>\n", what);
    }
}
