/* fuzz_policy.c - the loader on any bytes and the matcher on whatever it loads. The input is a
 * policy, then optionally a line "ASK" and names, one a line: they are asked for as every client,
 * for every action. What is allowed must follow from a rule, and the answer must not depend on
 * being asked again. */
#include "policy/policy.h"

#include <stdlib.h>

#define NOW_S 1780000000
#define CLIENTS_MAX 8
#define NAMES_MAX 100
#define MARK "\nASK\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static size_t read_names(struct arena *arena, struct slice text, struct name *names)
{
    size_t num = 0;
    while (text.len > 0 && num < NAMES_MAX) {
        const char *end = memchr(text.ptr, '\n', text.len);
        const size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        struct cb_err err;
        if (name_parse(arena, (struct slice){text.ptr, len}, &names[num], &err) == CB_OK) {
            num++;
        }
        const size_t step = end == NULL ? len : len + 1;
        text = (struct slice){text.ptr + step, text.len - step};
    }
    return name_sort_unique(names, num);
}

static void ask_once(const struct policy *policy, const struct policy_client *client,
                     const struct policy_ask *ask)
{
    struct policy_decision d;
    struct policy_decision again;
    policy_decide(policy, client, ask, NOW_S, &d);
    policy_decide(policy, client, ask, NOW_S, &again);
    check(d.allowed == (d.reason == REASON_ALLOWED));
    check(!d.allowed || d.rule_id != NULL);
    check(d.allowed == (d.detail[0] == '\0'));
    check(strlen(d.detail) < POLICY_DETAIL_MAX);
    check(d.name_index == SIZE_MAX || d.name_index < ask->num_names);
    check(d.reason == again.reason && d.rule_id == again.rule_id);
    check(strcmp(d.detail, again.detail) == 0);
}

static void ask_all(const struct policy *policy, struct slice text)
{
    struct arena arena;
    struct name names[NAMES_MAX];
    arena_init(&arena, 1 << 20);
    struct policy_ask ask = {.names = names, .profile = SLICE("server"), .key_bits = 256};
    ask.num_names = read_names(&arena, text, names);
    ask.common_name = ask.num_names == 0 ? text : names[0].text;
    const struct subject_attr subject[] = {{SUBJECT_O, SLICE("Acme")}};
    ask.subject = subject;
    for (size_t i = 0; i < 9; i++) {
        ask.action = (enum policy_action)(i % POLICY_ACTION_COUNT);
        ask.relation = (enum cert_relation)(i / 3);
        ask.num_subject = i / 3 == 1 ? 1 : 0;
        static const char *const ids[CLIENTS_MAX] = {"a", "b", "c", "api", "payments-api", "0"};
        for (size_t c = 0; c < CLIENTS_MAX && ids[c] != NULL; c++) {
            const struct policy_client *client = policy_client_by_id(policy, slice_of(ids[c]));
            if (client != NULL) {
                ask_once(policy, client, &ask);
            }
        }
    }
    const struct credential cred = {CRED_MTLS_URI, text};
    const struct policy_client *client = NULL;
    (void)policy_identify(policy, &cred, 1, NOW_S, &client, NULL);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *mark = size == 0 ? NULL : memmem(data, size, MARK, strlen(MARK));
    const size_t policy_len = mark == NULL ? size : (size_t)(mark - (const char *)data);
    const size_t ask_start = mark == NULL ? size : policy_len + strlen(MARK);
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    check(diags != NULL);
    const enum cb_code code = policy_load_bytes(
        "fuzz", (struct slice){(const char *)data, policy_len}, NOW_S, diags, &policy);
    check((code == CB_OK) == (diag_num_errors(diags) == 0));
    check((code == CB_OK) == (policy != NULL));
    char line[256];
    diag_first(diags, line, sizeof(line));
    if (policy != NULL) {
        ask_all(policy, (struct slice){(const char *)data + ask_start, size - ask_start});
        for (size_t i = 0; i < policy_num_rules(policy); i++) {
            check(policy_rule_id(policy, i) != NULL && policy_rule_place(policy, i).line > 0);
        }
    }
    policy_free(policy);
    diag_free(diags);
    return 0;
}
