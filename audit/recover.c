/* recover.c - reads the newest segment and decides what counts.
 *
 * The rule for damage: a crash can only harm records whose batch was never acknowledged, and a
 * batch is written only after the one before is on disk. So if record k is damaged and any later
 * line proves that its batch floor lies beyond k, then k was on disk once and has been changed:
 * that is corruption and the log does not open. Otherwise everything from k on is a torn tail.
 * Lines whose checksum is right but whose content is wrong are never the work of a crash. */
#include "audit/recover.h"

#include "audit/line.h"
#include "audit/read/lines.h"
#include "audit/read/reader.h"
#include "audit/seal/rotation.h"
#include "audit/segdir.h"

#include <fcntl.h>
#include <stdlib.h>

/* One pass over a segment. */
struct pass {
    const char *path;
    uint64_t no;
    struct slice origin;
    struct recovered *r;
    struct segment_start start;
    bool opened;          /* segment.open was read */
    bool closed;          /* segment.close was read: nothing may follow */
    uint64_t floor;       /* of the line before */
    uint64_t valid_bytes; /* up to here all lines count */
    bool accepts;         /* damage that is no torn tail is given up ... */
    bool forged;          /* ... but not where some record before it is wrong, nobody knows which */
    uint64_t end; /* with accepts: records from this one on are given up whatever they are */
};

static enum cb_code corrupt(const struct pass *p, const char *what, struct cb_err *err)
{
    if (!p->opened) {
        return cb_fail(err, CB_ECORRUPT, "%s: first record: %s", p->path, what);
    }
    return cb_fail(err, CB_ECORRUPT, "%s: record %llu: %s", p->path,
                   (unsigned long long)p->r->tree.size, what);
}

static enum cb_code take_open(struct pass *p, const struct line_info *info, struct cb_err *err)
{
    struct cb_err why;
    if (info->type != AUDIT_SEGMENT_OPEN) {
        return corrupt(p, "a segment must begin with segment.open", err);
    }
    if (own_parse_segment_open(info->body, &p->start, &p->r->tree, &p->r->open, &why) != CB_OK) {
        return corrupt(p, why.msg, err);
    }
    if (p->start.no != p->no || p->start.tree_size != info->seq ||
        !slice_eq(p->start.origin, p->origin)) {
        return corrupt(p, "segment.open belongs to another segment or another log", err);
    }
    /* These pointed into the line. */
    p->start.origin = p->start.version = p->start.boot_id = p->start.host = (struct slice){0};
    p->opened = true;
    return CB_OK;
}

static enum cb_code take_close(struct pass *p, const struct line_info *info, struct cb_err *err)
{
    unsigned char stated[SHA256_LEN];
    unsigned char computed[SHA256_LEN];
    merkle_root(&p->r->tree, computed);
    if (!own_parse_segment_close(info->body, stated) || memcmp(stated, computed, SHA256_LEN) != 0) {
        p->forged = true;
        return corrupt(p, "segment.close states another root than its records have", err);
    }
    p->closed = true;
    return CB_OK;
}

/* take_rotation - who signs from here on. */
static enum cb_code take_rotation(struct pass *p, struct slice line, const struct line_info *info,
                                  struct cb_err *err)
{
    struct arena arena;
    struct audit_record record;
    struct rotation_statement statement;
    struct cb_err why;
    arena_init(&arena, 256UL * 1024);
    enum cb_code code = audit_line_parse(line, &arena, &record, &why);
    if (code == CB_OK) {
        code = rotation_check(record.event.statement, p->origin, &statement, &why);
    }
    if (code == CB_OK && record.event.statement.len <= sizeof(p->r->statement)) {
        p->r->statement_len = record.event.statement.len;
        memcpy(p->r->statement, record.event.statement.ptr, p->r->statement_len);
    }
    arena_free(&arena);
    if (code != CB_OK) {
        return corrupt(p, why.msg, err);
    }
    p->r->old_key = statement.old_key;
    p->r->new_key = statement.new_key;
    p->r->statement_size = statement.size;
    memcpy(p->r->statement_root, statement.root, SHA256_LEN);
    p->r->rotated = true;
    p->r->rotate_seq = info->seq;
    return CB_OK;
}

static enum cb_code take_type(struct pass *p, struct slice line, const struct line_info *info,
                              struct cb_err *err)
{
    if (!p->opened) {
        return take_open(p, info, err);
    }
    if (info->type == AUDIT_SEGMENT_OPEN || p->closed) {
        return corrupt(p, "a record that cannot stand here", err);
    }
    if (info->type == AUDIT_SEGMENT_CLOSE) {
        return take_close(p, info, err);
    }
    if (info->type == AUDIT_KEY_ROTATE) {
        return take_rotation(p, line, info, err);
    }
    if (audit_type_is_attempt(info->type) &&
        !open_set_add(&p->r->open, info->seq, info->type, info->req)) {
        return corrupt(p, "more attempts without outcome than there can be", err);
    }
    if (audit_type_is_outcome(info->type)) {
        (void)open_set_remove(&p->r->open, info->ref);
    }
    return CB_OK;
}

/* take_line - a line that passed line_check: does it continue the log? */
static enum cb_code take_line(struct pass *p, struct slice line, const struct line_info *info,
                              struct cb_err *err)
{
    const bool starts_batch = info->floor == info->seq;
    if (info->seq >= p->end) {
        return corrupt(p, "not signed for", err);
    }
    if (p->opened && info->seq != p->r->tree.size) {
        return corrupt(p, "another record stands in its place", err);
    }
    if (!starts_batch && (!p->opened || info->floor != p->floor)) {
        return corrupt(p, "its batch floor does not fit the record before", err);
    }
    TRY(take_type(p, line, info, err));
    p->floor = info->floor;
    merkle_append(&p->r->tree, line);
    p->valid_bytes += line.len + 1;
    return CB_OK;
}

/* check_tail - bad and everything behind it: CB_ECORRUPT if any of it proves that the record which
 * should stand here was durable. Where that record is the segment.open itself, every line behind it
 * does (no batch but the very first of a log begins at 0); it alone, whole but for its newline,
 * proves nothing. */
static enum cb_code check_tail(const struct pass *p, struct lines *l, struct slice *bad,
                               struct cb_err *err)
{
    const uint64_t seq = p->opened ? p->r->tree.size : 0;
    enum lines_next next = LINES_BROKEN;
    if (!p->opened && bad->len > 0) {
        bad->ptr++;
        bad->len--;
    }
    while (next != LINES_END) {
        uint64_t offset = 0;
        if (line_proves_later(*bad, seq)) {
            return corrupt(p, "damaged, and later records show that it was whole once", err);
        }
        next = lines_next(l, bad, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
    }
    return CB_OK;
}

/* note_later - does this line show that there was a record of a higher number? */
static void note_later(struct recover_loss *loss, struct slice line)
{
    struct line_info info;
    struct cb_err ignored;
    if (line_check(line, &info, &ignored) == CB_OK && info.seq >= loss->first_seq &&
        (loss->last_seq == UINT64_MAX || info.seq > loss->last_seq)) {
        loss->last_seq = info.seq;
    }
}

/* give_up - line and everything behind it; why says what is wrong with it. */
static enum cb_code give_up(struct pass *p, struct lines *l, struct slice line,
                            const struct cb_err *why, struct cb_err *err)
{
    struct recover_loss *loss = &p->r->loss;
    uint64_t offset = 0;
    *loss = (struct recover_loss){.found = true,
                                  .first_seq = p->opened ? p->r->tree.size : 0,
                                  .last_seq = loss->found ? loss->last_seq : UINT64_MAX,
                                  .segment = p->no,
                                  .is_unsigned = p->end != UINT64_MAX};
    memcpy(loss->what, why->msg, sizeof(loss->what));
    enum lines_next next = LINES_LINE;
    while (next == LINES_LINE || next == LINES_BROKEN) {
        if (next == LINES_LINE) {
            note_later(loss, line);
        }
        next = lines_next(l, &line, &offset, err);
    }
    return next == LINES_FAILED ? err->code : CB_OK;
}

/* read_lines - *ret_bad: the line that is to blame, or that shows it. */
static enum cb_code read_lines(struct pass *p, struct lines *l, struct slice *ret_bad,
                               struct cb_err *err)
{
    for (;;) {
        struct slice line;
        struct line_info info;
        uint64_t offset = 0;
        struct cb_err why;
        const enum lines_next next = lines_next(l, &line, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next == LINES_END) {
            return CB_OK;
        }
        const enum cb_code code = next == LINES_LINE ? line_check(line, &info, &why) : CB_ECORRUPT;
        *ret_bad = line;
        if (code == CB_EINPUT) {
            return corrupt(p, why.msg, err);
        }
        if (code != CB_OK) {
            return check_tail(p, l, ret_bad, err);
        }
        TRY(take_line(p, line, &info, err));
    }
}

/* settle - complete lines that nobody waited for any more are kept; make them durable before
 * anything is built on them. Reading comes after: it must see the disk. */
static enum cb_code settle(const char *path, const struct audit_io *io, struct cb_err *err)
{
    int fd = -1;
    TRY(io_open_file(io, path, 0, UINT64_MAX, &fd, err));
    enum cb_code code = CB_OK;
    if (io->fsync(io->ctx, fd) != 0) {
        code = cb_fail_errno(err, "fsync of %s", path);
    }
    (void)io->close(io->ctx, fd);
    return code;
}

static enum cb_code read_segment(struct pass *p, const struct audit_io *io, struct cb_err *err)
{
    struct lines l;
    struct slice bad = SLICE("");
    TRY(settle(p->path, io, err));
    TRY(lines_open(&l, io, p->path, LINES_FROM_DISK, UINT64_MAX, err));
    enum cb_code code = read_lines(p, &l, &bad, err);
    if (code == CB_ECORRUPT && p->accepts && !p->forged) {
        const struct cb_err why = *err;
        code = give_up(p, &l, bad, &why, err);
    }
    lines_close(&l);
    return code;
}

/* describe_prev - what the next segment.open will say about the segment just read. */
static enum cb_code describe_prev(const struct pass *p, const struct audit_io *io,
                                  struct cb_err *err)
{
    struct segment_prev *prev = &p->r->prev;
    *prev = (struct segment_prev){.no = p->no, .valid_bytes = p->valid_bytes};
    TRY(lines_digest(io, p->path, p->valid_bytes, &prev->void_bytes, prev->void_sha256, err));
    prev->has_void_sha256 = prev->void_bytes > 0;
    prev->clean = p->closed && prev->void_bytes == 0;
    return CB_OK;
}

/* check_link - the segment before must still have the bytes that count. Its content is not read:
 * that is for the walk and the verifier. */
static enum cb_code check_link(const struct pass *p, const char *dir, const struct audit_io *io,
                               struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    uint64_t size = 0;
    if (p->start.prev.no == 0) {
        return CB_OK;
    }
    TRY(segdir_path(dir, p->start.prev.no, path, err));
    const enum cb_code code = lines_size(io, path, &size, err);
    if (code == CB_ENOENT) {
        return cb_fail(err, CB_ECORRUPT, "%s is missing: %s follows it", path, p->path);
    }
    TRY(code);
    if (size < p->start.prev.valid_bytes) {
        return cb_fail(err, CB_ECORRUPT, "%s has lost records: %llu bytes, %llu of them counted",
                       path, (unsigned long long)size,
                       (unsigned long long)p->start.prev.valid_bytes);
    }
    return CB_OK;
}

/* recover_one - *ret_alive: the segment begins with its segment.open. One that does not, and holds
 * no other valid line, was never used: the writer gave up on it or died before its first sync. */
static enum cb_code recover_one(const char *dir, uint64_t no, struct slice origin,
                                const struct audit_io *io, const uint64_t *accept_end,
                                struct recovered *r, bool *ret_alive, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct pass p = {.path = path,
                     .no = no,
                     .origin = origin,
                     .r = r,
                     .accepts = accept_end != NULL,
                     .end = accept_end != NULL ? *accept_end : UINT64_MAX};
    TRY(segdir_path(dir, no, path, err));
    TRY(read_segment(&p, io, err));
    *ret_alive = p.opened;
    if (!p.opened) {
        return CB_OK;
    }
    TRY(describe_prev(&p, io, err));
    return check_link(&p, dir, io, err);
}

static enum cb_code recover_newest(const char *dir, const struct segment_list *list,
                                   struct slice origin, const struct audit_io *io,
                                   const uint64_t *accept_end, struct recovered *r,
                                   struct cb_err *err)
{
    for (size_t i = list->num; i > 0; i--) {
        bool alive = false;
        TRY(recover_one(dir, list->no[i - 1], origin, io, accept_end, r, &alive, err));
        if (alive) {
            return CB_OK;
        }
    }
    return cb_fail(err, CB_ECORRUPT, "%s/seg holds no segment that counts: the log is lost", dir);
}

/* recover_with - accept_end: as recover_accepting's end; NULL: accepts nothing. */
static enum cb_code recover_with(const char *dir, struct slice origin, const struct audit_io *io,
                                 const uint64_t *accept_end, struct recovered *ret,
                                 struct cb_err *err)
{
    struct segment_list list;
    TRY(segdir_list(dir, &list, err));
    *ret = (struct recovered){.newest_no = list.num > 0 ? list.no[list.num - 1] : 0};
    enum cb_code code = merkle_init(&ret->tree, err);
    if (code == CB_OK) {
        code = recover_newest(dir, &list, origin, io, accept_end, ret, err);
    }
    ret->loss.first_seq = ret->tree.size; /* also where not even the segment.open is whole */
    if (code != CB_OK) {
        merkle_free(&ret->tree);
    }
    segdir_list_free(&list);
    return code;
}

enum cb_code recover(const char *dir, struct slice origin, const struct audit_io *io,
                     struct recovered *ret, struct cb_err *err)
{
    return recover_with(dir, origin, io, NULL, ret, err);
}

enum cb_code recover_accepting(const char *dir, struct slice origin, const struct audit_io *io,
                               uint64_t end, struct recovered *ret, struct cb_err *err)
{
    return recover_with(dir, origin, io, &end, ret, err);
}
