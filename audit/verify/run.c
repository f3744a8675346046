/* run.c - see run.h. Does not compare segments with each other. */
#include "audit/verify/run.h"

#include "audit/read/lines.h"
#include "audit/segdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROGRESS_STEP (UINT64_C(1) << 20)

/* What one thread needs, used again for each of its segments. */
struct run_worker {
    struct pass pass;
    struct tile_windows windows;
    struct lines lines;
};

enum cb_code run_worker_new(struct run_worker **ret, struct cb_err *err)
{
    struct run_worker *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    const enum cb_code code = merkle_init(&w->pass.m, err);
    if (code != CB_OK) {
        free(w);
        return code;
    }
    *ret = w;
    return CB_OK;
}

void run_worker_free(struct run_worker *w)
{
    if (w != NULL) {
        merkle_free(&w->pass.m);
        free(w);
    }
}

/* ---- one segment ---- */

static void add_progress(const struct run *run, uint64_t *said, uint64_t now)
{
    if (run->options->progress != NULL && now > *said) {
        atomic_fetch_add_explicit(&run->options->progress->bytes, now - *said,
                                  memory_order_relaxed);
        *said = now;
    }
}

/* take - what lines_next found. */
static enum cb_code take(struct pass *p, enum lines_next next, struct slice line, uint64_t offset,
                         struct cb_err *err)
{
    if (next == LINES_LINE) {
        return pass_line(p, line, offset, err);
    }
    if (next == LINES_BROKEN) {
        return pass_broken(p, line, err);
    }
    if (next == LINES_FAILED && err->code != CB_ECORRUPT) {
        return err->code;
    }
    if (next == LINES_FAILED) {
        pass_unreadable(p, err->msg); /* a packed segment that cannot be unpacked */
    }
    return CB_OK;
}

static enum cb_code read_lines(const struct run *run, struct run_worker *w, struct cb_err *err)
{
    uint64_t said = 0;
    enum lines_next next = LINES_LINE;
    while ((next == LINES_LINE || next == LINES_BROKEN) &&
           !atomic_load_explicit(&run->failed, memory_order_relaxed)) {
        struct slice line;
        uint64_t offset = 0;
        next = lines_next(&w->lines, &line, &offset, err);
        TRY(take(&w->pass, next, line, offset, err));
        if (w->lines.offset > said + PROGRESS_STEP) {
            add_progress(run, &said, w->lines.offset);
        }
    }
    add_progress(run, &said, w->lines.offset);
    return CB_OK;
}

static void keep_result(const struct run_worker *w, struct segment_result *ret)
{
    const struct pass *p = &w->pass;
    *ret = (struct segment_result){
        .begin = p->begin,
        .end = p->end,
        .prev = p->start.prev,
        .end_seq = p->m.size,
        .good = p->tree.good,
        .bytes = p->offset,
        .torn_bytes = p->in_tail ? w->lines.offset - p->offset : 0,
        .found = pass_found(p),
        .first_us = p->first_us,
        .last_us = p->last_us,
        .unread = p->unreadable && p->scope.end_seq > p->m.size ? p->scope.end_seq - p->m.size : 0,
        .closed = p->closed,
        .newer = p->newer};
}

void run_segment_file(const struct run *run, size_t index, char out[RUN_FILE_MAX])
{
    char path[SEGMENT_PATH_MAX];
    char packed[SEGMENT_PATH_MAX];
    struct cb_err ignored;
    const uint64_t no = run->chain.links[index].no;
    const bool is_packed =
        segdir_path(run->options->dir, no, path, &ignored) == CB_OK && access(path, F_OK) != 0 &&
        segdir_packed(path, packed, &ignored) == CB_OK && access(packed, F_OK) == 0;
    (void)snprintf(out, RUN_FILE_MAX, "seg/%08llu.jsonl%s", (unsigned long long)no,
                   is_packed ? ".zst" : "");
}

enum cb_code run_segment(struct run *run, struct run_worker *w, size_t index, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    char file[RUN_FILE_MAX];
    CB_CHECK(w != NULL);
    const struct chain_link *link = &run->chain.links[index];
    const bool newest = index + 1 == run->chain.num;
    const struct pass_scope scope = {.file = file,
                                     .origin = run->origin,
                                     .rotations = &run->rotations,
                                     .troubles = &run->troubles,
                                     .policies = &run->policies,
                                     .no = link->no,
                                     .first_seq = link->first_seq,
                                     .valid_bytes = link->valid_bytes,
                                     .end_seq =
                                         newest ? run->promises->promised : link[1].first_seq};
    const struct tree given = {.findings = run->findings,
                               .promises = run->promises,
                               .tiles = &run->tiles,
                               .windows = &w->windows};
    run_segment_file(run, index, file);
    TRY(segdir_path(run->options->dir, link->no, path, err));
    TRY(lines_open(&w->lines, &audit_system_io, path, LINES_FROM_CACHE, link->valid_bytes, err));
    pass_begin(&w->pass, &scope, &given);
    const enum cb_code code = read_lines(run, w, err);
    if (code == CB_OK) {
        pass_end(&w->pass);
        keep_result(w, &run->results[index]);
    }
    lines_close(&w->lines);
    return code;
}

/* ---- threads ---- */

static void note_failure(struct run *run, const struct cb_err *err)
{
    (void)pthread_mutex_lock(&run->mutex);
    if (!atomic_load(&run->failed)) {
        run->err = *err;
        atomic_store(&run->failed, true);
    }
    (void)pthread_mutex_unlock(&run->mutex);
}

static void *work(void *ctx)
{
    struct run *run = ctx;
    struct run_worker *w = NULL;
    struct cb_err err;
    enum cb_code code = run_worker_new(&w, &err);
    while (code == CB_OK && !atomic_load(&run->failed)) {
        const size_t index = atomic_fetch_add(&run->next, 1);
        if (index >= run->chain.num) {
            break;
        }
        code = run_segment(run, w, index, &err);
    }
    if (code != CB_OK) {
        note_failure(run, &err);
    }
    run_worker_free(w);
    return NULL;
}

void run_threads(unsigned threads, void *(*body)(void *ctx), void *ctx)
{
    pthread_t others[VERIFY_THREADS_MAX];
    unsigned num = 0;
    while (num + 1 < threads && num < VERIFY_THREADS_MAX &&
           pthread_create(&others[num], NULL, body, ctx) == 0) {
        num++;
    }
    (void)body(ctx);
    for (unsigned i = 0; i < num; i++) {
        (void)pthread_join(others[i], NULL);
    }
}

enum cb_code run_segments(struct run *run, struct cb_err *err)
{
    run->results = calloc(run->chain.num, sizeof(*run->results));
    if (run->results == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for %zu segments", run->chain.num);
    }
    CB_CHECK(pthread_mutex_init(&run->mutex, NULL) == 0);
    atomic_store(&run->next, 0);
    atomic_store(&run->failed, false);
    run_threads(run->threads, work, run);
    (void)pthread_mutex_destroy(&run->mutex);
    if (atomic_load(&run->failed)) {
        *err = run->err;
        return err->code;
    }
    return CB_OK;
}
