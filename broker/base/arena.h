/* arena.h - memory that lives exactly as long as one request (or one loaded policy).
 *
 * Allocation is a pointer bump; everything goes at once. Never keep an arena pointer in anything
 * that outlives the arena. */
#ifndef CB_BASE_ARENA_H
#define CB_BASE_ARENA_H

#include "broker/base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used; /* bytes handed out in all */
    size_t cap;  /* most bytes that may be handed out */
    bool secret; /* wipe every block when it is given back */
};

void arena_init(struct arena *a, size_t cap);
void arena_init_secret(struct arena *a, size_t cap);
void arena_free(struct arena *a); /* usable again afterwards */
/* arena_reset - everything handed out is gone, but the largest block stays for what comes next: for loops
 * that would otherwise allocate and free the same few kilobytes each time. */
void arena_reset(struct arena *a);

/* arena_alloc - size zeroed bytes, 16-byte aligned; NULL past the cap or out of memory. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((warn_unused_result));
/* arena_array - num zeroed elements; NULL also when the product overflows. */
void *arena_array(struct arena *a, size_t num, size_t size) __attribute__((warn_unused_result));
/* arena_dup - a NUL-terminated copy of s (which may itself hold NUL bytes); NULL as above. */
char *arena_dup(struct arena *a, struct slice s) __attribute__((warn_unused_result));
/* arena_slice - like arena_dup, as a slice; ptr is NULL on failure. */
struct slice arena_slice(struct arena *a, struct slice s);

#endif
