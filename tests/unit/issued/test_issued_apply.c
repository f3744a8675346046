/* test_issued_apply.c - what each record makes of the index, without a thread or a log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/issued/issued_apply.h"
#include "tests/unit/issued/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    char path[96];
    struct issued_db *db;
    struct arena arena;
};

static struct fixture fx;

static int set_up(void **state)
{
    (void)state;
    struct cb_err err = {.msg = ""};
    (void)snprintf(fx.dir, sizeof(fx.dir), "%s/issued-XXXXXX",
                   getenv("TMPDIR") != NULL && strlen(getenv("TMPDIR")) < 32 ? getenv("TMPDIR")
                                                                             : P_tmpdir);
    if (mkdtemp(fx.dir) == NULL) {
        return -1;
    }
    (void)snprintf(fx.path, sizeof(fx.path), "%s/db", fx.dir);
    arena_init(&fx.arena, 1U << 20);
    return issued_db_open(fx.path, SLICE("log-1\n"), &fx.db, &err) == CB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    issued_db_close(fx.db);
    arena_free(&fx.arena);
    (void)unlink(fx.path);
    (void)rmdir(fx.dir);
    return 0;
}

/* apply_all - each spec as the next record, in one transaction. Returns the incomplete ones. */
static uint64_t apply_all(const struct spec *specs, size_t num)
{
    struct cb_err err = {.msg = ""};
    uint64_t incomplete = 0;
    struct issued_mark mark = fx.db->now.mark;
    for (size_t i = 0; i < num; i++) {
        struct buf line = line_of(mark.applied, &specs[i]);
        assert_int_equal(issued_db_begin(fx.db, &err), CB_OK);
        if (issued_apply(fx.db, buf_slice(&line), &incomplete, &err) != CB_OK) {
            fail_msg("record %zu: %s", i, err.msg);
        }
        mark.applied++;
        issued_line_crc(buf_slice(&line), mark.crc);
        issued_db_applied(fx.db, &mark);
        buf_free(&line);
    }
    assert_int_equal(issued_db_commit(fx.db, &err), CB_OK);
    return incomplete;
}

static bool look_up(const char *serial, struct issued_cert *ret)
{
    struct cb_err err = {.msg = ""};
    bool found = false;
    assert_int_equal(issued_db_by_serial(fx.db, slice_of(serial), &fx.arena, &found, ret, &err),
                     CB_OK);
    return found;
}

#define OK(serial_, who_)                                                                          \
    {                                                                                              \
        .type = AUDIT_ISSUE_OK, .serial = serial_, .who = who_                                     \
    }
#define REVOKED(serial_, reason_)                                                                  \
    {                                                                                              \
        .type = AUDIT_REVOKE_OK, .serial = serial_, .who = "someone", .reason = reason_            \
    }
#define WITH(type_, serial_, who_)                                                                 \
    {                                                                                              \
        .type = type_, .serial = serial_, .who = who_                                              \
    }

#define FOR(serial_, who_, party_)                                                                 \
    {                                                                                              \
        .type = AUDIT_ISSUE_OK, .serial = serial_, .who = who_, .party = party_                    \
    }

static void test_states(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct spec specs[4];
        enum cert_state want;
        const char *reason, *owner; /* of serial 0a; owner NULL: absent */
    } cases[] = {
        {"issued", {OK("0a", "web")}, CERT_STATE_ACTIVE, NULL, "web"},
        {"revoked",
         {OK("0a", "web"), REVOKED("0a", "keyCompromise")},
         CERT_STATE_REVOKED,
         "keyCompromise",
         "web"},
        {"revoked again for a worse reason",
         {OK("0a", "web"), REVOKED("0a", "superseded"), REVOKED("0a", "keyCompromise")},
         CERT_STATE_REVOKED,
         "keyCompromise",
         "web"},
        {"revoked, never issued by us",
         {REVOKED("0a", "unspecified")},
         CERT_STATE_REVOKED,
         "unspecified",
         NULL},
        {"undelivered",
         {OK("0a", "web"), WITH(AUDIT_ISSUE_UNDELIVERED, "0a", "web")},
         CERT_STATE_DOOMED,
         "superseded",
         "web"},
        {"undelivered and revoked",
         {OK("0a", "web"), WITH(AUDIT_ISSUE_UNDELIVERED, "0a", "web"), REVOKED("0a", "superseded")},
         CERT_STATE_REVOKED,
         "superseded",
         "web"},
        {"revoked, then reported undelivered",
         {OK("0a", "web"), REVOKED("0a", "keyCompromise"),
          WITH(AUDIT_ISSUE_UNDELIVERED, "0a", "web")},
         CERT_STATE_REVOKED,
         "keyCompromise",
         "web"},
        {"superseded by the next one",
         {OK("0a", "web"),
          {.type = AUDIT_ISSUE_OK, .serial = "0b", .who = "web", .supersedes = "0a"}},
         CERT_STATE_DOOMED,
         "superseded",
         "web"},
        {"an attempt supersedes nothing yet",
         {OK("0a", "web"),
          {.type = AUDIT_ISSUE_ATTEMPT, .who = "web", .supersedes = "0a"},
          {.type = AUDIT_ISSUE_FAIL, .who = "web", .supersedes = "0a"}},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"another client's certificate does not supersede",
         {OK("0a", "web"),
          {.type = AUDIT_ISSUE_OK, .serial = "0b", .who = "mail", .supersedes = "0a"}},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"mismatch", {WITH(AUDIT_ISSUE_FAIL, "0a", "web")}, CERT_STATE_DOOMED, "superseded", "web"},
        {"mismatch with a reason",
         {{.type = AUDIT_ISSUE_FAIL, .serial = "0a", .who = "web", .reason = "unspecified"}},
         CERT_STATE_DOOMED,
         "unspecified",
         "web"},
        {"a mismatch cannot doom what was issued before",
         {OK("0a", "web"), WITH(AUDIT_ISSUE_FAIL, "0a", "mail")},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"the CA repeats a serial: the first owner keeps it",
         {OK("0a", "web"), OK("0a", "mail")},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"a failed revocation changes nothing",
         {OK("0a", "web"), WITH(AUDIT_REVOKE_FAIL, "0a", "web"),
          WITH(AUDIT_REVOKE_UNKNOWN, "0a", "web"), WITH(AUDIT_REVOKE_ATTEMPT, "0a", "web")},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"a denied revocation changes nothing",
         {OK("0a", "web"), WITH(AUDIT_AUTHZ_DENY, "0a", "mail")},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"another serial",
         {OK("0a", "web"), REVOKED("0b", "superseded")},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"issued on behalf of somebody: theirs",
         {FOR("0a", "deployer", "web")},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"undelivered to who asked on their behalf",
         {FOR("0a", "deployer", "web"),
          {.type = AUDIT_ISSUE_UNDELIVERED, .serial = "0a", .who = "deployer", .party = "web"}},
         CERT_STATE_DOOMED,
         "superseded",
         "web"},
        {"who asked on their behalf cannot doom it in its own name",
         {FOR("0a", "deployer", "web"), WITH(AUDIT_ISSUE_UNDELIVERED, "0a", "deployer")},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"a mismatch on behalf of somebody",
         {{.type = AUDIT_ISSUE_FAIL, .serial = "0a", .who = "deployer", .party = "web"}},
         CERT_STATE_DOOMED,
         "superseded",
         "web"},
        {"superseded on their behalf",
         {OK("0a", "web"),
          {.type = AUDIT_ISSUE_OK,
           .serial = "0b",
           .who = "deployer",
           .party = "web",
           .supersedes = "0a"}},
         CERT_STATE_DOOMED,
         "superseded",
         "web"},
        {"not superseded on behalf of another",
         {OK("0a", "web"),
          {.type = AUDIT_ISSUE_OK,
           .serial = "0b",
           .who = "web",
           .party = "mail",
           .supersedes = "0a"}},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
        {"nor what was issued for a party by what the delegate gets for itself",
         {FOR("0a", "deployer", "web"),
          {.type = AUDIT_ISSUE_OK, .serial = "0b", .who = "deployer", .supersedes = "0a"}},
         CERT_STATE_ACTIVE,
         NULL,
         "web"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)tear_down(NULL);
        assert_int_equal(set_up(NULL), 0);
        size_t num = 0;
        while (num < 4 && (cases[i].specs[num].who != NULL)) {
            num++;
        }
        assert_int_equal(apply_all(cases[i].specs, num), 0);
        struct issued_cert cert;
        if (!look_up("0a", &cert) || cert.state != cases[i].want ||
            !slice_eq(cert.revoke_reason, slice_of(cases[i].reason)) ||
            (cert.owner.ptr == NULL) != (cases[i].owner == NULL) ||
            !slice_eq(cert.owner, slice_of(cases[i].owner))) {
            fail_msg("%s", cases[i].name);
        }
        /* The running counts are what a count of the rows gives. */
        uint64_t running[CERT_STATE_COUNT];
        memcpy(running, fx.db->now.num, sizeof(running));
        struct cb_err err;
        issued_db_close(fx.db);
        assert_int_equal(issued_db_open(fx.path, SLICE("log-1\n"), &fx.db, &err), CB_OK);
        assert_memory_equal(running, fx.db->now.num, sizeof(running));
        assert_int_equal(fx.db->now.mark.applied, num);
    }
}

static void test_facts(void **state)
{
    (void)state;
    static const struct spec specs[] = {
        {.type = AUDIT_POLICY_LOAD, .who = "x"},
        {.type = AUDIT_ISSUE_OK,
         .serial = "54479c69d95c36d3d3e58d7b51bc811a7b2d613e",
         .who = "payments-api",
         .idem = "k1",
         .ask = "aa11",
         .dns = {"a.example", "b.example"}},
    };
    assert_int_equal(apply_all(specs, 2), 0);
    struct issued_cert cert;
    assert_false(look_up("54", &cert));
    assert_true(look_up(specs[1].serial, &cert));
    assert_string_equal(cert.serial_hex, specs[1].serial);
    assert_string_equal(cert.serial_dec, "1234567890");
    assert_string_equal(cert.aki_hex, "f665c74868165f03e955b7efd517ec362b773704");
    assert_true(slice_eq_str(cert.owner, "payments-api"));
    assert_int_equal(cert.ref, 1);
    assert_int_equal(cert.not_after_s, 1784823480);
    assert_true(slice_eq_str(cert.common_name, "a.example"));
    assert_int_equal(cert.num_names, 3);
    assert_true(slice_eq_str(cert.names[0], "a.example"));
    assert_true(slice_eq_str(cert.names[1], "b.example"));
    assert_true(slice_eq_str(cert.names[2], "10.0.0.5"));
    assert_true(slice_eq_str(cert.ask_sha256, "aa11"));
    assert_null(cert.revoke_reason.ptr);
}

static void test_by_key(void **state)
{
    (void)state;
    static const struct spec specs[] = {
        {.type = AUDIT_ISSUE_OK, .serial = "01", .who = "web", .idem = "k", .ask = "a1"},
        {.type = AUDIT_ISSUE_OK, .serial = "02", .who = "mail", .idem = "k", .ask = "a2"},
        {.type = AUDIT_ISSUE_OK, .serial = "03", .who = "web", .ask = "a3"},
        {.type = AUDIT_ISSUE_OK, .serial = "04", .who = "web", .idem = "k", .ask = "a4"},
        REVOKED("04", "superseded"),
        {.type = AUDIT_ISSUE_OK, .serial = "05", .who = "web", .idem = "other", .ask = "a5"},
        /* A key belongs to who asked, whoever the certificate is for. */
        {.type = AUDIT_ISSUE_OK, .serial = "06", .who = "ops", .party = "web", .idem = "k"},
        {.type = AUDIT_ISSUE_OK, .serial = "07", .who = "ops", .party = "mail", .idem = "m"},
    };
    assert_int_equal(apply_all(specs, 8), 0);
    static const struct {
        const char *client, *key, *serial; /* NULL: none */
    } cases[] = {
        {"web", "k", "04"},      {"mail", "k", "02"}, {"web", "other", "05"},
        {"mail", "other", NULL}, {"web", "", NULL},   {"", "k", NULL},
        {"ops", "k", "06"},      {"ops", "m", "07"},  {"mail", "m", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct issued_cert cert;
        struct cb_err err;
        bool found = false;
        assert_int_equal(issued_db_by_key(fx.db, slice_of(cases[i].client), slice_of(cases[i].key),
                                          &fx.arena, &found, &cert, &err),
                         CB_OK);
        assert_int_equal(found, cases[i].serial != NULL);
        if (found) {
            assert_string_equal(cert.serial_hex, cases[i].serial);
        }
    }
}

static void test_incomplete(void **state)
{
    (void)state;
    static const struct spec specs[] = {
        WITH(AUDIT_ISSUE_OK, NULL, "web"),
        WITH(AUDIT_ISSUE_OK, "0G", "web"),
        WITH(AUDIT_ISSUE_OK, "0A", "web"),
        WITH(AUDIT_ISSUE_OK, "000102030405060708090a0b0c0d0e0f1011121314", "web"),
        WITH(AUDIT_REVOKE_OK, NULL, "web"),
        WITH(AUDIT_ISSUE_UNDELIVERED, NULL, "web"),
        WITH(AUDIT_ISSUE_FAIL, NULL, "web"),    /* the CA refused: nothing to name */
        WITH(AUDIT_ISSUE_ATTEMPT, NULL, "web"), /* supersedes nothing */
    };
    assert_int_equal(apply_all(specs, 8), 6);
    assert_int_equal(fx.db->now.num[0] + fx.db->now.num[1] + fx.db->now.num[2], 0);
}

static void test_bad_lines(void **state)
{
    (void)state;
    const struct spec spec = OK("0a", "web");
    struct buf line = line_of(0, &spec);
    struct cb_err err = {.msg = ""};
    uint64_t incomplete = 0;
    line.data[line.len / 2] ^= 1; /* the checksum no longer fits */
    assert_int_equal(issued_db_begin(fx.db, &err), CB_OK);
    assert_int_equal(issued_apply(fx.db, buf_slice(&line), &incomplete, &err), CB_EINPUT);
    assert_int_equal(issued_apply(fx.db, SLICE("{}"), &incomplete, &err), CB_EINPUT);
    issued_db_rollback(fx.db);
    buf_free(&line);
}

static void test_concerns(void **state)
{
    (void)state;
    for (int type = 0; type < AUDIT_TYPE_COUNT; type++) {
        for (int with_serial = 0; with_serial < 2; with_serial++) {
            const enum audit_type t = (enum audit_type)type;
            const struct spec spec = {.type = t, .who = "web", .serial = with_serial ? "0a" : NULL};
            struct buf line = line_of(UINT64_MAX >> 12, &spec);
            const bool want = t == AUDIT_ISSUE_OK || t == AUDIT_ISSUE_UNDELIVERED ||
                              t == AUDIT_REVOKE_OK || (with_serial && t == AUDIT_ISSUE_FAIL);
            assert_int_equal(issued_concerns(buf_slice(&line)), want);
            buf_free(&line);
        }
    }
}

/* A transaction that is rolled back leaves no trace, in the counts either. */
static void test_rollback(void **state)
{
    (void)state;
    const struct spec first = OK("0a", "web");
    assert_int_equal(apply_all(&first, 1), 0);
    struct cb_err err = {.msg = ""};
    uint64_t incomplete = 0;
    const struct spec more[] = {OK("0b", "web"), REVOKED("0a", "superseded")};
    assert_int_equal(issued_db_begin(fx.db, &err), CB_OK);
    for (size_t i = 0; i < 2; i++) {
        struct buf line = line_of(1 + i, &more[i]);
        assert_int_equal(issued_apply(fx.db, buf_slice(&line), &incomplete, &err), CB_OK);
        buf_free(&line);
    }
    assert_int_equal(fx.db->now.num[CERT_STATE_REVOKED], 1);
    issued_db_rollback(fx.db);
    struct issued_cert cert;
    assert_false(look_up("0b", &cert));
    assert_true(look_up("0a", &cert));
    assert_int_equal(cert.state, CERT_STATE_ACTIVE);
    assert_int_equal(fx.db->now.num[CERT_STATE_ACTIVE], 1);
    assert_int_equal(fx.db->now.num[CERT_STATE_REVOKED], 0);
    assert_int_equal(fx.db->now.mark.applied, 1);
}

static void test_doomed_list(void **state)
{
    (void)state;
    static const struct spec specs[] = {
        WITH(AUDIT_ISSUE_FAIL, "03", "web"),
        OK("02", "web"),
        OK("01", "web"),
        WITH(AUDIT_ISSUE_UNDELIVERED, "01", "web"),
        WITH(AUDIT_ISSUE_UNDELIVERED, "02", "web"),
    };
    assert_int_equal(apply_all(specs, 5), 0);
    static const char *const oldest_first[] = {"03", "02", "01"};
    for (size_t max = 0; max < 5; max++) {
        struct issued_cert *certs = NULL;
        size_t num = 0;
        struct cb_err err;
        assert_int_equal(issued_db_doomed(fx.db, max, &fx.arena, &certs, &num, &err), CB_OK);
        assert_int_equal(num, max < 3 ? max : 3);
        for (size_t i = 0; i < num; i++) {
            assert_string_equal(certs[i].serial_hex, oldest_first[i]);
        }
    }
}

static void test_open_again(void **state)
{
    (void)state;
    const struct spec spec = OK("0a", "web");
    assert_int_equal(apply_all(&spec, 1), 0);
    struct stat st;
    assert_int_equal(stat(fx.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    const struct issued_mark mark = fx.db->now.mark;
    issued_db_close(fx.db);
    fx.db = NULL;
    struct cb_err err = {.msg = ""};
    assert_int_equal(issued_db_open(fx.path, SLICE("log-2\n"), &fx.db, &err), CB_EINPUT);
    assert_int_equal(issued_db_open(fx.path, SLICE("log-1\n"), &fx.db, &err), CB_OK);
    assert_int_equal(fx.db->now.mark.applied, mark.applied);
    assert_memory_equal(fx.db->now.mark.crc, mark.crc, MARK_CRC_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_facts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_by_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_incomplete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_lines, set_up, tear_down),
        cmocka_unit_test(test_concerns),
        cmocka_unit_test_setup_teardown(test_rollback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_doomed_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_open_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
