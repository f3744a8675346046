/* archive.c - see archive.h. Chooses segments and their order; the work itself is archive_pack.c's and
 * archive_copy.c's. */
#include "audit/keep/archive_parts.h"

#include "audit/read/lines.h"

#include <stdlib.h>

/* Never touched: the newest, which is being written, and the one before it, which is read when the
 * writer starts. */
#define KEEP_NEWEST 2U

static bool is_told_to_stop(const struct archiver *a)
{
    return a->options->stop != NULL && atomic_load(a->options->stop);
}

static void tell(const struct archiver *a, enum archive_what what, const struct closed *c,
                 uint64_t plain_bytes, uint64_t packed_bytes)
{
    const struct archive_step step = {.what = what,
                                      .no = c->link->no,
                                      .first_seq = c->link->first_seq,
                                      .end_seq = c->end_seq,
                                      .plain_bytes = plain_bytes,
                                      .packed_bytes = packed_bytes};
    if (a->options->each != NULL) {
        a->options->each(a->options->ctx, &step);
    }
}

/* copy_one - before it is packed: the second place then has what the plain file holds. *ret_good false: it
 * has something else. */
static enum cb_code copy_one(struct archiver *a, const struct closed *c, bool *ret_good,
                             struct cb_err *err)
{
    bool copied = false;
    uint64_t bytes = 0;
    TRY(lines_size(a->io, c->plain, &bytes, err));
    const enum cb_code code = archive_copy_segment(a, c, &copied, err);
    a->counts.end_seq = c->end_seq;
    if (code == CB_ECORRUPT && !copied) {
        a->differs = a->counts.differ++ == 0 ? *err : a->differs;
        tell(a, ARCHIVE_DIFFERS, c, bytes, 0);
        *ret_good = false;
        return CB_OK;
    }
    TRY(code);
    a->counts.there += copied ? 0 : 1;
    if (copied) {
        a->counts.copied++;
        tell(a, a->options->dry_run ? ARCHIVE_TO_COPY : ARCHIVE_COPIED, c, bytes, 0);
    }
    return CB_OK;
}

static enum cb_code pack_one(struct archiver *a, const struct closed *c, struct cb_err *err)
{
    char seg[SEGMENT_PATH_MAX];
    bool packed = false;
    uint64_t plain_bytes = 0;
    uint64_t packed_bytes = 0;
    if (!archive_has(a->io, c->plain)) {
        return CB_OK;
    }
    TRY(segdir_join(a->dir, "seg", seg, err));
    TRY(archive_may_remove(seg, c->plain, err));
    if (a->options->dry_run) {
        TRY(lines_size(a->io, c->plain, &plain_bytes, err));
        tell(a, ARCHIVE_TO_PACK, c, plain_bytes, 0);
        a->counts.packed++;
        a->counts.plain_bytes += plain_bytes;
        return CB_OK;
    }
    TRY(archive_pack(a->io, c, &plain_bytes, &packed_bytes, &packed, err));
    if (packed) {
        a->counts.packed++;
        a->counts.plain_bytes += plain_bytes;
        a->counts.packed_bytes += packed_bytes;
        tell(a, ARCHIVE_PACKED, c, plain_bytes, packed_bytes);
    }
    return CB_OK;
}

static enum cb_code run_one(struct archiver *a, size_t i, struct cb_err *err)
{
    struct closed *c = malloc(sizeof(*c)); /* paths: too large for the stack of a small thread */
    if (c == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to archive a segment");
    }
    enum cb_code code = archive_closed(&a->chain, i, a->dir, a->io, c, err);
    bool good = true;
    if (code == CB_OK && a->options->to != NULL) {
        code = copy_one(a, c, &good, err);
    }
    if (code == CB_OK && good && a->chain.links[i + 1].first_us < a->options->before_us) {
        code = pack_one(a, c, err);
    }
    free(c);
    return code;
}

/* is_due - is there anything to do with this one? */
static bool is_due(const struct archiver *a, size_t i)
{
    return a->options->to != NULL || a->chain.links[i + 1].first_us < a->options->before_us;
}

static enum cb_code run(struct archiver *a, struct cb_err *err)
{
    for (size_t i = 0; i + KEEP_NEWEST < a->chain.num && !is_told_to_stop(a); i++) {
        TRY(is_due(a, i) ? run_one(a, i, err) : CB_OK);
    }
    TRY(a->counts.end_seq == 0 ? CB_OK : archive_copy_rest(a, err)); /* 0: no second place */
    return a->counts.differ == 0
               ? CB_OK
               : cb_fail(err, CB_ECORRUPT, "%s%s", a->differs.msg,
                         a->counts.differ == 1 ? "" : "; there are more such segments");
}

static enum cb_code run_locked(struct archiver *a, struct cb_err *err)
{
    int lock = -1;
    TRY(chain_read(a->dir, &a->chain, err)); /* first: is there a log? */
    chain_free(&a->chain);
    if (a->options->to != NULL) {
        TRY(archive_place_of(a, err));
    }
    if (!a->options->dry_run) {
        TRY(archive_lock(a->io, a->dir, &lock, err));
    }
    enum cb_code code = chain_read(a->dir, &a->chain, err);
    if (code == CB_OK) {
        code = run(a, err);
    }
    chain_free(&a->chain);
    if (lock >= 0) {
        (void)a->io->close(a->io->ctx, lock);
    }
    return code;
}

enum cb_code archive_run(const struct archive_options *options, struct archive_counts *ret,
                         struct cb_err *err)
{
    struct archiver a = {.options = options,
                         .io = options->io == NULL ? &audit_system_io : options->io,
                         .dir = options->dir};
    const enum cb_code code = run_locked(&a, err);
    *ret = a.counts;
    return code;
}
