/* test_first_key.c - a log that was made without a key gets one, is whole then, and goes on; and none gets one
 * by mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/verify/helpers.h"

/* keyless_log - of four segments, and nobody ever signed for it. */
static char *keyless_log(void)
{
    char *dir = new_log();
    for (int i = 0; i < 3; i++) {
        struct audit *a = open_log(dir, NULL);
        append_bulk(a, 150);
        audit_close(a);
    }
    return dir;
}

static enum cb_code give(const char *dir, const char *origin, const struct note_signer *key,
                         uint64_t *ret_size, bool *ret_begun, struct cb_err *err)
{
    const enum cb_code code = audit_give_key(dir, origin, key, ret_size, ret_begun, err);
    if (code != CB_OK) {
        char path[SEGMENT_PATH_MAX];
        struct stat st;
        (void)snprintf(path, sizeof(path), "%s/state/vkeys", dir);
        assert_true(*ret_begun || lstat(path, &st) != 0 || strstr(err->msg, "rotate-key") != NULL);
    }
    return code;
}

static void assert_intact(const char *dir, const struct note_signer *key, uint64_t records)
{
    const struct verify_report *r = verify_dir(dir, key, NULL, 0);
    print_findings(r);
    assert_int_equal(r->verdict, VERIFY_INTACT);
    assert_int_equal(r->records, records);
    assert_int_equal(r->sealed, records);
}

static void test_gets_one_and_goes_on(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    struct cb_err err;
    uint64_t size = 0;
    bool begun = false;
    char *dir = keyless_log();
    struct audit *a = NULL;
    struct audit_recovery recovery;
    struct audit_options options = options_for(dir, NULL);
    options.key = key;
    assert_int_equal(audit_open(&options, &a, &recovery, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "certbroker audit init --dir "));
    assert_non_null(strstr(err.msg, " --origin " ORIGIN " --key NEW-FILE"));
    if (give(dir, ORIGIN, key, &size, &begun, &err) != CB_OK) {
        fail_msg("audit_give_key: %s", err.msg);
    }
    assert_int_equal(size, 458); /* 2 of init, and 150, segment.open and segment.close each time */
    assert_intact(dir, key, size);
    a = open_with(&options, NULL);
    append_bulk(a, 100);
    audit_close(a);
    assert_intact(dir, key, size + 102);
    assert_int_equal(verify_dir(dir, key, NULL, 0)->tiles, (size + 102) / TILE_WIDTH);
    /* Not a second time. */
    struct note_signer *other = new_key();
    assert_int_equal(give(dir, ORIGIN, other, &size, &begun, &err), CB_EBUSY);
    assert_non_null(strstr(err.msg, "rotate-key"));
    assert_intact(dir, key, 560);
    remove_dir(dir);
    note_signer_free(other);
    note_signer_free(key);
}

/* A log that had a key, or is another, or is not whole. */
static void test_gets_none(void **state)
{
    (void)state;
    static const char *const signs[] = {"state/checkpoint", "state/checkpoints.log", "tile"};
    struct note_signer *key = new_key();
    struct note_signer *other = NULL;
    struct cb_err err;
    uint64_t size = 0;
    bool begun = false;
    char path[SEGMENT_PATH_MAX];
    char *dir = keyless_log();
    assert_int_equal(note_signer_new(SLICE("other/log"), NOTE_LOG, &other, &err), CB_OK);
    assert_int_equal(give(dir, "other/log", other, &size, &begun, &err), CB_EBUSY);
    assert_int_equal(give(dir, ORIGIN, other, &size, &begun, &err), CB_EINPUT);
    assert_int_equal(give("/nowhere", ORIGIN, key, &size, &begun, &err), CB_ENOENT);
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, signs[i]);
        write_file(path, SLICE("x"));
        assert_int_equal(give(dir, ORIGIN, key, &size, &begun, &err), CB_EBUSY);
        assert_non_null(strstr(err.msg, "put that back"));
        assert_int_equal(unlink(path), 0);
    }
    struct audit *a = open_log(dir, NULL);
    assert_int_equal(give(dir, ORIGIN, key, &size, &begun, &err), CB_EBUSY); /* it is written */
    audit_close(a);
    struct buf bytes;
    read_file(segment_path(dir, 2), &bytes);
    bytes.data[bytes.len / 2] ^= 1;
    write_file(segment_path(dir, 2), buf_slice(&bytes));
    assert_int_equal(give(dir, ORIGIN, key, &size, &begun, &err), CB_ECORRUPT);
    assert_false(begun);
    bytes.data[bytes.len / 2] ^= 1;
    write_file(segment_path(dir, 2), buf_slice(&bytes));
    assert_int_equal(give(dir, ORIGIN, key, &size, &begun, &err), CB_OK);
    assert_intact(dir, key, size);
    buf_free(&bytes);
    remove_dir(dir);
    note_signer_free(other);
    note_signer_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gets_one_and_goes_on),
        cmocka_unit_test(test_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
