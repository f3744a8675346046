/* tally.c - see tally.h. */
#include "broker/report/tally.h"

#include <stdlib.h>

#define ROWS_FIRST 64U
#define TEXTS_MAX (16UL << 20)

void tally_init(struct tally *t, const struct finger_key *key, size_t cap)
{
    *t = (struct tally){.key = key, .cap = cap};
    finger_map_init(&t->map, cap);
    arena_init(&t->texts, TEXTS_MAX);
}

void tally_free(struct tally *t)
{
    finger_map_free(&t->map);
    arena_free(&t->texts);
    free(t->rows);
    *t = (struct tally){0};
}

struct slice tally_keep_text(struct tally *t, struct slice text)
{
    if (text.len > TALLY_TEXT_MAX) {
        text.len = TALLY_TEXT_MAX;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0U) == 0x80U) {
            text.len--; /* not in the middle of a character */
        }
    }
    return arena_slice(&t->texts, text);
}

static bool has_room(struct tally *t)
{
    if (t->num < t->room) {
        return true;
    }
    const size_t room = t->room == 0 ? ROWS_FIRST : 2 * t->room;
    struct tally_row *rows = realloc(t->rows, room * sizeof(*rows));
    if (rows == NULL) {
        return false;
    }
    t->rows = rows;
    t->room = room;
    return true;
}

uint32_t tally_find(struct tally *t, struct slice text)
{
    uint32_t row = 0;
    const uint64_t key = finger(t->key, 0, text);
    row = finger_get(&t->map, key);
    if (row != FINGER_NONE) {
        return row;
    }
    if (t->num >= t->cap || !has_room(t)) {
        return TALLY_OTHERS;
    }
    const struct slice kept = tally_keep_text(t, text);
    if (kept.ptr == NULL || finger_put(&t->map, key, (uint32_t)t->num, &row) != FINGER_NEW) {
        return TALLY_OTHERS;
    }
    t->rows[t->num++] = (struct tally_row){.text = kept};
    return row;
}

struct tally_row *tally_at(struct tally *t, uint32_t row)
{
    if (row < t->num) {
        return &t->rows[row];
    }
    t->beyond++;
    return &t->others;
}

static void see(struct tally_row *row, int64_t us)
{
    row->first_us = row->first_us == 0 || us < row->first_us ? us : row->first_us;
    row->last_us = us > row->last_us ? us : row->last_us;
}

void tally_add(struct tally *t, struct slice text, uint64_t num, int64_t us)
{
    struct tally_row *row = tally_at(t, tally_find(t, text));
    row->total += num;
    see(row, us);
}

void tally_mark(struct tally_row *row, enum happening what, int64_t us)
{
    row->count[what]++;
    row->total++;
    see(row, us);
}

static int compare_rows(const void *a, const void *b)
{
    const struct tally_row *x = a;
    const struct tally_row *y = b;
    if (x->total != y->total) {
        return x->total < y->total ? 1 : -1;
    }
    const size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
    const int by_bytes = len == 0 ? 0 : memcmp(x->text.ptr, y->text.ptr, len);
    return by_bytes != 0 ? by_bytes : (x->text.len > y->text.len) - (x->text.len < y->text.len);
}

void tally_sort(struct tally *t)
{
    if (t->num > 1) {
        qsort(t->rows, t->num, sizeof(*t->rows), compare_rows);
    }
}

size_t tally_used(const struct tally *t)
{
    size_t num = 0;
    while (num < t->num && t->rows[num].total > 0) {
        num++;
    }
    return num;
}
