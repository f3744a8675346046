/* open_set.c - a sorted array: attempts come in order and seldom live long. */
#include "audit/open_set.h"

#include <stdlib.h>

size_t open_set_room(uint64_t next_seq)
{
    size_t digits = 1;
    for (; next_seq >= 10; next_seq /= 10) {
        digits++;
    }
    const size_t fit = OPEN_SET_TEXT_MAX / (digits + 1);
    return fit < OPEN_SET_MAX ? fit : OPEN_SET_MAX;
}

bool open_set_add(struct open_set *set, uint64_t seq, enum audit_type type, struct slice req)
{
    if (set->num == OPEN_SET_MAX) {
        return false;
    }
    struct open_item *item = &set->items[set->num++];
    *item = (struct open_item){.attempt = {.seq = seq, .type = type}};
    if (req.len < sizeof(item->attempt.req)) {
        memcpy(item->attempt.req, req.ptr == NULL ? "" : req.ptr, req.len);
    }
    return true;
}

bool open_set_insert(struct open_set *set, uint64_t seq, enum audit_type type)
{
    size_t at = set->num;
    while (at > 0 && set->items[at - 1].attempt.seq >= seq) {
        at--;
    }
    if (set->num == OPEN_SET_MAX || (at < set->num && set->items[at].attempt.seq == seq)) {
        return false;
    }
    memmove(&set->items[at + 1], &set->items[at], (set->num - at) * sizeof(set->items[0]));
    set->items[at] = (struct open_item){.attempt = {.seq = seq, .type = type}};
    set->num++;
    return true;
}

static int compare_seq(const void *key, const void *element)
{
    const struct open_item *item = element;
    uint64_t seq = 0;
    memcpy(&seq, key, sizeof(seq));
    return (seq > item->attempt.seq) - (seq < item->attempt.seq);
}

struct open_item *open_set_find(struct open_set *set, uint64_t seq)
{
    return set->num == 0 ? NULL
                         : bsearch(&seq, set->items, set->num, sizeof(set->items[0]), compare_seq);
}

bool open_set_remove(struct open_set *set, uint64_t seq)
{
    struct open_item *item = open_set_find(set, seq);
    if (item == NULL) {
        return false;
    }
    const size_t after = set->num - 1 - (size_t)(item - set->items);
    memmove(item, item + 1, after * sizeof(*item));
    set->num--;
    return true;
}
