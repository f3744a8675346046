/* writer.h - the inside of struct audit, shared by the files that make up the writer:
 *
 *   audit.c      opening, closing, submitting: the public surface
 *   writer.c     making and freeing it, the lock, the origin
 *   commit.c     the committer thread: batches
 *   own_batch.c  batches of our own records
 *   faults.c     what happens when the disk fails, and once a second
 *   init.c       the first segment of a new log
 *   keep.c       policy bytes
 *   sealing.c    the sealer's beginning and end, keys, checkpoints
 *   watch.c      heartbeats, steps of the clock
 *
 * Who may touch what: fields under "shared" are guarded by mutex; atomics are for everybody; the
 * rest belongs to the committer thread once it runs. */
#ifndef AUDIT_WRITER_H
#define AUDIT_WRITER_H

#include "audit/audit.h"
#include "audit/gather.h"
#include "audit/line.h"
#include "audit/open_set.h"
#include "audit/own_records.h"
#include "audit/recover.h"
#include "audit/seal/sealer.h"
#include "audit/seal/unsigned.h"
#include "audit/segment.h"
#include "audit/tlog/merkle.h"

#include <pthread.h>
#include <stdatomic.h>

#define QUEUE_RECORDS_MAX 4096U
#define QUEUE_BYTES_MAX (16UL * 1024 * 1024)
#define BATCH_RECORDS_MAX 1024U
#define BATCH_BYTES_MAX (1024UL * 1024)
/* What one open attempt may still need: the longest outcome line. */
#define OUTCOME_CREDIT AUDIT_LINE_MAX
#define TICK_MS 1000U

TAILQ_HEAD(append_queue, audit_append);

/* One record of the batch being written: somebody's append, or one of our own (append is NULL). */
struct entry {
    struct audit_append *append;
    struct slice body;
    enum audit_type type;
    uint64_t ref;
    size_t line_at, line_len; /* in batch.lines, without the newline */
};

struct batch {
    struct entry *entries; /* BATCH_RECORDS_MAX of them */
    size_t num;
    size_t bytes; /* upper bound of the lines' length */
    struct buf lines;
};

enum space { SPACE_ENOUGH, SPACE_LOW, SPACE_OUT };

struct recovered; /* recover.h */

struct audit {
    struct audit_options options; /* defaults filled in; dir is ours */
    const struct audit_io *io;
    const struct cb_clock *clock;
    char *dir;
    char origin[65], version[65], boot_id[37], host[65];
    int lock_fd;
    pthread_t thread;
    bool thread_runs;

    /* shared */
    pthread_mutex_t mutex;
    pthread_cond_t wake;   /* to the committer */
    pthread_cond_t ticked; /* from the committer: a poke was served */
    struct append_queue queue;
    size_t queued, queued_bytes;
    size_t attempts_pending; /* submitted, not in the open set yet */
    struct open_set open;
    bool stop, idle;
    uint64_t pokes, pokes_served;
    pthread_mutex_t keep_mutex; /* audit_keep_policy and audit_keep_cosigned run one at a time */

    /* for everybody */
    _Atomic bool blocked;          /* written under mutex */
    _Atomic int space;             /* enum space */
    _Atomic int64_t busy_since_us; /* the committer is at the disk since; 0: it is not */
    _Atomic uint64_t refused;      /* submissions turned away since the fault */
    _Atomic uint64_t records, batches, syncs, bytes, faults, segments_opened;
    _Atomic uint64_t last_sync_us, max_sync_us, free_bytes, next_seq, queued_now;

    struct sealer *sealer; /* NULL: the log has no key, or it was not given to us */
    pthread_t sealer_thread;
    bool sealer_runs;
    struct vkeys vkeys;     /* num 0: the log has no key. After opening: by audit_rotate_key only */
    uint64_t cosigned_size; /* of state/cosigned; under keep_mutex */

    /* the committer's */
    struct segment segment;
    struct segment_prev prev; /* of the last segment that counts but is not the current one */
    uint64_t newest_no;
    struct merkle tree; /* its size is the next seq, except between ack and hashing */
    struct batch batch; /* appends */
    struct gather gather;
    struct batch own; /* our own records */
    struct buf own_bodies;
    struct own_fault fault; /* of the outage we are in */
    int64_t next_tick_us;
    int64_t last_record_us;          /* monotonic */
    int64_t clock_gap_us;            /* wall clock minus time since boot, as last looked at */
    struct recover_loss loss;        /* found: to be recorded beside the next segment.open */
    struct checkpoint sealed_before; /* the newest one at the start; size 0: none */
    uint64_t unsigned_num;           /* records behind it then: to be recorded in the same way */
    bool roll_failed;                /* until the next tick: do not try for every batch */
};

static inline uint64_t stat_get(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}
static inline void stat_add(_Atomic uint64_t *value, uint64_t more)
{
    atomic_fetch_add_explicit(value, more, memory_order_relaxed);
}

/* writer_has_reserve - records whose space was set aside when their attempt was admitted, and the
 * last word of a program that stops: these still go in when the disk is full. */
static inline bool writer_has_reserve(enum audit_type type)
{
    return audit_type_is_outcome(type) || type == AUDIT_BROKER_STOP;
}

/* ---- writer.c ---- */
/* writer_new - a writer with nothing open. NULL options members get their defaults. */
enum cb_code writer_new(const struct audit_options *options, struct audit **ret,
                        struct cb_err *err) CB_MUST_USE;
void writer_free(struct audit *a); /* the thread does not run any more; NULL ok */
/* writer_lock - CB_EBUSY: another process writes this log. */
enum cb_code writer_lock(struct audit *a, struct cb_err *err) CB_MUST_USE;
/* writer_read_origin - state/origin into a->origin. CB_ENOENT: this directory holds no log. */
enum cb_code writer_read_origin(struct audit *a, struct cb_err *err) CB_MUST_USE;
bool writer_origin_valid(struct slice origin);

/* ---- commit.c ---- */
void *committer_main(void *audit);
/* commit_write - frame the batch's records, write them, one sync. On CB_OK they are on disk and
 * commit_settle must follow. On failure the segment must be abandoned; *ret_what: the step. */
enum cb_code commit_write(struct audit *a, struct batch *b, const char **ret_what,
                          struct cb_err *err) CB_MUST_USE;
/* commit_settle - the records are durable: tell everybody, then extend the tree. */
void commit_settle(struct audit *a, struct batch *b);
/* commit_fail - the records are not on disk: tell their owners. Empties the batch. */
void commit_fail(struct audit *a, struct batch *b, enum cb_code code);
bool commit_roll_is_due(const struct audit *a);
void batch_add(struct batch *b, struct audit_append *append, enum audit_type type,
               struct slice body, uint64_t ref);
bool batch_init(struct batch *b);
void batch_free(struct batch *b);

/* ---- own_batch.c ---- */
/* Our own records, gathered in a->own and then written as one batch. */
void own_begin(struct audit *a);
void own_add_fault(struct audit *a, const struct own_fault *fault);
void own_add_recovered(struct audit *a);
void own_add_lost(struct audit *a); /* *.unknown for attempts whose outcome was lost */
void own_add_open(struct audit *a); /* segment.open of a->segment */
void own_add_close(struct audit *a, const char *reason);
void own_add_loss(struct audit *a);     /* audit.loss, if there is one to tell */
void own_add_unsigned(struct audit *a); /* audit.unsigned, likewise */
void own_add_heartbeat(struct audit *a, uint64_t idle_us);
void own_add_clock_step(struct audit *a, int64_t step_us);
/* own_write - CB_OK also when nothing was gathered. On failure the segment must be abandoned. */
enum cb_code own_write(struct audit *a, const char **ret_what, struct cb_err *err) CB_MUST_USE;

/* ---- faults.c ---- */
/* writer_open_segment - create the next segment and write its segment.open durably; a->prev must
 * be right. On failure no segment is open. */
enum cb_code writer_open_segment(struct audit *a, struct cb_err *err) CB_MUST_USE;
/* writer_abandon - the current segment failed: it gets no more bytes. */
void writer_abandon(struct audit *a, const char *what, const struct cb_err *why);
/* writer_replace - open a fresh segment after writer_abandon and record the fault in it. False:
 * that failed too, and the log is now BLOCKED. */
bool writer_replace(struct audit *a);
void writer_block(struct audit *a);
/* writer_roll - end the current segment properly and go on in a new one. If no new one can be had
 * the old one stays in use. False: BLOCKED. */
bool writer_roll(struct audit *a);
/* writer_stop - write segment.close and close the file; what fails now stays unclean. */
void writer_stop(struct audit *a, const char *reason);
/* writer_tick - once a second: look at the file, at the free space, at the age; probe. */
void writer_tick(struct audit *a);
void writer_check_space(struct audit *a);
/* writer_reservation - bytes the current segment must own before more are added to it. */
uint64_t writer_reservation(const struct audit *a, size_t more_attempts, size_t more_bytes);

/* writer_tell - write what own_begin and own_add_* gathered, in a fresh segment if this one fails. False:
 * BLOCKED. */
bool writer_tell(struct audit *a);

/* ---- watch.c ---- */
/* watch_clock - between batches: a step of the wall clock gets its record first. watch_silence - once a
 * second. watch_sealer - once a second: what the sealer found wrong goes into the log. All false: BLOCKED. */
bool watch_clock(struct audit *a);
bool watch_silence(struct audit *a);
bool watch_sealer(struct audit *a);

/* ---- sealing.c ---- */
/* The newest checkpoint as it was before recovery. */
struct sealing {
    bool is_signed; /* the log has a key */
    struct checkpoint checkpoint;
    struct buf note;
    struct unsigned_tail tail; /* after sealing_check */
};
/* sealing_read - vkeys and checkpoint; a->options.key must fit. Before recovery. */
enum cb_code sealing_read(struct audit *a, struct sealing *ret, struct cb_err *err) CB_MUST_USE;
/* sealing_check - what was recovered must continue the checkpoint, and the key must be the current one.
 * Makes the sealer, if there is a key; it does not run yet. */
enum cb_code sealing_check(struct audit *a, struct sealing *sealing, const struct recovered *r,
                           struct cb_err *err) CB_MUST_USE;
void sealing_stats(const struct audit *a, struct audit_stats *io);
void sealing_free(struct sealing *sealing); /* zeroed is fine */
/* sealing_stop - the last checkpoint; ends the thread. The committer has ended before. */
void sealing_stop(struct audit *a);
/* audit_seal_wait - until all that is durable is signed for: for tests and rotate. False: it failed. */
bool audit_seal_wait(struct audit *a);

/* ---- init.c, keep.c, audit.c ---- */
/* writer_start_thread - with every signal blocked: signals are the main program's business. */
enum cb_code writer_start_thread(pthread_t *ret, void *(*run)(void *), void *arg,
                                 struct cb_err *err) CB_MUST_USE;
/* init_check_names - is origin one, and key (NULL: none) its? CB_EINPUT. */
enum cb_code init_check_names(const char *origin, const struct note_signer *key,
                              struct cb_err *err) CB_MUST_USE;
enum cb_code init_with(const struct audit_io *io, const char *dir, const char *origin,
                       const struct note_signer *key, struct cb_err *err) CB_MUST_USE;
/* audit_poke - let the committer do its once-a-second work now, and wait for it: for tests. */
void audit_poke(struct audit *a);

#endif
