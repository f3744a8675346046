/* test_archive.c - archiving: nothing is removed before its packed form is durable and was read back;
 * whatever fails in between, the log reads the same and a later run finishes; a second place is a log
 * of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/packed_log.h"

#include "tests/unit/audit/fake_io.h"

#include "audit/keep/archive.h"

#include <sys/file.h>

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* count_parts - temporary files left behind. */
static size_t count_parts(const char *dir)
{
    size_t num = 0;
    for (unsigned long long no = 1; no <= 5; no++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%.200s/seg/.part-%08llu.jsonl.zst", dir, no);
        num += is_there(path) ? 1 : 0;
    }
    return num;
}

static void assert_same(const char *dir, const struct all *want)
{
    struct all got;
    struct cb_err err;
    if (all_of(dir, &got, &err) != CB_OK) {
        fail_msg("audit_walk: %s", err.msg);
    }
    assert_true(slice_eq(buf_slice(&want->text), buf_slice(&got.text)));
    buf_free(&got.text);
}

static enum cb_code archive(const char *dir, const char *to, const struct audit_io *io,
                            struct archive_counts *ret, struct cb_err *err)
{
    const struct archive_options options = {.dir = dir, .to = to, .before_us = INT64_MAX, .io = io};
    return archive_run(&options, ret, err);
}

static void test_packs_all_but_the_newest_two(void **state)
{
    (void)state;
    char *dir = some_log();
    struct all want;
    struct archive_counts counts;
    struct cb_err err;
    assert_int_equal(all_of(dir, &want, &err), CB_OK);
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_OK);
    assert_int_equal(counts.packed, 3);
    assert_true(counts.packed_bytes > 0 && counts.packed_bytes < counts.plain_bytes);
    for (uint64_t no = 1; no <= 5; no++) {
        assert_int_equal(is_there(segment_path(dir, no)), no > 3);
        assert_int_equal(is_there(packed_path(dir, no)), no <= 3);
    }
    assert_same(dir, &want);
    /* Once more: nothing to do. And the log goes on. */
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_OK);
    assert_int_equal(counts.packed, 0);
    audit_close(open_log(dir, NULL));
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_OK);
    assert_int_equal(counts.packed, 1);
    buf_free(&want.text);
    remove_dir(dir);
}

static void count_steps(void *ctx, const struct archive_step *step)
{
    size_t *counts = ctx;
    counts[step->what]++;
    assert_true(step->end_seq > step->first_seq && step->plain_bytes > 0);
}

static void test_dry_run_and_age(void **state)
{
    (void)state;
    char *dir = some_log();
    char *to = temp_dir();
    size_t steps[ARCHIVE_TO_COPY + 1] = {0};
    struct archive_counts counts;
    struct cb_err err;
    struct archive_options options = {.dir = dir,
                                      .to = to,
                                      .before_us = INT64_MAX,
                                      .dry_run = true,
                                      .each = count_steps,
                                      .ctx = steps};
    assert_int_equal(archive_run(&options, &counts, &err), CB_OK);
    assert_int_equal(steps[ARCHIVE_TO_PACK], 3);
    assert_int_equal(steps[ARCHIVE_TO_COPY], 3);
    assert_true(is_there(segment_path(dir, 1)) && !is_there(packed_path(dir, 1)));
    assert_false(is_there(segment_path(to, 1)));
    /* None is old enough to be packed; a second place wants them all the same. */
    options.dry_run = false;
    options.before_us = 0;
    assert_int_equal(archive_run(&options, &counts, &err), CB_OK);
    assert_int_equal(steps[ARCHIVE_PACKED], 0);
    assert_int_equal(steps[ARCHIVE_COPIED], 3);
    assert_true(is_there(segment_path(dir, 1)) && is_there(packed_path(to, 1)));
    /* Told to stop: nothing more. */
    const _Atomic bool stop = true;
    options.before_us = INT64_MAX;
    options.stop = &stop;
    assert_int_equal(archive_run(&options, &counts, &err), CB_OK);
    assert_int_equal(steps[ARCHIVE_PACKED], 0);
    remove_dir(to);
    remove_dir(dir);
}

/* Every call of every kind fails once, at every place: the log stays readable, the next run ends it. */
static void test_any_failure(void **state)
{
    (void)state;
    static const enum fake_op ops[] = {OP_OPEN, OP_WRITE, OP_FSYNC, OP_RENAME, OP_UNLINK, OP_FLOCK};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        bool failed = true;
        for (int skip = 0; failed; skip++) {
            char *dir = some_log();
            char *to = temp_dir();
            struct all want;
            struct archive_counts counts;
            struct cb_err err;
            struct fake_io *f = fake_new();
            assert_int_equal(all_of(dir, &want, &err), CB_OK);
            fake_fail(f, ops[i], EIO, 1);
            f->fail_skip[ops[i]] = skip;
            failed = archive(dir, to, &f->io, &counts, &err) != CB_OK;
            /* Removing what nobody left behind may fail: that is all that may go unsaid. */
            failed = failed || (f->fail_times[ops[i]] == 0 && ops[i] == OP_UNLINK);
            assert_same(dir, &want);
            fake_fail(f, ops[i], 0, 0);
            assert_int_equal(archive(dir, to, &f->io, &counts, &err), CB_OK);
            for (uint64_t no = 1; no <= 3; no++) {
                assert_true(!is_there(segment_path(dir, no)) && is_there(packed_path(dir, no)));
                assert_true(is_there(packed_path(to, no)));
            }
            assert_int_equal(count_parts(dir) + count_parts(to), 0);
            assert_same(dir, &want);
            fake_free(f);
            buf_free(&want.text);
            remove_dir(to);
            remove_dir(dir);
        }
    }
}

/* at_of - where in the journal an operation on a path is; the first one from `from` on. */
static size_t at_of(const struct fake_io *f, size_t from, enum fake_op op, const char *path)
{
    for (size_t i = from; i < f->journal_len; i++) {
        if (f->journal[i].op == op && strcmp(f->journal[i].path, path) == 0) {
            return i;
        }
    }
    fail_msg("no operation %d on %s", (int)op, path);
    return 0;
}

/* A power cut at any moment: the packed bytes, then its name, then the plain name's going. */
static void test_order(void **state)
{
    (void)state;
    char *dir = some_log();
    struct archive_counts counts;
    struct cb_err err;
    struct fake_io *f = fake_new();
    f->journal_on = true;
    assert_int_equal(archive(dir, NULL, &f->io, &counts, &err), CB_OK);
    for (uint64_t no = 1; no <= 3; no++) {
        char part[SEGMENT_PATH_MAX];
        char seg[SEGMENT_PATH_MAX];
        (void)snprintf(seg, sizeof(seg), "%.200s/seg/", dir);
        (void)snprintf(part, sizeof(part), "%.200s/seg/.part-%08llu.jsonl.zst", dir,
                       (unsigned long long)no);
        const size_t written = at_of(f, 0, OP_WRITE, part);
        const size_t synced = at_of(f, written, OP_FSYNC, part);
        const size_t renamed = at_of(f, synced, OP_RENAME, packed_path(dir, no));
        const size_t named = at_of(f, renamed, OP_FSYNC, seg);
        const size_t removed = at_of(f, 0, OP_UNLINK, segment_path(dir, no));
        for (size_t i = synced; i < renamed; i++) {
            assert_int_not_equal(f->journal[i].op, OP_WRITE);
        }
        assert_true(named < removed);
        (void)at_of(f, removed, OP_FSYNC, seg);
    }
    fake_free(f);
    remove_dir(dir);
}

/* What is only copied is on the disk before it has its name, too. */
static void test_order_of_copies(void **state)
{
    (void)state;
    char *dir = some_log();
    char *to = temp_dir();
    char path[SEGMENT_PATH_MAX];
    char part[SEGMENT_PATH_MAX];
    struct archive_counts counts;
    struct cb_err err;
    struct fake_io *f = fake_new();
    assert_int_equal(segdir_join(dir, "policy/abc.yaml", path, &err), CB_OK);
    write_file(path, SLICE("rules: []\n"));
    f->journal_on = true;
    assert_int_equal(archive(dir, to, &f->io, &counts, &err), CB_OK);
    assert_int_equal(segdir_join(to, "policy/abc.yaml", path, &err), CB_OK);
    assert_int_equal(segdir_join(to, "policy/.part-abc.yaml", part, &err), CB_OK);
    const size_t written = at_of(f, 0, OP_WRITE, part);
    const size_t synced = at_of(f, written, OP_FSYNC, part);
    (void)at_of(f, synced, OP_RENAME, path);
    fake_free(f);
    remove_dir(to);
    remove_dir(dir);
}

static void flip(const char *path, size_t at)
{
    struct buf bytes;
    read_file(path, &bytes);
    assert_true(at < bytes.len);
    bytes.data[at] = (char)(bytes.data[at] ^ 1);
    write_file(path, buf_slice(&bytes));
    buf_free(&bytes);
}

/* What does not hold what it should is left alone, and named. */
static void test_damage_stays(void **state)
{
    (void)state;
    char *dir = some_log();
    struct archive_counts counts;
    struct cb_err err;
    /* A record. */
    flip(segment_path(dir, 2), 9000);
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "00000002.jsonl"));
    assert_non_null(strstr(err.msg, "record"));
    assert_true(is_there(segment_path(dir, 2)) && !is_there(packed_path(dir, 2)));
    assert_int_equal(count_parts(dir), 0);
    flip(segment_path(dir, 2), 9000);
    /* Both forms, and they differ: be it in what does not count. */
    pack(dir, 3);
    struct stat st;
    assert_int_equal(stat(segment_path(dir, 3), &st), 0);
    flip(segment_path(dir, 3), (size_t)st.st_size - 1);
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "does not hold the bytes of"));
    assert_true(is_there(segment_path(dir, 3)) && is_there(packed_path(dir, 3)));
    flip(segment_path(dir, 3), (size_t)st.st_size - 1);
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_OK);
    assert_int_equal(counts.packed, 1); /* 1 and 2 were done before */
    remove_dir(dir);
}

/* A record with a right checksum in the place of another: only the tree can tell. */
static void test_forgery_is_not_packed(void **state)
{
    (void)state;
    char *dir = some_log();
    struct buf bytes;
    struct buf forged;
    struct archive_counts counts;
    struct cb_err err;
    struct line_info info;
    read_file(segment_path(dir, 2), &bytes);
    const char *second = strchr(bytes.data, '\n') + 1;
    const struct slice line = {second, strcspn(second, "\n")};
    assert_int_equal(line_check(line, &info, &err), CB_OK);
    char *detail = memmem(info.body.ptr, info.body.len, "\"detail\":\"a", 11);
    assert_non_null(detail);
    detail[10] = 'b';
    buf_init(&forged, AUDIT_LINE_MAX);
    line_frame(&forged, info.seq, info.floor, info.ts_us, info.body);
    assert_int_equal(forged.len, line.len + 1);
    memcpy(bytes.data + (second - bytes.data), forged.data, forged.len);
    write_file(segment_path(dir, 2), buf_slice(&bytes));
    assert_int_equal(walk_ok(dir, 0).first, 0);
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "was changed"));
    assert_true(is_there(segment_path(dir, 2)));
    buf_free(&bytes);
    buf_free(&forged);
    remove_dir(dir);
}

static void test_second_place_is_a_log(void **state)
{
    (void)state;
    char *dir = some_log();
    char *to = temp_dir();
    struct all want;
    struct all got;
    struct archive_counts counts;
    struct cb_err err;
    char path[SEGMENT_PATH_MAX];
    assert_int_equal(all_of(dir, &want, &err), CB_OK);
    assert_int_equal(segdir_join(dir, "policy/abc.yaml", path, &err), CB_OK);
    write_file(path, SLICE("rules: []\n"));
    assert_int_equal(archive(dir, to, NULL, &counts, &err), CB_OK);
    assert_int_equal(counts.copied, 3);
    assert_int_equal(counts.policies, 1);
    assert_int_equal(all_of(to, &got, &err), CB_OK);
    assert_int_equal(counts.end_seq, walk_ok(to, 0).next);
    assert_true(got.text.len > 0 && slice_has_prefix(buf_slice(&want.text), buf_slice(&got.text)));
    assert_int_equal(segdir_join(to, "policy/abc.yaml", path, &err), CB_OK);
    assert_true(is_there(path));
    assert_int_equal(segdir_join(to, "state/origin", path, &err), CB_OK);
    assert_true(is_there(path));
    /* More of it later, from plain and from packed files. */
    audit_close(open_log(dir, NULL));
    audit_close(open_log(dir, NULL));
    assert_int_equal(unlink(packed_path(to, 1)), 0);
    assert_int_equal(archive(dir, to, NULL, &counts, &err), CB_OK);
    assert_int_equal(counts.copied, 3);
    assert_int_equal(walk_ok(to, 0).next, counts.end_seq);
    buf_free(&want.text);
    buf_free(&got.text);
    remove_dir(to);
    remove_dir(dir);
}

static void test_refusals(void **state)
{
    (void)state;
    char *dir = temp_dir();
    struct archive_counts counts;
    struct cb_err err;
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_ENOENT);
    remove_dir(dir);
    dir = some_log();
    char path[SEGMENT_PATH_MAX];
    assert_int_equal(segdir_join(dir, "state/ARCHIVE.lock", path, &err), CB_OK);
    const int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(archive(dir, NULL, NULL, &counts, &err), CB_EBUSY);
    assert_int_equal(close(fd), 0);
    assert_int_not_equal(archive(dir, "/nonexistent/place", NULL, &counts, &err), CB_OK);
    assert_non_null(strstr(err.msg, "/nonexistent/place"));
    assert_true(is_there(segment_path(dir, 1)));
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packs_all_but_the_newest_two),
        cmocka_unit_test(test_dry_run_and_age),
        cmocka_unit_test(test_any_failure),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_of_copies),
        cmocka_unit_test(test_damage_stays),
        cmocka_unit_test(test_forgery_is_not_packed),
        cmocka_unit_test(test_second_place_is_a_log),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
