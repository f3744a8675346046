/* unsigned.h - the records behind the newest signed checkpoint, when the writer starts.
 *
 * Nothing but their checksums speaks for them, and those anybody can make who may write to the
 * directory. A run that was killed leaves up to a second of them. A run that ended properly leaves
 * none: its last checkpoint covers its segment.close, and the next run signs for its segment.open
 * before it takes a record of anybody. So what stands behind such an end, other than the beginnings
 * of runs that were killed before that, somebody else wrote. */
#ifndef AUDIT_UNSIGNED_H
#define AUDIT_UNSIGNED_H

#include "audit/recover.h"

struct unsigned_tail {
    uint64_t first, num; /* num 0: the checkpoint covers everything */
    bool clean_end;      /* what is signed ends as a run ends that ended properly, or with the log:
                          * the next run's first record has to be signed for before any other */
};

/* unsigned_check - of a log of size records whose checkpoint covers the first sealed, 0 < sealed <=
 * size; newest: as recovery left it. CB_ECORRUPT: they must not be signed for: they stand behind a
 * clean end; or one of them says that the disk did not hold what was acknowledged (audit.fault,
 * reread); or one prunes the log, which nobody may do who cannot sign. */
enum cb_code unsigned_check(const struct audit_io *io, const char *dir, uint64_t sealed,
                            uint64_t size, const struct segment_prev *newest,
                            struct unsigned_tail *ret, struct cb_err *err) CB_MUST_USE;

/* unsigned_recover - recover_accepting, and where what it finds must not be signed for the log ends
 * with the first sealed records. sealed 0: nothing is signed. */
enum cb_code unsigned_recover(const char *dir, struct slice origin, const struct audit_io *io,
                              uint64_t sealed, struct recovered *ret,
                              struct cb_err *err) CB_MUST_USE;

#endif
