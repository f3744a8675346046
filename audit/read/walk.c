/* walk.c - every record that counts, in order, over all segments.
 *
 * Which segments there are is chain.c's. Reads beside a running writer: the newest records it passes
 * on may not be durable yet. Does not check the hash tree. */
#include "audit/read/reader.h"

#include "audit/line.h"
#include "audit/read/chain.h"
#include "audit/read/lines.h"
#include "audit/segdir.h"

struct walk {
    const char *dir;
    struct chain chain;
    uint64_t from;
    int64_t since_us, until_us;
    enum cb_code (*check)(struct slice line, struct line_info *ret, struct cb_err *err);
    bool (*each)(void *ctx, uint64_t seq, struct slice line); /* one of the two */
    bool (*each_in_span)(void *ctx, const struct audit_line *line);
    void *ctx;
    bool stopped;
};

static enum cb_code corrupt_at(const char *path, uint64_t seq, const char *what, struct cb_err *err)
{
    return cb_fail(err, CB_ECORRUPT, "%s: record %llu: %s", path, (unsigned long long)seq, what);
}

struct reading {
    struct walk *w;
    const char *path;
    bool newest;
    uint64_t next_seq;
    uint64_t floor;
    uint64_t end_offset; /* behind the last whole line */
};

/* check_torn - bad and the rest of the newest segment behind it: as in recover.c. */
static enum cb_code check_torn(const struct reading *r, struct lines *l, struct slice bad,
                               struct cb_err *err)
{
    enum lines_next next = LINES_BROKEN;
    while (next != LINES_END) {
        uint64_t offset = 0;
        if (line_proves_later(bad, r->next_seq)) {
            return corrupt_at(r->path, r->next_seq, "damaged, and later records follow", err);
        }
        next = lines_next(l, &bad, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
    }
    return CB_OK;
}

/* hand_out - false: whoever walks has had enough. */
static bool hand_out(const struct walk *w, struct slice line, const struct line_info *info)
{
    if (w->each != NULL) {
        return info->seq < w->from || w->each(w->ctx, info->seq, line);
    }
    const struct audit_line found = {.seq = info->seq,
                                     .ts_us = info->ts_us,
                                     .type = info->type,
                                     .body = info->body,
                                     .whole = line};
    return info->ts_us < w->since_us || info->ts_us >= w->until_us ||
           w->each_in_span(w->ctx, &found);
}

static enum cb_code pass_on(struct reading *r, struct slice line, const struct line_info *info,
                            struct cb_err *err)
{
    if (info->seq != r->next_seq) {
        return corrupt_at(r->path, r->next_seq, "another record stands in its place", err);
    }
    if (info->floor != info->seq && info->floor != r->floor) {
        return corrupt_at(r->path, info->seq, "its batch floor does not fit the record before",
                          err);
    }
    r->floor = info->floor;
    r->next_seq++;
    r->w->stopped = !hand_out(r->w, line, info);
    return CB_OK;
}

static enum cb_code read_records(struct reading *r, struct lines *l, struct cb_err *err)
{
    while (!r->w->stopped) {
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
        const enum cb_code code = next == LINES_LINE ? r->w->check(line, &info, &why) : CB_ECORRUPT;
        if (code == CB_EINPUT) {
            return corrupt_at(r->path, r->next_seq, why.msg, err);
        }
        if (code != CB_OK) {
            return r->newest ? check_torn(r, l, line, err)
                             : corrupt_at(r->path, r->next_seq, "damaged", err);
        }
        TRY(pass_on(r, line, &info, err));
        r->end_offset = offset + line.len + 1;
    }
    return CB_OK;
}

/* read_segment - link number i of the chain. */
static enum cb_code read_segment(struct walk *w, size_t i, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    const struct chain_link *link = &w->chain.links[i];
    struct reading r = {.w = w,
                        .path = path,
                        .newest = i + 1 == w->chain.num,
                        .next_seq = link->first_seq,
                        .floor = link->first_seq};
    struct lines l;
    TRY(segdir_path(w->dir, link->no, path, err));
    TRY(lines_open(&l, &audit_system_io, path, LINES_FROM_CACHE, link->valid_bytes, err));
    r.path = l.path; /* the packed one's, if it is one */
    enum cb_code code = read_records(&r, &l, err);
    r.path = path;
    lines_close(&l);
    if (code != CB_OK || w->stopped || r.newest) {
        return code;
    }
    if (r.end_offset != link->valid_bytes || r.next_seq != link[1].first_seq) {
        code = corrupt_at(path, r.next_seq, "missing", err);
    }
    return code;
}

static enum cb_code read_all(struct walk *w, struct cb_err *err)
{
    for (size_t i = 0; i < w->chain.num && !w->stopped; i++) {
        const struct chain_link *link = &w->chain.links[i];
        const bool ends_before = i + 1 < w->chain.num &&
                                 (link[1].first_seq <= w->from || link[1].first_us < w->since_us);
        if (ends_before || link->first_us >= w->until_us) {
            continue;
        }
        TRY(read_segment(w, i, err));
    }
    return CB_OK;
}

static enum cb_code walk(struct walk *w, struct cb_err *err)
{
    TRY(chain_read(w->dir, &w->chain, err));
    const enum cb_code code = read_all(w, err);
    chain_free(&w->chain);
    return code;
}

enum cb_code audit_walk(const char *dir, uint64_t from,
                        bool (*each)(void *ctx, uint64_t seq, struct slice line), void *ctx,
                        struct cb_err *err)
{
    struct walk w = {.dir = dir,
                     .from = from,
                     .since_us = INT64_MIN,
                     .until_us = INT64_MAX,
                     .check = line_check,
                     .each = each,
                     .ctx = ctx};
    return walk(&w, err);
}

enum cb_code audit_walk_span(const char *dir, int64_t since_us, int64_t until_us,
                             bool (*each)(void *ctx, const struct audit_line *line), void *ctx,
                             struct cb_err *err)
{
    struct walk w = {.dir = dir,
                     .since_us = since_us,
                     .until_us = until_us,
                     .check = line_check_frame,
                     .each_in_span = each,
                     .ctx = ctx};
    return walk(&w, err);
}
