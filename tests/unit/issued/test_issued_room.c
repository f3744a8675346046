/* test_issued_room.c - room for one more certificate: what is counted, what is reserved, what makes
 * room, and when there will be some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/issued/issued_apply.h"
#include "broker/issued/issued_room.h"
#include "tests/unit/issued/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY_S 86400
#define FIRST_S 1784736000 /* 2026-07-22T16:00:00Z */

struct fixture {
    char dir[64];
    char path[96];
    struct issued_db *db;
    struct rooms rooms;
    struct arena arena;
    int64_t now_s;
};
static struct fixture fx;

static int set_up(void **state)
{
    (void)state;
    struct cb_err err = {.msg = ""};
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(fx.dir, sizeof(fx.dir), "%s/issued-XXXXXX",
                   tmp != NULL && strlen(tmp) < 32 ? tmp : P_tmpdir);
    if (mkdtemp(fx.dir) == NULL) {
        return -1;
    }
    (void)snprintf(fx.path, sizeof(fx.path), "%s/db", fx.dir);
    arena_init(&fx.arena, 16U << 20);
    rooms_init(&fx.rooms);
    fx.now_s = FIRST_S;
    return issued_db_open(fx.path, SLICE("log-1\n"), &fx.db, &err) == CB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rooms_free(&fx.rooms);
    issued_db_close(fx.db);
    arena_free(&fx.arena);
    (void)unlink(fx.path);
    (void)rmdir(fx.dir);
    return 0;
}

static void apply(const struct spec *spec)
{
    struct cb_err err = {.msg = ""};
    uint64_t incomplete = 0;
    struct issued_mark mark = fx.db->now.mark;
    struct buf line = line_of(mark.applied, spec);
    assert_int_equal(issued_db_begin(fx.db, &err), CB_OK);
    assert_int_equal(issued_apply(fx.db, buf_slice(&line), &incomplete, &err), CB_OK);
    mark.applied++;
    issued_line_crc(buf_slice(&line), mark.crc);
    issued_db_applied(fx.db, &mark);
    buf_free(&line);
}

/* issue - a certificate of party (by who, unless that is party itself) that ends after so many days. */
static void issue(const char *serial, const char *who, const char *party, const char *rule,
                  int days)
{
    char end[32];
    (void)snprintf(end, sizeof(end), "2026-07-%02dT16:00:00Z", 22 + days);
    apply(&(struct spec){.type = AUDIT_ISSUE_OK,
                         .serial = serial,
                         .who = who,
                         .party = strcmp(who, party) == 0 ? NULL : party,
                         .rule = rule,
                         .delegate_rule = strcmp(who, party) == 0 ? NULL : "deploy",
                         .not_after = end});
}

static void revoked(const char *serial)
{
    apply(&(struct spec){
        .type = AUDIT_REVOKE_OK, .serial = serial, .who = "x", .reason = "superseded"});
}

static struct issued_limit own(const char *principal, const char *rule, uint32_t max)
{
    return (struct issued_limit){
        .principal = slice_of(principal), .rule = slice_of(rule), .max = max};
}

static struct issued_limit by(const char *principal, const char *rule, uint32_t max)
{
    struct issued_limit limit = own(principal, rule, max);
    limit.of_delegate = true;
    return limit;
}

static struct issued_query q; /* of the last claim */

/* ask_as - whoever a limit is of_delegate for asks on the owner's behalf. */
static void ask_as(const struct issued_limit *limits, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        if (limits[i].of_delegate) {
            q.room.delegate = limits[i].principal;
            q.room.delegate_rule = limits[i].rule;
        }
    }
}

static enum issued_found claim(const struct issued_limit *limits, size_t num, const char *owner,
                               const char *replaces)
{
    struct cb_err err = {.msg = ""};
    q = (struct issued_query){.verb = ISSUED_CLAIM_ROOM, .arena = &fx.arena};
    q.room = (struct issued_room){.limits = limits,
                                  .num_limits = num,
                                  .owner = slice_of(owner),
                                  .replaces = slice_of(replaces),
                                  .now_s = fx.now_s};
    ask_as(limits, num);
    if (rooms_claim(&fx.rooms, fx.db, &q, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(q.room.claim != NULL, q.found == ISSUED_NONE || q.found == ISSUED_FOUND);
    return q.found;
}

static void test_counts(void **state)
{
    (void)state;
    issue("01", "web", "web", "r", 1);
    issue("02", "web", "web", "r", 2);
    issue("03", "web", "web", "other", 2);
    issue("04", "mail", "mail", "r", 2);
    issue("05", "web", "web", "r", 3);
    issue("06", "ops", "web", "r", 3);
    revoked("05");
    apply(&(struct spec){.type = AUDIT_ISSUE_UNDELIVERED, .serial = "02", .who = "web"});
    static const struct {
        const char *principal, *rule;
        bool of_delegate;
        int after_s;
        uint64_t want;
    } cases[] = {
        {"web", "r", false, 0, 2}, /* 01 and 06: 02 is doomed, 05 revoked */
        {"web", "r", false, DAY_S, 2},
        {"web", "r", false, DAY_S + 1, 1}, /* 01 is over */
        {"web", "r", false, 3 * DAY_S + 1, 0},
        {"web", "other", false, 0, 1},
        {"mail", "r", false, 0, 1},
        {"ops", "deploy", true, 0, 1},
        {"ops", "deploy", false, 0, 0},
        {"ops", "r", true, 0, 0},
        {"web", "deploy", true, 0, 0},
        {"we", "r", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct issued_limit limit = own(cases[i].principal, cases[i].rule, 1);
        limit.of_delegate = cases[i].of_delegate;
        uint64_t num = 99;
        struct cb_err err;
        assert_int_equal(issued_db_count(fx.db, &limit, FIRST_S + cases[i].after_s, &num, &err),
                         CB_OK);
        if (num != cases[i].want) {
            fail_msg("case %zu: %llu", i, (unsigned long long)num);
        }
    }
}

static void test_reserved_and_released(void **state)
{
    (void)state;
    const struct issued_limit limit = own("web", "r", 3);
    const struct issued_limit others = own("mail", "r", 3);
    struct issued_claim *claims[3];
    issue("01", "web", "web", "r", 1);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_NONE);
    claims[0] = q.room.claim;
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_NONE);
    claims[1] = q.room.claim;
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
    assert_int_equal(q.room.frees_s, FIRST_S + DAY_S + 1);
    assert_int_equal(claim(&others, 1, "mail", NULL), ISSUED_NONE);
    rooms_release(&fx.rooms, q.room.claim);
    /* One of the two is issued and released: never counted twice, never not at all. */
    issue("02", "web", "web", "r", 2);
    rooms_release(&fx.rooms, claims[0]);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
    /* The other one failed. */
    rooms_release(&fx.rooms, claims[1]);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_NONE);
    rooms_release(&fx.rooms, q.room.claim);
    rooms_release(&fx.rooms, NULL);
    assert_int_equal(fx.rooms.num, 0);
}

/* look - what a claim would be told, in place of which nothing is taken. */
static enum issued_found look(const struct issued_limit *limits, size_t num, const char *owner)
{
    struct cb_err err = {.msg = ""};
    const size_t held = fx.rooms.num;
    q = (struct issued_query){.verb = ISSUED_LOOK_ROOM, .arena = &fx.arena};
    q.room = (struct issued_room){
        .limits = limits, .num_limits = num, .owner = slice_of(owner), .now_s = fx.now_s};
    ask_as(limits, num);
    if (rooms_look(&fx.rooms, fx.db, &q, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    assert_null(q.room.claim);
    assert_int_equal(fx.rooms.num, held);
    return q.found;
}

static void test_look(void **state)
{
    (void)state;
    struct issued_limit limits[] = {own("web", "r", 3), by("ops", "deploy", 2)};
    issue("01", "ops", "web", "r", 1);
    issue("02", "web", "web", "r", 2);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(look(limits, 2, "web"), ISSUED_NONE);
        assert_int_equal(q.room.taken[0], 2);
        assert_int_equal(q.room.taken[1], 1);
    }
    /* What is under way is counted; the limit that is told of is the one that is reached. */
    assert_int_equal(claim(&limits[1], 1, "web", NULL), ISSUED_NONE);
    struct issued_claim *held = q.room.claim;
    assert_int_equal(look(limits, 2, "web"), ISSUED_FULL);
    assert_int_equal(q.room.taken[0], 2);
    assert_int_equal(q.room.taken[1], 2);
    assert_int_equal(q.room.full, 1);
    assert_int_equal(q.room.frees_s, FIRST_S + DAY_S + 1);
    /* The oldest would make room: it is named, and stays. */
    limits[1].replaces_oldest = true;
    assert_int_equal(look(limits, 2, "web"), ISSUED_FOUND);
    assert_string_equal(q.cert.serial_hex, "01");
    assert_int_equal(look(limits, 2, "web"), ISSUED_FOUND);
    rooms_release(&fx.rooms, held);
    assert_int_equal(look(limits, 2, "web"), ISSUED_NONE);
}

static void test_when_free(void **state)
{
    (void)state;
    issue("01", "web", "web", "r", 5);
    issue("02", "web", "web", "r", 1);
    issue("03", "web", "web", "r", 3);
    static const struct {
        uint32_t max;
        int after_days, want_days; /* 0: not known */
    } cases[] = {
        {3, 0, 1}, {2, 0, 3}, {1, 0, 5}, {2, 2, 3}, {1, 2, 5}, {1, 4, 5},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct issued_limit limit = own("web", "r", cases[i].max);
        fx.now_s = FIRST_S + cases[i].after_days * DAY_S;
        assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
        assert_int_equal(q.room.frees_s, FIRST_S + cases[i].want_days * DAY_S + 1);
        /* It is true: at that moment there is room, a second before there is none. */
        fx.now_s = q.room.frees_s - 1;
        assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
        fx.now_s += 1;
        assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_NONE);
        rooms_release(&fx.rooms, q.room.claim);
    }
    /* All places are taken by requests under way: nobody knows. */
    const struct issued_limit limit = own("new", "r", 1);
    assert_int_equal(claim(&limit, 1, "new", NULL), ISSUED_NONE);
    assert_int_equal(claim(&limit, 1, "new", NULL), ISSUED_FULL);
    assert_int_equal(q.room.frees_s, 0);
}

static void test_oldest_makes_room(void **state)
{
    (void)state;
    struct issued_limit limit = own("web", "r", 3);
    limit.replaces_oldest = true;
    issue("03", "web", "web", "r", 2);
    issue("02", "web", "web", "r", 1);
    issue("01", "web", "web", "r", 3);
    static const char *const oldest_first[] = {"03", "02", "01"};
    struct issued_claim *first = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FOUND);
        assert_string_equal(q.cert.serial_hex, oldest_first[i]);
        assert_true(slice_eq_str(q.cert.owner, "web"));
        first = i == 0 ? q.room.claim : first;
    }
    /* Each is replaced by one request; a fourth finds none. */
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
    assert_int_equal(q.room.frees_s, 0);
    /* The first failed: what it would have replaced is to be had again. */
    rooms_release(&fx.rooms, first);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FOUND);
    assert_string_equal(q.cert.serial_hex, "03");
    first = q.room.claim;
    /* It is issued: the old one is doomed, the new one is counted. */
    apply(&(struct spec){.type = AUDIT_ISSUE_OK,
                         .serial = "04",
                         .who = "web",
                         .rule = "r",
                         .supersedes = "03",
                         .not_after = "2026-07-25T16:00:00Z"});
    rooms_release(&fx.rooms, first);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FOUND);
    assert_string_equal(q.cert.serial_hex, "04");
}

/* A repeat that takes the place of its first certificate needs no room, but is counted. */
static void test_repeat(void **state)
{
    (void)state;
    const struct issued_limit limit = own("web", "r", 2);
    issue("01", "web", "web", "r", 1);
    issue("02", "web", "web", "r", 1);
    issue("03", "web", "web", "other", 1);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
    assert_int_equal(claim(&limit, 1, "web", "03"), ISSUED_FULL); /* not one of these */
    assert_int_equal(claim(&limit, 1, "web", "01"), ISSUED_NONE);
    struct issued_claim *repeat = q.room.claim;
    /* It leaves its place once only. */
    assert_int_equal(claim(&limit, 1, "web", "01"), ISSUED_FULL);
    /* Its owner revokes the first one meanwhile: that makes no room for a third. */
    revoked("01");
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
    rooms_release(&fx.rooms, repeat);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_NONE);
    rooms_release(&fx.rooms, q.room.claim);
    /* The limit was lowered: a repeat still is one for one. */
    const struct issued_limit lower = own("web", "r", 1);
    issue("04", "web", "web", "r", 1);
    assert_int_equal(claim(&lower, 1, "web", "04"), ISSUED_NONE);
}

static void test_two_limits(void **state)
{
    (void)state;
    struct issued_limit limits[2] = {own("web", "r", 2), by("ops", "deploy", 2)};
    issue("01", "web", "web", "r", 1);
    issue("02", "ops", "mail", "r", 2);
    assert_int_equal(claim(limits, 2, "web", NULL), ISSUED_NONE);
    struct issued_claim *both = q.room.claim;
    assert_int_equal(claim(limits, 1, "web", NULL), ISSUED_FULL);
    assert_int_equal(q.room.full, 0);
    assert_int_equal(claim(limits, 2, "web", NULL), ISSUED_FULL);
    const struct issued_limit other[2] = {own("file", "r", 2), limits[1]};
    assert_int_equal(claim(other, 2, "file", NULL), ISSUED_FULL);
    assert_int_equal(q.room.full, 1);
    assert_int_equal(q.room.frees_s, FIRST_S + 2 * DAY_S + 1);
    /* A refusal has reserved nothing anywhere. */
    rooms_release(&fx.rooms, both);
    assert_int_equal(fx.rooms.num, 0);
    assert_int_equal(claim(other, 2, "file", NULL), ISSUED_NONE);
    rooms_release(&fx.rooms, q.room.claim);
    /* What makes room must be of the same party, and do so for both limits. */
    limits[0].replaces_oldest = true;
    limits[1].replaces_oldest = true;
    limits[1].max = 1;
    assert_int_equal(claim(limits, 2, "web", NULL), ISSUED_FULL); /* 02 is mail's */
    issue("03", "ops", "web", "r", 3);
    assert_int_equal(claim(limits, 2, "web", NULL), ISSUED_FOUND); /* 01 would not do */
    assert_string_equal(q.cert.serial_hex, "03");
    rooms_release(&fx.rooms, q.room.claim);
    limits[0].max = 9;
    assert_int_equal(claim(limits, 2, "web", NULL), ISSUED_FOUND);
    assert_string_equal(q.cert.serial_hex, "03");
    rooms_release(&fx.rooms, q.room.claim);
    limits[1].max = 9;
    limits[0].max = 2;
    assert_int_equal(claim(limits, 2, "web", NULL), ISSUED_FOUND);
    assert_string_equal(q.cert.serial_hex, "03"); /* not 01, which web asked for itself */
    /* One of the two does not allow it. */
    limits[1] = by("ops", "deploy", 1);
    assert_int_equal(claim(limits, 2, "web", NULL), ISSUED_FULL);
    assert_int_equal(q.room.full, 1);
}

/* Many that are over, and many under way. */
static void test_many(void **state)
{
    (void)state;
    char serial[16];
    const struct issued_limit limit = own("web", "r", 5);
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(serial, sizeof(serial), "%06x", i + 0x100000);
        issue(serial, "web", "web", "r", i < 2996 ? 0 : 1);
    }
    fx.now_s = FIRST_S + 1; /* nearly all are over */
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_NONE);
    assert_int_equal(claim(&limit, 1, "web", NULL), ISSUED_FULL);
    for (size_t i = 0; i < 1000; i++) {
        const struct issued_limit wide = own("web", "r", 100000);
        assert_int_equal(claim(&wide, 1, "web", NULL), ISSUED_NONE);
    }
    assert_int_equal(fx.rooms.num, 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reserved_and_released, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_look, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_when_free, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_oldest_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
