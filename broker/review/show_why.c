/* show_why.c - see show.h: the decision, and the rule's text as it stood when it was made. What failed is
 * worked out again by the policy that the log kept, for that caller and that time. */
#include "broker/base/file.h"
#include "broker/history/history.h"
#include "broker/review/show.h"
#include "policy/rule_text.h"
#include "policy/trace.h"

#include <limits.h>

#define KEPT_BYTES_MAX ((size_t)64 << 20)
#define RULE_LINES_ALL 100U /* for who asked why */
#define RULE_LINES_SOME 12U
#define TRACE_ARENA_MAX ((size_t)64 << 20)
#define TRACE_RULES_SHOWN 3U

/* load_kept - the policy as the log keeps it; NULL: it cannot be read any more, and *why says so. */
static struct policy *load_kept(const struct story *story, struct slice sha256, char path[PATH_MAX],
                                struct cb_err *why)
{
    struct policy *policy = NULL;
    struct buf bytes;
    struct diag_list *diags = diag_new();
    (void)snprintf(path, PATH_MAX, "%s/policy/%.*s.yaml", story->dir, (int)sha256.len, sha256.ptr);
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

static void rule_lines(struct sheet *s, const struct policy *policy, struct slice rule,
                       enum show_how how)
{
    struct policy_rule_text text;
    if (rule.ptr == NULL || !policy_rule_text(policy, rule, &text)) {
        return;
    }
    struct slice rest = text.lines;
    unsigned shown = 0;
    const unsigned most = how == SHOW_WHY ? RULE_LINES_ALL : RULE_LINES_SOME;
    while (rest.len > 0 && shown < most) {
        const size_t len = slice_find(rest, '\n');
        buf_printf(s->out, "  %s%*u |%s ", s->c.dim, (int)SHEET_LABEL - 4, text.first_line + shown,
                   s->c.off);
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

/* ---- a denial, decided again ---- */

struct asking {
    struct slice req;
    const struct policy *policy;
    struct arena *arena;
    struct policy_trace trace;
    bool found;
};

static bool on_ask(void *ctx, const struct history_ask *ask)
{
    struct asking *a = ctx;
    struct policy_caller caller;
    struct policy_ask question;
    struct cb_err ignored;
    if (!slice_eq(ask->req, a->req)) {
        return true;
    }
    a->found = history_question(a->policy, ask, &caller, &question) &&
               policy_trace(a->policy, &caller, &question, ask->ts_us / 1000000, a->arena,
                            &a->trace, &ignored) == CB_OK &&
               !a->trace.decision.allowed;
    return false;
}

static void failure_lines(struct sheet *s, const struct trace_rule *rule)
{
    for (size_t i = 0; i < rule->num_failures; i++) {
        const struct trace_failure *f = &rule->failures[i];
        sheet_begin(s, i == 0 ? "fails" : "");
        sheet_coloured(s, s->c.bad, slice_of(f->detail));
        sheet_say(s, "  line %u", f->place.line);
        sheet_end(s);
        if (f->change[0] != '\0') {
            sheet_begin(s, "");
            sheet_say(s, "would do: ");
            sheet_add(s, slice_of(f->change));
            sheet_end(s);
        }
    }
}

/* trace_lines - the rules that came nearest, each with what failed. The one in the record is printed
 * already, and comes first. */
static void trace_lines(struct sheet *s, const struct story *story, const struct policy *policy)
{
    struct arena arena;
    struct cb_err ignored;
    struct history_counts counts;
    const struct review_record *r = row_last(story->main);
    const struct history_range range = {r->line.ts_us, r->line.ts_us + 1};
    struct asking a = {.req = row_text(story->main, req), .policy = policy, .arena = &arena};
    arena_init(&arena, TRACE_ARENA_MAX);
    if (a.req.ptr != NULL &&
        history_walk(story->dir, &range, on_ask, &a, &counts, &ignored) == CB_OK && a.found) {
        for (size_t i = 0; i < a.trace.num_rules && i < TRACE_RULES_SHOWN; i++) {
            const struct trace_rule *rule = &a.trace.rules[i];
            sheet_begin(s, i == 0 ? "nearest" : "then");
            sheet_coloured(s, s->c.bold, slice_of(rule->rule_id));
            sheet_say(s, rule->is_deny ? ", which denies" : "");
            sheet_end(s);
            if (!slice_eq_str(row_text(story->main, rule), rule->rule_id)) {
                rule_lines(s, policy, slice_of(rule->rule_id), SHOW_WHY);
            }
            failure_lines(s, rule);
        }
    }
    arena_free(&arena);
}

/* ---- the decision ---- */

static void decision_line(struct sheet *s, const struct review_row *row)
{
    const struct slice decision = row_text(row, decision);
    const struct slice rule = row_text(row, rule);
    if (decision.ptr == NULL && rule.ptr == NULL) {
        return;
    }
    sheet_begin(s, "decision");
    if (slice_eq_str(decision, "deny")) {
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

void show_why(struct sheet *s, const struct story *story, enum show_how how)
{
    char path[PATH_MAX];
    struct cb_err why = {.code = CB_OK};
    const struct review_row *row =
        how == SHOW_WHY && story->issue != NULL ? story->issue : story->main;
    const struct slice sha256 = row_text(row, policy_sha256);
    const struct slice delegate = row_text(row, delegate_rule);
    if (sha256.ptr == NULL || row->result == RESULT_OTHER) {
        return;
    }
    sheet_heading(s, s->c.bold, "Why");
    decision_line(s, row);
    policy_lines(s, story, sha256);
    struct policy *policy = load_kept(story, sha256, path, &why);
    if (policy == NULL) {
        sheet_begin(s, "");
        sheet_coloured(s, s->c.bad, slice_of(why.msg));
        sheet_end(s);
        return;
    }
    rule_lines(s, policy, row_text(row, rule), how);
    if (delegate.ptr != NULL) {
        sheet_begin(s, "acting by");
        sheet_coloured(s, s->c.bold, delegate);
        sheet_end(s);
        rule_lines(s, policy, delegate, how);
    }
    if (how == SHOW_WHY && row->result == RESULT_DENIED) {
        trace_lines(s, story, policy);
    }
    policy_free(policy);
}
