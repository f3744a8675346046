/* test_rule_text.c - the lines of a rule, however it is written. */
#include "policy/rule_text.h"
#include "tests/unit/policy/support.h"

static const char head[] = "version: 1\n"
                           "clients:\n"
                           "  web: {auth: [{mtls: {dns: web.example}}]}\n";

struct rule_case {
    const char *rules;
    const char *id;
    unsigned first_line;
    const char *lines;
};

#define BODY "clients: [web], actions: [newcert], names: {dns: [a.web.example]}, profiles: [p], max_validity: 24h"

static const struct rule_case cases[] = {
    {"rules:\n"
     "  - id: one # a comment\n"
     "    clients: [web]\n"
     "    actions: [newcert]\n"
     "    names:\n"
     "      dns:\n"
     "        - a.web.example\n"
     "\n"
     "        # inside\n"
     "        - b.web.example\n"
     "    profiles: [p]\n"
     "    max_validity: 24h\n"
     "\n"
     "  # about the next\n"
     "  - {id: two, " BODY "}\n",
     "one", 5,
     "  - id: one # a comment\n"
     "    clients: [web]\n"
     "    actions: [newcert]\n"
     "    names:\n"
     "      dns:\n"
     "        - a.web.example\n"
     "\n"
     "        # inside\n"
     "        - b.web.example\n"
     "    profiles: [p]\n"
     "    max_validity: 24h\n"},
    {"rules:\n  - {id: one, " BODY "}\n  - {id: two, " BODY "}\n", "two", 6,
     "  - {id: two, " BODY "}\n"},
    {"rules:\n  - {id: one,\n     " BODY "\n    }\n  - {id: two, " BODY "}\n", "one", 5,
     "  - {id: one,\n     " BODY "\n    }\n"},
    {"rules:\n  - {id: one,\n     " BODY "\n    }\n  - {id: two, " BODY "}", "two", 8,
     "  - {id: two, " BODY "}"},
    {"rules:\n"
     "- clients: [web]\n"
     "  actions: [newcert]\n"
     "  names: {dns: [a.web.example]}\n"
     "  profiles: [p]\n"
     "  max_validity: 24h\n"
     "  id: last\n"
     "# the end\n"
     "groups: {all: [web]}\n",
     "last", 5,
     "- clients: [web]\n"
     "  actions: [newcert]\n"
     "  names: {dns: [a.web.example]}\n"
     "  profiles: [p]\n"
     "  max_validity: 24h\n"
     "  id: last\n"},
    {"rules: [{id: one, " BODY "}, {id: two, " BODY "}]\n", "two", 4,
     "rules: [{id: one, " BODY "}, {id: two, " BODY "}]\n"},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[2000];
        struct policy_rule_text found;
        (void)snprintf(text, sizeof(text), "%s%s", head, cases[i].rules);
        struct policy *policy = load_text(text);
        assert_true(policy_rule_text(policy, slice_of(cases[i].id), &found));
        assert_int_equal(found.first_line, cases[i].first_line);
        assert_string_equal(found.file, "test.yaml");
        if (!slice_eq_str(found.lines, cases[i].lines)) {
            fail_msg("case %zu:\n%.*s", i, (int)found.lines.len, found.lines.ptr);
        }
        assert_false(policy_rule_text(policy, SLICE("none"), &found));
        policy_free(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
