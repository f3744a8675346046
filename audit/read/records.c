/* records.c - see records.h. Keeps the chain of segments from one read to the next, and reads it again
 * when a record is not where it said: the writer may have begun a segment since. */
#include "audit/read/records.h"

#include "audit/event.h"
#include "audit/read/chain.h"
#include "audit/read/lines.h"
#include "audit/scan.h"
#include "audit/segdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define NEAR (64UL * 1024)          /* what is not worth halving again */
#define PEEK (2UL * AUDIT_LINE_MAX) /* wherever it is put, a whole line begins within it */

struct records {
    char *dir;
    struct chain chain;
    bool is_tolerant;
    char peek[PEEK];
};

enum cb_code records_open(const char *dir, struct records **ret, struct cb_err *err)
{
    struct records *r = calloc(1, sizeof(*r));
    char *copy = strdup(dir);
    if (r == NULL || copy == NULL) {
        free(r);
        free(copy);
        return cb_fail(err, CB_ENOMEM, "no memory to read %s", dir);
    }
    r->dir = copy;
    *ret = r;
    return CB_OK;
}

void records_tolerate(struct records *r)
{
    r->is_tolerant = true;
}

void records_close(struct records *r)
{
    if (r != NULL) {
        chain_free(&r->chain);
        free(r->dir);
        free(r);
    }
}

/* number_of - which record a line says it is: {"v":1,"seq":N,... */
static bool number_of(struct slice line, uint64_t *ret)
{
    struct scan s = scan_over(line);
    uint64_t version = 0;
    return scan_literal(&s, SLICE("{\"v\":")) && scan_u64(&s, &version) &&
           scan_literal(&s, SLICE(",\"seq\":")) && scan_u64(&s, ret) && scan_at(&s, ',');
}

/* peek_line - the first line that begins behind offset and before end. False: there is none whose
 * number can be read. */
static bool peek_line(struct records *r, int fd, uint64_t offset, uint64_t end,
                      uint64_t *ret_offset, uint64_t *ret_seq)
{
    const struct audit_io *io = &audit_system_io;
    const ssize_t got = io->pread(io->ctx, fd, r->peek, PEEK, (off_t)offset);
    if (got <= 0) {
        return false;
    }
    const struct slice bytes = {r->peek, (size_t)got};
    const size_t newline = slice_find(bytes, '\n');
    if (newline == bytes.len || offset + newline + 1 >= end) {
        return false;
    }
    *ret_offset = offset + newline + 1;
    return number_of(slice_from(bytes, newline + 1), ret_seq);
}

/* find_near - an offset at which a line begins, not behind record seq and not far before it. */
static uint64_t find_near(struct records *r, int fd, uint64_t size, uint64_t seq)
{
    uint64_t low = 0;
    uint64_t high = size;
    while (high - low > NEAR) {
        const uint64_t middle = low + (high - low) / 2;
        uint64_t offset = 0;
        uint64_t number = 0;
        if (peek_line(r, fd, middle, high, &offset, &number) && number <= seq) {
            low = offset;
        } else {
            high = middle;
        }
    }
    return low;
}

/* near_in_plain - 0 where the segment is not there in its plain form: then it is read from its start. */
static enum cb_code near_in_plain(struct records *r, const char *path, uint64_t valid_bytes,
                                  uint64_t seq, uint64_t *ret, struct cb_err *err)
{
    const struct audit_io *io = &audit_system_io;
    struct stat st;
    int fd = -1;
    enum cb_code code = io_open_file(io, path, 0, UINT64_MAX, &fd, err);
    if (code != CB_OK) {
        *ret = 0;
        return code == CB_ENOENT ? CB_OK : code;
    }
    if (io->fstat(io->ctx, fd, &st) != 0) {
        code = cb_fail_errno(err, "fstat of %s", path);
    } else {
        const uint64_t size =
            (uint64_t)st.st_size < valid_bytes ? (uint64_t)st.st_size : valid_bytes;
        *ret = find_near(r, fd, size, seq);
    }
    (void)io->close(io->ctx, fd);
    return code;
}

/* What is still to be handed out. */
struct wanted {
    uint64_t next;
    uint64_t end;
    bool (*each)(void *ctx, uint64_t seq, struct slice line);
    void *ctx;
};

/* hand_out - the lines from here to the segment's end or the end of what is wanted. */
static enum cb_code hand_out(struct lines *l, struct wanted *w, struct cb_err *err)
{
    while (w->next < w->end) {
        struct slice line;
        uint64_t offset = 0;
        uint64_t seq = 0;
        const enum lines_next next = lines_next(l, &line, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next != LINES_LINE) {
            return CB_OK;
        }
        if (!number_of(line, &seq) || seq > w->next) {
            return cb_fail(err, CB_ECORRUPT, "%s: record %llu: another line stands in its place",
                           l->path, (unsigned long long)w->next);
        }
        if (seq == w->next) {
            w->next = w->each(w->ctx, seq, line) ? seq + 1 : w->end;
        }
    }
    return CB_OK;
}

static enum cb_code read_segment(struct records *r, const struct chain_link *link, struct wanted *w,
                                 struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct lines l;
    uint64_t near = 0;
    TRY(segdir_path(r->dir, link->no, path, err));
    TRY(near_in_plain(r, path, link->valid_bytes, w->next, &near, err));
    TRY(lines_open(&l, &audit_system_io, path, LINES_FROM_CACHE, link->valid_bytes, err));
    enum cb_code code = lines_skip(&l, near, err);
    if (code == CB_OK) {
        code = hand_out(&l, w, err);
    }
    lines_close(&l);
    return code;
}

/* link_of - the segment of the chain that has this record, or the first. */
static size_t link_of(const struct chain *chain, uint64_t seq)
{
    size_t low = 0;
    size_t high = chain->num;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (chain->links[middle].first_seq <= seq) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* read_by_chain - as far as the chain, as it is known, leads. */
static enum cb_code read_by_chain(struct records *r, struct wanted *w, struct cb_err *err)
{
    for (size_t i = link_of(&r->chain, w->next); i < r->chain.num && w->next < w->end; i++) {
        const uint64_t before = w->next;
        if (w->next < r->chain.links[i].first_seq) {
            return cb_fail(err, CB_ENOENT,
                           "record %llu is not in %s any more: records below %llu were pruned, the "
                           "archive has them",
                           (unsigned long long)w->next, r->dir,
                           (unsigned long long)r->chain.links[i].first_seq);
        }
        TRY(read_segment(r, &r->chain.links[i], w, err));
        if (w->next == before) {
            break;
        }
    }
    return CB_OK;
}

/* ignore - whoever searches is told of it by the search. */
static void ignore(void *ctx, const char *what)
{
    (void)ctx;
    (void)what;
}

static enum cb_code read_chain(struct records *r, struct cb_err *err)
{
    struct chain chain;
    TRY(r->is_tolerant ? chain_read_some(r->dir, ignore, NULL, &chain, err)
                       : chain_read(r->dir, &chain, err));
    chain_free(&r->chain);
    r->chain = chain;
    return CB_OK;
}

enum cb_code records_read(struct records *r, uint64_t from, uint64_t num,
                          bool (*each)(void *ctx, uint64_t seq, struct slice line), void *ctx,
                          struct cb_err *err)
{
    struct wanted w = {from, from + num, each, ctx};
    if (r->chain.num > 0) {
        (void)read_by_chain(r, &w, err);
    }
    if (w.next < w.end) {
        TRY(read_chain(r, err));
        TRY(read_by_chain(r, &w, err));
    }
    return w.next == w.end ? CB_OK
                           : cb_fail(err, CB_ENOENT, "record %llu is not in the log %s",
                                     (unsigned long long)w.next, r->dir);
}

/* last_number - of the last line in these bytes that is whole and whose number can be read. */
static bool last_number(struct slice bytes, uint64_t *ret)
{
    size_t end = bytes.len;
    while (end > 0 && bytes.ptr[end - 1] != '\n') {
        end--;
    }
    while (end > 0) {
        size_t start = end - 1;
        while (start > 0 && bytes.ptr[start - 1] != '\n') {
            start--;
        }
        if (start > 0 && number_of((struct slice){bytes.ptr + start, end - start}, ret)) {
            return true;
        }
        end = start;
    }
    return false;
}

/* peek_end - the last line of the newest segment; false: it is shorter than a peek. */
static enum cb_code peek_end(struct records *r, const char *path, uint64_t *ret, bool *ret_found,
                             struct cb_err *err)
{
    const struct audit_io *io = &audit_system_io;
    struct stat st;
    ssize_t got = -1;
    int fd = -1;
    TRY(io_open_file(io, path, 0, UINT64_MAX, &fd, err));
    if (io->fstat(io->ctx, fd, &st) != 0) {
        const enum cb_code code = cb_fail_errno(err, "fstat of %s", path);
        (void)io->close(io->ctx, fd);
        return code;
    }
    const off_t from = st.st_size > (off_t)PEEK ? st.st_size - (off_t)PEEK : 0;
    if (from > 0) {
        got = io->pread(io->ctx, fd, r->peek, PEEK, from);
    }
    (void)io->close(io->ctx, fd);
    *ret_found = got > 0 && last_number((struct slice){r->peek, (size_t)got}, ret);
    return CB_OK;
}

static bool pass_by(void *ctx, uint64_t seq, struct slice line)
{
    (void)line;
    *(uint64_t *)ctx = seq;
    return true;
}

enum cb_code records_count(struct records *r, uint64_t *ret, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    uint64_t last = 0;
    bool found = false;
    TRY(read_chain(r, err));
    const struct chain_link *newest = &r->chain.links[r->chain.num - 1];
    TRY(segdir_path(r->dir, newest->no, path, err));
    TRY(peek_end(r, path, &last, &found, err));
    if (!found) {
        struct wanted w = {newest->first_seq, UINT64_MAX, pass_by, &last};
        TRY(read_segment(r, newest, &w, err));
    }
    *ret = last + 1;
    return CB_OK;
}
