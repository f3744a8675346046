/* test_issued.c - the index behind a real audit log: what was acknowledged is found, whatever was
 * lost, repeated, damaged or replaced in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "broker/issued/issued.h"
#include "broker/issued/issued_db.h"
#include "tests/unit/issued/records.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_MAX 64U

enum feeding { FEED_ONCE, FEED_TWICE, FEED_NOTHING };

struct fixture {
    char dir[64];
    char log_dir[96];
    char db_path[96];
    struct audit *audit;
    struct issued *issued;
    enum feeding feeding;
    struct arena arena;
};
static struct fixture fx;

/* ---- the log and the index of a test ---- */
static void observe(void *ctx, uint64_t seq, struct slice line)
{
    (void)ctx;
    if (fx.issued == NULL || fx.feeding == FEED_NOTHING) {
        return;
    }
    issued_feed(fx.issued, seq, line);
    if (fx.feeding == FEED_TWICE) {
        issued_feed(fx.issued, seq, line);
    }
}

static void open_log(const char *name)
{
    struct cb_err err = {.msg = ""};
    (void)snprintf(fx.log_dir, sizeof(fx.log_dir), "%s/%s", fx.dir, name);
    if (access(fx.log_dir, F_OK) != 0 && audit_init(fx.log_dir, "test/log", &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    const struct audit_options options = {
        .dir = fx.log_dir, .version = "test", .observer = observe};
    struct audit_recovery recovery;
    if (audit_open(&options, &fx.audit, &recovery, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    audit_recovery_free(&recovery);
}

static void close_log(void)
{
    audit_close(fx.audit);
    fx.audit = NULL;
}

static void open_index(void)
{
    struct cb_err err = {.msg = ""};
    if (issued_open(fx.db_path, fx.log_dir, &fx.issued, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
}

static void close_index(void)
{
    issued_close(fx.issued);
    fx.issued = NULL;
}

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(fx.dir, sizeof(fx.dir), "%s/issued-XXXXXX",
                   tmp != NULL && strlen(tmp) < 32 ? tmp : P_tmpdir);
    if (mkdtemp(fx.dir) == NULL) {
        return -1;
    }
    (void)snprintf(fx.db_path, sizeof(fx.db_path), "%s/db", fx.dir);
    fx.feeding = FEED_ONCE;
    arena_init(&fx.arena, 16U << 20);
    open_log("log");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_log();
    close_index();
    arena_free(&fx.arena);
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fx.dir);
    return system(command);
}

/* ---- short words for the tests ---- */
static uint64_t append(const struct spec *spec)
{
    struct buf body = body_of(spec);
    struct cb_err err = {.msg = ""};
    uint64_t seq = 0;
    if (audit_append_wait(fx.audit, spec->type, buf_slice(&body), &seq, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    buf_free(&body);
    return seq;
}

static uint64_t append_ok(unsigned serial, const char *who, const char *idem)
{
    char hex[9];
    (void)snprintf(hex, sizeof(hex), "%08x", serial);
    return append(&(struct spec){.type = AUDIT_ISSUE_OK,
                                 .serial = hex,
                                 .who = who,
                                 .idem = idem,
                                 .ask = "a1",
                                 .dns = {"host.example"}});
}

static enum issued_found look_up(unsigned serial, struct issued_cert *ret)
{
    char hex[9];
    (void)snprintf(hex, sizeof(hex), "%08x", serial);
    struct issued_query q = {.verb = ISSUED_BY_SERIAL, .key = slice_of(hex), .arena = &fx.arena};
    issued_wait(fx.issued, &q);
    if (ret != NULL) {
        *ret = q.cert;
    }
    return q.found;
}

static enum issued_found ask_key(enum issued_verb verb, const char *client, const char *key,
                                 struct issued_cert *ret)
{
    struct issued_query q = {
        .verb = verb, .client = slice_of(client), .key = slice_of(key), .arena = &fx.arena};
    issued_wait(fx.issued, &q);
    if (ret != NULL) {
        *ret = q.cert;
    }
    return q.found;
}

static struct issued_stats stats(void)
{
    struct issued_stats ret;
    /* The numbers are as of the last round, which a question makes. */
    (void)ask_key(ISSUED_RELEASE, "nobody", "nothing", NULL);
    (void)ask_key(ISSUED_RELEASE, "nobody", "nothing", NULL);
    issued_get_stats(fx.issued, &ret);
    return ret;
}

static bool has_damaged_file(void)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s.damaged", fx.db_path);
    return access(path, F_OK) == 0;
}

/* ---- tests ---- */
static void test_own_writes(void **state)
{
    (void)state;
    open_index();
    for (unsigned i = 1; i <= 200; i++) {
        assert_int_equal(look_up(i, NULL), ISSUED_NONE);
        const uint64_t seq = append_ok(i, "web", NULL);
        struct issued_cert cert;
        assert_int_equal(look_up(i, &cert), ISSUED_FOUND);
        assert_int_equal(cert.ref, seq);
        assert_true(slice_eq_str(cert.owner, "web"));
    }
    const struct issued_stats now = stats();
    assert_int_equal(now.active, 200);
    assert_int_equal(now.catch_ups, 0);
    assert_int_equal(now.rebuilds, 0);
}

/* What was written while the index was away is read at the next start, once. */
static void test_catch_up_at_start(void **state)
{
    (void)state;
    unsigned serial = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++) {
            (void)append_ok(++serial, "web", NULL); /* not fed: there is no index */
        }
        open_index();
        (void)append_ok(++serial, "web", NULL); /* fed */
        for (unsigned i = 1; i <= serial; i++) {
            assert_int_equal(look_up(i, NULL), ISSUED_FOUND);
        }
        assert_int_equal(stats().active, serial);
        assert_int_equal(stats().rebuilds, 0);
        close_index();
    }
}

/* Closing keeps what was fed last: the next start has nothing to read. */
static void test_close_keeps(void **state)
{
    (void)state;
    open_index();
    const uint64_t seq = append_ok(1, "web", NULL);
    close_index();
    struct issued_db *db = NULL;
    struct cb_err err = {.msg = ""};
    assert_int_equal(issued_db_open(fx.db_path, SLICE("test/log\n"), &db, &err), CB_OK);
    assert_int_equal(db->now.mark.applied, seq + 1);
    issued_db_close(db);
}

static void test_gap(void **state)
{
    (void)state;
    open_index();
    (void)append_ok(1, "web", NULL);
    fx.feeding = FEED_NOTHING;
    (void)append_ok(2, "web", NULL);
    (void)append_ok(3, "web", NULL);
    fx.feeding = FEED_ONCE;
    (void)append_ok(4, "web", NULL);
    for (unsigned i = 1; i <= 4; i++) {
        assert_int_equal(look_up(i, NULL), ISSUED_FOUND);
    }
    assert_int_equal(stats().catch_ups, 1);
    (void)append_ok(5, "web", NULL);
    assert_int_equal(look_up(5, NULL), ISSUED_FOUND);
    assert_int_equal(stats().catch_ups, 1);
    assert_int_equal(stats().active, 5);
}

static void test_fed_twice(void **state)
{
    (void)state;
    open_index();
    fx.feeding = FEED_TWICE;
    for (unsigned i = 1; i <= 20; i++) {
        (void)append_ok(i, "web", NULL);
        (void)append(&(struct spec){
            .type = AUDIT_REVOKE_OK, .serial = "00000001", .who = "x", .reason = "superseded"});
    }
    assert_int_equal(look_up(20, NULL), ISSUED_FOUND);
    const struct issued_stats now = stats();
    assert_int_equal(now.active, 19);
    assert_int_equal(now.revoked, 1);
    assert_int_equal(now.catch_ups, 0);
}

static sem_t hold;
static sem_t is_held;

static void hold_thread(struct issued_query *q)
{
    (void)q;
    (void)sem_post(&is_held);
    while (sem_wait(&hold) != 0) {
    }
}

/* With its thread stuck, feeding still returns at once; what did not fit is found all the same. */
static void test_full_queue(void **state)
{
    (void)state;
    open_index();
    (void)sem_init(&hold, 0, 0);
    (void)sem_init(&is_held, 0, 0);
    struct issued_query q = {
        .verb = ISSUED_BY_SERIAL, .key = SLICE("00"), .arena = &fx.arena, .done = hold_thread};
    issued_ask(fx.issued, &q);
    while (sem_wait(&is_held) != 0) {
    }
    char longest[251];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    unsigned serial = 0;
    struct issued_stats now = {.queued = 0};
    uint64_t queued_before = UINT64_MAX;
    while (now.queued != queued_before) { /* until a line is not taken any more */
        queued_before = now.queued;
        char hex[9];
        (void)snprintf(hex, sizeof(hex), "%08x", ++serial);
        (void)append(&(struct spec){.type = AUDIT_ISSUE_OK,
                                    .serial = hex,
                                    .who = "web",
                                    .dns = {longest, longest, longest}});
        issued_get_stats(fx.issued, &now);
    }
    assert_in_range(serial, 500, 5000);
    (void)append_ok(++serial, "web", NULL);
    (void)sem_post(&hold);
    for (unsigned i = 1; i <= serial; i++) {
        assert_int_equal(look_up(i, NULL), ISSUED_FOUND);
    }
    now = stats();
    assert_int_equal(now.active, serial);
    assert_int_equal(now.catch_ups, 1);
    assert_int_equal(now.queued, 0);
    (void)sem_destroy(&hold);
    (void)sem_destroy(&is_held);
}

/* ---- damaged files ---- */
static void overwrite(const char *path, off_t from, const char *bytes, size_t len)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, from), len);
    (void)close(fd);
}

static void damage_header(void)
{
    overwrite(fx.db_path, 0, "this is not a database", 22);
}

static void damage_page(void)
{
    char garbage[4096];
    memset(garbage, 0xa5, sizeof(garbage));
    struct stat st;
    assert_int_equal(stat(fx.db_path, &st), 0);
    for (off_t at = sizeof(garbage); at < st.st_size; at += (off_t)sizeof(garbage)) {
        overwrite(fx.db_path, at, garbage, sizeof(garbage));
    }
}

static void damage_by_cutting(void)
{
    assert_int_equal(truncate(fx.db_path, 4096 + 100), 0);
}

static void lose_file(void)
{
    assert_int_equal(unlink(fx.db_path), 0);
}

static void empty_file(void)
{
    assert_int_equal(truncate(fx.db_path, 0), 0);
}

static void test_damaged_at_start(void **state)
{
    (void)state;
    static const struct {
        void (*damage)(void);
        bool is_kept;
    } cases[] = {
        {damage_header, true}, {damage_page, true}, {damage_by_cutting, true},
        {lose_file, false},    {empty_file, false},
    };
    for (unsigned i = 1; i <= 50; i++) {
        (void)append_ok(i, "web", i == 7 ? "k7" : NULL);
    }
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        open_index();
        close_index();
        cases[c].damage();
        open_index();
        assert_int_equal(has_damaged_file(), cases[c].is_kept);
        for (unsigned i = 1; i <= 50; i++) {
            assert_int_equal(look_up(i, NULL), ISSUED_FOUND);
        }
        assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k7", NULL), ISSUED_FOUND);
        assert_int_equal(stats().active, 50);
        assert_int_equal(stats().rebuilds, cases[c].is_kept ? 1 : 0);
        close_index();
        char path[128];
        (void)snprintf(path, sizeof(path), "%s.damaged", fx.db_path);
        (void)unlink(path);
    }
}

/* The file goes bad under the running index: the answer is right all the same. */
static void test_damaged_while_running(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    /* More than the page cache holds, so that pages must be read again. */
    const unsigned num = 2500;
    for (unsigned i = 1; i <= num; i++) {
        char hex[9];
        (void)snprintf(hex, sizeof(hex), "%08x", i);
        (void)append(&(struct spec){
            .type = AUDIT_ISSUE_OK, .serial = hex, .who = "web", .dns = {name, name, name}});
    }
    open_index();
    close_index(); /* all of it into the main file */
    open_index();
    damage_page();
    for (unsigned i = 1; i <= num; i += 83) {
        assert_int_equal(look_up(i, NULL), ISSUED_FOUND);
    }
    assert_int_equal(stats().rebuilds, 1);
    assert_int_equal(stats().active, num);
    assert_true(has_damaged_file());
}

/* A database of another log, or from before the log was set back, is not believed. */
static void test_other_log(void **state)
{
    (void)state;
    (void)append_ok(1, "web", NULL);
    (void)append_ok(2, "web", NULL);
    (void)append_ok(3, "web", NULL);
    open_index();
    assert_int_equal(look_up(3, NULL), ISSUED_FOUND);
    close_index();
    close_log();

    open_log("shorter"); /* of the same name, but ends before the database does */
    (void)append_ok(4, "web", NULL);
    open_index();
    assert_int_equal(look_up(3, NULL), ISSUED_NONE);
    assert_int_equal(look_up(4, NULL), ISSUED_FOUND);
    assert_int_equal(stats().rebuilds, 1);
    assert_int_equal(stats().active, 1);
    close_index();
    close_log();

    open_log("longer"); /* goes on past the database, with other records below its mark */
    for (unsigned i = 10; i < 30; i++) {
        (void)append_ok(i, "web", NULL);
    }
    open_index();
    assert_int_equal(look_up(4, NULL), ISSUED_NONE);
    assert_int_equal(look_up(10, NULL), ISSUED_FOUND);
    assert_int_equal(stats().rebuilds, 1);
    assert_int_equal(stats().active, 20);
    assert_false(has_damaged_file());
}

/* The log cannot be read for a while: an error, never a wrong "not there"; then it works again. */
static void test_unreadable_log(void **state)
{
    (void)state;
    open_index();
    (void)append_ok(1, "web", "k");
    assert_int_equal(look_up(1, NULL), ISSUED_FOUND);
    fx.feeding = FEED_NOTHING;
    (void)append_ok(2, "web", NULL);
    fx.feeding = FEED_ONCE;
    char from[128];
    char to[128];
    (void)snprintf(from, sizeof(from), "%s/seg", fx.log_dir);
    (void)snprintf(to, sizeof(to), "%s/away", fx.log_dir);
    const uint64_t seq = append_ok(3, "web", NULL);
    assert_int_equal(look_up(2, NULL), ISSUED_FOUND);
    assert_int_equal(rename(from, to), 0);
    const struct spec spec = {.type = AUDIT_ISSUE_OK, .serial = "00000005", .who = "web"};
    struct buf line = line_of(seq + 2, &spec); /* seq + 1 is missing, and cannot be read */
    issued_feed(fx.issued, seq + 2, buf_slice(&line));
    buf_free(&line);
    assert_int_equal(look_up(1, NULL), ISSUED_ERROR);
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", NULL), ISSUED_ERROR);
    struct cb_err err = {.msg = ""};
    assert_int_equal(issued_doomed(fx.issued, 10, NULL, NULL, &err), CB_ESYS);
    assert_true(stats().is_behind);
    assert_int_equal(rename(to, from), 0);
    (void)append_ok(4, "web", NULL);
    (void)append_ok(5, "web", NULL);
    enum issued_found found = ISSUED_ERROR;
    for (unsigned i = 0; found == ISSUED_ERROR && i < 10000000; i++) {
        found = look_up(5, NULL);
    }
    assert_int_equal(found, ISSUED_FOUND);
    assert_false(stats().is_behind);
    assert_int_equal(stats().active, 5);
    /* The claim that failed was not kept. */
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", NULL), ISSUED_FOUND);
}

/* ---- claims ---- */
static void test_claims(void **state)
{
    (void)state;
    open_index();
    struct issued_cert cert;
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", NULL), ISSUED_NONE);
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", NULL), ISSUED_IN_FLIGHT);
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "mail", "k", NULL), ISSUED_NONE);
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "we", "bk", NULL), ISSUED_NONE);
    (void)append_ok(1, "web", "k");
    assert_int_equal(ask_key(ISSUED_RELEASE, "web", "k", NULL), ISSUED_NONE);
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", &cert), ISSUED_FOUND);
    assert_string_equal(cert.serial_hex, "00000001");
    assert_int_equal(cert.state, CERT_STATE_ACTIVE);
    assert_true(slice_eq_str(cert.ask_sha256, "a1"));
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", NULL), ISSUED_IN_FLIGHT);
    /* The retry: the second certificate takes the place of the first. */
    (void)append(&(struct spec){.type = AUDIT_ISSUE_OK,
                                .serial = "00000002",
                                .who = "web",
                                .idem = "k",
                                .ask = "a1",
                                .supersedes = "00000001",
                                .dns = {"host.example"}});
    (void)ask_key(ISSUED_RELEASE, "web", "k", NULL);
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", &cert), ISSUED_FOUND);
    assert_string_equal(cert.serial_hex, "00000002");
    assert_int_equal(look_up(1, &cert), ISSUED_FOUND);
    assert_int_equal(cert.state, CERT_STATE_DOOMED);
    assert_true(slice_eq_str(cert.revoke_reason, "superseded"));
    /* Releasing what nobody holds does nothing. */
    assert_int_equal(ask_key(ISSUED_RELEASE, "x", "y", NULL), ISSUED_NONE);
    /* A restart ends all claims. */
    close_index();
    open_index();
    assert_int_equal(ask_key(ISSUED_CLAIM_KEY, "web", "k", NULL), ISSUED_FOUND);
}

/* ---- room ---- */
#define NOW_S 1784736000 /* the certificates of these tests are valid for a day from then */

static enum issued_found ask_room(uint32_t max, struct issued_claim **ret)
{
    const struct issued_limit limit = {.principal = SLICE("web"), .rule = SLICE("r"), .max = max};
    struct issued_query q = {.verb = ISSUED_CLAIM_ROOM, .arena = &fx.arena};
    q.room = (struct issued_room){
        .limits = &limit, .num_limits = 1, .owner = SLICE("web"), .now_s = NOW_S};
    issued_wait(fx.issued, &q);
    *ret = q.room.claim;
    return q.found;
}

static void release_room(struct issued_claim *claim)
{
    struct issued_query q = {.verb = ISSUED_RELEASE, .arena = &fx.arena};
    q.room.claim = claim;
    issued_wait(fx.issued, &q);
}

static void append_ruled(unsigned serial)
{
    char hex[9];
    (void)snprintf(hex, sizeof(hex), "%08x", serial);
    (void)append(&(struct spec){.type = AUDIT_ISSUE_OK, .serial = hex, .who = "web", .rule = "r"});
}

static void test_room(void **state)
{
    (void)state;
    struct issued_claim *claim = NULL;
    struct issued_claim *second = NULL;
    open_index();
    assert_int_equal(ask_room(2, &claim), ISSUED_NONE);
    append_ruled(1);
    release_room(claim); /* after its record: it is counted from here on */
    assert_int_equal(ask_room(2, &claim), ISSUED_NONE);
    assert_int_equal(ask_room(2, &second), ISSUED_FULL);
    assert_null(second);
    append_ruled(2);
    /* A restart ends the reservation, and what was issued is still counted. */
    close_index();
    open_index();
    assert_int_equal(ask_room(2, &claim), ISSUED_FULL);
    assert_int_equal(ask_room(3, &claim), ISSUED_NONE);
    release_room(NULL);
}

#define ROOM_THREADS 8
#define ROOM_TRIES 40
#define ROOM_MAX 20

static _Atomic(unsigned) room_serial;

static void *run_issuer(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROOM_TRIES; i++) {
        struct issued_claim *claim = NULL;
        if (ask_room(ROOM_MAX, &claim) == ISSUED_NONE) {
            /* Every third request fails. */
            const unsigned serial = atomic_fetch_add(&room_serial, 1U);
            if (serial % 3 != 0) {
                append_ruled(serial);
            }
            release_room(claim);
        }
    }
    return NULL;
}

static void test_room_is_never_exceeded(void **state)
{
    (void)state;
    pthread_t threads[ROOM_THREADS];
    open_index();
    atomic_store(&room_serial, 1U);
    for (size_t i = 0; i < ROOM_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_issuer, NULL), 0);
    }
    for (size_t i = 0; i < ROOM_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(stats().active, ROOM_MAX);
}

/* A file of an earlier version is made anew from the log. */
static void test_earlier_version(void **state)
{
    (void)state;
    open_index();
    (void)append_ok(1, "web", NULL);
    close_index();
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fx.db_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=1", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    open_index();
    assert_int_equal(look_up(1, NULL), ISSUED_FOUND);
    assert_int_equal(stats().rebuilds, 1);
    assert_false(has_damaged_file());
}

static void collect(void *ctx, const struct issued_cert *cert)
{
    struct buf *out = ctx;
    buf_printf(out, "%s/%.*s ", cert->serial_hex, (int)cert->revoke_reason.len,
               cert->revoke_reason.ptr);
}

static void test_doomed(void **state)
{
    (void)state;
    (void)append_ok(1, "web", NULL);
    (void)append_ok(2, "web", NULL);
    (void)append(
        &(struct spec){.type = AUDIT_ISSUE_UNDELIVERED, .serial = "00000002", .who = "web"});
    (void)append(&(struct spec){.type = AUDIT_ISSUE_FAIL, .serial = "00000009", .who = "web"});
    open_index();
    struct buf out;
    struct cb_err err = {.msg = ""};
    buf_init(&out, 1000);
    assert_int_equal(issued_doomed(fx.issued, 10, collect, &out, &err), CB_OK);
    assert_string_equal(out.data, "00000002/superseded 00000009/superseded ");
    (void)append(&(struct spec){.type = AUDIT_REVOKE_OK,
                                .serial = "00000002",
                                .who = "certbroker",
                                .reason = "superseded"});
    buf_reset(&out);
    assert_int_equal(issued_doomed(fx.issued, 10, collect, &out, &err), CB_OK);
    assert_string_equal(out.data, "00000009/superseded ");
    const struct issued_stats now = stats();
    assert_int_equal(now.active, 1);
    assert_int_equal(now.revoked, 1);
    assert_int_equal(now.doomed, 1);
    buf_free(&out);
}

/* ---- many at once ---- */
#define THREADS 4U
#define PER_THREAD 150U

static void *issue_and_ask(void *arg)
{
    const unsigned base = *(const unsigned *)arg;
    size_t failures = 0;
    for (unsigned i = 0; i < PER_THREAD; i++) {
        char hex[9];
        (void)snprintf(hex, sizeof(hex), "%08x", base + i);
        const struct spec spec = {.type = AUDIT_ISSUE_OK, .serial = hex, .who = "web"};
        struct buf body = body_of(&spec);
        struct cb_err err;
        uint64_t seq = 0;
        failures += audit_append_wait(fx.audit, spec.type, buf_slice(&body), &seq, &err) != CB_OK;
        buf_free(&body);
        struct arena arena;
        arena_init(&arena, 16U << 10);
        struct issued_query q = {.verb = ISSUED_BY_SERIAL, .key = slice_of(hex), .arena = &arena};
        issued_wait(fx.issued, &q);
        failures += q.found != ISSUED_FOUND || q.cert.ref != seq;
        struct issued_stats now;
        issued_get_stats(fx.issued, &now);
        arena_free(&arena);
    }
    return failures == 0 ? NULL : arg;
}

static void test_threads(void **state)
{
    (void)state;
    open_index();
    pthread_t threads[THREADS];
    unsigned bases[THREADS];
    for (unsigned t = 0; t < THREADS; t++) {
        bases[t] = (t + 1) << 16;
        assert_int_equal(pthread_create(&threads[t], NULL, issue_and_ask, &bases[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[t], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(stats().active, THREADS * PER_THREAD);
    assert_int_equal(stats().catch_ups, 0);
}

/* Killed at an arbitrary moment: the next start finds every certificate that was acknowledged. */
static void test_killed(void **state)
{
    (void)state;
    close_log();
    unsigned serial = 0;
    for (unsigned round = 0; round < 4; round++) {
        const unsigned more = 1 + 40 * round;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            open_log("log");
            open_index();
            for (unsigned i = 1; i <= more; i++) {
                (void)append_ok(serial + i, "web", NULL);
                (void)(i % 7 == 0 && look_up(serial + i, NULL) == ISSUED_FOUND);
            }
            (void)raise(SIGKILL);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        serial += more;
        open_log("log");
        open_index();
        for (unsigned i = 1; i <= serial; i++) {
            assert_int_equal(look_up(i, NULL), ISSUED_FOUND);
        }
        assert_int_equal(stats().active, serial);
        assert_int_equal(stats().rebuilds, 0);
        close_index();
        close_log();
    }
}

static void test_no_log(void **state)
{
    (void)state;
    struct cb_err err = {.msg = ""};
    struct issued *issued = NULL;
    char nowhere[128];
    (void)snprintf(nowhere, sizeof(nowhere), "%s/nowhere", fx.dir);
    assert_int_equal(issued_open(fx.db_path, nowhere, &issued, &err), CB_ESYS);
    assert_int_equal(issued_open(nowhere, fx.log_dir, &issued, &err), CB_OK);
    issued_close(issued);
    (void)snprintf(nowhere, sizeof(nowhere), "%s/no/such/dir", fx.dir);
    assert_int_equal(issued_open(nowhere, fx.log_dir, &issued, &err), CB_ESYS);
    issued_close(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_own_writes),
        TEST(test_catch_up_at_start),
        TEST(test_close_keeps),
        TEST(test_gap),
        TEST(test_fed_twice),
        TEST(test_full_queue),
        TEST(test_damaged_at_start),
        TEST(test_damaged_while_running),
        TEST(test_other_log),
        TEST(test_unreadable_log),
        TEST(test_claims),
        TEST(test_doomed),
        TEST(test_room),
        TEST(test_room_is_never_exceeded),
        TEST(test_earlier_version),
        TEST(test_threads),
        TEST(test_no_log),
        TEST(test_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
