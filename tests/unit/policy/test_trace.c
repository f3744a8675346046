/* test_trace.c - every rule with all that fails, the edit that would help, and that it does help. */
#include "policy/trace.h"
#include "tests/unit/policy/asking.h"

#define CLIENTS                                                                                    \
    "version: 1\n"                                                                                 \
    "clients:\n"                                                                                   \
    "  api: {auth: [{mtls: {cn: api}}]}\n"                                                         \
    "  web: {auth: [{mtls: {cn: web}}]}\n"                                                         \
    "  orch: {auth: [{mtls: {cn: orch}}]}\n"                                                       \
    "  idle: {auth: [{mtls: {cn: idle}}]}\n"

struct traced {
    struct asked asked;
    struct policy_trace trace;
};

/* trace_of - arena_free(&t->asked.arena) it. */
static void trace_of(const struct policy *p, const struct wanted *w, struct traced *t)
{
    struct cb_err err;
    make_asked(&t->asked, p, w);
    assert_int_equal(policy_trace(p, &t->asked.caller, &t->asked.ask, time_of(w), &t->asked.arena,
                                  &t->trace, &err),
                     CB_OK);
    const struct policy_decision d = decide(p, w);
    assert_int_equal(d.reason, t->trace.decision.reason);
    assert_string_equal(d.detail, t->trace.decision.detail);
}

/* ---- one failure, its edit, and the rule with that edit ---- */

struct mending {
    const char *rule;  /* the keys of a rule of client api that are not the usual ones */
    const char *after; /* the same once it is edited as the trace says */
    struct wanted wanted;
    enum policy_reason reason;
    const char *change;
};

static const struct mending mendings[] = {
    {"until: 2026-01-31, names: {dns: [a.x.y]}",
     "until: 2026-05-29, names: {dns: [a.x.y]}",
     {.names = "a.x.y"},
     REASON_RULE_EXPIRED,
     "extend until: to after 2026-05-28 (it is 2026-01-31)"},
    {"from: [10.0.0.0/8], names: {dns: [a.x.y]}",
     "from: [10.0.0.0/8, 11.0.0.1], names: {dns: [a.x.y]}",
     {.names = "a.x.y", .peer = "11.0.0.1"},
     REASON_SOURCE,
     "add \"11.0.0.1\" to from:"},
    {"when: {days: [mon-wed]}, names: {dns: [a.x.y]}",
     "when: {days: [mon-wed, thu]}, names: {dns: [a.x.y]}",
     {.names = "a.x.y"},
     REASON_TIME,
     "add thu to when: days:"},
    {"when: {hours: [\"08:00-18:00\"]}, names: {dns: [a.x.y]}",
     "when: {hours: [\"08:00-20:27\"]}, names: {dns: [a.x.y]}",
     {.names = "a.x.y"},
     REASON_TIME,
     "widen when: hours: to include 20:26"},
    {"when: {days: [sun], hours: [\"08:00-18:00\"], zone: Europe/Amsterdam}, names: {dns: [a.x.y]}",
     "when: {days: [sun, thu], hours: [\"08:00-22:27\"], zone: Europe/Amsterdam}, names: {dns: "
     "[a.x.y]}",
     {.names = "a.x.y"},
     REASON_TIME,
     "add thu to when: days:; widen when: hours: to include 22:26"},
    {"names: {uri: [\"s://h/p\"], dns: [a.x.y]}",
     "names: {uri: [\"s://h/p\"], dns: [a.x.y]}, no_names: true",
     {.names = "s://h/p"},
     REASON_NO_NAMES,
     "write no_names: true"},
    {"names: {dns: [\"*.x.y\"]}, max_names: 2",
     "names: {dns: [\"*.x.y\"]}, max_names: 3",
     {.names = "a.x.y b.x.y c.x.y"},
     REASON_TOO_MANY_NAMES,
     "set max_names to 3"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y, b.x.y]}",
     {.names = "a.x.y b.x.y"},
     REASON_NAME_NOT_ALLOWED,
     "add \"b.x.y\" to names: dns:"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y, b.x.y, c.x.y], ip: [\"10.0.0.1\"], uri: [\"s://h/p\"]}",
     {.names = "b.x.y c.x.y 10.0.0.1 s://h/p"},
     REASON_NAME_NOT_ALLOWED,
     "add \"b.x.y\", \"c.x.y\" to names: dns:; add \"10.0.0.1\" to names: ip:; add \"s://h/p\" to "
     "names: uri:"},
    {"names: {dns: [\"**.x.y\"]}",
     "names: {dns: [\"**.x.y\"]}, wildcards: true",
     {.names = "*.a.x.y"},
     REASON_NAME_NOT_ALLOWED,
     "write wildcards: true"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y, \"*.b.x.y\"]}, wildcards: true",
     {.names = "*.b.x.y"},
     REASON_NAME_NOT_ALLOWED,
     "add \"*.b.x.y\" to names: dns:; write wildcards: true"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y, localhost]}, broad: true",
     {.names = "localhost"},
     REASON_NAME_NOT_ALLOWED,
     "add \"localhost\" to names: dns:; write broad: true"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y]}, common_name: [\"Some \\\"Body\\\"\"]",
     {.names = "a.x.y", .cn = "Some \"Body\""},
     REASON_COMMON_NAME,
     "write common_name: [\"Some \\\"Body\\\"\"] and list the other common names, too"},
    {"names: {dns: [a.x.y]}, common_name: absent",
     "names: {dns: [a.x.y]}, common_name: in_names",
     {.names = "a.x.y", .cn = "a.x.y"},
     REASON_COMMON_NAME,
     "write common_name: in_names"},
    {"names: {dns: [a.x.y]}, common_name: [b.x.y]",
     "names: {dns: [a.x.y]}, common_name: [b.x.y, \"c.x.y\"]",
     {.names = "a.x.y", .cn = "c.x.y"},
     REASON_COMMON_NAME,
     "add \"c.x.y\" to common_name:"},
    {"names: {dns: [a.x.y]}, subject: {O: [Acme]}",
     "names: {dns: [a.x.y]}, subject: {O: [Acme, Other]}",
     {.names = "a.x.y", .subject = "O=Other"},
     REASON_SUBJECT,
     "add \"Other\" to subject: O:"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y]}, subject: {O: [Acme], C: [NL]}",
     {.names = "a.x.y", .subject = "O=Acme;C=NL"},
     REASON_SUBJECT,
     "add \"Acme\" to subject: O:; add \"NL\" to subject: C:"},
    {"names: {dns: [a.x.y]}, subject: {OU: [a, b]}",
     "names: {dns: [a.x.y]}, subject: {OU: {values: [a, b], max: 2}}",
     {.names = "a.x.y", .subject = "OU=a;OU=b"},
     REASON_SUBJECT,
     "set max of subject: OU: to 2"},
    {"names: {dns: [a.x.y]}, subject: {OU: {values: [a], required: true}}",
     "names: {dns: [a.x.y]}, subject: {OU: {values: [a], required: false}}",
     {.names = "a.x.y"},
     REASON_SUBJECT,
     "write required: false in subject: OU:"},
    {"names: {dns: [a.x.y]}, subject: {OU: {fixed: a}}",
     "names: {dns: [a.x.y]}, subject: {OU: {fixed: b}}",
     {.names = "a.x.y", .subject = "OU=b"},
     REASON_SUBJECT,
     "set fixed of subject: OU: to \"b\""},
    {"names: {dns: [a.x.y]}, keys: {ecdsa: [256]}",
     "names: {dns: [a.x.y]}, keys: {ecdsa: [256, 384]}",
     {.names = "a.x.y", .key = "ecdsa 384"},
     REASON_KEY,
     "add 384 to keys: ecdsa:"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y]}, keys: {ecdsa: [256, 384, 521], rsa: {min: 2048, max: 8192}}",
     {.names = "a.x.y", .key = "rsa 8192"},
     REASON_KEY,
     "write keys: {ecdsa: [256, 384, 521], rsa: {min: 2048, max: 8192}}"},
    {"names: {dns: [a.x.y]}, keys: {rsa: {min: 3072, max: 4096}}",
     "names: {dns: [a.x.y]}, keys: {rsa: {min: 2048, max: 4096}}",
     {.names = "a.x.y", .key = "rsa 2048"},
     REASON_KEY,
     "set min of keys: rsa: to 2048"},
    {"names: {dns: [a.x.y]}, keys: {rsa: [2048]}",
     "names: {dns: [a.x.y]}, keys: {rsa: [2048, 3072]}",
     {.names = "a.x.y", .key = "rsa 3072"},
     REASON_KEY,
     "add 3072 to keys: rsa:"},
    {"names: {dns: [a.x.y]}", NULL, {.names = "a.x.y", .key = "rsa 1024"}, REASON_KEY, ""},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y]}, profiles: [server, \"client\"]",
     {.names = "a.x.y", .profile = "client"},
     REASON_PROFILE,
     "add \"client\" to profiles:"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y]}, revoke: names",
     {.action = ACTION_REVOKE, .names = "a.x.y", .relation = CERT_FOREIGN},
     REASON_NOT_OWNER,
     "write revoke: names"},
    {"names: {dns: [a.x.y]}, revoke: names",
     "names: {dns: [a.x.y, b.x.y]}, revoke: names",
     {.action = ACTION_REVOKE, .names = "b.x.y", .relation = CERT_FOREIGN},
     REASON_NOT_OWNER,
     "add \"b.x.y\" to names: dns:"},
    {"names: {dns: [a.x.y]}",
     "names: {dns: [a.x.y]}, revoke: any",
     {.action = ACTION_REVOKE, .relation = CERT_UNKNOWN},
     REASON_UNKNOWN_CERT,
     "write revoke: any"},
};

static struct policy *with_rule(const char *keys)
{
    char text[2000];
    (void)snprintf(text, sizeof(text),
                   CLIENTS "rules:\n  - {id: r, clients: [api], actions: [newcert, revoke, info], "
                           "max_validity: 1h%s, %s}\n",
                   strstr(keys, "profiles:") != NULL ? "" : ", profiles: [server]", keys);
    return load_text(text);
}

static void check_mending(const struct mending *m)
{
    struct traced t;
    struct policy *p = with_rule(m->rule);
    trace_of(p, &m->wanted, &t);
    assert_int_equal(t.trace.num_rules, 1);
    assert_int_equal(t.trace.rules[0].num_failures, 1);
    const struct trace_failure *f = &t.trace.rules[0].failures[0];
    if (f->reason != m->reason || strcmp(f->change, m->change) != 0) {
        fail_msg("%s: %s: %s", m->rule, policy_reason_word(f->reason), f->change);
    }
    assert_int_equal(f->place.line, 8);
    assert_int_equal(t.trace.best, m->after == NULL ? SIZE_MAX : 0);
    arena_free(&t.asked.arena);
    policy_free(p);
    if (m->after != NULL) {
        p = with_rule(m->after);
        const struct policy_decision d = decide(p, &m->wanted);
        if (!d.allowed) {
            fail_msg("%s: %s", m->after, d.detail);
        }
        policy_free(p);
    }
}

static void test_mending(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mendings) / sizeof(mendings[0]); i++) {
        check_mending(&mendings[i]);
    }
}

/* ---- all failures of a rule ---- */

static const char everything[] = "version: 1\n"
                                 "scope: {dns: [\"**.x.y\"], ip: [10.0.0.0/8]}\n"
                                 "clients:\n"
                                 "  api: {auth: [{mtls: {cn: api}}]}\n"
                                 "rules:\n"
                                 "  - id: r\n"
                                 "    until: 2026-01-31\n"
                                 "    clients: [api]\n"
                                 "    actions: [newcert]\n"
                                 "    from: [10.0.0.0/8]\n"
                                 "    when: {days: [sun]}\n"
                                 "    names:\n"
                                 "      dns: [a.x.y]\n"
                                 "    max_names: 2\n"
                                 "    common_name: absent\n"
                                 "    subject: {O: [Acme]}\n"
                                 "    keys: {ecdsa: [256]}\n"
                                 "    profiles: [server]\n"
                                 "    max_validity: 1h\n";

static void test_all_failures(void **state)
{
    (void)state;
    static const struct {
        enum policy_reason reason;
        unsigned line;
        const char *change;
    } expected[] = {
        {REASON_RULE_EXPIRED, 7, "extend until"},
        {REASON_SOURCE, 10, "add \"11.0.0.1\" to from:"},
        {REASON_TIME, 11, "add thu to when: days:"},
        {REASON_TOO_MANY_NAMES, 14, "set max_names to 7"},
        {REASON_NAME_NOT_ALLOWED, 12,
         "add \"a.z.y\", \"b.z.y\", \"c.z.y\", \"d.z.y\", \"e.z.y\" and 2 more to names: dns:"},
        {REASON_OUT_OF_SCOPE, 2,
         "add \"a.z.y\", \"b.z.y\", \"c.z.y\", \"d.z.y\", \"e.z.y\" and 2 more to the scope of "
         "test.yaml: dns:"},
        {REASON_COMMON_NAME, 15, "write common_name: in_names"},
        {REASON_SUBJECT, 16, "add \"Evil\" to subject: O:"},
        {REASON_KEY, 17, "add 384 to keys: ecdsa:"},
        {REASON_PROFILE, 18, "add \"ca\" to profiles:"},
    };
    struct policy *p = load_text(everything);
    struct traced t;
    trace_of(p,
             &(struct wanted){.names = "a.z.y b.z.y c.z.y d.z.y e.z.y f.z.y g.z.y",
                              .cn = "a.z.y",
                              .peer = "11.0.0.1",
                              .subject = "O=Evil",
                              .key = "ecdsa 384",
                              .profile = "ca"},
             &t);
    assert_int_equal(t.trace.num_rules, 1);
    assert_int_equal(t.trace.rules[0].num_failures, 10);
    for (size_t i = 0; i < 10; i++) {
        const struct trace_failure *f = &t.trace.rules[0].failures[i];
        assert_int_equal(f->reason, expected[i].reason);
        assert_int_equal(f->place.line, expected[i].line);
        assert_non_null(strstr(f->change, expected[i].change));
        assert_true(strlen(f->detail) > 0);
    }
    assert_int_equal(t.trace.best, 0);
    assert_null(t.trace.snippet);
    arena_free(&t.asked.arena);
    policy_free(p);
}

/* ---- which rule is nearest, and which is mended best ---- */

static const char several[] = CLIENTS
    "rules:\n"
    "  - {id: far, clients: [api], actions: [newcert], names: {dns: [z.x.y]}, profiles: [peer],"
    "\n     max_validity: 1h, keys: {rsa: [2048]}}\n"
    "  - {id: late, clients: [api], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
    "[peer],\n     max_validity: 1h, keys: {rsa: [2048]}}\n"
    "  - {id: old, clients: [api], actions: [newcert], names: {dns: [a.x.y]}, profiles: "
    "[server],\n     max_validity: 1h, until: 2020-01-01}\n"
    "  - {id: one-off, clients: [api], actions: [newcert], names: {dns: [b.x.y]}, profiles: "
    "[server],\n     max_validity: 1h}\n"
    "  - {id: other-action, clients: [api], actions: [revoke]}\n"
    "  - {id: other-client, clients: [web], actions: [newcert], names: {dns: [a.x.y]},\n"
    "     profiles: [server], max_validity: 1h}\n"
    "  - {id: forbid, effect: deny, names: {dns: [f.x.y]}}\n"
    "  - {id: forbid-too, effect: deny, clients: [api], names: {dns: [f.x.y]}}\n"
    "  - {id: forbid-not, effect: deny, clients: [web], names: {dns: [f.x.y]}}\n";

static void check_order(const struct policy *p, const struct wanted *w, const char *expected,
                        const char *best)
{
    struct traced t;
    char order[400] = "";
    size_t used = 0;
    trace_of(p, w, &t);
    for (size_t i = 0; i < t.trace.num_rules; i++) {
        used += (size_t)snprintf(order + used, sizeof(order) - used, "%s%s", i == 0 ? "" : " ",
                                 t.trace.rules[i].rule_id);
    }
    assert_string_equal(order, expected);
    if (best == NULL) {
        assert_int_equal(t.trace.best, SIZE_MAX);
    } else {
        assert_string_equal(t.trace.rules[t.trace.best].rule_id, best);
    }
    arena_free(&t.asked.arena);
}

static void test_order(void **state)
{
    (void)state;
    struct policy *p = load_text(several);
    /* decided by the rule that got furthest; mended best is the one with the fewest faults */
    check_order(p, &(struct wanted){.names = "a.x.y"}, "late one-off old far", "one-off");
    check_order(p, &(struct wanted){.names = "b.x.y"}, "one-off old far late", NULL);
    check_order(p, &(struct wanted){.names = "f.x.y"}, "forbid forbid-too one-off old far late",
                NULL);
    check_order(p, &(struct wanted){.client = "web", .names = "a.x.y"}, "other-client", NULL);
    check_order(p, &(struct wanted){.client = "idle", .names = "a.x.y"}, "", NULL);
    check_order(p, &(struct wanted){.client = "idle", .names = "f.x.y"}, "forbid", NULL);
    policy_free(p);
}

static void test_fits(void **state)
{
    (void)state;
    struct policy *p = load_text(several);
    struct traced t;
    trace_of(p, &(struct wanted){.names = "b.x.y"}, &t);
    assert_true(t.trace.rules[0].fits);
    assert_int_equal(t.trace.rules[0].num_failures, 0);
    assert_false(t.trace.rules[1].fits);
    arena_free(&t.asked.arena);
    trace_of(p, &(struct wanted){.names = "f.x.y"}, &t);
    assert_true(t.trace.rules[0].is_deny && t.trace.rules[0].fits);
    assert_null(t.trace.snippet);
    arena_free(&t.asked.arena);
    policy_free(p);
}

/* ---- a new rule ---- */

static const struct wanted snippet_cases[] = {
    {.client = "idle", .names = "a.x.y"},
    {.client = "idle", .names = "a.x.y", .cn = "a.x.y"},
    {.client = "idle", .names = "a.x.y 10.0.0.1 ::1 s://h/p me@x.y", .cn = "Some: \"Body\" #1"},
    {.client = "idle", .names = "*.a.x.y localhost", .profile = "ca", .key = "rsa 4096"},
    {.client = "idle", .names = "a.x.y", .subject = "O=Acme;C=NL;OU=a;OU=b \"c\" \\ d"},
    {.client = "idle", .names = ""},
    {.client = "idle", .names = "s://h/p"},
    {.client = "idle", .action = ACTION_REVOKE, .names = "a.x.y"},
    {.client = "idle", .action = ACTION_REVOKE, .names = "a.x.y", .relation = CERT_FOREIGN},
    {.client = "idle", .action = ACTION_REVOKE, .relation = CERT_FOREIGN},
    {.client = "idle", .action = ACTION_REVOKE, .relation = CERT_UNKNOWN},
    {.client = "idle", .action = ACTION_INFO, .profile = "default"},
    {.client = "idle", .action = ACTION_INFO, .profile = "ca"},
    {.client = "orch", .for_whom = "idle", .names = "a.x.y"},
    {.client = "orch", .for_whom = "web", .names = "w.x.y"},
    {.client = "web", .for_whom = "idle", .names = "w.x.y", .subject = "O=Acme"},
    {.client = "web", .for_whom = "idle", .action = ACTION_REVOKE},
};

#define SNIPPET_BASE                                                                               \
    CLIENTS "rules:\n"                                                                             \
            "  - {id: idle-newcert, clients: [api], actions: [newcert], names: {dns: [q.x.y]},\n"  \
            "     profiles: [server], max_validity: 1h}\n"                                         \
            "  - {id: w, clients: [web], actions: [newcert], names: {dns: [w.x.y]},\n"             \
            "     profiles: [server], max_validity: 1h}\n"                                         \
            "  - {id: acts, clients: [web], delegate: {for: [api]}, actions: [newcert], names: "   \
            "{dns: [w.x.y]},\n     profiles: [server], max_validity: 1h}\n"

static void check_snippet(const char *settings, const struct wanted *w)
{
    char text[6000];
    struct traced t;
    (void)snprintf(text, sizeof(text), "%s%s", SNIPPET_BASE, settings);
    struct policy *p = load_text(text);
    trace_of(p, w, &t);
    assert_int_equal(t.trace.best, SIZE_MAX);
    assert_non_null(t.trace.snippet);
    (void)snprintf(text, sizeof(text), "%s%s%s", SNIPPET_BASE, t.trace.snippet, settings);
    policy_free(p);
    p = load_text(text);
    const struct policy_decision d = decide(p, w);
    if (!d.allowed) {
        fail_msg("%s\n%s", d.detail, t.trace.snippet);
    }
    arena_free(&t.asked.arena);
    /* and nothing else */
    struct wanted more = *w;
    more.names = "a.x.y b.other.y";
    assert_false(w->action == ACTION_NEWCERT && decide(p, &more).allowed);
    more = *w;
    more.key = "ecdsa 521";
    assert_false(w->action == ACTION_NEWCERT && decide(p, &more).allowed);
    policy_free(p);
}

static void test_snippet(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(snippet_cases) / sizeof(snippet_cases[0]); i++) {
        check_snippet("", &snippet_cases[i]);
    }
}

/* A rule that the settings ask more of has it all, for people to fill in. */
static void test_snippet_required(void **state)
{
    (void)state;
    static const char base[] =
        "version: 1\n"
        "settings: {require: [owner, ticket, reason, until, description]}\n"
        "clients:\n"
        "  idle: {auth: [{mtls: {cn: idle}}]}\n"
        "  web: {auth: [{mtls: {cn: web}}]}\n"
        "rules:\n"
        "  - {id: w, clients: [web], actions: [revoke], owner: o, ticket: t, reason: r,\n"
        "     description: d, until: 2099-01-01}\n";
    const struct wanted w = {.client = "idle", .names = "a.x.y"};
    char text[3000];
    struct traced t;
    struct policy *p = load_text(base);
    trace_of(p, &w, &t);
    assert_non_null(t.trace.snippet);
    assert_non_null(strstr(t.trace.snippet, "until: 2026-08-26\n"));
    (void)snprintf(text, sizeof(text), "%s%s", base, t.trace.snippet);
    policy_free(p);
    p = load_text(text);
    assert_true(decide(p, &w).allowed);
    arena_free(&t.asked.arena);
    policy_free(p);
}

/* No rule can allow these, and none is made up. */
static void test_no_snippet(void **state)
{
    (void)state;
    static const struct wanted cases[] = {
        {.client = "idle", .names = "a.x.y", .key = "rsa 1024"},
        {.client = "idle", .names = "a.x.y", .key = "ecdsa 224"},
        {.client = "idle", .names = "a.x.y", .cn = "10.0.0.0/8"},
        {.client = "idle", .names = "a.x.y", .cn = "not\nplain"},
        {.client = "orch", .for_whom = "nobody", .names = "a.x.y"},
    };
    struct policy *p = load_text(SNIPPET_BASE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct traced t;
        trace_of(p, &cases[i], &t);
        assert_null(t.trace.snippet);
        assert_int_equal(t.trace.best, SIZE_MAX);
        arena_free(&t.asked.arena);
    }
    policy_free(p);
}

/* ---- acting for somebody else ---- */

static void test_delegation(void **state)
{
    (void)state;
    struct policy *p = load_text(
        CLIENTS
        "rules:\n"
        "  - {id: acts, clients: [orch], delegate: {for: [web]}, actions: [newcert], names: "
        "{dns: [\"**.x.y\"]}, profiles: [server], max_validity: 1h}\n"
        "  - {id: own, clients: [web], actions: [newcert], names: {dns: [w.x.y]}, "
        "profiles: [server], max_validity: 1h}\n");
    struct traced t;
    trace_of(p, &(struct wanted){.client = "orch", .for_whom = "web", .names = "v.x.y"}, &t);
    assert_int_equal(t.trace.num_rules, 2);
    assert_string_equal(t.trace.rules[0].rule_id, "own");
    assert_string_equal(t.trace.rules[1].rule_id, "acts");
    assert_true(t.trace.rules[1].is_delegation && t.trace.rules[1].fits);
    assert_int_equal(t.trace.best, 0);
    assert_string_equal(t.trace.rules[0].failures[0].change, "add \"v.x.y\" to names: dns:");
    arena_free(&t.asked.arena);
    /* both fail: the delegating rule comes first */
    trace_of(p, &(struct wanted){.client = "orch", .for_whom = "web", .names = "v.z.y"}, &t);
    assert_string_equal(t.trace.rules[t.trace.best].rule_id, "acts");
    assert_int_equal(t.trace.num_rules, 2);
    arena_free(&t.asked.arena);
    /* what the party has of its own is not advised again */
    trace_of(p, &(struct wanted){.client = "api", .for_whom = "web", .names = "w.x.y"}, &t);
    assert_non_null(strstr(t.trace.snippet, "delegate: {for: [web]}"));
    assert_null(strstr(t.trace.snippet, "web-newcert"));
    arena_free(&t.asked.arena);
    trace_of(p, &(struct wanted){.client = "orch", .names = "w.x.y"}, &t);
    assert_string_equal(t.trace.decision.detail,
                        "client orch may ask for newcert on behalf of others only, and the request "
                        "has no on_behalf_of");
    arena_free(&t.asked.arena);
    policy_free(p);
}

/* Too little memory is said, never half a trace. */
static void test_no_memory(void **state)
{
    (void)state;
    struct policy *p = load_text(several);
    struct asked a;
    make_asked(&a, p, &(struct wanted){.names = "a.x.y"});
    for (size_t cap = 16; cap < 4096; cap += 512) {
        struct arena arena;
        struct policy_trace trace;
        struct cb_err err;
        arena_init(&arena, cap);
        assert_int_equal(policy_trace(p, &a.caller, &a.ask, NOW_S, &arena, &trace, &err),
                         CB_ENOMEM);
        arena_free(&arena);
    }
    arena_free(&a.arena);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mending),    cmocka_unit_test(test_all_failures),
        cmocka_unit_test(test_order),      cmocka_unit_test(test_fits),
        cmocka_unit_test(test_snippet),    cmocka_unit_test(test_snippet_required),
        cmocka_unit_test(test_no_snippet), cmocka_unit_test(test_delegation),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
