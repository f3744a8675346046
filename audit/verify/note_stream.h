/* note_stream.h - inside audit/verify only: state/checkpoints.log, note by note, in blocks.
 *
 * A note goes from a line that is the log's name to the next such line (seals.h). A crash may have
 * left one without its end; of one that is longer than NOTE_BYTES_MAX pieces come out. */
#ifndef AUDIT_VERIFY_NOTE_STREAM_H
#define AUDIT_VERIFY_NOTE_STREAM_H

#include "audit/tlog/note.h"

struct note_stream {
    int fd; /* borrowed */
    const char *path;
    struct slice origin; /* borrowed */
    char *block;         /* owned */
    size_t from, to;
    uint64_t at;   /* in the file, of block[from] */
    uint64_t line; /* of block[from], from 1 */
    bool at_end;
};

enum note_stream_next {
    NOTE_STREAM_NOTE,
    NOTE_STREAM_TORN, /* the end of it was never written */
    NOTE_STREAM_END,
    NOTE_STREAM_FAILED,
};

enum cb_code note_stream_open(struct note_stream *s, int fd, const char *path, struct slice origin,
                              struct cb_err *err) CB_MUST_USE;
void note_stream_close(struct note_stream *s);
/* note_stream_next - *ret is valid until the next call; *ret_at and *ret_line: where it begins. */
enum note_stream_next note_stream_next(struct note_stream *s, struct slice *ret, uint64_t *ret_at,
                                       uint64_t *ret_line, struct cb_err *err) CB_MUST_USE;

#endif
