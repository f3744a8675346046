/* prune.h - removing a log's oldest segments when nothing in them can matter any more.
 *
 * In three steps, so that the log itself says what happened before it happens:
 *
 *   prune_plan    what may go: closed segments from the oldest on, all of whose records are older than
 *                 the retention and all of whose certificates expired so long ago. Their bytes are in the
 *                 archive, and their hash tiles are whole: the records can still be proven then, from
 *                 the archive and the tiles, and the log's tree goes on
 *   the record    segment.prune, by whoever writes the log (prune_event), from a plan of its own: what
 *                 is signed must be what the writer itself has found, whoever asks for it
 *   prune_finish  finds that record in the log, notes it (pruned.h), and only then removes the files
 *
 * The newest two segments always stay. Public. */
#ifndef AUDIT_PRUNE_H
#define AUDIT_PRUNE_H

#include "audit/event.h"
#include "broker/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>

struct audit_io;

#define PRUNE_KEEP_MAX_S (UINT64_C(100) * 366 * 86400)

struct prune_options {
    const char *dir;
    const char
        *archive;      /* a log directory that must have every segment to go; NULL: not asked for */
    int64_t now_us;    /* wall time */
    uint64_t keep_s;   /* retention: after a record's time, and after a certificate's not_after */
    int64_t before_us; /* only segments closed before then; INT64_MAX: no such limit */
    uint64_t last_segment;     /* none behind this one; 0: no such limit */
    const atomic_bool *stop;   /* once true: end soon, with CB_EBUSY; NULL: never */
    const struct audit_io *io; /* NULL: the real one */
};

struct prune_plan {
    size_t num; /* segments; 0: nothing may go */
    uint64_t first_segment, last_segment;
    uint64_t first_seq, size;                /* records first_seq to size - 1 */
    uint64_t bytes;                          /* that their files take now */
    char root[SHA256_HEX_LEN + 1];           /* of records 0 to size - 1 */
    char archive_sha256[SHA256_HEX_LEN + 1]; /* "": no archive. See prune_manifest */
    uint64_t keep_s;                         /* the retention it was made with */
    char kept[80];                           /* the same in words, for the record */
    char why[200];                           /* why the next segment has to stay */
};

/* prune_plan - reads every record of the segments to go. CB_ENOENT: no log, or no archive, there.
 * CB_ECORRUPT: a segment is not what it was, the archive has other bytes, or a tile is missing or
 * damaged; the message names it. CB_EINPUT: keep_s is more than PRUNE_KEEP_MAX_S. */
enum cb_code prune_plan(const struct prune_options *options, struct prune_plan *ret,
                        struct cb_err *err) CB_MUST_USE;

/* prune_event - the record; texts point into plan, by and note. */
void prune_event(const struct prune_plan *plan, const char *by, const char *note,
                 struct audit_event *ret);

/* prune_wait_signed - until a checkpoint covers record seq, for ten seconds at most; at once where the log
 * has no key. CB_ESYS: none does. Before that nothing may be removed: what is not signed prunes nothing. */
enum cb_code prune_wait_signed(const char *dir, const struct audit_io *io, uint64_t seq,
                               struct cb_err *err) CB_MUST_USE;

/* prune_finish - seq: where the record is. CB_ECORRUPT: there is another one, or the log does not begin
 * behind it; nothing was removed then. *ret_files: how many were. */
enum cb_code prune_finish(const char *dir, const struct audit_io *io, const struct prune_plan *plan,
                          uint64_t seq, size_t *ret_files, struct cb_err *err) CB_MUST_USE;

/* prune_clean - remove what an earlier run that died has left of pruned segments. */
enum cb_code prune_clean(const char *dir, const struct audit_io *io, size_t *ret_files,
                         struct cb_err *err) CB_MUST_USE;

#endif
