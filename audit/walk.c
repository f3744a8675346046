/* walk.c - every record that counts, in order, over all segments.
 *
 * The chain of segment.open records says which segments there are and how many bytes of each
 * count; the directory's listing alone is believed in nothing. Reads beside a running writer: the
 * newest records it passes on may not be durable yet. Does not check the hash tree. */
#include "audit/reader.h"

#include "audit/line.h"
#include "audit/lines.h"
#include "audit/own_records.h"
#include "audit/segdir.h"

#include <stdlib.h>

struct link {
    uint64_t no;
    uint64_t first_seq;
    int64_t first_us;
    uint64_t valid_bytes; /* UINT64_MAX: the newest; everything whole counts */
};

struct walk {
    const char *dir;
    struct segment_list list;
    struct link *links; /* newest first */
    size_t num_links;
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

/* ---- the chain, from the newest segment back ---- */

enum head { HEAD_OPEN, HEAD_DAMAGED };

/* read_head - the segment.open of a segment. HEAD_DAMAGED: its first line is no whole line. */
static enum cb_code read_head(const char *path, struct segment_start *ret, int64_t *ret_us,
                              enum head *ret_head, struct cb_err *err)
{
    struct lines l;
    struct slice line;
    uint64_t offset = 0;
    struct line_info info = {0};
    struct cb_err why;
    TRY(lines_open(&l, &audit_system_io, path, LINES_FROM_CACHE, AUDIT_LINE_MAX, err));
    const enum lines_next next = lines_next(&l, &line, &offset, err);
    enum cb_code code = next == LINES_FAILED ? err->code : CB_OK;
    const enum cb_code checked = next == LINES_LINE ? line_check(line, &info, &why) : CB_ECORRUPT;
    *ret_head = checked == CB_ECORRUPT ? HEAD_DAMAGED : HEAD_OPEN;
    if (code == CB_OK && checked == CB_EINPUT) {
        code = cb_fail(err, CB_ECORRUPT, "%s: first record: %s", path, why.msg);
    } else if (code == CB_OK && checked == CB_OK) {
        if (info.type != AUDIT_SEGMENT_OPEN ||
            own_parse_segment_start(info.body, ret, &why) != CB_OK || ret->tree_size != info.seq) {
            code = cb_fail(err, CB_ECORRUPT, "%s: first record: not a segment.open", path);
        }
        *ret_us = info.ts_us;
    }
    lines_close(&l);
    return code;
}

/* check_unused - behind a first line that is damaged no other may stand, see recover.c. One that
 * has become whole since we looked belongs to a writer that has just begun the segment. */
static enum cb_code check_unused(const char *path, struct cb_err *err)
{
    struct lines l;
    struct slice line = SLICE("");
    uint64_t offset = 0;
    struct line_info info = {0};
    struct cb_err why;
    TRY(lines_open(&l, &audit_system_io, path, LINES_FROM_CACHE, UINT64_MAX, err));
    enum lines_next next = lines_next(&l, &line, &offset, err);
    enum cb_code code = CB_OK;
    if (next == LINES_LINE && line_check(line, &info, &why) == CB_OK) {
        next = LINES_END;
    } else if (line.len > 0 && (next == LINES_LINE || next == LINES_BROKEN)) {
        line.ptr++;
        line.len--;
    }
    while (code == CB_OK && (next == LINES_LINE || next == LINES_BROKEN)) {
        if (line_proves_later(line, 0)) {
            code = cb_fail(err, CB_ECORRUPT, "%s: first record: damaged", path);
        } else {
            next = lines_next(&l, &line, &offset, err);
        }
    }
    if (next == LINES_FAILED && code == CB_OK) {
        code = err->code;
    }
    lines_close(&l);
    return code;
}

/* list_has - is there a file with this number? */
static bool list_has(const struct segment_list *list, uint64_t no)
{
    for (size_t i = 0; i < list->num; i++) {
        if (list->no[i] == no) {
            return true;
        }
    }
    return false;
}

/* add_link - the segment no, of which valid_bytes count; *ret_prev: the one before it. */
static enum cb_code add_link(struct walk *w, uint64_t no, uint64_t valid_bytes,
                             struct segment_prev *ret_prev, enum head *ret_head, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct segment_start start = {0};
    int64_t first_us = 0;
    TRY(segdir_path(w->dir, no, path, err));
    TRY(read_head(path, &start, &first_us, ret_head, err));
    if (*ret_head == HEAD_DAMAGED) {
        return CB_OK;
    }
    const uint64_t before = start.prev.no;
    if (start.no != no || before >= no || (before == 0) != (start.tree_size == 0)) {
        return cb_fail(err, CB_ECORRUPT, "%s: first record: does not belong here", path);
    }
    if (before != 0 && !list_has(&w->list, before)) {
        return cb_fail(err, CB_ECORRUPT, "%s/seg: segment %llu is missing; %llu follows it", w->dir,
                       (unsigned long long)before, (unsigned long long)no);
    }
    w->links[w->num_links++] = (struct link){
        .no = no, .first_seq = start.tree_size, .first_us = first_us, .valid_bytes = valid_bytes};
    *ret_prev = start.prev;
    return CB_OK;
}

/* find_newest - the highest segment in use; those above it were never used. */
static enum cb_code find_newest(struct walk *w, struct segment_prev *ret_prev, struct cb_err *err)
{
    for (size_t i = w->list.num; i > 0; i--) {
        char path[SEGMENT_PATH_MAX];
        enum head head = HEAD_DAMAGED;
        TRY(add_link(w, w->list.no[i - 1], UINT64_MAX, ret_prev, &head, err));
        if (head == HEAD_OPEN) {
            return CB_OK;
        }
        TRY(segdir_path(w->dir, w->list.no[i - 1], path, err));
        TRY(check_unused(path, err));
    }
    return cb_fail(err, CB_ECORRUPT, "%s/seg holds no segment that counts", w->dir);
}

static enum cb_code build_chain(struct walk *w, struct cb_err *err)
{
    struct segment_prev prev = {0};
    TRY(find_newest(w, &prev, err));
    while (prev.no != 0) {
        enum head head = HEAD_DAMAGED;
        const uint64_t no = prev.no;
        TRY(add_link(w, no, prev.valid_bytes, &prev, &head, err));
        if (head == HEAD_DAMAGED) {
            return cb_fail(err, CB_ECORRUPT, "%s/seg: segment %llu: first record: damaged", w->dir,
                           (unsigned long long)no);
        }
    }
    return CB_OK;
}

/* ---- the records, from the oldest segment on ---- */

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
    const struct audit_line found = {
        .seq = info->seq, .ts_us = info->ts_us, .type = info->type, .body = info->body};
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

/* read_segment - link number i of the chain; the one after it in time is i - 1. */
static enum cb_code read_segment(struct walk *w, size_t i, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    const struct link *link = &w->links[i];
    struct reading r = {.w = w,
                        .path = path,
                        .newest = i == 0,
                        .next_seq = link->first_seq,
                        .floor = link->first_seq};
    struct lines l;
    TRY(segdir_path(w->dir, link->no, path, err));
    TRY(lines_open(&l, &audit_system_io, path, LINES_FROM_CACHE, link->valid_bytes, err));
    enum cb_code code = read_records(&r, &l, err);
    lines_close(&l);
    if (code != CB_OK || w->stopped || r.newest) {
        return code;
    }
    if (r.end_offset != link->valid_bytes || r.next_seq != w->links[i - 1].first_seq) {
        code = corrupt_at(path, r.next_seq, "missing", err);
    }
    return code;
}

static enum cb_code read_all(struct walk *w, struct cb_err *err)
{
    for (size_t i = w->num_links; i > 0 && !w->stopped; i--) {
        const bool ends_before = i > 1 && (w->links[i - 2].first_seq <= w->from ||
                                           w->links[i - 2].first_us < w->since_us);
        if (ends_before || w->links[i - 1].first_us >= w->until_us) {
            continue;
        }
        TRY(read_segment(w, i - 1, err));
    }
    return CB_OK;
}

static enum cb_code walk_all(struct walk *w, struct cb_err *err)
{
    w->links = calloc(w->list.num + 1, sizeof(*w->links));
    if (w->links == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to list %s/seg", w->dir);
    }
    TRY(build_chain(w, err));
    return read_all(w, err);
}

static enum cb_code walk(struct walk *w, struct cb_err *err)
{
    TRY(segdir_list(w->dir, &w->list, err));
    const enum cb_code code = walk_all(w, err);
    free(w->links);
    segdir_list_free(&w->list);
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
