/* test_newer.c - records that only a newer version knows, and policies that records put in force: what cannot
 * be told is not called wrong, and what must be there is missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/crc32c.h"
#include "tests/unit/verify/helpers.h"

#define POLICY "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */
#define OTHER "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34"  /* of "def" */

/* ---- newer records ---- */

/* reframe - the same length, with a checksum that is right. */
static void reframe(char *line, size_t len)
{
    const size_t covered = len - strlen(",\"crc\":\"00000000\"}");
    crc32c_hex(crc32c((struct slice){line, covered}), line + len - 10);
}

/* seal_raw - a checkpoint over every line there is, whatever it says. */
static void seal_raw(const char *dir, const struct note_signer *key)
{
    struct leaves l = {.num = 0};
    struct buf note;
    struct cb_err err;
    assert_int_equal(merkle_init(&l.m, &err), CB_OK);
    for (uint64_t no = 1; no <= 2; no++) {
        struct buf bytes;
        read_file(segment_path(dir, no), &bytes);
        struct slice rest = buf_slice(&bytes);
        while (rest.len > 0) {
            const size_t end = slice_find(rest, '\n');
            assert_true(add_leaf(&l, l.num, (struct slice){rest.ptr, end}));
            rest = slice_from(rest, end + 1);
        }
        buf_free(&bytes);
    }
    sign_size(dir, &l, l.num, key, &note);
    buf_free(&note);
    free_leaves(&l);
}

/* change - in record 20 `from` becomes `to`; the checksum is made right. */
static void change(const char *dir, const char *from, const char *to)
{
    struct buf bytes;
    read_file(segment_path(dir, 2), &bytes);
    char *line = memmem(bytes.data, bytes.len, "{\"v\":1,\"seq\":20,", 16);
    assert_non_null(line);
    char *at = memmem(line, 300, from, strlen(from));
    assert_true(at != NULL && strlen(from) == strlen(to));
    memcpy(at, to, strlen(to));
    reframe(line, slice_find((struct slice){line, 2000}, '\n'));
    write_file(segment_path(dir, 2), buf_slice(&bytes));
    buf_free(&bytes);
}

/* changed_log - the newest segment is not closed, and one record is changed in it. */
static char *changed_log(const struct note_signer *key, const char *from, const char *to)
{
    char *dir = new_signed_log(key);
    struct audit *a = open_log(dir, NULL);
    struct buf bytes;
    append_bulk(a, 40);
    audit_close(a);
    read_file(segment_path(dir, 2), &bytes);
    const char *end = memmem(bytes.data, bytes.len, "{\"v\":1,\"seq\":43,", 16);
    assert_non_null(end);
    write_file(segment_path(dir, 2), (struct slice){bytes.data, (size_t)(end - bytes.data)});
    buf_free(&bytes);
    change(dir, from, to);
    return dir;
}

static enum cb_code look(const char *dir, const struct note_signer *key, struct verify_report *r,
                         struct cb_err *err)
{
    const struct verify_options options = {.dir = dir, .key = note_signer_key(key), .threads = 2};
    return verify_log(&options, r, err);
}

static void test_newer_records(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } rows[] = {
        {"\"authz.deny\"", "\"authz.dusk\"", "record 20 is of type \"authz.dusk\""},
        {"{\"v\":1,", "{\"v\":2,", "record 20 is of record version 2"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static struct verify_report r;
        struct cb_err err;
        struct note_signer *key = new_key();
        char *dir = changed_log(key, rows[i].from, rows[i].to);
        seal_raw(dir, key);
        assert_int_equal(look(dir, key, &r, &err), CB_EINPUT);
        assert_non_null(strstr(err.msg, rows[i].says));
        assert_non_null(strstr(err.msg, "seg/00000002.jsonl:19: "));
        assert_non_null(strstr(err.msg, "newer version"));
        remove_dir(dir);

        /* Whoever has no key cannot hide behind that. */
        dir = changed_log(key, "\"authz.deny\"", "\"authz.deny\"");
        seal_raw(dir, key);
        assert_int_equal(look(dir, key, &r, &err), CB_OK);
        assert_int_equal(r.verdict, VERIFY_INTACT);
        change(dir, rows[i].from, rows[i].to);
        assert_int_equal(look(dir, key, &r, &err), CB_OK);
        assert_int_equal(r.verdict, VERIFY_TAMPERED);
        assert_true(r.num_notices > 0 && strstr(r.notices[0], rows[i].says) != NULL);
        remove_dir(dir);
        note_signer_free(key);
    }
}

/* A type that is no type's name is no newer version's. */
static void test_not_newer(void **state)
{
    (void)state;
    static struct verify_report r;
    struct cb_err err;
    struct note_signer *key = new_key();
    char *dir = changed_log(key, "\"authz.deny\"", "\"AUTHZ.DENY\"");
    seal_raw(dir, key);
    assert_int_equal(look(dir, key, &r, &err), CB_OK);
    assert_int_equal(r.verdict, VERIFY_TAMPERED);
    remove_dir(dir);
    note_signer_free(key);
}

/* ---- policies ---- */

static void append_policy(struct audit *a, enum audit_type type, const char *sha256)
{
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    audit_event_zero(&e, type);
    e.policy_sha256 = slice_of(sha256);
    e.policy_old_sha256 = SLICE(OTHER);
    e.by = SLICE("start");
    e.detail = SLICE("test");
    e.reason = SLICE("tests");
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_int_equal(audit_append_wait(a, type, buf_slice(&body), NULL, &err), CB_OK);
    buf_free(&body);
}

static const char *policy_file(const char *dir, const char *sha256)
{
    static char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/policy/%s.yaml", dir, sha256);
    return path;
}

static void test_policies(void **state)
{
    (void)state;
    static struct verify_report r;
    static const enum audit_type types[] = {AUDIT_BROKER_START, AUDIT_POLICY_LOAD};
    for (size_t i = 0; i < 2; i++) {
        static const uint64_t all = 0;
        struct cb_err err;
        struct note_signer *key = new_key();
        char *dir = new_signed_log(key);
        struct audit *a = open_log(dir, NULL);
        assert_int_equal(audit_keep_policy(a, POLICY, SLICE("abc"), &err), CB_OK);
        append_bulk(a, 5);
        for (int again = 0; again < 200; again++) {
            append_policy(a, types[i], POLICY);
        }
        append_policy(a, AUDIT_POLICY_REJECT, OTHER); /* that one is not kept */
        audit_close(a);
        hand_seal(dir, key, &all, 1);
        assert_int_equal(look(dir, key, &r, &err), CB_OK);
        print_findings(&r);
        assert_int_equal(r.verdict, VERIFY_INTACT);
        assert_int_equal(r.policies, 1);

        assert_int_equal(unlink(policy_file(dir, POLICY)), 0);
        assert_int_equal(look(dir, key, &r, &err), CB_OK);
        assert_int_equal(r.verdict, VERIFY_TAMPERED);
        assert_int_equal(r.total_findings, 1);
        assert_string_equal(r.findings[0].file, "policy/" POLICY ".yaml");
        assert_non_null(strstr(r.findings[0].what, "is missing: the policy that record 8 "));
        remove_dir(dir);
        note_signer_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newer_records),
        cmocka_unit_test(test_not_newer),
        cmocka_unit_test(test_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
