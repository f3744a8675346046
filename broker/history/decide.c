/* decide.c - one recorded question to another policy, and in words. */
#include "broker/history/history.h"

#include <stdio.h>

static bool kind_of(struct slice via, enum credential_kind *ret)
{
    static const struct {
        const char *word;
        enum credential_kind kind;
    } words[] = {{"mtls.uri", CRED_MTLS_URI},
                 {"mtls.dns", CRED_MTLS_DNS},
                 {"mtls.spki", CRED_MTLS_SPKI},
                 {"mtls.cn", CRED_MTLS_CN},
                 {"jwt", CRED_JWT}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_eq_str(via, words[i].word)) {
            *ret = words[i].kind;
            return true;
        }
    }
    return false;
}

static bool find_caller(const struct policy *policy, const struct history_ask *ask,
                        struct policy_caller *ret)
{
    struct credential shown = {.text = ask->credential};
    if (ask->credential.len > 0 && kind_of(ask->via, &shown.kind)) {
        return policy_identify(policy, &shown, 1, ask->ts_us / 1000000, ret, NULL) == IDENTITY_OK;
    }
    return policy_caller_by_principal(policy, ask->principal, ret);
}

bool history_caller(const struct policy *policy, const struct history_ask *ask,
                    struct policy_caller *ret)
{
    struct policy_caller caller = {0};
    if (!find_caller(policy, ask, &caller)) {
        return false;
    }
    caller.claims = ask->claims;
    caller.num_claims = ask->num_claims;
    caller.peer = ask->peer.ip_len == 0 ? NULL : &ask->peer;
    *ret = caller;
    return true;
}

static void unknown_caller(const struct history_ask *ask, struct policy_decision *ret)
{
    char quoted[NAME_QUOTE_SIZE];
    *ret = (struct policy_decision){.reason = REASON_NO_RULE, .name_index = SIZE_MAX};
    if (ask->credential.len > 0) {
        (void)snprintf(ret->detail, sizeof(ret->detail), "no client has its credential \"%s\"",
                       name_quote(ask->credential, quoted));
    } else {
        (void)snprintf(ret->detail, sizeof(ret->detail), "there is no client \"%s\"",
                       name_quote(ask->principal, quoted));
    }
}

static enum cert_relation relation_now(const struct history_ask *ask,
                                       const struct policy_caller *caller)
{
    char name[POLICY_PRINCIPAL_MAX + 1];
    if (ask->ask.action != ACTION_REVOKE || ask->ask.on_behalf_of.ptr != NULL ||
        ask->cert_owner.ptr == NULL) {
        return ask->ask.relation;
    }
    return slice_eq(ask->cert_owner, policy_principal(caller, name)) ? CERT_OWN : CERT_FOREIGN;
}

bool history_question(const struct policy *policy, const struct history_ask *ask,
                      struct policy_caller *ret_caller, struct policy_ask *ret_ask)
{
    if (!history_caller(policy, ask, ret_caller)) {
        return false;
    }
    *ret_ask = ask->ask;
    ret_ask->relation = relation_now(ask, ret_caller);
    return true;
}

void history_decide(const struct policy *policy, const struct history_ask *ask,
                    struct policy_decision *ret)
{
    struct policy_caller caller;
    struct policy_ask question;
    if (history_question(policy, ask, &caller, &question)) {
        policy_decide(policy, &caller, &question, ask->ts_us / 1000000, ret);
    } else {
        unknown_caller(ask, ret);
    }
}

/* ---- in words ---- */

struct words {
    char *out;
    size_t size, len;
    bool cut;
};

/* add - the text as a whole or not at all: then nothing more follows. */
static void add(struct words *w, const char *before, struct slice text)
{
    char quoted[NAME_QUOTE_SIZE];
    if (w->cut) {
        return;
    }
    const int len =
        snprintf(w->out + w->len, w->size - w->len, "%s%s", before, name_quote(text, quoted));
    w->cut = len < 0 || (size_t)len >= w->size - w->len;
    w->len += w->cut ? 0 : (size_t)len;
    w->out[w->len] = '\0';
}

static const char *relation_words(enum cert_relation relation)
{
    switch (relation) {
    case CERT_OWN:
        return "a certificate of its own";
    case CERT_FOREIGN:
        return "somebody else's certificate";
    case CERT_UNKNOWN:
        return "a certificate not issued here";
    }
    return "";
}

#define NAMES_TOLD 5U

static void add_names(struct words *w, const struct policy_ask *ask)
{
    for (size_t i = 0; i < ask->num_names && i < NAMES_TOLD; i++) {
        add(w, i == 0 ? " " : ", ", slice_of(name_kind_word(ask->names[i].kind)));
        add(w, " ", ask->names[i].text);
    }
    if (ask->num_names > NAMES_TOLD) {
        char more[32];
        (void)snprintf(more, sizeof(more), "%zu more", ask->num_names - NAMES_TOLD);
        add(w, " and ", slice_of(more));
    }
}

void history_describe(const struct policy_ask *ask, char *out, size_t size)
{
    struct words w = {.out = out, .size = size};
    char key[32];
    add(&w, "", slice_of(policy_action_word(ask->action)));
    if (ask->action == ACTION_REVOKE) {
        add(&w, " ", slice_of(relation_words(ask->relation)));
        if (ask->num_names > 0) {
            add(&w, " for", (struct slice){"", 0});
        }
    }
    add_names(&w, ask);
    if (ask->common_name.len > 0 && ask->action == ACTION_NEWCERT) {
        add(&w, ", CN ", ask->common_name);
    }
    for (size_t i = 0; i < ask->num_subject; i++) {
        add(&w, ", ", slice_of(subject_attr_word(ask->subject[i].type)));
        add(&w, "=", ask->subject[i].value);
    }
    if (ask->action == ACTION_NEWCERT) {
        (void)snprintf(key, sizeof(key), "%s-%u", key_algo_word(ask->key_algo), ask->key_bits);
        add(&w, ", ", slice_of(key));
    }
    if (ask->action != ACTION_REVOKE) {
        add(&w, ", profile ", ask->profile);
    }
    if (ask->on_behalf_of.len > 0) {
        add(&w, ", for ", ask->on_behalf_of);
    }
}
