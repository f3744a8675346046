/* test_check_tests.c - *.test.yaml: what is run, what fails and why, what is no good test. */
#include "policy/check_tests.h"
#include "tests/unit/policy/support.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char policy_text[] =
    "version: 1\n"
    "clients:\n"
    "  api: {auth: [{mtls: {uri: \"spiffe://acme.internal/ns/*/sa/api\"}}]}\n"
    "  web: {auth: [{mtls: {dns: web.acme.internal}}]}\n"
    "  pod: {auth: [{jwt: {issuer: k8s, subject: \"sa:pod\"}}]}\n"
    "rules:\n"
    "  - {id: never, effect: deny, names: {dns: [admin.acme.internal]}}\n"
    "  - {id: server, clients: [web], actions: [newcert, revoke], profiles: [server], "
    "max_validity: 24h, names: {dns: [\"*.acme.internal\"], ip: [10.0.0.0/8]}, subject: {O: "
    "[Acme], OU: {values: [a, b], max: 2}}, common_name: [robot 7], until: 2026-12-31}\n"
    "  - {id: night, clients: [web], actions: [newcert], profiles: [night], max_validity: 24h, "
    "names: {dns: [n.acme.internal]}, from: [10.0.0.0/8], when: {hours: [\"22:00-06:00\"]}}\n"
    "  - {id: named, clients: [pod], actions: [newcert], profiles: [server], max_validity: 24h, "
    "names: {dns: [\"${jwt.ns}.acme.internal\"]}}\n"
    "  - {id: own, clients: [\"api\"], actions: [newcert], profiles: [default], max_validity: 24h, "
    "names: {dns: [\"${mtls.uri.path[1]}.acme.internal\"]}}\n"
    "  - {id: acts, clients: [pod], actions: [newcert], profiles: [server], max_validity: 24h, "
    "names: {dns: [w.acme.internal]}, delegate: {for: [web]}}\n";

struct ran {
    struct policy *policy; /* the results borrow from it */
    enum cb_code code;
    struct policy_tests tests;
    struct arena arena;
    char *said;
};

static struct ran run_text(const char *text)
{
    struct ran r = {.code = CB_OK};
    struct policy *policy = load_text(policy_text);
    struct diag_list *diags = diag_new();
    assert_non_null(diags);
    arena_init(&r.arena, 64U << 20);
    r.code = policy_tests_run_bytes(policy, "x.test.yaml", slice_of(text), NOW_S, diags, &r.arena,
                                    &r.tests);
    r.said = printed(diags);
    diag_free(diags);
    r.policy = policy;
    return r;
}

static void ran_free(struct ran *r)
{
    arena_free(&r->arena);
    policy_free(r->policy);
    free(r->said);
}

/* ---- tests that pass ---- */

static const char *const passing[] = {
    "{as: web, hosts: [a.acme.internal], profile: server, expect: allow}",
    "{as: web, hosts: [A.ACME.internal, 10.1.2.3], profile: server, expect: allow, rule: server}",
    "{as: web, hosts: [a.b.acme.internal], profile: server, expect: deny, reason: "
    "name_not_allowed, rule: server}",
    "{as: web, hosts: [a.acme.internal], profile: server, cn: robot 7, subject: {O: Acme, OU: [a, "
    "b]}, key: rsa-2048, expect: allow}",
    "{as: web, hosts: [a.acme.internal], profile: server, cn: robot 8, expect: deny, reason: "
    "common_name_not_allowed}",
    "{as: web, hosts: [a.acme.internal], profile: server, subject: {O: Ajax}, expect: deny, "
    "reason: subject_not_allowed}",
    "{as: web, hosts: [a.acme.internal], profile: server, key: rsa-8192, expect: deny, reason: "
    "key_not_allowed}",
    "{as: web, hosts: [a.acme.internal], expect: deny, reason: profile_not_allowed}",
    "{as: web, hosts: [admin.acme.internal], profile: server, expect: deny, rule: never, reason: "
    "deny_rule}",
    "{as: web, action: revoke, at: 2027-01-01, expect: deny, reason: rule_expired}",
    "{as: web, hosts: [n.acme.internal], profile: night, at: \"2026-05-28T23:00:00Z\", from: "
    "10.0.0.7, expect: allow, rule: night}",
    "{as: web, hosts: [n.acme.internal], profile: night, at: \"2026-05-28T12:00:00Z\", from: "
    "10.0.0.7, expect: deny}",
    "{as: web, hosts: [n.acme.internal], profile: night, at: \"2026-05-28T23:00:00Z\", from: "
    "192.168.0.7, expect: deny}",
    "{as: web, hosts: [], profile: server, expect: deny, reason: no_names}",
    "{as: web, action: revoke, expect: allow}",
    "{as: web, action: revoke, relation: foreign, hosts: [a.acme.internal], expect: deny, reason: "
    "not_owner}",
    "{as: web, action: info, profile: server, expect: allow}",
    "{as: pod, claims: {ns: pay}, hosts: [pay.acme.internal], profile: server, expect: allow}",
    "{as: pod, claims: {ns: pay}, hosts: [web.acme.internal], profile: server, expect: deny}",
    "{as: \"api:spiffe://acme.internal/ns/pay/sa/api\", hosts: [pay.acme.internal], expect: "
    "allow, rule: own}",
    "{as: pod, on_behalf_of: web, hosts: [w.acme.internal], profile: server, expect: allow, rule: "
    "acts}",
    "{as: pod, on_behalf_of: api, hosts: [w.acme.internal], profile: server, expect: deny, "
    "reason: not_delegated}",
    "{as: pod, on_behalf_of: nobody, hosts: [w.acme.internal], profile: server, expect: deny, "
    "reason: unknown_party}",
};

static void test_passing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        char text[600];
        (void)snprintf(text, sizeof(text), "tests:\n  - %s\n", passing[i]);
        struct ran r = run_text(text);
        if (r.code != CB_OK || r.tests.num != 1 || !r.tests.items[0].passed) {
            print_error("%s:\n%s%s\n", passing[i], r.said,
                        r.code == CB_OK ? r.tests.items[0].why : "");
        }
        assert_int_equal(r.code, CB_OK);
        assert_int_equal(r.tests.num, 1);
        assert_int_equal(r.tests.num_failed, 0);
        assert_true(r.tests.items[0].passed);
        assert_int_equal(r.tests.items[0].place.line, 2);
        ran_free(&r);
    }
}

/* ---- tests that fail ---- */

static const struct {
    const char *test, *name, *why;
} failing[] = {
    {"{as: web, hosts: [a.example], profile: server, expect: allow}", "allow web newcert a.example",
     "expected allow, but it is denied for name_not_allowed by rule server at test.yaml:8:101: "
     "name \"a.example\" is not covered by rule server"},
    {"{name: \"never # this\", as: web, hosts: [a.acme.internal, b.acme.internal], profile: "
     "server, expect: deny}",
     "never # this", "expected deny, but it is allowed by rule server at test.yaml:8:5"},
    {"{as: web, hosts: [b.acme.internal, a.acme.internal], profile: server, expect: allow, rule: "
     "night}",
     "allow web newcert a.acme.internal and 1 more",
     "expected allow by rule night, but it is allowed by rule server at test.yaml:8:5"},
    {"{as: web, hosts: [a.example], profile: server, expect: deny, reason: key_not_allowed}",
     "deny web newcert a.example",
     "expected deny for key_not_allowed, but it is denied for name_not_allowed by rule server at "
     "test.yaml:8:101: name \"a.example\" is not covered by rule server"},
};

static void test_failing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        char text[600];
        (void)snprintf(text, sizeof(text), "version: 1\ntests:\n  - %s\n", failing[i].test);
        struct ran r = run_text(text);
        assert_string_equal(r.said, "");
        assert_int_equal(r.tests.num_failed, 1);
        assert_false(r.tests.items[0].passed);
        assert_string_equal(r.tests.items[0].name, failing[i].name);
        assert_string_equal(r.tests.items[0].why, failing[i].why);
        ran_free(&r);
    }
}

/* ---- what is no test ---- */

static const struct {
    const char *text, *said;
} bad[] = {
    {"", "x.test.yaml"},
    {"[]\n", "a file of tests must be a map"},
    {"tests: []\n", "tests is an empty list"},
    {"version: 1\n", "tests is missing"},
    {"test: []\n", "did you mean \"tests\"?"},
    {"version: 2\ntests:\n  - {as: web, expect: deny}\n", "x.test.yaml:1:10: error: version"},
    {"tests:\n  - {expect: deny}\n", "x.test.yaml:2:5: error: this test needs as"},
    {"tests:\n  - {as: web}\n", "x.test.yaml:2:5: error: this test needs expect"},
    {"tests:\n  - web\n", "x.test.yaml:2:5: error: a test must be a map"},
    {"tests:\n  - {as: wen, expect: deny}\n",
     "x.test.yaml:2:10: error: as: there is no client \"wen\": did you mean \"web\"?"},
    {"tests:\n  - {as: \"web:x\", expect: deny}\n",
     "x.test.yaml:2:10: error: as: client \"web\" has no instance as in \"web:x\""},
    {"tests:\n  - {as: api, expect: deny}\n",
     "x.test.yaml:2:10: error: as: api stands for many identities: write api:URI"},
    {"tests:\n  - {as: web, expects: deny}\n", "did you mean \"expect\"?"},
    {"tests:\n  - {client: web, expect: deny}\n", "did you mean \"as\"?"},
    {"tests:\n  - {as: web, expect: maybe}\n", "x.test.yaml:2:23: error: expect must be"},
    {"tests:\n  - {as: web, hosts: [a_b.example], expect: deny}\n",
     "x.test.yaml:2:23: error: hosts: "},
    {"tests:\n  - {as: web, hosts: a.example, expect: deny}\n", "hosts must be a list"},
    {"tests:\n  - {as: web, key: ecdsa-255, expect: deny}\n",
     "x.test.yaml:2:20: error: key: must be ecdsa-256, ecdsa-384, ecdsa-521 or rsa- and 2048 to "
     "8192, not \"ecdsa-255\""},
    {"tests:\n  - {as: web, key: ed25519, expect: deny}\n", "not \"ed25519\""},
    {"tests:\n  - {as: web, from: host.example, expect: deny}\n",
     "from: must be one IP address, not \"host.example\""},
    {"tests:\n  - {as: web, at: tomorrow, expect: deny}\n", "at must be a UTC time"},
    {"tests:\n  - {as: web, subject: {X: y}, expect: deny}\n",
     "there is no subject attribute \"X\""},
    {"tests:\n  - {as: web, claims: [a], expect: deny}\n", "claims must be a map"},
    {"tests:\n  - {as: web, action: renew, expect: deny}\n", "action must be"},
    {"tests:\n  - {as: web, relation: own, expect: deny}\n",
     "x.test.yaml:2:15: error: relation means nothing with the action newcert"},
    {"tests:\n  - {as: web, action: revoke, key: ecdsa-256, expect: deny}\n",
     "key means nothing with the action revoke"},
    {"tests:\n  - {as: web, action: revoke, relation: mine, expect: deny}\n", "relation must be"},
    {"tests:\n  - {as: web, expect: allow, reason: deny_rule}\n",
     "reason goes with expect: deny only"},
    {"tests:\n  - {as: web, expect: deny, reason: name_not_alowed}\n",
     "there is no reason \"name_not_alowed\": did you mean \"name_not_allowed\"?"},
    {"tests:\n  - {as: web, expect: deny, reason: allowed}\n", "there is no reason \"allowed\""},
    {"tests:\n  - {as: web, expect: deny, rule: servr}\n",
     "there is no rule \"servr\": did you mean \"server\"?"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ran r = run_text(bad[i].text);
        if (r.code != CB_EINPUT || strstr(r.said, bad[i].said) == NULL) {
            print_error("%s: %s", bad[i].text, r.said);
        }
        assert_int_equal(r.code, CB_EINPUT);
        assert_non_null(strstr(r.said, bad[i].said));
        ran_free(&r);
    }
}

static void test_every_error_is_reported(void **state)
{
    (void)state;
    struct ran r = run_text("tests:\n  - {as: wen, key: x, at: y, expect: z}\n  - {}\n");
    size_t lines = 0;
    for (const char *p = r.said; *p != '\0'; p++) {
        lines += *p == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 6);
    ran_free(&r);
}

static void test_unused_rules(void **state)
{
    (void)state;
    struct ran r = run_text(
        "tests:\n"
        "  - {as: web, hosts: [a.acme.internal], profile: server, expect: allow}\n"
        "  - {as: web, hosts: [admin.acme.internal], profile: server, expect: deny}\n"
        "  - {as: pod, hosts: [w.acme.internal], profile: server, expect: deny}\n"
        "  - {as: pod, on_behalf_of: web, hosts: [w.acme.internal], profile: server, expect: "
        "allow}\n");
    assert_int_equal(r.tests.num_failed, 0);
    assert_int_equal(r.tests.num_unused_rules, 3);
    assert_string_equal(r.tests.unused_rules[0], "night");
    assert_string_equal(r.tests.unused_rules[1], "named");
    assert_string_equal(r.tests.unused_rules[2], "own");
    ran_free(&r);
}

/* ---- files ---- */

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static size_t run_path(const char *path, enum cb_code wanted, char *first, size_t first_size)
{
    struct policy *policy = load_text(policy_text);
    struct diag_list *diags = diag_new();
    struct policy_tests tests = {0};
    struct arena arena;
    arena_init(&arena, 1U << 20);
    assert_int_equal(policy_tests_run(policy, path, NOW_S, diags, &arena, &tests), wanted);
    if (tests.num > 0) {
        (void)snprintf(first, first_size, "%s", tests.items[0].place.file);
    }
    arena_free(&arena);
    diag_free(diags);
    policy_free(policy);
    return tests.num;
}

#define ONE_TEST "tests:\n  - {as: web, expect: deny}\n"

static void test_which_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/certbroker-check-tests-XXXXXX";
    char path[300];
    char first[300] = "";
    static const char *const names[] = {"b.test.yaml", "a.test.yaml", ".c.test.yaml", "a.yaml",
                                        "test.yaml"};
    assert_non_null(mkdtemp(dir));
    assert_int_equal(run_path(dir, CB_OK, first, sizeof(first)), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        write_file(dir, names[i], i < 3 ? ONE_TEST : policy_text);
    }
    assert_int_equal(run_path(dir, CB_OK, first, sizeof(first)), 2);
    (void)snprintf(path, sizeof(path), "%s/a.test.yaml", dir);
    assert_string_equal(first, path);
    (void)snprintf(path, sizeof(path), "%s/a.yaml", dir);
    assert_int_equal(run_path(path, CB_OK, first, sizeof(first)), 1);
    (void)snprintf(path, sizeof(path), "%s/test.yaml", dir);
    assert_int_equal(run_path(path, CB_OK, first, sizeof(first)), 0);
    (void)snprintf(path, sizeof(path), "%s/none", dir);
    assert_int_equal(run_path(path, CB_EINPUT, first, sizeof(first)), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

/* ---- many ---- */

static void test_many(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 8U << 20);
    buf_add_str(&text, "tests:\n");
    for (unsigned i = 0; i < 10000; i++) {
        buf_printf(&text,
                   "  - {as: web, hosts: [n%u.acme.internal, 10.0.0.7], profile: server, expect: "
                   "allow}\n",
                   i);
    }
    struct timespec begin;
    struct timespec end;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin), 0);
    struct ran r = run_text(text.data);
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end), 0);
    assert_int_equal(r.tests.num, 10000);
    assert_int_equal(r.tests.num_failed, 0);
    const double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    print_message("10000 tests in %.3f s\n", seconds);
#ifndef CB_SANITIZED
    assert_true(seconds < 1.0);
#endif
    ran_free(&r);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passing),      cmocka_unit_test(test_failing),
        cmocka_unit_test(test_bad),          cmocka_unit_test(test_every_error_is_reported),
        cmocka_unit_test(test_unused_rules), cmocka_unit_test(test_which_files),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
