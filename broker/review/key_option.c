/* key_option.c - see key_option.h. */
#include "broker/review/key_option.h"

#include "broker/base/file.h"

#include <unistd.h>

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

/* refuse - most often the name of a file was given, as other options take one. */
static enum cb_code refuse(const char *option, const char *text, const char *why,
                           struct cb_err *err)
{
    if (strchr(text, '+') == NULL || access(text, F_OK) == 0) {
        return cb_fail(err, CB_EINPUT,
                       "--%s: \"%.150s\" is no key, which is NAME+ID+...: for a file write "
                       "file:%.150s",
                       option, text, text);
    }
    return cb_fail(err, CB_EINPUT, "--%s: %s", option, why);
}

enum cb_code key_option_read(const char *option, const char *text, enum note_type type,
                             struct note_key *ret, struct cb_err *err)
{
    static const struct slice prefix = {"file:", 5};
    struct buf bytes = {0};
    struct cb_err why;
    struct note_key found;
    struct slice key = slice_of(text);
    const bool is_file = slice_has_prefix(key, prefix);
    if (is_file) {
        TRY(file_read(text + prefix.len, FILE_PUBLIC, NOTE_KEY_TEXT_MAX, &bytes, err));
        key = without_line_end(buf_slice(&bytes));
    }
    const enum cb_code code = note_key_parse(key, &found, &why);
    buf_free(&bytes);
    if (code != CB_OK && is_file) {
        return cb_fail(err, CB_EINPUT, "--%s: %.200s: %s", option, text + prefix.len, why.msg);
    }
    if (code != CB_OK) {
        return refuse(option, text, why.msg, err);
    }
    TRY(check_type(option, &found, type, err));
    *ret = found;
    return CB_OK;
}
