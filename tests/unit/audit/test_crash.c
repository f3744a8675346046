/* test_crash.c - every state a power cut could leave behind, worked out from a journal of the file
 * calls, and recovery run on each.
 *
 * What a crash may do to bytes that no successful sync covered: drop them, keep them, cut them at
 * any sector or odd byte, leave zeros in place of any sector or of the whole rest. A file whose
 * directory was not synced since it was created may be missing; one that was unlinked may be back.
 * Asked of each state: the log opens, no acknowledged record is missing or changed, nothing is
 * called corrupt. With any fdatasync or directory fsync left out of the writer this fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/audit/helpers.h"

#include "tests/unit/audit/fake_io.h"

#include "audit/recover.h"

#define SECTOR 512U
#define FILES_MAX 64
#define RECORDS_MAX 512

/* ---- recording a run ---- */

struct run {
    char *dir;
    struct fake_io *f;
    struct buf base_segment; /* segment 1, from init: durable long before */
    char *line[RECORDS_MAX]; /* as observed when durable */
    size_t line_len[RECORDS_MAX];
};

static void remember_line(void *ctx, uint64_t seq, struct slice line)
{
    struct run *r = ctx;
    CB_CHECK(seq < RECORDS_MAX && r->line[seq] == NULL);
    r->line[seq] = strndup(line.ptr, line.len);
    r->line_len[seq] = line.len;
}

struct waiting {
    struct audit_append append;
    struct buf body;
    struct run *run;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
};

static void on_done(struct audit_append *a, enum cb_code code)
{
    struct waiting *w = a->ctx;
    if (code == CB_OK) {
        fake_ack(w->run->f, a->seq);
    }
    (void)pthread_mutex_lock(&w->mutex);
    w->done = true;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->mutex);
}

/* append_group - submit num records at once, wait for all. */
static void append_group(struct run *r, struct audit *a, size_t num, size_t detail_len)
{
    static struct waiting group[8];
    char detail[900];
    memset(detail, 'd', sizeof(detail));
    detail[detail_len] = '\0';
    assert_in_range(num, 1, 8);
    for (size_t i = 0; i < num; i++) {
        struct waiting *w = &group[i];
        struct cb_err err;
        *w = (struct waiting){
            .run = r, .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        body_of(&w->body, AUDIT_AUTHZ_DENY, UINT64_MAX, detail);
        w->append = (struct audit_append){.body = buf_slice(&w->body),
                                          .type = AUDIT_AUTHZ_DENY,
                                          .done = on_done,
                                          .ctx = w,
                                          .ref_seq = UINT64_MAX};
        if (audit_submit(a, &w->append, &err) != CB_OK) {
            w->done = true; /* no one else touches it then */
        }
    }
    for (size_t i = 0; i < num; i++) {
        (void)pthread_mutex_lock(&group[i].mutex);
        while (!group[i].done) {
            (void)pthread_cond_wait(&group[i].changed, &group[i].mutex);
        }
        (void)pthread_mutex_unlock(&group[i].mutex);
        buf_free(&group[i].body);
    }
}

enum weather { FAIR, FAULTS, FAULTS_NO_UNLINK };

static struct run record_run(enum weather weather)
{
    struct run r = {.dir = new_log(), .f = fake_new()};
    struct audit_options options = options_for(r.dir, &r.f->io);
    read_file(segment_path(r.dir, 1), &r.base_segment);
    options.segment_bytes = 2500;
    r.f->journal_on = true;
    if (weather == FAULTS_NO_UNLINK) {
        fake_fail(r.f, OP_UNLINK, EPERM, -1);
    }
    struct run *self = malloc(sizeof(*self));
    assert_non_null(self);
    *self = r;
    options.observer = remember_line;
    options.observer_ctx = self;
    struct audit *a = open_with(&options, NULL);
    for (size_t i = 0; i < 14; i++) {
        if (weather != FAIR && i % 4 == 2) {
            fake_fail(r.f, i % 8 == 2 ? OP_FDATASYNC : OP_WRITE, EIO, i % 3 == 0 ? 3 : 1);
        }
        append_group(self, a, 1 + i % 4, (i * 131) % 600);
        audit_poke(a);
    }
    audit_close(a);
    r = *self;
    free(self);
    return r;
}

static void run_free(struct run *r)
{
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        free(r->line[i]);
    }
    buf_free(&r->base_segment);
    fake_free(r->f);
    remove_dir(r->dir);
}

/* ---- the state of the disk after part of the journal ---- */

struct disk_file {
    char name[32];
    struct buf bytes;
    size_t durable;    /* bytes that a sync covered */
    bool name_durable; /* the directory was synced since it was created */
    bool unlinked;     /* and the directory not synced since */
};

struct disk {
    struct disk_file file[FILES_MAX];
    size_t num;
    uint64_t acked; /* every record that was acknowledged has a lower seq; 0: none */
    bool is_acked[RECORDS_MAX];
};

static struct disk_file *find_file(struct disk *d, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < d->num; i++) {
        if (strcmp(d->file[i].name, name) == 0) {
            return &d->file[i];
        }
    }
    assert_true(d->num < FILES_MAX);
    struct disk_file *f = &d->file[d->num++];
    *f = (struct disk_file){.durable = 0};
    (void)snprintf(f->name, sizeof(f->name), "%s", name);
    buf_init(&f->bytes, 1U << 20);
    return f;
}

static bool is_segment(const char *path)
{
    return strstr(path, "/seg/") != NULL;
}

static void sync_dir(struct disk *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->num; i++) {
        if (d->file[i].unlinked) {
            buf_free(&d->file[i].bytes);
            continue;
        }
        d->file[i].name_durable = true;
        d->file[kept++] = d->file[i];
    }
    d->num = kept;
}

static void apply(struct disk *d, const struct fake_entry *e)
{
    if (e->op == OP_ACK) {
        d->is_acked[e->seq] = true;
        d->acked = e->seq + 1;
        return;
    }
    const size_t len = strlen(e->path);
    if (e->op == OP_FSYNC && len > 4 && strcmp(e->path + len - 4, "/seg") == 0 && !e->failed) {
        sync_dir(d);
    }
    if (!is_segment(e->path)) {
        return;
    }
    struct disk_file *f = find_file(d, e->path);
    if (e->op == OP_WRITE) {
        buf_add(&f->bytes, e->data, e->len);
    } else if ((e->op == OP_FSYNC || e->op == OP_FDATASYNC) && !e->failed) {
        f->durable = f->bytes.len;
    } else if (e->op == OP_UNLINK) {
        f->unlinked = true;
    }
}

/* ---- what a crash then may leave ---- */

enum damage { KEEP, DROP, CUT, ZERO_REST, ZERO_SECTOR, MISSING };

struct fate {
    enum damage damage;
    size_t at; /* CUT, ZERO_*: offset in the file */
};

static void lay_file(const char *dir, const struct disk_file *f, struct fate fate)
{
    char path[SEGMENT_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/seg/%s", dir, f->name);
    if (fate.damage == MISSING) {
        (void)unlink(path);
        return;
    }
    const size_t len = fate.damage == DROP  ? f->durable
                       : fate.damage == CUT ? fate.at
                                            : f->bytes.len;
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    if (len > 0) {
        memcpy(bytes, f->bytes.data, len);
    }
    if (fate.damage == ZERO_REST || fate.damage == ZERO_SECTOR) {
        const size_t end = (fate.at / SECTOR + 1) * SECTOR;
        const size_t stop = fate.damage == ZERO_REST || end > len ? len : end;
        memset(bytes + fate.at, 0, stop - fate.at);
    }
    write_file(path, (struct slice){bytes, len});
    free(bytes);
}

struct check {
    const struct run *run;
    const struct disk *disk;
    bool seen[RECORDS_MAX];
};

static bool check_line(void *ctx, uint64_t seq, struct slice line)
{
    struct check *c = ctx;
    if (seq < RECORDS_MAX && c->disk->is_acked[seq]) {
        assert_true(slice_eq(line, (struct slice){c->run->line[seq], c->run->line_len[seq]}));
        c->seen[seq] = true;
    }
    return true;
}

static void check_walk(const struct run *run, const struct disk *d, const char *dir)
{
    struct check c = {.run = run, .disk = d};
    struct cb_err err;
    if (audit_walk(dir, 0, check_line, &c, &err) != CB_OK) {
        fail_msg("walk: %s", err.msg);
    }
    for (size_t seq = 0; seq < d->acked; seq++) {
        assert_true(!d->is_acked[seq] || c.seen[seq]);
    }
}

static void check_recovery(const struct disk *d, struct fake_io *f, const char *dir)
{
    struct recovered *r = calloc(1, sizeof(*r));
    struct cb_err err;
    assert_non_null(r);
    if (recover(dir, SLICE(ORIGIN), &f->io, r, &err) != CB_OK) {
        fail_msg("recover: %s", err.msg);
    }
    assert_true(r->tree.size >= d->acked);
    merkle_free(&r->tree);
    free(r);
}

struct simulator {
    const struct run *run;
    struct fake_io *io; /* without journal and faults */
    char *dir;          /* where states are laid out */
    size_t states, step;
};

static void clear_segments(const char *dir, uint64_t from)
{
    struct segment_list list;
    struct cb_err err;
    assert_int_equal(segdir_list(dir, &list, &err), CB_OK);
    for (size_t i = 0; i < list.num; i++) {
        if (list.no[i] >= from) {
            assert_int_equal(unlink(segment_path(dir, list.no[i])), 0);
        }
    }
    segdir_list_free(&list);
}

/* try_state - file number which meets its fate; the others with unsynced bytes all meet other. */
static void try_state(struct simulator *s, const struct disk *d, size_t which, struct fate fate,
                      enum damage other)
{
    clear_segments(s->dir, 2);
    for (size_t i = 1; i < d->num; i++) { /* 0 is segment 1: there from the start, always whole */
        lay_file(s->dir, &d->file[i], i == which ? fate : (struct fate){.damage = other});
    }
    check_recovery(d, s->io, s->dir);
    check_walk(s->run, d, s->dir);
    s->states++;
    if (s->states % 8 == 0) {
        audit_close(open_log(s->dir, &s->io->io)); /* and it goes on from there */
        check_walk(s->run, d, s->dir);
        struct cb_err err;
        assert_int_equal(open_code(s->dir, &s->io->io, &err), CB_OK);
    }
}

/* try_cuts - the unsynced bytes of a file cut, or zeroed, at every sector and at odd bytes. */
static void try_cuts(struct simulator *s, const struct disk *d, size_t which, enum damage other)
{
    static const size_t odd[] = {1, 2, 13, 101, 300, 511, 513, 700};
    const struct disk_file *f = &d->file[which];
    for (size_t at = (f->durable / SECTOR + 1) * SECTOR; at < f->bytes.len; at += SECTOR) {
        try_state(s, d, which, (struct fate){.damage = CUT, .at = at}, other);
        try_state(s, d, which, (struct fate){.damage = ZERO_REST, .at = at}, other);
        try_state(s, d, which, (struct fate){.damage = ZERO_SECTOR, .at = at}, other);
    }
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        if (f->durable + odd[i] < f->bytes.len) {
            try_state(s, d, which, (struct fate){.damage = CUT, .at = f->durable + odd[i]}, other);
        }
    }
    try_state(s, d, which, (struct fate){.damage = ZERO_REST, .at = f->durable}, other);
    try_state(s, d, which, (struct fate){.damage = ZERO_SECTOR, .at = f->durable}, other);
    try_state(s, d, which, (struct fate){.damage = CUT, .at = f->bytes.len - 1}, other);
}

static void try_file(struct simulator *s, const struct disk *d, size_t which, enum damage other)
{
    const struct disk_file *f = &d->file[which];
    try_state(s, d, which, (struct fate){.damage = KEEP}, other);
    try_state(s, d, which, (struct fate){.damage = DROP}, other);
    if (!f->name_durable || f->unlinked) {
        try_state(s, d, which, (struct fate){.damage = MISSING}, other);
    }
    /* In a segment long abandoned the exact cut makes no difference. */
    if (f->durable < f->bytes.len && which + 2 >= d->num) {
        try_cuts(s, d, which, other);
    }
}

static void try_crash(struct simulator *s, const struct disk *d)
{
    size_t unsettled = 0;
    for (size_t i = 0; i < d->num; i++) {
        const struct disk_file *f = &d->file[i];
        unsettled += f->durable < f->bytes.len || !f->name_durable || f->unlinked ? 1 : 0;
    }
    for (size_t i = 0; i < d->num; i++) {
        const struct disk_file *f = &d->file[i];
        if (f->durable < f->bytes.len || !f->name_durable || f->unlinked) {
            try_file(s, d, i, DROP);
            if (unsettled > 1) {
                try_file(s, d, i, KEEP);
            }
        }
    }
    if (unsettled == 0) {
        try_state(s, d, d->num, (struct fate){.damage = KEEP}, KEEP);
    }
}

static void simulate(enum weather weather, size_t at_least)
{
    struct run run = record_run(weather);
    struct simulator s = {.run = &run, .io = fake_new(), .dir = new_log()};
    struct disk *d = calloc(1, sizeof(*d));
    assert_non_null(d);
    s.io->no_direct = true;
    /* The run's own first segment, not the one of the directory the states are laid out in. */
    write_file(segment_path(s.dir, 1), buf_slice(&run.base_segment));
    struct disk_file *base = find_file(d, "/seg/00000001.jsonl");
    buf_add_slice(&base->bytes, buf_slice(&run.base_segment));
    base->durable = base->bytes.len;
    base->name_durable = true;
    for (size_t i = 0; i < run.f->journal_len; i++) {
        apply(d, &run.f->journal[i]);
        s.step = i;
        try_crash(&s, d);
    }
    print_message("%zu states from %zu file calls, %llu records acknowledged\n", s.states,
                  run.f->journal_len, (unsigned long long)d->acked);
    assert_true(s.states >= at_least);
    for (size_t i = 0; i < d->num; i++) {
        buf_free(&d->file[i].bytes);
    }
    free(d);
    fake_free(s.io);
    remove_dir(s.dir);
    run_free(&run);
}

static void test_power_cuts(void **state)
{
    (void)state;
    simulate(FAIR, 500);
}

static void test_power_cuts_on_a_failing_disk(void **state)
{
    (void)state;
    simulate(FAULTS, 500);
}

static void test_power_cuts_where_nothing_can_be_unlinked(void **state)
{
    (void)state;
    simulate(FAULTS_NO_UNLINK, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cuts),
        cmocka_unit_test(test_power_cuts_on_a_failing_disk),
        cmocka_unit_test(test_power_cuts_where_nothing_can_be_unlinked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
