/* row.c - see row.h. Which outcome belongs to which attempt is join.c's. */
#include "broker/review/row.h"

const char *const review_result_words[] = {
    "issued",      "denied",  "failed",          "unknown",       "open",
    "undelivered", "revoked", "already-revoked", "revoke-failed", "revoke-unknown",
    "revoke-open", "refused", "stranger",        "info",          NULL};

static const struct {
    enum audit_type type;
    enum review_result result;
} results[] = {
    {AUDIT_ISSUE_OK, RESULT_ISSUED},
    {AUDIT_ISSUE_FAIL, RESULT_FAILED},
    {AUDIT_ISSUE_UNKNOWN, RESULT_UNKNOWN},
    {AUDIT_ISSUE_ATTEMPT, RESULT_OPEN},
    {AUDIT_ISSUE_UNDELIVERED, RESULT_UNDELIVERED},
    {AUDIT_AUTHZ_DENY, RESULT_DENIED},
    {AUDIT_REVOKE_OK, RESULT_REVOKED}, /* the first of its type is the usual one */
    {AUDIT_REVOKE_OK, RESULT_ALREADY_REVOKED},
    {AUDIT_REVOKE_FAIL, RESULT_REVOKE_FAILED},
    {AUDIT_REVOKE_UNKNOWN, RESULT_REVOKE_UNKNOWN},
    {AUDIT_REVOKE_ATTEMPT, RESULT_REVOKE_OPEN},
    {AUDIT_REQUEST_REFUSED, RESULT_REFUSED},
    {AUDIT_AUTHN_FAIL, RESULT_STRANGER},
    {AUDIT_INFO_OK, RESULT_INFO},
};

static enum review_result result_of(enum audit_type type)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i].type == type) {
            return results[i].result;
        }
    }
    return RESULT_OTHER;
}

static enum cb_code decode(const struct audit_line *line, struct arena *arena,
                           struct review_row *row, struct cb_err *err)
{
    struct review_record *r = &row->records[row->num];
    struct slice trunc;
    r->line = *line;
    TRY(audit_line_decode(line, arena, &r->event, &trunc, err));
    row->num++;
    return CB_OK;
}

enum cb_code row_decode(const struct audit_line *first, const struct audit_line *second,
                        struct arena *arena, struct review_row *ret, struct cb_err *err)
{
    ret->num = 0;
    TRY(decode(first, arena, ret, err));
    if (second != NULL) {
        TRY(decode(second, arena, ret, err));
    }
    ret->result = result_of(row_last(ret)->line.type);
    if (ret->result == RESULT_REVOKED && slice_eq_str(row_last(ret)->event.effect, "none")) {
        ret->result = RESULT_ALREADY_REVOKED;
    }
    return CB_OK;
}

const char *row_result_word(const struct review_row *row)
{
    return row->result == RESULT_OTHER ? audit_type_word(row_last(row)->line.type)
                                       : review_result_words[row->result];
}

bool row_is_request(const struct review_row *row)
{
    return row->result == RESULT_ISSUED || row->result == RESULT_FAILED ||
           row->result == RESULT_UNKNOWN || row->result == RESULT_OPEN;
}

bool row_is_finding(const struct review_row *row)
{
    const enum audit_type type = row_last(row)->line.type;
    return type == AUDIT_RECONCILE_ORPHAN || type == AUDIT_RECONCILE_BYPASS ||
           type == AUDIT_RECONCILE_MISSING || type == AUDIT_RECONCILE_RESOLVED;
}

bool row_is_revocation(const struct review_row *row)
{
    return row->result == RESULT_REVOKED || row->result == RESULT_ALREADY_REVOKED ||
           row->result == RESULT_REVOKE_FAILED || row->result == RESULT_REVOKE_UNKNOWN ||
           row->result == RESULT_REVOKE_OPEN;
}

bool row_result_type(struct slice word, enum audit_type *ret)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (slice_eq_str(word, review_result_words[results[i].result])) {
            *ret = results[i].type;
            return true;
        }
    }
    return audit_type_parse(word, ret) && result_of(*ret) == RESULT_OTHER;
}

struct slice row_text_at(const struct review_row *row, size_t at)
{
    struct slice text = {NULL, 0};
    for (size_t i = row->num; i > 0 && text.ptr == NULL; i--) {
        memcpy(&text, (const char *)&row->records[i - 1].event + at, sizeof(text));
    }
    return text;
}

static bool has_names(const struct audit_names *n)
{
    return n->num_dns + n->num_ip + n->num_uri + n->num_email > 0 || n->cn.ptr != NULL;
}

const struct audit_names *row_names(const struct review_row *row)
{
    for (size_t i = row->num; i > 0; i--) {
        if (has_names(&row->records[i - 1].event.granted)) {
            return &row->records[i - 1].event.granted;
        }
    }
    return &row_first(row)->event.want;
}
