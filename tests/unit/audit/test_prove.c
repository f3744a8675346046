/* test_prove.c - every record of a log is proven to somebody who has nothing but the key; what is not
 * true is not proven: changed records, tiles, checkpoints, and records that no checkpoint covers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/seal/prove.h"
#include "audit/tlog/proof_file.h"
#include "helpers.h"
#include "tree_log.h"

#define SEALED(t) ((t)->size - 5)

static int setup(void **state)
{
    static struct tree_log t;
    tree_new(&t);
    tree_write_tiles(&t);
    tree_seal(&t, SEALED(&t));
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    tree_free(*state);
    return 0;
}

static struct prover *open_prover(const struct tree_log *t)
{
    struct prover *p = NULL;
    struct cb_err err;
    if (prover_open(t->dir, &p, &err) != CB_OK) {
        fail_msg("prover_open: %s", err.msg);
    }
    return p;
}

/* check - as a stranger does: the file and the key. */
static void check(struct slice file, const struct tree_log *t, uint64_t seq, uint64_t size)
{
    struct proof_file f;
    struct buf extra;
    struct note note;
    struct checkpoint c;
    struct merkle m;
    struct cb_err err;
    unsigned char leaf[SHA256_LEN];
    assert_int_equal(proof_file_parse(file, &extra, &f, &err), CB_OK);
    assert_int_equal(checkpoint_open(f.note, note_signer_key(t->signer), &note, &c, &err), CB_OK);
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    merkle_leaf(&m, f.extra, leaf);
    assert_int_equal(f.index, seq);
    assert_int_equal(c.size, size);
    assert_true(slice_eq_str(f.extra, t->line[seq]));
    assert_true(proof_check_inclusion(&m, &f.proof, c.size, f.index, leaf, c.root));
    merkle_free(&m);
    buf_free(&extra);
}

static enum cb_code prove(struct prover *p, uint64_t seq, struct buf *out, struct proven *ret,
                          struct cb_err *err)
{
    buf_init(out, PROOF_FILE_MAX);
    return prover_record(p, seq, out, ret, err);
}

static void test_every_record(void **state)
{
    struct tree_log *t = *state;
    struct prover *p = open_prover(t);
    struct cb_err err;
    struct buf out;
    struct proven proven;
    assert_int_equal(prover_newest(p)->checkpoint.size, SEALED(t));
    assert_null(prover_cosigned(p)->bytes.ptr);
    for (uint64_t seq = 0; seq < SEALED(t); seq++) {
        if (prove(p, seq, &out, &proven, &err) != CB_OK) {
            fail_msg("record %llu: %s", (unsigned long long)seq, err.msg);
        }
        check(buf_slice(&out), t, seq, SEALED(t));
        assert_false(proven.tiles_wrong);
        assert_ptr_equal(proven.note, prover_newest(p));
        buf_free(&out);
    }
    assert_int_equal(prove(p, SEALED(t), &out, &proven, &err), CB_ENOENT);
    assert_non_null(strstr(err.msg, "no signed checkpoint covers"));
    assert_int_equal(prove(p, UINT64_MAX, &out, &proven, &err), CB_ENOENT);
    assert_int_equal(out.len, 0);
    prover_close(p);
}

static void keep_cosigned(const struct tree_log *t, uint64_t size, unsigned char flaw)
{
    char path[SEGMENT_PATH_MAX];
    struct note_signer *witness = NULL;
    struct note note;
    struct buf bytes;
    struct cb_err err;
    tree_note(t, size, flaw, &bytes);
    assert_int_equal(note_signer_new(SLICE("w.example"), NOTE_WITNESS, &witness, &err), CB_OK);
    assert_int_equal(note_parse(buf_slice(&bytes), &note, &err), CB_OK);
    struct buf out;
    buf_init(&out, SEAL_NOTE_MAX);
    buf_add_slice(&out, buf_slice(&bytes));
    assert_int_equal(note_sign(note.text, witness, 1784737382, &out, &err), CB_OK);
    assert_int_equal(segdir_join(t->dir, "state", path, &err), CB_OK);
    assert_int_equal(io_put_file(&t->io, path, "cosigned", buf_slice(&out), &err), CB_OK);
    note_signer_free(witness);
    buf_free(&bytes);
    buf_free(&out);
}

/* A witness's word is preferred where it reaches. */
static void test_cosigned(void **state)
{
    struct tree_log *t = *state;
    struct cb_err err;
    struct buf out;
    struct proven proven;
    keep_cosigned(t, 600, 0);
    struct prover *p = open_prover(t);
    assert_int_equal(prover_cosigned(p)->checkpoint.size, 600);
    for (uint64_t seq = 598; seq < 602; seq++) {
        assert_int_equal(prove(p, seq, &out, &proven, &err), CB_OK);
        check(buf_slice(&out), t, seq, seq < 600 ? 600 : SEALED(t));
        assert_ptr_equal(proven.note, seq < 600 ? prover_cosigned(p) : prover_newest(p));
        assert_true((memmem(out.data, out.len, "w.example", 9) != NULL) == (seq < 600));
        buf_free(&out);
    }
    prover_close(p);
    /* One that is beyond what the log has signed last is not used. */
    keep_cosigned(t, t->size, 0);
    p = open_prover(t);
    assert_null(prover_cosigned(p)->bytes.ptr);
    prover_close(p);
}

/* Damaged tiles cost time, nothing else. */
static void test_damaged_tile(void **state)
{
    struct tree_log *t = *state;
    struct cb_err err;
    struct buf out;
    struct proven proven;
    tree_damage_tile(t, 1, TILE_BYTES, 1);
    struct prover *p = open_prover(t);
    for (uint64_t seq = 250; seq < 520; seq += 3) {
        assert_int_equal(prove(p, seq, &out, &proven, &err), CB_OK);
        check(buf_slice(&out), t, seq, SEALED(t));
        assert_true(proven.tiles_wrong || seq == 258); /* whose own leaf is not in its path */
        buf_free(&out);
    }
    prover_close(p);
}

/* change - a byte of a record's text, in its segment. */
static void change(const struct tree_log *t, uint64_t no, const char *mark)
{
    struct buf bytes;
    read_file(segment_path(t->dir, no), &bytes);
    char *at = memmem(bytes.data, bytes.len, mark, strlen(mark));
    assert_non_null(at);
    at = memmem(at, bytes.len - (size_t)(at - bytes.data), "xxx", 3);
    assert_non_null(at);
    at[1] = 'y';
    write_file(segment_path(t->dir, no), buf_slice(&bytes));
    buf_free(&bytes);
}

static void test_changed_record(void **state)
{
    struct tree_log *t = *state;
    struct cb_err err;
    struct buf out;
    struct proven proven;
    change(t, 3, "\"seq\":100,");
    struct prover *p = open_prover(t);
    assert_int_equal(prove(p, 100, &out, &proven, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "was changed"));
    assert_int_equal(out.len, 0);
    buf_free(&out);
    assert_int_equal(prove(p, 400, &out, &proven, &err), CB_OK); /* tiles have its hash */
    check(buf_slice(&out), t, 400, SEALED(t));
    buf_free(&out);
    prover_close(p);
    /* The tail has no tile: what is changed there stops all proofs. */
    change(t, 6, "\"xx");
    p = open_prover(t);
    assert_int_equal(prove(p, 400, &out, &proven, &err), CB_ECORRUPT);
    buf_free(&out);
    prover_close(p);
}

static void test_wrong_state(void **state)
{
    struct tree_log *t = *state;
    struct prover *p = NULL;
    struct buf note;
    struct buf out;
    struct proven proven;
    struct cb_err err;
    char path[SEGMENT_PATH_MAX];
    /* Signed, but not the records' root: nothing is proven by it. */
    tree_note(t, SEALED(t) + 1, 1, &note);
    assert_int_equal(seals_store(&t->io, t->dir, buf_slice(&note), false, &err), CB_OK);
    buf_free(&note);
    p = open_prover(t);
    assert_int_equal(prove(p, 7, &out, &proven, &err), CB_ECORRUPT);
    buf_free(&out);
    prover_close(p);
    /* A cosigned note that is not the log's. */
    assert_int_equal(segdir_join(t->dir, "state", path, &err), CB_OK);
    assert_int_equal(io_put_file(&t->io, path, "cosigned", SLICE("nonsense\n"), &err), CB_OK);
    assert_int_equal(prover_open(t->dir, &p, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "state/cosigned"));
    /* No keys, no log. */
    assert_int_equal(segdir_join(t->dir, "state/vkeys", path, &err), CB_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(prover_open(t->dir, &p, &err), CB_ENOENT);
    assert_int_equal(prover_open("/nonexistent", &p, &err), CB_ENOENT);
    prover_close(NULL);
}

static struct checkpoint checkpoint_of(const struct tree_log *t, uint64_t size)
{
    struct checkpoint c = {.origin = ORIGIN, .size = size};
    tree_root(t, size, c.root);
    return c;
}

static void test_consistency(void **state)
{
    struct tree_log *t = *state;
    struct prover *p = open_prover(t);
    struct proof proof;
    struct merkle m;
    struct cb_err err;
    static const uint64_t sizes[] = {1, 2, 200, 256, 300, 512, 600, 700};
    const size_t num = sizeof(sizes) / sizeof(sizes[0]);
    assert_int_equal(merkle_init(&m, &err), CB_OK);
    for (size_t i = 0; i < num; i++) {
        for (size_t k = i; k < num; k++) {
            const struct checkpoint old = checkpoint_of(t, sizes[i]);
            const struct checkpoint new = checkpoint_of(t, sizes[k]);
            assert_int_equal(prover_consistency(p, &old, &new, &proof, &err), CB_OK);
            assert_true(
                proof_check_consistency(&m, &proof, old.size, new.size, old.root, new.root));
        }
    }
    struct checkpoint old = checkpoint_of(t, 300);
    struct checkpoint new = checkpoint_of(t, 600);
    assert_int_equal(prover_consistency(p, &new, &old, &proof, &err), CB_EINPUT);
    old.root[0] ^= 1;
    assert_int_equal(prover_consistency(p, &old, &new, &proof, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "two histories"));
    old = checkpoint_of(t, 300);
    new.root[0] ^= 1;
    assert_int_equal(prover_consistency(p, &old, &new, &proof, &err), CB_ECORRUPT);
    assert_non_null(strstr(err.msg, "another history"));
    new.size = t->size + 9;
    assert_int_equal(prover_consistency(p, &old, &new, &proof, &err), CB_ENOENT);
    merkle_free(&m);
    prover_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cosigned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_tile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_consistency, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
