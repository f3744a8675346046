/* test_yaml.c - the tree: shapes and places, and everything that the subset refuses. */
#include "policy/yaml_tree.h"
#include "tests/unit/policy/support.h"

static struct yaml_doc *load(struct slice text, char **said)
{
    struct diag_list *diags = diag_new();
    struct yaml_doc *doc = NULL;
    const enum cb_code code = yaml_load_bytes("t.yaml", text, diags, &doc);
    assert_int_equal(code == CB_OK, doc != NULL);
    assert_int_equal(code == CB_OK, diag_num_errors(diags) == 0);
    *said = printed(diags);
    diag_free(diags);
    return doc;
}

static void test_shape(void **state)
{
    (void)state;
    const char *text = "# \xc3\xbc\n"
                       "a: one\n"
                       "b:\n"
                       "  - 'it''s'\n"
                       "  - \"\\u00fc\\n\"\n"
                       "\"c d\": {e: [], \xc3\xbc: \"y\", z: }\n"
                       "f: |\n"
                       "  line\n"
                       "  two\n";
    char *said = NULL;
    struct yaml_doc *doc = load(slice_of(text), &said);
    assert_string_equal(said, "");
    const struct yaml_node *root = yaml_root(doc);
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->num, 4);
    const struct yaml_node *a = yaml_get(root, "a");
    assert_true(slice_eq(a->text, SLICE("one")));
    assert_false(a->quoted);
    assert_int_equal(a->line, 2);
    assert_int_equal(a->col, 4);
    assert_int_equal(a->key_line, 2);
    assert_int_equal(a->key_col, 1);
    const struct yaml_node *b = yaml_get(root, "b");
    assert_int_equal(b->kind, YAML_LIST);
    assert_int_equal(b->num, 2);
    assert_true(slice_eq(b->first->text, SLICE("it's")));
    assert_true(b->first->quoted);
    assert_true(slice_eq(b->first->next->text, SLICE("\xc3\xbc\n")));
    assert_null(b->first->next->next);
    const struct yaml_node *c = yaml_get(root, "c d");
    assert_int_equal(yaml_get(c, "e")->num, 0);
    const struct yaml_node *u = yaml_get(c, "\xc3\xbc");
    assert_true(slice_eq(u->text, SLICE("y")));
    assert_int_equal(u->key_col, 16); /* characters, not bytes */
    assert_int_equal(u->col, 19);
    assert_int_equal(yaml_get(c, "z")->text.len, 0);
    assert_true(slice_eq(yaml_get(root, "f")->text, SLICE("line\ntwo\n")));
    assert_null(yaml_get(root, "g"));
    assert_null(yaml_get(a, "a"));
    assert_null(yaml_get(NULL, "a"));
    assert_true(slice_eq(yaml_bytes(doc), slice_of(text)));
    yaml_drop_tree(doc);
    assert_null(yaml_root(doc));
    assert_true(slice_eq(yaml_bytes(doc), slice_of(text)));
    assert_string_equal(yaml_file(doc), "t.yaml");
    yaml_doc_free(doc);
    yaml_doc_free(NULL);
    free(said);
}

static const struct {
    const char *text;
    const char *said; /* the beginning of what is said */
} refused[] = {
    {"", "t.yaml: error: the file is empty"},
    {"# only a comment\n", "t.yaml: error: the file is empty"},
    {"a: 1\nb: 2\na: 3\n",
     "t.yaml:3:1: error: key \"a\" is here twice: the first one is in line 1\n"},
    {"a: &x 1\n", "t.yaml:1:4: error: anchors"},
    {"a: *x\n", "t.yaml:1:4: error: aliases (*name) are not used here"},
    {"a: *.x\n", "t.yaml:1:5: error: this is not YAML: while scanning an alias, did not find "
                 "expected alphabetic or numeric character; put a value that begins with * in "
                 "quotes: \"*.x\"\n"},
    {"dns: [**.x]\n", "t.yaml:1:8: error: this is not YAML: while scanning an alias"},
    {"a: !x 1\n", "t.yaml:1:4: error: tags"},
    {"a: !!str 1\n", "t.yaml:1:4: error: tags"},
    {"- !x [1]\n- &y {}\n", "t.yaml:1:3: error: tags"},
    {"%YAML 1.1\n---\na: 1\n", "t.yaml:1:1: error: directives"},
    {"a: 1\n---\nb: 2\n", "t.yaml:2:1: error: a second document begins here"},
    {"<<: {a: 1}\n", "t.yaml:1:1: error: merge keys"},
    {"[a]: 1\n", "t.yaml:1:1: error: a key must be plain text"},
    {"{a: 1}: 1\n", "t.yaml:1:1: error: a key must be plain text"},
    {"? - a\n: 1\n", "t.yaml:1:3: error: a key must be plain text"},
    {"\"\": 1\n", "t.yaml:1:1: error: a key is empty"},
    {"a: \"x\\0y\"\n", "t.yaml:1:4: error: a value must not hold a NUL"},
    {"\"a\\0\": 1\n", "t.yaml:1:1: error: a value must not hold a NUL"},
    {"a: \x01\n", "t.yaml:1:4: error: a control character (byte 0x01)"},
    {"\xc3\xbc: \x7f\n", "t.yaml:1:4: error: a control character (byte 0x7f)"},
    {"a: 1\nb: \xff\n", "t.yaml:2:1: error: this line is not UTF-8 text"},
    {"a:\n\tb: 1\n",
     "t.yaml:2:1: error: this is not YAML: while scanning for the next token, found "
     "character that cannot start any token; this line is indented with a tab: use "
     "spaces only\n"},
    {"# \xc3\xbc\na:\n  \tb: 1\n", "t.yaml:3:3: error: this is not YAML"},
    {"a:\n  b: 1\n c: 2\n",
     "t.yaml:3:2: error: this is not YAML: while parsing a block mapping, did "
     "not find expected key; is this line indented like its neighbours?\n"},
    {"a: b: c\n", "t.yaml:1:5: error: this is not YAML: mapping values are not allowed in this "
                  "context; a value with \": \" in it needs quotes"},
    {"a: [1, 2\nb: 3\n", "t.yaml:2:2: error: this is not YAML: while parsing a flow sequence, did "
                         "not find expected ',' or ']'; is a comma or the closing ] missing?\n"},
    {"a: \"x\n", "t.yaml:2:1: error: this is not YAML: while scanning a quoted scalar, found "
                 "unexpected end of stream; the quote opened in line 1 is never closed\n"},
    {"a: \"\\d\"\n", "t.yaml:1:5: error: this is not YAML: while parsing a quoted scalar, found "
                     "unknown escape character; use single quotes"},
    {"a: @x\n", "t.yaml:1:4: error: this is not YAML: while scanning for the next token, found "
                "character that cannot start any token; put a value"},
    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "t.yaml:1:17: error: nested too deep"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char *said = NULL;
        struct yaml_doc *doc = load(slice_of(refused[i].text), &said);
        if (doc != NULL || strncmp(said, refused[i].said, strlen(refused[i].said)) != 0) {
            fail_msg("%s: got: %s", refused[i].text, said);
        }
        free(said);
    }
}

static void test_nul_byte(void **state)
{
    (void)state;
    char *said = NULL;
    assert_null(load(SLICE("a: 1\nb: \0\n"), &said));
    assert_string_equal(said, "t.yaml:2:4: error: a control character (byte 0x00) is not text\n");
    free(said);
}

static void test_accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "---\na: 1\n...\n",
        "\xef\xbb\xbf# a byte order mark\na: 1\n",
        "a: 1\r\nb: 2\r\n",
        "text",
        "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *said = NULL;
        struct yaml_doc *doc = load(slice_of(texts[i]), &said);
        if (doc == NULL) {
            fail_msg("%s: got: %s", texts[i], said);
        }
        yaml_doc_free(doc);
        free(said);
    }
}

/* All of what only we refuse is said in one run, also in a big map. */
static void test_all_said(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 1; i <= 40; i++) {
        (void)fprintf(out, "k%u: %s\n", i == 30 ? 2 : (i == 40 ? 39 : i), i == 5 ? "!x 1" : "1");
    }
    (void)fclose(out);
    char *said = NULL;
    assert_null(load((struct slice){text, len}, &said));
    assert_string_equal(
        said, "t.yaml:5:5: error: tags (!name) are not used here; put the value in quotes "
              "if it begins with !\n"
              "t.yaml:30:1: error: key \"k2\" is here twice: the first one is in line 2\n"
              "t.yaml:40:1: error: key \"k39\" is here twice: the first one is in line 39\n");
    free(said);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nul_byte), cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_all_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
