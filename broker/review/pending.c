/* pending.c - see pending.h. */
#include "broker/review/pending.h"

#include <stdlib.h>

#define ROOM_FIRST 256U
#define ROOM_MAX ((size_t)1 << 24)

static struct pending_item *at(const struct pending *p, size_t i)
{
    return &p->items[(p->first + i) % p->room];
}

void pending_free(struct pending *p)
{
    for (size_t i = 0; i < p->num; i++) {
        free(at(p, i)->text);
    }
    free(p->items);
    *p = (struct pending){0};
}

/* close_up - the free places at both ends are no part of it. */
static void close_up(struct pending *p)
{
    while (p->num > 0 && at(p, 0)->text == NULL) {
        p->first = (p->first + 1) % p->room;
        p->num--;
    }
    while (p->num > 0 && at(p, p->num - 1)->text == NULL) {
        p->num--;
    }
}

/* squeeze - into an array of so many places, without the free ones. */
static bool squeeze(struct pending *p, size_t room)
{
    struct pending_item *items = calloc(room, sizeof(*items));
    size_t num = 0;
    if (items == NULL) {
        return false;
    }
    for (size_t i = 0; i < p->num; i++) {
        if (at(p, i)->text != NULL) {
            items[num++] = *at(p, i);
        }
    }
    free(p->items);
    p->items = items;
    p->room = room;
    p->first = 0;
    p->num = num;
    return true;
}

static bool make_room(struct pending *p)
{
    size_t used = 0;
    if (p->num < p->room) {
        return true;
    }
    for (size_t i = 0; i < p->num; i++) {
        used += at(p, i)->text != NULL ? 1 : 0;
    }
    if (used >= ROOM_MAX / 2) {
        return false;
    }
    return squeeze(p, used < p->room / 2 ? p->room : p->room == 0 ? ROOM_FIRST : 2 * p->room);
}

static void drop_oldest_spare(struct pending *p)
{
    for (size_t i = 0; i < p->num; i++) {
        struct pending_item *item = at(p, i);
        if (item->text != NULL && !item->is_awaited) {
            free(item->text);
            item->text = NULL;
            p->num_spare--;
            break;
        }
    }
    close_up(p);
}

bool pending_add(struct pending *p, const struct audit_line *line, bool is_awaited)
{
    if (!is_awaited && p->num_spare >= PENDING_SPARE) {
        drop_oldest_spare(p);
    }
    char *text = malloc(line->whole.len + 1);
    if (text == NULL || !make_room(p)) {
        free(text);
        return false;
    }
    memcpy(text, line->whole.ptr, line->whole.len);
    struct pending_item item = {.line = *line, .text = text, .is_awaited = is_awaited};
    item.line.whole.ptr = text;
    item.line.body.ptr = text + (line->body.ptr - line->whole.ptr);
    p->num++;
    *at(p, p->num - 1) = item;
    p->num_spare += is_awaited ? 0 : 1;
    return true;
}

struct pending_item pending_take(struct pending *p, uint64_t seq)
{
    size_t low = 0;
    size_t high = p->num;
    while (low < high) { /* free places keep their number, so the order holds */
        const size_t middle = low + (high - low) / 2;
        if (at(p, middle)->line.seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    struct pending_item none = {.text = NULL};
    if (low == p->num || at(p, low)->line.seq != seq || at(p, low)->text == NULL) {
        return none;
    }
    const struct pending_item found = *at(p, low);
    at(p, low)->text = NULL;
    p->num_spare -= found.is_awaited ? 0 : 1;
    close_up(p);
    return found;
}

struct pending_item pending_pop(struct pending *p)
{
    struct pending_item item = {.text = NULL};
    while (p->num > 0) {
        item = pending_take(p, at(p, 0)->line.seq);
        if (item.is_awaited) {
            return item;
        }
        free(item.text);
        item.text = NULL;
    }
    return item;
}
