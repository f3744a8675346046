/* helpers.h - a witness in a directory of its own, and logs that exist as trees in memory only. Each
 * test program includes it once, after cmocka. */
#ifndef TESTS_UNIT_WITNESS_HELPERS_H
#define TESTS_UNIT_WITNESS_HELPERS_H

#include "audit/seal/keyfile.h"
#include "audit/tlog/proof.h"
#include "broker/witness/witness_core.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define ORIGIN "test/log"
#define NAME "witness.test/w1"
#define NOW_S 1790000000U

UNUSED static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* ---- a log: record i is "fork/i" from the fork on and "i" before it ---- */

struct tree {
    struct merkle m;
    uint64_t fork_at; /* UINT64_MAX: no fork */
    const char *fork;
};

UNUSED static void leaf_of(struct tree *t, uint64_t i, unsigned char ret[SHA256_LEN])
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%s%llu", i >= t->fork_at ? t->fork : "",
                   (unsigned long long)i);
    merkle_leaf(&t->m, slice_of(text), ret);
}

UNUSED static enum cb_code read_node(void *ctx, unsigned level, uint64_t index,
                                     unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    struct tree *t = ctx;
    struct merkle m;
    unsigned char leaf[SHA256_LEN];
    TRY(merkle_init(&m, err));
    for (uint64_t i = 0; i < (uint64_t)1 << level; i++) {
        leaf_of(t, (index << level) + i, leaf);
        merkle_append_leaf(&m, leaf);
    }
    merkle_root(&m, ret);
    merkle_free(&m);
    return CB_OK;
}

UNUSED static void root_of(struct tree *t, uint64_t size, unsigned char ret[SHA256_LEN])
{
    struct hash_source source = {read_node, t};
    struct cb_err err;
    assert_int_equal(proof_root(&source, &t->m, size, ret, &err), CB_OK);
}

/* ---- a world ---- */

struct world {
    char dir[64];
    struct witness w;
    struct note_signer *log;
    struct tree tree;
    struct witness_log known; /* the log as it is configured */
};

UNUSED static void witness_make(struct world *world)
{
    struct note_signer *signer = NULL;
    struct cb_err err;
    char path[WITNESS_KEY_PATH_MAX];
    (void)mkdir(".build", 0755);
    (void)snprintf(world->dir, sizeof(world->dir), ".build/test-witness-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    assert_int_equal(store_create(&audit_system_io, world->dir, &err), CB_OK);
    assert_int_equal(witness_key_path(world->dir, path, &err), CB_OK);
    assert_int_equal(keyfile_create(path, slice_of(NAME), NOTE_WITNESS, &signer, &err), CB_OK);
    note_signer_free(signer);
}

UNUSED static void world_start(struct world *world, const struct audit_io *io)
{
    struct cb_err err;
    *world = (struct world){.tree = {.fork_at = UINT64_MAX, .fork = "x"}};
    witness_make(world);
    assert_int_equal(merkle_init(&world->tree.m, &err), CB_OK);
    assert_int_equal(note_signer_new(slice_of(ORIGIN), NOTE_LOG, &world->log, &err), CB_OK);
    (void)snprintf(world->known.origin, sizeof(world->known.origin), ORIGIN);
    world->known.keys[0] = *note_signer_key(world->log);
    world->known.num_keys = 1;
    assert_int_equal(witness_open(io, world->dir, &world->w, &err), CB_OK);
    assert_int_equal(witness_set_logs(&world->w, &world->known, 1, &err), CB_OK);
}

UNUSED static void world_stop(struct world *world)
{
    witness_close(&world->w);
    note_signer_free(world->log);
    merkle_free(&world->tree.m);
    (void)nftw(world->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- requests ---- */

UNUSED static void make_note(struct world *world, const char *origin, uint64_t size,
                             const struct note_signer *signer, struct buf *out)
{
    struct checkpoint c = {.size = size};
    struct cb_err err;
    (void)snprintf(c.origin, sizeof(c.origin), "%s", origin);
    root_of(&world->tree, size, c.root);
    buf_init(out, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&c, signer, out, &err), CB_OK);
}

/* make_body - with the right proof where there is one. */
UNUSED static void make_body(struct world *world, uint64_t old, uint64_t size, struct buf *out)
{
    struct add_checkpoint add = {.old = old};
    struct hash_source source = {read_node, &world->tree};
    struct buf note;
    struct cb_err err;
    if (old > 0 && old < size) {
        assert_int_equal(proof_consistency(&source, &world->tree.m, old, size, &add.proof, &err),
                         CB_OK);
    }
    make_note(world, ORIGIN, size, world->log, &note);
    add.note = buf_slice(&note);
    buf_init(out, ADD_CHECKPOINT_MAX);
    add_checkpoint_text(&add, out);
    buf_free(&note);
}

/* post - the status of the answer, which the caller frees. */
UNUSED static int post(struct world *world, struct slice body, struct witness_answer *a)
{
    witness_add(&world->w, body, NOW_S, a);
    return a->status;
}

/* show - the log's checkpoint of this size, on top of old; only the status counts. */
UNUSED static int show(struct world *world, uint64_t old, uint64_t size)
{
    struct witness_answer a;
    struct buf body;
    make_body(world, old, size, &body);
    const int status = post(world, buf_slice(&body), &a);
    buf_free(&body);
    buf_free(&a.body);
    return status;
}

UNUSED static uint64_t seen(const struct world *world)
{
    return world->w.logs[0].is_seen ? world->w.logs[0].latest.size : 0;
}

UNUSED static void evidence_path(const struct world *world, char out[128])
{
    (void)snprintf(out, 128, "%s/evidence", world->dir);
}

UNUSED static unsigned count_files_seen;
UNUSED static int count_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    count_files_seen += flag == FTW_F ? 1 : 0;
    return 0;
}

UNUSED static unsigned num_evidence(const struct world *world)
{
    char path[128];
    count_files_seen = 0;
    evidence_path(world, path);
    (void)nftw(path, count_entry, 8, FTW_PHYS);
    return count_files_seen;
}

#endif
