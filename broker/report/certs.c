/* certs.c - see certs.h. */
#include "broker/report/certs.h"

#include <stdlib.h>

#define ROOM_FIRST 1024U
#define NAMES_MAX (64UL << 20)
#define DAY_S 86400

/* States of a certificate. */
#define ALIVE 0U
#define ALIVE_WITH_NEWER 1U
#define REVOKED 2U

void certs_init(struct certs *c, const struct finger_key *key, int64_t now_s)
{
    *c = (struct certs){.key = key, .now_s = now_s};
    finger_map_init(&c->by_serial, CERTS_MAX);
    arena_init(&c->names, NAMES_MAX);
}

void certs_free(struct certs *c)
{
    finger_map_free(&c->by_serial);
    arena_free(&c->names);
    free(c->items);
    *c = (struct certs){0};
}

static bool has_room(struct certs *c)
{
    if (c->num < c->room) {
        return true;
    }
    const size_t room = c->room == 0 ? ROOM_FIRST : 2 * c->room;
    struct cert *items =
        room > (size_t)2 * CERTS_MAX ? NULL : realloc(c->items, room * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    c->items = items;
    c->room = room;
    return true;
}

void certs_add(struct certs *c, struct slice serial, struct slice name, const struct cert *cert)
{
    uint32_t at = 0;
    if (cert->not_after_s <= c->now_s) {
        return;
    }
    if (!has_room(c)) {
        c->beyond++;
        return;
    }
    const enum finger_put put =
        finger_put(&c->by_serial, finger(c->key, 0, serial), (uint32_t)c->num, &at);
    if (put != FINGER_NEW) {
        c->beyond += put == FINGER_FULL;
        return;
    }
    struct cert *new = &c->items[c->num++];
    *new = *cert;
    name.len = name.len > CERTS_NAME_MAX ? CERTS_NAME_MAX : name.len;
    new->name = name.ptr == NULL ? name : arena_slice(&c->names, name);
    new->state = ALIVE;
    new->serial[0] = '\0';
    if (serial.len < sizeof(new->serial)) {
        memcpy(new->serial, serial.ptr, serial.len);
        new->serial[serial.len] = '\0';
    }
}

void certs_revoke(struct certs *c, struct slice serial)
{
    const uint32_t at = finger_get(&c->by_serial, finger(c->key, 0, serial));
    if (at != FINGER_NONE) {
        c->items[at].state = REVOKED;
    }
}

const struct cert *certs_find(const struct certs *c, struct slice serial)
{
    const uint32_t at = finger_get(&c->by_serial, finger(c->key, 0, serial));
    return at == FINGER_NONE ? NULL : &c->items[at];
}

bool certs_has_newer(const struct cert *cert)
{
    return cert->state == ALIVE_WITH_NEWER;
}

static void count(struct certs *c, const struct cert *cert)
{
    const int64_t days = (cert->not_after_s - c->now_s) / DAY_S;
    const bool is_gap = !certs_has_newer(cert);
    c->alive++;
    c->due_7 += days < 7;
    c->gap_7 += days < 7 && is_gap;
    if (days < CERTS_DAYS) {
        c->due_30++;
        c->by_day[days]++;
        c->gap_by_day[days] += is_gap;
    } else if (days < 90) {
        c->due_90++;
    } else if (days < 365) {
        c->due_365++;
    } else {
        c->due_later++;
    }
}

static int compare(const void *a, const void *b)
{
    const struct cert *x = a;
    const struct cert *y = b;
    if (x->not_after_s != y->not_after_s) {
        return x->not_after_s < y->not_after_s ? -1 : 1;
    }
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* mark_replaced - from the last to end to the first: whose holder was met before has a newer one. */
static void mark_replaced(struct certs *c)
{
    struct finger_map holders;
    uint32_t unused = 0;
    finger_map_init(&holders, CERTS_MAX);
    for (size_t i = c->num; i > 0; i--) {
        if (finger_put(&holders, c->items[i - 1].holder, 0, &unused) == FINGER_OLD) {
            c->items[i - 1].state = ALIVE_WITH_NEWER;
        }
    }
    finger_map_free(&holders);
}

void certs_finish(struct certs *c)
{
    size_t kept = 0;
    finger_map_free(&c->by_serial); /* places change now */
    for (size_t i = 0; i < c->num; i++) {
        if (c->items[i].state == ALIVE) {
            c->items[kept++] = c->items[i];
        }
    }
    c->num = kept;
    if (c->num > 1) {
        qsort(c->items, c->num, sizeof(*c->items), compare);
    }
    mark_replaced(c);
    for (size_t i = 0; i < c->num; i++) {
        count(c, &c->items[i]);
    }
}
