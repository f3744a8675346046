/* checkpoint.h - the state of a log in three lines: name, number of records, root hash.
 *
 *   acme.example/broker1\n
 *   1234\n
 *   BASE64(root)\n
 *
 * Signed as a note it commits the log to everything before it. Source: C2SP tlog-checkpoint. */
#ifndef AUDIT_TLOG_CHECKPOINT_H
#define AUDIT_TLOG_CHECKPOINT_H

#include "audit/tlog/note.h"

struct checkpoint {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size;
    unsigned char root[SHA256_LEN];
};

void checkpoint_text(const struct checkpoint *c, struct buf *out);
/* checkpoint_parse - the text of a note. Extension lines are allowed and skipped. CB_EINPUT. */
enum cb_code checkpoint_parse(struct slice text, struct checkpoint *ret,
                              struct cb_err *err) CB_MUST_USE;
/* checkpoint_sign - text, empty line and one signature: a whole note. */
enum cb_code checkpoint_sign(const struct checkpoint *c, const struct note_signer *signer,
                             struct buf *out, struct cb_err *err) CB_MUST_USE;
/* checkpoint_open - parse a note, demand a good signature by key and that its name is the origin's
 * log, and read it. CB_EINPUT: it is no checkpoint. CB_ECRYPTO: it is not signed by key, or wrongly. */
enum cb_code checkpoint_open(struct slice bytes, const struct note_key *key, struct note *ret_note,
                             struct checkpoint *ret, struct cb_err *err) CB_MUST_USE;

#endif
