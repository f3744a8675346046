/* tree_log.h - a log of a few hundred records in several segments, its leaves kept in plain sight, and
 * what a sealer makes of it. For tests that include helpers.h before. */
#ifndef TESTS_UNIT_AUDIT_TREE_LOG_H
#define TESTS_UNIT_AUDIT_TREE_LOG_H

#include "audit/seal/seals.h"
#include "audit/tlog/tile.h"
#include "audit/seal/vkeys.h"

#define TREE_MAX 1200U
#define TREE_LEVELS 11

struct tree_log {
    char *dir;
    struct note_signer *signer;
    struct audit_io io;
    struct merkle m;
    uint64_t size;
    unsigned char node[TREE_LEVELS][TREE_MAX][SHA256_LEN]; /* every complete subtree */
    char *line[TREE_MAX];
};

static int tree_no_sync(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
    return 0;
}

static bool tree_add_line(void *ctx, uint64_t seq, struct slice line)
{
    struct tree_log *t = ctx;
    assert_true(seq == t->size && seq < TREE_MAX);
    t->line[seq] = strndup(line.ptr, line.len);
    merkle_leaf(&t->m, line, t->node[0][seq]);
    t->size++;
    return true;
}

/* tree_read - take in what the log holds now. */
UNUSED static void tree_read(struct tree_log *t)
{
    struct cb_err err;
    for (size_t i = 0; i < t->size; i++) {
        free(t->line[i]);
    }
    t->size = 0;
    if (audit_walk(t->dir, 0, tree_add_line, t, &err) != CB_OK) {
        fail_msg("audit_walk: %s", err.msg);
    }
    for (unsigned level = 1; level < TREE_LEVELS; level++) {
        for (uint64_t i = 0; (i + 1) << level <= t->size; i++) {
            merkle_join(&t->m, t->node[level - 1][2 * i], t->node[level - 1][2 * i + 1],
                        t->node[level][i]);
        }
    }
}

/* tree_append - a segment of its own with so many records more. */
UNUSED static void tree_append(struct tree_log *t, size_t num)
{
    struct audit *a = open_log(t->dir, &t->io);
    char detail[400];
    for (size_t i = 0; i < num; i++) {
        memset(detail, 'x', sizeof(detail));
        detail[i * 37 % (sizeof(detail) - 1)] = '\0';
        (void)append_ok(a, detail);
    }
    audit_close(a);
}

UNUSED static void tree_root(const struct tree_log *t, uint64_t size, unsigned char *ret)
{
    struct merkle m;
    struct cb_err err;
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    for (uint64_t i = 0; i < size; i++) {
        merkle_append_leaf(&m, t->node[0][i]);
    }
    merkle_root(&m, ret);
    merkle_free(&m);
}

/* tree_note - the log's checkpoint over so many records; a root other than the true one with flaw. */
UNUSED static void tree_note(const struct tree_log *t, uint64_t size, unsigned char flaw,
                             struct buf *out)
{
    struct checkpoint c = {.origin = ORIGIN, .size = size};
    struct cb_err err;
    tree_root(t, size, c.root);
    c.root[0] ^= flaw;
    buf_init(out, SEAL_NOTE_MAX);
    assert_int_equal(checkpoint_sign(&c, t->signer, out, &err), CB_OK);
}

UNUSED static void tree_seal(const struct tree_log *t, uint64_t size)
{
    struct buf note;
    struct cb_err err;
    tree_note(t, size, 0, &note);
    assert_int_equal(seals_store(&t->io, t->dir, buf_slice(&note), false, &err), CB_OK);
    buf_free(&note);
}

UNUSED static void tree_tile_path(const struct tree_log *t, uint64_t n, char out[SEGMENT_PATH_MAX])
{
    char name[TILE_PATH_MAX];
    struct cb_err err;
    tile_path(0, n, name);
    assert_int_equal(segdir_join(t->dir, name, out, &err), CB_OK);
}

/* tree_write_tiles - all full ones of level 0; there are none above. */
UNUSED static void tree_write_tiles(const struct tree_log *t)
{
    char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/tile", t->dir);
    (void)mkdir(path, 0750);
    (void)snprintf(path, sizeof(path), "%s/tile/0", t->dir);
    (void)mkdir(path, 0750);
    for (uint64_t n = 0; (n + 1) * TILE_WIDTH <= t->size; n++) {
        tree_tile_path(t, n, path);
        (void)unlink(path);
        write_file(path, (struct slice){(const char *)t->node[0][n * TILE_WIDTH], TILE_BYTES});
    }
}

/* tree_damage_tile - the nodes of a tile that is there change, or how many they are. */
UNUSED static void tree_damage_tile(const struct tree_log *t, uint64_t n, size_t len, char flaw)
{
    char bytes[TILE_BYTES + 1] = {0};
    char path[SEGMENT_PATH_MAX];
    memcpy(bytes, t->node[0][n * TILE_WIDTH], TILE_BYTES);
    bytes[77] = (char)(bytes[77] ^ flaw);
    tree_tile_path(t, n, path);
    (void)unlink(path);
    write_file(path, (struct slice){bytes, len});
}

/* tree_new - segments of 1 + 3, 300, 1, 270 and 140 records and what frames them: 730 or so. */
UNUSED static void tree_new(struct tree_log *t)
{
    static const size_t nums[] = {3, 300, 1, 270, 140};
    struct cb_err err;
    *t = (struct tree_log){.dir = temp_dir(), .io = audit_system_io};
    t->io.fdatasync = tree_no_sync;
    assert_int_equal(merkle_init(&t->m, &err), CB_OK);
    assert_int_equal(note_signer_new(SLICE(ORIGIN), NOTE_LOG, &t->signer, &err), CB_OK);
    assert_int_equal(audit_init_signed(t->dir, ORIGIN, t->signer, &err), CB_OK);
    for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++) {
        tree_append(t, nums[i]);
    }
    tree_read(t);
    assert_true(t->size > 512 + 8 && t->size < 1024);
}

UNUSED static void tree_free(struct tree_log *t)
{
    for (size_t i = 0; i < t->size; i++) {
        free(t->line[i]);
    }
    note_signer_free(t->signer);
    merkle_free(&t->m);
    remove_dir(t->dir);
}

#endif
