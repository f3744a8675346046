/* run.h - inside audit/verify only: all segments of the chain, read by several threads. */
#ifndef AUDIT_VERIFY_RUN_H
#define AUDIT_VERIFY_RUN_H

#include "audit/read/chain.h"
#include "audit/verify/pass.h"

/* What is left of a segment once it was read. */
struct segment_result {
    struct pass_edge begin, end;
    struct segment_prev prev; /* what it says about the one before */
    uint64_t end_seq;         /* the number after its last record */
    uint64_t good;            /* records below are as a checkpoint or its beginning says */
    uint64_t bytes;           /* that count */
    uint64_t torn_bytes;      /* of the newest one */
    uint64_t found;
    int64_t first_us, last_us;
    uint64_t unread; /* records behind the point from which the file could not be read */
    bool closed;
    bool newer; /* it has a record that only a newer version knows */
};

struct run {
    const struct verify_options *options;
    const char *origin;
    struct chain chain;
    struct promises *promises;
    struct findings *findings;
    struct tile_source tiles;
    struct rotations rotations; /* those that were read */
    struct policies policies;   /* those that records put in force */
    struct troubles troubles;
    struct segment_result *results; /* one for each link; owned */
    bool pruned_found;              /* something is wrong with what is kept of pruned records */
    unsigned threads;
    /* shared by the threads */
    _Atomic size_t next;
    _Atomic bool failed;
    pthread_mutex_t mutex;
    struct cb_err err; /* of the first failure */
};

/* run_segments - chain, promises, findings, tiles and options are the caller's; results become theirs.
 * CB_ENOENT: a segment has gone since the chain was read. */
enum cb_code run_segments(struct run *run, struct cb_err *err) CB_MUST_USE;

/* run_pruned - of records that were removed the tiles have the hashes: their tree must be the one that the
 * first segment begins with. After run_segments. */
enum cb_code run_pruned(struct run *run, struct cb_err *err) CB_MUST_USE;

/* run_segment_file - what a segment's file is called in the log's directory, in whichever form it is
 * there. */
#define RUN_FILE_MAX 48U
void run_segment_file(const struct run *run, size_t index, char out[RUN_FILE_MAX]);

/* run_threads - body(ctx) in so many threads, this one among them; when more cannot be had, fewer. */
void run_threads(unsigned threads, void *(*body)(void *ctx), void *ctx);

/* run_segment - one segment alone, for whoever has a worker of its own: tests. */
struct run_worker;
enum cb_code run_worker_new(struct run_worker **ret, struct cb_err *err) CB_MUST_USE;
void run_worker_free(struct run_worker *w);
enum cb_code run_segment(struct run *run, struct run_worker *w, size_t index,
                         struct cb_err *err) CB_MUST_USE;

#endif
