/* archive.h - closed segments, packed where they are and copied to a second place.
 *
 * A segment is packed into seg/NNNNNNNN.jsonl.zst: into a temporary file first, then read back from
 * there - every byte must be the plain file's, every record whole, and the hash tree over them the one
 * that the next segment.open states - and only then renamed, made durable, and the plain file removed.
 * A crash at any moment leaves the plain file, or both, or the packed one; a later run goes on.
 *
 * The second place becomes a log directory of its own, as far as it goes: seg/, tile/, policy/ and
 * state/ with the newest checkpoint that covers no more than what is there. So whatever reads or
 * verifies a log reads and verifies the archive. Nothing there is ever changed but state/checkpoint.
 *
 * Works beside a running writer: the newest two segments are never touched. Public. */
#ifndef AUDIT_ARCHIVE_H
#define AUDIT_ARCHIVE_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#include <stdatomic.h>

struct audit_io;

enum archive_what {
    ARCHIVE_PACKED,  /* and the plain file is gone */
    ARCHIVE_COPIED,  /* into the second place; it had it not */
    ARCHIVE_DIFFERS, /* the second place holds something else: left as it is, and not packed here */
    ARCHIVE_TO_PACK, /* dry run: would be */
    ARCHIVE_TO_COPY,
};

struct archive_step {
    enum archive_what what;
    uint64_t no;
    uint64_t first_seq, end_seq;        /* records first_seq to end_seq - 1 */
    uint64_t plain_bytes, packed_bytes; /* packed: 0 in a dry run */
};

struct archive_counts {
    size_t packed, copied, tiles, policies;
    size_t there,
        differ; /* segments that the second place had before: as they should be, and not */
    uint64_t plain_bytes, packed_bytes; /* of what was packed */
    uint64_t end_seq;                   /* the second place now has every record below this */
};

struct archive_options {
    const char *dir;
    const char *to;            /* NULL: no second place. It must exist */
    bool check;                /* read what is there already, byte for byte; else only its length is
                                * looked at, and where both are packed the checksum at the end */
    int64_t before_us;         /* segments that were closed by then; INT64_MIN: pack none */
    bool dry_run;              /* change nothing */
    const _Atomic bool *stop;  /* NULL: none. Set from anywhere: end before the next segment */
    const struct audit_io *io; /* NULL: the real one */
    void (*each)(void *ctx, const struct archive_step *step); /* may be NULL */
    void *ctx;
};

/* archive_run - CB_ENOENT: no log there, or no such second place. CB_EBUSY: another one is at work.
 * CB_ECORRUPT: a segment does not hold what it should, or both its forms are there and differ; the
 * message names it; nothing of it was removed. Where the second place holds something else the others
 * are still brought up to date first. CB_EINPUT: the file system forbids (chattr +a), or the second place
 * is the log itself, in it or around it, or another log's. What was done before stays done. */
enum cb_code archive_run(const struct archive_options *options, struct archive_counts *ret,
                         struct cb_err *err) CB_MUST_USE;

/* archive_place_check - is there such a directory? CB_ENOENT, with what to do; CB_EINPUT: it is none. */
enum cb_code archive_place_check(const char *to, struct cb_err *err) CB_MUST_USE;

#endif
