/* show_reason.c - see show.h: the log's stable words for what went wrong, as sentences. */
#include "broker/request/reason.h"
#include "broker/review/show.h"

/* How a caller was not recognised. All of them get the same answer; only the log says which it was. */
static const char *const strangers[][2] = {
    {"no_credential", "it showed neither a client certificate nor a token"},
    {"unknown_credential", "no client of the policy has this credential"},
    {"ambiguous_credentials", "its credentials belong to more than one client"},
    {"expired_credential", "the credential is a known client's, and has expired"},
    {"malformed_credential", "the credential is not of a form that can be right"},
    {"client_certificate", "its client certificate was not accepted, so there was no connection"},
};

static const char *sentence_of(struct slice word)
{
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        if (slice_eq_str(word, strangers[i][0])) {
            return strangers[i][1];
        }
    }
    for (unsigned i = 0; i < REASON_ID_COUNT; i++) {
        const struct reason *reason = reason_of((enum reason_id)i);
        if (slice_eq_str(word, reason->word)) {
            return reason->sentence;
        }
    }
    return NULL;
}

void show_reason(struct sheet *s, const struct review_row *row)
{
    const struct slice reason = row_last(row)->event.reason;
    const struct slice detail = row_last(row)->event.detail;
    const char *of_detail = sentence_of(detail);
    const char *of_reason = sentence_of(reason);
    sheet_begin(s, "reason");
    sheet_add(s, reason);
    if (of_detail != NULL) {
        sheet_say(s, ", ");
        sheet_add(s, detail);
    }
    sheet_end(s);
    sheet_begin(s, "");
    if (of_detail != NULL) {
        sheet_say(s, "%s", of_detail);
    } else if (detail.len > 0) {
        sheet_add(s, detail);
    } else if (of_reason != NULL) {
        sheet_say(s, "%s", of_reason);
    }
    sheet_end(s);
}
