/* test_list.c - what is in a policy, in columns and as JSON. */
#include "broker/base/json_scan.h"
#include "policy/review.h"
#include "tests/unit/policy/support.h"

/* NOW_S is 2026-05-28. */
static const char policy_text[] =
    "version: 1\n"
    "settings: {warn_before: 30d}\n"
    "clients:\n"
    "  api:\n"
    "    description: The \"API\"\n"
    "    auth:\n"
    "      - mtls: {uri: \"spiffe://acme.internal/ns/*/sa/api\"}\n"
    "      - bearer: {sha256: "
    "\"aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddd\", expires: 2026-06-01}\n"
    "  web: {auth: [{mtls: {dns: web.acme.internal}}]}\n"
    "  orch: {auth: [{mtls: {cn: orch}}]}\n"
    "groups:\n"
    "  all: [api, web]\n"
    "rules:\n"
    "  - {id: never, effect: deny, names: {dns: [\"**.admin.acme.internal\"]}}\n"
    "  - id: server\n"
    "    owner: J\xc3\xb6rg\n"
    "    clients: [all, orch]\n"
    "    actions: [newcert, revoke]\n"
    "    names: {dns: [a.acme.internal, b.acme.internal, c.acme.internal, d.acme.internal], "
    "ip: [10.0.0.0/8]}\n"
    "    profiles: [server]\n"
    "    max_validity: 24h\n"
    "    until: 2026-06-10\n"
    "  - {id: old, clients: [web], actions: [revoke], revoke: own, until: 2026-01-31}\n"
    "  - {id: acts, clients: [orch], actions: [newcert], names: {dns: [x.acme.internal]}, "
    "profiles: [server], max_validity: 24h, delegate: {for: [all]}}\n";

static char *listing(unsigned width, bool json)
{
    struct policy *policy = load_text(policy_text);
    struct buf out;
    buf_init(&out, 1U << 20);
    assert_true(policy_list(policy, NOW_S, width, json, &out));
    char *text = strdup(out.data);
    assert_non_null(text);
    buf_free(&out);
    policy_free(policy);
    return text;
}

static void expect(const char *text, const char *wanted)
{
    if (strstr(text, wanted) == NULL) {
        print_error("not there: %s\n%s", wanted, text);
    }
    assert_non_null(strstr(text, wanted));
}

static void test_columns(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "RULE    EFFECT  UNTIL             OWNER  PLACE         WHO              WHAT\n",
        "never   deny                             test.yaml:14  everybody        newcert: dns "
        "\"**.admin.acme.internal\"\n",
        "server  allow   2026-06-10 soon   J\xc3\xb6rg   test.yaml:15  group all, orch  newcert, "
        "revoke: dns \"a.acme.internal\", \"b.acme.internal\", \"c.acme.internal\", "
        "\"d.acme.internal\"; ip \"10.0.0.0/8\"; profile server\n",
        "old     allow   2026-01-31 ended         test.yaml:23  web              revoke\n",
        "acts    allow                            test.yaml:24  orch             for api, web: "
        "newcert: dns \"x.acme.internal\"; profile server\n",
        "mtls uri spiffe://acme.internal/ns/*/sa/api",
        "bearer aaaaaaaa... (ends soon)",
        "all    test.yaml:12  api, web\n",
    };
    char *text = listing(0, false);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        expect(text, wanted[i]);
    }
    free(text);
}

static void test_narrow(void **state)
{
    (void)state;
    char *text = listing(100, false);
    expect(text, "...");
    for (const char *line = text; *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        size_t width = 0;
        for (const char *p = line; p < end; p++) {
            width += ((unsigned char)*p & 0xc0U) != 0x80U ? 1 : 0;
        }
        assert_in_range(width, 0, 100);
        line = *end == '\n' ? end + 1 : end;
    }
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "{\"id\":\"never\",\"effect\":\"deny\",\"everybody\":true,\"clients\":[],\"groups\":[],"
        "\"actions\":[\"newcert\"],\"names\":{\"dns\":[\"**.admin.acme.internal\"]},\"profiles\":[],"
        "\"file\":\"test.yaml\",\"line\":14,\"col\":5}",
        "\"clients\":[\"orch\"],\"groups\":[\"all\"]",
        "\"ip\":[\"10.0.0.0/8\"]",
        "\"max_validity\":\"24h\"",
        "\"until\":\"2026-06-11T00:00:00Z\",\"state\":\"ends_soon\"",
        "\"state\":\"ended\"",
        "\"delegate_for\":[\"api\",\"web\"]",
        "\"description\":\"The \\\"API\\\"\"",
        "{\"kind\":\"mtls uri\",\"text\":\"spiffe://acme.internal/ns/*/sa/api\",\"state\":\"active\"}",
        "{\"id\":\"all\",\"clients\":[\"api\",\"web\"]",
        "\"rules\":[\"server\",\"old\"]",
    };
    const struct json_caps caps = {8, 64, 1000, 10000, 1U << 20};
    struct cb_err err = {0};
    char *text = listing(0, true);
    if (json_scan(slice_of(text), &caps, &err) != CB_OK) {
        fail_msg("%s: %s", err.msg, text);
    }
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        expect(text, wanted[i]);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_columns),
                                       cmocka_unit_test(test_narrow), cmocka_unit_test(test_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
