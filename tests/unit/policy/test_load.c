/* test_load.c - what is loaded, what is complained about and where. */
#include "policy/rule.h"
#include "tests/unit/policy/support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "clients: {c: {auth: [{mtls: {cn: c}}]}}\n"                                                    \
    "rules:\n"

/* ---- tests/data/policy/mistakes.yaml ---- */

/* next_mark - the next expected piece of text of a line's mark; NULL when there is none left. */
static char *next_mark(char **rest)
{
    char *start = *rest;
    if (start == NULL) {
        return NULL;
    }
    char *end = strstr(start, " && ");
    *rest = end == NULL ? NULL : end + 4;
    if (end != NULL) {
        *end = '\0';
    }
    return start;
}

/* take_complaint - find and blank out a complaint about this line that says this. */
static bool take_complaint(char *said, unsigned line, const char *what)
{
    char prefix[64];
    (void)snprintf(prefix, sizeof(prefix), "test.yaml:%u:", line);
    for (char *p = said; (p = strstr(p, prefix)) != NULL; p++) {
        char *end = strchr(p, '\n');
        const char *found = strstr(p, what);
        if (found != NULL && found < end) {
            memset(p, '-', (size_t)(end - p));
            return true;
        }
    }
    return false;
}

static void check_line(char *line, unsigned number, char *said)
{
    char *mark = strstr(line, "  #");
    if (mark == NULL || (mark[3] != '!' && mark[3] != '?')) {
        return;
    }
    char *rest = mark + 5;
    for (char *what = next_mark(&rest); what != NULL; what = next_mark(&rest)) {
        if (!take_complaint(said, number, what)) {
            (void)fprintf(stderr, "%s", said);
            fail_msg("line %u: not said: %s", number, what);
        }
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    char *text = read_whole("tests/data/policy/mistakes.yaml");
    char *said = complaints_of(text, NULL);
    unsigned number = 1;
    for (char *line = text; line != NULL; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        check_line(line, number, said);
        line = end == NULL ? NULL : end + 1;
    }
    for (const char *p = said; *p != '\0'; p++) {
        if (*p != '-' && *p != '\n') {
            fail_msg("said, and not expected:\n%s", p);
        }
    }
    free(said);
    free(text);
}

/* ---- places and single cases ---- */

static const struct {
    const char *text;
    const char *said; /* the whole of it */
} cases[] = {
    {"- a\n", "test.yaml:1:1: error: a policy must be a map, not a list\n"},
    {"{}\n", "test.yaml:1:1: error: version is missing: a policy begins with version: 1\n"
             "test.yaml:1:1: error: clients is missing: a map from client id to its auth: list\n"
             "test.yaml:1:1: error: rules is missing: a list of what the clients may do\n"},
    {"version: 1\nclients: {}\nrules: []\n",
     "test.yaml:2:10: error: clients must be a map from client id to its auth: list, with at least "
     "one client\n"
     "test.yaml:3:8: error: rules must be a list with at least one rule, each beginning with - "
     "id:\n"},
    {HEAD "- {id: a, effect: deny, names: {dns: [x], ip: [\"::ffff:10.0.0.0/104\"]}}\n", ""},
    {HEAD "- {id: a, effect: deny, names: {ip: [\"::ffff:10.0.0.0/95\"]}}\n",
     "test.yaml:4:38: error: \"::ffff:10.0.0.0/95\" reaches beyond the IPv4-mapped addresses: "
     "write "
     "the IPv4 network\n"},
    {HEAD "- {id: a, effect: deny, names: {}}\n", "test.yaml:4:32: error: names is an empty map: "
                                                  "leave it out or put dns, ip, uri or email lists "
                                                  "in\n"},
    {HEAD "- {id: a, effect: deny}\n",
     "test.yaml:4:3: warning: rule \"a\" refuses everything to everybody\n"},
    {HEAD "- {id: a, effect: deny, clients: [c]}\n", ""},
    {HEAD "- {id: a, effect: deny, clients: [c], profiles: [x]}\n",
     ""},
    {HEAD "- {id: a, clients: [c], actions: [newcert], names: {dns: [x.y]}, profiles: [p]}\n",
     "test.yaml:4:3: error: rule \"a\" allows newcert and needs max_validity: the longest that a "
     "certificate may live, such as 720h, or unlimited, which leaves it to the CA's profile\n"},
    {HEAD "- {id: a, clients: [c], actions: [newcert], no_names: true, profiles: [p], "
          "max_validity: 1h}\n",
     ""},
    {HEAD
     "- {id: a, clients: [c], actions: [newcert], no_names: true, profiles: [p], max_validity: "
     "1h, common_name: [Any Text, 10.0.0.1/8, \"a*\"]}\n",
     "test.yaml:4:118: error: \"10.0.0.1/8\" has bits set behind its first 8: the network is "
     "10.0.0.0/8\n"
     "test.yaml:4:130: error: \"a*\" has a * that is not the whole first label: write \"*.\" for "
     "one "
     "label or \"**.\" for one or more, in front only\n"},
    {HEAD "- {id: a, clients: [c], actions: [info], colour: red}\n",
     "test.yaml:4:42: error: a rule has no key \"colour\"; its keys are id, effect, description, "
     "owner, ticket, reason, until, clients, actions, names, wildcards, broad, no_names, "
     "common_name, subject, keys, profiles, usages, max_names, max_validity, from, when, rate, "
     "max_active, auto_revoke_oldest, delegate, revoke\n"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *said = complaints_of(cases[i].text, NULL);
        assert_string_equal(said, cases[i].said);
        free(said);
    }
}

static void test_full(void **state)
{
    (void)state;
    char *text = read_whole("tests/data/policy/full.yaml");
    char *said = complaints_of(text, NULL);
    assert_string_equal(
        said,
        "test.yaml:67:5: warning: wildcards: true lets one certificate stand for all hosts of a "
        "domain\n"
        "test.yaml:114:5: warning: max_validity: unlimited lets a certificate live as long as the "
        "CA's profile says\n"
        "test.yaml:130:5: warning: broad: true allows \"localhost\", names that no single owner has\n");
    struct policy *p = load_text(text);
    assert_string_equal(policy_file(p), "test.yaml");
    assert_true(slice_eq(policy_bytes(p), slice_of(text)));
    assert_int_equal(policy_num_clients(p), 5);
    assert_int_equal(policy_num_rules(p), 8);
    assert_string_equal(policy_rule_id(p, 2), "payments-server");
    assert_int_equal(policy_rule_place(p, 2).line, 50);
    assert_int_equal(policy_rule_place(p, 2).col, 5);
    policy_free(p);
    free(said);
    free(text);
}

static void test_sha256(void **state)
{
    (void)state;
    struct policy *p = load_text(HEAD "- {id: a, effect: deny, clients: [c]}\n");
    /* printf of the same bytes through sha256sum */
    assert_string_equal(policy_sha256(p),
                        "60efdae58e69fa866f4503c1bd79095113ec6d06334f8b779536737e0599bdd0");
    policy_free(p);
    policy_free(NULL);
}

/* Loading costs no more than in proportion to the file: many clients, ids and credentials. */
static void test_many(void **state)
{
    (void)state;
    const unsigned num = 20000;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)fprintf(out, "version: 1\nclients:\n");
    for (unsigned i = 0; i < num; i++) {
        (void)fprintf(out, "  c%u: {auth: [{mtls: {uri: \"spiffe://a/%u\"}}]}\n", i, i);
    }
    (void)fprintf(out, "rules:\n");
    for (unsigned i = 0; i < num; i++) {
        (void)fprintf(out,
                      "- {id: r%u, clients: [c%u], actions: [newcert], names: {dns: "
                      "[h%u.example]}, profiles: [p], max_validity: 1h}\n",
                      i, i, i);
    }
    (void)fprintf(out, "- {id: r7, clients: [c0], actions: [info]}\n");
    (void)fclose(out);
    char *said = complaints_of(text, NULL);
    assert_string_equal(said,
                        "test.yaml:40004:8: error: rule id \"r7\" is taken: the first one is in "
                        "line 20011\n");
    free(said);
    free(text);
}

/* ---- what is worked out from all of it ---- */

#define ALLOW(id, rest)                                                                            \
    "- {id: " id ", clients: [c], actions: [newcert], names: {dns: [x.example]}, profiles: [p], "  \
    "max_validity: 1h" rest "}\n"

static void test_expiring(void **state)
{
    (void)state;
    static const char text[] =
        "version: 1\n"
        "settings: {warn_before: 10d}\n"
        "clients:\n"
        "  c:\n"
        "    auth:\n"
        "      - bearer:\n"
        "          sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd1"
        "5d6c15b0f00a08\n"
        "          expires: 2026-06-03\n"
        "rules:\n" ALLOW("past", ", until: 2026-05-27") ALLOW("soon", ", until: 2026-06-01")
            ALLOW("never", "") ALLOW("later", ", until: 2027-01-01");
    char *said = complaints_of(text, NULL);
    assert_string_equal(said,
                        "test.yaml:8:11: warning: this token expires soon (2026-06-03): put "
                        "the next one beside it\n"
                        "test.yaml:10:108: warning: rule \"past\" has expired: it allows "
                        "nothing any more (move until, or delete the rule)\n"
                        "test.yaml:11:108: warning: rule \"soon\" expires soon (2026-06-01)\n");
    free(said);
    struct policy *p = load_text(text);
    int64_t first = 0;
    assert_int_equal(policy_num_expiring(p, NOW_S, &first), 2);
    assert_int_equal(first, 1780358400); /* 2026-06-02T00:00:00Z */
    assert_int_equal(policy_num_expiring(p, NOW_S, NULL), 2);
    assert_int_equal(policy_num_expiring(p, 1780358399, &first), 2);
    assert_int_equal(policy_num_expiring(p, 1780358400, &first), 1);
    assert_int_equal(policy_num_expiring(p, 1790000000, &first), 0);
    assert_int_equal(policy_num_expiring(p, 1798848000 - 10 * 86400, &first), 1);
    assert_int_equal(first, 1798848000); /* 2027-01-02T00:00:00Z */
    assert_int_equal(policy_num_expiring(p, 1798848000 - 10 * 86400 - 1, &first), 0);
    policy_free(p);
}

static void test_claims(void **state)
{
    (void)state;
    struct policy *p = load_text(
        HEAD "- {id: a, clients: [c], actions: [newcert], profiles: [p], max_validity: 1h, names: "
             "{dns: [\"${jwt.ns}.x.example\", \"${jwt.pod}.${jwt.ns}.x.example\"], uri: "
             "[\"spiffe://x/${jwt.sub}\"]}, common_name: [\"${jwt.cn}.x.example\"]}\n");
    assert_true(policy_wants_claim(p, SLICE("ns")));
    assert_true(policy_wants_claim(p, SLICE("pod")));
    assert_true(policy_wants_claim(p, SLICE("sub")));
    assert_true(policy_wants_claim(p, SLICE("cn")));
    assert_false(policy_wants_claim(p, SLICE("iss")));
    assert_false(policy_wants_claim(p, SLICE("")));
    policy_free(p);
    /* Eight of them fit into a record, however often each is there. */
    static const char nine[] =
        HEAD "- {id: a, clients: [c], actions: [newcert], profiles: [p], max_validity: 1h, names: "
             "{dns: [\"${jwt.a}.${jwt.b}.${jwt.c}.${jwt.d}.${jwt.a}.x.example\", "
             "\"${jwt.e}.${jwt.f}.${jwt.g}.${jwt.h}.x.example\", \"${jwt.%s}.x.example\"]}}\n";
    char text[1024];
    (void)snprintf(text, sizeof(text), nine, "h");
    policy_free(load_text(text));
    (void)snprintf(text, sizeof(text), nine, "i");
    size_t errors = 0;
    char *said = complaints_of(text, &errors);
    assert_int_equal(errors, 1);
    assert_non_null(strstr(said, "claim number 9"));
    free(said);
}

/* Which rules are looked at for whom. */
static void test_links(void **state)
{
    (void)state;
    struct policy *p = load_text(
        "version: 1\n"
        "clients: {c: {auth: [{mtls: {cn: c}}]}, d: {auth: [{mtls: {cn: d}}]}}\n"
        "rules:\n"
        "- {id: names, effect: deny, names: {dns: [a.example, \"**.b.example\"]}}\n"
        "- {id: revoke, effect: deny, actions: [revoke], names: {dns: [c.example]}}\n" ALLOW("a",
                                                                                             "")
            ALLOW("many", "") "- {id: own, effect: deny, clients: [d], names: {dns: [e.example]}}\n"
                              "- {id: more, effect: deny, names: {dns: [a.example, f.example]}}\n"
                              "- {id: all, clients: [d, c], actions: [info], profiles: [p]}\n"
                              "- {id: big, effect: deny, clients: [c], names: {dns: [a1, a2, a3, "
                              "a4, a5, a6, a7, a8, "
                              "a9]}}\n");
    assert_int_equal(p->deny_everybody.num, 3);
    assert_int_equal(p->deny_others.num, 1);
    assert_ptr_equal(p->deny_others.items[0], &p->rules[1]);
    struct arena arena;
    arena_init(&arena, 10000);
    struct name name = name_of(&arena, "a.example");
    assert_int_equal(name_set_touches(p->deny_names, &name), 0);
    name = name_of(&arena, "f.example");
    assert_int_equal(name_set_touches(p->deny_names, &name), 5);
    name = name_of(&arena, "c.example");
    assert_int_equal(name_set_touches(p->deny_names, &name), SIZE_MAX);
    name = name_of(&arena, "a8");
    assert_null(p->rules[0].name_set);
    assert_int_equal(name_set_touches(p->rules[7].name_set, &name), 7);
    assert_int_equal(p->clients[0].allow.num, 3);
    assert_int_equal(p->clients[0].deny.num, 1);
    assert_int_equal(p->clients[1].allow.num, 1);
    assert_ptr_equal(p->clients[1].deny.items[0], &p->rules[4]);
    arena_free(&arena);
    policy_free(p);
}

/* ---- files ---- */

static char *load_file_said(const char *path)
{
    struct diag_list *diags = diag_new();
    struct policy *p = NULL;
    const enum cb_code code = policy_load(path, NOW_S, diags, &p);
    assert_int_equal(code == CB_OK, p != NULL);
    assert_int_equal(p == NULL, diag_num_errors(diags) > 0);
    policy_free(p);
    char *said = printed(diags);
    diag_free(diags);
    return said;
}

static void expect_file(const char *path, const char *said)
{
    char *got = load_file_said(path);
    if (said[0] == '\0' ? got[0] != '\0' : strstr(got, said) == NULL) {
        fail_msg("expected \"%s\", got: %s", said, got);
    }
    free(got);
}

static void test_files(void **state)
{
    (void)state;
    char dir[] = P_tmpdir "/policy-test-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/p.yaml", dir);
    expect_file(path, "cannot open the file: No such file");
    expect_file(dir, "there is no *.yaml in this folder");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_file(path, "this is not a regular file");
    assert_int_equal(unlink(path), 0);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    (void)fputs(HEAD "- {id: a, effect: deny, clients: [c]}\n", out);
    (void)fclose(out);
    assert_int_equal(chmod(path, 0644), 0);
    expect_file(path, "");
    assert_int_equal(chmod(path, 0664), 0);
    expect_file(path, "chmod go-w");
    assert_int_equal(chmod(path, 0602), 0);
    expect_file(path, "chmod go-w");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, (off_t)YAML_FILE_MAX + 1), 0);
    expect_file(path, "larger than 64 MiB");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_cases),
        cmocka_unit_test(test_full),     cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_many),     cmocka_unit_test(test_expiring),
        cmocka_unit_test(test_claims),   cmocka_unit_test(test_links),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
