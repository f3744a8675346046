/* rotation.h - the statement by which a log gets another signing key.
 *
 *   certbroker key.rotate\n
 *   acme.example/broker1\n
 *   OLD VERIFIER KEY\n
 *   NEW VERIFIER KEY\n
 *   \n
 *   signatures of both keys
 *
 * It stands in the log as the field "statement" of a key.rotate record: checkpoints that do not cover
 * that record are signed by the old key, those that do by the new one. Whoever trusts the old key can
 * so come to trust the new one. The first line, which is no log's name, keeps it from being taken for
 * a checkpoint. */
#ifndef AUDIT_ROTATION_H
#define AUDIT_ROTATION_H

#include "audit/tlog/note.h"

/* rotation_sign - out: the whole note. Both keys must be a log's and have the same name, the log's. */
enum cb_code rotation_sign(const struct note_signer *old_key, const struct note_signer *new_key,
                           struct buf *out, struct cb_err *err) CB_MUST_USE;

/* rotation_check - is this note such a statement of the log called origin, signed by both keys that it
 * names? CB_EINPUT: not one. CB_ECRYPTO: a signature is missing or wrong. Whether the old key is the one
 * that was valid is for the caller to compare. */
enum cb_code rotation_check(struct slice note, struct slice origin, struct note_key *ret_old,
                            struct note_key *ret_new, struct cb_err *err) CB_MUST_USE;

#endif
