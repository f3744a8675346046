/* sealer_parts.h - the inside of struct sealer; private to sealer.c (thread, talking to others) and
 * seal.c (one round: read back, compare, write tiles, sign, store). */
#ifndef AUDIT_SEALER_PARTS_H
#define AUDIT_SEALER_PARTS_H

#include "audit/seal/sealer.h"
#include "audit/seal/tile_store.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the committer said last. */
struct seal_target {
    uint64_t no, bytes;
    dev_t dev; /* of the file that is written */
    ino_t ino;
    struct merkle tree; /* size and frontier only */
};

struct sealer {
    struct sealer_options options;

    /* shared */
    pthread_mutex_t mutex;
    pthread_cond_t wake;    /* to the sealer */
    pthread_cond_t changed; /* from it: a round has ended */
    struct seal_target target;
    bool idle;                /* it waits for something to be published */
    bool urged, rolled, stop; /* rolled: urged at the end of a segment */
    bool held, busy;          /* busy: in a round */
    int64_t first_us;         /* monotonic: since when there is something to sign for; 0: nothing */
    int64_t later_us;         /* the same for what came while a round is under way */
    uint64_t rounds;          /* that have ended */
    const struct note_signer *key, *key_before; /* key_before: signs the next checkpoint, too */
    struct own_fault fault;
    bool has_fault;
    struct buf note;
    struct sealer_stats stats;

    _Atomic int state; /* enum sealer_state */

    /* the sealer's */
    struct fringe fringe, next; /* next: while a round is under way */
    struct reread_at at;
    struct checkpoint sealed; /* when it began */
    struct tile_store tiles;
    int64_t deadline_us; /* monotonic: the round gives up; 0: it has all the time */
    bool sync_history;
    unsigned failed_in_a_row;
};

/* seal_round - read up to target, compare, and sign. CB_ECORRUPT: a mismatch. CB_ELIMIT: the deadline
 * passed. In both cases, and after any other failure, everything is as before. */
enum cb_code seal_round(struct sealer *s, const struct seal_target *target,
                        const struct note_signer *key, const struct note_signer *key_before,
                        struct buf *ret_note, struct cb_err *err) CB_MUST_USE;

#endif
