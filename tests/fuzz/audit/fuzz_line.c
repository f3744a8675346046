/* fuzz_line.c - a line from anywhere: checked and parsed without a fault, and what was accepted is
 * written back as an event that is accepted again and reads the same. */
#include "audit/line.h"
#include "audit/read/reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(const struct audit_record *record)
{
    struct buf body;
    struct buf line;
    struct arena arena;
    struct audit_record again;
    struct cb_err err;
    buf_init(&body, AUDIT_LINE_MAX);
    buf_init(&line, AUDIT_LINE_MAX);
    arena_init(&arena, 1U << 20);
    if (audit_event_encode(&record->event, &body)) {
        line_frame(&line, record->seq, record->batch_floor, record->ts_us, buf_slice(&body));
        CB_CHECK(buf_ok(&line));
        CB_CHECK(audit_line_parse((struct slice){line.data, line.len - 1}, &arena, &again, &err) ==
                 CB_OK);
        CB_CHECK(again.event.type == record->event.type && again.event.ref == record->event.ref);
        CB_CHECK(again.event.want.num_dns == record->event.want.num_dns);
        CB_CHECK(slice_eq(again.event.want.cn, record->event.want.cn));
    }
    arena_free(&arena);
    buf_free(&line);
    buf_free(&body);
}

/* decode_too - the other reader, which makes less sure of a line first, sees the same in it. */
static void decode_too(struct slice body, const struct audit_record *record)
{
    const struct audit_line line = {record->seq, record->ts_us, record->event.type, body};
    struct audit_event e;
    struct slice trunc;
    struct arena arena;
    struct cb_err err;
    arena_init(&arena, 1U << 20);
    CB_CHECK(audit_line_decode(&line, &arena, &e, &trunc, &err) == CB_OK);
    CB_CHECK(e.ref == record->event.ref && slice_eq(e.want.cn, record->event.want.cn));
    CB_CHECK(slice_eq(e.who_id, record->event.who_id) &&
             e.want.num_dns == record->event.want.num_dns);
    for (size_t i = 0; i < e.want.num_dns; i++) {
        CB_CHECK(slice_eq(e.want.dns[i], record->event.want.dns[i]));
    }
    arena_free(&arena);
}

/* Two ways in: the input as a whole line, which hardly ever has the right checksum, and as a body
 * that is given a frame. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = {(const char *)data, size};
    struct line_info info;
    struct audit_record record;
    struct arena arena;
    struct buf line;
    struct cb_err err;
    (void)!line_check(input, &info, &err);
    (void)line_proves_later(input, 5);
    buf_init(&line, 1U << 20);
    arena_init(&arena, 1U << 20);
    line_frame(&line, 9, 8, INT64_C(1784737382123456), input);
    if (buf_ok(&line)) {
        const struct slice framed = {line.data, line.len - 1};
        const enum cb_code body = line_check_body(input, &info, &err);
        const enum cb_code whole = line_check(framed, &info, &err);
        bool other_version = false;
        char what[LINE_WHAT_MAX];
        CB_CHECK(body != CB_OK || whole == CB_OK);
        /* No line is both understood and newer. */
        CB_CHECK(!line_is_newer(framed, &info, &other_version, what) || whole == CB_EINPUT);
        if (audit_line_parse(framed, &arena, &record, &err) == CB_OK) {
            CB_CHECK(whole == CB_OK);
            rewrite(&record);
            decode_too(input, &record);
        }
    }
    arena_free(&arena);
    buf_free(&line);
    return 0;
}
