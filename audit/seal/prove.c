/* prove.c - see prove.h. Works out nothing by itself: hashes.c has the tree, tlog/ the proofs. */
#include "audit/seal/prove.h"

#include "audit/event.h"
#include "audit/io.h"
#include "audit/read/records.h"
#include "audit/seal/hashes.h"
#include "audit/seal/seals.h"
#include "audit/seal/vkeys.h"
#include "audit/segdir.h"
#include "audit/tlog/proof_file.h"

#include <stdlib.h>

struct prover {
    char *dir;
    struct vkeys vkeys;
    struct buf newest_bytes, cosigned_bytes;
    struct prover_note newest, cosigned;
    struct hashes *hashes; /* over tree_size records; NULL: none yet */
    uint64_t tree_size;
    enum hashes_from from;
};

/* ---- the checkpoints ---- */

static enum cb_code read_newest(struct prover *p, struct cb_err *err)
{
    TRY(seals_newest(&audit_system_io, p->dir, &p->vkeys, &p->newest.checkpoint, &p->newest_bytes,
                     err));
    p->newest.bytes = buf_slice(&p->newest_bytes);
    return CB_OK;
}

/* read_cosigned - there may be none yet. One that is newer than the log's own does not count: records
 * that it covers may have been lost here. */
static enum cb_code read_cosigned(struct prover *p, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err why;
    struct checkpoint c;
    TRY(segdir_join(p->dir, "state", path, err));
    const enum cb_code code =
        io_read_file(&audit_system_io, path, "cosigned", NOTE_BYTES_MAX, &p->cosigned_bytes, err);
    if (code != CB_OK) {
        return code == CB_ENOENT ? CB_OK : code;
    }
    if (vkeys_open_checkpoint(&p->vkeys, buf_slice(&p->cosigned_bytes), &c, &why) != CB_OK) {
        return cb_fail(err, CB_ECORRUPT, "%s/state/cosigned: %s", p->dir, why.msg);
    }
    if (c.size <= p->newest.checkpoint.size) {
        p->cosigned = (struct prover_note){c, buf_slice(&p->cosigned_bytes)};
    }
    return CB_OK;
}

static enum cb_code read_state(struct prover *p, struct cb_err *err)
{
    TRY(vkeys_read(&audit_system_io, p->dir, &p->vkeys, err));
    TRY(read_newest(p, err));
    return read_cosigned(p, err);
}

enum cb_code prover_open(const char *dir, struct prover **ret, struct cb_err *err)
{
    struct prover *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to prove anything of %s", dir);
    }
    p->dir = strdup(dir);
    const enum cb_code code =
        p->dir != NULL ? read_state(p, err) : cb_fail(err, CB_ENOMEM, "no memory to read %s", dir);
    if (code != CB_OK) {
        prover_close(p);
        return code;
    }
    *ret = p;
    return CB_OK;
}

void prover_close(struct prover *p)
{
    if (p != NULL) {
        hashes_close(p->hashes);
        buf_free(&p->newest_bytes);
        buf_free(&p->cosigned_bytes);
        free(p->dir);
        free(p);
    }
}

const struct prover_note *prover_newest(const struct prover *p)
{
    return &p->newest;
}

const struct prover_note *prover_cosigned(const struct prover *p)
{
    return &p->cosigned;
}

enum cb_code prover_open_note(const struct prover *p, struct slice note, struct checkpoint *ret,
                              struct cb_err *err)
{
    return vkeys_open_checkpoint(&p->vkeys, note, ret, err);
}

enum cb_code prover_num_records(const struct prover *p, uint64_t *ret, struct cb_err *err)
{
    struct records *r = NULL;
    TRY(records_open(p->dir, &r, err));
    const enum cb_code code = records_count(r, ret, err);
    records_close(r);
    return code;
}

/* ---- the tree ---- */

/* use_tree - the tree over so many records; the one of the last proof if it is the same. */
static enum cb_code use_tree(struct prover *p, uint64_t size, enum hashes_from from,
                             struct cb_err *err)
{
    if (p->hashes != NULL && p->tree_size == size && p->from == from) {
        return CB_OK;
    }
    hashes_close(p->hashes);
    p->hashes = NULL;
    p->tree_size = size;
    p->from = from;
    return hashes_open(p->dir, size, from, &p->hashes, err);
}

/* What is to be proven, in one of two ways: that a record is in a tree, or that one tree begins with
 * another. */
struct task {
    const struct checkpoint *tree;
    const struct checkpoint *old; /* NULL: it is about a record */
    uint64_t seq;
    unsigned char leaf[SHA256_LEN];
    struct proof proof;
    bool is_right;
};

static enum cb_code prove_once(struct prover *p, struct task *t, enum hashes_from from,
                               struct cb_err *err)
{
    TRY(use_tree(p, t->tree->size, from, err));
    const struct hash_source *source = hashes_source(p->hashes);
    struct merkle *m = hashes_merkle(p->hashes);
    if (t->old != NULL) {
        TRY(proof_consistency(source, m, t->old->size, t->tree->size, &t->proof, err));
        t->is_right = proof_check_consistency(m, &t->proof, t->old->size, t->tree->size,
                                              t->old->root, t->tree->root);
    } else {
        TRY(proof_inclusion(source, m, t->tree->size, t->seq, &t->proof, err));
        t->is_right =
            proof_check_inclusion(m, &t->proof, t->tree->size, t->seq, t->leaf, t->tree->root);
    }
    return CB_OK;
}

/* prove - with tiles, and if that is not right, from the records alone. */
static enum cb_code prove(struct prover *p, struct task *t, bool *ret_tiles_wrong,
                          struct cb_err *err)
{
    struct cb_err first;
    *ret_tiles_wrong = false;
    TRY(prove_once(p, t, HASHES_FROM_TILES, err));
    if (t->is_right) {
        return CB_OK;
    }
    first.msg[0] = '\0';
    if (prove_once(p, t, HASHES_FROM_RECORDS, &first) != CB_OK) {
        return cb_fail(
            err, CB_ECORRUPT,
            "the hash tiles of %s do not lead to the root that was signed, and its records "
            "cannot be read: %s",
            p->dir, first.msg);
    }
    *ret_tiles_wrong = t->is_right;
    return CB_OK;
}

/* ---- a record ---- */

static bool copy_line(void *ctx, uint64_t seq, struct slice line)
{
    (void)seq;
    buf_add_slice(ctx, line);
    return true;
}

static enum cb_code prove_line(struct prover *p, const struct prover_note *note, uint64_t seq,
                               struct slice line, struct buf *out, struct proven *ret,
                               struct cb_err *err)
{
    struct task t = {.tree = &note->checkpoint, .seq = seq};
    bool tiles_wrong = false;
    merkle_leaf(hashes_merkle(p->hashes), line, t.leaf);
    TRY(prove(p, &t, &tiles_wrong, err));
    if (!t.is_right) {
        return cb_fail(
            err, CB_ECORRUPT,
            "record %llu and its neighbours do not have the root that was signed for %llu "
            "records: %s was changed (certbroker audit verify finds where)",
            (unsigned long long)seq, (unsigned long long)note->checkpoint.size, p->dir);
    }
    const struct proof_file file = {
        .extra = line, .index = seq, .proof = t.proof, .note = note->bytes};
    proof_file_text(&file, out);
    if (!buf_ok(out)) {
        return cb_fail(err, CB_ELIMIT, "the proof is too long");
    }
    *ret = (struct proven){note, tiles_wrong};
    return CB_OK;
}

enum cb_code prover_record(struct prover *p, uint64_t seq, struct buf *out, struct proven *ret,
                           struct cb_err *err)
{
    const bool is_cosigned = p->cosigned.bytes.ptr != NULL && seq < p->cosigned.checkpoint.size;
    const struct prover_note *note = is_cosigned ? &p->cosigned : &p->newest;
    struct buf line;
    if (seq >= note->checkpoint.size) {
        uint64_t num = 0;
        TRY(prover_num_records(p, &num, err));
        if (seq >= num) {
            return cb_fail(err, CB_ENOENT, "there is no record %llu: the log has %llu, 0 to %llu",
                           (unsigned long long)seq, (unsigned long long)num,
                           (unsigned long long)(num - 1));
        }
        return cb_fail(err, CB_ENOENT,
                       "no signed checkpoint covers record %llu yet: the newest is over the first "
                       "%llu records, 0 to %llu",
                       (unsigned long long)seq, (unsigned long long)note->checkpoint.size,
                       (unsigned long long)(note->checkpoint.size - 1));
    }
    TRY(use_tree(p, note->checkpoint.size, HASHES_FROM_TILES, err));
    buf_init(&line, AUDIT_LINE_MAX);
    enum cb_code code = records_read(hashes_records(p->hashes), seq, 1, copy_line, &line, err);
    if (code == CB_OK) {
        code = buf_ok(&line) ? prove_line(p, note, seq, buf_slice(&line), out, ret, err)
                             : cb_fail(err, CB_ENOMEM, "no memory for a record");
    }
    buf_free(&line);
    return code;
}

/* ---- two checkpoints ---- */

enum cb_code prover_consistency(struct prover *p, const struct checkpoint *old,
                                const struct checkpoint *new, struct proof *ret, struct cb_err *err)
{
    struct task t = {.tree = new, .old = old};
    bool tiles_wrong = false;
    unsigned char root[SHA256_LEN];
    TRY(prove(p, &t, &tiles_wrong, err));
    if (t.is_right) {
        *ret = t.proof;
        return CB_OK;
    }
    /* Not so. Which of the two is this log's? The tree now is the one of the records. */
    TRY(proof_root(hashes_source(p->hashes), hashes_merkle(p->hashes), new->size, root, err));
    return cb_fail(
        err, CB_ECORRUPT,
        memcmp(root, new->root, SHA256_LEN) == 0
            ? "the checkpoint of %llu records does not continue the one of %llu: the key "
              "has signed two histories, and this log is not the older one's"
            : "the checkpoint of %llu records has another root than this log's first so "
              "many records: it is of another history (older checkpoint: %llu records)",
        (unsigned long long)new->size, (unsigned long long)old->size);
}
