/* follow.h - the records of a log one by one, from a given one on and then as they come. For shippers.
 *
 * Public. Belongs to one thread; the writer may be another or another process. */
#ifndef AUDIT_FOLLOW_H
#define AUDIT_FOLLOW_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct audit_follow; /* opaque */

/* audit_follow_open - before record `from`. Nothing is read yet. dir is copied. */
enum cb_code audit_follow_open(const char *dir, uint64_t from, struct audit_follow **ret,
                               struct cb_err *err) CB_MUST_USE;
void audit_follow_close(struct audit_follow *f); /* NULL ok */

/* audit_follow_next - the next record, if its number is lower than `below`: so many are durable, as the
 * writer said before this call. *ret_line is without its newline, borrowed until the next call; absent:
 * there is none now. Only the frame of a line has been checked. Records that were pruned are stepped
 * over. CB_ECORRUPT: what should be there is not; CB_ESYS: could not be read; both may be tried again. */
enum cb_code audit_follow_next(struct audit_follow *f, uint64_t below, struct slice *ret_line,
                               uint64_t *ret_seq, struct cb_err *err) CB_MUST_USE;

#endif
