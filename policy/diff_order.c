/* diff_order.c - see diff_parts.h: the first rule that allows a request sets its limits. A rule that is
 * unchanged can therefore lose by another that has come to stand in front of it. */
#include "policy/diff_parts.h"

#define NOT_THERE SIZE_MAX

/* The rules of one side, each with its position on the other one, where it means the same. */
struct order {
    const struct rule_refs *rules;
    size_t *other; /* NOT_THERE: no such rule */
    bool *moved;   /* new, or in front of or behind another than before */
};

static bool find_others(struct diff *d, const struct diff_side *side, const struct table *there,
                        struct order *ret)
{
    ret->rules = &side->client->allow;
    ret->other = arena_array(&d->scratch, ret->rules->num + 1, sizeof(*ret->other));
    ret->moved = arena_array(&d->scratch, ret->rules->num + 1, sizeof(*ret->moved));
    if (ret->other == NULL || ret->moved == NULL) {
        d->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < ret->rules->num; i++) {
        const struct rule *rule = ret->rules->items[i];
        ret->other[i] = NOT_THERE;
        ret->moved[i] = true;
        (void)table_get(there, SIDE_BY_DIGEST, side_digest_key(side, rule), &ret->other[i]);
    }
    return true;
}

/* mark_moved - all but a longest run that is in the same order on both sides (patience sorting: the
 * smallest end of a run of each length, and what came before in it). */
static bool mark_moved(struct diff *d, struct order *o)
{
    const size_t num = o->rules->num;
    size_t *ends = arena_array(&d->scratch, num + 1, sizeof(*ends));
    size_t *before = arena_array(&d->scratch, num + 1, sizeof(*before));
    if (ends == NULL || before == NULL) {
        d->no_memory = true;
        return false;
    }
    size_t longest = 0;
    for (size_t i = 0; i < num; i++) {
        size_t low = 0;
        size_t high = longest;
        while (low < high && o->other[i] != NOT_THERE) {
            const size_t middle = low + (high - low) / 2;
            if (o->other[ends[middle]] < o->other[i]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (o->other[i] != NOT_THERE) {
            before[i] = low == 0 ? NOT_THERE : ends[low - 1];
            ends[low] = i;
            longest = low == longest ? longest + 1 : longest;
        }
    }
    for (size_t i = longest == 0 ? NOT_THERE : ends[longest - 1]; i != NOT_THERE; i = before[i]) {
        o->moved[i] = false;
    }
    return true;
}

/* was_first - what first decides of g, did something in front of g decide before on terms as narrow?
 * Where that was the rule of the same id on wider terms, its own change has been told already. */
static bool was_first(const struct grant *g, const struct grant *first,
                      const struct grant_list *from)
{
    for (size_t i = 0; i < from->num && from->items[i].rule != g->rule; i++) {
        const struct grant *other = &from->items[i];
        if (other->action != g->action || other->rule->delegates != g->rule->delegates) {
            continue;
        }
        const bool is_namesake = strcmp(other->rule->id, first->rule->id) == 0;
        if ((is_namesake || limits_within(other, first)) &&
            (requests_within(first, other) || requests_within(g, other))) {
            return true;
        }
    }
    return false;
}

static void say_first(struct diff *d, struct diff_side *from, const struct grant *g,
                      const struct grant *first)
{
    if (g->action == first->action && !limits_within(g, first) && grant_overlaps(g, first) &&
        !was_first(g, first, side_grants(d, from))) {
        limits_say(d, g, first);
    }
}

struct pair {
    const struct rule *rule, *first; /* rule: as it is on the side from */
};

static void say_pair(struct diff *d, struct diff_side *from, struct diff_side *to,
                     const struct pair *pair)
{
    struct grant own[POLICY_ACTION_COUNT];
    struct grant firsts[POLICY_ACTION_COUNT];
    size_t num_own = 0;
    size_t num_firsts = 0;
    if (!grants_of(d, from->policy, from->client, pair->rule, own, &num_own) ||
        !grants_of(d, to->policy, to->client, pair->first, firsts, &num_firsts)) {
        return;
    }
    for (size_t i = 0; i < num_own; i++) {
        for (size_t k = 0; k < num_firsts; k++) {
            say_first(d, from, &own[i], &firsts[k]);
        }
    }
}

/* matters - does second lose anything where first decides? */
static bool matters(const struct rule *second, const struct rule *first)
{
    static const enum policy_action actions[] = {ACTION_NEWCERT, ACTION_REVOKE};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        const struct grant a = {.rule = second, .action = actions[i]};
        const struct grant b = {.rule = first, .action = actions[i]};
        if (!limits_within(&a, &b)) {
            return true;
        }
    }
    return false;
}

/* say_moved - rule number i has moved: it with each behind it, and with each in front of it. */
static void say_moved(struct diff *d, struct diff_side *from, struct diff_side *to,
                      const struct order *o, size_t i)
{
    for (size_t k = 0; k < o->rules->num && !d->no_memory && d->pairs_left > 0; k++) {
        const size_t first = k < i ? k : i;
        const size_t second = k < i ? i : k;
        d->pairs_left--;
        if (k == i || o->other[second] == NOT_THERE ||
            !matters(o->rules->items[second], o->rules->items[first])) {
            continue;
        }
        const bool was_so = o->other[first] != NOT_THERE && o->other[first] < o->other[second];
        if (!was_so && (!o->moved[k] || i < k)) { /* a pair that moved both is looked at once */
            const struct pair pair = {from->client->allow.items[o->other[second]],
                                      o->rules->items[first]};
            say_pair(d, from, to, &pair);
        }
    }
}

static void say_not_compared(struct diff *d)
{
    struct buf text;
    buf_init(&text, 128);
    buf_add_str(&text, "which rule comes first was not compared: too many have changed");
    diff_say(d, NULL, "order", &text);
}

void order_say(struct diff *d, struct diff_side *from, struct diff_side *to)
{
    struct order o;
    if (!find_others(d, to, &from->allow, &o) || !mark_moved(d, &o)) {
        return;
    }
    for (size_t i = 0; i < o.rules->num && !d->no_memory; i++) {
        if (o.moved[i]) {
            say_moved(d, from, to, &o, i);
        }
    }
    if (d->pairs_left == 0) {
        say_not_compared(d);
    }
}

void order_say_covered(struct diff *d, struct diff_side *from, struct diff_side *to,
                       const struct grant *g, const struct grant *by)
{
    const struct grant_list *there = side_grants(d, to);
    if (d->pairs_left < there->num) {
        d->pairs_left = 0;
        say_not_compared(d);
        return;
    }
    for (size_t i = 0; i < there->num && !d->no_memory; i++) {
        if (by != NULL && there->items[i].rule == by->rule) {
            return;
        }
        d->pairs_left--;
        say_first(d, from, g, &there->items[i]);
    }
}
