/* trace.c - see trace.h: every rule that was tried, with all its conditions that do not hold. Uses the
 * conditions of decide_conditions.c and decide_deny.c and has none of its own. */
#include "policy/trace_words.h"

#include <stdlib.h>

#define CHANGE_MAX ((size_t)2 * POLICY_DETAIL_MAX)

struct tracer {
    struct question q;
    struct arena *arena;
    struct policy_trace *ret;
    size_t room;
    struct buf words;
    bool no_memory;
};

/* only_group - whose members the rule's clients are, all of them and nobody else. */
static const char *only_group(const struct policy *policy, const struct rule *rule)
{
    if (rule->num_groups != 1) {
        return NULL;
    }
    const struct group *group = &policy->groups[rule->groups[0]];
    return group->num_clients == rule->num_clients ? group->id : NULL;
}

static bool is_for_many(const struct policy *policy, const struct rule *rule)
{
    for (size_t i = 0; i < rule->num_clients; i++) {
        if (policy->clients[rule->clients[i]].num_wide > 0) {
            return true;
        }
    }
    return false;
}

static struct trace_rule *add_rule(struct tracer *t, const struct rule *rule)
{
    if (t->ret->num_rules == t->room) {
        const size_t room = t->room == 0 ? 8 : 2 * t->room;
        struct trace_rule *bigger = arena_array(t->arena, room, sizeof(*bigger));
        if (bigger == NULL) {
            t->no_memory = true;
            return NULL;
        }
        if (t->ret->num_rules > 0) {
            memcpy(bigger, t->ret->rules, t->ret->num_rules * sizeof(*bigger));
        }
        t->ret->rules = bigger;
        t->room = room;
    }
    struct trace_rule *added = &t->ret->rules[t->ret->num_rules++];
    *added = (struct trace_rule){.rule_id = rule->id,
                                 .place = rule_place(t->q.policy, rule->pos),
                                 .is_deny = rule->deny,
                                 .group = only_group(t->q.policy, rule),
                                 .num_clients = rule->num_clients,
                                 .for_many = is_for_many(t->q.policy, rule),
                                 .is_delegation = rule->delegates};
    return added;
}

static void fill_failure(struct tracer *t, const struct verdict *v, struct trace_failure *ret)
{
    ret->reason = v->reason;
    ret->place = verdict_place(&t->q, v);
    verdict_explain(&t->q, v, ret->detail);
    buf_reset(&t->words);
    trace_change(&t->q, v, &t->words);
    if (!buf_ok(&t->words)) {
        t->no_memory = true;
        return;
    }
    const struct slice words = buf_slice(&t->words);
    const size_t len = words.len < CHANGE_MAX ? words.len : CHANGE_MAX - 1;
    memcpy(ret->change, words.ptr, len);
    ret->change[len] = '\0';
    if (len < words.len) {
        memcpy(ret->change + CHANGE_MAX - 4, "...", 4);
    }
}

/* ---- the rules that are tried ---- */

/* is_tried - a deny rule about the asker and the party stands in the lists of both. */
static bool is_tried(const struct tracer *t, const struct rule *rule)
{
    for (size_t i = 0; i < t->ret->num_rules; i++) {
        if (t->ret->rules[i].rule_id == rule->id) {
            return true;
        }
    }
    return false;
}

static void try_denies(struct tracer *t, const struct rule_refs *refs)
{
    for (size_t i = 0; i < refs->num && !t->no_memory; i++) {
        struct verdict v;
        if (!deny_matches(&t->q, refs->items[i], &v) || is_tried(t, refs->items[i])) {
            continue;
        }
        struct trace_rule *added = add_rule(t, refs->items[i]);
        if (added != NULL) {
            added->fits = true;
        }
    }
}

static void try_rule(struct tracer *t, const struct rule *rule)
{
    struct trace_rule *added = add_rule(t, rule);
    struct verdict v = {.rule = rule};
    size_t step = 0;
    while (added != NULL && verdict_next(&t->q, &v, &step)) {
        added->num_failures++;
    }
    if (added == NULL || added->num_failures == 0) {
        if (added != NULL) {
            added->fits = true;
        }
        return;
    }
    added->failures = arena_array(t->arena, added->num_failures, sizeof(*added->failures));
    if (added->failures == NULL) {
        t->no_memory = true;
        return;
    }
    step = 0;
    for (size_t i = 0; i < added->num_failures && verdict_next(&t->q, &v, &step); i++) {
        fill_failure(t, &v, &added->failures[i]);
    }
}

/* try_allows - how many there are that count. */
static size_t try_allows(struct tracer *t)
{
    const struct rule_refs *allow = &t->q.caller->client->allow;
    const size_t before = t->ret->num_rules;
    for (size_t i = 0; i < allow->num && !t->no_memory; i++) {
        if (rule_counts(&t->q, allow->items[i])) {
            try_rule(t, allow->items[i]);
        }
    }
    return t->ret->num_rules - before;
}

static const struct rule *rule_by_id(const struct policy_client *client, const char *id)
{
    for (size_t i = 0; i < client->allow.num && id != NULL; i++) {
        if (client->allow.items[i]->id == id) {
            return client->allow.items[i];
        }
    }
    return NULL;
}

/* ---- which is nearest ---- */

static unsigned furthest(const struct trace_rule *r)
{
    return r->num_failures == 0 ? POLICY_REASON_COUNT : r->failures[0].reason;
}

/* is_nearer - of two rules that did not decide. */
static bool is_nearer(const struct trace_rule *a, const struct trace_rule *b)
{
    if (a->is_deny != b->is_deny) {
        return a->is_deny;
    }
    if (a->num_failures != b->num_failures) {
        return a->num_failures < b->num_failures;
    }
    return furthest(a) > furthest(b);
}

static bool decides(const struct policy_trace *trace, const struct trace_rule *r)
{
    return r->rule_id == trace->decision.rule_id;
}

/* merge - two sorted runs, the first half long, of num in all. Of two alike the one that comes first in
 * the file stays first. */
static void merge(const struct policy_trace *trace, const struct trace_rule *from, size_t half,
                  size_t num, struct trace_rule *to)
{
    size_t left = 0;
    size_t right = half;
    for (size_t i = 0; i < num; i++) {
        const bool take_right =
            left == half ||
            (right < num && !decides(trace, &from[left]) &&
             (decides(trace, &from[right]) || is_nearer(&from[right], &from[left])));
        to[i] = from[take_right ? right++ : left++];
    }
}

/* sort - runs of 1, 2, 4, ... rules. False: no memory. */
static bool sort(const struct tracer *t)
{
    struct policy_trace *ret = t->ret;
    const size_t num = ret->num_rules;
    struct trace_rule *other = arena_array(t->arena, num, sizeof(*other));
    for (size_t run = 1; run < num && other != NULL; run *= 2) {
        for (size_t at = 0; at < num; at += 2 * run) {
            const size_t left = num - at;
            merge(ret, ret->rules + at, left < run ? left : run, left < 2 * run ? left : 2 * run,
                  other + at);
        }
        struct trace_rule *sorted = other;
        other = ret->rules;
        ret->rules = sorted;
    }
    return other != NULL;
}

/* ---- what would help ---- */

static bool can_be_mended(const struct trace_rule *r)
{
    for (size_t i = 0; i < r->num_failures; i++) {
        if (r->failures[i].change[0] == '\0') {
            return false;
        }
    }
    return !r->is_deny && !r->fits;
}

/* find_best - among the rules of the step at which it was refused. */
static void find_best(const struct tracer *t)
{
    struct policy_trace *ret = t->ret;
    const bool at_delegation = question_for_other(&t->q) && ret->decision.delegate_rule_id == NULL;
    for (size_t i = 0; i < ret->num_rules; i++) {
        const struct trace_rule *r = &ret->rules[i];
        if (r->is_delegation == at_delegation && can_be_mended(r) &&
            (ret->best == SIZE_MAX || r->num_failures < ret->rules[ret->best].num_failures)) {
            ret->best = i;
        }
    }
}

/* party_may - has the party a rule of its own that allows it? Then nothing but the delegation is
 * missing. */
static bool party_may(const struct tracer *t)
{
    struct question q = t->q;
    question_go_on(&q, NULL);
    const struct rule_refs *allow = &q.party.client->allow;
    for (size_t i = 0; i < allow->num; i++) {
        struct verdict v = {.rule = allow->items[i]};
        size_t step = 0;
        if (rule_counts(&q, allow->items[i]) && !verdict_next(&q, &v, &step)) {
            return true;
        }
    }
    return false;
}

static void find_snippet(struct tracer *t, bool own_rules)
{
    const bool delegate = question_for_other(&t->q) && t->ret->decision.delegate_rule_id == NULL;
    const bool own = !delegate || (!own_rules && t->q.party.client != NULL && !party_may(t));
    buf_reset(&t->words);
    if (trace_snippet(&t->q, delegate, own, &t->words)) {
        t->ret->snippet = arena_dup(t->arena, buf_slice(&t->words));
        t->no_memory = t->no_memory || !buf_ok(&t->words) || t->ret->snippet == NULL;
    }
}

static void trace(struct tracer *t)
{
    struct policy_trace *ret = t->ret;
    const struct policy *policy = t->q.policy;
    size_t own_rules = 0;
    try_denies(t, &t->q.asker->client->deny);
    if (t->q.knows_party) {
        try_denies(t, &t->q.party.client->deny);
    }
    try_denies(t, &policy->deny_everybody);
    if (!t->q.delegating || t->q.party.client != NULL) {
        own_rules = try_allows(t);
    }
    if (t->q.delegating && t->q.knows_party) {
        question_go_on(&t->q, rule_by_id(t->q.asker->client, ret->decision.delegate_rule_id));
        own_rules = try_allows(t);
    }
    if (t->no_memory || !sort(t)) {
        t->no_memory = true;
        return;
    }
    if (ret->decision.allowed || ret->decision.reason == REASON_DENY_RULE) {
        return;
    }
    find_best(t);
    if (ret->best == SIZE_MAX) {
        find_snippet(t, own_rules > 0);
    }
}

enum cb_code policy_trace(const struct policy *policy, const struct policy_caller *caller,
                          const struct policy_ask *ask, int64_t now_s, struct arena *arena,
                          struct policy_trace *ret, struct cb_err *err)
{
    struct tracer t = {.arena = arena, .ret = ret};
    *ret = (struct policy_trace){.best = SIZE_MAX};
    policy_decide(policy, caller, ask, now_s, &ret->decision);
    question_begin(&t.q, policy, caller, ask, now_s);
    buf_init(&t.words, (size_t)1 << 20);
    trace(&t);
    buf_free(&t.words);
    return t.no_memory ? cb_fail(err, CB_ENOMEM, "out of memory") : CB_OK;
}
