/* test_decide_index.c - names that are looked up decide as names that are gone through one by one: many
 * requests, decided by a policy as loaded and by the same one without its sets. */
#include "policy/rule.h"
#include "tests/unit/policy/asking.h"

#define NUM_RULES 40U
#define NUM_ASKS 4000U

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 16;
}

/* random_name - out of few enough that patterns and names meet often. */
static void random_name(uint32_t *random, bool pattern, char *out, size_t room)
{
    static const char *const front[] = {"", "a.", "b.", "a.b.", "c.a.", "*.", "**."};
    static const char *const back[] = {"p.x.y", "q.x.y", "r.p.x.y", "a.x.y", "s.x.y"};
    const unsigned num_front = pattern ? 7 : 6; /* a name may be a wildcard, but not have ** */
    if (next_random(random) % 8 == 0) {
        (void)snprintf(out, room, pattern ? "10.%u.0.0/16" : "10.%u.1.2", next_random(random) % 6);
        return;
    }
    (void)snprintf(out, room, "%s%s", front[next_random(random) % num_front],
                   back[next_random(random) % 5]);
}

static void write_patterns(FILE *out, uint32_t *random, unsigned num)
{
    char seen[40][64];
    unsigned num_seen = 0;
    for (int ip = 0; ip < 2; ip++) {
        (void)fprintf(out, ip == 0 ? "{dns: [" : "], ip: [");
        (void)fprintf(out, ip == 0 ? "z.z.y" : "172.16.0.0/12");
        for (unsigned i = 0; i < num; i++) {
            char text[64];
            bool again = false;
            random_name(random, true, text, sizeof(text));
            for (unsigned k = 0; k < num_seen; k++) {
                again = again || strcmp(seen[k], text) == 0;
            }
            if (again || (strchr(text, '/') != NULL) != (ip == 1) || num_seen == 40) {
                continue;
            }
            (void)snprintf(seen[num_seen++], sizeof(seen[0]), "%s", text);
            (void)fprintf(out, ", \"%s\"", text);
        }
    }
    (void)fprintf(out, "]}");
}

static char *random_policy(uint32_t *random)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    (void)fputs("version: 1\nclients:\n  api: {auth: [{mtls: {cn: api}}]}\n"
                "  web: {auth: [{mtls: {cn: web}}]}\nrules:\n",
                out);
    for (unsigned i = 0; i < NUM_RULES; i++) {
        const unsigned kind = next_random(random) % 8 == 0 ? 0 : 1 + next_random(random) % 3;
        (void)fprintf(out, "  - {id: r%u, ", i);
        if (kind == 0) {
            (void)fprintf(out, "clients: [api, web], actions: [newcert, revoke], revoke: names, "
                               "profiles: [server, client], max_validity: 1h, common_name: any, ");
        } else {
            (void)fprintf(out, "effect: deny, %s%s%s", kind == 1 ? "clients: [api], " : "",
                          next_random(random) % 6 == 0 ? "profiles: [client], " : "",
                          next_random(random) % 6 == 0 ? "actions: [newcert, revoke], " : "");
        }
        (void)fprintf(
            out, "%snames: ", kind == 0 && next_random(random) % 2 == 0 ? "wildcards: true, " : "");
        write_patterns(out, random, kind == 0 ? 12 : next_random(random) % 3);
        (void)fprintf(out, "}\n");
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

/* without_sets - only to look at: the lists say the same. */
static void without_sets(struct policy *p)
{
    p->deny_names = NULL;
    p->deny_others = p->deny_everybody;
    for (size_t i = 0; i < p->num_rules; i++) {
        p->rules[i].name_set = NULL;
    }
}

static void ask_both(const struct policy *sets, const struct policy *lists, uint32_t *random,
                     size_t counts[POLICY_REASON_COUNT])
{
    char names[300] = "";
    char cn[64];
    size_t used = 0;
    const unsigned num = 1 + next_random(random) % 3;
    for (unsigned i = 0; i < num; i++) {
        char name[64];
        random_name(random, false, name, sizeof(name));
        used +=
            (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i == 0 ? "" : " ", name);
    }
    random_name(random, false, cn, sizeof(cn));
    const struct wanted w = {
        .client = next_random(random) % 2 == 0 ? "api" : "web",
        .action = next_random(random) % 4 == 0 ? ACTION_REVOKE : ACTION_NEWCERT,
        .relation = CERT_FOREIGN,
        .names = names,
        .cn = next_random(random) % 2 == 0 ? cn : NULL,
        .profile = next_random(random) % 4 == 0 ? "client" : "server",
    };
    const struct policy_decision a = decide(sets, &w);
    const struct policy_decision b = decide(lists, &w);
    if (a.reason != b.reason || strcmp(a.detail, b.detail) != 0 || a.name_index != b.name_index ||
        (a.rule_id != NULL && strcmp(a.rule_id, b.rule_id) != 0)) {
        fail_msg("%s: %s %s, not %s %s", names, a.rule_id, a.detail, b.rule_id, b.detail);
    }
    counts[a.reason]++;
}

static void test_same(void **state)
{
    (void)state;
    size_t counts[POLICY_REASON_COUNT] = {0};
    size_t with_set = 0;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        uint32_t random = seed;
        char *text = random_policy(&random);
        struct policy *sets = load_text(text);
        struct policy *lists = load_text(text);
        for (size_t i = 0; i < sets->num_rules; i++) {
            with_set += sets->rules[i].name_set != NULL ? 1U : 0U;
        }
        assert_true(sets->deny_names != NULL && sets->deny_others.num > 0);
        without_sets(lists);
        for (unsigned i = 0; i < NUM_ASKS; i++) {
            ask_both(sets, lists, &random, counts);
        }
        policy_free(sets);
        policy_free(lists);
        free(text);
    }
    assert_true(with_set > 8);
    /* none of the answers is rare */
    assert_true(counts[REASON_ALLOWED] > 500);
    assert_true(counts[REASON_DENY_RULE] > 500);
    assert_true(counts[REASON_NAME_NOT_ALLOWED] > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
