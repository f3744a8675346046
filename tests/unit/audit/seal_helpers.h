/* seal_helpers.h - logs that have a key. After helpers.h. */
#ifndef TESTS_UNIT_AUDIT_SEAL_HELPERS_H
#define TESTS_UNIT_AUDIT_SEAL_HELPERS_H

#include "audit/seal/seals.h"
#include "audit/writer.h"

UNUSED static struct note_signer *new_key(const char *name)
{
    struct note_signer *key = NULL;
    struct cb_err err;
    assert_int_equal(note_signer_new(slice_of(name), NOTE_LOG, &key, &err), CB_OK);
    return key;
}

UNUSED static char *new_signed_log(const struct note_signer *key)
{
    char *dir = temp_dir();
    struct cb_err err;
    if (audit_init_signed(dir, ORIGIN, key, &err) != CB_OK) {
        fail_msg("audit_init_signed: %s", err.msg);
    }
    return dir;
}

UNUSED static struct audit_options signed_options(const char *dir, const struct audit_io *io,
                                                  const struct note_signer *key)
{
    struct audit_options options = options_for(dir, io);
    options.key = key;
    return options;
}

UNUSED static struct audit *open_signed(const char *dir, const struct audit_io *io,
                                        const struct note_signer *key)
{
    const struct audit_options options = signed_options(dir, io, key);
    return open_with(&options, NULL);
}

/* open_signed_code - open and close again. */
UNUSED static enum cb_code open_signed_code(const char *dir, const struct audit_io *io,
                                            const struct note_signer *key, struct cb_err *err)
{
    const struct audit_options options = signed_options(dir, io, key);
    struct audit *a = NULL;
    struct audit_recovery recovery;
    const enum cb_code code = audit_open(&options, &a, &recovery, err);
    if (code == CB_OK) {
        audit_recovery_free(&recovery);
        audit_close(a);
    }
    return code;
}

UNUSED static const char *in_dir(const char *dir, const char *name)
{
    static char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    assert_int_equal(segdir_join(dir, name, path, &err), CB_OK);
    return path;
}

/* newest_seal - state/checkpoint, which must be signed by the log's current key. */
UNUSED static struct checkpoint newest_seal(const char *dir)
{
    struct vkeys vkeys;
    struct checkpoint c;
    struct cb_err err;
    struct buf note;
    assert_int_equal(vkeys_read(&audit_system_io, dir, &vkeys, &err), CB_OK);
    assert_int_equal(
        io_read_file(&audit_system_io, dir, "state/checkpoint", SEAL_NOTE_MAX, &note, &err), CB_OK);
    if (vkeys_open_checkpoint(&vkeys, buf_slice(&note), &c, &err) != CB_OK) {
        fail_msg("state/checkpoint: %s", err.msg);
    }
    buf_free(&note);
    return c;
}

/* The tree of a log, worked out from its records alone. */
struct tree_of {
    struct merkle m;
    uint64_t until;
};

UNUSED static bool add_to_tree(void *ctx, uint64_t seq, struct slice line)
{
    struct tree_of *t = ctx;
    if (seq < t->until) {
        merkle_append(&t->m, line);
    }
    return seq < t->until;
}

/* assert_sealed - the checkpoint's root is that of the log's records. */
UNUSED static void assert_sealed(const char *dir, const struct checkpoint *c)
{
    struct tree_of t = {.until = c->size};
    struct cb_err err;
    unsigned char root[SHA256_LEN];
    assert_int_equal(merkle_init(&t.m, &err), CB_OK);
    if (audit_walk(dir, 0, add_to_tree, &t, &err) != CB_OK) {
        fail_msg("walk: %s", err.msg);
    }
    assert_int_equal(t.m.size, c->size);
    merkle_root(&t.m, root);
    assert_memory_equal(root, c->root, SHA256_LEN);
    assert_string_equal(c->origin, ORIGIN);
    merkle_free(&t.m);
}

#endif
