/* chain.c - see chain.h. Reads the first record of each segment and nothing else of it. */
#include "audit/read/chain.h"

#include "audit/keep/pruned.h"
#include "audit/keep/segment_digest.h"
#include "audit/line.h"
#include "audit/own_records.h"
#include "audit/read/lines.h"
#include "audit/segdir.h"

#include <stdlib.h>

struct building {
    const char *dir;
    struct segment_list list;
    struct chain chain; /* newest first while it is being built */
    size_t room;
    struct chain_pruned pruned; /* what state/pruned says */
};

enum head { HEAD_OPEN, HEAD_DAMAGED };

/* refuse_head - a first line whose checksum is right and which is not understood. */
static enum cb_code refuse_head(const char *path, struct slice line, const char *why,
                                struct cb_err *err)
{
    char what[LINE_WHAT_MAX];
    struct line_info ignored;
    bool other_version = false;
    return line_is_newer(line, &ignored, &other_version, what) && other_version
               ? cb_fail(err, CB_EINPUT,
                         "%s: its first record %s: a newer version of certbroker has written it",
                         path, what)
               : cb_fail(err, CB_ECORRUPT, "%s: first record: %s", path, why);
}

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
        code = refuse_head(l.path, line, why.msg, err);
    } else if (code == CB_OK && checked == CB_OK) {
        if (info.type != AUDIT_SEGMENT_OPEN ||
            own_parse_segment_start(info.body, ret, &why) != CB_OK || ret->tree_size != info.seq) {
            code = cb_fail(err, CB_ECORRUPT, "%s: first record: not a segment.open", l.path);
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

/* keep_link - the list may have missed a file that was being packed, so its length is no limit. */
static enum cb_code keep_link(struct building *b, const struct chain_link *link, struct cb_err *err)
{
    if (b->chain.num == b->room) {
        const size_t more = b->room * 2 + 16;
        struct chain_link *grown = realloc(b->chain.links, more * sizeof(*grown));
        if (grown == NULL) {
            return cb_fail(err, CB_ENOMEM, "no memory to list %s/seg", b->dir);
        }
        b->chain.links = grown;
        b->room = more;
    }
    b->chain.links[b->chain.num++] = *link;
    return CB_OK;
}

/* add_link - the segment no, of which valid_bytes count; *ret_prev: the one before it. */
static enum cb_code add_link(struct building *b, uint64_t no, uint64_t valid_bytes,
                             struct segment_prev *ret_prev, enum head *ret_head, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct segment_start start = {0};
    int64_t first_us = 0;
    TRY(segdir_path(b->dir, no, path, err));
    TRY(read_head(path, &start, &first_us, ret_head, err));
    if (*ret_head == HEAD_DAMAGED) {
        return CB_OK;
    }
    const uint64_t before = start.prev.no;
    if (start.no != no || before >= no || (before == 0) != (start.tree_size == 0)) {
        return cb_fail(err, CB_ECORRUPT, "%s: first record: does not belong here", path);
    }
    const struct chain_link link = {
        .no = no, .first_seq = start.tree_size, .first_us = first_us, .valid_bytes = valid_bytes};
    TRY(keep_link(b, &link, err));
    *ret_prev = start.prev;
    return CB_OK;
}

/* find_newest - the highest segment in use; those above it were never used. */
static enum cb_code find_newest(struct building *b, struct segment_prev *ret_prev,
                                struct cb_err *err)
{
    for (size_t i = b->list.num; i > 0; i--) {
        char path[SEGMENT_PATH_MAX];
        enum head head = HEAD_DAMAGED;
        TRY(add_link(b, b->list.no[i - 1], UINT64_MAX, ret_prev, &head, err));
        if (head == HEAD_OPEN) {
            return CB_OK;
        }
        TRY(segdir_path(b->dir, b->list.no[i - 1], path, err));
        TRY(check_unused(path, err));
    }
    return cb_fail(err, CB_ECORRUPT, "%s/seg holds no segment that counts", b->dir);
}

/* missing - the newest link so far has segment no before it, and there is no such file. */
static enum cb_code missing(const struct building *b, uint64_t no, struct cb_err *err)
{
    return cb_fail(err, CB_ECORRUPT, "%s/seg: segment %llu is missing; %llu follows it", b->dir,
                   (unsigned long long)no, (unsigned long long)b->chain.links[b->chain.num - 1].no);
}

/* is_pruned - was everything up to segment no, which precedes the oldest link so far, removed by a
 * record of this log? Both must tell the same size and root, and the record be where it says. */
static bool is_pruned(const struct building *b, uint64_t no)
{
    const struct chain_link *oldest = &b->chain.links[b->chain.num - 1];
    const struct chain_pruned *p = &b->pruned;
    struct cb_err ignored;
    char path[SEGMENT_PATH_MAX];
    unsigned char root[SHA256_LEN];
    if (p->size == 0 || p->last_no != no || p->size != oldest->first_seq ||
        segdir_path(b->dir, oldest->no, path, &ignored) != CB_OK ||
        segment_start_root(&audit_system_io, path, root, &ignored) != CB_OK ||
        memcmp(root, p->root, sizeof(root)) != 0) {
        return false;
    }
    size_t i = 0;
    while (i + 1 < b->chain.num && b->chain.links[i].first_seq > p->seq) {
        i++;
    }
    return b->chain.links[i].first_seq <= p->seq &&
           pruned_check(b->dir, p, &b->chain.links[i], &ignored) == CB_OK;
}

static enum cb_code build(struct building *b, struct cb_err *err)
{
    struct segment_prev prev = {0};
    pruned_read(b->dir, &b->pruned);
    TRY(find_newest(b, &prev, err));
    while (prev.no != 0) {
        enum head head = HEAD_DAMAGED;
        const uint64_t no = prev.no;
        if (is_pruned(b, no)) {
            b->chain.pruned = b->pruned;
            return CB_OK;
        }
        const enum cb_code code = add_link(b, no, prev.valid_bytes, &prev, &head, err);
        if (code == CB_ENOENT) {
            return missing(b, no, err);
        }
        TRY(code);
        if (head == HEAD_DAMAGED) {
            return cb_fail(err, CB_ECORRUPT, "%s/seg: segment %llu: first record: damaged", b->dir,
                           (unsigned long long)no);
        }
    }
    return CB_OK;
}

/* ---- what can be read of a damaged one ---- */

struct telling {
    void (*left_out)(void *ctx, const char *what);
    void *ctx;
};

/* try_link - add_link where it can be; *ret_known: *ret_prev says what comes before. */
static enum cb_code try_link(struct building *b, const struct telling *t, uint64_t no,
                             uint64_t valid_bytes, struct segment_prev *ret_prev, bool *ret_known,
                             struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    enum head head = HEAD_OPEN;
    enum cb_code code = add_link(b, no, valid_bytes, ret_prev, &head, err);
    *ret_known = code == CB_OK && head == HEAD_OPEN;
    if (code == CB_ENOMEM || *ret_known) {
        return code;
    }
    if (code == CB_OK) { /* a segment that was never used is nothing to tell of */
        TRY(segdir_path(b->dir, no, path, err));
        code = check_unused(path, err);
        if (code == CB_OK && b->chain.num > 0 && valid_bytes != UINT64_MAX) {
            code = cb_fail(err, CB_ECORRUPT, "%s: first record: damaged", path);
        }
    }
    if (code != CB_OK) {
        t->left_out(t->ctx, err->msg);
    }
    return code == CB_ENOMEM ? code : CB_OK;
}

static enum cb_code build_some(struct building *b, const struct telling *t, struct cb_err *err)
{
    struct segment_prev prev = {0};
    bool is_known = false; /* prev says which is next, and how much of it counts */
    pruned_read(b->dir, &b->pruned);
    for (size_t i = b->list.num; i > 0; i--) {
        const uint64_t no = b->list.no[i - 1];
        if (is_known && (prev.no == 0 || is_pruned(b, prev.no))) {
            break;
        }
        if (is_known && no > prev.no) {
            continue;
        }
        if (is_known && no < prev.no) {
            (void)missing(b, prev.no, err);
            t->left_out(t->ctx, err->msg);
            is_known = false;
        }
        TRY(try_link(b, t, no, is_known ? prev.valid_bytes : UINT64_MAX, &prev, &is_known, err));
    }
    if (b->chain.num == 0) {
        return cb_fail(err, CB_ECORRUPT, "%s/seg holds no segment that can be read", b->dir);
    }
    if (is_known && is_pruned(b, prev.no)) {
        b->chain.pruned = b->pruned;
    } else if (is_known && prev.no != 0 && b->list.no[0] > prev.no) {
        (void)missing(b, prev.no, err);
        t->left_out(t->ctx, err->msg);
    }
    return CB_OK;
}

static void reverse(struct chain *chain)
{
    for (size_t i = 0; i < chain->num / 2; i++) {
        const struct chain_link link = chain->links[i];
        chain->links[i] = chain->links[chain->num - 1 - i];
        chain->links[chain->num - 1 - i] = link;
    }
}

static enum cb_code read_chain(const char *dir, const struct telling *t, struct chain *ret,
                               struct cb_err *err)
{
    struct building b = {.dir = dir};
    TRY(segdir_list(dir, &b.list, err));
    const enum cb_code code = t == NULL ? build(&b, err) : build_some(&b, t, err);
    segdir_list_free(&b.list);
    if (code != CB_OK) {
        chain_free(&b.chain);
        return code;
    }
    reverse(&b.chain);
    *ret = b.chain;
    return CB_OK;
}

enum cb_code chain_read(const char *dir, struct chain *ret, struct cb_err *err)
{
    return read_chain(dir, NULL, ret, err);
}

enum cb_code chain_read_some(const char *dir, void (*left_out)(void *ctx, const char *what),
                             void *ctx, struct chain *ret, struct cb_err *err)
{
    const struct telling t = {left_out, ctx};
    return read_chain(dir, &t, ret, err);
}

void chain_free(struct chain *chain)
{
    free(chain->links);
    *chain = (struct chain){0};
}
