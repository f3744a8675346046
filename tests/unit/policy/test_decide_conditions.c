/* test_decide_conditions.c - sources, hours, scopes, subjects, deny rules about profiles; and in which
 * order conditions are checked. */
#include "tests/unit/policy/asking.h"

#define CLIENTS                                                                                    \
    "version: 1\n"                                                                                 \
    "clients:\n"                                                                                   \
    "  api: {auth: [{mtls: {cn: api}}]}\n"                                                         \
    "  web: {auth: [{mtls: {cn: web}}]}\n"                                                         \
    "  night: {auth: [{mtls: {cn: night}}]}\n"

/* ---- from ---- */

static const char sources[] = CLIENTS
    "rules:\n"
    "  - {id: net, clients: [api], actions: [newcert, revoke, info], names: {dns: [a.x.y]},\n"
    "     profiles: [server], max_validity: 1h, from: [10.20.0.0/16, \"2001:db8::/32\"]}\n"
    "  - {id: one, clients: [web], actions: [newcert], names: {dns: [a.x.y]},\n"
    "     profiles: [server], max_validity: 1h, from: [10.0.0.7]}\n";

static const struct expected source_cases[] = {
    {{.names = "a.x.y", .peer = "10.20.0.0"}, REASON_ALLOWED, "net", NULL},
    {{.names = "a.x.y", .peer = "10.20.255.255"}, REASON_ALLOWED, "net", NULL},
    {{.names = "a.x.y", .peer = "::ffff:10.20.1.1"}, REASON_ALLOWED, "net", NULL},
    {{.names = "a.x.y", .peer = "2001:db8:ffff::1"}, REASON_ALLOWED, "net", NULL},
    {{.names = "a.x.y", .peer = "10.21.0.0"},
     REASON_SOURCE,
     "net",
     "rule net does not allow requests from 10.21.0.0"},
    {{.names = "a.x.y", .peer = "2001:db9::1"}, REASON_SOURCE, "net", "2001:db9::1"},
    {{.names = "a.x.y"}, REASON_SOURCE, "net", "the caller's is not known"},
    {{.action = ACTION_REVOKE, .peer = "10.20.0.1"}, REASON_ALLOWED, "net", NULL},
    {{.action = ACTION_REVOKE, .peer = "10.21.0.1"}, REASON_SOURCE, "net", "10.21.0.1"},
    {{.action = ACTION_INFO, .peer = "10.20.0.1"}, REASON_ALLOWED, "net", NULL},
    {{.action = ACTION_INFO}, REASON_SOURCE, "net", "not known"},
    {{.client = "web", .names = "a.x.y", .peer = "10.0.0.7"}, REASON_ALLOWED, "one", NULL},
    {{.client = "web", .names = "a.x.y", .peer = "10.0.0.8"}, REASON_SOURCE, "one", "10.0.0.8"},
};

static void test_from(void **state)
{
    (void)state;
    CHECK_CASES(sources, source_cases);
}

/* ---- when ---- */

static const char hours[] = CLIENTS
    "rules:\n"
    "  - {id: office, clients: [api], actions: [newcert, revoke, info], names: {dns: [a.x.y]},\n"
    "     profiles: [server], max_validity: 1h,\n"
    "     when: {days: [mon-fri], hours: [\"08:00-18:00\"], zone: Europe/Amsterdam}}\n"
    "  - {id: small-hour, clients: [web], actions: [newcert], names: {dns: [a.x.y]},\n"
    "     profiles: [server], max_validity: 1h,\n"
    "     when: {days: [sun], hours: [\"02:00-03:00\"], zone: Europe/Amsterdam}}\n"
    "  - {id: friday-night, clients: [night], actions: [newcert], names: {dns: [a.x.y]},\n"
    "     profiles: [server], max_validity: 1h,\n"
    "     when: {days: [fri], hours: [\"22:00-06:00\", \"12:00-12:30\"]}}\n"
    "  - {id: weekend, clients: [night], actions: [revoke], when: {days: [sat, sun]}}\n";

#define OFFICE(time, reason_)                                                                      \
    {                                                                                              \
        {.names = "a.x.y", .at = time}, reason_, "office",                                         \
            (reason_) == REASON_ALLOWED ? NULL : "does not allow this at " time                    \
    }
#define SMALL_HOUR(time, reason_)                                                                  \
    {                                                                                              \
        {.client = "web", .names = "a.x.y", .at = time}, reason_, "small-hour",                    \
            (reason_) == REASON_ALLOWED ? NULL : time                                              \
    }
#define NIGHT(time, reason_)                                                                       \
    {                                                                                              \
        {.client = "night", .names = "a.x.y", .at = time}, reason_, "friday-night",                \
            (reason_) == REASON_ALLOWED ? NULL : time                                              \
    }
#define WEEKEND(time, reason_)                                                                     \
    {                                                                                              \
        {.client = "night", .action = ACTION_REVOKE, .at = time}, reason_, "weekend",              \
            (reason_) == REASON_ALLOWED ? NULL : time                                              \
    }

static const struct expected hour_cases[] = {
    /* winter, UTC+1 */
    OFFICE("2026-01-05T06:59:59Z", REASON_TIME),
    OFFICE("2026-01-05T07:00:00Z", REASON_ALLOWED),
    OFFICE("2026-01-05T16:59:59Z", REASON_ALLOWED),
    OFFICE("2026-01-05T17:00:00Z", REASON_TIME),
    /* summer, UTC+2 */
    OFFICE("2026-07-06T05:59:59Z", REASON_TIME),
    OFFICE("2026-07-06T06:00:00Z", REASON_ALLOWED),
    OFFICE("2026-07-06T15:59:59Z", REASON_ALLOWED),
    OFFICE("2026-07-06T16:00:00Z", REASON_TIME),
    /* the Fridays before, and the Mondays after the clocks change */
    OFFICE("2026-03-27T16:59:59Z", REASON_ALLOWED),
    OFFICE("2026-03-30T06:00:00Z", REASON_ALLOWED),
    OFFICE("2026-10-23T16:00:00Z", REASON_TIME),
    OFFICE("2026-10-26T16:59:59Z", REASON_ALLOWED),
    /* a Saturday */
    OFFICE("2026-07-11T09:00:00Z", REASON_TIME),
    /* an hour that there is not in spring, and twice in autumn */
    SMALL_HOUR("2026-03-22T01:00:00Z", REASON_ALLOWED),
    SMALL_HOUR("2026-03-29T00:59:59Z", REASON_TIME),
    SMALL_HOUR("2026-03-29T01:00:00Z", REASON_TIME),
    SMALL_HOUR("2026-10-24T23:59:59Z", REASON_TIME),
    SMALL_HOUR("2026-10-25T00:00:00Z", REASON_ALLOWED),
    SMALL_HOUR("2026-10-25T00:59:59Z", REASON_ALLOWED),
    SMALL_HOUR("2026-10-25T01:00:00Z", REASON_ALLOWED),
    SMALL_HOUR("2026-10-25T01:59:59Z", REASON_ALLOWED),
    SMALL_HOUR("2026-10-25T02:00:00Z", REASON_TIME),
    SMALL_HOUR("2026-04-05T00:00:00Z", REASON_ALLOWED),
    SMALL_HOUR("2026-04-05T01:00:00Z", REASON_TIME),
    /* over midnight: the night belongs to the day on which it began. 2026-05-29 is a Friday. */
    NIGHT("2026-05-29T05:59:59Z", REASON_TIME),
    NIGHT("2026-05-29T12:00:00Z", REASON_ALLOWED),
    NIGHT("2026-05-29T12:30:00Z", REASON_TIME),
    NIGHT("2026-05-29T21:59:59Z", REASON_TIME),
    NIGHT("2026-05-29T22:00:00Z", REASON_ALLOWED),
    NIGHT("2026-05-29T23:59:59Z", REASON_ALLOWED),
    NIGHT("2026-05-30T00:00:00Z", REASON_ALLOWED),
    NIGHT("2026-05-30T05:59:59Z", REASON_ALLOWED),
    NIGHT("2026-05-30T06:00:00Z", REASON_TIME),
    NIGHT("2026-05-30T22:00:00Z", REASON_TIME),
    WEEKEND("2026-05-29T23:59:59Z", REASON_TIME),
    WEEKEND("2026-05-30T00:00:00Z", REASON_ALLOWED),
    WEEKEND("2026-05-31T23:59:59Z", REASON_ALLOWED),
    WEEKEND("2026-06-01T00:00:00Z", REASON_TIME),
    {{.action = ACTION_REVOKE, .at = "2026-07-11T09:00:00Z"}, REASON_TIME, "office", "07-11"},
    {{.action = ACTION_INFO, .at = "2026-07-11T09:00:00Z"}, REASON_TIME, "office", "07-11"},
    {{.action = ACTION_INFO, .at = "2026-07-10T09:00:00Z"}, REASON_ALLOWED, "office", NULL},
};

static void test_when(void **state)
{
    (void)state;
    CHECK_CASES(hours, hour_cases);
}

/* ---- scope ---- */

static const char scoped[] =
    "version: 1\n"
    "scope: {dns: [\"**.pay.acme.internal\", pay.acme.internal], ip: [10.1.0.0/16]}\n"
    "clients:\n"
    "  api: {auth: [{mtls: {cn: api}}]}\n"
    "  web: {auth: [{mtls: {cn: web}}]}\n"
    "rules:\n"
    "  - id: own\n"
    "    clients: [api]\n"
    "    actions: [newcert, revoke]\n"
    "    names: {dns: [{regex: \"[a-z.]+\\\\.acme\\\\.internal\"}], ip: [10.1.2.0/24]}\n"
    "    common_name: [{regex: \"[a-z.]+\\\\.acme\\\\.internal\"}]\n"
    "    revoke: names\n"
    "    wildcards: true\n"
    "    profiles: [server]\n"
    "    max_validity: 1h\n"
    "  - id: claimed\n"
    "    clients: [web]\n"
    "    actions: [newcert]\n"
    "    names: {dns: [\"${jwt.team}.pay.acme.internal\"]}\n"
    "    profiles: [server]\n"
    "    max_validity: 1h\n";

static const struct expected scope_cases[] = {
    {{.names = "a.pay.acme.internal"}, REASON_ALLOWED, "own", NULL},
    {{.names = "10.1.2.3 pay.acme.internal"}, REASON_ALLOWED, "own", NULL},
    {{.names = "a.hr.acme.internal"},
     REASON_OUT_OF_SCOPE,
     "own",
     "name \"a.hr.acme.internal\" is outside of the scope that rule own is held to"},
    {{.names = "a.pay.acme.internal xpay.acme.internal"}, REASON_OUT_OF_SCOPE, "own", "xpay"},
    {{.names = "a.example"}, REASON_NAME_NOT_ALLOWED, "own", "a.example"},
    {{.names = "a.pay.acme.internal", .cn = "b.pay.acme.internal"}, REASON_ALLOWED, "own", NULL},
    {{.names = "a.pay.acme.internal", .cn = "a.hr.acme.internal"},
     REASON_COMMON_NAME,
     "own",
     "common name \"a.hr.acme.internal\" is outside of the scope"},
    {{.names = "a.pay.acme.internal", .cn = "x"}, REASON_COMMON_NAME, "own", "not allowed"},
    {{.action = ACTION_REVOKE, .names = "b.x"}, REASON_ALLOWED, "own", NULL},
    {{.action = ACTION_REVOKE, .names = "a.pay.acme.internal", .relation = CERT_FOREIGN},
     REASON_ALLOWED,
     "own",
     NULL},
    {{.action = ACTION_REVOKE, .names = "a.hr.acme.internal", .relation = CERT_FOREIGN},
     REASON_NOT_OWNER,
     "own",
     "does not cover the names in it"},
    {{.client = "web", .names = "red.pay.acme.internal", .claim = "team=red"},
     REASON_ALLOWED,
     "claimed",
     NULL},
    {{.client = "web", .names = "red.pay.acme.internal", .claim = "team=blue"},
     REASON_NAME_NOT_ALLOWED,
     "claimed",
     "red"},
    {{.client = "web", .names = "red.pay.acme.internal"},
     REASON_NAME_NOT_ALLOWED,
     "claimed",
     "red"},
};

static void test_scope(void **state)
{
    (void)state;
    CHECK_CASES(scoped, scope_cases);
}

/* ---- subject ---- */

static const char subjects[] =
    CLIENTS "rules:\n"
            "  - id: s\n"
            "    clients: [api]\n"
            "    actions: [newcert]\n"
            "    names: {dns: [a.x.y]}\n"
            "    subject:\n"
            "      C: [NL, BE]\n"
            "      O: {values: [Acme, Acme BV, Acme Inc], required: true, max: 2}\n"
            "      OU: {fixed: Payments}\n"
            "    profiles: [server]\n"
            "    max_validity: 1h\n"
            "  - {id: none, clients: [web], actions: [newcert], names: {dns: [a.x.y]},\n"
            "     profiles: [server], max_validity: 1h}\n";

static const struct expected subject_cases[] = {
    {{.names = "a.x.y", .subject = "O=Acme"}, REASON_ALLOWED, "s", NULL},
    {{.names = "a.x.y", .subject = "O=Acme;O=Acme BV"}, REASON_ALLOWED, "s", NULL},
    {{.names = "a.x.y", .subject = "O=Acme;OU=Payments;C=BE"}, REASON_ALLOWED, "s", NULL},
    {{.names = "a.x.y"},
     REASON_SUBJECT,
     "s",
     "subject attribute O is not asked for, and rule s demands it"},
    {{.names = "a.x.y", .subject = "C=NL"}, REASON_SUBJECT, "s", "O is not asked for"},
    {{.names = "a.x.y", .subject = "O=Acme;O=Acme BV;O=Acme Inc"},
     REASON_SUBJECT,
     "s",
     "subject attribute O is asked for more often than rule s allows"},
    {{.names = "a.x.y", .subject = "O=Acme;C=NL;C=BE"},
     REASON_SUBJECT,
     "s",
     "C is asked for more than once"},
    {{.names = "a.x.y", .subject = "O=Acme;C=DE"}, REASON_SUBJECT, "s", "C=\"DE\" is not allowed"},
    {{.names = "a.x.y", .subject = "O=Acme;OU=Sales"},
     REASON_SUBJECT,
     "s",
     "subject OU=\"Sales\" is not the value that rule s sets"},
    {{.names = "a.x.y", .subject = "O=Acme;OU=Payments;OU=Payments"},
     REASON_SUBJECT,
     "s",
     "OU is asked for more than once"},
    {{.names = "a.x.y", .subject = "O=Acme;L=Utrecht"}, REASON_SUBJECT, "s", "L=\"Utrecht\""},
    {{.client = "web", .names = "a.x.y"}, REASON_ALLOWED, "none", NULL},
    {{.client = "web", .names = "a.x.y", .subject = "O=Acme"},
     REASON_SUBJECT,
     "none",
     "O=\"Acme\""},
};

static void test_subject(void **state)
{
    (void)state;
    CHECK_CASES(subjects, subject_cases);
    struct policy *p = load_text(subjects);
    struct policy_decision d = decide(p, &(struct wanted){.names = "a.x.y", .subject = "O=Acme"});
    assert_int_equal(d.num_fixed, 1);
    assert_int_equal(d.fixed[0].type, SUBJECT_OU);
    assert_true(slice_eq(d.fixed[0].value, SLICE("Payments")));
    d = decide(p, &(struct wanted){.names = "a.x.y", .subject = "O=Acme;OU=Payments"});
    assert_int_equal(d.num_fixed, 0);
    d = decide(p, &(struct wanted){.names = "a.x.y", .subject = "O=Evil"});
    assert_int_equal(d.num_fixed, 0);
    policy_free(p);
}

/* ---- deny rules about profiles ---- */

static const char deny_profiles[] = CLIENTS
    "rules:\n"
    "  - {id: all, clients: [api, web], actions: [newcert, revoke, info], names: {dns: "
    "[\"**.x.y\"]},\n"
    "     profiles: [server, client, ca], max_validity: 1h}\n"
    "  - {id: both, effect: deny, names: {dns: [admin.x.y]}, profiles: [client]}\n"
    "  - {id: no-ca, effect: deny, profiles: [ca]}\n"
    "  - {id: web-info, effect: deny, clients: [web], actions: [info], profiles: [server]}\n"
    "  - {id: later, effect: deny, names: {dns: [\"**.admin.x.y\"]}}\n";

static const struct expected deny_profile_cases[] = {
    {{.names = "a.x.y"}, REASON_ALLOWED, "all", NULL},
    {{.names = "a.x.y", .profile = "ca"},
     REASON_DENY_RULE,
     "no-ca",
     "profile \"ca\" is refused by rule no-ca"},
    {{.names = "admin.x.y"}, REASON_ALLOWED, "all", NULL},
    {{.names = "admin.x.y", .profile = "client"},
     REASON_DENY_RULE,
     "both",
     "name \"admin.x.y\" is refused by rule both under this profile"},
    {{.names = "a.x.y", .profile = "client"}, REASON_ALLOWED, "all", NULL},
    {{.names = "admin.x.y", .profile = "ca"}, REASON_DENY_RULE, "no-ca", "ca"},
    {{.names = "b.admin.x.y", .profile = "ca"}, REASON_DENY_RULE, "no-ca", "ca"},
    {{.names = "b.admin.x.y"}, REASON_DENY_RULE, "later", "b.admin.x.y"},
    /* with profiles and no actions: about newcert */
    {{.action = ACTION_INFO, .profile = "ca"}, REASON_ALLOWED, "all", NULL},
    {{.action = ACTION_REVOKE, .names = "admin.x.y", .profile = "ca"}, REASON_ALLOWED, "all", NULL},
    {{.client = "web", .action = ACTION_INFO, .profile = "server"},
     REASON_DENY_RULE,
     "web-info",
     "server"},
    {{.client = "web", .action = ACTION_INFO, .profile = "client"}, REASON_ALLOWED, "all", NULL},
};

static void test_deny_profiles(void **state)
{
    (void)state;
    CHECK_CASES(deny_profiles, deny_profile_cases);
}

/* Of deny rules that the index of names finds and others that it can't, the first in the file is
 * named, and one that is about something else hides none that stands behind it. */
static void test_deny_order(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {{.names = "a.x.y"}, REASON_DENY_RULE, "other-profile-no", "a.x.y"},
        {{.names = "a.x.y", .profile = "client"}, REASON_DENY_RULE, "other-profile", "a.x.y"},
        {{.names = "b.x.y"}, REASON_DENY_RULE, "own", "b.x.y"},
        {{.client = "web", .names = "b.x.y"}, REASON_DENY_RULE, "by-name", "b.x.y"},
        {{.names = "c.x.y", .profile = "ca"}, REASON_DENY_RULE, "ca-only", "ca"},
        {{.names = "d.x.y"}, REASON_DENY_RULE, "by-name", "d.x.y"},
        {{.names = "c.x.y e.x.y"}, REASON_DENY_RULE, "by-name-2", "e.x.y"},
        {{.names = "d.x.y e.x.y"}, REASON_DENY_RULE, "by-name", "d.x.y"},
        {{.names = "c.x.y", .cn = "d.x.y"}, REASON_DENY_RULE, "by-name", "common name \"d.x.y\""},
        {{.names = "e.x.y", .cn = "d.x.y"}, REASON_DENY_RULE, "by-name", "common name \"d.x.y\""},
        {{.names = "c.x.y", .cn = "d.x.y."}, REASON_DENY_RULE, "by-name", "common name \"d.x.y.\""},
        {{.action = ACTION_REVOKE, .names = "a.x.y"}, REASON_DENY_RULE, "revoke-too", "a.x.y"},
        {{.action = ACTION_REVOKE, .names = "d.x.y"}, REASON_NO_RULE, NULL, "revoke"},
    };
    CHECK_CASES(CLIENTS
                "rules:\n"
                "  - {id: r, clients: [api, web], actions: [newcert], names: {dns: [\"**.x.y\"]},\n"
                "     profiles: [server, client, ca], max_validity: 1h, common_name: any}\n"
                "  - {id: other-profile, effect: deny, names: {dns: [a.x.y]}, profiles: [client]}\n"
                "  - {id: other-profile-no, effect: deny, names: {dns: [a.x.y]}}\n"
                "  - {id: revoke-too, effect: deny, actions: [newcert, revoke], names: {dns: "
                "[a.x.y]}}\n"
                "  - {id: own, effect: deny, clients: [api], names: {dns: [b.x.y]}}\n"
                "  - {id: by-name, effect: deny, names: {dns: [b.x.y, d.x.y]}}\n"
                "  - {id: ca-only, effect: deny, profiles: [ca]}\n"
                "  - {id: by-name-2, effect: deny, names: {dns: [\"e.x.y\"]}}\n",
                cases);
}

/* ---- the order in which conditions are checked ---- */

static const char everything[] = "version: 1\n"
                                 "scope: {dns: [\"**.x.y\"]}\n"
                                 "clients:\n"
                                 "  api: {auth: [{mtls: {cn: api}}]}\n"
                                 "rules:\n"
                                 "  - id: r\n"
                                 "    until: 2026-06-30\n"
                                 "    clients: [api]\n"
                                 "    actions: [newcert, revoke, info]\n"
                                 "    from: [10.0.0.0/8]\n"
                                 "    when: {days: [mon-thu]}\n"
                                 "    names: {dns: [{regex: '[a-z]+\\.[xz]\\.y'}]}\n"
                                 "    max_names: 2\n"
                                 "    subject: {O: [Acme]}\n"
                                 "    keys: {ecdsa: [256]}\n"
                                 "    profiles: [server]\n"
                                 "    max_validity: 1h\n";

/* Each case mends what the one before it failed by, and has all the later faults still. */
static const struct expected order_cases[] = {
    {{.at = "2026-07-03T12:00:00Z", .peer = "11.0.0.1"}, REASON_RULE_EXPIRED, "r", "2026-06-30"},
    {{.at = "2026-06-26T12:00:00Z", .peer = "11.0.0.1"}, REASON_SOURCE, "r", "11.0.0.1"},
    {{.at = "2026-06-26T12:00:00Z", .peer = "10.0.0.1"}, REASON_TIME, "r", "2026-06-26"},
    {{.peer = "10.0.0.1", .names = "s://h/p s://h/q s://h/r", .cn = "c", .key = "rsa 2048"},
     REASON_NO_NAMES,
     "r",
     "no host name"},
    {{.peer = "10.0.0.1", .names = "a.a a.b a.c", .cn = "c", .key = "rsa 2048", .subject = "O=a"},
     REASON_TOO_MANY_NAMES,
     "r",
     "3 names"},
    {{.peer = "10.0.0.1", .names = "a.a a.z.y", .cn = "c", .key = "rsa 2048", .subject = "O=a"},
     REASON_NAME_NOT_ALLOWED,
     "r",
     "a.a"},
    {{.peer = "10.0.0.1", .names = "a.z.y", .cn = "c", .key = "rsa 2048", .subject = "O=a"},
     REASON_OUT_OF_SCOPE,
     "r",
     "a.z.y"},
    {{.peer = "10.0.0.1",
      .names = "a.x.y",
      .cn = "c",
      .key = "rsa 2048",
      .subject = "O=a",
      .profile = "ca"},
     REASON_COMMON_NAME,
     "r",
     "\"c\""},
    {{.peer = "10.0.0.1",
      .names = "a.x.y",
      .cn = "a.x.y",
      .key = "rsa 2048",
      .subject = "O=a",
      .profile = "ca"},
     REASON_SUBJECT,
     "r",
     "O=\"a\""},
    {{.peer = "10.0.0.1",
      .names = "a.x.y",
      .key = "rsa 2048",
      .subject = "O=Acme",
      .profile = "ca"},
     REASON_KEY,
     "r",
     "rsa 2048"},
    {{.peer = "10.0.0.1", .names = "a.x.y", .subject = "O=Acme", .profile = "ca"},
     REASON_PROFILE,
     "r",
     "\"ca\""},
    {{.peer = "10.0.0.1", .names = "a.x.y", .subject = "O=Acme"}, REASON_ALLOWED, "r", NULL},
    {{.action = ACTION_REVOKE,
      .relation = CERT_FOREIGN,
      .at = "2026-07-03T12:00:00Z",
      .peer = "11.0.0.1"},
     REASON_RULE_EXPIRED,
     "r",
     "until"},
    {{.action = ACTION_REVOKE, .relation = CERT_FOREIGN, .peer = "11.0.0.1"},
     REASON_SOURCE,
     "r",
     "11.0.0.1"},
    {{.action = ACTION_REVOKE, .relation = CERT_FOREIGN, .peer = "10.0.0.1"},
     REASON_NOT_OWNER,
     "r",
     "another client"},
    {{.action = ACTION_REVOKE, .relation = CERT_UNKNOWN, .peer = "10.0.0.1"},
     REASON_UNKNOWN_CERT,
     "r",
     "not issued through"},
    {{.action = ACTION_REVOKE, .names = "q q.q q.r s.t", .peer = "10.0.0.1"},
     REASON_ALLOWED,
     "r",
     NULL},
};

static void test_order(void **state)
{
    (void)state;
    CHECK_CASES(everything, order_cases);
    for (size_t i = 1; i < 12; i++) {
        assert_true(order_cases[i].reason == REASON_ALLOWED ||
                    order_cases[i].reason > order_cases[i - 1].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from),          cmocka_unit_test(test_when),
        cmocka_unit_test(test_scope),         cmocka_unit_test(test_subject),
        cmocka_unit_test(test_deny_profiles), cmocka_unit_test(test_deny_order),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
