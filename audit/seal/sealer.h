/* sealer.h - the sealer thread: reads back what the committer made durable, and signs for it.
 *
 * The committer tells where it stands (sealer_publish) after it has told everybody else; nobody ever
 * waits for the sealer. Once a second at most, if the log grew, the sealer reads the new records from
 * the disk, checks and hashes them, and compares with what the committer hashed when it acknowledged
 * them. Then it writes the tiles that became full, signs a checkpoint, stores it, and tells on_seal.
 *
 * If reading or writing fails it tries again a second later; the log goes on meanwhile and the lag
 * grows. If what it reads is not what was acknowledged, it never signs again: see SEALER_MISMATCH. */
#ifndef AUDIT_SEALER_H
#define AUDIT_SEALER_H

#include "audit/own_records.h"
#include "audit/seal/fringe.h"
#include "audit/seal/reread.h"
#include "audit/seal/vkeys.h"
#include "audit/segment.h"

struct sealer; /* opaque */

struct sealer_options {
    const char *dir;    /* borrowed */
    const char *origin; /* borrowed */
    const struct audit_io *io;
    const struct note_signer *key; /* borrowed */
    void (*on_seal)(void *ctx, struct slice note);
    void *on_seal_ctx;
};

/* Where the log stood when it was last signed for, as recovery verified it. */
struct sealer_start {
    struct fringe fringe; /* owned; moved into the sealer */
    struct reread_at at;  /* of the record behind it */
    /* The newest checkpoint. The fringe is that of its size, or an empty one: then all tiles are made anew,
     * and must lead to its root. */
    struct checkpoint sealed;
    struct buf note;   /* the newest checkpoint; moved */
    int64_t signed_us; /* wall time of it if known, else 0 */
};

/* sealer_new - nothing runs yet. Takes *start whatever comes of it. */
enum cb_code sealer_new(const struct sealer_options *options, struct sealer_start *start,
                        struct sealer **ret, struct cb_err *err) CB_MUST_USE;
void *sealer_main(void *sealer);    /* the thread */
void sealer_free(struct sealer *s); /* the thread does not run (any more); NULL ok */

/* sealer_publish - by the committer: the durable bytes of this segment have this tree. Copies,
 * does not wait. sealer_urge - sign now rather than within a second: at a roll, at a stop. */
void sealer_publish(struct sealer *s, const struct segment *segment, const struct merkle *tree);
void sealer_urge(struct sealer *s);
/* sealer_stop - sign once more for what was published, within a few seconds, then end the thread's
 * loop. The caller joins it. */
void sealer_stop(struct sealer *s);
/* sealer_wait - until all that was published before the call is signed for. False: it failed. */
bool sealer_wait(struct sealer *s);

/* For a new key: sealer_hold - when it returns nothing is being signed, and nothing will be until
 * sealer_release. sealer_release - from now on `key` signs, the next checkpoint with the one before,
 * too. Any thread. */
void sealer_hold(struct sealer *s);
void sealer_release(struct sealer *s, const struct note_signer *key);

enum sealer_state {
    SEALER_OK,
    SEALER_FAILING,  /* the last try failed; why says how */
    SEALER_MISMATCH, /* the files do not hold what was acknowledged. Stays so until the next start */
};
struct sealer_stats {
    enum sealer_state state;
    uint64_t sealed_size;
    int64_t sealed_us; /* wall time of the newest checkpoint; 0: not made by this process */
    uint64_t checkpoints, failures;
    int64_t waiting_since_us; /* monotonic: the oldest record that is not signed for; 0: none */
    char why[CB_ERR_MSG_MAX]; /* of the last failure */
};
void sealer_get_stats(struct sealer *s, struct sealer_stats *ret); /* any thread */
enum sealer_state sealer_get_state(const struct sealer *s);        /* any thread, no lock */
/* sealer_take_fault - once after a mismatch: what audit.fault shall say. False: nothing new. */
bool sealer_take_fault(struct sealer *s, struct own_fault *ret);
/* sealer_note - a copy of the newest checkpoint. Any thread. */
enum cb_code sealer_note(struct sealer *s, struct buf *out, struct cb_err *err) CB_MUST_USE;

#endif
