/* archive_parts.h - inside of archiving and pruning only: what their files share.
 *
 *   archive.c         which segments, in which order; the lock
 *   archive_pack.c    one segment into its packed form
 *   archive_copy.c    what the second place lacks
 *   archive_place.c   is it there, and does it hold what it should?
 *   archive_note.c    and the checkpoint that goes with it
 *   archive_file.c    files that appear all at once, under their owner */
#ifndef AUDIT_ARCHIVE_PARTS_H
#define AUDIT_ARCHIVE_PARTS_H

#include "audit/io.h"
#include "audit/keep/archive.h"
#include "audit/read/chain.h"
#include "audit/segdir.h"

struct archiver {
    const struct archive_options *options;
    const struct audit_io *io;
    const char *dir;
    struct chain chain;
    struct archive_counts counts;
    struct cb_err differs; /* the first, if counts.differ > 0 */
};

/* A closed segment: a link of the chain that has another behind it. */
struct closed {
    const struct chain_link *link;
    uint64_t end_seq;
    char plain[SEGMENT_PATH_MAX], packed[SEGMENT_PATH_MAX];
    unsigned char root[32]; /* as the next segment.open states it */
};
/* archive_closed - link number i of the chain, in dir. */
enum cb_code archive_closed(const struct chain *chain, size_t i, const char *dir,
                            const struct audit_io *io, struct closed *ret,
                            struct cb_err *err) CB_MUST_USE;

/* archive_pack - see archive.h. *ret_packed false: it was packed before. */
enum cb_code archive_pack(const struct audit_io *io, const struct closed *c,
                          uint64_t *ret_plain_bytes, uint64_t *ret_packed_bytes, bool *ret_packed,
                          struct cb_err *err) CB_MUST_USE;
/* archive_pack_to - the packed form into another file, which must not be there. */
enum cb_code archive_pack_to(const struct audit_io *io, const struct closed *c, const char *target,
                             struct cb_err *err) CB_MUST_USE;
/* archive_check_packed - is this file the packed form of the segment, byte for byte? CB_ECORRUPT. */
enum cb_code archive_check_packed(const struct audit_io *io, const struct closed *c,
                                  const char *packed, struct cb_err *err) CB_MUST_USE;

/* archive_copy_segment, archive_copy_rest - into options->to, what it lacks. */
enum cb_code archive_copy_segment(struct archiver *a, const struct closed *c, bool *ret_copied,
                                  struct cb_err *err) CB_MUST_USE;
enum cb_code archive_copy_rest(struct archiver *a, struct cb_err *err) CB_MUST_USE;
/* archive_place_of - options->to is there, and is neither this log nor another one's. */
enum cb_code archive_place_of(const struct archiver *a, struct cb_err *err) CB_MUST_USE;
/* archive_compare - does the file there hold the segment's bytes? CB_ECORRUPT. */
enum cb_code archive_compare(const struct archiver *a, const struct closed *c, const char *there,
                             struct cb_err *err) CB_MUST_USE;
/* archive_copy_note - state/checkpoint of options->to, for the records below counts.end_seq. */
enum cb_code archive_copy_note(const struct archiver *a, struct cb_err *err) CB_MUST_USE;

/* ---- archive_file.c ---- */
bool archive_has(const struct audit_io *io, const char *path);
/* archive_begin - a temporary file beside target, whose name goes to part; archive_end makes it
 * durable and gives it its name, or removes it if code is a failure; returns what it all came to. The
 * file has owner and mode of the file `like`, if we are root. */
enum cb_code archive_begin(const struct audit_io *io, const char *target, const char *like,
                           char part[SEGMENT_PATH_MAX], int *ret_fd,
                           struct cb_err *err) CB_MUST_USE;
enum cb_code archive_end(const struct audit_io *io, const char *target, const char *part, int fd,
                         enum cb_code code, struct cb_err *err) CB_MUST_USE;
/* archive_copy_file - to must not be there. */
enum cb_code archive_copy_file(const struct audit_io *io, const char *from, const char *to,
                               struct cb_err *err) CB_MUST_USE;
/* archive_sync_parent - make a name, or its being gone, durable. */
enum cb_code archive_sync_parent(const struct audit_io *io, const char *path,
                                 struct cb_err *err) CB_MUST_USE;
/* archive_lock - state/ARCHIVE.lock: one archiver or pruner at a time. CB_EBUSY. */
enum cb_code archive_lock(const struct audit_io *io, const char *dir, int *ret_fd,
                          struct cb_err *err) CB_MUST_USE;
/* archive_may_remove - CB_EINPUT if the directory or the file forbids removal (chattr +a, +i), with
 * what to do about it. file: NULL for none. */
enum cb_code archive_may_remove(const char *dir, const char *file, struct cb_err *err) CB_MUST_USE;

#endif
