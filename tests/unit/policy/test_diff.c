/* test_diff.c - what is said of two policies: nothing where they mean the same, and the very thing that
 * changed where they do not. */
#include "policy/review.h"
#include "tests/unit/policy/support.h"

#include <time.h>

#define CLIENTS                                                                                    \
    "version: 1\n"                                                                                 \
    "clients:\n"                                                                                   \
    "  api: {auth: [{mtls: {uri: \"spiffe://acme.internal/ns/pay/sa/api\"}}]}\n"                   \
    "  web: {auth: [{mtls: {dns: web.acme.internal}}]}\n"
#define RULE(id, more)                                                                             \
    "  - {id: " id ", clients: [api], actions: [newcert], max_validity: 24h, " more "}\n"
#define A_NAMES "names: {dns: [a.acme.internal]}"
#define AB_NAMES "names: {dns: [a.acme.internal, b.acme.internal]}"
#define SERVER "profiles: [server]"

/* changes - "client - what: text (rule)\n" for each; free it. */
static char *changes(const char *before, const char *after)
{
    struct policy *old = load_text(before);
    struct policy *new = load_text(after);
    struct arena arena;
    struct policy_changes found = {0};
    struct cb_err err = {0};
    arena_init(&arena, 64U << 20);
    assert_int_equal(policy_diff(old, new, &arena, &found, &err), CB_OK);
    policy_free(old); /* what was found must not borrow from them */
    policy_free(new);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (size_t i = 0; i < found.num; i++) {
        const struct policy_change *c = &found.items[i];
        (void)fprintf(out, "%s %s %s (%s)\n", c->client, c->gains ? "+" : "-", c->text,
                      c->rule_id == NULL ? "" : c->rule_id);
    }
    assert_int_equal(fclose(out), 0);
    arena_free(&arena);
    return text;
}

struct example {
    const char *what;
    const char *before, *after;
    const char *forth; /* changes from before to after */
    const char *back;  /* and from after to before */
};

#define ONE(more) CLIENTS "rules:\n" RULE("r", more)

static const struct example examples[] = {
    {"itself", ONE(A_NAMES ", " SERVER), ONE(A_NAMES ", " SERVER), "", ""},
    {"renamed, owned and described otherwise", ONE(A_NAMES ", " SERVER),
     CLIENTS "rules:\n" RULE("other", A_NAMES ", owner: me, description: text, " SERVER), "", ""},
    {"lists in another order",
     ONE(AB_NAMES ", profiles: [server, client]"),
     ONE("names: {dns: [b.acme.internal, a.acme.internal]}, profiles: [client, server]"), "", ""},
    {"moved", CLIENTS "rules:\n" RULE("r", A_NAMES ", " SERVER) RULE("s", AB_NAMES ", " SERVER),
     CLIENTS "rules:\n" RULE("s", AB_NAMES ", " SERVER) RULE("r", A_NAMES ", " SERVER), "", ""},
    {"a pattern that another one covers",
     ONE("names: {dns: [\"**.acme.internal\", a.acme.internal]}, " SERVER),
     ONE("names: {dns: [\"**.acme.internal\"]}, " SERVER), "", ""},
    {"a placeholder for the client's id",
     ONE("names: {dns: [api.acme.internal]}, " SERVER),
     ONE("names: {dns: [\"${client}.acme.internal\"]}, " SERVER), "", ""},
    {"a placeholder for a part of its URI",
     ONE("names: {uri: [\"spiffe://acme.internal/ns/pay\"], dns: [x.example]}, " SERVER),
     ONE("names: {uri: [\"spiffe://acme.internal/ns/${mtls.uri.path[1]}\"], dns: [x.example]}, "
         SERVER),
     "", ""},
    {"through a group", ONE(A_NAMES ", " SERVER),
     CLIENTS "groups: {all: [api]}\nrules:\n"
             "  - {id: r, clients: [all], actions: [newcert], max_validity: 24h, " A_NAMES ", " SERVER
             "}\n",
     "", ""},
    {"split by action",
     CLIENTS "rules:\n  - {id: r, clients: [api], actions: [newcert, revoke], max_validity: 24h, "
     A_NAMES ", " SERVER "}\n",
     CLIENTS "rules:\n" RULE("r", A_NAMES ", " SERVER)
     "  - {id: r2, clients: [api], actions: [revoke]}\n",
     "", ""},
    {"split by profile", ONE(A_NAMES ", profiles: [server, client]"),
     CLIENTS "rules:\n" RULE("r", A_NAMES ", " SERVER) RULE("s", A_NAMES ", profiles: [client]"),
     "", ""},
    {"split by key",
     ONE(A_NAMES ", keys: {ecdsa: [256, 384], rsa: {min: 2048, max: 4096}}, " SERVER),
     CLIENTS "rules:\n" RULE("r", A_NAMES ", keys: {ecdsa: [256]}, " SERVER)
         RULE("s", A_NAMES ", keys: {ecdsa: [384], rsa: {min: 2048, max: 4096}}, " SERVER),
     "", ""},
    {"split by key and profile at once",
     ONE(A_NAMES ", keys: {ecdsa: [256, 384]}, profiles: [server, client]"),
     CLIENTS "rules:\n"
     RULE("r", A_NAMES ", keys: {ecdsa: [256]}, profiles: [server, client]")
     RULE("s", A_NAMES ", keys: {ecdsa: [384]}, " SERVER)
     RULE("t", A_NAMES ", keys: {ecdsa: [384]}, profiles: [client]"),
     "", ""},
    {"split by network", ONE(A_NAMES ", from: [10.0.0.0/8, 192.168.0.0/16], " SERVER),
     CLIENTS "rules:\n" RULE("r", A_NAMES ", from: [10.0.0.0/8], " SERVER)
         RULE("s", A_NAMES ", from: [192.168.0.0/16], " SERVER),
     "", ""},
    {"split by name, and one name is all there may be", ONE(AB_NAMES ", max_names: 1, " SERVER),
     CLIENTS "rules:\n" RULE("r", A_NAMES ", max_names: 1, " SERVER)
         RULE("s", "names: {dns: [b.acme.internal]}, max_names: 1, " SERVER),
     "", ""},
    {"split by name: no longer in one certificate", ONE(AB_NAMES ", " SERVER),
     CLIENTS "rules:\n" RULE("r", A_NAMES ", " SERVER)
         RULE("s", "names: {dns: [b.acme.internal]}, " SERVER),
     "api - in one certificate: dns \"a.acme.internal\", \"b.acme.internal\" (r)\n",
     "api + in one certificate: dns \"a.acme.internal\", \"b.acme.internal\" (r)\n"},
    {"a name", ONE(AB_NAMES ", " SERVER), ONE(A_NAMES ", " SERVER),
     "api - dns \"b.acme.internal\" (r)\n", "api + dns \"b.acme.internal\" (r)\n"},
    {"a wider name", ONE("names: {dns: [\"*.acme.internal\"]}, " SERVER),
     ONE("names: {dns: [\"**.acme.internal\"]}, " SERVER), "api + dns \"**.acme.internal\" (r)\n",
     "api - dns \"**.acme.internal\" (r)\n"},
    {"an address and a network", ONE("names: {ip: [10.0.0.0/8]}, " SERVER),
     ONE("names: {ip: [10.1.0.0/16]}, " SERVER), "api - ip \"10.0.0.0/8\" (r)\n",
     "api + ip \"10.0.0.0/8\" (r)\n"},
    {"two regular expressions", ONE("names: {dns: [{regex: 'a[0-9]\\.acme\\.internal'}]}, " SERVER),
     ONE("names: {dns: [{regex: 'a[0-8]\\.acme\\.internal'}]}, " SERVER),
     "api - dns \"regex a[0-9]\\.acme\\.internal\" (r)\n"
     "api + dns \"regex a[0-8]\\.acme\\.internal\" (r)\n",
     "api - dns \"regex a[0-8]\\.acme\\.internal\" (r)\n"
     "api + dns \"regex a[0-9]\\.acme\\.internal\" (r)\n"},
    {"a profile", ONE(A_NAMES ", profiles: [server, client]"), ONE(A_NAMES ", " SERVER),
     "api - profile \"client\" (r)\n", "api + profile \"client\" (r)\n"},
    {"keys", ONE(A_NAMES ", keys: {ecdsa: [256], rsa: {min: 2048, max: 4096}}, " SERVER),
     ONE(A_NAMES ", keys: {ecdsa: [256, 384], rsa: {min: 3072, max: 4096}}, " SERVER),
     "api - keys rsa 2048 to 3071 (r)\napi + keys ecdsa 384 (r)\n",
     "api - keys ecdsa 384 (r)\napi + keys rsa 2048 to 3071 (r)\n"},
    {"a range of keys but for one in it",
     ONE(A_NAMES ", keys: {rsa: {min: 2048, max: 4096}}, " SERVER),
     ONE(A_NAMES ", keys: {rsa: [2048, 3072]}, " SERVER),
     "api - keys rsa 2049 to 3071 (r)\napi - keys rsa 3073 to 4096 (r)\n",
     "api + keys rsa 2049 to 3071 (r)\napi + keys rsa 3073 to 4096 (r)\n"},
    {"what becomes of the oldest",
     ONE(A_NAMES ", max_active: 2, " SERVER),
     ONE(A_NAMES ", max_active: 2, auto_revoke_oldest: true, " SERVER),
     "api - max_active 2 (the oldest goes now) (r)\n"
     "api + max_active 2 (a further one is refused before) (r)\n",
     "api - max_active 2 (a further one is refused now) (r)\n"
     "api + max_active 2 (the oldest goes before) (r)\n"},
    {"an end", ONE(A_NAMES ", until: 2027-01-31, " SERVER),
     ONE(A_NAMES ", until: 2027-03-31, " SERVER),
     "api + until 2027-03-31 (until 2027-01-31 before) (r)\n",
     "api - until 2027-03-31 (until 2027-01-31 now) (r)\n"},
    {"no end", ONE(A_NAMES ", until: 2027-01-31, " SERVER), ONE(A_NAMES ", " SERVER),
     "api + without an end (until 2027-01-31 before) (r)\n",
     "api - without an end (until 2027-01-31 now) (r)\n"},
    {"two things at once", ONE(AB_NAMES ", max_names: 5, " SERVER),
     ONE(A_NAMES ", max_names: 9, " SERVER),
     "api - dns \"b.acme.internal\" (r)\napi + max_names 9 (5 before) (r)\n",
     "api - max_names 9 (5 now) (r)\napi + dns \"b.acme.internal\" (r)\n"},
    {"wildcards", ONE("names: {dns: [\"*.a.internal\"]}, wildcards: true, " SERVER),
     ONE("names: {dns: [\"*.a.internal\"]}, " SERVER), "api - wildcard names (r)\n",
     "api + wildcard names (r)\n"},
    {"wildcards that no pattern makes use of", ONE(A_NAMES ", wildcards: true, " SERVER),
     ONE(A_NAMES ", " SERVER), "", ""},
    {"rate", ONE(A_NAMES ", rate: {count: 10, per: 1m}, " SERVER),
     ONE(A_NAMES ", rate: {count: 600, per: 1h, burst: 10}, " SERVER), "", ""},
    {"less rate", ONE(A_NAMES ", rate: {count: 10, per: 1m}, " SERVER), ONE(A_NAMES ", " SERVER),
     "api + no rate limit (rate 10 per 1m, burst 10 before) (r)\n",
     "api - no rate limit (rate 10 per 1m, burst 10 now) (r)\n"},
    {"active certificates", ONE(A_NAMES ", max_active: 10, " SERVER),
     ONE(A_NAMES ", max_active: 5, " SERVER), "api - max_active 10 (max_active 5 now) (r)\n",
     "api + max_active 10 (max_active 5 before) (r)\n"},
    {"networks", ONE(A_NAMES ", " SERVER), ONE(A_NAMES ", from: [10.0.0.0/8], " SERVER),
     "api - from anywhere (r)\n", "api + from anywhere (r)\n"},
    {"hours", ONE(A_NAMES ", when: {hours: [\"08:00-18:00\"]}, " SERVER),
     ONE(A_NAMES ", when: {hours: [\"09:00-17:00\"], days: [mon-fri]}, " SERVER),
     "api - when mon-sun 08:00-18:00 UTC (mon-fri 09:00-17:00 UTC now) (r)\n",
     "api + when mon-sun 08:00-18:00 UTC (mon-fri 09:00-17:00 UTC before) (r)\n"},
    {"a zone", ONE(A_NAMES ", when: {days: [mon]}, " SERVER),
     ONE(A_NAMES ", when: {days: [mon], zone: \"+01:00\"}, " SERVER),
     "api - when mon UTC (mon +01:00 now) (r)\napi + when mon +01:00 (mon UTC before) (r)\n",
     "api - when mon +01:00 (mon UTC now) (r)\napi + when mon UTC (mon +01:00 before) (r)\n"},
    {"common names", ONE(A_NAMES ", common_name: absent, " SERVER), ONE(A_NAMES ", " SERVER),
     "api + common_name in_names (absent before) (r)\n",
     "api - common_name in_names (absent now) (r)\n"},
    {"common names from a list", ONE(A_NAMES ", " SERVER),
     ONE(A_NAMES ", common_name: [\"*.acme.internal\", My Robot], " SERVER),
     "api + common_name \"*.acme.internal\", \"My Robot\" (in_names before) (r)\n",
     "api - common_name \"*.acme.internal\", \"My Robot\" (in_names now) (r)\n"},
    {"subjects", ONE(A_NAMES ", subject: {O: [Acme, Ajax]}, " SERVER),
     ONE(A_NAMES ", subject: {O: [Acme], OU: {values: [x], required: true}}, " SERVER),
     "api - subject O=\"Ajax\" without OU (r)\napi + subject OU=\"x\" (r)\n",
     "api - subject OU=\"x\" (r)\napi + subject O=\"Ajax\" without OU (r)\n"},
    {"fixed subjects", ONE(A_NAMES ", " SERVER),
     ONE(A_NAMES ", subject: {OU: {fixed: Pay}}, " SERVER),
     "api + subject OU=\"Pay\" (r)\napi + subject OU=\"Pay\" filled in (r)\n",
     "api - subject OU=\"Pay\" (r)\napi - subject OU=\"Pay\" filled in (r)\n"},
    {"revoke", CLIENTS "rules:\n  - {id: r, clients: [api], actions: [revoke]}\n",
     CLIENTS "rules:\n  - {id: r, clients: [api], actions: [revoke], revoke: any}\n",
     "api + revoke any (own before) (r)\n", "api - revoke any (own now) (r)\n"},
    {"an action", CLIENTS "rules:\n  - {id: r, clients: [api], actions: [newcert, revoke], "
                          "max_validity: 24h, " A_NAMES ", " SERVER "}\n",
     ONE(A_NAMES ", " SERVER), "api - revoke own (r)\n", "api + revoke own (r)\n"},
    {"a whole rule",
     CLIENTS "rules:\n" RULE("r", A_NAMES ", " SERVER)
         RULE("s", "names: {dns: [s.example, t.example]}, " SERVER),
     ONE(A_NAMES ", " SERVER),
     "api - newcert dns \"s.example\", \"t.example\"; profile server (s)\n",
     "api + newcert dns \"s.example\", \"t.example\"; profile server (s)\n"},
    {"another term for one of two halves",
     ONE(AB_NAMES ", max_names: 1, until: 2027-01-31, " SERVER),
     CLIENTS "rules:\n" RULE("r", A_NAMES ", max_names: 1, until: 2027-01-31, " SERVER)
         RULE("s", "names: {dns: [b.acme.internal]}, max_names: 1, until: 2026-12-31, " SERVER),
     "api - dns \"b.acme.internal\": until 2027-01-31 (until 2026-12-31 now) (r)\n",
     "api + dns \"b.acme.internal\": until 2027-01-31 (until 2026-12-31 before) (r)\n"},
    {"delegation",
     CLIENTS "rules:\n" RULE("r", A_NAMES ", delegate: {for: [web]}, " SERVER),
     ONE(A_NAMES ", " SERVER),
     "api - newcert dns \"a.acme.internal\"; profile server; for web (r)\n"
     "api - info profile server; for web (r)\n"
     "api + newcert dns \"a.acme.internal\"; profile server (r)\n"
     "api + info profile server (r)\n",
     "api - newcert dns \"a.acme.internal\"; profile server (r)\n"
     "api - info profile server (r)\n"
     "api + newcert dns \"a.acme.internal\"; profile server; for web (r)\n"
     "api + info profile server; for web (r)\n"},
    {"a deny rule", ONE(A_NAMES ", " SERVER),
     ONE(A_NAMES ", " SERVER) "  - {id: no, effect: deny, clients: [api], names: {dns: [a.acme.internal]}}\n",
     "api - refused: newcert: dns \"a.acme.internal\" (no)\n",
     "api + no longer refused: newcert: dns \"a.acme.internal\" (no)\n"},
    {"a deny rule for everybody", ONE(A_NAMES ", " SERVER),
     ONE(A_NAMES ", " SERVER) "  - {id: no, effect: deny, names: {dns: [\"**.bad.example\"]}}\n",
     "* - refused: newcert: dns \"**.bad.example\" (no)\n",
     "* + no longer refused: newcert: dns \"**.bad.example\" (no)\n"},
    {"a deny rule shared out",
     ONE(A_NAMES ", " SERVER)
     "  - {id: no, effect: deny, names: {dns: [x.example, y.example]}}\n",
     ONE(A_NAMES ", " SERVER) "  - {id: n1, effect: deny, names: {dns: [x.example]}}\n"
                              "  - {id: n2, effect: deny, names: {dns: [y.example]}}\n",
     "", ""},
    {"a deny rule for each instead of for everybody",
     ONE(A_NAMES ", " SERVER) "  - {id: no, effect: deny, names: {dns: [x.example]}}\n",
     ONE(A_NAMES ", " SERVER)
     "  - {id: no, effect: deny, clients: [web, api], names: {dns: [x.example]}}\n",
     "", ""},
    {"a client", ONE(A_NAMES ", " SERVER),
     "version: 1\nclients:\n"
     "  api: {auth: [{mtls: {uri: \"spiffe://acme.internal/ns/pay/sa/api\"}}]}\n"
     "rules:\n" RULE("r", A_NAMES ", " SERVER),
     "web - the client is gone ()\nweb - mtls dns \"web.acme.internal\" ()\n",
     "web + the client is new ()\nweb + mtls dns \"web.acme.internal\" ()\n"},
    {"who has a credential", ONE(A_NAMES ", " SERVER),
     "version: 1\nclients:\n"
     "  api: {auth: [{mtls: {dns: web.acme.internal}}]}\n"
     "  web: {auth: [{mtls: {uri: \"spiffe://acme.internal/ns/pay/sa/api\"}}]}\n"
     "rules:\n" RULE("r", A_NAMES ", " SERVER),
     "api - mtls uri \"spiffe://acme.internal/ns/pay/sa/api\" ()\n"
     "api + mtls dns \"web.acme.internal\" ()\n"
     "web - mtls dns \"web.acme.internal\" ()\n"
     "web + mtls uri \"spiffe://acme.internal/ns/pay/sa/api\" ()\n",
     NULL},
    {"a stricter rule comes to stand in front",
     CLIENTS "rules:\n"
             "  - {id: long, clients: [api], actions: [newcert], max_validity: 720h, " A_NAMES ", " SERVER
             "}\n",
     CLIENTS "rules:\n" RULE("short", A_NAMES ", " SERVER)
             "  - {id: long, clients: [api], actions: [newcert], max_validity: 720h, " A_NAMES ", " SERVER
             "}\n",
     "api - max_validity 720h (24h now) where rule short comes first (long)\n",
     "api + max_validity 720h (24h before) where rule short comes first (long)\n"},
    {"two rules change places",
     CLIENTS "rules:\n"
             "  - {id: long, clients: [api], actions: [newcert], max_validity: 720h, " A_NAMES ", " SERVER
             "}\n" RULE("short", A_NAMES ", " SERVER),
     CLIENTS "rules:\n" RULE("short", A_NAMES ", " SERVER)
             "  - {id: long, clients: [api], actions: [newcert], max_validity: 720h, " A_NAMES ", " SERVER
             "}\n",
     "api - max_validity 720h (24h now) where rule short comes first (long)\n",
     "api + max_validity 720h (24h before) where rule short comes first (long)\n"},
    {"two rules that have no request in common change places",
     CLIENTS "rules:\n" RULE("r", A_NAMES ", " SERVER)
     "  - {id: s, clients: [api], actions: [newcert], max_validity: 720h, names: {dns: "
     "[s.example]}, " SERVER "}\n",
     CLIENTS "rules:\n"
     "  - {id: s, clients: [api], actions: [newcert], max_validity: 720h, names: {dns: "
     "[s.example]}, " SERVER "}\n" RULE("r", A_NAMES ", " SERVER),
     "", ""},
};

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const struct example *e = &examples[i];
        char *forth = changes(e->before, e->after);
        char *back = changes(e->after, e->before);
        if (strcmp(forth, e->forth) != 0 || (e->back != NULL && strcmp(back, e->back) != 0)) {
            print_error("%s:\nforth:\n%s\nback:\n%s\n", e->what, forth, back);
        }
        assert_string_equal(forth, e->forth);
        if (e->back != NULL) {
            assert_string_equal(back, e->back);
        }
        free(forth);
        free(back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
