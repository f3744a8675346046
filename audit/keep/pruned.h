/* pruned.h - which of a log's oldest records were removed on purpose.
 *
 * A segment.prune record says so; it was durable before the first file went. state/pruned holds that
 * record's line once more, so that it need not be searched for. The file proves nothing by itself: the
 * same line must stand in the log, at the place that it names. */
#ifndef AUDIT_PRUNED_H
#define AUDIT_PRUNED_H

#include "audit/io.h"
#include "audit/read/chain.h"

/* pruned_parse - what a segment.prune record says. CB_EINPUT: it is none, or does not say enough. */
enum cb_code pruned_parse(struct slice line, struct chain_pruned *ret,
                          struct cb_err *err) CB_MUST_USE;

/* pruned_read - by state/pruned, not yet held against the log. ret->size is 0 where there is none, or
 * it is not what we write. */
void pruned_read(const char *dir, struct chain_pruned *ret);

/* pruned_check - does the record stand in this segment of the log in dir? CB_ECORRUPT if not. */
enum cb_code pruned_check(const char *dir, const struct chain_pruned *pruned,
                          const struct chain_link *link, struct cb_err *err) CB_MUST_USE;

/* pruned_write - line is the record, which is durable in the log. */
enum cb_code pruned_write(const struct audit_io *io, const char *dir, struct slice line,
                          struct cb_err *err) CB_MUST_USE;

#endif
