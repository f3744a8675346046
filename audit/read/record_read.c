/* record_read.c - see record_read.h. */
#include "audit/read/record_read.h"

#include "audit/line.h"
#include "audit/line_head.h"
#include "audit/read/chain.h"

struct wanted {
    uint64_t seq;
    struct buf *out;
    struct audit_line *ret;
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
    return CB_OK;
}

struct asking {
    struct wanted *w;
    enum cb_code code;
    struct cb_err *err;
};

static bool on_record(void *ctx, uint64_t seq, struct slice line)
{
    struct asking *a = ctx;
    (void)seq;
    a->code = take(line, "the log", a->w, a->err);
    return false;
}

enum cb_code record_copy(struct slice line, const char *path, uint64_t seq, struct buf *out,
                         struct audit_line *ret, struct cb_err *err)
{
    struct wanted w = {.seq = seq, .out = out, .ret = ret};
    return take(line, path, &w, err);
}

enum cb_code record_read(struct records *records, uint64_t seq, struct buf *out,
                         struct audit_line *ret, struct cb_err *err)
{
    struct wanted w = {.seq = seq, .out = out, .ret = ret};
    struct asking a = {.w = &w, .code = CB_OK, .err = err};
    TRY(records_read(records, seq, 1, on_record, &a, err));
    return a.code;
}

enum cb_code audit_read_record(const char *dir, uint64_t seq, struct buf *out,
                               struct audit_line *ret, struct cb_err *err)
{
    struct records *records = NULL;
    TRY(records_open(dir, &records, err));
    const enum cb_code code = record_read(records, seq, out, ret, err);
    records_close(records);
    return code;
}

enum cb_code audit_line_read(struct slice line, struct audit_line *ret, struct cb_err *err)
{
    struct line_info info = {0};
    TRY(line_check_frame(line, &info, err));
    *ret = (struct audit_line){
        .seq = info.seq, .ts_us = info.ts_us, .type = info.type, .body = info.body, .whole = line};
    return CB_OK;
}

static void ignore(void *ctx, const char *what)
{
    (void)ctx;
    (void)what;
}

enum cb_code audit_num_segments(const char *dir, size_t *ret, struct cb_err *err)
{
    struct chain chain = {0};
    TRY(chain_read_some(dir, ignore, NULL, &chain, err));
    *ret = chain.num;
    chain_free(&chain);
    return CB_OK;
}
