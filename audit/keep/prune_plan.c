/* prune_plan.c - what may go: see prune.h. Changes nothing. */
#include "audit/keep/elsewhere.h"
#include "audit/keep/prune.h"

#include "audit/keep/archive_parts.h"
#include "audit/keep/segment_digest.h"
#include "audit/line.h"
#include "audit/read/lines.h"
#include "audit/read/reader.h"
#include "audit/tlog/tile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define KEEP_NEWEST 2U
#define ARENA_MAX (256UL * 1024)

struct planner {
    const struct prune_options *options;
    const struct audit_io *io;
    struct chain chain;
    struct prune_plan plan;
    EVP_MD_CTX *manifest;
    struct arena arena;
};

static void stays(struct planner *p, uint64_t no, const char *what)
{
    (void)snprintf(p->plan.why, sizeof(p->plan.why), "segment %llu stays: %s",
                   (unsigned long long)no, what);
}

static enum cb_code check_stop(const struct planner *p, struct cb_err *err)
{
    return p->options->stop != NULL && atomic_load(p->options->stop)
               ? cb_fail(err, CB_EBUSY, "called off")
               : CB_OK;
}

/* ---- is it old enough? ---- */

/* names_certificate - may such a record be all that is known of a certificate that is still valid? */
static bool names_certificate(enum audit_type type)
{
    return type == AUDIT_ISSUE_OK || type == AUDIT_RECONCILE_ORPHAN ||
           type == AUDIT_RECONCILE_BYPASS || type == AUDIT_RECONCILE_RESOLVED;
}

/* check_line - *ret_stays: the record must be kept, and plan.why says so. */
static enum cb_code check_line(struct planner *p, uint64_t no, struct slice line, bool *ret_stays,
                               struct cb_err *err)
{
    struct audit_record r;
    struct line_info info;
    struct cb_err why;
    char what[120];
    int64_t until_us = 0;
    if (line_check(line, &info, &why) != CB_OK) {
        return cb_fail(err, CB_ECORRUPT, "segment %llu: %s", (unsigned long long)no, why.msg);
    }
    if (!names_certificate(info.type)) {
        return CB_OK;
    }
    arena_reset(&p->arena);
    TRY(audit_line_parse(line, &p->arena, &r, err));
    if (r.event.not_after.ptr == NULL && info.type != AUDIT_ISSUE_OK) {
        return CB_OK;
    }
    if (!time_parse(r.event.not_after, &until_us)) {
        (void)snprintf(what, sizeof(what),
                       "record %llu does not say until when its certificate is valid",
                       (unsigned long long)info.seq);
    } else if (until_us >= p->options->now_us) {
        (void)snprintf(what, sizeof(what), "the certificate of record %llu is still valid",
                       (unsigned long long)info.seq);
    } else if (until_us + (int64_t)p->options->keep_s * 1000000 >= p->options->now_us) {
        (void)snprintf(what, sizeof(what),
                       "the certificate of record %llu has not expired long enough ago",
                       (unsigned long long)info.seq);
    } else {
        return CB_OK;
    }
    *ret_stays = true;
    stays(p, no, what);
    return CB_OK;
}

static enum cb_code check_lines(struct planner *p, uint64_t no, struct lines *l, bool *ret_stays,
                                struct cb_err *err)
{
    while (!*ret_stays) {
        struct slice line;
        uint64_t offset = 0;
        TRY(check_stop(p, err));
        const enum lines_next next = lines_next(l, &line, &offset, err);
        if (next == LINES_FAILED) {
            return err->code;
        }
        if (next == LINES_END) {
            return CB_OK;
        }
        if (next == LINES_BROKEN) {
            return cb_fail(err, CB_ECORRUPT, "%s: damaged", l->path);
        }
        TRY(check_line(p, no, line, ret_stays, err));
    }
    return CB_OK;
}

static enum cb_code check_certificates(struct planner *p, const struct closed *c, bool *ret_stays,
                                       struct cb_err *err)
{
    struct lines l;
    TRY(lines_open(&l, p->io, c->plain, LINES_FROM_CACHE, c->link->valid_bytes, err));
    const enum cb_code code = check_lines(p, c->link->no, &l, ret_stays, err);
    lines_close(&l);
    return code;
}

static bool is_too_young(struct planner *p, size_t i)
{
    const int64_t closed_us = p->chain.links[i + 1].first_us;
    const uint64_t no = p->chain.links[i].no;
    if (p->options->last_segment != 0 && no > p->options->last_segment) {
        stays(p, no, "it was not asked for");
        return true;
    }
    if (i + KEEP_NEWEST >= p->chain.num) {
        stays(p, no, "it is one of the newest two");
        return true;
    }
    if (closed_us >= p->options->before_us) {
        stays(p, no, "it was closed later than --before says");
        return true;
    }
    if (closed_us + (int64_t)p->options->keep_s * 1000000 >= p->options->now_us) {
        stays(p, no, "its records have not been kept long enough");
        return true;
    }
    return false;
}

/* is_tile_open - is the hash tile over the segment's last records not full yet? Until then the hashes
 * behind its last full one are worked out from the records themselves. */
static bool is_tile_open(struct planner *p, size_t i)
{
    char name[TILE_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    struct cb_err ignored;
    const uint64_t end = p->chain.links[i + 1].first_seq;
    const uint64_t full_at = (end + TILE_WIDTH - 1) / TILE_WIDTH * TILE_WIDTH;
    tile_path(0, full_at / TILE_WIDTH - 1, name);
    if (p->chain.links[p->chain.num - 1].first_seq >= full_at || /* then it must be there */
        (segdir_join(p->options->dir, name, path, &ignored) == CB_OK && archive_has(p->io, path))) {
        return false;
    }
    stays(p, p->chain.links[i].no, "the hash tile over its last records is not full yet");
    return true;
}

/* ---- is it kept elsewhere? ---- */

static enum cb_code note_digest(struct planner *p, const struct closed *c,
                                const struct segment_digest *d, struct cb_err *err)
{
    char hex[SHA256_HEX_LEN + 1];
    char line[128];
    hex_encode(d->sha256, SHA256_LEN, hex);
    const int len =
        snprintf(line, sizeof(line), "%s  %08llu.jsonl\n", hex, (unsigned long long)c->link->no);
    return EVP_DigestUpdate(p->manifest, line, (size_t)len) == 1
               ? CB_OK
               : cb_fail(err, CB_ECRYPTO, "SHA-256 failed");
}

static enum cb_code check_archive(struct planner *p, const struct closed *c, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct segment_digest here;
    struct segment_digest there;
    if (p->options->archive == NULL) {
        return CB_OK;
    }
    TRY(segdir_path(p->options->archive, c->link->no, path, err));
    TRY(segment_digest_file(p->io, c->plain, &here, err));
    TRY(segment_digest_file(p->io, path, &there, err));
    if (here.bytes != there.bytes || memcmp(here.sha256, there.sha256, SHA256_LEN) != 0) {
        return cb_fail(err, CB_ECORRUPT, "%s, in whichever form, does not hold the bytes of %s",
                       path, c->plain);
    }
    return note_digest(p, c, &here, err);
}

/* ---- do the tiles hold its tree? ---- */

static enum cb_code read_tile(struct planner *p, uint64_t n, unsigned char out[TILE_BYTES],
                              struct cb_err *err)
{
    char name[TILE_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    tile_path(0, n, name);
    TRY(segdir_join(p->options->dir, name, path, err));
    struct cb_err ignored;
    int fd = -1;
    (void)!io_open_file(p->io, path, 0, UINT64_MAX, &fd, &ignored);
    const ssize_t got = fd < 0 ? -1 : p->io->pread(p->io->ctx, fd, out, TILE_BYTES, 0);
    if (fd >= 0) {
        (void)p->io->close(p->io->ctx, fd);
    }
    return got == (ssize_t)TILE_BYTES
               ? CB_OK
               : cb_fail(err, CB_ECORRUPT,
                         "%s is missing or damaged: without it the records could not be proven any "
                         "more. A running broker writes a tile for each 256 records",
                         path);
}

static enum cb_code check_tiles(struct planner *p, struct cb_err *err)
{
    unsigned char tile[TILE_BYTES];
    unsigned char root[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    struct merkle m;
    TRY(merkle_init(&m, err));
    enum cb_code code = CB_OK;
    for (uint64_t seq = 0; seq < p->plan.size && code == CB_OK; seq++) {
        if (seq % TILE_WIDTH == 0) {
            code = check_stop(p, err);
            code = code == CB_OK ? read_tile(p, seq / TILE_WIDTH, tile, err) : code;
        }
        if (code == CB_OK) {
            merkle_append_leaf(&m, tile + seq % TILE_WIDTH * SHA256_LEN);
        }
    }
    if (code == CB_OK) {
        merkle_root(&m, root);
        hex_encode(root, SHA256_LEN, hex);
        if (strcmp(hex, p->plan.root) != 0) {
            code = cb_fail(err, CB_ECORRUPT,
                           "%s/tile does not hold the hashes of the records that would go",
                           p->options->dir);
        }
    }
    merkle_free(&m);
    return code;
}

/* ---- all together ---- */

static enum cb_code add_segment(struct planner *p, const struct closed *c, struct cb_err *err)
{
    struct stat st;
    const char *path = archive_has(p->io, c->plain) ? c->plain : c->packed;
    TRY(segment_root_file(p->io, c->plain, c->link, c->end_seq, c->root, err));
    TRY(check_archive(p, c, err));
    if (p->plan.num++ == 0) {
        p->plan.first_segment = c->link->no;
        p->plan.first_seq = c->link->first_seq;
    }
    p->plan.last_segment = c->link->no;
    p->plan.size = c->end_seq;
    p->plan.bytes += p->io->lstat(p->io->ctx, path, &st) == 0 ? (uint64_t)st.st_size : 0;
    hex_encode(c->root, SHA256_LEN, p->plan.root);
    return CB_OK;
}

/* try_segment - *ret_stays: neither this one nor any behind it may go. */
static enum cb_code try_segment(struct planner *p, size_t i, bool *ret_stays, struct cb_err *err)
{
    *ret_stays = is_too_young(p, i) || is_tile_open(p, i);
    if (*ret_stays) {
        return CB_OK;
    }
    struct closed *c = malloc(sizeof(*c));
    if (c == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to look at a segment");
    }
    enum cb_code code = archive_closed(&p->chain, i, p->options->dir, p->io, c, err);
    if (code == CB_OK) {
        code = check_certificates(p, c, ret_stays, err);
    }
    if (code == CB_OK && !*ret_stays) {
        code = add_segment(p, c, err);
    }
    free(c);
    return code;
}

static enum cb_code finish(struct planner *p, struct cb_err *err)
{
    unsigned char digest[SHA256_LEN];
    if (p->plan.num == 0) {
        return CB_OK;
    }
    if (p->options->archive != NULL) {
        if (EVP_DigestFinal_ex(p->manifest, digest, NULL) != 1) {
            return cb_fail(err, CB_ECRYPTO, "SHA-256 failed");
        }
        hex_encode(digest, SHA256_LEN, p->plan.archive_sha256);
    }
    return check_tiles(p, err);
}

static enum cb_code begin(struct planner *p, struct cb_err *err)
{
    if (p->options->keep_s > PRUNE_KEEP_MAX_S) {
        return cb_fail(err, CB_EINPUT, "records can be kept for 100 years at most");
    }
    p->plan.keep_s = p->options->keep_s;
    (void)snprintf(p->plan.kept, sizeof(p->plan.kept),
                   "kept for %llu s, and certificates as long after their end",
                   (unsigned long long)p->plan.keep_s);
    if (p->manifest == NULL || EVP_DigestInit_ex(p->manifest, EVP_sha256(), NULL) != 1) {
        return cb_fail(err, CB_ECRYPTO, "SHA-256 is not available");
    }
    TRY(chain_read(p->options->dir, &p->chain, err));
    if (p->options->archive != NULL) {
        TRY(archive_place_check(p->options->archive, err));
        TRY(elsewhere_check(p->options->dir, p->options->archive, err));
    }
    return CB_OK;
}

static enum cb_code plan(struct planner *p, struct cb_err *err)
{
    bool end = false;
    TRY(begin(p, err));
    for (size_t i = 0; i < p->chain.num && !end; i++) {
        if (i + 1 == p->chain.num) {
            stays(p, p->chain.links[i].no, "it is the newest");
            break;
        }
        TRY(try_segment(p, i, &end, err));
    }
    return finish(p, err);
}

enum cb_code prune_plan(const struct prune_options *options, struct prune_plan *ret,
                        struct cb_err *err)
{
    struct planner p = {.options = options,
                        .io = options->io == NULL ? &audit_system_io : options->io,
                        .manifest = EVP_MD_CTX_new()};
    arena_init(&p.arena, ARENA_MAX);
    const enum cb_code code = plan(&p, err);
    if (code == CB_OK) {
        *ret = p.plan;
    }
    EVP_MD_CTX_free(p.manifest);
    arena_free(&p.arena);
    chain_free(&p.chain);
    return code;
}

void prune_event(const struct prune_plan *plan, const char *by, const char *note,
                 struct audit_event *ret)
{
    audit_event_zero(ret, AUDIT_SEGMENT_PRUNE);
    ret->by = slice_of(by);
    ret->note = slice_of(note);
    ret->detail = slice_of(plan->kept);
    ret->first_seq = plan->first_seq;
    ret->last_seq = plan->size - 1;
    ret->first_segment = plan->first_segment;
    ret->last_segment = plan->last_segment;
    ret->tree_size = plan->size;
    ret->root = slice_of(plan->root);
    ret->archive_sha256 = slice_of(plan->archive_sha256[0] == '\0' ? NULL : plan->archive_sha256);
}
