/* test_crash_sealed.c - power cuts while the sealer writes tiles and checkpoints, at every file call.
 *
 * Asked of each state the disk may then have: the log opens with its key, no record that was
 * acknowledged is missing or changed, no checkpoint that anybody was told of is forgotten, and what is
 * signed next is right. With any sync or rename left out of the sealer's writes this fails.
 *
 * Tried are all states right after a checkpoint was told of, and of the others one in four; with
 * CRASH_ALL=1 in the environment all are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/disk_model.h"
#include "tests/unit/audit/seal_helpers.h"

#define RECORDS_MAX 2048
#define GROUP_MAX 128

static struct note_signer *key;

struct run {
    char *dir;
    struct fake_io *f;
    struct model *base;
    char *line[RECORDS_MAX];
};

static void remember_line(void *ctx, uint64_t seq, struct slice line)
{
    struct run *r = ctx;
    CB_CHECK(seq < RECORDS_MAX && r->line[seq] == NULL);
    r->line[seq] = strndup(line.ptr, line.len);
}

static void on_seal(void *ctx, struct slice note)
{
    struct run *r = ctx;
    struct note parsed;
    struct checkpoint c;
    struct cb_err err;
    CB_CHECK(checkpoint_open(note, note_signer_key(key), &parsed, &c, &err) == CB_OK);
    fake_mark(r->f, OP_SEAL, c.size);
}

struct waiting {
    struct audit_append append;
    struct run *run;
    _Atomic size_t *left;
};

static void on_done(struct audit_append *a, enum cb_code code)
{
    struct waiting *w = a->ctx;
    if (code == CB_OK) {
        fake_ack(w->run->f, a->seq);
    }
    atomic_fetch_sub(w->left, 1U);
}

/* append_group - so many at once, and wait for all. */
static void append_group(struct run *r, struct audit *a, size_t num)
{
    static struct waiting group[GROUP_MAX];
    _Atomic size_t left = num;
    struct buf body;
    struct cb_err err;
    body_of(&body, AUDIT_AUTHZ_DENY, UINT64_MAX, "sealed");
    for (size_t i = 0; i < num; i++) {
        group[i] = (struct waiting){.run = r, .left = &left};
        group[i].append = (struct audit_append){.body = buf_slice(&body),
                                                .type = AUDIT_AUTHZ_DENY,
                                                .done = on_done,
                                                .ctx = &group[i],
                                                .ref_seq = UINT64_MAX};
        if (audit_submit(a, &group[i].append, &err) != CB_OK) {
            atomic_fetch_sub(&left, 1U);
        }
    }
    while (atomic_load(&left) > 0) {
        audit_poke(a); /* returns when the committer has come round */
    }
    buf_free(&body);
}

static void session(struct run *r, bool faults, size_t groups)
{
    static const enum fake_op bad[] = {OP_RENAME, OP_FSYNC, OP_FDATASYNC, OP_OPEN};
    struct audit_options options = signed_options(r->dir, &r->f->io, key);
    options.segment_bytes = 24000;
    options.observer = remember_line;
    options.observer_ctx = r;
    options.on_seal = on_seal;
    options.on_seal_ctx = r;
    struct audit *a = open_with(&options, NULL);
    for (size_t i = 0; i < groups; i++) {
        if (faults) {
            fake_fail(r->f, bad[i % 4], EIO, 1 + (int)(i % 2));
        }
        append_group(r, a, 20 + 13 * (i % 7));
        (void)audit_seal_wait(a);
        fake_fail(r->f, bad[i % 4], 0, 0);
    }
    audit_close(a);
}

static struct model *base_of(const char *dir)
{
    static const char *const names[] = {"seg",
                                        "policy",
                                        "state",
                                        "seg/00000001.jsonl",
                                        "state/LOCK",
                                        "state/origin",
                                        "state/vkeys",
                                        "state/checkpoint",
                                        "state/checkpoints.log"};
    struct model *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->prefix = strlen(dir) + 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        model_base(m, names[i], in_dir(dir, names[i]));
    }
    return m;
}

/* ---- checking a state ---- */

struct simulator {
    struct run *run;
    struct model *m;
    struct fake_io *io; /* no journal, no faults, no real syncs */
    bool acked[RECORDS_MAX];
    uint64_t acked_end, told;
    size_t states, seen, stride;
};

static bool check_line(void *ctx, uint64_t seq, struct slice line)
{
    struct simulator *s = ctx;
    if (seq < s->acked_end && s->acked[seq] && !slice_eq_str(line, s->run->line[seq])) {
        fail_msg("record %llu is another one", (unsigned long long)seq);
    }
    return true;
}

/* check_tiles - all that a checkpoint covers which somebody was told of. A missing one would be made again,
 * but proofs are served from them. */
static void check_tiles(const struct simulator *s, const char *dir, size_t step)
{
    for (uint64_t n = 0; n < s->told / TILE_WIDTH; n++) {
        char name[TILE_PATH_MAX];
        struct stat st;
        tile_path(0, n, name);
        if (stat(in_dir(dir, name), &st) != 0 || st.st_size != (off_t)TILE_BYTES) {
            fail_msg("step %zu: %s of a checkpoint is not there", step, name);
        }
    }
}

static void check_state(struct simulator *s, const char *dir, size_t step)
{
    struct cb_err err;
    struct vkeys vkeys;
    struct checkpoint c;
    assert_int_equal(vkeys_read(&s->io->io, dir, &vkeys, &err), CB_OK);
    if (seals_newest(&s->io->io, dir, &vkeys, &c, NULL, &err) != CB_OK || c.size < s->told) {
        fail_msg("step %zu: checkpoint of %llu records is forgotten: %s", step,
                 (unsigned long long)s->told, err.msg);
    }
    check_tiles(s, dir, step);
    if (open_signed_code(dir, &s->io->io, key, &err) != CB_OK) {
        fail_msg("step %zu: %s", step, err.msg);
    }
    if (audit_walk(dir, 0, check_line, s, &err) != CB_OK) {
        fail_msg("step %zu: walk: %s", step, err.msg);
    }
    c = newest_seal(dir);
    assert_true(c.size >= s->acked_end);
    assert_sealed(dir, &c);
}

static void try_state(struct simulator *s, const struct model_state *state, size_t step)
{
    if (s->seen++ % s->stride != 0) {
        return;
    }
    char *dir = temp_dir();
    model_lay(s->m, state, dir);
    check_state(s, dir, step);
    s->states++;
    remove_dir(dir);
}

static void try_crash(struct simulator *s, size_t step)
{
    static const enum model_bytes fates[] = {BYTES_ALL, BYTES_CUT, BYTES_ZEROS, BYTES_ALL_BUT_ONE};
    struct model_state all = {.which = SIZE_MAX};
    try_state(s, &all, step);
    all = (struct model_state){.names_now = true, .bytes = BYTES_ALL, .which = SIZE_MAX};
    try_state(s, &all, step);
    for (size_t i = 0; i < s->m->names; i++) {
        if (!model_unsettled(s->m, i)) {
            continue;
        }
        const struct model_state kept = {
            .names_now = true, .bytes = BYTES_ALL, .which = i, .which_bytes = BYTES_DURABLE};
        try_state(s, &kept, step); /* all but this name */
        const size_t which_fate = (step + i) % 4;
        const struct model_state lost = {
            .which = i, .which_now = true, .which_bytes = fates[which_fate]};
        try_state(s, &lost, step); /* none but this name, with some of its bytes */
        const struct model_state torn = {.names_now = true,
                                         .bytes = BYTES_ALL,
                                         .which = i,
                                         .which_now = true,
                                         .which_bytes = fates[(which_fate + 1) % 4]};
        try_state(s, &torn, step);
    }
}

static void play(struct simulator *s)
{
    const struct fake_io *f = s->run->f;
    for (size_t i = 0; i < f->journal_len; i++) {
        const struct fake_entry *e = &f->journal[i];
        if (e->op == OP_ACK) {
            s->acked[e->seq] = true;
            s->acked_end = e->seq + 1;
        } else if (e->op == OP_SEAL) {
            s->told = e->seq;
            const size_t stride = s->stride;
            s->stride = 1;
            try_crash(s, i); /* told: from here on it may not be forgotten */
            s->stride = stride;
        } else if (model_apply(s->m, e) && strstr(e->path, "/seg/") == NULL) {
            try_crash(s, i); /* within seg/: test_crash.c */
        }
    }
}

static void simulate(bool faults, size_t at_least)
{
    struct run run = {.dir = new_signed_log(key), .f = fake_new()};
    struct simulator *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->run = &run;
    s->stride = getenv("CRASH_ALL") != NULL ? 1 : 4;
    s->m = base_of(run.dir);
    s->io = fake_new();
    s->io->no_direct = true;
    run.f->no_direct = true;
    run.f->journal_on = true;
    session(&run, faults, 8);
    session(&run, faults, 3);
    play(s);
    print_message("%zu states from %zu file calls, %llu records acknowledged, %llu signed for\n",
                  s->states, run.f->journal_len, (unsigned long long)s->acked_end,
                  (unsigned long long)s->told);
    assert_true(s->states >= at_least);
    assert_true(s->acked_end > 512 && s->told > 512);
    model_free(s->m);
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        free(run.line[i]);
    }
    fake_free(s->io);
    fake_free(run.f);
    remove_dir(run.dir);
    free(s);
}

static void test_power_cuts_while_signing(void **state)
{
    (void)state;
    simulate(false, 100);
}

static void test_power_cuts_while_signing_fails(void **state)
{
    (void)state;
    simulate(true, 100);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cuts_while_signing),
        cmocka_unit_test(test_power_cuts_while_signing_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
