/* packed_log.h - a log of several segments, and what it holds, for the tests of packing. After
 * helpers.h. */
#ifndef TESTS_UNIT_AUDIT_PACKED_LOG_H
#define TESTS_UNIT_AUDIT_PACKED_LOG_H

#include "tests/unit/audit/fake_io.h"

#include "audit/read/zst.h"

UNUSED static const char *packed_path(const char *dir, uint64_t no)
{
    static char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    assert_int_equal(segdir_packed(segment_path(dir, no), path, &err), CB_OK);
    return path;
}

/* pack - a segment's packed form beside it. */
UNUSED static void pack(const char *dir, uint64_t no)
{
    struct cb_err err;
    struct stat st;
    const int from = open(segment_path(dir, no), O_RDONLY);
    const int to = open(packed_path(dir, no), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(from >= 0 && to >= 0 && fstat(from, &st) == 0);
    assert_int_equal(zst_pack(&audit_system_io, from, (uint64_t)st.st_size, to, &err), CB_OK);
    assert_int_equal(close(from) + close(to), 0);
}

/* some_log - with five segments and a torn tail in the third; the texts differ, so that packing has
 * something to do. */
UNUSED static char *some_log(void)
{
    char *dir = new_log();
    struct fake_io *f = fake_new(); /* nobody needs it on a disk */
    for (int run = 0; run < 4; run++) {
        struct audit *a = open_log(dir, &f->io);
        for (int i = 0; i < 25; i++) {
            char detail[600];
            for (size_t at = 0; at + 1 < sizeof(detail); at++) {
                detail[at] = (char)('a' + (at * 7 + (size_t)(i * run)) % 23);
            }
            detail[sizeof(detail) - 1] = '\0';
            (void)append_ok(a, detail);
        }
        audit_close(a);
        if (run == 1) {
            struct buf bytes;
            read_file(segment_path(dir, 3), &bytes);
            buf_add_str(&bytes, "{\"v\":1,\"seq\":");
            write_file(segment_path(dir, 3), buf_slice(&bytes));
            buf_free(&bytes);
        }
    }
    fake_free(f);
    return dir;
}

struct all {
    struct buf text;
};

UNUSED static bool gather(void *ctx, uint64_t seq, struct slice line)
{
    struct all *all = ctx;
    (void)seq;
    buf_add_slice(&all->text, line);
    buf_add_char(&all->text, '\n');
    return true;
}

UNUSED static enum cb_code all_of(const char *dir, struct all *all, struct cb_err *err)
{
    buf_init(&all->text, 64U << 20);
    return audit_walk(dir, 0, gather, all, err);
}

#endif
