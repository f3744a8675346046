/* parse_text.c - free text that goes into a certificate or into a message. See parse_body.h. */
#include "broker/request/parse_body.h"

struct piece text_piece(struct slice s)
{
    struct piece out;
    const size_t room = sizeof(out.text) - sizeof("...");
    const size_t len = s.len > room ? room : s.len;
    for (size_t i = 0; i < len; i++) {
        const char c = s.ptr[i];
        out.text[i] = '?';
        if (ascii_is_print(c) && c != '"' && c != '\\') {
            out.text[i] = c;
        }
    }
    memcpy(out.text + len, s.len > room ? "..." : "\0\0\0", sizeof("..."));
    return out;
}

/* Characters that change what a person sees without being seen: C0, DEL, C1, zero-width, line
 * separators, direction marks and overrides, byte order mark, interlinear marks. Two names that
 * look alike in a review must be alike. */
static const struct {
    uint32_t first, last;
} invisible[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x180e, 0x180e},
    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
};

static bool is_invisible(uint32_t code)
{
    for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++) {
        if (code >= invisible[i].first && code <= invisible[i].last) {
            return true;
        }
    }
    return false;
}

/* next_char - decode one character of valid UTF-8 at *at and step over it. */
static uint32_t next_char(struct slice s, size_t *at)
{
    const unsigned char lead = (unsigned char)s.ptr[(*at)++];
    if (lead < 0x80) {
        return lead;
    }
    const unsigned more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t code = lead & (0x3fU >> more);
    for (unsigned i = 0; i < more; i++) {
        code = (code << 6) | ((unsigned char)s.ptr[(*at)++] & 0x3fU);
    }
    return code;
}

enum cb_code text_check(struct slice s, size_t max_chars, size_t max_bytes, const char *path,
                        struct cb_err *err)
{
    if (!utf8_valid(s)) {
        return cb_fail(err, CB_EINPUT, "%s: not valid UTF-8", path);
    }
    size_t chars = 0;
    size_t at = 0;
    while (at < s.len) {
        if (is_invisible(next_char(s, &at))) {
            return cb_fail(err, CB_EINPUT, "%s: control and invisible characters are not accepted",
                           path);
        }
        chars++;
    }
    if (chars > max_chars || s.len > max_bytes) {
        return cb_fail(err, CB_EINPUT, "%s: longer than %zu characters or %zu bytes", path,
                       max_chars, max_bytes);
    }
    return CB_OK;
}
