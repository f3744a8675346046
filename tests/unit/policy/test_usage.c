/* test_usage.c - what a policy would not miss: rules, names and clients that no request needed. */
#include "policy/trace.h"
#include "tests/unit/policy/asking.h"

static const char text[] =
    "version: 1\n"
    "clients:\n"
    "  api: {auth: [{mtls: {cn: api}}]}\n"
    "  web: {auth: [{mtls: {cn: web}}]}\n"
    "  orch: {auth: [{mtls: {cn: orch}}]}\n"
    "  idle: {auth: [{mtls: {cn: idle}}]}\n"
    "rules:\n"
    "  - id: main\n"
    "    clients: [api]\n"
    "    actions: [newcert]\n"
    "    names:\n"
    "      dns: [a.x.y, b.x.y, \"*.pods.x.y\"]\n"
    "      ip: [10.0.0.0/8]\n"
    "    common_name: [c.x.y, d.x.y]\n"
    "    profiles: [server]\n"
    "    max_validity: 1h\n"
    "    until: 2026-06-01\n"
    "  - {id: later, clients: [api], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
    "[server], max_validity: 1h}\n"
    "  - {id: acts, clients: [orch], delegate: {for: [web]}, actions: [newcert], names: {dns: "
    "[\"**.x.y\"]}, profiles: [server], max_validity: 1h}\n"
    "  - {id: web, clients: [web], actions: [newcert], names: {dns: [w.x.y]}, profiles: [server],"
    " max_validity: 1h}\n"
    "  - {id: never, effect: deny, names: {dns: [root.x.y, other.x.y]}}\n"
    "  - {id: nor, effect: deny, clients: [web], names: {dns: [p.x.y]}}\n";

static void add(struct policy_usage *u, const struct policy *p, const struct wanted *w)
{
    struct asked a;
    make_asked(&a, p, w);
    policy_usage_add(u, &a.caller, &a.ask, time_of(w) * 1000000);
    arena_free(&a.arena);
}

/* unused - printed; free it. */
static char *unused(const struct policy_usage *u, bool json, size_t *ret_num)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    *ret_num = policy_usage_print(u, json, &out);
    assert_true(buf_ok(&out));
    char *said = strdup(out.data);
    buf_free(&out);
    assert_non_null(said);
    return said;
}

static void check_unused(const struct policy_usage *u, bool json, size_t num, const char *expected)
{
    size_t found = 0;
    char *said = unused(u, json, &found);
    assert_string_equal(said, expected);
    assert_int_equal(found, num);
    free(said);
}

static void test_nothing_asked(void **state)
{
    (void)state;
    struct policy *p = load_text(text);
    struct policy_usage *u = policy_usage_new(p);
    size_t num = 0;
    assert_non_null(u);
    char *said = unused(u, false, &num);
    assert_int_equal(num, 6 + 4);
    assert_non_null(strstr(said, "test.yaml:8:5: main\n"));
    assert_non_null(strstr(said, "test.yaml:6:3: idle\n"));
    assert_non_null(strstr(said, "10 unused of 6 rules and 4 clients, by 0 requests\n"));
    free(said);
    policy_usage_free(u);
    policy_free(p);
}

static void test_some_used(void **state)
{
    (void)state;
    struct policy *p = load_text(text);
    struct policy_usage *u = policy_usage_new(p);
    assert_non_null(u);
    add(u, p, &(struct wanted){.names = "a.x.y 10.1.1.1", .cn = "d.x.y"});
    add(u, p, &(struct wanted){.names = "a.x.y", .cn = "d.x.y"});
    add(u, p, &(struct wanted){.client = "orch", .for_whom = "web", .names = "w.x.y"});
    add(u, p, &(struct wanted){.names = "root.x.y"});
    add(u, p, &(struct wanted){.client = "orch", .for_whom = "web", .names = "p.x.y"});
    add(u, p, &(struct wanted){.names = "z.x.y"}); /* refused: needs no rule */
    check_unused(u, false, 6,
                 "rules that decided no request:\n"
                 "  test.yaml:18:5: later\n"
                 "names that no request needed, in rules that were used:\n"
                 "  test.yaml:12:20: dns b.x.y of rule main\n"
                 "  test.yaml:12:27: dns *.pods.x.y of rule main\n"
                 "  test.yaml:14:19: dns c.x.y of rule main\n"
                 "  test.yaml:21:55: dns other.x.y of rule never\n"
                 "clients that asked for nothing:\n"
                 "  test.yaml:6:3: idle\n"
                 "6 unused of 6 rules and 4 clients, by 6 requests\n");
    check_unused(u, true, 6,
                 "{\"requests\":6,"
                 "\"rules\":[{\"file\":\"test.yaml\",\"line\":18,\"column\":5,\"id\":\"later\"}],"
                 "\"names\":[{\"file\":\"test.yaml\",\"line\":12,\"column\":20,\"rule\":\"main\","
                 "\"kind\":\"dns\",\"name\":\"b.x.y\"},"
                 "{\"file\":\"test.yaml\",\"line\":12,\"column\":27,\"rule\":\"main\","
                 "\"kind\":\"dns\",\"name\":\"*.pods.x.y\"},"
                 "{\"file\":\"test.yaml\",\"line\":14,\"column\":19,\"rule\":\"main\","
                 "\"kind\":\"dns\",\"name\":\"c.x.y\"},"
                 "{\"file\":\"test.yaml\",\"line\":21,\"column\":55,\"rule\":\"never\","
                 "\"kind\":\"dns\",\"name\":\"other.x.y\"}],"
                 "\"clients\":[{\"file\":\"test.yaml\",\"line\":6,\"column\":3,\"id\":\"idle\"}],"
                 "\"unused\":6}\n");
    policy_usage_free(u);
    policy_free(p);
}

/* What was asked is decided for the time at which it was asked: after its end another rule counts. */
static void test_time(void **state)
{
    (void)state;
    struct policy *p = load_text(text);
    struct policy_usage *u = policy_usage_new(p);
    size_t num = 0;
    assert_non_null(u);
    add(u, p, &(struct wanted){.names = "a.x.y", .at = "2026-06-02T00:00:00Z"});
    char *said = unused(u, false, &num);
    assert_non_null(strstr(said, ": main\n"));
    assert_null(strstr(said, ": later\n"));
    free(said);
    policy_usage_free(u);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked),
        cmocka_unit_test(test_some_used),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
