/* test_load_rules.c - each field of a rule: what it is loaded as, and what is said about a bad one. */
#include "policy/rule.h"
#include "tests/unit/policy/support.h"

/* ---- tests/data/policy/full.yaml ---- */

enum { NEVER_APEX, NO_PEERS, SERVER, COMPUTE, FOR_PODS, PODS_OWN, LEGACY, ALL };

static struct policy *full;

static int load_full(void **state)
{
    (void)state;
    char *text = read_whole("tests/data/policy/full.yaml");
    full = load_text(text);
    free(text);
    return 0;
}

static int free_full(void **state)
{
    (void)state;
    policy_free(full);
    return 0;
}

static void check_text(struct slice got, const char *expected)
{
    if (!slice_eq_str(got, expected)) {
        fail_msg("%.*s, not %s", (int)got.len, got.ptr, expected);
    }
}

static void test_notes(void **state)
{
    (void)state;
    const struct rule *r = &full->rules[SERVER];
    assert_string_equal(r->description, "Serving certificates of the payments API");
    assert_string_equal(r->owner, "payments-team@acme.example");
    assert_string_equal(r->ticket, "SEC-1042");
    assert_string_equal(r->why, "the payments API serves its own clients");
    assert_string_equal(r->until_text, "2027-03-31");
    assert_false(r->deny);
    assert_true(r->wildcards);
    assert_false(r->broad);
    assert_true(full->rules[ALL].broad);
    assert_string_equal(full->rules[NO_PEERS].why, "peers are being moved");
}

static void test_names(void **state)
{
    (void)state;
    const struct pattern_list *names = &full->rules[SERVER].names;
    assert_int_equal(names->num, 7);
    assert_int_equal(names->items[0].shape, PATTERN_EXACT);
    assert_int_equal(names->items[0].at.line, 61);
    assert_int_equal(names->items[0].at.col, 11);
    const struct pattern *re = &names->items[2];
    assert_int_equal(re->shape, PATTERN_REGEX);
    assert_non_null(re->regex);
    check_text(re->text, "web-[0-9]{1,3}\\.payments\\.acme\\.internal");
    assert_int_equal(re->at.line, 63);
    assert_true(full->rules[PODS_OWN].names.items[0].has_placeholder);
    const struct rule *apex = &full->rules[NEVER_APEX];
    assert_int_equal(apex->names.items[2].shape, PATTERN_REGEX);
    assert_int_equal(apex->at[REASON_DENY_RULE].line, 39);
}

static void test_subject(void **state)
{
    (void)state;
    const struct subject_rule *s = full->rules[SERVER].issue->subject;
    check_text(s[SUBJECT_C].values.items[0], "NL");
    assert_int_equal(s[SUBJECT_C].max, 1);
    assert_false(s[SUBJECT_C].required);
    assert_true(s[SUBJECT_ST].required);
    check_text(s[SUBJECT_ST].values.items[1], "Utrecht");
    assert_int_equal(s[SUBJECT_O].max, 2);
    assert_null(s[SUBJECT_O].fixed.ptr);
    check_text(s[SUBJECT_OU].fixed, "Payments");
    check_text(s[SUBJECT_OU].values.items[0], "Payments");
    assert_int_equal(s[SUBJECT_OU].values.num, 1);
    assert_int_equal(s[SUBJECT_OU].max, 1);
    assert_int_equal(s[SUBJECT_SERIAL].values.num, 1);
    assert_null(full->rules[COMPUTE].issue->subject);
}

static void test_keys(void **state)
{
    (void)state;
    const struct key_rule *server = &full->rules[SERVER].issue->keys;
    assert_true(server->ecdsa_256 && server->ecdsa_384 && !server->ecdsa_521);
    assert_int_equal(server->rsa_min, 2048);
    assert_int_equal(server->rsa_max, 4096);
    const struct key_rule *compute = &full->rules[COMPUTE].issue->keys;
    assert_true(compute->ecdsa_256 && compute->ecdsa_384 && !compute->ecdsa_521);
    assert_int_equal(compute->num_rsa_sizes, 2);
    assert_int_equal(compute->rsa_max, 0);
    const struct key_rule *own = &full->rules[PODS_OWN].issue->keys;
    assert_true(own->ecdsa_256 && own->ecdsa_384 && own->ecdsa_521);
    assert_int_equal(own->rsa_max, RSA_BITS_DEFAULT_MAX);
}

static void test_profiles(void **state)
{
    (void)state;
    const char *const *profiles = NULL;
    const struct slice *usages = NULL;
    assert_int_equal(policy_rule_profiles(full, NEVER_APEX, &profiles), 0);
    assert_int_equal(policy_rule_profiles(full, COMPUTE, &profiles), 2);
    assert_string_equal(profiles[1], "peer");
    const struct diag_place place = policy_rule_profile_place(full, COMPUTE, 1);
    assert_string_equal(place.file, "test.yaml");
    assert_int_equal(place.line, 95);
    assert_int_equal(place.col, 24);
    assert_int_equal(policy_rule_usages(full, SERVER, &usages), 3);
    check_text(usages[1], "key encipherment");
    assert_int_equal(policy_rule_usages(full, COMPUTE, &usages), 0);
    const struct rule *deny = &full->rules[NO_PEERS];
    assert_int_equal(deny->num_deny_profiles, 1);
    assert_string_equal(deny->deny_profiles[0], "peer");
    assert_int_equal(policy_rule_profiles(full, NO_PEERS, &profiles), 1);
    assert_string_equal(profiles[0], "peer");
    assert_int_equal(policy_rule_profile_place(full, NO_PEERS, 0).line, 48);
    assert_int_equal(deny->actions, 1U << ACTION_NEWCERT | 1U << ACTION_INFO);
    assert_int_equal(deny->num_clients, 2);
}

static void test_when(void **state)
{
    (void)state;
    const struct rule *r = &full->rules[SERVER];
    assert_int_equal(r->from.num, 3);
    assert_int_equal(r->from.items[0].bits, 16);
    assert_int_equal(r->from.items[1].ip_len, 16);
    assert_int_equal(r->from.items[2].bits, 32);
    assert_int_equal(r->from.items[2].at.line, 81);
    assert_int_equal(r->at[REASON_SOURCE].line, 81);
    assert_int_equal(r->at[REASON_TIME].line, 82);
    assert_int_equal(r->when->days, 0x5f);
    assert_int_equal(r->when->num_hours, 2);
    assert_int_equal(r->when->hours[0].from, 8 * 60);
    assert_int_equal(r->when->hours[0].to, 18 * 60);
    assert_int_equal(r->when->hours[1].to, 2 * 60);
    assert_int_equal(zone_at(r->when->zone, NOW_S).minute, 22 * 60 + 26);
    assert_null(full->rules[COMPUTE].when);
}

static void test_limits(void **state)
{
    (void)state;
    const struct rule *r = &full->rules[SERVER];
    assert_int_equal(r->issue->max_names, 5);
    assert_int_equal(r->issue->max_validity_s, 720 * 3600);
    assert_int_equal(full->rules[PODS_OWN].issue->max_validity_s, 0);
    assert_string_equal(r->quota.rule_id, "payments-server");
    assert_int_equal(r->quota.rate_count, 30);
    assert_int_equal(r->quota.rate_per_ms, 60000);
    assert_int_equal(r->quota.rate_burst, 60);
    assert_int_equal(r->quota.max_active, 500);
    assert_true(r->quota.auto_revoke_oldest);
    assert_null(full->rules[COMPUTE].quota.rule_id);
}

static void test_delegate(void **state)
{
    (void)state;
    const struct rule *r = &full->rules[FOR_PODS];
    assert_true(r->delegates);
    assert_int_equal(r->num_parties, 1);
    assert_string_equal(full->clients[r->parties[0]].id, "pods");
    assert_int_equal(r->at[REASON_NOT_DELEGATED].line, 102);
    assert_false(full->rules[SERVER].delegates);
}

/* ---- one rule each ---- */

/* The text of a rule and all that is said about it: each line of it, without its place. */
struct case_of {
    const char *fields;
    const char *said;
};

static void check_cases(const char *head, const struct case_of *cases, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        (void)fprintf(out, "version: 1\n%s%s}\n", head, cases[i].fields);
        (void)fclose(out);
        char *said = complaints_of(text, NULL);
        if (strcmp(said, cases[i].said) != 0) {
            fail_msg("%s\nsaid:\n%sexpected:\n%s", cases[i].fields, said, cases[i].said);
        }
        free(said);
        free(text);
    }
}
#define CHECK_CASES(head, cases) check_cases(head, cases, sizeof(cases) / sizeof((cases)[0]))

#define CLIENTS                                                                                    \
    "clients: {c: {auth: [{mtls: {cn: c}}]}, d: {auth: [{mtls: {cn: d}}]}}\n"                      \
    "groups: {both: [c, d]}\n"                                                                     \
    "rules:\n"
#define RULE CLIENTS "- {id: r, clients: [c], actions: "
#define NEWCERT "[newcert], profiles: [p], max_validity: 1h,\n"
#define NAMES NEWCERT "names: {dns: [a.x.y]},\n"
#define E "test.yaml:7:" /* an error in the last line */

static void test_subject_cases(void **state)
{
    (void)state;
    static const struct case_of cases[] = {
        {NAMES "subject: {O: {fixed: A, values: [B]}}",
         E "14: error: O has both values and fixed: values are what may be asked for, fixed is what "
           "every certificate gets\n"},
        {NAMES "subject: {O: {required: true}}",
         E "14: error: O needs values, what may be asked for, or fixed, what every certificate "
           "gets\n"},
        {NAMES "subject: {O: {fixed: A, required: true, max: 2}}",
         E "25: warning: required has no effect beside fixed: every certificate gets O exactly "
           "once\n" E
           "41: warning: max has no effect beside fixed: every certificate gets O exactly once\n"},
        {NAMES "subject: {O: {values: [A], max: 0}}",
         E "33: error: max must be a whole number from 1 to 16, not \"0\"\n"},
        {NAMES "subject: {serialNumber: {values: [\"1\"], max: 2}}",
         E "46: error: max of serialNumber is 1: a CFSSL request has only one\n"},
        {NAMES "subject: {C: {fixed: nl}}",
         E "22: error: C must be a country's two capital letters, such as NL\n"},
        {NAMES "subject: {C: {value: [NL]}}",
         E "14: error: C needs values, what may be asked for, or fixed, what every certificate "
           "gets\n" E "15: error: C has no key \"value\": did you mean \"values\"?\n"},
        {NAMES "subject: {C: NL}", E "14: error: C must be a list: [\"NL\"]\n"},
    };
    CHECK_CASES(RULE, cases);
}

static void test_key_cases(void **state)
{
    (void)state;
    static const struct case_of cases[] = {
        {NAMES "keys: {ecdsa: {min: 384}}", ""},
        {NAMES "keys: {ecdsa: {min: 521, max: 256}}",
         E "15: error: keys: ecdsa: min is larger than max\n"},
        {NAMES "keys: {ecdsa: {}}", E "15: error: keys: ecdsa needs min, max or both\n"},
        {NAMES "keys: {ecdsa: {min: 224}}",
         E "21: error: keys: ecdsa: min must be one of 256, 384, 521, not \"224\"\n"},
        {NAMES "keys: {rsa: {min: 1024}}",
         E "19: error: keys: rsa: min must be a whole number from 2048 to 8192, not \"1024\"\n"},
        {NAMES "keys: {rsa: 2048}", E "13: error: keys: rsa must be a list: [\"2048\"]\n"},
        {NAMES "usages: [server auth, s/mime, any]", ""},
        {NAMES "usages: [ServerAuth]",
         E "10: error: a usage must be one of CFSSL's words, such as server auth, client auth or "
           "key encipherment, not \"ServerAuth\"\n"},
    };
    CHECK_CASES(RULE, cases);
}

static void test_when_cases(void **state)
{
    (void)state;
    static const struct case_of cases[] = {
        {NAMES "when: {days: [sat-mon]}", ""},
        {NAMES "when: {hours: [\"00:00-24:00\"], zone: \"+05:45\"}", ""},
        {NAMES "when: {zone: UTC}", E "7: error: when needs days, hours or both\n"},
        {NAMES "when: office",
         E "7: error: when must be a map such as { days: [mon-fri], hours: [\"08:00-18:00\"], zone: "
           "Europe/Amsterdam }\n"},
        {NAMES "when: {days: []}",
         E "14: error: days is an empty list: leave it out or put something in\n"},
        {NAMES "when: {days: [Monday, mon-wed, tue]}",
         E "15: error: a day must be mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri, "
           "not \"Monday\"\n" E "32: error: \"tue\" names a day that is listed already\n"},
        {NAMES "when: {days: [mon-sun]}",
         E "1: warning: when has no effect: it lists all days, and no hours\n"},
        {NAMES "when: {hours: [\"8-18\", \"08:00-08:00\", \"08:60-09:00\", \"24:00-01:00\"]}",
         E "16: error: hours must be written as \"08:00-18:00\", from 00:00 to 24:00, not "
           "\"8-18\"\n" E
           "24: error: hours \"08:00-08:00\" begin and end at once: for the whole day leave hours "
           "out\n" E
           "39: error: hours must be written as \"08:00-18:00\", from 00:00 to 24:00, not "
           "\"08:60-09:00\"\n" E
           "54: error: hours must be written as \"08:00-18:00\", from 00:00 to 24:00, not "
           "\"24:00-01:00\"\n"},
        {NAMES "when: {days: [mon], zone: Amsterdam}",
         E "27: error: zone: \"Amsterdam\" is no time zone: write UTC, an offset such as "
           "\"+01:00\", or a place such as Europe/Amsterdam\n"},
        {NAMES "from: [10.20.0.5/16, host.x.y, 10.0.0.0/8, \"::/0\"]",
         E "8: error: \"10.20.0.5/16\" has bits set behind its first 16: the network is "
           "10.20.0.0/16\n" E
           "22: error: from lists addresses and networks such as 10.20.0.0/16, not \"host.x.y\"\n" E
           "44: warning: this network is every address there is\n"},
        {NAMES "from: 10.0.0.0/8", E "7: error: from must be a list: [\"10.0.0.0/8\"]\n"},
    };
    CHECK_CASES(RULE, cases);
}

static void test_limit_cases(void **state)
{
    (void)state;
    static const struct case_of cases[] = {
        {NAMES "rate: {count: 1, per: 30d}", ""},
        {NAMES "rate: 30/1m",
         E "7: error: rate must be a map such as { count: 30, per: 1m }\n"},
        {NAMES "rate: {count: 30}",
         E "7: error: rate needs count and per, as in { count: 30, per: 1m }\n"},
        {NAMES "rate: {count: 0, per: 31d, burst: 0}",
         E "15: error: rate: count must be a whole number from 1 to 1000000, not \"0\"\n" E
           "23: error: rate: per must be from 1s to 30d, not 31d\n" E
           "35: error: rate: burst must be a whole number from 1 to 1000000, not \"0\"\n"},
        {NAMES "rate: {count: 1, per: 500ms}",
         E "23: error: rate: per must be from 1s to 30d, not 500ms\n"},
        {NAMES "rate: {requests: 1, per: 1s}",
         E "7: error: rate needs count and per, as in { count: 30, per: 1m }\n" E
           "8: error: rate has no key \"requests\": did you mean \"count\"?\n"},
        {NAMES "max_active: 0",
         E "13: error: max_active must be a whole number from 1 to 1000000, not \"0\"\n"},
        {NAMES "auto_revoke_oldest: true",
         E "21: error: auto_revoke_oldest needs max_active: how many certificates there may be "
           "before the oldest is revoked\n"},
        {NAMES "auto_revoke_oldest: false", ""},
        {"[newcert], profiles: [p], names: {dns: [a.x.y]},\nmax_validity: none",
         "test.yaml:6:15: error: max_validity must be a duration such as 720h or 30d, or the word "
         "unlimited, not \"none\"\n"},
        {"[newcert], profiles: [p], names: {dns: [a.x.y]},\nmax_validity: unlimited",
         "test.yaml:6:1: warning: max_validity: unlimited lets a certificate live as long as the "
         "CA's profile says\n"},
        {"[info], profiles: [p],\nrate: {count: 1, per: 1s}, max_active: 1",
         "test.yaml:6:1: warning: rate has no effect without the action newcert or revoke\n"
         "test.yaml:6:28: warning: max_active has no effect without the action newcert\n"},
        {"[revoke],\nnames: {dns: [a.x.y]}, usages: [any], from: [10.0.0.1]",
         "test.yaml:6:1: warning: names has no effect without the action newcert or revoke: names\n"
         "test.yaml:6:24: warning: usages has no effect without the action newcert\n"},
    };
    CHECK_CASES(RULE, cases);
}

static void test_delegate_cases(void **state)
{
    (void)state;
    static const struct case_of cases[] = {
        {NAMES "delegate: {for: [d]}", ""},
        {NAMES "delegate: {for: [both]}", ""},
        {NAMES "delegate: {for: [c, d]}",
         E "18: error: client \"c\" would act for itself, which needs no delegate: take it out of "
           "this list, or delegate out of the rule\n"},
        {NAMES "delegate: [d]",
         E "11: error: delegate must be a map: { for: [the clients or groups to act for] }\n"},
        {NAMES "delegate: {}", E "11: error: delegate needs for: the clients or groups to act for\n"},
        {NAMES "delegate: {for: [bth]}",
         E "18: error: there is no client or group \"bth\": did you mean \"both\"?\n"},
        {"[info], profiles: [p],\ndelegate: {for: [d]}",
         "test.yaml:6:1: warning: rule \"r\" has no effect: only newcert and revoke can be asked for "
         "others\n"},
    };
    CHECK_CASES(RULE, cases);
}

static void test_name_cases(void **state)
{
    (void)state;
    static const struct case_of cases[] = {
        {NEWCERT "\nnames: {dns: [{regex: 'a[0-9]\\.x\\.y'}]}", ""},
        {NEWCERT "\nnames: {dns: [a.x.y], ip: [{regex: '10\\..*'}]}",
         E "36: error: a regular expression cannot stand under ip: write a network, such as "
           "10.20.0.0/16\n"},
        {NEWCERT "\nnames: {dns: [{regexp: a}, {}]}",
         E "15: error: a name is a text, or a map with one key: { regex: '[a-z]+\\.example\\.org' "
           "}\n" E "16: error: a name that is a map has no key \"regexp\": did you mean \"regex\"?\n" E
           "28: error: a name is a text, or a map with one key: { regex: '[a-z]+\\.example\\.org' "
           "}\n"},
        {NEWCERT "\nnames: [a.x.y]",
         E "8: error: names must be a map with a list for each kind of name, such as { dns: "
           "[www.example.org], ip: [10.0.0.7] }\n"},
        {NEWCERT "\nnames: {dns: [\"*.com\", \"**\", com, {regex: '.*'}], uri: [\"s://*.com/x\"], email: "
                 "[\"*@com\"]}",
         E "15: error: \"*.com\" reaches over domains of different owners: name the domain that is "
           "meant, as in \"**.acme.example\", or add broad: true to the rule if all of them are\n" E
           "24: error: \"**\" reaches over domains of different owners: name the domain that is "
           "meant, as in \"**.acme.example\", or add broad: true to the rule if all of them are\n" E
           "30: error: \"com\" is in no domain that has one owner: write the full name, such as "
           "com.acme.example, or add broad: true to the rule if it is meant so\n" E
           "35: error: \"/.*/\" reaches over domains of different owners: name the domain that is "
           "meant, as in \"**.acme.example\", or add broad: true to the rule if all of them are\n" E
           "57: error: \"s://*.com/x\" reaches over domains of different owners: name the domain that is "
           "meant, as in \"spiffe://acme.example/**\", or add broad: true to the rule if all of them "
           "are\n" E
           "81: error: \"*@com\" reaches over domains of different owners: name the domain that is "
           "meant, as in \"*@acme.example\", or add broad: true to the rule if all of them are\n"},
        {NEWCERT "broad: true,\nnames: {dns: [a.x.y]}",
         "test.yaml:6:1: warning: broad has no effect: no pattern of rule \"r\" needs it\n"},
        {NEWCERT "broad: true,\nnames: {dns: [a.x.y, \"*.com\"]}",
         "test.yaml:6:1: warning: broad: true allows \"*.com\", names that no single owner has\n"},
        {NAMES "common_name: [batch, Some Text, \"${client}.x.y\", {regex: 'a+\\.x\\.y'}]", ""},
        {NAMES "common_name: [\"${cleint}.x.y\", \"*.com\"]",
         E "15: error: \"${cleint}\" is no placeholder: there are ${client}, "
           "${mtls.uri.path[N]} (N from 0) and ${jwt.CLAIM} (CLAIM: 1 to 64 of a-z A-Z 0-9 . _ -)\n" E
           "32: error: \"*.com\" reaches over domains of different owners: name the domain that is "
           "meant, as in \"**.acme.example\", or add broad: true to the rule if all of them are\n"},
    };
    CHECK_CASES(RULE, cases);
}

static void test_deny_cases(void **state)
{
    (void)state;
    static const struct case_of cases[] = {
        {"names: {dns: [\"**.com\", \"**\"]}, profiles: [p]", ""},
        {"names: {dns: [\"${client}.x.y\"]}",
         "test.yaml:5:39: error: a deny rule has no placeholders: one that has no value would let "
         "through what the rule is there to stop\n"},
        {"profiles: [p], actions: [revoke]",
         "test.yaml:5:35: error: rule \"r\" never matches: only newcert and info ask for a profile\n"},
        {"names: {dns: [a.x.y]}, actions: [info]",
         "test.yaml:5:32: error: rule \"r\" never matches: only newcert and revoke are about "
         "names\n"},
        {"names: {dns: [a.x.y]}, profiles: [p], actions: [revoke, info]",
         "test.yaml:5:3: error: rule \"r\" never matches: only newcert has both names and a "
         "profile\n"},
        {"delegate: {for: [c]}",
         "test.yaml:5:3: warning: rule \"r\" refuses everything to everybody\n"
         "test.yaml:5:25: error: a deny rule has no key \"delegate\"; its keys are id, effect, "
         "description, owner, ticket, reason, clients, actions, names, profiles\n"},
    };
    CHECK_CASES(CLIENTS "- {id: r, effect: deny, ", cases);
}

/* ---- settings and scopes ---- */

static void test_settings_cases(void **state)
{
    (void)state;
    static const struct case_of strict[] = {
        {"[newcert, revoke], profiles: [p], max_validity: unlimited, revoke: any, common_name: any,\n"
         "wildcards: true, broad: true, names: {dns: [\"*.com\"]}, owner: o, until: 2099-01-01",
         "test.yaml:6:68: error: max_validity: unlimited lets a certificate live as long as the CA's "
         "profile says, which settings: strict does not allow\n"
         "test.yaml:6:93: error: revoke: any lets these clients revoke every certificate of the CA, "
         "which settings: strict does not allow\n"
         "test.yaml:6:106: error: common_name: any lets a client put any host name into the subject, "
         "which settings: strict does not allow\n"
         "test.yaml:7:1: error: wildcards: true lets one certificate stand for all hosts of a "
         "domain, which settings: strict does not allow\n"
         "test.yaml:7:18: error: broad: true allows \"*.com\", names that no single owner has, which "
         "settings: strict does not allow\n"},
        {NAMES "owner: o",
         "test.yaml:6:3: error: rule \"r\" needs until: settings: require asks for it in every allow "
         "rule\n"},
    };
    CHECK_CASES("settings: {strict: true, require: [owner, until]}\n" RULE, strict);
}

#define SCOPE "scope: {dns: [\"**.x.y\"], ip: [10.0.0.0/8]}\n"

static void test_scope_cases(void **state)
{
    (void)state;
    static const struct case_of allow[] = {
        {NEWCERT "names: {dns: [\"*.x.y\", \"${client}.x.y\", {regex: '.+'}], ip: [10.1.0.0/16]}, "
                 "broad: true, common_name: [a.x.y]",
         "test.yaml:7:77: warning: broad: true allows \"/.+/\", names that no single owner has\n"},
        {NEWCERT "names: {dns: [x.y, \"**\", \"${client}.z.y\"], ip: [11.0.0.1], uri: [\"s://a.b/x\", "
                 "{regex: 's://a\\.b/[a-z]'}]}, broad: true",
         "test.yaml:7:15: error: \"x.y\" reaches out of the scope of this file (line 2), which is "
         "dns **.x.y\n"
         "test.yaml:7:20: error: \"**\" reaches out of the scope of this file (line 2), which is dns "
         "**.x.y\n"
         "test.yaml:7:26: error: \"${client}.z.y\" reaches out of the scope of this file (line 2), "
         "which is dns **.x.y\n"
         "test.yaml:7:49: error: \"11.0.0.1\" reaches out of the scope of this file (line 2), which "
         "is ip 10.0.0.0/8\n"
         "test.yaml:7:66: error: the scope of this file (line 2) allows no uri names at all\n"
         "test.yaml:7:79: error: the scope of this file (line 2) allows no uri names at all\n"
         "test.yaml:7:108: warning: broad: true allows \"**\", names that no single owner has\n"},
        {"[newcert, revoke], profiles: [p], max_validity: 1h,\nnames: {dns: [a.x.y]},\nrevoke: any, "
         "common_name: any, no_names: true",
         "test.yaml:8:1: warning: revoke: any lets these clients revoke every certificate of the "
         "CA\n"
         "test.yaml:8:9: error: revoke: any reaches out of the scope of this file: write own or "
         "names\n"
         "test.yaml:8:14: warning: common_name: any lets a client put any host name into the "
         "subject\n"
         "test.yaml:8:27: error: common_name: any reaches out of the scope of this file: write "
         "in_names, absent or a list\n"
         "test.yaml:8:42: error: no_names: true reaches out of the scope of this file: a certificate "
         "without a host is inside no domain\n"},
        {NAMES "common_name: [Some Text, a.z.y, batch]",
         "test.yaml:8:15: error: \"Some Text\" is no name, and so not inside the scope of this file: "
         "list names only\n"
         "test.yaml:8:26: error: \"a.z.y\" reaches out of the scope of this file (line 2), which is "
         "dns **.x.y\n"
         "test.yaml:8:33: error: \"batch\" reaches out of the scope of this file (line 2), which is "
         "dns **.x.y\n"},
    };
    static const struct case_of deny[] = {
        {"names: {dns: [\"**.x.y\"]}", ""},
        {"names: {dns: [\"**.y\", {regex: '.*'}]}",
         "test.yaml:6:39: error: \"**.y\" reaches out of the scope of this file (line 2), which is "
         "dns **.x.y\n"
         "test.yaml:6:47: error: that a regular expression stays inside the scope of this file "
         "cannot be told: deny by patterns here\n"},
        {"clients: [c]", "test.yaml:6:3: error: rule \"r\" needs names: in a file with a scope a deny "
                         "rule is about names inside it\n"},
    };
    CHECK_CASES(SCOPE RULE, allow);
    CHECK_CASES(SCOPE CLIENTS "- {id: r, effect: deny, ", deny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes),          cmocka_unit_test(test_names),
        cmocka_unit_test(test_subject),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_profiles),       cmocka_unit_test(test_when),
        cmocka_unit_test(test_limits),         cmocka_unit_test(test_delegate),
        cmocka_unit_test(test_subject_cases),  cmocka_unit_test(test_key_cases),
        cmocka_unit_test(test_when_cases),     cmocka_unit_test(test_limit_cases),
        cmocka_unit_test(test_delegate_cases), cmocka_unit_test(test_name_cases),
        cmocka_unit_test(test_deny_cases),     cmocka_unit_test(test_settings_cases),
        cmocka_unit_test(test_scope_cases),
    };
    return cmocka_run_group_tests(tests, load_full, free_full);
}
