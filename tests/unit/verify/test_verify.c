/* test_verify.c - what is intact is found intact, and what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/read/chain.h"
#include "audit/keep/prune.h"
#include "tests/unit/verify/helpers.h"

/* A log of three segments: 2 records of init, then 300 and 299 and segment records. */
static char *three_segments(const struct note_signer *key)
{
    static const uint64_t sizes[] = {100, 302, 400, 0};
    char *dir = new_signed_log(key);
    for (int i = 0; i < 2; i++) {
        struct audit *a = open_log(dir, NULL);
        append_bulk(a, 300);
        audit_close(a);
    }
    hand_seal(dir, key, sizes, 4);
    return dir;
}

static void test_intact(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    char *dir = three_segments(key);
    const struct verify_report *r = verify_dir(dir, key, NULL, 0);
    print_findings(r);
    assert_int_equal(r->verdict, VERIFY_INTACT);
    assert_int_equal(r->records, 606);
    assert_int_equal(r->segments, 3);
    assert_int_equal(r->sealed, 606);
    assert_int_equal(r->tiles, 2);
    assert_true(r->pinned);
    assert_int_equal(r->num_notices, 0);
    r = verify_dir(dir, NULL, NULL, 0);
    assert_int_equal(r->verdict, VERIFY_INTACT);
    assert_false(r->pinned);
    remove_dir(dir);
    note_signer_free(key);
}

/* ---- the real sealer ---- */

static struct audit *open_sealing(const char *dir, const struct note_signer *key)
{
    struct audit_options options = options_for(dir, NULL);
    options.key = key;
    return open_with(&options, NULL);
}

/* assert_intact - by one thread and by several, with this key pinned. */
static const struct verify_report *assert_intact(const char *dir, const struct note_signer *key)
{
    static struct verify_report r;
    struct cb_err err;
    for (unsigned threads = 1; threads <= 5; threads += 2) {
        const struct verify_options options = {
            .dir = dir, .key = note_signer_key(key), .threads = threads};
        if (verify_log(&options, &r, &err) != CB_OK) {
            fail_msg("verify_log: %s", err.msg);
        }
        if (r.verdict != VERIFY_INTACT) {
            print_findings(&r);
            fail_msg("it is intact");
        }
    }
    return &r;
}

static void test_sealer(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    char *dir = new_signed_log(key);
    for (int i = 0; i < 6; i++) {
        struct audit *a = open_sealing(dir, key);
        append_bulk(a, 200);
        (void)assert_intact(dir, key); /* beside it */
        audit_close(a);
        const struct verify_report *r = assert_intact(dir, key);
        assert_int_equal(r->sealed, r->records);
        assert_int_equal(r->tiles, r->records / TILE_WIDTH);
    }
    remove_dir(dir);
    note_signer_free(key);
}

/* ---- keys ---- */

/* two_keys - a log whose key was changed once. */
static char *two_keys(const struct note_signer *first, const struct note_signer *second)
{
    struct cb_err err;
    char *dir = new_signed_log(first);
    struct audit *a = open_sealing(dir, first);
    append_bulk(a, 50);
    if (audit_rotate_key(a, second, &err) != CB_OK) {
        fail_msg("audit_rotate_key: %s", err.msg);
    }
    append_bulk(a, 50);
    audit_close(a);
    return dir;
}

static void test_rotation(void **state)
{
    (void)state;
    struct note_signer *first = new_key();
    struct note_signer *second = new_key();
    struct note_signer *third = new_key();
    char *dir = two_keys(first, second);
    char path[SEGMENT_PATH_MAX];
    struct buf kept;
    assert_int_equal(assert_intact(dir, first)->num_keys, 2);
    assert_int_equal(assert_intact(dir, second)->num_keys, 2);
    assert_int_equal(verify_dir(dir, NULL, NULL, 0)->verdict, VERIFY_INTACT);
    assert_int_equal(verify_dir(dir, third, NULL, 0)->verdict, VERIFY_TAMPERED);

    /* state/vkeys without its last line: a crash may have come between. Without any: a hint is gone. */
    (void)snprintf(path, sizeof(path), "%s/state/vkeys", dir);
    read_file(path, &kept);
    write_file(path, (struct slice){kept.data, slice_find(buf_slice(&kept), '\n') + 1});
    assert_int_equal(verify_dir(dir, NULL, NULL, 0)->verdict, VERIFY_INTACT);
    assert_int_equal(verify_dir(dir, second, NULL, 0)->verdict, VERIFY_INTACT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(verify_dir(dir, first, NULL, 0)->verdict, VERIFY_INTACT);

    /* A list that names another second key. */
    char text[NOTE_KEY_TEXT_MAX];
    char list[1024];
    note_key_text(note_signer_key(third), text);
    (void)snprintf(list, sizeof(list), "%.*s%.*s %s\n", (int)slice_find(buf_slice(&kept), '\n') + 1,
                   kept.data, 2, "54", text);
    write_file(path, slice_of(list));
    assert_int_equal(verify_dir(dir, NULL, NULL, 0)->verdict, VERIFY_TAMPERED);
    buf_free(&kept);
    remove_dir(dir);
    note_signer_free(first);
    note_signer_free(second);
    note_signer_free(third);
}

/* ---- what it cannot tell ---- */

static void test_cannot_tell(void **state)
{
    (void)state;
    struct verify_report r;
    struct cb_err err;
    char *dir = new_log(); /* that nobody signs */
    struct verify_options options = {.dir = dir};
    assert_int_equal(verify_log(&options, &r, &err), CB_ENOENT);
    assert_non_null(strstr(err.msg, "--key"));
    options.dir = "/nowhere";
    assert_int_equal(verify_log(&options, &r, &err), CB_ENOENT);
    struct note_signer *key = new_key();
    options.dir = dir;
    options.key = note_signer_key(key);
    const struct verify_outside bad = {.name = "saved.txt", .bytes = SLICE("no note\n")};
    options.outside = &bad;
    options.num_outside = 1;
    assert_int_equal(verify_log(&options, &r, &err), CB_EINPUT);
    assert_non_null(strstr(err.msg, "saved.txt: "));
    note_signer_free(key);
    remove_dir(dir);
}

/* ---- witnesses ---- */

static void test_witness(void **state)
{
    (void)state;
    static const uint64_t all = 0;
    struct note_signer *key = new_key();
    struct note_signer *witness = NULL;
    struct note_signer *other = NULL;
    struct verify_report r;
    struct leaves leaves;
    struct buf note;
    struct note parsed;
    struct cb_err err;
    char *dir = new_signed_log(key);
    struct audit *a = open_log(dir, NULL);
    append_bulk(a, 50);
    audit_close(a);
    hand_seal(dir, key, &all, 1);
    assert_int_equal(note_signer_new(SLICE("witness.test"), NOTE_WITNESS, &witness, &err), CB_OK);
    assert_int_equal(note_signer_new(SLICE("witness.test"), NOTE_WITNESS, &other, &err), CB_OK);
    read_leaves(dir, &leaves);
    sign_size(NULL, &leaves, 30, key, &note);
    struct verify_outside seen = {.name = "http://witness.test",
                                  .bytes = buf_slice(&note),
                                  .witness = note_signer_key(witness)};
    const struct verify_options options = {
        .dir = dir, .key = note_signer_key(key), .outside = &seen, .num_outside = 1};
    assert_int_equal(verify_log(&options, &r, &err), CB_ECRYPTO); /* it has not signed */
    assert_int_equal(note_parse(buf_slice(&note), &parsed, &err), CB_OK);
    const size_t text_len = parsed.text.len;
    struct buf text;
    buf_init(&text, NOTE_BYTES_MAX);
    buf_add_slice(&text, parsed.text);
    assert_int_equal(text.len, text_len);
    assert_int_equal(note_sign(buf_slice(&text), witness, 1790000000, &note, &err), CB_OK);
    seen.bytes = buf_slice(&note);
    assert_int_equal(verify_log(&options, &r, &err), CB_OK);
    assert_int_equal(r.verdict, VERIFY_INTACT);
    assert_int_equal(r.outside, 1);
    seen.witness = note_signer_key(other);
    assert_int_equal(verify_log(&options, &r, &err), CB_ECRYPTO);
    buf_free(&text);
    buf_free(&note);
    free_leaves(&leaves);
    remove_dir(dir);
    note_signer_free(key);
    note_signer_free(witness);
    note_signer_free(other);
}

/* ---- a history of checkpoints that a crash cut ---- */

static void test_torn_history(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    char *dir = three_segments(key);
    char path[SEGMENT_PATH_MAX];
    struct buf history;
    struct buf torn;
    (void)snprintf(path, sizeof(path), "%s/state/checkpoints.log", dir);
    read_file(path, &history);
    const struct slice all = buf_slice(&history);
    const char *second = memmem(all.ptr + 1, all.len - 1, ORIGIN "\n", sizeof(ORIGIN));
    assert_non_null(second);
    const size_t first_len = (size_t)(second - all.ptr);
    buf_init(&torn, 1U << 20);
    /* The first note cut at every length, its line ended, and the rest behind it; or nothing. */
    for (size_t len = 1; len + 1 < first_len; len++) {
        buf_reset(&torn);
        buf_add(&torn, all.ptr, len);
        if (all.ptr[len - 1] != '\n') {
            buf_add_char(&torn, '\n');
        }
        buf_add_slice(&torn, slice_from(all, first_len));
        write_file(path, buf_slice(&torn));
        const struct verify_report *r = verify_dir(dir, key, NULL, 0);
        if (r->verdict != VERIFY_INTACT || r->num_notices != 1) {
            print_findings(r);
            fail_msg("torn at %zu of %zu: no alarm, but a note", len, first_len);
        }
        write_file(path, (struct slice){all.ptr, len});
        assert_int_equal(verify_dir(dir, key, NULL, 0)->verdict, VERIFY_INTACT);
    }
    buf_free(&torn);
    buf_free(&history);
    remove_dir(dir);
    note_signer_free(key);
}

/* A history of more checkpoints than are compared: some of each time are, and all must be whole. */
static void test_long_history(void **state)
{
    (void)state;
    uint64_t sizes[600];
    struct note_signer *key = new_key();
    struct verify_report r;
    struct cb_err err;
    char *dir = new_signed_log(key);
    struct audit *a = open_log(dir, NULL);
    append_bulk(a, 600);
    audit_close(a);
    for (uint64_t i = 0; i < 600; i++) {
        sizes[i] = i + 4;
    }
    hand_seal(dir, key, sizes, 600);
    struct verify_options options = {.dir = dir, .key = note_signer_key(key), .max_history = 50};
    assert_int_equal(verify_log(&options, &r, &err), CB_OK);
    if (r.verdict != VERIFY_INTACT || r.num_notices != 1) {
        print_findings(&r);
        fail_msg("intact, and it says that not all were compared");
    }
    assert_non_null(strstr(r.notices[0], "holds 601 checkpoints"));
    assert_true(r.checkpoints >= 40 && r.checkpoints <= 84);
    assert_int_equal(r.sealed, 603);
    options.max_history = 0;
    assert_int_equal(verify_log(&options, &r, &err), CB_OK);
    assert_int_equal(r.checkpoints, 601);
    assert_int_equal(r.num_notices, 0);

    options.quick = true;
    assert_int_equal(verify_log(&options, &r, &err), CB_OK);
    assert_int_equal(r.verdict, VERIFY_INTACT);
    assert_int_equal(r.signatures, 2); /* of the newest there, and of state/checkpoint */
    remove_dir(dir);
    note_signer_free(key);
}

/* ---- pruned logs ---- */

static uint64_t append_prune(struct audit *a, const struct prune_plan *plan)
{
    struct audit_event e;
    struct buf body;
    struct cb_err err;
    uint64_t seq = 0;
    prune_event(plan, "a test", "retention", &e);
    buf_init(&body, AUDIT_LINE_MAX);
    assert_true(audit_event_encode(&e, &body));
    assert_int_equal(audit_append_wait(a, e.type, buf_slice(&body), &seq, &err), CB_OK);
    buf_free(&body);
    return seq;
}

/* pruned_log - of some segments whose first ones are gone. sealed: a checkpoint covers the record. */
static char *pruned_log(const struct note_signer *key, bool sealed, uint64_t *ret_size)
{
    struct audit_options options;
    struct prune_plan plan;
    struct cb_err err;
    size_t files = 0;
    char *dir = new_signed_log(key);
    options = options_for(dir, NULL);
    options.key = key;
    options.segment_bytes = 60000;
    for (int i = 0; i < 12; i++) {
        struct audit *a = open_with(&options, NULL);
        append_bulk(a, 150);
        audit_close(a);
    }
    const struct prune_options prune = {.dir = dir,
                                        .now_us = clock_wall_us(&cb_system_clock) +
                                                  INT64_C(1000000) * 86400 * 4000,
                                        .keep_s = 86400,
                                        .before_us = INT64_MAX};
    assert_int_equal(prune_plan(&prune, &plan, &err), CB_OK);
    assert_true(plan.num > 3 && plan.size > 2 * TILE_WIDTH);
    options.key = sealed ? key : NULL;
    struct audit *a = open_with(&options, NULL);
    const uint64_t seq = append_prune(a, &plan);
    audit_close(a);
    if (prune_finish(dir, NULL, &plan, seq, &files, &err) != CB_OK) {
        fail_msg("prune_finish: %s", err.msg);
    }
    *ret_size = plan.size;
    return dir;
}

static void test_pruned(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    uint64_t size = 0;
    char path[SEGMENT_PATH_MAX];
    struct buf tile;
    char *dir = pruned_log(key, true, &size);
    const struct verify_report *r = assert_intact(dir, key);
    assert_int_equal(r->pruned, size);
    assert_int_equal(r->sealed, r->records);
    assert_int_equal(r->tiles, r->records / TILE_WIDTH);

    /* The hashes are all that is left of them. */
    (void)snprintf(path, sizeof(path), "%s/tile/0/001", dir);
    read_file(path, &tile);
    tile.data[77] ^= 1;
    write_file(path, buf_slice(&tile));
    r = verify_dir(dir, key, NULL, 0);
    assert_int_equal(r->verdict, VERIFY_TAMPERED);
    assert_int_equal(r->findings[0].kind, VERIFY_TILE);
    assert_int_equal(unlink(path), 0);
    r = verify_dir(dir, key, NULL, 0);
    assert_int_equal(r->verdict, VERIFY_TAMPERED);
    assert_string_equal(r->findings[0].file, "tile/0/001");
    buf_free(&tile);
    remove_dir(dir);

    /* Whoever can write files, but has no key, cannot make records go. */
    dir = pruned_log(key, false, &size);
    r = verify_dir(dir, key, NULL, 0);
    assert_int_equal(r->verdict, VERIFY_TAMPERED);
    assert_int_equal(r->findings[0].kind, VERIFY_RECORD);
    assert_non_null(strstr(r->findings[0].what, "no checkpoint covers it"));
    remove_dir(dir);
    note_signer_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intact),       cmocka_unit_test(test_sealer),
        cmocka_unit_test(test_rotation),     cmocka_unit_test(test_cannot_tell),
        cmocka_unit_test(test_witness),      cmocka_unit_test(test_torn_history),
        cmocka_unit_test(test_long_history), cmocka_unit_test(test_pruned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
