/* show_outcome.c - see show.h: what the CA did, the certificate, and what came of it later. */
#include "broker/base/clock.h"
#include "broker/review/row_table.h"
#include "broker/review/show.h"

static void text_line(struct sheet *s, const char *label, struct slice text)
{
    sheet_begin(s, label);
    sheet_add(s, text);
    sheet_end(s);
}

static void date(struct sheet *s, struct slice text)
{
    int64_t us = 0;
    if (time_parse(text, &us)) {
        sheet_time(s, us);
    } else {
        sheet_add(s, text);
    }
}

void show_certificate(struct sheet *s, const struct story *story)
{
    const struct review_row *row = story->issue;
    if (row == NULL) {
        return;
    }
    sheet_heading(s, "Certificate");
    text_line(s, "serial", row_text(row, serial));
    text_line(s, "decimal", row_text(row, serial_dec));
    text_line(s, "authority", row_text(row, aki));
    text_line(s, "SHA-256", row_text(row, cert_sha256));
    sheet_begin(s, "valid");
    date(s, row_text(row, not_before));
    sheet_say(s, " to ");
    date(s, row_text(row, not_after));
    sheet_end(s);
    text_line(s, "replaces", row_text(row, supersedes));
}

static void show_mismatch(struct sheet *s, const struct audit_event *e)
{
    sheet_begin(s, "mismatch");
    for (size_t i = 0; i < e->num_mismatch; i++) {
        sheet_say(s, i == 0 ? "" : ", ");
        sheet_coloured(s, s->c.bad, e->mismatch[i]);
    }
    sheet_end(s);
}

/* show_answer - how far the call came, and what the CA said. */
static void show_answer(struct sheet *s, const struct audit_event *e)
{
    sheet_begin(s, "CA");
    sheet_add(s, e->upstream);
    sheet_say(s, e->upstream.len > 0 ? " " : "");
    if (e->upstream_http != UINT64_MAX) {
        sheet_say(s, "answered %llu", (unsigned long long)e->upstream_http);
    } else if (e->stage.ptr != NULL) {
        sheet_say(s, "gave no answer (");
        sheet_add(s, e->stage);
        sheet_say(s, ")");
    }
    if (e->upstream_us != UINT64_MAX) {
        sheet_say(s, " after %llu.%llu ms", (unsigned long long)(e->upstream_us / 1000),
                  (unsigned long long)(e->upstream_us / 100 % 10));
    }
    if (e->upstream_code != UINT64_MAX) {
        sheet_say(s, ", code %llu", (unsigned long long)e->upstream_code);
    }
    sheet_end(s);
    text_line(s, "CA's words", e->upstream_message);
}

void show_outcome(struct sheet *s, const struct story *story)
{
    const struct review_row *row = story->main;
    const struct audit_event *e = &row_last(row)->event;
    sheet_heading(s, "Outcome");
    sheet_begin(s, "result");
    sheet_coloured(s, row_colour(row, &s->c), slice_of(row_result_word(row)));
    sheet_say(s, "  ");
    sheet_time(s, row_last(row)->line.ts_us);
    if (e->status != UINT64_MAX) {
        sheet_say(s, "  HTTP %llu", (unsigned long long)e->status);
    }
    sheet_end(s);
    if (row->result != RESULT_DENIED) {
        show_reason(s, row);
    }
    show_answer(s, e);
    if (e->effect.ptr != NULL && !slice_eq_str(e->effect, "done")) {
        sheet_begin(s, "effect");
        sheet_coloured(s, slice_eq_str(e->effect, "possible") ? s->c.bad : "", e->effect);
        sheet_say(s, slice_eq_str(e->effect, "possible") ? ": the CA may have acted all the same"
                                                         : "");
        sheet_end(s);
    }
    show_mismatch(s, e);
    if (row->result == RESULT_ISSUED) {
        sheet_begin(s, "delivered");
        if (story->undelivered != NULL) {
            sheet_coloured(s, s->c.bad, SLICE("no: the caller was gone"));
        } else {
            sheet_say(s, "handed to the caller; nothing says otherwise");
        }
        sheet_end(s);
    }
}

/* ---- later ---- */

static void show_related(struct sheet *s, const char *label, const struct review_row *row)
{
    struct buf what;
    const struct slice reason = row_text(row, reason);
    buf_init(&what, (size_t)64 << 10);
    row_what(row, &what);
    sheet_begin(s, label);
    sheet_time(s, row_last(row)->line.ts_us);
    sheet_say(s, "  ");
    sheet_coloured(s, row_colour(row, &s->c), slice_of(row_result_word(row)));
    sheet_say(s, " ");
    sheet_add(s, buf_slice(&what));
    if (row_text(row, by).len == 0 && row_text(row, who_id).len > 0) {
        sheet_say(s, " by ");
        sheet_add(s, row_text(row, who_id));
    } else if (row_is_finding(row)) {
        sheet_say(s, " by ");
        sheet_add(s, row_text(row, by));
    }
    if (reason.ptr != NULL) {
        sheet_say(s, " (");
        sheet_add(s, reason);
        sheet_say(s, ")");
    }
    if (row_text(row, follows).ptr != NULL) {
        sheet_say(s, ", the broker itself because of request ");
        sheet_add(s, row_text(row, follows));
    }
    sheet_say(s, "  record %llu", (unsigned long long)row_last(row)->line.seq);
    sheet_end(s);
    buf_free(&what);
}

static void show_list(struct sheet *s, const char *label, const struct story_list *list)
{
    for (size_t i = 0; i < list->num; i++) {
        show_related(s, i == 0 ? label : "", list->rows[i]);
    }
    if (list->left_out > 0) {
        sheet_begin(s, "");
        sheet_say(s, "and %zu more", list->left_out);
        sheet_end(s);
    }
}

void show_later(struct sheet *s, const struct story *story)
{
    sheet_heading(s, "Around it");
    if (story->request != NULL) {
        show_related(s, "asked for", story->request);
    }
    if (story->issue != NULL && story->issue != story->main) {
        show_related(s, "issued", story->issue);
    }
    if (story->undelivered != NULL) {
        show_related(s, "undelivered", story->undelivered);
    }
    show_list(s, "repeats", &story->repeats);
    show_list(s, "CA's books", &story->findings);
    show_list(s, "revocations", &story->revocations);
    show_list(s, "follow-ups", &story->follow_ups);
    if (story->superseded_by != NULL) {
        show_related(s, "replaced by", story->superseded_by);
    }
    if (story->issue != NULL && story->revocations.num == 0 && story->main == story->issue) {
        sheet_begin(s, "revoked");
        sheet_say(s, story_finding(story, "revoked_at_ca") != NULL
                         ? "not through this broker: the log has no revocation of it"
                         : "no: the log has no revocation of it");
        sheet_end(s);
    }
}
