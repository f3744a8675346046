/* load_settings.c - settings: what is asked of the policy itself. Where they may stand is load.c's
 * business, what follows from them that of the rules. */
#include "policy/load.h"

#define MS_PER_S 1000ULL
#define WARN_MIN_MS (3600U * MS_PER_S)
#define WARN_MAX_MS (3660ULL * 86400U * MS_PER_S)

static void load_require(struct loader *ld, const struct yaml_node *n)
{
    static const char *const words[] = {"owner", "ticket", "reason", "until", "description", NULL};
    static const unsigned bits[] = {REQUIRE_OWNER, REQUIRE_TICKET, REQUIRE_REASON, REQUIRE_UNTIL,
                                    REQUIRE_DESCRIPTION};
    if (!yaml_check_list(&ld->r, n, "require")) {
        return;
    }
    unsigned require = 0;
    for (const struct yaml_node *item = n->first; item != NULL; item = item->next) {
        size_t i = 0;
        if (!yaml_read_choice(&ld->r, item, "a required field", words, &i)) {
            continue;
        }
        if ((require & bits[i]) != 0) {
            yaml_complain(&ld->r, item, "%s is listed twice", words[i]);
        }
        require |= bits[i];
    }
    ld->policy->settings.require = require;
}

static const char *suggest_file(struct loader *ld, struct slice name)
{
    const struct policy *p = ld->policy;
    const char **names = load_array(ld, p->num_sources + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < p->num_sources; i++) {
        names[i] = p->sources[i].name;
    }
    return names == NULL ? NULL : yaml_suggest(name, names);
}

static size_t find_file(const struct policy *p, struct slice name)
{
    size_t i = 0;
    while (i < p->num_sources && !slice_eq_str(name, p->sources[i].name)) {
        i++;
    }
    return i;
}

static void load_scope_of(struct loader *ld, const struct yaml_node *n)
{
    const size_t file = find_file(ld->policy, n->key);
    if (file == ld->policy->num_sources) {
        char quoted[NAME_QUOTE_SIZE];
        const char *meant = suggest_file(ld, n->key);
        diag_add(ld->r.diags, DIAG_ERROR, yaml_key_place(&ld->r, n),
                 "the policy has no file \"%s\"%s%s%s", name_quote(n->key, quoted),
                 meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
                 meant == NULL ? "" : "\"?");
        return;
    }
    ld->settings_scopes[file] = load_scope(ld, n);
}

/* load_scopes - once some files have a scope each other one must: a new file is never by mistake
 * without. This very file may do without, it gives the scopes. */
static void load_scopes(struct loader *ld, const struct yaml_node *n)
{
    const struct policy *p = ld->policy;
    if (n == NULL) {
        return;
    }
    if (n->kind != YAML_MAP || n->num == 0) {
        yaml_complain(&ld->r, n,
                      "scopes must be a map from the names of files to their scopes, as in "
                      "20-payments.yaml: { dns: [\"**.payments.example\"] }");
        return;
    }
    for (const struct yaml_node *file = n->first; file != NULL; file = file->next) {
        load_scope_of(ld, file);
    }
    for (size_t i = 0; i < p->num_sources; i++) {
        if (i != ld->file && yaml_get(n, p->sources[i].name) == NULL) {
            yaml_complain(&ld->r, n,
                          "scopes has no entry for %s: where it is given, each other file "
                          "needs one",
                          p->sources[i].name);
        }
    }
}

void load_settings(struct loader *ld, const struct yaml_node *n)
{
    static const char *const keys[] = {"strict", "require", "warn_before", "scopes", NULL};
    static const struct yaml_synonym synonyms[] = {{"scope", "scopes"},
                                                   {"required", "require"},
                                                   {"warn", "warn_before"},
                                                   {"expiry_warning", "warn_before"},
                                                   {NULL, NULL}};
    if (!load_map(ld, n, "settings", keys, synonyms)) {
        return;
    }
    struct policy_settings *settings = &ld->policy->settings;
    uint64_t warn_before_ms = (uint64_t)settings->warn_before_s * MS_PER_S;
    (void)yaml_read_bool(&ld->r, yaml_get(n, "strict"), "strict", &settings->strict);
    load_require(ld, yaml_get(n, "require"));
    (void)yaml_read_duration_ms(&ld->r, yaml_get(n, "warn_before"), "warn_before", WARN_MIN_MS,
                                WARN_MAX_MS, &warn_before_ms);
    settings->warn_before_s = (int64_t)(warn_before_ms / MS_PER_S);
    load_scopes(ld, yaml_get(n, "scopes"));
}
