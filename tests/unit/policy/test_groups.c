/* test_groups.c - groups: who is in them, circles, and what the rules get of them. */
#include "policy/rule.h"
#include "tests/unit/policy/support.h"

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "clients:\n"                                                                                   \
    "  a: {auth: [{mtls: {cn: a}}]}\n"                                                             \
    "  b: {auth: [{mtls: {cn: b}}]}\n"                                                             \
    "  c: {auth: [{mtls: {cn: c}}]}\n"
#define RULE "rules: [{id: r, effect: deny, clients: [all]}]\n"

static const struct {
    const char *text; /* behind the clients */
    const char *said;
} cases[] = {
    {"groups:\n  all: [a, b]\n" RULE, ""},
    {"groups:\n  all: {description: everybody, members: [a, sub]}\n  sub: [b, c, a]\n" RULE, ""},
    {"groups: {}\n" RULE, "test.yaml:6:9: error: groups must be a map from group id to its members, "
                          "with at least one group\n"
                          "test.yaml:7:41: error: there is no client \"all\" under clients\n"},
    {"groups:\n  all: []\n" RULE,
     "test.yaml:7:8: error: a group is an empty list: leave it out or put something in\n"},
    {"groups:\n  all: {member: [a]}\n" RULE,
     "test.yaml:7:8: error: group \"all\" needs members: a list of clients and groups\n"
     "test.yaml:7:9: error: a group has no key \"member\": did you mean \"members\"?\n"},
    {"groups:\n  all: a\n" RULE, "test.yaml:7:8: error: a group must be a list of clients and groups, "
                                 "or a map with members: and description:\n"},
    {"groups:\n  all: [a, b, a]\n" RULE,
     "test.yaml:7:15: error: client \"a\" is listed twice\n"},
    {"groups:\n  all: [sub, sub]\n  sub: [a]\n" RULE,
     "test.yaml:7:14: error: group \"sub\" is listed twice\n"},
    {"groups:\n  all: [a, sup]\n  sub: [b]\n" RULE,
     "test.yaml:7:12: error: there is no client or group \"sup\": did you mean \"sub\"?\n"},
    {"groups:\n  all: [a, nobody]\n" RULE,
     "test.yaml:7:12: error: there is no client or group \"nobody\" under clients or groups\n"},
    {"groups:\n  all: [a]\n  b: [a]\n" RULE,
     "test.yaml:8:3: error: group id \"b\" is taken: there is a client of this name in line 4\n"},
    {"groups:\n  all: [a]\n  B: [a]\n" RULE,
     "test.yaml:8:3: error: group id \"B\" must be 1 to 64 of a-z 0-9 . _ - and begin with a letter "
     "or digit\n"},
    {"groups:\n  all: [all]\n" RULE,
     "test.yaml:7:9: error: these groups are members of themselves: all (line 7) -> all\n"},
    {"groups:\n  all: [x]\n  x: [a, y]\n  y: [z, b]\n  z: [x]\n" RULE,
     "test.yaml:10:7: error: these groups are members of themselves: x (line 8) -> y (line 9) -> z "
     "(line 10) -> x\n"},
    {"groups:\n  all: [\"*\"]\n" RULE,
     "test.yaml:7:9: error: there is no *: clients and groups are named one by one; a deny rule may "
     "leave clients out, without it is about everybody\n"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1000];
        (void)snprintf(text, sizeof(text), HEAD "%s", cases[i].text);
        char *said = complaints_of(text, NULL);
        assert_string_equal(said, cases[i].said);
        free(said);
    }
}

static void test_members(void **state)
{
    (void)state;
    struct policy *p = load_text(
        HEAD "groups:\n"
             "  all: {description: everybody, members: [c, sub, deep]}\n"
             "  sub: [b, c]\n"
             "  deep: [deeper]\n"
             "  deeper: [sub, a]\n"
             "rules:\n"
             "  - {id: r, effect: deny, clients: [sub, a, c]}\n"
             "  - {id: s, effect: deny, clients: [all]}\n");
    assert_int_equal(p->num_groups, 4);
    assert_string_equal(p->groups[0].description, "everybody");
    assert_int_equal(p->groups[0].num_clients, 3);
    assert_int_equal(p->groups[1].num_clients, 2);
    assert_int_equal(p->groups[2].num_clients, 3);
    assert_int_equal(p->rules[0].num_clients, 3);
    assert_int_equal(p->rules[0].num_groups, 1);
    assert_int_equal(p->rules[0].groups[0], 1);
    assert_int_equal(p->rules[1].num_clients, 3);
    for (size_t c = 0; c < 3; c++) {
        assert_int_equal(p->clients[c].deny.num, 2);
        assert_ptr_equal(p->clients[c].deny.items[0], &p->rules[0]);
    }
    assert_null(policy_client_by_id(p, SLICE("all")));
    policy_free(p);
}

/* A chain of groups as long as a file may hold does not overflow anything. */
static void test_long_chain(void **state)
{
    (void)state;
    const unsigned num = 50000;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)fprintf(out, HEAD "groups:\n  all: [g0]\n");
    for (unsigned i = 0; i < num; i++) {
        (void)fprintf(out, "  g%u: [g%u]\n", i, i + 1);
    }
    (void)fprintf(out, "  g%u: [b]\n" RULE, num);
    (void)fclose(out);
    struct policy *p = load_text(text);
    assert_int_equal(p->rules[0].num_clients, 1);
    assert_int_equal(p->rules[0].clients[0], 1);
    policy_free(p);
    char *end = strstr(text, "[b]");
    memcpy(end, "[g7]", 4); /* over the newline: the rules go */
    char *said = complaints_of(text, NULL);
    assert_non_null(strstr(said, "error"));
    free(said);
    free(text);
}

/* 3,000 rules about a group of 2,000 clients are 6,000,000 references. */
static void test_references(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)fprintf(out, "version: 1\ngroups:\n  all:\n");
    for (unsigned i = 0; i < 2000; i++) {
        (void)fprintf(out, "    - c%u\n", i);
    }
    (void)fprintf(out, "clients:\n");
    for (unsigned i = 0; i < 2000; i++) {
        (void)fprintf(out, "  c%u: {auth: [{mtls: {cn: c%u}}]}\n", i, i);
    }
    (void)fprintf(out, "rules:\n");
    for (unsigned i = 0; i < 3000; i++) {
        (void)fprintf(out, "  - {id: r%u, effect: deny, clients: [all]}\n", i);
    }
    (void)fclose(out);
    char *said = complaints_of(text, NULL);
    assert_string_equal(said,
                        "test.yaml:6006:40: error: with this one the lists of clients hold more "
                        "than 4000000, groups counted by their members: write fewer lists with "
                        "large groups\n");
    free(said);
    free(text);
}

/* ---- settings and scopes: mistakes ---- */

#define REST "clients: {c: {auth: [{mtls: {cn: c}}]}}\nrules: [{id: r, effect: deny, names: {dns: [a.example]}}]\n"

static const struct {
    const char *text;
    const char *said;
} settings[] = {
    {"settings: {strict: yes, require: [owner, tickets, owner], warn_before: 14, scope: {}}\n",
     "test.yaml:2:20: error: strict must be true or false (without quotes), not \"yes\"\n"
     "test.yaml:2:42: error: a required field must be one of owner, ticket, reason, until, "
     "description, not \"tickets\": did you mean \"ticket\"?\n"
     "test.yaml:2:51: error: owner is listed twice\n"
     "test.yaml:2:72: error: warn_before must be a duration such as 30s, 90m, 720h, 30d or 1h30m, "
     "not \"14\"\n"
     "test.yaml:2:76: error: settings has no key \"scope\": did you mean \"scopes\"?\n"},
    {"settings: []\n", "test.yaml:2:11: error: settings must be a map, not a list\n"},
    {"settings: {scopes: []}\n",
     "test.yaml:2:20: error: scopes must be a map from the names of files to their scopes, as in "
     "20-payments.yaml: { dns: [\"**.payments.example\"] }\n"},
    {"settings: {scopes: {test.yaml: {dns: [a.example]}}}\n", ""},
    {"scope: {}\n", "test.yaml:2:8: error: this scope is empty, so that no name would be inside: put "
                    "dns, ip, uri or email lists in\n"},
    {"scope: {dns: [], hosts: [a], ip: 10.0.0.0/8, uri: [{regex: x}], email: [x]}\n",
     "test.yaml:2:14: error: dns is an empty list: leave it out or put something in\n"
     "test.yaml:2:18: error: a scope has no key \"hosts\": did you mean \"dns\"?\n"
     "test.yaml:2:34: error: ip must be a list: [\"10.0.0.0/8\"]\n"
     "test.yaml:2:52: error: a scope is made of patterns alone: there are no regular expressions "
     "in it\n"
     "test.yaml:2:73: error: \"x\" looks like a host name: put it under dns:, or mend it to be an "
     "e-mail address\n"},
};

static void test_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        char text[1000];
        (void)snprintf(text, sizeof(text), "version: 1\n%s" REST, settings[i].text);
        char *said = complaints_of(text, NULL);
        assert_string_equal(said, settings[i].said);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),      cmocka_unit_test(test_members),
        cmocka_unit_test(test_long_chain), cmocka_unit_test(test_references),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
