/* test_reload_guard.c - the guard's arithmetic: what is counted as lost, and when it objects. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "broker/reload/reload_guard.h"

#include <stdio.h>

#define NOW_S INT64_C(1750000000)

static struct policy *load(const char *rules)
{
    char text[8192];
    struct policy *policy = NULL;
    struct diag_list *diags = diag_new();
    assert_non_null(diags);
    (void)snprintf(text, sizeof(text),
                   "version: 1\n"
                   "clients:\n"
                   "  ann: { auth: [ { mtls: { dns: ann.acme.internal } } ] }\n"
                   "  ben: { auth: [ { mtls: { dns: ben.acme.internal } } ] }\n"
                   "rules:\n%s",
                   rules);
    const enum cb_code code =
        policy_load_bytes("policy.yaml", slice_of(text), NOW_S, diags, &policy);
    if (code != CB_OK) {
        diag_print(diags, stderr);
    }
    assert_int_equal(code, CB_OK);
    diag_free(diags);
    return policy;
}

#define RULE(id, client, host)                                                                     \
    "  - { id: " id ", clients: [" client "], actions: [newcert], names: { dns: [" host            \
    "] }, common_name: in_names, keys: { ecdsa: [256] }, profiles: [default], max_validity: 720h " \
    "}\n"

/* numbered - rules r0.. of which the first are left out. */
static struct policy *numbered(unsigned num, unsigned drop)
{
    char rules[8000] = "";
    size_t len = 0;
    for (unsigned i = drop; i < num; i++) {
        const int n =
            snprintf(rules + len, sizeof(rules) - len,
                     "  - { id: r%u, effect: deny, names: { dns: [x%u.acme.internal] } }\n", i, i);
        assert_true(n > 0 && (size_t)n < sizeof(rules) - len);
        len += (size_t)n;
    }
    return load(rules);
}

static const struct {
    unsigned num, drop, percent;
    bool objects;
} dropped[] = {
    {10, 0, 0, false},   {10, 1, 0, true},  {10, 2, 20, false},   {10, 3, 20, true},
    {3, 1, 33, true},    {3, 1, 34, false}, {100, 20, 20, false}, {100, 21, 20, true},
    {10, 9, 100, false}, {7, 1, 14, true},  {7, 1, 15, false},
};

static void test_dropped_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
        struct policy *before = numbered(dropped[i].num, 0);
        struct policy *after = numbered(dropped[i].num, dropped[i].drop);
        const struct config_reload settings = {.guard_window_s = 3600,
                                               .max_dropped_percent = dropped[i].percent};
        struct guard g = {.before = before, .after = after};
        struct cb_err err;
        char why[400];
        assert_int_equal(guard_rules(&g, &err), CB_OK);
        assert_int_equal(g.num_rules, dropped[i].num);
        assert_int_equal(g.num_dropped, dropped[i].drop);
        if (guard_objects(&g, &settings, why, sizeof(why)) != dropped[i].objects) {
            fail_msg("%u of %u at %u %%: %s", dropped[i].drop, dropped[i].num, dropped[i].percent,
                     why);
        }
        policy_free(before);
        policy_free(after);
    }
}

static void test_new_rules_are_no_dropped_ones(void **state)
{
    (void)state;
    struct policy *few = numbered(2, 0);
    struct policy *many = numbered(40, 0);
    struct guard g = {.before = few, .after = many};
    struct cb_err err;
    assert_int_equal(guard_rules(&g, &err), CB_OK);
    assert_int_equal(g.num_dropped, 0);
    policy_free(few);
    policy_free(many);
}

static void test_words(void **state)
{
    (void)state;
    struct policy *before = numbered(10, 0);
    struct policy *after = numbered(10, 5);
    const struct config_reload settings = {.guard_window_s = 86400, .max_dropped_percent = 20};
    struct guard g = {.before = before, .after = after};
    struct cb_err err;
    char why[400];
    assert_int_equal(guard_rules(&g, &err), CB_OK);
    assert_true(guard_objects(&g, &settings, why, sizeof(why)));
    assert_string_equal(why, "5 of 10 rules would be gone (at most 20 % may): r0, r1, r2, ...");
    g.num_lost = 12;
    assert_true(guard_objects(&g, &settings, why, sizeof(why)));
    assert_string_equal(why, "12 requests granted in the last 24h would be denied; "
                             "5 of 10 rules would be gone (at most 20 % may): r0, r1, r2, ...");
    /* Cut where there is little room, never beyond it. */
    char little[10];
    assert_true(guard_objects(&g, &settings, little, sizeof(little)));
    assert_string_equal(little, "12 reques");
    policy_free(before);
    policy_free(after);
}

static void test_window_words(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } rows[] = {{86400, "24h"}, {3600, "1h"}, {5400, "90m"}, {60, "1m"}, {61, "61s"}, {1, "1s"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[24];
        guard_window_text(rows[i].seconds, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* ---------------------------------------------------------------- recorded requests */

static struct history_ask asked(const char *client, const char *host, struct name *name)
{
    struct history_ask ask = {.ts_us = NOW_S * 1000000,
                              .req = SLICE("0123456789abcdef0123456789abcdef"),
                              .principal = slice_of(client),
                              .via = SLICE("mtls.dns"),
                              .was_allowed = true};
    *name = (struct name){.kind = NAME_DNS, .text = slice_of(host)};
    ask.ask = (struct policy_ask){.action = ACTION_NEWCERT,
                                  .names = name,
                                  .num_names = 1,
                                  .common_name = slice_of(host),
                                  .key_algo = KEY_ECDSA,
                                  .key_bits = 256,
                                  .profile = SLICE("default")};
    return ask;
}

static void put(struct guard *g, const char *client, const char *host, bool was_allowed)
{
    struct name name;
    struct history_ask ask = asked(client, host, &name);
    ask.was_allowed = was_allowed;
    assert_true(guard_ask(g, &ask));
}

static void test_what_counts_as_lost(void **state)
{
    (void)state;
    struct policy *before = load(RULE("a", "ann", "a.acme.internal, both.acme.internal")
                                     RULE("b", "ben", "b.acme.internal"));
    struct policy *after = load(RULE("a", "ann", "both.acme.internal, new.acme.internal")
                                    RULE("b", "ben", "b.acme.internal"));
    struct guard g = {.before = before, .after = after};
    put(&g, "ann", "both.acme.internal", true); /* granted by both */
    put(&g, "ben", "b.acme.internal", true);
    put(&g, "ann", "new.acme.internal",
        true); /* by the new one; it does not matter by which then */
    assert_int_equal(g.num_granted, 3);
    assert_int_equal(g.num_lost, 0);
    put(&g, "ann", "gone.acme.internal", true); /* not by the one in force either: gone already */
    put(&g, "zoe", "a.acme.internal", true);
    put(&g, "ann", "a.acme.internal", false); /* was refused then, whatever the rules say */
    assert_int_equal(g.num_granted, 3);
    assert_int_equal(g.num_lost, 0);
    put(&g, "ann", "a.acme.internal", true);
    put(&g, "ann", "a.acme.internal", true);
    assert_int_equal(g.num_lost, 2);
    assert_int_equal(g.num_granted, 5);
    assert_int_equal(g.num_examples, 1); /* one a caller */
    assert_string_equal(g.examples[0].client, "ann");
    assert_non_null(strstr(g.examples[0].text, "a.acme.internal"));
    policy_free(before);
    policy_free(after);
}

static void test_examples_are_few(void **state)
{
    (void)state;
    struct policy *before = load(RULE("a", "ann, ben", "a.acme.internal"));
    struct policy *after = load(RULE("a", "ann, ben", "z.acme.internal"));
    struct guard g = {.before = before, .after = after};
    for (unsigned i = 0; i < 10; i++) {
        put(&g, i % 2 == 0 ? "ann" : "ben", "a.acme.internal", true);
    }
    assert_int_equal(g.num_lost, 10);
    assert_int_equal(g.num_examples, 2);
    policy_free(before);
    policy_free(after);
}

static bool called_off(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_called_off(void **state)
{
    (void)state;
    struct policy *policy = numbered(1, 0);
    struct guard g = {.before = policy, .after = policy, .is_called_off = called_off};
    struct name name;
    const struct history_ask ask = asked("ann", "a.acme.internal", &name);
    assert_false(guard_ask(&g, &ask));
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dropped_rules),
        cmocka_unit_test(test_new_rules_are_no_dropped_ones),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_window_words),
        cmocka_unit_test(test_what_counts_as_lost),
        cmocka_unit_test(test_examples_are_few),
        cmocka_unit_test(test_called_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
