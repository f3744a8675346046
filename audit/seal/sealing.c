/* sealing.c - what the writer does about checkpoints: at the start it makes sure that the log continues
 * what it signed before, at the end it waits for the last one; and who signs. The signing itself is
 * the sealer's. */
#include "audit/recover.h"
#include "audit/seal/rotation.h"
#include "audit/seal/seals.h"
#include "audit/writer.h"

#include <stdlib.h>

/* ---- before recovery ---- */

static enum cb_code check_name(const struct audit *a, struct cb_err *err)
{
    const struct note_key *key = note_signer_key(a->options.key);
    if (key->type != NOTE_LOG || strcmp(key->name, a->origin) != 0) {
        return cb_fail(err, CB_EINPUT, "the key is one of %s, the audit log in %s is %s", key->name,
                       a->dir, a->origin);
    }
    return CB_OK;
}

enum cb_code sealing_read(struct audit *a, struct sealing *ret, struct cb_err *err)
{
    enum cb_code code = vkeys_read(a->io, a->dir, &a->vkeys, err);
    if (code == CB_ENOENT && a->options.key == NULL) {
        a->vkeys.num = 0;
        return CB_OK;
    }
    if (code == CB_ENOENT) {
        return cb_fail(
            err, CB_EINPUT,
            "the audit log has no key (no state/vkeys): it was made by a version that had none. "
            "Give "
            "it one: certbroker audit init --dir %.170s --origin %s --key NEW-FILE, and name that "
            "file as audit.key",
            a->dir, a->origin);
    }
    TRY(code);
    if (strcmp(vkeys_current(&a->vkeys)->name, a->origin) != 0) {
        return cb_fail(err, CB_ECORRUPT, "%s/state/vkeys has keys of %s, but the log is %s", a->dir,
                       vkeys_current(&a->vkeys)->name, a->origin);
    }
    if (a->options.key != NULL) {
        TRY(check_name(a, err));
    }
    code = seals_newest(a->io, a->dir, &a->vkeys, &ret->checkpoint, &ret->note, err);
    if (code == CB_ENOENT) {
        return cb_fail(
            err, CB_ECORRUPT,
            "%s/state holds no signed checkpoint, and a log with a key always has one: put "
            "state/checkpoint back",
            a->dir);
    }
    ret->is_signed = code == CB_OK;
    return code;
}

void sealing_free(struct sealing *sealing)
{
    buf_free(&sealing->note);
}

/* ---- after recovery ---- */

/* adopt_rotation - a key.rotate that became durable when state/vkeys had not been written yet. */
static enum cb_code adopt_rotation(struct audit *a, const struct checkpoint *sealed,
                                   const struct recovered *r, struct cb_err *err)
{
    const size_t last = a->vkeys.num - 1;
    if (!r->rotated || a->vkeys.list[last].from > r->rotate_seq) {
        return CB_OK;
    }
    if (!note_key_eq(&r->old_key, vkeys_current(&a->vkeys))) {
        return cb_fail(err, CB_ECORRUPT,
                       "record %llu of the audit log in %s changes another key than the log's",
                       (unsigned long long)r->rotate_seq, a->dir);
    }
    /* While a rotation is under way nothing is signed. */
    if (r->statement_size != sealed->size ||
        memcmp(r->statement_root, sealed->root, SHA256_LEN) != 0) {
        return cb_fail(err, CB_ECORRUPT,
                       "record %llu of the audit log in %s changes the key by a statement about "
                       "another tree than its newest checkpoint's: it was made for another time or "
                       "another log",
                       (unsigned long long)r->rotate_seq, a->dir);
    }
    TRY(rotation_keep(a->io, a->dir, (struct slice){r->statement, r->statement_len}, err));
    TRY(vkeys_add(&a->vkeys, r->rotate_seq + 1, &r->new_key, err));
    return vkeys_write(a->io, a->dir, &a->vkeys, err);
}

static enum cb_code check_key(const struct audit *a, struct cb_err *err)
{
    char given[NOTE_KEY_TEXT_MAX];
    char wanted[NOTE_KEY_TEXT_MAX];
    const struct note_key *current = vkeys_current(&a->vkeys);
    const struct note_key *key = note_signer_key(a->options.key);
    if (note_key_eq(key, current)) {
        return CB_OK;
    }
    note_key_text(key, given);
    note_key_text(current, wanted);
    return cb_fail(err, CB_EINPUT,
                   "the key is not the current one of the audit log in %s: it is %s, "
                   "and since record %llu the log's is %s",
                   a->dir, given, (unsigned long long)a->vkeys.list[a->vkeys.num - 1].from, wanted);
}

/* The records around the checkpoint, read back. */
struct fringe_check {
    struct merkle *m; /* for its SHA-256, or to append to */
    unsigned char leaf[TILE_WIDTH][SHA256_LEN];
    size_t num;
};

static enum cb_code take_leaf(void *ctx, struct slice line, struct cb_err *err)
{
    struct fringe_check *c = ctx;
    (void)err;
    CB_CHECK(c->num < TILE_WIDTH);
    merkle_leaf(c->m, line, c->leaf[c->num++]);
    return CB_OK;
}

static enum cb_code give_leaf(void *ctx, uint64_t seq, unsigned char ret[SHA256_LEN],
                              struct cb_err *err)
{
    const struct fringe_check *c = ctx;
    (void)err;
    memcpy(ret, c->leaf[seq % TILE_WIDTH], SHA256_LEN);
    return CB_OK;
}

static enum cb_code take_later(void *ctx, struct slice line, struct cb_err *err)
{
    struct fringe_check *c = ctx;
    (void)err;
    merkle_append(c->m, line);
    return CB_OK;
}

/* load_fringe - at the checkpoint, and where it stands in the files. CB_ENOENT: a tile is missing. */
static enum cb_code load_fringe(const struct audit *a, const struct checkpoint *sealed,
                                const struct segment_prev *newest, struct sealer_start *start,
                                struct cb_err *err)
{
    struct fringe_check check = {.m = &start->fringe.tree};
    const uint64_t from = sealed->size - sealed->size % TILE_WIDTH;
    const struct reread r = {
        .io = a->io, .dir = a->dir, .each = take_leaf, .ctx = &check, .until = sealed->size};
    TRY(reread_find(a->io, a->dir, newest->no, newest->valid_bytes, from, &start->at, err));
    TRY(reread_to(&r, &start->at, newest->no, newest->valid_bytes, err));
    return fringe_load(&start->fringe, a->io, a->dir, sealed->size, give_leaf, &check, err);
}

static enum cb_code check_root(const struct audit *a, const struct checkpoint *sealed,
                               struct sealer_start *start, struct cb_err *err)
{
    unsigned char root[SHA256_LEN];
    merkle_root(&start->fringe.tree, root);
    if (memcmp(root, sealed->root, SHA256_LEN) == 0) {
        return CB_OK;
    }
    return cb_fail(
        err, CB_ECORRUPT,
        "%s: tiles and records do not have the root that the checkpoint of %llu records "
        "was signed for: one of them was changed (`certbroker audit verify` says which; a "
        "tile may be removed, it is made again from the records)",
        a->dir, (unsigned long long)sealed->size);
}

/* start_over - a tile is missing. Tiles are made from the records, so the sealer makes all of them again
 * and meanwhile signs nothing; unless the records were pruned, whose hashes are nowhere else. */
static enum cb_code start_over(const struct audit *a, const struct segment_prev *newest,
                               struct sealer_start *start, const struct cb_err *why,
                               struct cb_err *err)
{
    struct cb_err pruned;
    start->fringe.tree.size = 0;
    if (reread_find(a->io, a->dir, newest->no, newest->valid_bytes, 0, &start->at, &pruned) ==
        CB_OK) {
        return CB_OK;
    }
    return cb_fail(err, CB_ECORRUPT, "%.180s, and cannot be made from the records again: %.160s",
                   why->msg, pruned.msg);
}

/* More than this are hashed by the sealer alone, which finds out just the same, only a little later: how
 * long a start takes should not depend too much on for how long nothing could be signed. */
#define LATER_MAX 100000U

/* check_later - the records behind the checkpoint lead to the tree that recovery found. */
static enum cb_code check_later(const struct audit *a, const struct segment_prev *newest,
                                const struct sealer_start *start, struct cb_err *err)
{
    struct merkle tree;
    TRY(merkle_init(&tree, err));
    fringe_tree_copy(&tree, &start->fringe.tree);
    struct fringe_check check = {.m = &tree};
    const struct reread r = {.io = a->io, .dir = a->dir, .each = take_later, .ctx = &check};
    struct reread_at at = start->at;
    enum cb_code code = reread_to(&r, &at, newest->no, newest->valid_bytes, err);
    if (code == CB_OK && !fringe_tree_eq(&tree, &a->tree)) {
        code = cb_fail(
            err, CB_ECORRUPT,
            "%s: segment %llu does not continue the log whose first %llu records are signed "
            "for",
            a->dir, (unsigned long long)newest->no, (unsigned long long)start->fringe.tree.size);
    }
    merkle_free(&tree);
    return code;
}

static enum cb_code check_size(const struct audit *a, const struct checkpoint *sealed,
                               struct cb_err *err)
{
    if (a->tree.size >= sealed->size) {
        return CB_OK;
    }
    return cb_fail(err, CB_ECORRUPT,
                   "%s/seg holds %llu records, but the newest signed checkpoint in %s/state covers "
                   "%llu: records were lost, or an older copy of the log was put back",
                   a->dir, (unsigned long long)a->tree.size, a->dir,
                   (unsigned long long)sealed->size);
}

static enum cb_code start_at(const struct audit *a, const struct sealing *sealing,
                             const struct segment_prev *newest, struct sealer_start *start,
                             struct cb_err *err)
{
    struct cb_err why;
    const struct checkpoint *sealed = &sealing->checkpoint;
    start->sealed = *sealed;
    const enum cb_code code = load_fringe(a, sealed, newest, start, &why);
    if (code == CB_ENOENT) {
        return start_over(a, newest, start, &why, err);
    }
    if (code != CB_OK) {
        return cb_fail(err, code, "%s", why.msg);
    }
    TRY(check_root(a, sealed, start, err));
    return a->tree.size - sealed->size > LATER_MAX ? CB_OK : check_later(a, newest, start, err);
}

static enum cb_code make_sealer(struct audit *a, struct sealing *sealing,
                                struct sealer_start *start, struct cb_err *err)
{
    const struct sealer_options options = {.dir = a->dir,
                                           .origin = a->origin,
                                           .io = a->io,
                                           .key = a->options.key,
                                           .on_seal = a->options.on_seal,
                                           .on_seal_ctx = a->options.on_seal_ctx};
    start->note = sealing->note;
    sealing->note = (struct buf){0};
    return sealer_new(&options, start, &a->sealer, err);
}

enum cb_code sealing_check(struct audit *a, struct sealing *sealing, const struct recovered *r,
                           struct cb_err *err)
{
    if (!sealing->is_signed) {
        return CB_OK;
    }
    const struct checkpoint *sealed = &sealing->checkpoint;
    TRY(check_size(a, sealed, err));
    if (a->options.key != NULL) { /* who signs nothing makes nothing worse */
        TRY(unsigned_check(a->io, a->dir, sealed->size, a->tree.size, &r->prev, &sealing->tail,
                           err));
    }
    TRY(adopt_rotation(a, sealed, r, err));
    struct sealer_start *start = calloc(1, sizeof(*start));
    if (start == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the sealer");
    }
    enum cb_code code = fringe_init(&start->fringe, err);
    if (code == CB_OK) {
        code = start_at(a, sealing, &r->prev, start, err);
    }
    if (code == CB_OK && a->options.key != NULL) {
        code = check_key(a, err);
        if (code == CB_OK) {
            code = make_sealer(a, sealing, start, err);
            start->fringe = (struct fringe){.tree = {.size = 0}}; /* it is the sealer's, or gone */
        }
    }
    fringe_free(&start->fringe);
    free(start);
    return code;
}

void sealing_stop(struct audit *a)
{
    if (a->sealer_runs) {
        sealer_stop(a->sealer);
        (void)pthread_join(a->sealer_thread, NULL);
        a->sealer_runs = false;
    }
    sealer_free(a->sealer);
    a->sealer = NULL;
}

bool audit_seal_wait(struct audit *a)
{
    audit_poke(a); /* what was acknowledged is then published, too */
    return a->sealer != NULL && sealer_wait(a->sealer);
}

/* ---- asking ---- */

void sealing_stats(const struct audit *a, struct audit_stats *io)
{
    struct sealer_stats s;
    if (a->sealer == NULL) {
        return;
    }
    sealer_get_stats(a->sealer, &s);
    const int64_t now_us = clock_mono_us(&cb_system_clock);
    io->sealed_size = s.sealed_size;
    io->sealed_us = s.sealed_us;
    io->checkpoints = s.checkpoints;
    io->seal_failures = s.failures;
    if (s.waiting_since_us != 0 && now_us > s.waiting_since_us) {
        io->seal_lag_us = (uint64_t)(now_us - s.waiting_since_us);
    }
}

void audit_seal_why(const struct audit *audit, char out[CB_ERR_MSG_MAX])
{
    struct sealer_stats s;
    out[0] = '\0';
    if (audit->sealer != NULL) {
        sealer_get_stats(audit->sealer, &s);
        memcpy(out, s.why, sizeof(s.why));
    }
}

static enum cb_code no_sealer(const struct audit *a, struct cb_err *err)
{
    return a->sealer != NULL
               ? CB_OK
               : cb_fail(err, CB_EINPUT, "the audit log in %s was opened without its key", a->dir);
}

enum cb_code audit_checkpoint(const struct audit *audit, struct buf *out, struct cb_err *err)
{
    TRY(no_sealer(audit, err));
    return sealer_note(audit->sealer, out, err);
}

/* ---- a new key ---- */

/* make_statement - bound to the newest checkpoint, which nobody replaces meanwhile. */
static enum cb_code make_statement(struct audit *a, const struct note_signer *new_key,
                                   struct buf *out, struct cb_err *err)
{
    struct checkpoint sealed;
    struct buf note;
    buf_init(&note, SEAL_NOTE_MAX);
    enum cb_code code = sealer_note(a->sealer, &note, err);
    if (code == CB_OK) {
        code = vkeys_open_checkpoint(&a->vkeys, buf_slice(&note), &sealed, err);
    }
    if (code == CB_OK) {
        code = rotation_sign(a->options.key, new_key, &sealed, out, err);
    }
    buf_free(&note);
    return code;
}

/* append_rotation - the record, durable; then the statement once more, where no pruning comes. */
static enum cb_code append_rotation(struct audit *a, const struct note_signer *new_key,
                                    struct slice statement, uint64_t *ret_seq, struct cb_err *err)
{
    char old_text[NOTE_KEY_TEXT_MAX];
    char new_text[NOTE_KEY_TEXT_MAX];
    struct audit_event e;
    struct buf body;
    buf_init(&body, LINE_BODY_MAX);
    note_key_text(note_signer_key(a->options.key), old_text);
    note_key_text(note_signer_key(new_key), new_text);
    audit_event_zero(&e, AUDIT_KEY_ROTATE);
    e.old_vkey = slice_of(old_text);
    e.new_vkey = slice_of(new_text);
    e.statement = statement;
    enum cb_code code = audit_event_encode(&e, &body)
                            ? audit_append_wait(a, AUDIT_KEY_ROTATE, buf_slice(&body), ret_seq, err)
                            : cb_fail(err, CB_ENOMEM, "no memory for a record");
    buf_free(&body);
    return code == CB_OK ? rotation_keep(a->io, a->dir, statement, err) : code;
}

static enum cb_code rotate(struct audit *a, const struct note_signer *new_key, struct cb_err *err)
{
    uint64_t seq = 0;
    struct buf statement;
    const struct vkeys before = a->vkeys;
    /* Room for one more key: found out before the record is written. */
    TRY(vkeys_add(&a->vkeys, UINT64_MAX, note_signer_key(new_key), err));
    a->vkeys = before;
    buf_init(&statement, ROTATION_NOTE_MAX);
    enum cb_code code = make_statement(a, new_key, &statement, err);
    if (code == CB_OK) {
        code = append_rotation(a, new_key, buf_slice(&statement), &seq, err);
    }
    buf_free(&statement);
    TRY(code);
    TRY(vkeys_add(&a->vkeys, seq + 1, note_signer_key(new_key), err));
    return vkeys_write(a->io, a->dir, &a->vkeys, err);
}

enum cb_code audit_rotate_key(struct audit *audit, const struct note_signer *new_key,
                              struct cb_err *err)
{
    TRY(no_sealer(audit, err));
    /* The old key must sign nothing that covers the record: so no signing until all is in place. If it
     * cannot be put in place there will be none until the next start, which knows from the record. */
    sealer_hold(audit->sealer);
    (void)pthread_mutex_lock(&audit->keep_mutex); /* it guards vkeys against audit_keep_cosigned */
    const enum cb_code code = rotate(audit, new_key, err);
    (void)pthread_mutex_unlock(&audit->keep_mutex);
    TRY(code);
    audit->options.key = new_key;
    sealer_release(audit->sealer, new_key);
    if (!audit_seal_wait(audit)) {
        char why[CB_ERR_MSG_MAX];
        audit_seal_why(audit, why);
        return cb_fail(err, CB_ESYS, "the new key is in place, but could not sign yet: %.300s",
                       why);
    }
    return CB_OK;
}

/* ---- cosigned by witnesses ---- */

static enum cb_code keep_cosigned(struct audit *a, struct slice note, struct cb_err *err)
{
    struct checkpoint c;
    struct cb_err why;
    char state[SEGMENT_PATH_MAX];
    if (vkeys_open_checkpoint(&a->vkeys, note, &c, &why) != CB_OK) {
        return cb_fail(err, CB_EINPUT, "not a checkpoint of this log: %s", why.msg);
    }
    if (c.size < a->cosigned_size) {
        return cb_fail(err, CB_EINPUT, "older than the checkpoint that is kept");
    }
    TRY(segdir_join(a->dir, "state", state, err));
    TRY(io_put_file(a->io, state, "cosigned", note, err));
    a->cosigned_size = c.size;
    return CB_OK;
}

enum cb_code audit_keep_cosigned(struct audit *audit, struct slice note, struct cb_err *err)
{
    TRY(no_sealer(audit, err));
    (void)pthread_mutex_lock(&audit->keep_mutex);
    const enum cb_code code = keep_cosigned(audit, note, err);
    (void)pthread_mutex_unlock(&audit->keep_mutex);
    return code;
}
