/* diff_terms.c - see diff_parts.h: the conditions of a grant that are wider or narrower as a whole, and
 * what is said of them. */
#include "broker/base/clock.h"
#include "policy/diff_parts.h"
#include "policy/review_text.h"

#define SAID_MAX ((size_t)1 << 20)

static bool has_text(const struct text_list *list, struct slice text)
{
    for (size_t i = 0; i < list->num; i++) {
        if (slice_eq(list->items[i], text)) {
            return true;
        }
    }
    return false;
}

static const char *now_or_before(const struct diff *d)
{
    return d->gains ? "before" : "now";
}

/* ---- how long, and when ---- */

static bool until_within(const struct grant *g, const struct grant *other)
{
    return g->rule->until_s <= other->rule->until_s;
}

static void add_until(struct buf *out, const struct rule *rule)
{
    if (rule->until_s == INT64_MAX) {
        buf_add_str(out, "without an end");
        return;
    }
    char text[21];
    time_format_s(rule->until_s, text);
    buf_printf(out, "until %s", rule->until_text == NULL ? text : rule->until_text);
}

static void until_say(const struct diff *d, const struct grant *g, const struct grant *other,
                      struct buf *out)
{
    add_until(out, g->rule);
    buf_add_str(out, " (");
    add_until(out, other->rule);
    buf_printf(out, " %s)", now_or_before(d));
}

static bool hours_within(const struct minutes *m, const struct time_window *other)
{
    for (size_t i = 0; i < other->num_hours; i++) {
        const struct minutes *o = &other->hours[i];
        const bool same_side = (m->to <= m->from) == (o->to <= o->from);
        if (same_side && o->from <= m->from && m->to <= o->to) {
            return true;
        }
    }
    return other->num_hours == 0;
}

/* Over midnight a window counts to the day on which it began; a whole day does not reach the next. */
static bool when_within(const struct grant *g, const struct grant *other)
{
    const struct time_window *a = g->rule->when;
    const struct time_window *b = other->rule->when;
    if (b == NULL) {
        return true;
    }
    if (a == NULL || (a->days & (unsigned)~b->days) != 0 ||
        strcmp(zone_name(a->zone), zone_name(b->zone)) != 0) {
        return false;
    }
    for (size_t i = 0; i < a->num_hours; i++) {
        const bool over_midnight = a->hours[i].to <= a->hours[i].from;
        if ((over_midnight && b->num_hours == 0 && b->days != 0x7f) ||
            !hours_within(&a->hours[i], b)) {
            return false;
        }
    }
    return a->num_hours > 0 || b->num_hours == 0;
}

static void when_say(const struct diff *d, const struct grant *g, const struct grant *other,
                     struct buf *out)
{
    buf_add_str(out, "when ");
    review_when(out, g->rule->when);
    buf_add_str(out, " (");
    review_when(out, other->rule->when);
    buf_printf(out, " %s)", now_or_before(d));
}

/* ---- names ---- */

static bool has_wildcard_pattern(const struct grant *g)
{
    const struct pattern_list *const lists[] = {&g->names, &g->cn_patterns};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->num; i++) {
            if (pattern_matches_wildcards(&lists[k]->items[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool wildcards_within(const struct grant *g, const struct grant *other)
{
    return g->action == ACTION_INFO || !g->rule->wildcards || other->rule->wildcards ||
           !has_wildcard_pattern(g);
}

static void wildcards_say(const struct diff *d, const struct grant *g, const struct grant *other,
                          struct buf *out)
{
    (void)d;
    (void)g;
    (void)other;
    buf_add_str(out, "wildcard names");
}

static bool max_names_within(const struct grant *g, const struct grant *other)
{
    return g->action != ACTION_NEWCERT ||
           g->rule->issue->max_names <= other->rule->issue->max_names;
}

static void max_names_say(const struct diff *d, const struct grant *g, const struct grant *other,
                          struct buf *out)
{
    buf_printf(out, "max_names %u (%u %s)", g->rule->issue->max_names,
               other->rule->issue->max_names, now_or_before(d));
}

static bool no_names_within(const struct grant *g, const struct grant *other)
{
    return g->action != ACTION_NEWCERT || !g->rule->issue->no_names || other->rule->issue->no_names;
}

static void no_names_say(const struct diff *d, const struct grant *g, const struct grant *other,
                         struct buf *out)
{
    (void)d;
    (void)g;
    (void)other;
    buf_add_str(out, "certificates without a host name or address");
}

/* ---- common name ---- */

static bool is_host(const struct pattern *p)
{
    return p->kind == NAME_DNS || p->kind == NAME_IP;
}

static bool names_within_listed(const struct grant *g, const struct grant *other)
{
    for (size_t i = 0; i < g->names.num; i++) {
        if (is_host(&g->names.items[i]) &&
            !grant_within_any(&g->names.items[i], &other->cn_patterns)) {
            return false;
        }
    }
    return true;
}

static bool listed_within(const struct grant *g, const struct grant *other)
{
    for (size_t i = 0; i < g->cn_patterns.num; i++) {
        if (!grant_within_any(&g->cn_patterns.items[i], &other->cn_patterns) ||
            !grant_in_scope(&g->cn_patterns.items[i], g, other)) {
            return false;
        }
    }
    const struct text_list *texts = &g->rule->issue->cn_texts;
    for (size_t i = 0; i < texts->num; i++) {
        if (!has_text(&other->rule->issue->cn_texts, texts->items[i])) {
            return false;
        }
    }
    return true;
}

static bool common_name_within(const struct grant *g, const struct grant *other)
{
    const enum cn_mode a = g->rule->issue->cn;
    const enum cn_mode b = other->rule->issue->cn;
    if (g->action != ACTION_NEWCERT || a == CN_ABSENT || b == CN_ANY) {
        return true;
    }
    if (a == CN_IN_NAMES) {
        return b == CN_IN_NAMES || (b == CN_LISTED && names_within_listed(g, other));
    }
    return a == CN_LISTED && b == CN_LISTED && listed_within(g, other);
}

static void common_name_say(const struct diff *d, const struct grant *g, const struct grant *other,
                            struct buf *out)
{
    buf_add_str(out, "common_name ");
    review_common_name(out, g->rule->issue);
    buf_add_str(out, " (");
    review_common_name(out, other->rule->issue);
    buf_printf(out, " %s)", now_or_before(d));
}

/* ---- subject ---- */

static const struct subject_rule no_subject;

static const struct subject_rule *subject_of(const struct grant *g, unsigned type)
{
    const struct subject_rule *all = g->rule->issue->subject;
    return all == NULL ? &no_subject : &all[type];
}

/* attribute_within - out (NULL: only ask) gets what is allowed by a and not by b, or nothing. */
static bool attribute_within(const struct subject_rule *a, const struct subject_rule *b,
                             const char *word, struct buf *out)
{
    bool within = true;
    for (size_t i = 0; i < a->values.num && a->max > 0; i++) {
        if (b->max > 0 && has_text(&b->values, a->values.items[i])) {
            continue;
        }
        if (out == NULL) {
            return false;
        }
        buf_printf(out, "%s %s=\"%.*s\"", within ? "" : ",", word, (int)a->values.items[i].len,
                   a->values.items[i].ptr);
        within = false;
    }
    if (a->max > b->max && b->max > 0 && a->values.num > 0) {
        within = false;
        if (out != NULL) {
            buf_printf(out, " %u times %s (not %u)", a->max, word, b->max);
        }
    }
    if (b->required && b->fixed.ptr == NULL && !a->required) {
        within = false;
        if (out != NULL) {
            buf_printf(out, " without %s", word);
        }
    }
    return within;
}

static bool subject_within(const struct grant *g, const struct grant *other)
{
    for (unsigned type = 0; type < SUBJECT_ATTR_COUNT && g->action == ACTION_NEWCERT; type++) {
        if (!attribute_within(subject_of(g, type), subject_of(other, type), "", NULL)) {
            return false;
        }
    }
    return true;
}

static void subject_say(const struct diff *d, const struct grant *g, const struct grant *other,
                        struct buf *out)
{
    (void)d;
    buf_add_str(out, "subject");
    for (unsigned type = 0; type < SUBJECT_ATTR_COUNT; type++) {
        (void)attribute_within(subject_of(g, type), subject_of(other, type),
                               subject_attr_word((enum subject_attr_type)type), out);
    }
}

static bool fixed_within(const struct grant *g, const struct grant *other)
{
    for (unsigned type = 0; type < SUBJECT_ATTR_COUNT && g->action == ACTION_NEWCERT; type++) {
        const struct slice a = subject_of(g, type)->fixed;
        const struct slice b = subject_of(other, type)->fixed;
        if (a.ptr != NULL && (b.ptr == NULL || !slice_eq(a, b))) {
            return false;
        }
    }
    return true;
}

static void fixed_say(const struct diff *d, const struct grant *g, const struct grant *other,
                      struct buf *out)
{
    (void)d;
    buf_add_str(out, "subject");
    for (unsigned type = 0; type < SUBJECT_ATTR_COUNT; type++) {
        const struct slice a = subject_of(g, type)->fixed;
        const struct slice b = subject_of(other, type)->fixed;
        if (a.ptr != NULL && (b.ptr == NULL || !slice_eq(a, b))) {
            buf_printf(out, " %s=\"%.*s\"", subject_attr_word((enum subject_attr_type)type),
                       (int)a.len, a.ptr);
        }
    }
    buf_add_str(out, " filled in");
}

/* ---- limits ---- */

static bool max_validity_within(const struct grant *g, const struct grant *other)
{
    const uint64_t a = g->rule->issue->max_validity_s;
    const uint64_t b = other->rule->issue->max_validity_s;
    return g->action != ACTION_NEWCERT || b == 0 || (a != 0 && a <= b);
}

static void max_validity_say(const struct diff *d, const struct grant *g, const struct grant *other,
                             struct buf *out)
{
    buf_add_str(out, "max_validity ");
    review_seconds(out, g->rule->issue->max_validity_s);
    buf_add_str(out, " (");
    review_seconds(out, other->rule->issue->max_validity_s);
    buf_printf(out, " %s)", now_or_before(d));
}

static bool rate_within(const struct grant *g, const struct grant *other)
{
    const struct policy_quota *a = &g->rule->quota;
    const struct policy_quota *b = &other->rule->quota;
    uint64_t left = 0;
    uint64_t right = 0;
    if (g->action == ACTION_INFO || b->rate_count == 0) {
        return true;
    }
    if (__builtin_mul_overflow((uint64_t)a->rate_count, b->rate_per_ms, &left) ||
        __builtin_mul_overflow((uint64_t)b->rate_count, a->rate_per_ms, &right)) {
        return a->rate_count == b->rate_count && a->rate_per_ms == b->rate_per_ms &&
               a->rate_burst <= b->rate_burst;
    }
    return a->rate_count != 0 && a->rate_burst <= b->rate_burst && left <= right;
}

static void add_rate(struct buf *out, const struct policy_quota *quota)
{
    if (quota->rate_count == 0) {
        buf_add_str(out, "no rate limit");
    } else {
        buf_add_str(out, "rate ");
        review_rate(out, quota);
    }
}

static void rate_say(const struct diff *d, const struct grant *g, const struct grant *other,
                     struct buf *out)
{
    add_rate(out, &g->rule->quota);
    buf_add_str(out, " (");
    add_rate(out, &other->rule->quota);
    buf_printf(out, " %s)", now_or_before(d));
}

static bool max_active_within(const struct grant *g, const struct grant *other)
{
    const struct policy_quota *a = &g->rule->quota;
    const struct policy_quota *b = &other->rule->quota;
    if (g->action != ACTION_NEWCERT || b->max_active == 0) {
        return true;
    }
    return a->max_active != 0 && a->max_active <= b->max_active &&
           a->auto_revoke_oldest == b->auto_revoke_oldest;
}

static void add_max_active(struct buf *out, const struct policy_quota *quota)
{
    if (quota->max_active == 0) {
        buf_add_str(out, "any number of active certificates");
    } else {
        buf_printf(out, "max_active %u%s", quota->max_active,
                   quota->auto_revoke_oldest ? ", past which the oldest goes" : "");
    }
}

static void max_active_say(const struct diff *d, const struct grant *g, const struct grant *other,
                           struct buf *out)
{
    const struct policy_quota *a = &g->rule->quota;
    const struct policy_quota *b = &other->rule->quota;
    if (a->max_active != 0 && a->max_active == b->max_active) {
        buf_printf(out, "max_active %u (%s %s)", a->max_active,
                   b->auto_revoke_oldest ? "the oldest goes" : "a further one is refused",
                   now_or_before(d));
        return;
    }
    add_max_active(out, a);
    buf_add_str(out, " (");
    add_max_active(out, b);
    buf_printf(out, " %s)", now_or_before(d));
}

/* ---- revoke ---- */

static bool revoke_within(const struct grant *g, const struct grant *other)
{
    return g->action != ACTION_REVOKE || g->rule->revoke <= other->rule->revoke;
}

static void revoke_say(const struct diff *d, const struct grant *g, const struct grant *other,
                       struct buf *out)
{
    buf_printf(out, "revoke %s (%s %s)", review_revoke(g->rule->revoke),
               review_revoke(other->rule->revoke), now_or_before(d));
}

/* ---- all of them ---- */

struct term {
    const char *what;
    bool (*within)(const struct grant *g, const struct grant *other);
    void (*say)(const struct diff *d, const struct grant *g, const struct grant *other,
                struct buf *out);
    bool is_limit; /* takes effect after the decision: it matters which rule comes first */
};

static const struct term terms[TERM_COUNT] = {
    {"until", until_within, until_say, false},
    {"when", when_within, when_say, false},
    {"wildcards", wildcards_within, wildcards_say, false},
    {"max_names", max_names_within, max_names_say, false},
    {"no_names", no_names_within, no_names_say, false},
    {"common_name", common_name_within, common_name_say, false},
    {"subject", subject_within, subject_say, false},
    {"subject", fixed_within, fixed_say, true},
    {"max_validity", max_validity_within, max_validity_say, true},
    {"rate", rate_within, rate_say, true},
    {"max_active", max_active_within, max_active_say, true},
    {"revoke", revoke_within, revoke_say, false},
};

bool terms_within(const struct grant *g, const struct grant *other, unsigned *ret_wider)
{
    unsigned wider = 0;
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        if (!terms[i].within(g, other)) {
            wider |= 1U << i;
            if (ret_wider == NULL) {
                return false;
            }
        }
    }
    if (ret_wider != NULL) {
        *ret_wider = wider;
    }
    return wider == 0;
}

static bool some_within(const struct grant *g, const struct grant *other, bool limits)
{
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        if (terms[i].is_limit == limits && !terms[i].within(g, other)) {
            return false;
        }
    }
    return true;
}

bool limits_within(const struct grant *g, const struct grant *other)
{
    return some_within(g, other, true);
}

bool requests_within(const struct grant *g, const struct grant *other)
{
    return grant_items_within(g, other) && some_within(g, other, false);
}

void terms_say(struct diff *d, const struct grant *g, const struct grant *other, unsigned wider,
               struct slice front)
{
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        struct buf text;
        if ((wider & 1U << i) == 0) {
            continue;
        }
        buf_init(&text, SAID_MAX);
        buf_add_slice(&text, front);
        terms[i].say(d, g, other, &text);
        diff_say(d, g->rule->id, terms[i].what, &text);
    }
}

void limits_say(struct diff *d, const struct grant *g, const struct grant *first)
{
    for (unsigned i = 0; i < TERM_COUNT; i++) {
        struct buf text;
        if (!terms[i].is_limit || terms[i].within(g, first)) {
            continue;
        }
        buf_init(&text, SAID_MAX);
        terms[i].say(d, g, first, &text);
        buf_printf(&text, " where rule %s comes first", first->rule->id);
        diff_say(d, g->rule->id, terms[i].what, &text);
    }
}
