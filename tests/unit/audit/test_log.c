/* test_log.c - the writer when all goes well: what is on disk, in which order it got there, who is
 * told, and what the next start finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"

static void test_init_makes_a_log_once(void **state)
{
    (void)state;
    char *dir = temp_dir();
    struct cb_err err;
    assert_int_equal(open_code(dir, NULL, &err), CB_ENOENT);
    assert_int_equal(audit_init(dir, ORIGIN, &err), CB_OK);
    assert_int_equal(audit_init(dir, ORIGIN, &err), CB_EBUSY);
    const struct seen s = walk_ok(dir, 0);
    assert_int_equal(s.next, 2); /* a first segment, opened and closed */
    remove_dir(dir);
}

static void test_init_refuses_bad_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "A", "a b", "a_b", "a\nb", "\xc3\xa9"};
    char too_long[66];
    memset(too_long, 'a', sizeof(too_long) - 1);
    too_long[65] = '\0';
    char *dir = temp_dir();
    struct cb_err err;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(audit_init(dir, bad[i], &err), CB_EINPUT);
    }
    assert_int_equal(audit_init(dir, too_long, &err), CB_EINPUT);
    remove_dir(dir);
}

/* A volume that was emptied, or lost its name, must not look like a fresh log. */
static void test_missing_parts_refuse_to_open(void **state)
{
    (void)state;
    char *dir = new_log();
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    assert_int_equal(unlink(segment_path(dir, 1)), 0);
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    assert_int_equal(segdir_join(dir, "state/origin", path, &err), CB_OK);
    write_file(path, SLICE("no newline"));
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_code(dir, NULL, &err), CB_ENOENT);
    remove_dir(dir);
    dir = new_log();
    assert_int_equal(segdir_join(dir, "state/origin", path, &err), CB_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(audit_init(dir, ORIGIN, &err), CB_EBUSY); /* there are segments */
    remove_dir(dir);
}

static void test_records_survive_and_continue(void **state)
{
    (void)state;
    char *dir = new_log();
    for (uint64_t run = 0; run < 3; run++) {
        struct audit_recovery recovery;
        const struct audit_options options = options_for(dir, NULL);
        struct audit *a = open_with(&options, &recovery);
        assert_int_equal(recovery.next_seq, 2 + run * 5);
        assert_true(recovery.clean);
        assert_int_equal(recovery.num_open, 0);
        audit_recovery_free(&recovery);
        for (uint64_t i = 0; i < 3; i++) {
            assert_int_equal(append_ok(a, "x"), 3 + run * 5 + i);
        }
        audit_close(a);
    }
    const struct seen s = walk_ok(dir, 0);
    assert_int_equal(s.next, 17);
    assert_int_equal(s.of_type[AUDIT_AUTHZ_DENY], 9);
    assert_int_equal(s.of_type[AUDIT_SEGMENT_OPEN], 4);
    assert_int_equal(s.of_type[AUDIT_SEGMENT_CLOSE], 4);
    remove_dir(dir);
}

static void test_walk_begins_where_asked_and_stops(void **state)
{
    (void)state;
    char *dir = new_log();
    for (int run = 0; run < 3; run++) {
        struct audit *a = open_log(dir, NULL);
        (void)append_ok(a, "x");
        audit_close(a);
    }
    for (uint64_t from = 0; from < 12; from++) {
        const struct seen s = walk_ok(dir, from);
        assert_int_equal(s.any, from < 11);
        if (s.any) {
            assert_int_equal(s.first, from);
            assert_int_equal(s.next, 11);
        }
    }
    /* Segments that end before are not read: damage there is not seen from behind it. */
    FILE *f = fopen(segment_path(dir, 2), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -20, SEEK_END), 0);
    assert_int_equal(fputc('#', f), '#');
    assert_int_equal(fclose(f), 0);
    assert_int_equal(walk_ok(dir, 5).first, 5);
    struct seen s = {0};
    struct cb_err err;
    assert_int_equal(audit_walk(dir, 0, see, &s, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "00000002.jsonl: record 4"));
    remove_dir(dir);
}

static void test_second_writer_is_refused(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit *a = open_log(dir, NULL);
    struct cb_err err;
    assert_int_equal(open_code(dir, NULL, &err), CB_EBUSY);
    assert_int_equal(append_ok(a, "x"), 3); /* the first one goes on */
    audit_close(a);
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    remove_dir(dir);
}

/* ---- order of the file calls ---- */

static void test_order_of_calls_at_open(void **state)
{
    (void)state;
    static const enum fake_op want[] = {
        OP_OPEN,      /* state/LOCK */
        OP_FSYNC,     /* what recovery reads */
        OP_OPEN,      /* the new segment */
        OP_FSYNC,     /* its allocation */
        OP_FSYNC,     /* its name */
        OP_WRITE,     /* segment.open */
        OP_FDATASYNC, /* durable before use */
    };
    char *dir = new_log();
    struct fake_io *f = fake_new();
    f->journal_on = true;
    struct audit *a = open_log(dir, &f->io);
    assert_int_equal(f->journal_len, sizeof(want) / sizeof(want[0]));
    for (size_t i = 0; i < f->journal_len; i++) {
        assert_int_equal(f->journal[i].op, want[i]);
    }
    assert_non_null(strstr(f->journal[1].path, "00000001.jsonl"));
    assert_non_null(strstr(f->journal[3].path, "00000002.jsonl"));
    assert_string_equal(f->journal[4].path + strlen(dir), "/seg");
    assert_int_equal(f->journal[2].flags,
                     O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    assert_int_equal(f->calls[OP_FLOCK], 1);
    assert_int_equal(f->calls[OP_FALLOCATE], 1);
    audit_close(a);
    fake_free(f);
    remove_dir(dir);
}

static void test_one_sync_before_each_ack(void **state)
{
    (void)state;
    char *dir = new_log();
    struct fake_io *f = fake_new();
    struct audit *a = open_log(dir, &f->io);
    for (int i = 0; i < 5; i++) {
        const int syncs = fake_calls(f, OP_FDATASYNC);
        const int writes = fake_calls(f, OP_WRITE);
        (void)append_ok(a, "x");
        assert_int_equal(fake_calls(f, OP_FDATASYNC), syncs + 1);
        assert_int_equal(fake_calls(f, OP_WRITE), writes + 1);
    }
    audit_close(a);
    fake_free(f);
    remove_dir(dir);
}

/* ---- batches, observer, done ---- */

#define MANY 300

struct many {
    struct fake_io *f;
    struct audit_append append[MANY];
    struct buf body[MANY];
    uint64_t observed; /* next seq the observer expects */
    size_t done;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

/* These run on the committer's thread, where cmocka's assertions cannot jump out. */
static void on_line(void *ctx, uint64_t seq, struct slice line)
{
    struct many *m = ctx;
    uint64_t in_line = 0;
    uint64_t floor = 0;
    enum audit_type type;
    struct cb_err err;
    CB_CHECK(audit_line_check(line, &in_line, &floor, &type, &err) == CB_OK);
    CB_CHECK(in_line == seq);
    CB_CHECK(seq == m->observed);
    m->observed = seq + 1;
}

static void on_done(struct audit_append *a, enum cb_code code)
{
    struct many *m = a->ctx;
    CB_CHECK(code == CB_OK);
    CB_CHECK(a->seq < m->observed); /* its line was observed before */
    (void)pthread_mutex_lock(&m->mutex);
    m->done++;
    (void)pthread_cond_signal(&m->changed);
    (void)pthread_mutex_unlock(&m->mutex);
}

static void submit_all(struct audit *a, struct many *m)
{
    struct cb_err err;
    for (size_t i = 0; i < MANY; i++) {
        body_of(&m->body[i], AUDIT_INFO_OK, UINT64_MAX, "x");
        m->append[i] = (struct audit_append){.body = buf_slice(&m->body[i]),
                                             .type = AUDIT_INFO_OK,
                                             .done = on_done,
                                             .ctx = m,
                                             .ref_seq = UINT64_MAX};
        assert_int_equal(audit_submit(a, &m->append[i], &err), CB_OK);
    }
}

static void test_waiting_records_share_a_sync(void **state)
{
    (void)state;
    char *dir = new_log();
    struct many *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->f = fake_new();
    m->observed = 2;
    (void)pthread_mutex_init(&m->mutex, NULL);
    (void)pthread_cond_init(&m->changed, NULL);
    struct audit_options options = options_for(dir, &m->f->io);
    options.observer = on_line;
    options.observer_ctx = m;
    struct audit *a = open_with(&options, NULL);
    const int before = fake_calls(m->f, OP_FDATASYNC);
    fake_hold(m->f);
    submit_all(a, m);
    fake_await_held(m->f); /* one batch is at the disk: everything else gathers */
    fake_release(m->f);
    (void)pthread_mutex_lock(&m->mutex);
    while (m->done < MANY) {
        (void)pthread_cond_wait(&m->changed, &m->mutex);
    }
    (void)pthread_mutex_unlock(&m->mutex);
    assert_true(fake_calls(m->f, OP_FDATASYNC) - before <= 2);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(m->append[i].seq, 3 + i); /* numbered in the order of submission */
        buf_free(&m->body[i]);
    }
    struct audit_stats stats;
    audit_get_stats(a, &stats);
    assert_int_equal(stats.records, MANY + 1);
    assert_int_equal(stats.next_seq, MANY + 3);
    assert_int_equal(stats.queued, 0);
    audit_close(a);
    fake_free(m->f);
    free(m);
    remove_dir(dir);
}

static void test_full_queue_is_refused(void **state)
{
    (void)state;
    char *dir = new_log();
    struct fake_io *f = fake_new();
    struct audit *a = open_log(dir, &f->io);
    struct audit_append *items = calloc(QUEUE_RECORDS_MAX + 2, sizeof(*items));
    struct many m = {.observed = UINT64_MAX,
                     .mutex = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
    struct buf body;
    struct cb_err err;
    size_t taken = 0;
    assert_non_null(items);
    body_of(&body, AUDIT_INFO_OK, UINT64_MAX, "x");
    fake_hold(f);
    for (size_t i = 0; i < QUEUE_RECORDS_MAX + 2; i++) {
        items[i] = (struct audit_append){.body = buf_slice(&body),
                                         .type = AUDIT_INFO_OK,
                                         .done = on_done,
                                         .ctx = &m,
                                         .ref_seq = UINT64_MAX};
        const enum cb_code code = audit_submit(a, &items[i], &err);
        if (i == 0) {
            fake_await_held(f); /* the first one is at the disk, alone */
        }
        assert_int_equal(code, i <= QUEUE_RECORDS_MAX ? CB_OK : CB_ELIMIT);
        taken += code == CB_OK ? 1 : 0;
    }
    fake_release(f);
    audit_close(a); /* writes what is queued */
    assert_int_equal(m.done, taken);
    assert_int_equal(walk_ok(dir, 0).of_type[AUDIT_INFO_OK], taken);
    buf_free(&body);
    free(items);
    fake_free(f);
    remove_dir(dir);
}

static void test_bodies_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum audit_type type;
        const char *body;
    } cases[] = {
        {AUDIT_INFO_OK, ""},
        {AUDIT_INFO_OK, "\"type\":\"info.ok\",\"x\":"},
        {AUDIT_INFO_OK, "\"type\":\"info.ok\"}"},
        {AUDIT_INFO_OK, "\"type\":\"info.ok\",\"seq\":4"},
        {AUDIT_INFO_OK, "\"type\":\"info.ok\",\"crc\":\"00000000\""},
        {AUDIT_INFO_OK, "\"type\":\"info.ok\",\"x\":\"a\nb\""},
        {AUDIT_INFO_OK, "\"type\":\"broker.stop\""},
        {AUDIT_SEGMENT_OPEN, "\"type\":\"segment.open\""},
        {AUDIT_SEGMENT_CLOSE, "\"type\":\"segment.close\""},
        {AUDIT_FAULT, "\"type\":\"audit.fault\""},
        {AUDIT_RECOVERED, "\"type\":\"audit.recovered\""},
    };
    char *dir = new_log();
    struct audit *a = open_log(dir, NULL);
    struct cb_err err;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(audit_append_wait(a, cases[i].type, slice_of(cases[i].body), NULL, &err),
                         CB_EINPUT);
    }
    audit_close(a);
    assert_int_equal(walk_ok(dir, 0).next, 4);
    remove_dir(dir);
}

/* ---- segments ---- */

static void test_segments_roll_by_size(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit_options options = options_for(dir, NULL);
    options.segment_bytes = 2048;
    struct audit *a = open_with(&options, NULL);
    for (int i = 0; i < 60; i++) {
        (void)append_ok(a, "a record of some length, so that segments fill up");
    }
    struct audit_stats stats;
    audit_get_stats(a, &stats);
    assert_true(stats.segments_opened > 5);
    audit_close(a);
    const struct seen s = walk_ok(dir, 0);
    assert_int_equal(s.of_type[AUDIT_AUTHZ_DENY], 60);
    assert_int_equal(s.of_type[AUDIT_SEGMENT_OPEN], stats.segments_opened + 1);
    assert_int_equal(s.of_type[AUDIT_SEGMENT_CLOSE], stats.segments_opened + 1);
    struct cb_err err;
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    remove_dir(dir);
}

static int64_t fake_now_us;

static int64_t fake_mono(void *ctx)
{
    (void)ctx;
    return __atomic_load_n(&fake_now_us, __ATOMIC_RELAXED);
}

static int64_t fake_wall(void *ctx)
{
    (void)ctx;
    return INT64_C(1784737382123456) + __atomic_load_n(&fake_now_us, __ATOMIC_RELAXED);
}

static const struct cb_clock fake_clock = {.wall_us = fake_wall, .mono_us = fake_mono};

static void test_segments_roll_by_age(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit_options options = options_for(dir, NULL);
    options.clock = &fake_clock;
    options.segment_seconds = 60;
    fake_now_us = 1;
    struct audit *a = open_with(&options, NULL);
    struct audit_stats stats;
    (void)append_ok(a, "x");
    audit_poke(a);
    audit_get_stats(a, &stats);
    assert_int_equal(stats.segments_opened, 1);
    __atomic_store_n(&fake_now_us, INT64_C(60000001), __ATOMIC_RELAXED);
    audit_poke(a);
    audit_get_stats(a, &stats);
    assert_int_equal(stats.segments_opened, 2);
    audit_poke(a); /* an empty segment is not rolled again, however old */
    __atomic_store_n(&fake_now_us, INT64_C(600000001), __ATOMIC_RELAXED);
    audit_poke(a);
    audit_get_stats(a, &stats);
    assert_int_equal(stats.segments_opened, 2);
    audit_close(a);
    assert_int_equal(count_lines(dir, "\"reason\":\"roll\""), 1);
    remove_dir(dir);
}

/* The tree of each segment.open is the tree over all lines before it, computed here anew. */
struct tree_check {
    struct merkle tree;
    size_t checked;
};

static bool check_tree(void *ctx, uint64_t seq, struct slice line)
{
    struct tree_check *t = ctx;
    unsigned char root[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    char want[128];
    assert_int_equal(seq, t->tree.size);
    if (memmem(line.ptr, line.len, "\"type\":\"segment.", 16) != NULL) {
        merkle_root(&t->tree, root);
        hex_encode(root, sizeof(root), hex);
        (void)snprintf(want, sizeof(want), "\"tree_size\":%llu,\"root\":\"%s\"",
                       (unsigned long long)seq, hex);
        assert_non_null(memmem(line.ptr, line.len, want, strlen(want)));
        t->checked++;
    }
    merkle_append(&t->tree, line);
    return true;
}

static void test_roots_are_those_of_the_lines(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit_options options = options_for(dir, NULL);
    options.segment_bytes = 2000;
    struct audit *a = open_with(&options, NULL);
    for (int i = 0; i < 40; i++) {
        (void)append_ok(a, "another record");
    }
    audit_close(a);
    struct tree_check t = {.checked = 0};
    struct cb_err err;
    assert_int_equal(merkle_init(&t.tree, &err), CB_OK);
    assert_int_equal(audit_walk(dir, 0, check_tree, &t, &err), CB_OK);
    assert_true(t.checked > 8);
    merkle_free(&t.tree);
    remove_dir(dir);
}

/* ---- open attempts ---- */

static void test_open_attempts_are_found_again(void **state)
{
    (void)state;
    char *dir = new_log();
    struct audit_recovery recovery;
    struct audit_options options = options_for(dir, NULL);
    options.segment_bytes = 2000; /* so that most attempts lie in older segments */
    struct audit *a = open_with(&options, NULL);
    uint64_t issue[20];
    for (size_t i = 0; i < 20; i++) {
        const enum audit_type type = i % 2 == 0 ? AUDIT_ISSUE_ATTEMPT : AUDIT_REVOKE_ATTEMPT;
        assert_int_equal(append(a, type, UINT64_MAX, "an attempt", &issue[i]), CB_OK);
    }
    for (size_t i = 0; i < 20; i++) {
        if (i != 4 && i != 7 && i != 19) {
            const enum audit_type type = i % 2 == 0 ? AUDIT_ISSUE_OK : AUDIT_REVOKE_FAIL;
            assert_int_equal(append(a, type, issue[i], "an outcome", NULL), CB_OK);
        }
    }
    audit_close(a);
    a = open_with(&options, &recovery);
    assert_int_equal(recovery.num_open, 3);
    assert_int_equal(recovery.open[0].seq, issue[4]);
    assert_int_equal(recovery.open[1].seq, issue[7]);
    assert_int_equal(recovery.open[2].seq, issue[19]);
    assert_int_equal(recovery.open[0].type, AUDIT_ISSUE_ATTEMPT);
    assert_int_equal(recovery.open[1].type, AUDIT_REVOKE_ATTEMPT);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(recovery.open[i].req, "00112233445566778899aabbccddeeff");
    }
    assert_int_equal(append(a, AUDIT_ISSUE_UNKNOWN, issue[4], "x", NULL), CB_OK);
    audit_recovery_free(&recovery);
    audit_close(a);
    a = open_with(&options, &recovery);
    assert_int_equal(recovery.num_open, 2);
    audit_recovery_free(&recovery);
    audit_close(a);
    remove_dir(dir);
}

static void test_attempts_are_bounded(void **state)
{
    (void)state;
    static const struct {
        uint64_t next_seq;
        size_t room;
    } cases[] = {
        {0, 1024}, {9999999, 1024}, {UINT64_C(9999999999), 1000}, {UINT64_C(1) << 53, 647}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(open_set_room(cases[i].next_seq), cases[i].room);
    }
    char *dir = new_log();
    struct fake_io *f = fake_new();
    struct audit *a = open_log(dir, &f->io);
    uint64_t first = 0;
    for (size_t i = 0; i < OPEN_SET_MAX; i++) {
        assert_int_equal(append(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "x", i == 0 ? &first : NULL),
                         CB_OK);
    }
    assert_int_equal(append(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "x", NULL), CB_ELIMIT);
    assert_int_equal(append(a, AUDIT_ISSUE_OK, first, "x", NULL), CB_OK);
    assert_int_equal(append(a, AUDIT_ISSUE_ATTEMPT, UINT64_MAX, "x", NULL), CB_OK);
    audit_close(a);
    struct audit_recovery recovery;
    const struct audit_options options = options_for(dir, &f->io);
    a = open_with(&options, &recovery); /* and all of them fit into a segment.open */
    assert_int_equal(recovery.num_open, OPEN_SET_MAX);
    audit_recovery_free(&recovery);
    audit_close(a);
    assert_int_equal(open_code(dir, &f->io, &(struct cb_err){0}), CB_OK);
    fake_free(f);
    remove_dir(dir);
}

/* ---- policies ---- */

static void test_policies_are_kept_by_digest(void **state)
{
    (void)state;
    static const char digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char *dir = new_log();
    struct fake_io *f = fake_new();
    struct audit *a = open_log(dir, &f->io);
    struct cb_err err;
    char path[SEGMENT_PATH_MAX];
    char name[128];
    struct buf kept;
    const int renames = fake_calls(f, OP_RENAME);
    assert_int_equal(audit_keep_policy(a, digest, SLICE("abd"), &err), CB_EINPUT);
    assert_int_equal(audit_keep_policy(a, "../../x", SLICE("abc"), &err), CB_EINPUT);
    f->journal_on = true;
    assert_int_equal(audit_keep_policy(a, digest, SLICE("abc"), &err), CB_OK);
    assert_int_equal(audit_keep_policy(a, digest, SLICE("abc"), &err), CB_OK);
    f->journal_on = false;
    assert_int_equal(fake_calls(f, OP_RENAME), renames + 1);
    static const enum fake_op want[] = {OP_OPEN, OP_WRITE, OP_FSYNC, OP_RENAME, OP_FSYNC};
    assert_int_equal(f->journal_len, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(f->journal[i].op, want[i]);
    }
    /* Never under its own name before it is whole. */
    assert_string_equal(f->journal[3].from, f->journal[0].path);
    assert_string_not_equal(f->journal[3].path, f->journal[0].path);
    (void)snprintf(name, sizeof(name), "policy/%s.yaml", digest);
    assert_int_equal(segdir_join(dir, name, path, &err), CB_OK);
    read_file(path, &kept);
    assert_true(slice_eq_str(buf_slice(&kept), "abc"));
    buf_free(&kept);
    fake_fail(f, OP_FSYNC, EIO, 1);
    assert_int_equal(
        audit_keep_policy(a, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                          SLICE(""), &err),
        CB_ESYS);
    audit_close(a);
    fake_free(f);
    remove_dir(dir);
}

/* A log that was just made and then lost its power: its directories' names are on the disk. */
static void test_init_syncs_what_it_makes(void **state)
{
    (void)state;
    char *dir = temp_dir();
    struct fake_io *f = fake_new();
    struct cb_err err;
    bool synced = false;
    f->journal_on = true;
    assert_int_equal(init_with(&f->io, dir, ORIGIN, NULL, &err), CB_OK);
    for (size_t i = 0; i < f->journal_len; i++) {
        const struct fake_entry *e = &f->journal[i];
        synced = synced || (e->op == OP_FSYNC && strcmp(e->path, dir) == 0);
        /* Its first segment and its name come after that. */
        assert_true(synced || e->op == OP_FSYNC || e->op == OP_MKDIR);
    }
    assert_true(synced);
    fake_free(f);
    remove_dir(dir);
}

static void test_files_have_their_modes(void **state)
{
    (void)state;
    const mode_t mask = umask(0);
    char *dir = new_log();
    struct stat st;
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    assert_int_equal(stat(segment_path(dir, 1), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(segdir_join(dir, "seg", path, &err), CB_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    (void)umask(mask);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_makes_a_log_once),
        cmocka_unit_test(test_init_refuses_bad_names),
        cmocka_unit_test(test_missing_parts_refuse_to_open),
        cmocka_unit_test(test_records_survive_and_continue),
        cmocka_unit_test(test_walk_begins_where_asked_and_stops),
        cmocka_unit_test(test_second_writer_is_refused),
        cmocka_unit_test(test_order_of_calls_at_open),
        cmocka_unit_test(test_one_sync_before_each_ack),
        cmocka_unit_test(test_waiting_records_share_a_sync),
        cmocka_unit_test(test_full_queue_is_refused),
        cmocka_unit_test(test_bodies_that_lie_are_refused),
        cmocka_unit_test(test_segments_roll_by_size),
        cmocka_unit_test(test_segments_roll_by_age),
        cmocka_unit_test(test_roots_are_those_of_the_lines),
        cmocka_unit_test(test_open_attempts_are_found_again),
        cmocka_unit_test(test_attempts_are_bounded),
        cmocka_unit_test(test_policies_are_kept_by_digest),
        cmocka_unit_test(test_init_syncs_what_it_makes),
        cmocka_unit_test(test_files_have_their_modes),
    };
    (void)signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
