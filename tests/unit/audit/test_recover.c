/* test_recover.c - what the next start makes of a damaged log: a torn tail does not count and stays
 * where it is, anything else refuses to open. Files are damaged by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

/* A log with one batch a record in segment 2, not closed: the copy of a writer that was killed.
 *   line 0 segment.open (seq 2), lines 1..5 records (seq 3..7) */
#define LINES 6

struct torn {
    char *dir;
    struct buf bytes; /* of segment 2 */
    size_t line_at[LINES + 1];
};

static struct torn torn_new(void)
{
    struct torn t = {.dir = new_log()};
    struct audit *a = open_log(t.dir, NULL);
    for (int i = 0; i < LINES - 1; i++) {
        (void)append_ok(a, "a record");
    }
    read_file(segment_path(t.dir, 2), &t.bytes);
    audit_close(a);
    size_t lines = 0;
    for (size_t i = 0; i < t.bytes.len; i++) {
        if (t.bytes.data[i] == '\n') {
            t.line_at[++lines] = i + 1;
        }
    }
    assert_int_equal(lines, LINES);
    write_file(segment_path(t.dir, 2), buf_slice(&t.bytes)); /* without its segment.close */
    return t;
}

static void torn_free(struct torn *t)
{
    buf_free(&t->bytes);
    remove_dir(t->dir);
}

/* put - segment 2 becomes these bytes; later segments go. */
static void put(const struct torn *t, struct slice bytes)
{
    write_file(segment_path(t->dir, 2), bytes);
    for (uint64_t no = 3; no < 10; no++) {
        (void)unlink(segment_path(t->dir, no));
    }
}

static struct slice upto(const struct torn *t, size_t len)
{
    return (struct slice){t->bytes.data, len};
}

static void test_every_cut_is_a_torn_tail(void **state)
{
    (void)state;
    struct torn t = torn_new();
    const struct audit_options options = options_for(t.dir, NULL);
    size_t line = 0;
    for (size_t len = 0; len <= t.bytes.len; len += (len % 7 == 0 ? 1 : 6)) {
        while (line < LINES && t.line_at[line + 1] <= len) {
            line++;
        }
        put(&t, upto(&t, len));
        struct audit_recovery r;
        audit_close(open_with(&options, &r));
        /* Without its first line the segment does not count: the one before is newest. */
        assert_int_equal(r.next_seq, 2 + line);
        assert_int_equal(r.clean, line == 0);
        assert_int_equal(r.void_bytes, line == 0 ? 0 : len - t.line_at[line]);
        assert_int_equal(r.num_open, 0);
        audit_recovery_free(&r);
        assert_int_equal(walk_ok(t.dir, 0).next, 2 + line + 2);
        struct buf now;
        read_file(segment_path(t.dir, 2), &now);
        assert_true(slice_eq(buf_slice(&now), upto(&t, len))); /* nothing was truncated */
        buf_free(&now);
    }
    torn_free(&t);
}

static void test_void_tail_is_stated_with_its_digest(void **state)
{
    (void)state;
    struct torn t = torn_new();
    struct buf bytes;
    buf_init(&bytes, 1U << 20);
    buf_add_slice(&bytes, buf_slice(&t.bytes));
    buf_add_slice(&bytes, SLICE("abc"));
    put(&t, buf_slice(&bytes));
    audit_close(open_log(t.dir, NULL));
    char want[256];
    (void)snprintf(want, sizeof(want),
                   "\"prev\":{\"no\":2,\"valid_bytes\":%zu,\"void_bytes\":3,\"void_sha256\":"
                   "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
                   "\"clean\":false}",
                   t.bytes.len);
    assert_int_equal(count_lines(t.dir, want), 1);
    buf_free(&bytes);
    torn_free(&t);
}

/* Damage in line k is a torn tail only in the last batch. */
static void test_damaged_byte(void **state)
{
    (void)state;
    struct torn t = torn_new();
    struct cb_err err;
    struct seen s = {0};
    for (size_t line = 0; line < LINES; line++) {
        const size_t len = t.line_at[line + 1] - t.line_at[line];
        for (size_t at = 0; at < len; at += 11) {
            char *byte = &t.bytes.data[t.line_at[line] + at];
            const char kept = *byte;
            *byte = (char)(kept ^ 1);
            put(&t, buf_slice(&t.bytes));
            const enum cb_code want = line == LINES - 1 ? CB_OK : CB_ECORRUPT;
            assert_int_equal(audit_walk(t.dir, 0, see, &s, &err), want);
            s = (struct seen){0};
            assert_int_equal(open_code(t.dir, NULL, &err), want);
            if (want == CB_ECORRUPT) {
                char name[64];
                (void)snprintf(name, sizeof(name), "00000002.jsonl: %s%.0u", "first", 0U);
                if (line > 0) {
                    (void)snprintf(name, sizeof(name), "00000002.jsonl: record %zu", line + 2);
                }
                assert_non_null(strstr(err.msg, name));
            }
            *byte = kept;
        }
    }
    torn_free(&t);
}

static void test_zeroed_sector(void **state)
{
    (void)state;
    struct torn t = torn_new();
    struct cb_err err;
    struct buf bytes;
    buf_init(&bytes, 1U << 20);
    /* The last line lost to a sector that was never written: a torn tail. */
    buf_add_slice(&bytes, buf_slice(&t.bytes));
    memset(bytes.data + t.line_at[LINES - 1], 0, t.line_at[LINES] - t.line_at[LINES - 1]);
    put(&t, buf_slice(&bytes));
    assert_int_equal(open_code(t.dir, NULL, &err), CB_OK);
    /* A line in the middle: that batch was on disk, this is not the work of a crash. */
    memcpy(bytes.data, t.bytes.data, t.bytes.len);
    memset(bytes.data + t.line_at[2], 0, 40);
    put(&t, buf_slice(&bytes));
    assert_int_equal(open_code(t.dir, NULL, &err), CB_ECORRUPT);
    buf_free(&bytes);
    torn_free(&t);
}

/* Lines moved about: every one of them valid by itself. */
static void test_lines_out_of_place(void **state)
{
    (void)state;
    static const int orders[][LINES + 1] = {
        {0, 1, 2, 2, 3, 4, 5},   {0, 1, 3, 4, 5, -1, -1}, {0, 2, 1, 3, 4, 5, -1},
        {1, 2, 3, 4, 5, -1, -1}, {0, 1, 2, 3, 5, -1, -1}, {0, 1, 0, 2, 3, 4, 5},
    };
    struct torn t = torn_new();
    struct cb_err err;
    struct seen s = {0};
    struct buf bytes;
    buf_init(&bytes, 1U << 20);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        buf_reset(&bytes);
        for (size_t n = 0; n <= LINES && orders[i][n] >= 0; n++) {
            const size_t line = (size_t)orders[i][n];
            buf_add(&bytes, t.bytes.data + t.line_at[line], t.line_at[line + 1] - t.line_at[line]);
        }
        put(&t, buf_slice(&bytes));
        assert_int_equal(open_code(t.dir, NULL, &err), CB_ECORRUPT);
        s = (struct seen){0};
        assert_int_equal(audit_walk(t.dir, 0, see, &s, &err), CB_ECORRUPT);
    }
    buf_free(&bytes);
    torn_free(&t);
}

static void add_line(struct buf *out, uint64_t seq, uint64_t batch_floor, const char *body)
{
    line_frame(out, seq, batch_floor, 1, slice_of(body));
}

/* Lines with a right checksum that do not belong: never voided, whatever their place. */
static void test_forged_lines(void **state)
{
    (void)state;
    static const struct {
        uint64_t seq, floor;
        const char *body;
    } cases[] = {
        {9, 9, "\"type\":\"info.ok\""},       {8, 6, "\"type\":\"info.ok\""},
        {7, 7, "\"type\":\"info.ok\""},       {8, 8, "\"type\":\"no.such\""},
        {8, 8, "\"type\":\"info.ok\",}"},     {8, 8, "\"type\":\"segment.open\""},
        {8, 8, "\"type\":\"segment.close\""},
    };
    struct torn t = torn_new();
    struct cb_err err;
    struct buf bytes;
    buf_init(&bytes, 1U << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&bytes);
        buf_add_slice(&bytes, buf_slice(&t.bytes));
        add_line(&bytes, cases[i].seq, cases[i].floor, cases[i].body);
        put(&t, buf_slice(&bytes));
        assert_int_equal(open_code(t.dir, NULL, &err), CB_ECORRUPT);
    }
    buf_free(&bytes);
    torn_free(&t);
}

/* A later batch proves that a damaged line was whole once; the same batch proves nothing. */
static void test_floor_decides(void **state)
{
    (void)state;
    struct torn t = torn_new();
    struct cb_err err;
    struct buf bytes;
    buf_init(&bytes, 1U << 20);
    for (uint64_t batch_floor = 8; batch_floor <= 9; batch_floor++) {
        buf_reset(&bytes);
        buf_add_slice(&bytes, buf_slice(&t.bytes));
        buf_add_slice(&bytes, SLICE("{\"v\":1,\"seq\":8,damaged\n"));
        add_line(&bytes, 9, batch_floor, "\"type\":\"info.ok\"");
        put(&t, buf_slice(&bytes));
        assert_int_equal(open_code(t.dir, NULL, &err), batch_floor == 8 ? CB_OK : CB_ECORRUPT);
    }
    buf_free(&bytes);
    torn_free(&t);
}

static void test_overlong_lines(void **state)
{
    (void)state;
    struct torn t = torn_new();
    struct cb_err err;
    struct buf bytes;
    buf_init(&bytes, 4U << 20);
    buf_add_slice(&bytes, buf_slice(&t.bytes));
    for (int i = 0; i < 700000; i++) {
        buf_add_char(&bytes, 'a');
    }
    put(&t, buf_slice(&bytes));
    assert_int_equal(open_code(t.dir, NULL, &err), CB_OK);
    put(&t, buf_slice(&bytes));
    buf_add_slice(&bytes, SLICE("\n"));
    add_line(&bytes, 20, 20, "\"type\":\"info.ok\"");
    put(&t, buf_slice(&bytes));
    assert_int_equal(open_code(t.dir, NULL, &err), CB_ECORRUPT); /* found behind it all */
    buf_free(&bytes);
    torn_free(&t);
}

/* segment.open and segment.close must agree with the tree. */
static void test_forged_tree(void **state)
{
    (void)state;
    char *dir = new_log();
    struct cb_err err;
    struct buf bytes;
    struct audit *a = open_log(dir, NULL);
    (void)append_ok(a, "x");
    audit_close(a);
    read_file(segment_path(dir, 2), &bytes);
    static const char *const places[] = {"\"root\":\"", "\"frontier\":[\"", "\"origin\":\"",
                                         "\"segment\":"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct buf forged;
        buf_init(&forged, 1U << 20);
        char *at = memmem(bytes.data, bytes.len, places[i], strlen(places[i]));
        assert_non_null(at);
        at += strlen(places[i]);
        const char kept = *at;
        *at = kept == '1' ? '2' : '1';
        struct line_info info;
        const size_t line_len = (size_t)((char *)memchr(bytes.data, '\n', bytes.len) - bytes.data);
        const char *body = strstr(bytes.data, "\"type\"");
        const char *crc = memmem(bytes.data, line_len, ",\"crc\"", 6);
        line_frame(&forged, 2, 2, 1, (struct slice){body, (size_t)(crc - body)});
        assert_int_equal(line_check((struct slice){forged.data, forged.len - 1}, &info, &err),
                         CB_OK);
        *at = kept;
        write_file(segment_path(dir, 2), buf_slice(&forged));
        assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
        buf_free(&forged);
    }
    buf_free(&bytes);
    remove_dir(dir);
}

/* forge - change one letter of a record and put its checksum right. */
static void forge(const char *path, const char *find)
{
    struct buf bytes;
    struct buf line;
    struct line_info info;
    struct cb_err err;
    read_file(path, &bytes);
    char *at = strstr(bytes.data, find);
    assert_non_null(at);
    while (at > bytes.data && at[-1] != '\n') {
        at--;
    }
    const struct slice old = {at, strcspn(at, "\n")};
    assert_int_equal(line_check(old, &info, &err), CB_OK);
    char *letter = strstr(at, find);
    letter[0] = letter[0] == 'q' ? 'z' : 'q';
    buf_init(&line, AUDIT_LINE_MAX);
    line_frame(&line, info.seq, info.floor, info.ts_us, info.body);
    assert_int_equal(line.len, old.len + 1);
    memcpy(at, line.data, line.len);
    write_file(path, buf_slice(&bytes));
    buf_free(&line);
    buf_free(&bytes);
}

/* A forged record in the segment that a start reads: its segment.close knows better. */
static void test_forged_record_before_the_close(void **state)
{
    (void)state;
    char *dir = new_log();
    struct cb_err err;
    struct audit *a = open_log(dir, NULL);
    (void)append_ok(a, "genuine");
    audit_close(a);
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    a = open_log(dir, NULL);
    (void)append_ok(a, "genuine");
    audit_close(a);
    forge(segment_path(dir, 4), "genuine");
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "segment.close states another root"));
    remove_dir(dir);
}

/* The end of a segment is gone, cut between two lines, and another one follows. */
static void test_end_of_a_segment_is_gone(void **state)
{
    (void)state;
    char *dir = new_log();
    struct seen s = {0};
    struct cb_err err;
    struct buf bytes;
    for (int i = 0; i < 2; i++) {
        struct audit *a = open_log(dir, NULL);
        (void)append_ok(a, "x");
        (void)append_ok(a, "y");
        audit_close(a);
    }
    read_file(segment_path(dir, 2), &bytes);
    const char *second = strchr(strchr(bytes.data, '\n') + 1, '\n') + 1;
    write_file(segment_path(dir, 2), (struct slice){bytes.data, (size_t)(second - bytes.data)});
    assert_int_equal(audit_walk(dir, 0, see, &s, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "00000002.jsonl: record 4: missing"));
    buf_free(&bytes);
    remove_dir(dir);
}

static void test_missing_and_foreign_segments(void **state)
{
    (void)state;
    char *dir = new_log();
    struct cb_err err;
    struct seen s = {0};
    for (int i = 0; i < 4; i++) {
        struct audit *a = open_log(dir, NULL);
        (void)append_ok(a, "x");
        audit_close(a);
    }
    char away[SEGMENT_PATH_MAX];
    (void)snprintf(away, sizeof(away), "%s/away", dir);
    for (uint64_t no = 1; no <= 5; no++) {
        assert_int_equal(rename(segment_path(dir, no), away), 0);
        s = (struct seen){0};
        const enum cb_code code = audit_walk(dir, 0, see, &s, &err);
        /* The newest alone can go unnoticed here: finding that out is the witness's work. */
        assert_int_equal(code, no == 5 ? CB_OK : CB_ECORRUPT);
        assert_int_equal(rename(away, segment_path(dir, no)), 0);
    }
    /* The link from the newest to the one before is checked at start. */
    assert_int_equal(rename(segment_path(dir, 4), away), 0);
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    assert_int_equal(rename(away, segment_path(dir, 4)), 0);
    assert_int_equal(truncate(segment_path(dir, 4), 100), 0);
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    remove_dir(dir);
    /* A segment renamed to a higher number does not become the newest. */
    dir = new_log();
    audit_close(open_log(dir, NULL));
    (void)snprintf(away, sizeof(away), "%s/seg/00000007.jsonl", dir);
    assert_int_equal(rename(segment_path(dir, 2), away), 0);
    assert_int_equal(open_code(dir, NULL, &err), CB_ECORRUPT);
    s = (struct seen){0};
    assert_int_equal(audit_walk(dir, 0, see, &s, &err), CB_ECORRUPT);
    remove_dir(dir);
}

static void test_other_files_are_ignored(void **state)
{
    (void)state;
    static const char *const names[] = {"seg/.hidden",         "seg/1.jsonl",
                                        "seg/000000003.jsonl", "seg/00000003.jsonl.gz",
                                        "seg/0000000x.jsonl",  "seg/00000000.jsonl"};
    char *dir = new_log();
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(segdir_join(dir, names[i], path, &err), CB_OK);
        write_file(path, SLICE("rubbish\n"));
    }
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    assert_int_equal(walk_ok(dir, 0).next, 4);
    remove_dir(dir);
}

static void test_number_in_use_is_not_overwritten(void **state)
{
    (void)state;
    char *dir = new_log();
    struct cb_err err;
    write_file(segment_path(dir, 2), SLICE("rubbish without a newline"));
    assert_int_equal(open_code(dir, NULL, &err), CB_OK);
    struct stat st;
    assert_int_equal(stat(segment_path(dir, 2), &st), 0);
    assert_int_equal(st.st_size, 25);
    assert_int_equal(stat(segment_path(dir, 3), &st), 0);
    assert_int_equal(walk_ok(dir, 0).next, 4);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_is_a_torn_tail),
        cmocka_unit_test(test_void_tail_is_stated_with_its_digest),
        cmocka_unit_test(test_damaged_byte),
        cmocka_unit_test(test_zeroed_sector),
        cmocka_unit_test(test_lines_out_of_place),
        cmocka_unit_test(test_forged_lines),
        cmocka_unit_test(test_floor_decides),
        cmocka_unit_test(test_overlong_lines),
        cmocka_unit_test(test_forged_tree),
        cmocka_unit_test(test_forged_record_before_the_close),
        cmocka_unit_test(test_end_of_a_segment_is_gone),
        cmocka_unit_test(test_missing_and_foreign_segments),
        cmocka_unit_test(test_other_files_are_ignored),
        cmocka_unit_test(test_number_in_use_is_not_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
