/* test_collect.c - from records to numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/report/helpers.h"

#include <stdio.h>

#define ISSUE(at, client, dns, hex)                                                                \
    .hour = (at), .type = AUDIT_ISSUE_OK, .who = (client), .name = (dns), .serial = (hex),         \
    .days = 30
#define REVOKE(at, client, hex)                                                                    \
    .hour = (at), .type = AUDIT_REVOKE_OK, .who = (client), .serial = (hex)
#define DENY(at, client, dns)                                                                      \
    .hour = (at), .type = AUDIT_AUTHZ_DENY, .who = (client), .name = (dns),                        \
    .reason = "name_not_allowed"

static const struct tally_row *row_of(const struct tally *t, const char *text)
{
    for (size_t i = 0; i < t->num; i++) {
        if (slice_eq_str(t->rows[i].text, text)) {
            return &t->rows[i];
        }
    }
    fail_msg("no row \"%s\"", text);
    return NULL;
}

static void test_totals(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {ISSUE(-2, "alice", "a.example", "01")}, /* before the period */
        {DENY(-1, "alice", "z.example")},
        {ISSUE(1, "alice", "a.example", "02"), .rule = "r1"},
        {ISSUE(1.5, "bob", "b.example", "03"), .rule = "r2"},
        {DENY(2, "bob", "c.example"), .rule = "r2"},
        {REVOKE(3, "alice", "01"), .rule = "r1"},
        {REVOKE(3, "alice", "01"), .no_attempt = true}, /* it was revoked already */
        {.hour = 4, .type = AUDIT_ISSUE_FAIL, .who = "bob", .reason = "ca_unavailable"},
        {.hour = 5, .type = AUDIT_REVOKE_FAIL, .who = "bob", .serial = "03"},
        {.hour = 6, .type = AUDIT_INFO_OK, .who = "bob"},
        {REVOKE(7, NULL, "03"), .own = true},
        {REVOKE(8, NULL, "77"), .own = true, .by = "uid 0 (root), pid 27174 via control"},
    };
    struct telling t;
    telling_begin(&t, 0, 24);
    tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
    report_finish(t.r);
    const struct report *r = t.r;
    assert_int_equal(r->total[HAPPENED_ISSUED], 2);
    assert_int_equal(r->total[HAPPENED_DENIED], 1);
    assert_int_equal(r->total[HAPPENED_REVOKED], 3);
    assert_int_equal(r->total[HAPPENED_FAILED], 2);
    assert_int_equal(r->own_revocations, 1);
    assert_int_equal(r->admin_revocations, 1);
    assert_int_equal(r->revoked_already, 1);
    assert_int_equal(r->info, 1);
    assert_int_equal(row_of(&r->clients, "alice")->count[HAPPENED_ISSUED], 1);
    assert_int_equal(row_of(&r->clients, "bob")->total, 4);
    assert_int_equal(row_of(&r->clients, "(the broker itself)")->count[HAPPENED_REVOKED], 1);
    assert_int_equal(row_of(&r->clients, "(an administrator)")->count[HAPPENED_REVOKED], 1);
    assert_int_equal(row_of(&r->rules, "r2")->count[HAPPENED_DENIED], 1);
    assert_int_equal(row_of(&r->owners, "owner@acme.example")->total, 4);
    assert_int_equal(row_of(&r->fail_reasons, "ca_unavailable")->total, 1);
    assert_int_equal(row_of(&r->deny_reasons, "name_not_allowed")->total, 1);
    assert_int_equal(r->series.count[HAPPENED_ISSUED][1], 2);
    assert_int_equal(r->certs.alive, 1); /* 02 */
    assert_int_equal(r->health.types[AUDIT_ISSUE_OK], 2);
    telling_end(&t);
}

static void test_first_grants(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {ISSUE(-9000, "alice", "a.example", "01")},
        {ISSUE(1, "alice", "a.example", "02")}, /* had it before */
        {ISSUE(2, "alice", "b.example", "03")}, /* new */
        {ISSUE(3, "alice", "b.example", "04")}, /* no longer */
        {ISSUE(4, "bob", "a.example", "05")},   /* new for bob, who is new */
        {ISSUE(5, "bob", "*.example", "06")},   /* new, and wide */
        {ISSUE(6, "agent", "c.example", "07"), .behalf = "carol"},
        {ISSUE(7, "bob", "*.example", "08")},
    };
    struct telling t;
    telling_begin(&t, 0, 24);
    tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
    report_finish(t.r);
    const struct report *r = t.r;
    assert_int_equal(r->new_pairs, 4);
    assert_int_equal(r->new_holders, 2);
    /* New clients first, of these who got fewest; then alice. */
    assert_true(slice_eq_str(r->holders.rows[0].text, "carol"));
    assert_true(slice_eq_str(r->holders.rows[1].text, "bob"));
    assert_true(slice_eq_str(r->holders.rows[2].text, "alice"));
    assert_int_equal(r->holders.rows[2].new_names, 1);
    assert_true(slice_eq_str(r->holders.rows[2].examples[0], "b.example"));
    assert_int_equal(r->num_specials, 1);
    assert_true(slice_eq_str(r->specials[0].name, "*.example"));
    assert_true(r->specials[0].is_new);
    assert_int_equal(r->specials[0].times, 2);
    assert_int_equal(r->wildcards, 2);
    assert_int_equal(row_of(&r->clients, "agent")->count[HAPPENED_ISSUED], 1);
    telling_end(&t);
}

static void test_denied_then_allowed(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {DENY(-24 * 40, "alice", "old.example")}, /* too long ago */
        {DENY(-24 * 20, "alice", "a.example")},
        {DENY(1, "alice", "a.example")},
        {DENY(1, "bob", "b.example")},
        {ISSUE(2, "alice", "b.example", "01")}, /* another client's denial */
        {ISSUE(3, "alice", "a.example", "02"), .rule = "r1"},
        {ISSUE(4, "alice", "a.example", "03"), .rule = "r2"}, /* told once */
        {ISSUE(5, "alice", "old.example", "04")},
        {DENY(6, "alice", "never.example")},
    };
    struct telling t;
    telling_begin(&t, 0, 24);
    tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
    report_finish(t.r);
    const struct report *r = t.r;
    assert_int_equal(r->allowed_later, 1);
    assert_int_equal(r->num_denials, 1);
    assert_true(slice_eq_str(r->denials[0].name, "a.example"));
    assert_true(slice_eq_str(r->denials[0].rule, "r1"));
    assert_true(slice_eq_str(r->denials[0].reason, "name_not_allowed"));
    assert_int_equal(r->denials[0].times, 2);
    assert_true(r->denials[0].allowed_us == HOURS_US(3));
    telling_end(&t);
}

static void test_loose_ends(void **state)
{
    (void)state;
    struct telling t;
    telling_begin(&t, 0, 24);
    /* From before: one stays open, one is settled within. */
    (void)tell_row(&t, &(struct row){.hour = -3, .type = AUDIT_ISSUE_UNKNOWN, .who = "alice"});
    (void)tell_row(&t, &(struct row){ISSUE(-2, "bob", "x.example", "21")});
    (void)tell_row(
        &t,
        &(struct row){.hour = -2, .type = AUDIT_ISSUE_UNDELIVERED, .who = "bob", .serial = "21"});
    /* The broker ended: the record says nothing but which attempt it was. */
    (void)tell_row(&t, &(struct row){.hour = 1,
                                     .type = AUDIT_ISSUE_UNKNOWN,
                                     .who = "carol",
                                     .name = "c.example",
                                     .reason = "broker_ended"});
    /* Settled by a late answer. */
    (void)tell_row(
        &t,
        &(struct row){.hour = 2, .type = AUDIT_ISSUE_UNKNOWN, .who = "dave", .name = "d.example"});
    (void)tell_row(&t, &(struct row){ISSUE(3, "dave", "d.example", "22"), .ref = t.seq - 2});
    /* Not right, and revoked. */
    (void)tell_row(&t, &(struct row){.hour = 4,
                                     .type = AUDIT_ISSUE_FAIL,
                                     .who = "erin",
                                     .serial = "23",
                                     .mismatch = true,
                                     .reason = "ca_mismatch"});
    (void)tell_row(&t, &(struct row){REVOKE(4.1, NULL, "23"), .own = true});
    (void)tell_row(&t, &(struct row){REVOKE(5, NULL, "21"), .own = true});
    /* What a comparison found, twice. */
    (void)tell_row(&t, &(struct row){.hour = 6, .type = AUDIT_RECONCILE_BYPASS, .serial = "66"});
    (void)tell_row(&t, &(struct row){.hour = 7, .type = AUDIT_RECONCILE_BYPASS, .serial = "66"});
    const struct report *r = t.r;
    assert_int_equal(r->loose[LOOSE_UNKNOWN].num, 2);
    assert_int_equal(r->loose[LOOSE_UNKNOWN].open, 1);
    assert_int_equal(r->loose[LOOSE_UNKNOWN].older_open, 1);
    assert_string_equal(r->loose[LOOSE_UNKNOWN].items[0].client, "carol");
    assert_string_equal(r->loose[LOOSE_UNKNOWN].items[0].name, "c.example");
    assert_true(r->loose[LOOSE_UNKNOWN].items[1].settled_us == HOURS_US(3));
    assert_false(r->loose[LOOSE_UNKNOWN].items[1].was_revoked);
    assert_int_equal(r->loose[LOOSE_MISMATCH].num, 1);
    assert_int_equal(r->loose[LOOSE_MISMATCH].open, 0);
    assert_true(r->loose[LOOSE_MISMATCH].items[0].was_revoked);
    assert_string_equal(r->loose[LOOSE_MISMATCH].items[0].detail, "not_after");
    assert_int_equal(r->loose[LOOSE_UNDELIVERED].num, 0);
    assert_int_equal(r->loose[LOOSE_UNDELIVERED].older_open, 0);
    assert_int_equal(r->loose[LOOSE_BYPASS].num, 1);
    assert_int_equal(r->loose[LOOSE_BYPASS].open, 1);
    telling_end(&t);
}

/* What was revoked before a comparison found it is settled; what the CA lacks is not. */
static void test_revoked_before_it_was_found(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {REVOKE(-9, NULL, "a1"), .own = true, .by = "uid 0"}, /* before the period, found in it */
        {REVOKE(1, NULL, "a2"), .own = true, .by = "uid 0"},
        {REVOKE(1, NULL, "a3"), .own = true, .by = "uid 0"},
        {REVOKE(1, NULL, "a4"), .no_attempt = true},
        {.hour = 2, .type = AUDIT_RECONCILE_BYPASS, .serial = "a1"},
        {.hour = 2, .type = AUDIT_RECONCILE_ORPHAN, .serial = "a2"},
        {.hour = 2, .type = AUDIT_RECONCILE_BYPASS, .serial = "b1"},
        {.hour = 2, .type = AUDIT_RECONCILE_MISSING, .serial = "a3"},
        {.hour = 2, .type = AUDIT_RECONCILE_MISSING, .serial = "b2"},
        {.hour = 3, .type = AUDIT_RECONCILE_BYPASS, .serial = "a1"}, /* by a second run */
        {REVOKE(4, NULL, "b2"), .no_attempt = true}, /* nobody asked the CA: it still lacks it */
    };
    struct telling t;
    telling_begin(&t, 0, 24);
    tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
    const struct report *r = t.r;
    assert_int_equal(r->loose[LOOSE_BYPASS].num, 2);
    assert_int_equal(r->loose[LOOSE_BYPASS].open, 1); /* b1 */
    assert_true(r->loose[LOOSE_BYPASS].items[0].was_revoked);
    assert_true(r->loose[LOOSE_BYPASS].items[0].settled_us == HOURS_US(-9));
    assert_int_equal(r->loose[LOOSE_ORPHAN].num, 1);
    assert_int_equal(r->loose[LOOSE_ORPHAN].open, 0);
    assert_int_equal(r->loose[LOOSE_MISSING].num, 2);
    assert_int_equal(r->loose[LOOSE_MISSING].open, 2);
    telling_end(&t);
}

/* One certificate, two loose ends: withheld, then found at the CA. A revocation settles both. */
static void test_one_serial_of_two_kinds(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.hour = 1, .type = AUDIT_ISSUE_FAIL, .who = "erin", .serial = "23", .mismatch = true},
        {.hour = 2, .type = AUDIT_RECONCILE_ORPHAN, .serial = "23"},
        {REVOKE(3, NULL, "23"), .own = true, .by = "uid 0"},
    };
    struct telling t;
    telling_begin(&t, 0, 24);
    tell_rows(&t, rows, 2);
    assert_int_equal(t.r->loose[LOOSE_MISMATCH].open, 1);
    assert_int_equal(t.r->loose[LOOSE_ORPHAN].open, 1);
    tell_rows(&t, &rows[2], 1);
    assert_int_equal(t.r->loose[LOOSE_MISMATCH].open, 0);
    assert_int_equal(t.r->loose[LOOSE_ORPHAN].open, 0);
    telling_end(&t);
}

/* What was revoked past the broker is not valid, once that is in the log. */
static void test_revoked_at_the_ca(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {ISSUE(1, "alice", "a.example", "51")},
        {ISSUE(1, "alice", "b.example", "52")},
        {ISSUE(1, "alice", "c.example", "53")},
        {.hour = 2, .type = AUDIT_ISSUE_UNDELIVERED, .who = "alice", .serial = "51"},
        {.hour = 3, .type = AUDIT_RECONCILE_RESOLVED, .serial = "51", .reason = "revoked_at_ca"},
        {.hour = 3, .type = AUDIT_RECONCILE_RESOLVED, .serial = "52", .reason = "not_issued"},
    };
    struct telling t;
    telling_begin(&t, 0, 24);
    tell_rows(&t, rows, sizeof(rows) / sizeof(rows[0]));
    report_finish(t.r);
    assert_int_equal(t.r->certs.alive, 2);
    assert_int_equal(t.r->revoked_at_ca, 1);
    assert_int_equal(t.r->loose[LOOSE_UNDELIVERED].open, 0);
    assert_int_equal(t.r->total[HAPPENED_REVOKED], 0); /* not through us */
    telling_end(&t);
}

/* More loose ends than are kept: all are counted, and the newest are there. */
static void test_many_loose_ends(void **state)
{
    (void)state;
    struct telling t;
    telling_begin(&t, 0, 24);
    for (unsigned i = 0; i < 3 * REPORT_LOOSE_MAX; i++) {
        char serial[16];
        (void)snprintf(serial, sizeof(serial), "%x", i);
        (void)tell_row(
            &t, &(struct row){
                    .hour = 1, .type = AUDIT_ISSUE_UNDELIVERED, .who = "bob", .serial = serial});
    }
    for (unsigned i = 0; i < 3 * REPORT_LOOSE_MAX; i += 2) {
        char serial[16];
        (void)snprintf(serial, sizeof(serial), "%x", i);
        (void)tell_row(&t, &(struct row){REVOKE(2, NULL, serial), .own = true});
    }
    const struct loose_list *list = &t.r->loose[LOOSE_UNDELIVERED];
    assert_int_equal(list->num, 3 * REPORT_LOOSE_MAX);
    assert_int_equal(list->open, 3 * REPORT_LOOSE_MAX / 2);
    for (unsigned i = 0; i < REPORT_LOOSE_MAX; i++) {
        assert_int_equal(list->items[i].was_revoked, i % 2 == 0);
    }
    telling_end(&t);
}

static void test_strangers(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *source;
        unsigned count;
    } cases[] = {{"192.0.2.7:4711", "192.0.2.7", 1},
                 {"192.0.2.7:4712", "192.0.2.7", 1},
                 {"192.0.2.7", "192.0.2.7", 5}, /* counted by source: no port */
                 {"[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64", 1},
                 {"[2001:db8:1:2::1]:81", "2001:db8:1:2::/64", 1},
                 {"2001:db8:1:2::/64", "2001:db8:1:2::/64", 7},
                 {"[::ffff:192.0.2.8]:80", "::ffff:192.0.2.8", 1},
                 {"local", "local", 1},
                 {NULL, "(not said)", 1},
                 {"<script>:1", "<script>", 1}};
    struct telling t;
    telling_begin(&t, 0, 24);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit_event e;
        audit_event_zero(&e, AUDIT_AUTHN_FAIL);
        e.peer = slice_of(cases[i].peer);
        e.reason = SLICE("unknown_client");
        e.count = cases[i].count > 1 ? cases[i].count : e.count;
        (void)tell(&t, 1, &e);
        (void)row_of(&t.r->sources, cases[i].source);
    }
    assert_int_equal(t.r->sources.num, 6);
    assert_int_equal(row_of(&t.r->sources, "192.0.2.7")->total, 7);
    assert_int_equal(row_of(&t.r->sources, "2001:db8:1:2::/64")->total, 9);
    assert_int_equal(row_of(&t.r->authn_reasons, "unknown_client")->total, 20);
    telling_end(&t);
}

static void test_policies(void **state)
{
    (void)state;
    static const struct slice changes[] = {{"+ alice: dns \"b.example\"", 24}};
    const char *const sha[] = {"11", "22", "22", "33"};
    struct telling t;
    telling_begin(&t, 0, 24);
    for (size_t i = 0; i < 4; i++) {
        struct audit_event e;
        audit_event_zero(&e, i == 3 ? AUDIT_POLICY_REJECT : AUDIT_POLICY_LOAD);
        e.policy_sha256 = slice_of(sha[i]);
        e.policy_old_sha256 = slice_of(i == 0 ? NULL : sha[i - 1]);
        e.by = SLICE("sighup");
        e.forced = i == 1 ? SLICE("because") : e.forced;
        e.changes = changes;
        e.num_changes = 1;
        (void)tell(&t, (double)i - 1, &e); /* the first is from before */
    }
    const struct report *r = t.r;
    assert_int_equal(r->num_loads, 1); /* the third was the same again */
    assert_int_equal(r->num_forced, 1);
    assert_int_equal(r->num_rejects, 1);
    assert_int_equal(r->num_policies, 2);
    assert_string_equal(r->policies[0].sha256, "22");
    assert_string_equal(r->policies[0].old_sha256, "11");
    assert_true(slice_eq_str(r->policies[0].changes[0], "+ alice: dns \"b.example\""));
    assert_true(r->policies[1].is_reject);
    assert_string_equal(r->policy_sha256, "22"); /* what was refused is not in force */
    telling_end(&t);
}

static void test_health(void **state)
{
    (void)state;
    struct telling t;
    telling_begin(&t, 0, 24);
    (void)tell_body(&t, -1, AUDIT_SEGMENT_OPEN,
                    SLICE("\"type\":\"segment.open\",\"origin\":\"acme/log\",\"segment\":1,"
                          "\"host\":\"h1\""));
    (void)tell_body(
        &t, 1, AUDIT_SEGMENT_OPEN,
        SLICE("\"type\":\"segment.open\",\"origin\":\"acme/log\",\"segment\":2,"
              "\"prev\":{\"no\":1,\"valid_bytes\":900,\"void_bytes\":70,\"clean\":false}"));
    (void)tell_body(&t, 2, AUDIT_FAULT,
                    SLICE("\"type\":\"audit.fault\",\"reason\":\"fdatasync\",\"errno\":5"));
    (void)tell_body(&t, 3, AUDIT_RECOVERED,
                    SLICE("\"type\":\"audit.recovered\",\"outage_us\":12000000,\"refused\":31"));
    (void)tell_body(&t, 2.5, AUDIT_BROKER_STOP, SLICE("\"type\":\"broker.stop\""));
    (void)tell_body(&t, 9, AUDIT_BROKER_START, SLICE("\"type\":\"broker.start\""));
    (void)tell_body(&t, 25, AUDIT_BROKER_START, SLICE("\"type\":\"broker.start\""));
    (void)tell_body(&t, 9, AUDIT_CLOCK_STEP, SLICE("\"type\":\"clock.step\""));
    (void)tell_body(&t, 9, AUDIT_KEY_ROTATE, SLICE("\"type\":\"key.rotate\""));
    (void)tell_body(&t, 9, AUDIT_WITNESS_ALARM, SLICE("\"type\":\"witness.alarm\""));
    (void)tell_body(&t, 9, AUDIT_ISSUE_OK, SLICE("\"type\":\"issue.ok\",\"serial\":1"));
    const struct report *r = t.r;
    const struct health *h = &r->health;
    assert_string_equal(r->origin, "acme/log");
    assert_int_equal(h->opens, 1);
    assert_int_equal(h->unclean, 1);
    assert_int_equal(h->void_bytes, 70);
    assert_int_equal(h->faults, 1);
    assert_int_equal(h->alarms, 1);
    assert_int_equal(h->clock_steps, 1);
    assert_int_equal(h->key_changes, 1);
    assert_int_equal(h->num_events, 4);
    assert_int_equal(h->outage_us, 12000000);
    assert_int_equal(h->refused, 31);
    assert_int_equal(h->clock_back, 1);
    assert_true(h->clock_back_worst_us == HOURS_US(3) - (HOURS_US(2) + 1800000000));
    assert_true(h->silence_us == HOURS_US(9) - HOURS_US(2) - 1800000000);
    assert_int_equal(h->starts, 1);
    assert_int_equal(h->stops, 1);
    assert_int_equal(r->after, 1);
    assert_int_equal(r->undecoded, 1); /* a serial is no number */
    telling_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals),
        cmocka_unit_test(test_first_grants),
        cmocka_unit_test(test_loose_ends),
        cmocka_unit_test(test_denied_then_allowed),
        cmocka_unit_test(test_many_loose_ends),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_revoked_before_it_was_found),
        cmocka_unit_test(test_one_serial_of_two_kinds),
        cmocka_unit_test(test_revoked_at_the_ca),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
