/* line.h - the frame around a record: {"v":1,"seq":N,"d":M,"ts":"...",BODY,"crc":"1a2b3c4d"}
 *
 * seq counts records from 0 without a gap. d is the seq of the first record of the same batch:
 * everything below d was on disk before this line was written. crc is CRC-32C over all bytes
 * before `,"crc"`. */
#ifndef AUDIT_LINE_H
#define AUDIT_LINE_H

#include "audit/event.h"
#include "audit/scan.h"
#include "broker/base/clock.h"
#include "broker/base/err.h"

#define LINE_FRAME_MAX 128U /* more than v, seq, d, ts, crc, braces and newline ever take */
#define LINE_BODY_MAX (AUDIT_LINE_MAX - LINE_FRAME_MAX)
#define LINE_REQ_MAX 32U

struct line_info {
    uint64_t seq;
    uint64_t floor; /* d */
    int64_t ts_us;
    enum audit_type type;
    uint64_t ref;      /* UINT64_MAX: none */
    struct slice req;  /* still escaped; points into the line */
    struct slice body; /* from "type" up to ,"crc" */
};

/* line_frame - append the whole line with its newline. body is LINE_BODY_MAX at most. */
void line_frame(struct buf *out, uint64_t seq, uint64_t batch_floor, int64_t ts_us,
                struct slice body);

/* line_check - a line without its newline. CB_ECORRUPT: damaged, as a crash may leave it.
 * CB_EINPUT: the checksum is right but the content is not what this version understands: no crash
 * does that. *ret is written on success only. */
enum cb_code line_check(struct slice line, struct line_info *ret, struct cb_err *err) CB_MUST_USE;

/* line_is_newer - a line that line_check refuses: is its checksum right, and all that is wrong with it that
 * its version, or its type, is none that is known here? Such lines a newer version writes. what: which,
 * printable. *ret: of another version nothing but its body, which is all of it; of a type that is not known
 * everything but that. */
#define LINE_WHAT_MAX 80U
bool line_is_newer(struct slice line, struct line_info *ret, bool *ret_other_version,
                   char what[LINE_WHAT_MAX]);

/* line_check_frame - the same for the frame and the type alone; the rest of the body is only known to
 * be what was written. ref and req stay absent. */
enum cb_code line_check_frame(struct slice line, struct line_info *ret,
                              struct cb_err *err) CB_MUST_USE;

/* line_proves_later - do these damaged bytes hold a whole line whose batch floor lies beyond seq?
 * Its beginning is looked for anywhere: the damage may have hit the newline before it. A line that
 * has the right checksum but is not understood counts as proof too. */
bool line_proves_later(struct slice bytes, uint64_t seq);

/* line_check_body - is this body fit to be framed? CB_EINPUT if not. ref, req, type are filled. */
enum cb_code line_check_body(struct slice body, struct line_info *ret,
                             struct cb_err *err) CB_MUST_USE;

#endif
