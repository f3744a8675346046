/* table.c - see table.h. Open addressing with linear probing, at most half full. Only an admin's
 * own file is ever put in, so a caller can't choose keys that collide. */
#include "policy/table.h"

#include <stdlib.h>

#define ROOM_MIN 16U

/* FNV-1a, folded: short keys, no seed needed (see above). */
static uint32_t hash_of(unsigned tag, struct slice key)
{
    uint64_t h = 14695981039346656037U ^ tag;
    for (size_t i = 0; i < key.len; i++) {
        h = (h ^ (unsigned char)key.ptr[i]) * 1099511628211U;
    }
    return (uint32_t)(h ^ (h >> 32));
}

/* slot_for - where the key is, or the free slot where it would go. room is not 0. */
static size_t slot_for(const struct table *t, uint32_t hash, unsigned tag, struct slice key)
{
    size_t at = hash & (t->room - 1);
    for (;;) {
        const struct table_slot *s = &t->slots[at];
        if (s->key.ptr == NULL || (s->hash == hash && s->tag == tag && slice_eq(s->key, key))) {
            return at;
        }
        at = (at + 1) & (t->room - 1);
    }
}

static bool grow(struct table *t)
{
    struct table bigger = {.room = t->room == 0 ? ROOM_MIN : t->room * 2, .num = t->num};
    bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < t->room; i++) {
        const struct table_slot *s = &t->slots[i];
        if (s->key.ptr != NULL) {
            bigger.slots[slot_for(&bigger, s->hash, s->tag, s->key)] = *s;
        }
    }
    free(t->slots);
    *t = bigger;
    return true;
}

bool table_put(struct table *t, unsigned tag, struct slice key, size_t value)
{
    if (2 * (t->num + 1) > t->room && !grow(t)) {
        return false;
    }
    if (key.ptr == NULL) {
        key.ptr = ""; /* NULL marks a free slot */
    }
    const uint32_t hash = hash_of(tag, key);
    t->slots[slot_for(t, hash, tag, key)] = (struct table_slot){key, hash, tag, value};
    t->num++;
    return true;
}

bool table_get(const struct table *t, unsigned tag, struct slice key, size_t *ret)
{
    if (t->room == 0) {
        return false;
    }
    const struct table_slot *s = &t->slots[slot_for(t, hash_of(tag, key), tag, key)];
    if (s->key.ptr == NULL) {
        return false;
    }
    *ret = s->value;
    return true;
}

void table_free(struct table *t)
{
    free(t->slots);
    *t = (struct table){0};
}
