/* show_why.c - see show.h: the decision, and the rule's text as it stood when it was made. */
#include "broker/base/file.h"
#include "broker/review/show.h"
#include "policy/rule_text.h"

#include <limits.h>

#define KEPT_BYTES_MAX ((size_t)64 << 20)
#define RULE_LINES_ALL 100U /* for who asked why */
#define RULE_LINES_SOME 12U

/* load_kept - the policy as the log keeps it; NULL: it cannot be read any more, and *why says so. */
static struct policy *load_kept(const struct story *story, struct slice sha256, char path[PATH_MAX],
                                struct cb_err *why)
{
    struct policy *policy = NULL;
    struct buf bytes;
    struct diag_list *diags = diag_new();
    (void)snprintf(path, PATH_MAX, "%s/policy/%.*s.yaml", story->where.dir, (int)sha256.len,
                   sha256.ptr);
    if (diags == NULL || file_read(path, FILE_PUBLIC, KEPT_BYTES_MAX, &bytes, why) != CB_OK) {
        diag_free(diags);
        return NULL;
    }
    const int64_t then_s = row_last(story->main)->line.ts_us / 1000000;
    if (policy_load_bytes(path, buf_slice(&bytes), then_s, diags, &policy) != CB_OK) {
        char first[200];
        diag_first(diags, first, sizeof(first));
        (void)cb_fail(why, CB_EINPUT, "cannot be loaded by this version: %s", first);
    } else if (!slice_eq_str(sha256, policy_sha256(policy))) {
        policy_free(policy);
        policy = NULL;
        (void)cb_fail(why, CB_ECORRUPT, "%s: its bytes have another digest: somebody changed it",
                      path);
    }
    diag_free(diags);
    buf_free(&bytes);
    return policy;
}

void show_rule(struct sheet *s, const struct policy *policy, struct slice rule, enum show_how how)
{
    struct policy_rule_text text;
    if (rule.ptr == NULL || !policy_rule_text(policy, rule, &text)) {
        return;
    }
    struct slice rest = text.lines;
    unsigned shown = 0;
    sheet_raw(s);
    const unsigned most = how == SHOW_WHY ? RULE_LINES_ALL : RULE_LINES_SOME;
    while (rest.len > 0 && shown < most) {
        const size_t len = slice_find(rest, '\n');
        buf_printf(s->out, "  %s%*u |%s%s", s->c.dim, (int)SHEET_LABEL - 4, text.first_line + shown,
                   s->c.off, len > 0 ? " " : "");
        cli_add_escaped(s->out, (struct slice){rest.ptr, len}, s->charset);
        buf_add_char(s->out, '\n');
        rest = slice_from(rest, len < rest.len ? len + 1 : len);
        shown++;
    }
    if (rest.len > 0) {
        sheet_begin(s, "");
        sheet_say(s, how == SHOW_WHY ? "... and more, from line %u on" : "... all of it: audit why",
                  text.first_line + shown);
        sheet_end(s);
    }
}

/* ---- the decision ---- */

/* undecided_lines - of what the policy never decided: why not, in words. */
static void undecided_lines(struct sheet *s, const struct review_row *row)
{
    sheet_begin(s, "decision");
    if (slice_eq_str(row_text(row, who_via), "broker")) {
        sheet_say(s, "none of the policy: the broker's own");
    } else {
        sheet_say(s, row->result == RESULT_STRANGER
                         ? "none: nobody was recognised"
                         : "none: it was refused before the policy was asked");
    }
    sheet_end(s);
    show_reason(s, row);
}

/* decision_lines - what the policy said, and by which rule. */
static void decision_lines(struct sheet *s, const struct review_row *row)
{
    const struct slice rule = row_text(row, rule);
    sheet_begin(s, "decision");
    if (slice_eq_str(row_text(row, decision), "deny")) {
        sheet_coloured(s, s->c.bad, SLICE("denied"));
        sheet_say(s, ": ");
        sheet_add(s, row_text(row, reason));
        sheet_end(s);
        sheet_begin(s, "");
        sheet_add(s, row_text(row, detail));
    } else {
        sheet_coloured(s, s->c.good, SLICE("allowed"));
    }
    sheet_end(s);
    sheet_begin(s, "rule");
    sheet_coloured(s, s->c.bold, rule);
    if (row_text(row, owner).ptr != NULL) {
        sheet_say(s, ", owner ");
        sheet_add(s, row_text(row, owner));
    }
    if (row_text(row, ticket).ptr != NULL) {
        sheet_say(s, ", ticket ");
        sheet_add(s, row_text(row, ticket));
    }
    if (rule.len == 0) {
        sheet_say(s, "none came near");
    }
    sheet_end(s);
}

static void policy_lines(struct sheet *s, const struct story *story, struct slice sha256)
{
    sheet_begin(s, "policy");
    sheet_say(s, "policy/");
    sheet_add(s, sha256);
    sheet_say(s, ".yaml");
    sheet_end(s);
    if (story->in_force != NULL) {
        const struct review_record *r = row_last(story->in_force);
        sheet_begin(s, "in force");
        sheet_say(s, "since ");
        sheet_time(s, r->line.ts_us);
        sheet_say(s, ", record %llu", (unsigned long long)r->line.seq);
        if (r->event.by.ptr != NULL) {
            sheet_say(s, ", by ");
            sheet_add(s, r->event.by);
        }
        sheet_end(s);
    }
}

/* decided - the row whose decision is asked for. A note about a certificate leads to the request that it
 * came of; everything else was decided by itself, a revocation too. */
static const struct review_row *decided(const struct story *story, enum show_how how)
{
    const struct review_row *main = story->main;
    const bool is_note = row_is_finding(main) || main->result == RESULT_UNDELIVERED;
    if (how != SHOW_WHY || !is_note) {
        return main;
    }
    return story->issue != NULL ? story->issue : story->request != NULL ? story->request : main;
}

void show_why(struct sheet *s, const struct story *story, enum show_how how)
{
    char path[PATH_MAX];
    struct cb_err why = {.code = CB_OK};
    const struct review_row *row = decided(story, how);
    const struct slice sha256 = row_text(row, policy_sha256);
    const struct slice delegate = row_text(row, delegate_rule);
    if (row->result == RESULT_OTHER) {
        return;
    }
    sheet_heading(s, "Why");
    if (row_text(row, decision).len > 0) {
        decision_lines(s, row);
    } else if (how == SHOW_WHY) {
        undecided_lines(s, row);
    }
    if (sha256.ptr == NULL) {
        return;
    }
    policy_lines(s, story, sha256);
    struct policy *policy = load_kept(story, sha256, path, &why);
    if (policy == NULL) {
        sheet_begin(s, "");
        sheet_coloured(s, s->c.bad, slice_of(why.msg));
        sheet_end(s);
        return;
    }
    show_rule(s, policy, row_text(row, rule), how);
    if (delegate.ptr != NULL) {
        sheet_begin(s, "acting by");
        sheet_coloured(s, s->c.bold, delegate);
        sheet_end(s);
        show_rule(s, policy, delegate, how);
    }
    if (how == SHOW_WHY && row->result == RESULT_DENIED) {
        show_trace(s, story, policy);
    }
    policy_free(policy);
}
