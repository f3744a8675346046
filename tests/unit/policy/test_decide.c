/* test_decide.c - who may have what: every reason, the nearest rule, deny over allow. */
#include "tests/unit/policy/asking.h"

#define CLIENTS                                                                                    \
    "version: 1\n"                                                                                 \
    "clients:\n"                                                                                   \
    "  api: {auth: [{mtls: {cn: api}}]}\n"                                                         \
    "  web: {auth: [{mtls: {cn: web}}]}\n"                                                         \
    "  bystander: {auth: [{mtls: {cn: bystander}}]}\n"                                             \
    "rules:\n"

/* ---- every condition of one rule ---- */

static const char one_rule[] =
    CLIENTS "  - id: main\n"
            "    owner: team@x\n"
            "    ticket: T-1\n"
            "    until: 2026-12-31\n"
            "    clients: [api]\n"
            "    actions: [newcert]\n"
            "    names:\n"
            "      dns: [a.x, \"*.pods.x\", \"**.deep.x\"]\n"
            "      ip: [10.20.0.0/16]\n"
            "      uri: [\"spiffe://x/ns/*\"]\n"
            "      email: [\"*@x\"]\n"
            "    subject: {C: [NL], O: [Acme, Acme BV], OU: [a]}\n"
            "    keys: {ecdsa: [256, 521], rsa: {min: 2048, max: 3072}}\n"
            "    profiles: [server, peer]\n"
            "    max_names: 4\n"
            "    max_validity: 720h\n"
            "    broad: true\n";

static const struct expected main_cases[] = {
    {{.names = "a.x"}, REASON_ALLOWED, "main", NULL},
    {{.names = "A.X"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x 10.20.0.1 spiffe://x/ns/p me@x"}, REASON_ALLOWED, "main", NULL},
    {{.names = "1.pods.x x.y.z.deep.x"}, REASON_ALLOWED, "main", NULL},
    {{.names = "10.20.255.255"}, REASON_ALLOWED, "main", NULL},
    {{.names = "::ffff:10.20.0.1"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x", .cn = "a.x"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x", .cn = "A.x"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x 10.20.0.1", .cn = "10.20.0.1"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x", .subject = "C=NL;O=Acme BV"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x", .key = "ecdsa 521", .profile = "peer"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x", .key = "rsa 2048"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x", .key = "rsa 3072"}, REASON_ALLOWED, "main", NULL},
    {{.names = "a.x", .now_s = 1798761599},
     REASON_ALLOWED,
     "main",
     NULL}, /* 2026-12-31T23:59:59Z */

    {{.names = "a.x", .now_s = 1798761600},
     REASON_RULE_EXPIRED,
     "main",
     "was valid until 2026-12-31"},
    {{.names = ""}, REASON_NO_NAMES, "main", "no host name and no IP address"},
    {{.names = "spiffe://x/ns/p me@x"}, REASON_NO_NAMES, "main", "no host name"},
    {{.names = "1.pods.x 2.pods.x 3.pods.x 4.pods.x 5.pods.x"},
     REASON_TOO_MANY_NAMES,
     "main",
     "5 names are asked for"},
    {{.names = "b.x"}, REASON_NAME_NOT_ALLOWED, "main", "name \"b.x\" is not covered by rule main"},
    {{.names = "a.x evil.y"}, REASON_NAME_NOT_ALLOWED, "main", "\"evil.y\""},
    {{.names = "a.x 10.21.0.1"}, REASON_NAME_NOT_ALLOWED, "main", "\"10.21.0.1\""},
    {{.names = "a.x spiffe://x/ns/p/q"}, REASON_NAME_NOT_ALLOWED, "main", "spiffe"},
    {{.names = "a.x me@y"}, REASON_NAME_NOT_ALLOWED, "main", "me@y"},
    {{.names = "pods.x"}, REASON_NAME_NOT_ALLOWED, "main", "pods.x"},
    {{.names = "*.pods.x"},
     REASON_NAME_NOT_ALLOWED,
     "main",
     "name \"*.pods.x\" is a wildcard, which rule main does not allow"},
    {{.names = "*.x"}, REASON_NAME_NOT_ALLOWED, "main", "not covered"},
    {{.names = "a.x", .cn = "1.pods.x"},
     REASON_COMMON_NAME,
     "main",
     "common name \"1.pods.x\" is not one of the names asked for"},
    {{.names = "a.x", .cn = "a.x."}, REASON_COMMON_NAME, "main", "a.x."},
    {{.names = "a.x", .cn = ""}, REASON_COMMON_NAME, "main", "\"\""},
    {{.names = "a.x", .cn = "Some Body"}, REASON_COMMON_NAME, "main", "Some Body"},
    {{.names = "a.x spiffe://x/ns/p", .cn = "spiffe://x/ns/p"},
     REASON_COMMON_NAME,
     "main",
     "spiffe"},
    {{.names = "a.x", .subject = "O=acme"},
     REASON_SUBJECT,
     "main",
     "subject O=\"acme\" is not allowed"},
    {{.names = "a.x", .subject = "L=Utrecht"}, REASON_SUBJECT, "main", "L=\"Utrecht\""},
    {{.names = "a.x", .subject = "serialNumber=1"}, REASON_SUBJECT, "main", "serialNumber=\"1\""},
    {{.names = "a.x", .subject = "OU=a;OU=a"},
     REASON_SUBJECT,
     "main",
     "OU is asked for more than once"},
    {{.names = "a.x", .key = "ecdsa 384"}, REASON_KEY, "main", "a key of ecdsa 384 bits"},
    {{.names = "a.x", .key = "rsa 3073"}, REASON_KEY, "main", "a key of rsa 3073 bits"},
    {{.names = "a.x", .key = "rsa 256"}, REASON_KEY, "main", "rsa 256"},
    {{.names = "a.x", .profile = "ca"},
     REASON_PROFILE,
     "main",
     "profile \"ca\" is not allowed by rule main"},
    {{.names = "a.x", .profile = "Server"}, REASON_PROFILE, "main", "\"Server\""},

    {{.client = "web", .names = "a.x"},
     REASON_NO_RULE,
     NULL,
     "no rule allows client web the action newcert"},
    {{.action = ACTION_REVOKE, .names = "a.x"}, REASON_NO_RULE, NULL, "the action revoke"},
    {{.action = ACTION_INFO}, REASON_ALLOWED, "main", NULL},
    {{.action = ACTION_INFO, .profile = "default"}, REASON_ALLOWED, "main", NULL},
    {{.action = ACTION_INFO, .profile = "ca"}, REASON_PROFILE, "main", "\"ca\""},
    {{.client = "web", .action = ACTION_INFO, .profile = "default"}, REASON_NO_RULE, NULL, "info"},
};

static void test_conditions(void **state)
{
    (void)state;
    CHECK_CASES(one_rule, main_cases);
}

static void test_filled_in(void **state)
{
    (void)state;
    struct policy *p = load_text(one_rule);
    struct policy_decision d = decide(p, &(struct wanted){.names = "a.x"});
    assert_string_equal(d.owner, "team@x");
    assert_string_equal(d.ticket, "T-1");
    assert_int_equal(d.max_validity_s, 720 * 3600);
    assert_int_equal(d.name_index, SIZE_MAX);
    assert_string_equal(d.place.file, "test.yaml");
    assert_int_equal(d.place.line, 7);
    d = decide(p, &(struct wanted){.names = "a.x b.x c.x"});
    assert_int_equal(d.name_index, 1);
    assert_int_equal(d.place.line, 13); /* names: */
    assert_int_equal(d.place.col, 5);
    assert_int_equal(d.max_validity_s, 0);
    d = decide(p, &(struct wanted){.names = "a.x", .key = "rsa 8192"});
    assert_int_equal(d.place.line, 19);
    d = decide(p, &(struct wanted){.names = "a.x", .cn = "z"}); /* not written in the rule */
    assert_int_equal(d.place.line, 7);
    d = decide(p, &(struct wanted){.client = "web", .names = "a.x"});
    assert_int_equal(d.place.line, 0);
    assert_null(d.owner);
    policy_free(p);
}

/* One name that is not allowed, at each position of a full request. */
static void test_every_position(void **state)
{
    (void)state;
    struct policy *p =
        load_text(CLIENTS "  - {id: r, clients: [api], actions: [newcert], names: {dns: "
                          "[\"*.good\"]}, profiles: [server], max_validity: 1h, broad: true}\n");
    for (unsigned bad = 0; bad < 100; bad++) {
        char text[4096] = "";
        size_t used = 0;
        for (unsigned i = 0; i < 100; i++) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%sn%02u.%s",
                                     i == 0 ? "" : " ", i, i == bad ? "bad" : "good");
        }
        const struct policy_decision d = decide(p, &(struct wanted){.names = text});
        assert_int_equal(d.reason, REASON_NAME_NOT_ALLOWED);
        assert_int_equal(d.name_index, bad);
    }
    policy_free(p);
}

/* ---- variants of conditions ---- */

static const char variants[] = CLIENTS
    "  - {id: wild, clients: [api], actions: [newcert], names: {dns: [\"**.x\", y]}, wildcards: "
    "true,\n"
    "     profiles: [wild], common_name: [\"*.cn.x\", Fleet, \"10.0.0.0/8\"], max_validity: 1h, "
    "broad: true}\n"
    "  - {id: none, clients: [api], actions: [newcert], no_names: true, common_name: any,\n"
    "     names: {email: [me@x]}, profiles: [none], max_validity: 1h, broad: true, keys: {rsa: "
    "[2048, 4096]}}\n"
    "  - {id: absent, clients: [api], actions: [newcert], names: {dns: [z]}, common_name: absent,\n"
    "     profiles: [absent], max_validity: 1h, broad: true}\n"
    "  - {id: tame, clients: [api], actions: [newcert], names: {dns: [t]}, common_name: "
    "[\"*.cn.x\"],\n"
    "     profiles: [tame], max_validity: 1h, broad: true}\n";

static const struct expected variant_cases[] = {
    {{.names = "*.x", .profile = "wild"}, REASON_ALLOWED, "wild", NULL},
    {{.names = "*.a.x", .profile = "wild"}, REASON_ALLOWED, "wild", NULL},
    {{.names = "*.y", .profile = "wild"}, REASON_NAME_NOT_ALLOWED, "wild", "not covered"},
    {{.names = "a.x", .cn = "b.cn.x", .profile = "wild"}, REASON_ALLOWED, "wild", NULL},
    {{.names = "a.x", .cn = "*.cn.x", .profile = "wild"}, REASON_ALLOWED, "wild", NULL},
    {{.names = "a.x", .cn = "Fleet", .profile = "wild"}, REASON_ALLOWED, "wild", NULL},
    {{.names = "a.x", .cn = "10.1.2.3", .profile = "wild"}, REASON_ALLOWED, "wild", NULL},
    {{.names = "a.x", .cn = "a.x", .profile = "wild"}, REASON_COMMON_NAME, "wild", "not allowed"},
    {{.names = "a.x", .profile = "wild", .key = "rsa 4096"}, REASON_ALLOWED, "wild", NULL},
    {{.names = "a.x", .profile = "wild", .key = "rsa 8192"}, REASON_KEY, "wild", "8192"},
    {{.names = "", .profile = "none", .key = "rsa 4096"}, REASON_ALLOWED, "none", NULL},
    {{.names = "me@x", .cn = "evil.y", .profile = "none", .key = "rsa 2048"},
     REASON_ALLOWED,
     "none",
     NULL},
    {{.names = "me@x", .profile = "none", .key = "rsa 3072"}, REASON_KEY, "none", "rsa 3072"},
    {{.names = "t", .cn = "a.cn.x", .profile = "tame"}, REASON_ALLOWED, "tame", NULL},
    {{.names = "t", .cn = "*.cn.x", .profile = "tame"}, REASON_COMMON_NAME, "tame", "*.cn.x"},
    {{.names = "z", .profile = "absent"}, REASON_ALLOWED, "absent", NULL},
    {{.names = "z", .cn = "z", .profile = "absent"}, REASON_COMMON_NAME, "absent", "allows none"},
};

static void test_variants(void **state)
{
    (void)state;
    CHECK_CASES(variants, variant_cases);
}

/* ---- the nearest rule ---- */

static const char several[] = CLIENTS
    "  - {id: old, clients: [api], actions: [newcert], names: {dns: [\"**.x\"]}, profiles: "
    "[server],\n"
    "     until: 2020-01-01, max_validity: 1h, broad: true}\n"
    "  - {id: two, clients: [api], actions: [newcert], names: {dns: [a.x, b.x]}, profiles: "
    "[server],\n"
    "     max_validity: 1h, broad: true}\n"
    "  - {id: three, clients: [api], actions: [newcert], names: {dns: [a.x, b.x, c.x]},\n"
    "     profiles: [peer], max_validity: 2h, broad: true}\n"
    "  - {id: same, clients: [api, web], actions: [newcert], names: {dns: [a.x, b.x, c.x]},\n"
    "     profiles: [client], max_validity: 3h, broad: true}\n"
    "  - {id: again, clients: [api], actions: [newcert], names: {dns: [a.x]}, profiles: [server],\n"
    "     max_validity: 4h, broad: true}\n";

static const struct expected several_cases[] = {
    {{.names = "a.x"}, REASON_ALLOWED, "two", NULL}, /* the first that allows */
    {{.names = "a.x c.x", .profile = "peer"}, REASON_ALLOWED, "three", NULL},
    {{.names = "a.x c.x"}, REASON_PROFILE, "three", "server"},           /* got further than two */
    {{.names = "a.x d.x"}, REASON_NAME_NOT_ALLOWED, "two", "d.x"},       /* all alike: file order */
    {{.names = "a.x c.x d.x"}, REASON_NAME_NOT_ALLOWED, "three", "d.x"}, /* more names covered */
    {{.client = "web", .names = "a.x"}, REASON_PROFILE, "same", "server"},
    {{.names = "a.x", .now_s = 1}, REASON_ALLOWED, "old", NULL},
};

static void test_nearest(void **state)
{
    (void)state;
    CHECK_CASES(several, several_cases);
}

/* ---- deny ---- */

static const char denies[] = CLIENTS
    "  - {id: allow-all, clients: [api, web], actions: [newcert, revoke, info], names: {dns: "
    "[\"**.x\"],\n"
    "     ip: [10.0.0.0/8], uri: [\"s://x/**\"], email: [\"*@x\"]}, wildcards: true, revoke: any,\n"
    "     common_name: any, profiles: [server], max_validity: 1h, broad: true}\n"
    "  - {id: admin, effect: deny, names: {dns: [admin.x, \"**.admin.x\", \"*.one.x\"]}}\n"
    "  - {id: web-revoke, effect: deny, clients: [web], actions: [revoke]}\n"
    "  - {id: net, effect: deny, clients: [api], owner: sec, names: {ip: [10.9.0.0/16], uri:\n"
    "     [\"s://x/root/**\"], email: [root@x]}}\n"
    "  - {id: keep, effect: deny, actions: [revoke], names: {dns: [keep.x]}}\n"
    "  - {id: web-info, effect: deny, clients: [web], actions: [info]}\n";

static const struct expected deny_cases[] = {
    {{.names = "a.x"}, REASON_ALLOWED, "allow-all", NULL},
    {{.names = "admin.x"}, REASON_DENY_RULE, "admin", "name \"admin.x\" is refused by rule admin"},
    {{.names = "a.x admin.x"}, REASON_DENY_RULE, "admin", "admin.x"},
    {{.names = "*.x"}, REASON_DENY_RULE, "admin", "\"*.x\""}, /* would be good for admin.x */
    {{.names = "b.admin.x"}, REASON_DENY_RULE, "admin", "b.admin.x"},
    {{.names = "*.admin.x"}, REASON_DENY_RULE, "admin", "*.admin.x"},
    {{.names = "*.a.admin.x"}, REASON_DENY_RULE, "admin", "*.a.admin.x"},
    {{.names = "*.one.x"}, REASON_DENY_RULE, "admin", "*.one.x"},
    {{.names = "one.x"}, REASON_ALLOWED, "allow-all", NULL},
    {{.names = "a.b.one.x"}, REASON_ALLOWED, "allow-all", NULL},
    {{.names = "*.b.x"}, REASON_ALLOWED, "allow-all", NULL},
    {{.names = "a.x", .cn = "admin.x"}, REASON_DENY_RULE, "admin", "common name \"admin.x\""},
    {{.names = "a.x", .cn = "ADMIN.x"}, REASON_DENY_RULE, "admin", "common name"},
    {{.names = "a.x", .cn = "admin.x."}, REASON_DENY_RULE, "admin", "common name"},
    {{.names = "a.x", .cn = "*.x"}, REASON_DENY_RULE, "admin", "common name"},
    {{.names = "a.x", .cn = "10.9.1.1"}, REASON_DENY_RULE, "net", "common name"},
    {{.names = "a.x", .cn = "free text"}, REASON_ALLOWED, "allow-all", NULL},
    {{.names = "a.x 10.9.0.1"}, REASON_DENY_RULE, "net", "10.9.0.1"},
    {{.names = "a.x s://x/root/a"}, REASON_DENY_RULE, "net", "root/a"},
    {{.names = "a.x s://x/root"}, REASON_ALLOWED, "allow-all", NULL},
    {{.names = "a.x Root@x"}, REASON_DENY_RULE, "net", "Root@x"},
    {{.client = "web", .names = "a.x 10.9.0.1"}, REASON_ALLOWED, "allow-all", NULL},
    /* a client without any allow rule is told of the deny rule all the same */
    {{.client = "bystander", .names = "admin.x"}, REASON_DENY_RULE, "admin", "admin.x"},
    {{.client = "bystander", .names = "a.x"}, REASON_NO_RULE, NULL, "bystander"},
    {{.action = ACTION_REVOKE, .names = "a.x"}, REASON_ALLOWED, "allow-all", NULL},
    /* a ban on names without actions is about issuing: what exists can be revoked */
    {{.action = ACTION_REVOKE, .names = "admin.x"}, REASON_ALLOWED, "allow-all", NULL},
    {{.action = ACTION_REVOKE, .names = "keep.x"}, REASON_DENY_RULE, "keep", "\"keep.x\""},
    {{.action = ACTION_REVOKE, .names = "keep.x", .relation = CERT_FOREIGN},
     REASON_DENY_RULE,
     "keep",
     "the certificate carries a name that rule keep refuses"},
    {{.client = "web", .action = ACTION_REVOKE, .names = "a.x"},
     REASON_DENY_RULE,
     "web-revoke",
     "rule web-revoke refuses revoke to this client"},
    {{.client = "web", .action = ACTION_INFO}, REASON_DENY_RULE, "web-info", "refuses info"},
    {{.action = ACTION_INFO}, REASON_ALLOWED, "allow-all", NULL},
};

static void test_deny(void **state)
{
    (void)state;
    CHECK_CASES(denies, deny_cases);
}

/* Of two deny rules that match the first in the file is named, whoever they are about. */
static void test_deny_order(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {{.names = "a"}, REASON_DENY_RULE, "own-1", "own-1"},
        {{.names = "b"}, REASON_DENY_RULE, "all-1", "all-1"},
        {{.names = "c"}, REASON_DENY_RULE, "own-2", "own-2"},
        {{.client = "web", .names = "a"}, REASON_DENY_RULE, "all-1", "all-1"},
    };
    CHECK_CASES(CLIENTS "  - {id: own-1, effect: deny, clients: [api], names: {dns: [a]}}\n"
                        "  - {id: all-1, effect: deny, names: {dns: [a, b]}}\n"
                        "  - {id: own-2, effect: deny, clients: [api], names: {dns: [b, c]}}\n"
                        "  - {id: all-2, effect: deny, names: {dns: [c]}}\n",
                cases);
}

/* ---- revoke ---- */

static const char revokes[] =
    CLIENTS "  - {id: own, clients: [api], actions: [revoke]}\n"
            "  - {id: names, clients: [web], actions: [revoke], revoke: names, names: {dns: "
            "[\"*.x\"]}, broad: true}\n"
            "  - {id: any, clients: [bystander], actions: [revoke], revoke: any}\n";

static const struct expected revoke_cases[] = {
    {{.action = ACTION_REVOKE, .names = "a.x"}, REASON_ALLOWED, "own", NULL},
    {{.action = ACTION_REVOKE, .names = ""}, REASON_ALLOWED, "own", NULL},
    {{.action = ACTION_REVOKE, .names = "a.x", .relation = CERT_FOREIGN},
     REASON_NOT_OWNER,
     "own",
     "issued to another client"},
    {{.action = ACTION_REVOKE, .relation = CERT_UNKNOWN},
     REASON_UNKNOWN_CERT,
     "own",
     "not issued through"},
    {{.client = "web", .action = ACTION_REVOKE, .names = "b.y"}, REASON_ALLOWED, "names", NULL},
    {{.client = "web", .action = ACTION_REVOKE, .names = "a.x b.x", .relation = CERT_FOREIGN},
     REASON_ALLOWED,
     "names",
     NULL},
    {{.client = "web", .action = ACTION_REVOKE, .names = "a.x b.y", .relation = CERT_FOREIGN},
     REASON_NOT_OWNER,
     "names",
     "does not cover the names in it"},
    {{.client = "web", .action = ACTION_REVOKE, .names = "", .relation = CERT_FOREIGN},
     REASON_NOT_OWNER,
     "names",
     "does not cover"},
    {{.client = "web", .action = ACTION_REVOKE, .names = "a.x", .relation = CERT_UNKNOWN},
     REASON_UNKNOWN_CERT,
     "names",
     "not issued through"},
    {{.client = "bystander", .action = ACTION_REVOKE, .relation = CERT_FOREIGN},
     REASON_ALLOWED,
     "any",
     NULL},
    {{.client = "bystander", .action = ACTION_REVOKE, .relation = CERT_UNKNOWN},
     REASON_ALLOWED,
     "any",
     NULL},
    {{.client = "api", .names = "a.x"}, REASON_NO_RULE, NULL, "newcert"},
};

static void test_revoke(void **state)
{
    (void)state;
    CHECK_CASES(revokes, revoke_cases);
    /* Another client's names are not described to the caller. */
    struct policy *p = load_text(revokes);
    const struct policy_decision d = decide(p, &(struct wanted){.client = "web",
                                                                .action = ACTION_REVOKE,
                                                                .names = "secret.y",
                                                                .relation = CERT_FOREIGN});
    assert_null(strstr(d.detail, "secret"));
    assert_int_equal(d.name_index, SIZE_MAX);
    policy_free(p);
}

/* ---- properties ---- */

/* A rule about another client changes no decision; nor does asking twice. */
static void test_unrelated_rule(void **state)
{
    (void)state;
    char text[4096];
    (void)snprintf(text, sizeof(text),
                   "%s  - {id: unrelated, clients: [bystander], actions: [newcert, revoke, info],\n"
                   "     names: {dns: [\"**.x\"]}, profiles: [server, peer, ca], max_validity: 1h, "
                   "broad: true}\n",
                   one_rule);
    struct policy *before = load_text(one_rule);
    struct policy *after = load_text(text);
    for (size_t i = 0; i < sizeof(main_cases) / sizeof(main_cases[0]); i++) {
        const struct policy_decision x = decide(before, &main_cases[i].wanted);
        const struct policy_decision y = decide(after, &main_cases[i].wanted);
        const struct policy_decision z = decide(after, &main_cases[i].wanted);
        assert_int_equal(x.reason, y.reason);
        assert_string_equal(x.detail, y.detail);
        assert_string_equal(y.detail, z.detail);
    }
    policy_free(before);
    policy_free(after);
}

/* Asking for less never needs more: of an allowed request with several names each single host or
 * address is allowed as well. */
static void test_subsets(void **state)
{
    (void)state;
    struct policy *p = load_text(one_rule);
    static const char *const singles[] = {"a.x", "10.20.0.1", "1.pods.x", "q.deep.x"};
    assert_true(decide(p, &(struct wanted){.names = "a.x 10.20.0.1 1.pods.x q.deep.x"}).allowed);
    for (size_t i = 0; i < 4; i++) {
        assert_true(decide(p, &(struct wanted){.names = singles[i]}).allowed);
    }
    policy_free(p);
}

static void test_words(void **state)
{
    (void)state;
    for (int i = 0; i < POLICY_REASON_COUNT; i++) {
        const char *word = policy_reason_word((enum policy_reason)i);
        enum policy_reason back = REASON_ALLOWED;
        assert_true(strlen(word) > 0);
        assert_true(policy_reason_parse(slice_of(word), &back));
        assert_int_equal(back, i);
    }
    enum policy_reason none = REASON_ALLOWED;
    assert_false(policy_reason_parse(SLICE("allow"), &none));
    assert_string_equal(policy_reason_word(REASON_COMMON_NAME), "common_name_not_allowed");
    assert_string_equal(policy_action_word(ACTION_INFO), "info");
    assert_string_equal(key_algo_word(KEY_RSA), "rsa");
    assert_string_equal(key_algo_word(KEY_ECDSA), "ecdsa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),     cmocka_unit_test(test_filled_in),
        cmocka_unit_test(test_every_position), cmocka_unit_test(test_variants),
        cmocka_unit_test(test_nearest),        cmocka_unit_test(test_deny),
        cmocka_unit_test(test_deny_order),     cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_unrelated_rule), cmocka_unit_test(test_subsets),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
