/* grep.c - see grep.h. Steps over a block of lines from one text that is looked for to the next; line by
 * line only where every line counts or something is waited for. Does not know what a query is. */
#include "audit/read/grep.h"

#include "audit/line.h"
#include "audit/line_head.h"
#include "audit/own_records.h"
#include "audit/read/chain.h"
#include "audit/read/grep_find.h"
#include "audit/read/lines.h"
#include "audit/read/record_read.h"
#include "audit/segdir.h"

#include <stdlib.h>

struct audit_grep {
    const char *dir;
    struct audit_grep_want want;
    audit_grep_each each;
    void *ctx;
    struct chain chain;
    struct records *records; /* opened when one is read by itself */
    /* the segment */
    const char *path;
    bool newest;
    struct lines lines;
    struct slice block;  /* whole lines */
    uint64_t block_at;   /* its offset in the segment */
    uint64_t before;     /* number of the record in front of the block */
    const char *checked; /* in the block: everything up to here was looked at ... */
    uint64_t next_seq;   /* ... and this is the number that must follow there */
    /* attempts whose outcome is waited for */
    uint64_t *awaited;
    size_t num_awaited, room_awaited;
    bool is_begun; /* some segment was read */
    bool is_hit;
    bool stopped;
    bool at_end; /* a torn tail: behind it nothing counts */
    /* stepping over damage */
    bool is_damaged; /* something of this segment was stepped over */
    struct cb_err
        suspected; /* in the newest segment: damage, or its torn tail; code CB_OK: nothing */
    uint64_t suspected_seq, suspected_at; /* and where */
};

static enum cb_code corrupt_at(const struct audit_grep *g, uint64_t seq, const char *what,
                               struct cb_err *err)
{
    return cb_fail(err, CB_ECORRUPT, "%s: record %llu: %s", g->path, (unsigned long long)seq, what);
}

/* ---- what is waited for ---- */

bool audit_grep_await(struct audit_grep *g, uint64_t attempt)
{
    if (g->num_awaited == g->room_awaited) {
        const size_t room = g->room_awaited == 0 ? 64 : 2 * g->room_awaited;
        uint64_t *more = reallocarray(g->awaited, room, sizeof(*more));
        if (more == NULL) {
            return false;
        }
        g->awaited = more;
        g->room_awaited = room;
    }
    g->awaited[g->num_awaited++] = attempt;
    return true;
}

bool audit_grep_is_hit(const struct audit_grep *g)
{
    return g->is_hit;
}

void audit_grep_attempts(struct audit_grep *g)
{
    g->want.attempts = true;
}

static bool is_awaited(const struct audit_grep *g, uint64_t ref)
{
    for (size_t i = 0; i < g->num_awaited; i++) {
        if (g->awaited[i] == ref) {
            return true;
        }
    }
    return false;
}

static void forget(struct audit_grep *g, uint64_t ref)
{
    for (size_t i = 0; i < g->num_awaited; i++) {
        if (g->awaited[i] == ref) {
            g->awaited[i] = g->awaited[--g->num_awaited];
            return;
        }
    }
}

/* closes - the attempt that this line is the outcome of; UINT64_MAX: of none. */
static uint64_t closes(struct slice line, const struct line_head *head)
{
    enum audit_type type;
    struct line_info info;
    struct cb_err ignored;
    if (!slice_has_prefix(head->type, SLICE("issue.")) &&
        !slice_has_prefix(head->type, SLICE("revoke."))) {
        return UINT64_MAX;
    }
    if (!audit_type_parse(head->type, &type) || !audit_type_is_outcome(type)) {
        return UINT64_MAX;
    }
    if (head->ref != UINT64_MAX) {
        return head->ref;
    }
    return line_check(line, &info, &ignored) == CB_OK ? info.ref : UINT64_MAX;
}

/* ---- one line ---- */

/* number_before - of the record in front of this line, which may be damaged. */
static uint64_t number_before(const struct audit_grep *g, const char *line)
{
    struct line_head head = {0};
    if (line == g->block.ptr) {
        return g->before;
    }
    const char *end = line - 1; /* the newline */
    const char *newline = memrchr(g->block.ptr, '\n', (size_t)(end - g->block.ptr));
    const char *start = newline == NULL ? g->block.ptr : newline + 1;
    return line_head((struct slice){start, (size_t)(end - start)}, &head) ? head.seq : g->before;
}

/* torn - this line of the newest segment and all behind it: as in recover.c. */
static enum cb_code torn(struct audit_grep *g, struct slice line, struct cb_err *err)
{
    const uint64_t seq = number_before(g, line.ptr) + 1;
    struct slice rest = line;
    if (line.ptr >= g->block.ptr && line.ptr < g->block.ptr + g->block.len) {
        rest.len = (size_t)(g->block.ptr + g->block.len - line.ptr);
    }
    enum lines_next next = LINES_BROKEN;
    while (next != LINES_END) {
        uint64_t offset = 0;
        const size_t len = slice_find(rest, '\n');
        if (line_proves_later((struct slice){rest.ptr, len}, seq)) {
            return corrupt_at(g, seq, "damaged, and later records follow", err);
        }
        if (len + 1 < rest.len) {
            rest = slice_from(rest, len + 1);
            continue;
        }
        next = lines_next(&g->lines, &rest, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
    }
    g->at_end = true;
    return CB_OK;
}

/* step_over - tell of it and go on. Only where somebody listens. */
static enum cb_code step_over(struct audit_grep *g, const struct cb_err *what)
{
    g->want.on_damage(g->want.damage_ctx, what->msg);
    g->is_damaged = true;
    g->checked = NULL;
    return CB_OK;
}

/* tolerate - an error that can be stepped over is; others stay. */
static enum cb_code tolerate(struct audit_grep *g, enum cb_code code, struct cb_err *err)
{
    const bool can = code == CB_ECORRUPT || code == CB_ESYS || code == CB_ENOENT;
    return can && g->want.on_damage != NULL ? step_over(g, err) : code;
}

/* suspect - what is broken in the newest segment may be its torn tail: that shows at its end. */
static enum cb_code suspect(struct audit_grep *g, uint64_t seq)
{
    if (g->suspected.code == CB_OK) {
        (void)corrupt_at(g, seq, "damaged, and later records follow", &g->suspected);
        g->suspected_seq = seq;
        g->suspected_at = g->block_at;
    }
    g->checked = NULL;
    return CB_OK;
}

/* broken_line - a line that is none, or what stands there in place of lines. */
static enum cb_code broken_line(struct audit_grep *g, struct slice line, struct cb_err *err)
{
    const uint64_t seq = number_before(g, line.ptr) + 1;
    if (g->newest) {
        return g->want.on_damage != NULL ? suspect(g, seq) : torn(g, line, err);
    }
    return tolerate(g, corrupt_at(g, seq, "damaged", err), err);
}

static enum cb_code damaged(struct audit_grep *g, struct slice line, enum cb_code code,
                            const struct cb_err *why, struct cb_err *err)
{
    return code == CB_EINPUT
               ? tolerate(g, corrupt_at(g, number_before(g, line.ptr) + 1, why->msg, err), err)
               : broken_line(g, line, err);
}

/* settle - the newest segment is through: was it damage? As torn does it. */
static enum cb_code settle(struct audit_grep *g, struct cb_err *err)
{
    struct lines l;
    struct slice line;
    uint64_t offset = 0;
    bool is_damage = false;
    if (g->suspected.code == CB_OK) {
        return CB_OK;
    }
    TRY(lines_open(&l, &audit_system_io, g->path, LINES_FROM_CACHE, UINT64_MAX, err));
    enum cb_code code = lines_skip(&l, g->suspected_at, err);
    enum lines_next next = LINES_LINE;
    while (code == CB_OK && !is_damage && next != LINES_END) {
        next = lines_next(&l, &line, &offset, err);
        code = next == LINES_FAILED ? err->code : CB_OK;
        is_damage = code == CB_OK && next != LINES_END && line_proves_later(line, g->suspected_seq);
    }
    lines_close(&l);
    if (is_damage) {
        (void)step_over(g, &g->suspected);
    }
    g->suspected.code = CB_OK;
    return code;
}

/* look_at - a line that could matter. */
static enum cb_code look_at(struct audit_grep *g, struct slice line, bool awaited,
                            struct cb_err *err)
{
    struct line_info info = {0};
    struct cb_err why;
    const enum cb_code code = line_check_frame(line, &info, &why);
    if (code != CB_OK) {
        return damaged(g, line, code, &why, err);
    }
    if (g->checked == line.ptr && info.seq != g->next_seq) {
        TRY(tolerate(g, corrupt_at(g, g->next_seq, "another record stands in its place", err),
                     err));
    }
    g->checked = line.ptr + line.len + 1;
    g->next_seq = info.seq + 1;
    const bool early = g->want.pairs && audit_type_is_attempt(info.type);
    const bool in_span = (early || info.ts_us >= g->want.since_us) && info.ts_us < g->want.until_us;
    g->is_hit = g->is_hit && in_span;
    if (!awaited && !in_span) {
        return CB_OK;
    }
    const struct audit_line found = {
        .seq = info.seq, .ts_us = info.ts_us, .type = info.type, .body = info.body, .whole = line};
    g->stopped = !g->each(g->ctx, g, &found);
    return CB_OK;
}

/* ---- a block ---- */

static bool holds_one(const struct audit_grep *g, struct slice line)
{
    struct grep_find f;
    grep_find_begin(&f, g->want.literals, g->want.num_literals, line);
    return grep_find_from(&f, line.ptr) != NULL;
}

/* weigh - does this line matter, and only as the outcome of something? */
static bool weigh(struct audit_grep *g, struct slice line, bool *ret_awaited)
{
    struct line_head head = {0};
    const bool everything = g->want.num_literals == 0;
    *ret_awaited = false;
    g->is_hit = true;
    if (everything && g->num_awaited == 0) {
        return true;
    }
    if (!line_head(line, &head)) {
        return true; /* damaged, or of a version to come */
    }
    g->is_hit = everything || holds_one(g, line);
    const uint64_t ref = g->num_awaited > 0 ? closes(line, &head) : UINT64_MAX;
    if (ref != UINT64_MAX && is_awaited(g, ref)) {
        forget(g, ref);
        *ret_awaited = true;
    }
    return g->is_hit || *ret_awaited ||
           (g->want.attempts && slice_has_suffix(head.type, SLICE(".attempt")));
}

static bool is_line_by_line(const struct audit_grep *g)
{
    return g->want.num_literals == 0 || g->want.attempts || g->num_awaited > 0;
}

/* line_around - the line that holds this byte of the block. */
static struct slice line_around(const struct audit_grep *g, const char *at)
{
    const char *end = g->block.ptr + g->block.len;
    const char *newline = memrchr(g->block.ptr, '\n', (size_t)(at - g->block.ptr));
    const char *start = newline == NULL ? g->block.ptr : newline + 1;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    return (struct slice){start, (size_t)(stop - start)};
}

static enum cb_code search_block(struct audit_grep *g, struct cb_err *err)
{
    struct grep_find find;
    const char *at = g->block.ptr;
    const char *end = g->block.ptr + g->block.len;
    grep_find_begin(&find, g->want.literals, g->want.num_literals, g->block);
    while (at < end && !g->stopped && !g->at_end) {
        struct slice line;
        bool awaited = false;
        if (is_line_by_line(g)) {
            line = (struct slice){at, slice_find((struct slice){at, (size_t)(end - at)}, '\n')};
            at += line.len + 1;
            if (!weigh(g, line, &awaited)) {
                continue;
            }
        } else {
            const char *hit = grep_find_from(&find, at);
            if (hit == NULL) {
                break;
            }
            line = line_around(g, hit);
            g->is_hit = true;
            at = line.ptr + line.len + 1;
        }
        TRY(look_at(g, line, awaited, err));
    }
    return CB_OK;
}

/* keep_place - what the next block has to follow. */
static void keep_place(struct audit_grep *g)
{
    const char *end = g->block.ptr + g->block.len;
    g->before = number_before(g, end);
    g->checked = g->checked == end ? g->lines.block : NULL;
}

/* ---- a segment ---- */

static enum cb_code broken(struct audit_grep *g, struct slice bytes, struct cb_err *err)
{
    g->block = (struct slice){bytes.ptr, 0};
    g->checked = NULL;
    return broken_line(g, bytes, err);
}

/* next_block - the block after this one, or what stands there instead of lines. *ret_end: the segment is
 * through. */
static enum cb_code next_block(struct audit_grep *g, bool *ret_end, struct cb_err *err)
{
    uint64_t offset = 0;
    struct slice bytes;
    const bool follows = g->checked != NULL; /* the one before was looked at to its end */
    const enum lines_next next = lines_bulk(&g->lines, &bytes, &offset, err);
    g->block_at = offset;
    if (next == LINES_FAILED) {
        *ret_end = true;
        return tolerate(g, err->code, err);
    }
    *ret_end = next == LINES_END;
    if (next == LINES_BROKEN) {
        return broken(g, bytes, err);
    }
    if (next == LINES_LINE) {
        g->block = bytes;
        g->checked = follows ? bytes.ptr : NULL;
        TRY(search_block(g, err));
        keep_place(g);
    }
    return CB_OK;
}

static enum cb_code search_lines(struct audit_grep *g, struct cb_err *err)
{
    bool end = false;
    g->checked = g->lines.block;
    while (!end && !g->stopped && !g->at_end) {
        TRY(next_block(g, &end, err));
    }
    return CB_OK;
}

static enum cb_code read_one(struct audit_grep *g, uint64_t seq, struct buf *out,
                             struct audit_line *ret, struct cb_err *err)
{
    if (g->records == NULL) {
        TRY(records_open(g->dir, &g->records, err));
        if (g->want.on_damage != NULL) {
            records_tolerate(g->records);
        }
    }
    return record_read(g->records, seq, out, ret, err);
}

/* await_open - the attempts that were under way when segment i began. */
static enum cb_code await_open(struct audit_grep *g, size_t i, struct open_set *open,
                               struct cb_err *err)
{
    struct buf copy;
    struct audit_line line;
    struct segment_start start;
    struct merkle tree = {0};
    TRY(merkle_init(&tree, err));
    buf_init(&copy, AUDIT_LINE_MAX);
    enum cb_code code = read_one(g, g->chain.links[i].first_seq, &copy, &line, err);
    if (code == CB_OK) {
        code = own_parse_segment_open(line.body, &start, &tree, open, err);
    }
    merkle_free(&tree);
    buf_free(&copy);
    for (size_t k = 0; code == CB_OK && k < open->num; k++) {
        if (!audit_grep_await(g, open->items[k].attempt.seq)) {
            code = cb_fail(err, CB_ENOMEM, "no memory to search");
        }
    }
    return code;
}

/* begin_at - the first segment that is read is i. */
static enum cb_code begin_at(struct audit_grep *g, size_t i, struct cb_err *err)
{
    if (g->is_begun || i == 0 || !g->want.pairs) {
        g->is_begun = true;
        return CB_OK;
    }
    g->is_begun = true;
    struct open_set *open = calloc(1, sizeof(*open));
    const enum cb_code code =
        open == NULL ? cb_fail(err, CB_ENOMEM, "no memory to search") : await_open(g, i, open, err);
    free(open);
    return tolerate(g, code, err);
}

static enum cb_code search_segment(struct audit_grep *g, size_t i, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    const struct chain_link *link = &g->chain.links[i];
    TRY(segdir_path(g->dir, link->no, path, err));
    enum cb_code code =
        lines_open(&g->lines, &audit_system_io, path, LINES_FROM_CACHE, link->valid_bytes, err);
    if (code != CB_OK) {
        return tolerate(g, code, err);
    }
    g->path = g->lines.path;
    g->is_damaged = false;
    g->newest = i + 1 == g->chain.num;
    g->next_seq = link->first_seq;
    g->before = link->first_seq - 1;
    code = search_lines(g, err);
    if (code == CB_OK && g->newest) {
        code = settle(g, err);
    } else if (code == CB_OK && !g->stopped && !g->is_damaged && link->valid_bytes != UINT64_MAX &&
               (g->lines.offset != link->valid_bytes || g->before + 1 != link[1].first_seq)) {
        code = tolerate(g, corrupt_at(g, g->before + 1, "missing", err), err);
    }
    lines_close(&g->lines);
    g->path = NULL;
    return code;
}

/* is_outside - of the span, and nothing that is waited for can be in it. */
static bool is_outside(const struct audit_grep *g, size_t i)
{
    const struct chain_link *link = &g->chain.links[i];
    const bool ends_before = i + 1 < g->chain.num && link[1].first_us < g->want.since_us;
    const bool begins_after = link->first_us >= g->want.until_us;
    return g->num_awaited == 0 && (ends_before || begins_after);
}

static enum cb_code search_all(struct audit_grep *g, struct cb_err *err)
{
    const size_t num = g->chain.num;
    const size_t newest = g->want.newest;
    for (size_t i = newest > 0 && newest < num ? num - newest : 0; i < num && !g->stopped; i++) {
        if (is_outside(g, i)) {
            continue;
        }
        TRY(begin_at(g, i, err));
        TRY(search_segment(g, i, err));
    }
    return CB_OK;
}

enum cb_code audit_grep(const char *dir, const struct audit_grep_want *want, audit_grep_each each,
                        void *ctx, struct cb_err *err)
{
    struct audit_grep g = {
        .dir = dir, .want = *want, .each = each, .ctx = ctx, .lines = {.fd = -1}};
    CB_CHECK(want->num_literals <= AUDIT_GREP_LITERALS);
    TRY(want->on_damage == NULL
            ? chain_read(dir, &g.chain, err)
            : chain_read_some(dir, want->on_damage, want->damage_ctx, &g.chain, err));
    const enum cb_code code = search_all(&g, err);
    chain_free(&g.chain);
    records_close(g.records);
    free(g.awaited);
    return code;
}

enum cb_code audit_grep_record(struct audit_grep *g, uint64_t seq, struct buf *out,
                               struct audit_line *ret, struct cb_err *err)
{
    struct slice line;
    return record_in_block(g->block, seq, &line) ? record_copy(line, g->path, seq, out, ret, err)
                                                 : read_one(g, seq, out, ret, err);
}
