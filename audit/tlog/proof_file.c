/* proof_file.c - see proof_file.h. Does not check what a file proves: that takes a key and the
 * functions of checkpoint.h and proof.h. */
#include "audit/tlog/proof_file.h"

#include "broker/base/base64.h"

static const struct slice first_line = {"c2sp.org/tlog-proof@v1", 22};
static const struct slice extra_word = {"extra ", 6};
static const struct slice index_word = {"index ", 6};

void proof_file_text(const struct proof_file *f, struct buf *out)
{
    buf_add_slice(out, first_line);
    buf_add_char(out, '\n');
    if (f->extra.ptr != NULL) {
        buf_add_slice(out, extra_word);
        buf_add_base64(out, f->extra.ptr, f->extra.len);
        buf_add_char(out, '\n');
    }
    buf_add_slice(out, index_word);
    buf_add_u64(out, f->index);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < f->proof.num; i++) {
        buf_add_base64(out, f->proof.hashes[i], SHA256_LEN);
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
    buf_add_slice(out, f->note);
}

/* A file being read line by line. */
struct lines {
    struct slice rest;
    size_t number; /* of the line that was taken last */
};

static enum cb_code take_line(struct lines *l, struct slice *ret, struct cb_err *err)
{
    const size_t end = slice_find(l->rest, '\n');
    l->number++;
    if (end == l->rest.len) {
        return cb_fail(err, CB_EINPUT, "the proof ends in line %zu, before its checkpoint",
                       l->number);
    }
    *ret = (struct slice){l->rest.ptr, end};
    l->rest = slice_from(l->rest, end + 1);
    return CB_OK;
}

/* read_hashes - up to and with the empty line behind them. */
static enum cb_code read_hashes(struct lines *l, struct proof *ret, struct cb_err *err)
{
    struct slice line = {0};
    ret->num = 0;
    TRY(take_line(l, &line, err));
    while (line.len > 0) {
        size_t len = 0;
        if (ret->num == PROOF_HASHES_MAX) {
            return cb_fail(err, CB_EINPUT, "line %zu: a proof has at most %u hashes", l->number,
                           PROOF_HASHES_MAX);
        }
        if (!base64_decode(line, ret->hashes[ret->num], SHA256_LEN, &len) || len != SHA256_LEN) {
            return cb_fail(
                err, CB_EINPUT,
                "line %zu: this should be the base64 of a hash of %d bytes, or the empty "
                "line before the checkpoint",
                l->number, SHA256_LEN);
        }
        ret->num++;
        TRY(take_line(l, &line, err));
    }
    return CB_OK;
}

static enum cb_code read_extra(const struct lines *l, struct slice text, struct buf *extra_buf,
                               struct slice *ret, struct cb_err *err)
{
    if (!base64_decode_buf(text, extra_buf)) {
        return cb_fail(err, CB_EINPUT, "line %zu: what follows \"extra\" is not base64", l->number);
    }
    *ret = buf_slice(extra_buf);
    return CB_OK;
}

enum cb_code proof_file_parse(struct slice bytes, struct buf *extra_buf, struct proof_file *ret,
                              struct cb_err *err)
{
    struct lines l = {bytes, 0};
    struct slice line = {0};
    struct proof_file f = {.index = 0};
    buf_init(extra_buf, PROOF_FILE_MAX);
    if (bytes.len > PROOF_FILE_MAX) {
        return cb_fail(err, CB_EINPUT, "the proof has %zu bytes, at most %u are read", bytes.len,
                       PROOF_FILE_MAX);
    }
    TRY(take_line(&l, &line, err));
    if (!slice_eq(line, first_line)) {
        return cb_fail(err, CB_EINPUT, "line 1: a proof begins with the line %s", first_line.ptr);
    }
    TRY(take_line(&l, &line, err));
    if (slice_has_prefix(line, extra_word)) {
        TRY(read_extra(&l, slice_from(line, extra_word.len), extra_buf, &f.extra, err));
        TRY(take_line(&l, &line, err));
    }
    if (!slice_has_prefix(line, index_word) ||
        !slice_to_u64(slice_from(line, index_word.len), &f.index) || f.index > INT64_MAX) {
        return cb_fail(
            err, CB_EINPUT,
            "line %zu: this should be \"index\" and the record's number in decimal digits",
            l.number);
    }
    TRY(read_hashes(&l, &f.proof, err));
    if (l.rest.len == 0) {
        return cb_fail(err, CB_EINPUT, "the proof has no checkpoint behind line %zu", l.number);
    }
    f.note = l.rest;
    *ret = f;
    return CB_OK;
}
