/* test_packed.c - segments in their packed form: read like plain ones by all that read, whatever
 * else lies there, and damage to one is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/packed_log.h"

#include "audit/read/chain.h"
#include "audit/read/lines.h"

#include <zstd.h>

/* Which of the five segments are packed makes no difference, and neither does a plain file left
 * beside its packed one. */
static void test_reads_the_same(void **state)
{
    (void)state;
    char *dir = some_log();
    struct all want;
    struct cb_err err;
    assert_int_equal(all_of(dir, &want, &err), CB_OK);
    for (uint64_t no = 1; no <= 4; no++) {
        struct all got;
        struct chain chain;
        pack(dir, no);
        for (int gone = 0; gone < 2; gone++) {
            assert_int_equal(all_of(dir, &got, &err), CB_OK);
            assert_true(slice_eq(buf_slice(&want.text), buf_slice(&got.text)));
            buf_free(&got.text);
            assert_int_equal(chain_read(dir, &chain, &err), CB_OK);
            assert_int_equal(chain.num, 5);
            chain_free(&chain);
            assert_int_equal(gone == 0 ? unlink(segment_path(dir, no)) : 0, 0);
        }
    }
    /* The writer goes on behind it: the link to the segment before is a packed one. */
    struct audit *a = open_log(dir, NULL);
    const uint64_t seq = append_ok(a, "later");
    audit_close(a);
    assert_int_equal(walk_ok(dir, 0).next, seq + 2);
    assert_int_equal(walk_ok(dir, seq).first, seq);
    buf_free(&want.text);
    remove_dir(dir);
}

/* Both forms there, and they differ: the plain one counts. */
static void test_plain_counts(void **state)
{
    (void)state;
    char *dir = some_log();
    write_file(packed_path(dir, 2), SLICE("rubbish"));
    assert_int_equal(walk_ok(dir, 0).first, 0);
    assert_int_equal(unlink(segment_path(dir, 2)), 0);
    struct seen s = {0};
    struct cb_err err;
    assert_int_equal(audit_walk(dir, 0, see, &s, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "00000002.jsonl.zst: damaged archive"));
    assert_int_equal(unlink(packed_path(dir, 2)), 0);
    assert_int_equal(audit_walk(dir, 0, see, &s, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "segment 2 is missing; 3 follows it"));
    remove_dir(dir);
}

/* Whatever happens to a packed file: the same records, or an error that names it. */
static void test_damage(void **state)
{
    (void)state;
    char *dir = some_log();
    struct all want;
    struct buf bytes;
    struct cb_err err;
    size_t found = 0;
    assert_int_equal(all_of(dir, &want, &err), CB_OK);
    pack(dir, 2);
    read_file(packed_path(dir, 2), &bytes);
    assert_int_equal(unlink(segment_path(dir, 2)), 0);
    for (size_t i = 0; i < bytes.len * 2; i++) {
        struct all got;
        const size_t at = i / 2;
        const size_t len = i % 2 == 0 ? bytes.len : at;
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << i % 8));
        write_file(packed_path(dir, 2), (struct slice){bytes.data, len});
        bytes.data[at] = (char)(bytes.data[at] ^ (1 << i % 8));
        if (all_of(dir, &got, &err) == CB_OK) {
            assert_true(slice_eq(buf_slice(&want.text), buf_slice(&got.text)));
        } else {
            assert_int_equal(err.code, CB_ECORRUPT);
            assert_non_null(strstr(err.msg, "seg"));
            found++;
        }
        buf_free(&got.text);
    }
    /* All but the checksum and a few bits that say nothing are needed. */
    assert_true(found > bytes.len * 2 - 40);
    buf_free(&bytes);
    buf_free(&want.text);
    remove_dir(dir);
}

static enum cb_code read_zst(struct slice bytes, size_t *ret_got, struct cb_err *err)
{
    static char out[70000];
    char *dir = temp_dir();
    char path[SEGMENT_PATH_MAX];
    struct zst *z = NULL;
    uint64_t size = 0;
    assert_int_equal(segdir_join(dir, "x.zst", path, err), CB_OK);
    write_file(path, bytes);
    enum cb_code code = zst_open(&audit_system_io, path, &z, &size, err);
    if (code == CB_OK) {
        code = zst_read(z, out, sizeof(out), ret_got, err);
    }
    zst_close(z);
    remove_dir(dir);
    return code;
}

/* frame - of 60,000 bytes; behind it, whatever. */
static struct buf frame(bool sized, int window_log, struct slice behind)
{
    static char text[60000];
    static char out[130000];
    struct buf ret;
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)(i * i % 251);
    }
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, sized ? 1 : 0)));
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, window_log)));
    const size_t len = ZSTD_compress2(ctx, out, sizeof(out), text, sizeof(text));
    assert_false(ZSTD_isError(len));
    (void)ZSTD_freeCCtx(ctx);
    buf_init(&ret, 1U << 20);
    buf_add(&ret, out, len);
    buf_add_slice(&ret, behind);
    return ret;
}

static void test_only_what_we_write(void **state)
{
    (void)state;
    static const struct {
        bool sized;
        int window_log;
        const char *behind;
        const char *error; /* NULL: fine */
    } cases[] = {
        {true, 17, "", NULL},
        {false, 17, "", "does not state its size"},
        {false, 26, "", "does not state its size"},
        {true, 17, "x", "something stands behind it"},
        {true, 17, "(\xb5/\xfd$", "something stands behind it"}, /* a second frame */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cb_err err;
        size_t got = 0;
        struct buf bytes = frame(cases[i].sized, cases[i].window_log, slice_of(cases[i].behind));
        const enum cb_code code = read_zst(buf_slice(&bytes), &got, &err);
        if (cases[i].error == NULL) {
            assert_int_equal(code, CB_OK);
            assert_int_equal(got, 60000);
        } else {
            assert_int_equal(code, CB_ECORRUPT);
            assert_non_null(strstr(err.msg, cases[i].error));
        }
        buf_free(&bytes);
    }
    /* A size that no segment has; a window of 2 GiB. */
    struct cb_err err;
    size_t got = 0;
    assert_int_equal(
        read_zst((struct slice){"\x28\xb5\x2f\xfd\xe0\0\0\0\0\1\0\0\0", 13}, &got, &err),
        CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "a size that no segment has"));
    assert_int_equal(
        read_zst((struct slice){"\x28\xb5\x2f\xfd\x80\xa8\0\0\0\x40\1\0\0", 13}, &got, &err),
        CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "too much memory"));
}

static void test_file_changes_while_packed(void **state)
{
    (void)state;
    char *dir = some_log();
    struct cb_err err;
    for (int i = -1; i < 2; i += 2) {
        struct stat st;
        const int from = open(segment_path(dir, 2), O_RDONLY);
        const int to = open(packed_path(dir, 2), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_true(from >= 0 && to >= 0 && fstat(from, &st) == 0);
        assert_int_equal(zst_pack(&audit_system_io, from, (uint64_t)(st.st_size + i), to, &err),
                         CB_ECORRUPT);
        assert_int_equal(close(from) + close(to), 0);
    }
    remove_dir(dir);
}

static void test_sizes(void **state)
{
    (void)state;
    char *dir = some_log();
    struct cb_err err;
    uint64_t plain = 0;
    uint64_t packed = 0;
    unsigned char digest[2][SHA256_LEN];
    uint64_t bytes[2];
    assert_int_equal(lines_size(&audit_system_io, segment_path(dir, 3), &plain, &err), CB_OK);
    assert_int_equal(
        lines_digest(&audit_system_io, segment_path(dir, 3), 5000, &bytes[0], digest[0], &err),
        CB_OK);
    pack(dir, 3);
    assert_int_equal(unlink(segment_path(dir, 3)), 0);
    assert_int_equal(lines_size(&audit_system_io, segment_path(dir, 3), &packed, &err), CB_OK);
    assert_int_equal(
        lines_digest(&audit_system_io, segment_path(dir, 3), 5000, &bytes[1], digest[1], &err),
        CB_OK);
    assert_int_equal(packed, plain);
    assert_int_equal(bytes[0], plain - 5000);
    assert_int_equal(bytes[1], bytes[0]);
    assert_memory_equal(digest[0], digest[1], SHA256_LEN);
    assert_int_equal(lines_size(&audit_system_io, segment_path(dir, 99), &packed, &err), CB_ENOENT);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_same),
        cmocka_unit_test(test_plain_counts),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_only_what_we_write),
        cmocka_unit_test(test_file_changes_while_packed),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
