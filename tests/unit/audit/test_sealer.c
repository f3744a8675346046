/* test_sealer.c - signed checkpoints beside a running writer: what they cover, what must be refused at
 * the next start, what happens when the files are not what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"
#include "tests/unit/audit/seal_helpers.h"

#include "audit/crc32c.h"
#include "audit/seal/hashes.h"
#include "audit/seal/rotation.h"

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

/* fill - so many records, submitted in groups. */
static void fill(struct audit *a, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        (void)append_ok(a, "x");
    }
}

static void test_a_new_log_is_signed_for(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    const struct checkpoint c = newest_seal(dir);
    assert_int_equal(c.size, 2);
    assert_sealed(dir, &c);
    remove_dir(dir);
}

static void test_everything_is_covered_after_close(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    uint64_t last = 2;
    for (size_t num = 0; num < 5; num++) {
        struct audit *a = open_signed(dir, NULL, key);
        fill(a, num * num);
        audit_close(a);
        const struct checkpoint c = newest_seal(dir);
        assert_int_equal(c.size, last + num * num + 2);
        assert_int_equal(walk_ok(dir, 0).next, c.size);
        assert_sealed(dir, &c);
        last = c.size;
    }
    remove_dir(dir);
}

/* Tiles: enough records for three of level 0; their hashes are those of the records. */
static void test_tiles(void **state)
{
    (void)state;
    struct fake_io *f = fake_new();
    char *dir = new_signed_log(key);
    for (int run = 0; run < 3; run++) {
        struct audit *a = open_signed(dir, &f->io, key);
        fill(a, 300);
        assert_true(audit_seal_wait(a));
        fill(a, 5);
        audit_close(a);
    }
    const struct checkpoint c = newest_seal(dir);
    assert_sealed(dir, &c);
    assert_int_equal(access(in_dir(dir, "tile/0/002"), F_OK), 0);
    assert_int_equal(access(in_dir(dir, "tile/0/003"), F_OK), -1);
    struct hashes *records = NULL;
    struct hashes *tiles = NULL;
    struct cb_err err;
    unsigned char a[SHA256_LEN];
    unsigned char b[SHA256_LEN];
    assert_int_equal(hashes_open(dir, c.size, HASHES_FROM_RECORDS, &records, &err), CB_OK);
    assert_int_equal(hashes_open(dir, c.size, HASHES_FROM_TILES, &tiles, &err), CB_OK);
    for (uint64_t i = 0; i < 768; i++) {
        const struct hash_source *r = hashes_source(records);
        const struct hash_source *t = hashes_source(tiles);
        assert_int_equal(r->read(r->ctx, 0, i, a, &err), CB_OK);
        assert_int_equal(t->read(t->ctx, 0, i, b, &err), CB_OK);
        assert_memory_equal(a, b, SHA256_LEN);
    }
    hashes_close(records);
    hashes_close(tiles);
    fake_free(f);
    remove_dir(dir);
}

struct seen_note {
    pthread_mutex_t mutex;
    size_t num;
    uint64_t sizes[64];
};

static void on_seal(void *ctx, struct slice note)
{
    struct seen_note *s = ctx;
    struct note parsed;
    struct note_signer *unused = NULL;
    struct checkpoint c;
    struct cb_err err;
    (void)unused;
    CB_CHECK(checkpoint_open(note, note_signer_key(key), &parsed, &c, &err) == CB_OK);
    (void)pthread_mutex_lock(&s->mutex);
    CB_CHECK(s->num < 64);
    s->sizes[s->num++] = c.size;
    (void)pthread_mutex_unlock(&s->mutex);
}

static void test_on_seal_and_stats(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct seen_note seen = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct audit_options options = signed_options(dir, NULL, key);
    options.on_seal = on_seal;
    options.on_seal_ctx = &seen;
    struct audit *a = open_with(&options, NULL);
    struct audit_stats stats;
    struct buf note;
    struct cb_err err;
    struct proof proof;
    fill(a, 20);
    assert_true(audit_seal_wait(a));
    fill(a, 1);
    assert_true(audit_seal_wait(a));
    audit_get_stats(a, &stats);
    assert_int_equal(stats.sealed_size, 24);
    assert_int_equal(stats.next_seq, 24);
    assert_int_equal(stats.seal_lag_us, 0);
    assert_int_equal(stats.seal_failures, 0);
    assert_true(stats.checkpoints >= 2 && stats.sealed_us > 0);
    buf_init(&note, 4096);
    assert_int_equal(audit_checkpoint(a, &note, &err), CB_OK);
    assert_non_null(strstr(note.data, ORIGIN "\n24\n"));
    assert_int_equal(audit_consistency(a, 3, 24, &proof, &err), CB_OK);
    assert_true(proof.num > 0);
    assert_int_equal(audit_consistency(a, 3, 25, &proof, &err), CB_EINPUT);
    assert_int_equal(audit_consistency(a, 0, 3, &proof, &err), CB_EINPUT);
    assert_int_equal(audit_keep_cosigned(a, buf_slice(&note), &err), CB_OK);
    assert_int_equal(access(in_dir(dir, "state/cosigned"), F_OK), 0);
    assert_int_equal(audit_keep_cosigned(a, SLICE("nonsense"), &err), CB_EINPUT);
    buf_free(&note);
    audit_close(a);
    assert_int_equal(seen.sizes[seen.num - 1], 25);
    for (size_t i = 1; i < seen.num; i++) {
        assert_true(seen.sizes[i] > seen.sizes[i - 1]);
    }
    remove_dir(dir);
}

/* ---- starts that must be refused ---- */

static void refuse(const char *dir, enum cb_code code, const char *why)
{
    struct cb_err err;
    assert_int_equal(open_signed_code(dir, NULL, key, &err), code);
    if (strstr(err.msg, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
    }
}

static void copy_file(const char *from, const char *to)
{
    struct buf bytes;
    read_file(from, &bytes);
    write_file(to, buf_slice(&bytes));
    buf_free(&bytes);
}

static void test_wrong_keys(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct cb_err err;
    struct note_signer *another = new_key(ORIGIN);
    struct note_signer *stranger = new_key("somebody.else");
    assert_int_equal(open_signed_code(dir, NULL, another, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "not the current one"));
    assert_int_equal(open_signed_code(dir, NULL, stranger, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "somebody.else"));
    assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_OK);
    note_signer_free(another);
    note_signer_free(stranger);
    char *unsigned_dir = new_log();
    refuse(unsigned_dir, CB_EINPUT, "certbroker audit init --dir ");
    remove_dir(unsigned_dir);
    remove_dir(dir);
}

/* The segments of yesterday under the state of today. */
static void test_older_segments_are_refused(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, NULL, key);
    fill(a, 3);
    audit_close(a);
    assert_int_equal(unlink(segment_path(dir, 2)), 0);
    refuse(dir, CB_ECORRUPT, "records were lost, or an older copy");
    remove_dir(dir);
}

/* A whole number of records cut off the end, as no crash could: they were signed for. */
static void test_cut_tail_is_refused(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, NULL, key);
    struct buf bytes;
    fill(a, 3);
    audit_close(a);
    read_file(segment_path(dir, 2), &bytes);
    for (int cut = 0; cut < 2; cut++) {
        bytes.len -= 2;
        while (bytes.data[bytes.len - 1] != '\n') {
            bytes.len--;
        }
        write_file(segment_path(dir, 2), buf_slice(&bytes));
        refuse(dir, CB_ECORRUPT, "records were lost, or an older copy");
    }
    buf_free(&bytes);
    remove_dir(dir);
}

static void test_checkpoint_put_back_or_lost(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    char *old = strdup(in_dir(dir, "old"));
    char *path = strdup(in_dir(dir, "state/checkpoint"));
    copy_file(path, old);
    struct audit *a = open_signed(dir, NULL, key);
    fill(a, 3);
    audit_close(a);
    /* checkpoints.log still knows the newest one */
    copy_file(old, path);
    assert_int_equal(unlink(segment_path(dir, 2)), 0);
    refuse(dir, CB_ECORRUPT, "covers 7");
    assert_int_equal(unlink(in_dir(dir, "state/checkpoints.log")), 0);
    assert_int_equal(unlink(path), 0);
    refuse(dir, CB_ECORRUPT, "holds no signed checkpoint");
    write_file(path, SLICE("audit.test/log-1\n2\nAAAA\n\nnothing\n"));
    refuse(dir, CB_ECORRUPT, "state/checkpoint");
    free(old);
    free(path);
    remove_dir(dir);
}

/* A crash cut a note of checkpoints.log off; those that follow behind it are found all the same. */
static void test_torn_history(void **state)
{
    (void)state;
    static const char *const torn[] = {"audit.test/log-1\n5\nAAA", "audit.test/log-1\n",
                                       "audit.test/lo"};
    for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
        char *dir = new_signed_log(key);
        struct cb_err err;
        FILE *f = fopen(in_dir(dir, "state/checkpoints.log"), "ab");
        assert_non_null(f);
        assert_true(fputs(torn[i], f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_OK);
        assert_int_equal(unlink(in_dir(dir, "state/checkpoint")), 0);
        assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_OK);
        assert_int_equal(newest_seal(dir).size, 6);
        remove_dir(dir);
    }
}

/* Another history with the same key: all checksums are right, and it is longer. */
static void test_another_history_is_refused(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    char *other = new_signed_log(key);
    for (int i = 0; i < 2; i++) {
        struct audit *a = open_signed(i == 0 ? dir : other, NULL, key);
        fill(a, i == 0 ? 3 : 30);
        audit_close(a);
    }
    for (uint64_t no = 1; no <= 2; no++) {
        char *from = strdup(segment_path(other, no));
        copy_file(from, segment_path(dir, no));
        free(from);
    }
    refuse(dir, CB_ECORRUPT, "signed for");
    remove_dir(other);
    remove_dir(dir);
}

static void test_damaged_tile_is_refused(void **state)
{
    (void)state;
    struct fake_io *f = fake_new();
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, &f->io, key);
    struct buf tile;
    fill(a, 300);
    audit_close(a);
    char *path = strdup(in_dir(dir, "tile/0/000"));
    read_file(path, &tile);
    tile.data[4000] ^= 1;
    write_file(path, buf_slice(&tile));
    refuse(dir, CB_ECORRUPT, "one of them was changed");
    tile.data[4000] ^= 1;
    write_file(path, buf_slice(&tile));
    struct cb_err err;
    assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_OK);
    buf_free(&tile);
    free(path);
    fake_free(f);
    remove_dir(dir);
}

/* A tile that is gone is made again from the records, which must still be those that were signed for. */
static void test_missing_tiles_are_made_again(void **state)
{
    (void)state;
    struct fake_io *f = fake_new();
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, &f->io, key);
    struct buf before;
    struct buf after;
    struct buf segment;
    fill(a, 600);
    audit_close(a);
    char *path = strdup(in_dir(dir, "tile/0/000"));
    read_file(path, &before);
    assert_int_equal(unlink(path), 0);
    a = open_signed(dir, &f->io, key);
    assert_true(audit_seal_wait(a));
    audit_close(a);
    read_file(path, &after);
    assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
    const struct checkpoint c = newest_seal(dir);
    assert_sealed(dir, &c);
    buf_free(&before);
    buf_free(&after);
    /* the records of the old, signed part are changed, with right checksums */
    assert_int_equal(unlink(path), 0);
    read_file(segment_path(dir, 2), &segment);
    char *line = memmem(segment.data, segment.len, "{\"v\":1,\"seq\":9,", 15);
    assert_non_null(line);
    char *crc = strstr(line, ",\"crc\":\"");
    memcpy(strstr(line, "\"detail\":\"x\"") + 10, "y", 1);
    crc32c_hex(crc32c((struct slice){line, (size_t)(crc - line)}), crc + 8);
    write_file(segment_path(dir, 2), buf_slice(&segment));
    struct cb_err err;
    assert_int_equal(open_signed_code(dir, &f->io, key, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "are not those that were signed for"));
    assert_int_equal(newest_seal(dir).size, c.size);
    buf_free(&segment);
    free(path);
    fake_free(f);
    remove_dir(dir);
}

/* ---- while it runs ---- */

/* What is on the disk is changed after it was acknowledged and before it is signed for. */
static void change_last_line(const char *path)
{
    const int fd = open(path, O_RDWR);
    struct stat st;
    char c = 0;
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    assert_int_equal(pread(fd, &c, 1, st.st_size - 40), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, st.st_size - 40), 1);
    assert_int_equal(close(fd), 0);
}

static void test_mismatch_stops_signing_and_issuing(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, NULL, key);
    struct audit_stats before;
    struct audit_stats after;
    fill(a, 3);
    assert_true(audit_seal_wait(a));
    audit_get_stats(a, &before);
    fill(a, 1);
    change_last_line(segment_path(dir, 2));
    assert_false(audit_seal_wait(a));
    assert_int_equal(audit_get_state(a), AUDIT_CORRUPT);
    assert_string_equal(audit_state_word(AUDIT_CORRUPT), "corrupt");
    assert_int_equal(append(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "no", NULL), CB_ESYS);
    assert_int_equal(append(a, AUDIT_REVOKE_ATTEMPT, UINT64_MAX, "yes", NULL), CB_OK);
    audit_poke(a);
    audit_get_stats(a, &after);
    assert_int_equal(after.sealed_size, before.sealed_size);
    assert_true(after.seal_failures > 0 && after.faults > before.faults);
    char why[CB_ERR_MSG_MAX];
    audit_seal_why(a, why);
    assert_non_null(strstr(why, "not on the disk as it was acknowledged"));
    audit_close(a);
    struct buf bytes;
    read_file(segment_path(dir, 2), &bytes);
    assert_non_null(strstr(bytes.data, "\"reason\":\"reread\""));
    buf_free(&bytes);
    assert_int_equal(newest_seal(dir).size, before.sealed_size);
    refuse(dir, CB_ECORRUPT, "");
    remove_dir(dir);
}

/* Every kind of failure in the sealer's own writes: the log goes on, and the next try succeeds. */
static void test_failures_are_tried_again(void **state)
{
    (void)state;
    static const struct {
        enum fake_op op;
        int error;
    } faults[] = {{OP_OPEN, ENOSPC}, {OP_RENAME, EIO}, {OP_FSYNC, EIO}};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct fake_io *f = fake_new();
        char *dir = new_signed_log(key);
        struct audit *a = open_signed(dir, &f->io, key);
        struct audit_stats stats;
        assert_true(audit_seal_wait(a));
        fake_fail(f, faults[i].op, faults[i].error, -1);
        fill(a, 300);
        assert_false(audit_seal_wait(a));
        assert_int_equal(audit_get_state(a), AUDIT_OK);
        audit_get_stats(a, &stats);
        assert_true(stats.seal_failures > 0 && stats.seal_lag_us > 0);
        fake_fail(f, faults[i].op, 0, 0);
        assert_true(audit_seal_wait(a));
        audit_get_stats(a, &stats);
        assert_int_equal(stats.seal_lag_us, 0);
        audit_close(a);
        const struct checkpoint c = newest_seal(dir);
        assert_sealed(dir, &c);
        fake_free(f);
        remove_dir(dir);
    }
}

/* ---- a new key ---- */

static void test_rotation(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct note_signer *next = new_key(ORIGIN);
    struct note_signer *stranger = new_key("somebody.else");
    struct audit *a = open_signed(dir, NULL, key);
    struct cb_err err;
    struct buf note;
    struct note parsed;
    struct checkpoint c;
    fill(a, 3);
    assert_int_equal(audit_rotate_key(a, stranger, &err), CB_EINPUT);
    audit_close(a);
    a = open_signed(dir, NULL, key);
    assert_int_equal(audit_rotate_key(a, next, &err), CB_OK);
    buf_init(&note, 4096);
    assert_int_equal(audit_checkpoint(a, &note, &err), CB_OK);
    /* the first one that covers the record: both */
    assert_int_equal(checkpoint_open(buf_slice(&note), note_signer_key(key), &parsed, &c, &err),
                     CB_OK);
    assert_int_equal(checkpoint_open(buf_slice(&note), note_signer_key(next), &parsed, &c, &err),
                     CB_OK);
    fill(a, 1);
    assert_true(audit_seal_wait(a));
    assert_int_equal(audit_checkpoint(a, &note, &err), CB_OK);
    assert_int_equal(checkpoint_open(buf_slice(&note), note_signer_key(key), &parsed, &c, &err),
                     CB_ECRYPTO);
    assert_int_equal(checkpoint_open(buf_slice(&note), note_signer_key(next), &parsed, &c, &err),
                     CB_OK);
    buf_free(&note);
    audit_close(a);
    assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_EINPUT);
    assert_int_equal(open_signed_code(dir, NULL, next, &err), CB_OK);
    assert_int_equal(count_lines(dir, "\"type\":\"key.rotate\""), 1);
    note_signer_free(next);
    note_signer_free(stranger);
    remove_dir(dir);
}

/* Power fails when the record is durable and state/vkeys is not. */
static void test_rotation_cut_short(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct fake_io *f = fake_new();
    struct note_signer *next = new_key(ORIGIN);
    struct audit *a = open_signed(dir, &f->io, key);
    struct cb_err err;
    assert_true(audit_seal_wait(a));
    fake_fail(f, OP_RENAME, EIO, -1);
    assert_int_equal(audit_rotate_key(a, next, &err), CB_ESYS);
    audit_close(a);
    assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "not the current one"));
    assert_int_equal(open_signed_code(dir, NULL, next, &err), CB_OK);
    const struct checkpoint c = newest_seal(dir);
    assert_sealed(dir, &c);
    note_signer_free(next);
    fake_free(f);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_log_is_signed_for),
        cmocka_unit_test(test_everything_is_covered_after_close),
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_on_seal_and_stats),
        cmocka_unit_test(test_wrong_keys),
        cmocka_unit_test(test_older_segments_are_refused),
        cmocka_unit_test(test_cut_tail_is_refused),
        cmocka_unit_test(test_checkpoint_put_back_or_lost),
        cmocka_unit_test(test_torn_history),
        cmocka_unit_test(test_another_history_is_refused),
        cmocka_unit_test(test_damaged_tile_is_refused),
        cmocka_unit_test(test_missing_tiles_are_made_again),
        cmocka_unit_test(test_mismatch_stops_signing_and_issuing),
        cmocka_unit_test(test_failures_are_tried_again),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_rotation_cut_short),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
