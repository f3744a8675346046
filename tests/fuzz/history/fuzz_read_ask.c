/* fuzz_read_ask.c - the body of a record from anywhere: read without a fault, and what comes of it is
 * fit to be decided and described. */
#include "broker/history/read_ask.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] =
    "version: 1\n"
    "clients:\n"
    "  payments-api: {auth: [{mtls: {uri: \"spiffe://example/ns/pay/sa/api\"}}]}\n"
    "rules:\n"
    "  - {id: r, clients: [payments-api], actions: [newcert, revoke, info], names: {dns: "
    "[\"*.pay.example\"]}, profiles: [server], max_validity: 1h}\n";

static struct policy *load(void)
{
    struct policy *policy = NULL;
    struct diag_list *diags = diag_new();
    CB_CHECK(diags != NULL &&
             policy_load_bytes("fuzz.yaml", slice_of(policy_text), 0, diags, &policy) == CB_OK);
    diag_free(diags);
    return policy;
}

static void check(const struct policy *policy, const struct history_ask *ask)
{
    char text[100];
    struct policy_decision decision;
    for (size_t i = 1; i < ask->ask.num_names; i++) {
        CB_CHECK(name_cmp(&ask->ask.names[i - 1], &ask->ask.names[i]) < 0);
    }
    history_describe(&ask->ask, text, sizeof(text));
    CB_CHECK(strnlen(text, sizeof(text)) < sizeof(text));
    if (!ask->by_quota) {
        CB_CHECK(ask->principal.len > 0);
        history_decide(policy, ask, &decision);
    }
}

/* The first byte is the type, the rest the body, which may claim another one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct policy *policy;
    struct arena arena;
    struct ask_line found;
    struct cb_err err;
    if (size == 0 || size > AUDIT_LINE_MAX) {
        return 0;
    }
    if (policy == NULL) {
        policy = load();
    }
    const struct audit_line line = {.seq = 7,
                                    .ts_us = INT64_C(1784737382123456),
                                    .type = (enum audit_type)(data[0] % AUDIT_TYPE_COUNT),
                                    .body = {(const char *)data + 1, size - 1}};
    arena_init(&arena, 1U << 20);
    CB_CHECK(read_ask(&line, &arena, &found, &err) == CB_OK);
    if (found.kind == LINE_ASK) {
        check(policy, &found.ask);
    }
    arena_free(&arena);
    return 0;
}
