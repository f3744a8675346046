/* reader.h - reading the log back: line scanner and a walk over all segments.
 *
 * Used by recovery, by the index of issued certificates, and by the audit tools. */
#ifndef AUDIT_READER_H
#define AUDIT_READER_H

#include "audit/event.h"
#include "broker/base/arena.h"
#include "broker/base/err.h"

/* One record as read: the event's slices point into arena memory (unescaped). */
struct audit_record {
    uint64_t seq;
    uint64_t batch_floor; /* d */
    int64_t ts_us;
    struct audit_event event;
};

/* audit_line_check - strict JSON, known v, seq, d, CRC32C right. line has no newline. Writes seq,
 * d, type only. No allocation: for recovery and verification at full speed. CB_ECORRUPT: damaged.
 * CB_EINPUT: the checksum is right but this version does not understand the content. */
enum cb_code audit_line_check(struct slice line, uint64_t *ret_seq, uint64_t *ret_floor,
                              enum audit_type *ret_type, struct cb_err *err) CB_MUST_USE;

/* audit_line_parse - check and decode everything. Unknown keys are skipped. Errors as above, also
 * CB_EINPUT for a known key with the wrong kind of value or twice; CB_ENOMEM when the arena is full
 * (256 KiB is enough for any line). */
enum cb_code audit_line_parse(struct slice line, struct arena *arena, struct audit_record *ret,
                              struct cb_err *err) CB_MUST_USE;

/* A line as a walk over a span of time hands it over: its checksum and its frame are right, the rest
 * has not been looked at. */
struct audit_line {
    uint64_t seq;
    int64_t ts_us;
    enum audit_type type;
    struct slice body;  /* from "type" up to ,"crc"; gone with the next line */
    struct slice whole; /* the line, without its newline */
};

/* audit_line_decode - the event in such a line. Texts point into the line where nothing in them is
 * escaped, else into the arena. *ret_trunc: what the record says was cut or left out, as it stands
 * there (["who.id"]); absent: nothing was. Errors as audit_line_parse. */
enum cb_code audit_line_decode(const struct audit_line *line, struct arena *arena,
                               struct audit_event *ret, struct slice *ret_trunc,
                               struct cb_err *err) CB_MUST_USE;

/* What the log's records about itself say beyond the fields of an event. Texts are as they stand in the
 * line, with any escapes; what a record does not say is 0, false or absent. */
struct audit_own {
    struct slice origin, host, version;         /* segment.open */
    uint64_t segment;                           /* segment.open, segment.close, audit.fault */
    uint64_t prev_no;                           /* segment.open: the segment before, 0: none */
    bool prev_clean;                            /* it was closed properly */
    uint64_t prev_valid_bytes, prev_void_bytes; /* how much of it counts, and does not */
    uint64_t sys_errno, next_seq;               /* audit.fault */
    uint64_t outage_us, refused;                /* audit.recovered */
};

/* audit_line_own - false: the record is not of the form that audit/ writes. */
bool audit_line_own(const struct audit_line *line, struct audit_own *ret);

/* audit_walk - call each for every record with seq >= from, in order, across all segments; void
 * tails (as stated by the following segment.open) are skipped, as is a torn tail of the newest
 * segment. each returns false to stop early. Reads while a writer runs; the last records it then
 * passes on may not be durable yet. CB_ENOENT: no log there. CB_ECORRUPT names the file and the
 * first bad record; a segment missing anywhere is one, too. Of segments that end before from only
 * the first record is read. Where the oldest segments were pruned it begins behind them. */
enum cb_code audit_walk(const char *dir, uint64_t from,
                        bool (*each)(void *ctx, uint64_t seq, struct slice line), void *ctx,
                        struct cb_err *err) CB_MUST_USE;

/* audit_walk_span - the same for records written at since_us or later and before until_us. Segments
 * that end before, or begin after, are not read beyond their first record; where the clock was set
 * back they may have held a record of the span. Makes less sure of each line than audit_walk does:
 * see struct audit_line. */
enum cb_code audit_walk_span(const char *dir, int64_t since_us, int64_t until_us,
                             bool (*each)(void *ctx, const struct audit_line *line), void *ctx,
                             struct cb_err *err) CB_MUST_USE;

#endif
