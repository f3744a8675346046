/* segment_digest.c - see segment_digest.h. Changes nothing. */
#include "audit/keep/segment_digest.h"

#include "audit/line.h"
#include "audit/own_records.h"
#include "audit/read/lines.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum cb_code segment_digest_file(const struct audit_io *io, const char *path,
                                 struct segment_digest *ret, struct cb_err *err)
{
    struct segment_digest d = {0};
    TRY(lines_digest(io, path, 0, &d.bytes, d.sha256, err));
    *ret = d;
    return CB_OK;
}

struct pass {
    struct lines lines;
    struct merkle tree;
    struct open_set open; /* segment.open states it; nobody asks for it here */
    const struct chain_link *link;
    uint64_t end_offset;
};

static enum cb_code corrupt(const struct pass *p, const char *what, struct cb_err *err)
{
    return cb_fail(
        err, CB_ECORRUPT, "%s: record %llu: %s", p->lines.path,
        (unsigned long long)(p->tree.size > p->link->first_seq ? p->tree.size : p->link->first_seq),
        what);
}

/* take_first - the segment.open: the tree so far. */
static enum cb_code take_first(struct pass *p, const struct line_info *info, struct cb_err *err)
{
    struct segment_start start;
    struct cb_err why;
    if (info->type != AUDIT_SEGMENT_OPEN ||
        own_parse_segment_open(info->body, &start, &p->tree, &p->open, &why) != CB_OK ||
        start.no != p->link->no) {
        p->tree.size = 0;
        return corrupt(p, "is not the segment.open that belongs here", err);
    }
    return CB_OK;
}

static enum cb_code take_line(struct pass *p, struct slice line, bool first, struct cb_err *err)
{
    struct line_info info;
    struct cb_err why;
    if (line_check(line, &info, &why) != CB_OK) {
        return corrupt(p, why.msg, err);
    }
    if (first) {
        TRY(take_first(p, &info, err));
    }
    if (info.seq != p->tree.size) {
        return corrupt(p, "another record stands in its place", err);
    }
    merkle_append(&p->tree, line);
    return CB_OK;
}

static enum cb_code read_all(struct pass *p, struct cb_err *err)
{
    for (bool first = true;; first = false) {
        struct slice line;
        uint64_t offset = 0;
        const enum lines_next next = lines_next(&p->lines, &line, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next == LINES_END) {
            return CB_OK;
        }
        if (next == LINES_BROKEN) {
            return corrupt(p, "damaged", err);
        }
        TRY(take_line(p, line, first, err));
        p->end_offset = offset + line.len + 1;
    }
}

static enum cb_code check(struct pass *p, uint64_t end_seq, const unsigned char *want,
                          struct cb_err *err)
{
    unsigned char root[SHA256_LEN];
    TRY(read_all(p, err));
    if (p->tree.size != end_seq || p->end_offset != p->link->valid_bytes) {
        return corrupt(p, "missing", err);
    }
    merkle_root(&p->tree, root);
    if (memcmp(root, want, sizeof(root)) != 0) {
        return cb_fail(err, CB_ECORRUPT,
                       "%s: its records do not have the root that the next segment states: one of "
                       "records %llu to %llu was changed",
                       p->lines.path, (unsigned long long)p->link->first_seq,
                       (unsigned long long)end_seq - 1);
    }
    return CB_OK;
}

enum cb_code segment_root_file(const struct audit_io *io, const char *path,
                               const struct chain_link *link, uint64_t end_seq,
                               const unsigned char want[SHA256_LEN], struct cb_err *err)
{
    struct pass *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to read %s", path);
    }
    p->link = link;
    enum cb_code code = merkle_init(&p->tree, err);
    if (code == CB_OK) {
        code = lines_open(&p->lines, io, path, LINES_FROM_CACHE, link->valid_bytes, err);
    }
    if (code == CB_OK) {
        code = check(p, end_seq, want, err);
        lines_close(&p->lines);
    }
    merkle_free(&p->tree);
    free(p);
    return code;
}

/* parse_start - the root in a segment's first line. */
static enum cb_code parse_start(struct slice line, const char *path, struct merkle *tree,
                                unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    struct open_set *open = calloc(1, sizeof(*open));
    struct segment_start start;
    struct line_info info;
    struct cb_err why;
    if (open == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to read %s", path);
    }
    const bool ok = line_check(line, &info, &why) == CB_OK && info.type == AUDIT_SEGMENT_OPEN &&
                    own_parse_segment_open(info.body, &start, tree, open, &why) == CB_OK;
    free(open);
    if (!ok) {
        return cb_fail(err, CB_ECORRUPT, "%s: first record: damaged", path);
    }
    merkle_root(tree, ret);
    return CB_OK;
}

enum cb_code segment_start_root(const struct audit_io *io, const char *path,
                                unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    struct lines l;
    struct slice line = SLICE("");
    uint64_t offset = 0;
    struct merkle tree = {0};
    TRY(lines_open(&l, io, path, LINES_FROM_CACHE, AUDIT_LINE_MAX, err));
    enum cb_code code = merkle_init(&tree, err);
    if (code == CB_OK && lines_next(&l, &line, &offset, err) == LINES_FAILED) {
        code = err->code;
    }
    if (code == CB_OK) {
        code = parse_start(line, l.path, &tree, ret, err);
    }
    merkle_free(&tree);
    lines_close(&l);
    return code;
}
