/* decide_subject.c - see verdict.h: the subject attributes that are asked for against those that a
 * rule allows, demands and fixes. */
#include "policy/verdict.h"

static const struct subject_rule *about(const struct rule *rule, enum subject_attr_type type)
{
    return rule->issue->subject == NULL ? NULL : &rule->issue->subject[type];
}

static bool has_fixed(const struct subject_rule *rule)
{
    return rule != NULL && rule->fixed.ptr != NULL;
}

static bool lists(const struct text_list *list, struct slice text)
{
    for (size_t i = 0; i < list->num; i++) {
        if (slice_eq(list->items[i], text)) {
            return true;
        }
    }
    return false;
}

/* num_before - how many of the first num attributes asked for are of this type. */
static unsigned num_before(const struct policy_ask *ask, size_t num, enum subject_attr_type type)
{
    unsigned count = 0;
    for (size_t i = 0; i < num; i++) {
        count += ask->subject[i].type == type ? 1U : 0U;
    }
    return count;
}

/* asked_fails - attribute number i of the request. */
static bool asked_fails(const struct question *q, struct verdict *v, size_t i)
{
    const struct subject_attr *attr = &q->ask->subject[i];
    const struct subject_rule *rule = about(v->rule, attr->type);
    const unsigned before = num_before(q->ask, i, attr->type);
    v->attr_type = attr->type;
    v->attr_index = i;
    if (has_fixed(rule)) {
        v->fault = before > 0 ? SUBJECT_TOO_OFTEN : SUBJECT_NOT_FIXED;
        return before > 0 || !slice_eq(attr->value, rule->fixed);
    }
    if (rule == NULL || rule->max == 0 || !lists(&rule->values, attr->value)) {
        v->fault = SUBJECT_NOT_ALLOWED;
        return true;
    }
    v->fault = SUBJECT_TOO_OFTEN;
    return before >= rule->max;
}

static bool is_missing(const struct question *q, struct verdict *v, enum subject_attr_type type)
{
    const struct subject_rule *rule = about(v->rule, type);
    v->attr_type = type;
    v->fault = SUBJECT_MISSING;
    return rule != NULL && rule->required && !has_fixed(rule) &&
           num_before(q->ask, q->ask->num_subject, type) == 0;
}

/* takes - would this rule let the value stand in a certificate? */
static bool takes(const struct subject_rule *rule, struct slice value)
{
    if (has_fixed(rule)) {
        return slice_eq(rule->fixed, value);
    }
    return rule != NULL && rule->max > 0 && lists(&rule->values, value);
}

/* conflicts - what one of two rules fills in, the other must allow as if it had been asked for. Where
 * the attribute is asked for, one of them has refused it already. */
static bool conflicts(const struct question *q, struct verdict *v, enum subject_attr_type type)
{
    if (q->delegate == NULL || num_before(q->ask, q->ask->num_subject, type) > 0) {
        return false;
    }
    const struct subject_rule *rule = about(v->rule, type);
    const struct subject_rule *other = about(q->delegate, type);
    v->attr_type = type;
    v->fault = SUBJECT_CONFLICT;
    return (has_fixed(rule) && !takes(other, rule->fixed)) ||
           (has_fixed(other) && !takes(rule, other->fixed));
}

bool subject_next_fault(const struct question *q, struct verdict *v, size_t *step)
{
    const size_t asked = q->ask->num_subject;
    while (*step < asked + 2 * (size_t)SUBJECT_ATTR_COUNT) {
        const size_t i = (*step)++;
        const enum subject_attr_type type =
            i < asked ? q->ask->subject[i].type
                      : (enum subject_attr_type)((i - asked) % SUBJECT_ATTR_COUNT);
        const bool fails = i < asked                        ? asked_fails(q, v, i)
                           : i < asked + SUBJECT_ATTR_COUNT ? is_missing(q, v, type)
                                                            : conflicts(q, v, type);
        if (fails) {
            return true;
        }
    }
    return false;
}

static bool is_added(const struct policy_decision *d, enum subject_attr_type type)
{
    for (size_t i = 0; i < d->num_fixed; i++) {
        if (d->fixed[i].type == type) {
            return true;
        }
    }
    return false;
}

void subject_add_fixed(const struct rule *rule, const struct policy_ask *ask,
                       struct policy_decision *ret)
{
    for (unsigned i = 0; i < SUBJECT_ATTR_COUNT; i++) {
        const enum subject_attr_type type = (enum subject_attr_type)i;
        const struct subject_rule *about_it = about(rule, type);
        if (has_fixed(about_it) && num_before(ask, ask->num_subject, type) == 0 &&
            !is_added(ret, type)) {
            ret->fixed[ret->num_fixed++] = (struct subject_attr){type, about_it->fixed};
        }
    }
}
