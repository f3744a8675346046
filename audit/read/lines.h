/* lines.h - a segment file, line by line, without ever holding more than a block of it.
 *
 * A closed segment may have been packed: 00000001.jsonl.zst in place of 00000001.jsonl (archive.h).
 * Whoever opens the plain name reads either; where both are there it is the plain one. Offsets and
 * limits are always those of the plain text. */
#ifndef AUDIT_LINES_H
#define AUDIT_LINES_H

#include "audit/io.h"
#include "audit/segdir.h"
#include "audit/tlog/merkle.h"

enum lines_source {
    LINES_FROM_DISK,  /* around the page cache: it may hold what a failed sync never saved */
    LINES_FROM_CACHE, /* the ordinary way, for readers beside a running writer */
};

enum lines_next {
    LINES_LINE,   /* a whole line; the newline is not part of it */
    LINES_BROKEN, /* bytes that are no line: too long, or the file ends without a newline */
    LINES_END,
    LINES_FAILED, /* the read failed; err says how */
};

struct zst;

struct lines {
    const struct audit_io *io;
    const char *path;              /* of the file that is read, for messages */
    char packed[SEGMENT_PATH_MAX]; /* its name where it is a packed one */
    int fd;                        /* -1: packed */
    struct zst *zst;               /* NULL: plain */
    char *block;
    size_t from, to;  /* unread bytes in block */
    uint64_t offset;  /* in the file, of block[from] */
    uint64_t read_at; /* in the file, of the next read */
    uint64_t limit;   /* bytes from here on do not count */
    size_t drop;      /* of the next block: it had to begin at a sector */
    bool at_end;
    bool resync; /* within an overlong line: skip to its newline */
};

/* lines_open - path, the plain name (or a packed one's own, for that form alone), is borrowed until
 * lines_close. limit: UINT64_MAX for all. CB_ENOENT if there is no such file in either form. The
 * struct must stay where it is. */
enum cb_code lines_open(struct lines *l, const struct audit_io *io, const char *path,
                        enum lines_source source, uint64_t limit, struct cb_err *err) CB_MUST_USE;
void lines_close(struct lines *l); /* a zeroed struct is fine */

/* lines_next - *ret_line is valid until the next call; *ret_offset is where it begins. */
enum lines_next lines_next(struct lines *l, struct slice *ret_line, uint64_t *ret_offset,
                           struct cb_err *err) CB_MUST_USE;

/* lines_skip - go on at this offset, where a line begins; before the first lines_next. Of a packed
 * segment all before it is unpacked. */
enum cb_code lines_skip(struct lines *l, uint64_t offset, struct cb_err *err) CB_MUST_USE;

/* lines_bulk - all whole lines that are in the block, at least one, the last one's newline included: for
 * who steps over most of them. Lines that are too long are among them. LINES_BROKEN as lines_next. */
enum lines_next lines_bulk(struct lines *l, struct slice *ret_lines, uint64_t *ret_offset,
                           struct cb_err *err) CB_MUST_USE;

/* lines_size - how many bytes the file has, in either form; of a packed one, what it states.
 * CB_ENOENT if there is none. */
enum cb_code lines_size(const struct audit_io *io, const char *path, uint64_t *ret,
                        struct cb_err *err) CB_MUST_USE;

/* lines_digest - SHA-256 of the file's bytes from offset on, and how many they are. */
enum cb_code lines_digest(const struct audit_io *io, const char *path, uint64_t offset,
                          uint64_t *ret_bytes, unsigned char ret[SHA256_LEN],
                          struct cb_err *err) CB_MUST_USE;

#endif
