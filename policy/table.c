/* table.c - see table.h. Open addressing with linear probing, at most half full. Only an admin's
 * own file is ever put in, so a caller can't choose keys that collide. */
#include "policy/table.h"

#include <stdlib.h>

#define ROOM_MIN 16U

static uint64_t load_word(const char *p, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, p, len < sizeof(word) ? len : sizeof(word));
    return word;
}

/* Eight bytes at a time, multiplied and folded; no seed needed (see above). */
static uint32_t hash_of(unsigned tag, struct slice key)
{
    uint64_t h = (14695981039346656037U ^ tag) + key.len;
    for (size_t i = 0; i < key.len; i += sizeof(uint64_t)) {
        h = (h ^ load_word(key.ptr + i, key.len - i)) * 0x9e3779b97f4a7c15U;
        h ^= h >> 32;
    }
    h *= 0x9e3779b97f4a7c15U;
    return (uint32_t)(h >> 32);
}

static bool holds(const struct table_slot *s, uint32_t hash, unsigned tag, struct slice key)
{
    return s->hash == hash && s->tag == tag && s->len == key.len &&
           (key.len == 0 || memcmp(s->key, key.ptr, key.len) == 0);
}

/* slot_for - where the key is, or the free slot where it would go. room is not 0. */
static size_t slot_for(const struct table *t, uint32_t hash, unsigned tag, struct slice key)
{
    size_t at = hash & (t->room - 1);
    while (t->slots[at].key != NULL && !holds(&t->slots[at], hash, tag, key)) {
        at = (at + 1) & (t->room - 1);
    }
    return at;
}

static bool grow(struct table *t, size_t room)
{
    struct table bigger = {.room = room, .num = t->num};
    bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
    if (bigger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < t->room; i++) {
        const struct table_slot *s = &t->slots[i];
        size_t at = s->hash & (room - 1);
        if (s->key == NULL) {
            continue;
        }
        while (bigger.slots[at].key != NULL) { /* no two are the same */
            at = (at + 1) & (room - 1);
        }
        bigger.slots[at] = *s;
    }
    free(t->slots);
    *t = bigger;
    return true;
}

bool table_reserve(struct table *t, size_t num)
{
    size_t room = t->room == 0 ? ROOM_MIN : t->room;
    while (room / 2 < num) {
        room *= 2;
    }
    return room == t->room || grow(t, room);
}

bool table_put(struct table *t, unsigned tag, struct slice key, size_t value)
{
    if (key.len > UINT32_MAX || value > UINT32_MAX || !table_reserve(t, t->num + 1)) {
        return false;
    }
    if (key.ptr == NULL) {
        key.ptr = ""; /* NULL marks a free slot */
    }
    const uint32_t hash = hash_of(tag, key);
    t->slots[slot_for(t, hash, tag, key)] =
        (struct table_slot){key.ptr, (uint32_t)key.len, hash, (uint32_t)value, tag};
    t->num++;
    return true;
}

bool table_get(const struct table *t, unsigned tag, struct slice key, size_t *ret)
{
    if (t->room == 0) {
        return false;
    }
    const struct table_slot *s = &t->slots[slot_for(t, hash_of(tag, key), tag, key)];
    if (s->key == NULL) {
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
