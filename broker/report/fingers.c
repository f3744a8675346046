/* fingers.c - see fingers.h: SipHash, and a table with open addressing. Nothing is ever taken out. */
#include "broker/report/fingers.h"

#include "broker/base/clock.h"

#include <stdlib.h>
#include <sys/random.h>

#define ROOM_FIRST 1024U

struct finger_key finger_key_fresh(void)
{
    struct finger_key key = {{0, 0}};
    if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
        key.half[0] = (uint64_t)(uintptr_t)&key;
        key.half[1] = (uint64_t)clock_mono_us(&cb_system_clock);
    }
    return key;
}

/* ---- SipHash-2-4 (Aumasson, Bernstein 2012) ---- */

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void sip_take(struct sip *s, uint64_t block)
{
    s->v3 ^= block;
    sip_round(s);
    sip_round(s);
    s->v0 ^= block;
}

uint64_t finger(const struct finger_key *key, uint64_t before, struct slice text)
{
    struct sip s = {key->half[0] ^ 0x736f6d6570736575ULL, key->half[1] ^ 0x646f72616e646f6dULL,
                    key->half[0] ^ 0x6c7967656e657261ULL, key->half[1] ^ 0x7465646279746573ULL};
    const char *at = text.ptr;
    size_t left = text.len;
    uint64_t last = 0;
    sip_take(&s, before);
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t block = 0;
        memcpy(&block, at, 8);
        sip_take(&s, block);
    }
    if (left > 0) {
        memcpy(&last, at, left);
    }
    sip_take(&s, last | (uint64_t)(text.len + 8) << 56);
    s.v2 ^= 0xff;
    for (unsigned i = 0; i < 4; i++) {
        sip_round(&s);
    }
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* ---- the table ---- */

void finger_map_init(struct finger_map *m, size_t cap)
{
    *m = (struct finger_map){.cap = cap};
}

void finger_map_free(struct finger_map *m)
{
    free(m->keys);
    free(m->values);
    *m = (struct finger_map){.cap = m->cap};
}

/* place_of - where the key is, or would be. room is a power of two, and never full. */
static size_t place_of(const uint64_t *keys, size_t room, uint64_t key)
{
    size_t at = (size_t)key & (room - 1);
    while (keys[at] != 0 && keys[at] != key) {
        at = (at + 1) & (room - 1);
    }
    return at;
}

static bool grow(struct finger_map *m)
{
    const size_t room = m->room == 0 ? ROOM_FIRST : 2 * m->room;
    uint64_t *keys = calloc(room, sizeof(*keys));
    uint32_t *values = calloc(room, sizeof(*values));
    if (keys == NULL || values == NULL) {
        free(keys);
        free(values);
        return false;
    }
    for (size_t i = 0; i < m->room; i++) {
        if (m->keys[i] != 0) {
            const size_t at = place_of(keys, room, m->keys[i]);
            keys[at] = m->keys[i];
            values[at] = m->values[i];
        }
    }
    free(m->keys);
    free(m->values);
    m->keys = keys;
    m->values = values;
    m->room = room;
    return true;
}

static uint64_t not_zero(uint64_t key)
{
    return key == 0 ? 1 : key;
}

enum finger_put finger_put(struct finger_map *m, uint64_t key, uint32_t value, uint32_t *ret)
{
    key = not_zero(key);
    const bool has_room = m->room > 0;
    size_t at = has_room ? place_of(m->keys, m->room, key) : 0;
    if (has_room && m->keys[at] == key) {
        *ret = m->values[at];
        return FINGER_OLD;
    }
    *ret = FINGER_NONE;
    if (m->num >= m->cap) {
        return FINGER_FULL;
    }
    if (m->num + m->num / 3 >= m->room) { /* at most three quarters full */
        if (!grow(m)) {
            return FINGER_FULL;
        }
        at = place_of(m->keys, m->room, key);
    }
    m->keys[at] = key;
    m->values[at] = value;
    m->num++;
    *ret = value;
    return FINGER_NEW;
}

uint32_t finger_get(const struct finger_map *m, uint64_t key)
{
    key = not_zero(key);
    if (m->room == 0) {
        return FINGER_NONE;
    }
    const size_t at = place_of(m->keys, m->room, key);
    return m->keys[at] == key ? m->values[at] : FINGER_NONE;
}

void finger_set(struct finger_map *m, uint64_t key, uint32_t value)
{
    key = not_zero(key);
    if (m->room > 0) {
        const size_t at = place_of(m->keys, m->room, key);
        if (m->keys[at] == key) {
            m->values[at] = value;
        }
    }
}
