/* load_conditions.c - what an allow rule demands of a request: everything but who and when. At the
 * end, combinations of fields that can't have been meant. */
#include "policy/load.h"

#define MS_PER_S 1000ULL
#define VALIDITY_MIN_MS (60U * MS_PER_S)
#define VALIDITY_MAX_MS (36500ULL * 86400U * MS_PER_S)

/* ---- keys ---- */

static void load_ecdsa(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    static const char *const words[] = {"256", "384", "521", NULL};
    if (!yaml_check_list(&ld->r, n, "keys: ecdsa")) {
        return;
    }
    bool *const flags[] = {&keys->ecdsa_256, &keys->ecdsa_384, &keys->ecdsa_521};
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        size_t i = 0;
        if (yaml_read_choice(&ld->r, item, "an ecdsa size", words, &i)) {
            *flags[i] = true;
        }
    }
}

static bool read_rsa_bits(struct loader *ld, const struct yaml_node *n, const char *what,
                          unsigned *ret)
{
    uint64_t bits = 0;
    if (!yaml_read_u64(&ld->r, n, what, RSA_BITS_MIN, RSA_BITS_MAX, &bits)) {
        return false;
    }
    *ret = (unsigned)bits;
    return true;
}

static void load_rsa_range(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    static const char *const words[] = {"min", "max", NULL};
    if (!load_map(ld, n, "keys: rsa", words, NULL)) {
        return;
    }
    if (n->num == 0) {
        yaml_complain(&ld->r, n, "keys: rsa needs min, max or both");
        return;
    }
    unsigned min = RSA_BITS_MIN;
    unsigned max = RSA_BITS_MAX;
    (void)read_rsa_bits(ld, yaml_get(n, "min"), "keys: rsa: min", &min);
    (void)read_rsa_bits(ld, yaml_get(n, "max"), "keys: rsa: max", &max);
    if (min > max) {
        yaml_complain(&ld->r, n, "keys: rsa: min is larger than max");
        return;
    }
    keys->rsa_min = min;
    keys->rsa_max = max;
}

static void load_rsa(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    if (n == NULL) {
        return;
    }
    if (n->kind != YAML_LIST) {
        load_rsa_range(ld, n, keys);
        return;
    }
    if (!yaml_check_list(&ld->r, n, "keys: rsa")) {
        return;
    }
    keys->rsa_sizes = load_array(ld, n->num, sizeof(*keys->rsa_sizes));
    for (const struct yaml_node *item = n->first; item != NULL && keys->rsa_sizes != NULL;
         item = item->next) {
        unsigned bits = 0;
        if (read_rsa_bits(ld, item, "an rsa size", &bits)) {
            keys->rsa_sizes[keys->num_rsa_sizes++] = bits;
        }
    }
}

static void load_keys(struct loader *ld, const struct yaml_node *n, struct key_rule *keys)
{
    static const char *const words[] = {"ecdsa", "rsa", NULL};
    static const struct yaml_synonym synonyms[] = {
        {"ec", "ecdsa"}, {"ecc", "ecdsa"}, {"algo", "ecdsa"}, {NULL, NULL}};
    if (n == NULL) {
        *keys = (struct key_rule){.ecdsa_256 = true,
                                  .ecdsa_384 = true,
                                  .ecdsa_521 = true,
                                  .rsa_min = RSA_BITS_MIN,
                                  .rsa_max = RSA_BITS_DEFAULT_MAX};
        return;
    }
    if (!load_map(ld, n, "keys", words, synonyms)) {
        return;
    }
    if (n->num == 0) {
        yaml_complain(&ld->r, n, "keys is an empty map: leave it out or put ecdsa or rsa in");
        return;
    }
    load_ecdsa(ld, yaml_get(n, "ecdsa"), keys);
    load_rsa(ld, yaml_get(n, "rsa"), keys);
}

/* ---- subject ---- */

static bool is_country(struct slice s)
{
    return s.len == 2 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z' && s.ptr[1] >= 'A' && s.ptr[1] <= 'Z';
}

static void add_value(struct loader *ld, const struct yaml_node *n, enum subject_attr_type type,
                      struct text_list *list)
{
    struct slice text;
    if (!load_printable(ld, n, subject_attr_word(type), 128, &text)) {
        return;
    }
    if (slice_eq(text, SLICE("*"))) {
        yaml_complain(&ld->r, n, "subject values are compared as they are: there is no *");
        return;
    }
    if (type == SUBJECT_C && !is_country(text)) {
        yaml_complain(&ld->r, n, "C must be a country's two capital letters, such as NL");
        return;
    }
    const char *copy = load_copy(ld, text);
    if (copy != NULL) {
        list->items[list->num++] = (struct slice){copy, text.len};
    }
}

static void load_subject(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue)
{
    static const char *const words[] = {"C", "ST", "L", "O", "OU", "serialNumber", NULL};
    static const struct yaml_synonym synonyms[] = {{"country", "C"},
                                                   {"state", "ST"},
                                                   {"province", "ST"},
                                                   {"S", "ST"},
                                                   {"locality", "L"},
                                                   {"city", "L"},
                                                   {"organization", "O"},
                                                   {"organisation", "O"},
                                                   {"organizational_unit", "OU"},
                                                   {"serial", "serialNumber"},
                                                   {NULL, NULL}};
    if (!load_map(ld, n, "subject", words, synonyms)) {
        return;
    }
    for (int type = 0; type < SUBJECT_ATTR_COUNT; type++) {
        const struct yaml_node *values = yaml_get(n, words[type]);
        if (!yaml_check_list(&ld->r, values, words[type])) {
            continue;
        }
        struct text_list *list = &issue->subject[type];
        list->items = load_array(ld, values->num, sizeof(*list->items));
        for (const struct yaml_node *v = values->first; v != NULL && list->items != NULL;
             v = v->next) {
            add_value(ld, v, (enum subject_attr_type)type, list);
        }
    }
}

/* ---- profiles and numbers ---- */

static bool is_profile(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_alnum(s.ptr[i]) && !slice_has_byte(SLICE("._-"), s.ptr[i])) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= 64;
}

static void load_profiles(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue)
{
    if (!yaml_check_list(&ld->r, n, "profiles")) {
        return;
    }
    issue->profiles = load_array(ld, n->num, sizeof(*issue->profiles));
    for (const struct yaml_node *item = n->first; item != NULL && issue->profiles != NULL;
         item = item->next) {
        struct slice text;
        if (!yaml_read_text(&ld->r, item, "a profile", &text)) {
            continue;
        }
        if (!is_profile(text)) {
            yaml_complain(&ld->r, item,
                          "a profile must be 1 to 64 letters, digits and . _ -; there "
                          "are no patterns");
            continue;
        }
        issue->profiles[issue->num_profiles++] = load_copy(ld, text);
    }
}

static void load_limits(struct loader *ld, const struct yaml_node *n, struct issue_rule *issue)
{
    uint64_t max_names = POLICY_NAMES_MAX;
    uint64_t max_validity_ms = 0;
    (void)yaml_read_u64(&ld->r, yaml_get(n, "max_names"), "max_names", 1, POLICY_NAMES_MAX,
                        &max_names);
    (void)yaml_read_duration_ms(&ld->r, yaml_get(n, "max_validity"), "max_validity",
                                VALIDITY_MIN_MS, VALIDITY_MAX_MS, &max_validity_ms);
    (void)yaml_read_bool(&ld->r, yaml_get(n, "no_names"), "no_names", &issue->no_names);
    issue->max_names = (unsigned)max_names;
    issue->max_validity_s = max_validity_ms / MS_PER_S;
}

static void load_revoke(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    static const char *const words[] = {"own", "names", "any", NULL};
    static const enum revoke_scope scopes[] = {REVOKE_SCOPE_OWN, REVOKE_SCOPE_NAMES,
                                               REVOKE_SCOPE_ANY};
    size_t scope = 0;
    if (yaml_read_choice(&ld->r, n, "revoke", words, &scope)) {
        rule->revoke = scopes[scope];
    }
    if (rule->revoke == REVOKE_SCOPE_ANY) {
        load_warn(ld, n, "revoke: any lets these clients revoke every certificate of the CA");
    }
}

/* ---- combinations ---- */

static bool has_host_pattern(const struct rule *rule)
{
    for (size_t i = 0; i < rule->names.num; i++) {
        if (rule->names.items[i].kind == NAME_DNS || rule->names.items[i].kind == NAME_IP) {
            return true;
        }
    }
    return false;
}

static void check_newcert(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    const struct yaml_node *names = yaml_get(n, "names");
    if (!rule->issue->no_names && names == NULL) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" allows newcert and needs names: what may be asked for",
                      rule->id);
    }
    if (!rule->issue->no_names && rule->names.num > 0 && !has_host_pattern(rule)) {
        yaml_complain(&ld->r, names,
                      "rule \"%s\" lists no dns and no ip names, and a certificate "
                      "must have one: add them, or no_names: true",
                      rule->id);
    }
    if (yaml_get(n, "profiles") == NULL) {
        yaml_complain(&ld->r, n,
                      "rule \"%s\" allows newcert and needs profiles: the CA's profiles "
                      "that may be asked for",
                      rule->id);
    }
    if (yaml_get(n, "max_validity") == NULL) {
        load_warn(ld, n,
                  "rule \"%s\" sets no max_validity: the CA's profile alone limits how long "
                  "a certificate lives",
                  rule->id);
    }
}

static void check_wildcards(struct loader *ld, const struct yaml_node *n, const struct rule *rule)
{
    for (size_t i = 0; i < rule->names.num; i++) {
        if (pattern_matches_wildcards(&rule->names.items[i])) {
            return;
        }
    }
    load_warn(ld, yaml_get(n, "wildcards"), "no dns pattern of rule \"%s\" covers a wildcard name",
              rule->id);
}

/* warn_idle - fields without effect, because the action that they are about is not allowed. */
static void warn_idle(struct loader *ld, const struct yaml_node *n, const char *const *keys,
                      const char *action)
{
    for (; *keys != NULL; keys++) {
        const struct yaml_node *field = yaml_get(n, *keys);
        if (field != NULL) {
            load_warn(ld, field, "%s has no effect without the action %s", *keys, action);
        }
    }
}

static void check_combinations(struct loader *ld, const struct yaml_node *n,
                               const struct rule *rule)
{
    static const char *const newcert_keys[] = {"common_name",  "subject",  "keys", "max_names",
                                               "max_validity", "no_names", NULL};
    static const char *const revoke_keys[] = {"revoke", NULL};
    if ((rule->actions & action_bit(ACTION_NEWCERT)) != 0) {
        check_newcert(ld, n, rule);
    } else if (rule->actions != 0) {
        warn_idle(ld, n, newcert_keys, "newcert");
    }
    if ((rule->actions & action_bit(ACTION_REVOKE)) == 0 && rule->actions != 0) {
        warn_idle(ld, n, revoke_keys, "revoke");
    }
    if (rule->revoke == REVOKE_SCOPE_NAMES && yaml_get(n, "names") == NULL) {
        yaml_complain(&ld->r, yaml_get(n, "revoke"),
                      "revoke: names needs names: whose certificates may be revoked");
    }
    if (rule->wildcards) {
        check_wildcards(ld, n, rule);
    }
}

void load_conditions(struct loader *ld, const struct yaml_node *n, struct rule *rule)
{
    rule->issue = load_array(ld, 1, sizeof(*rule->issue));
    if (rule->issue == NULL) {
        return;
    }
    load_names(ld, yaml_get(n, "names"), rule);
    (void)yaml_read_bool(&ld->r, yaml_get(n, "wildcards"), "wildcards", &rule->wildcards);
    load_common_name(ld, yaml_get(n, "common_name"), rule->issue);
    load_subject(ld, yaml_get(n, "subject"), rule->issue);
    load_keys(ld, yaml_get(n, "keys"), &rule->issue->keys);
    load_profiles(ld, yaml_get(n, "profiles"), rule->issue);
    load_limits(ld, n, rule->issue);
    load_revoke(ld, yaml_get(n, "revoke"), rule);
    rule->at[REASON_NAME_NOT_ALLOWED] = load_pos(yaml_get(n, "names"));
    rule->at[REASON_NO_NAMES] = load_pos(yaml_get(n, "names"));
    rule->at[REASON_TOO_MANY_NAMES] = load_pos(yaml_get(n, "max_names"));
    rule->at[REASON_COMMON_NAME] = load_pos(yaml_get(n, "common_name"));
    rule->at[REASON_SUBJECT] = load_pos(yaml_get(n, "subject"));
    rule->at[REASON_KEY] = load_pos(yaml_get(n, "keys"));
    rule->at[REASON_PROFILE] = load_pos(yaml_get(n, "profiles"));
    rule->at[REASON_NOT_OWNER] = load_pos(yaml_get(n, "revoke"));
    rule->at[REASON_UNKNOWN_CERT] = load_pos(yaml_get(n, "revoke"));
    check_combinations(ld, n, rule);
}
