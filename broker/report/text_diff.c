/* text_diff.c - see text_diff.h. Myers' greedy algorithm (1986) on what is left when the same beginning
 * and end are taken off, with a bound on the number of edits. */
#include "broker/report/text_diff.h"

#include <stdlib.h>

#define CONTEXT 3U
#define LINE_SHOWN_MAX 240U

struct text {
    struct slice *lines; /* owned */
    size_t num;
    bool *changed; /* owned: line i is not in the other text */
};

struct myers {
    const struct text *a, *b;
    size_t first;    /* lines that both begin with */
    size_t n, m;     /* lines in between, of each */
    int32_t **trace; /* trace[d]: how far each diagonal got with d edits; owned */
    size_t num_trace;
};

static bool split(struct slice all, struct text *ret)
{
    size_t num = 0;
    for (size_t i = 0; i < all.len; i++) {
        num += all.ptr[i] == '\n';
    }
    num += all.len > 0 && all.ptr[all.len - 1] != '\n';
    if (num > TEXT_DIFF_LINES_MAX) {
        return false;
    }
    ret->lines = calloc(num + 1, sizeof(*ret->lines));
    ret->changed = calloc(num + 1, sizeof(*ret->changed));
    if (ret->lines == NULL || ret->changed == NULL) {
        return false;
    }
    while (all.len > 0) {
        const size_t len = slice_find(all, '\n');
        ret->lines[ret->num++] = (struct slice){all.ptr, len};
        all = slice_from(all, len < all.len ? len + 1 : len);
    }
    return true;
}

static void text_free(struct text *t)
{
    free(t->lines);
    free(t->changed);
}

/* ---- the shortest way from a to b ---- */

static bool same(const struct myers *y, size_t x, size_t at)
{
    return slice_eq(y->a->lines[y->first + x], y->b->lines[y->first + at]);
}

/* reach - diagonal k with d edits, from those reached with one less. */
static int32_t reach(const struct myers *y, const int32_t *before, int32_t d, int32_t k)
{
    /* before[i] is diagonal -(d-1) + 2i */
    int32_t x = 0;
    if (d > 0) {
        const bool down = k == -d || (k != d && before[(k - 1 + d - 1) / 2] < before[(k + d) / 2]);
        x = down ? before[(k + d) / 2] : before[(k - 1 + d - 1) / 2] + 1;
    }
    while ((size_t)x < y->n && x - k >= 0 && (size_t)(x - k) < y->m &&
           same(y, (size_t)x, (size_t)(x - k))) {
        x++;
    }
    return x;
}

/* find - false: more edits than allowed, or no memory. */
static bool find(struct myers *y)
{
    for (int32_t d = 0; d <= (int32_t)TEXT_DIFF_EDITS_MAX; d++) {
        int32_t *row = calloc((size_t)d + 1, sizeof(*row));
        if (row == NULL) {
            return false;
        }
        y->trace[y->num_trace++] = row;
        for (int32_t k = -d; k <= d; k += 2) {
            const int32_t x = reach(y, d > 0 ? y->trace[d - 1] : NULL, d, k);
            row[(k + d) / 2] = x;
            if ((size_t)x >= y->n && x - k >= 0 && (size_t)(x - k) >= y->m) {
                return true;
            }
        }
    }
    return false;
}

/* go_back - from the end, which lines were taken out and put in. */
static void go_back(const struct myers *y)
{
    int32_t k = (int32_t)y->n - (int32_t)y->m;
    for (int32_t d = (int32_t)y->num_trace - 1; d > 0; d--) {
        const int32_t *before = y->trace[d - 1];
        const bool down = k == -d || (k != d && before[(k - 1 + d - 1) / 2] < before[(k + d) / 2]);
        const int32_t k_before = down ? k + 1 : k - 1;
        const int32_t x = before[(k_before + d - 1) / 2];
        if (down) {
            y->b->changed[y->first + (size_t)(x - k_before)] = true;
        } else {
            y->a->changed[y->first + (size_t)x] = true;
        }
        k = k_before;
    }
}

static void all_changed(const struct text *t, size_t first, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        t->changed[first + i] = true;
    }
}

static bool compare(const struct text *a, const struct text *b)
{
    struct myers y = {.a = a, .b = b};
    size_t last = 0;
    const size_t shorter = a->num < b->num ? a->num : b->num;
    while (y.first < shorter && slice_eq(a->lines[y.first], b->lines[y.first])) {
        y.first++;
    }
    while (last < shorter - y.first &&
           slice_eq(a->lines[a->num - 1 - last], b->lines[b->num - 1 - last])) {
        last++;
    }
    y.n = a->num - y.first - last;
    y.m = b->num - y.first - last;
    y.trace = calloc(TEXT_DIFF_EDITS_MAX + 1, sizeof(*y.trace));
    if (y.trace == NULL) {
        return false;
    }
    if (find(&y)) {
        go_back(&y);
    } else {
        all_changed(a, y.first, y.n);
        all_changed(b, y.first, y.m);
    }
    for (size_t i = 0; i < y.num_trace; i++) {
        free(y.trace[i]);
    }
    free(y.trace);
    return true;
}

/* ---- showing it ---- */

struct row {
    char sign; /* ' ', '-', '+' */
    bool shown;
    uint32_t line;
};

/* merge - both texts as one list of rows. Returns how many. */
static size_t merge(const struct text *a, const struct text *b, struct row *rows)
{
    size_t i = 0;
    size_t j = 0;
    size_t num = 0;
    while (i < a->num || j < b->num) {
        if (i < a->num && a->changed[i]) {
            rows[num++] = (struct row){'-', true, (uint32_t)i++};
        } else if (j < b->num && b->changed[j]) {
            rows[num++] = (struct row){'+', true, (uint32_t)j++};
        } else {
            rows[num++] = (struct row){' ', false, (uint32_t)i++};
            j++;
        }
    }
    return num;
}

static void show_around(struct row *rows, size_t num)
{
    size_t since = SIZE_MAX; /* rows since the last change */
    for (size_t i = 0; i < num; i++) {
        since = rows[i].sign != ' ' ? 0 : (since == SIZE_MAX ? since : since + 1);
        rows[i].shown |= since <= CONTEXT;
    }
    since = SIZE_MAX;
    for (size_t i = num; i > 0; i--) {
        since = rows[i - 1].sign != ' ' ? 0 : (since == SIZE_MAX ? since : since + 1);
        rows[i - 1].shown |= since <= CONTEXT;
    }
}

static void put_line(const struct row *row, struct slice line, struct buf *out)
{
    const bool is_cut = line.len > LINE_SHOWN_MAX;
    buf_add_char(out, row->sign);
    buf_add_slice(out, is_cut ? (struct slice){line.ptr, LINE_SHOWN_MAX} : line);
    buf_add_str(out, is_cut ? " [...]\n" : "\n");
}

static void put_rows(const struct text *a, const struct text *b, const struct row *rows, size_t num,
                     size_t max_bytes, struct buf *out, struct text_diff *ret)
{
    size_t line_a = 1;
    size_t line_b = 1;
    const size_t start = out->len;
    for (size_t i = 0; i < num; i++) {
        const struct row *row = &rows[i];
        const bool begins = row->shown && (i == 0 || !rows[i - 1].shown);
        const bool has_room = out->len - start < max_bytes;
        if (begins && has_room) {
            buf_printf(out, "@@ -%zu +%zu @@\n", line_a, line_b);
        }
        if (row->shown && has_room) {
            put_line(row, (row->sign == '+' ? b : a)->lines[row->line], out);
        }
        ret->not_shown += row->shown && !has_room;
        ret->added += row->sign == '+';
        ret->removed += row->sign == '-';
        line_a += row->sign != '+';
        line_b += row->sign != '-';
    }
}

static bool show(const struct text *a, const struct text *b, size_t max_bytes, struct buf *out,
                 struct text_diff *ret)
{
    struct row *rows = calloc(a->num + b->num + 1, sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    const size_t num = merge(a, b, rows);
    show_around(rows, num);
    put_rows(a, b, rows, num, max_bytes, out, ret);
    free(rows);
    return buf_ok(out);
}

bool text_diff(struct slice before, struct slice after, size_t max_bytes, struct buf *out,
               struct text_diff *ret)
{
    struct text a = {0};
    struct text b = {0};
    *ret = (struct text_diff){0};
    const bool good = split(before, &a) && split(after, &b) && compare(&a, &b) &&
                      show(&a, &b, max_bytes, out, ret);
    text_free(&a);
    text_free(&b);
    return good;
}
