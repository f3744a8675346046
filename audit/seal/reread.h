/* reread.h - durable records read back from the files, segment after segment, for the sealer.
 *
 * Reads around the page cache where that is possible: what is signed for should be what the disk
 * has, not what we believe we wrote. Not thread-safe: one owner. */
#ifndef AUDIT_REREAD_H
#define AUDIT_REREAD_H

#include "audit/io.h"
#include "audit/read/lines.h"

/* Where to go on: before a record, at the beginning of its line. */
struct reread_at {
    uint64_t no;     /* of the segment */
    uint64_t offset; /* in it */
    uint64_t seq;    /* of the next record */
};

struct reread {
    const struct audit_io *io;
    const char *dir; /* borrowed */
    /* Each line without its newline, checked for checksum, frame and number; anything but CB_OK ends the
     * reading. */
    enum cb_code (*each)(void *ctx, struct slice line, struct cb_err *err);
    void *ctx;
    uint64_t until;  /* stop before this record; 0: go on to the end */
    bool may_return; /* a file that is gone may be written anew shortly: CB_ESYS, not CB_ECORRUPT */
    uint64_t cached_from; /* a backlog in one segment of more than this comes from the page cache */
};

/* reread_to - from *io_at to byte `bytes` of segment `no`, both of which a sync has covered; *io_at is
 * moved there. CB_ECORRUPT: the files do not hold there what was acknowledged; the message names file
 * and record. CB_ESYS: could not be read; *io_at is where it was, and it may be tried again. */
enum cb_code reread_to(const struct reread *r, struct reread_at *io_at, uint64_t no, uint64_t bytes,
                       struct cb_err *err) CB_MUST_USE;

/* reread_find - where record seq stands or will stand, in a log whose newest segment is `no` with `bytes`
 * bytes that count. Goes back from the newest segment: costs what lies behind seq, not the history. */
enum cb_code reread_find(const struct audit_io *io, const char *dir, uint64_t no, uint64_t bytes,
                         uint64_t seq, struct reread_at *ret, struct cb_err *err) CB_MUST_USE;

#endif
