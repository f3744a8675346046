/* load_limits.c - how much of what an allow rule allows there may be: names in a certificate, its life,
 * requests in a time, certificates at once. */
#include "policy/load.h"

#define MS_PER_S 1000ULL
#define VALIDITY_MIN_MS (60U * MS_PER_S)
#define VALIDITY_MAX_MS (36500ULL * 86400U * MS_PER_S)
#define PER_MIN_MS MS_PER_S
#define PER_MAX_MS (30ULL * 86400U * MS_PER_S)
#define COUNT_MAX 1000000U

static void load_max_names(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    uint64_t max_names = POLICY_NAMES_MAX;
    rule->at[REASON_TOO_MANY_NAMES] = load_pos(ld, n);
    (void)yaml_read_u64(&ld->r, n, "max_names", 1, POLICY_NAMES_MAX, &max_names);
    rule->issue->max_names = (unsigned)max_names;
}

static void load_max_validity(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    uint64_t ms = 0;
    if (n != NULL && n->kind == YAML_SCALAR && slice_eq(n->text, SLICE("unlimited"))) {
        load_danger(ld, n,
                    "max_validity: unlimited lets a certificate live as long as the CA's profile "
                    "says");
        return;
    }
    if (n != NULL && n->kind == YAML_SCALAR && n->text.len > 0 && !ascii_is_digit(n->text.ptr[0])) {
        char quoted[NAME_QUOTE_SIZE];
        yaml_complain(&ld->r, n,
                      "max_validity must be a duration such as 720h or 30d, or the word unlimited, "
                      "not \"%s\"",
                      name_quote(n->text, quoted));
        return;
    }
    (void)yaml_read_duration_ms(&ld->r, n, "max_validity", VALIDITY_MIN_MS, VALIDITY_MAX_MS, &ms);
    rule->issue->max_validity_s = ms / MS_PER_S;
}

/* ---- rate ---- */

static uint32_t read_count(struct loader *ld, const struct yaml_node *n, const char *what,
                           uint32_t otherwise)
{
    uint64_t count = otherwise;
    (void)yaml_read_u64(&ld->r, n, what, 1, COUNT_MAX, &count);
    return (uint32_t)count;
}

static void load_rate(struct loader *ld, const struct yaml_node *n, struct policy_quota *quota)
{
    static const char *const keys[] = {"count", "per", "burst", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"limit", "count"},  {"requests", "count"}, {"max", "count"}, {"period", "per"},
        {"interval", "per"}, {"window", "per"},     {NULL, NULL}};
    if (n != NULL && n->kind != YAML_MAP) {
        yaml_complain(&ld->r, n, "rate must be a map such as { count: 30, per: 1m }");
        return;
    }
    if (n == NULL || !load_map(ld, n, "rate", keys, synonyms)) {
        return;
    }
    const struct yaml_node *count = yaml_get(n, "count");
    const struct yaml_node *per = yaml_get(n, "per");
    if (count == NULL || per == NULL) {
        yaml_complain(&ld->r, n, "rate needs count and per, as in { count: 30, per: 1m }");
        return;
    }
    quota->rate_count = read_count(ld, count, "rate: count", 0);
    (void)yaml_read_duration_ms(&ld->r, per, "rate: per", PER_MIN_MS, PER_MAX_MS,
                                &quota->rate_per_ms);
    quota->rate_burst = read_count(ld, yaml_get(n, "burst"), "rate: burst", quota->rate_count);
}

/* ---- certificates at once ---- */

static void load_active(struct loader *ld, const struct yaml_node *rule_node,
                        struct policy_quota *quota)
{
    const struct yaml_node *oldest = yaml_get(rule_node, "auto_revoke_oldest");
    quota->max_active = read_count(ld, yaml_get(rule_node, "max_active"), "max_active", 0);
    (void)yaml_read_bool(&ld->r, oldest, "auto_revoke_oldest", &quota->auto_revoke_oldest);
    if (quota->auto_revoke_oldest && yaml_get(rule_node, "max_active") == NULL) {
        yaml_complain(&ld->r, oldest,
                      "auto_revoke_oldest needs max_active: how many certificates there may be "
                      "before the oldest is revoked");
    }
}

void load_limits(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    load_max_names(ld, yaml_get(n, "max_names"), rule);
    load_max_validity(ld, yaml_get(n, "max_validity"), rule);
    load_rate(ld, yaml_get(n, "rate"), &rule->quota);
    load_active(ld, n, &rule->quota);
    if (rule->quota.rate_count > 0 || rule->quota.max_active > 0) {
        rule->quota.rule_id = rule->id;
    }
}
