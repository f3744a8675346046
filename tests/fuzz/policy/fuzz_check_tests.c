/* fuzz_check_tests.c - any bytes as a file of tests: read strictly or refused with a reason, never half
 * of it. What is read is decided, too. */
#include "policy/check_tests.h"

#include <stdlib.h>

static const char policy_text[] =
    "version: 1\n"
    "clients:\n"
    "  api: {auth: [{mtls: {uri: \"spiffe://acme.internal/ns/*/sa/api\"}}]}\n"
    "  web: {auth: [{mtls: {dns: web.acme.internal}}]}\n"
    "rules:\n"
    "  - {id: never, effect: deny, names: {dns: [admin.acme.internal]}}\n"
    "  - {id: server, clients: [web, api], actions: [newcert, revoke], profiles: [server], "
    "max_validity: 24h, names: {dns: [\"*.acme.internal\", {regex: 'x[0-9]+'}], ip: "
    "[10.0.0.0/8]}, from: [10.0.0.0/8], subject: {O: [Acme]}, common_name: any}\n"
    "  - {id: acts, clients: [api], actions: [newcert], profiles: [server], max_validity: 24h, "
    "names: {dns: [\"${jwt.ns}.acme.internal\"]}, delegate: {for: [web]}}\n";

#define NOW_S 1780000000

static struct policy *the_policy(void)
{
    static struct policy *policy; /* of the whole run */
    if (policy == NULL) {
        struct diag_list *diags = diag_new();
        if (diags == NULL || policy_load_bytes("policy.yaml", slice_of(policy_text), NOW_S, diags,
                                               &policy) != CB_OK) {
            abort();
        }
        diag_free(diags);
    }
    return policy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag_list *diags = diag_new();
    struct policy_tests tests = {0};
    struct arena arena;
    if (diags == NULL) {
        return 0;
    }
    arena_init(&arena, 64U << 20);
    const enum cb_code code =
        policy_tests_run_bytes(the_policy(), "x.test.yaml", (struct slice){(const char *)data, size},
                               NOW_S, diags, &arena, &tests);
    if ((code == CB_OK) != (diag_num_errors(diags) == 0)) {
        abort();
    }
    for (size_t i = 0; i < tests.num; i++) {
        if (tests.items[i].name == NULL || tests.items[i].place.line == 0 ||
            tests.items[i].passed != (tests.items[i].why == NULL)) {
            abort();
        }
    }
    arena_free(&arena);
    diag_free(diags);
    return 0;
}
