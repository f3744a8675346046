/* decide_conditions.c - see verdict.h: the conditions of an allow rule, in the order in which they are
 * checked. Whether a name fits a pattern is pattern.c's business. */
#include "policy/verdict.h"

/* ---- from where and when ---- */

static bool until_holds(const struct question *q, struct verdict *v)
{
    return q->now_s < v->rule->until_s;
}

static bool source_holds(const struct question *q, struct verdict *v)
{
    const struct pattern_list *from = &v->rule->from;
    if (from->num == 0) {
        return true;
    }
    for (size_t i = 0; i < from->num && q->asker->peer != NULL; i++) {
        if (pattern_covers(&from->items[i], q->asker->peer, NULL)) {
            return true;
        }
    }
    return false;
}

static bool has_day(const struct time_window *when, unsigned weekday)
{
    return (when->days & (1U << weekday)) != 0;
}

bool window_is_open(const struct time_window *when, int64_t now_s)
{
    if (when == NULL) {
        return true;
    }
    const struct zone_time at = zone_at(when->zone, now_s);
    const bool today = has_day(when, at.weekday);
    const bool yesterday = has_day(when, (at.weekday + 6) % 7);
    for (size_t i = 0; i < when->num_hours; i++) {
        const struct minutes *m = &when->hours[i];
        const bool over_midnight = m->to <= m->from;
        if (today && at.minute >= m->from && (over_midnight || at.minute < m->to)) {
            return true;
        }
        if (over_midnight && yesterday && at.minute < m->to) {
            return true;
        }
    }
    return when->num_hours == 0 && today;
}

static bool time_holds(const struct question *q, struct verdict *v)
{
    return window_is_open(v->rule->when, q->now_s);
}

/* ---- names ---- */

static bool list_covers(const struct pattern_list *list, const struct name *name,
                        const struct policy_caller *caller)
{
    for (size_t i = 0; i < list->num; i++) {
        if (pattern_covers(&list->items[i], name, caller)) {
            return true;
        }
    }
    return false;
}

static bool covers_but_for_wildcard(const struct question *q, const struct rule *rule,
                                    const struct name *name)
{
    return rule->name_set != NULL ? name_set_covers(rule->name_set, name, q->caller) != SIZE_MAX
                                  : list_covers(&rule->names, name, q->caller);
}

bool name_is_covered(const struct question *q, const struct rule *rule, const struct name *name)
{
    return (rule->wildcards || !name_is_wildcard(name)) && covers_but_for_wildcard(q, rule, name);
}

bool name_is_in_scope(const struct rule *rule, const struct name *name)
{
    for (unsigned i = 0; i < rule->num_scopes; i++) {
        if (!list_covers(rule->scopes[i], name, NULL)) {
            return false;
        }
    }
    return true;
}

static bool any_name_holds(const struct question *q, struct verdict *v)
{
    if (v->rule->issue->no_names) {
        return true;
    }
    for (size_t i = 0; i < q->ask->num_names; i++) {
        if (q->ask->names[i].kind == NAME_DNS || q->ask->names[i].kind == NAME_IP) {
            return true;
        }
    }
    return false;
}

static bool max_names_holds(const struct question *q, struct verdict *v)
{
    return q->ask->num_names <= v->rule->issue->max_names;
}

/* names_hold - counts on after the first failure: the count tells which rule came nearest. */
static bool names_hold(const struct question *q, struct verdict *v)
{
    v->num_covered = 0;
    for (size_t i = 0; i < q->ask->num_names; i++) {
        const struct name *name = &q->ask->names[i];
        const bool covered = covers_but_for_wildcard(q, v->rule, name);
        const bool forbidden = name_is_wildcard(name) && !v->rule->wildcards;
        if (covered && !forbidden) {
            v->num_covered++;
        } else if (v->name_index == SIZE_MAX) {
            v->name_index = i;
            v->only_wildcard = covered;
        }
    }
    return v->name_index == SIZE_MAX;
}

static bool scope_holds(const struct question *q, struct verdict *v)
{
    for (size_t i = 0; i < q->ask->num_names; i++) {
        if (!name_is_in_scope(v->rule, &q->ask->names[i])) {
            v->name_index = i;
            return false;
        }
    }
    return true;
}

/* ---- common name ---- */

bool cn_is_asked_name(const struct question *q)
{
    for (size_t i = 0; i < q->ask->num_names && q->cn_is_name; i++) {
        if (name_cmp(&q->cn_name, &q->ask->names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool cn_is_listed(const struct question *q, const struct rule *rule)
{
    const struct issue_rule *issue = rule->issue;
    for (size_t i = 0; i < issue->cn_texts.num; i++) {
        if (slice_eq(issue->cn_texts.items[i], q->ask->common_name)) {
            return true;
        }
    }
    return q->cn_is_name && (rule->wildcards || !name_is_wildcard(&q->cn_name)) &&
           list_covers(&issue->cn_patterns, &q->cn_name, q->caller);
}

static bool cn_is_allowed(const struct question *q, const struct rule *rule)
{
    switch (rule->issue->cn) {
    case CN_IN_NAMES:
        return q->cn_is_name && (q->cn_name.kind == NAME_DNS || q->cn_name.kind == NAME_IP) &&
               cn_is_asked_name(q);
    case CN_ABSENT:
        return false;
    case CN_ANY:
        return true;
    case CN_LISTED:
        break;
    }
    return cn_is_listed(q, rule);
}

static bool common_name_holds(const struct question *q, struct verdict *v)
{
    if (q->ask->common_name.ptr == NULL) {
        return true;
    }
    if (!cn_is_allowed(q, v->rule)) {
        v->out_of_scope = false;
        return false;
    }
    /* Within a scope only names can be told to be inside. */
    v->out_of_scope =
        v->rule->num_scopes > 0 && !(q->cn_is_name && name_is_in_scope(v->rule, &q->cn_name));
    return !v->out_of_scope;
}

/* ---- subject, key, profile ---- */

static bool subject_holds(const struct question *q, struct verdict *v)
{
    size_t step = 0;
    return !subject_next_fault(q, v, &step);
}

static bool key_holds(const struct question *q, struct verdict *v)
{
    const struct key_rule *keys = &v->rule->issue->keys;
    const unsigned bits = q->ask->key_bits;
    switch (q->ask->key_algo) {
    case KEY_ECDSA:
        return (bits == 256 && keys->ecdsa_256) || (bits == 384 && keys->ecdsa_384) ||
               (bits == 521 && keys->ecdsa_521);
    case KEY_RSA:
        break;
    }
    if (keys->rsa_max != 0 && bits >= keys->rsa_min && bits <= keys->rsa_max) {
        return true;
    }
    for (size_t i = 0; i < keys->num_rsa_sizes; i++) {
        if (keys->rsa_sizes[i] == bits) {
            return true;
        }
    }
    return false;
}

/* profile_holds - which profile signs is no secret from a client that may ask for any; "default" is
 * what a caller of info gets who names none. */
static bool profile_holds(const struct question *q, struct verdict *v)
{
    const struct issue_rule *issue = v->rule->issue;
    if (q->ask->action == ACTION_INFO && slice_eq(q->ask->profile, SLICE("default"))) {
        return true;
    }
    for (size_t i = 0; i < issue->num_profiles; i++) {
        if (slice_eq_str(q->ask->profile, issue->profiles[i])) {
            return true;
        }
    }
    return false;
}

/* ---- whose certificate it is ---- */

/* delegation_reaches - who acts for others may revoke those of their certificates that the rule's names
 * and its file's scope are about: otherwise it would be a rule for all that they have. */
static bool delegation_reaches(const struct question *q, struct verdict *v)
{
    const bool has_bounds = v->rule->names.num > 0 || v->rule->num_scopes > 0;
    const bool within =
        q->ask->num_names > 0 && (v->rule->names.num == 0 || names_hold(q, v)) && scope_holds(q, v);
    v->name_index = SIZE_MAX;
    return !has_bounds || within;
}

static bool owner_holds(const struct question *q, struct verdict *v)
{
    if (q->delegating && q->ask->relation == CERT_OWN && !delegation_reaches(q, v)) {
        return false;
    }
    if (q->ask->relation != CERT_FOREIGN || v->rule->revoke == REVOKE_SCOPE_ANY) {
        return true;
    }
    const bool by_name = v->rule->revoke == REVOKE_SCOPE_NAMES && q->ask->num_names > 0 &&
                         names_hold(q, v) && scope_holds(q, v);
    v->name_index = SIZE_MAX; /* the names of somebody else's certificate stay unsaid */
    return by_name;
}

static bool record_holds(const struct question *q, struct verdict *v)
{
    return q->ask->relation != CERT_UNKNOWN || v->rule->revoke == REVOKE_SCOPE_ANY;
}

/* ---- all of them ---- */

#define NEWCERT (1U << ACTION_NEWCERT)
#define REVOKE (1U << ACTION_REVOKE)
#define INFO (1U << ACTION_INFO)

static const struct {
    enum policy_reason reason;
    unsigned actions; /* that it is about */
    bool (*holds)(const struct question *q, struct verdict *v);
} conditions[] = {
    {REASON_RULE_EXPIRED, NEWCERT | REVOKE | INFO, until_holds},
    {REASON_SOURCE, NEWCERT | REVOKE | INFO, source_holds},
    {REASON_TIME, NEWCERT | REVOKE | INFO, time_holds},
    {REASON_NO_NAMES, NEWCERT, any_name_holds},
    {REASON_TOO_MANY_NAMES, NEWCERT, max_names_holds},
    {REASON_NAME_NOT_ALLOWED, NEWCERT, names_hold},
    {REASON_OUT_OF_SCOPE, NEWCERT, scope_holds},
    {REASON_COMMON_NAME, NEWCERT, common_name_holds},
    {REASON_SUBJECT, NEWCERT, subject_holds},
    {REASON_KEY, NEWCERT, key_holds},
    {REASON_PROFILE, NEWCERT | INFO, profile_holds},
    {REASON_NOT_OWNER, REVOKE, owner_holds},
    {REASON_UNKNOWN_CERT, REVOKE, record_holds},
};

bool verdict_next(const struct question *q, struct verdict *v, size_t *step)
{
    const unsigned action = action_bit(q->ask->action);
    v->name_index = SIZE_MAX;
    while (*step < sizeof(conditions) / sizeof(conditions[0])) {
        const size_t i = (*step)++;
        if ((conditions[i].actions & action) != 0 && !conditions[i].holds(q, v)) {
            v->reason = conditions[i].reason;
            return true;
        }
    }
    v->reason = REASON_ALLOWED;
    return false;
}

/* ---- where it stands ---- */

/* scope_pos - of what the name would have to be added to. */
static struct pos scope_pos(const struct rule *rule, const struct name *name)
{
    for (unsigned i = 0; i < rule->num_scopes; i++) {
        const struct pattern_list *scope = rule->scopes[i];
        if (scope->num == 0 || list_covers(scope, name, NULL)) {
            continue;
        }
        for (size_t k = 0; k < scope->num; k++) {
            if (scope->items[k].kind == name->kind) {
                return scope->items[k].at;
            }
        }
        return scope->items[0].at;
    }
    return rule->pos;
}

struct diag_place verdict_place(const struct question *q, const struct verdict *v)
{
    struct pos at = v->rule->at[v->reason];
    if (v->reason == REASON_OUT_OF_SCOPE && v->name_index < q->ask->num_names) {
        at = scope_pos(v->rule, &q->ask->names[v->name_index]);
    } else if (v->reason == REASON_COMMON_NAME && v->out_of_scope && q->cn_is_name) {
        at = scope_pos(v->rule, &q->cn_name);
    }
    return rule_place(q->policy, at.line != 0 ? at : v->rule->pos);
}
