/* key_option.c - see key_option.h. */
#include "broker/review/key_option.h"

#include "broker/base/file.h"

static struct slice without_line_end(struct slice text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
        text.len--;
    }
    return text;
}

static enum cb_code check_type(const char *option, const struct note_key *key, enum note_type type,
                               struct cb_err *err)
{
    if (key->type != type) {
        return cb_fail(err, CB_EINPUT, "--%s: this is the key of a %s, what is wanted is a %s's",
                       option, type == NOTE_LOG ? "witness" : "log",
                       type == NOTE_LOG ? "log" : "witness");
    }
    return CB_OK;
}

enum cb_code key_option_read(const char *option, const char *text, enum note_type type,
                             struct note_key *ret, struct cb_err *err)
{
    static const struct slice prefix = {"file:", 5};
    struct buf bytes = {0};
    struct cb_err why;
    struct note_key found;
    struct slice key = slice_of(text);
    if (slice_has_prefix(key, prefix)) {
        TRY(file_read(text + prefix.len, FILE_PUBLIC, NOTE_KEY_TEXT_MAX, &bytes, err));
        key = without_line_end(buf_slice(&bytes));
    }
    const enum cb_code code = note_key_parse(key, &found, &why);
    buf_free(&bytes);
    if (code != CB_OK) {
        return cb_fail(err, CB_EINPUT, "--%s: %s", option, why.msg);
    }
    TRY(check_type(option, &found, type, err));
    *ret = found;
    return CB_OK;
}
