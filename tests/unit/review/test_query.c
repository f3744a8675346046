/* test_query.c - terms as people write them: what they mean, and what is said about those that mean
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/review/query.h"

#include <stdio.h>

/* ---- what is refused ---- */

struct error_case {
    const char *term;
    const char *says;
};

static const struct error_case errors[] = {
    {"", "is no term"},
    {"=", "is no term"},
    {"=x", "is no term"},
    {"x", "did you mean client=x?"},
    {"client", "\"client\": is what? Write client=VALUE"},
    {"api.pay.example", "did you mean name=api.pay.example?"},
    {"team@pay.example", "did you mean name=team@pay.example?"},
    {"issue.ok", "did you mean type=issue.ok?"},
    {"issued", "did you mean result=issued?"},
    {"9f0c1a2b3c4d5e6f9f0c1a2b3c4d5e6f", "did you mean req="},
    {"72ce5911f930d121fbde662d11aff7a8d4a05991", "did you mean serial="},
    {"cleint=x", "there is no field \"cleint\": did you mean \"client\"?"},
    {"zzzzzz=x", "there is no field \"zzzzzz\"; there are client, name"},
    {"cli\033ent=x", "\"cli?ent=x\" is no term"},
    {"client=", "client= is followed by no value"},
    {"client!=", "client!= is followed by no value"},
    {"client<x", "client has no order for <: use = != ~ or !~"},
    {"name>=x", "name has no order for >="},
    {"status~4", "status is compared with = != < <= > or >=, not ~"},
    {"status=4x", "status is a whole number, not \"4x\""},
    {"seq=-1", "seq is a whole number"},
    {"seq=99999999999999999999", "seq is a whole number"},
    {"time=24h", "time= takes a day (2026-07-01); for others use < and >"},
    {"time<yesterday", "\"yesterday\" is no time"},
    {"not-after<2026-13-01", "is no time"},
    {"type=isue.ok", "type: there is no \"isue.ok\": did you mean \"issue.ok\"?"},
    {"type=isu*.ko", "type: there is no \"isu*.ko\""},
    {"result=issed", "did you mean \"issued\"?"},
    {"decision=maybe", "decision: there is no \"maybe\"; it is one of allow, deny"},
    {"action=sign", "it is one of newcert, revoke, info"},
    {"serial=xyz", "serial: \"xyz\" is no serial number"},
    {"serial=0x", "is no serial number"},
    {"serial=::", "is no serial number"},
    {"req=12", "req is written in hex, 4 digits of it or more"},
    {"fingerprint=sha256", "fingerprint is written in hex"},
    {"peer=somewhere", "peer: \"somewhere\" is no address and no network"},
    {"peer=10.0.0.0/33", "is no address and no network"},
    {"peer=10.0.0/8", "is no address and no network"},
    {"peer=2001:db8::/129", "is no address and no network"},
    {"peer=10.0.0.1/", "is no address and no network"},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct query q;
        struct cb_err err = {0};
        query_init(&q);
        const enum cb_code code = query_add(&q, errors[i].term, &err);
        if (code != CB_EINPUT || strstr(err.msg, errors[i].says) == NULL) {
            fail_msg("\"%s\": %d: %s", errors[i].term, (int)code, err.msg);
        }
        assert_int_equal(q.num, 0);
        query_free(&q);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static char large[QUERY_VALUE_MAX + 20];
    struct query q;
    struct cb_err err;
    query_init(&q);
    for (unsigned i = 0; i < QUERY_TERMS_MAX; i++) {
        assert_int_equal(query_add(&q, "client=web", &err), CB_OK);
    }
    assert_int_equal(query_add(&q, "client=web", &err), CB_ELIMIT);
    query_free(&q);
    query_init(&q);
    (void)snprintf(large, sizeof(large), "client=%0*d", (int)QUERY_VALUE_MAX, 0);
    assert_int_equal(query_add(&q, large, &err), CB_OK);
    (void)snprintf(large, sizeof(large), "client=%0*d", (int)QUERY_VALUE_MAX + 1, 0);
    assert_int_equal(query_add(&q, large, &err), CB_EINPUT);
    query_free(&q);
}

/* ---- what fits ---- */

static const struct slice wanted[] = {{"api.pay.example", 15}, {"*.pods.example", 14}};
static const struct slice granted_ip[] = {{"10.20.0.7", 9}};
static const struct slice mismatch[] = {{"dns", 3}, {"not_after", 9}};

static struct review_row row_to_match(void)
{
    struct review_row row = {.num = 2, .result = RESULT_ISSUED};
    struct audit_event *attempt = &row.records[0].event;
    struct audit_event *outcome = &row.records[1].event;
    audit_event_zero(attempt, AUDIT_ISSUE_ATTEMPT);
    audit_event_zero(outcome, AUDIT_ISSUE_OK);
    row.records[0].line =
        (struct audit_line){.seq = 41, .type = AUDIT_ISSUE_ATTEMPT, .ts_us = 1784736000000000};
    row.records[1].line = (struct audit_line){
        .seq = 42, .type = AUDIT_ISSUE_OK, .ts_us = 1784736000500000}; /* 2026-07-22T16:00:00.5Z */
    attempt->who_id = SLICE("web:pod-1");
    attempt->peer = SLICE("10.20.0.7:41234");
    attempt->want.dns = wanted;
    attempt->want.num_dns = 2;
    attempt->req = SLICE("9f0c1a2b3c4d5e6f9f0c1a2b3c4d5e6f");
    attempt->rule = SLICE("web*server");
    attempt->detail = SLICE("Some Sentence");
    outcome->serial = SLICE("0f3a");
    outcome->cert_sha256 = SLICE("ba7816bf8f01cfea");
    outcome->granted.ip = granted_ip;
    outcome->granted.num_ip = 1;
    outcome->mismatch = mismatch;
    outcome->num_mismatch = 2;
    outcome->not_after = SLICE("2026-08-21T16:20:00Z");
    outcome->status = 200;
    outcome->upstream_us = 51234;
    outcome->revoke_reason = SLICE("keyCompromise");
    return row;
}

static const char *const fitting[] = {
    "client=web", "client=web:pod-1", "client=web:*", "client=w?b:pod-1", "client~POD", "client~w*1",
    "client!=api", "client!=webs", "client!~xyz", "who.id=web", "user=web", "name=api.pay.example",
    "name=API.PAY.example", "name=*.example", "name=\\*.pods.example", "host=10.20.0.7",
    "name!=other.example", "req=9f0c1a2b", "req=9F:0C:1A", "req=9f0c*", "serial=0f3a", "serial=f3a",
    "serial=0F:3A", "serial=0x0f3a", "serial=3898", "serial=000f3a", "serial=*3a", "serial!=0f3b",
    "fingerprint=ba7816bf", "sha256=BA:78:16", "peer=10.20.0.7", "peer=10.20.0.0/16", "peer=10.20.0.6/31",
    "peer=0.0.0.0/0", "peer!=10.21.0.0/16", "peer=10.20.0.7:*", "ip=10.20.0.7", "type=issue.ok",
    "type=issue.attempt", "type=issue.*", "type=*.ok", "result=issued", "result=ISSUED",
    "result!=denied", "rule=web\\*server", "rule=web*", "rule=*", "owner!=*", "ticket!=SEC-1",
    "seq=42", "seq=41", "seq>40", "seq>=42", "seq<42", "seq!=43", "time>2026-07-22", "time=2026-07-22",
    "time!=2026-07-23", "time<2026-07-23", "time>=2026-07-22T16:00:00Z", "not-after>2026-08-01",
    "not-after=2026-08-21", "not-after<2026-08-22", "not-after=2026-08-*", "expires<2027-01-01",
    "status=200", "status<300", "latency>50000", "us<=51234", "mismatch=dns", "mismatch=not_*",
    "mismatch!=uri", "detail~some sentence", "detail=Some*", "revoke-reason=keycompromise",
    "revoke-reason=KEY*"};

static const char *const not_fitting[] = {
    "client=we", "client=api", "client!=web", "client!~web", "client=WEB", "name=pay.example",
    "name=*.pay", "name!=api.pay.example", "name!=10.20.0.7", "req=0c1a", "serial=f3", "serial=3a",
    "serial=3899", "serial!=f3a", "fingerprint=7816", "peer=10.20.0.8", "peer=10.20.0.8/31",
    "peer=2001:db8::/32", "peer!=10.0.0.0/8", "type=issue.fail", "type!=issue.attempt", "result=denied",
    "result=failed", "result!=issued", "rule=web?s", "rule=webXserver", "owner=*", "rule!=*", "seq=43",
    "seq<41", "time<2026-07-22", "time>2026-07-23", "time=2026-07-23", "not-after<2026-08-01",
    "status>200", "latency<50000", "mismatch=uri", "mismatch!=dns", "detail=some*", "detail!~some",
    "aki=00ff00ff", "ticket=*"};

static void check(const char *const *terms, size_t num, bool expected)
{
    const struct review_row row = row_to_match();
    for (size_t i = 0; i < num; i++) {
        struct query q;
        struct cb_err err;
        const char *term = terms[i];
        query_init(&q);
        if (query_add(&q, term, &err) != CB_OK) {
            fail_msg("%s: %s", term, err.msg);
        }
        if (query_matches(&q, &row) != expected) {
            fail_msg("%s: %s", term, expected ? "does not fit" : "fits");
        }
        query_free(&q);
    }
}

static void test_what_fits(void **state)
{
    (void)state;
    check(fitting, sizeof(fitting) / sizeof(fitting[0]), true);
    check(not_fitting, sizeof(not_fitting) / sizeof(not_fitting[0]), false);
}

struct together_case {
    const char *terms[4];
    bool fits;
};

static const struct together_case together[] = {
    {{"client=web", "type=issue.ok"}, true},
    {{"client=web", "type=issue.fail"}, false},
    {{"client=api", "client=web"}, true}, /* of the same field one is enough */
    {{"client=web", "client=api"}, true},
    {{"client=api", "client=apis"}, false},
    {{"client=api", "client=web", "type=issue.fail"}, false},
    {{"client!=api", "client!=apis"}, true}, /* but all that say not */
    {{"client!=api", "client!=web"}, false},
    {{"client~web", "client~api"}, false},
    {{"name=10.20.0.7", "name=nothing.example", "seq=41", "serial=f3a"}, true},
};

static void test_terms_together(void **state)
{
    (void)state;
    const struct review_row row = row_to_match();
    for (size_t i = 0; i < sizeof(together) / sizeof(together[0]); i++) {
        struct query q;
        struct cb_err err;
        query_init(&q);
        for (size_t k = 0; k < 4 && together[i].terms[k] != NULL; k++) {
            assert_int_equal(query_add(&q, together[i].terms[k], &err), CB_OK);
        }
        if (query_matches(&q, &row) != together[i].fits) {
            fail_msg("case %zu", i);
        }
        query_free(&q);
    }
}

static void test_globs(void **state)
{
    (void)state;
    static const struct {
        const char *glob, *text;
        bool fits;
    } globs[] = {{"", "", true},          {"", "a", false},        {"*", "", true},
                 {"*", "abc", true},      {"**", "abc", true},     {"a*", "abc", true},
                 {"*c", "abc", true},     {"a*c", "abbc", true},   {"a*c", "ab", false},
                 {"a?c", "abc", true},    {"a?c", "ac", false},    {"?", "", false},
                 {"*a*b*", "xaxxb", true}, {"*a*b", "xaxbx", false}, {"\\*", "*", true},
                 {"\\*", "a", false},     {"\\?x", "?x", true},    {"a\\", "a\\", true},
                 {"*.b", "a.a.b", true},  {"a*a*a", "aa", false},  {"A", "a", false}};
    for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++) {
        if (query_glob(slice_of(globs[i].glob), slice_of(globs[i].text), GLOB_EXACT_CASE) !=
            globs[i].fits) {
            fail_msg("%s on %s", globs[i].glob, globs[i].text);
        }
    }
    assert_true(query_glob(SLICE("*PaY*"), SLICE("a.pAy.b"), GLOB_ANY_CASE));
    assert_true(query_is_glob(SLICE("a*")) && query_is_glob(SLICE("?")));
    assert_false(query_is_glob(SLICE("a\\*b")) || query_is_glob(SLICE("plain")));
}

/* ---- which texts are looked for ---- */

struct want_case {
    const char *terms[3];
    const char *literals; /* joined by spaces; "": every line */
};

static const struct want_case wants[] = {
    {{"client=api"}, "\"api\" \"api:"},
    {{"name=a.example"}, "\"a.example\""},
    {{"name=A.example"}, "\"a.example\" \"A.example\""},
    {{"name=*.pay.example"}, ".pay.example\""},
    {{"name=api.*.example"}, ".example\""},
    {{"name=a*"}, ""},
    {{"name=caf\xc3\xa9"}, ""}, /* it may be spelled in more than one way */
    {{"rule=a\"b"}, ""},
    {{"serial=0F:3A"}, "f3a\""},
    {{"serial=1234"}, "1234\" 4d2\""},
    {{"req=9f0c1a2b"}, "\"9f0c1a2b"},
    {{"type=issue.ok"}, "\"type\":\"issue.ok\""},
    {{"result=denied"}, "\"type\":\"authz.deny\""},
    {{"type=issue.*"}, ""},
    {{"peer=10.20.0.7"}, "10.20.0.7"},
    {{"peer=10.20.0.0/16"}, ""},
    {{"peer=2001:db8::7"}, ""},
    {{"client!=api"}, ""},
    {{"client~api"}, ""},
    {{"status=200"}, ""},
    {{"type=issue.ok", "serial=f3a"}, "f3a\""},         /* the rarer */
    {{"client=api", "rule=a-longer-one"}, "\"a-longer-one\""}, /* the longer */
    {{"client=api", "client=we*"}, ""},                 /* one of them is uncertain */
    {{"client=api", "client=web"}, "\"api\" \"api: \"web\" \"web:"},
};

static void test_literals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
        struct query q;
        struct cb_err err;
        struct audit_grep_want want = {.since_us = INT64_MIN, .until_us = INT64_MAX};
        char text[400] = "";
        query_init(&q);
        for (size_t k = 0; k < 3 && wants[i].terms[k] != NULL; k++) {
            assert_int_equal(query_add(&q, wants[i].terms[k], &err), CB_OK);
        }
        query_want(&q, &want);
        for (size_t k = 0; k < want.num_literals; k++) {
            const size_t used = strlen(text);
            (void)snprintf(text + used, sizeof(text) - used, "%s%.*s", k == 0 ? "" : " ",
                           (int)want.literals[k].len, want.literals[k].ptr);
        }
        assert_string_equal(text, wants[i].literals);
        query_free(&q);
    }
}

static void test_span(void **state)
{
    (void)state;
    struct query q;
    struct cb_err err;
    struct audit_grep_want want = {.since_us = 5, .until_us = INT64_MAX};
    query_init(&q);
    assert_int_equal(query_add(&q, "time>=2026-07-22", &err), CB_OK);
    assert_int_equal(query_add(&q, "time<=2026-07-23", &err), CB_OK);
    assert_int_equal(query_add(&q, "time>2026-07-01", &err), CB_OK);
    query_want(&q, &want);
    assert_int_equal(want.since_us, INT64_C(1784678400000000));
    assert_int_equal(want.until_us, INT64_C(1784764800000001));
    query_free(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_what_fits), cmocka_unit_test(test_terms_together),
        cmocka_unit_test(test_globs),    cmocka_unit_test(test_literals),
        cmocka_unit_test(test_span)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
