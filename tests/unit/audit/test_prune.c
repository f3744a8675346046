/* test_prune.c - pruning: only what is old, expired, archived and provable; said by the log before a file
 * goes; and the log that is left reads, opens, proves and is pruned again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"
#include "tests/unit/audit/tree_log.h"

#include "audit/keep/archive.h"
#include "audit/read/chain.h"
#include "audit/seal/prove.h"
#include "audit/keep/prune.h"

#define YEAR_S (INT64_C(366) * 86400)

static int64_t in_years(int64_t years)
{
    return clock_wall_us(&cb_system_clock) + years * YEAR_S * 1000000;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static struct prune_options options_at(const struct tree_log *t, int64_t years)
{
    return (struct prune_options){.dir = t->dir,
                                  .now_us = in_years(years),
                                  .keep_s = 2 * YEAR_S,
                                  .before_us = INT64_MAX,
                                  .io = &t->io};
}

static struct prune_plan plan_ok(const struct tree_log *t, int64_t years)
{
    const struct prune_options o = options_at(t, years);
    struct prune_plan plan;
    struct cb_err err;
    if (prune_plan(&o, &plan, &err) != CB_OK) {
        fail_msg("prune_plan: %s", err.msg);
    }
    return plan;
}

/* record - the segment.prune; its number. */
static uint64_t record(const struct tree_log *t, const struct prune_plan *plan)
{
    struct audit *a = open_log(t->dir, &t->io);
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    uint64_t seq = 0;
    prune_event(plan, "a test", "retention", &e);
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_int_equal(audit_append_wait(a, e.type, buf_slice(&body), &seq, &err), CB_OK);
    buf_free(&body);
    audit_close(a);
    return seq;
}

/* add_behind - as tree_add_line, in a log whose beginning was pruned. */
static bool add_behind(void *ctx, uint64_t seq, struct slice line)
{
    struct tree_log *t = ctx;
    if (seq >= t->size) {
        assert_true(seq == t->size && seq < TREE_MAX);
        t->line[seq] = strndup(line.ptr, line.len);
        merkle_leaf(&t->m, line, t->node[0][seq]);
        t->size++;
    }
    return true;
}

static void tree_append_behind(struct tree_log *t, size_t num)
{
    struct cb_err err;
    tree_append(t, num);
    assert_int_equal(audit_walk(t->dir, t->size, add_behind, t, &err), CB_OK);
    tree_write_tiles(t);
}

static void append_certificate(const struct tree_log *t, const char *not_after)
{
    struct audit *a = open_log(t->dir, &t->io);
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    uint64_t seq = 0;
    assert_int_equal(append(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "x", &seq), CB_OK);
    audit_event_zero(&e, AUDIT_ISSUE_OK);
    e.ref = seq;
    e.not_after = slice_of(not_after);
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_int_equal(audit_append_wait(a, e.type, buf_slice(&body), &seq, &err), CB_OK);
    buf_free(&body);
    audit_close(a);
}

static void test_what_may_go(void **state)
{
    (void)state;
    struct tree_log t;
    tree_new(&t);
    tree_write_tiles(&t);
    assert_int_equal(plan_ok(&t, 0).num, 0);
    assert_int_equal(plan_ok(&t, 1).num, 0);
    assert_non_null(strstr(plan_ok(&t, 1).why, "segment 1 stays: its records have not been kept"));
    /* Six segments: the newest two stay however old. */
    struct prune_plan plan = plan_ok(&t, 3);
    assert_int_equal(plan.num, 4);
    assert_int_equal(plan.first_segment, 1);
    assert_int_equal(plan.last_segment, 4);
    assert_int_equal(plan.first_seq, 0);
    assert_non_null(strstr(plan.why, "segment 5 stays: it is one of the newest two"));
    unsigned char root[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    tree_root(&t, plan.size, root);
    hex_encode(root, SHA256_LEN, hex);
    assert_string_equal(plan.root, hex);
    /* --before */
    struct prune_options o = options_at(&t, 3);
    struct cb_err err;
    o.before_us = 0;
    assert_int_equal(prune_plan(&o, &plan, &err), CB_OK);
    assert_int_equal(plan.num, 0);
    assert_non_null(strstr(plan.why, "later than --before"));
    tree_free(&t);
}

/* What is still valid, or not long enough not, holds back its segment and all behind it. */
static void test_certificates_hold_back(void **state)
{
    (void)state;
    static const struct {
        int64_t valid_years;
        const char *why;
    } cases[] = {{50, "is still valid"},
                 {4, "has not expired long enough ago"},
                 {0, "does not say until when"},
                 {2, "one of the newest two"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tree_log t;
        char until[21];
        tree_new(&t);
        time_format_s(in_years(cases[i].valid_years) / 1000000, until);
        append_certificate(&t, cases[i].valid_years == 0 ? NULL : until);
        tree_append(&t, 300);
        tree_append(&t, 1);
        tree_read(&t);
        tree_write_tiles(&t);
        const struct prune_plan plan = plan_ok(&t, 5);
        assert_non_null(strstr(plan.why, cases[i].why));
        assert_int_equal(plan.last_segment, cases[i].valid_years == 2 ? 7 : 6);
        tree_free(&t);
    }
}

/* assert_proves - a record that is left can still be proven, and one that is gone is said to be gone. */
static void assert_proves(const struct tree_log *t, uint64_t gone)
{
    struct prover *prover = NULL;
    struct proven proven;
    struct buf out;
    struct cb_err err;
    tree_seal(t, t->size);
    assert_int_equal(prover_open(t->dir, &prover, &err), CB_OK);
    buf_init(&out, 1U << 20);
    if (prover_record(prover, t->size - 1, &out, &proven, &err) != CB_OK) {
        fail_msg("prover_record: %s", err.msg);
    }
    assert_false(proven.tiles_wrong);
    buf_reset(&out);
    assert_int_equal(prover_record(prover, gone, &out, &proven, &err), CB_ENOENT);
    buf_free(&out);
    prover_close(prover);
}

static void test_prune(void **state)
{
    (void)state;
    struct tree_log t;
    struct cb_err err;
    struct chain chain;
    size_t files = 0;
    tree_new(&t);
    tree_write_tiles(&t);
    const struct prune_plan plan = plan_ok(&t, 3);
    const uint64_t seq = record(&t, &plan);
    tree_read(&t); /* while all of it is there */
    assert_int_equal(prune_finish(t.dir, &t.io, &plan, seq, &files, &err), CB_OK);
    assert_int_equal(files, 4);
    for (uint64_t no = 1; no <= 7; no++) {
        assert_int_equal(is_there(segment_path(t.dir, no)), no > 4);
    }
    const struct seen s = walk_ok(t.dir, 0);
    assert_int_equal(s.first, plan.size);
    assert_int_equal(s.next, t.size);
    assert_int_equal(s.of_type[AUDIT_SEGMENT_PRUNE], 1);
    assert_int_equal(chain_read(t.dir, &chain, &err), CB_OK);
    assert_int_equal(chain.pruned.size, plan.size);
    assert_int_equal(chain.pruned.seq, seq);
    chain_free(&chain);
    assert_proves(&t, 5);
    /* It opens, goes on, and is pruned once more. */
    tree_append(&t, 3);
    tree_append(&t, 3);
    assert_non_null(strstr(plan_ok(&t, 3).why, "segment 5 stays: the hash tile over its last"));
    tree_append_behind(&t, 300);
    tree_append_behind(&t, 3);
    const struct prune_plan more = plan_ok(&t, 3);
    assert_int_equal(more.first_segment, 5);
    assert_int_equal(more.first_seq, plan.size);
    assert_true(more.size > plan.size && more.num == 5);
    const uint64_t next = record(&t, &more);
    assert_int_equal(prune_finish(t.dir, &t.io, &more, next, &files, &err), CB_OK);
    assert_int_equal(walk_ok(t.dir, 0).first, more.size);
    tree_free(&t);
}

/* The log must say so itself, and nobody else for it. */
static void test_nothing_goes_unsaid(void **state)
{
    (void)state;
    struct tree_log t;
    struct cb_err err;
    struct buf marker;
    char path[SEGMENT_PATH_MAX];
    size_t files = 0;
    tree_new(&t);
    tree_write_tiles(&t);
    const struct prune_plan plan = plan_ok(&t, 3);
    /* No record; another record; a record of something else. */
    assert_int_equal(prune_finish(t.dir, &t.io, &plan, t.size + 5, &files, &err), CB_ECORRUPT);
    assert_int_equal(prune_finish(t.dir, &t.io, &plan, 5, &files, &err), CB_EINPUT);
    struct prune_plan less = plan;
    less.size--;
    const uint64_t other = record(&t, &less);
    assert_int_equal(prune_finish(t.dir, &t.io, &plan, other, &files, &err), CB_ECORRUPT);
    assert_true(is_there(segment_path(t.dir, 1)));
    /* A record whose root is not that of the tree prunes nothing. */
    struct prune_plan wrong = plan;
    wrong.root[0] = wrong.root[0] == '0' ? '1' : '0';
    const uint64_t lie = record(&t, &wrong);
    assert_int_equal(prune_finish(t.dir, &t.io, &wrong, lie, &files, &err), CB_ECORRUPT);
    assert_true(is_there(segment_path(t.dir, 1)));
    /* A good one, whose line in state/pruned is then lost, or is not that of the log. */
    const uint64_t seq = record(&t, &plan);
    assert_int_equal(prune_finish(t.dir, &t.io, &plan, seq, &files, &err), CB_OK);
    assert_int_equal(segdir_join(t.dir, "state/pruned", path, &err), CB_OK);
    read_file(path, &marker);
    struct seen s = {0};
    assert_int_equal(unlink(path), 0);
    assert_int_equal(audit_walk(t.dir, 0, see, &s, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "segment 4 is missing; 5 follows it"));
    char *ts = strstr(marker.data, "a test");
    ts[0] = 'A';
    write_file(path, buf_slice(&marker));
    assert_int_equal(audit_walk(t.dir, 0, see, &s, &err), CB_ECORRUPT);
    struct line_info info;
    ts[0] = 'a';
    assert_int_equal(line_check((struct slice){marker.data, marker.len - 1}, &info, &err), CB_OK);
    ts[0] = 'A';
    struct buf forged; /* with a checksum that fits */
    buf_init(&forged, AUDIT_LINE_MAX);
    line_frame(&forged, info.seq, info.floor, info.ts_us, info.body);
    write_file(path, buf_slice(&forged));
    assert_int_equal(audit_walk(t.dir, 0, see, &s, &err), CB_ECORRUPT);
    ts[0] = 'a';
    write_file(path, buf_slice(&marker));
    assert_int_equal(walk_ok(t.dir, 0).first, plan.size);
    buf_free(&forged);
    buf_free(&marker);
    tree_free(&t);
}

/* Died while removing: what is left is not looked at, and goes with the next run. */
static void test_died_in_between(void **state)
{
    (void)state;
    struct tree_log t;
    struct cb_err err;
    size_t files = 0;
    tree_new(&t);
    tree_write_tiles(&t);
    const struct prune_plan plan = plan_ok(&t, 3);
    const uint64_t seq = record(&t, &plan);
    struct fake_io *f = fake_new();
    fake_fail(f, OP_UNLINK, EIO, 1);
    f->fail_skip[OP_UNLINK] = 3; /* a temporary file, and each segment in both forms */
    assert_int_equal(prune_finish(t.dir, &f->io, &plan, seq, &files, &err), CB_ESYS);
    assert_false(is_there(segment_path(t.dir, 1)));
    assert_true(is_there(segment_path(t.dir, 4)));
    assert_int_equal(walk_ok(t.dir, 0).first, plan.size);
    assert_int_equal(prune_clean(t.dir, &f->io, &files, &err), CB_OK);
    assert_int_equal(files, 3);
    assert_false(is_there(segment_path(t.dir, 4)));
    assert_int_equal(walk_ok(t.dir, 0).first, plan.size);
    fake_free(f);
    tree_free(&t);
}

static void test_tiles_must_be_whole(void **state)
{
    (void)state;
    struct tree_log t;
    struct prune_plan plan;
    struct cb_err err;
    tree_new(&t);
    const struct prune_options o = options_at(&t, 3);
    assert_int_equal(prune_plan(&o, &plan, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "tile/0/000"));
    tree_write_tiles(&t);
    tree_damage_tile(&t, 1, TILE_BYTES, 1);
    assert_int_equal(prune_plan(&o, &plan, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "does not hold the hashes"));
    tree_damage_tile(&t, 1, TILE_BYTES - 1, 0);
    assert_int_equal(prune_plan(&o, &plan, &err), CB_ECORRUPT);
    tree_free(&t);
}

static void test_no_further_than_asked_for(void **state)
{
    (void)state;
    struct tree_log t;
    struct prune_plan plan;
    struct cb_err err;
    atomic_bool stop;
    tree_new(&t);
    tree_write_tiles(&t);
    struct prune_options o = options_at(&t, 3);
    o.last_segment = 2;
    assert_int_equal(prune_plan(&o, &plan, &err), CB_OK);
    assert_int_equal(plan.last_segment, 2);
    assert_non_null(strstr(plan.why, "segment 3 stays: it was not asked for"));
    assert_non_null(strstr(plan.kept, "kept for 63244800 s"));
    o.keep_s = PRUNE_KEEP_MAX_S + 1; /* or microseconds of it would overflow */
    assert_int_equal(prune_plan(&o, &plan, &err), CB_EINPUT);
    o.keep_s = PRUNE_KEEP_MAX_S;
    assert_int_equal(prune_plan(&o, &plan, &err), CB_OK);
    assert_int_equal(plan.num, 0);
    atomic_init(&stop, true);
    o = options_at(&t, 3);
    o.stop = &stop;
    assert_int_equal(prune_plan(&o, &plan, &err), CB_EBUSY);
    tree_free(&t);
}

static void test_archive_must_have_it(void **state)
{
    (void)state;
    struct tree_log t;
    struct prune_plan plan;
    struct archive_counts counts;
    struct cb_err err;
    char *to = temp_dir();
    tree_new(&t);
    tree_write_tiles(&t);
    tree_seal(&t, 310); /* within the segments that are copied */
    tree_seal(&t, t.size);
    struct prune_options o = options_at(&t, 3);
    o.archive = to;
    assert_int_equal(prune_plan(&o, &plan, &err), CB_ENOENT);
    const struct archive_options a = {.dir = t.dir, .to = to, .before_us = INT64_MAX, .io = &t.io};
    assert_int_equal(archive_run(&a, &counts, &err), CB_OK);
    assert_int_equal(prune_plan(&o, &plan, &err), CB_OK);
    assert_int_equal(plan.num, 4);
    assert_int_equal(strlen(plan.archive_sha256), SHA256_HEX_LEN);
    /* The archive's checkpoint covers what is there and no more, so it is a log that can be proven. */
    struct prover *prover = NULL;
    assert_int_equal(prover_open(to, &prover, &err), CB_OK);
    assert_int_equal(prover_newest(prover)->checkpoint.size, 310);
    struct buf out;
    struct proven proven;
    buf_init(&out, 1U << 20);
    assert_int_equal(prover_record(prover, 100, &out, &proven, &err), CB_OK);
    buf_free(&out);
    prover_close(prover);
    /* Other bytes there. */
    char path[SEGMENT_PATH_MAX];
    char packed[SEGMENT_PATH_MAX];
    struct buf bytes;
    read_file(segment_path(t.dir, 6), &bytes);
    assert_int_equal(segdir_path(to, 3, path, &err), CB_OK);
    assert_int_equal(segdir_packed(path, packed, &err), CB_OK);
    assert_int_equal(unlink(packed), 0);
    write_file(path, buf_slice(&bytes));
    assert_int_equal(prune_plan(&o, &plan, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "00000003.jsonl"));
    buf_free(&bytes);
    remove_dir(to);
    tree_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_go),
        cmocka_unit_test(test_certificates_hold_back),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_nothing_goes_unsaid),
        cmocka_unit_test(test_died_in_between),
        cmocka_unit_test(test_tiles_must_be_whole),
        cmocka_unit_test(test_no_further_than_asked_for),
        cmocka_unit_test(test_archive_must_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
