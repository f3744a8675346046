/* test_pattern_within.c - which patterns lie within which, and what patterns fit, held against a
 * plain reading of their texts that splits everything into labels. */
#include "policy/placeholder.h"
#include "tests/unit/policy/generator.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct {
    enum name_kind kind;
    const char *inner;
    const char *outer;
    bool within;
    bool back; /* the other way round */
} cases[] = {
    {NAME_DNS, "a.x", "a.x", true, true},
    {NAME_DNS, "a.x", "*.x", true, false},
    {NAME_DNS, "b.a.x", "*.x", false, false},
    {NAME_DNS, "b.a.x", "**.x", true, false},
    {NAME_DNS, "x", "**.x", false, false},
    {NAME_DNS, "*.x", "**.x", true, false},
    {NAME_DNS, "*.a.x", "**.x", true, false},
    {NAME_DNS, "*.a.x", "*.x", false, false},
    {NAME_DNS, "**.a.x", "**.x", true, false},
    {NAME_DNS, "**.x", "**.ax", false, false},
    {NAME_DNS, "**.x", "**", true, false},
    {NAME_DNS, "x", "**", true, false},
    {NAME_DNS, "**", "**", true, true},
    {NAME_DNS, "${client}.x", "*.x", true, false},
    {NAME_DNS, "${client}.x", "**.x", true, false},
    {NAME_DNS, "${client}.x", "**", true, false},
    {NAME_DNS, "${client}", "**", true, false},
    {NAME_DNS, "*.${client}.x", "*.x", false, false},
    {NAME_DNS, "*.${client}.x", "**.x", true, false},
    {NAME_DNS, "a.${client}.x", "*.${client}.x", true, false},
    {NAME_DNS, "a.${jwt.b}.x", "*.${client}.x", false, false},
    {NAME_DNS, "${jwt.a.b.c}.x", "*.x", true, false},
    {NAME_DNS, "a.x", "${client}.x", false, false},
    {NAME_IP, "10.0.0.0/8", "0.0.0.0/0", true, false},
    {NAME_IP, "10.20.0.0/16", "10.0.0.0/8", true, false},
    {NAME_IP, "11.20.0.0/16", "10.0.0.0/8", false, false},
    {NAME_IP, "10.20.30.40", "10.20.30.40/32", true, true},
    {NAME_IP, "10.0.0.0/8", "::/0", false, false},
    {NAME_IP, "::ffff:10.0.0.0/104", "10.0.0.0/8", true, true},
    {NAME_IP, "fd00::/9", "fd00::/8", true, false},
    {NAME_URI, "s://a/b", "s://a/b", true, true},
    {NAME_URI, "s://a/b", "s://a/*", true, false},
    {NAME_URI, "s://a/*", "s://a/**", true, false},
    {NAME_URI, "s://a/*/**", "s://a/**", true, false},
    {NAME_URI, "s://a", "s://a/**", false, false},
    {NAME_URI, "s://a/b/**", "s://a/*/**", true, false},
    {NAME_URI, "s://a/b/**", "s://a/*/*", false, false},
    {NAME_URI, "s://a/${client}", "s://a/*", true, false},
    {NAME_URI, "s://a/${client}/*", "s://a/${client}/**", true, false},
    {NAME_URI, "s://a/${client}", "s://a/${jwt.a}", false, false},
    {NAME_URI, "s://a.x/b", "s://*.x/b", true, false},
    {NAME_URI, "s://*.x/b", "s://**.x/*", true, false},
    {NAME_URI, "s://*.x/b", "t://*.x/b", false, false},
    {NAME_URI, "s://a.x/b", "s://**/b", true, false},
    {NAME_URI, "s://10.0.0.1/b", "s://**/b", false, false},
    {NAME_EMAIL, "a@x", "*@x", true, false},
    {NAME_EMAIL, "a@b.x", "*@x", false, false},
    {NAME_EMAIL, "a@b.x", "*@**.x", true, false},
    {NAME_EMAIL, "*@x", "*@**.x", false, false},
    {NAME_EMAIL, "*@a.x", "*@**.x", true, false},
    {NAME_EMAIL, "*@**.a.x", "*@**.x", true, false},
    {NAME_EMAIL, "A@x", "a@x", false, false},
    {NAME_EMAIL, "a@${client}.x", "*@**.x", true, false},
};

static struct pattern pattern_of(enum name_kind kind, const char *text)
{
    struct pattern p = {0};
    struct cb_err err;
    if (pattern_parse(&arena, kind, slice_of(text), &p, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    return p;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct pattern inner = pattern_of(cases[i].kind, cases[i].inner);
        const struct pattern outer = pattern_of(cases[i].kind, cases[i].outer);
        if (pattern_within(&inner, &outer) != cases[i].within ||
            pattern_within(&outer, &inner) != cases[i].back) {
            fail_msg("%s within %s: %d, back: %d", cases[i].inner, cases[i].outer,
                     pattern_within(&inner, &outer), pattern_within(&outer, &inner));
        }
    }
}

static void test_regexes(void **state)
{
    (void)state;
    struct regex *regex = NULL;
    struct regex *again = NULL;
    struct pattern re;
    struct pattern same;
    struct cb_err err;
    const struct slice text = SLICE("[a-z]+\\.x");
    assert_int_equal(pattern_parse_regex(&arena, NAME_DNS, text, &re, &regex, &err), CB_OK);
    assert_int_equal(pattern_parse_regex(&arena, NAME_DNS, text, &same, &again, &err), CB_OK);
    const struct pattern exact = pattern_of(NAME_DNS, "a.x");
    const struct pattern other = pattern_of(NAME_DNS, "1.x");
    const struct pattern one = pattern_of(NAME_DNS, "*.x");
    const struct pattern all = pattern_of(NAME_DNS, "**");
    const struct pattern filled = pattern_of(NAME_DNS, "${client}.x");
    assert_true(pattern_within(&re, &same));
    assert_true(pattern_within(&re, &all));
    assert_true(pattern_within(&exact, &re));
    assert_false(pattern_within(&other, &re));
    assert_false(pattern_within(&one, &re)); /* would have to cover *.x */
    assert_false(pattern_within(&filled, &re));
    assert_false(pattern_within(&re, &one));
    regex_free(regex);
    regex_free(again);
}

/* ---- a plain reading ---- */

#define PARTS_MAX 16

/* split - into parts, at end bytes that are not inside a placeholder. */
static size_t split(char *text, char end, char *parts[PARTS_MAX])
{
    size_t num = 0;
    bool inside = false;
    parts[num++] = text;
    for (char *at = text; *at != '\0'; at++) {
        inside = *at == '{' || (inside && *at != '}');
        if (*at == end && !inside) {
            *at = '\0';
            parts[num++] = at + 1;
        }
    }
    return num;
}

static const char *property(const struct policy_caller *caller, const char *placeholder)
{
    if (strcmp(placeholder, "${client}") == 0) {
        return caller == &generated_callers[0] ? "a" : caller == &generated_callers[1] ? "q" : NULL;
    }
    if (strcmp(placeholder, "${mtls.uri.path[0]}") == 0) {
        return caller == &generated_callers[0] || caller == &generated_callers[1] ? "b" : NULL;
    }
    if (caller != &generated_callers[0]) {
        return NULL;
    }
    return strcmp(placeholder, "${mtls.uri.path[1]}") == 0 ? "A"
           : strcmp(placeholder, "${jwt.team}") == 0       ? "x"
                                                           : "10";
}

static bool part_fits(const char *pattern, const char *part, const struct policy_caller *caller)
{
    if (pattern[0] == '$') {
        pattern = property(caller, pattern);
    }
    return pattern != NULL && strcmp(pattern, part) == 0;
}

/* A label's placeholder is never a capital A. */
static bool host_fits(char *pattern, char *host, const struct policy_caller *caller)
{
    char *want[PARTS_MAX];
    char *have[PARTS_MAX];
    if (strcmp(pattern, "**") == 0) {
        return strcmp(host, "10.0.0.1") != 0;
    }
    const size_t num_want = split(pattern, '.', want);
    const size_t num_have = split(host, '.', have);
    const bool many = strcmp(want[0], "**") == 0;
    const bool one = strcmp(want[0], "*") == 0;
    if (many ? num_have < num_want : num_have != num_want) {
        return false;
    }
    for (size_t i = 1; i <= num_want - (many || one); i++) {
        if (!part_fits(want[num_want - i], have[num_have - i], caller)) {
            return false;
        }
    }
    return true;
}

static bool path_fits(char *pattern, char *path, const struct policy_caller *caller)
{
    char *want[PARTS_MAX];
    char *have[PARTS_MAX];
    const size_t num_want = split(pattern, '/', want);
    const size_t num_have = split(path, '/', have);
    const bool many = strcmp(want[num_want - 1], "**") == 0;
    if (many ? num_have < num_want : num_have != num_want) {
        return false;
    }
    for (size_t i = 0; i < num_want - many; i++) {
        if (strcmp(want[i], "*") != 0 && !part_fits(want[i], have[i], caller)) {
            return false;
        }
    }
    return true;
}

static bool uri_fits(char *pattern, char *uri, const struct policy_caller *caller)
{
    if (pattern[0] != uri[0]) {
        return false; /* all schemes here have one letter */
    }
    char *slash = strchr(pattern + 4, '/');
    char *uri_slash = strchr(uri + 4, '/');
    if ((slash == NULL) != (uri_slash == NULL)) {
        return false;
    }
    if (slash != NULL) {
        *slash = '\0';
        *uri_slash = '\0';
    }
    return host_fits(pattern + 4, uri + 4, caller) &&
           (slash == NULL || path_fits(slash + 1, uri_slash + 1, caller));
}

static bool email_fits(char *pattern, char *name, const struct policy_caller *caller)
{
    char *at = strchr(pattern, '@');
    char *name_at = strchr(name, '@');
    *at = '\0';
    *name_at = '\0';
    return (strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0) &&
           host_fits(at + 1, name_at + 1, caller);
}

static bool plainly_fits(const struct pattern *p, const struct name *name,
                         const struct policy_caller *caller)
{
    char pattern[NAME_TEXT_MAX + 1];
    char text[GENERATED_MAX];
    (void)pattern_text(p, pattern);
    (void)snprintf(text, sizeof(text), "%s", name->text.ptr);
    if (p->kind == NAME_DNS) {
        return host_fits(pattern, text, caller);
    }
    return p->kind == NAME_URI ? uri_fits(pattern, text, caller)
                               : email_fits(pattern, text, caller);
}

static void test_plain_reading(void **state)
{
    (void)state;
    struct generator g = {.state = 1181783497276652981U, .placeholders = true};
    size_t fits = 0;
    size_t fits_filled = 0;
    for (size_t i = 0; i < 400000; i++) {
        struct arena own;
        arena_init(&own, 1 << 16);
        const struct pattern p = generate_pattern(&g, &own);
        const struct policy_caller *caller = &generated_callers[generator_below(&g, NUM_CALLERS)];
        char text[GENERATED_MAX];
        generate_text(&g, p.kind, false, text);
        const struct name name = name_of(&own, text);
        if (p.kind != NAME_IP && !name_is_wildcard(&name)) {
            char written[NAME_TEXT_MAX + 1];
            const bool covers = pattern_covers(&p, &name, caller);
            fits += covers;
            fits_filled += covers && p.has_placeholder;
            if (covers != plainly_fits(&p, &name, caller)) {
                fail_msg("%s and %s: %d", pattern_text(&p, written), name.text.ptr, covers);
            }
        }
        arena_free(&own);
    }
    assert_true(fits > 5000 && fits_filled > 100); /* or nothing was tried */
}

/* ---- within, held against what the two cover ---- */

#define NUM_NAMES 1500
#define NUM_PATTERNS 250

static bool all_covered(const struct pattern *inner, const struct pattern *outer,
                        const struct name *names)
{
    for (size_t i = 0; i < NUM_NAMES; i++) {
        for (size_t c = 0; c < NUM_CALLERS; c++) {
            const struct policy_caller *caller = &generated_callers[c];
            if (pattern_covers(inner, &names[i], caller) &&
                !pattern_covers(outer, &names[i], caller)) {
                return false;
            }
        }
    }
    return true;
}

/* What the narrower one covers the wider one covers, for every caller. */
static void test_within_is_sound(void **state)
{
    (void)state;
    struct generator g = {.state = 2862933555777941757U, .regexes = true, .placeholders = true};
    static struct name names[NUM_NAMES];
    static struct pattern patterns[NUM_PATTERNS];
    size_t num_within = 0;
    for (size_t i = 0; i < NUM_NAMES; i++) {
        names[i] = generate_name(&g, &arena);
    }
    for (size_t i = 0; i < NUM_PATTERNS; i++) {
        patterns[i] = generate_pattern(&g, &arena);
    }
    for (size_t i = 0; i < NUM_PATTERNS * NUM_PATTERNS; i++) {
        const struct pattern *inner = &patterns[i / NUM_PATTERNS];
        const struct pattern *outer = &patterns[i % NUM_PATTERNS];
        const bool within = pattern_within(inner, outer);
        num_within += within && inner != outer;
        if (within && !all_covered(inner, outer, names)) {
            char a[NAME_TEXT_MAX + 1];
            char b[NAME_TEXT_MAX + 1];
            fail_msg("%s is not within %s", pattern_text(inner, a), pattern_text(outer, b));
        }
    }
    assert_true(num_within > 500);
    generator_free(&g);
}

/* all_dns_names - up to five labels of a, b, x and one that no pattern speaks of, and each with a *
 * in place of the first. */
static size_t all_dns_names(struct name *ret, size_t room)
{
    static const char *const labels[] = {"a", "b", "x", "q", "*"};
    size_t num = 0;
    for (size_t len = 1; len <= 5; len++) {
        size_t combinations = 5;
        for (size_t k = 1; k < len; k++) {
            combinations *= 4;
        }
        for (size_t i = 0; i < combinations; i++) {
            char text[GENERATED_MAX] = "";
            append(text, labels[i % 5]);
            for (size_t k = 1, rest = i / 5; k < len; k++, rest /= 4) {
                append(text, ".");
                append(text, labels[rest % 4]);
            }
            if (strcmp(text, "*") != 0) {
                assert_true(num < room);
                ret[num++] = name_of(&arena, text);
            }
        }
    }
    return num;
}

/* For host names without placeholders it is exact: whatever is within is found to be. */
static void test_within_is_complete(void **state)
{
    (void)state;
    struct generator g = {.state = 3202034522624059733U};
    static struct name names[1800];
    static struct pattern patterns[150];
    const size_t num_names = all_dns_names(names, 1800);
    for (size_t i = 0; i < 150; i++) {
        char text[GENERATED_MAX];
        do {
            generate_text(&g, NAME_DNS, true, text);
        } while (strlen(text) > 8); /* at most four labels: some names are deeper */
        patterns[i] = pattern_of(NAME_DNS, text);
    }
    for (size_t i = 0; i < (size_t)150 * 150; i++) {
        const struct pattern *inner = &patterns[i / 150];
        const struct pattern *outer = &patterns[i % 150];
        bool within = true;
        for (size_t k = 0; k < num_names && within; k++) {
            within =
                !pattern_covers(inner, &names[k], NULL) || pattern_covers(outer, &names[k], NULL);
        }
        if (within != pattern_within(inner, outer)) {
            char a[NAME_TEXT_MAX + 1];
            char b[NAME_TEXT_MAX + 1];
            fail_msg("%s within %s: %d", pattern_text(inner, a), pattern_text(outer, b), !within);
        }
    }
}

/* A pattern's own text gives the same pattern. */
static void test_written_and_read(void **state)
{
    (void)state;
    struct generator g = {.state = 4768777513237032717U, .placeholders = true};
    for (size_t i = 0; i < 20000; i++) {
        struct arena own;
        char text[NAME_TEXT_MAX + 1];
        struct pattern again;
        struct cb_err err;
        arena_init(&own, 1 << 16);
        const struct pattern p = generate_pattern(&g, &own);
        const struct slice written = slice_of(pattern_text(&p, text));
        assert_int_equal(pattern_parse(&own, p.kind, written, &again, &err), CB_OK);
        assert_true(p.shape == again.shape && slice_eq(p.text, again.text));
        assert_true(p.has_placeholder == again.has_placeholder && p.bits == again.bits);
        assert_true(pattern_within(&p, &again) && pattern_within(&again, &p));
        arena_free(&own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
        cmocka_unit_test_setup_teardown(test_regexes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plain_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(test_within_is_sound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_within_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_written_and_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
