/* follow.c - see follow.h.
 *
 * A segment that failed may hold whole lines that do not count, so the end of one is known only from the
 * chain, or from there being no newer one: if ours is the newest after somebody said that so many
 * records are durable, then those of them that we have not seen yet stand in it and nowhere else. */
#include "audit/read/follow.h"

#include "audit/line.h"
#include "audit/read/chain.h"
#include "audit/read/lines.h"
#include "audit/segdir.h"

#include <stdio.h>
#include <stdlib.h>

struct audit_follow {
    char *dir;
    uint64_t next_seq;
    uint64_t no;     /* the segment we are in; 0: none yet */
    uint64_t offset; /* in it, behind the last line that was handed out */
    uint64_t limit;  /* of it */
    uint64_t below;  /* while it was the newest: the records that stand in it for sure */
    bool is_open;
    struct lines lines;
    char path[SEGMENT_PATH_MAX];
};

enum cb_code audit_follow_open(const char *dir, uint64_t from, struct audit_follow **ret,
                               struct cb_err *err)
{
    struct audit_follow *f = calloc(1, sizeof(*f));
    char *copy = strdup(dir);
    if (f == NULL || copy == NULL) {
        free(f);
        free(copy);
        return cb_fail(err, CB_ENOMEM, "no memory to follow %s", dir);
    }
    f->dir = copy;
    f->next_seq = from;
    *ret = f;
    return CB_OK;
}

static void leave(struct audit_follow *f)
{
    if (f->is_open) {
        lines_close(&f->lines);
        f->is_open = false;
    }
}

void audit_follow_close(struct audit_follow *f)
{
    if (f != NULL) {
        leave(f);
        free(f->dir);
        free(f);
    }
}

/* ---- where to read ---- */

/* is_newest - ours is the highest segment there is. */
static enum cb_code is_newest(const struct audit_follow *f, bool *ret, struct cb_err *err)
{
    struct segment_list list;
    TRY(segdir_list(f->dir, &list, err));
    *ret = f->no != 0 && list.num > 0 && list.no[list.num - 1] == f->no;
    segdir_list_free(&list);
    return CB_OK;
}

/* choose - the segment of the chain that has the next record. */
static enum cb_code choose(struct audit_follow *f, struct cb_err *err)
{
    struct chain chain;
    TRY(chain_read(f->dir, &chain, err));
    CB_CHECK(chain.num > 0);
    size_t i = chain.num - 1;
    while (i > 0 && chain.links[i].first_seq > f->next_seq) {
        i--;
    }
    if (f->next_seq < chain.links[i].first_seq) {
        f->next_seq = chain.links[i].first_seq; /* what was before it is pruned */
    }
    if (f->no != chain.links[i].no) {
        f->no = chain.links[i].no;
        f->offset = 0;
    }
    f->limit = chain.links[i].valid_bytes;
    chain_free(&chain);
    return CB_OK;
}

static enum cb_code enter(struct audit_follow *f, uint64_t below, struct cb_err *err)
{
    bool newest = false;
    TRY(is_newest(f, &newest, err));
    if (newest) {
        f->limit = UINT64_MAX;
    } else {
        TRY(choose(f, err));
    }
    f->below = f->limit == UINT64_MAX ? below : UINT64_MAX;
    TRY(segdir_path(f->dir, f->no, f->path, err));
    TRY(lines_open(&f->lines, &audit_system_io, f->path, LINES_FROM_CACHE, f->limit, err));
    f->is_open = true;
    const enum cb_code code = lines_skip(&f->lines, f->offset, err);
    if (code != CB_OK) {
        leave(f);
    }
    return code;
}

/* ---- reading ---- */

enum found { FOUND_RECORD, FOUND_OLDER, FOUND_END };

/* read_one - FOUND_END: nothing more here that counts or is durable. */
static enum cb_code read_one(struct audit_follow *f, uint64_t below, struct slice *ret_line,
                             enum found *ret, struct cb_err *err)
{
    struct line_info info = {0};
    struct cb_err why;
    uint64_t offset = 0;
    *ret = FOUND_END;
    const enum lines_next next = lines_next(&f->lines, ret_line, &offset, err);
    if (next == LINES_FAILED) {
        return err->code;
    }
    if (next != LINES_LINE || line_check_frame(*ret_line, &info, &why) != CB_OK ||
        info.seq >= below || info.seq >= f->below) {
        return CB_OK;
    }
    if (info.seq > f->next_seq) {
        return cb_fail(err, CB_ECORRUPT, "%s: record %llu: another record stands in its place",
                       f->path, (unsigned long long)f->next_seq);
    }
    f->offset = offset + ret_line->len + 1;
    *ret = info.seq < f->next_seq ? FOUND_OLDER : FOUND_RECORD;
    return CB_OK;
}

/* read_here - the next record of the segment that is open. */
static enum cb_code read_here(struct audit_follow *f, uint64_t below, struct slice *ret_line,
                              enum found *ret, struct cb_err *err)
{
    do {
        TRY(read_one(f, below, ret_line, ret, err));
    } while (*ret == FOUND_OLDER);
    return CB_OK;
}

enum cb_code audit_follow_next(struct audit_follow *f, uint64_t below, struct slice *ret_line,
                               uint64_t *ret_seq, struct cb_err *err)
{
    enum found found = FOUND_END;
    enum cb_code code = CB_OK;
    *ret_line = (struct slice){NULL, 0};
    /* Once in what is open, then once where the chain says that it must be. */
    for (int try = 0; try < 2 && code == CB_OK && f->next_seq < below; try++) {
        if (!f->is_open) {
            code = enter(f, below, err);
        }
        if (code == CB_OK) {
            code = read_here(f, below, ret_line, &found, err);
        }
        if (code == CB_OK && found == FOUND_RECORD) {
            *ret_seq = f->next_seq++;
            return CB_OK;
        }
        leave(f);
    }
    *ret_line = (struct slice){NULL, 0};
    if (code == CB_OK && f->next_seq < below) {
        code = cb_fail(err, CB_ECORRUPT, "%s: record %llu is not there", f->path,
                       (unsigned long long)f->next_seq);
    }
    return code;
}
