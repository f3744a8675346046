/* rotation.c - see rotation.h. Does not know where in a log the statement stands. */
#include "audit/rotation.h"

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
                     struct buf *out)
{
    char text[NOTE_KEY_TEXT_MAX];
    buf_add_slice(out, FIRST_LINE);
    buf_printf(out, "\n%s\n", old_key->name);
    note_key_text(old_key, text);
    buf_printf(out, "%s\n", text);
    note_key_text(new_key, text);
    buf_printf(out, "%s\n", text);
}

enum cb_code rotation_sign(const struct note_signer *old_key, const struct note_signer *new_key,
                           struct buf *out, struct cb_err *err)
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
    put_text(old_public, new_public, &text);
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

static enum cb_code check_lines(struct slice rest, struct slice origin, struct note_key *ret_old,
                                struct note_key *ret_new, struct cb_err *err)
{
    struct slice first;
    struct slice name;
    struct slice old_key;
    struct slice new_key;
    if (!take_line(&rest, &first) || !slice_eq(first, FIRST_LINE) || !take_line(&rest, &name) ||
        !take_line(&rest, &old_key) || !take_line(&rest, &new_key) || rest.len > 0) {
        return cb_fail(err, CB_EINPUT, "not a statement about a new key");
    }
    if (!slice_eq(name, origin)) {
        return cb_fail(err, CB_EINPUT, "a statement about the key of another log, %.*s",
                       (int)name.len, name.ptr);
    }
    TRY(note_key_parse(old_key, ret_old, err));
    TRY(note_key_parse(new_key, ret_new, err));
    if (ret_old->type != NOTE_LOG || ret_new->type != NOTE_LOG ||
        !slice_eq_str(origin, ret_old->name) || !slice_eq_str(origin, ret_new->name)) {
        return cb_fail(err, CB_EINPUT, "the statement names keys that are not this log's");
    }
    return CB_OK;
}

enum cb_code rotation_check(struct slice note, struct slice origin, struct note_key *ret_old,
                            struct note_key *ret_new, struct cb_err *err)
{
    struct note parsed;
    struct note_key old_key;
    struct note_key new_key;
    uint64_t time_s = 0;
    TRY(note_parse(note, &parsed, err));
    TRY(check_lines(parsed.text, origin, &old_key, &new_key, err));
    if (note_verify(&parsed, &old_key, &time_s) != NOTE_GOOD ||
        note_verify(&parsed, &new_key, &time_s) != NOTE_GOOD) {
        return cb_fail(err, CB_ECRYPTO, "the statement is not signed by both keys, or wrongly");
    }
    *ret_old = old_key;
    *ret_new = new_key;
    return CB_OK;
}
