/* test_seal_order.c - what the sealer and a start rest on: tiles and the history of checkpoints are on the
 * disk when they are said to be, and nothing with right checksums passes for what was acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"
#include "tests/unit/audit/seal_helpers.h"

#include "audit/crc32c.h"
#include "audit/seal/tile_store.h"

static struct note_signer *key;

static int set_up(void **state)
{
    (void)state;
    key = new_key(ORIGIN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    note_signer_free(key);
    return 0;
}

/* at_of - where in the journal an operation on a path that ends so is; the first from `from` on. */
static size_t at_of(const struct fake_io *f, size_t from, enum fake_op op, const char *end)
{
    for (size_t i = from; i < f->journal_len; i++) {
        if (f->journal[i].op == op &&
            slice_has_suffix(slice_of(f->journal[i].path), slice_of(end))) {
            return i;
        }
    }
    fail_msg("no operation %d on %s", (int)op, end);
    return 0;
}

/* Two tiles of one folder: bytes, names, and the folder only then, once. */
static void test_tiles_are_durable_with_their_names(void **state)
{
    (void)state;
    static struct tile_store store;
    static unsigned char bytes[TILE_BYTES];
    struct fake_io *f = fake_new();
    struct cb_err err;
    char *dir = temp_dir();
    store = (struct tile_store){.io = &f->io, .dir = dir};
    f->journal_on = true;
    assert_int_equal(tile_store_add(&store, 0, 0, bytes, &err), CB_OK);
    assert_int_equal(tile_store_add(&store, 0, 1, bytes, &err), CB_OK);
    assert_int_equal(tile_store_flush(&store, &err), CB_OK);
    const size_t first = at_of(f, 0, OP_RENAME, "tile/0/000");
    const size_t second = at_of(f, 0, OP_RENAME, "tile/0/001");
    size_t synced = 0;
    for (size_t i = 0; i < first; i++) {
        synced += f->journal[i].op == OP_FSYNC &&
                          (strcmp(f->journal[i].path, f->journal[first].from) == 0 ||
                           strcmp(f->journal[i].path, f->journal[second].from) == 0)
                      ? 1
                      : 0;
    }
    assert_int_equal(synced, 2);
    (void)at_of(f, second, OP_FSYNC, "tile/0");
    fake_free(f);
    remove_dir(dir);
}

/* The newest checkpoint is always durable; those before it when the log is closed. */
static void test_history_is_durable_after_close(void **state)
{
    (void)state;
    struct fake_io *f = fake_new();
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, &f->io, key);
    f->journal_on = true;
    (void)append_ok(a, "x");
    audit_close(a);
    size_t last = at_of(f, 0, OP_WRITE, "checkpoints.log");
    for (size_t i = last; i < f->journal_len; i++) {
        if (f->journal[i].op == OP_WRITE && strstr(f->journal[i].path, "checkpoints.log") != NULL) {
            last = i;
        }
    }
    (void)at_of(f, last, OP_FDATASYNC, "checkpoints.log");
    fake_free(f);
    remove_dir(dir);
}

/* A record is changed on the disk, its checksum put right, after it was acknowledged and before it is
 * signed for: only comparing hashes tells. */
static void test_forgery_is_not_signed(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, NULL, key);
    assert_true(audit_seal_wait(a));
    const uint64_t before = newest_seal(dir).size;
    struct buf bytes;
    (void)append_ok(a, "genuine");
    read_file(segment_path(dir, 2), &bytes);
    char *letter = strstr(bytes.data, "\"detail\":\"genuine\"") + 10;
    char *line = letter;
    while (line[-1] != '\n') {
        line--;
    }
    char *crc = strstr(line, ",\"crc\":\"");
    *letter = 'G';
    crc32c_hex(crc32c((struct slice){line, (size_t)(crc - line)}), crc + 8);
    const int fd = open(segment_path(dir, 2), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes.data, bytes.len, 0), bytes.len);
    assert_int_equal(close(fd), 0);
    assert_false(audit_seal_wait(a));
    assert_int_equal(audit_get_state(a), AUDIT_CORRUPT);
    audit_close(a);
    assert_int_equal(newest_seal(dir).size, before);
    buf_free(&bytes);
    remove_dir(dir);
}

/* A newest segment that somebody made: in itself without fault, but its segment.open states a tree that
 * is not the one before it. */
static void test_start_holds_the_tree_against_what_was_signed(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, NULL, key);
    struct cb_err err;
    (void)append_ok(a, "x");
    audit_close(a);
    const uint64_t size = newest_seal(dir).size;
    struct stat st;
    assert_int_equal(stat(segment_path(dir, 2), &st), 0);
    struct merkle tree;
    struct open_set *open = calloc(1, sizeof(*open));
    assert_int_equal(merkle_init(&tree, &err), CB_OK);
    for (uint64_t i = 0; i < size; i++) {
        merkle_append(&tree, SLICE("made up"));
    }
    const struct segment_start start = {
        .no = 3,
        .prev = {.no = 2, .valid_bytes = (uint64_t)st.st_size, .clean = true},
        .tree_size = size,
        .origin = SLICE(ORIGIN),
        .version = SLICE("test"),
        .boot_id = SLICE(""),
        .host = SLICE("")};
    struct buf body;
    struct buf line;
    buf_init(&body, AUDIT_LINE_MAX);
    buf_init(&line, AUDIT_LINE_MAX);
    own_segment_open(&body, &start, &tree, open);
    line_frame(&line, size, size, 1, buf_slice(&body));
    write_file(segment_path(dir, 3), buf_slice(&line));
    assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "does not continue the log"));
    buf_free(&body);
    buf_free(&line);
    merkle_free(&tree);
    free(open);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles_are_durable_with_their_names),
        cmocka_unit_test(test_history_is_durable_after_close),
        cmocka_unit_test(test_forgery_is_not_signed),
        cmocka_unit_test(test_start_holds_the_tree_against_what_was_signed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
