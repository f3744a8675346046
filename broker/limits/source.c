/* source.c - see source.h. Entries are in the order in which they began, which is the order in which
 * they end; one mutex, since a look into a table is nothing beside a failed handshake. */
#include "broker/limits/source.h"

#include "broker/base/err.h"

#include <arpa/inet.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define WINDOW_US ((int64_t)10 * 1000000)

struct source {
    TAILQ_ENTRY(source) age;
    struct source *next; /* of the same slot */
    size_t slot;
    int64_t began_us;
    struct source_count count;
};
TAILQ_HEAD(source_list, source);

struct sources {
    pthread_mutex_t lock;
    uint64_t seed; /* so that nobody can choose addresses that meet in one slot */
    struct source_list by_age, free;
    struct source *slots[SOURCES_MAX];
    struct source pool[SOURCES_MAX];
    struct source_count lost;
};

struct sources *sources_new(void)
{
    struct sources *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    CB_CHECK(RAND_bytes((unsigned char *)&s->seed, sizeof(s->seed)) == 1);
    CB_CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
    TAILQ_INIT(&s->by_age);
    TAILQ_INIT(&s->free);
    for (size_t i = 0; i < SOURCES_MAX; i++) {
        TAILQ_INSERT_TAIL(&s->free, &s->pool[i], age);
    }
    return s;
}

void sources_free(struct sources *s)
{
    if (s != NULL) {
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
    }
}

/* ---- addresses ---- */

/* write_v6 - the network of a /64; an IPv4 address in its IPv6 form is that address. */
static void write_v6(const struct in6_addr *address, char out[SOURCE_PEER_MAX])
{
    struct in6_addr network = *address;
    char text[INET6_ADDRSTRLEN];
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        (void)inet_ntop(AF_INET, &address->s6_addr[12], text, sizeof(text));
        (void)snprintf(out, SOURCE_PEER_MAX, "%s", text);
        return;
    }
    memset(&network.s6_addr[8], 0, 8);
    (void)inet_ntop(AF_INET6, &network, text, sizeof(text));
    (void)snprintf(out, SOURCE_PEER_MAX, "%s/64", text);
}

/* write_network - peer without its port, and what one host may choose freely of its address. */
static void write_network(struct slice peer, char out[SOURCE_PEER_MAX])
{
    char text[INET6_ADDRSTRLEN + 1] = "";
    struct in6_addr v6;
    size_t len = peer.len;
    while (len > 0 && peer.ptr[len - 1] != ':') {
        len--;
    }
    const bool has_brackets = len >= 3 && peer.ptr[0] == '[' && peer.ptr[len - 2] == ']';
    const size_t from = has_brackets ? 1 : 0;
    const size_t to = has_brackets ? len - 2 : (len > 0 ? len - 1 : peer.len);
    if (to - from < sizeof(text)) {
        memcpy(text, peer.ptr + from, to - from);
    }
    if (has_brackets && inet_pton(AF_INET6, text, &v6) == 1) {
        write_v6(&v6, out);
    } else {
        (void)snprintf(out, SOURCE_PEER_MAX, "%s", text);
    }
}

static void copy_word(struct slice word, char out[SOURCE_WORD_MAX + 1])
{
    const size_t len = word.len < SOURCE_WORD_MAX ? word.len : SOURCE_WORD_MAX;
    memcpy(out, word.ptr == NULL ? "" : word.ptr, len);
    out[len] = '\0';
}

/* ---- the table; all with the lock held ---- */

static bool is_same(const struct source_count *a, const struct source_count *b)
{
    return a->kind == b->kind && strcmp(a->peer, b->peer) == 0 && strcmp(a->via, b->via) == 0 &&
           strcmp(a->reason, b->reason) == 0;
}

static uint64_t hash_more(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3U;
        hash ^= hash >> 29;
    }
    return (hash ^ 0x1ffU) * 0x9e3779b97f4a7c15U;
}

static size_t slot_of(const struct sources *s, const struct source_count *c)
{
    const uint64_t hash =
        hash_more(hash_more(hash_more(s->seed + c->kind, c->peer), c->via), c->reason);
    return (size_t)((hash ^ (hash >> 32)) % SOURCES_MAX);
}

static void forget(struct sources *s, struct source *source)
{
    struct source **at = &s->slots[source->slot];
    while (*at != source) {
        at = &(*at)->next;
    }
    *at = source->next;
    TAILQ_REMOVE(&s->by_age, source, age);
    TAILQ_INSERT_HEAD(&s->free, source, age);
}

/* expire - of those that are over, the ones with nothing to tell. */
static void expire(struct sources *s, int64_t mono_us)
{
    struct source *source = TAILQ_FIRST(&s->by_age);
    while (source != NULL && mono_us - source->began_us >= WINDOW_US) {
        struct source *next = TAILQ_NEXT(source, age);
        if (source->count.num == 0) {
            forget(s, source);
        }
        source = next;
    }
}

static void count_one(struct source_count *c, int64_t mono_us)
{
    if (c->num == 0) {
        c->first_us = mono_us;
    }
    c->num++;
    c->last_us = mono_us;
}

static void add(struct sources *s, size_t slot, const struct source_count *c, int64_t mono_us)
{
    struct source *source = TAILQ_FIRST(&s->free);
    TAILQ_REMOVE(&s->free, source, age);
    *source = (struct source){.slot = slot, .began_us = mono_us, .count = *c};
    source->next = s->slots[slot];
    s->slots[slot] = source;
    TAILQ_INSERT_TAIL(&s->by_age, source, age);
}

static bool take(struct sources *s, const struct source_count *c, int64_t mono_us)
{
    const size_t slot = slot_of(s, c);
    expire(s, mono_us);
    for (struct source *source = s->slots[slot]; source != NULL; source = source->next) {
        if (is_same(&source->count, c)) {
            count_one(&source->count, mono_us);
            return false;
        }
    }
    if (TAILQ_EMPTY(&s->free)) {
        s->lost.kind = c->kind;
        count_one(&s->lost, mono_us);
        return false;
    }
    add(s, slot, c, mono_us);
    return true;
}

bool sources_take(struct sources *s, const struct source_key *key, int64_t mono_us)
{
    struct source_count c = {.kind = key->kind};
    write_network(key->peer, c.peer);
    copy_word(key->via, c.via);
    copy_word(key->reason, c.reason);
    CB_CHECK(pthread_mutex_lock(&s->lock) == 0);
    const bool is_first = take(s, &c, mono_us);
    CB_CHECK(pthread_mutex_unlock(&s->lock) == 0);
    return is_first;
}

static bool next_count(struct sources *s, int64_t mono_us, struct source_count *ret)
{
    if (s->lost.num > 0) {
        *ret = s->lost;
        s->lost = (struct source_count){.num = 0};
        return true;
    }
    expire(s, mono_us);
    struct source *source = TAILQ_FIRST(&s->by_age);
    if (source == NULL || mono_us - source->began_us < WINDOW_US) {
        return false;
    }
    *ret = source->count;
    forget(s, source);
    return true;
}

bool sources_next_count(struct sources *s, int64_t mono_us, struct source_count *ret)
{
    CB_CHECK(pthread_mutex_lock(&s->lock) == 0);
    const bool found = next_count(s, mono_us, ret);
    CB_CHECK(pthread_mutex_unlock(&s->lock) == 0);
    return found;
}
