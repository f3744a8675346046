/* reread.c - see reread.h. Does not hash. */
#include "audit/seal/reread.h"

#include "audit/line.h"
#include "audit/own_records.h"
#include "audit/segdir.h"

#include <stdlib.h>

/* A segment, and what the one after it says of it. */
struct hop {
    uint64_t no;
    uint64_t first_seq;
    uint64_t valid_bytes;
    struct segment_prev prev;
};

/* read_head - the segment.open of a segment that is known to be in use. */
static enum cb_code read_head(const struct audit_io *io, const char *dir, struct hop *io_hop,
                              struct cb_err *err)
{
    struct lines l;
    struct slice line;
    char path[SEGMENT_PATH_MAX];
    uint64_t offset = 0;
    struct line_info info = {0};
    struct segment_start start = {0};
    struct cb_err why;
    TRY(segdir_path(dir, io_hop->no, path, err));
    TRY(lines_open(&l, io, path, LINES_FROM_CACHE, AUDIT_LINE_MAX, err));
    const enum lines_next next = lines_next(&l, &line, &offset, err);
    enum cb_code code = next == LINES_FAILED ? err->code : CB_OK;
    if (code == CB_OK && (next != LINES_LINE || line_check_frame(line, &info, &why) != CB_OK ||
                          info.type != AUDIT_SEGMENT_OPEN ||
                          own_parse_segment_start(info.body, &start, &why) != CB_OK ||
                          start.no != io_hop->no || start.prev.no >= start.no)) {
        code = cb_fail(err, CB_ECORRUPT, "%s: first record: damaged", path);
    }
    lines_close(&l);
    io_hop->first_seq = start.tree_size;
    io_hop->prev = start.prev;
    return code;
}

/* The segments behind one, newest first. */
struct hops {
    struct hop *list; /* owned */
    size_t num, room;
};

static enum cb_code add_hop(struct hops *h, const struct hop *hop, struct cb_err *err)
{
    if (h->num == h->room) {
        const size_t room = h->room == 0 ? 16 : 2 * h->room;
        struct hop *grown = realloc(h->list, room * sizeof(*grown));
        if (grown == NULL) {
            return cb_fail(err, CB_ENOMEM, "no memory to follow the segments");
        }
        h->list = grown;
        h->room = room;
    }
    h->list[h->num++] = *hop;
    return CB_OK;
}

/* lead_back - all segments from `newest` back to the one that follows `no`; none if they are the same. */
static enum cb_code lead_back(const struct reread *r, uint64_t no, uint64_t newest,
                              struct hops *ret, struct cb_err *err)
{
    struct hop hop = {.no = newest};
    while (hop.no != no) {
        TRY(read_head(r->io, r->dir, &hop, err));
        if (hop.prev.no < no) {
            return cb_fail(err, CB_ECORRUPT, "%s/seg: segment %llu does not lead back to %llu",
                           r->dir, (unsigned long long)newest, (unsigned long long)no);
        }
        TRY(add_hop(ret, &hop, err));
        hop.no = hop.prev.no;
    }
    return CB_OK;
}

/* ---- reading ---- */

static enum cb_code damaged(const char *path, uint64_t seq, const char *what, struct cb_err *err)
{
    return cb_fail(err, CB_ECORRUPT, "%s: record %llu: %s", path, (unsigned long long)seq, what);
}

/* is_there - the record to stop before has been reached. */
static bool is_there(const struct reread *r, const struct reread_at *at)
{
    return r->until != 0 && at->seq == r->until;
}

static enum cb_code read_lines(const struct reread *r, struct lines *l, const char *path,
                               struct reread_at *at, struct cb_err *err)
{
    while (!is_there(r, at)) {
        struct slice line;
        uint64_t offset = 0;
        struct line_info info = {0};
        struct cb_err why;
        const enum lines_next next = lines_next(l, &line, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next == LINES_END) {
            return CB_OK;
        }
        if (next != LINES_LINE || line_check_frame(line, &info, &why) != CB_OK) {
            return damaged(path, at->seq, "is not on the disk as it was acknowledged: damaged",
                           err);
        }
        if (info.seq != at->seq) {
            return damaged(path, at->seq,
                           "is not on the disk as it was acknowledged: another "
                           "record stands in its place",
                           err);
        }
        TRY(r->each(r->ctx, line, err));
        at->seq++;
        at->offset = offset + line.len + 1;
    }
    return CB_OK;
}

/* read_segment - the rest of the current segment up to limit. */
static enum cb_code read_segment(const struct reread *r, struct reread_at *at, uint64_t limit,
                                 struct cb_err *err)
{
    struct lines l;
    char path[SEGMENT_PATH_MAX];
    if (at->offset == limit || is_there(r, at)) {
        return CB_OK;
    }
    const bool cached = limit - at->offset > r->cached_from;
    TRY(segdir_path(r->dir, at->no, path, err));
    enum cb_code code =
        lines_open(&l, r->io, path, cached ? LINES_FROM_CACHE : LINES_FROM_DISK, limit, err);
    if (code != CB_OK) {
        if (code == CB_ENOENT && r->may_return) {
            return cb_fail(err, CB_ESYS, "%s: the file is gone", path);
        }
        return code == CB_ENOENT ? damaged(path, at->seq, "the file is gone", err) : code;
    }
    code = lines_skip(&l, at->offset, err);
    if (code == CB_OK) {
        code = read_lines(r, &l, path, at, err);
    }
    lines_close(&l);
    if (code == CB_OK && at->offset != limit && !is_there(r, at)) {
        code = damaged(path, at->seq, "is missing: the file was cut", err);
    }
    return code;
}

/* finish_segment - the rest of the current one, which `next` follows. */
static enum cb_code finish_segment(const struct reread *r, const struct hop *next,
                                   struct reread_at *at, struct cb_err *err)
{
    if (next->prev.valid_bytes < at->offset) {
        return cb_fail(err, CB_ECORRUPT,
                       "%s/seg: segment %llu says that less of %llu counts than was acknowledged",
                       r->dir, (unsigned long long)next->no, (unsigned long long)at->no);
    }
    TRY(read_segment(r, at, next->prev.valid_bytes, err));
    if (is_there(r, at)) {
        return CB_OK;
    }
    if (next->first_seq != at->seq) {
        return cb_fail(err, CB_ECORRUPT, "%s/seg: segment %llu begins with record %llu, not %llu",
                       r->dir, (unsigned long long)next->no, (unsigned long long)next->first_seq,
                       (unsigned long long)at->seq);
    }
    at->no = next->no;
    at->offset = 0;
    return CB_OK;
}

enum cb_code reread_to(const struct reread *r, struct reread_at *io_at, uint64_t no, uint64_t bytes,
                       struct cb_err *err)
{
    struct reread_at at = *io_at;
    struct hops hops = {0};
    enum cb_code code = lead_back(r, at.no, no, &hops, err);
    while (code == CB_OK && hops.num > 0 && !is_there(r, &at)) {
        code = finish_segment(r, &hops.list[--hops.num], &at, err);
    }
    free(hops.list);
    TRY(code);
    if (at.no == no) {
        TRY(read_segment(r, &at, bytes, err));
    }
    *io_at = at;
    return CB_OK;
}

/* ---- finding ---- */

static enum cb_code skip_lines(struct lines *l, uint64_t num, uint64_t *ret_offset,
                               struct cb_err *err)
{
    struct slice line;
    uint64_t offset = 0;
    for (uint64_t i = 0; i < num; i++) {
        const enum lines_next next = lines_next(l, &line, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next != LINES_LINE) {
            return cb_fail(err, CB_ECORRUPT, "%s: has fewer records than were acknowledged",
                           l->path);
        }
        *ret_offset = offset + line.len + 1;
    }
    return CB_OK;
}

enum cb_code reread_find(const struct audit_io *io, const char *dir, uint64_t no, uint64_t bytes,
                         uint64_t seq, struct reread_at *ret, struct cb_err *err)
{
    struct hop hop = {.no = no, .valid_bytes = bytes};
    struct lines l;
    char path[SEGMENT_PATH_MAX];
    TRY(read_head(io, dir, &hop, err));
    while (hop.first_seq > seq && hop.prev.no != 0) {
        hop = (struct hop){.no = hop.prev.no, .valid_bytes = hop.prev.valid_bytes};
        TRY(read_head(io, dir, &hop, err));
    }
    if (hop.first_seq > seq) {
        return cb_fail(err, CB_ECORRUPT, "%s/seg does not reach back to record %llu", dir,
                       (unsigned long long)seq);
    }
    struct reread_at at = {.no = hop.no, .seq = seq};
    TRY(segdir_path(dir, hop.no, path, err));
    TRY(lines_open(&l, io, path, LINES_FROM_CACHE, hop.valid_bytes, err));
    const enum cb_code code = skip_lines(&l, seq - hop.first_seq, &at.offset, err);
    lines_close(&l);
    TRY(code);
    *ret = at;
    return CB_OK;
}
