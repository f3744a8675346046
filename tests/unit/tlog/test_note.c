/* test_note.c - the example of C2SP signed-note and the notes of Go's sumdb/note verify; what we sign
 * is what they sign; a changed byte anywhere is noticed; the parser takes nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/tlog/note.h"
#include "broker/base/base64.h"

#include <stdlib.h>

#define DASH "\xe2\x80\x94 "
#define C2SP_KEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define C2SP_NOTE                                                                                  \
    "This is an example message.\n\n" DASH "example.com/foo "                                      \
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=" \
    "\n"
#define GO_KEY "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define GO_PRIVATE "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define GO_OTHER_KEY "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
#define GO_TEXT                                                                                    \
    "If you think cryptography is the answer to your problem,\n"                                   \
    "then you don't know what your problem is.\n"
#define GO_LINE                                                                                    \
    DASH                                                                                           \
        "PeterNeumann "                                                                            \
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ" \
        "nAM=\n"
#define GO_OTHER_LINE                                                                              \
    DASH                                                                                           \
        "EnochRoot "                                                                               \
        "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc" \
        "+QQ=\n"

static enum note_verdict verdict_of(struct slice bytes, const char *key_text, uint64_t *ret_time)
{
    struct note note;
    struct note_key key;
    struct cb_err err;
    assert_int_equal(note_key_parse(slice_of(key_text), &key, &err), CB_OK);
    assert_int_equal(note_parse(bytes, &note, &err), CB_OK);
    return note_verify(&note, &key, ret_time);
}

static void test_known_notes(void **state)
{
    (void)state;
    static const struct {
        const char *note;
        const char *key;
        enum note_verdict verdict;
    } cases[] = {
        {C2SP_NOTE, C2SP_KEY, NOTE_GOOD},
        {C2SP_NOTE, GO_KEY, NOTE_UNSIGNED},
        {GO_TEXT "\n" GO_LINE, GO_KEY, NOTE_GOOD},
        {GO_TEXT "\n" GO_LINE, GO_OTHER_KEY, NOTE_UNSIGNED},
        {GO_TEXT "\n" GO_LINE GO_OTHER_LINE, GO_KEY, NOTE_GOOD},
        {GO_TEXT "\n" GO_LINE GO_OTHER_LINE, GO_OTHER_KEY, NOTE_GOOD},
        {GO_TEXT "\n" GO_LINE GO_LINE, GO_KEY, NOTE_GOOD},
        {"another text\n\n" GO_LINE, GO_KEY, NOTE_BAD},
        {GO_TEXT GO_TEXT "\n" GO_LINE, GO_KEY, NOTE_BAD},
        /* One good and one wrong signature by the same key: not good. */
        {GO_TEXT "\n" GO_LINE DASH "PeterNeumann x08go0FBQUE=\n", GO_KEY, NOTE_BAD},
        /* The same id with another name, and the other way round, is somebody else. */
        {GO_TEXT "\n" DASH "PeterNeumanx x08go0FBQUE=\n", GO_KEY, NOTE_UNSIGNED},
        {GO_TEXT "\n" DASH "PeterNeumann x08gpEFBQUE=\n", GO_KEY, NOTE_UNSIGNED},
        /* Text that looks like a signature is text. */
        {GO_TEXT "\n" GO_LINE "\n" GO_OTHER_LINE, GO_KEY, NOTE_UNSIGNED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t time_s = 42;
        const enum note_verdict got = verdict_of(slice_of(cases[i].note), cases[i].key, &time_s);
        if (got != cases[i].verdict) {
            fail_msg("case %zu: %d", i, (int)got);
        }
        assert_int_equal(time_s, got == NOTE_GOOD ? 0 : 42);
    }
}

/* Ed25519 is deterministic: the same key signs the same text to the same bytes as Go. */
static void test_sign_like_go(void **state)
{
    (void)state;
    struct note_signer *signer = NULL;
    struct cb_err err;
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(note_signer_parse(SLICE(GO_PRIVATE), &signer, &err), CB_OK);
    assert_int_equal(note_sign(SLICE(GO_TEXT), signer, 12345, &out, &err), CB_OK);
    assert_string_equal(out.data, GO_LINE);
    note_signer_free(signer);
    buf_free(&out);
}

/* signed_note - text with one signature line. */
static void signed_note(struct slice text, const struct note_signer *signer, uint64_t time_s,
                        struct buf *out)
{
    struct cb_err err;
    buf_add_slice(out, text);
    buf_add_char(out, '\n');
    assert_int_equal(note_sign(text, signer, time_s, out, &err), CB_OK);
}

static void test_cosignature(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 1, 1679315147, INT64_MAX};
    struct note_signer *witness = NULL;
    struct cb_err err;
    char key[NOTE_KEY_TEXT_MAX];
    assert_int_equal(note_signer_new(SLICE("witness.example/w1"), NOTE_WITNESS, &witness, &err),
                     CB_OK);
    note_key_text(note_signer_key(witness), key);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct buf note;
        struct note parsed;
        uint64_t time_s = 42;
        buf_init(&note, 4096);
        signed_note(SLICE("log.example\n5\nAAAA\n"), witness, times[i], &note);
        assert_int_equal(verdict_of(buf_slice(&note), key, &time_s), NOTE_GOOD);
        assert_int_equal(time_s, times[i]);
        assert_int_equal(note_parse(buf_slice(&note), &parsed, &err), CB_OK);
        assert_int_equal(parsed.signatures[0].len, 72);
        /* A second, later one: the later time counts. */
        assert_int_equal(note_sign(SLICE("log.example\n5\nAAAA\n"), witness, 7, &note, &err),
                         CB_OK);
        assert_int_equal(verdict_of(buf_slice(&note), key, &time_s), NOTE_GOOD);
        assert_int_equal(time_s, times[i] > 7 ? times[i] : 7);
        buf_free(&note);
    }
    /* A time that RFC's do not know is not taken, though it is signed. */
    struct buf note;
    uint64_t time_s = 42;
    buf_init(&note, 4096);
    signed_note(SLICE("x\n"), witness, UINT64_MAX, &note);
    assert_int_equal(verdict_of(buf_slice(&note), key, &time_s), NOTE_BAD);
    assert_int_equal(time_s, 42);
    buf_free(&note);
    note_signer_free(witness);
}

/* The two kinds do not stand for one another: the same seed and name, the other type. */
static void test_types_apart(void **state)
{
    (void)state;
    struct note_signer *log = NULL;
    struct note_signer *witness = NULL;
    struct cb_err err;
    struct buf note;
    struct note parsed;
    uint64_t time_s = 42;
    struct note_key lying;
    buf_init(&note, 4096);
    assert_int_equal(note_signer_parse(SLICE(GO_PRIVATE), &log, &err), CB_OK);
    assert_int_equal(note_signer_new(SLICE("PeterNeumann"), NOTE_WITNESS, &witness, &err), CB_OK);
    lying = *note_signer_key(witness);
    memcpy(lying.public_key, note_signer_key(log)->public_key, NOTE_ED25519_LEN);
    lying.id = note_signer_key(log)->id;
    signed_note(SLICE(GO_TEXT), log, 0, &note);
    assert_int_equal(note_parse(buf_slice(&note), &parsed, &err), CB_OK);
    assert_int_equal(note_verify(&parsed, &lying, &time_s), NOTE_BAD);
    assert_int_equal(note_verify(&parsed, note_signer_key(witness), &time_s), NOTE_UNSIGNED);
    note_signer_free(log);
    note_signer_free(witness);
    buf_free(&note);
}

/* Every byte of a note, changed in two ways: never good. */
static void test_every_byte(void **state)
{
    (void)state;
    char note[] = GO_TEXT "\n" GO_LINE;
    const size_t len = sizeof(note) - 1;
    struct note_key key;
    struct cb_err err;
    assert_int_equal(note_key_parse(SLICE(GO_KEY), &key, &err), CB_OK);
    for (size_t i = 0; i < len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct note parsed;
            uint64_t time_s = 0;
            note[i] = (char)(note[i] ^ (1 << bit));
            if (note_parse((struct slice){note, len}, &parsed, &err) == CB_OK &&
                note_verify(&parsed, &key, &time_s) == NOTE_GOOD) {
                fail_msg("byte %zu, bit %u", i, bit);
            }
            note[i] = (char)(note[i] ^ (1 << bit));
        }
    }
    for (size_t i = 0; i < len; i++) {
        struct note parsed;
        assert_int_equal(note_parse((struct slice){note, i}, &parsed, &err), CB_EINPUT);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "text\n" GO_LINE, /* no empty line */
        GO_LINE,
        GO_TEXT "\n" GO_LINE "\n",     /* an empty line behind */
        GO_TEXT "\n" GO_LINE "more\n", /* something behind */
        GO_TEXT "\n" GO_LINE "more",   /* and cut */
        GO_TEXT "\r\n" GO_LINE,        /* control characters */
        "te\txt\n\n" GO_LINE,
        "te\x1b[2Jxt\n\n" GO_LINE,
        "te\xfft\n\n" GO_LINE, /* not UTF-8 */
        "text\n\n- PeterNeumann x08go0FBQUE=\n",
        "text\n\n\xe2\x80\x93 PeterNeumann x08go0FBQUE=\n", /* an en dash */
        "text\n\n\xe2\x80\x94PeterNeumann x08go0FBQUE=\n",
        "text\n\n" DASH "PeterNeumann\n",
        "text\n\n" DASH "PeterNeumann \n",
        "text\n\n" DASH "PeterNeumann  x08go0FBQUE=\n",
        "text\n\n" DASH " x08go0FBQUE=\n",
        "text\n\n" DASH "Peter+Neumann x08go0FBQUE=\n",
        "text\n\n" DASH "PeterNeumann x08go0FBQUE= \n",
        "text\n\n" DASH "PeterNeumann x08go0FBQUE\n",
        "text\n\n" DASH "PeterNeumann x08gow==\n", /* an id, no signature */
        "text\n\n" DASH "PeterNeumann x08g\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct note note;
        struct cb_err err = {.code = CB_OK};
        if (note_parse(slice_of(bad[i]), &note, &err) != CB_EINPUT) {
            fail_msg("case %zu was taken for a note", i);
        }
        assert_true(err.msg[0] != '\0');
    }
    struct note note;
    struct cb_err err;
    assert_int_equal(
        note_parse((struct slice){"te\0t\n\n" GO_LINE, 6 + sizeof(GO_LINE) - 1}, &note, &err),
        CB_EINPUT);
}

/* num_lines - a note with so many signature lines. */
static enum cb_code parse_many(size_t num_lines, struct note *ret)
{
    struct buf b;
    struct cb_err err;
    buf_init(&b, 2U * NOTE_BYTES_MAX);
    buf_add_str(&b, "text\n\n");
    for (size_t i = 0; i < num_lines; i++) {
        buf_add_str(&b, DASH "somebody x08go0FBQUE=\n");
    }
    const enum cb_code code = note_parse(buf_slice(&b), ret, &err);
    buf_free(&b);
    return code;
}

static void test_limits(void **state)
{
    (void)state;
    struct note note;
    struct cb_err err;
    struct buf b;
    assert_int_equal(parse_many(NOTE_SIGNATURES_MAX, &note), CB_OK);
    assert_int_equal(note.num, NOTE_SIGNATURES_MAX);
    assert_int_equal(parse_many(NOTE_SIGNATURES_MAX + 1, &note), CB_EINPUT);
    /* A signature of a kind with very many bytes is passed over, and never verifies. */
    unsigned char large[3000] = {0xc7, 0x4f, 0x20, 0xa3};
    struct note_key key;
    uint64_t time_s = 0;
    assert_int_equal(note_key_parse(SLICE(GO_KEY), &key, &err), CB_OK);
    buf_init(&b, 2U * NOTE_BYTES_MAX);
    buf_add_str(&b, GO_TEXT "\n" GO_LINE DASH "quantum ");
    buf_add_base64(&b, large, sizeof(large));
    buf_add_char(&b, '\n');
    assert_int_equal(note_parse(buf_slice(&b), &note, &err), CB_OK);
    assert_int_equal(note.num, 2);
    assert_int_equal(note.signatures[1].len, 0);
    assert_int_equal(note_verify(&note, &key, &time_s), NOTE_GOOD);
    /* The longest note, and one byte more. */
    buf_reset(&b);
    for (size_t i = 0; i < NOTE_BYTES_MAX - sizeof("\n\n" GO_LINE) + 1; i++) {
        buf_add_char(&b, 'x');
    }
    buf_add_str(&b, "\n\n" GO_LINE);
    assert_int_equal(b.len, NOTE_BYTES_MAX);
    assert_int_equal(note_parse(buf_slice(&b), &note, &err), CB_OK);
    buf_add_char(&b, '\n');
    assert_int_equal(note_parse(buf_slice(&b), &note, &err), CB_EINPUT);
    buf_free(&b);
}

static void test_sign_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "no newline", "te\txt\n", "te\xfft\n"};
    struct note_signer *signer = NULL;
    struct cb_err err;
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(note_signer_parse(SLICE(GO_PRIVATE), &signer, &err), CB_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(note_sign(slice_of(bad[i]), signer, 0, &out, &err), CB_EINPUT);
        assert_int_equal(out.len, 0);
    }
    buf_free(&out);
    buf_init(&out, 20);
    assert_int_equal(note_sign(SLICE(GO_TEXT), signer, 0, &out, &err), CB_ELIMIT);
    note_signer_free(signer);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_notes), cmocka_unit_test(test_sign_like_go),
        cmocka_unit_test(test_cosignature), cmocka_unit_test(test_types_apart),
        cmocka_unit_test(test_every_byte),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_sign_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
