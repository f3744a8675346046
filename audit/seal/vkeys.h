/* vkeys.h - state/vkeys: the verifier keys of a log and from which size on each is valid.
 *
 *   0 acme.example/broker1+1b2c3d4e+AVPr...\n
 *   123457 acme.example/broker1+5f60718a+AbCd...\n
 *
 * The key of the last line that is not beyond a checkpoint's size must have signed it. The truth are
 * the log's key.rotate records; this file is how the writer knows them without reading the whole log,
 * and a convenience for tools. Whoever verifies pins the first key outside of the directory. Public. */
#ifndef AUDIT_VKEYS_H
#define AUDIT_VKEYS_H

#include "audit/io.h"
#include "audit/tlog/checkpoint.h"

#define VKEYS_MAX 128U /* keys a log can have had */

struct vkeys {
    size_t num; /* at least 1 once read */
    struct {
        uint64_t from; /* the smallest size of a checkpoint that this key may sign */
        struct note_key key;
    } list[VKEYS_MAX];
};

/* vkeys_read - CB_ENOENT: the log has no key. CB_ECORRUPT: the file is not what we write. */
enum cb_code vkeys_read(const struct audit_io *io, const char *dir, struct vkeys *ret,
                        struct cb_err *err) CB_MUST_USE;
enum cb_code vkeys_write(const struct audit_io *io, const char *dir, const struct vkeys *vkeys,
                         struct cb_err *err) CB_MUST_USE;
/* vkeys_add - CB_ELIMIT: full. CB_EINPUT: not behind the last one. */
enum cb_code vkeys_add(struct vkeys *vkeys, uint64_t from, const struct note_key *key,
                       struct cb_err *err) CB_MUST_USE;
const struct note_key *vkeys_current(const struct vkeys *vkeys);
/* vkeys_at - the key that signs checkpoints of this size. */
const struct note_key *vkeys_at(const struct vkeys *vkeys, uint64_t size);
/* vkeys_open_checkpoint - a note that must be a checkpoint signed by the key of its size. Errors as
 * checkpoint_open. */
enum cb_code vkeys_open_checkpoint(const struct vkeys *vkeys, struct slice note,
                                   struct checkpoint *ret, struct cb_err *err) CB_MUST_USE;

#endif
