/* test_faults.c - the writer on a failing disk: what is retried, what is refused, what the log says
 * afterwards, and that no acknowledged record is lost on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"

struct rig {
    char *dir;
    struct fake_io *f;
    struct audit *a;
};

static struct rig rig_new(void)
{
    struct rig r = {.dir = new_log(), .f = fake_new()};
    r.a = open_log(r.dir, &r.f->io);
    assert_int_equal(append_ok(r.a, "before"), 3);
    return r;
}

static void rig_free(struct rig *r)
{
    audit_close(r->a);
    fake_free(r->f);
    remove_dir(r->dir);
}

static uint64_t segments(struct rig *r)
{
    struct audit_stats stats;
    audit_get_stats(r->a, &stats);
    return stats.segments_opened;
}

static enum cb_code try_append(struct rig *r, enum audit_type type)
{
    return append(r->a, type, audit_type_is_outcome(type) ? 3 : UINT64_MAX, "tried", NULL);
}

/* ---- faults that a fresh segment cures ---- */

static const struct cure {
    const char *name;
    enum fake_op op;
    int error;
    int in_fault; /* errno in the audit.fault record */
} cures[] = {
    {"fdatasync EIO", OP_FDATASYNC, EIO, EIO},
    {"fdatasync ENOSPC", OP_FDATASYNC, ENOSPC, ENOSPC},
    {"fdatasync EINTR is not retried either", OP_FDATASYNC, EINTR, EINTR},
    {"write EIO", OP_WRITE, EIO, EIO},
    {"write ENOSPC", OP_WRITE, ENOSPC, ENOSPC},
    {"write EFBIG", OP_WRITE, EFBIG, EFBIG},
    {"write EDQUOT", OP_WRITE, EDQUOT, EDQUOT},
};

static void test_batch_moves_to_a_fresh_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]); i++) {
        struct rig r = rig_new();
        char want[64];
        fake_fail(r.f, cures[i].op, cures[i].error, 1);
        /* 4: segment.open, 5: audit.fault, 6: the record */
        assert_int_equal(append_ok(r.a, "moved"), 6);
        assert_int_equal(segments(&r), 2);
        assert_int_equal(audit_get_state(r.a), AUDIT_OK);
        assert_int_equal(append_ok(r.a, "after"), 7);
        const struct seen s = walk_ok(r.dir, 0);
        assert_int_equal(s.next, 8);
        assert_int_equal(s.of_type[AUDIT_FAULT], 1);
        assert_int_equal(s.of_type[AUDIT_RECOVERED], 0);
        assert_int_equal(s.of_type[AUDIT_AUTHZ_DENY], 3);
        (void)snprintf(want, sizeof(want), "\"errno\":%d,\"segment\":2,\"next_seq\":4",
                       cures[i].in_fault);
        assert_int_equal(count_lines(r.dir, want), 1);
        assert_int_equal(count_lines(r.dir, "\"clean\":false"), 1);
        rig_free(&r);
    }
}

/* A failed sync must never be repeated on the same file: the second one would lie. */
static void test_failed_sync_is_final_for_its_file(void **state)
{
    (void)state;
    struct rig r = rig_new();
    r.f->journal_on = true;
    fake_fail(r.f, OP_FDATASYNC, EIO, 1);
    (void)append_ok(r.a, "moved");
    bool failed = false;
    for (size_t i = 0; i < r.f->journal_len; i++) {
        const struct fake_entry *e = &r.f->journal[i];
        const bool old = strstr(e->path, "00000002.jsonl") != NULL;
        assert_false(failed && old);
        failed = failed || (old && e->op == OP_FDATASYNC && e->failed);
    }
    assert_true(failed);
    rig_free(&r);
}

static void test_void_bytes_are_stated(void **state)
{
    (void)state;
    struct rig r = rig_new();
    struct stat st;
    assert_int_equal(stat(segment_path(r.dir, 2), &st), 0);
    const long long valid = (long long)st.st_size;
    fake_fail(r.f, OP_FDATASYNC, EIO, 1);
    (void)append_ok(r.a, "moved");
    assert_int_equal(stat(segment_path(r.dir, 2), &st), 0);
    char want[128];
    (void)snprintf(want, sizeof(want),
                   "\"prev\":{\"no\":2,\"valid_bytes\":%lld,\"void_bytes\":%lld,\"void_sha256\":\"",
                   valid, (long long)st.st_size - valid);
    assert_int_equal(count_lines(r.dir, want), 1);
    rig_free(&r);
}

static void test_short_writes_and_interrupts_go_on(void **state)
{
    (void)state;
    struct rig r = rig_new();
    fake_set_disk(r.f, UINT64_MAX, 7);
    assert_int_equal(append_ok(r.a, "in pieces"), 4);
    fake_fail(r.f, OP_WRITE, EINTR, 5);
    assert_int_equal(append_ok(r.a, "interrupted"), 5);
    fake_set_disk(r.f, UINT64_MAX, 0);
    assert_int_equal(segments(&r), 1);
    assert_int_equal(walk_ok(r.dir, 0).next, 6);
    rig_free(&r);
}

/* A write that stops half way and then finds the disk full leaves half a line: nothing may be
 * glued to it. */
static void test_short_write_on_a_full_disk(void **state)
{
    (void)state;
    struct rig r = rig_new();
    fake_set_disk(r.f, 50, 0);
    assert_int_equal(try_append(&r, AUDIT_AUTHZ_DENY), CB_ESYS);
    assert_int_equal(audit_get_state(r.a), AUDIT_BLOCKED);
    fake_set_disk(r.f, UINT64_MAX, 0);
    audit_poke(r.a);
    assert_int_equal(audit_get_state(r.a), AUDIT_OK);
    (void)append_ok(r.a, "after");
    const struct seen s = walk_ok(r.dir, 0);
    assert_int_equal(s.of_type[AUDIT_AUTHZ_DENY], 2);
    assert_int_equal(s.of_type[AUDIT_FAULT], 1);
    assert_int_equal(s.of_type[AUDIT_RECOVERED], 1);
    rig_free(&r);
}

/* ---- faults that last ---- */

static void test_blocked_until_the_disk_is_back(void **state)
{
    (void)state;
    struct rig r = rig_new();
    struct cb_err err;
    struct buf body;
    body_of(&body, AUDIT_AUTHZ_DENY, UINT64_MAX, "x");
    struct audit_append refused = {
        .body = buf_slice(&body), .type = AUDIT_AUTHZ_DENY, .ref_seq = UINT64_MAX};
    fake_fail(r.f, OP_FDATASYNC, EIO, -1);
    assert_int_equal(try_append(&r, AUDIT_AUTHZ_DENY), CB_ESYS); /* was queued: told by done */
    assert_int_equal(audit_get_state(r.a), AUDIT_BLOCKED);
    assert_int_equal(audit_submit(r.a, &refused, &err), CB_ESYS); /* not even queued */
    for (int i = 0; i < 5; i++) {
        audit_poke(r.a);
        assert_int_equal(audit_get_state(r.a), AUDIT_BLOCKED);
    }
    fake_fail(r.f, OP_FDATASYNC, 0, 0);
    audit_poke(r.a);
    assert_int_equal(audit_get_state(r.a), AUDIT_OK);
    (void)append_ok(r.a, "after");
    const struct seen s = walk_ok(r.dir, 0);
    assert_int_equal(s.of_type[AUDIT_AUTHZ_DENY], 2);
    assert_int_equal(s.of_type[AUDIT_FAULT], 1);
    assert_int_equal(s.of_type[AUDIT_RECOVERED], 1);
    assert_int_equal(count_lines(r.dir, "\"refused\":2"), 1);
    /* Segments that never got their first record are gone again. */
    struct segment_list list;
    assert_int_equal(segdir_list(r.dir, &list, &err), CB_OK);
    assert_int_equal(list.num, 3);
    segdir_list_free(&list);
    buf_free(&body);
    rig_free(&r);
}

/* The same where nothing can be unlinked (append-only directory): readers skip what stays. */
static void test_unused_segments_are_skipped(void **state)
{
    (void)state;
    static const enum fake_op fails[] = {OP_FDATASYNC, OP_WRITE, OP_FSYNC};
    for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
        struct rig r = rig_new();
        struct segment_list list;
        struct cb_err err;
        fake_fail(r.f, OP_UNLINK, EPERM, -1);
        fake_fail(r.f, OP_FDATASYNC, EIO, -1);
        assert_int_equal(try_append(&r, AUDIT_AUTHZ_DENY), CB_ESYS);
        fake_fail(r.f, OP_FDATASYNC, 0, 0);
        fake_fail(r.f, fails[i], EIO, -1);
        audit_poke(r.a);
        audit_poke(r.a);
        assert_int_equal(segdir_list(r.dir, &list, &err), CB_OK);
        assert_int_equal(list.num, 5);
        segdir_list_free(&list);
        assert_int_equal(walk_ok(r.dir, 0).of_type[AUDIT_AUTHZ_DENY] >= 1, 1);
        fake_fail(r.f, fails[i], 0, 0);
        audit_poke(r.a);
        (void)append_ok(r.a, "after");
        assert_int_equal(walk_ok(r.dir, 0).of_type[AUDIT_AUTHZ_DENY], 2);
        audit_close(r.a);
        r.a = open_log(r.dir, &r.f->io);
        (void)append_ok(r.a, "later");
        assert_int_equal(walk_ok(r.dir, 0).of_type[AUDIT_AUTHZ_DENY], 3);
        rig_free(&r);
    }
}

static void test_no_new_segment_can_be_created(void **state)
{
    (void)state;
    static const struct {
        enum fake_op op;
        int error;
    } cases[] = {{OP_OPEN, EROFS}, {OP_FSYNC, EIO}, {OP_FALLOCATE, ENOSPC}, {OP_WRITE, EIO}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig r = rig_new();
        fake_fail(r.f, cases[i].op, cases[i].error, -1);
        fake_fail(r.f, OP_FDATASYNC, EIO, 1);
        assert_int_equal(try_append(&r, AUDIT_AUTHZ_DENY), CB_ESYS);
        assert_int_equal(audit_get_state(r.a), AUDIT_BLOCKED);
        fake_fail(r.f, cases[i].op, 0, 0);
        fake_fail(r.f, OP_FDATASYNC, 0, 0);
        audit_poke(r.a);
        assert_int_equal(audit_get_state(r.a), AUDIT_OK);
        (void)append_ok(r.a, "after");
        assert_int_equal(walk_ok(r.dir, 0).of_type[AUDIT_AUTHZ_DENY], 2);
        rig_free(&r);
    }
}

static void test_close_while_blocked(void **state)
{
    (void)state;
    struct rig r = rig_new();
    fake_fail(r.f, OP_FDATASYNC, EIO, -1);
    assert_int_equal(try_append(&r, AUDIT_AUTHZ_DENY), CB_ESYS);
    audit_close(r.a);
    fake_fail(r.f, OP_FDATASYNC, 0, 0);
    r.a = open_log(r.dir, &r.f->io);
    assert_true(walk_ok(r.dir, 0).of_type[AUDIT_AUTHZ_DENY] >= 1);
    rig_free(&r);
}

/* An outcome that could not be written leaves its attempt to be closed as unknown. */
static void test_lost_outcomes_become_unknown(void **state)
{
    (void)state;
    struct rig r = rig_new();
    uint64_t queued = 0;
    uint64_t turned_away = 0;
    uint64_t open = 0;
    assert_int_equal(append(r.a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "a", &queued), CB_OK);
    assert_int_equal(append(r.a, AUDIT_REVOKE_ATTEMPT, UINT64_MAX, "b", &turned_away), CB_OK);
    assert_int_equal(append(r.a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "c", &open), CB_OK);
    fake_fail(r.f, OP_FDATASYNC, EIO, -1);
    assert_int_equal(append(r.a, AUDIT_ISSUE_OK, queued, "x", NULL), CB_ESYS);
    assert_int_equal(append(r.a, AUDIT_REVOKE_OK, turned_away, "x", NULL), CB_ESYS);
    fake_fail(r.f, OP_FDATASYNC, 0, 0);
    audit_poke(r.a);
    assert_int_equal(audit_get_state(r.a), AUDIT_OK);
    struct seen s = walk_ok(r.dir, 0);
    assert_int_equal(s.of_type[AUDIT_ISSUE_UNKNOWN], 1);
    assert_int_equal(s.of_type[AUDIT_REVOKE_UNKNOWN], 1);
    assert_int_equal(s.of_type[AUDIT_ISSUE_OK], 0);
    char want[128];
    (void)snprintf(want, sizeof(want),
                   "\"type\":\"issue.unknown\",\"ref\":%llu,\"req\":\"00112233445566778899aabbccdd",
                   (unsigned long long)queued);
    assert_int_equal(count_lines(r.dir, want), 1);
    audit_close(r.a);
    struct audit_recovery recovery;
    const struct audit_options options = options_for(r.dir, &r.f->io);
    r.a = open_with(&options, &recovery);
    assert_int_equal(recovery.num_open, 1); /* whose outcome nobody has tried to write */
    assert_int_equal(recovery.open[0].seq, open);
    audit_recovery_free(&recovery);
    rig_free(&r);
}

/* ---- the once-a-second look at the file ---- */

static void tamper_remove(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void tamper_rename(const char *path)
{
    char away[SEGMENT_PATH_MAX + 8];
    (void)snprintf(away, sizeof(away), "%s.away", path);
    assert_int_equal(rename(path, away), 0);
}

static void tamper_replace(const char *path)
{
    struct buf bytes;
    read_file(path, &bytes);
    assert_int_equal(unlink(path), 0);
    write_file(path, buf_slice(&bytes));
    buf_free(&bytes);
}

static void tamper_append(const char *path)
{
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    assert_int_equal(fputs("{\"v\":1}\n", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

static void tamper_truncate(const char *path)
{
    assert_int_equal(truncate(path, 10), 0);
}

static void test_tampering_with_the_live_segment(void **state)
{
    (void)state;
    static const struct {
        void (*tamper)(const char *path);
        enum cb_code walk; /* can the history still be read? */
    } cases[] = {{tamper_remove, CB_OK},
                 {tamper_rename, CB_OK},
                 {tamper_replace, CB_OK},
                 {tamper_append, CB_OK},
                 {tamper_truncate, CB_ECORRUPT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig r = rig_new();
        struct seen s = {0};
        struct cb_err err;
        cases[i].tamper(segment_path(r.dir, 2));
        audit_poke(r.a);
        assert_int_equal(audit_get_state(r.a), AUDIT_OK);
        assert_int_equal(segments(&r), 2);
        assert_int_equal(append_ok(r.a, "after"), 6);
        assert_int_equal(audit_walk(r.dir, 0, see, &s, &err), cases[i].walk);
        if (cases[i].walk == CB_OK) {
            assert_int_equal(s.of_type[AUDIT_FAULT], 1);
        }
        audit_close(r.a);
        r.a = NULL;
        /* A log that lost durable records does not open again as if nothing had happened. The
         * link from the last segment but one is checked; here that is the damaged one. */
        assert_int_equal(open_code(r.dir, &r.f->io, &err), cases[i].walk);
        rig_free(&r);
    }
}

/* count_lines_of - in one segment's file, whatever the rest of the log is like. */
static size_t count_lines_of(const char *dir, uint64_t no, const char *text)
{
    struct buf bytes;
    size_t num = 0;
    read_file(segment_path(dir, no), &bytes);
    for (const char *at = bytes.data; (at = strstr(at, text)) != NULL; at++) {
        num++;
    }
    buf_free(&bytes);
    return num;
}

/* was_written_anew - created once more, written and then synced. */
static bool was_written_anew(const struct fake_io *f, const char *path)
{
    enum { NOTHING, CREATED, WRITTEN, SYNCED } so_far = NOTHING;
    for (size_t i = 0; i < f->journal_len; i++) {
        const struct fake_entry *e = &f->journal[i];
        if (strcmp(e->path, path) == 0 && e->op == OP_OPEN && e->created) {
            so_far = CREATED;
        } else if (strcmp(e->path, path) == 0 && so_far >= CREATED) {
            so_far = e->op == OP_WRITE ? WRITTEN : e->op == OP_FSYNC ? SYNCED : so_far;
        }
    }
    return so_far == SYNCED;
}

static void tamper_forge(const char *path)
{
    tamper_remove(path);
    write_file(path, SLICE("somebody else's\n"));
}

/* Removed, renamed or replaced, and then a tick, a roll, a fault or the end: every acknowledged record
 * is still there, and what took the name is kept aside. */
static void test_removed_file_is_written_anew(void **state)
{
    (void)state;
    static void (*const tampers[])(const char *) = {tamper_remove, tamper_rename, tamper_replace,
                                                    tamper_forge};
    enum then { TICK, ROLL, FAULT, STOP, THENS };
    for (int i = 0; i < 4 * THENS; i++) {
        char *dir = new_log();
        struct fake_io *f = fake_new();
        struct audit_options options = options_for(dir, &f->io);
        options.segment_bytes = 4000;
        struct rig r = {.dir = dir, .f = f, .a = open_with(&options, NULL)};
        char foreign[SEGMENT_PATH_MAX + 16];
        static char large[2600];
        memset(large, 'l', sizeof(large) - 1);
        assert_int_equal(append_ok(r.a, "precious"), 3);
        tampers[i % 4](segment_path(r.dir, 2));
        f->journal_on = true;
        (void)snprintf(foreign, sizeof(foreign), "%s.foreign", segment_path(r.dir, 2));
        switch ((enum then)(i / 4)) {
        case TICK:
            audit_poke(r.a);
            break;
        case ROLL:
            (void)append_ok(r.a, large);
            (void)append_ok(r.a, large);
            (void)append_ok(r.a, large);
            break;
        case FAULT:
            fake_fail(r.f, OP_FDATASYNC, EIO, 1);
            (void)append_ok(r.a, "after");
            break;
        case STOP:
        case THENS:
            break;
        }
        audit_close(r.a);
        r.a = NULL;
        assert_int_equal(count_lines(r.dir, "precious"), 1);
        assert_int_equal(count_lines(r.dir, "its records were written anew"), 1);
        assert_int_equal(access(foreign, F_OK), i % 4 >= 2 ? 0 : -1);
        assert_true(was_written_anew(f, segment_path(r.dir, 2)));
        struct cb_err err;
        assert_int_equal(open_code(r.dir, &r.f->io, &err), CB_OK);
        rig_free(&r);
    }
}

/* Bytes that somebody else puts into the file, or takes from it, just before we write: nothing that is
 * acknowledged may stand behind or among them. */
static void test_foreign_bytes_between_batches(void **state)
{
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        struct rig r = rig_new();
        if (cut == 1) {
            struct stat st;
            assert_int_equal(stat(segment_path(r.dir, 2), &st), 0);
            assert_int_equal(truncate(segment_path(r.dir, 2), st.st_size - 3), 0);
        } else {
            tamper_append(segment_path(r.dir, 2));
        }
        assert_int_equal(append_ok(r.a, "after"), 6); /* 4: segment.open, 5: audit.fault */
        assert_int_equal(segments(&r), 2);
        assert_int_equal(count_lines_of(r.dir, 3, "\"after\""), 1);
        assert_int_equal(count_lines_of(r.dir, 3, "\"reason\":\"file\""), 1);
        audit_close(r.a);
        r.a = NULL;
        struct seen s = {.find = "\"after\""};
        struct cb_err err;
        assert_int_equal(audit_walk(r.dir, 0, see, &s, &err), cut == 1 ? CB_ECORRUPT : CB_OK);
        assert_int_equal(s.found, cut == 1 ? 0 : 1);
        rig_free(&r);
    }
}

/* What cannot be written anew is said, and the log goes on; it will not open again unasked. */
static void test_removed_file_that_was_cut(void **state)
{
    (void)state;
    struct rig r = rig_new();
    struct cb_err err;
    assert_int_equal(truncate(segment_path(r.dir, 2), 10), 0);
    tamper_remove(segment_path(r.dir, 2));
    audit_poke(r.a);
    assert_int_equal(audit_get_state(r.a), AUDIT_OK);
    audit_close(r.a);
    r.a = NULL;
    assert_int_equal(open_code(r.dir, &r.f->io, &err), CB_ECORRUPT);
    rig_free(&r);
}

/* ---- space ---- */

static void test_free_space_marks(void **state)
{
    (void)state;
    char *dir = new_log();
    struct fake_io *f = fake_new();
    struct audit_options options = options_for(dir, &f->io);
    options.soft_free_bytes = 1000;
    options.hard_free_bytes = 100;
    f->free_bytes = 5000;
    struct rig r = {.dir = dir, .f = f, .a = open_with(&options, NULL)};
    static const struct {
        uint64_t free_bytes;
        enum audit_state state;
        enum cb_code issue, revoke, deny, outcome, stop;
    } cases[] = {
        {5000, AUDIT_OK, CB_OK, CB_OK, CB_OK, CB_OK, CB_OK},
        {1000, AUDIT_OK, CB_OK, CB_OK, CB_OK, CB_OK, CB_OK},
        {999, AUDIT_LOW_SPACE, CB_ESYS, CB_OK, CB_OK, CB_OK, CB_OK},
        {100, AUDIT_LOW_SPACE, CB_ESYS, CB_OK, CB_OK, CB_OK, CB_OK},
        {99, AUDIT_BLOCKED, CB_ESYS, CB_ESYS, CB_ESYS, CB_OK, CB_OK},
        {5000, AUDIT_OK, CB_OK, CB_OK, CB_OK, CB_OK, CB_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_stats stats;
        fake_set_free(f, cases[i].free_bytes);
        audit_poke(r.a);
        audit_get_stats(r.a, &stats);
        assert_int_equal(stats.free_bytes, cases[i].free_bytes);
        assert_int_equal(audit_get_state(r.a), cases[i].state);
        assert_int_equal(try_append(&r, AUDIT_ISSUE_ATTEMPT), cases[i].issue);
        assert_int_equal(try_append(&r, AUDIT_REVOKE_ATTEMPT), cases[i].revoke);
        assert_int_equal(try_append(&r, AUDIT_AUTHZ_DENY), cases[i].deny);
        assert_int_equal(try_append(&r, AUDIT_ISSUE_FAIL), cases[i].outcome);
        assert_int_equal(try_append(&r, AUDIT_BROKER_STOP), cases[i].stop);
    }
    rig_free(&r);
}

/* A full disk shows when an attempt is admitted, not when its outcome must be written. */
static void test_outcomes_have_their_space(void **state)
{
    (void)state;
    struct rig r = rig_new();
    uint64_t attempt[200];
    size_t num = 0;
    fake_fail(r.f, OP_FALLOCATE, ENOSPC, -1);
    while (num < 200 && append(r.a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "x", &attempt[num]) == CB_OK) {
        num++;
    }
    /* One step is reserved at the start: room for so many credits and no more. */
    assert_in_range(num, 50, SEGMENT_RESERVE_STEP / OUTCOME_CREDIT);
    assert_int_equal(audit_get_state(r.a), AUDIT_BLOCKED);
    assert_int_equal(try_append(&r, AUDIT_AUTHZ_DENY), CB_ESYS);
    for (size_t i = 0; i < num; i++) {
        assert_int_equal(append(r.a, AUDIT_ISSUE_OK, attempt[i], "x", NULL), CB_OK);
    }
    assert_int_equal(segments(&r), 1);
    fake_fail(r.f, OP_FALLOCATE, 0, 0);
    audit_poke(r.a);
    assert_int_equal(audit_get_state(r.a), AUDIT_OK);
    assert_int_equal(try_append(&r, AUDIT_ISSUE_ATTEMPT), CB_OK);
    rig_free(&r);
}

static void test_roll_that_finds_no_space_stays(void **state)
{
    (void)state;
    char *dir = new_log();
    struct fake_io *f = fake_new();
    struct audit_options options = options_for(dir, &f->io);
    options.segment_bytes = 1500;
    struct rig r = {.dir = dir, .f = f, .a = open_with(&options, NULL)};
    fake_fail(f, OP_FALLOCATE, ENOSPC, -1);
    for (int i = 0; i < 20; i++) {
        (void)append_ok(r.a, "fits in what is reserved");
    }
    assert_int_equal(segments(&r), 1);
    fake_fail(f, OP_FALLOCATE, 0, 0);
    audit_poke(r.a);
    (void)append_ok(r.a, "rolled");
    assert_true(segments(&r) > 1);
    assert_int_equal(walk_ok(dir, 0).of_type[AUDIT_AUTHZ_DENY], 21);
    rig_free(&r);
}

static void test_file_system_without_fallocate(void **state)
{
    (void)state;
    char *dir = new_log();
    struct fake_io *f = fake_new();
    fake_fail(f, OP_FALLOCATE, EOPNOTSUPP, -1);
    struct rig r = {.dir = dir, .f = f, .a = open_log(dir, &f->io)};
    assert_int_equal(try_append(&r, AUDIT_ISSUE_ATTEMPT), CB_OK);
    assert_int_equal(fake_calls(f, OP_FALLOCATE), 1);
    rig_free(&r);
}

/* Faults in the middle of a roll: at the close of the old segment and at the open of the new. */
static void test_faults_while_rolling(void **state)
{
    (void)state;
    for (int after = 0; after < 4; after++) {
        char *dir = new_log();
        struct fake_io *f = fake_new();
        struct audit_options options = options_for(dir, &f->io);
        options.segment_bytes = 1200;
        struct rig r = {.dir = dir, .f = f, .a = open_with(&options, NULL)};
        uint64_t acked = 0;
        for (int i = 0; i < 24; i++) {
            /* Every few syncs one fails; where it hits moves with `after`. */
            if (i % 4 == after) {
                fake_fail(f, OP_FDATASYNC, EIO, 1);
            }
            acked += append(r.a, AUDIT_AUTHZ_DENY, UINT64_MAX, "rolling", NULL) == CB_OK ? 1 : 0;
            audit_poke(r.a);
        }
        assert_int_equal(walk_ok(dir, 0).of_type[AUDIT_AUTHZ_DENY], acked);
        audit_close(r.a);
        fake_fail(f, OP_FDATASYNC, 0, 0);
        r.a = open_log(dir, &f->io);
        assert_int_equal(walk_ok(dir, 0).of_type[AUDIT_AUTHZ_DENY], acked);
        rig_free(&r);
    }
}

/* ---- a disk that does not answer ---- */

static int64_t now_us = 1;

static int64_t test_time(void *ctx)
{
    (void)ctx;
    return __atomic_load_n(&now_us, __ATOMIC_RELAXED);
}

static const struct cb_clock test_clock = {.wall_us = test_time, .mono_us = test_time};

static void count_done(struct audit_append *a, enum cb_code code)
{
    CB_CHECK(code == CB_OK);
    __atomic_fetch_add((int *)a->ctx, 1, __ATOMIC_SEQ_CST);
}

static void test_hung_sync_is_seen_at_once(void **state)
{
    (void)state;
    char *dir = new_log();
    struct fake_io *f = fake_new();
    struct audit_options options = options_for(dir, &f->io);
    options.clock = &test_clock;
    options.stall_ms = 5000;
    struct rig r = {.dir = dir, .f = f, .a = open_with(&options, NULL)};
    struct buf body;
    struct cb_err err;
    int done = 0;
    uint64_t attempt = 0;
    assert_int_equal(append(r.a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "x", &attempt), CB_OK);
    body_of(&body, AUDIT_AUTHZ_DENY, UINT64_MAX, "x");
    struct audit_append waiting = {.body = buf_slice(&body),
                                   .type = AUDIT_AUTHZ_DENY,
                                   .done = count_done,
                                   .ctx = &done,
                                   .ref_seq = UINT64_MAX};
    fake_hold(f);
    assert_int_equal(audit_submit(r.a, &waiting, &err), CB_OK);
    fake_await_held(f);
    __atomic_store_n(&now_us, INT64_C(4999000), __ATOMIC_RELAXED);
    assert_int_equal(audit_get_state(r.a), AUDIT_OK);
    __atomic_store_n(&now_us, INT64_C(5000001), __ATOMIC_RELAXED);
    assert_int_equal(audit_get_state(r.a), AUDIT_STALLED);
    struct audit_append refused = waiting;
    assert_int_equal(audit_submit(r.a, &refused, &err), CB_ESYS); /* at once */
    struct buf outcome_body;
    body_of(&outcome_body, AUDIT_ISSUE_OK, attempt, "x");
    struct audit_append outcome = {.body = buf_slice(&outcome_body),
                                   .type = AUDIT_ISSUE_OK,
                                   .done = count_done,
                                   .ctx = &done,
                                   .ref_seq = attempt};
    assert_int_equal(audit_submit(r.a, &outcome, &err), CB_ESYS);
    buf_free(&outcome_body);
    assert_int_equal(__atomic_load_n(&done, __ATOMIC_SEQ_CST), 0);
    fake_release(f);
    audit_poke(r.a);
    assert_int_equal(__atomic_load_n(&done, __ATOMIC_SEQ_CST), 1);
    assert_int_equal(audit_get_state(r.a), AUDIT_OK);
    assert_int_equal(walk_ok(dir, 0).of_type[AUDIT_ISSUE_UNKNOWN], 1); /* the one turned away */
    buf_free(&body);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_moves_to_a_fresh_segment),
        cmocka_unit_test(test_failed_sync_is_final_for_its_file),
        cmocka_unit_test(test_void_bytes_are_stated),
        cmocka_unit_test(test_short_writes_and_interrupts_go_on),
        cmocka_unit_test(test_short_write_on_a_full_disk),
        cmocka_unit_test(test_blocked_until_the_disk_is_back),
        cmocka_unit_test(test_unused_segments_are_skipped),
        cmocka_unit_test(test_no_new_segment_can_be_created),
        cmocka_unit_test(test_close_while_blocked),
        cmocka_unit_test(test_lost_outcomes_become_unknown),
        cmocka_unit_test(test_tampering_with_the_live_segment),
        cmocka_unit_test(test_removed_file_is_written_anew),
        cmocka_unit_test(test_foreign_bytes_between_batches),
        cmocka_unit_test(test_removed_file_that_was_cut),
        cmocka_unit_test(test_free_space_marks),
        cmocka_unit_test(test_outcomes_have_their_space),
        cmocka_unit_test(test_roll_that_finds_no_space_stays),
        cmocka_unit_test(test_file_system_without_fallocate),
        cmocka_unit_test(test_faults_while_rolling),
        cmocka_unit_test(test_hung_sync_is_seen_at_once),
    };
    (void)signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
