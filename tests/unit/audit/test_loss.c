/* test_loss.c - a log that refuses to open because of damage opens once a person has accepted the loss,
 * says so in its first records, and never gives up what was signed for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"

#include "audit/seal/seals.h"

static const struct audit_accept accept_it = {.by = "a test", .note = "SEC-9"};

static void damage(const char *path, const char *find)
{
    struct buf bytes;
    read_file(path, &bytes);
    char *at = strstr(bytes.data, find);
    assert_non_null(at);
    *at = (char)(*at ^ 1);
    write_file(path, buf_slice(&bytes));
    buf_free(&bytes);
}

/* killed_log - three acknowledged records in the newest segment and no segment.close. */
static char *killed_log(const struct note_signer *key)
{
    char *dir = temp_dir();
    struct cb_err err;
    const enum cb_code made =
        key == NULL ? audit_init(dir, ORIGIN, &err) : audit_init_signed(dir, ORIGIN, key, &err);
    assert_int_equal(made, CB_OK);
    struct audit *a = open_log(dir, NULL);
    for (int i = 0; i < 5; i++) {
        char detail[16];
        (void)snprintf(detail, sizeof(detail), "number %d", i);
        (void)append_ok(a, detail);
    }
    audit_close(a);
    /* Without its close it looks as after a kill. */
    struct buf bytes;
    read_file(segment_path(dir, 2), &bytes);
    const char *close = strstr(bytes.data, "{\"v\":1,\"seq\":8,");
    assert_non_null(close);
    write_file(segment_path(dir, 2), (struct slice){bytes.data, (size_t)(close - bytes.data)});
    buf_free(&bytes);
    return dir;
}

static struct audit *open_accepting(const char *dir, struct audit_recovery *ret)
{
    struct audit_options options = options_for(dir, NULL);
    options.accept_loss = &accept_it;
    return open_with(&options, ret);
}

static void test_damage_in_the_middle(void **state)
{
    (void)state;
    char *dir = killed_log(NULL);
    struct audit_recovery recovery;
    struct cb_err err;
    damage(segment_path(dir, 2), "number 2");
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    struct audit *a = open_accepting(dir, &recovery);
    assert_true(recovery.lost);
    assert_int_equal(recovery.lost_first, 5);
    assert_int_equal(recovery.lost_last, 7);
    assert_int_equal(recovery.next_seq, 5);
    audit_recovery_free(&recovery);
    assert_int_equal(append_ok(a, "later"), 7);
    audit_close(a);
    /* 5 is the segment.open, 6 the audit.loss: one batch, so that one is never there without the other. */
    assert_int_equal(count_lines(dir, "\"seq\":6,\"d\":5,"), 1);
    assert_int_equal(count_lines(dir, "\"type\":\"audit.loss\",\"reason\":\"damaged\",\"detail\":"),
                     1);
    assert_int_equal(
        count_lines(dir, "\"by\":\"a test\",\"note\":\"SEC-9\",\"first_seq\":5,\"last_seq\":7,"
                         "\"first_segment\":2,\"last_segment\":2"),
        1);
    assert_int_equal(count_lines(dir, "number 1"), 1);
    assert_int_equal(count_lines(dir, "number 3"), 0);
    /* What was given up is still in the file, and the log says how long that is and what digest it has. */
    assert_int_equal(count_lines(dir, "\"void_sha256\":"), 1);
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    remove_dir(dir);
}

/* Not even the first record of the newest segment is whole: the segment before is the end. */
static void test_whole_segment(void **state)
{
    (void)state;
    char *dir = killed_log(NULL);
    struct audit_recovery recovery;
    struct cb_err err;
    damage(segment_path(dir, 2), "segment.open");
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    audit_close(open_accepting(dir, &recovery));
    assert_true(recovery.lost);
    assert_int_equal(recovery.lost_first, 2);
    assert_int_equal(recovery.lost_last, 7);
    audit_recovery_free(&recovery);
    assert_int_equal(count_lines(dir, "\"type\":\"audit.loss\""), 1);
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    remove_dir(dir);
}

/* Nothing to accept: nothing is said, and a torn tail is none. */
static void test_nothing_lost(void **state)
{
    (void)state;
    char *dir = killed_log(NULL);
    struct audit_recovery recovery;
    FILE *f = fopen(segment_path(dir, 2), "ab");
    assert_true(f != NULL && fputs("{\"v\":1,\"seq\":8", f) >= 0 && fclose(f) == 0);
    audit_close(open_accepting(dir, &recovery));
    assert_false(recovery.lost);
    assert_true(recovery.void_bytes > 0);
    audit_recovery_free(&recovery);
    assert_int_equal(count_lines(dir, "audit.loss"), 0);
    remove_dir(dir);
}

static void seal(const char *dir, const struct note_signer *key, uint64_t size)
{
    struct merkle m;
    struct buf bytes;
    struct buf note;
    struct cb_err err;
    struct checkpoint c = {.origin = ORIGIN, .size = size};
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    for (uint64_t no = 1; no <= 2; no++) {
        read_file(segment_path(dir, no), &bytes);
        for (const char *at = bytes.data; *at != '\0' && m.size < size;) {
            const struct slice line = {at, strcspn(at, "\n")};
            merkle_append(&m, line);
            at += line.len + 1;
        }
        buf_free(&bytes);
    }
    merkle_root(&m, c.root);
    merkle_free(&m);
    buf_init(&note, SEAL_NOTE_MAX);
    assert_int_equal(checkpoint_sign(&c, key, &note, &err), CB_OK);
    assert_int_equal(seals_store(&audit_system_io, dir, buf_slice(&note), true, &err), CB_OK);
    buf_free(&note);
}

/* What a checkpoint covers cannot be given up under the same name. */
static void test_signed_records_stay(void **state)
{
    (void)state;
    struct note_signer *key = NULL;
    struct cb_err err;
    assert_int_equal(note_signer_new(SLICE(ORIGIN), NOTE_LOG, &key, &err), CB_OK);
    for (uint64_t size = 5; size <= 6; size++) {
        char *dir = killed_log(key);
        struct audit *a = NULL;
        struct audit_recovery recovery = {0};
        struct audit_options options = options_for(dir, NULL);
        options.accept_loss = &accept_it;
        options.key = key;
        seal(dir, key, size);
        damage(segment_path(dir, 2), "number 2"); /* record 5 */
        const enum cb_code code = audit_open(&options, &a, &recovery, &err);
        audit_recovery_free(&recovery);
        if (size == 5) {
            assert_int_equal(code, CB_OK);
            assert_true(audit_seal_wait(a));
            audit_close(a);
            assert_int_equal(count_lines(dir, "\"tree_size\":5,\"root\":"), 2); /* open and loss */
        } else {
            assert_int_equal(code, CB_ECORRUPT);
            assert_non_null(strstr(err.msg, "signed checkpoint"));
            assert_int_equal(access(segment_path(dir, 3), F_OK), -1);
        }
        remove_dir(dir);
    }
    note_signer_free(key);
}

/* Where a record was forged nobody can say from which one on. */
static void test_forgery_is_not_accepted(void **state)
{
    (void)state;
    char *dir = new_log();
    struct buf bytes;
    struct buf line;
    struct line_info info;
    struct cb_err err;
    struct audit *a = open_log(dir, NULL);
    (void)append_ok(a, "genuine");
    audit_close(a);
    read_file(segment_path(dir, 2), &bytes);
    char *at = strstr(bytes.data, "{\"v\":1,\"seq\":3,");
    const struct slice old = {at, strcspn(at, "\n")};
    assert_int_equal(line_check(old, &info, &err), CB_OK);
    *strstr(at, "genuine") = 'G';
    buf_init(&line, AUDIT_LINE_MAX);
    line_frame(&line, info.seq, info.floor, info.ts_us, info.body);
    memcpy(at, line.data, line.len);
    write_file(segment_path(dir, 2), buf_slice(&bytes));
    struct audit_options options = options_for(dir, NULL);
    struct audit_recovery recovery;
    options.accept_loss = &accept_it;
    assert_int_equal(audit_open(&options, &a, &recovery, &err), CB_ECORRUPT);
    buf_free(&line);
    buf_free(&bytes);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage_in_the_middle),
        cmocka_unit_test(test_whole_segment),
        cmocka_unit_test(test_nothing_lost),
        cmocka_unit_test(test_signed_records_stay),
        cmocka_unit_test(test_forgery_is_not_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
