/* test_policy_check.c - a policy held against the profiles that certbroker.yaml says the CA has. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "broker/reload/generation.h"

#include <stdio.h>

#define NOW_S INT64_C(1750000000)

/* Each: the rule's profiles and usages, and what is told ("" nothing). */
static const struct {
    const char *fields, *told;
} rows[] = {
    {"profiles: [server]", ""},
    {"profiles: [server, client]", ""},
    {"profiles: [sevrer]", "rule r lists profile \"sevrer\", which ca.profiles in x.yaml does not"},
    {"profiles: [server], usages: [signing, key encipherment, server auth]", ""},
    {"profiles: [server], usages: [digital signature, key encipherment, server auth, client auth]",
     ""},
    {"profiles: [server], usages: [signing, server auth]",
     "profile \"server\" gives \"key encipherment\", which usages of rule r does not list"},
    {"profiles: [server, client], usages: [signing, key encipherment, server auth]",
     "profile \"client\" gives \"client auth\""},
    {"profiles: [server], usages: [signing, sever auth]",
     "usage \"sever auth\", which is not one of CFSSL's: did you mean \"server auth\"?"},
};

static void add(struct profile_usages *profile, const char *name, const char *const *words)
{
    profile->name = name;
    for (size_t i = 0; words[i] != NULL; i++) {
        assert_true(usage_add(&profile->usages, slice_of(words[i])));
    }
}

static void test_rows(void **state)
{
    (void)state;
    static const char *const server[] = {"signing", "key encipherment", "server auth", NULL};
    static const char *const client[] = {"signing", "client auth", NULL};
    struct profile_usages profiles[2] = {{0}};
    struct config config = {.path = "x.yaml", .request = {.profiles = profiles, .num_profiles = 2}};
    add(&profiles[0], "server", server);
    add(&profiles[1], "client", client);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        char said[400] = "";
        struct policy *policy = NULL;
        struct diag_list *diags = diag_new();
        assert_non_null(diags);
        (void)snprintf(text, sizeof(text),
                       "version: 1\nclients: { c: { auth: [ { mtls: { dns: c.example } } ] } }\n"
                       "rules:\n  - { id: r, clients: [c], actions: [newcert], names: { dns: "
                       "[h.acme.internal] }, common_name: in_names, keys: { ecdsa: [256] }, "
                       "max_validity: 720h, %s }\n",
                       rows[i].fields);
        assert_int_equal(policy_load_bytes("p.yaml", slice_of(text), NOW_S, diags, &policy), CB_OK);
        policy_check(&config, policy, diags);
        diag_first(diags, said, sizeof(said));
        if ((said[0] == '\0') != (rows[i].told[0] == '\0') || strstr(said, rows[i].told) == NULL) {
            fail_msg("%s: \"%s\"", rows[i].fields, said);
        }
        policy_free(policy);
        diag_free(diags);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
