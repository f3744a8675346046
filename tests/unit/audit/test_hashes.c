/* test_hashes.c - every node of the tree over a log, with tiles, without, and with some that are short,
 * long or missing; nodes of the higher levels; records by their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/seal/hashes.h"
#include "audit/read/records.h"
#include "audit/read/zst.h"
#include "helpers.h"
#include "tree_log.h"

static int setup(void **state)
{
    static struct tree_log t;
    tree_new(&t);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    tree_free(*state);
    return 0;
}

/* count_wrong - nodes of the first size records that are not those of the reference. */
static size_t count_wrong(const struct tree_log *t, uint64_t size, enum hashes_from from)
{
    struct hashes *h = NULL;
    struct cb_err err;
    size_t wrong = 0;
    assert_int_equal(hashes_open(t->dir, size, from, &h, &err), CB_OK);
    const struct hash_source *source = hashes_source(h);
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        unsigned char got[SHA256_LEN];
        for (uint64_t i = 0; (i + 1) << level <= size; i++) {
            if (source->read(source->ctx, level, i, got, &err) != CB_OK) {
                fail_msg("node %llu of level %u: %s", (unsigned long long)i, level, err.msg);
            }
            wrong += memcmp(got, t->node[level][i], SHA256_LEN) != 0;
        }
        assert_int_equal(source->read(source->ctx, level, size >> level, got, &err), CB_EINPUT);
    }
    hashes_close(h);
    return wrong;
}

static void test_from_records(void **state)
{
    struct tree_log *t = *state;
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 513};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(count_wrong(t, sizes[i], HASHES_FROM_TILES), 0);
    }
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 0);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_RECORDS), 0);
}

static void test_from_tiles(void **state)
{
    struct tree_log *t = *state;
    char path[SEGMENT_PATH_MAX];
    tree_write_tiles(t);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 0);
    assert_int_equal(count_wrong(t, 300, HASHES_FROM_TILES), 0);
    assert_int_equal(count_wrong(t, 256, HASHES_FROM_TILES), 0);
    /* That the tiles are used at all: a wrong one shows, also above it; but not from records. */
    tree_damage_tile(t, 1, TILE_BYTES, 1);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 10);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_RECORDS), 0);
    /* Before the tree reaches the end of the tile nobody reads it. */
    assert_int_equal(count_wrong(t, 511, HASHES_FROM_TILES), 0);
    /* Of another length it is not taken. */
    tree_damage_tile(t, 1, TILE_BYTES - 1, 1);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 0);
    tree_damage_tile(t, 1, TILE_BYTES + 1, 1);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 0);
    tree_damage_tile(t, 1, 0, 1);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 0);
    tree_tile_path(t, 0, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 0);
}

/* A tree of 300 tiles of level 0, 1 of level 1, and no records at all. */
#define HIGH_TILES 300U
struct high {
    unsigned char root[HIGH_TILES][SHA256_LEN]; /* of each tile */
    unsigned char node[9][HIGH_TILES][SHA256_LEN];
};

static void make_high(struct high *h, struct merkle *m, const char *dir)
{
    unsigned char tile[TILE_WIDTH][SHA256_LEN];
    char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/tile", dir);
    assert_int_equal(mkdir(path, 0750), 0);
    (void)snprintf(path, sizeof(path), "%s/tile/0", dir);
    assert_int_equal(mkdir(path, 0750), 0);
    for (uint64_t n = 0; n < HIGH_TILES; n++) {
        for (size_t i = 0; i < TILE_WIDTH; i++) {
            char line[32];
            (void)snprintf(line, sizeof(line), "%llu.%zu", (unsigned long long)n, i);
            merkle_leaf(m, slice_of(line), tile[i]);
        }
        (void)snprintf(path, sizeof(path), "%s/tile/0/%03llu", dir, (unsigned long long)n);
        write_file(path, (struct slice){(const char *)tile, TILE_BYTES});
        for (size_t num = TILE_WIDTH / 2; num > 0; num /= 2) {
            for (size_t i = 0; i < num; i++) {
                merkle_join(m, tile[2 * i], tile[2 * i + 1], tile[i]);
            }
        }
        memcpy(h->node[0][n], tile[0], SHA256_LEN);
    }
    for (unsigned level = 1; level < 9; level++) {
        for (size_t i = 0; (i + 1) << level <= HIGH_TILES; i++) {
            merkle_join(m, h->node[level - 1][2 * i], h->node[level - 1][2 * i + 1],
                        h->node[level][i]);
        }
    }
}

static void check_high(const struct high *want, const char *dir)
{
    struct hashes *h = NULL;
    struct cb_err err;
    unsigned char got[SHA256_LEN];
    assert_int_equal(hashes_open(dir, HIGH_TILES * TILE_WIDTH + 17, HASHES_FROM_TILES, &h, &err),
                     CB_OK);
    const struct hash_source *source = hashes_source(h);
    for (unsigned level = 9; level > 0; level--) { /* from the top: nothing is known yet */
        for (uint64_t i = 0; (i + 1) << (level - 1) <= HIGH_TILES; i++) {
            assert_int_equal(source->read(source->ctx, 7 + level, i, got, &err), CB_OK);
            assert_memory_equal(got, want->node[level - 1][i], SHA256_LEN);
        }
    }
    /* What only records could tell is not there. */
    assert_int_equal(source->read(source->ctx, 4, HIGH_TILES * TILE_WIDTH / 16, got, &err),
                     CB_ENOENT);
    hashes_close(h);
}

static void test_high_levels(void **state)
{
    (void)state;
    static struct high high;
    struct merkle m;
    struct cb_err err;
    char path[SEGMENT_PATH_MAX];
    char *dir = temp_dir();
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    make_high(&high, &m, dir);
    check_high(&high, dir);
    (void)snprintf(path, sizeof(path), "%s/tile/1", dir);
    assert_int_equal(mkdir(path, 0750), 0);
    (void)snprintf(path, sizeof(path), "%s/tile/1/000", dir);
    write_file(path, (struct slice){(const char *)high.node[0], TILE_BYTES});
    check_high(&high, dir);
    /* With the tile of level 1 the ones below it are not missed. */
    for (unsigned n = 0; n < 256; n++) {
        (void)snprintf(path, sizeof(path), "%s/tile/0/%03u", dir, n);
        assert_int_equal(unlink(path), 0);
    }
    check_high(&high, dir);
    merkle_free(&m);
    remove_dir(dir);
}

/* ---- records by number ---- */

struct expected {
    const struct tree_log *t;
    uint64_t next;
    uint64_t stop_at;
};

static bool expect(void *ctx, uint64_t seq, struct slice line)
{
    struct expected *e = ctx;
    assert_int_equal(seq, e->next);
    assert_true(slice_eq_str(line, e->t->line[seq]));
    e->next++;
    return seq != e->stop_at;
}

static void read_all_ways(const struct tree_log *t)
{
    struct records *r = NULL;
    struct cb_err err;
    assert_int_equal(records_open(t->dir, &r, &err), CB_OK);
    for (uint64_t seq = 0; seq < t->size; seq++) { /* each alone, up and down */
        const uint64_t at = seq % 2 == 0 ? seq : t->size - seq;
        struct expected e = {t, at, UINT64_MAX};
        if (records_read(r, at, 1, expect, &e, &err) != CB_OK) {
            fail_msg("record %llu: %s", (unsigned long long)at, err.msg);
        }
        assert_int_equal(e.next, at + 1);
    }
    struct expected all = {t, 0, UINT64_MAX};
    assert_int_equal(records_read(r, 0, t->size, expect, &all, &err), CB_OK);
    assert_int_equal(all.next, t->size);
    struct expected some = {t, 2, 320}; /* across three segments, and enough early */
    assert_int_equal(records_read(r, 2, 500, expect, &some, &err), CB_OK);
    assert_int_equal(some.next, 321);
    struct expected none = {t, t->size, UINT64_MAX};
    assert_int_equal(records_read(r, t->size, 1, expect, &none, &err), CB_ENOENT);
    assert_int_equal(records_read(r, UINT64_MAX - 1, 1, expect, &none, &err), CB_ENOENT);
    records_close(r);
}

static void test_records(void **state)
{
    read_all_ways(*state);
}

/* pack - what the archive does with a segment, without its checks. */
static void pack(const struct tree_log *t, uint64_t no)
{
    char packed[SEGMENT_PATH_MAX];
    struct stat st;
    struct cb_err err;
    const char *plain = segment_path(t->dir, no);
    const int from = open(plain, O_RDONLY);
    assert_int_equal(segdir_packed(plain, packed, &err), CB_OK);
    const int to = open(packed, O_WRONLY | O_CREAT | O_EXCL, 0640);
    assert_true(from >= 0 && to >= 0);
    assert_int_equal(fstat(from, &st), 0);
    assert_int_equal(zst_pack(&audit_system_io, from, (uint64_t)st.st_size, to, &err), CB_OK);
    assert_int_equal(close(from), 0);
    assert_int_equal(close(to), 0);
    assert_int_equal(unlink(plain), 0);
}

static void test_packed(void **state)
{
    struct tree_log *t = *state;
    pack(t, 1);
    pack(t, 3);
    pack(t, 5);
    read_all_ways(t);
    assert_int_equal(count_wrong(t, t->size, HASHES_FROM_TILES), 0);
}

/* A reader that is older than the segment it reads from. */
static void test_beside_writer(void **state)
{
    struct tree_log *t = *state;
    struct records *r = NULL;
    struct cb_err err;
    struct expected e = {t, 0, UINT64_MAX};
    assert_int_equal(records_open(t->dir, &r, &err), CB_OK);
    assert_int_equal(records_read(r, 0, 1, expect, &e, &err), CB_OK);
    const uint64_t before = t->size;
    tree_append(t, 40);
    tree_read(t);
    e.next = before - 3;
    assert_int_equal(records_read(r, before - 3, 40, expect, &e, &err), CB_OK);
    assert_int_equal(e.next, before + 37);
    records_close(r);
}

static void test_damaged(void **state)
{
    struct tree_log *t = *state;
    struct records *r = NULL;
    struct buf bytes;
    struct cb_err err;
    struct expected e = {t, 100, UINT64_MAX};
    read_file(segment_path(t->dir, 3), &bytes);
    char *at = memmem(bytes.data, bytes.len, "\"seq\":100,", 10);
    assert_non_null(at);
    at[6] = '2'; /* 100 now says that it is 200 */
    write_file(segment_path(t->dir, 3), buf_slice(&bytes));
    buf_free(&bytes);
    assert_int_equal(records_open(t->dir, &r, &err), CB_OK);
    assert_int_equal(records_read(r, 100, 1, expect, &e, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "record 100"));
    records_close(r);
    assert_int_equal(unlink(segment_path(t->dir, 2)), 0);
    assert_int_equal(records_open(t->dir, &r, &err), CB_OK);
    assert_int_not_equal(records_read(r, 0, 1, expect, &e, &err), CB_OK);
    records_close(r);
    assert_int_equal(records_open("/nonexistent", &r, &err), CB_OK);
    assert_int_equal(records_read(r, 0, 1, expect, &e, &err), CB_ENOENT);
    records_close(r);
    records_close(NULL);
    hashes_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_from_tiles, setup, teardown),
        cmocka_unit_test(test_high_levels),
        cmocka_unit_test_setup_teardown(test_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_beside_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
