/* record_read.c - see record_read.h. */
#include "audit/record_read.h"

#include "audit/line.h"
#include "audit/line_head.h"
#include "audit/lines.h"
#include "audit/segdir.h"

struct wanted {
    uint64_t seq;
    struct buf *out;
    struct audit_line *ret;
    bool found;
};

bool record_in_block(struct slice block, uint64_t seq, struct slice *ret)
{
    while (block.len > 0) {
        struct line_head head = {0};
        const size_t len = slice_find(block, '\n');
        const struct slice line = {block.ptr, len};
        if (line_head(line, &head) && head.seq == seq) {
            *ret = line;
            return true;
        }
        block = slice_from(block, len < block.len ? len + 1 : len);
    }
    return false;
}

/* last_in - the number of the last line. */
static uint64_t last_in(struct slice block)
{
    struct line_head head = {0};
    const char *newline = memrchr(block.ptr, '\n', block.len - 1);
    const char *start = newline == NULL ? block.ptr : newline + 1;
    const struct slice line = {start, (size_t)(block.ptr + block.len - 1 - start)};
    return line_head(line, &head) ? head.seq : UINT64_MAX;
}

static enum cb_code take(struct slice line, const char *path, struct wanted *w, struct cb_err *err)
{
    struct line_info info = {0};
    struct cb_err why;
    buf_reset(w->out);
    buf_add_slice(w->out, line);
    if (!buf_ok(w->out)) {
        return cb_fail(err, CB_ENOMEM, "no memory for a record");
    }
    if (line_check_frame(buf_slice(w->out), &info, &why) != CB_OK || info.seq != w->seq) {
        return cb_fail(err, CB_ECORRUPT, "%s: record %llu: damaged", path,
                       (unsigned long long)w->seq);
    }
    *w->ret = (struct audit_line){.seq = info.seq,
                                  .ts_us = info.ts_us,
                                  .type = info.type,
                                  .body = info.body,
                                  .whole = buf_slice(w->out)};
    w->found = true;
    return CB_OK;
}

static enum cb_code look_through(struct lines *l, struct wanted *w, struct cb_err *err)
{
    enum lines_next next = LINES_LINE;
    while (next != LINES_END && !w->found) {
        uint64_t offset = 0;
        struct slice block;
        struct slice line;
        next = lines_bulk(l, &block, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next == LINES_LINE && last_in(block) >= w->seq &&
            record_in_block(block, w->seq, &line)) {
            TRY(take(line, l->path, w, err));
        }
    }
    return CB_OK;
}

static enum cb_code find(const char *dir, const struct chain *chain, struct wanted *w,
                         struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct lines l;
    size_t i = chain->num;
    while (i > 0 && chain->links[i - 1].first_seq > w->seq) {
        i--;
    }
    if (i > 0) {
        const struct chain_link *link = &chain->links[i - 1];
        TRY(segdir_path(dir, link->no, path, err));
        TRY(lines_open(&l, &audit_system_io, path, LINES_FROM_CACHE, link->valid_bytes, err));
        const enum cb_code code = look_through(&l, w, err);
        lines_close(&l);
        TRY(code);
    }
    return w->found ? CB_OK
                    : cb_fail(err, CB_ENOENT, "%s holds no record %llu", dir,
                              (unsigned long long)w->seq);
}

enum cb_code record_copy(struct slice line, const char *path, uint64_t seq, struct buf *out,
                         struct audit_line *ret, struct cb_err *err)
{
    struct wanted w = {.seq = seq, .out = out, .ret = ret};
    return take(line, path, &w, err);
}

enum cb_code record_read(const char *dir, const struct chain *chain, uint64_t seq, struct buf *out,
                         struct audit_line *ret, struct cb_err *err)
{
    struct wanted w = {.seq = seq, .out = out, .ret = ret};
    return find(dir, chain, &w, err);
}

enum cb_code audit_read_record(const char *dir, uint64_t seq, struct buf *out,
                               struct audit_line *ret, struct cb_err *err)
{
    struct chain chain = {0};
    TRY(chain_read(dir, &chain, err));
    const enum cb_code code = record_read(dir, &chain, seq, out, ret, err);
    chain_free(&chain);
    return code;
}
