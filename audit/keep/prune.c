/* prune.c - removes what a segment.prune record of the log says may go, and nothing before it is noted
 * that it does. */
#include "audit/keep/prune.h"

#include "audit/keep/archive_parts.h"
#include "audit/keep/pruned.h"
#include "audit/read/reader.h"
#include "audit/seal/seals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct finding {
    uint64_t seq;
    struct buf line;
};

static bool take_line(void *ctx, uint64_t seq, struct slice line)
{
    struct finding *f = ctx;
    if (seq == f->seq) {
        buf_add_slice(&f->line, line);
    }
    return false;
}

/* says_so - is this the record that the plan asked for? */
static enum cb_code says_so(const struct prune_plan *plan, struct slice line, struct cb_err *err)
{
    struct chain_pruned p;
    char root[SHA256_HEX_LEN + 1];
    TRY(pruned_parse(line, &p, err));
    hex_encode(p.root, SHA256_LEN, root);
    if (p.size != plan->size || p.last_no != plan->last_segment || strcmp(root, plan->root) != 0) {
        return cb_fail(err, CB_ECORRUPT, "record %llu prunes something else than was planned",
                       (unsigned long long)p.seq);
    }
    return CB_OK;
}

/* note - find the record in the log and write state/pruned. */
static enum cb_code note(const char *dir, const struct audit_io *io, const struct prune_plan *plan,
                         uint64_t seq, struct cb_err *err)
{
    struct finding f = {.seq = seq};
    buf_init(&f.line, AUDIT_LINE_MAX);
    enum cb_code code = audit_walk(dir, seq, take_line, &f, err);
    if (code == CB_OK && (!buf_ok(&f.line) || f.line.len == 0)) {
        code = cb_fail(err, CB_ECORRUPT,
                       "record %llu, which should be the segment.prune, is not there",
                       (unsigned long long)seq);
    }
    if (code == CB_OK) {
        code = says_so(plan, buf_slice(&f.line), err);
    }
    if (code == CB_OK) {
        code = pruned_write(io, dir, buf_slice(&f.line), err);
    }
    buf_free(&f.line);
    return code;
}

/* remove_file - in whichever form; one that is not there is fine. */
static enum cb_code remove_file(const struct audit_io *io, const char *path, size_t *files,
                                struct cb_err *err)
{
    if (io->unlink(io->ctx, path) == 0) {
        (*files)++;
        return CB_OK;
    }
    return errno == ENOENT ? CB_OK : cb_fail_errno(err, "cannot remove %s", path);
}

static enum cb_code remove_segment(const char *dir, const struct audit_io *io, uint64_t no,
                                   size_t *files, struct cb_err *err)
{
    char plain[SEGMENT_PATH_MAX];
    char packed[SEGMENT_PATH_MAX];
    TRY(segdir_path(dir, no, plain, err));
    TRY(segdir_packed(plain, packed, err));
    TRY(remove_file(io, plain, files, err));
    return remove_file(io, packed, files, err);
}

/* remove_pruned - every file of segments that the log, as it reads now, says were pruned. */
static enum cb_code remove_pruned(const char *dir, const struct audit_io *io,
                                  const struct chain *chain, size_t *files, struct cb_err *err)
{
    char seg[SEGMENT_PATH_MAX];
    struct segment_list list;
    if (chain->pruned.size == 0) {
        return CB_OK;
    }
    TRY(segdir_join(dir, "seg", seg, err));
    TRY(segdir_list(dir, &list, err));
    enum cb_code code = CB_OK;
    for (size_t i = 0; i < list.num && list.no[i] <= chain->pruned.last_no && code == CB_OK; i++) {
        code = archive_may_remove(seg, NULL, err);
        code = code != CB_OK ? code : remove_segment(dir, io, list.no[i], files, err);
    }
    segdir_list_free(&list);
    return code != CB_OK || *files == 0 ? code : io_sync_dir(io, seg, err);
}

#define SIGN_POLL_MS 50
#define SIGN_POLLS 200

static enum cb_code wait_signed(const char *dir, const struct audit_io *io, uint64_t seq,
                                struct vkeys *vkeys, struct cb_err *err)
{
    struct checkpoint c;
    for (int i = 0; i < SIGN_POLLS; i++) {
        const struct timespec ts = {.tv_nsec = SIGN_POLL_MS * 1000000L};
        const enum cb_code code = vkeys_read(io, dir, vkeys, err);
        if (code == CB_ENOENT) {
            return CB_OK;
        }
        TRY(code);
        TRY(seals_newest(io, dir, vkeys, &c, NULL, err));
        if (c.size > seq) {
            return CB_OK;
        }
        (void)nanosleep(&ts, NULL);
    }
    return cb_fail(
        err, CB_ESYS,
        "record %llu, the segment.prune, is not signed: nothing was removed. `certbroker "
        "audit doctor` may know why",
        (unsigned long long)seq);
}

enum cb_code prune_wait_signed(const char *dir, const struct audit_io *io, uint64_t seq,
                               struct cb_err *err)
{
    struct vkeys *vkeys = malloc(sizeof(*vkeys));
    if (vkeys == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the log's keys");
    }
    const enum cb_code code = wait_signed(dir, io == NULL ? &audit_system_io : io, seq, vkeys, err);
    free(vkeys);
    return code;
}

static enum cb_code clean_locked(const char *dir, const struct audit_io *io,
                                 const struct prune_plan *plan, size_t *files, struct cb_err *err)
{
    struct chain chain;
    TRY(chain_read(dir, &chain, err));
    enum cb_code code = CB_OK;
    if (plan != NULL &&
        (chain.pruned.size != plan->size || chain.links[0].first_seq != plan->size)) {
        code = cb_fail(err, CB_ECORRUPT, "%s: the log does not begin behind what is to be removed",
                       dir);
    }
    if (code == CB_OK) {
        code = remove_pruned(dir, io, &chain, files, err);
    }
    chain_free(&chain);
    return code;
}

enum cb_code prune_finish(const char *dir, const struct audit_io *io, const struct prune_plan *plan,
                          uint64_t seq, size_t *ret_files, struct cb_err *err)
{
    int lock = -1;
    io = io == NULL ? &audit_system_io : io;
    *ret_files = 0;
    TRY(archive_lock(io, dir, &lock, err));
    enum cb_code code = note(dir, io, plan, seq, err);
    if (code == CB_OK) {
        code = clean_locked(dir, io, plan, ret_files, err);
    }
    (void)io->close(io->ctx, lock);
    return code;
}

enum cb_code prune_clean(const char *dir, const struct audit_io *io, size_t *ret_files,
                         struct cb_err *err)
{
    int lock = -1;
    io = io == NULL ? &audit_system_io : io;
    *ret_files = 0;
    TRY(archive_lock(io, dir, &lock, err));
    const enum cb_code code = clean_locked(dir, io, NULL, ret_files, err);
    (void)io->close(io->ctx, lock);
    return code;
}
