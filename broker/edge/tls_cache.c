/* tls_cache.c - verdicts on client certificate chains, so that a client that comes again costs one
 * hash instead of a chain of signature checks.
 *
 * An entry is made only after a full verification, is bound to every byte that was presented, ends
 * with the earliest end in the chain, and dies with its generation (a new client CA or CRL is a
 * new generation). The handshake still proves each time that the peer holds the key. Bounded:
 * sets of a few ways, the oldest of a set makes room. */
#include "broker/edge/tls_internal.h"

#include <stdlib.h>

void tls_peer_unref(struct tls_peer *p)
{
    if (p == NULL || --p->num_refs > 0) {
        return;
    }
    arena_free(&p->memory);
    free(p);
}

static struct tls_peer **set_of(struct tls_cache *cache, const unsigned char *key)
{
    return cache->slots[key[0] % TLS_CACHE_SETS];
}

static void move_to_front(struct tls_peer **set, size_t i)
{
    struct tls_peer *p = set[i];
    for (; i > 0; i--) {
        set[i] = set[i - 1];
    }
    set[0] = p;
}

struct tls_peer *tls_cache_find(struct tls_cache *cache, const unsigned char key[SHA256_LEN],
                                int64_t now_s)
{
    struct tls_peer **set = set_of(cache, key);
    for (size_t i = 0; i < TLS_CACHE_WAYS && set[i] != NULL; i++) {
        struct tls_peer *p = set[i];
        if (memcmp(p->key, key, SHA256_LEN) != 0) {
            continue;
        }
        if (now_s < p->not_before_s || now_s > p->not_after_s) {
            break; /* the full verification finds the right words for it */
        }
        move_to_front(set, i);
        cache->num_hits++;
        return p;
    }
    cache->num_misses++;
    return NULL;
}

void tls_cache_add(struct tls_cache *cache, struct tls_peer *p)
{
    struct tls_peer **set = set_of(cache, p->key);
    tls_peer_unref(set[TLS_CACHE_WAYS - 1]);
    set[TLS_CACHE_WAYS - 1] = p;
    p->num_refs++;
    move_to_front(set, TLS_CACHE_WAYS - 1);
}

void tls_cache_free(struct tls_cache *cache)
{
    for (size_t i = 0; i < TLS_CACHE_SETS; i++) {
        for (size_t k = 0; k < TLS_CACHE_WAYS; k++) {
            tls_peer_unref(cache->slots[i][k]);
            cache->slots[i][k] = NULL;
        }
    }
}
