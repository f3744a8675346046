/* line.c - writes and checks the frame of a record. Allocation-free checking, because recovery and
 * verification run it over everything. Does not decode the event: that is reader.c. */
#include "audit/line.h"

#include "audit/crc32c.h"
#include "audit/read/reader.h"

#include <stdio.h>

#define CRC_KEY SLICE(",\"crc\":\"")
#define CRC_TAIL_LEN (8U + CRC32C_HEX_LEN + 2U) /* ,"crc":"1a2b3c4d"} */
#define LINE_VERSION 1
#define TYPE_WORD_MAX 40U

void line_frame(struct buf *out, uint64_t seq, uint64_t batch_floor, int64_t ts_us,
                struct slice body)
{
    const size_t start = out->len;
    char ts[TIME_TEXT_LEN + 1];
    time_format_us(ts_us, ts);
    buf_add_slice(out, SLICE("{\"v\":1,\"seq\":"));
    buf_add_u64(out, seq);
    buf_add_slice(out, SLICE(",\"d\":"));
    buf_add_u64(out, batch_floor);
    buf_add_slice(out, SLICE(",\"ts\":\""));
    buf_add(out, ts, TIME_TEXT_LEN);
    buf_add_slice(out, SLICE("\","));
    buf_add_slice(out, body);
    if (!buf_ok(out)) {
        return;
    }
    char hex[CRC32C_HEX_LEN];
    crc32c_hex(crc32c((struct slice){out->data + start, out->len - start}), hex);
    buf_add_slice(out, CRC_KEY);
    buf_add(out, hex, sizeof(hex));
    buf_add_slice(out, SLICE("\"}\n"));
}

static bool crc_right(struct slice line)
{
    if (line.len <= CRC_TAIL_LEN) {
        return false;
    }
    const size_t covered = line.len - CRC_TAIL_LEN;
    struct scan tail = {line.ptr + covered, line.ptr + line.len};
    char hex[CRC32C_HEX_LEN];
    crc32c_hex(crc32c((struct slice){line.ptr, covered}), hex);
    return scan_literal(&tail, CRC_KEY) && scan_literal(&tail, (struct slice){hex, sizeof(hex)}) &&
           scan_literal(&tail, SLICE("\"}"));
}

/* is_frame_key - keys that the frame owns and a body must not repeat. */
static bool is_frame_key(struct slice key)
{
    static const struct slice keys[] = {{"v", 1},  {"seq", 3},  {"d", 1},
                                        {"ts", 2}, {"type", 4}, {"crc", 3}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (slice_eq(key, keys[i])) {
            return true;
        }
    }
    return false;
}

/* take_member - one member of the body; ref and req are kept, everything else skipped. */
static bool take_member(struct scan *s, struct line_info *info)
{
    struct slice key;
    if (!scan_key(s, &key) || is_frame_key(key)) {
        return false;
    }
    if (slice_eq(key, SLICE("ref"))) {
        return info->ref == UINT64_MAX && scan_u64(s, &info->ref);
    }
    if (slice_eq(key, SLICE("req"))) {
        return info->req.ptr == NULL && scan_string(s, &info->req);
    }
    return scan_value(s);
}

/* take_type - the first member of a body; s then stands behind it. */
static enum cb_code take_type(struct scan *s, struct line_info *info, struct cb_err *err)
{
    struct slice word;
    info->ref = UINT64_MAX;
    info->req = (struct slice){0};
    info->body = (struct slice){s->at, (size_t)(s->end - s->at)};
    if (!scan_literal(s, SLICE("\"type\":")) || !scan_string(s, &word)) {
        return cb_fail(err, CB_EINPUT, "a record must begin with its type");
    }
    if (!audit_type_parse(word, &info->type)) {
        return cb_fail(err, CB_EINPUT, "unknown record type \"%.*s\"",
                       (int)(word.len < 40 ? word.len : 40), word.ptr);
    }
    return CB_OK;
}

static enum cb_code take_members(struct scan *s, struct line_info *info, struct cb_err *err)
{
    while (s->at < s->end) {
        const char *member = s->at;
        if (!scan_byte(s, ',') || !take_member(s, info)) {
            return cb_fail(err, CB_EINPUT, "malformed member at byte %zu of a record",
                           (size_t)(member - info->body.ptr));
        }
    }
    return CB_OK;
}

enum cb_code line_check_body(struct slice body, struct line_info *ret, struct cb_err *err)
{
    struct scan s = scan_over(body);
    struct line_info info = {0};
    if (body.len > LINE_BODY_MAX) {
        return cb_fail(err, CB_EINPUT, "a record of %zu bytes is too long", body.len);
    }
    TRY(take_type(&s, &info, err));
    TRY(take_members(&s, &info, err));
    *ret = info;
    return CB_OK;
}

static bool take_head(struct scan *s, struct line_info *info)
{
    struct slice ts;
    return scan_literal(s, SLICE(",\"seq\":")) && scan_u64(s, &info->seq) &&
           scan_literal(s, SLICE(",\"d\":")) && scan_u64(s, &info->floor) &&
           scan_literal(s, SLICE(",\"ts\":")) && scan_string(s, &ts) && ts.len == TIME_TEXT_LEN &&
           time_parse(ts, &info->ts_us) && scan_byte(s, ',') && info->floor <= info->seq;
}

/* take_frame - everything up to and with the type; *s then stands behind that. */
static enum cb_code take_frame(struct slice line, struct scan *s, struct line_info *info,
                               struct cb_err *err)
{
    if (line.len >= AUDIT_LINE_MAX || !crc_right(line)) {
        return cb_fail(err, CB_ECORRUPT, "the line's checksum is wrong");
    }
    s->end -= CRC_TAIL_LEN;
    uint64_t version = 0;
    if (!scan_literal(s, SLICE("{\"v\":")) || !scan_u64(s, &version)) {
        return cb_fail(err, CB_EINPUT, "a line must begin with its version");
    }
    if (version != LINE_VERSION) {
        return cb_fail(err, CB_EINPUT, "record version %llu is not known here",
                       (unsigned long long)version);
    }
    if (!take_head(s, info)) {
        return cb_fail(err, CB_EINPUT, "malformed seq, d or ts");
    }
    return take_type(s, info, err);
}

enum cb_code line_check_frame(struct slice line, struct line_info *ret, struct cb_err *err)
{
    struct scan s = scan_over(line);
    struct line_info info = {0};
    TRY(take_frame(line, &s, &info, err));
    *ret = info;
    return CB_OK;
}

enum cb_code line_check(struct slice line, struct line_info *ret, struct cb_err *err)
{
    struct scan s = scan_over(line);
    struct line_info info = {0};
    TRY(take_frame(line, &s, &info, err));
    TRY(take_members(&s, &info, err));
    *ret = info;
    return CB_OK;
}

/* is_type_word - might it be the name of a type? */
static bool is_type_word(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        const char c = word.ptr[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_') {
            return false;
        }
    }
    return word.len > 0 && word.len <= TYPE_WORD_MAX;
}

/* take_unknown - behind the version: a record that is well-formed but for a type that is not known. */
static bool take_unknown(struct scan *s, struct line_info *info, struct slice *ret_word)
{
    struct cb_err ignored;
    enum audit_type known = AUDIT_SEGMENT_OPEN;
    if (!take_head(s, info)) {
        return false;
    }
    info->ref = UINT64_MAX;
    info->body = (struct slice){s->at, (size_t)(s->end - s->at)};
    return scan_literal(s, SLICE("\"type\":")) && scan_string(s, ret_word) &&
           is_type_word(*ret_word) && !audit_type_parse(*ret_word, &known) &&
           take_members(s, info, &ignored) == CB_OK;
}

bool line_is_newer(struct slice line, struct line_info *ret, bool *ret_other_version,
                   char what[LINE_WHAT_MAX])
{
    struct scan s = scan_over(line);
    struct line_info info = {0};
    struct slice word;
    uint64_t version = 0;
    if (line.len >= AUDIT_LINE_MAX || !crc_right(line) || !scan_literal(&s, SLICE("{\"v\":")) ||
        !scan_u64(&s, &version) || version < LINE_VERSION) {
        return false;
    }
    *ret_other_version = version > LINE_VERSION;
    if (*ret_other_version) {
        info.body = line;
        (void)snprintf(what, LINE_WHAT_MAX, "is of record version %llu",
                       (unsigned long long)version);
        *ret = info;
        return true;
    }
    s.end -= CRC_TAIL_LEN;
    if (!take_unknown(&s, &info, &word)) {
        return false;
    }
    (void)snprintf(what, LINE_WHAT_MAX, "is of type \"%.*s\"", (int)word.len, word.ptr);
    *ret = info;
    return true;
}

bool line_proves_later(struct slice bytes, uint64_t seq)
{
    const struct slice begin = SLICE("{\"v\":");
    while (bytes.len > 0) {
        struct line_info info = {0};
        struct cb_err err;
        const char *at = memmem(bytes.ptr, bytes.len, begin.ptr, begin.len);
        if (at == NULL) {
            return false;
        }
        bytes.len -= (size_t)(at - bytes.ptr);
        bytes.ptr = at;
        const enum cb_code code = line_check(bytes, &info, &err);
        if (code == CB_EINPUT || (code == CB_OK && info.floor > seq)) {
            return true;
        }
        bytes.ptr++;
        bytes.len--;
    }
    return false;
}

enum cb_code audit_line_check(struct slice line, uint64_t *ret_seq, uint64_t *ret_floor,
                              enum audit_type *ret_type, struct cb_err *err)
{
    struct line_info info = {0};
    TRY(line_check(line, &info, err));
    *ret_seq = info.seq;
    *ret_floor = info.floor;
    *ret_type = info.type;
    return CB_OK;
}
