/* test_wide.c - clients that are known by patterns: who fits which, which identity it is, and the way
 * back from its name. */
#include "policy/rule.h"
#include "tests/unit/policy/support.h"

#include <time.h>

#define HEX_A "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define HEX_B "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define RULE "rules:\n  - {id: r, effect: deny}\n"

static const char policy_text[] =
    "version: 1\n"
    "clients:\n"
    "  pods:\n"
    "    auth:\n"
    "      - mtls: {uri: \"spiffe://acme/ns/*/sa/*\"}\n"
    "      - mtls: {dns: \"*.Pods.acme.internal\"}\n"
    "      - jwt: {issuer: k8s, subject: \"system:serviceaccount:*:api\"}\n"
    "  payments:\n"
    "    auth:\n"
    "      - mtls: {uri: \"spiffe://acme/ns/payments/sa/api\"}\n"
    "      - mtls: {dns: db.pods.acme.internal}\n"
    "      - jwt: {issuer: k8s, subject: \"system:serviceaccount:payments:api\"}\n"
    "  admins:\n"
    "    auth:\n"
    "      - mtls: {uri: \"spiffe://acme/ns/admin/sa/*\"}\n"
    "      - jwt: {issuer: other, subject: \"*\"}\n"
    "  mixed:\n"
    "    auth:\n"
    "      - mtls: {uri: \"spiffe://acme/mixed/*\"}\n"
    "      - mtls: {cn: mixed}\n"
    "      - bearer: {sha256: " HEX_A ", expires: 2026-05-01}\n"
    "  one:\n"
    "    auth: [{mtls: {uri: \"spiffe://acme/one\"}}]\n"
    "  two:\n"
    "    auth: [{mtls: {uri: \"spiffe://acme/two\"}}, {mtls: {uri: \"spiffe://acme/two/*\"}}]\n" RULE;

#define URI(text)                                                                                  \
    {                                                                                              \
        CRED_MTLS_URI,                                                                             \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define DNS(text)                                                                                  \
    {                                                                                              \
        CRED_MTLS_DNS,                                                                             \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define CN(text)                                                                                   \
    {                                                                                              \
        CRED_MTLS_CN,                                                                              \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define JWT(text)                                                                                  \
    {                                                                                              \
        CRED_JWT,                                                                                  \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }
#define BEARER(text)                                                                               \
    {                                                                                              \
        CRED_BEARER,                                                                               \
        {                                                                                          \
            text, sizeof(text) - 1                                                                 \
        }                                                                                          \
    }

static const struct {
    struct credential creds[3];
    size_t num;
    enum policy_identity expected;
    const char *principal;
} cases[] = {
    {{URI("spiffe://acme/ns/web/sa/front")}, 1, IDENTITY_OK, "pods:spiffe://acme/ns/web/sa/front"},
    {{URI("spiffe://acme/ns/web/sa/Front_1.x~-")}, 1, IDENTITY_OK,
     "pods:spiffe://acme/ns/web/sa/Front_1.x~-"},
    /* written out for somebody: that one's, whatever else it fits */
    {{URI("spiffe://acme/ns/payments/sa/api")}, 1, IDENTITY_OK, "payments"},
    {{DNS("db.pods.acme.internal")}, 1, IDENTITY_OK, "payments"},
    {{DNS("DB.pods.acme.internal")}, 1, IDENTITY_OK, "payments"},
    {{JWT("k8s system:serviceaccount:payments:api")}, 1, IDENTITY_OK, "payments"},
    /* patterns of two clients */
    {{URI("spiffe://acme/ns/admin/sa/x")}, 1, IDENTITY_AMBIGUOUS, NULL},
    /* what a * does not stand for */
    {{URI("spiffe://acme/ns/web/sa/")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns//sa/x")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/a/b")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/..")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/./sa/x")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/a%2fb")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/x?y")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/*")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/*/sa/*")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/x y")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/\xc3\xbc")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/x\n")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme/ns/web/sa/x\0y")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://Acme/ns/web/sa/x")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://other/ns/web/sa/x")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("https://acme/ns/web/sa/x")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("spiffe://acme")}, 1, IDENTITY_UNKNOWN, NULL},
    {{URI("")}, 1, IDENTITY_UNKNOWN, NULL},
    {{CN("spiffe://acme/ns/web/sa/front")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS("spiffe://acme/ns/web/sa/front")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS("web-1.pods.acme.internal")}, 1, IDENTITY_OK, "pods:web-1.pods.acme.internal"},
    {{DNS("Web.pods.acme.internal")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS("web.Pods.acme.internal")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS("a.b.pods.acme.internal")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS("pods.acme.internal")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS(".pods.acme.internal")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS("*.pods.acme.internal")}, 1, IDENTITY_UNKNOWN, NULL},
    {{DNS("a_b.pods.acme.internal")}, 1, IDENTITY_UNKNOWN, NULL},
    {{JWT("k8s system:serviceaccount:web:api")}, 1, IDENTITY_OK,
     "pods:k8s system:serviceaccount:web:api"},
    {{JWT("k8s system:serviceaccount::api")}, 1, IDENTITY_UNKNOWN, NULL},
    {{JWT("k8s system:serviceaccount:a:b:api")}, 1, IDENTITY_UNKNOWN, NULL},
    {{JWT("k8s system:serviceaccount:a b:api")}, 1, IDENTITY_UNKNOWN, NULL},
    {{JWT("other system:serviceaccount:web:api")}, 1, IDENTITY_UNKNOWN, NULL},
    {{JWT("other me")}, 1, IDENTITY_OK, "admins:other me"},
    {{JWT("other")}, 1, IDENTITY_UNKNOWN, NULL},
    {{JWT("")}, 1, IDENTITY_UNKNOWN, NULL},
    /* several credentials */
    {{URI("spiffe://acme/ns/web/sa/a"), URI("spiffe://acme/ns/web/sa/a")}, 2, IDENTITY_OK,
     "pods:spiffe://acme/ns/web/sa/a"},
    {{URI("spiffe://acme/ns/web/sa/a"), URI("spiffe://acme/ns/web/sa/b")}, 2, IDENTITY_AMBIGUOUS,
     NULL},
    {{URI("spiffe://acme/ns/web/sa/a"), DNS("web.pods.acme.internal")}, 2, IDENTITY_AMBIGUOUS, NULL},
    {{URI("spiffe://acme/ns/web/sa/a"), CN("mixed")}, 2, IDENTITY_AMBIGUOUS, NULL},
    {{URI("spiffe://acme/ns/web/sa/a"), CN("nobody")}, 2, IDENTITY_OK,
     "pods:spiffe://acme/ns/web/sa/a"},
    {{URI("spiffe://acme/mixed/a"), CN("mixed")}, 2, IDENTITY_OK, "mixed"},
    {{URI("spiffe://acme/mixed/a"), URI("spiffe://acme/mixed/b"), CN("mixed")}, 3, IDENTITY_OK,
     "mixed"},
    /* an expired token identifies nobody, and stays its owner's */
    {{BEARER(HEX_A)}, 1, IDENTITY_EXPIRED, NULL},
    {{BEARER(HEX_A), URI("spiffe://acme/mixed/a")}, 2, IDENTITY_OK, "mixed:spiffe://acme/mixed/a"},
    {{BEARER(HEX_A), URI("spiffe://acme/ns/web/sa/a")}, 2, IDENTITY_AMBIGUOUS, NULL},
};

static void check_case(const struct policy *p, size_t i)
{
    struct policy_caller caller = {0};
    size_t matched = SIZE_MAX;
    char out[POLICY_PRINCIPAL_MAX + 1];
    const enum policy_identity got =
        policy_identify(p, cases[i].creds, cases[i].num, NOW_S, &caller, &matched);
    if (got != cases[i].expected) {
        fail_msg("case %zu (%s): got %d", i, cases[i].creds[0].text.ptr, (int)got);
    }
    if (got != IDENTITY_OK) {
        assert_null(caller.client);
        return;
    }
    const struct slice principal = policy_principal(&caller, out);
    assert_string_equal(principal.ptr, cases[i].principal);
    assert_int_equal(principal.len, strlen(cases[i].principal));
    const bool by_uri = cases[i].creds[matched].kind == CRED_MTLS_URI;
    assert_ptr_equal(caller.uri.ptr, by_uri ? cases[i].creds[matched].text.ptr : NULL);
    struct policy_caller back = {0};
    assert_true(policy_caller_by_principal(p, principal, &back));
    assert_ptr_equal(back.client, caller.client);
    assert_true(slice_eq(back.instance, caller.instance));
    if (caller.instance.ptr != NULL) {
        assert_true(slice_eq(back.uri, caller.uri));
    }
}

static void test_identify(void **state)
{
    (void)state;
    struct policy *p = load_text(policy_text);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_case(p, i);
    }
    assert_int_equal(p->clients[0].num_creds, 3);
    assert_int_equal(p->clients[1].num_creds, 3);
    policy_free(p);
}

static const struct {
    const char *principal;
    bool known;
    const char *uri;
} principals[] = {
    {"one", true, "spiffe://acme/one"},
    {"payments", true, NULL}, /* nor by that alone */
    {"two", true, NULL}, /* not by one URI alone */
    {"two:spiffe://acme/two/x", true, "spiffe://acme/two/x"},
    {"two:spiffe://acme/two", false, NULL},
    {"pods", true, NULL},
    {"pods:", false, NULL},
    {"pods:web.pods.acme.internal", true, NULL},
    {"pods:spiffe://acme/ns/web/sa/a", true, "spiffe://acme/ns/web/sa/a"},
    {"pods:k8s system:serviceaccount:web:api", true, NULL},
    {"pods:system:serviceaccount:web:api", false, NULL}, /* of which issuer? */
    {"pods:spiffe://acme/ns/payments/sa/api", false, NULL}, /* that is payments */
    {"pods:db.pods.acme.internal", false, NULL},
    {"pods:spiffe://acme/ns/admin/sa/x", false, NULL}, /* ambiguous: nobody is known by this name */
    {"pods:spiffe://acme/ns/*/sa/a", false, NULL},
    {"one:spiffe://acme/one", false, NULL},
    {"nobody", false, NULL},
    {"", false, NULL},
    {":", false, NULL},
};

static void test_principals(void **state)
{
    (void)state;
    struct policy *p = load_text(policy_text);
    for (size_t i = 0; i < sizeof(principals) / sizeof(principals[0]); i++) {
        struct policy_caller caller = {0};
        const bool known = policy_caller_by_principal(p, slice_of(principals[i].principal), &caller);
        if (known != principals[i].known) {
            fail_msg("%s: %d", principals[i].principal, known);
        }
        assert_int_equal(caller.client != NULL, known);
        assert_true(slice_eq(caller.uri, slice_of(principals[i].uri)));
        assert_int_equal(caller.uri.ptr == NULL, principals[i].uri == NULL);
    }
    assert_false(policy_caller_by_principal(p, (struct slice){NULL, 0}, &(struct policy_caller){0}));
    policy_free(p);
}

/* A principal is at most POLICY_PRINCIPAL_MAX bytes: who would have a longer one is unknown. */
static void test_length(void **state)
{
    (void)state;
    struct policy *p = load_text(policy_text);
    char text[4000] = "spiffe://acme/ns/web/sa/";
    const size_t prefix = strlen(text);
    memset(text + prefix, 'a', sizeof(text) - prefix);
    for (size_t len = POLICY_PRINCIPAL_MAX - 10; len < sizeof(text); len += len < 530 ? 1 : 500) {
        const struct credential cred = {CRED_MTLS_URI, {text, len}};
        struct policy_caller caller = {0};
        char out[POLICY_PRINCIPAL_MAX + 1];
        const bool fits = len + strlen("pods:") <= POLICY_PRINCIPAL_MAX;
        assert_int_equal(policy_identify(p, &cred, 1, NOW_S, &caller, NULL),
                         fits ? IDENTITY_OK : IDENTITY_UNKNOWN);
        if (fits) {
            assert_int_equal(policy_principal(&caller, out).len, len + 5);
        }
        char principal[sizeof(text) + 5];
        memcpy(principal, "pods:", 5);
        memcpy(principal + 5, text, len);
        assert_int_equal(
            policy_caller_by_principal(p, (struct slice){principal, len + 5}, &caller), fits);
    }
    policy_free(p);
}

/* ---- mistakes ---- */

static const struct {
    const char *auth;
    const char *said; /* NULL: nothing */
} entries[] = {
    {"mtls: {uri: \"spiffe://a/*\"}", NULL},
    {"mtls: {uri: \"spiffe://a/**\"}", "whole path segment"},
    {"mtls: {uri: \"spiffe://a/x*\"}", "whole path segment"},
    {"mtls: {uri: \"spiffe://*/x\"}", "whole path segment"},
    {"mtls: {uri: \"spiffe://*/*\"}", "whole path segment"},
    {"mtls: {uri: \"*://a/*\"}", "whole path segment"},
    {"mtls: {dns: \"*.a.example\"}", NULL},
    {"mtls: {dns: \"*\"}", "mtls: dns: "},
    {"mtls: {dns: \"**.a.example\"}", "mtls: dns: "},
    {"mtls: {dns: \"a.*.example\"}", "mtls: dns: "},
    {"mtls: {cn: \"a*\"}", "mtls: cn must be one whole common name"},
    {"jwt: {issuer: k8s, subject: x}", NULL},
    {"jwt: {issuer: k8s, subject: \"a:*:b:*\"}", NULL},
    {"jwt: {issuer: k8s, subject: \"a:b*\"}", "a * must be a whole part between colons"},
    {"jwt: {issuer: k8s, subject: \"a:**\"}", "a * must be a whole part between colons"},
    {"jwt: {issuer: \"k 8\", subject: x}", "jwt: issuer must be the name"},
    {"jwt: {issuer: \"*\", subject: x}", "jwt: issuer must be the name"},
    {"jwt: {iss: k8s, subject: x}", "did you mean \"issuer\"?"},
    {"jwt: {issuer: k8s}", "jwt needs issuer"},
    {"jwt: {subject: x}", "jwt needs issuer"},
    {"jwt: [x]", "jwt must be a map"},
    {"mtls: {cn: x}, jwt: {issuer: k8s, subject: x}", "exactly one of mtls, bearer and jwt"},
    {"bearer: {sha256: " HEX_B ", expires: 2026-06-01}", "this token expires soon (2026-06-01)"},
    {"bearer: {sha256: " HEX_B ", expires: 2026-07-01}", NULL},
    {"jwt: {issuer: k8s, subject: "
     "\"1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:"
     "7:8:9:0:1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:*\"}",
     "whole part"},
};

static void test_entries(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        char text[800];
        (void)snprintf(text, sizeof(text), "version: 1\nclients: {c: {auth: [{%s}]}}\nrules: [{id: r, "
                                           "effect: deny, clients: [c]}]\n",
                       entries[i].auth);
        char *said = complaints_of(text, NULL);
        if (entries[i].said == NULL ? said[0] != '\0' : strstr(said, entries[i].said) == NULL) {
            fail_msg("%s: %s", entries[i].auth, said);
        }
        free(said);
    }
}

static void test_twice(void **state)
{
    (void)state;
    char *said = complaints_of("version: 1\nclients:\n"
                               "  a: {auth: [{mtls: {uri: \"spiffe://a/*\"}}]}\n"
                               "  b: {auth: [{mtls: {uri: \"spiffe://a/*\"}}]}\n"
                               "  c: {auth: [{mtls: {uri: \"spiffe://a/b\"}}]}\n" RULE,
                               NULL);
    assert_string_equal(said, "test.yaml:4:27: error: this pattern is already in line 3, for client "
                              "a: a credential belongs to exactly one client\n"
                              "test.yaml:7:5: warning: rule \"r\" refuses everything to everybody\n");
    free(said);
}

/* ---- cost ---- */

static struct policy *many_clients(unsigned num)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    (void)fprintf(out, "version: 1\nclients:\n");
    for (unsigned i = 0; i < num; i++) {
        (void)fprintf(out, "  c%u: {auth: [{mtls: {uri: \"spiffe://acme/ns/n%u/sa/*\"}}]}\n", i, i);
    }
    (void)fprintf(out, RULE);
    (void)fclose(out);
    struct policy *p = load_text(text);
    free(text);
    return p;
}

static double identify_us(const struct policy *p, unsigned num)
{
    const unsigned rounds = 20000;
    struct timespec start;
    struct timespec end;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (unsigned i = 0; i < rounds; i++) {
        char uri[80];
        struct policy_caller caller;
        const int len = snprintf(uri, sizeof(uri), "spiffe://acme/ns/n%u/sa/x", i % num);
        const struct credential cred = {CRED_MTLS_URI, {uri, (size_t)len}};
        assert_int_equal(policy_identify(p, &cred, 1, NOW_S, &caller, NULL), IDENTITY_OK);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
           rounds / 1000;
}

/* Ten thousand clients that are known by patterns cost an identification no more than ten do, but for
 * the caches. */
static void test_cost(void **state)
{
    (void)state;
    struct policy *few = many_clients(10);
    struct policy *many = many_clients(10000);
    const double few_us = identify_us(few, 10);
    const double many_us = identify_us(many, 10000);
    print_message("%.2f us of 10 clients with patterns, %.2f us of 10000\n", few_us, many_us);
    assert_true(many_us < 20 * few_us + 10);
    policy_free(few);
    policy_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identify), cmocka_unit_test(test_principals),
        cmocka_unit_test(test_length),   cmocka_unit_test(test_entries),
        cmocka_unit_test(test_twice),    cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
