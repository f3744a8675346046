/* tree.c - see tree.h. Does not look into lines, and does not check signatures. */
#include "audit/verify/tree.h"

#include <stdio.h>

void tree_begin(struct tree *t)
{
    t->good = t->m->size;
    t->next_promise = promises_from(t->promises, t->m->size);
    t->has_twin = false;
    t->is_lost = false;
    t->num_suspects = 0;
}

/* ---- tiles ---- */

static void say_tile(struct tree *t, unsigned level, uint64_t n, const char *what)
{
    struct verify_finding found = {
        .kind = VERIFY_TILE, .seq = VERIFY_NO_SEQ, .last_seq = VERIFY_NO_SEQ};
    tile_path(level, n, found.file);
    findings_add(t->findings, found, "%s", what);
    t->found++;
}

/* look_up - what the tile says about a node; NULL where there is none. */
static enum cb_code look_up(struct tree *t, unsigned level, uint64_t index,
                            const unsigned char **ret, struct cb_err *err)
{
    bool fresh = false;
    enum tile_got got = TILE_ABSENT;
    *ret = tiles_hash(t->windows, t->tiles, level, index, &fresh, &got, err);
    if (got == TILE_FAILED) {
        return err->code;
    }
    if (fresh && got == TILE_ABSENT) {
        say_tile(t, level, index / TILE_WIDTH, "is missing");
    } else if (fresh && got == TILE_DAMAGED) {
        say_tile(t, level, index / TILE_WIDTH, "is not 8192 bytes long");
    }
    return CB_OK;
}

/* check_upper - the last leaf may have completed nodes that stand in tiles of higher levels. node is
 * joined with what the tree has to the left, as appending will do once more. */
static enum cb_code check_upper(struct tree *t, const unsigned char leaf[SHA256_LEN],
                                struct cb_err *err)
{
    unsigned char node[SHA256_LEN];
    uint64_t index = t->m->size;
    memcpy(node, leaf, SHA256_LEN);
    for (unsigned level = 1; level < TILE_LEVELS && index % TILE_WIDTH == TILE_WIDTH - 1; level++) {
        const unsigned char *kept = NULL;
        for (unsigned i = 0; i < 8; i++) {
            merkle_join(t->m, t->m->node[8 * (level - 1) + i], node, node);
        }
        index /= TILE_WIDTH;
        TRY(look_up(t, level, index, &kept, err));
        if (kept != NULL && memcmp(kept, node, SHA256_LEN) != 0) {
            say_tile(t, level, index / TILE_WIDTH, "a hash in it is not that of the tiles below");
        }
    }
    return CB_OK;
}

/* ---- suspects ---- */

static void say_changed(struct tree *t, const char *what)
{
    for (size_t i = 0; i < t->num_suspects; i++) {
        const struct tree_suspect *s = &t->suspects[i];
        struct verify_finding found = {
            .kind = VERIFY_RECORD, .seq = s->seq, .last_seq = s->seq, .line = s->line};
        (void)snprintf(found.file, sizeof(found.file), "%s", t->file);
        findings_add(t->findings, found, "%s", what);
        t->found++;
    }
    t->num_suspects = 0;
}

static void say_tiles_changed(struct tree *t)
{
    for (size_t i = 0; i < t->num_suspects; i++) {
        const uint64_t seq = t->suspects[i].seq;
        struct verify_finding found = {.kind = VERIFY_TILE, .seq = seq, .last_seq = seq};
        tile_path(0, seq / TILE_WIDTH, found.file);
        findings_add(t->findings, found,
                     "its hash of record %llu was changed: the record is as a checkpoint has it",
                     (unsigned long long)seq);
        t->found++;
    }
    t->num_suspects = 0;
}

static void suspect(struct tree *t, uint64_t line)
{
    if (!t->has_twin) {
        t->twin = *t->m;
        t->has_twin = true;
    }
    if (t->num_suspects < TREE_SUSPECTS_MAX) {
        t->suspects[t->num_suspects++] = (struct tree_suspect){t->m->size, line};
    }
}

/* ---- checkpoints ---- */

static bool has_root(struct merkle *m, const unsigned char root[SHA256_LEN])
{
    unsigned char computed[SHA256_LEN];
    merkle_root(m, computed);
    return memcmp(computed, root, SHA256_LEN) == 0;
}

/* decide - a checkpoint about the records read so far. One that agrees with neither tree decides
 * nothing: it may itself be what was changed. */
static void decide(struct tree *t, struct promise *promise)
{
    if (has_root(t->m, promise->root)) {
        promise->state = PROMISE_MATCHES;
        say_tiles_changed(t);
    } else if (t->has_twin && has_root(&t->twin, promise->root)) {
        promise->state = PROMISE_MATCHES;
        say_changed(t, "was changed: its hash is not the one that was signed");
        memcpy(t->m->node, t->twin.node, sizeof(t->m->node));
    } else {
        promise->state = PROMISE_DIFFERS;
        return;
    }
    t->has_twin = false;
    t->good = t->m->size;
}

static void check_promises(struct tree *t)
{
    struct promises *c = t->promises;
    for (; t->next_promise < c->num && c->list[t->next_promise].size <= t->m->size;
         t->next_promise++) {
        struct promise *promise = &c->list[t->next_promise];
        if (!t->is_lost && promise->size == t->m->size) {
            decide(t, promise);
        }
    }
}

static void add(struct tree *t, const unsigned char leaf[SHA256_LEN], const unsigned char *kept)
{
    if (t->has_twin) {
        merkle_append_leaf(&t->twin, kept != NULL ? kept : leaf);
    }
    merkle_append_leaf(t->m, leaf);
    check_promises(t);
}

enum cb_code tree_leaf(struct tree *t, const unsigned char leaf[SHA256_LEN], uint64_t line,
                       struct cb_err *err)
{
    const unsigned char *kept = NULL;
    TRY(look_up(t, 0, t->m->size, &kept, err));
    if (kept != NULL && memcmp(kept, leaf, SHA256_LEN) != 0) {
        suspect(t, line);
    }
    if (!t->has_twin && !t->is_lost) {
        TRY(check_upper(t, leaf, err));
    }
    add(t, leaf, kept);
    return CB_OK;
}

enum cb_code tree_gap(struct tree *t, struct cb_err *err)
{
    static const unsigned char nothing[SHA256_LEN];
    const unsigned char *kept = NULL;
    TRY(look_up(t, 0, t->m->size, &kept, err));
    t->is_lost = t->is_lost || kept == NULL;
    add(t, kept != NULL ? kept : nothing, kept);
    return CB_OK;
}

enum cb_code tree_gaps(struct tree *t, uint64_t seq, struct cb_err *err)
{
    while (t->m->size < seq && !t->is_lost) {
        TRY(tree_gap(t, err));
    }
    if (t->m->size < seq) { /* no root is computed any more: only the place counts */
        t->m->size = seq;
        t->twin.size = seq;
        check_promises(t);
    }
    return CB_OK;
}

enum cb_code tree_kept(struct tree *t, struct cb_err *err)
{
    const unsigned char *kept = NULL;
    TRY(look_up(t, 0, t->m->size, &kept, err));
    if (kept == NULL) {
        return tree_gap(t, err);
    }
    if (!t->is_lost) {
        TRY(check_upper(t, kept, err));
    }
    add(t, kept, kept);
    return CB_OK;
}

void tree_end(struct tree *t)
{
    say_changed(t, "was changed: its hash is not the one in its tile");
}
