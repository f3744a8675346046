/* base64.c - see base64.h. Does not hide by time or cache what it decodes: secrets that come this
 * way come once, at start-up, from a file. */
#include "broker/base/base64.h"

#define NOT_A_DIGIT 64U

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 26U;
    }
    if (ascii_is_digit(c)) {
        return (unsigned)(c - '0') + 52U;
    }
    if (c == '+') {
        return 62U;
    }
    return c == '/' ? 63U : NOT_A_DIGIT;
}

void buf_add_base64(struct buf *b, const void *data, size_t len)
{
    const unsigned char *in = data;
    for (size_t at = 0; at < len; at += 3) {
        const size_t left = len - at;
        const unsigned bits = (unsigned)in[at] << 16 | (left > 1 ? (unsigned)in[at + 1] << 8 : 0U) |
                              (left > 2 ? (unsigned)in[at + 2] : 0U);
        const char out[4] = {digits[bits >> 18], digits[bits >> 12 & 0x3fU],
                             left > 1 ? digits[bits >> 6 & 0x3fU] : '=',
                             left > 2 ? digits[bits & 0x3fU] : '='};
        buf_add(b, out, sizeof(out));
    }
}

/* decode_group - four characters, which are one to three bytes. 0: they are not. Only the last
 * group of a text may stand for fewer than three. */
static size_t decode_group(const char *p, unsigned char out[3])
{
    const size_t len = p[3] != '=' ? 3 : p[2] != '=' ? 2 : 1;
    unsigned bits = 0;
    for (size_t i = 0; i < 4; i++) {
        const unsigned digit = i <= len ? digit_of(p[i]) : 0U;
        if (digit == NOT_A_DIGIT) {
            return 0;
        }
        bits = bits << 6 | digit;
    }
    if ((len == 1 && (bits & 0xffffU) != 0) || (len == 2 && (bits & 0xffU) != 0)) {
        return 0;
    }
    out[0] = (unsigned char)(bits >> 16);
    out[1] = (unsigned char)(bits >> 8);
    out[2] = (unsigned char)bits;
    return len;
}

bool base64_decode(struct slice text, unsigned char *out, size_t room, size_t *ret_len)
{
    size_t len = 0;
    if (text.len % 4 != 0) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += 4) {
        unsigned char bytes[3];
        const size_t num = decode_group(text.ptr + at, bytes);
        if (num == 0 || (num < 3 && at + 4 < text.len)) {
            return false;
        }
        for (size_t i = 0; i < num; i++, len++) {
            if (len < room) {
                out[len] = bytes[i];
            }
        }
    }
    *ret_len = len;
    return true;
}

bool base64_decode_buf(struct slice text, struct buf *out)
{
    if (text.len % 4 != 0) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += 4) {
        unsigned char bytes[3];
        const size_t num = decode_group(text.ptr + at, bytes);
        if (num == 0 || (num < 3 && at + 4 < text.len)) {
            return false;
        }
        buf_add(out, bytes, num);
    }
    return buf_ok(out);
}
