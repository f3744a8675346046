/* checkpoint.c - see checkpoint.h. Does not know whether a root is true: that takes the records. */
#include "audit/tlog/checkpoint.h"

#include "broker/base/base64.h"

void checkpoint_text(const struct checkpoint *c, struct buf *out)
{
    buf_printf(out, "%s\n", c->origin);
    buf_add_u64(out, c->size);
    buf_add_char(out, '\n');
    buf_add_base64(out, c->root, SHA256_LEN);
    buf_add_char(out, '\n');
}

/* take_line - the next line without its newline; false: there is no whole one. */
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

static enum cb_code check_extensions(struct slice rest, struct cb_err *err)
{
    struct slice line;
    for (unsigned number = 4; rest.len > 0; number++) {
        if (!take_line(&rest, &line) || line.len == 0) {
            return cb_fail(err, CB_EINPUT, "line %u of the checkpoint is empty or cut off", number);
        }
    }
    return CB_OK;
}

enum cb_code checkpoint_parse(struct slice text, struct checkpoint *ret, struct cb_err *err)
{
    struct slice rest = text;
    struct slice origin;
    struct slice size;
    struct slice root;
    struct checkpoint c = {.size = 0};
    size_t root_len = 0;
    if (!take_line(&rest, &origin) || !note_name_valid(origin)) {
        return cb_fail(
            err, CB_EINPUT,
            "line 1 of a checkpoint is the log's name: 1 to %u characters, no white space "
            "and no plus sign",
            NOTE_NAME_MAX);
    }
    if (!take_line(&rest, &size) || !slice_to_u64(size, &c.size) || c.size > INT64_MAX) {
        return cb_fail(err, CB_EINPUT,
                       "line 2 of a checkpoint is the number of records, in decimal digits");
    }
    if (!take_line(&rest, &root) || !base64_decode(root, c.root, SHA256_LEN, &root_len) ||
        root_len != SHA256_LEN) {
        return cb_fail(err, CB_EINPUT,
                       "line 3 of a checkpoint is the base64 of the root, a SHA-256 of 32 bytes");
    }
    TRY(check_extensions(rest, err));
    memcpy(c.origin, origin.ptr, origin.len);
    *ret = c;
    return CB_OK;
}

enum cb_code checkpoint_sign(const struct checkpoint *c, const struct note_signer *signer,
                             struct buf *out, struct cb_err *err)
{
    struct buf text;
    buf_init(&text, NOTE_BYTES_MAX);
    checkpoint_text(c, &text);
    buf_add_slice(out, buf_slice(&text));
    buf_add_char(out, '\n');
    const enum cb_code code = buf_ok(&text) ? note_sign(buf_slice(&text), signer, 0, out, err)
                                            : cb_fail(err, CB_ENOMEM, "no memory to sign a note");
    buf_free(&text);
    return code;
}

static enum cb_code check_signed(const struct note *note, const struct note_key *key,
                                 struct cb_err *err)
{
    uint64_t time_s = 0;
    switch (note_verify(note, key, &time_s)) {
    case NOTE_GOOD:
        return CB_OK;
    case NOTE_UNSIGNED:
        return cb_fail(err, CB_ECRYPTO, "the checkpoint has no signature by the key %s+%08x",
                       key->name, key->id);
    case NOTE_BAD:
        break;
    }
    return cb_fail(
        err, CB_ECRYPTO,
        "the checkpoint's signature by the key %s+%08x is wrong: it was changed after it "
        "was signed, or somebody else signed it",
        key->name, key->id);
}

enum cb_code checkpoint_open(struct slice bytes, const struct note_key *key, struct note *ret_note,
                             struct checkpoint *ret, struct cb_err *err)
{
    struct note note;
    struct checkpoint c;
    if (key->type != NOTE_LOG) {
        return cb_fail(err, CB_ECRYPTO, "the key %s+%08x is a witness's, not a log's", key->name,
                       key->id);
    }
    TRY(note_parse(bytes, &note, err));
    TRY(check_signed(&note, key, err));
    TRY(checkpoint_parse(note.text, &c, err));
    if (strcmp(c.origin, key->name) != 0) {
        return cb_fail(err, CB_ECRYPTO, "the checkpoint is of the log %s, the key of %s", c.origin,
                       key->name);
    }
    *ret_note = note;
    *ret = c;
    return CB_OK;
}
