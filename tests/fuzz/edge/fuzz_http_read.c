/* fuzz_http_read.c - the head reader on arbitrary bytes. Beyond not crashing: the way in which the
 * bytes were cut never changes the result, and a head that is taken holds what it promises. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "broker/edge/http_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_HEAD 700
#define MAX_BODY 100000

static void must(bool cond)
{
    if (!cond) {
        abort();
    }
}

static size_t feed(struct http_reader *r, const char *bytes, size_t len, size_t step)
{
    size_t used = 0;
    for (size_t at = 0; at < len && r->status == HTTP_READ_MORE; at += step) {
        const size_t n = step < len - at ? step : len - at;
        const size_t taken = http_reader_feed(r, bytes + at, n);
        must(taken <= n);
        used += taken;
    }
    return used;
}

static void check_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        must(s.ptr[i] == '\t' || ascii_is_print(s.ptr[i]));
    }
}

static void check_complete(const struct http_reader *r)
{
    const struct http_head *h = &r->head;
    must(h->path.len > 0 && h->path.ptr[0] == '/');
    must(!slice_has_byte(h->path, ' '));
    must(r->content_length <= MAX_BODY);
    must(h->method != HTTP_GET || r->content_length == 0);
    must(r->is_http10 || h->host.len > 0);
    must(!r->is_http10 || !h->keep_alive);
    const struct slice all[] = {h->method_text,     h->path,         h->host,
                                h->authorization,   h->content_type, h->request_id,
                                h->idempotency_key, h->traceparent};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        check_text(all[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct http_reader whole;
    struct http_reader pieces;
    http_reader_init(&whole, MAX_HEAD, MAX_BODY);
    http_reader_init(&pieces, MAX_HEAD, MAX_BODY);
    const size_t used = feed(&whole, bytes, size, size == 0 ? 1 : size);
    const size_t step = size == 0 ? 1 : 1 + data[size - 1] % 16;
    const size_t used_too = feed(&pieces, bytes, size, step);
    must(whole.status == pieces.status && whole.refusal == pieces.refusal);
    must((whole.status == HTTP_READ_REFUSED) == (whole.refusal != HTTP_REFUSAL_NONE));
    if (whole.status == HTTP_READ_COMPLETE) {
        must(used == used_too);
        check_complete(&whole);
        must(slice_eq(whole.head.path, pieces.head.path));
        must(whole.content_length == pieces.content_length);
    }
    http_reader_free(&whole);
    http_reader_free(&pieces);
    return 0;
}
