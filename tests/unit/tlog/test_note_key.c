/* test_note_key.c - keys as text: the examples of C2SP signed-note and of Go's sumdb/note, both ways,
 * and every misspelling refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/tlog/note.h"
#include "broker/base/base64.h"

#include <stdlib.h>

/* C2SP signed-note, and golang.org/x/mod/sumdb/note's tests. */
#define C2SP_KEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define GO_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define GO_PRIVATE "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

static void test_known_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *name;
        uint32_t id;
    } cases[] = {{C2SP_KEY, "example.com/foo", 0x530d903a}, {GO_KEY, "PeterNeumann", 0xc74f20a3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct note_key key;
        struct cb_err err;
        char text[NOTE_KEY_TEXT_MAX];
        assert_int_equal(note_key_parse(slice_of(cases[i].text), &key, &err), CB_OK);
        assert_string_equal(key.name, cases[i].name);
        assert_int_equal(key.id, cases[i].id);
        assert_int_equal(key.type, NOTE_LOG);
        note_key_text(&key, text);
        assert_string_equal(text, cases[i].text);
        assert_true(note_key_eq(&key, &key));
    }
}

static void test_known_private_key(void **state)
{
    (void)state;
    struct note_signer *signer = NULL;
    struct cb_err err;
    struct buf text;
    char public_text[NOTE_KEY_TEXT_MAX];
    buf_init_secret(&text, NOTE_KEY_TEXT_MAX);
    assert_int_equal(note_signer_parse(SLICE(GO_PRIVATE), &signer, &err), CB_OK);
    note_key_text(note_signer_key(signer), public_text);
    assert_string_equal(public_text, GO_KEY);
    note_signer_text(signer, &text);
    assert_true(slice_eq_str(buf_slice(&text), GO_PRIVATE));
    note_signer_free(signer);
    buf_free(&text);
}

static void test_new_keys(void **state)
{
    (void)state;
    char longest[NOTE_NAME_MAX + 1];
    memset(longest, 'n', NOTE_NAME_MAX);
    longest[NOTE_NAME_MAX] = '\0';
    const char *const names[] = {"a", "acme.example/broker1", "caf\xc3\xa9", longest};
    const enum note_type types[] = {NOTE_LOG, NOTE_WITNESS};
    struct note_key last = {.id = 0};
    for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
        struct note_signer *signer = NULL;
        struct note_signer *again = NULL;
        struct note_key key;
        struct cb_err err;
        struct buf text;
        char public_text[NOTE_KEY_TEXT_MAX];
        buf_init_secret(&text, NOTE_KEY_TEXT_MAX);
        assert_int_equal(note_signer_new(slice_of(names[i / 2]), types[i % 2], &signer, &err),
                         CB_OK);
        note_signer_text(signer, &text);
        assert_true(buf_ok(&text));
        assert_int_equal(note_signer_parse(buf_slice(&text), &again, &err), CB_OK);
        assert_true(note_key_eq(note_signer_key(signer), note_signer_key(again)));
        note_key_text(note_signer_key(signer), public_text);
        assert_int_equal(note_key_parse(slice_of(public_text), &key, &err), CB_OK);
        assert_true(note_key_eq(&key, note_signer_key(signer)));
        assert_false(note_key_eq(&key, &last));
        assert_int_equal(key.type, types[i % 2]);
        last = key;
        note_signer_free(signer);
        note_signer_free(again);
        buf_free(&text);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {{"a", true},
                 {"acme.example/broker1", true},
                 {"caf\xc3\xa9", true},
                 {"\xd0\xb6\xe6\x97\xa5\xf0\x9f\x98\x80", true},
                 {"a\xe2\x80\x8b", false}, /* zero width */
                 {"a\xc2\x9b"
                  "31m",
                  false}, /* what ESC [ is in one character */
                 {"a\xc2\xad", false},
                 {"a\xd8\x9c", false}, /* these turn the direction */
                 {"a\xe2\x80\x8f", false},
                 {"a\xe2\x80\xae", false},
                 {"a\xe2\x81\xa6", false},
                 {"a\xef\xbb\xbf", false},
                 {"a\xee\x80\x80", false},     /* private use */
                 {"a\xf3\xa0\x81\x81", false}, /* a tag */
                 {"", false},
                 {"a b", false},
                 {"a+b", false},
                 {"a\tb", false},
                 {"a\nb", false},
                 {"a\x1b", false},
                 {"a\x7f", false},
                 {"a\xc2\x85", false},
                 {"a\xc2\xa0", false},
                 {"a\xe1\x9a\x80", false},
                 {"a\xe2\x80\x80", false},
                 {"a\xe2\x80\x8a", false},
                 {"a\xe2\x80\xa8", false},
                 {"a\xe2\x80\xa9", false},
                 {"a\xe2\x80\xaf", false},
                 {"a\xe2\x81\x9f", false},
                 {"\xe3\x80\x80", false},
                 {"a\xff", false},
                 {"a\xe2\x80", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (note_name_valid(slice_of(cases[i].name)) != cases[i].valid) {
            fail_msg("case %zu", i);
        }
    }
    assert_false(note_name_valid((struct slice){"a\0b", 3}));
    char name[NOTE_NAME_MAX + 1];
    memset(name, 'x', sizeof(name));
    assert_true(note_name_valid((struct slice){name, NOTE_NAME_MAX}));
    assert_false(note_name_valid((struct slice){name, NOTE_NAME_MAX + 1}));
    struct note_signer *signer = NULL;
    struct cb_err err;
    assert_int_equal(note_signer_new(SLICE("a b"), NOTE_LOG, &signer, &err), CB_EINPUT);
    assert_null(signer);
}

static void test_refused_keys(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "+",
        "example.com/foo",
        "example.com/foo+",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903aa+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* another id */
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* another name */
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l", /* another key */
        "example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* a witness's */
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* type 2 */
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0=", /* short */
        C2SP_KEY "AAAA",
        C2SP_KEY "\n",
        (" " C2SP_KEY),
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        GO_PRIVATE,
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct note_key key = {.id = 42};
        struct cb_err err = {.code = CB_OK};
        if (note_key_parse(slice_of(bad[i]), &key, &err) != CB_EINPUT) {
            fail_msg("\"%s\" was taken for a key", bad[i]);
        }
        assert_int_equal(key.id, 42);
        assert_true(err.msg[0] != '\0');
    }
    static const char *const bad_private[] = {
        "",
        GO_KEY,
        "PRIVATE+KEY+" GO_KEY, /* the public half taken for a seed gives another id */
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFy",
        "PRIVATE+KEY+PeterNeumann+c74f20a3",
        "PRIVATE+KEX+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        GO_PRIVATE "\n",
    };
    for (size_t i = 0; i < sizeof(bad_private) / sizeof(bad_private[0]); i++) {
        struct note_signer *signer = NULL;
        struct cb_err err;
        if (note_signer_parse(slice_of(bad_private[i]), &signer, &err) != CB_EINPUT) {
            fail_msg("private key %zu was taken", i);
        }
        assert_null(signer);
        assert_null(strstr(err.msg, "AYEKFALV"));
    }
    note_signer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_keys), cmocka_unit_test(test_known_private_key),
        cmocka_unit_test(test_new_keys), cmocka_unit_test(test_names),
        cmocka_unit_test(test_refused_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
