/* buf.h - a growing byte buffer with a cap it cannot pass.
 *
 * Once an append fails the buffer stays failed and empty, so that half of something can never be
 * used as if it were whole: append freely, ask buf_ok() once at the end. A secret buffer wipes
 * every block it gives back, also when it grows. The zero struct is a valid buffer with cap 0. */
#ifndef CB_BASE_BUF_H
#define CB_BASE_BUF_H

#include "broker/base/bytes.h"

struct buf {
    char *data; /* owned; NUL-terminated after every append, the NUL is not counted */
    size_t len;
    size_t room;
    size_t cap; /* most bytes that may ever be held */
    bool secret;
    bool failed;
};

void buf_init(struct buf *b, size_t cap);
void buf_init_secret(struct buf *b, size_t cap);
void buf_free(struct buf *b);  /* also wipes if secret; the buffer is usable again, empty */
void buf_reset(struct buf *b); /* empty, not failed, keeps the memory (wiped if secret) */

void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_str(struct buf *b, const char *str);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t value);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* buf_add_json_str - a quoted JSON string in pure printable ASCII: everything else becomes \uXXXX
 * (surrogate pairs above the BMP). Bytes that are not valid UTF-8 become \ufffd each. */
void buf_add_json_str(struct buf *b, struct slice s);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}
static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->data == NULL ? "" : b->data, b->len};
}

#endif
