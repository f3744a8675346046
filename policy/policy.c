/* policy.c - see policy.h: what a loaded policy says about itself, and how it is freed. */
#include "policy/rule.h"

#include <stdlib.h>

void policy_free(struct policy *policy)
{
    if (policy == NULL) {
        return;
    }
    for (const struct policy_owned *owned = policy->owned; owned != NULL; owned = owned->next) {
        owned->free_fn(owned->ptr);
    }
    table_free(&policy->client_ids);
    table_free(&policy->cred_index);
    table_free(&policy->wide_index);
    table_free(&policy->claims);
    free(policy->ends_s);
    arena_free(&policy->arena);
    free(policy->data);
    free(policy);
}

const char *policy_sha256(const struct policy *policy)
{
    return policy->sha256;
}

struct slice policy_bytes(const struct policy *policy)
{
    return policy->bytes;
}

const char *policy_file(const struct policy *policy)
{
    return policy->path;
}

size_t policy_num_files(const struct policy *policy)
{
    return policy->num_sources;
}

const char *policy_file_name(const struct policy *policy, size_t i)
{
    return policy->sources[i].name;
}

struct slice policy_file_bytes(const struct policy *policy, size_t i)
{
    return policy->sources[i].bytes;
}

size_t policy_num_rules(const struct policy *policy)
{
    return policy->num_rules;
}

size_t policy_num_clients(const struct policy *policy)
{
    return policy->num_clients;
}

const char *policy_rule_id(const struct policy *policy, size_t i)
{
    return policy->rules[i].id;
}

struct diag_place policy_rule_place(const struct policy *policy, size_t i)
{
    return rule_place(policy, policy->rules[i].pos);
}

size_t policy_rule_profiles(const struct policy *policy, size_t rule, const char *const **ret)
{
    const struct rule *r = &policy->rules[rule];
    *ret = r->issue == NULL ? r->deny_profiles : r->issue->profiles;
    return r->issue == NULL ? r->num_deny_profiles : r->issue->num_profiles;
}

struct diag_place policy_rule_profile_place(const struct policy *policy, size_t rule, size_t i)
{
    const struct rule *r = &policy->rules[rule];
    return rule_place(policy, r->issue == NULL ? r->deny_profiles_at[i] : r->issue->profiles_at[i]);
}

size_t policy_rule_usages(const struct policy *policy, size_t rule, const struct slice **ret)
{
    const struct issue_rule *issue = policy->rules[rule].issue;
    *ret = issue == NULL ? NULL : issue->usages.items;
    return issue == NULL ? 0 : issue->usages.num;
}

/* ended_by - the number of ends up to and at a time. */
static size_t ended_by(const struct policy *policy, int64_t when_s)
{
    size_t low = 0;
    size_t high = policy->num_ends;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (policy->ends_s[middle] <= when_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t policy_num_expiring(const struct policy *policy, int64_t now_s, int64_t *ret_first_s)
{
    const size_t ended = ended_by(policy, now_s);
    const size_t soon = ended_by(policy, now_s + policy->settings.warn_before_s);
    if (soon > ended && ret_first_s != NULL) {
        *ret_first_s = policy->ends_s[ended];
    }
    return soon - ended;
}

bool policy_wants_claim(const struct policy *policy, struct slice name)
{
    size_t unused = 0;
    return table_get(&policy->claims, 0, name, &unused);
}

bool policy_requires(const struct policy *policy, const char *field)
{
    static const struct {
        const char *word;
        unsigned bit;
    } fields[] = {{"owner", REQUIRE_OWNER},
                  {"ticket", REQUIRE_TICKET},
                  {"reason", REQUIRE_REASON},
                  {"until", REQUIRE_UNTIL},
                  {"description", REQUIRE_DESCRIPTION}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(fields[i].word, field) == 0) {
            return (policy->settings.require & fields[i].bit) != 0;
        }
    }
    return false;
}

bool policy_is_strict(const struct policy *policy)
{
    return policy->settings.strict;
}
