/* test_bundle.c - several files as one text, and the policy that is loaded from it. */
#include "policy/bundle.h"
#include "tests/unit/policy/support.h"

#define MAGIC "# certbroker policy bundle v1\n"

static void test_round_trip(void **state)
{
    (void)state;
    const struct bundle_file files[] = {{SLICE("10-a.yaml"), SLICE("a: 1\n")},
                                        {SLICE("20-b.yaml"), SLICE("")},
                                        {SLICE("30_c.yaml"), SLICE("# file x 3\nno newline")}};
    struct buf out;
    buf_init(&out, 1000);
    assert_true(bundle_write(files, 3, &out));
    assert_string_equal(out.data, MAGIC "# file 10-a.yaml 5\na: 1\n\n# file 20-b.yaml 0\n\n"
                                        "# file 30_c.yaml 21\n# file x 3\nno newline\n");
    assert_true(bundle_is(buf_slice(&out)));
    struct slice rest = buf_slice(&out);
    struct bundle_file file;
    struct cb_err err;
    for (size_t i = 0; i < 3; i++) {
        assert_true(bundle_read(&rest, &file, &err));
        assert_true(slice_eq(file.name, files[i].name));
        assert_true(slice_eq(file.bytes, files[i].bytes));
    }
    assert_false(bundle_read(&rest, &file, &err));
    assert_int_equal(err.code, CB_OK);
    buf_free(&out);
    buf_init(&out, 60);
    assert_false(bundle_write(files, 3, &out));
    buf_free(&out);
}

static const struct {
    const char *text;
    size_t good; /* files before the end */
    const char *message;
} texts[] = {
    {MAGIC, 0, NULL},
    {MAGIC "# file a 1\nx\n", 1, NULL},
    {MAGIC "x", 0, "a line \"# file NAME LENGTH\" is missing"},
    {MAGIC "# file a 1", 0, "a line \"# file NAME LENGTH\" is missing"},
    {MAGIC MAGIC, 0, "is missing"},
    {MAGIC "# file a\n", 0, "a line is not"},
    {MAGIC "# file a 01\nx\n", 0, "a line is not"},
    {MAGIC "# file a -1\nx\n", 0, "a line is not"},
    {MAGIC "# file a 1 \nx\n", 0, "a line is not"},
    {MAGIC "# file a/b 1\nx\n", 0, "a line is not"},
    {MAGIC "# file .a 1\nx\n", 0, "a line is not"},
    {MAGIC "# file  1\nx\n", 0, "a line is not"},
    {MAGIC "# file a 18446744073709551616\nx\n", 0, "a line is not"},
    {MAGIC "# file a 18446744073709551615\nx\n", 0, "shorter or longer"},
    {MAGIC "# file a 1\nx", 0, "shorter or longer"},
    {MAGIC "# file a 2\nx\n", 0, "shorter or longer"},
    {MAGIC "# file a 0\nx\n", 0, "shorter or longer"},
    {MAGIC "# file a 1\nx\n\n", 0, "text behind a file"},
    {MAGIC "# file a 1\nx\n" MAGIC, 0, "text behind a file"},
    {MAGIC "# file a 1\nx\n# file b 1\n", 1, "shorter or longer"},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct slice rest = slice_of(texts[i].text);
        struct bundle_file file;
        struct cb_err err = {.code = CB_OK};
        size_t good = 0;
        while (bundle_read(&rest, &file, &err)) {
            good++;
        }
        if (good != texts[i].good || (err.code == CB_OK) != (texts[i].message == NULL) ||
            (texts[i].message != NULL && strstr(err.msg, texts[i].message) == NULL)) {
            fail_msg("%s: %zu files, %s", texts[i].text, good, err.code == CB_OK ? "" : err.msg);
        }
    }
    assert_false(bundle_is(SLICE("# certbroker policy bundle v2\n")));
    assert_false(bundle_is(SLICE("version: 1\n")));
    assert_false(bundle_is((struct slice){NULL, 0}));
}

static void test_names(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'a', sizeof(name));
    assert_true(bundle_name_valid((struct slice){name, 255}));
    assert_false(bundle_name_valid((struct slice){name, 256}));
    assert_true(bundle_name_valid(SLICE("A-z_0.9")));
    assert_false(bundle_name_valid(SLICE("")));
    assert_false(bundle_name_valid(SLICE("..")));
    assert_false(bundle_name_valid(SLICE("a b")));
    assert_false(bundle_name_valid(SLICE("a\n")));
    assert_false(bundle_name_valid(SLICE("\xc3\xbc")));
}

/* ---- loaded ---- */

#define CLIENTS "version: 1\nclients: {c: {auth: [{mtls: {cn: c}}]}}\n" /* 51 bytes */
#define RULES "version: 1\nrules: [{id: a, effect: deny, clients: [c]}]\n"

static void test_loaded(void **state)
{
    (void)state;
    char text[400];
    (void)snprintf(text, sizeof(text), MAGIC "# file 10.yaml %zu\n%s\n# file 20.yaml %zu\n%s\n",
                   strlen(RULES), RULES, strlen(CLIENTS), CLIENTS);
    struct policy *p = load_text(text);
    assert_int_equal(policy_num_files(p), 2);
    assert_string_equal(policy_file_name(p, 1), "20.yaml");
    assert_true(slice_eq(policy_file_bytes(p, 1), SLICE(CLIENTS)));
    assert_true(slice_eq(policy_bytes(p), slice_of(text)));
    assert_string_equal(policy_file(p), "test.yaml");
    assert_string_equal(policy_rule_place(p, 0).file, "test.yaml/10.yaml");
    assert_int_equal(policy_rule_place(p, 0).line, 2);
    policy_free(p);
}

static const struct {
    const char *text;
    const char *said;
} refused[] = {
    {MAGIC, "test.yaml: error: the bundle holds no files\n"},
    {MAGIC "# file b 1\n-\n# file a 1\n-\n",
     "test.yaml: error: the files of the bundle are not in ascending order\n"},
    {MAGIC "# file a 1\n-\n# file a 1\n-\n",
     "test.yaml: error: the files of the bundle are not in ascending order\n"},
    {MAGIC "# file a1 1\n-\n# file a 1\n-\n",
     "test.yaml: error: the files of the bundle are not in ascending order\n"},
    {MAGIC "# file a 1\n-", "test.yaml: error: this is no policy bundle: a file is shorter or "
                            "longer than its line says\n"},
    {MAGIC "# file a 1\n-\n# file b 5\n[1, 2\n",
     "test.yaml/a:1:1: error: a policy must be a map, not a list\n"
     "test.yaml/b:2:1: error: this is not YAML: while parsing a flow sequence, did not find "
     "expected ',' or ']'; is a comma or the closing ] missing?\n"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char *said = complaints_of(refused[i].text, NULL);
        assert_string_equal(said, refused[i].said);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_texts),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
