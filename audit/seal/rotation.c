/* rotation.c - see rotation.h. Does not know where in a log the statement stands. */
#include "audit/seal/rotation.h"

#include "audit/seal/seals.h"
#include "broker/base/base64.h"

#include <stdio.h>

#define FIRST_LINE SLICE("certbroker key.rotate")
#define TEXT_MAX 2048U

static bool take_line(struct slice *rest, struct slice *ret)
{
    const size_t end = slice_find(*rest, '\n');
    if (end == rest->len) {
        return false;
    }
    *ret = (struct slice){rest->ptr, end};
    *rest = slice_from(*rest, end + 1);
    return true;
}

static void put_text(const struct note_key *old_key, const struct note_key *new_key,
                     const struct checkpoint *sealed, struct buf *out)
{
    char text[NOTE_KEY_TEXT_MAX];
    buf_add_slice(out, FIRST_LINE);
    buf_printf(out, "\n%s\n", old_key->name);
    note_key_text(old_key, text);
    buf_printf(out, "%s\n", text);
    note_key_text(new_key, text);
    buf_printf(out, "%s\n", text);
    buf_add_u64(out, sealed->size);
    buf_add_char(out, '\n');
    buf_add_base64(out, sealed->root, SHA256_LEN);
    buf_add_char(out, '\n');
}

enum cb_code rotation_sign(const struct note_signer *old_key, const struct note_signer *new_key,
                           const struct checkpoint *sealed, struct buf *out, struct cb_err *err)
{
    const struct note_key *old_public = note_signer_key(old_key);
    const struct note_key *new_public = note_signer_key(new_key);
    struct buf text;
    if (old_public->type != NOTE_LOG || new_public->type != NOTE_LOG ||
        strcmp(old_public->name, new_public->name) != 0) {
        return cb_fail(err, CB_EINPUT, "the new key is one of %s: it must be a log's, and named %s",
                       new_public->name, old_public->name);
    }
    if (note_key_eq(old_public, new_public)) {
        return cb_fail(err, CB_EINPUT, "the new key is the log's key already");
    }
    buf_init(&text, TEXT_MAX);
    put_text(old_public, new_public, sealed, &text);
    buf_add_slice(out, buf_slice(&text));
    buf_add_char(out, '\n');
    enum cb_code code =
        buf_ok(&text) ? CB_OK : cb_fail(err, CB_ENOMEM, "no memory to sign a statement");
    if (code == CB_OK) {
        code = note_sign(buf_slice(&text), old_key, 0, out, err);
    }
    if (code == CB_OK) {
        code = note_sign(buf_slice(&text), new_key, 0, out, err);
    }
    buf_free(&text);
    return code;
}

/* take_tree - SIZE and ROOT, written as they are in a checkpoint. */
static bool take_tree(struct slice *rest, struct rotation_statement *ret)
{
    struct slice size;
    struct slice root;
    char canonical[24];
    size_t len = 0;
    if (!take_line(rest, &size) || !take_line(rest, &root) || !slice_to_u64(size, &ret->size) ||
        !base64_decode(root, ret->root, SHA256_LEN, &len) || len != SHA256_LEN) {
        return false;
    }
    (void)snprintf(canonical, sizeof(canonical), "%llu", (unsigned long long)ret->size);
    return slice_eq_str(size, canonical);
}

static enum cb_code check_lines(struct slice rest, struct slice origin,
                                struct rotation_statement *ret, struct cb_err *err)
{
    struct slice first;
    struct slice name;
    struct slice old_key;
    struct slice new_key;
    if (!take_line(&rest, &first) || !slice_eq(first, FIRST_LINE) || !take_line(&rest, &name) ||
        !take_line(&rest, &old_key) || !take_line(&rest, &new_key) || !take_tree(&rest, ret) ||
        rest.len > 0) {
        return cb_fail(err, CB_EINPUT, "not a statement about a new key");
    }
    if (!slice_eq(name, origin)) {
        return cb_fail(err, CB_EINPUT, "a statement about the key of another log, %.*s",
                       (int)name.len, name.ptr);
    }
    TRY(note_key_parse(old_key, &ret->old_key, err));
    TRY(note_key_parse(new_key, &ret->new_key, err));
    if (ret->old_key.type != NOTE_LOG || ret->new_key.type != NOTE_LOG ||
        !slice_eq_str(origin, ret->old_key.name) || !slice_eq_str(origin, ret->new_key.name)) {
        return cb_fail(err, CB_EINPUT, "the statement names keys that are not this log's");
    }
    return CB_OK;
}

enum cb_code rotation_check(struct slice note, struct slice origin, struct rotation_statement *ret,
                            struct cb_err *err)
{
    struct note parsed;
    struct rotation_statement statement;
    uint64_t time_s = 0;
    TRY(note_parse(note, &parsed, err));
    TRY(check_lines(parsed.text, origin, &statement, err));
    if (note_verify(&parsed, &statement.old_key, &time_s) != NOTE_GOOD ||
        note_verify(&parsed, &statement.new_key, &time_s) != NOTE_GOOD) {
        return cb_fail(err, CB_ECRYPTO, "the statement is not signed by both keys, or wrongly");
    }
    *ret = statement;
    return CB_OK;
}

bool rotation_next(struct slice *rest, struct slice *ret)
{
    return seals_next(rest, FIRST_LINE, ret); /* the same order of things */
}
