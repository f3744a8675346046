/* issued_feed.c - see issued_feed.h. */
#include "broker/issued/issued_feed.h"

#include "broker/issued/issued_apply.h"

#define KEEP_BYTES (512U << 10)

struct line_header {
    uint64_t seq;
    size_t len;
};

void feed_init(struct feed *f)
{
    *f = (struct feed){.num_lines = 0};
    buf_init(&f->lines, ISSUED_FEED_MAX);
}

void feed_free(struct feed *f)
{
    buf_free(&f->lines);
}

void feed_reset(struct feed *f)
{
    if (f->lines.room > KEEP_BYTES) {
        buf_free(&f->lines);
    }
    buf_reset(&f->lines);
    f->num_lines = 0;
    f->run_first = 0;
    f->run_next = 0;
    f->is_broken = false;
}

/* break_off - keep what there is and take no more. */
static void break_off(struct feed *f)
{
    f->is_broken = true;
    if (!buf_ok(&f->lines)) {
        /* A failed buffer is empty: then the whole run is left for the files. */
        buf_reset(&f->lines);
        f->num_lines = 0;
        f->run_next = f->run_first;
    }
}

void feed_add(struct feed *f, uint64_t seq, struct slice line)
{
    if (f->is_broken) {
        return;
    }
    if (f->run_first == f->run_next) {
        f->run_first = seq;
        f->run_next = seq;
    }
    if (seq < f->run_next) {
        return; /* fed before */
    }
    const struct line_header header = {seq, line.len};
    const bool concerns = issued_concerns(line);
    if (seq > f->run_next ||
        (concerns && sizeof(header) + line.len > f->lines.cap - f->lines.len)) {
        break_off(f);
        return;
    }
    if (concerns) {
        buf_add(&f->lines, &header, sizeof(header));
        buf_add_slice(&f->lines, line);
        f->num_lines++;
    }
    if (!buf_ok(&f->lines)) {
        break_off(f);
        return;
    }
    f->run_next = seq + 1;
    issued_line_crc(line, f->run_crc);
}

bool feed_next(struct slice *rest, uint64_t *ret_seq, struct slice *ret_line)
{
    struct line_header header;
    if (rest->len < sizeof(header)) {
        return false;
    }
    memcpy(&header, rest->ptr, sizeof(header));
    *ret_seq = header.seq;
    *ret_line = (struct slice){rest->ptr + sizeof(header), header.len};
    const size_t step = sizeof(header) + header.len;
    *rest = (struct slice){rest->ptr + step, rest->len - step};
    return true;
}
