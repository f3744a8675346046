/* test_checkpoint.c - the three lines, read strictly, and who must have signed them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/tlog/checkpoint.h"

/* C2SP tlog-checkpoint's example. */
#define EXAMPLE                                                                                    \
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static void test_example(void **state)
{
    (void)state;
    struct checkpoint c;
    struct cb_err err;
    struct buf text;
    assert_int_equal(checkpoint_parse(SLICE(EXAMPLE), &c, &err), CB_OK);
    assert_string_equal(c.origin, "example.com/behind-the-sofa");
    assert_int_equal(c.size, 20852163);
    assert_int_equal(c.root[0], 0x0a);
    assert_int_equal(c.root[31], 0x62);
    buf_init(&text, 1024);
    checkpoint_text(&c, &text);
    assert_string_equal(text.data, EXAMPLE);
    buf_free(&text);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {
        {"a\n0\n" ROOT "\n", true},
        {"a\n9223372036854775807\n" ROOT "\n", true},
        {"a\n5\n" ROOT "\nextension\nanother one\n", true},
        {"", false},
        {"\n", false},
        {"a\n5\n", false},
        {"a\n5\n" ROOT, false},
        {"\n5\n" ROOT "\n", false},
        {"a b\n5\n" ROOT "\n", false},
        {"a+b\n5\n" ROOT "\n", false},
        {"a\n\n" ROOT "\n", false},
        {"a\n05\n" ROOT "\n", false},
        {"a\n+5\n" ROOT "\n", false},
        {"a\n-5\n" ROOT "\n", false},
        {"a\n5 \n" ROOT "\n", false},
        {"a\n0x5\n" ROOT "\n", false},
        {"a\n9223372036854775808\n" ROOT "\n", false},
        {"a\n18446744073709551616\n" ROOT "\n", false},
        {"a\n5\n\n", false},
        {"a\n5\n" ROOT "=\n", false},
        {"a\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", false},
        {"a\n5\n" ROOT "AAAA\n", false},
        {"a\n5\n" ROOT "\n\n", false},
        {"a\n5\n" ROOT "\nextension\n\n", false},
        {"a\n5\n" ROOT "\ncut", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct checkpoint c = {.size = 42};
        struct cb_err err;
        const enum cb_code code = checkpoint_parse(slice_of(cases[i].text), &c, &err);
        if (code != (cases[i].is_good ? CB_OK : CB_EINPUT)) {
            fail_msg("case %zu: %s", i, cases[i].text);
        }
        assert_true(cases[i].is_good || c.size == 42);
    }
}

/* Two logs and a witness with fresh keys, and a note of log a's. */
struct world {
    struct note_signer *a;
    struct note_signer *b;
    struct note_signer *witness;
    struct checkpoint c;
    struct buf note;
};

static int setup(void **state)
{
    static struct world w;
    struct cb_err err;
    w = (struct world){.c = {.origin = "a.example", .size = 12345}};
    memset(w.c.root, 0xa5, SHA256_LEN);
    buf_init(&w.note, NOTE_BYTES_MAX);
    assert_int_equal(note_signer_new(SLICE("a.example"), NOTE_LOG, &w.a, &err), CB_OK);
    assert_int_equal(note_signer_new(SLICE("b.example"), NOTE_LOG, &w.b, &err), CB_OK);
    assert_int_equal(note_signer_new(SLICE("a.example"), NOTE_WITNESS, &w.witness, &err), CB_OK);
    assert_int_equal(checkpoint_sign(&w.c, w.a, &w.note, &err), CB_OK);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    note_signer_free(w->a);
    note_signer_free(w->b);
    note_signer_free(w->witness);
    buf_free(&w->note);
    return 0;
}

static enum cb_code open_with(const struct buf *note, const struct note_signer *signer,
                              struct checkpoint *ret)
{
    struct note parsed;
    struct cb_err err;
    return checkpoint_open(buf_slice(note), note_signer_key(signer), &parsed, ret, &err);
}

static void test_open(void **state)
{
    struct world *w = *state;
    struct checkpoint got = {.size = 1};
    struct cb_err err;
    struct buf note;
    assert_int_equal(open_with(&w->note, w->b, &got), CB_ECRYPTO);
    assert_int_equal(open_with(&w->note, w->witness, &got), CB_ECRYPTO);
    assert_int_equal(got.size, 1);
    assert_int_equal(open_with(&w->note, w->a, &got), CB_OK);
    assert_memory_equal(&got, &w->c, sizeof(got));
    /* Signed by b as well: still a's. Signed by b alone: b's key, but another log. */
    struct note parsed;
    assert_int_equal(note_parse(buf_slice(&w->note), &parsed, &err), CB_OK);
    assert_int_equal(note_sign(parsed.text, w->b, 0, &w->note, &err), CB_OK);
    assert_int_equal(open_with(&w->note, w->a, &got), CB_OK);
    assert_int_equal(open_with(&w->note, w->b, &got), CB_ECRYPTO);
    buf_init(&note, NOTE_BYTES_MAX);
    assert_int_equal(checkpoint_sign(&w->c, w->b, &note, &err), CB_OK);
    assert_int_equal(open_with(&note, w->b, &got), CB_ECRYPTO);
    assert_int_equal(open_with(&note, w->a, &got), CB_ECRYPTO);
    buf_free(&note);
}

static void test_not_a_checkpoint(void **state)
{
    struct world *w = *state;
    struct checkpoint got;
    struct cb_err err;
    struct buf note;
    buf_init(&note, NOTE_BYTES_MAX);
    buf_add_str(&note, "a.example\nmany\n\n");
    assert_int_equal(note_sign(SLICE("a.example\nmany\n"), w->a, 0, &note, &err), CB_OK);
    assert_int_equal(open_with(&note, w->a, &got), CB_EINPUT);
    buf_reset(&note);
    buf_add_str(&note, "no note\n");
    assert_int_equal(open_with(&note, w->a, &got), CB_EINPUT);
    buf_free(&note);
    buf_init(&note, 10);
    assert_int_equal(checkpoint_sign(&w->c, w->a, &note, &err), CB_ELIMIT);
    buf_free(&note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example), cmocka_unit_test(test_parse),
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_a_checkpoint, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
