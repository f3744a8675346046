/* trace_change.c - see trace_words.h: what to edit in a rule so that a condition holds. Says it in the
 * words of the policy; decides nothing. */
#include "broker/base/clock.h"
#include "policy/suffix.h"
#include "policy/trace_words.h"

#define LISTED_MAX 5U /* names in one edit; the others are counted */

static bool is_control(struct slice s, size_t i)
{
    const unsigned char c = (unsigned char)s.ptr[i];
    const unsigned char next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : 0;
    return c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f);
}

bool trace_quotable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_control(text, i)) {
            return false;
        }
    }
    return utf8_valid(text);
}

void trace_quote(struct buf *out, struct slice text)
{
    const bool as_it_is = trace_quotable(text);
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, as_it_is || ascii_is_print(c) ? c : '?');
    }
    buf_add_char(out, '"');
}

bool trace_needs_broad(const struct name *name)
{
    struct arena arena;
    struct pattern p;
    struct cb_err err;
    arena_init(&arena, (size_t)8 * NAME_TEXT_MAX);
    const bool broad =
        pattern_parse(&arena, name->kind, name->text, &p, &err) == CB_OK && suffix_is_broad(&p);
    arena_free(&arena);
    return broad;
}

/* and_then - between two edits of one change. */
static void and_then(struct buf *out, size_t start)
{
    if (out->len > start) {
        buf_add_str(out, "; ");
    }
}

/* ---- names ---- */

typedef bool name_holds_fn(const struct question *q, const struct rule *rule,
                           const struct name *name);

static bool is_listed(const struct question *q, const struct rule *rule, const struct name *name)
{
    /* With wildcards: true it would be covered: that is another edit. */
    struct rule with = *rule;
    with.wildcards = true;
    return name_is_covered(q, &with, name);
}

static bool is_in_scope(const struct question *q, const struct rule *rule, const struct name *name)
{
    (void)q;
    return name_is_in_scope(rule, name);
}

/* list_names - those of one kind that do not hold, as `"a", "b" and 3 more`. False: there are none. */
static bool list_names(const struct question *q, const struct rule *rule, enum name_kind kind,
                       name_holds_fn *holds, const char *before, struct buf *out)
{
    size_t num = 0;
    for (size_t i = 0; i < q->ask->num_names; i++) {
        const struct name *name = &q->ask->names[i];
        if (name->kind != kind || holds(q, rule, name)) {
            continue;
        }
        num++;
        if (num <= LISTED_MAX) {
            buf_add_str(out, num == 1 ? before : ", ");
            trace_quote(out, name->text);
        }
    }
    if (num > LISTED_MAX) {
        buf_printf(out, " and %zu more", num - LISTED_MAX);
    }
    return num > 0;
}

static void change_names(const struct question *q, const struct rule *rule, struct buf *out)
{
    const size_t start = out->len;
    bool wildcards = false;
    bool broad = false;
    for (unsigned kind = 0; kind < NAME_KIND_COUNT; kind++) {
        const char *before = out->len == start ? "add " : "; add ";
        if (list_names(q, rule, (enum name_kind)kind, is_listed, before, out)) {
            buf_printf(out, " to names: %s:", name_kind_word((enum name_kind)kind));
        }
    }
    for (size_t i = 0; i < q->ask->num_names; i++) {
        const struct name *name = &q->ask->names[i];
        wildcards = wildcards || (name_is_wildcard(name) && !rule->wildcards);
        broad = broad || (!rule->broad && !is_listed(q, rule, name) && trace_needs_broad(name));
    }
    if (wildcards) {
        and_then(out, start);
        buf_add_str(out, "write wildcards: true");
    }
    if (broad) {
        and_then(out, start);
        buf_add_str(out, "write broad: true");
    }
}

static const char *file_of(const struct question *q, const struct rule *rule)
{
    return rule->pos.file < q->policy->num_sources ? q->policy->sources[rule->pos.file].name
                                                   : policy_file(q->policy);
}

static void change_scope(const struct question *q, const struct rule *rule, struct buf *out)
{
    const size_t start = out->len;
    for (unsigned kind = 0; kind < NAME_KIND_COUNT; kind++) {
        const char *before = out->len == start ? "add " : "; add ";
        if (list_names(q, rule, (enum name_kind)kind, is_in_scope, before, out)) {
            buf_printf(out, " to the scope of %s: %s:", file_of(q, rule),
                       name_kind_word((enum name_kind)kind));
        }
    }
}

/* ---- from where and when ---- */

static void change_time(const struct question *q, const struct time_window *when, struct buf *out)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const size_t start = out->len;
    const struct zone_time at = zone_at(when->zone, q->now_s);
    bool hour_holds = when->num_hours == 0;
    for (size_t i = 0; i < when->num_hours; i++) {
        const struct minutes *m = &when->hours[i];
        hour_holds =
            hour_holds || (at.minute >= m->from && (m->to <= m->from || at.minute < m->to));
    }
    if ((when->days & (1U << at.weekday)) == 0) {
        buf_printf(out, "add %s to when: days:", days[at.weekday]);
    }
    if (!hour_holds) {
        and_then(out, start);
        buf_printf(out, "widen when: hours: to include %02u:%02u", at.minute / 60, at.minute % 60);
    }
}

static void change_until(const struct question *q, const struct rule *rule, struct buf *out)
{
    char now[21];
    time_format_s(q->now_s, now);
    buf_printf(out, "extend until: to after %.10s (it is %s)", now, rule->until_text);
}

/* ---- common name ---- */

/* trace_cn_listable - an odd text would be read as a pattern, and allow more. */
bool trace_cn_listable(const struct question *q)
{
    const struct slice cn = q->ask->common_name;
    return q->cn_is_name ||
           (cn.len > 0 && cn.len <= 255 && trace_quotable(cn) && !slice_has_byte(cn, '*') &&
            !slice_has_byte(cn, '/') && !slice_has_byte(cn, '{'));
}

static void change_common_name(const struct question *q, const struct verdict *v, struct buf *out)
{
    const struct rule *rule = v->rule;
    const enum cn_mode mode = rule->issue->cn;
    if (!trace_cn_listable(q) || (rule->num_scopes > 0 && !q->cn_is_name)) {
        return;
    }
    if (v->out_of_scope) {
        buf_add_str(out, "add ");
        trace_quote(out, q->cn_name.text);
        buf_printf(out, " to the scope of %s: %s:", file_of(q, rule),
                   name_kind_word(q->cn_name.kind));
        return;
    }
    if (mode == CN_ABSENT && cn_is_asked_name(q)) {
        buf_add_str(out, "write common_name: in_names");
        return;
    }
    if (mode == CN_LISTED) {
        buf_add_str(out, "add ");
        trace_quote(out, q->ask->common_name);
        buf_add_str(out, " to common_name:");
    } else {
        buf_add_str(out, "write common_name: [");
        trace_quote(out, q->ask->common_name);
        buf_add_str(out, mode == CN_IN_NAMES ? "] and list the other common names, too" : "]");
    }
    if (q->cn_is_name && name_is_wildcard(&q->cn_name) && !rule->wildcards) {
        buf_add_str(out, "; write wildcards: true");
    }
}

/* ---- subject and key ---- */

static void change_attr(const struct question *q, const struct verdict *v, struct buf *out)
{
    const char *word = subject_attr_word(v->attr_type);
    unsigned asked = 0;
    for (size_t i = 0; i < q->ask->num_subject; i++) {
        asked += q->ask->subject[i].type == v->attr_type ? 1U : 0U;
    }
    switch (v->fault) {
    case SUBJECT_NOT_ALLOWED:
        buf_add_str(out, "add ");
        trace_quote(out, q->ask->subject[v->attr_index].value);
        buf_printf(out, " to subject: %s:", word);
        break;
    case SUBJECT_TOO_OFTEN:
        buf_printf(out, "set max of subject: %s: to %u", word, asked);
        break;
    case SUBJECT_NOT_FIXED:
        buf_printf(out, "set fixed of subject: %s: to ", word);
        trace_quote(out, q->ask->subject[v->attr_index].value);
        break;
    case SUBJECT_MISSING:
        buf_printf(out, "write required: false in subject: %s:", word);
        break;
    case SUBJECT_CONFLICT:
        buf_printf(out, "set fixed of subject: %s: to the same in rules %s and %s", word,
                   v->rule->id, q->delegate->id);
        break;
    }
}

static void change_subject(const struct question *q, const struct verdict *v, struct buf *out)
{
    const size_t start = out->len;
    struct verdict fault = *v;
    size_t step = 0;
    while (subject_next_fault(q, &fault, &step)) {
        and_then(out, start);
        change_attr(q, &fault, out);
    }
}

static void change_rsa(const struct key_rule *keys, bool written, unsigned bits, struct buf *out)
{
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
        return; /* no rule can allow it */
    }
    if (!written) {
        buf_printf(out, "write keys: {ecdsa: [256, 384, 521], rsa: {min: %u, max: %u}}",
                   RSA_BITS_MIN, bits);
    } else if (keys->rsa_max != 0) {
        buf_printf(out, "set %s of keys: rsa: to %u", bits < keys->rsa_min ? "min" : "max", bits);
    } else {
        buf_printf(out, "add %u to keys: rsa:", bits);
    }
}

static void change_key(const struct question *q, const struct rule *rule, struct buf *out)
{
    const unsigned bits = q->ask->key_bits;
    switch (q->ask->key_algo) {
    case KEY_ECDSA:
        if (bits == 256 || bits == 384 || bits == 521) {
            buf_printf(out, "add %u to keys: ecdsa:", bits);
        }
        break;
    case KEY_RSA:
        change_rsa(&rule->issue->keys, rule->at[REASON_KEY].line != 0, bits, out);
        break;
    }
}

/* ---- whose certificate it is ---- */

static void add_part(struct buf *out, size_t start, struct buf *part)
{
    if (part->len > 0) {
        and_then(out, start);
        buf_add_slice(out, buf_slice(part));
        buf_reset(part);
    }
}

static void change_owner(const struct question *q, const struct rule *rule, struct buf *out)
{
    if (q->ask->num_names == 0) {
        if (rule->num_scopes == 0) {
            buf_add_str(out, "write revoke: any");
        }
        return;
    }
    const size_t start = out->len;
    if (rule->revoke != REVOKE_SCOPE_NAMES) {
        buf_add_str(out, "write revoke: names");
    }
    struct buf part;
    buf_init(&part, out->cap);
    change_names(q, rule, &part);
    add_part(out, start, &part);
    change_scope(q, rule, &part);
    add_part(out, start, &part);
    buf_free(&part);
}

/* change_profile - "default", which no profile stands for, need not be one of the CA's. */
static void change_profile(const struct question *q, const struct rule *rule, struct buf *out)
{
    const struct issue_rule *issue = rule->issue;
    if (!q->ask->profile_omitted || issue->num_profiles == 0) {
        buf_add_str(out, "add ");
        trace_quote(out, q->ask->profile);
        buf_add_str(out, " to profiles:");
        return;
    }
    buf_add_str(out, "the request names no profile, and this rule has ");
    for (size_t i = 0; i < issue->num_profiles && i < LISTED_MAX; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", issue->profiles[i]);
    }
    if (issue->num_profiles > LISTED_MAX) {
        buf_printf(out, " and %zu more", issue->num_profiles - LISTED_MAX);
    }
    buf_add_str(out, ": name one in the request");
}

void trace_change(const struct question *q, const struct verdict *v, struct buf *out)
{
    const struct rule *rule = v->rule;
    switch (v->reason) {
    case REASON_ALLOWED:
    case REASON_DENY_RULE:
    case REASON_UNKNOWN_PARTY:
    case REASON_NOT_DELEGATED:
    case REASON_NO_RULE:
        break;
    case REASON_RULE_EXPIRED:
        change_until(q, rule, out);
        break;
    case REASON_SOURCE:
        if (q->asker->peer != NULL) {
            buf_add_str(out, "add ");
            trace_quote(out, q->asker->peer->text);
            buf_add_str(out, " to from:");
        }
        break;
    case REASON_TIME:
        change_time(q, rule->when, out);
        break;
    case REASON_NO_NAMES:
        if (rule->num_scopes == 0) {
            buf_add_str(out, "write no_names: true");
        }
        break;
    case REASON_TOO_MANY_NAMES:
        if (q->ask->num_names <= POLICY_NAMES_MAX) {
            buf_printf(out, "set max_names to %zu", q->ask->num_names);
        }
        break;
    case REASON_NAME_NOT_ALLOWED:
        change_names(q, rule, out);
        break;
    case REASON_OUT_OF_SCOPE:
        change_scope(q, rule, out);
        break;
    case REASON_COMMON_NAME:
        change_common_name(q, v, out);
        break;
    case REASON_SUBJECT:
        change_subject(q, v, out);
        break;
    case REASON_KEY:
        change_key(q, rule, out);
        break;
    case REASON_PROFILE:
        change_profile(q, rule, out);
        break;
    case REASON_NOT_OWNER:
        change_owner(q, rule, out);
        break;
    case REASON_UNKNOWN_CERT:
        if (rule->num_scopes == 0) {
            buf_add_str(out, "write revoke: any");
        }
        break;
    }
}
