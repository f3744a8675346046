/* test_unsigned.c - what stands behind the newest checkpoint when a log is opened: a crash's records are
 * signed for and named, everything that no crash leaves there is refused until a person gives it up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"
#include "tests/unit/audit/seal_helpers.h"

#include "audit/keep/prune.h"
#include "audit/seal/rotation.h"

static struct note_signer *key;
static const struct audit_accept accept_it = {.by = "a test", .note = "SEC-9"};

static int set_up(void **state)
{
    (void)state;
    key = new_key(ORIGIN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    note_signer_free(key);
    return 0;
}

/* The state directory's checkpoints, to be put back: then what came since is not signed for. */
struct kept {
    struct buf newest, history;
};

static void keep(const char *dir, struct kept *ret)
{
    read_file(in_dir(dir, "state/checkpoint"), &ret->newest);
    read_file(in_dir(dir, "state/checkpoints.log"), &ret->history);
}

static void put_back(const char *dir, struct kept *kept)
{
    write_file(in_dir(dir, "state/checkpoint"), buf_slice(&kept->newest));
    write_file(in_dir(dir, "state/checkpoints.log"), buf_slice(&kept->history));
    buf_free(&kept->newest);
    buf_free(&kept->history);
}

/* cut_close - the newest segment as a kill leaves it. */
static void cut_close(const char *path)
{
    struct buf bytes;
    read_file(path, &bytes);
    char *end = strstr(bytes.data, ",\"type\":\"segment.close\"");
    assert_non_null(end);
    while (end[-1] != '\n') {
        end--;
    }
    write_file(path, (struct slice){bytes.data, (size_t)(end - bytes.data)});
    buf_free(&bytes);
}

/* append_body - one record of ours or of anybody, as it would be framed, behind the others. */
static void append_line(const char *path, uint64_t seq, const char *body)
{
    struct buf line;
    buf_init(&line, AUDIT_LINE_MAX);
    line_frame(&line, seq, seq, clock_wall_us(&cb_system_clock), slice_of(body));
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    assert_int_equal(fwrite(line.data, 1, line.len, f), line.len);
    assert_int_equal(fclose(f), 0);
    buf_free(&line);
}

static void assert_refused(const char *dir, const char *why)
{
    struct cb_err err;
    const uint64_t before = newest_seal(dir).size;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_ECORRUPT);
        if (strstr(err.msg, why) == NULL) {
            fail_msg("%s", err.msg);
        }
    }
    assert_int_equal(newest_seal(dir).size, before);
}

/* assert_given_up - a person may, and then the log goes on behind what is signed. */
static void assert_given_up(const char *dir, uint64_t first, uint64_t last)
{
    struct audit_options options = signed_options(dir, NULL, key);
    struct audit_recovery r;
    char range[128];
    options.accept_loss = &accept_it;
    struct audit *a = open_with(&options, &r);
    assert_true(r.lost);
    assert_int_equal(r.lost_first, first);
    assert_int_equal(r.lost_last, last);
    assert_int_equal(r.next_seq, first);
    assert_int_equal(r.num_unsigned, 0);
    audit_recovery_free(&r);
    audit_close(a);
    (void)snprintf(range, sizeof(range), "\"first_seq\":%llu,\"last_seq\":%llu,",
                   (unsigned long long)first, (unsigned long long)last);
    assert_int_equal(count_lines(dir, "\"type\":\"audit.loss\",\"reason\":\"unsigned\""), 1);
    assert_int_equal(count_lines(dir, range), 1);
    assert_int_equal(count_lines(dir, "audit.unsigned"), 0);
    const struct checkpoint c = newest_seal(dir);
    assert_sealed(dir, &c);
    struct cb_err err;
    assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_OK);
}

/* In a crash's wake: kept, signed for, and said in one batch with the segment.open. */
static void test_a_crash_is_said(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct kept kept;
    struct audit *a = open_signed(dir, NULL, key);
    (void)append_ok(a, "signed");
    assert_true(audit_seal_wait(a));
    keep(dir, &kept);
    (void)append_ok(a, "one");
    (void)append_ok(a, "two");
    audit_close(a);
    put_back(dir, &kept);
    cut_close(segment_path(dir, 2));
    struct audit_options options = signed_options(dir, NULL, key);
    struct audit_recovery r;
    a = open_with(&options, &r);
    assert_int_equal(r.unsigned_first, 4);
    assert_int_equal(r.num_unsigned, 2);
    audit_recovery_free(&r);
    audit_close(a);
    assert_int_equal(count_lines(dir, "\"seq\":7,\"d\":6,"), 1);
    assert_int_equal(count_lines(dir, "\"type\":\"audit.unsigned\",\"first_seq\":4,\"last_seq\":5,"
                                      "\"tree_size\":4,\"root\":\""),
                     1);
    /* Not again, when all is signed for. */
    a = open_signed(dir, NULL, key);
    audit_close(a);
    assert_int_equal(count_lines(dir, "audit.unsigned"), 1);
    remove_dir(dir);
}

/* A proper end, and behind it a whole run that nobody signed for. */
static void test_nothing_follows_a_proper_end(void **state)
{
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        char *dir = new_signed_log(key);
        struct kept kept;
        struct audit *a = open_signed(dir, NULL, key);
        (void)append_ok(a, "signed");
        audit_close(a);
        keep(dir, &kept);
        const uint64_t size = newest_seal(dir).size;
        a = open_signed(dir, NULL, key);
        (void)append_ok(a, "forged");
        audit_close(a);
        put_back(dir, &kept);
        if (closed == 0) {
            cut_close(segment_path(dir, 3));
        }
        assert_refused(dir, "nothing may follow such an end");
        assert_given_up(dir, size, size + 1 + (uint64_t)closed);
        assert_int_equal(count_lines(dir, "forged"), 0);
        assert_int_equal(count_lines(dir, "\"detail\":\"signed\""), 1);
        remove_dir(dir);
    }
}

/* Runs that were killed before they had signed for their first record leave only that. */
static void test_killed_while_opening(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct kept kept;
    audit_close(open_signed(dir, NULL, key));
    for (int i = 0; i < 3; i++) {
        keep(dir, &kept);
        audit_close(open_signed(dir, NULL, key));
        cut_close(segment_path(dir, (uint64_t)i + 3));
        put_back(dir, &kept);
    }
    struct cb_err err;
    assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_OK);
    assert_int_equal(count_lines(dir, "\"type\":\"audit.unsigned\""), 3);
    remove_dir(dir);
}

/* Before anybody's record is taken the run's own first one is signed for. */
static void test_opening_is_signed(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    for (int i = 0; i < 3; i++) {
        struct audit_options options = signed_options(dir, NULL, key);
        struct audit_recovery r;
        struct audit *a = open_with(&options, &r);
        assert_int_equal(newest_seal(dir).size, r.next_seq + 1);
        audit_recovery_free(&r);
        audit_close(a);
    }
    remove_dir(dir);
}

/* with_tail - killed with a record that is not signed for, and these behind it; the number of the first. */
static char *with_tail(const char *const *bodies, size_t num)
{
    char *dir = new_signed_log(key);
    struct kept kept;
    struct audit *a = open_signed(dir, NULL, key);
    (void)append_ok(a, "signed");
    assert_true(audit_seal_wait(a));
    keep(dir, &kept);
    (void)append_ok(a, "not signed");
    audit_close(a);
    put_back(dir, &kept);
    cut_close(segment_path(dir, 2));
    for (size_t i = 0; i < num; i++) {
        append_line(segment_path(dir, 2), 5 + i, bodies[i]);
    }
    return dir;
}

#define BEAT "\"type\":\"log.heartbeat\",\"idle_us\":60000000"
#define FAULT(reason)                                                                              \
    "\"type\":\"audit.fault\",\"reason\":\"" reason "\",\"detail\":\"x\",\"errno\":0,\"segment\":" \
    "2,\"next_seq\":4"
#define LOSS "\"type\":\"audit.loss\",\"reason\":\"damaged\",\"first_seq\":5,\"last_seq\":6"
#define PRUNE                                                                                      \
    "\"type\":\"segment.prune\",\"by\":\"x\",\"note\":\"x\",\"first_seq\":0,\"last_seq\":1,"       \
    "\"first_segment\":1,\"last_segment\":1,\"tree_size\":2,\"root\":"                             \
    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""

static void test_tails(void **state)
{
    (void)state;
    static const struct {
        const char *bodies[3];
        size_t num;
        const char *why; /* NULL: it opens */
    } cases[] = {
        {{BEAT}, 1, NULL},
        {{FAULT("write"), BEAT}, 2, NULL},
        {{FAULT("reread")}, 1, "record 5 (audit.fault)"},
        {{BEAT, FAULT("reread"), BEAT}, 3, "record 6 (audit.fault)"},
        {{LOSS, FAULT("reread")}, 2, "record 6 (audit.fault)"},
        {{FAULT("reread"), LOSS}, 2, NULL},
        {{PRUNE}, 1, "record 5 (segment.prune)"},
        {{BEAT, PRUNE, BEAT}, 3, "record 6 (segment.prune)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *dir = with_tail(cases[i].bodies, cases[i].num);
        struct cb_err err;
        if (cases[i].why == NULL) {
            if (open_signed_code(dir, NULL, key, &err) != CB_OK) {
                fail_msg("%zu: %s", i, err.msg);
            }
        } else {
            assert_refused(dir, cases[i].why);
            assert_given_up(dir, 4, 4 + cases[i].num);
        }
        remove_dir(dir);
    }
}

/* rotate_body - a key.rotate whose statement is about this tree. */
static void rotate_body(const struct checkpoint *tree, const struct note_signer *next,
                        struct buf *out)
{
    struct audit_event e;
    struct buf note;
    struct cb_err err;
    buf_init(&note, ROTATION_NOTE_MAX);
    assert_int_equal(rotation_sign(key, next, tree, &note, &err), CB_OK);
    audit_event_zero(&e, AUDIT_KEY_ROTATE);
    e.statement = buf_slice(&note);
    buf_init(out, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, out));
    buf_free(&note);
}

/* A rotation that a crash cut short is finished if it was about this log at this time, and no other. */
static void test_a_statement_from_elsewhere(void **state)
{
    (void)state;
    struct note_signer *next = new_key(ORIGIN);
    for (int i = 0; i < 3; i++) {
        char *dir = with_tail(NULL, 0);
        struct checkpoint tree = newest_seal(dir);
        struct buf body;
        struct cb_err err;
        tree.size -= i == 1 ? 1 : 0;
        tree.root[0] ^= i == 2 ? 1 : 0;
        rotate_body(&tree, next, &body);
        append_line(segment_path(dir, 2), 5, body.data);
        if (i == 0) {
            assert_int_equal(open_signed_code(dir, NULL, key, &err), CB_EINPUT);
            assert_int_equal(open_signed_code(dir, NULL, next, &err), CB_OK);
        } else {
            assert_int_equal(open_signed_code(dir, NULL, next, &err), CB_ECORRUPT);
            assert_non_null(strstr(err.msg, "by a statement about another tree"));
            assert_refused(dir, "by a statement about another tree");
        }
        buf_free(&body);
        remove_dir(dir);
    }
    note_signer_free(next);
}

/* A segment.prune is signed for at once: until then it prunes nothing. */
static void test_a_prune_is_signed_at_once(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct audit *a = open_signed(dir, NULL, key);
    struct cb_err err;
    uint64_t seq = 0;
    assert_int_equal(audit_append_wait(a, AUDIT_SEGMENT_PRUNE, SLICE(PRUNE), &seq, &err), CB_OK);
    assert_int_equal(prune_wait_signed(dir, NULL, seq, &err), CB_OK);
    assert_true(newest_seal(dir).size > seq);
    audit_close(a);
    remove_dir(dir);
    dir = new_log();
    assert_int_equal(prune_wait_signed(dir, NULL, 1000, &err), CB_OK); /* nobody signs there */
    remove_dir(dir);
}

/* Fewer records than somebody has seen: refused before a byte is written. */
static void test_fewer_than_known(void **state)
{
    (void)state;
    char *dir = new_signed_log(key);
    struct audit_options options = signed_options(dir, NULL, key);
    struct audit_recovery r;
    struct audit *a = NULL;
    struct cb_err err;
    options.known_size = 3;
    options.known_to = "/var/lib/index";
    assert_int_equal(audit_open(&options, &a, &r, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "holds 2 records, but /var/lib/index was made from 3:"));
    assert_int_equal(access(segment_path(dir, 2), F_OK), -1);
    options.known_size = 2;
    assert_int_equal(audit_open(&options, &a, &r, &err), CB_OK);
    audit_recovery_free(&r);
    audit_close(a);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_is_said),
        cmocka_unit_test(test_nothing_follows_a_proper_end),
        cmocka_unit_test(test_killed_while_opening),
        cmocka_unit_test(test_opening_is_signed),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_a_statement_from_elsewhere),
        cmocka_unit_test(test_a_prune_is_signed_at_once),
        cmocka_unit_test(test_fewer_than_known),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
