/* bundle.c - see bundle.h. Puts files together and takes them apart; what is in them is not looked at.
 * That the names ascend is for the reader of all of them to check. */
#include "policy/bundle.h"

#define MAGIC SLICE("# certbroker policy bundle v1\n")
#define FILE_WORD SLICE("# file ")
#define NAME_MAX_LEN 255U

bool bundle_is(struct slice text)
{
    return slice_has_prefix(text, MAGIC);
}

bool bundle_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!ascii_is_alnum(name.ptr[i]) && !slice_has_byte(SLICE("._-"), name.ptr[i])) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= NAME_MAX_LEN && name.ptr[0] != '.';
}

bool bundle_write(const struct bundle_file *files, size_t num, struct buf *out)
{
    buf_add_slice(out, MAGIC);
    for (size_t i = 0; i < num; i++) {
        buf_add_slice(out, FILE_WORD);
        buf_add_slice(out, files[i].name);
        buf_add_char(out, ' ');
        buf_add_u64(out, files[i].bytes.len);
        buf_add_char(out, '\n');
        buf_add_slice(out, files[i].bytes);
        buf_add_char(out, '\n');
    }
    return buf_ok(out);
}

static bool refuse(struct cb_err *err, const char *why)
{
    (void)cb_fail(err, CB_EINPUT, "this is no policy bundle: %s", why);
    return false;
}

/* take_until - the bytes in front of a byte, which is skipped too. False: it isn't there. */
static bool take_until(struct slice *rest, char byte, struct slice *ret)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->ptr, byte, rest->len);
    if (at == NULL) {
        return false;
    }
    *ret = (struct slice){rest->ptr, (size_t)(at - rest->ptr)};
    *rest = slice_from(*rest, ret->len + 1);
    return true;
}

bool bundle_read(struct slice *rest, struct bundle_file *ret, struct cb_err *err)
{
    struct slice text = bundle_is(*rest) ? slice_from(*rest, MAGIC.len) : *rest;
    struct slice line;
    struct slice name;
    uint64_t len = 0;
    err->code = CB_OK;
    if (text.len == 0) {
        *rest = text;
        return false;
    }
    if (!slice_has_prefix(text, FILE_WORD) || !take_until(&text, '\n', &line)) {
        return refuse(err, "a line \"# file NAME LENGTH\" is missing");
    }
    line = slice_from(line, FILE_WORD.len);
    if (!take_until(&line, ' ', &name) || !bundle_name_valid(name) || !slice_to_u64(line, &len)) {
        return refuse(err, "a line is not \"# file NAME LENGTH\"");
    }
    if (len >= text.len || text.ptr[len] != '\n') {
        return refuse(err, "a file is shorter or longer than its line says");
    }
    const struct slice left = slice_from(text, (size_t)len + 1);
    if (left.len > 0 && !slice_has_prefix(left, FILE_WORD)) {
        return refuse(err, "there is text behind a file");
    }
    *ret = (struct bundle_file){name, {text.ptr, (size_t)len}};
    *rest = left;
    return true;
}
