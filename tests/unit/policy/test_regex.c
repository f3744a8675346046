/* test_regex.c - what an expression fits, what is refused, and that no expression runs away. Work
 * is told by the result, not by a clock: REGEX_TOO_COSTLY is what ends it. */
#include "policy/pattern.h"
#include "tests/unit/policy/support.h"

static struct regex *compiled(const char *text)
{
    struct regex *re = NULL;
    struct cb_err err;
    if (regex_new(slice_of(text), &re, &err) != CB_OK) {
        fail_msg("%s: %s", text, err.msg);
    }
    return re;
}

static const struct {
    const char *text;
    const char *subject;
    enum regex_result exact, nocase;
} cases[] = {
    {"a", "a", REGEX_FITS, REGEX_FITS},
    {"a", "A", REGEX_FITS_NOT, REGEX_FITS},
    {"A", "a", REGEX_FITS_NOT, REGEX_FITS},
    {"a", "ab", REGEX_FITS_NOT, REGEX_FITS_NOT}, /* from the first to the last byte */
    {"a", "ba", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"a|ab", "ab", REGEX_FITS, REGEX_FITS},
    {"a|b", "ab", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"^a$", "a", REGEX_FITS, REGEX_FITS},
    {"a$", "a\n", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"a*", "", REGEX_FITS, REGEX_FITS},
    {"web-[0-9]{1,3}\\.acme\\.internal", "web-12.acme.internal", REGEX_FITS, REGEX_FITS},
    {"web-[0-9]{1,3}\\.acme\\.internal", "web-1234.acme.internal", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"web-[0-9]{1,3}\\.acme\\.internal", "web-12.acmexinternal", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"web-[0-9]{1,3}\\.acme\\.internal", "x.web-12.acme.internal", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"(?!admin)[a-z]+", "adm", REGEX_FITS, REGEX_FITS},
    {"(?!admin)[a-z]+", "admin", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"[a-z]+(?<!-test)\\.x", "a.x", REGEX_FITS, REGEX_FITS},
    {"(?>a+)a", "aaa", REGEX_FITS_NOT, REGEX_FITS_NOT},
    {"(?:a|b)+(?=c)c", "abc", REGEX_FITS, REGEX_FITS},
    {"\\(?C", "(C", REGEX_FITS, REGEX_FITS},
};

static void test_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct regex *re = compiled(cases[i].text);
        const struct slice subject = slice_of(cases[i].subject);
        if (regex_match(re, subject, NULL) != cases[i].exact ||
            regex_match_nocase(re, subject, NULL) != cases[i].nocase) {
            fail_msg("%s and %s", cases[i].text, cases[i].subject);
        }
        regex_free(re);
    }
    regex_free(NULL);
}

static const struct {
    const char *text;
    const char *message;
} bad[] = {
    {"", "is empty"},
    {"a(b", "at character 4: missing closing parenthesis"},
    {"a)", "at character 2"},
    {"[a", "missing terminating ]"},
    {"*a", "at character 1"},
    {"a{2,1}", "numbers out of order"},
    {"m\xc3\xbcnchen", "byte at character 2"},
    {"a\nb", "byte at character 2"},
    {"a(?{system})", "\"(?{\" at character 2"},
    {"a(?C1)b", "\"(?C\" at character 2"},
    {"[a](?C)b", "\"(?C\" at character 4"},
    {"(?R)", "such groups"},
    {"(?1)", "such groups"},
    {"(?i)a", "such groups"},
    {"(?<name>a)", "such groups"},
    {"(?P<name>a)", "such groups"},
    {"(?(1)a)", "such groups"},
    {"(?#a)", "such groups"},
    {"(*UTF)a", "such groups"},
    {"(*LIMIT_MATCH=9)a", "such groups"},
    {"(*ACCEPT)a", "such groups"},
    {"a(*COMMIT)", "such groups"},
    {"a(*", "has \"(*\" at character 2"},
    {"[(?]", "also between brackets"},
    {"\\Qa\\E", "no \\Q"},
    {"\\Ca", "\\C"},
    {"(a)\\1", "reference to non-existent"},
    {"(?<=a+)b", "lookbehind assertion is not fixed length"},
    {"(?<!a*)b", "lookbehind assertion is not fixed length"},
    {"((((((a{1,99}){1,99}){1,99}){1,99}){1,99}){1,99})", "too large"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct regex *re = NULL;
        struct cb_err err;
        if (regex_new(slice_of(bad[i].text), &re, &err) != CB_EINPUT) {
            fail_msg("accepted: %s", bad[i].text);
        }
        if (strstr(err.msg, bad[i].message) == NULL) {
            fail_msg("%s: expected \"%s\", got: %s", bad[i].text, bad[i].message, err.msg);
        }
        assert_null(re);
    }
    char text[REGEX_TEXT_MAX + 2];
    struct regex *re = NULL;
    struct cb_err err;
    memset(text, 'a', sizeof(text));
    assert_int_equal(regex_new((struct slice){text, REGEX_TEXT_MAX + 1}, &re, &err), CB_EINPUT);
    assert_int_equal(regex_new((struct slice){text, REGEX_TEXT_MAX}, &re, &err), CB_OK);
    regex_free(re);
}

/* Each would take longer than anybody waits on "aaa...ab", some on short ones already. The last
 * byte is one that they need, or PCRE2 would see at once that they can't fit. */
static const struct {
    const char *text;
    char last;
} catastrophic[] = {
    {"(a+)+$x?1", '1'},
    {"(a+)+c1", '1'},
    {"(a|a)*c1", '1'},
    {"(a|aa)+c1", '1'},
    {"(a*)*c1", '1'},
    {"(.*)*c1", '1'},
    {"(.+)+c1", '1'},
    {".*.*.*.*.*.*c1", '1'},
    {"([a-z]+)*c1", '1'},
    {"([a-zA-Z]+)*c1", '1'},
    {"(?:[a-z0-9]+-?)+c1", '1'},
    {"(?:[a-z0-9]+\\.?)+c1", '1'},
    {"(?:(?:a+)+)+c1", '1'},
    {"(?:a?){50}a{50}c1", '1'},
    {"(?:a{1,20}){1,20}c1", '1'},
    {"((a{1,20}){1,20}){1,20}c1", '1'},
    {"(?:(?:a|b|a)+)+c1", '1'},
    {"(?:a+a+)+c1", '1'},
    {"[a-z]*?[a-z]*?[a-z]*?[a-z]*+c1", '1'},
    {"(?:[a-z]*?){5}[a-z]*+c1", '1'},
    {"(?:(?=[a-z]*+)(?=[a-z]*+)a|aa)*c1", '1'},
    {"(?:(?<!b)a+)+c1", '1'},
    {"(?:(?!c)(?:a|aa))+c1", '1'},
};

static void test_catastrophic(void **state)
{
    (void)state;
    static const size_t lengths[] = {253, 1000, 2048};
    char subject[2048];
    for (size_t i = 0; i < sizeof(catastrophic) / sizeof(catastrophic[0]); i++) {
        struct regex *re = compiled(catastrophic[i].text);
        for (size_t k = 0; k < 3; k++) {
            memset(subject, 'a', sizeof(subject));
            subject[lengths[k] - 1] = catastrophic[i].last;
            const struct slice s = {subject, lengths[k]};
            if (regex_match(re, s, NULL) != REGEX_TOO_COSTLY ||
                regex_match_nocase(re, s, NULL) != REGEX_TOO_COSTLY) {
                fail_msg("%s ended on %zu bytes", catastrophic[i].text, lengths[k]);
            }
        }
        regex_free(re);
    }
}

/* The bound leaves room for what rules really say, on the longest and most divided names. */
static void test_ordinary(void **state)
{
    (void)state;
    char host[254];
    char uri[NAME_TEXT_MAX + 1] = "spiffe://acme.internal";
    for (size_t i = 0; i < 252; i += 2) {
        memcpy(host + i, "a.", 2);
    }
    host[252] = 'x';
    host[253] = '\0';
    for (size_t i = strlen(uri); i + 16 < sizeof(uri); i += 16) {
        memcpy(uri + i, "/0123456789abcde", 17);
    }
    static const char *const hosts[] = {"(?:[a-z0-9-]+\\.)+x",
                                        "(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+x", ".*\\.x",
                                        "[a-z.]+", "(?:a\\.|b\\.){1,200}x"};
    static const char *const uris[] = {"spiffe://acme\\.internal(?:/[^/]+)+",
                                       "spiffe://acme\\.internal/.*",
                                       "[a-z]+://[^/]+(?:/[a-z0-9._~-]+)*"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct regex *re = compiled(hosts[i]);
        assert_int_equal(regex_match(re, slice_of(host), NULL), REGEX_FITS);
        assert_int_equal(regex_match(re, SLICE("a.b.y"), NULL),
                         strcmp(hosts[i], "[a-z.]+") == 0 ? REGEX_FITS : REGEX_FITS_NOT);
        regex_free(re);
    }
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct regex *re = compiled(uris[i]);
        assert_int_equal(regex_match(re, slice_of(uri), NULL), REGEX_FITS);
        regex_free(re);
    }
}

static const struct {
    enum name_kind kind;
    const char *text;
    const char *name;
    bool covers, touches;
} patterns[] = {
    {NAME_DNS, "web-[0-9]+\\.x", "web-1.x", true, true},
    {NAME_DNS, "Web-[0-9]+\\.X", "WEB-1.x", true, true}, /* host names have no case */
    {NAME_DNS, "web-[0-9]+\\.x", "web-a.x", false, false},
    {NAME_DNS, ".*", "*.x", false, true}, /* a wildcard name: never, and always */
    {NAME_DNS, "web-1\\.x", "*.other.y", false, true},
    {NAME_DNS, ".*", "10.0.0.1", false, false},
    {NAME_DNS, "(.+)+c=", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false, false},
    {NAME_URI, "s://h/[A-Z]+", "s://h/ABC", true, true},
    {NAME_URI, "s://h/[A-Z]+", "s://h/abc", false, false},
    {NAME_EMAIL, "root@x", "root@X", true, true},
    {NAME_EMAIL, "root@x", "Root@x", false, true},
    {NAME_EMAIL, "root@x", "a@x", false, false},
    /* Too costly to say: not covered, and touched. */
    {NAME_DNS, "(a+)+c1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.a1", false,
     true},
    {NAME_DNS, "(.+)+cz", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.z", false,
     true},
    {NAME_URI, "(.+)+c1", "s://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1", false, true},
    {NAME_EMAIL, "(.+)+cz", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@z", false, true},
};

static void test_patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct arena arena;
        struct pattern p;
        struct regex *regex = NULL;
        struct cb_err err;
        arena_init(&arena, 1 << 16);
        assert_int_equal(pattern_parse_regex(&arena, patterns[i].kind, slice_of(patterns[i].text),
                                             &p, &regex, &err),
                         CB_OK);
        assert_ptr_equal(p.regex, regex);
        assert_int_equal(p.shape, PATTERN_REGEX);
        assert_false(pattern_matches_wildcards(&p));
        const struct name name = name_of(&arena, patterns[i].name);
        if (pattern_covers(&p, &name, NULL) != patterns[i].covers ||
            pattern_touches(&p, &name) != patterns[i].touches) {
            fail_msg("%s and %s: covers %d, touches %d", patterns[i].text, patterns[i].name,
                     pattern_covers(&p, &name, NULL), pattern_touches(&p, &name));
        }
        regex_free(regex);
        arena_free(&arena);
    }
}

static void test_no_pattern(void **state)
{
    (void)state;
    struct arena arena;
    struct pattern p;
    struct regex *regex = NULL;
    struct cb_err err;
    arena_init(&arena, 1 << 16);
    assert_int_equal(pattern_parse_regex(&arena, NAME_IP, SLICE("10.*"), &p, &regex, &err),
                     CB_EINPUT);
    assert_non_null(strstr(err.msg, "write a network"));
    assert_int_equal(
        pattern_parse_regex(&arena, NAME_DNS, SLICE("${client}\\.x"), &p, &regex, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "placeholders do not work"));
    assert_int_equal(pattern_parse_regex(&arena, NAME_DNS, SLICE("(a"), &p, &regex, &err),
                     CB_EINPUT);
    assert_int_equal(
        pattern_parse_regex(&arena, NAME_DNS, (struct slice){NULL, 0}, &p, &regex, &err),
        CB_EINPUT);
    arena_free(&arena);
    arena_init(&arena, 0);
    assert_int_equal(pattern_parse_regex(&arena, NAME_DNS, SLICE("a"), &p, &regex, &err),
                     CB_ENOMEM);
    assert_null(regex);
}

/* A caller's effort bounds how many matches may take long, and ordinary ones take none of it. */
static void test_effort(void **state)
{
    (void)state;
    struct regex_effort effort = {.matches = 6, .costly = 1};
    struct regex *ordinary = compiled("(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+internal");
    struct regex *costly = compiled("(?:a+)+[bd]");
    const struct slice subject = SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac");
    assert_int_equal(regex_match(ordinary, SLICE("a-1.b-2.c-3.acme.internal"), &effort), REGEX_FITS);
    assert_int_equal(regex_match(ordinary, SLICE("a-1.b-2.c-3.acme.example"), &effort),
                     REGEX_FITS_NOT);
    assert_int_equal(effort.costly, 1);
    assert_int_equal(regex_match(costly, subject, &effort), REGEX_TOO_COSTLY);
    assert_int_equal(effort.costly, 0);
    assert_int_equal(regex_match_nocase(costly, subject, &effort), REGEX_TOO_COSTLY);
    assert_int_equal(regex_match(ordinary, SLICE("a-1.b-2.c-3.acme.internal"), &effort), REGEX_FITS);
    assert_int_equal(effort.costly, 0);
    assert_int_equal(effort.matches, 1);
    assert_int_equal(regex_match(ordinary, SLICE("a.internal"), &effort), REGEX_FITS);
    assert_int_equal(regex_match(ordinary, SLICE("a.internal"), &effort), REGEX_TOO_COSTLY);
    regex_free(ordinary);
    regex_free(costly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_catastrophic), cmocka_unit_test(test_ordinary), cmocka_unit_test(test_effort),
        cmocka_unit_test(test_patterns),     cmocka_unit_test(test_no_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
