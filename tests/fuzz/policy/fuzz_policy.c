/* fuzz_policy.c - the loader on any bytes and the matcher on whatever it loads. The input is a
 * policy, or several files with a line "FILE" between them, then optionally a line "ASK" and names, one
 * a line: they are asked for as every client, for every action, for themselves and on behalf of each
 * other, and presented as credentials. What is allowed must follow from a rule, the answer must not
 * depend on being asked again, and a trace of it must say the same. */
#include "policy/bundle.h"
#include "policy/trace.h"

#include <stdlib.h>

#define NOW_S 1780000000
#define NAMES_MAX 100
#define MARK "\nASK\n"
#define FILE_MARK "\nFILE\n"
#define FILES_MAX 8

static const char *const ids[] = {"a", "b", "c", "api", "payments-api", "0"};
#define NUM_IDS (sizeof(ids) / sizeof(ids[0]))

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

/* check_trace - the rules that fit are the reason for the answer. */
static void check_trace(const struct policy *policy, const struct policy_caller *caller,
                        const struct policy_ask *ask, const struct policy_decision *d)
{
    struct arena arena;
    struct policy_trace trace;
    struct cb_err err;
    size_t denies = 0;
    size_t own = 0;
    size_t delegations = 0;
    arena_init(&arena, 1 << 26);
    check(policy_trace(policy, caller, ask, NOW_S, &arena, &trace, &err) == CB_OK);
    check(trace.decision.reason == d->reason && trace.decision.rule_id == d->rule_id);
    for (size_t i = 0; i < trace.num_rules; i++) {
        const struct trace_rule *r = &trace.rules[i];
        check(r->fits == (r->num_failures == 0) && r->num_failures <= TRACE_FAILURES_MAX);
        denies += r->is_deny ? 1U : 0U;
        own += r->fits && !r->is_deny && !r->is_delegation ? 1U : 0U;
        delegations += r->fits && r->is_delegation ? 1U : 0U;
    }
    check((denies > 0) == (d->reason == REASON_DENY_RULE));
    check(d->allowed ==
          (denies == 0 && own > 0 &&
           (ask->on_behalf_of.ptr == NULL || (delegations > 0 && d->delegate_rule_id != NULL))));
    check(trace.best == SIZE_MAX || (trace.best < trace.num_rules && trace.snippet == NULL));
    check(!d->allowed || (trace.best == SIZE_MAX && trace.snippet == NULL));
    arena_free(&arena);
}

/* show - all that a client may get, both ways: that it can be shown is all that is asked. */
static void show(const struct policy *policy, const struct policy_caller *caller)
{
    for (int json = 0; json < 2; json++) {
        struct buf out;
        buf_init(&out, 1 << 26);
        check(policy_effective(policy, caller, NOW_S, json == 1, &out));
        buf_free(&out);
    }
}

static void ask_once(const struct policy *policy, const struct policy_caller *caller,
                     const struct policy_ask *ask)
{
    struct policy_decision d;
    struct policy_decision again;
    policy_decide(policy, caller, ask, NOW_S, &d);
    policy_decide(policy, caller, ask, NOW_S, &again);
    check(d.allowed == (d.reason == REASON_ALLOWED));
    check(!d.allowed || d.rule_id != NULL);
    check(d.allowed == (d.detail[0] == '\0'));
    check(strlen(d.detail) < POLICY_DETAIL_MAX);
    check(d.name_index == SIZE_MAX || d.name_index < ask->num_names);
    check(d.reason == again.reason && d.rule_id == again.rule_id);
    check(strcmp(d.detail, again.detail) == 0);
    check_trace(policy, caller, ask, &d);
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
        for (size_t c = 0; c < NUM_IDS; c++) {
            struct policy_caller caller = {0};
            if (!policy_caller_by_principal(policy, slice_of(ids[c]), &caller)) {
                continue;
            }
            ask.on_behalf_of = (struct slice){0};
            ask_once(policy, &caller, &ask);
            for (size_t other = 0; other < NUM_IDS; other++) {
                ask.on_behalf_of = slice_of(ids[other]);
                ask_once(policy, &caller, &ask);
            }
            if (i == 0) {
                show(policy, &caller);
            }
        }
    }
    arena_free(&arena);
}

/* identify - whoever is identified has a name, and is found by it. */
static void identify(const struct policy *policy, const struct credential *creds, size_t num)
{
    struct policy_caller caller = {0};
    struct policy_caller back = {0};
    char out[POLICY_PRINCIPAL_MAX + 1];
    size_t matched = SIZE_MAX;
    if (policy_identify(policy, creds, num, NOW_S, &caller, &matched) != IDENTITY_OK) {
        check(caller.client == NULL && matched == SIZE_MAX);
        return;
    }
    check(matched < num && caller.client != NULL);
    const struct slice principal = policy_principal(&caller, out);
    check(principal.len <= POLICY_PRINCIPAL_MAX && out[principal.len] == '\0');
    check(policy_caller_by_principal(policy, principal, &back));
    check(back.client == caller.client && slice_eq(back.instance, caller.instance));
}

static void identify_all(const struct policy *policy, struct slice text)
{
    struct credential creds[CREDENTIAL_KIND_COUNT];
    for (size_t i = 0; i < CREDENTIAL_KIND_COUNT; i++) {
        creds[i] = (struct credential){(enum credential_kind)i, text};
        identify(policy, &creds[i], 1);
    }
    identify(policy, creds, CREDENTIAL_KIND_COUNT);
    struct policy_caller caller = {0};
    if (policy_caller_by_principal(policy, text, &caller)) {
        char out[POLICY_PRINCIPAL_MAX + 1];
        check(slice_eq(policy_principal(&caller, out), text));
    }
}

static void identify_lines(const struct policy *policy, struct slice text)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        const size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        identify_all(policy, (struct slice){text.ptr, len});
        const size_t step = end == NULL ? len : len + 1;
        text = (struct slice){text.ptr + step, text.len - step};
    }
}

/* check_bundle - what was written is what is read. */
static void check_bundle(struct slice bundle, const struct bundle_file *files, size_t num)
{
    struct bundle_file file;
    struct cb_err err;
    for (size_t i = 0; i < num; i++) {
        check(bundle_read(&bundle, &file, &err));
        check(slice_eq(file.name, files[i].name) && slice_eq(file.bytes, files[i].bytes));
    }
    check(!bundle_read(&bundle, &file, &err) && err.code == CB_OK);
}

/* gather - the policy's text: the files of a text with FILE in it as a bundle. */
static void gather(struct slice text, struct buf *out)
{
    static const char *const names[FILES_MAX] = {"0.yaml", "1.yaml", "2.yaml", "3.yaml",
                                                 "4.yaml", "5.yaml", "6.yaml", "7.yaml"};
    struct bundle_file files[FILES_MAX];
    size_t num = 0;
    const char *mark = NULL;
    do {
        mark =
            num + 1 == FILES_MAX ? NULL : memmem(text.ptr, text.len, FILE_MARK, strlen(FILE_MARK));
        const size_t len = mark == NULL ? text.len : (size_t)(mark - text.ptr) + 1;
        files[num] = (struct bundle_file){slice_of(names[num]), {text.ptr, len}};
        num++;
        const size_t step = mark == NULL ? len : len + strlen(FILE_MARK) - 1;
        text = (struct slice){text.ptr + step, text.len - step};
    } while (mark != NULL);
    if (num == 1) {
        buf_add_slice(out, files[0].bytes);
        return;
    }
    check(bundle_write(files, num, out));
    check_bundle(buf_slice(out), files, num);
}

static void check_loaded(const struct policy *policy, struct slice bytes)
{
    check(slice_eq(policy_bytes(policy), bytes));
    for (size_t i = 0; i < policy_num_rules(policy); i++) {
        const struct diag_place place = policy_rule_place(policy, i);
        check(policy_rule_id(policy, i) != NULL && place.line > 0 && place.file != NULL);
    }
    for (size_t i = 0; i < policy_num_files(policy); i++) {
        check(policy_file_name(policy, i) != NULL);
        check(policy_file_bytes(policy, i).len <= bytes.len);
    }
    int64_t first = 0;
    check(policy_num_expiring(policy, NOW_S, &first) == 0 || first > NOW_S);
    (void)policy_wants_claim(policy, SLICE("sub"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *mark = size == 0 ? NULL : memmem(data, size, MARK, strlen(MARK));
    const size_t policy_len = mark == NULL ? size : (size_t)(mark - (const char *)data);
    const size_t ask_start = mark == NULL ? size : policy_len + strlen(MARK);
    const struct slice asked = {(const char *)data + ask_start, size - ask_start};
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    struct buf text;
    check(diags != NULL);
    buf_init(&text, size + 1000);
    gather((struct slice){(const char *)data, policy_len}, &text);
    const enum cb_code code = policy_load_bytes("fuzz", buf_slice(&text), NOW_S, diags, &policy);
    check((code == CB_OK) == (diag_num_errors(diags) == 0));
    check((code == CB_OK) == (policy != NULL));
    char line[256];
    diag_first(diags, line, sizeof(line));
    if (policy != NULL) {
        check_loaded(policy, buf_slice(&text));
        ask_all(policy, asked);
        identify_lines(policy, asked);
    }
    policy_free(policy);
    diag_free(diags);
    buf_free(&text);
    return 0;
}
