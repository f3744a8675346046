/* test_pattern_placeholder.c - what placeholders are filled with, and what they refuse. */
#include "policy/placeholder.h"
#include "policy/rule.h"
#include "tests/unit/policy/support.h"

static const struct policy_client payments = {.id = "payments"};
static const struct policy_client dotted = {.id = "pay.ments"};
static const struct policy_client number = {.id = "10"};
static const struct policy_claim claims[] = {
    {{"namespace", 9}, {"shop-1", 6}},
    {{"kubernetes.io_pod", 17}, {"Pod_1", 5}},
    {{"dotted", 6}, {"a.b", 3}},
    {{"empty", 5}, {"", 0}},
    {{"star", 4}, {"*", 1}},
    {{"stars", 5}, {"**", 2}},
    {{"dots", 4}, {"..", 2}},
    {{"slash", 5}, {"a/b", 3}},
    {{"upper", 5}, {"Shop", 4}},
    {{"hyphen", 6}, {"-a", 2}},
    {{"zero", 4}, {"a\0b", 3}},
    {{"utf8", 4}, {"m\xc3\xbc", 3}},
    {{"nested", 6}, {"${client}", 9}},
    {{"tilde", 5}, {"~x", 2}},
    {{"under", 5}, {"a_b", 3}},
    {{"hex", 3}, {"0x1f", 4}},
    {{"percent", 7}, {"%2e%2e", 6}},
    {{"at", 2}, {"a@b", 3}},
    {{"colon", 5}, {"a:b", 3}},
    {{"absent", 6}, {NULL, 0}},
    {{"long", 4}, {"a23456789012345678901234567890123456789012345678901234567890123", 63}},
    {{"longer", 6}, {"a234567890123456789012345678901234567890123456789012345678901234", 64}},
};
static const struct policy_caller caller = {.client = &payments,
                                            .uri = {"SPIFFE://Acme.internal/ns/Prod/sa/x1", 36},
                                            .claims = claims,
                                            .num_claims = sizeof(claims) / sizeof(claims[0])};

static const struct {
    enum name_kind kind;
    const char *pattern;
    const char *filled; /* NULL: fits nothing */
} cases[] = {
    {NAME_DNS, "${client}.x", "payments.x"},
    {NAME_DNS, "A.${client}.X", "a.payments.x"},
    {NAME_DNS, "*.${client}.x", "*.payments.x"},
    {NAME_DNS, "**.${client}.x", "**.payments.x"},
    {NAME_DNS, "${client}", "payments"},
    {NAME_DNS, "${client}.${client}", "payments.payments"},
    {NAME_DNS, "${mtls.uri.path[3]}.x", "x1.x"},
    {NAME_DNS, "${mtls.uri.path[0]}.${mtls.uri.path[2]}.x", "ns.sa.x"},
    {NAME_DNS, "${mtls.uri.path[1]}.x", NULL}, /* Prod */
    {NAME_DNS, "${mtls.uri.path[4]}.x", NULL},
    {NAME_DNS, "${mtls.uri.path[999]}.x", NULL},
    {NAME_DNS, "${jwt.namespace}.x", "shop-1.x"},
    {NAME_DNS, "${jwt.Namespace}.x", NULL},
    {NAME_DNS, "${jwt.name}.x", NULL},
    {NAME_DNS, "${jwt.long}.x",
     "a23456789012345678901234567890123456789012345678901234567890123.x"},
    {NAME_DNS, "${jwt.longer}.x", NULL},
    {NAME_DNS, "${jwt.dotted}.x", NULL},
    {NAME_DNS, "${jwt.empty}.x", NULL},
    {NAME_DNS, "${jwt.star}.x", NULL},
    {NAME_DNS, "${jwt.stars}.x", NULL},
    {NAME_DNS, "${jwt.upper}.x", NULL},
    {NAME_DNS, "${jwt.hyphen}.x", NULL},
    {NAME_DNS, "${jwt.zero}.x", NULL},
    {NAME_DNS, "${jwt.utf8}.x", NULL},
    {NAME_DNS, "${jwt.nested}.x", NULL},
    {NAME_DNS, "${jwt.under}.x", NULL},
    {NAME_DNS, "${jwt.absent}.x", NULL},
    {NAME_DNS, "${jwt.hex}.x", "0x1f.x"},
    {NAME_DNS, "x.${jwt.hex}", NULL},
    {NAME_URI, "spiffe://acme/${client}", "spiffe://acme/payments"},
    {NAME_URI, "spiffe://acme/${mtls.uri.path[1]}/*", "spiffe://acme/Prod/*"},
    {NAME_URI, "spiffe://acme/${jwt.kubernetes.io_pod}/**", "spiffe://acme/Pod_1/**"},
    {NAME_URI, "spiffe://acme/${jwt.dotted}", "spiffe://acme/a.b"},
    {NAME_URI, "spiffe://acme/${jwt.tilde}", "spiffe://acme/~x"},
    {NAME_URI, "spiffe://acme/${jwt.dots}", NULL},
    {NAME_URI, "spiffe://acme/${jwt.slash}", NULL},
    {NAME_URI, "spiffe://acme/${jwt.star}", NULL},
    {NAME_URI, "spiffe://acme/${jwt.stars}", NULL},
    {NAME_URI, "spiffe://acme/${jwt.percent}", NULL},
    {NAME_URI, "spiffe://acme/${jwt.colon}", NULL},
    {NAME_URI, "spiffe://acme/${jwt.empty}", NULL},
    {NAME_URI, "spiffe://${client}.acme/a", "spiffe://payments.acme/a"},
    {NAME_URI, "spiffe://${jwt.dotted}.acme/a", NULL},
    {NAME_URI, "spiffe://${client}/${client}", "spiffe://payments/payments"},
    {NAME_EMAIL, "root@${client}.x", "root@payments.x"},
    {NAME_EMAIL, "*@${client}.x", "*@payments.x"},
    {NAME_EMAIL, "*@**.${client}.x", "*@**.payments.x"},
    {NAME_EMAIL, "root@${jwt.at}.x", NULL},
};

static void test_filled(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct pattern p;
        struct pattern same;
        struct cb_err err;
        struct slice filled = {NULL, 0};
        char out[NAME_TEXT_MAX + 1];
        arena_init(&arena, 1 << 16);
        assert_int_equal(pattern_parse(&arena, cases[i].kind, slice_of(cases[i].pattern), &p, &err),
                         CB_OK);
        assert_true(p.has_placeholder);
        const bool good = placeholder_fill(p.kind, p.text, &caller, out, &filled);
        if (good != (cases[i].filled != NULL)) {
            fail_msg("%s", cases[i].pattern);
        }
        assert_int_equal(pattern_expand(&p, &caller, out), good);
        if (good) {
            assert_string_equal(out, cases[i].filled);
            assert_int_equal(pattern_parse(&arena, cases[i].kind, slice_of(out), &same, &err),
                             CB_OK);
            assert_true(same.shape == p.shape);
        } else {
            char text[NAME_TEXT_MAX + 1];
            assert_string_equal(out, pattern_text(&p, text)); /* one placeholder, left as it is */
        }
        /* For nobody it is no name at all. */
        assert_false(placeholder_fill(p.kind, p.text, NULL, out, &filled));
        arena_free(&arena);
    }
}

static const struct {
    const struct policy_client *client;
    const char *uri;
    enum name_kind kind;
    const char *pattern;
    const char *name;
    bool covers;
} covered[] = {
    {&payments, NULL, NAME_DNS, "${client}.x", "payments.x", true},
    {&payments, NULL, NAME_DNS, "${client}.x", "other.x", false},
    {&payments, NULL, NAME_DNS, "${client}.x", "a.payments.x", false},
    {&payments, NULL, NAME_DNS, "${client}.x", "*.x", false},
    {&payments, NULL, NAME_DNS, "*.${client}.x", "a.payments.x", true},
    {&payments, NULL, NAME_DNS, "*.${client}.x", "*.payments.x", true},
    {&payments, NULL, NAME_DNS, "*.${client}.x", "a.other.x", false},
    {&dotted, NULL, NAME_DNS, "${client}.x", "pay.ments.x", false},
    {&number, NULL, NAME_DNS, "${client}.x", "10.x", true},
    {&number, NULL, NAME_URI, "s://10.0.0.${client}/a", "s://10.0.0.10/a", false},
    {&number, NULL, NAME_URI, "s://**.${client}/a", "s://10.0.0.10/a", false},
    {NULL, NULL, NAME_DNS, "${client}.x", "payments.x", false},
    {&payments, "spiffe://a/b/c", NAME_URI, "s://h/${mtls.uri.path[1]}", "s://h/c", true},
    {&payments, "spiffe://a/b/c", NAME_URI, "s://h/${mtls.uri.path[1]}/*", "s://h/c/d", true},
    {&payments, "spiffe://a/b/c", NAME_URI, "s://h/${mtls.uri.path[1]}", "s://h/c/d", false},
    {&payments, "spiffe://a", NAME_URI, "s://h/${mtls.uri.path[0]}", "s://h/a", false},
    {&payments, "spiffe://a/b/", NAME_URI, "s://h/${mtls.uri.path[0]}", "s://h/b", false},
    {&payments, "spiffe://a/b?/c", NAME_URI, "s://h/${mtls.uri.path[1]}", "s://h/c", false},
    {&payments, "spiffe://a/../c", NAME_URI, "s://h/${mtls.uri.path[1]}", "s://h/c", false},
    {&payments, "a/b/c", NAME_DNS, "${mtls.uri.path[0]}.x", "b.x", false},
    {&payments, "a@b/c", NAME_DNS, "${mtls.uri.path[0]}.x", "c.x", false},
};

static void test_covered(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
        struct arena arena;
        struct pattern p;
        struct cb_err err;
        const struct policy_caller who = {.client = covered[i].client,
                                          .uri = slice_of(covered[i].uri)};
        arena_init(&arena, 1 << 16);
        assert_int_equal(
            pattern_parse(&arena, covered[i].kind, slice_of(covered[i].pattern), &p, &err), CB_OK);
        const struct name name = name_of(&arena, covered[i].name);
        if (pattern_covers(&p, &name, &who) != covered[i].covers) {
            fail_msg("%s and %s", covered[i].pattern, covered[i].name);
        }
        assert_false(pattern_covers(&p, &name, NULL));
        assert_false(pattern_touches(&p, &name));
        arena_free(&arena);
    }
}

/* Values whose sum is too long for a name make no pattern, and are not written half. */
static void test_too_long(void **state)
{
    (void)state;
    struct arena arena;
    struct pattern p;
    struct cb_err err;
    struct slice filled;
    char text[NAME_TEXT_MAX + 1] = "s://h";
    char out[NAME_TEXT_MAX + 1];
    for (size_t i = 0; i < 100; i++) {
        (void)strncat(text, "/${jwt.long}", sizeof(text) - strlen(text) - 1);
    }
    arena_init(&arena, 1 << 16);
    assert_int_equal(pattern_parse(&arena, NAME_URI, slice_of(text), &p, &err), CB_OK);
    assert_false(placeholder_fill(p.kind, p.text, &caller, out, &filled));
    assert_false(pattern_expand(&p, &caller, out));
    assert_string_equal(out, text);
    arena_free(&arena);
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        enum name_kind kind;
        const char *text;
        const char *written;
    } texts[] = {
        {NAME_DNS, "A.x", "a.x"},
        {NAME_DNS, "*.x", "*.x"},
        {NAME_DNS, "**.x", "**.x"},
        {NAME_DNS, "**", "**"},
        {NAME_DNS, "*.${jwt.A}.X", "*.${jwt.A}.x"},
        {NAME_IP, "10.0.0.0/8", "10.0.0.0/8"},
        {NAME_IP, "10.0.0.1/32", "10.0.0.1"},
        {NAME_IP, "::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {NAME_IP, "FD00::/8", "fd00::/8"},
        {NAME_IP, "::/0", "::/0"},
        {NAME_URI, "S://**.X/A/*", "s://**.x/A/*"},
        {NAME_EMAIL, "Root@X", "Root@x"},
        {NAME_EMAIL, "*@X", "*@x"},
        {NAME_EMAIL, "*@**.x", "*@**.x"},
    };
    struct arena arena;
    struct pattern p;
    struct regex *regex = NULL;
    struct cb_err err;
    char out[NAME_TEXT_MAX + 1];
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(pattern_parse(&arena, texts[i].kind, slice_of(texts[i].text), &p, &err),
                         CB_OK);
        assert_string_equal(pattern_text(&p, out), texts[i].written);
    }
    assert_int_equal(pattern_parse_regex(&arena, NAME_DNS, SLICE("a+\\.x"), &p, &regex, &err),
                     CB_OK);
    assert_string_equal(pattern_text(&p, out), "/a+\\.x/");
    assert_true(pattern_expand(&p, &caller, out));
    assert_string_equal(out, "/a+\\.x/");
    regex_free(regex);
    arena_free(&arena);
}

static void test_claims(void **state)
{
    (void)state;
    struct arena arena;
    struct pattern p;
    struct cb_err err;
    struct slice claim;
    size_t at = 0;
    arena_init(&arena, 1 << 16);
    assert_int_equal(pattern_parse(&arena, NAME_URI,
                                   SLICE("s://${jwt.a}.x/${client}/${jwt.b.c}/${jwt.a}/*"), &p,
                                   &err),
                     CB_OK);
    static const char *const wanted[] = {"a", "b.c", "a"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(pattern_next_claim(&p, &at, &claim));
        assert_true(slice_eq_str(claim, wanted[i]));
    }
    assert_false(pattern_next_claim(&p, &at, &claim));
    assert_int_equal(pattern_parse(&arena, NAME_DNS, SLICE("a.x"), &p, &err), CB_OK);
    at = 0;
    assert_false(pattern_next_claim(&p, &at, &claim));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filled),   cmocka_unit_test(test_covered),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_text),
        cmocka_unit_test(test_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
