/* store.h - the newest cosigned checkpoint of each log, one file a log: DIR/state/<id>.note, where id
 * is the SHA-256 of the log's name.
 *
 * A file is replaced whole and durably: after any crash it holds the old note or the new one. Nothing
 * here looks into notes. Not thread-safe: one owner, and one process (a lock on DIR/state/LOCK). */
#ifndef BROKER_WITNESS_STORE_H
#define BROKER_WITNESS_STORE_H

#include "audit/io.h"
#include "audit/tlog/note.h"

#define STORE_DIR_MAX 1024U

struct store {
    const struct audit_io *io;
    char dir[STORE_DIR_MAX]; /* DIR/state */
    int lock_fd;
};

/* store_create - DIR, DIR/state and DIR/evidence, where they are missing. */
enum cb_code store_create(const struct audit_io *io, const char *dir,
                          struct cb_err *err) CB_MUST_USE;
/* store_open - take the lock. CB_ENOENT: DIR was never set up (or its volume is not mounted). CB_EBUSY:
 * another witness runs on it. store_close gives it back; a zeroed store with lock_fd -1 is fine. */
enum cb_code store_open(const struct audit_io *io, const char *dir, struct store *ret,
                        struct cb_err *err) CB_MUST_USE;
void store_close(struct store *store);

/* store_read - into out, which is initialised here and freed on failure. CB_ENOENT: nothing yet. */
enum cb_code store_read(const struct store *store, const char *id, struct buf *out,
                        struct cb_err *err) CB_MUST_USE;
/* store_replace - CB_OK: note is what any later start will find. */
enum cb_code store_replace(const struct store *store, const char *id, struct slice note,
                           struct cb_err *err) CB_MUST_USE;
/* store_keep_evidence - a note that contradicts what was cosigned, as DIR/evidence/NAME; one that is
 * there already is left as it is. How many is the caller's to bound. */
enum cb_code store_keep_evidence(const struct store *store, const char *name, struct slice note,
                                 bool *ret_is_new, struct cb_err *err) CB_MUST_USE;

#endif
