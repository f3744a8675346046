/* test_decide_delegate.c - acting for somebody else: both parties' rules, deny rules of both, and what
 * comes with the permission. */
#include "tests/unit/policy/asking.h"

static const char acting[] =
    "version: 1\n"
    "clients:\n"
    "  orch: {auth: [{mtls: {cn: orch}}]}\n"
    "  pay: {auth: [{mtls: {cn: pay}}]}\n"
    "  hr: {auth: [{mtls: {cn: hr}}]}\n"
    "  idle: {auth: [{mtls: {cn: idle}}]}\n"
    "  pods: {auth: [{mtls: {uri: \"spiffe://x.y/ns/*/sa/pod\"}}]}\n"
    "  other: {auth: [{mtls: {cn: other}}]}\n"
    "  hr-acts: {auth: [{mtls: {cn: hr-acts}}]}\n"
    "  mixed: {auth: [{mtls: {cn: mixed}}, {mtls: {uri: \"spiffe://x.y/mixed/*\"}}]}\n"
    "rules:\n"
    "  - id: orch-acts\n"
    "    owner: platform\n"
    "    clients: [orch]\n"
    "    delegate: {for: [pods, pay, idle, mixed]}\n"
    "    actions: [newcert, revoke]\n"
    "    names: {dns: [\"**.x.y\"]}\n"
    "    subject: {O: [Acme, Other], C: [NL], OU: {fixed: Run}, L: {fixed: Utrecht}}\n"
    "    profiles: [server, peer]\n"
    "    max_validity: 10h\n"
    "    max_names: 3\n"
    "    from: [10.0.0.0/8]\n"
    "    rate: {count: 100, per: 1m}\n"
    "  - id: orch-own\n"
    "    clients: [orch]\n"
    "    actions: [newcert]\n"
    "    names: {dns: [orch.x.y]}\n"
    "    profiles: [server]\n"
    "    max_validity: 1h\n"
    "  - id: pay-own\n"
    "    owner: payments\n"
    "    clients: [pay]\n"
    "    actions: [newcert, revoke]\n"
    "    names: {dns: [\"*.pay.x.y\", pay.z.y]}\n"
    "    subject: {O: [Acme], C: {fixed: NL}, OU: [Run], L: [Utrecht]}\n"
    "    profiles: [server, client]\n"
    "    max_validity: 20h\n"
    "    max_names: 2\n"
    "    rate: {count: 3, per: 1h, burst: 5}\n"
    "    max_active: 7\n"
    "    auto_revoke_oldest: true\n"
    "  - id: pods-own\n"
    "    clients: [pods]\n"
    "    actions: [newcert]\n"
    "    names: {dns: [\"${mtls.uri.path[1]}.pods.x.y\"]}\n"
    "    profiles: [server]\n"
    "    max_validity: 5h\n"
    "    from: [10.1.0.0/16]\n"
    "    subject: {O: [Other], OU: [Run], L: [Utrecht]}\n"
    "  - {id: pay-acts, clients: [pay], delegate: {for: [hr]}, actions: [newcert], names: {dns: "
    "[\"**.x.y\"]}, profiles: [server], max_validity: 1h}\n"
    "  - {id: hr-acts, clients: [hr-acts], delegate: {for: [hr]}, actions: [newcert], names: {dns: "
    "[\"**.x.y\"]}, profiles: [server], max_validity: 1h}\n"
    "  - id: pay-acts-for-pods\n"
    "    clients: [pay]\n"
    "    delegate: {for: [pods]}\n"
    "    actions: [newcert]\n"
    "    names: {dns: [\"**.x.y\"]}\n"
    "    subject: {O: {fixed: Other}}\n"
    "    profiles: [server]\n"
    "    max_validity: 1h\n"
    "  - {id: pay-refused, effect: deny, clients: [pay], names: {dns: [secret.pay.x.y]}}\n"
    "  - {id: orch-refused, effect: deny, clients: [orch], names: {dns: [root.pay.x.y, "
    "secret.pay.x.y]}}\n"
    "  - {id: all-refused, effect: deny, names: {dns: [admin.pay.x.y]}}\n";

#define ORCH .client = "orch", .peer = "10.1.0.1"

static const struct expected acting_cases[] = {
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y"}, REASON_ALLOWED, "pay-own", NULL},
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y", .cn = "a.pay.x.y", .subject = "O=Acme"},
     REASON_ALLOWED,
     "pay-own",
     NULL},
    /* not without saying for whom, nor with a rule of one's own instead */
    {{ORCH, .names = "a.pay.x.y"}, REASON_NAME_NOT_ALLOWED, "orch-own", "not covered"},
    {{ORCH, .names = "orch.x.y"}, REASON_ALLOWED, "orch-own", NULL},
    {{ORCH, .for_whom = "pay", .names = "orch.x.y"},
     REASON_NAME_NOT_ALLOWED,
     "pay-own",
     "on behalf of \"pay\": name \"orch.x.y\" is not covered by rule pay-own"},
    {{ORCH, .for_whom = "orch", .names = "orch.x.y"},
     REASON_NOT_DELEGATED,
     NULL,
     "no rule lets client orch ask for newcert on behalf of \"orch\""},
    /* whom */
    {{ORCH, .for_whom = "nobody", .names = "a.pay.x.y"},
     REASON_UNKNOWN_PARTY,
     NULL,
     "on_behalf_of names \"nobody\""},
    {{ORCH, .for_whom = "", .names = "a.pay.x.y"}, REASON_UNKNOWN_PARTY, NULL, "\"\""},
    {{ORCH, .for_whom = "pods:spiffe://x.y/ns/a/sa/evil", .names = "a.pods.x.y"},
     REASON_UNKNOWN_PARTY,
     NULL,
     "evil"},
    {{ORCH, .for_whom = "pods", .names = "a.pods.x.y"},
     REASON_UNKNOWN_PARTY,
     NULL,
     "on_behalf_of: \"pods\" stands for many identities, and one of them is needed: pods:INSTANCE"},
    {{.client = "hr-acts", .for_whom = "pods", .names = "a.pods.x.y"},
     REASON_NOT_DELEGATED,
     NULL,
     "\"pods\""},
    {{ORCH, .for_whom = "mixed", .names = "a.mixed.x.y"}, REASON_NO_RULE, NULL, "client mixed"},
    {{ORCH, .for_whom = "hr", .names = "a.hr.x.y"}, REASON_NOT_DELEGATED, NULL, "\"hr\""},
    {{.client = "other", .for_whom = "pay", .names = "a.pay.x.y"},
     REASON_NOT_DELEGATED,
     NULL,
     "client other"},
    {{.client = "pay", .for_whom = "orch", .names = "orch.x.y"}, REASON_NOT_DELEGATED, NULL, "pay"},
    /* acting for others is not handed on: hr has no rule of its own */
    {{.client = "pay", .for_whom = "hr", .names = "a.hr.x.y"},
     REASON_NO_RULE,
     NULL,
     "on behalf of \"hr\": no rule allows client hr the action newcert"},
    {{ORCH, .for_whom = "idle", .names = "a.x.y"}, REASON_NO_RULE, NULL, "client idle"},
    /* both must allow it: the first column of faults is the delegating rule's */
    {{ORCH, .for_whom = "pay", .names = "pay.z.y"},
     REASON_NAME_NOT_ALLOWED,
     "orch-acts",
     "on behalf of \"pay\": name \"pay.z.y\" is not covered by rule orch-acts"},
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y", .profile = "client"},
     REASON_PROFILE,
     "orch-acts",
     "client"},
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y", .profile = "peer"},
     REASON_PROFILE,
     "pay-own",
     "peer"},
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y b.pay.x.y c.pay.x.y d.pay.x.y"},
     REASON_TOO_MANY_NAMES,
     "orch-acts",
     "4 names"},
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y b.pay.x.y c.pay.x.y"},
     REASON_TOO_MANY_NAMES,
     "pay-own",
     "3 names"},
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y", .subject = "O=Other"},
     REASON_SUBJECT,
     "pay-own",
     "O=\"Other\""},
    {{ORCH, .for_whom = "pay", .names = "a.pay.x.y", .subject = "C=BE"},
     REASON_SUBJECT,
     "orch-acts",
     "C=\"BE\""},
    {{.client = "orch", .peer = "11.0.0.1", .for_whom = "pay", .names = "a.pay.x.y"},
     REASON_SOURCE,
     "orch-acts",
     "11.0.0.1"},
    /* instances: their own placeholders, the peer of the real request */
    {{ORCH, .for_whom = "pods:spiffe://x.y/ns/red/sa/pod", .names = "red.pods.x.y"},
     REASON_ALLOWED,
     "pods-own",
     NULL},
    {{ORCH, .for_whom = "pods:spiffe://x.y/ns/red/sa/pod", .names = "blue.pods.x.y"},
     REASON_NAME_NOT_ALLOWED,
     "pods-own",
     "on behalf of \"pods:spiffe://x.y/ns/red/sa/pod\": name"},
    {{.client = "orch",
      .peer = "10.2.0.1",
      .for_whom = "pods:spiffe://x.y/ns/red/sa/pod",
      .names = "red.pods.x.y"},
     REASON_SOURCE,
     "pods-own",
     "10.2.0.1"},
    {{.client = "pay",
      .peer = "10.1.0.1",
      .for_whom = "pods:spiffe://x.y/ns/red/sa/pod",
      .names = "red.pods.x.y"},
     REASON_ALLOWED,
     "pods-own",
     NULL},
    /* deny rules of both, and everybody's; the first in the file is named */
    {{ORCH, .for_whom = "pay", .names = "secret.pay.x.y"},
     REASON_DENY_RULE,
     "pay-refused",
     "on behalf of \"pay\": name \"secret.pay.x.y\" is refused by rule pay-refused"},
    {{ORCH, .for_whom = "pay", .names = "root.pay.x.y"}, REASON_DENY_RULE, "orch-refused", "root"},
    {{ORCH, .for_whom = "pay", .names = "admin.pay.x.y"}, REASON_DENY_RULE, "all-refused", "admin"},
    {{.client = "pay", .names = "root.pay.x.y"}, REASON_ALLOWED, "pay-own", NULL},
    {{ORCH, .for_whom = "nobody", .names = "root.pay.x.y"},
     REASON_DENY_RULE,
     "orch-refused",
     "root"},
    /* revoke: the relation is that of the party */
    {{ORCH, .for_whom = "pay", .action = ACTION_REVOKE, .names = "a.pay.x.y"},
     REASON_ALLOWED,
     "pay-own",
     NULL},
    /* ... and only what the delegating rule's names are about */
    {{ORCH, .for_whom = "pay", .action = ACTION_REVOKE, .names = "a.pay.x.y pay.z.y"},
     REASON_NOT_OWNER,
     "orch-acts",
     "on behalf of \"pay\": the certificate carries names that rule orch-acts does not cover"},
    {{ORCH, .for_whom = "pay", .action = ACTION_REVOKE}, REASON_NOT_OWNER, "orch-acts", "carries"},
    {{ORCH, .for_whom = "pay", .action = ACTION_REVOKE, .relation = CERT_FOREIGN},
     REASON_NOT_OWNER,
     "orch-acts",
     "on behalf of \"pay\": the certificate was issued to another client"},
    {{ORCH, .for_whom = "pods:spiffe://x.y/ns/red/sa/pod", .action = ACTION_REVOKE,
      .names = "red.pods.x.y"},
     REASON_NO_RULE,
     NULL,
     "revoke"},
    {{ORCH, .for_whom = "pay", .action = ACTION_INFO}, REASON_ALLOWED, "pay-own", NULL},
    {{ORCH, .for_whom = "pay", .action = ACTION_INFO, .profile = "client"},
     REASON_PROFILE,
     "orch-acts",
     "client"},
};

static void test_acting(void **state)
{
    (void)state;
    CHECK_CASES(acting, acting_cases);
}

static void check_fixed(const struct policy_decision *d, const char *expected)
{
    char text[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < d->num_fixed; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s=%.*s;",
                                 subject_attr_word(d->fixed[i].type), (int)d->fixed[i].value.len,
                                 d->fixed[i].value.ptr);
    }
    assert_string_equal(text, expected);
}

/* What comes with the permission is of both rules. */
static void test_filled_in(void **state)
{
    (void)state;
    struct policy *p = load_text(acting);
    struct policy_decision d =
        decide(p, &(struct wanted){ORCH, .for_whom = "pay", .names = "a.pay.x.y"});
    assert_true(d.allowed);
    assert_string_equal(d.delegate_rule_id, "orch-acts");
    assert_string_equal(d.owner, "payments");
    assert_int_equal(d.max_validity_s, 10 * 3600);
    check_fixed(&d, "C=NL;L=Utrecht;OU=Run;");
    assert_string_equal(d.quota.rule_id, "pay-own");
    assert_int_equal(d.quota.rate_count, 3);
    assert_int_equal(d.quota.rate_per_ms, 3600000);
    assert_int_equal(d.quota.rate_burst, 5);
    assert_int_equal(d.quota.max_active, 7);
    assert_true(d.quota.auto_revoke_oldest);
    assert_string_equal(d.delegate_quota.rule_id, "orch-acts");
    assert_int_equal(d.delegate_quota.rate_count, 100);
    assert_int_equal(d.delegate_quota.rate_burst, 100);
    assert_int_equal(d.delegate_quota.max_active, 0);

    d = decide(p, &(struct wanted){ORCH, .for_whom = "pods:spiffe://x.y/ns/red/sa/pod",
                                   .names = "red.pods.x.y"});
    assert_int_equal(d.max_validity_s, 5 * 3600);
    assert_null(d.quota.rule_id);
    assert_string_equal(d.delegate_quota.rule_id, "orch-acts");

    d = decide(p, &(struct wanted){.client = "pay", .names = "a.pay.x.y"});
    assert_null(d.delegate_rule_id);
    assert_null(d.delegate_quota.rule_id);
    assert_int_equal(d.max_validity_s, 20 * 3600);
    check_fixed(&d, "C=NL;");

    d = decide(p, &(struct wanted){
                      ORCH, .for_whom = "pay", .action = ACTION_REVOKE, .names = "a.pay.x.y"});
    assert_true(d.allowed);
    assert_null(d.quota.rule_id); /* revoking the party's own certificate is not counted */
    assert_null(d.delegate_quota.rule_id);
    assert_int_equal(d.max_validity_s, 0);
    assert_int_equal(d.num_fixed, 0);

    d = decide(p, &(struct wanted){ORCH, .for_whom = "pay", .action = ACTION_INFO});
    assert_null(d.quota.rule_id);
    assert_null(d.delegate_quota.rule_id);

    /* refused by the party's rules: the caller's had allowed it */
    d = decide(p, &(struct wanted){ORCH, .for_whom = "pay", .names = "orch.x.y"});
    assert_string_equal(d.delegate_rule_id, "orch-acts");
    assert_null(d.quota.rule_id);
    d = decide(p, &(struct wanted){ORCH, .for_whom = "pay", .names = "pay.z.y"});
    assert_null(d.delegate_rule_id);
    policy_free(p);
}

/* Values that both fix must be the same, unless the request says it itself. */
static void test_conflict(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {{.client = "orch", .for_whom = "one", .names = "a.x.y"}, REASON_ALLOWED, "one", NULL},
        {{.client = "orch", .for_whom = "two", .names = "a.x.y"},
         REASON_SUBJECT,
         "two",
         "on behalf of \"two\": rules two and acts do not agree on subject attribute O"},
        {{.client = "orch", .for_whom = "two", .names = "a.x.y", .subject = "O=Acme"},
         REASON_SUBJECT,
         "two",
         "O=\"Acme\" is not the value that rule two sets"},
        {{.client = "orch", .for_whom = "three", .names = "a.x.y"},
         REASON_ALLOWED,
         "three-b",
         NULL},
        /* nor is anything filled in that the other would refuse if it were asked for */
        {{.client = "orch", .for_whom = "four", .names = "a.x.y"},
         REASON_SUBJECT,
         "four",
         "rules four and acts do not agree on subject attribute O"},
        {{.client = "orch", .for_whom = "five", .names = "a.x.y"},
         REASON_SUBJECT,
         "five",
         "rules five and acts do not agree on subject attribute OU"},
    };
    CHECK_CASES(
        "version: 1\n"
        "clients:\n"
        "  orch: {auth: [{mtls: {cn: orch}}]}\n"
        "  one: {auth: [{mtls: {cn: one}}]}\n"
        "  two: {auth: [{mtls: {cn: two}}]}\n"
        "  three: {auth: [{mtls: {cn: three}}]}\n"
        "  four: {auth: [{mtls: {cn: four}}]}\n"
        "  five: {auth: [{mtls: {cn: five}}]}\n"
        "groups: {all: [one, two, three, four, five]}\n"
        "rules:\n"
        "  - {id: acts, clients: [orch], delegate: {for: [all]}, actions: [newcert], names: {dns: "
        "[a.x.y]}, profiles: [server], max_validity: 1h, subject: {O: {fixed: Acme}}}\n"
        "  - {id: one, clients: [one], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
        "[server], max_validity: 1h, subject: {O: {fixed: Acme}}}\n"
        "  - {id: two, clients: [two], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
        "[server], max_validity: 1h, subject: {O: {fixed: Other}}}\n"
        "  - {id: three-a, clients: [three], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
        "[server], max_validity: 1h, subject: {O: {fixed: Other}}}\n"
        "  - {id: three-b, clients: [three], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
        "[server], max_validity: 1h, subject: {O: [Acme, Third]}}\n"
        "  - {id: four, clients: [four], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
        "[server], max_validity: 1h}\n"
        "  - {id: five, clients: [five], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
        "[server], max_validity: 1h, subject: {O: [Acme], OU: {fixed: Fifth}}}\n",
        cases);
}

/* What is allowed on behalf of a party is allowed to that party itself: never a union. */
static void test_never_more(void **state)
{
    (void)state;
    struct policy *p = load_text(acting);
    for (size_t i = 0; i < sizeof(acting_cases) / sizeof(acting_cases[0]); i++) {
        struct wanted w = acting_cases[i].wanted;
        if (w.for_whom == NULL || acting_cases[i].reason != REASON_ALLOWED) {
            continue;
        }
        w.client = w.for_whom;
        w.for_whom = NULL;
        assert_true(decide(p, &w).allowed);
    }
    policy_free(p);
}

/* A principal as long as one may be still leaves room to say who it was about. */
static void test_long_party(void **state)
{
    (void)state;
    struct policy *p = load_text(acting);
    char party[POLICY_PRINCIPAL_MAX + 1];
    memset(party, 'a', sizeof(party) - 1);
    party[sizeof(party) - 1] = '\0';
    memcpy(party, "pods:spiffe://x.y/ns/", 21);
    memcpy(party + sizeof(party) - 8, "/sa/pod", 7);
    const struct policy_decision d =
        decide(p, &(struct wanted){ORCH, .for_whom = party, .names = "zzz.pods.x.y"});
    assert_int_equal(d.reason, REASON_NAME_NOT_ALLOWED);
    assert_non_null(strstr(d.detail, "name \"zzz.pods.x.y\" is not covered by rule pods-own"));
    policy_free(p);
}

/* Of a revocation the rate counts, but not where the certificate is the party's own. */
static void test_quota_of_revoking(void **state)
{
    (void)state;
    struct policy *p = load_text(
        "version: 1\n"
        "clients: {api: {auth: [{mtls: {cn: api}}]}}\n"
        "rules:\n"
        "  - {id: r, clients: [api], actions: [newcert, revoke], names: {dns: [\"*.x.y\"]}, "
        "profiles: "
        "[server], max_validity: 1h, revoke: any, rate: {count: 3, per: 1h}, max_active: 7, "
        "auto_revoke_oldest: true}\n");
    static const enum cert_relation others[] = {CERT_FOREIGN, CERT_UNKNOWN};
    struct policy_decision d;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        d = decide(p, &(struct wanted){.action = ACTION_REVOKE, .relation = others[i]});
        assert_true(d.allowed);
        assert_string_equal(d.quota.rule_id, "r");
        assert_int_equal(d.quota.rate_count, 3);
        assert_int_equal(d.quota.max_active, 0);
        assert_false(d.quota.auto_revoke_oldest);
    }
    d = decide(p, &(struct wanted){.action = ACTION_REVOKE, .relation = CERT_OWN});
    assert_true(d.allowed);
    assert_null(d.quota.rule_id);
    assert_int_equal(d.quota.rate_count, 0);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acting),
        cmocka_unit_test(test_filled_in),
        cmocka_unit_test(test_quota_of_revoking),
        cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_never_more),
        cmocka_unit_test(test_long_party),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
