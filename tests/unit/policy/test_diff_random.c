/* test_diff_random.c - two random policies and many requests: whatever the second decides otherwise than
 * the first, the difference must have said that this client loses, or gains, something. And a policy
 * with its rules shuffled where that changes nothing must not differ at all. */
#include "policy/review.h"
#include "tests/unit/policy/support.h"

#define PAIRS 3000
#define ASKS 60

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned limit)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (unsigned)(r->state >> 33) % limit;
}

static const char *one_of(struct random *r, const char *const *words, unsigned num)
{
    return words[below(r, num)];
}
#define ONE_OF(r, words) one_of((r), (words), sizeof(words) / sizeof((words)[0]))

static const char *const patterns[] = {
    "a.acme.internal", "b.acme.internal",   "*.acme.internal",      "**.acme.internal",
    "x.a.internal",    "\"*.a.internal\"",  "\"${client}.a.internal\"", "\"**.a.internal\"",
    "web.a.internal",    "{regex: 'a[0-9].acme.internal'}"};
static const char *const names[] = {"a.acme.internal", "b.acme.internal", "x.y.acme.internal",
                                    "x.a.internal",    "z.a.internal",    "api.a.internal",
                                    "web.a.internal",    "a1.acme.internal", "*.a.internal",
                                    "*.acme.internal", "10.0.0.7"};
static const char *const profiles[] = {"one", "two", "three"};
static const char *const validities[] = {"24h", "72h", "720h"};
static const char *const common_names[] = {"in_names", "absent", "any", "[a.acme.internal, Robot 7]"};
static const char *const networks[] = {"10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16"};
static const char *const key_lists[] = {"{ecdsa: [256]}", "{ecdsa: [256, 384]}",
                                        "{rsa: {min: 2048, max: 4096}}",
                                        "{ecdsa: [384], rsa: [2048, 3072]}"};

static void add_list(struct random *r, struct buf *out, const char *const *words, unsigned num)
{
    const unsigned wanted = 1 + below(r, 3);
    unsigned first = below(r, num);
    for (unsigned i = 0; i < wanted; i++, first = (first + 1) % num) {
        const char *word = words[first];
        const bool is_plain = word[0] != '"' && word[0] != '{' && word[0] != '[';
        buf_printf(out, "%s%s%s%s", i == 0 ? "" : ", ", is_plain ? "\"" : "", word,
                   is_plain ? "\"" : "");
    }
}
#define ADD_LIST(r, out, words) add_list((r), (out), (words), sizeof(words) / sizeof((words)[0]))

static void add_options(struct random *r, struct buf *out)
{
    if (below(r, 3) == 0) {
        buf_printf(out, ", max_names: %u", 1 + below(r, 3));
    }
    if (below(r, 3) == 0) {
        buf_add_str(out, ", wildcards: true");
    }
    if (below(r, 3) == 0) {
        buf_printf(out, ", common_name: %s", ONE_OF(r, common_names));
    }
    if (below(r, 3) == 0) {
        buf_printf(out, ", keys: %s", ONE_OF(r, key_lists));
    }
    if (below(r, 4) == 0) {
        buf_add_str(out, ", until: 2026-01-01");
    }
    if (below(r, 4) == 0) {
        buf_add_str(out, ", from: [");
        ADD_LIST(r, out, networks);
        buf_add_char(out, ']');
    }
    if (below(r, 4) == 0) {
        buf_printf(out, ", subject: {O: {values: [Acme, Ajax], required: %s, max: %u}}",
                   below(r, 2) == 0 ? "true" : "false", 1 + below(r, 2));
    } else if (below(r, 4) == 0) {
        buf_printf(out, ", subject: {O: {fixed: %s}}", below(r, 2) == 0 ? "Acme" : "Ajax");
    }
    if (below(r, 3) == 0) {
        buf_printf(out, ", rate: {count: %u, per: 1m}", 1 + below(r, 3));
    }
}

static void add_rule(struct random *r, struct buf *out, unsigned number)
{
    static const char *const who[] = {"api", "web", "all"};
    static const char *const actions[] = {"newcert", "newcert, revoke", "info, newcert"};
    if (below(r, 5) == 0) {
        buf_printf(out, "  - {id: r%u, effect: deny", number);
        if (below(r, 2) == 0) {
            buf_printf(out, ", clients: [%s]", ONE_OF(r, who));
        }
        if (below(r, 3) == 0) {
            buf_printf(out, ", profiles: [%s]", ONE_OF(r, profiles));
        }
        buf_add_str(out, ", names: {dns: [");
        /* no placeholders in a deny rule */
        add_list(r, out, patterns, 6);
        buf_add_str(out, "]}}\n");
        return;
    }
    const char *client = ONE_OF(r, who);
    buf_printf(out, "  - {id: r%u, clients: [%s], actions: [%s], names: {dns: [", number, client,
               ONE_OF(r, actions));
    ADD_LIST(r, out, patterns);
    buf_printf(out, "]%s}, profiles: [", below(r, 3) == 0 ? ", ip: [10.0.0.0/8]" : "");
    ADD_LIST(r, out, profiles);
    buf_printf(out, "], max_validity: %s", ONE_OF(r, validities));
    if (strcmp(client, "api") == 0 && below(r, 4) == 0) {
        buf_add_str(out, ", delegate: {for: [web]}");
    }
    add_options(r, out);
    buf_add_str(out, "}\n");
}

#define RULES_MAX 6U

struct draft { /* a policy as the texts of its rules */
    char rules[RULES_MAX][900];
    unsigned num;
};

static struct policy *load_draft(const struct draft *d)
{
    struct buf text;
    buf_init(&text, 1U << 16);
    buf_add_str(&text, "version: 1\n"
                       "clients:\n"
                       "  api: {auth: [{mtls: {cn: api}}]}\n"
                       "  web: {auth: [{mtls: {cn: web}}]}\n"
                       "groups: {all: [api, web]}\n"
                       "rules:\n");
    for (unsigned i = 0; i < d->num; i++) {
        buf_add_str(&text, d->rules[i]);
    }
    struct policy *policy = load_text(text.data);
    buf_free(&text);
    return policy;
}

static void new_rule(struct random *r, char out[900], unsigned number)
{
    struct buf text;
    buf_init(&text, 899);
    add_rule(r, &text, number);
    assert_true(buf_ok(&text));
    memcpy(out, text.data, text.len + 1);
    buf_free(&text);
}

/* change - a rule more or less, another in its place, or two that change places. */
static void change(struct random *r, struct draft *d)
{
    const unsigned i = below(r, d->num);
    const unsigned k = below(r, d->num);
    char kept[900];
    switch (below(r, 4)) {
    case 0:
        if (d->num > 1) {
            memmove(d->rules[i], d->rules[d->num - 1], sizeof(d->rules[i]));
            d->num--;
        }
        break;
    case 1:
        if (d->num < RULES_MAX) {
            new_rule(r, d->rules[d->num], 10 + d->num);
            d->num++;
        }
        break;
    case 2:
        new_rule(r, d->rules[i], 20 + i);
        break;
    default:
        memcpy(kept, d->rules[i], sizeof(kept));
        memmove(d->rules[i], d->rules[k], sizeof(kept));
        memcpy(d->rules[k], kept, sizeof(kept));
        break;
    }
}

struct asking {
    struct arena arena;
    struct name names[4];
    struct name peer;
    struct subject_attr subject[2];
    struct policy_ask ask;
    const char *client;
};

static void new_ask(struct random *r, struct asking *a)
{
    *a = (struct asking){.client = below(r, 2) == 0 ? "api" : "web"};
    arena_init(&a->arena, 1U << 16);
    a->ask.action = (enum policy_action)below(r, POLICY_ACTION_COUNT);
    a->ask.action = below(r, 2) == 0 ? ACTION_NEWCERT : a->ask.action;
    const size_t num = below(r, 4);
    for (size_t i = 0; i < num; i++) {
        a->names[i] = name_of(&a->arena, ONE_OF(r, names));
    }
    a->ask.num_names = name_sort_unique(a->names, num);
    a->ask.names = a->names;
    if (below(r, 2) == 0) {
        static const char *const cns[] = {"a.acme.internal", "Robot 7", "x.a.internal"};
        a->ask.common_name = slice_of(ONE_OF(r, cns));
    }
    a->ask.num_subject = below(r, 3);
    for (size_t i = 0; i < a->ask.num_subject; i++) {
        a->subject[i] = (struct subject_attr){SUBJECT_O, below(r, 2) == 0 ? SLICE("Acme")
                                                                           : SLICE("Ajax")};
    }
    a->ask.subject = a->subject;
    a->ask.key_algo = below(r, 2) == 0 ? KEY_ECDSA : KEY_RSA;
    a->ask.key_bits = a->ask.key_algo == KEY_ECDSA ? 256 + 128 * below(r, 2) : 2048 + 1024 * below(r, 3);
    a->ask.profile = slice_of(ONE_OF(r, profiles));
    a->ask.relation = (enum cert_relation)below(r, 3);
    static const char *const peers[] = {"10.0.0.1", "10.1.0.1", "192.168.0.1", "8.8.8.8"};
    a->peer = name_of(&a->arena, ONE_OF(r, peers));
    if (below(r, 6) == 0) {
        a->ask.on_behalf_of = SLICE("web");
    }
}

static struct policy_decision decide(const struct policy *policy, const struct asking *a)
{
    struct policy_caller caller;
    struct policy_decision decision;
    assert_true(policy_caller_by_principal(policy, slice_of(a->client), &caller));
    caller.peer = &a->peer;
    policy_decide(policy, &caller, &a->ask, NOW_S, &decision);
    return decision;
}

/* has_change - was it said that this client, somebody it acts for, or everybody loses (gains)? */
static bool has_change(const struct policy_changes *changes, const struct asking *a, bool gains)
{
    for (size_t i = 0; i < changes->num; i++) {
        const struct policy_change *c = &changes->items[i];
        const bool is_party = a->ask.on_behalf_of.ptr != NULL &&
                              slice_eq_str(a->ask.on_behalf_of, c->client);
        if (c->gains == gains &&
            (strcmp(c->client, a->client) == 0 || strcmp(c->client, "*") == 0 || is_party)) {
            return true;
        }
    }
    return false;
}

static uint64_t validity(const struct policy_decision *d)
{
    return d->max_validity_s == 0 ? UINT64_MAX : d->max_validity_s;
}

static uint64_t rate(const struct policy_decision *d)
{
    return d->quota.rule_id == NULL || d->quota.rate_count == 0 ? UINT64_MAX : d->quota.rate_count;
}

static bool loses(const struct policy_decision *before, const struct policy_decision *after)
{
    return before->allowed && (!after->allowed || validity(after) < validity(before) ||
                               rate(after) < rate(before) || before->num_fixed > after->num_fixed);
}

static void check_pair(struct random *r, const struct draft *x, const struct draft *y,
                       size_t *ret_flips)
{
    struct policy *before = load_draft(x);
    struct policy *after = load_draft(y);
    struct policy_changes changes = {0};
    struct arena arena;
    struct cb_err err;
    arena_init(&arena, 16U << 20);
    assert_int_equal(policy_diff(before, after, &arena, &changes, &err), CB_OK);
    for (unsigned i = 0; i < ASKS; i++) {
        struct asking a;
        new_ask(r, &a);
        const struct policy_decision old = decide(before, &a);
        const struct policy_decision new = decide(after, &a);
        const bool lost = loses(&old, &new);
        const bool gained = loses(&new, &old);
        *ret_flips += lost || gained ? 1 : 0;
        if ((lost && !has_change(&changes, &a, false)) ||
            (gained && !has_change(&changes, &a, true))) {
            for (unsigned k = 0; k < x->num; k++) {
                print_error("- %s", x->rules[k]);
            }
            for (unsigned k = 0; k < y->num; k++) {
                print_error("+ %s", y->rules[k]);
            }
            fail_msg("%s %s: %s, %s", a.client, lost ? "loses" : "gains",
                     policy_reason_word(old.reason), policy_reason_word(new.reason));
        }
        arena_free(&a.arena);
    }
    arena_free(&arena);
    policy_free(before);
    policy_free(after);
}

static void test_nothing_is_hidden(void **state)
{
    (void)state;
    struct random r = {88172645463325252ULL};
    size_t flips = 0;
    for (unsigned pair = 0; pair < PAIRS; pair++) {
        struct draft before = {.num = 1 + below(&r, RULES_MAX - 1)};
        for (unsigned i = 0; i < before.num; i++) {
            new_rule(&r, before.rules[i], i);
        }
        struct draft after = before;
        const unsigned changes = 1 + below(&r, 2);
        for (unsigned i = 0; i < changes; i++) {
            change(&r, &after);
        }
        check_pair(&r, &before, &after, &flips);
    }
    assert_true(flips > 1000); /* there was something to hide */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_hidden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
