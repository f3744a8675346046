/* test_replay.c - what was decided, decided again: what flips, how it is grouped, what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/history/helpers.h"

#define CLIENTS                                                                                    \
    "version: 1\n"                                                                                 \
    "clients:\n"                                                                                   \
    "  alice: {auth: [{mtls: {uri: \"spiffe://acme.internal/sa/alice\"}}]}\n"                      \
    "  bob: {auth: [{mtls: {uri: \"spiffe://acme.internal/sa/bob\"}}]}\n"                          \
    "  robot: {auth: [{bearer: {sha256: "                                                          \
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad, expires: 2099-01-01}}]}\n"  \
    "rules:\n"
#define RULE(id, client, dns)                                                                      \
    "  - {id: " id ", clients: [" client "], actions: [newcert, revoke], names: {dns: [" dns       \
    "]}, profiles: [server], max_validity: 720h}\n"
#define ALICE .who = "alice", .via = "mtls.uri", .credential = "spiffe://acme.internal/sa/alice"
#define BOB .who = "bob", .via = "mtls.uri", .credential = "spiffe://acme.internal/sa/bob"
#define ROBOT .who = "robot", .via = "bearer"
#define ASK(names) .action = "newcert", .dns = names, .key = "ecdsa-256", .profile = "server"
#define GRANT .type = AUDIT_ISSUE_ATTEMPT
#define DENY .type = AUDIT_AUTHZ_DENY, .reason = "name_not_allowed"
#define REVOKE .type = AUDIT_REVOKE_ATTEMPT, .action = "revoke"

static struct history_replay replay_rows(const struct row *rows, size_t num, const char *text)
{
    struct log l;
    struct history_replay r;
    struct cb_err err;
    struct policy *policy = load_policy(text);
    log_new(&l);
    for (size_t i = 0; i < num; i++) {
        log_add(&l, &rows[i]);
    }
    if (history_replay(policy, l.dir, &everything, &r, &err) != CB_OK) {
        fail_msg("history_replay: %s", err.msg);
    }
    log_free(&l);
    policy_free(policy);
    return r;
}

/* ---- one record, one policy ---- */

enum flip { SAME, LOST, GAINED, AGAIN_NOT, UNCLEAR };

// clang-format off
static const struct {
    const char *what;
    struct row row;
    const char *policy;
    enum flip expect;
    enum policy_reason reason;
} flips[] = {
    {"still granted", {GRANT, ALICE, ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "a.acme.internal"), SAME, 0},
    {"name gone", {GRANT, ALICE, ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "b.acme.internal"), LOST, REASON_NAME_NOT_ALLOWED},
    {"one of two names gone", {GRANT, ALICE, ASK("a.acme.internal b.acme.internal")},
     CLIENTS RULE("r", "alice", "b.acme.internal"), LOST, REASON_NAME_NOT_ALLOWED},
    {"rule gone", {GRANT, ALICE, ASK("a.acme.internal")},
     CLIENTS RULE("r", "bob", "a.acme.internal"), LOST, REASON_NO_RULE},
    {"name new", {DENY, ALICE, ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "a.acme.internal"), GAINED, REASON_ALLOWED},
    {"still denied", {DENY, ALICE, ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "b.acme.internal"), SAME, 0},
    {"client gone", {GRANT, .who = "carol", .via = "bearer", ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "a.acme.internal"), LOST, REASON_NO_RULE},
    {"credential gone", {GRANT, .who = "alice", .via = "mtls.dns", .credential = "a.example",
                         ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "a.acme.internal"), LOST, REASON_NO_RULE},
    {"client has another name", {GRANT, .who = "old-alice", .via = "mtls.uri",
                                 .credential = "spiffe://acme.internal/sa/alice",
                                 ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "a.acme.internal"), SAME, 0},
    {"and does not own what it got as the other",
     {REVOKE, .who = "old-alice", .via = "mtls.uri",
      .credential = "spiffe://acme.internal/sa/alice", .cert_owner = "old-alice"},
     CLIENTS RULE("r", "alice", "a.acme.internal"), LOST, REASON_NOT_OWNER},
    {"its own revoked", {REVOKE, ALICE, .cert_owner = "alice"},
     CLIENTS RULE("r", "alice", "a.acme.internal"), SAME, 0},
    {"another's revoked", {REVOKE, ALICE, .cert_owner = "bob"},
     CLIENTS RULE("r", "alice", "a.acme.internal"), LOST, REASON_NOT_OWNER},
    {"nobody's revoked", {REVOKE, ALICE},
     CLIENTS RULE("r", "alice", "a.acme.internal"), LOST, REASON_UNKNOWN_CERT},
    {"over the rate", {.type = AUDIT_REQUEST_REFUSED, .reason = "rate_limited", ALICE,
                       ASK("a.acme.internal")},
     CLIENTS RULE("r", "alice", "a.acme.internal"), AGAIN_NOT, 0},
    {"before it ended", {.minute = 0, GRANT, ALICE, ASK("a.acme.internal")},
     CLIENTS "  - {id: r, clients: [alice], actions: [newcert], names: {dns: [a.acme.internal]}, "
             "profiles: [server], max_validity: 720h, until: \"2026-07-22T16:30:00Z\"}\n",
     SAME, 0},
    {"after it ended", {.minute = 31, GRANT, ALICE, ASK("a.acme.internal")},
     CLIENTS "  - {id: r, clients: [alice], actions: [newcert], names: {dns: [a.acme.internal]}, "
             "profiles: [server], max_validity: 720h, until: \"2026-07-22T16:30:00Z\"}\n",
     LOST, REASON_RULE_EXPIRED},
    {"a deny rule more", {GRANT, ALICE, ASK("a.acme.internal")},
     CLIENTS "  - {id: never, effect: deny, names: {dns: [a.acme.internal]}}\n"
             RULE("r", "alice", "a.acme.internal"), LOST, REASON_DENY_RULE},
    {"by its token", {GRANT, ROBOT, ASK("a.acme.internal")},
     CLIENTS RULE("r", "robot", "a.acme.internal"), SAME, 0},
    {"unclear", {GRANT, ALICE, .action = "newcert", .profile = "server"},
     CLIENTS RULE("r", "alice", "a.acme.internal"), UNCLEAR, 0},
};
// clang-format on

static void test_flips(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
        struct history_replay r = replay_rows(&flips[i].row, 1, flips[i].policy);
        const enum flip got = r.lost > 0             ? LOST
                              : r.gained > 0         ? GAINED
                              : r.not_redecided > 0  ? AGAIN_NOT
                              : r.counts.unclear > 0 ? UNCLEAR
                                                     : SAME;
        if (got != flips[i].expect || r.same != (got == SAME) ||
            r.num_flips != (got == LOST || got == GAINED)) {
            fail_msg("%s: %d", flips[i].what, got);
        }
        if (r.num_flips == 1 && r.flips[0].reason != flips[i].reason) {
            fail_msg("%s: %s", flips[i].what, policy_reason_word(r.flips[0].reason));
        }
        history_replay_free(&r);
    }
}

/* ---- many records ---- */

static void test_groups(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.minute = 1, GRANT, ALICE, ASK("a.acme.internal"), .rule = "old"},
        {.minute = 2, GRANT, BOB, ASK("b.acme.internal"), .rule = "old"},
        {.minute = 3, GRANT, ALICE, ASK("b.acme.internal"), .rule = "old"},
        {.minute = 4, DENY, BOB, ASK("new.acme.internal"), .rule = "old"},
        {.minute = 5, GRANT, ALICE, ASK("a.acme.internal c.acme.internal"), .rule = "old"},
        {.minute = 6, GRANT, ALICE, ASK("a.acme.internal"), .rule = "older"},
        {.minute = 7, GRANT, ALICE, ASK("a.acme.internal"), .rule = "old"},
        {.minute = 8, DENY, BOB, ASK("new.acme.internal"), .rule = "old"},
        {.minute = 9, DENY, BOB, ASK("new.acme.internal"), .rule = "old"},
        {.minute = 10, DENY, BOB, ASK("new.acme.internal"), .rule = "old"},
        {.minute = 11, DENY, BOB, ASK("new.acme.internal"), .rule = "old"},
        {.minute = 12, .type = AUDIT_REQUEST_REFUSED, BOB, .reason = "too_many_active"},
        {.minute = 13, .type = AUDIT_LIMIT_DROP, .reason = "rate_limited", .count = 40},
        {.minute = 14, .type = AUDIT_LIMIT_DROP, .reason = "no_request", .count = 7},
    };
    struct history_replay r =
        replay_rows(rows, sizeof(rows) / sizeof(rows[0]),
                    CLIENTS RULE("r", "alice", "x.acme.internal")
                        RULE("s", "bob", "b.acme.internal, new.acme.internal"));
    assert_int_equal(r.counts.asks, 12);
    assert_int_equal(r.counts.first_us, MINUTES_US(1));
    assert_int_equal(r.counts.last_us, MINUTES_US(13));
    assert_int_equal(r.not_redecided, 41);
    assert_int_equal(r.same, 1);
    assert_int_equal(r.lost, 5);
    assert_int_equal(r.gained, 5);
    assert_int_equal(r.num_flips, 3);
    assert_int_equal(r.flips_left_out, 0);
    const struct history_flip *lost = &r.flips[0];
    assert_false(lost->now_allowed);
    assert_string_equal(lost->client, "alice");
    assert_string_equal(lost->rule, "old");
    assert_string_equal(lost->now_rule, "r");
    assert_int_equal(lost->reason, REASON_NAME_NOT_ALLOWED);
    assert_int_equal(lost->count, 4);
    assert_int_equal(lost->first_us, MINUTES_US(1));
    assert_int_equal(lost->last_us, MINUTES_US(7));
    assert_int_equal(lost->num_examples, HISTORY_EXAMPLES);
    assert_int_equal(lost->examples[1].ts_us, MINUTES_US(3));
    assert_string_equal(lost->examples[0].req, "00112233445566778899aabbccddeeff");
    assert_string_equal(lost->examples[0].principal, "alice");
    assert_non_null(strstr(lost->examples[0].detail,
                           "newcert dns a.acme.internal, ecdsa-256, profile server: name "));
    assert_string_equal(r.flips[1].rule, "older");
    assert_true(r.flips[2].now_allowed);
    assert_string_equal(r.flips[2].client, "bob");
    assert_int_equal(r.flips[2].count, 5);
    assert_non_null(strstr(r.flips[2].examples[0].detail, ": rule s allows it"));
    history_replay_free(&r);
}

/* More kinds of flips than anybody reads are counted only. */
static void test_too_many_groups(void **state)
{
    (void)state;
    enum { GROUPS = 1100 };
    struct log l;
    struct history_replay r;
    struct cb_err err;
    struct policy *policy = load_policy(CLIENTS RULE("r", "alice", "a.acme.internal"));
    log_new(&l);
    for (int i = 0; i < GROUPS; i++) {
        char rule[32];
        (void)snprintf(rule, sizeof(rule), "rule-%d", i);
        log_add(&l, &(struct row){.minute = i, DENY, ALICE, ASK("a.acme.internal"), .rule = rule});
    }
    log_add(&l,
            &(struct row){.minute = GROUPS, DENY, ALICE, ASK("a.acme.internal"), .rule = "rule-7"});
    assert_int_equal(history_replay(policy, l.dir, &everything, &r, &err), CB_OK);
    assert_int_equal(r.gained, GROUPS + 1);
    assert_int_equal(r.num_flips, 1000);
    assert_int_equal(r.flips_left_out, GROUPS - 1000);
    assert_string_equal(r.flips[0].rule, "rule-7");
    assert_int_equal(r.flips[0].count, 2);
    history_replay_free(&r);
    log_free(&l);
    policy_free(policy);
}

/* The log is read while the broker writes it, and not a byte of it changes. */
static void test_beside_a_writer(void **state)
{
    (void)state;
    struct log l;
    struct history_replay r;
    struct cb_err err;
    struct policy *policy = load_policy(CLIENTS RULE("r", "alice", "a.acme.internal"));
    log_new(&l);
    for (uint64_t i = 1; i <= 5; i++) {
        log_add(&l, &(struct row){.minute = (int)i, GRANT, ALICE, ASK("a.acme.internal")});
        assert_int_equal(history_replay(policy, l.dir, &everything, &r, &err), CB_OK);
        assert_int_equal(r.same, i);
        history_replay_free(&r);
    }
    log_free(&l);
    policy_free(policy);
}

static void test_errors(void **state)
{
    (void)state;
    struct history_replay r = {0};
    struct cb_err err;
    struct policy *policy = load_policy(CLIENTS RULE("r", "alice", "a.acme.internal"));
    assert_int_equal(history_replay(policy, ".build/no-such-log", &everything, &r, &err),
                     CB_ENOENT);
    assert_null(r.flips);
    history_replay_free(&r);
    policy_free(policy);
}

/* ---- in words ---- */

static void test_descriptions(void **state)
{
    (void)state;
    static const struct name names[] = {
        {.kind = NAME_DNS, .text = {"a.acme.internal", 15}},
        {.kind = NAME_IP, .text = {"10.0.0.1", 8}, .ip_len = 4},
    };
    static const struct subject_attr subject[] = {{SUBJECT_O, {"ACME \x1b[1m", 9}}};
    struct policy_ask ask = {.action = ACTION_NEWCERT,
                             .names = names,
                             .num_names = 2,
                             .common_name = SLICE("a.acme.internal"),
                             .subject = subject,
                             .num_subject = 1,
                             .key_algo = KEY_RSA,
                             .key_bits = 2048,
                             .profile = SLICE("server"),
                             .on_behalf_of = SLICE("bob")};
    char out[200];
    history_describe(&ask, out, sizeof(out));
    assert_string_equal(out, "newcert dns a.acme.internal, ip 10.0.0.1, CN a.acme.internal, "
                             "O=ACME ?[1m, rsa-2048, profile server, for bob");
    history_describe(&ask, out, 20);
    assert_string_equal(out, "newcert dns");
    history_describe(&ask, out, 1);
    assert_string_equal(out, "");
    ask = (struct policy_ask){
        .action = ACTION_REVOKE, .relation = CERT_FOREIGN, .names = names, .num_names = 1};
    history_describe(&ask, out, sizeof(out));
    assert_string_equal(out, "revoke somebody else's certificate for dns a.acme.internal");
    ask = (struct policy_ask){.action = ACTION_INFO, .profile = SLICE("default")};
    history_describe(&ask, out, sizeof(out));
    assert_string_equal(out, "info, profile default");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flips),           cmocka_unit_test(test_groups),
        cmocka_unit_test(test_too_many_groups), cmocka_unit_test(test_beside_a_writer),
        cmocka_unit_test(test_errors),          cmocka_unit_test(test_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
