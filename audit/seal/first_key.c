/* first_key.c - gives a log that was made before logs had keys its first one.
 *
 * The key's first checkpoint covers all records there are: it vouches for them as they are now, and not for
 * what happened to them before. No record says so - a key.rotate has two keys to sign it - and none need:
 * the history in state/checkpoints.log begins with that checkpoint, of more records than any log is made
 * with. A log that had a key is never given a "first" one here: whoever takes state/vkeys away must not get
 * another key into its place so easily. */
#include "audit/writer.h"

#include "audit/keep/archive_parts.h"
#include "audit/keep/segment_digest.h"
#include "audit/recover.h"
#include "audit/seal/seals.h"

#include <stdio.h>
#include <stdlib.h>

/* check_keyless - nothing here was ever signed. */
static enum cb_code check_keyless(const struct audit *a, struct cb_err *err)
{
    static const char *const signs[] = {"state/checkpoint", "state/checkpoints.log",
                                        "state/cosigned", "tile"};
    char path[SEGMENT_PATH_MAX];
    struct stat st;
    TRY(segdir_join(a->dir, "state/vkeys", path, err));
    if (a->io->lstat(a->io->ctx, path, &st) == 0) {
        return cb_fail(err, CB_EBUSY,
                       "%s holds the audit log %s already, which has a key: `certbroker audit "
                       "rotate-key` gives it another",
                       a->dir, a->origin);
    }
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        char sign[SEGMENT_PATH_MAX];
        TRY(segdir_join(a->dir, signs[i], sign, err));
        if (a->io->lstat(a->io->ctx, sign, &st) == 0) {
            return cb_fail(
                err, CB_EBUSY,
                "%s is there, so the audit log %s had a key, and only %s is missing: put "
                "that back, the line \"0 \" and the verifier key that `audit init` printed",
                sign, a->origin, path);
        }
    }
    return CB_OK;
}

static enum cb_code check_closed(const struct audit *a, const struct chain *chain,
                                 struct cb_err *err)
{
    struct closed *c = malloc(sizeof(*c));
    enum cb_code code = CB_OK;
    if (c == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to read a log");
    }
    for (size_t i = 0; i + 1 < chain->num && code == CB_OK; i++) {
        code = archive_closed(chain, i, a->dir, a->io, c, err);
        if (code == CB_OK) {
            code = segment_root_file(a->io, c->plain, c->link, c->end_seq, c->root, err);
        }
    }
    free(c);
    return code;
}

/* read_all - every record of every segment: what is damaged is not signed for. */
static enum cb_code read_all(const struct audit *a, struct recovered *r, struct cb_err *err)
{
    struct chain chain;
    TRY(chain_read(a->dir, &chain, err));
    const enum cb_code code = check_closed(a, &chain, err);
    chain_free(&chain);
    TRY(code);
    TRY(recover(a->dir, slice_of(a->origin), a->io, r, err));
    if (r->rotated) {
        merkle_free(&r->tree);
        return cb_fail(err, CB_EBUSY,
                       "record %llu of the audit log %s changes its key, so it had one: put "
                       "state/vkeys back",
                       (unsigned long long)r->rotate_seq, a->origin);
    }
    return CB_OK;
}

static enum cb_code sign(const struct audit *a, struct recovered *r, bool *ret_begun,
                         struct cb_err *err)
{
    struct vkeys vkeys = {.num = 0};
    struct checkpoint c = {.size = r->tree.size};
    struct buf note;
    TRY(vkeys_add(&vkeys, 0, note_signer_key(a->options.key), err));
    (void)snprintf(c.origin, sizeof(c.origin), "%s", a->origin);
    merkle_root(&r->tree, c.root);
    buf_init(&note, SEAL_NOTE_MAX);
    enum cb_code code = checkpoint_sign(&c, a->options.key, &note, err);
    if (code == CB_OK) {
        *ret_begun = true;
        code = seals_store(a->io, a->dir, buf_slice(&note), true, err);
    }
    buf_free(&note);
    /* Last: without it the log is one that has lost its list of keys, and says how to put it back. */
    return code == CB_OK ? vkeys_write(a->io, a->dir, &vkeys, err) : code;
}

static enum cb_code give(struct audit *a, const char *origin, uint64_t *ret_size, bool *ret_begun,
                         struct cb_err *err)
{
    TRY(writer_read_origin(a, err));
    if (strcmp(a->origin, origin) != 0) {
        return cb_fail(err, CB_EBUSY, "%s holds the audit log %s already, not %s", a->dir,
                       a->origin, origin);
    }
    TRY(check_keyless(a, err));
    TRY(writer_lock(a, err));
    struct recovered *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for the audit log");
    }
    enum cb_code code = read_all(a, r, err);
    if (code == CB_OK) {
        code = sign(a, r, ret_begun, err);
        *ret_size = r->tree.size;
        merkle_free(&r->tree);
    }
    free(r);
    return code;
}

enum cb_code audit_give_key(const char *dir, const char *origin, const struct note_signer *key,
                            uint64_t *ret_size, bool *ret_begun, struct cb_err *err)
{
    struct audit *a = NULL;
    *ret_begun = false;
    TRY(init_check_names(origin, key, err));
    TRY(writer_new(&(struct audit_options){.dir = dir, .key = key}, &a, err));
    const enum cb_code code = give(a, origin, ret_size, ret_begun, err);
    writer_free(a);
    return code;
}
