/* test_forged.c - logs made by somebody else: without the key, with one that is retired, or to make the
 * verifier run for ever. All the records are as a broker writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/keep/prune.h"
#include "tests/unit/verify/forge.h"

#include <unistd.h>

/* expect - tampered with, and one finding is about this file or says this. */
static const struct verify_report *expect(const char *dir, const struct note_signer *pin,
                                          const char *text)
{
    const struct verify_report *r = verify_dir(dir, pin, NULL, 0);
    bool said = false;
    for (size_t i = 0; i < r->num_findings; i++) {
        said = said || strcmp(r->findings[i].file, text) == 0 ||
               strstr(r->findings[i].what, text) != NULL;
    }
    if (r->verdict != VERIFY_TAMPERED || !said) {
        print_findings(r);
        fail_msg("tampered, because of: %s", text);
    }
    return r;
}

static void expect_intact(const struct verify_report *r)
{
    if (r->verdict != VERIFY_INTACT) {
        print_findings(r);
        fail_msg("it is intact");
    }
}

static bool has_notice(const struct verify_report *r, const char *text)
{
    for (size_t i = 0; i < r->num_notices; i++) {
        if (strstr(r->notices[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- a beginning that there never was ---- */

/* invented - a log whose first records are said to be pruned; with their tiles, if they fill them. */
static struct forge *invented(uint64_t gone, const struct note_signer *key)
{
    struct forge *f = forge_new();
    unsigned char root[SHA256_LEN];
    forge_leaves(f, gone);
    merkle_root(&f->m, root);
    forge_open(f, 5, 1000);
    forge_prune(f, gone, root);
    forge_beats(f, 3);
    forge_segment(f);
    forge_tiles(f);
    forge_seal(f, key);
    forge_vkeys(f, key, 0, NULL);
    return f;
}

/* Nobody's key but one's own, and the pinned one's public half. */
static void test_invented_keys(void **state)
{
    (void)state;
    static const uint64_t gone[] = {150, 256};
    struct note_signer *real = new_key();
    struct note_signer *mine = new_key();
    for (size_t i = 0; i < 2; i++) {
        struct forge *f = invented(gone[i], mine);
        forge_vkeys(f, real, 140, mine);
        (void)expect(f->dir, real, "state/vkeys");
        (void)expect(f->dir, real, "state/checkpoint");
        (void)expect(f->dir, NULL, "state/checkpoint");
        forge_free(f);
    }
    note_signer_free(mine);
    note_signer_free(real);
}

/* Whoever has the key can prune what there never was; but hashes must be there for all of it. */
static void test_invented_beginning(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    struct forge *f = invented(150, key);
    (void)expect(f->dir, key, "not all there");
    forge_free(f);
    f = invented(256, key);
    expect_intact(verify_dir(f->dir, key, NULL, 0));
    forge_free(f);
    note_signer_free(key);
}

/* A checkpoint saved before is held against the hashes that were kept, wherever its size lies. */
static void test_saved_within_pruned(void **state)
{
    (void)state;
    static const uint64_t gone[] = {150, 256};
    struct note_signer *key = new_key();
    for (size_t i = 0; i < 2; i++) {
        struct forge *f = invented(gone[i], key);
        struct forge *other = forge_new();
        struct buf good;
        struct buf bad;
        forge_leaves(other, 100);
        forge_note(other, key, &good);
        other->m.size = 0;
        forge_leaves(other, 99);
        merkle_append_leaf(&other->m, other->leaf[7]);
        forge_note(other, key, &bad);
        const struct verify_outside was = {.name = "was.txt", .bytes = buf_slice(&good)};
        const struct verify_outside was_not = {.name = "not.txt", .bytes = buf_slice(&bad)};
        const struct verify_report *r = verify_dir(f->dir, key, &was, 1);
        assert_int_equal(r->verdict, gone[i] == 256 ? VERIFY_INTACT : VERIFY_TAMPERED);
        assert_int_equal(r->outside, gone[i] == 256 ? 1 : 0);
        r = verify_dir(f->dir, key, &was_not, 1);
        assert_int_equal(r->verdict, VERIFY_TAMPERED);
        assert_int_equal(r->outside, 0);
        assert_string_equal(r->findings[r->num_findings - 1].file, "not.txt");
        assert_non_null(strstr(r->findings[r->num_findings - 1].what, "does not continue it"));
        buf_free(&good);
        buf_free(&bad);
        forge_free(other);
        forge_free(f);
    }
    note_signer_free(key);
}

/* A saved checkpoint about records one of which cannot be hashed: it is named, too. */
static void test_saved_and_damaged(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    struct buf note;
    struct forge *f = forge_new();
    forge_open(f, 1, 0);
    forge_beats(f, 9);
    forge_note(f, key, &note);
    f->bytes.data[f->bytes.len - 200] ^= 1;
    forge_beats(f, 9);
    forge_seal(f, key);
    forge_vkeys(f, key, 0, NULL);
    forge_segment(f);
    const struct verify_outside saved = {.name = "saved.txt", .bytes = buf_slice(&note)};
    const struct verify_report *r = verify_dir(f->dir, key, &saved, 1);
    assert_int_equal(r->verdict, VERIFY_TAMPERED);
    assert_int_equal(r->outside, 0);
    assert_string_equal(r->findings[r->num_findings - 1].file, "saved.txt");
    buf_free(&note);
    forge_free(f);
    note_signer_free(key);
}

/* ---- keys ---- */

static struct audit *open_sealing(const char *dir, const struct note_signer *key, uint64_t bytes)
{
    struct audit_options options = options_for(dir, NULL);
    options.key = key;
    options.segment_bytes = bytes > 0 ? bytes : options.segment_bytes;
    return open_with(&options, NULL);
}

static void rotate(struct audit *a, const struct note_signer *key)
{
    struct cb_err err;
    if (audit_rotate_key(a, key, &err) != CB_OK) {
        fail_msg("audit_rotate_key: %s", err.msg);
    }
}

static void read_state(const char *dir, const char *name, struct buf *ret)
{
    char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/state/%s", dir, name);
    read_file(path, ret);
}

static void remove_state(const char *dir, const char *name)
{
    char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/state/%s", dir, name);
    assert_int_equal(unlink(path), 0);
}

/* A retired key, and the statement that stands in the real log for everybody to read. */
static void test_replayed_rotation(void **state)
{
    (void)state;
    struct note_signer *first = new_key();
    struct note_signer *second = new_key();
    struct buf statement;
    struct audit_event e;
    char *real = new_signed_log(first);
    struct audit *a = open_sealing(real, first, 0);
    append_bulk(a, 20);
    rotate(a, second);
    audit_close(a);
    read_state(real, "rotations", &statement);
    audit_event_zero(&e, AUDIT_KEY_ROTATE);
    e.statement = buf_slice(&statement);
    for (int kept = 0; kept < 2; kept++) {
        struct forge *f = forge_new();
        forge_open(f, 1, 0);
        forge_beats(f, 40);
        forge_seal(f, first);
        forge_event(f, &e);
        forge_vkeys(f, first, f->m.size, second);
        forge_beats(f, 1);
        forge_segment(f);
        if (kept == 1) {
            forge_file(f, "state/rotations", buf_slice(&statement));
        }
        (void)expect(f->dir, second, "nothing is signed by the key that is pinned");
        (void)expect(f->dir, first, kept == 1 ? "another history" : "not made in this log");
        forge_free(f);
    }
    buf_free(&statement);
    remove_dir(real);
    note_signer_free(first);
    note_signer_free(second);
}

/* The real log, with what the new key signed taken away: the old key could have written the rest. */
static void test_pin_signs_nothing(void **state)
{
    (void)state;
    struct note_signer *first = new_key();
    struct note_signer *second = new_key();
    struct buf before;
    struct cb_err err;
    char *dir = new_signed_log(first);
    struct audit *a = open_sealing(dir, first, 0);
    append_bulk(a, 20);
    assert_true(audit_seal_wait(a));
    read_state(dir, "checkpoint", &before);
    rotate(a, second);
    append_bulk(a, 20);
    audit_close(a);
    expect_intact(verify_dir(dir, second, NULL, 0));
    expect_intact(verify_dir(dir, first, NULL, 0));
    remove_state(dir, "checkpoint");
    remove_state(dir, "checkpoints.log");
    assert_int_equal(seals_store(&audit_system_io, dir, buf_slice(&before), true, &err), CB_OK);
    (void)expect(dir, second, "nothing is signed by the key that is pinned");
    buf_free(&before);
    remove_dir(dir);
    note_signer_free(first);
    note_signer_free(second);
}

static void prune_all(const char *dir, const struct note_signer *key)
{
    const struct prune_options options = {.dir = dir,
                                          .now_us = clock_wall_us(&cb_system_clock) +
                                                    INT64_C(1000000) * 86400 * 4000,
                                          .keep_s = 86400,
                                          .before_us = INT64_MAX};
    struct prune_plan plan;
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    uint64_t seq = 0;
    size_t files = 0;
    if (prune_plan(&options, &plan, &err) != CB_OK) {
        fail_msg("prune_plan: %s", err.msg);
    }
    assert_true(plan.num > 3);
    struct audit *a = open_sealing(dir, key, 60000);
    prune_event(&plan, "a test", "retention", &e);
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_int_equal(audit_append_wait(a, e.type, buf_slice(&body), &seq, &err), CB_OK);
    buf_free(&body);
    audit_close(a);
    if (prune_finish(dir, NULL, &plan, seq, &files, &err) != CB_OK) {
        fail_msg("prune_finish: %s", err.msg);
    }
}

/* In state/rotations another key follows than in the log; the first key has signed both. */
static void test_two_successors(void **state)
{
    (void)state;
    struct note_signer *first = new_key();
    struct note_signer *second = new_key();
    struct note_signer *third = new_key();
    struct checkpoint sealed = {.size = 0};
    struct buf note;
    struct buf other;
    struct note parsed;
    struct cb_err err;
    char *dir = new_signed_log(first);
    struct audit *a = open_sealing(dir, first, 0);
    append_bulk(a, 20);
    assert_true(audit_seal_wait(a));
    read_state(dir, "checkpoint", &note);
    assert_int_equal(
        checkpoint_open(buf_slice(&note), note_signer_key(first), &parsed, &sealed, &err), CB_OK);
    rotate(a, second);
    audit_close(a);
    buf_init(&other, ROTATION_NOTE_MAX);
    assert_int_equal(rotation_sign(first, third, &sealed, &other, &err), CB_OK);
    remove_state(dir, "rotations");
    expect_intact(verify_dir(dir, second, NULL, 0));
    assert_int_equal(rotation_keep(&audit_system_io, dir, buf_slice(&other), &err), CB_OK);
    (void)expect(dir, first, "state/rotations");
    buf_free(&note);
    buf_free(&other);
    remove_dir(dir);
    note_signer_free(first);
    note_signer_free(second);
    note_signer_free(third);
}

/* Two changes of the key, both in records that are pruned: state/rotations has what links them. */
static void test_pruned_rotations(void **state)
{
    (void)state;
    struct note_signer *key[3] = {new_key(), new_key(), new_key()};
    struct note_signer *stranger = new_key();
    char *dir = new_signed_log(key[0]);
    struct buf kept;
    for (size_t i = 0; i < 3; i++) {
        struct audit *a = open_sealing(dir, key[i], 60000);
        append_bulk(a, 150);
        if (i < 2) {
            rotate(a, key[i + 1]);
        }
        audit_close(a);
    }
    for (size_t i = 0; i < 12; i++) {
        struct audit *a = open_sealing(dir, key[2], 60000);
        append_bulk(a, 150);
        audit_close(a);
    }
    prune_all(dir, key[2]);
    for (size_t i = 0; i < 3; i++) {
        const struct verify_report *r = verify_dir(dir, key[i], NULL, 0);
        expect_intact(r);
        assert_int_equal(r->num_keys, 3);
        assert_true(r->pruned > 450);
    }
    expect_intact(verify_dir(dir, NULL, NULL, 0));
    (void)expect(dir, stranger, "state/checkpoint");

    /* Without it nothing links the first key to the last. */
    read_state(dir, "rotations", &kept);
    remove_state(dir, "rotations");
    (void)expect(dir, key[0], "state/checkpoint");
    (void)expect(dir, key[1], "state/checkpoint");
    (void)expect(dir, NULL, "state/checkpoint");

    /* Every bit of it counts. */
    char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/state/rotations", dir);
    for (size_t bit = 5; bit < kept.len * 8; bit += 331) {
        kept.data[bit / 8] = (char)(kept.data[bit / 8] ^ (1 << bit % 8));
        write_file(path, buf_slice(&kept));
        kept.data[bit / 8] = (char)(kept.data[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(verify_dir(dir, key[0], NULL, 0)->verdict, VERIFY_TAMPERED);
    }
    write_file(path, buf_slice(&kept));
    expect_intact(verify_dir(dir, key[0], NULL, 0));
    buf_free(&kept);
    remove_dir(dir);
    for (size_t i = 0; i < 3; i++) {
        note_signer_free(key[i]);
    }
    note_signer_free(stranger);
}

/* ---- sizes that nobody signed for ---- */

static void huge_line(struct buf *out, uint64_t seq)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    own_heartbeat(&body, 60000000);
    line_frame(out, seq, seq, FORGE_US, buf_slice(&body));
    buf_free(&body);
}

/* small - ten records, signed; another one of number seq stands behind them. */
static struct forge *small(const struct note_signer *key, uint64_t seq)
{
    struct forge *f = forge_new();
    forge_open(f, 1, 0);
    forge_beats(f, 9);
    forge_seal(f, key);
    forge_vkeys(f, key, 0, NULL);
    if (seq > 0) {
        huge_line(&f->bytes, seq);
    }
    forge_segment(f);
    return f;
}

static void test_huge(void **state)
{
    (void)state;
    const uint64_t huge = UINT64_C(1) << 51;
    struct note_signer *key = new_key();
    struct note_signer *mine = new_key();
    struct buf note;
    (void)alarm(20); /* it would count for years */

    struct forge *f = small(key, huge);
    const struct merkle m = f->m;
    f->m.size = huge * 2;
    forge_note(f, mine, &note);
    f->m = m;
    forge_file(f, "state/cosigned", buf_slice(&note));
    (void)expect(f->dir, key, "state/cosigned");
    forge_free(f);

    /* Nor is a torn end damage because somebody says that more was signed. */
    f = small(key, 0);
    buf_add_slice(&f->bytes, SLICE("{\"v\":1,\"se"));
    forge_segment(f);
    expect_intact(verify_dir(f->dir, key, NULL, 0));
    forge_file(f, "state/cosigned", buf_slice(&note));
    assert_int_equal(expect(f->dir, key, "state/cosigned")->findings[0].kind, VERIFY_CHECKPOINT);
    buf_free(&note);
    forge_free(f);

    f = small(key, huge);
    const uint64_t bytes = f->bytes.len;
    f->m.size = huge + 1;
    forge_open(f, 2, bytes);
    forge_segment(f);
    (void)expect(f->dir, key, "are missing");
    forge_free(f);

    f = forge_new();
    unsigned char root[SHA256_LEN];
    f->m.size = huge;
    merkle_root(&f->m, root);
    forge_open(f, 5, 1000);
    forge_prune(f, huge, root);
    forge_segment(f);
    forge_seal(f, key);
    forge_vkeys(f, key, 0, NULL);
    (void)expect(f->dir, key, "is missing");
    forge_free(f);

    f = small(key, 0);
    char path[SEGMENT_PATH_MAX];
    char name[SHA256_HEX_LEN + 1];
    memset(name, 'a', SHA256_HEX_LEN);
    name[SHA256_HEX_LEN] = '\0';
    (void)snprintf(path, sizeof(path), "%s/policy/%s.yaml", f->dir, name);
    write_file(path, SLICE(""));
    assert_int_equal(truncate(path, (off_t)1 << 42), 0);
    (void)expect(f->dir, key, "no policy is that long");
    forge_free(f);
    (void)alarm(0);
    note_signer_free(mine);
    note_signer_free(key);
}

/* Nobody writes into a pipe that stands where a file should. */
static void test_pipes(void **state)
{
    (void)state;
    static const char *const names[] = {"state/checkpoint",  "state/origin",    "state/vkeys",
                                        "state/cosigned",    "state/rotations", "state/pruned",
                                        "seg/00000002.jsonl"};
    struct note_signer *key = new_key();
    (void)alarm(20);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct forge *f = small(key, 0);
        struct verify_report r;
        struct cb_err err;
        char path[SEGMENT_PATH_MAX];
        const struct verify_options options = {
            .dir = f->dir, .key = note_signer_key(key), .threads = 2};
        (void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        (void)unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        const enum cb_code code = verify_log(&options, &r, &err);
        assert_true(code != CB_OK || r.verdict == VERIFY_TAMPERED || i == 5);
        forge_free(f);
    }
    (void)alarm(0);
    note_signer_free(key);
}

/* ---- what the log says of itself ---- */

static void add_fault(struct forge *f, const char *what, uint64_t first)
{
    struct buf body;
    const struct own_fault fault = {
        .what = what, .detail = "seg/00000001.jsonl: damaged", .segment = 1, .next_seq = first};
    buf_init(&body, AUDIT_LINE_MAX);
    own_fault(&body, &fault);
    forge_line(f, buf_slice(&body));
    buf_free(&body);
}

static void test_faults(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    for (int i = 0; i < 4; i++) {
        struct audit_event e;
        struct forge *f = forge_new();
        forge_open(f, 1, 0);
        forge_beats(f, 9);
        if (i == 3) {
            forge_seal(f, key);
        }
        add_fault(f, i == 2 ? "fdatasync" : "reread", i == 3 ? 10 : 4);
        forge_beats(f, 1);
        if (i == 1) {
            audit_event_zero(&e, AUDIT_LOSS);
            e.first_seq = 4;
            e.by = SLICE("uid 0");
            e.note = SLICE("accepted");
            forge_event(f, &e);
        }
        if (i < 3) {
            forge_seal(f, key);
        }
        forge_vkeys(f, key, 0, NULL);
        forge_segment(f);
        if (i == 0) {
            const struct verify_report *r = expect(f->dir, key, "nobody has accepted that");
            assert_int_equal(r->findings[0].seq, 4);
            assert_int_equal(r->findings[0].last_seq, 9);
        } else if (i == 3) {
            (void)expect(f->dir, key, "does not say which records");
        } else {
            expect_intact(verify_dir(f->dir, key, NULL, 0));
        }
        forge_free(f);
    }
    note_signer_free(key);
}

static void test_unsigned(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    struct audit_event e;
    struct forge *f = forge_new();
    forge_open(f, 1, 0);
    forge_beats(f, 9);
    audit_event_zero(&e, AUDIT_UNSIGNED);
    e.first_seq = 3;
    e.last_seq = 8;
    e.tree_size = 3;
    forge_event(f, &e);
    forge_seal(f, key);
    forge_vkeys(f, key, 0, NULL);
    forge_segment(f);
    const struct verify_report *r = verify_dir(f->dir, key, NULL, 0);
    expect_intact(r);
    assert_true(has_notice(r, "records 3 to 8 were not signed"));
    forge_free(f);
    note_signer_free(key);
}

/* ---- witnesses, and the history of checkpoints ---- */

/* A witness that shows what somebody else signed in the log's name says nothing about the log. */
static void test_witness_of_another(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    struct note_signer *mine = new_key();
    struct note_signer *witness = NULL;
    struct verify_report r;
    struct note parsed;
    struct buf note;
    struct buf text;
    struct cb_err err;
    struct forge *f = small(key, 0);
    assert_int_equal(note_signer_new(SLICE("witness.test"), NOTE_WITNESS, &witness, &err), CB_OK);
    forge_note(f, mine, &note);
    assert_int_equal(note_parse(buf_slice(&note), &parsed, &err), CB_OK);
    buf_init(&text, NOTE_BYTES_MAX);
    buf_add_slice(&text, parsed.text);
    assert_int_equal(note_sign(buf_slice(&text), witness, 1790000000, &note, &err), CB_OK);
    struct verify_outside seen = {.name = "http://witness.test",
                                  .bytes = buf_slice(&note),
                                  .witness = note_signer_key(witness)};
    const struct verify_options options = {
        .dir = f->dir, .key = note_signer_key(key), .outside = &seen, .num_outside = 1};
    assert_int_equal(verify_log(&options, &r, &err), CB_ECRYPTO);
    assert_non_null(strstr(err.msg, "witness.test"));
    seen.witness = NULL; /* a saved checkpoint is what its owner takes for the log's */
    assert_int_equal(verify_log(&options, &r, &err), CB_OK);
    assert_int_equal(r.verdict, VERIFY_TAMPERED);
    buf_free(&text);
    buf_free(&note);
    forge_free(f);
    note_signer_free(witness);
    note_signer_free(mine);
    note_signer_free(key);
}

static void test_cut_history(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    struct buf note;
    struct forge *f = small(key, 0);
    const struct verify_report *r = verify_dir(f->dir, key, NULL, 0);
    expect_intact(r);
    assert_int_equal(r->num_notices, 0);
    forge_file(f, "state/checkpoints.log", SLICE(""));
    r = verify_dir(f->dir, key, NULL, 0);
    expect_intact(r);
    assert_true(has_notice(r, "somebody has cut it"));
    struct forge *old = forge_new();
    forge_open(old, 1, 0);
    forge_beats(old, 4);
    forge_note(old, key, &note);
    forge_file(f, "state/checkpoints.log", buf_slice(&note));
    assert_true(has_notice(verify_dir(f->dir, key, NULL, 0), "somebody has cut it"));
    remove_state(f->dir, "checkpoints.log");
    assert_true(has_notice(verify_dir(f->dir, key, NULL, 0), "is not there"));
    buf_free(&note);
    forge_free(old);
    forge_free(f);
    note_signer_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invented_keys),
        cmocka_unit_test(test_invented_beginning),
        cmocka_unit_test(test_saved_within_pruned),
        cmocka_unit_test(test_replayed_rotation),
        cmocka_unit_test(test_pin_signs_nothing),
        cmocka_unit_test(test_pruned_rotations),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_witness_of_another),
        cmocka_unit_test(test_cut_history),
        cmocka_unit_test(test_two_successors),
        cmocka_unit_test(test_saved_and_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
