/* svg.c - bars over time. Widths are percentages and heights pixels, so a chart is as wide as its place
 * while its text keeps its size; whole numbers on the axis; each bar says what it is. */
#include "broker/base/clock.h"
#include "broker/report/html.h"

#define TOP 16.0     /* the highest grid line, in pixels from above */
#define BOTTOM 116.0 /* the axis */
#define HEIGHT 136
#define DAY_US INT64_C(86400000000)

/* nice_top - the next of 1, 2, 3, 4, 5, 6, 8 and 10 times a power of ten. */
static uint64_t nice_top(uint64_t max)
{
    static const uint64_t steps[] = {1, 2, 3, 4, 5, 6, 8, 10};
    uint64_t power = 1;
    while (max / power >= 10) {
        power *= 10;
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i] * power >= max) {
            return steps[i] * power;
        }
    }
    return max;
}

static void grid_line(uint64_t value, uint64_t top, struct buf *out)
{
    const double y = BOTTOM - (BOTTOM - TOP) * (double)value / (double)top;
    buf_printf(out, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", y, y);
}

static void grid_number(uint64_t value, uint64_t top, struct buf *out)
{
    const double y = BOTTOM - (BOTTOM - TOP) * (double)value / (double)top;
    buf_printf(out, "<text class=\"halo\" x=\"0\" y=\"%.1f\">", y - 4);
    html_num(out, value);
    buf_add_str(out, "</text>");
}

/* add_when - a moment as short as the buckets allow. */
static void add_when(int64_t us, int64_t bucket_us, struct buf *out)
{
    char text[21];
    time_format_s(us / 1000000, text);
    text[10] = ' ';
    buf_add(out, text, bucket_us < DAY_US ? 16 : 10);
}

static void one_rect(const struct svg_bars *b, size_t i, double height, const char *class,
                     struct buf *out)
{
    const double step = 100.0 / (double)b->num;
    const double gap = b->num > 60 ? 0.12 : 0.2;
    buf_printf(out, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%.1f\" height=\"%.1f\"/>",
               class, step * ((double)i + gap / 2), step * (1 - gap), BOTTOM - height, height);
}

static double height_of(uint64_t count, uint64_t top)
{
    const double height = (BOTTOM - TOP) * (double)count / (double)top;
    return count > 0 && height < 1.5 ? 1.5 : height;
}

static void bar(const struct svg_bars *b, size_t i, uint64_t top, struct buf *out)
{
    const int64_t at = b->start_us + (int64_t)i * b->bucket_us;
    buf_add_str(out, "<g><title>");
    add_when(at, b->bucket_us, out);
    buf_add_str(out, ": ");
    html_num(out, b->counts[i]);
    buf_printf(out, " %s", b->unit);
    if (b->parts != NULL) {
        buf_add_str(out, ", ");
        html_num(out, b->parts[i]);
        buf_printf(out, " %s", b->parts_unit);
    }
    buf_add_str(out, "</title>");
    one_rect(b, i, height_of(b->counts[i], top), b->parts == NULL ? "b" : "b faint", out);
    if (b->parts != NULL && b->parts[i] > 0) {
        one_rect(b, i, height_of(b->parts[i], top), "b", out);
    }
    buf_add_str(out, "</g>\n");
}

static void axis(const struct svg_bars *b, struct buf *out)
{
    static const struct {
        const char *x, *anchor;
    } places[] = {{"0", "start"}, {"50%", "middle"}, {"100%", "end"}};
    const int64_t length = (int64_t)b->num * b->bucket_us;
    buf_printf(out, "<line class=\"axis\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", BOTTOM,
               BOTTOM);
    for (int64_t i = 0; i < 3; i++) {
        const int64_t half = length / 2 - length / 2 % b->bucket_us;
        const int64_t at = i == 0 ? 0 : (i == 1 ? half : length);
        if (i == 1 && b->num < 4) {
            continue;
        }
        buf_printf(out, "<text x=\"%s\" y=\"%d\" text-anchor=\"%s\">", places[i].x, HEIGHT - 4,
                   places[i].anchor);
        add_when(b->start_us + at, b->bucket_us, out);
        buf_add_str(out, "</text>");
    }
}

void svg_bars(const struct svg_bars *b, struct buf *out)
{
    uint64_t max = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < b->num; i++) {
        max = b->counts[i] > max ? b->counts[i] : max;
        sum += b->counts[i];
    }
    if (max == 0) {
        buf_add_str(out, "<p class=\"none\">none</p>\n");
        return;
    }
    const uint64_t top = nice_top(max);
    buf_printf(out, "<svg class=\"chart %s\" height=\"%d\" role=\"img\"><title>%s: ", b->colour,
               HEIGHT, b->title);
    html_num(out, sum);
    buf_add_str(out, " in all, at most ");
    html_num(out, max);
    buf_add_str(out, " at a time</title>\n");
    grid_line(top, top, out);
    if (top % 2 == 0) {
        grid_line(top / 2, top, out);
    }
    for (size_t i = 0; i < b->num; i++) {
        if (b->counts[i] > 0) {
            bar(b, i, top, out);
        }
    }
    grid_number(top, top, out);
    if (top % 2 == 0) {
        grid_number(top / 2, top, out);
    }
    axis(b, out);
    buf_add_str(out, "</svg>\n");
}
