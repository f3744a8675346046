/* test_walk.c - records of the log back into what was asked: which of them are decisions, what is in
 * them, and which do not say enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/history/helpers.h"

#define ALICE .who = "alice", .via = "mtls.uri", .credential = "spiffe://acme.internal/sa/alice"
#define NEWCERT                                                                                    \
    ALICE, .action = "newcert", .dns = "a.acme.internal b.acme.internal", .key = "ecdsa-256",      \
           .profile = "server"

/* ---- a whole ask ---- */

static bool check_full(void *ctx, const struct history_ask *ask)
{
    const struct policy_ask *q = &ask->ask;
    *(int *)ctx += 1;
    assert_int_equal(ask->ts_us, MINUTES_US(3));
    assert_true(slice_eq_str(ask->principal, "alice:spiffe://acme.internal/sa/alice"));
    assert_true(slice_eq_str(ask->uri, "spiffe://acme.internal/sa/alice"));
    assert_true(slice_eq_str(ask->req, "00112233445566778899aabbccddeeff"));
    assert_int_equal(ask->num_claims, 2);
    assert_true(slice_eq_str(ask->claims[1].name, "kubernetes.io.namespace"));
    assert_true(slice_eq_str(ask->claims[1].value, "payments"));
    assert_int_equal(ask->peer.kind, NAME_IP);
    assert_true(slice_eq_str(ask->peer.text, "2001:db8::7"));
    assert_true(ask->was_allowed);
    assert_false(ask->by_quota);
    assert_true(slice_eq_str(ask->rule, "r1"));
    assert_int_equal(q->action, ACTION_NEWCERT);
    assert_true(slice_eq_str(q->on_behalf_of, "bob"));
    assert_int_equal(q->num_names, 5);
    assert_true(slice_eq_str(q->names[0].text, "a.acme.internal"));
    assert_int_equal(q->names[2].kind, NAME_IP);
    assert_int_equal(q->names[2].ip_len, 4);
    assert_true(slice_eq_str(q->names[3].text, "spiffe://acme.internal/x"));
    assert_int_equal(q->names[4].kind, NAME_EMAIL);
    assert_true(slice_eq_str(q->common_name, "a.acme.internal"));
    assert_int_equal(q->num_subject, 3);
    assert_int_equal(q->subject[2].type, SUBJECT_OU);
    assert_true(slice_eq_str(q->subject[2].value, "x"));
    assert_int_equal(q->key_algo, KEY_RSA);
    assert_int_equal(q->key_bits, 3072);
    assert_true(slice_eq_str(q->profile, "server"));
    return true;
}

static void test_everything_comes_back(void **state)
{
    (void)state;
    struct log l;
    struct history_counts counts;
    struct cb_err err;
    int calls = 0;
    log_new(&l);
    log_add(&l, &(struct row){.minute = 3,
                              .type = AUDIT_ISSUE_ATTEMPT,
                              .who = "alice:spiffe://acme.internal/sa/alice",
                              .via = "mtls.uri",
                              .credential = "spiffe://acme.internal/sa/alice",
                              .claims = "sub=x kubernetes.io.namespace=payments",
                              .behalf = "bob",
                              .peer = "[2001:db8::7]:41234",
                              .action = "newcert",
                              .cn = "a.acme.internal",
                              .dns = "a.acme.internal b.acme.internal",
                              .ip = "10.20.0.7",
                              .uri = "spiffe://acme.internal/x",
                              .email = "ops@acme.example",
                              .subject = "C=NL O=ACME OU=x",
                              .key = "rsa-3072",
                              .profile = "server",
                              .rule = "r1"});
    assert_int_equal(history_walk(l.dir, &everything, check_full, &calls, &counts, &err), CB_OK);
    assert_int_equal(calls, 1);
    assert_int_equal(counts.asks, 1);
    assert_int_equal(counts.unclear, 0);
    assert_int_equal(counts.first_us, MINUTES_US(3));
    log_free(&l);
}

/* ---- which records are decisions ---- */

enum expect { NO, UNCLEAR, GRANTED, DENIED, OVER_QUOTA };

struct found {
    size_t asks;
    struct history_ask last; /* its texts are gone */
};

static bool count_ask(void *ctx, const struct history_ask *ask)
{
    struct found *f = ctx;
    f->asks++;
    f->last = *ask;
    return true;
}

#define ROW(text, result, ...)                                                                     \
    {                                                                                              \
        .what = text, .expect = result, .row = { __VA_ARGS__ }                                     \
    }
#define REVOKED(text, relates, ...)                                                                \
    {                                                                                              \
        .what = text, .expect = GRANTED, .relation = relates, .row = {                             \
            .type = AUDIT_REVOKE_ATTEMPT,                                                          \
            ALICE,                                                                                 \
            .action = "revoke",                                                                    \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define ATTEMPT .type = AUDIT_ISSUE_ATTEMPT
#define DENY .type = AUDIT_AUTHZ_DENY
#define REFUSED .type = AUDIT_REQUEST_REFUSED

// clang-format off
static const struct {
    const char *what;
    enum expect expect;
    enum cert_relation relation;
    struct row row;
} kinds[] = {
    ROW("attempt", GRANTED, ATTEMPT, NEWCERT),
    ROW("denial", DENIED, DENY, NEWCERT, .reason = "no_rule"),
    ROW("denied info", DENIED, DENY, ALICE, .action = "info", .profile = "x"),
    ROW("info", GRANTED, .type = AUDIT_INFO_OK, ALICE, .action = "info", .profile = "x"),
    REVOKED("its own", CERT_OWN, .cert_owner = "alice"),
    REVOKED("another's", CERT_FOREIGN, .cert_owner = "bob"),
    REVOKED("nobody's", CERT_UNKNOWN, .peer = "unix"),
    REVOKED("the party's", CERT_OWN, .behalf = "bob", .cert_owner = "bob"),
    REVOKED("its own for another", CERT_FOREIGN, .behalf = "bob", .cert_owner = "alice"),
    ROW("by the broker", NO, .type = AUDIT_REVOKE_ATTEMPT, .who = "alice", .via = "broker",
        .action = "revoke", .cert_owner = "alice", .follows = "00112233445566778899aabbccddeeff"),
    ROW("over the rate", OVER_QUOTA, REFUSED, NEWCERT, .reason = "rate_limited"),
    ROW("over the quota", OVER_QUOTA, REFUSED, NEWCERT, .reason = "too_many_active"),
    ROW("too busy", NO, REFUSED, NEWCERT, .reason = "busy"),
    ROW("a stranger", NO, .type = AUDIT_AUTHN_FAIL, .reason = "unknown_credential"),
    ROW("undelivered", NO, .type = AUDIT_ISSUE_UNDELIVERED, NEWCERT),
    /* what does not say enough */
    ROW("info without profile", UNCLEAR, .type = AUDIT_INFO_OK, ALICE, .action = "info"),
    ROW("nobody", UNCLEAR, DENY, .action = "newcert", .key = "ecdsa-256", .profile = "p"),
    ROW("nobody, attempted", UNCLEAR, ATTEMPT, .action = "newcert", .reason = "rate_limited"),
    ROW("no action", UNCLEAR, DENY, ALICE),
    ROW("other action", UNCLEAR, DENY, ALICE, .action = "sign"),
    ROW("no key", UNCLEAR, ATTEMPT, ALICE, .action = "newcert", .profile = "p"),
    ROW("other key", UNCLEAR, ATTEMPT, ALICE, .action = "newcert", .key = "ed25519", .profile = "p"),
    ROW("key without size", UNCLEAR, ATTEMPT, ALICE, .action = "newcert", .key = "rsa-", .profile = "p"),
    ROW("no profile", UNCLEAR, ATTEMPT, ALICE, .action = "newcert", .key = "ecdsa-256"),
    ROW("name not canonical", UNCLEAR, ATTEMPT, NEWCERT, .uri = "SPIFFE://acme.internal/x"),
    ROW("no name", UNCLEAR, ATTEMPT, NEWCERT, .email = "x..y"),
    ROW("name of another kind", UNCLEAR, ATTEMPT, NEWCERT, .ip = "c.internal"),
    ROW("other attribute", UNCLEAR, ATTEMPT, NEWCERT, .subject = "DC=x"),
    ROW("attempt to issue that revokes", UNCLEAR, ATTEMPT, ALICE, .action = "revoke"),
    ROW("attempt to revoke that issues", UNCLEAR, .type = AUDIT_REVOKE_ATTEMPT, NEWCERT),
};
// clang-format on

static enum expect what_was_found(const struct found *f, const struct history_counts *counts)
{
    if (f->asks == 0) {
        return counts->unclear == 0 ? NO : UNCLEAR;
    }
    if (f->last.by_quota) {
        return OVER_QUOTA;
    }
    return f->last.was_allowed ? GRANTED : DENIED;
}

static void test_kinds_of_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct log l;
        struct found f = {0};
        struct history_counts counts;
        struct cb_err err;
        log_new(&l);
        log_add(&l, &kinds[i].row);
        assert_int_equal(history_walk(l.dir, &everything, count_ask, &f, &counts, &err), CB_OK);
        assert_int_equal(counts.asks, f.asks);
        if (what_was_found(&f, &counts) != kinds[i].expect ||
            f.last.ask.relation != kinds[i].relation) {
            fail_msg("%s: found %d, relation %d", kinds[i].what, what_was_found(&f, &counts),
                     f.last.ask.relation);
        }
        log_free(&l);
    }
}

/* What is decided by and was cut makes a record unclear; a cut sentence does not. */
static void test_cut_records(void **state)
{
    (void)state;
    struct log l;
    struct found f = {0};
    struct history_counts counts;
    struct cb_err err;
    char profile[200];
    char rule[400];
    memset(profile, 'p', sizeof(profile) - 1);
    profile[sizeof(profile) - 1] = '\0';
    memset(rule, 'r', sizeof(rule) - 1);
    rule[sizeof(rule) - 1] = '\0';
    log_new(&l);
    log_add(&l, &(struct row){.type = AUDIT_ISSUE_ATTEMPT,
                              ALICE,
                              .action = "newcert",
                              .key = "ecdsa-256",
                              .profile = profile});
    log_add(&l, &(struct row){.type = AUDIT_ISSUE_ATTEMPT, NEWCERT, .rule = rule});
    assert_int_equal(history_walk(l.dir, &everything, count_ask, &f, &counts, &err), CB_OK);
    assert_int_equal(f.asks, 1);
    assert_int_equal(counts.unclear, 1);
    log_free(&l);
}

/* ---- peers ---- */

static const struct {
    const char *peer;
    unsigned char ip_len;
} peers[] = {{"10.20.0.7:41234", 4},
             {"[2001:db8::7]:1", 16},
             {"[::ffff:10.0.0.1]:2", 4},
             {"unix", 0},
             {"", 0},
             {"[2001:db8::7", 0},
             {"host.internal:1", 0},
             {NULL, 0}};

static void test_peers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        struct log l;
        struct found f = {0};
        struct history_counts counts;
        struct cb_err err;
        log_new(&l);
        log_add(&l, &(struct row){.type = AUDIT_ISSUE_ATTEMPT, NEWCERT, .peer = peers[i].peer});
        assert_int_equal(history_walk(l.dir, &everything, count_ask, &f, &counts, &err), CB_OK);
        assert_int_equal(f.asks, 1);
        assert_int_equal(f.last.peer.ip_len, peers[i].ip_len);
        log_free(&l);
    }
}

/* ---- spans of time ---- */

static void write_hours(struct log *l)
{
    log_new(l);
    for (int hour = 0; hour < 4; hour++) {
        log_next_segment(l, 60 * hour);
        for (int i = 0; i < 3; i++) {
            log_add(l,
                    &(struct row){.minute = 60 * hour + 10 * i, .type = AUDIT_AUTHZ_DENY, NEWCERT});
        }
    }
}

static void test_spans(void **state)
{
    (void)state;
    static const struct {
        int since, until; /* minutes */
        size_t asks;
    } spans[] = {{-100, 1000, 12}, {0, 1000, 12}, {1, 1000, 11},  {60, 120, 3}, {70, 71, 1},
                 {71, 80, 0},      {80, 121, 2},  {180, 1000, 3}, {201, 999, 0}};
    struct log l;
    write_hours(&l);
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        struct found f = {0};
        struct history_counts counts;
        struct cb_err err;
        const struct history_range range = {MINUTES_US(spans[i].since), MINUTES_US(spans[i].until)};
        assert_int_equal(history_walk(l.dir, &range, count_ask, &f, &counts, &err), CB_OK);
        if (f.asks != spans[i].asks) {
            fail_msg("%d to %d: %zu", spans[i].since, spans[i].until, f.asks);
        }
    }
    log_free(&l);
}

static void damage(const char *dir, const char *segment)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/seg/%s", dir, segment);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -20, SEEK_END), 0);
    assert_int_equal(fputc('#', f), '#');
    assert_int_equal(fclose(f), 0);
}

/* Segments outside the span are not read, so what is wrong there is not seen. */
static void test_seek_and_damage(void **state)
{
    (void)state;
    struct log l;
    struct found f = {0};
    struct history_counts counts;
    struct cb_err err;
    const struct history_range later = {MINUTES_US(121), INT64_MAX};
    const struct history_range earlier = {INT64_MIN, MINUTES_US(60)};
    write_hours(&l);
    damage(l.dir, "00000004.jsonl"); /* of the second hour */
    assert_int_equal(history_walk(l.dir, &everything, count_ask, &f, &counts, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "00000004.jsonl: record "));
    f = (struct found){0};
    assert_int_equal(history_walk(l.dir, &later, count_ask, &f, &counts, &err), CB_OK);
    assert_int_equal(f.asks, 5);
    f = (struct found){0};
    assert_int_equal(history_walk(l.dir, &earlier, count_ask, &f, &counts, &err), CB_OK);
    assert_int_equal(f.asks, 3);
    log_free(&l);
}

static void test_no_log(void **state)
{
    (void)state;
    struct found f = {0};
    struct history_counts counts;
    struct cb_err err;
    assert_int_equal(history_walk(".build/no-such-log", &everything, count_ask, &f, &counts, &err),
                     CB_ENOENT);
}

static bool stop_at_second(void *ctx, const struct history_ask *ask)
{
    (void)ask;
    *(int *)ctx += 1;
    return *(int *)ctx < 2;
}

static void test_stops_when_told(void **state)
{
    (void)state;
    struct log l;
    struct history_counts counts;
    struct cb_err err;
    int calls = 0;
    write_hours(&l);
    assert_int_equal(history_walk(l.dir, &everything, stop_at_second, &calls, &counts, &err),
                     CB_OK);
    assert_int_equal(calls, 2);
    log_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_kinds_of_records),
        cmocka_unit_test(test_cut_records),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_seek_and_damage),
        cmocka_unit_test(test_no_log),
        cmocka_unit_test(test_stops_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
