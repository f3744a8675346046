/* test_anchor.c - the threads that show checkpoints to witnesses: what is kept, what is told, and how
 * it ends, with witnesses that are honest, absent, or in contradiction. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "tests/unit/anchor/fake_witness.h"

#define WAIT_MS 15000
#define NUM_FAKES 2U

struct world {
    struct tree tree;
    struct note_signer *signer;
    struct note_signer *stranger; /* a key of the same name that the log never had */
    struct fake fakes[NUM_FAKES];
    struct anchor_witness witnesses[NUM_FAKES];
    struct anchor_settings settings;
    struct anchor_log log;
    struct anchor *anchor;
    pthread_mutex_t lock; /* of what is below */
    char kept[NOTE_BYTES_MAX];
    size_t num_kept, num_up, num_down, num_split, num_forgot;
    uint64_t seen;
    char message[CB_ERR_MSG_MAX];
};

static enum cb_code log_consistency(void *ctx, uint64_t old, uint64_t size, struct proof *ret,
                                    struct cb_err *err)
{
    struct world *w = ctx;
    const struct hash_source source = {tree_node, &w->tree};
    struct merkle m;
    TRY(merkle_init(&m, err));
    const enum cb_code code = proof_consistency(&source, &m, old, size, ret, err);
    merkle_free(&m);
    return code;
}

static bool log_has_signed(void *ctx, const struct note *note)
{
    const struct world *w = ctx;
    uint64_t time_s = 0;
    return note_verify(note, note_signer_key(w->signer), &time_s) == NOTE_GOOD;
}

static enum cb_code log_keep(void *ctx, struct slice note, struct cb_err *err)
{
    struct world *w = ctx;
    (void)err;
    (void)pthread_mutex_lock(&w->lock);
    (void)snprintf(w->kept, sizeof(w->kept), "%.*s", (int)note.len, note.ptr);
    w->num_kept++;
    (void)pthread_mutex_unlock(&w->lock);
    return CB_OK;
}

static void log_news(void *ctx, enum anchor_news news, const struct anchor_witness *witness,
                     uint64_t size, uint64_t seen, const char *message)
{
    struct world *w = ctx;
    (void)witness;
    (void)size;
    (void)pthread_mutex_lock(&w->lock);
    w->num_up += news == ANCHOR_UP ? 1 : 0;
    w->num_down += news == ANCHOR_DOWN ? 1 : 0;
    w->num_forgot += news == ANCHOR_FORGOT ? 1 : 0;
    w->num_split += news == ANCHOR_SPLIT ? 1 : 0;
    w->seen = seen;
    (void)snprintf(w->message, sizeof(w->message), "%s", message);
    (void)pthread_mutex_unlock(&w->lock);
}

static void world_start(struct world *w, size_t num)
{
    static const char *const names[NUM_FAKES] = {"witness.test/a", "witness.test/b"};
    struct cb_err err;
    memset(w, 0, sizeof(*w));
    w->tree.fork_at = UINT64_MAX;
    (void)pthread_mutex_init(&w->lock, NULL);
    assert_int_equal(anchor_setup(&err), CB_OK);
    assert_int_equal(note_signer_new(slice_of(ORIGIN), NOTE_LOG, &w->signer, &err), CB_OK);
    assert_int_equal(note_signer_new(slice_of(ORIGIN), NOTE_LOG, &w->stranger, &err), CB_OK);
    for (size_t i = 0; i < num; i++) {
        fake_start(&w->fakes[i], names[i]);
        w->witnesses[i] = (struct anchor_witness){.url = w->fakes[i].url,
                                                  .key = *note_signer_key(w->fakes[i].signer)};
    }
    w->settings = (struct anchor_settings){
        .witnesses = w->witnesses, .num = num, .interval_ms = 50, .timeout_ms = 5000};
    w->log = (struct anchor_log){w, log_consistency, log_has_signed, log_keep, log_news};
}

static void world_anchor(struct world *w)
{
    struct cb_err err;
    assert_int_equal(anchor_new(&w->settings, &w->log, &w->anchor, &err), CB_OK);
}

static void world_stop(struct world *w)
{
    anchor_free(w->anchor);
    for (size_t i = 0; i < w->settings.num; i++) {
        fake_stop(&w->fakes[i]);
    }
    note_signer_free(w->signer);
    note_signer_free(w->stranger);
    (void)pthread_mutex_destroy(&w->lock);
}

static void offer(struct world *w, uint64_t size)
{
    struct buf note;
    sign_checkpoint(&w->tree, size, w->signer, &note);
    anchor_offer(w->anchor, buf_slice(&note), false);
    buf_free(&note);
}

static void fake_saw_size(struct world *w, size_t i, uint64_t size)
{
    struct buf note;
    sign_checkpoint(&w->tree, size, w->signer, &note);
    fake_saw(&w->fakes[i], buf_slice(&note), size);
    buf_free(&note);
}

/* fake_made_up - as if it had cosigned what a key that is not the log's has signed. */
static void fake_made_up(struct world *w, size_t i, uint64_t size)
{
    struct buf note;
    sign_checkpoint(&w->tree, size, w->stranger, &note);
    fake_saw(&w->fakes[i], buf_slice(&note), size);
    buf_free(&note);
}

/* WAIT_FOR - a condition over what is under the lock. */
#define WAIT_FOR(w, condition)                                                                     \
    do {                                                                                           \
        bool is_met_ = false;                                                                      \
        for (int i_ = 0; i_ < WAIT_MS && !is_met_; i_++) {                                         \
            (void)pthread_mutex_lock(&(w)->lock);                                                  \
            is_met_ = (condition);                                                                 \
            (void)pthread_mutex_unlock(&(w)->lock);                                                \
            if (!is_met_) {                                                                        \
                (void)poll(NULL, 0, 1);                                                            \
            }                                                                                      \
        }                                                                                          \
        if (!is_met_) {                                                                            \
            fail_msg("never: %s (%s)", #condition, (w)->message);                                  \
        }                                                                                          \
    } while (0)

static uint64_t cosigned_size(struct world *w, size_t i)
{
    struct anchor_stats stats;
    anchor_get_stats(w->anchor, i, &stats);
    return stats.size;
}

/* ---------------------------------------------------------------- the ordinary way */

static void check_kept(struct world *w, uint64_t size, size_t num_witnesses)
{
    struct note note;
    struct checkpoint c;
    struct cb_err err;
    uint64_t time_s = 0;
    assert_int_equal(note_parse(slice_of(w->kept), &note, &err), CB_OK);
    assert_int_equal(checkpoint_parse(note.text, &c, &err), CB_OK);
    assert_int_equal(c.size, size);
    assert_int_equal(note.num, 1 + num_witnesses);
    assert_int_equal(note_verify(&note, note_signer_key(w->signer), &time_s), NOTE_GOOD);
    for (size_t i = 0; i < num_witnesses; i++) {
        assert_int_equal(note_verify(&note, &w->witnesses[i].key, &time_s), NOTE_GOOD);
        assert_int_equal(time_s, 1790000000);
    }
}

static void test_two_witnesses_of_a_growing_log(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 2);
    world_anchor(&w);
    assert_int_equal(anchor_num(w.anchor), 2);
    for (uint64_t size = 3; size < 40; size += 9) {
        offer(&w, size);
        WAIT_FOR(&w, cosigned_size(&w, 0) == size && cosigned_size(&w, 1) == size);
    }
    WAIT_FOR(&w, w.num_up == 2);
    assert_int_equal(w.num_down + w.num_split, 0);
    assert_false(anchor_is_split(w.anchor));
    check_kept(&w, 39, 2);
    world_stop(&w);
}

/* It is shown again although nothing is new, and an older one is not. */
static void test_an_idle_log_is_shown_again(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 1);
    world_anchor(&w);
    offer(&w, 7);
    WAIT_FOR(&w, w.num_kept >= 3);
    offer(&w, 5);
    const size_t kept = w.num_kept;
    WAIT_FOR(&w, w.num_kept >= kept + 2);
    check_kept(&w, 7, 1);
    assert_int_equal(w.num_up, 1);
    world_stop(&w);
}

static void test_a_witness_that_knows_more_than_we_remember(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 1);
    fake_saw_size(&w, 0, 5);
    world_anchor(&w);
    offer(&w, 12);
    WAIT_FOR(&w, cosigned_size(&w, 0) == 12);
    assert_int_equal(w.fakes[0].num_posts >= 2, true);
    assert_int_equal(w.num_split + w.num_down, 0);
    world_stop(&w);
}

/* ---------------------------------------------------------------- what goes wrong */

static void test_refusals_and_rubbish(void **state)
{
    static const struct {
        enum fake_mode mode;
        const char *message;
    } cases[] = {
        {FAKE_DOWN, ""},
        {FAKE_403, "does not know the key of this log"},
        {FAKE_WRONG_KEY, "not signed by the key of witness.test/a"},
        {FAKE_GARBAGE, "not signed by the key of witness.test/a"},
        {FAKE_ENDLESS, "longer than any witness's"},
        {FAKE_FICKLE, "another size each time"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct world w;
        world_start(&w, 1);
        fake_set(&w.fakes[0], cases[i].mode);
        world_anchor(&w);
        offer(&w, 7);
        WAIT_FOR(&w, w.num_down == 1);
        if (strstr(w.message, cases[i].message) == NULL) {
            fail_msg("%zu: %s", i, w.message);
        }
        assert_int_equal(w.num_kept, 0);
        assert_false(anchor_is_split(w.anchor));
        world_stop(&w);
    }
}

static void test_down_and_up_again(void **state)
{
    static struct world w;
    struct anchor_stats stats;
    (void)state;
    world_start(&w, 1);
    world_anchor(&w);
    offer(&w, 4);
    WAIT_FOR(&w, w.num_up == 1);
    fake_set(&w.fakes[0], FAKE_DOWN);
    WAIT_FOR(&w, w.num_down == 1);
    offer(&w, 9);
    anchor_get_stats(w.anchor, 0, &stats);
    assert_false(stats.is_up);
    assert_int_equal(stats.size, 4);
    assert_true(stats.last_error[0] != '\0');
    fake_set(&w.fakes[0], FAKE_HONEST);
    WAIT_FOR(&w, w.num_up == 2 && cosigned_size(&w, 0) == 9);
    world_stop(&w);
}

/* ---------------------------------------------------------------- split views */

static void test_it_has_seen_more(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 1);
    fake_saw_size(&w, 0, 20);
    world_anchor(&w);
    offer(&w, 12);
    WAIT_FOR(&w, w.num_split == 1);
    assert_int_equal(w.seen, 20);
    assert_non_null(strstr(w.message, "more records"));
    assert_true(anchor_is_split(w.anchor));
    assert_int_equal(w.num_kept, 0);
    /* The missing records are found again, and the alarm ends. */
    offer(&w, 25);
    WAIT_FOR(&w, w.num_up == 1);
    assert_false(anchor_is_split(w.anchor));
    assert_int_equal(w.num_split, 1);
    world_stop(&w);
}

static void test_it_has_seen_others(void **state)
{
    static struct world w;
    (void)state;
    for (unsigned same_size = 0; same_size < 2; same_size++) {
        world_start(&w, 1);
        w.tree.fork_at = 5;
        fake_saw_size(&w, 0, 12);
        w.tree.fork_at = UINT64_MAX;
        fake_set(&w.fakes[0], FAKE_422);
        world_anchor(&w);
        offer(&w, same_size ? 12 : 15);
        WAIT_FOR(&w, w.num_split == 1);
        assert_int_equal(w.seen, 12);
        assert_true(anchor_is_split(w.anchor));
        world_stop(&w);
    }
}

/* One hostile witness, without the log's key: whatever it says, it can raise no alarm. */
static void test_a_witness_cannot_make_it_up(void **state)
{
    static const struct {
        enum fake_mode mode;
        uint64_t size; /* of what it shows, signed by itself and a stranger; 0: nothing */
        const char *message;
    } cases[] = {
        {FAKE_409_MUTE, 0, "more records than this log has, so it says, without proof"},
        {FAKE_422, 0, "so it says, without proof"},
        {FAKE_HONEST, 20, "a checkpoint of 20 records that this log's key did not sign"},
        {FAKE_422, 12, "a checkpoint of 12 records that this log's key did not sign"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct world w;
        world_start(&w, 1);
        fake_set(&w.fakes[0], cases[i].mode);
        if (cases[i].size > 0) {
            w.tree.fork_at = 5;
            fake_made_up(&w, 0, cases[i].size);
            w.tree.fork_at = UINT64_MAX;
        }
        world_anchor(&w);
        offer(&w, 15);
        WAIT_FOR(&w, w.num_down == 1);
        if (strstr(w.message, cases[i].message) == NULL) {
            fail_msg("%zu: %s", i, w.message);
        }
        assert_int_equal(w.num_split, 0);
        assert_false(anchor_is_split(w.anchor));
        world_stop(&w);
    }
}

/* A status alone is no contradiction when what the witness has signed is the beginning of our log. */
static void test_a_422_without_a_reason(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 1);
    fake_saw_size(&w, 0, 12);
    fake_set(&w.fakes[0], FAKE_422);
    world_anchor(&w);
    offer(&w, 15);
    WAIT_FOR(&w, w.num_down == 1);
    assert_int_equal(w.num_split, 0);
    assert_non_null(strstr(w.message, "is the beginning of this log"));
    world_stop(&w);
}

static void test_a_witness_that_was_rolled_back(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 1);
    world_anchor(&w);
    offer(&w, 12);
    WAIT_FOR(&w, cosigned_size(&w, 0) == 12);
    fake_saw_size(&w, 0, 5);
    offer(&w, 20);
    WAIT_FOR(&w, w.num_forgot == 1 && cosigned_size(&w, 0) == 20);
    assert_int_equal(w.num_up, 1);
    assert_int_equal(w.num_split + w.num_down, 0);
    world_stop(&w);
}

/* ---------------------------------------------------------------- the end */

static void test_the_last_one_is_shown_at_the_end(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 2);
    w.settings.interval_ms = 3600000;
    world_anchor(&w);
    offer(&w, 3);
    WAIT_FOR(&w, cosigned_size(&w, 0) == 3 && cosigned_size(&w, 1) == 3);
    offer(&w, 30);
    anchor_finish(w.anchor, 10000);
    assert_int_equal(cosigned_size(&w, 0), 30);
    assert_int_equal(cosigned_size(&w, 1), 30);
    check_kept(&w, 30, 2);
    world_stop(&w);
}

static void test_urgent(void **state)
{
    static struct world w;
    struct buf note;
    (void)state;
    world_start(&w, 1);
    w.settings.interval_ms = 3600000;
    world_anchor(&w);
    offer(&w, 3);
    WAIT_FOR(&w, cosigned_size(&w, 0) == 3);
    sign_checkpoint(&w.tree, 8, w.signer, &note);
    anchor_offer(w.anchor, buf_slice(&note), true);
    buf_free(&note);
    WAIT_FOR(&w, cosigned_size(&w, 0) == 8);
    world_stop(&w);
}

static void test_a_silent_witness_does_not_hold_up_the_end(void **state)
{
    static struct world w;
    (void)state;
    world_start(&w, 2);
    fake_set(&w.fakes[0], FAKE_SILENT);
    w.settings.timeout_ms = 60000;
    world_anchor(&w);
    offer(&w, 3);
    WAIT_FOR(&w, cosigned_size(&w, 1) == 3); /* nor the other one */
    const int64_t start_us = clock_mono_us(&cb_system_clock);
    anchor_finish(w.anchor, 100);
    assert_true(clock_mono_us(&cb_system_clock) - start_us < 10000000);
    world_stop(&w);
}

/* ---------------------------------------------------------------- the question at start */

struct own_log {
    struct tree *tree;
    struct world *world;
    uint64_t size;
};

static enum cb_code own_root(void *ctx, uint64_t size, unsigned char ret[SHA256_LEN],
                             struct cb_err *err)
{
    struct own_log *own = ctx;
    if (size > own->size) {
        return cb_fail(err, CB_ENOENT, "fewer");
    }
    tree_root(own->tree, size, ret);
    return CB_OK;
}

static enum cb_code own_count(void *ctx, uint64_t size, uint64_t *ret, struct cb_err *err)
{
    (void)size;
    (void)err;
    *ret = ((struct own_log *)ctx)->size;
    return CB_OK;
}

static bool own_has_signed(void *ctx, const struct note *note)
{
    return log_has_signed(((struct own_log *)ctx)->world, note);
}

static void count_warning(void *ctx, const char *message)
{
    (void)message;
    (*(unsigned *)ctx)++;
}

static void test_start(void **state)
{
    static const struct {
        uint64_t seen; /* by the first; 0: nothing */
        bool is_forked, is_down, is_required, is_made_up;
        enum cb_code code;
        unsigned warnings;
        const char *message;
    } cases[] = {
        {0, false, false, true, false, CB_OK, 0, ""},
        {10, false, false, true, false, CB_OK, 0, ""},
        {7, false, false, false, false, CB_OK, 0, ""},
        {13, false, false, false, false, CB_ECORRUPT, 0, "records 10 to 12 are missing"},
        {10, true, false, false, false, CB_ECORRUPT, 0,
         "not the one that its witness witness.test/a"},
        {7, true, false, false, false, CB_ECORRUPT, 0, "records 0 to 6 some were changed"},
        {13, false, true, false, false, CB_OK, 1, ""},
        {13, false, true, true, false, CB_ESYS, 0, "witness.test/a, which is required"},
        {13, false, false, false, true, CB_OK, 1, ""},
        {7, true, false, false, true, CB_OK, 1, ""},
        {13, false, false, true, true, CB_ESYS, 0, "13 records that this log's key did not sign"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct world w;
        struct cb_err err = {0};
        unsigned warnings = 0;
        world_start(&w, 2);
        struct own_log own_log = {&w.tree, &w, 10};
        const struct anchor_own own = {&own_log, own_root, own_count, own_has_signed};
        w.tree.fork_at = cases[i].is_forked ? 2 : UINT64_MAX;
        if (cases[i].seen > 0) {
            (cases[i].is_made_up ? fake_made_up : fake_saw_size)(&w, 0, cases[i].seen);
        }
        w.tree.fork_at = UINT64_MAX;
        fake_saw_size(&w, 1, 4);
        fake_set(&w.fakes[0], cases[i].is_down ? FAKE_DOWN : FAKE_HONEST);
        w.witnesses[0].is_required = cases[i].is_required;
        assert_int_equal(
            anchor_check_start(&w.settings, slice_of(ORIGIN), &own, count_warning, &warnings, &err),
            cases[i].code);
        if (strstr(err.msg, cases[i].message) == NULL) {
            fail_msg("%zu: %s", i, err.msg);
        }
        assert_int_equal(warnings, cases[i].warnings);
        world_stop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_witnesses_of_a_growing_log),
        cmocka_unit_test(test_an_idle_log_is_shown_again),
        cmocka_unit_test(test_a_witness_that_knows_more_than_we_remember),
        cmocka_unit_test(test_refusals_and_rubbish),
        cmocka_unit_test(test_down_and_up_again),
        cmocka_unit_test(test_it_has_seen_more),
        cmocka_unit_test(test_it_has_seen_others),
        cmocka_unit_test(test_a_witness_cannot_make_it_up),
        cmocka_unit_test(test_a_422_without_a_reason),
        cmocka_unit_test(test_a_witness_that_was_rolled_back),
        cmocka_unit_test(test_the_last_one_is_shown_at_the_end),
        cmocka_unit_test(test_urgent),
        cmocka_unit_test(test_a_silent_witness_does_not_hold_up_the_end),
        cmocka_unit_test(test_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
