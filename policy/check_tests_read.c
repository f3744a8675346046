/* check_tests_read.c - see check_tests.h: one test, from the tree to a request. Runs nothing. */
#include "broker/base/clock.h"
#include "policy/check_tests_parts.h"

#include <stdlib.h>

static const char *const test_keys[] = {
    "name", "as",     "action",       "hosts",    "cn",     "subject", "key",    "profile", "from",
    "at",   "claims", "on_behalf_of", "relation", "expect", "rule",    "reason", NULL};

static const struct yaml_synonym synonyms[] = {{"client", "as"},
                                               {"principal", "as"},
                                               {"who", "as"},
                                               {"names", "hosts"},
                                               {"dns", "hosts"},
                                               {"sans", "hosts"},
                                               {"common_name", "cn"},
                                               {"keys", "key"},
                                               {"profiles", "profile"},
                                               {"peer", "from"},
                                               {"source", "from"},
                                               {"time", "at"},
                                               {"when", "at"},
                                               {"now", "at"},
                                               {"jwt", "claims"},
                                               {"result", "expect"},
                                               {"decision", "expect"},
                                               {"want", "expect"},
                                               {"description", "name"},
                                               {"title", "name"},
                                               {"for", "on_behalf_of"},
                                               {"owner", "relation"},
                                               {NULL, NULL}};

/* Keys that only some actions look at. */
static const struct {
    const char *key;
    unsigned actions;
} only_for[] = {{"hosts", 1U << ACTION_NEWCERT | 1U << ACTION_REVOKE},
                {"cn", 1U << ACTION_NEWCERT | 1U << ACTION_REVOKE},
                {"subject", 1U << ACTION_NEWCERT},
                {"key", 1U << ACTION_NEWCERT},
                {"profile", 1U << ACTION_NEWCERT | 1U << ACTION_INFO},
                {"relation", 1U << ACTION_REVOKE},
                {"on_behalf_of", 1U << ACTION_NEWCERT | 1U << ACTION_REVOKE}};

/* complain - unless it went well: the message of err at the node's place, with what it is about. */
static bool complain(struct test_reader *t, const struct yaml_node *n, const char *what,
                     enum cb_code code, const struct cb_err *err)
{
    if (code != CB_OK) {
        yaml_complain(&t->r, n, "%s: %s", what, err->msg);
    }
    return code == CB_OK;
}

/* ---- who ---- */

/* suggest_rule - of all of them, as long as that does not take too much time. */
static const char *suggest_rule(struct test_reader *t, struct slice id)
{
    const struct policy *policy = t->policy;
    const size_t num = policy->num_rules;
    if (t->suggestions_left < num) {
        return NULL;
    }
    t->suggestions_left -= num;
    const char **ids = calloc(num + 1, sizeof(*ids));
    for (size_t i = 0; ids != NULL && i < num; i++) {
        ids[i] = policy->rules[i].id;
    }
    const char *meant = ids == NULL ? NULL : yaml_suggest(id, ids);
    free(ids);
    return meant;
}

/* complain_party - unless there is somebody of that name. */
static bool complain_party(struct test_reader *t, const struct yaml_node *n, const char *what,
                           struct slice principal)
{
    char problem[POLICY_PROBLEM_MAX];
    const size_t num = t->policy->num_clients;
    const bool suggest = t->suggestions_left >= num;
    if (!policy_principal_problem(t->policy, principal, suggest, problem)) {
        return true;
    }
    t->suggestions_left -= suggest ? num : 0;
    yaml_complain(&t->r, n, "%s: %s", what, problem);
    return false;
}

static bool read_as(struct test_reader *t, const struct yaml_node *test, struct test_case *ret)
{
    const struct yaml_node *n = yaml_get(test, "as");
    if (n == NULL) {
        yaml_complain(&t->r, test, "this test needs as: who asks, a client's id or id:instance");
        return false;
    }
    return yaml_read_text(&t->r, n, "as", &ret->as) && complain_party(t, n, "as", ret->as) &&
           policy_caller_by_principal(t->policy, ret->as, &ret->caller);
}

/* read_party - whom it is asked for; that there is nobody of that name may be what is tested. */
static bool read_party(struct test_reader *t, const struct yaml_node *test, struct test_case *ret)
{
    const struct yaml_node *n = yaml_get(test, "on_behalf_of");
    return n == NULL || yaml_read_text(&t->r, n, "on_behalf_of", &ret->asked.ask.on_behalf_of);
}

static bool read_from(struct test_reader *t, const struct yaml_node *n, struct test_case *ret)
{
    struct slice text;
    struct cb_err err;
    if (n == NULL) {
        return true;
    }
    if (!yaml_read_text(&t->r, n, "from", &text)) {
        return false;
    }
    ret->caller.peer = &ret->peer;
    return complain(t, n, "from", ask_text_peer(t->scratch, text, &ret->peer, &err), &err);
}

static bool read_claims(struct test_reader *t, const struct yaml_node *n, struct test_case *ret)
{
    bool good = true;
    if (n == NULL) {
        return true;
    }
    if (n->kind != YAML_MAP || n->num > TEST_CLAIMS_MAX) {
        yaml_complain(&t->r, n, "claims must be a map of at most %u claims, as in {ns: payments}",
                      TEST_CLAIMS_MAX);
        return false;
    }
    for (const struct yaml_node *c = n->first; c != NULL; c = c->next) {
        struct policy_claim *claim = &ret->claims[ret->caller.num_claims];
        claim->name = c->key;
        if (yaml_read_text(&t->r, c, "a claim", &claim->value)) {
            ret->caller.num_claims++;
        } else {
            good = false;
        }
    }
    ret->caller.claims = ret->claims;
    return good;
}

/* ---- what ---- */

static bool read_hosts(struct test_reader *t, const struct yaml_node *n, struct ask_text *asked)
{
    bool good = true;
    if (n == NULL || (n->kind == YAML_LIST && n->num == 0)) { /* a request may say [] */
        return true;
    }
    if (!yaml_check_list(&t->r, n, "hosts")) {
        return false;
    }
    for (const struct yaml_node *host = n->first; host != NULL; host = host->next) {
        struct slice text;
        struct cb_err err;
        good = yaml_read_text(&t->r, host, "a host", &text) &&
               complain(t, host, "hosts", ask_text_add_name(asked, text, &err), &err) && good;
    }
    return good;
}

static bool read_cn(struct test_reader *t, const struct yaml_node *n, struct ask_text *asked)
{
    struct slice text;
    struct cb_err err;
    if (n == NULL) {
        return true;
    }
    return yaml_read_text(&t->r, n, "cn", &text) &&
           complain(t, n, "cn", ask_text_set_common_name(asked, text, &err), &err);
}

static bool read_value(struct test_reader *t, const struct yaml_node *n, struct slice word,
                       struct ask_text *asked)
{
    struct slice text;
    struct cb_err err;
    return yaml_read_text(&t->r, n, "a subject attribute", &text) &&
           complain(t, n, "subject", ask_text_add_subject(asked, word, text, &err), &err);
}

static bool read_subject(struct test_reader *t, const struct yaml_node *n, struct ask_text *asked)
{
    bool good = true;
    if (n == NULL) {
        return true;
    }
    if (n->kind != YAML_MAP) {
        yaml_complain(&t->r, n, "subject must be a map, as in {O: Acme}");
        return false;
    }
    for (const struct yaml_node *attr = n->first; attr != NULL; attr = attr->next) {
        if (attr->kind != YAML_LIST) {
            good = read_value(t, attr, attr->key, asked) && good;
            continue;
        }
        for (const struct yaml_node *item = attr->first; item != NULL; item = item->next) {
            good = read_value(t, item, attr->key, asked) && good;
        }
    }
    return good;
}

static bool read_key(struct test_reader *t, const struct yaml_node *n, struct ask_text *asked)
{
    struct slice text;
    struct cb_err err;
    if (n == NULL) {
        return true;
    }
    return yaml_read_text(&t->r, n, "key", &text) &&
           complain(t, n, "key", ask_text_set_key(asked, text, &err), &err);
}

static bool read_at(struct test_reader *t, const struct yaml_node *n, int64_t *ret_s)
{
    struct slice text;
    int64_t us = 0;
    if (n == NULL) {
        return true;
    }
    if (!yaml_read_text(&t->r, n, "at", &text)) {
        return false;
    }
    if (!time_parse(text, &us)) {
        char quoted[NAME_QUOTE_SIZE];
        yaml_complain(&t->r, n,
                      "at must be a UTC time (2027-03-31T18:00:00Z) or a date, not \"%s\"",
                      name_quote(text, quoted));
        return false;
    }
    *ret_s = us / 1000000;
    return true;
}

static bool check_action(struct test_reader *t, const struct yaml_node *test,
                         enum policy_action action)
{
    bool good = true;
    for (size_t i = 0; i < sizeof(only_for) / sizeof(only_for[0]); i++) {
        const struct yaml_node *n = yaml_get(test, only_for[i].key);
        if (n != NULL && (only_for[i].actions & 1U << (unsigned)action) == 0) {
            diag_add(t->r.diags, DIAG_ERROR, yaml_key_place(&t->r, n),
                     "%s means nothing with the action %s", only_for[i].key,
                     policy_action_word(action));
            good = false;
        }
    }
    return good;
}

static bool read_ask(struct test_reader *t, const struct yaml_node *test, struct test_case *ret)
{
    struct ask_text *asked = &ret->asked;
    const struct yaml_node *action = yaml_get(test, "action");
    const struct yaml_node *relation = yaml_get(test, "relation");
    size_t choice = 0;
    bool good =
        action == NULL || yaml_read_choice(&t->r, action, "action", ask_text_actions, &choice);
    asked->ask.action = (enum policy_action)choice;
    choice = 0;
    good = (relation == NULL ||
            yaml_read_choice(&t->r, relation, "relation", ask_text_relations, &choice)) &&
           good;
    asked->ask.relation = (enum cert_relation)choice;
    good = check_action(t, test, asked->ask.action) && good;
    good = read_hosts(t, yaml_get(test, "hosts"), asked) && good;
    good = read_cn(t, yaml_get(test, "cn"), asked) && good;
    good = read_subject(t, yaml_get(test, "subject"), asked) && good;
    good = read_key(t, yaml_get(test, "key"), asked) && good;
    const struct yaml_node *profile = yaml_get(test, "profile");
    if (profile != NULL) {
        asked->ask.profile_omitted = false;
        good = yaml_read_text(&t->r, profile, "profile", &asked->ask.profile) && good;
    }
    return read_party(t, test, ret) && good;
}

/* ---- what should come of it ---- */

static bool check_rule(struct test_reader *t, const struct yaml_node *n, struct slice id)
{
    size_t at = 0;
    char quoted[NAME_QUOTE_SIZE];
    if (table_get(t->rule_ids, 0, id, &at)) {
        return true;
    }
    const char *meant = suggest_rule(t, id);
    yaml_complain(&t->r, n, "there is no rule \"%s\"%s%s%s", name_quote(id, quoted),
                  meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
                  meant == NULL ? "" : "\"?");
    return false;
}

static bool check_reason(struct test_reader *t, const struct yaml_node *n, struct slice word)
{
    enum policy_reason reason = REASON_ALLOWED;
    if (policy_reason_parse(word, &reason) && reason != REASON_ALLOWED) {
        return true;
    }
    const char *words[POLICY_REASON_COUNT + 1] = {NULL};
    for (unsigned i = 1; i < POLICY_REASON_COUNT; i++) {
        words[i - 1] = policy_reason_word((enum policy_reason)i);
    }
    char quoted[NAME_QUOTE_SIZE];
    const char *meant = yaml_suggest(word, words);
    yaml_complain(&t->r, n, "there is no reason \"%s\"%s%s%s", name_quote(word, quoted),
                  meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
                  meant == NULL ? "" : "\"?");
    return false;
}

static bool read_expectation(struct test_reader *t, const struct yaml_node *test,
                             struct test_case *ret)
{
    static const char *const words[] = {"allow", "deny", NULL};
    const struct yaml_node *expect = yaml_get(test, "expect");
    const struct yaml_node *rule = yaml_get(test, "rule");
    const struct yaml_node *reason = yaml_get(test, "reason");
    size_t choice = 0;
    if (expect == NULL) {
        yaml_complain(&t->r, test, "this test needs expect: allow or deny");
        return false;
    }
    bool good = yaml_read_choice(&t->r, expect, "expect", words, &choice);
    ret->expect_allow = choice == 0;
    if (rule != NULL) {
        good = yaml_read_text(&t->r, rule, "rule", &ret->rule) && check_rule(t, rule, ret->rule) &&
               good;
    }
    if (reason != NULL && good && ret->expect_allow) {
        diag_add(t->r.diags, DIAG_ERROR, yaml_key_place(&t->r, reason),
                 "reason goes with expect: deny only");
        return false;
    }
    if (reason != NULL) {
        good = yaml_read_text(&t->r, reason, "reason", &ret->reason) &&
               check_reason(t, reason, ret->reason) && good;
    }
    return good;
}

bool test_read(struct test_reader *t, const struct yaml_node *n, struct test_case *ret)
{
    const struct yaml_node *name = yaml_get(n, "name");
    ret->name = (struct slice){NULL, 0};
    ret->rule = (struct slice){NULL, 0};
    ret->reason = (struct slice){NULL, 0};
    ret->caller = (struct policy_caller){.client = NULL};
    ask_text_init(&ret->asked, t->scratch);
    bool good = yaml_check_keys_hinted(&t->r, n, "a test", test_keys, synonyms);
    if (n->kind != YAML_MAP) {
        return false;
    }
    if (name != NULL) {
        good = yaml_read_text(&t->r, name, "name", &ret->name) && good;
    }
    good = read_as(t, n, ret) && good;
    good = read_from(t, yaml_get(n, "from"), ret) && good;
    good = read_claims(t, yaml_get(n, "claims"), ret) && good;
    good = read_at(t, yaml_get(n, "at"), &ret->at_s) && good;
    good = read_ask(t, n, ret) && good;
    good = read_expectation(t, n, ret) && good;
    ask_text_done(&ret->asked);
    return good;
}
