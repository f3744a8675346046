/* segment.h - one segment file being written. Created once, appended to, never opened again.
 *
 * Everything here belongs to the committer thread (or to whoever opens the log, before it runs). */
#ifndef AUDIT_SEGMENT_H
#define AUDIT_SEGMENT_H

#include "audit/io.h"
#include "audit/segdir.h"

#define SEGMENT_RESERVE_STEP (1024UL * 1024)
/* Reserved beyond what attempts need: segment.close, a fault's records, broker.stop. */
#define SEGMENT_SLACK (64UL * 1024)

struct segment {
    uint64_t no; /* 0: none */
    int fd;
    uint64_t size;        /* bytes handed to the kernel */
    uint64_t durable;     /* of them, bytes that a successful sync covered */
    uint64_t first_bytes; /* durable once segment.open was; 0: the segment does not count yet */
    uint64_t reserved;    /* bytes allocated to the file; UINT64_MAX: cannot be asked here */
    dev_t dev;
    ino_t ino;
    int64_t opened_us; /* monotonic */
    char path[SEGMENT_PATH_MAX];
};

/* segment_create - create, reserve, make file and name durable; nothing is written yet. Fails if
 * the number is taken. On failure nothing stays open; a file that was created is unlinked again,
 * if the system lets us: it holds no record. */
enum cb_code segment_create(struct segment *s, const struct audit_io *io, const char *dir,
                            uint64_t no, uint64_t reserve, struct cb_err *err) CB_MUST_USE;

/* segment_reserve - have at least this many bytes allocated to the file in all, so that writing
 * them cannot meet a full disk. Where the file system has no such call it succeeds without effect,
 * and only the free-space marks protect. */
enum cb_code segment_reserve(struct segment *s, const struct audit_io *io, uint64_t bytes,
                             struct cb_err *err) CB_MUST_USE;

/* After either of these fails the segment must be abandoned. */
enum cb_code segment_write(struct segment *s, const struct audit_io *io, struct slice bytes,
                           struct cb_err *err) CB_MUST_USE;
enum cb_code segment_sync(struct segment *s, const struct audit_io *io,
                          struct cb_err *err) CB_MUST_USE;

/* segment_check - is the file still where and what we left it? CB_ECORRUPT: it was removed,
 * renamed, replaced, or somebody else wrote to it. *ret_gone: its name does not lead to it. */
enum cb_code segment_check(const struct segment *s, const struct audit_io *io, bool *ret_gone,
                           struct cb_err *err) CB_MUST_USE;

/* segment_check_size - right after a write, before anybody is told of it: is everything in the file
 * ours? Bytes that somebody else put in between would shift what comes after them, and what counts is
 * told by length. One fstat. CB_ECORRUPT. */
enum cb_code segment_check_size(const struct segment *s, const struct audit_io *io,
                                struct cb_err *err) CB_MUST_USE;

/* segment_restore - its name does not lead to it any more, but the descriptor does: write its durable
 * bytes anew under the name, durably; what stands there now becomes NAME.foreign. The segment itself
 * must be abandoned. CB_ECORRUPT: the bytes are not there any more either. */
enum cb_code segment_restore(const struct segment *s, const struct audit_io *io, const char *dir,
                             struct cb_err *err) CB_MUST_USE;

void segment_close(struct segment *s, const struct audit_io *io); /* the descriptor only */

#endif
