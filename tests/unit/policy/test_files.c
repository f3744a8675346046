/* test_files.c - a policy as a folder: which files count, what they say together, and what is
 * complained about in which of them. */
#include "policy/rule.h"
#include "tests/unit/policy/support.h"

#include <sys/stat.h>
#include <unistd.h>

#define V "version: 1\n"
#define API V "clients: {api: {auth: [{mtls: {cn: api}}]}}\n"
#define DENY V "rules: [{id: no-api, effect: deny, clients: [api]}]\n"
#define FILES_PER_CASE 4

struct file {
    const char *name;
    const char *text;
};

static void put(const char *dir, const struct file *file)
{
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, file->name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    (void)fputs(file->text, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static void drop(const char *dir, const char *name)
{
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(unlink(path), 0);
}

/* without - said, with every DIR/ taken out. */
static void without(char *said, const char *dir)
{
    const size_t len = strlen(dir) + 1;
    for (char *at = said; (at = strstr(at, dir)) != NULL;) {
        if (at[len - 1] == '/') {
            memmove(at, at + len, strlen(at + len) + 1);
        } else {
            at++;
        }
    }
}

static char *load_said(const char *dir, struct policy **ret)
{
    struct diag_list *diags = diag_new();
    const enum cb_code code = policy_load(dir, NOW_S, diags, ret);
    assert_int_equal(code == CB_OK, *ret != NULL);
    assert_int_equal(code == CB_OK, diag_num_errors(diags) == 0);
    char *said = printed(diags);
    diag_free(diags);
    without(said, dir);
    return said;
}

static const struct {
    struct file files[FILES_PER_CASE];
    const char *said;
} cases[] = {
    {{{"10.yaml", API}, {"20.yaml", DENY}}, ""},
    {{{"10.yaml", DENY}, {"20.yaml", API}}, ""},
    {{{"10.yaml", API}, {"20.yaml", DENY}, {".30.yaml", "*"}, {"30.test.yaml", "*"}}, ""},
    {{{"10.yaml", API}, {"20.yaml", DENY}, {"30.yml", "*"}, {"README.md", "*"}},
     "30.yml: warning: this file does not count: the files of a policy end in .yaml\n"},
    {{{"10.yaml", API}, {"20.yaml", "rules: [{id: a, effect: deny, clients: [api]}]\n"}},
     "20.yaml:1:1: error: version is missing: a policy begins with version: 1\n"},
    {{{"10.yaml", API}, {"20.yaml", V}},
     "DIR: error: no file has rules: a list of what the "
     "clients may do\n"},
    {{{"10.yaml", V}, {"20.yaml", DENY}},
     "DIR: error: no file has clients: a map from client id to its auth: list\n"},
    {{{"10.yaml", API}, {"20 a.yaml", DENY}},
     "DIR: error: the name of a policy file must be letters, digits and . _ -, not \"20 "
     "a.yaml\"\n"},
    {{{"10.yaml", API}, {"20.yaml", API}, {"30.yaml", DENY}, {"40.yaml", DENY}},
     "20.yaml:2:11: error: client id \"api\" is taken: there is a client of this name in "
     "10.yaml:2\n"
     "40.yaml:2:14: error: rule id \"no-api\" is taken: the first one is in 30.yaml:2\n"},
    {{{"10.yaml", API},
      {"20.yaml", V "clients: {other: {auth: [{mtls: {cn: api}}]}}\n"},
      {"30.yaml", DENY}},
     "20.yaml:2:38: error: this credential is already in 10.yaml:2, for client api: a credential "
     "belongs to exactly one client\n"},
    /* what is no YAML does not make other files wrong, and does not hide what is wrong in them */
    {{{"10.yaml", API "\t- x"}, {"20.yaml", DENY "colour: red\n"}},
     "10.yaml:3:1: error: this is not YAML: while scanning for the next token, found character "
     "that cannot start any token; this line is indented with a tab: use spaces only\n"
     "20.yaml:3:1: error: a policy has no key \"colour\"; its keys are version, settings, scope, "
     "clients, groups, rules\n"},
    /* settings */
    {{{"10.yaml", V "settings: {strict: true}\n"}, {"20.yaml", API}, {"30.yaml", DENY}}, ""},
    {{{"10.yaml", API}, {"20.yaml", DENY "settings: {strict: true}\n"}},
     "20.yaml:3:1: error: settings must be in the first file of the folder, 10.yaml: put them "
     "there\n"},
    {{{"10.yaml", API "settings: {strict: true}\n"},
      {"20.yaml", DENY "settings: {strict: true}\n"}},
     "20.yaml:3:1: error: settings are here a second time: a policy has them once, and the first "
     "ones are in 10.yaml:3\n"},
    {{{"10.yaml", API "settings: {scopes: {20.yaml: {dns: [a.example]}}}\n"},
      {"20.yaml", V "rules: [{id: a, effect: deny, names: {dns: [a.example]}}]\n"}},
     ""},
    {{{"10.yaml", API "settings: {scopes: {2.yaml: {dns: [a.example]}, 99: {dns: [b.example]}}}\n"},
      {"20.yaml", DENY}},
     "10.yaml:3:20: error: scopes has no entry for 20.yaml: where it is given, each other file "
     "needs one\n"
     "10.yaml:3:21: error: the policy has no file \"2.yaml\": did you mean \"20.yaml\"?\n"
     "10.yaml:3:49: error: the policy has no file \"99\"\n"},
    /* a scoped file takes nobody over and shuts nobody out */
    {{{"10.yaml", V "clients: {pods: {auth: [{mtls: {uri: \"spiffe://a.example/*/x\"}}]}}\n"},
      {"20.yaml", V "scope: {dns: [b.example]}\n"
                    "clients: {mine: {auth: [{mtls: {uri: \"spiffe://a.example/1/x\"}}]}}\n"
                    "rules: [{id: a, effect: deny, names: {dns: [b.example]}}]\n"}},
     "20.yaml:3:33: error: this credential fits a pattern of client \"pods\" in 10.yaml:2, and a "
     "file with a scope can't take it from there\n"},
    {{{"10.yaml", V "clients: {pods: {auth: [{jwt: {issuer: k, subject: \"a:*:c\"}}]}}\n"},
      {"20.yaml", V "scope: {dns: [b.example]}\n"
                    "clients: {mine: {auth: [{jwt: {issuer: k, subject: \"a:b:*\"}}, {jwt: {issuer: "
                    "l, subject: \"a:b:*\"}}]}}\n"
                    "rules: [{id: a, effect: deny, names: {dns: [b.example]}}]\n"}},
     "20.yaml:3:43: error: this credential fits a pattern of client \"pods\" in 10.yaml:2, and a "
     "file with a scope can't take it from there\n"},
    {{{"10.yaml", API},
      {"20.yaml", V "scope: {dns: [b.example]}\n"
                    "clients: {mine: {auth: [{mtls: {cn: mine}}]}}\n"
                    "rules: [{id: a, effect: deny, names: {dns: [b.example]}}]\n"}},
     "20.yaml:3:37: error: in a file with a scope clients are known by uri, dns, bearer or jwt: put "
     "one that is known by its key or common name into a file without a scope\n"},
};

static void check_case(const char *dir, size_t i)
{
    for (size_t k = 0; k < FILES_PER_CASE && cases[i].files[k].name != NULL; k++) {
        put(dir, &cases[i].files[k]);
    }
    struct policy *p = NULL;
    char *said = load_said(dir, &p);
    char *whole = strstr(said, dir); /* the folder itself */
    if (whole != NULL) {
        memcpy(whole, "DIR", 3);
        memmove(whole + 3, whole + strlen(dir), strlen(whole + strlen(dir)) + 1);
    }
    assert_string_equal(said, cases[i].said);
    free(said);
    policy_free(p);
    for (size_t k = 0; k < FILES_PER_CASE && cases[i].files[k].name != NULL; k++) {
        drop(dir, cases[i].files[k].name);
    }
}

static void test_cases(void **state)
{
    (void)state;
    char dir[] = P_tmpdir "/policy-files-XXXXXX";
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_case(dir, i);
    }
    assert_int_equal(rmdir(dir), 0);
}

/* The folder, its bytes as a bundle, and the bundle as a file are one policy. */
static void test_bundle(void **state)
{
    (void)state;
    char dir[] = P_tmpdir "/policy-files-XXXXXX";
    char path[200];
    assert_non_null(mkdtemp(dir));
    put(dir, &(struct file){"20.yaml", DENY});
    put(dir, &(struct file){"10.yaml", API});
    (void)snprintf(path, sizeof(path), "%s//", dir);
    struct policy *p = NULL;
    char *said = load_said(path, &p);
    assert_string_equal(said, "");
    assert_int_equal(policy_num_files(p), 2);
    assert_string_equal(policy_file_name(p, 0), "10.yaml");
    assert_true(slice_eq(policy_file_bytes(p, 1), SLICE(DENY)));
    (void)snprintf(path, sizeof(path), "%s/20.yaml", dir);
    assert_string_equal(policy_rule_place(p, 0).file, path);
    struct policy *again = load_text(policy_bytes(p).ptr);
    assert_string_equal(policy_sha256(p), policy_sha256(again));
    (void)snprintf(path, sizeof(path), "%s/bundle", dir);
    put(dir, &(struct file){"bundle", policy_bytes(p).ptr});
    struct policy *from_file = NULL;
    char *also_said = load_said(path, &from_file);
    assert_string_equal(also_said, "");
    assert_string_equal(policy_sha256(p), policy_sha256(from_file));
    policy_free(p);
    policy_free(again);
    policy_free(from_file);
    free(said);
    free(also_said);
    drop(dir, "10.yaml");
    drop(dir, "20.yaml");
    drop(dir, "bundle");
    assert_int_equal(rmdir(dir), 0);
}

static void expect(const char *dir, const char *what)
{
    struct policy *p = NULL;
    char *said = load_said(dir, &p);
    if (strstr(said, what) == NULL) {
        fail_msg("not said: %s, but: %s", what, said);
    }
    free(said);
    policy_free(p);
}

static void test_trust(void **state)
{
    (void)state;
    char dir[] = P_tmpdir "/policy-files-XXXXXX";
    char path[200];
    assert_non_null(mkdtemp(dir));
    put(dir, &(struct file){"10.yaml", API DENY});
    assert_int_equal(chmod(dir, 0775), 0);
    expect(dir, "others than its owner may write this folder: chmod go-w");
    assert_int_equal(chmod(dir, 0703), 0);
    expect(dir, "others than its owner may write this folder: chmod go-w");
    assert_int_equal(chmod(dir, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/10.yaml", dir);
    assert_int_equal(chmod(path, 0664), 0);
    expect(dir, "10.yaml: error: others than its owner may write this file");
    drop(dir, "10.yaml");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(dir, "10.yaml: error: this is not a regular file");
    drop(dir, "10.yaml");
    assert_int_equal(mkdir(path, 0700), 0);
    expect(dir, "10.yaml: error: this is not a regular file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("nowhere", path), 0); /* also what a file is like that vanished */
    expect(dir, "10.yaml: error: cannot open the file: No such file");
    drop(dir, "10.yaml");
    assert_int_equal(rmdir(dir), 0);
}

static void test_limits(void **state)
{
    (void)state;
    char dir[] = P_tmpdir "/policy-files-XXXXXX";
    char name[40];
    char path[200];
    assert_non_null(mkdtemp(dir));
    for (unsigned i = 0; i <= 1000; i++) {
        (void)snprintf(name, sizeof(name), "%04u.yaml", i);
        put(dir, &(struct file){name, i == 0 ? API : (i == 1 ? DENY : V)});
        if (i == 999) {
            expect(dir, "");
        }
    }
    expect(dir, "this folder holds more than 1000 files");
    for (unsigned i = 2; i <= 1000; i++) {
        (void)snprintf(name, sizeof(name), "%04u.yaml", i);
        drop(dir, name);
    }
    (void)snprintf(path, sizeof(path), "%s/0000.yaml", dir);
    assert_int_equal(truncate(path, (off_t)64 << 20), 0);
    expect(dir, "the files are larger than 64 MiB together");
    drop(dir, "0000.yaml");
    drop(dir, "0001.yaml");
    assert_int_equal(rmdir(dir), 0);
}

/* ---- what the rules get of settings and scopes ---- */

#define BUNDLE "# certbroker policy bundle v1\n"

static void test_scopes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        API "settings: {require: [owner, until], warn_before: 3d, strict: true, scopes: {2.yaml: "
            "{dns: [\"**.x.example\"], ip: [10.0.0.0/8]}, 3.yaml: {email: [\"*@x.example\"]}}}\n",
        V "rules: [{id: a, effect: deny, names: {dns: [y.x.example]}}]\n"
          "scope: {dns: [y.x.example]}\n",
        V "rules: [{id: b, effect: deny, names: {email: [\"*@x.example\"]}}]\n",
        V "rules: [{id: c, effect: deny, names: {dns: [y.example]}}]\nscope: {dns: [y.example]}\n"};
    struct buf bundle;
    buf_init(&bundle, 4000);
    buf_add_str(&bundle, BUNDLE);
    for (unsigned i = 0; i < 3; i++) {
        buf_printf(&bundle, "# file %u.yaml %zu\n%s\n", i + 1, strlen(texts[i]), texts[i]);
    }
    struct policy *p = load_text(bundle.data);
    assert_true(p->settings.strict);
    assert_int_equal(p->settings.require, REQUIRE_OWNER | REQUIRE_UNTIL);
    assert_int_equal(p->settings.warn_before_s, 3 * 86400);
    assert_int_equal(p->rules[0].num_scopes, 2);
    assert_int_equal(p->rules[0].scopes[0]->num, 2);
    assert_int_equal(p->rules[0].scopes[1]->items[0].kind, NAME_DNS);
    assert_int_equal(p->rules[0].pos.file, 1);
    assert_int_equal(p->rules[1].num_scopes, 1);
    assert_int_equal(p->rules[1].scopes[0]->items[0].kind, NAME_EMAIL);
    policy_free(p);
    buf_free(&bundle);
    char one[400];
    (void)snprintf(one, sizeof(one), "%s%s", API, strstr(texts[3], "rules"));
    p = load_text(one);
    assert_int_equal(p->rules[0].num_scopes, 1);
    assert_int_equal(p->settings.warn_before_s, 14 * 86400);
    assert_int_equal(p->settings.require, 0);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),  cmocka_unit_test(test_bundle), cmocka_unit_test(test_trust),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
