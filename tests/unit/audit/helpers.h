/* helpers.h - a log in a directory of its own, for the tests of audit/. Each test program includes
 * it once, after cmocka. */
#ifndef TESTS_UNIT_AUDIT_HELPERS_H
#define TESTS_UNIT_AUDIT_HELPERS_H

#include "audit/audit.h"
#include "audit/line.h"
#include "audit/read/reader.h"
#include "audit/segdir.h"
#include "audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
#define ORIGIN "audit.test/log-1"

/* ---- directories ---- */

UNUSED static char *temp_dir(void)
{
    char *path = strdup(".build/test-audit-XXXXXX");
    (void)mkdir(".build", 0755);
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

UNUSED static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

UNUSED static void remove_dir(char *path)
{
    (void)nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(path);
}

UNUSED static void read_file(const char *path, struct buf *out)
{
    char block[4096];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    buf_init(out, 256U << 20);
    size_t got = 0;
    while ((got = fread(block, 1, sizeof(block), f)) > 0) {
        buf_add(out, block, got);
    }
    assert_true(buf_ok(out));
    assert_int_equal(fclose(f), 0);
}

UNUSED static void write_file(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

UNUSED static const char *segment_path(const char *dir, uint64_t no)
{
    static char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    assert_int_equal(segdir_path(dir, no, path, &err), CB_OK);
    return path;
}

/* ---- records ---- */

UNUSED static void body_of(struct buf *out, enum audit_type type, uint64_t ref, const char *detail)
{
    struct audit_event e;
    audit_event_zero(&e, type);
    e.ref = ref;
    e.req = SLICE("00112233445566778899aabbccddeeff");
    e.detail = slice_of(detail);
    buf_init(out, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, out));
}

UNUSED static enum cb_code append(struct audit *a, enum audit_type type, uint64_t ref,
                                  const char *detail, uint64_t *ret_seq)
{
    struct buf body;
    struct cb_err err;
    body_of(&body, type, ref, detail);
    const enum cb_code code = audit_append_wait(a, type, buf_slice(&body), ret_seq, &err);
    buf_free(&body);
    return code;
}

UNUSED static uint64_t append_ok(struct audit *a, const char *detail)
{
    uint64_t seq = UINT64_MAX;
    assert_int_equal(append(a, AUDIT_AUTHZ_DENY, UINT64_MAX, detail, &seq), CB_OK);
    return seq;
}

/* ---- logs ---- */

UNUSED static char *new_log(void)
{
    char *dir = temp_dir();
    struct cb_err err;
    if (audit_init(dir, ORIGIN, &err) != CB_OK) {
        fail_msg("audit_init: %s", err.msg);
    }
    return dir;
}

/* options_for - free-space marks that any test machine meets. */
UNUSED static struct audit_options options_for(const char *dir, const struct audit_io *io)
{
    return (struct audit_options){
        .dir = dir, .version = "test", .io = io, .soft_free_bytes = 2, .hard_free_bytes = 1};
}

UNUSED static struct audit *open_with(const struct audit_options *options,
                                      struct audit_recovery *ret_recovery)
{
    struct audit *a = NULL;
    struct audit_recovery recovery;
    struct cb_err err;
    if (audit_open(options, &a, &recovery, &err) != CB_OK) {
        fail_msg("audit_open: %s", err.msg);
    }
    if (ret_recovery != NULL) {
        *ret_recovery = recovery;
    } else {
        audit_recovery_free(&recovery);
    }
    return a;
}

UNUSED static struct audit *open_log(const char *dir, const struct audit_io *io)
{
    const struct audit_options options = options_for(dir, io);
    return open_with(&options, NULL);
}

UNUSED static enum cb_code open_code(const char *dir, const struct audit_io *io, struct cb_err *err)
{
    const struct audit_options options = options_for(dir, io);
    struct audit *a = NULL;
    struct audit_recovery recovery;
    const enum cb_code code = audit_open(&options, &a, &recovery, err);
    if (code == CB_OK) {
        audit_recovery_free(&recovery);
        audit_close(a);
    }
    return code;
}

/* ---- walking ---- */

struct seen {
    uint64_t first, next; /* next: seq after the last one seen; first == next: none */
    bool any;
    size_t of_type[AUDIT_TYPE_COUNT];
    char last_detail[64];
    const char *find; /* count the lines that contain this */
    size_t found;
};

UNUSED static bool see(void *ctx, uint64_t seq, struct slice line)
{
    struct seen *s = ctx;
    struct arena arena;
    struct audit_record record;
    struct cb_err err;
    arena_init(&arena, 1U << 20);
    if (audit_line_parse(line, &arena, &record, &err) != CB_OK) {
        fail_msg("record %llu: %s", (unsigned long long)seq, err.msg);
    }
    assert_int_equal(record.seq, seq);
    if (!s->any) {
        s->first = seq;
    } else {
        assert_int_equal(seq, s->next);
    }
    s->any = true;
    s->next = seq + 1;
    s->of_type[record.event.type]++;
    (void)snprintf(s->last_detail, sizeof(s->last_detail), "%.*s", (int)record.event.detail.len,
                   record.event.detail.ptr == NULL ? "" : record.event.detail.ptr);
    if (s->find != NULL && memmem(line.ptr, line.len, s->find, strlen(s->find)) != NULL) {
        s->found++;
    }
    arena_free(&arena);
    return true;
}

UNUSED static struct seen walk_ok(const char *dir, uint64_t from)
{
    struct seen s = {0};
    struct cb_err err;
    if (audit_walk(dir, from, see, &s, &err) != CB_OK) {
        fail_msg("audit_walk: %s", err.msg);
    }
    return s;
}

UNUSED static size_t count_lines(const char *dir, const char *text)
{
    struct seen s = {.find = text};
    struct cb_err err;
    if (audit_walk(dir, 0, see, &s, &err) != CB_OK) {
        fail_msg("audit_walk: %s", err.msg);
    }
    return s.found;
}

#endif
