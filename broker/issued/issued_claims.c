/* issued_claims.c - see issued_claims.h: a small hash table of strings. */
#include "broker/issued/issued_claims.h"

#include <stdlib.h>

struct claim {
    struct claim *next;
    size_t client_len, key_len;
    char text[]; /* client, then key */
};

static uint64_t hash_more(uint64_t hash, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (unsigned char)s.ptr[i]) * 0x100000001b3U; /* FNV-1a */
    }
    return (hash ^ 0xffU) * 0x100000001b3U; /* so that "a"+"bc" is not "ab"+"c" */
}

/* slot_of - where the claim is linked from, or where it would be. A client can aim its own keys at
 * one bucket, but it has only so many requests under way. */
static struct claim **slot_of(struct claims *c, struct slice client, struct slice key)
{
    const uint64_t hash = hash_more(hash_more(0xcbf29ce484222325U, client), key);
    struct claim **slot = &c->buckets[(hash ^ (hash >> 32)) % CLAIM_BUCKETS];
    while (*slot != NULL) {
        const struct claim *claim = *slot;
        const struct slice its_client = {claim->text, claim->client_len};
        const struct slice its_key = {claim->text + claim->client_len, claim->key_len};
        if (slice_eq(client, its_client) && slice_eq(key, its_key)) {
            break;
        }
        slot = &(*slot)->next;
    }
    return slot;
}

enum claim_result claims_take(struct claims *c, struct slice client, struct slice key)
{
    struct claim **slot = slot_of(c, client, key);
    if (*slot != NULL) {
        return CLAIM_HELD;
    }
    if (c->num == CLAIMS_MAX) {
        return CLAIM_FAILED;
    }
    struct claim *claim = malloc(sizeof(*claim) + client.len + key.len);
    if (claim == NULL) {
        return CLAIM_FAILED;
    }
    *claim = (struct claim){.client_len = client.len, .key_len = key.len};
    if (client.len > 0) {
        memcpy(claim->text, client.ptr, client.len);
    }
    if (key.len > 0) {
        memcpy(claim->text + client.len, key.ptr, key.len);
    }
    *slot = claim;
    c->num++;
    return CLAIM_TAKEN;
}

void claims_release(struct claims *c, struct slice client, struct slice key)
{
    struct claim **slot = slot_of(c, client, key);
    struct claim *claim = *slot;
    if (claim != NULL) {
        *slot = claim->next;
        free(claim);
        c->num--;
    }
}

void claims_free(struct claims *c)
{
    for (size_t i = 0; i < CLAIM_BUCKETS; i++) {
        while (c->buckets[i] != NULL) {
            struct claim *claim = c->buckets[i];
            c->buckets[i] = claim->next;
            free(claim);
        }
    }
    c->num = 0;
}
