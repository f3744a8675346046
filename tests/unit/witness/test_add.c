/* test_add.c - one submission after the other: every status, and that a witness never signs two
 * histories of one log. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/witness/helpers.h"

/* ---------------------------------------------------------------- what is fine */

static void check_cosigned(struct world *world, const struct witness_answer *a, uint64_t size)
{
    struct buf note;
    struct note parsed;
    struct cb_err err;
    uint64_t time_s = 0;
    assert_int_equal(a->status, 200);
    make_note(world, ORIGIN, size, world->log, &note);
    buf_add_slice(&note, buf_slice(&a->body)); /* as C2SP says a client may check it */
    assert_int_equal(note_parse(buf_slice(&note), &parsed, &err), CB_OK);
    assert_int_equal(note_verify(&parsed, note_signer_key(world->w.signer), &time_s), NOTE_GOOD);
    assert_int_equal(time_s, NOW_S);
    buf_free(&note);
}

static void test_a_log_that_grows(void **state)
{
    static const uint64_t sizes[] = {1, 2, 3, 8, 8, 9, 64, 100, 257};
    struct world world;
    struct witness_answer a;
    struct buf body;
    uint64_t old = 0;
    (void)state;
    world_start(&world, &audit_system_io);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        make_body(&world, old, sizes[i], &body);
        assert_int_equal(post(&world, buf_slice(&body), &a), 200);
        check_cosigned(&world, &a, sizes[i]);
        assert_int_equal(seen(&world), sizes[i]);
        old = sizes[i];
        buf_free(&a.body);
        buf_free(&body);
    }
    world_stop(&world);
}

static void test_an_empty_log(void **state)
{
    struct world world;
    (void)state;
    world_start(&world, &audit_system_io);
    assert_int_equal(show(&world, 0, 0), 200);
    assert_int_equal(show(&world, 0, 0), 200);
    assert_int_equal(show(&world, 0, 5), 200);
    assert_int_equal(show(&world, 0, 0), 409);
    world_stop(&world);
}

/* ---------------------------------------------------------------- what is not */

static void test_malformed(void **state)
{
    static const struct {
        const char *body;
        const char *message;
    } cases[] = {
        {"", "line 1"},
        {"old\n\nx\n", "line 1"},
        {"old 01\n\nx\n", "line 1"},
        {"old -1\n\nx\n", "line 1"},
        {"old 18446744073709551616\n\nx\n", "line 1"},
        {"old 1 \n\nx\n", "line 1"},
        {"old 1\r\n\r\nx\n", "line 1"},
        {"old 1\nx\n\nx\n", "line 2"},
        {"old 1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n\nx\n", "line 2"}, /* spare bits */
        {"old 1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n\nx\n", "line 2"},
        {"old 1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "line 2: it ends"},
        {"old 1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "line 3: it ends"},
        {"old 0\n\n", "checkpoint is missing"},
        {"old 0\n\nno note\n", "the checkpoint is not one"},
        {"old 0\n\na\nb\nc\n\n\xe2\x80\x94 a AAAAAAAA\n", "the checkpoint is not one"},
    };
    struct world world;
    (void)state;
    world_start(&world, &audit_system_io);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct witness_answer a;
        assert_int_equal(post(&world, slice_of(cases[i].body), &a), 400);
        if (strstr(a.body.data, cases[i].message) == NULL) {
            fail_msg("%zu: %s", i, a.body.data);
        }
        assert_string_equal(a.content_type, "text/plain; charset=utf-8");
        buf_free(&a.body);
    }
    world_stop(&world);
}

static void test_at_most_63_lines_of_proof(void **state)
{
    struct add_checkpoint add = {.note = SLICE("x\n")};
    struct add_checkpoint back;
    struct cb_err err;
    struct buf body;
    (void)state;
    add.proof.num = PROOF_HASHES_MAX;
    buf_init(&body, ADD_CHECKPOINT_MAX);
    add_checkpoint_text(&add, &body);
    assert_int_equal(add_checkpoint_parse(buf_slice(&body), &back, &err), CB_OK);
    assert_int_equal(back.proof.num, 63);
    buf_reset(&body);
    buf_add_str(&body, "old 5\n");
    for (unsigned i = 0; i < 64; i++) {
        buf_add_str(&body, "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
    }
    buf_add_str(&body, "\nx\n");
    assert_int_equal(add_checkpoint_parse(buf_slice(&body), &back, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "line 65"));
    buf_free(&body);
}

static int post_note_of(struct world *world, const char *origin, const struct note_signer *signer)
{
    struct witness_answer a;
    struct add_checkpoint add = {.old = 0};
    struct buf note;
    struct buf body;
    make_note(world, origin, 3, signer, &note);
    add.note = buf_slice(&note);
    buf_init(&body, ADD_CHECKPOINT_MAX);
    add_checkpoint_text(&add, &body);
    const int status = post(world, buf_slice(&body), &a);
    buf_free(&a.body);
    buf_free(&body);
    buf_free(&note);
    return status;
}

static void test_unknown_logs_and_keys(void **state)
{
    struct world world;
    struct note_signer *other = NULL;
    struct note_signer *stranger = NULL;
    struct cb_err err;
    (void)state;
    world_start(&world, &audit_system_io);
    assert_int_equal(note_signer_new(SLICE("test/other"), NOTE_LOG, &other, &err), CB_OK);
    assert_int_equal(note_signer_new(slice_of(ORIGIN), NOTE_LOG, &stranger, &err), CB_OK);
    assert_int_equal(post_note_of(&world, "test/other", other), 404);
    assert_int_equal(post_note_of(&world, ORIGIN, other), 403);
    assert_int_equal(post_note_of(&world, ORIGIN, stranger), 403);
    assert_int_equal(seen(&world), 0);
    note_signer_free(other);
    note_signer_free(stranger);
    world_stop(&world);
}

static void test_old_sizes(void **state)
{
    struct world world;
    struct witness_answer a;
    struct buf body;
    (void)state;
    world_start(&world, &audit_system_io);
    assert_int_equal(show(&world, 0, 10), 200);
    assert_int_equal(show(&world, 11, 10), 400);
    assert_int_equal(show(&world, 9, 12), 409);
    make_body(&world, 0, 12, &body);
    assert_int_equal(post(&world, buf_slice(&body), &a), 409);
    assert_string_equal(a.content_type, "text/x.tlog.size");
    assert_string_equal(a.body.data, "10\n");
    assert_false(a.is_alarm);
    buf_free(&a.body);
    buf_free(&body);
    assert_int_equal(show(&world, 10, 12), 200);
    world_stop(&world);
}

static void test_bad_proofs(void **state)
{
    struct world world;
    struct witness_answer a;
    struct buf body;
    (void)state;
    world_start(&world, &audit_system_io);
    /* a proof where there is nothing to prove */
    make_body(&world, 3, 9, &body);
    body.data[4] = '0';
    assert_int_equal(post(&world, buf_slice(&body), &a), 422);
    assert_false(a.is_alarm);
    assert_true(a.is_warning);
    buf_free(&a.body);
    buf_free(&body);
    assert_int_equal(show(&world, 0, 7), 200);
    /* another history from record 5 on, with the best proof its key's holder can make */
    world.tree.fork_at = 5;
    make_body(&world, 7, 20, &body);
    assert_int_equal(post(&world, buf_slice(&body), &a), 422);
    assert_true(a.is_alarm);
    assert_non_null(strstr(a.message, ORIGIN));
    buf_free(&a.body);
    /* the same again is evidence once */
    assert_int_equal(post(&world, buf_slice(&body), &a), 422);
    buf_free(&a.body);
    buf_free(&body);
    assert_int_equal(num_evidence(&world), 1);
    /* of the same size */
    make_body(&world, 7, 7, &body);
    assert_int_equal(post(&world, buf_slice(&body), &a), 409);
    assert_string_equal(a.body.data, "7\n");
    assert_true(a.is_alarm);
    buf_free(&a.body);
    buf_free(&body);
    assert_int_equal(num_evidence(&world), 2);
    /* the true one goes on */
    world.tree.fork_at = UINT64_MAX;
    assert_int_equal(seen(&world), 7);
    assert_int_equal(show(&world, 7, 20), 200);
    world_stop(&world);
}

/* Whoever has a genuine checkpoint that was not shown yet, and no key, can put any proof to it. */
static void test_a_bad_proof_alone_is_no_contradiction(void **state)
{
    static const uint64_t olds[] = {
        7, 8}; /* whose proofs carry the root of the old tree, and do not */
    struct world world;
    struct witness_answer a;
    struct buf body;
    (void)state;
    world_start(&world, &audit_system_io);
    for (size_t i = 0; i < sizeof(olds) / sizeof(olds[0]); i++) {
        assert_int_equal(show(&world, i == 0 ? 0 : olds[i - 1], olds[i]), 200);
        make_body(&world, olds[i], 20, &body);
        for (size_t at = 7; body.data[at] != '\n' || body.data[at + 1] != '\n'; at++) {
            if (body.data[at - 1] == '\n') {
                body.data[at] = body.data[at] == 'A' ? 'B' : 'A'; /* in this line of the proof */
                assert_int_equal(post(&world, buf_slice(&body), &a), 422);
                assert_false(a.is_alarm);
                buf_free(&a.body);
            }
        }
        buf_free(&body);
    }
    assert_int_equal(num_evidence(&world), 0);
    assert_int_equal(show(&world, 8, 20), 200);
    world_stop(&world);
}

static void test_evidence_is_bounded(void **state)
{
    struct world world;
    struct witness_answer a;
    struct buf body;
    struct cb_err err;
    char fork[16];
    (void)state;
    world_start(&world, &audit_system_io);
    assert_int_equal(show(&world, 0, 7), 200);
    world.tree.fork_at = 5;
    world.tree.fork = fork;
    for (unsigned i = 0; i < WITNESS_EVIDENCE_MAX + 3; i++) {
        (void)snprintf(fork, sizeof(fork), "x%u-", i);
        make_body(&world, 7, 7, &body);
        assert_int_equal(post(&world, buf_slice(&body), &a), 409);
        assert_true(a.is_alarm); /* said as often as it happens */
        buf_free(&a.body);
        buf_free(&body);
        /* a reload does not forget how many there are */
        assert_int_equal(witness_set_logs(&world.w, &world.known, 1, &err), CB_OK);
    }
    assert_int_equal(num_evidence(&world), WITNESS_EVIDENCE_MAX);
    world_stop(&world);
}

/* ---------------------------------------------------------------- keys, logs, restarts */

static void test_a_rotated_key(void **state)
{
    struct world world;
    struct note_signer *fresh = NULL;
    struct note_signer *old = NULL;
    struct cb_err err;
    (void)state;
    world_start(&world, &audit_system_io);
    assert_int_equal(show(&world, 0, 3), 200);
    assert_int_equal(note_signer_new(slice_of(ORIGIN), NOTE_LOG, &fresh, &err), CB_OK);
    old = world.log;
    world.log = fresh;
    assert_int_equal(show(&world, 3, 6), 403);
    world.known.keys[1] = *note_signer_key(fresh);
    world.known.num_keys = 2;
    assert_int_equal(witness_set_logs(&world.w, &world.known, 1, &err), CB_OK);
    assert_int_equal(show(&world, 3, 6), 200);
    note_signer_free(old);
    world_stop(&world);
}

static void reopen(struct world *world)
{
    struct cb_err err;
    witness_close(&world->w);
    assert_int_equal(witness_open(&audit_system_io, world->dir, &world->w, &err), CB_OK);
    assert_int_equal(witness_set_logs(&world->w, &world->known, 1, &err), CB_OK);
}

/* The first checkpoint under a new key is signed by both; from then on the old one counts for nothing,
 * though it is listed, and though the witness was started anew. */
static void test_a_retired_key(void **state)
{
    struct world world;
    struct witness_answer a;
    struct note_signer *keys[2];
    struct buf body;
    struct cb_err err;
    (void)state;
    world_start(&world, &audit_system_io);
    keys[0] = world.log;
    assert_int_equal(note_signer_new(slice_of(ORIGIN), NOTE_LOG, &keys[1], &err), CB_OK);
    world.known.keys[1] = *note_signer_key(keys[1]);
    world.known.num_keys = 2;
    assert_int_equal(witness_set_logs(&world.w, &world.known, 1, &err), CB_OK);
    assert_int_equal(show(&world, 0, 3), 200); /* not retired yet */
    make_body(&world, 3, 6, &body);
    struct checkpoint c = {.size = 6, .origin = ORIGIN};
    struct buf text;
    buf_init(&text, NOTE_BYTES_MAX);
    root_of(&world.tree, 6, c.root);
    checkpoint_text(&c, &text);
    assert_int_equal(note_sign(buf_slice(&text), keys[1], 0, &body, &err), CB_OK);
    buf_free(&text);
    assert_int_equal(post(&world, buf_slice(&body), &a), 200);
    buf_free(&a.body);
    buf_free(&body);
    for (unsigned i = 0; i < 2; i++) {
        make_body(&world, 6, 9, &body);
        assert_int_equal(post(&world, buf_slice(&body), &a), 403);
        assert_non_null(strstr(a.body.data, "signed by a retired key of " ORIGIN));
        buf_free(&a.body);
        buf_free(&body);
        assert_int_equal(seen(&world), 6);
        reopen(&world);
    }
    world.log = keys[1];
    assert_int_equal(show(&world, 6, 9), 200);
    /* the list without it goes on as before */
    world.known.keys[0] = world.known.keys[1];
    world.known.num_keys = 1;
    reopen(&world);
    assert_int_equal(show(&world, 9, 12), 200);
    note_signer_free(keys[0]);
    world_stop(&world);
}

static void test_logs_are_kept_apart(void **state)
{
    struct world world;
    struct witness_log logs[2];
    struct note_signer *other = NULL;
    struct cb_err err;
    (void)state;
    world_start(&world, &audit_system_io);
    assert_int_equal(note_signer_new(SLICE("test/other"), NOTE_LOG, &other, &err), CB_OK);
    logs[0] = world.known;
    memset(&logs[1], 0, sizeof(logs[1]));
    (void)snprintf(logs[1].origin, sizeof(logs[1].origin), "test/other");
    logs[1].keys[0] = *note_signer_key(other);
    logs[1].num_keys = 1;
    assert_int_equal(witness_set_logs(&world.w, logs, 2, &err), CB_OK);
    assert_int_equal(show(&world, 0, 9), 200);
    assert_int_equal(world.w.logs[1].is_seen, false);
    assert_int_equal(post_note_of(&world, "test/other", other), 200);
    assert_int_equal(seen(&world), 9);
    assert_int_equal(world.w.logs[1].latest.size, 3);
    note_signer_free(other);
    world_stop(&world);
}

static void test_it_remembers(void **state)
{
    struct world world;
    struct witness_answer a;
    char path[WITNESS_LOG_PATH_MAX];
    struct cb_err err;
    struct witness second;
    struct note note;
    uint64_t time_s = 0;
    (void)state;
    world_start(&world, &audit_system_io);
    witness_log_path(slice_of(ORIGIN), path);
    witness_get(&world.w, slice_of(path), &a);
    assert_int_equal(a.status, 404);
    buf_free(&a.body);
    assert_int_equal(show(&world, 0, 9), 200);
    assert_int_equal(witness_open(&audit_system_io, world.dir, &second, &err), CB_EBUSY);
    reopen(&world);
    assert_int_equal(seen(&world), 9);
    assert_int_equal(show(&world, 0, 12), 409);
    witness_get(&world.w, slice_of(path), &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(note_parse(buf_slice(&a.body), &note, &err), CB_OK);
    assert_int_equal(note_verify(&note, &world.known.keys[0], &time_s), NOTE_GOOD);
    assert_int_equal(note_verify(&note, note_signer_key(world.w.signer), &time_s), NOTE_GOOD);
    assert_int_equal(time_s, NOW_S);
    buf_free(&a.body);
    witness_get(&world.w, SLICE("/"), &a);
    assert_int_equal(a.status, 404);
    buf_free(&a.body);
    world_stop(&world);
}

static void test_a_changed_state_is_refused(void **state)
{
    struct world world;
    struct cb_err err;
    struct buf bytes;
    char path[STORE_DIR_MAX * 2];
    (void)state;
    world_start(&world, &audit_system_io);
    assert_int_equal(show(&world, 0, 9), 200);
    assert_int_equal(store_read(&world.w.store, world.w.logs[0].id, &bytes, &err), CB_OK);
    bytes.data[strlen(ORIGIN) + 1] = '8'; /* the size */
    assert_int_equal(store_replace(&world.w.store, world.w.logs[0].id, buf_slice(&bytes), &err),
                     CB_OK);
    assert_int_equal(witness_set_logs(&world.w, &world.known, 1, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, world.w.logs[0].id));
    assert_int_equal(seen(&world), 9); /* what is running stays as it was */
    (void)snprintf(path, sizeof(path), "%s/%s.note", world.w.store.dir, world.w.logs[0].id);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(witness_set_logs(&world.w, &world.known, 1, &err), CB_ECORRUPT);
    buf_free(&bytes);
    world_stop(&world);
}

/* ---------------------------------------------------------------- a disk that fails */

static int fsyncs_left;
static int failing_fsync(void *ctx, int fd)
{
    if (fsyncs_left == 0) {
        errno = EIO;
        return -1;
    }
    fsyncs_left--;
    return audit_system_io.fsync(ctx, fd);
}

/* Whatever step of keeping it fails, nothing is cosigned, and the log can go on later. */
static void test_nothing_is_cosigned_that_is_not_kept(void **state)
{
    struct audit_io io = audit_system_io;
    struct world world;
    struct witness_answer a;
    struct buf body;
    (void)state;
    io.fsync = failing_fsync;
    for (int steps = 0; steps < 2; steps++) {
        fsyncs_left = 1000;
        world_start(&world, &io);
        assert_int_equal(show(&world, 0, 4), 200);
        fsyncs_left = steps;
        make_body(&world, 4, 8, &body);
        assert_int_equal(post(&world, buf_slice(&body), &a), 500);
        assert_true(a.is_alarm);
        assert_null(strstr(a.body.data, NAME));
        assert_int_equal(seen(&world), 4);
        buf_free(&a.body);
        fsyncs_left = 1000;
        assert_int_equal(post(&world, buf_slice(&body), &a), 200);
        buf_free(&a.body);
        buf_free(&body);
        world_stop(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_that_grows),
        cmocka_unit_test(test_an_empty_log),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_at_most_63_lines_of_proof),
        cmocka_unit_test(test_unknown_logs_and_keys),
        cmocka_unit_test(test_old_sizes),
        cmocka_unit_test(test_bad_proofs),
        cmocka_unit_test(test_a_bad_proof_alone_is_no_contradiction),
        cmocka_unit_test(test_evidence_is_bounded),
        cmocka_unit_test(test_a_rotated_key),
        cmocka_unit_test(test_a_retired_key),
        cmocka_unit_test(test_logs_are_kept_apart),
        cmocka_unit_test(test_it_remembers),
        cmocka_unit_test(test_a_changed_state_is_refused),
        cmocka_unit_test(test_nothing_is_cosigned_that_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
