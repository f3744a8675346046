/* rollback_note.h - what a rollback leaves for the next start when no broker runs that could record
 * it: state/rollback beside the audit log, one line, the policy's digest and the reason. */
#ifndef BROKER_ROLLBACK_NOTE_H
#define BROKER_ROLLBACK_NOTE_H

#include "broker/reload/reload_job.h"

/* rollback_note_write - the file belongs to whom state/origin belongs to, so that the broker can read
 * it. Replaces an older one. */
enum cb_code rollback_note_write(const char *audit_dir, const char *sha256, const char *reason,
                                 struct cb_err *err) CB_MUST_USE;
/* rollback_note_read - the reason left for this policy; "" if there is none, or none that can be
 * read. */
void rollback_note_read(const char *audit_dir, const char *sha256, char out[RELOAD_REASON_MAX + 1]);
/* rollback_note_remove - it was recorded, or does not hold any more. */
void rollback_note_remove(const char *audit_dir);

#endif
