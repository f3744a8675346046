/* rotation.h - the statement by which a log gets another signing key.
 *
 *   certbroker key.rotate\n
 *   acme.example/broker1\n
 *   OLD VERIFIER KEY\n
 *   NEW VERIFIER KEY\n
 *   12345\n                              size and root of the newest checkpoint that the old key signed
 *   BASE64 OF THE ROOT\n
 *   \n
 *   signatures of both keys
 *
 * It stands in the log as the field "statement" of a key.rotate record: checkpoints that do not cover
 * that record are signed by the old key, those that do by the new one. Whoever trusts the old key can
 * so come to trust the new one, and the other way round. Size and root bind it to one history: whoever
 * has an old key cannot use what he finds published in a log of his own making. The first line, which
 * is no log's name, keeps it from being taken for a checkpoint.
 *
 * All statements of a log stand once more in state/rotations, one after the other, as pruning may remove
 * the records. */
#ifndef AUDIT_ROTATION_H
#define AUDIT_ROTATION_H

#include "audit/tlog/checkpoint.h"

#define ROTATION_NOTE_MAX 2048U /* as long as the field "statement" may be */
#define ROTATIONS_NAME "state/rotations"
#define ROTATIONS_MAX ((size_t)128 * ROTATION_NOTE_MAX)

struct audit_io;

struct rotation_statement {
    struct note_key old_key, new_key;
    uint64_t size; /* of the log when it was signed for last */
    unsigned char root[SHA256_LEN];
};

/* rotation_sign - out: the whole note. Both keys must be a log's and have the same name, the log's;
 * sealed: the newest checkpoint. */
enum cb_code rotation_sign(const struct note_signer *old_key, const struct note_signer *new_key,
                           const struct checkpoint *sealed, struct buf *out,
                           struct cb_err *err) CB_MUST_USE;

/* rotation_check - is this note such a statement of the log called origin, signed by both keys that it
 * names? CB_EINPUT: not one. CB_ECRYPTO: a signature is missing or wrong. Whether the old key is the one
 * that was valid, and the root that of the log, is for the caller to compare. */
enum cb_code rotation_check(struct slice note, struct slice origin, struct rotation_statement *ret,
                            struct cb_err *err) CB_MUST_USE;

/* rotation_keep - make the note the last one in state/rotations, if it is not; durable. */
enum cb_code rotation_keep(const struct audit_io *io, const char *dir, struct slice note,
                           struct cb_err *err) CB_MUST_USE;

/* rotation_next - cut the first statement off the front of *rest, bytes of state/rotations. It may turn
 * out to be a torn one. False: no more. */
bool rotation_next(struct slice *rest, struct slice *ret);

#endif
