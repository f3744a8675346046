/* note_stream.c - see note_stream.h. Finds where notes end; whether they are any is note_parse's. */
#include "audit/verify/note_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK ((size_t)NOTE_BYTES_MAX * 4)
/* A signature line without the names in it: a dash, two spaces, 68 bytes in base64. */
#define SIGNATURE_LEN (3U + 2U + 92U)
#define NOTE_LINES 5U

enum cb_code note_stream_open(struct note_stream *s, int fd, const char *path, struct slice origin,
                              struct cb_err *err)
{
    *s = (struct note_stream){
        .fd = fd, .path = path, .origin = origin, .line = 1, .block = malloc(BLOCK)};
    return s->block != NULL ? CB_OK : cb_fail(err, CB_ENOMEM, "no memory to read %s", path);
}

void note_stream_close(struct note_stream *s)
{
    free(s->block);
    *s = (struct note_stream){.fd = -1};
}

static enum cb_code refill(struct note_stream *s, struct cb_err *err)
{
    memmove(s->block, s->block + s->from, s->to - s->from);
    s->to -= s->from;
    s->from = 0;
    while (s->to < BLOCK && !s->at_end) {
        const ssize_t got = pread(s->fd, s->block + s->to, BLOCK - s->to, (off_t)(s->at + s->to));
        if (got < 0 && errno != EINTR) {
            return cb_fail_errno(err, "cannot read %s", s->path);
        }
        s->at_end = got == 0;
        s->to += got > 0 ? (size_t)got : 0;
    }
    return CB_OK;
}

/* What a piece of the file looks like. */
struct piece {
    size_t len;       /* 0: it does not end in the block */
    uint64_t lines;   /* line ends in it */
    size_t last_line; /* length of its last line, without its end */
};

/* measure - the note that bytes begin with, up to the next line that is the log's name. */
static struct piece measure(const struct note_stream *s, struct slice bytes)
{
    struct piece p = {.len = 0};
    size_t at = 0;
    while (at < bytes.len) {
        const struct slice rest = slice_from(bytes, at);
        const size_t len = slice_find(rest, '\n');
        const bool whole = len < rest.len;
        if (!whole && !s->at_end) {
            return p;
        }
        if (at > 0 && whole && slice_eq((struct slice){rest.ptr, len}, s->origin)) {
            p.len = at;
            return p;
        }
        p.last_line = len;
        p.lines += whole ? 1 : 0;
        at += len + (whole ? 1 : 0);
    }
    p.len = s->at_end ? at : 0;
    return p;
}

/* is_torn - it begins well and stops too early. */
static bool is_torn(const struct note_stream *s, struct slice bytes, const struct piece *p)
{
    bytes.len -= bytes.ptr[bytes.len - 1] == '\n' ? 1 : 0;
    const size_t begun = bytes.len < s->origin.len ? bytes.len : s->origin.len;
    return memcmp(bytes.ptr, s->origin.ptr, begun) == 0 && p->lines <= NOTE_LINES &&
           (p->lines + 1 < NOTE_LINES || p->last_line < SIGNATURE_LEN + s->origin.len);
}

static struct slice take(struct note_stream *s, size_t len, uint64_t lines)
{
    const struct slice bytes = {s->block + s->from, len};
    s->from += len;
    s->at += len;
    s->line += lines;
    return bytes;
}

enum note_stream_next note_stream_next(struct note_stream *s, struct slice *ret, uint64_t *ret_at,
                                       uint64_t *ret_line, struct cb_err *err)
{
    for (;;) {
        const struct slice here = {s->block + s->from, s->to - s->from};
        const struct piece piece = measure(s, here);
        *ret_at = s->at;
        *ret_line = s->line;
        if (piece.len > 0) {
            *ret = take(s, piece.len, piece.lines);
            return is_torn(s, *ret, &piece) ? NOTE_STREAM_TORN : NOTE_STREAM_NOTE;
        }
        if (here.len >= NOTE_BYTES_MAX) {
            *ret = take(s, NOTE_BYTES_MAX, 0);
            return NOTE_STREAM_NOTE;
        }
        if (s->at_end) {
            return NOTE_STREAM_END;
        }
        if (refill(s, err) != CB_OK) {
            return NOTE_STREAM_FAILED;
        }
    }
}
