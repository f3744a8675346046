/* peers.c - see peers.h. A chained hash table in two arrays; entries come from a free list, so
 * that a flood of addresses allocates nothing. The hash is seeded: which addresses share a chain
 * cannot be known from outside. */
#include "broker/edge/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NO_ENTRY UINT32_MAX

struct peer_entry {
    uint8_t bytes[16];
    unsigned count;
    uint32_t next; /* in the chain or in the free list */
};

struct peers {
    uint64_t seed[2];
    uint32_t *heads;
    struct peer_entry *entries;
    uint32_t num_heads; /* a power of two */
    uint32_t free_head;
};

struct peers *peers_new(unsigned room)
{
    struct peers *p = calloc(1, sizeof(*p));
    if (p == NULL || room == 0) {
        free(p);
        return NULL;
    }
    p->num_heads = 16;
    while (p->num_heads < room && p->num_heads < (1U << 24)) {
        p->num_heads *= 2;
    }
    p->heads = malloc(p->num_heads * sizeof(*p->heads));
    p->entries = calloc(room, sizeof(*p->entries));
    if (p->heads == NULL || p->entries == NULL ||
        getrandom(p->seed, sizeof(p->seed), 0) != (ssize_t)sizeof(p->seed)) {
        peers_free(p);
        return NULL;
    }
    for (uint32_t i = 0; i < p->num_heads; i++) {
        p->heads[i] = NO_ENTRY;
    }
    for (uint32_t i = 0; i < room; i++) {
        p->entries[i].next = i + 1 < room ? i + 1 : NO_ENTRY;
    }
    return p;
}

void peers_free(struct peers *p)
{
    if (p != NULL) {
        free(p->heads);
        free(p->entries);
        free(p);
    }
}

static uint32_t *chain_of(struct peers *p, const struct peer_key *key)
{
    uint64_t half[2];
    memcpy(half, key->bytes, sizeof(half));
    uint64_t h = (half[0] ^ p->seed[0]) * 0x9e3779b97f4a7c15U;
    h = (h ^ (h >> 29) ^ half[1] ^ p->seed[1]) * 0xbf58476d1ce4e5b9U;
    return &p->heads[(h >> 32) & (p->num_heads - 1)];
}

/* find - the link that points to the key's entry, or to NO_ENTRY at the chain's end. */
static uint32_t *find(struct peers *p, const struct peer_key *key)
{
    uint32_t *link = chain_of(p, key);
    while (*link != NO_ENTRY && memcmp(p->entries[*link].bytes, key->bytes, 16) != 0) {
        link = &p->entries[*link].next;
    }
    return link;
}

bool peers_add(struct peers *p, const struct peer_key *key, unsigned max)
{
    if (!key->is_counted) {
        return true;
    }
    uint32_t *link = find(p, key);
    if (*link != NO_ENTRY) {
        struct peer_entry *e = &p->entries[*link];
        if (e->count >= max) {
            return false;
        }
        e->count++;
        return true;
    }
    if (p->free_head == NO_ENTRY || max == 0) {
        return false;
    }
    const uint32_t index = p->free_head;
    struct peer_entry *e = &p->entries[index];
    p->free_head = e->next;
    memcpy(e->bytes, key->bytes, 16);
    e->count = 1;
    e->next = NO_ENTRY;
    *link = index;
    return true;
}

void peers_remove(struct peers *p, const struct peer_key *key)
{
    if (!key->is_counted) {
        return;
    }
    uint32_t *link = find(p, key);
    CB_CHECK(*link != NO_ENTRY);
    const uint32_t index = *link;
    struct peer_entry *e = &p->entries[index];
    e->count--;
    if (e->count == 0) {
        *link = e->next;
        e->next = p->free_head;
        p->free_head = index;
    }
}

static void describe_v4(const struct sockaddr_in *in, struct peer_key *ret_key, char *ret_text)
{
    char ip[INET_ADDRSTRLEN] = "";
    ret_key->is_counted = true;
    ret_key->bytes[10] = 0xff;
    ret_key->bytes[11] = 0xff;
    memcpy(ret_key->bytes + 12, &in->sin_addr, 4);
    (void)inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
    (void)snprintf(ret_text, PEER_TEXT_MAX, "%s:%u", ip, ntohs(in->sin_port));
}

static void describe_v6(const struct sockaddr_in6 *in, struct peer_key *ret_key, char *ret_text)
{
    char ip[INET6_ADDRSTRLEN] = "";
    ret_key->is_counted = true;
    /* A mapped IPv4 address counts as itself, not as one /64 for all of IPv4. */
    const size_t kept = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) ? 16 : 8;
    memcpy(ret_key->bytes, &in->sin6_addr, kept);
    (void)inet_ntop(AF_INET6, &in->sin6_addr, ip, sizeof(ip));
    (void)snprintf(ret_text, PEER_TEXT_MAX, "[%s]:%u", ip, ntohs(in->sin6_port));
}

void peer_describe(const struct sockaddr *addr, struct peer_key *ret_key,
                   char ret_text[PEER_TEXT_MAX])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    *ret_key = (struct peer_key){.is_counted = false};
    if (addr->sa_family == AF_INET) {
        memcpy(&v4, addr, sizeof(v4));
        describe_v4(&v4, ret_key, ret_text);
    } else if (addr->sa_family == AF_INET6) {
        memcpy(&v6, addr, sizeof(v6));
        describe_v6(&v6, ret_key, ret_text);
    } else {
        (void)snprintf(ret_text, PEER_TEXT_MAX, "unix");
    }
}
