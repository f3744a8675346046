/* arena.c - see arena.h. */
#include "broker/base/arena.h"

#include <stdlib.h>

#define BLOCK_MIN 4096U
#define ALIGN 16U

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data */
    size_t used;
    _Alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, size_t cap)
{
    *a = (struct arena){.cap = cap};
}

void arena_init_secret(struct arena *a, size_t cap)
{
    *a = (struct arena){.cap = cap, .secret = true};
}

void arena_free(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *block = a->blocks;
        a->blocks = block->next;
        if (a->secret) {
            secret_wipe(block->data, block->used); /* the rest was never given out */
        }
        free(block);
    }
    a->used = 0;
}

/* take_largest - out of the list; NULL if that is empty. */
static struct arena_block *take_largest(struct arena *a)
{
    struct arena_block **largest = &a->blocks;
    for (struct arena_block **at = &a->blocks; *at != NULL; at = &(*at)->next) {
        largest = (*at)->size > (*largest)->size ? at : largest;
    }
    struct arena_block *block = *largest;
    if (block != NULL) {
        *largest = block->next;
    }
    return block;
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = take_largest(a);
    arena_free(a);
    if (kept == NULL) {
        return;
    }
    if (a->secret) {
        secret_wipe(kept->data, kept->used);
    }
    memset(kept->data, 0, kept->used);
    kept->used = 0;
    kept->next = NULL;
    a->blocks = kept;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t need = 0;
    if (__builtin_add_overflow(size, ALIGN - 1U, &need)) {
        return NULL;
    }
    need -= need % ALIGN;
    if (need == 0) {
        need = ALIGN;
    }
    if (a->used > a->cap || need > a->cap - a->used) {
        return NULL;
    }
    struct arena_block *block = a->blocks;
    if (block == NULL || block->size - block->used < need) {
        const size_t room = need > BLOCK_MIN ? need : BLOCK_MIN;
        block = calloc(1, sizeof(*block) + room);
        if (block == NULL) {
            return NULL;
        }
        block->size = room;
        block->next = a->blocks;
        a->blocks = block;
    }
    void *ptr = block->data + block->used;
    block->used += need;
    a->used += need;
    return ptr;
}

void *arena_array(struct arena *a, size_t num, size_t size)
{
    size_t total = 0;
    return __builtin_mul_overflow(num, size, &total) ? NULL : arena_alloc(a, total);
}

char *arena_dup(struct arena *a, struct slice s)
{
    size_t size = 0;
    if (__builtin_add_overflow(s.len, 1U, &size)) {
        return NULL;
    }
    char *copy = arena_alloc(a, size);
    if (copy != NULL && s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

struct slice arena_slice(struct arena *a, struct slice s)
{
    char *copy = arena_dup(a, s);
    return (struct slice){copy, copy == NULL ? 0 : s.len};
}
