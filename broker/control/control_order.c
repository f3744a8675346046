/* control_order.c - see control_order.h: one table of members, walked by reading and writing alike. */
#include "broker/control/control_order.h"

#include "broker/base/clock.h"
#include "broker/request/parse.h"
#include "broker/request/parse_body.h"

#include <stdio.h>

enum member_kind {
    MEMBER_HEX,
    MEMBER_SHA256,
    MEMBER_WORD,
    MEMBER_NUMBER,
    MEMBER_TIME,
    MEMBER_ASCII, /* printable: what programs put together */
    MEMBER_TEXT,  /* what people write */
};

#define MEMBER(member, kind)                                                                       \
    {                                                                                              \
#member, offsetof(struct control_order, member),                                           \
            sizeof(((struct control_order *)0)->member), kind                                      \
    }

static const struct order_member {
    const char *name;
    size_t at, size;
    enum member_kind kind;
} members[] = {
    MEMBER(serial, MEMBER_HEX),          MEMBER(aki, MEMBER_HEX),
    MEMBER(why_word, MEMBER_WORD),       MEMBER(note, MEMBER_TEXT),
    MEMBER(type, MEMBER_WORD),           MEMBER(ref, MEMBER_NUMBER),
    MEMBER(cert_ref, MEMBER_NUMBER),     MEMBER(req, MEMBER_HEX),
    MEMBER(who, MEMBER_ASCII),           MEMBER(cert_sha256, MEMBER_SHA256),
    MEMBER(not_before, MEMBER_TIME),     MEMBER(not_after, MEMBER_TIME),
    MEMBER(source, MEMBER_ASCII),        MEMBER(source_sha256, MEMBER_SHA256),
    MEMBER(since, MEMBER_TIME),          MEMBER(until, MEMBER_TIME),
    MEMBER(detail, MEMBER_ASCII),        MEMBER(counts, MEMBER_ASCII),
    MEMBER(last_segment, MEMBER_NUMBER), MEMBER(tree_size, MEMBER_NUMBER),
    MEMBER(root, MEMBER_SHA256),         MEMBER(keep_s, MEMBER_NUMBER),
    MEMBER(archive, MEMBER_ASCII),
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static bool is_hex(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_digit(text.ptr[i]) && (text.ptr[i] < 'a' || text.ptr[i] > 'f')) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_word(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_alnum(text.ptr[i]) && text.ptr[i] != '_' && text.ptr[i] != '.') {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_print(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0;
}

static bool fits(enum member_kind kind, struct slice text)
{
    struct cb_err unheard;
    uint64_t number = 0;
    int64_t us = 0;
    switch (kind) {
    case MEMBER_HEX:
        return is_hex(text);
    case MEMBER_SHA256:
        return is_hex(text) && text.len == SHA256_HEX_LEN;
    case MEMBER_WORD:
        return is_word(text);
    case MEMBER_NUMBER:
        return slice_to_u64(text, &number) && number < (UINT64_C(1) << 53);
    case MEMBER_TIME:
        return time_parse(text, &us);
    case MEMBER_ASCII:
        return is_printable(text);
    case MEMBER_TEXT:
        return text.len > 0 && text_check(text, 1024, 1024, "", &unheard) == CB_OK;
    }
    return false;
}

enum cb_code control_order_set(struct control_order *order, const char *name, const char *text,
                               struct cb_err *err)
{
    static const char *const wanted[] = {[MEMBER_HEX] = "lower-case hex",
                                         [MEMBER_SHA256] = "64 digits of lower-case hex",
                                         [MEMBER_WORD] = "a word",
                                         [MEMBER_NUMBER] = "a number, as a string",
                                         [MEMBER_TIME] = "a UTC time of RFC 3339",
                                         [MEMBER_ASCII] = "printable ASCII",
                                         [MEMBER_TEXT] = "text without control characters"};
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct order_member *m = &members[i];
        const struct slice value = slice_of(text);
        if (strcmp(name, m->name) != 0) {
            continue;
        }
        if (value.len >= m->size) {
            return cb_fail(err, CB_EINPUT, "%s: at most %zu bytes", m->name, m->size - 1);
        }
        if (!fits(m->kind, value)) {
            return cb_fail(err, CB_EINPUT, "%s: must be %s", m->name, wanted[m->kind]);
        }
        memcpy((char *)order + m->at, value.ptr, value.len + 1);
        return CB_OK;
    }
    return cb_fail(err, CB_EINPUT, "a member that \"revoke\" and \"record\" do not have");
}

static bool is_key(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] < 'a' || text.ptr[i] > 'z') && text.ptr[i] != '_') {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_double(const struct audit_kv *counts, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        if (slice_eq(counts[i].key, counts[num].key)) {
            return true;
        }
    }
    return false;
}

/* read_counts - "ok 1041, bypass 2" to pairs, each key once. */
static bool read_counts(struct slice text, struct audit_kv counts[ORDER_COUNTS_MAX], size_t *ret)
{
    size_t num = 0;
    uint64_t number = 0;
    while (text.len > 0) {
        const size_t end = slice_find(text, ',');
        const struct slice item = slice_trim((struct slice){text.ptr, end});
        const size_t space = slice_find(item, ' ');
        if (num == ORDER_COUNTS_MAX || space == item.len) {
            return false;
        }
        counts[num] = (struct audit_kv){{item.ptr, space}, slice_trim(slice_from(item, space))};
        if (!is_key(counts[num].key) || !slice_to_u64(counts[num].value, &number) ||
            is_double(counts, num)) {
            return false;
        }
        num++;
        text = slice_from(text, end < text.len ? end + 1 : end);
    }
    *ret = num;
    return true;
}

/* ---- is it whole? ---- */

#define NEEDS(member)                                                                              \
    {                                                                                              \
#member, offsetof(struct control_order, member)                                            \
    }

/* What a record of this type must have. */
static const struct needs {
    enum audit_type type;
    struct {
        const char *name;
        size_t at;
    } members[6];
} needs[] = {
    {AUDIT_RECONCILE_RUN, {NEEDS(source), NEEDS(source_sha256), NEEDS(counts)}},
    {AUDIT_RECONCILE_ORPHAN, {NEEDS(why_word), NEEDS(serial)}},
    {AUDIT_RECONCILE_BYPASS, {NEEDS(why_word), NEEDS(serial)}},
    {AUDIT_RECONCILE_MISSING, {NEEDS(why_word), NEEDS(serial)}},
    {AUDIT_RECONCILE_RESOLVED, {NEEDS(why_word)}},
    {AUDIT_SEGMENT_PRUNE,
     {NEEDS(last_segment), NEEDS(tree_size), NEEDS(root), NEEDS(keep_s), NEEDS(note)}},
};

static enum cb_code check_needs(const struct control_order *order, const struct needs *n,
                                struct cb_err *err)
{
    for (size_t i = 0; i < 6 && n->members[i].name != NULL; i++) {
        if (((const char *)order)[n->members[i].at] == '\0') {
            return cb_fail(err, CB_EINPUT, "%s: is missing: a record of %s has it",
                           n->members[i].name, order->type);
        }
    }
    if (n->type == AUDIT_RECONCILE_RESOLVED && order->serial[0] == '\0' && order->ref[0] == '\0') {
        return cb_fail(err, CB_EINPUT, "serial, ref: both are missing: what is resolved?");
    }
    if (order->archive[0] != '\0' && order->archive[0] != '/') {
        return cb_fail(err, CB_EINPUT, "archive: must be an absolute path");
    }
    return CB_OK;
}

static enum cb_code check_record(const struct control_order *order, struct cb_err *err)
{
    enum audit_type type = AUDIT_SEGMENT_OPEN;
    struct audit_kv counts[ORDER_COUNTS_MAX];
    size_t num = 0;
    const bool is_type = audit_type_parse(slice_of(order->type), &type);
    for (size_t i = 0; is_type && i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (needs[i].type != type) {
            continue;
        }
        TRY(check_needs(order, &needs[i], err));
        return read_counts(slice_of(order->counts), counts, &num)
                   ? CB_OK
                   : cb_fail(err, CB_EINPUT,
                             "counts: must be like \"ok 1041, bypass 2\", each word once, at most "
                             "%u",
                             ORDER_COUNTS_MAX);
    }
    return cb_fail(err, CB_EINPUT,
                   "type: must be one of the record types reconcile.*, or segment.prune");
}

enum cb_code control_order_check(const struct control_order *order, bool is_revoke,
                                 struct cb_err *err)
{
    enum revoke_reason reason = REVOKE_UNSPECIFIED;
    if (!is_revoke) {
        return check_record(order, err);
    }
    if (order->serial[0] == '\0') {
        return cb_fail(err, CB_EINPUT, "serial: is missing: which certificate?");
    }
    if (order->why_word[0] != '\0' && !revoke_reason_parse(slice_of(order->why_word), &reason)) {
        return cb_fail(err, CB_EINPUT,
                       "why_word: must be a reason as RFC 5280 spells it, e.g. "
                       "superseded");
    }
    return CB_OK;
}

void control_order_write(const struct control_order *order, struct buf *out)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const char *text = (const char *)order + members[i].at;
        if (text[0] != '\0') {
            buf_printf(out, ",\"%s\":", members[i].name);
            buf_add_json_str(out, slice_of(text));
        }
    }
}

/* ---- as a record ---- */

static struct slice given(const char *text)
{
    return text[0] == '\0' ? (struct slice){NULL, 0} : slice_of(text);
}

static uint64_t number_of(const char *text)
{
    uint64_t value = UINT64_MAX;
    return slice_to_u64(slice_of(text), &value) ? value : UINT64_MAX;
}

void control_order_event(const struct control_order *order,
                         struct audit_kv counts[ORDER_COUNTS_MAX], struct audit_event *ret)
{
    enum audit_type type = AUDIT_RECONCILE_RUN;
    (void)audit_type_parse(slice_of(order->type), &type);
    audit_event_zero(ret, type);
    ret->ref = number_of(order->ref);
    ret->cert_ref = number_of(order->cert_ref);
    ret->req = given(order->req);
    ret->cert_owner = given(order->who);
    ret->serial = given(order->serial);
    ret->aki = given(order->aki);
    ret->reason = given(order->why_word);
    ret->detail = given(order->detail);
    ret->cert_sha256 = given(order->cert_sha256);
    ret->not_before = given(order->not_before);
    ret->not_after = given(order->not_after);
    ret->first_ts = given(order->since);
    ret->last_ts = given(order->until);
    ret->note = given(order->note);
    ret->source = given(order->source);
    ret->source_sha256 = given(order->source_sha256);
    ret->num_counts = 0; /* unless they were checked */
    (void)read_counts(slice_of(order->counts), counts, &ret->num_counts);
    ret->counts = counts;
}
