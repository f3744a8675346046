/* records.h - records by their number, without reading all that stand before them.
 *
 * Lines of a plain segment are found by halving the file; of a packed one all before it is unpacked.
 * Works beside a running writer. Of a line only its number is looked at: whoever uses this holds the
 * bytes against the hash tree, which says more than any check of a line. */
#ifndef AUDIT_RECORDS_H
#define AUDIT_RECORDS_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct records; /* opaque; belongs to one thread */

/* records_open - dir is copied. Reads nothing yet. */
enum cb_code records_open(const char *dir, struct records **ret, struct cb_err *err) CB_MUST_USE;
/* records_tolerate - from now on read what can be read of a log with damaged segments: for people who look
 * things up. Not for proofs. */
void records_tolerate(struct records *r);
void records_close(struct records *r); /* NULL ok */

/* records_read - hand out num records from number from on, in order; line has no newline and is
 * borrowed for the call; each returns false to stop early. CB_ENOENT: such a record is not in the log,
 * yet or any more; the message says which and why. CB_ECORRUPT: another line stands in its place. */
enum cb_code records_read(struct records *r, uint64_t from, uint64_t num,
                          bool (*each)(void *ctx, uint64_t seq, struct slice line), void *ctx,
                          struct cb_err *err) CB_MUST_USE;

/* records_count - how many there are now, by the last whole line of the newest segment. */
enum cb_code records_count(struct records *r, uint64_t *ret, struct cb_err *err) CB_MUST_USE;

#endif
