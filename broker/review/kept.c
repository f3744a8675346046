/* kept.c - see kept.h. Keeps lines, not decoded rows: those are several times as large. */
#include "broker/review/kept.h"

#include <stdlib.h>

#define ROOM_FIRST 64U
#define ROW_ARENA_MAX ((size_t)1 << 20)

void kept_init(struct kept *k, size_t most)
{
    *k = (struct kept){.most = most};
}

void kept_free(struct kept *k)
{
    for (size_t i = 0; i < k->num; i++) {
        free(k->rows[(k->first + i) % k->room].text);
    }
    free(k->rows);
    *k = (struct kept){.most = k->most};
}

/* grow - the ring has not turned as long as it can grow. */
static bool grow(struct kept *k)
{
    size_t room = k->room == 0 ? ROOM_FIRST : 2 * k->room;
    room = room < k->most ? room : k->most;
    struct kept_row *rows = reallocarray(k->rows, room, sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    k->rows = rows;
    k->room = room;
    return true;
}

static bool copy_row(const struct review_row *row, struct kept_row *ret)
{
    size_t len = 0;
    for (size_t i = 0; i < row->num; i++) {
        len += row->records[i].line.whole.len;
    }
    ret->text = malloc(len + 1);
    ret->num = row->num;
    char *at = ret->text;
    for (size_t i = 0; at != NULL && i < row->num; i++) {
        const struct audit_line *line = &row->records[i].line;
        memcpy(at, line->whole.ptr, line->whole.len);
        ret->lines[i] = *line;
        ret->lines[i].whole.ptr = at;
        ret->lines[i].body.ptr = at + (line->body.ptr - line->whole.ptr);
        at += line->whole.len;
    }
    return ret->text != NULL;
}

bool kept_add(struct kept *k, const struct review_row *row)
{
    struct kept_row copy;
    if ((k->num == k->room && k->room < k->most && !grow(k)) || !copy_row(row, &copy)) {
        return false;
    }
    k->seen++;
    if (k->num < k->room) {
        k->rows[(k->first + k->num++) % k->room] = copy;
        return true;
    }
    free(k->rows[k->first].text);
    k->rows[k->first] = copy;
    k->first = (k->first + 1) % k->room;
    return true;
}

enum cb_code kept_each(const struct kept *k, enum kept_order order,
                       bool (*each)(void *ctx, const struct review_row *row), void *ctx,
                       struct cb_err *err)
{
    struct arena arena;
    enum cb_code code = CB_OK;
    bool more = true;
    arena_init(&arena, ROW_ARENA_MAX);
    for (size_t i = 0; i < k->num && code == CB_OK && more; i++) {
        const size_t nth = order == KEPT_OLDEST_FIRST ? i : k->num - 1 - i;
        const struct kept_row *kept = &k->rows[(k->first + nth) % k->room];
        struct review_row row;
        arena_reset(&arena);
        code =
            row_decode(&kept->lines[0], kept->num > 1 ? &kept->lines[1] : NULL, &arena, &row, err);
        more = code != CB_OK || each(ctx, &row);
    }
    arena_free(&arena);
    return code;
}
