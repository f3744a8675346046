/* test_proof_file.c - proofs as files: both ways, C2SP tlog-proof's example, and every misspelling
 * with the line it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/tlog/proof_file.h"

#define FIRST "c2sp.org/tlog-proof@v1\n"
#define H1 "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
#define H2 "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
#define NOTE "example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\nsigned"

static void test_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *extra;
        uint64_t index;
        size_t num;
    } cases[] = {
        {FIRST "extra cmVjb3Jk\nindex 73894\n" H1 H2 "\n" NOTE, "record", 73894, 2},
        {FIRST "index 0\n\n" NOTE, NULL, 0, 0},
        {FIRST "extra \nindex 7\n" H1 "\n" NOTE, "", 7, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct proof_file f;
        struct buf extra;
        struct buf text;
        struct cb_err err;
        assert_int_equal(proof_file_parse(slice_of(cases[i].text), &extra, &f, &err), CB_OK);
        assert_int_equal(f.index, cases[i].index);
        assert_int_equal(f.proof.num, cases[i].num);
        assert_true((f.extra.ptr == NULL) == (cases[i].extra == NULL));
        assert_true(slice_eq_str(f.extra, cases[i].extra));
        assert_true(slice_eq_str(f.note, NOTE));
        buf_init(&text, PROOF_FILE_MAX);
        proof_file_text(&f, &text);
        assert_string_equal(text.data, cases[i].text);
        buf_free(&text);
        buf_free(&extra);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"", "line 1"},
        {"c2sp.org/tlog-proof@v1", "line 1"},
        {"c2sp.org/tlog-proof@v2\nindex 5\n\n" NOTE, "line 1"},
        {FIRST, "line 2"},
        {FIRST "extra !\nindex 5\n\n" NOTE, "line 2"},
        {FIRST "extra cmVjb3J\nindex 5\n\n" NOTE, "line 2"},
        {FIRST "extra cmVjb3Jk\n", "line 3"},
        {FIRST "extra cmVjb3Jk\nextra cmVjb3Jk\nindex 5\n\n" NOTE, "line 3"},
        {FIRST "index\n\n" NOTE, "line 2"},
        {FIRST "index 05\n\n" NOTE, "line 2"},
        {FIRST "index -5\n\n" NOTE, "line 2"},
        {FIRST "index 5 \n\n" NOTE, "line 2"},
        {FIRST "index 9223372036854775808\n\n" NOTE, "line 2"},
        {FIRST "Index 5\n\n" NOTE, "line 2"},
        {FIRST "index 5\nextra cmVjb3Jk\n\n" NOTE, "line 3"},
        {FIRST "index 5\r\n\r\n" NOTE, "line 2"},
        {FIRST "index 5\n" H1 "AAAA\n\n" NOTE, "line 4"},
        {FIRST "index 5\n" H1 " " H2 "\n" NOTE, "line 4"},
        {FIRST "index 5\n" H1, "line 4"},
        {FIRST "index 5\n" H1 "\n", "line 4"},
        {FIRST "index 5\n" H1 NOTE, "line 4"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct proof_file f = {.index = 42};
        struct buf extra;
        struct cb_err err = {.code = CB_OK};
        if (proof_file_parse(slice_of(cases[i].text), &extra, &f, &err) != CB_EINPUT ||
            strstr(err.msg, cases[i].said) == NULL) {
            fail_msg("case %zu: %s", i, err.msg);
        }
        assert_int_equal(f.index, 42);
        buf_free(&extra);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct proof_file f;
    struct buf extra;
    struct buf text;
    struct cb_err err;
    for (size_t num = PROOF_HASHES_MAX; num <= PROOF_HASHES_MAX + 1; num++) {
        buf_init(&text, PROOF_FILE_MAX);
        buf_add_str(&text, FIRST "index 5\n");
        for (size_t i = 0; i < num; i++) {
            buf_add_str(&text, H1);
        }
        buf_add_str(&text, "\n" NOTE);
        assert_int_equal(proof_file_parse(buf_slice(&text), &extra, &f, &err),
                         num == PROOF_HASHES_MAX ? CB_OK : CB_EINPUT);
        buf_free(&extra);
        buf_free(&text);
    }
    buf_init(&text, PROOF_FILE_MAX + 1);
    while (text.len <= PROOF_FILE_MAX) {
        buf_add_char(&text, 'x');
    }
    assert_int_equal(proof_file_parse(buf_slice(&text), &extra, &f, &err), CB_EINPUT);
    buf_free(&extra);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_ways),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
