/* test_yaml_read.c - typed values, ranges, units, spelling. */
#include "policy/yaml_tree.h"
#include "tests/unit/policy/support.h"

enum reader { READ_TEXT, READ_BOOL, READ_U64, READ_DURATION, READ_SIZE, READ_CHOICE, READ_LIST };

static const char *const colours[] = {"red", "green", "blue", NULL};

/* read_one - the value as a number (the length of a text); false: complained about. */
static bool read_one(const struct yaml_reader *r, const struct yaml_node *n, enum reader reader,
                     uint64_t *ret)
{
    struct slice text = {0};
    bool flag = false;
    size_t choice = 0;
    bool good = false;
    switch (reader) {
    case READ_TEXT:
        good = yaml_read_text(r, n, "x", &text);
        *ret = text.len;
        break;
    case READ_BOOL:
        good = yaml_read_bool(r, n, "x", &flag);
        *ret = flag ? 1 : 0;
        break;
    case READ_U64:
        good = yaml_read_u64(r, n, "x", 2, 100, ret);
        break;
    case READ_DURATION:
        good = yaml_read_duration_ms(r, n, "x", 1000, 864000000, ret);
        break;
    case READ_SIZE:
        good = yaml_read_size(r, n, "x", 100, 1 << 20, ret);
        break;
    case READ_CHOICE:
        good = yaml_read_choice(r, n, "x", colours, &choice);
        *ret = choice;
        break;
    case READ_LIST:
        good = yaml_check_list(r, n, "x");
        *ret = good ? n->num : 0;
        break;
    }
    return good;
}

static const struct {
    enum reader reader;
    const char *value;
    uint64_t expected;
    const char *message; /* NULL: must be good */
} cases[] = {
    {READ_TEXT, "NO", 2, NULL},
    {READ_TEXT, "'null'", 4, NULL},
    {READ_TEXT, "", 0, "x has no value"},
    {READ_TEXT, "null", 0, "x has no value"},
    {READ_TEXT, "~", 0, "x has no value"},
    {READ_TEXT, "''", 0, "x is empty"},
    {READ_TEXT, "[a]", 0, "x must be a single value, not a list"},
    {READ_TEXT, "{a: b}", 0, "x must be a single value, not a map"},
    {READ_BOOL, "true", 1, NULL},
    {READ_BOOL, "false", 0, NULL},
    {READ_BOOL, "yes", 0, "true or false"},
    {READ_BOOL, "True", 0, "true or false"},
    {READ_BOOL, "'true'", 0, "without quotes"},
    {READ_U64, "2", 2, NULL},
    {READ_U64, "100", 100, NULL},
    {READ_U64, "1", 0, "x must be a whole number from 2 to 100, not \"1\""},
    {READ_U64, "101", 0, "from 2 to 100"},
    {READ_U64, "-5", 0, "from 2 to 100"},
    {READ_U64, "010", 0, "from 2 to 100"},
    {READ_U64, "1_0", 0, "from 2 to 100"},
    {READ_U64, "0x10", 0, "from 2 to 100"},
    {READ_U64, "5.0", 0, "from 2 to 100"},
    {READ_U64, "'5'", 0, "x must be a whole number from 2 to 100 without quotes, not \"5\""},
    {READ_U64, "'101'", 0, "from 2 to 100 without quotes"},
    {READ_U64, "'five'", 0, "from 2 to 100, not \"five\""},
    {READ_U64, "99999999999999999999", 0, "from 2 to 100"},
    {READ_DURATION, "1s", 1000, NULL},
    {READ_DURATION, "1000ms", 1000, NULL},
    {READ_DURATION, "1h30m", 5400000, NULL},
    {READ_DURATION, "1d2h3m4s5ms", 93784005, NULL},
    {READ_DURATION, "10d", 864000000, NULL},
    {READ_DURATION, "11d", 0, "x must be from 1s to 10d, not 11d"},
    {READ_DURATION, "999ms", 0, "x must be from 1s to 10d, not 999ms"},
    {READ_DURATION, "30m1h", 0, "a duration such as"},
    {READ_DURATION, "1h1h", 0, "a duration such as"},
    {READ_DURATION, "90", 0, "a duration such as"},
    {READ_DURATION, "h", 0, "a duration such as"},
    {READ_DURATION, "1 h", 0, "a duration such as"},
    {READ_DURATION, "1.5h", 0, "a duration such as"},
    {READ_DURATION, "-1h", 0, "a duration such as"},
    {READ_DURATION, "1H", 0, "a duration such as"},
    {READ_DURATION, "99999999999999999999d", 0, "a duration such as"},
    {READ_DURATION, "18446744073709551615d", 0, "a duration such as"},
    {READ_SIZE, "100", 100, NULL},
    {READ_SIZE, "4KiB", 4096, NULL},
    {READ_SIZE, "1MiB", 1 << 20, NULL},
    {READ_SIZE, "1GiB", 0, "a size such as"},
    {READ_SIZE, "4KB", 0, "a size such as"},
    {READ_SIZE, "1KiB1", 0, "a size such as"},
    {READ_SIZE, "99", 0, "from 100 to 1048576 bytes"},
    {READ_CHOICE, "blue", 2, NULL},
    {READ_CHOICE, "Blue", 0, "one of red, green, blue, not \"Blue\": did you mean \"blue\"?"},
    {READ_CHOICE, "gren", 0, "did you mean \"green\"?"},
    {READ_CHOICE, "yellow", 0, "one of red, green, blue, not \"yellow\"\n"},
    {READ_LIST, "[1, 2]", 2, NULL},
    {READ_LIST, "[]", 0, "x is an empty list"},
    {READ_LIST, "one", 0, "x must be a list: [\"one\"]"},
    {READ_LIST, "{}", 0, "x must be a list, not a map"},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[100];
        (void)snprintf(text, sizeof(text), "x: %s\n", cases[i].value);
        struct diag_list *diags = diag_new();
        struct yaml_doc *doc = NULL;
        assert_int_equal(yaml_load_bytes("t", slice_of(text), diags, &doc), CB_OK);
        const struct yaml_reader r = {doc, diags};
        uint64_t value = 0;
        const bool good = read_one(&r, yaml_get(yaml_root(doc), "x"), cases[i].reader, &value);
        char *said = printed(diags);
        if (good != (cases[i].message == NULL) || (good && value != cases[i].expected) ||
            (!good && strstr(said, cases[i].message) == NULL)) {
            fail_msg("%s: %d %llu %s", text, good, (unsigned long long)value, said);
        }
        free(said);
        /* Absent is no mistake of its own. */
        const size_t before = diag_num_errors(diags);
        assert_false(read_one(&r, NULL, cases[i].reader, &value));
        assert_int_equal(diag_num_errors(diags), before);
        yaml_doc_free(doc);
        diag_free(diags);
    }
}

static void test_keys(void **state)
{
    (void)state;
    static const char *const allowed[] = {"names", "clients", "max_validity", NULL};
    static const struct yaml_synonym synonyms[] = {{"hosts", "names"}, {NULL, NULL}};
    const char *text = "names: 1\nclinets: 2\nhosts: 3\nmax_valdity: 4\nzzz: 5\n";
    struct diag_list *diags = diag_new();
    struct yaml_doc *doc = NULL;
    assert_int_equal(yaml_load_bytes("t", slice_of(text), diags, &doc), CB_OK);
    const struct yaml_reader r = {doc, diags};
    assert_false(yaml_check_keys_hinted(&r, yaml_root(doc), "a rule", allowed, synonyms));
    assert_false(yaml_check_keys(&r, yaml_root(doc)->first, "inner", allowed));
    char *said = printed(diags);
    assert_string_equal(said,
                        "t:1:8: error: inner must be a map, not a single value\n"
                        "t:2:1: error: a rule has no key \"clinets\": did you mean \"clients\"?\n"
                        "t:3:1: error: a rule has no key \"hosts\": did you mean \"names\"?\n"
                        "t:4:1: error: a rule has no key \"max_valdity\": did you mean "
                        "\"max_validity\"?\n"
                        "t:5:1: error: a rule has no key \"zzz\"; its keys are names, clients, "
                        "max_validity\n");
    free(said);
    yaml_doc_free(doc);
    diag_free(diags);
}

static void test_suggest(void **state)
{
    (void)state;
    static const char *const words[] = {"payments-api", "payments-web", "ab", NULL};
    assert_string_equal(yaml_suggest(SLICE("payment-api"), words), "payments-api");
    assert_string_equal(yaml_suggest(SLICE("paymenst-web"), words), "payments-web");
    assert_string_equal(yaml_suggest(SLICE("PAYMENTS-API"), words), "payments-api");
    assert_string_equal(yaml_suggest(SLICE("ac"), words), "ab");
    assert_null(yaml_suggest(SLICE("cd"), words));
    assert_null(yaml_suggest(SLICE(""), words));
    assert_null(yaml_suggest(SLICE("orchestrator"), words));
    char text[4096];
    memset(text, 'a', sizeof(text));
    assert_null(yaml_suggest((struct slice){text, sizeof(text)}, words));
}

static void test_places(void **state)
{
    (void)state;
    struct diag_list *diags = diag_new();
    struct yaml_doc *doc = NULL;
    assert_int_equal(yaml_load_bytes("t", SLICE("a:\n  - b\n"), diags, &doc), CB_OK);
    const struct yaml_reader r = {doc, diags};
    const struct yaml_node *a = yaml_get(yaml_root(doc), "a");
    assert_int_equal(yaml_place(&r, a).line, 2);
    assert_int_equal(yaml_key_place(&r, a).line, 1);
    assert_int_equal(yaml_key_place(&r, a->first).col, 5);
    assert_int_equal(yaml_place(&r, NULL).line, 0);
    assert_string_equal(yaml_key_place(&r, NULL).file, "t");
    yaml_doc_free(doc);
    diag_free(diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_suggest),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
