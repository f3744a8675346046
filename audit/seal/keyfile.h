/* keyfile.h - the file that holds a private signing key: one line of Go's sumdb/note,
 * "PRIVATE+KEY+NAME+ID+BASE64(type, seed)". Used for the log's own key and for a witness's. */
#ifndef AUDIT_KEYFILE_H
#define AUDIT_KEYFILE_H

#include "audit/tlog/note.h"

/* keyfile_create - a fresh random key in a new file of mode 0400, durable with its name. *ret is the
 * caller's to free. CB_EBUSY: the file exists; it is never overwritten, since a lost key cannot be
 * made again. CB_EINPUT: a name that no key can have. Blocks. */
enum cb_code keyfile_create(const char *path, struct slice name, enum note_type type,
                            struct note_signer **ret, struct cb_err *err) CB_MUST_USE;

/* keyfile_read - *ret is the caller's to free. CB_EINPUT: it is not a key, or others than its owner
 * may read it (see file.h, FILE_SECRET). Messages begin with the path and hold nothing of the file. */
enum cb_code keyfile_read(const char *path, struct note_signer **ret,
                          struct cb_err *err) CB_MUST_USE;

#endif
