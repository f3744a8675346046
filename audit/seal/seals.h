/* seals.h - the signed checkpoints that a log keeps about itself.
 *
 *   state/checkpoint       the newest one, replaced as a whole; durable before anybody is told of it
 *   state/checkpoints.log  all of them, one note after the other; appended to, synced now and then
 *
 * A crash may cut the end of checkpoints.log off, also in the middle of a note; later notes follow
 * behind it. A note begins at a line that is the log's name and goes on to the next such line. */
#ifndef AUDIT_SEALS_H
#define AUDIT_SEALS_H

#include "audit/io.h"
#include "audit/seal/vkeys.h"

#define SEALS_HISTORY_MAX                                                                          \
    (UINT64_C(1) << 36)     /* bytes of checkpoints.log: one a second for ten years */
#define SEAL_NOTE_MAX 4096U /* a checkpoint of ours: three lines and one or two signatures */

/* seals_store - make the note the newest checkpoint, then add it to the history. CB_ESYS: it may be
 * stored or not; the same note, or a later one, may be stored again. sync: the history too. */
enum cb_code seals_store(const struct audit_io *io, const char *dir, struct slice note, bool sync,
                         struct cb_err *err) CB_MUST_USE;

/* seals_newest - the newest checkpoint that this log has signed, by state/checkpoint and by the end of
 * checkpoints.log. ret_note (may be NULL): initialised here, the caller's to free. CB_ENOENT: there
 * is none in either. CB_ECORRUPT: state/checkpoint is not one that a key of this log has signed, or
 * the two contradict each other. */
enum cb_code seals_newest(const struct audit_io *io, const char *dir, const struct vkeys *vkeys,
                          struct checkpoint *ret, struct buf *ret_note,
                          struct cb_err *err) CB_MUST_USE;

/* seals_next - cut the first note off the front of *rest, bytes of a checkpoints.log of the log called
 * origin. It may turn out to be a torn one. False: no more. */
bool seals_next(struct slice *rest, struct slice origin, struct slice *ret);

#endif
