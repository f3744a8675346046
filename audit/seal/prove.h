/* prove.h - what a log can prove about itself to somebody who does not have it. Public.
 *
 * Everything handed out was checked as its receiver will check it: against a root that the log's key
 * has signed. Reads only; works beside a running writer. Belongs to one thread. */
#ifndef AUDIT_PROVE_H
#define AUDIT_PROVE_H

#include "audit/tlog/checkpoint.h"
#include "audit/tlog/proof.h"

struct prover; /* opaque */

/* prover_open - of the log in dir, whose keys (state/vkeys) and newest checkpoints are read now. CB_ENOENT:
 * there is no log, or none that signs. CB_ECORRUPT: a checkpoint kept there is not signed by its key. */
enum cb_code prover_open(const char *dir, struct prover **ret, struct cb_err *err) CB_MUST_USE;
void prover_close(struct prover *p); /* NULL ok */

/* A checkpoint as the log keeps it. Both slices live as long as the prover. */
struct prover_note {
    struct checkpoint checkpoint;
    struct slice bytes; /* the whole note; absent: there is none */
};
/* prover_newest - the newest that the log has signed; prover_cosigned - the newest that also came back
 * from a witness, as far as this log knows: whoever has the witness's key verifies that. */
const struct prover_note *prover_newest(const struct prover *p);
const struct prover_note *prover_cosigned(const struct prover *p);

/* prover_num_records - how many the log has now, sealed or not. */
enum cb_code prover_num_records(const struct prover *p, uint64_t *ret,
                                struct cb_err *err) CB_MUST_USE;

struct proven {
    const struct prover_note
        *note;        /* that the proof leads to: a cosigned one if one covers the record,
                                       else the newest */
    bool tiles_wrong; /* the tiles gave another root than the records, which gave the signed one */
};

/* prover_record - a proof file (tlog/proof_file.h) of record seq, appended to out. CB_ENOENT: no
 * checkpoint covers such a record yet, or it is not in the log any more. CB_ECORRUPT: what is there does
 * not have the root that was signed. CB_ELIMIT: out does not take it. */
enum cb_code prover_record(struct prover *p, uint64_t seq, struct buf *out, struct proven *ret,
                           struct cb_err *err) CB_MUST_USE;

/* prover_consistency - that the tree of new begins with the tree of old, 0 < old->size <= new->size; both
 * from notes that the caller has verified. CB_EINPUT: the sizes are not so. CB_ECORRUPT: new does not
 * continue old, or this log has neither of them; the message says which. CB_ENOENT: this log has fewer
 * records than new. */
enum cb_code prover_consistency(struct prover *p, const struct checkpoint *old,
                                const struct checkpoint *new, struct proof *ret,
                                struct cb_err *err) CB_MUST_USE;

/* prover_open_note - a saved checkpoint, as signed by whichever key of this log had to. Errors as
 * checkpoint_open. */
enum cb_code prover_open_note(const struct prover *p, struct slice note, struct checkpoint *ret,
                              struct cb_err *err) CB_MUST_USE;

#endif
