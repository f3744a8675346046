/* test_pattern_suffix.c - which patterns need the word broad. */
#include "policy/suffix.h"
#include "tests/unit/policy/support.h"

static const struct {
    enum name_kind kind;
    const char *text;
    bool broad;
} cases[] = {
    {NAME_DNS, "**", true},
    {NAME_DNS, "com", true},
    {NAME_DNS, "*.com", true},
    {NAME_DNS, "**.com", true},
    {NAME_DNS, "co.uk", true},
    {NAME_DNS, "*.co.uk", true},
    {NAME_DNS, "**.uk", true},
    {NAME_DNS, "github.io", true}, /* private part of the list */
    {NAME_DNS, "*.github.io", true},
    {NAME_DNS, "kobe.jp", true}, /* *.kobe.jp is listed */
    {NAME_DNS, "*.kobe.jp", true},
    {NAME_DNS, "**.a.kobe.jp", true},
    {NAME_DNS, "*.city.kobe.jp", false}, /* and this an exception */
    {NAME_DNS, "*.b.a.kobe.jp", false},
    {NAME_DNS, "*.xn--p1ai", true},
    {NAME_DNS, "localhost", true},
    {NAME_DNS, "internal", true},
    {NAME_DNS, "*.internal", true},
    {NAME_DNS, "**.internal", true},
    {NAME_DNS, "acme.internal", false},
    {NAME_DNS, "*.acme.internal", false},
    {NAME_DNS, "**.acme.internal", false},
    {NAME_DNS, "acme.com", false},
    {NAME_DNS, "**.acme.co.uk", false},
    {NAME_DNS, "acme.github.io", false},
    {NAME_DNS, "${client}", true},
    {NAME_DNS, "${client}.com", true},
    {NAME_DNS, "*.${client}.co.uk", true},
    {NAME_DNS, "*.${client}", true},
    {NAME_DNS, "acme.${client}", true},
    {NAME_DNS, "${client}.acme.internal", false},
    {NAME_DNS, "*.${jwt.a.b}.acme.internal", false},
    {NAME_EMAIL, "*@com", true},
    {NAME_EMAIL, "*@**.co.uk", true},
    {NAME_EMAIL, "root@internal", true},
    {NAME_EMAIL, "root@${client}.com", true},
    {NAME_EMAIL, "root@acme.com", false},
    {NAME_EMAIL, "*@acme.com", false},
    {NAME_EMAIL, "*@**.acme.internal", false},
    {NAME_URI, "https://**/a", true},
    {NAME_URI, "https://*.com/a", true},
    {NAME_URI, "https://**.internal", true},
    {NAME_URI, "https://${client}.com/a", true},
    {NAME_URI, "https://*.acme.com/**", false},
    {NAME_URI, "https://com/**", false}, /* one host, as written */
    {NAME_URI, "spiffe://internal/${client}", false},
    {NAME_IP, "0.0.0.0/0", false},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct pattern p;
        struct cb_err err;
        arena_init(&arena, 4096);
        assert_int_equal(pattern_parse(&arena, cases[i].kind, slice_of(cases[i].text), &p, &err),
                         CB_OK);
        if (suffix_is_broad(&p) != cases[i].broad) {
            fail_msg("%s", cases[i].text);
        }
        arena_free(&arena);
    }
}

static const struct {
    enum name_kind kind;
    const char *text;
    bool broad;
} regexes[] = {
    {NAME_DNS, ".*", true},
    {NAME_DNS, "[a-z]+\\.com", true},
    {NAME_DNS, "[a-z0-9.-]+\\.internal", true},
    {NAME_DNS, ".*\\.acme\\.internal", false},
    {NAME_DNS, "web-[0-9]{1,3}\\.acme\\.internal", false},
    {NAME_DNS, "(?:.+)+=", false},
    {NAME_URI, ".*", true},
    {NAME_URI, "spiffe://[^/]+/ns/[^/]+/sa/[^/]+", true},
    {NAME_URI, "spiffe://acme\\.internal/.*", false},
    {NAME_EMAIL, ".*", true},
    {NAME_EMAIL, "root@.*", true},
    {NAME_EMAIL, ".*@acme\\.com", false},
};

static void test_regexes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++) {
        struct arena arena;
        struct pattern p;
        struct regex *regex = NULL;
        struct cb_err err;
        arena_init(&arena, 4096);
        assert_int_equal(pattern_parse_regex(&arena, regexes[i].kind, slice_of(regexes[i].text), &p,
                                             &regex, &err),
                         CB_OK);
        if (suffix_is_broad(&p) != regexes[i].broad) {
            fail_msg("%s", regexes[i].text);
        }
        regex_free(regex);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_regexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
