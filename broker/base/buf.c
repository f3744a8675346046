/* buf.c - see buf.h. */
#include "broker/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_ROOM 1024U /* most of what is gathered fits, or nearly: a record, a reply's head */

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap};
}

void buf_init_secret(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap, .secret = true};
}

static void drop_memory(struct buf *b)
{
    if (b->secret) {
        secret_wipe(b->data, b->room);
    }
    free(b->data);
    b->data = NULL;
    b->room = 0;
    b->len = 0;
}

void buf_free(struct buf *b)
{
    drop_memory(b);
    b->failed = false;
}

void buf_reset(struct buf *b)
{
    if (b->secret) {
        secret_wipe(b->data, b->room);
    }
    b->len = 0;
    b->failed = false;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

/* reserve - room for extra more bytes and the NUL; false marks the buffer failed. */
static bool reserve(struct buf *b, size_t extra)
{
    size_t need = 0;
    if (b->failed) {
        return false;
    }
    if (__builtin_add_overflow(b->len, extra, &need) || need > b->cap) {
        drop_memory(b);
        b->failed = true;
        return false;
    }
    if (need < b->room) {
        return true;
    }
    size_t room = b->room == 0 ? FIRST_ROOM : b->room * 2;
    if (room < need + 1) {
        room = need + 1;
    }
    if (room > b->cap + 1) {
        room = b->cap + 1;
    }
    /* Not realloc: it may leave an unwiped copy of a secret behind. */
    char *data = malloc(room);
    if (data == NULL) {
        drop_memory(b);
        b->failed = true;
        return false;
    }
    const size_t len = b->len;
    if (len > 0) {
        memcpy(data, b->data, len);
    }
    drop_memory(b);
    b->data = data;
    b->len = len;
    b->room = room;
    return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (!reserve(b, len)) {
        return;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_add_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.ptr, s.len);
}

void buf_add_str(struct buf *b, const char *str)
{
    buf_add(b, str, strlen(str));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_add_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    /* Most often it fits into the room there is. */
    const size_t left = b->room - b->len;
    const int need = vsnprintf(left == 0 ? NULL : b->data + b->len, left, fmt, ap);
    va_end(ap);
    if (need >= 0 && (size_t)need < left) {
        b->len += (size_t)need;
    } else if (need >= 0 && reserve(b, (size_t)need)) {
        (void)vsnprintf(b->data + b->len, (size_t)need + 1, fmt, again);
        b->len += (size_t)need;
    } else if (b->data != NULL) {
        b->data[b->len] = '\0';
    }
    va_end(again);
}

static void add_unicode_escape(struct buf *b, uint32_t code)
{
    static const char digits[] = "0123456789abcdef";
    const char out[6] = {'\\',
                         'u',
                         digits[(code >> 12) & 0xf],
                         digits[(code >> 8) & 0xf],
                         digits[(code >> 4) & 0xf],
                         digits[code & 0xf]};
    buf_add(b, out, sizeof(out));
}

/* utf8_decode - the code point at p and its length; a malformed byte is U+FFFD, length 1. */
static size_t utf8_decode(const unsigned char *p, size_t left, uint32_t *ret)
{
    for (size_t len = 2; len <= 4 && len <= left; len++) {
        if (!utf8_valid((struct slice){(const char *)p, len})) {
            continue;
        }
        if (p[0] < 0x80) {
            break; /* two ASCII bytes are "valid" too; the caller handles ASCII itself */
        }
        uint32_t code = p[0] & (0xffU >> (len + 1));
        for (size_t i = 1; i < len; i++) {
            code = (code << 6) | (p[i] & 0x3fU);
        }
        *ret = code;
        return len;
    }
    *ret = 0xfffd;
    return 1;
}

void buf_add_json_str(struct buf *b, struct slice s)
{
    buf_add_char(b, '"');
    size_t i = 0;
    while (i < s.len) {
        /* Plain runs are by far the most common: copy them whole. */
        const size_t run = slice_plain_run((struct slice){s.ptr + i, s.len - i});
        if (run > 0) {
            buf_add(b, s.ptr + i, run);
            i += run;
            continue;
        }
        const unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') {
            const char out[2] = {'\\', (char)c};
            buf_add(b, out, sizeof(out));
            i++;
        } else if (c < 0x80) {
            add_unicode_escape(b, c);
            i++;
        } else {
            uint32_t code = 0;
            i += utf8_decode((const unsigned char *)s.ptr + i, s.len - i, &code);
            if (code > 0xffff) {
                add_unicode_escape(b, 0xd800 + ((code - 0x10000) >> 10));
                code = 0xdc00 + ((code - 0x10000) & 0x3ff);
            }
            add_unicode_escape(b, code);
        }
    }
    buf_add_char(b, '"');
}
