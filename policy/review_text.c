/* review_text.c - see review_text.h. Words only: it compares nothing and decides nothing. */
#include "policy/review_text.h"

void review_pattern(struct buf *out, const struct pattern *p)
{
    const char *front = "";
    switch (p->shape) {
    case PATTERN_ONE:
        front = p->kind == NAME_EMAIL ? "*@" : "*.";
        break;
    case PATTERN_MANY:
        front = p->kind == NAME_EMAIL ? "*@**." : "**.";
        break;
    case PATTERN_ALL:
        buf_add_str(out, "**");
        return;
    case PATTERN_REGEX:
        front = "regex ";
        break;
    case PATTERN_EXACT:
    case PATTERN_NET:
    case PATTERN_GLOB:
        break;
    }
    buf_add_str(out, front);
    buf_add_slice(out, p->text);
    if (p->shape == PATTERN_NET && p->bits < p->ip_len * 8U) {
        buf_printf(out, "/%u", p->bits);
    }
}

static void add_more(struct buf *out, size_t num, size_t max)
{
    if (max != 0 && num > max) {
        buf_printf(out, " and %zu more", num - max);
    }
}

void review_names(struct buf *out, const struct pattern_list *names, size_t max)
{
    for (size_t i = 0; i < names->num && (max == 0 || i < max); i++) {
        const struct pattern *p = &names->items[i];
        const bool is_same_kind = i > 0 && names->items[i - 1].kind == p->kind;
        buf_printf(out, "%s%s%s\"", i == 0 ? "" : (is_same_kind ? ", " : "; "),
                   is_same_kind ? "" : name_kind_word(p->kind), is_same_kind ? "" : " ");
        review_pattern(out, p);
        buf_add_char(out, '"');
    }
    add_more(out, names->num, max);
}

/* ---- keys ---- */

void review_rsa(struct buf *out, unsigned min, unsigned max)
{
    if (min == max) {
        buf_printf(out, "rsa %u", min);
    } else {
        buf_printf(out, "rsa %u to %u", min, max);
    }
}

static void add_separator(struct buf *out, size_t start, const char *separator)
{
    if (buf_slice(out).len > start) {
        buf_add_str(out, separator);
    }
}

void review_keys(struct buf *out, const struct key_rule *keys)
{
    const size_t start = buf_slice(out).len;
    const struct {
        bool allowed;
        const char *text;
    } curves[] = {{keys->ecdsa_256, "ecdsa 256"},
                  {keys->ecdsa_384, "ecdsa 384"},
                  {keys->ecdsa_521, "ecdsa 521"}};
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (curves[i].allowed) {
            add_separator(out, start, ", ");
            buf_add_str(out, curves[i].text);
        }
    }
    if (keys->rsa_max != 0) {
        add_separator(out, start, ", ");
        review_rsa(out, keys->rsa_min, keys->rsa_max);
    }
    for (size_t i = 0; i < keys->num_rsa_sizes; i++) {
        add_separator(out, start, ", ");
        review_rsa(out, keys->rsa_sizes[i], keys->rsa_sizes[i]);
    }
}

/* ---- time ---- */

void review_seconds(struct buf *out, uint64_t seconds)
{
    if (seconds == 0) {
        buf_add_str(out, "unlimited");
    } else if (seconds % 3600 == 0) {
        buf_printf(out, "%lluh", (unsigned long long)(seconds / 3600));
    } else if (seconds % 60 == 0) {
        buf_printf(out, "%llum", (unsigned long long)(seconds / 60));
    } else {
        buf_printf(out, "%llus", (unsigned long long)seconds);
    }
}

void review_rate(struct buf *out, const struct policy_quota *quota)
{
    buf_printf(out, "%u per ", quota->rate_count);
    if (quota->rate_per_ms % 1000 == 0) {
        review_seconds(out, quota->rate_per_ms / 1000);
    } else {
        buf_printf(out, "%llums", (unsigned long long)quota->rate_per_ms);
    }
    buf_printf(out, ", burst %u", quota->rate_burst);
}

static void add_days(struct buf *out, unsigned days)
{
    static const char *const words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const size_t start = buf_slice(out).len;
    for (unsigned day = 0; day < 7; day++) {
        if ((days >> day & 1U) == 0) {
            continue;
        }
        unsigned last = day;
        while (last + 1 < 7 && (days >> (last + 1) & 1U) != 0) {
            last++;
        }
        add_separator(out, start, ",");
        buf_printf(out, last == day ? "%s" : "%s-%s", words[day], words[last]);
        day = last;
    }
}

void review_when(struct buf *out, const struct time_window *when)
{
    if (when == NULL) {
        buf_add_str(out, "always");
        return;
    }
    add_days(out, when->days);
    for (size_t i = 0; i < when->num_hours; i++) {
        const struct minutes *m = &when->hours[i];
        buf_printf(out, "%s%02u:%02u-%02u:%02u", i == 0 ? " " : ",", m->from / 60U, m->from % 60U,
                   m->to / 60U, m->to % 60U);
    }
    buf_printf(out, " %s", zone_name(when->zone));
}

/* ---- the rest ---- */

void review_common_name(struct buf *out, const struct issue_rule *issue)
{
    switch (issue->cn) {
    case CN_IN_NAMES:
        buf_add_str(out, "in_names");
        return;
    case CN_ABSENT:
        buf_add_str(out, "absent");
        return;
    case CN_ANY:
        buf_add_str(out, "any");
        return;
    case CN_LISTED:
        break;
    }
    const size_t start = buf_slice(out).len;
    for (size_t i = 0; i < issue->cn_patterns.num; i++) {
        add_separator(out, start, ", ");
        buf_add_char(out, '"');
        review_pattern(out, &issue->cn_patterns.items[i]);
        buf_add_char(out, '"');
    }
    for (size_t i = 0; i < issue->cn_texts.num; i++) {
        add_separator(out, start, ", ");
        buf_printf(out, "\"%.*s\"", (int)issue->cn_texts.items[i].len,
                   issue->cn_texts.items[i].ptr);
    }
}

const char *review_revoke(enum revoke_scope scope)
{
    static const char *const words[] = {
        [REVOKE_SCOPE_OWN] = "own", [REVOKE_SCOPE_NAMES] = "names", [REVOKE_SCOPE_ANY] = "any"};
    return words[scope];
}

const char *review_credential_kind(enum credential_kind kind)
{
    static const char *const words[CREDENTIAL_KIND_COUNT] = {
        [CRED_MTLS_URI] = "mtls uri", [CRED_MTLS_DNS] = "mtls dns", [CRED_MTLS_SPKI] = "mtls spki",
        [CRED_MTLS_CN] = "mtls cn",   [CRED_BEARER] = "bearer",     [CRED_JWT] = "jwt"};
    return words[kind];
}

static void add_actions(struct buf *out, const struct rule *rule)
{
    const size_t start = buf_slice(out).len;
    if (rule->deny && rule->actions == (1U << POLICY_ACTION_COUNT) - 1) {
        buf_add_str(out, "everything");
        return;
    }
    for (unsigned i = 0; i < POLICY_ACTION_COUNT; i++) {
        if ((rule->actions & 1U << i) != 0) {
            add_separator(out, start, ", ");
            buf_add_str(out, policy_action_word((enum policy_action)i));
        }
    }
    if ((rule->actions & action_bit(ACTION_REVOKE)) != 0 && !rule->deny &&
        rule->revoke != REVOKE_SCOPE_OWN) {
        buf_printf(out, " %s", review_revoke(rule->revoke));
    }
}

void review_what(struct buf *out, const struct rule *rule, size_t max)
{
    const struct issue_rule *issue = rule->issue;
    const char *const *profiles = rule->deny ? rule->deny_profiles : issue->profiles;
    const size_t num_profiles = rule->deny ? rule->num_deny_profiles : issue->num_profiles;
    add_actions(out, rule);
    if (rule->names.num > 0) {
        buf_add_str(out, ": ");
        review_names(out, &rule->names, max);
    }
    for (size_t i = 0; i < num_profiles && (max == 0 || i < max); i++) {
        buf_printf(out, "%s%s", i == 0 ? "; profile " : ", ", profiles[i]);
    }
    add_more(out, num_profiles, max);
    if (rule->quota.rate_count != 0) {
        buf_add_str(out, "; rate ");
        review_rate(out, &rule->quota);
    }
    if (rule->quota.max_active != 0) {
        buf_printf(out, "; max_active %u", rule->quota.max_active);
    }
}
