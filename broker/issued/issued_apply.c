/* issued_apply.c - see issued_apply.h: the one place that says what a record does to the index. */
#include "broker/issued/issued_apply.h"

#include "audit/read/reader.h"
#include "broker/base/clock.h"

#define HEAD_BYTES 128U /* type comes after v, seq, d and ts, whose lengths are bounded */
#define ARENA_CAP (256U << 10)
#define NAMES_PACKED_MAX (64U << 10)
#define SERIAL_HEX_MAX 40U
#define SERIAL_DEC_MAX 49U
#define AKI_HEX_MAX 64U
#define SUPERSEDED SLICE("superseded")

static bool contains(struct slice text, struct slice part)
{
    return memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

bool issued_concerns(struct slice line)
{
    static const struct slice key = {"\"type\":\"", 8};
    const size_t head = line.len < HEAD_BYTES ? line.len : HEAD_BYTES;
    const char *at = memmem(line.ptr, head, key.ptr, key.len);
    if (at == NULL) {
        return true; /* not the form we know: let the parser judge it */
    }
    const char *word = at + key.len;
    const struct slice rest = {word, line.len - (size_t)(word - line.ptr)};
    if (slice_has_prefix(rest, SLICE("issue.fail\""))) {
        return contains(rest, SLICE("\"serial\":"));
    }
    return slice_has_prefix(rest, SLICE("issue.ok\"")) ||
           slice_has_prefix(rest, SLICE("issue.undelivered\"")) ||
           slice_has_prefix(rest, SLICE("revoke.ok\""));
}

void issued_line_crc(struct slice line, char out[MARK_CRC_LEN])
{
    /* ...,"crc":"1a2b3c4d"} */
    if (line.len < MARK_CRC_LEN + 2) {
        memset(out, 0, MARK_CRC_LEN);
        return;
    }
    memcpy(out, line.ptr + line.len - MARK_CRC_LEN - 2, MARK_CRC_LEN);
}

static bool pack_granted(const struct audit_names *names, struct buf *out)
{
    return issued_names_pack(out, names->dns, names->num_dns) &&
           issued_names_pack(out, names->ip, names->num_ip) &&
           issued_names_pack(out, names->uri, names->num_uri) &&
           issued_names_pack(out, names->email, names->num_email);
}

static struct issued_row row_of(const struct audit_record *record, enum cert_state state)
{
    const struct audit_event *e = &record->event;
    int64_t not_after_us = 0;
    if (e->not_after.ptr == NULL || !time_parse(e->not_after, &not_after_us)) {
        not_after_us = 0;
    }
    return (struct issued_row){
        .serial = e->serial,
        .serial_dec = e->serial_dec,
        .aki = e->aki,
        .ref = record->seq,
        .state = state,
        .revoke_reason = e->revoke_reason,
        .not_after_s = not_after_us / 1000000,
        .common_name = e->granted.cn,
    };
}

/* owner_of - for whom the certificate of this record is: who asked, or the party it asked for. */
static struct slice owner_of(const struct audit_event *e)
{
    return e->on_behalf_of.ptr == NULL ? e->who_id : e->on_behalf_of;
}

/* add - a certificate that was made by the request of this record. */
static enum cb_code add(struct issued_db *db, const struct audit_record *record,
                        enum cert_state state, struct cb_err *err)
{
    struct issued_row row = row_of(record, state);
    row.owner = owner_of(&record->event);
    row.rule = record->event.rule;
    if (record->event.on_behalf_of.ptr != NULL) {
        row.delegate = record->event.who_id;
        row.delegate_rule = record->event.delegate_rule;
    }
    /* A request that failed frees its key. */
    row.idem = state == CERT_STATE_ACTIVE ? record->event.idem : (struct slice){NULL, 0};
    row.ask_sha256 = record->event.ask_sha256;
    if (state == CERT_STATE_DOOMED && row.revoke_reason.ptr == NULL) {
        row.revoke_reason = SUPERSEDED;
    }
    struct buf names;
    buf_init(&names, NAMES_PACKED_MAX);
    enum cb_code code = CB_ENOMEM;
    if (pack_granted(&record->event.granted, &names)) {
        row.names = buf_slice(&names);
        code = issued_db_add(db, &row, err);
    } else {
        (void)cb_fail(err, code, "index of certificates: no memory for the names");
    }
    buf_free(&names);
    return code;
}

static bool is_serial(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_digit(s.ptr[i]) && (s.ptr[i] < 'a' || s.ptr[i] > 'f')) {
            return false;
        }
    }
    return s.len > 0 && s.len <= SERIAL_HEX_MAX;
}

/* add_issued - and what it takes the place of must go: that is known from here on, also after a
 * crash. */
static enum cb_code add_issued(struct issued_db *db, const struct audit_record *record,
                               struct cb_err *err)
{
    const struct audit_event *e = &record->event;
    TRY(add(db, record, CERT_STATE_ACTIVE, err));
    return is_serial(e->supersedes)
               ? issued_db_doom(db, e->supersedes, owner_of(e), SUPERSEDED, err)
               : CB_OK;
}

static enum cb_code doom(struct issued_db *db, const struct audit_event *e, struct cb_err *err)
{
    const struct slice reason = e->revoke_reason.ptr == NULL ? SUPERSEDED : e->revoke_reason;
    return issued_db_doom(db, e->serial, owner_of(e), reason, err);
}

static bool names_a_certificate(const struct audit_event *e)
{
    return is_serial(e->serial) && e->serial_dec.len <= SERIAL_DEC_MAX && e->aki.len <= AKI_HEX_MAX;
}

static enum cb_code apply_record(struct issued_db *db, const struct audit_record *record,
                                 uint64_t *incomplete, struct cb_err *err)
{
    const struct audit_event *e = &record->event;
    const bool is_good = names_a_certificate(e);
    if (!is_good) {
        /* Failures need not name one. */
        *incomplete += e->type == AUDIT_ISSUE_OK || e->type == AUDIT_ISSUE_UNDELIVERED ||
                       e->type == AUDIT_REVOKE_OK;
        return CB_OK;
    }
    if (e->type == AUDIT_ISSUE_UNDELIVERED) {
        return doom(db, e, err);
    }
    if (e->type == AUDIT_ISSUE_OK) {
        return add_issued(db, record, err);
    }
    if (e->type == AUDIT_ISSUE_FAIL) {
        return add(db, record, CERT_STATE_DOOMED, err);
    }
    if (e->type == AUDIT_REVOKE_OK) {
        const struct issued_row row = row_of(record, CERT_STATE_REVOKED);
        return issued_db_revoke(db, &row, err);
    }
    return CB_OK;
}

enum cb_code issued_apply(struct issued_db *db, struct slice line, uint64_t *incomplete,
                          struct cb_err *err)
{
    if (!issued_concerns(line)) {
        return CB_OK;
    }
    struct arena arena;
    arena_init(&arena, ARENA_CAP);
    struct audit_record record;
    enum cb_code code = audit_line_parse(line, &arena, &record, err);
    if (code == CB_ECORRUPT) {
        code = CB_EINPUT; /* the line is bad, not the database */
        err->code = code;
    } else if (code == CB_OK) {
        code = apply_record(db, &record, incomplete, err);
    }
    arena_free(&arena);
    return code;
}
