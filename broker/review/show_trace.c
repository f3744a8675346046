/* show_trace.c - see show.h: a denial, decided again by the policy that the log kept, for that caller and
 * that time: what failed, and what would have to change. */
#include "broker/history/history.h"
#include "broker/review/show.h"
#include "policy/trace.h"

#define TRACE_ARENA_MAX ((size_t)64 << 20)
#define TRACE_RULES_SHOWN 3U

struct asking {
    struct sheet *sheet;
    const struct story *story;
    const struct policy *policy;
    struct slice req;
    /* as it was asked then */
    struct policy_caller caller;
    struct policy_ask ask;
    int64_t when_s;
};

static bool is_denied_by(const struct asking *a, const struct policy_ask *ask, const char *rule_id)
{
    struct policy_decision d;
    policy_decide(a->policy, &a->caller, ask, a->when_s, &d);
    return !d.allowed && d.reason == REASON_DENY_RULE && strcmp(d.rule_id, rule_id) == 0;
}

/* forbidden_lines - which names this deny rule is about: the same question once more, with each name
 * alone. Where it is none of them it is the common name, or whatever is asked. */
static void forbidden_lines(const struct asking *a, const struct trace_rule *rule)
{
    struct sheet *s = a->sheet;
    struct policy_ask one = a->ask;
    bool any = false;
    one.num_names = 1;
    one.common_name = (struct slice){NULL, 0};
    for (size_t i = 0; i < a->ask.num_names; i++) {
        one.names = &a->ask.names[i];
        if (is_denied_by(a, &one, rule->rule_id)) {
            sheet_begin(s, any ? "" : "forbids");
            sheet_coloured(s, s->c.bad, one.names->text);
            sheet_end(s);
            any = true;
        }
    }
    sheet_begin(s, "");
    sheet_say(s,
              "would do: %s; no rule that allows overrules one that denies. It stands in line %u",
              any ? "to ask without it" : "another request", rule->place.line);
    sheet_end(s);
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

/* print_trace - the rules that came nearest, each with what failed. The one in the record is printed
 * already, and comes first. */
static void print_trace(const struct asking *a, const struct policy_trace *trace)
{
    struct sheet *s = a->sheet;
    for (size_t i = 0; i < trace->num_rules && i < TRACE_RULES_SHOWN; i++) {
        const struct trace_rule *rule = &trace->rules[i];
        sheet_begin(s, i == 0 ? "nearest" : "then");
        sheet_coloured(s, s->c.bold, slice_of(rule->rule_id));
        sheet_say(s, rule->is_deny ? ", which denies" : rule->fits ? ", which would allow it" : "");
        sheet_end(s);
        if (!slice_eq_str(row_text(a->story->main, rule), rule->rule_id)) {
            show_rule(s, a->policy, slice_of(rule->rule_id), SHOW_WHY);
        }
        failure_lines(s, rule);
        if (rule->is_deny) {
            forbidden_lines(a, rule);
        }
    }
}

/* on_ask - here and not later: what was asked is gone with the next record. */
static bool on_ask(void *ctx, const struct history_ask *ask)
{
    struct asking *a = ctx;
    struct arena arena;
    struct policy_trace trace;
    struct cb_err ignored;
    if (!slice_eq(ask->req, a->req)) {
        return true;
    }
    arena_init(&arena, TRACE_ARENA_MAX);
    a->when_s = ask->ts_us / 1000000;
    if (history_question(a->policy, ask, &a->caller, &a->ask) &&
        policy_trace(a->policy, &a->caller, &a->ask, a->when_s, &arena, &trace, &ignored) ==
            CB_OK &&
        !trace.decision.allowed) {
        print_trace(a, &trace);
    }
    arena_free(&arena);
    return false;
}

void show_trace(struct sheet *s, const struct story *story, const struct policy *policy)
{
    struct cb_err err;
    struct history_counts counts;
    const struct review_record *r = row_last(story->main);
    const struct history_range range = {r->line.ts_us, r->line.ts_us + 1};
    struct asking a = {
        .sheet = s, .story = story, .policy = policy, .req = row_text(story->main, req)};
    if (a.req.ptr != NULL &&
        history_walk(story->where.dir, &range, on_ask, &a, &counts, &err) != CB_OK) {
        sheet_begin(s, "");
        sheet_coloured(s, s->c.warn, slice_of(err.msg));
        sheet_end(s);
    }
}
