/* witness_core.h - what a witness promises, without a network: for each log it knows, the newest
 * checkpoint it cosigned, and never two that contradict each other.
 *
 * A checkpoint is cosigned when a key of the log signed it and a proof shows that it continues the
 * last one. Keys retire by themselves: the note that is kept holds the log's signature, and keys
 * that are listed before the one that made it are refused from then on. The new state is on the disk before the cosignature leaves. Compare and replace are one
 * step because there is one thread (the event loop's) and one process (the store's lock).
 * Source: C2SP tlog-witness, tlog-cosignature. */
#ifndef BROKER_WITNESS_WITNESS_CORE_H
#define BROKER_WITNESS_WITNESS_CORE_H

#include "audit/tlog/add_checkpoint.h"
#include "audit/tlog/checkpoint.h"
#include "broker/witness/store.h"

#define WITNESS_KEYS_MAX 16U /* of one log: each rotation of its key adds one */
#define WITNESS_LOGS_MAX 1024U
#define WITNESS_EVIDENCE_MAX 16U /* notes kept of one log from start to end; then no more */

/* A log that may be witnessed. */
struct witness_log {
    char origin[NOTE_NAME_MAX + 1];
    struct note_key keys[WITNESS_KEYS_MAX]; /* the oldest first */
    size_t num_keys;
    /* what is below is the witness's */
    char id[SHA256_HEX_LEN + 1];
    bool is_seen;             /* something was cosigned; else latest.size counts as 0 */
    struct checkpoint latest; /* what is in note */
    size_t newest_key;        /* of keys: whose signature is in note. Those before it are retired */
    struct buf note;          /* as cosigned, for whoever asks */
    uint64_t warned_s;        /* when the last warning was given; 0: none */
    unsigned num_evidence;    /* kept since the start */
};

/* witness_log_signed - the last of its keys that has a good signature on the note. A bad one by a key we
 * know does not spoil a good one by another. */
bool witness_log_signed(const struct witness_log *log, const struct note *note, size_t *ret_key);

struct witness {
    struct store store;
    struct note_signer *signer; /* owned */
    struct merkle sha;          /* for its SHA-256 only */
    struct witness_log *logs;   /* owned */
    size_t num_logs;
};

/* witness_key_path - DIR/key. */
#define WITNESS_KEY_PATH_MAX STORE_DIR_MAX
enum cb_code witness_key_path(const char *dir, char out[WITNESS_KEY_PATH_MAX],
                              struct cb_err *err) CB_MUST_USE;

/* witness_open - the directory that `witness init` made: its lock, its key. No logs yet. *ret is the
 * caller's, witness_close it. */
enum cb_code witness_open(const struct audit_io *io, const char *dir, struct witness *ret,
                          struct cb_err *err) CB_MUST_USE;
void witness_close(struct witness *w);
/* witness_set_logs - from now on these and no others; what was cosigned of them is read from the
 * directory. logs is copied. On failure all is as it was. CB_ECORRUPT: a file of the state is not what
 * this witness wrote; it must not go on as if it had seen nothing. */
enum cb_code witness_set_logs(struct witness *w, const struct witness_log *logs, size_t num,
                              struct cb_err *err) CB_MUST_USE;

struct witness_answer {
    int status;
    const char *content_type;
    struct buf body;
    /* for the operator; what is not worth a line leaves it empty */
    bool is_alarm;
    bool is_warning; /* less than that: at most one a minute and log */
    char message[CB_ERR_MSG_MAX];
};

/* witness_add - answer one POST /add-checkpoint. now_s: seconds since 1970. body of the answer is the
 * caller's. */
void witness_add(struct witness *w, struct slice body, uint64_t now_s, struct witness_answer *ret);
/* witness_get - answer one GET of a path; 404 unless it is the one of a log with a checkpoint. */
void witness_get(const struct witness *w, struct slice path, struct witness_answer *ret);

/* witness_answer_text - a sentence with its newline, as text/plain. */
void witness_answer_text(struct witness_answer *a, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
