/* seal.c - one round of the sealer: read back, hash, compare, write tiles, sign, store.
 *
 * Works on a copy of the edge, so that a round which fails midway leaves nothing half done; tiles that
 * it wrote are written again, as they were. Tiles are durable before the checkpoint that covers them
 * is signed. Knows no locks: sealer.c hands it what it needs. */
#include "audit/seal/sealer_parts.h"

#include "audit/seal/seals.h"
#include "broker/base/clock.h"

/* The committer writes a removed file anew within a second or two; one that stays away is damage. */
#define GONE_ROUNDS 5U
#define CACHED_FROM (UINT64_C(4) << 20)

static enum cb_code keep_tile(void *ctx, unsigned level, uint64_t n, const unsigned char *bytes,
                              struct cb_err *err)
{
    struct sealer *s = ctx;
    return tile_store_add(&s->tiles, level, n, bytes, err);
}

/* check_sealed - where everything is read again, it must lead to what was signed before. */
static enum cb_code check_sealed(struct sealer *s, struct cb_err *err)
{
    unsigned char root[SHA256_LEN];
    if (s->next.tree.size != s->sealed.size) {
        return CB_OK;
    }
    merkle_root(&s->next.tree, root);
    return memcmp(root, s->sealed.root, SHA256_LEN) == 0
               ? CB_OK
               : cb_fail(err, CB_ECORRUPT,
                         "%s: the first %llu records are not those that were signed for",
                         s->options.dir, (unsigned long long)s->sealed.size);
}

static enum cb_code take_line(void *ctx, struct slice line, struct cb_err *err)
{
    struct sealer *s = ctx;
    unsigned char leaf[SHA256_LEN];
    merkle_leaf(&s->next.tree, line, leaf);
    TRY(fringe_append(&s->next, leaf, keep_tile, s, err));
    TRY(check_sealed(s, err));
    if (s->deadline_us != 0 && s->next.tree.size % 1024 == 0 &&
        clock_mono_us(&cb_system_clock) > s->deadline_us) {
        return cb_fail(err, CB_ELIMIT, "too much to sign for in the time left");
    }
    return CB_OK;
}

/* read_back - bring next up to the target. */
static enum cb_code read_back(struct sealer *s, const struct seal_target *target,
                              struct reread_at *at, struct cb_err *err)
{
    const struct reread r = {.io = s->options.io,
                             .dir = s->options.dir,
                             .each = take_line,
                             .ctx = s,
                             .may_return = s->failed_in_a_row < GONE_ROUNDS,
                             .cached_from = CACHED_FROM};
    fringe_copy(&s->next, &s->fringe);
    s->tiles.num = 0;
    TRY(reread_to(&r, at, target->no, target->bytes, err));
    if (!fringe_tree_eq(&s->next.tree, &target->tree)) {
        return cb_fail(err, CB_ECORRUPT,
                       "%s: records %llu to %llu are not on the disk as they were acknowledged: "
                       "their hashes differ",
                       s->options.dir, (unsigned long long)s->fringe.tree.size,
                       (unsigned long long)target->tree.size - 1);
    }
    return tile_store_flush(&s->tiles, err);
}

static enum cb_code sign(struct sealer *s, const struct note_signer *key,
                         const struct note_signer *key_before, struct buf *out, struct cb_err *err)
{
    struct checkpoint c = {.size = s->next.tree.size};
    struct note note;
    memcpy(c.origin, s->options.origin, strlen(s->options.origin) + 1);
    merkle_root(&s->next.tree, c.root);
    TRY(checkpoint_sign(&c, key, out, err));
    if (key_before != NULL) {
        TRY(note_parse(buf_slice(out), &note, err));
        const size_t len = note.text.len;
        struct buf text;
        buf_init(&text, SEAL_NOTE_MAX);
        buf_add(&text, out->data, len);
        const enum cb_code code = buf_ok(&text)
                                      ? note_sign(buf_slice(&text), key_before, 0, out, err)
                                      : cb_fail(err, CB_ENOMEM, "no memory to sign");
        buf_free(&text);
        TRY(code);
    }
    return buf_ok(out) ? CB_OK : cb_fail(err, CB_ENOMEM, "no memory to sign");
}

/* is_replaced - another file stands in the place of the one that is written: the committer, which still
 * has that one, is about to write it anew. */
static bool is_replaced(const struct sealer *s, const struct seal_target *target)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err ignored;
    struct stat st;
    return s->failed_in_a_row < GONE_ROUNDS &&
           segdir_path(s->options.dir, target->no, path, &ignored) == CB_OK &&
           s->options.io->lstat(s->options.io->ctx, path, &st) == 0 &&
           (st.st_dev != target->dev || st.st_ino != target->ino);
}

enum cb_code seal_round(struct sealer *s, const struct seal_target *target,
                        const struct note_signer *key, const struct note_signer *key_before,
                        struct buf *ret_note, struct cb_err *err)
{
    struct reread_at at = s->at;
    const enum cb_code code = read_back(s, target, &at, err);
    if (code == CB_ECORRUPT && is_replaced(s, target)) {
        return cb_fail(err, CB_ESYS, "%s/seg: the file of segment %llu was replaced",
                       s->options.dir, (unsigned long long)target->no);
    }
    TRY(code);
    TRY(sign(s, key, key_before, ret_note, err));
    TRY(seals_store(s->options.io, s->options.dir, buf_slice(ret_note), s->sync_history, err));
    fringe_copy(&s->fringe, &s->next);
    s->at = at;
    return CB_OK;
}
