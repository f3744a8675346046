/* test_hostile.c - files that are made to hurt: each ends in a clear error, and soon. */
#include "policy/yaml_tree.h"
#include "tests/unit/policy/support.h"

#include <dirent.h>
#include <time.h>

#define DIR_PATH "tests/data/policy/hostile"
#define HEAD "version: 1\nclients: {c: {auth: [{mtls: {cn: c}}]}}\n"
#define FILE_ROOM (64U << 20)

/* How long any of them may take on a slow machine, under a sanitizer with a part of the large ones. */
#define MOST_S 3.0
#ifdef CB_SANITIZED
#define PARTS 40
#else
#define PARTS 1
#endif

static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* said_of - the complaints; fails where it takes too long. */
static char *said_of(const char *name, struct slice bytes, size_t *ret_errors)
{
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    const double start = cpu_s();
    const enum cb_code code = policy_load_bytes(name, bytes, NOW_S, diags, &policy);
    const double took = cpu_s() - start;
    assert_int_equal(code == CB_OK, diag_num_errors(diags) == 0);
    assert_int_equal(code == CB_OK, policy != NULL);
    *ret_errors = diag_num_errors(diags);
    policy_free(policy);
    char *said = printed(diags);
    diag_free(diags);
    if (took > MOST_S) {
        fail_msg("%s took %.2f s", name, took);
    }
    return said;
}

/* ---- small ones ---- */

static const struct {
    const char *file;
    const char *said; /* the whole of the first line, behind the name; NULL: nothing */
} files[] = {
    {"alias-bomb", "t:2:4: error: anchors (&name) are not used here; put the value in quotes if it "
                   "begins with &"},
    {"binary", "t:1:1: error: a control character (byte 0x00) is not text"},
    {"bom-good", NULL},
    {"bom-twice",
     "t:1:2: error: the invisible character U+FEFF may hide what the file says: take it out"},
    {"bom", "t:3:41: error: there is no client \"x\" under clients"},
    {"cr", "t:1:11: error: a carriage return without a line feed is no end of a line everywhere"},
    {"crlf-good", NULL},
    {"crlf", "t:4:5: error: rule \"a\" needs clients: the ids of those it is for"},
    {"directive", "t:1:1: error: directives (lines that begin with %) are not used here"},
    {"empty", "t: error: the file is empty"},
    {"hidden-line",
     "t:4:13: error: the invisible character U+2028 may hide what the file says: take it out"},
    {"hidden-order",
     "t:2:35: error: the invisible character U+202E may hide what the file says: take it out"},
    {"json", NULL},
    {"keys-twice-deep", "t:5:5: error: key \"id\" is here twice: the first one is in line 4"},
    {"keys-twice", "t:2:1: error: key \"version\" is here twice: the first one is in line 1"},
    {"levels-dashes", "t:3:31: error: nested too deep: at most 16 levels are read"},
    {"levels-flow-maps", "t:2:68: error: nested too deep: at most 16 levels are read"},
    {"levels-flow-open", "t:2:23: error: nested too deep: at most 16 levels are read"},
    {"levels-flow", "t:2:23: error: nested too deep: at most 16 levels are read"},
    {"levels-keys", "t:2:8: error: this is not YAML: mapping keys are not allowed in this context"},
    {"list", "t:1:1: error: a policy must be a map, not a list"},
    {"merge", "t:4:5: error: merge keys (<<) are not used here: write the keys out"},
    {"not-utf8", "t:3:1: error: this line is not UTF-8 text"},
    {"not-yaml", "t:1:1: error: a policy must be a map, not a single value"},
    {"nul-escaped", "t:3:14: error: a value must not hold a NUL (\\0)"},
    {"nul", "t:2:10: error: a control character (byte 0x00) is not text"},
    {"null", "t:1:1: error: a policy has no value"},
    {"overlong-utf8", "t:2:1: error: this line is not UTF-8 text"},
    {"pem", "t:1:1: error: a policy must be a map, not a single value"},
    {"scalar", "t:1:1: error: a policy must be a map, not a single value"},
    {"second-document", "t:3:1: error: a second document begins here: a file holds exactly one"},
    {"tab-behind-dash",
     "t:4:4: error: this is not YAML: while scanning for the next token, found character that "
     "cannot start any token; a tab stands here: use spaces only"},
    {"tabs", "t:3:1: error: this is not YAML: while scanning for the next token, found character "
             "that cannot start any token; this line is indented with a tab: use spaces only"},
    {"tag",
     "t:3:8: error: tags (!name) are not used here; put the value in quotes if it begins with !"},
    {"terminal-escape-quoted",
     "t:1:1: error: clients is missing: a map from client id to its auth: list"},
    {"terminal-escape", "t:2:1: error: a control character (byte 0x1b) is not text"},
    {"utf16", "t: error: the file is UTF-16: save it as UTF-8"},
};

static void test_files(void **state)
{
    (void)state;
    static char bytes[1 << 17];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[200];
        (void)snprintf(path, sizeof(path), DIR_PATH "/%s.yaml", files[i].file);
        FILE *in = fopen(path, "rb");
        assert_non_null(in);
        const size_t len = fread(bytes, 1, sizeof(bytes), in);
        (void)fclose(in);
        size_t errors = 0;
        char *said = said_of("t", (struct slice){bytes, len}, &errors);
        said[strcspn(said, "\n")] = '\0';
        if (strcmp(said, files[i].said == NULL ? "" : files[i].said) != 0) {
            fail_msg("%s: %s", files[i].file, said);
        }
        free(said);
    }
}

/* ---- large ones ---- */

/* A file of a beginning, something many times over, and an end. */
static const struct {
    const char *name;
    const char *head;
    const char *each; /* may hold one %u */
    size_t times;
    const char *tail;
    const char *said; /* the first line of it */
} large[] = {
    {"50 MB of list", "", "- a\n", 13000000, "",
     "t:500001:3: error: one list or map holds more values than can be read"},
    {"50 MB of rules", HEAD "rules:\n", "- {id: a%u, effect: deny, clients: [c]}\n", 1200000, "",
     "t:500004:3: error: one list or map holds more values than can be read"},
    {"50 MB in one word", HEAD "rules: ", "aaaaaaaaaa", 5000000, "\n",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB in quotes", HEAD "rules: \"", "aaaaaaaaaa", 5000000, "\"\n",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB in an open quote", HEAD "rules: \"", "aaaaaaaaa\n", 5000000, "",
     "t:5000003:1: error: this is not YAML: while scanning a quoted scalar, found unexpected end "
     "of stream; the quote opened in line 3 is never closed"},
    {"50 MB of escapes", HEAD "rules: \"", "\\u00e9\\u00e9", 4000000, "\"\n",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB of block text", HEAD "rules: |\n", "  aaaaaaa\n", 5000000, "",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB of comment", HEAD "rules: [] # ", "aaaaaaaaaa", 5000000, "\n",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB of comments", HEAD "rules: []\n", "# aaaaaaa\n", 5000000, "",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB of empty lines", HEAD "rules: []", "\n\n\n\n\n\n\n\n\n\n", 5000000, "",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB of spaces", HEAD "rules: []\n", "          ", 5000000, "",
     "t:3:8: error: rules must be a list with at least one rule, each beginning with - id:"},
    {"50 MB in one key", HEAD, "aaaaaaaaaa", 5000000, ": 1\n",
     "t:3:50000001: error: this is not YAML: while scanning a simple key, could not find expected "
     "':'; a key needs a colon and a space behind it"},
    {"50 MB of NUL", "", "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 5000000, "",
     "t:1:1: error: a control character (byte 0x01) is not text"},
    {"50 MB of no UTF-8", "", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 5000000, "",
     "t:1:1: error: this line is not UTF-8 text"},
    {"a flow list of 5,000,000", HEAD "rules: [", "a,", 5000000, "b]\n",
     "t:3:1000009: error: one list or map holds more values than can be read"},
    {"a flow list on many lines", HEAD "rules: [\n", " a,\n", 5000000, " b]\n",
     "t:500004:2: error: one list or map holds more values than can be read"},
    {"lists side by side", HEAD "rules: [", "[],", 3000000, "[]]\n",
     "t:3:1500009: error: one list or map holds more values than can be read"},
    {"pairs in a list", HEAD "rules: [", "a: b,", 2000000, "c: d]\n",
     "t:3:2500009: error: one list or map holds more values than can be read"},
    {"450,000 keys", HEAD "rules: []\n", "key%u: 1\n", 450000, "",
     "t:4:1: error: a policy has no key \"key0\"; its keys are version, settings, scope, clients, "
     "groups, rules"},
    {"450,000 times one key", HEAD "rules: []\n", "key: 1\n", 450000, "",
     "t:5:1: error: key \"key\" is here twice: the first one is in line 4"},
    {"450,000 keys in a rule", HEAD "rules:\n- {", "cleints%u: 1, ", 450000, "id: a}\n",
     "t:4:4: error: a rule has no key \"cleints0\": did you mean \"clients\"?"},
    {"450,000 unknown clients", HEAD "rules:\n- {id: a, effect: deny, clients: [", "x%u, ", 450000,
     "c]}\n", "t:4:35: error: there is no client \"x0\" under clients"},
    {"450,000 times one client", HEAD "rules:\n- {id: a, effect: deny, clients: [", "c, ", 450000,
     "c]}\n", "t:4:38: error: client \"c\" is listed twice"},
    {"450,000 wrong actions", HEAD "rules:\n- {id: a, effect: deny, clients: [c], actions: [",
     "newcrt, ", 450000, "info]}\n",
     "t:4:49: error: an action must be one of newcert, revoke, info, not \"newcrt\": did you mean "
     "\"newcert\"?"},
    {"100,000 bad rules", HEAD "rules:\n",
     "- {id: A%u, clients: [d], actions: [newcrt], hosts: x, until: y}\n", 100000, "",
     "t:4:8: error: rule id \"A0\" must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or "
     "digit"},
    {"300,000 tags", HEAD "rules:\n", "- !x 1\n", 300000, "",
     "t:4:3: error: tags (!name) are not used here; put the value in quotes if it begins with !"},
    {"300,000 anchors", HEAD "rules:\n", "- &x 1\n", 300000, "",
     "t:4:3: error: anchors (&name) are not used here; put the value in quotes if it begins with "
     "&"},
    {"documents", "", "---\n", 5000000, "",
     "t:2:1: error: a second document begins here: a file holds exactly one"},
    {"open brackets", HEAD "rules: ", "[", 5000000, "",
     "t:3:23: error: nested too deep: at most 16 levels are read"},
    {"open braces", HEAD "rules: ", "{", 5000000, "",
     "t:3:9: error: a key must be plain text, not a list or a map"},
    {"question marks", HEAD "rules: ", "? ", 5000000, "",
     "t:3:8: error: this is not YAML: mapping keys are not allowed in this context"},
    {"dashes", HEAD "rules:\n  ", "- ", 5000000, "",
     "t:4:33: error: nested too deep: at most 16 levels are read"},
    {"colons", HEAD "rules: ", ": ", 5000000, "",
     "t:3:8: error: this is not YAML: mapping values are not allowed in this context; a value with "
     "\": \" in it needs quotes; or this line or the one above is indented wrongly"},
    {"stars", HEAD "rules: ", "*", 5000000, "",
     "t:3:9: error: this is not YAML: while scanning an alias, did not find expected alphabetic or "
     "numeric character; put a value that begins with * in quotes: "
     "\"********************************************************************************...\""},
    {"percent lines", "", "%A b\n", 5000000, "",
     "t:1:3: error: this is not YAML: while scanning a directive, found unknown directive name"},
};

static struct slice make_large(size_t i, char *out)
{
    size_t len = strlen(large[i].head);
    memcpy(out, large[i].head, len);
    for (size_t k = 0; k < large[i].times / PARTS; k++) {
        if (strstr(large[i].each, "%u") == NULL) {
            const size_t step = strlen(large[i].each);
            memcpy(out + len, large[i].each, step);
            len += step;
            continue;
        }
        const char *mark = strstr(large[i].each, "%u");
        const int step = snprintf(out + len, 200, "%.*s%zu%s", (int)(mark - large[i].each),
                                  large[i].each, k, mark + 2);
        len += (size_t)step;
    }
    const size_t step = strlen(large[i].tail);
    memcpy(out + len, large[i].tail, step);
    return (struct slice){out, len + step};
}

static void test_large(void **state)
{
    (void)state;
    char *room = malloc(FILE_ROOM);
    assert_non_null(room);
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        size_t errors = 0;
        const struct slice bytes = make_large(i, room);
        char *said = said_of("t", bytes, &errors);
        said[strcspn(said, "\n")] = '\0';
        if (PARTS == 1 && strcmp(said, large[i].said) != 0) {
            fail_msg("%s: %s", large[i].name, said);
        }
        free(said);
    }
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
