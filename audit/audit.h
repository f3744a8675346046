/* audit.h - the append-only, tamper-evident audit log.
 *
 * One directory, one writer. Records are JSON lines in numbered segment files; the bytes on disk
 * are what later proofs hash. One committer thread writes batches and calls fdatasync once a
 * batch; only then does it tell anybody. The log is never truncated and never reopened for
 * writing: every start and every I/O error begins a new segment, whose first record says how many
 * bytes of the one before count. Public surface of audit/, with event.h, reader.h
 * and keyfile.h. */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/event.h"
#include "broker/base/clock.h"
#include "broker/base/err.h"

#include <sys/queue.h>

struct audit;       /* opaque */
struct audit_io;    /* io.h: the table of file calls, replaceable in tests */
struct note_signer; /* tlog/note.h; read from a file by keyfile.h */
struct proof;       /* tlog/proof.h */

enum audit_state {
    AUDIT_OK,
    AUDIT_LOW_SPACE, /* below the soft mark: no new certificates, revocation still works */
    AUDIT_CORRUPT, /* what is on the disk is not what was acknowledged: nothing is signed for any more,
                      no new certificates; revocation still works */
    AUDIT_STALLED, /* a batch has been waiting for the disk too long */
    AUDIT_BLOCKED, /* cannot write, or below the hard mark: nothing new may be begun. Below the mark
                      outcomes of what was begun still go in, see audit_submit */
};
const char *audit_state_word(enum audit_state state); /* "ok", "low_space", ... */

struct audit_options {
    const char *dir;              /* holds seg/, policy/, state/ */
    const char *version;          /* of the program, for segment.open */
    uint64_t segment_bytes;       /* roll after this many; 0: 64 MiB */
    uint64_t segment_seconds;     /* roll after this age; 0: 24 h */
    uint64_t soft_free_bytes;     /* 0: 1 GiB */
    uint64_t hard_free_bytes;     /* 0: 64 MiB */
    uint64_t stall_ms;            /* 0: 5000 */
    uint64_t heartbeat_ms;        /* log.heartbeat after so long without a record; 0: 60 s */
    bool abort_on_sync_error;     /* end the program when fdatasync fails, as some sites demand */
    const struct cb_clock *clock; /* NULL: system */
    const struct audit_io *io;    /* NULL: the real one */
    /* observer (may be NULL): called on the committer thread, in seq order, for every line once it
     * is durable and before its append's done; line has no newline and is borrowed for the call. */
    void (*observer)(void *ctx, uint64_t seq, struct slice line);
    void *observer_ctx;
    /* The log's own key, which signs its checkpoints; borrowed until audit_close. NULL: no sealer runs
     * and nothing is signed. */
    const struct note_signer *key;
    /* on_seal (may be NULL): on the sealer thread, for every new checkpoint once it is stored durably;
     * the signed note is borrowed for the call. Must not block. */
    void (*on_seal)(void *ctx, struct slice note);
    void *on_seal_ctx;
    /* To open, once, a log that refuses to: damage that is no torn tail, or records that must not be
     * signed for, all of it behind the newest signed checkpoint, ends the log there, and its first new
     * records say so (audit.loss). NULL: never. What a checkpoint covers is not given up: nothing could
     * be signed that continues it. */
    const struct audit_accept *accept_loss;
    /* How many records the log had when known_to, a file, was written at the latest: with fewer it does
     * not open. 0: nobody knows. */
    uint64_t known_size;
    const char *known_to;
};

struct audit_accept {
    const char *by, *note; /* who, and why */
};

/* An attempt that the last run left without an outcome. The caller appends its *.unknown. */
struct audit_open_attempt {
    uint64_t seq;
    char req[33];         /* request id, hex; "" if it could not be found again */
    enum audit_type type; /* AUDIT_ISSUE_ATTEMPT or AUDIT_REVOKE_ATTEMPT */
};

struct audit_recovery {
    uint64_t next_seq;                     /* records in the log */
    bool clean;                            /* the last run closed its segment */
    uint64_t void_bytes;                   /* of a torn tail that does not count */
    bool lost;                             /* with accept_loss: there was something to accept */
    uint64_t lost_first, lost_last;        /* UINT64_MAX: no later record shows itself */
    uint64_t unsigned_first, num_unsigned; /* records that no checkpoint covered: of a crash */
    struct audit_open_attempt *open;       /* owned by this struct */
    size_t num_open;
};
void audit_recovery_free(struct audit_recovery *r);

/* audit_origin_check - CB_EINPUT: no log can be called so; the message says how they can be. */
enum cb_code audit_origin_check(const char *origin, struct cb_err *err) CB_MUST_USE;

/* audit_init - create an empty log: directories, a first segment (opened and closed, so that a log
 * without segments is always a lost one) and, last, state/origin. origin: the log's name, 1..64
 * characters [a-z0-9./-]. CB_EBUSY if there already is one. Explicit on purpose: a missing volume
 * must never look like a fresh log. */
enum cb_code audit_init(const char *dir, const char *origin, struct cb_err *err) CB_MUST_USE;
/* audit_init_signed - the same for a log that signs checkpoints with this key, which must be named as the
 * log is. Also writes state/vkeys and the first checkpoint. */
enum cb_code audit_init_signed(const char *dir, const char *origin, const struct note_signer *key,
                               struct cb_err *err) CB_MUST_USE;

/* audit_give_key - the log in dir, which was made without one and is called origin, gets its first key: every
 * record is read, and a checkpoint over all signed. CB_EBUSY: it is another log, has or had a key, or is
 * being written. CB_ECORRUPT: it is damaged. *ret_size: how many records there were before the key was.
 * *ret_begun: also on failure; the key may have signed something, and must be kept. */
enum cb_code audit_give_key(const char *dir, const char *origin, const struct note_signer *key,
                            uint64_t *ret_size, bool *ret_begun, struct cb_err *err) CB_MUST_USE;

/* audit_open - lock the log, recover it, open a new segment, start the committer thread.
 * CB_ENOENT: not initialised. CB_EBUSY: another writer. CB_ECORRUPT: refuses to start; the message
 * names the file and record. So it does when the log does not continue what its newest checkpoint was
 * signed for, or has records behind it that no crash leaves there (unsigned.h). What a crash leaves is
 * kept and recorded (audit.unsigned). After a proper end the new run's first record is signed for before
 * this returns. CB_EINPUT: the key is not the log's current one. Blocks. *ret and *ret_recovery are the
 * caller's. */
enum cb_code audit_open(const struct audit_options *options, struct audit **ret,
                        struct audit_recovery *ret_recovery, struct cb_err *err) CB_MUST_USE;

/* audit_close - write what is queued, close the segment durably, stop the thread, free. NULL ok. */
void audit_close(struct audit *audit);

const char *audit_origin(const struct audit *audit); /* the log's name; borrowed */

enum audit_state audit_get_state(const struct audit *audit); /* any thread, no lock, cheap */

/* One append under way. Owned by the caller, who keeps it until done was called. */
struct audit_append {
    TAILQ_ENTRY(audit_append) link; /* audit's */
    struct slice req;               /* audit's: the request id, inside body */
    struct slice body;              /* the record without v, seq, d, ts, crc: event_encode() */
    enum audit_type type;
    /* done: on the committer thread, exactly once. CB_OK: seq is set, the line is on disk. Else
     * it is not on disk and never will be. (One exception nobody can rule out: if the program dies
     * before the log could begin a new segment, the next start may find the line on the disk after
     * all and keep it.) Must not block; typically posts to a mailbox. */
    void (*done)(struct audit_append *a, enum cb_code code);
    void *ctx;
    uint64_t seq;
    uint64_t ref_seq; /* outcome records: seq of the attempt they close; else UINT64_MAX */
};

/* audit_submit - queue one record. body is borrowed until done. Any thread, never blocks.
 * Attempts reserve space for their outcome, so that a full disk hits before the side effect.
 *   CB_EINPUT  body is not a record of this type, or an outcome whose "ref" is not ref_seq
 *   CB_ELIMIT  queue full (4096 records, 16 MiB), or too many attempts without outcome (1024; fewer
 *              beyond 10^9 records)
 *   CB_ESYS    BLOCKED or STALLED; for ISSUE_ATTEMPT also CORRUPT or below the soft mark; for everything but
 *              outcomes and BROKER_STOP also below the hard mark
 * On any error done is not called. An outcome that fails with CB_ESYS or CB_ELIMIT, here or in
 * done, leaves its attempt to the log: it closes it by itself with *.unknown (reason
 * "outcome_lost") as soon as it can write, unless another outcome comes first. */
enum cb_code audit_submit(struct audit *audit, struct audit_append *a,
                          struct cb_err *err) CB_MUST_USE;

/* audit_append_wait - submit and wait until durable; for start-up, reload and shutdown only. */
enum cb_code audit_append_wait(struct audit *audit, enum audit_type type, struct slice body,
                               uint64_t *ret_seq, struct cb_err *err) CB_MUST_USE;

/* audit_keep_policy - store a policy's bytes as policy/<sha256>.yaml, durably; no-op if there.
 * CB_EINPUT if the bytes have another digest. */
enum cb_code audit_keep_policy(struct audit *audit, const char *sha256_hex, struct slice bytes,
                               struct cb_err *err) CB_MUST_USE;

struct audit_stats {
    uint64_t records, batches, syncs, bytes, faults, segments_opened;
    uint64_t last_sync_us, max_sync_us; /* latency of fdatasync */
    uint64_t free_bytes;
    uint64_t next_seq;
    uint64_t queued;
    /* of signing; all 0 without a key */
    uint64_t sealed_size;   /* records that the newest checkpoint covers */
    int64_t sealed_us;      /* wall time of it; 0: this process has not signed one yet */
    uint64_t seal_lag_us;   /* age of the oldest record that it does not cover; 0: there is none */
    uint64_t checkpoints;   /* signed by this process */
    uint64_t seal_failures; /* tries that failed, and are made again */
};
void audit_get_stats(const struct audit *audit, struct audit_stats *ret); /* any thread */

/* ---- signed checkpoints; all of these need a log that was opened with its key ---- */

/* audit_seal_why - why the last try to sign failed, one line; "" if none has. Any thread. */
void audit_seal_why(const struct audit *audit, char out[CB_ERR_MSG_MAX]);

/* audit_checkpoint - a copy of the newest signed checkpoint into out, which is emptied first. Any
 * thread. CB_ENOMEM: out's cap is too small (4096 is enough). */
enum cb_code audit_checkpoint(const struct audit *audit, struct buf *out,
                              struct cb_err *err) CB_MUST_USE;

/* audit_consistency - the proof that the first size records continue the first old ones, 0 < old <=
 * size <= sealed_size, from tiles and records. Any thread; blocks on the disk. */
enum cb_code audit_consistency(const struct audit *audit, uint64_t old, uint64_t size,
                               struct proof *ret, struct cb_err *err) CB_MUST_USE;

/* audit_keep_cosigned - store a checkpoint with its witnesses' cosignatures as state/cosigned, durably,
 * in place of the one before. Any thread; blocks on the disk. CB_EINPUT: it is not a checkpoint that
 * this log's key has signed, or older than the one that is kept. */
enum cb_code audit_keep_cosigned(struct audit *audit, struct slice note,
                                 struct cb_err *err) CB_MUST_USE;

/* audit_rotate_key - write key.rotate, make new_key (borrowed until audit_close) the log's key and wait
 * for the first checkpoint, which both keys sign. Blocks. CB_EINPUT: new_key is not another key of
 * this log's name. After other errors open the log again to learn which key is its current one. */
enum cb_code audit_rotate_key(struct audit *audit, const struct note_signer *new_key,
                              struct cb_err *err) CB_MUST_USE;

#endif
