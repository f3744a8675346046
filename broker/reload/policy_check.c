/* policy_check.c - a policy held against the configuration: are the CA's profiles and the token issuers
 * that it speaks of there, and do the profiles give no more than its rules say? Decides nothing. */
#include "broker/reload/generation.h"
#include "policy/yaml_tree.h"

static const struct profile_usages *find_profile(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->request.num_profiles; i++) {
        if (strcmp(config->request.profiles[i].name, name) == 0) {
            return &config->request.profiles[i];
        }
    }
    return NULL;
}

/* What is compared: one rule of the policy with the profiles of the configuration. */
struct comparison {
    const struct config *config;
    const struct policy *policy;
    size_t rule;
    struct usage_set allowed; /* usages: of the rule, if has_usages */
    bool has_usages;
    struct diag_list *diags;
};

static void complain_profile(const struct comparison *c, const char *profile,
                             struct diag_place place)
{
    const char *names[CONFIG_PROFILES_MAX + 1] = {0};
    for (size_t i = 0; i < c->config->request.num_profiles; i++) {
        names[i] = c->config->request.profiles[i].name;
    }
    const char *meant = yaml_suggest(slice_of(profile), names);
    diag_add(c->diags, DIAG_ERROR, place,
             "rule %s lists profile \"%s\", which ca.profiles in %s does not have%s%s%s",
             policy_rule_id(c->policy, c->rule), profile, c->config->path,
             meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
             meant == NULL ? "" : "\"?");
}

/* read_usages - the words of usages: as a set. */
static void read_usages(struct comparison *c)
{
    const struct slice *words = NULL;
    const size_t num = policy_rule_usages(c->policy, c->rule, &words);
    c->has_usages = num > 0;
    for (size_t i = 0; i < num; i++) {
        if (usage_add(&c->allowed, words[i])) {
            continue;
        }
        char quoted[NAME_QUOTE_SIZE];
        const char *meant = yaml_suggest(words[i], usage_words);
        diag_add(c->diags, DIAG_ERROR, policy_rule_place(c->policy, c->rule),
                 "rule %s lists usage \"%s\", which is not one of CFSSL's%s%s%s",
                 policy_rule_id(c->policy, c->rule), name_quote(words[i], quoted),
                 meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
                 meant == NULL ? "" : "\"?");
    }
}

/* first_extra - the word of a usage that the profile gives and the rule does not list; or NULL. */
static const char *first_extra(const struct usage_set *allowed, const struct usage_set *given)
{
    const unsigned key_usage = given->key_usage & ~allowed->key_usage;
    const unsigned ext_key_usage = given->ext_key_usage & ~allowed->ext_key_usage;
    for (size_t i = 0; usage_words[i] != NULL; i++) {
        struct usage_set one = {0};
        (void)usage_add(&one, slice_of(usage_words[i]));
        if ((one.key_usage & key_usage) != 0 || (one.ext_key_usage & ext_key_usage) != 0) {
            return usage_words[i];
        }
    }
    return NULL;
}

static void check_profile(const struct comparison *c, const char *name, struct diag_place place)
{
    const struct profile_usages *profile = find_profile(c->config, name);
    if (profile == NULL) {
        complain_profile(c, name, place);
        return;
    }
    const char *extra = c->has_usages ? first_extra(&c->allowed, &profile->usages) : NULL;
    if (extra != NULL) {
        diag_add(
            c->diags, DIAG_ERROR, place,
            "profile \"%s\" gives \"%s\", which usages of rule %s does not list: add it there, "
            "or take the profile out",
            name, extra, policy_rule_id(c->policy, c->rule));
    }
}

/* ---- token issuers ---- */

static bool has_issuer(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->jwt.num_issuers; i++) {
        if (slice_eq_str(name, config->jwt_issuers[i].name)) {
            return true;
        }
    }
    return false;
}

static void check_issuers(const struct config *config, const struct policy *policy,
                          struct diag_list *diags)
{
    const char *names[JWT_ISSUERS_MAX + 1] = {0};
    for (size_t i = 0; i < config->jwt.num_issuers; i++) {
        names[i] = config->jwt_issuers[i].name;
    }
    struct credential cred;
    struct diag_place place;
    for (size_t i = 0; policy_credential(policy, i, &cred, &place); i++) {
        const char *space =
            cred.kind == CRED_JWT ? memchr(cred.text.ptr, ' ', cred.text.len) : NULL;
        if (space == NULL) {
            continue;
        }
        const struct slice issuer = {cred.text.ptr, (size_t)(space - cred.text.ptr)};
        if (!has_issuer(config, issuer)) {
            char quoted[NAME_QUOTE_SIZE];
            const char *meant = yaml_suggest(issuer, names);
            diag_add(diags, DIAG_ERROR, place,
                     "there is no token issuer \"%s\" in jwt.issuers of %s%s%s%s",
                     name_quote(issuer, quoted), config->path,
                     meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
                     meant == NULL ? "" : "\"?");
        }
    }
}

/* ---- the whole ---- */

void policy_check(const struct config *config, const struct policy *policy, struct diag_list *diags)
{
    check_issuers(config, policy, diags);
    for (size_t rule = 0; rule < policy_num_rules(policy); rule++) {
        struct comparison c = {.config = config, .policy = policy, .rule = rule, .diags = diags};
        const char *const *profiles = NULL;
        const size_t num = policy_rule_profiles(policy, rule, &profiles);
        read_usages(&c);
        for (size_t i = 0; i < num; i++) {
            check_profile(&c, profiles[i], policy_rule_profile_place(policy, rule, i));
        }
    }
}
