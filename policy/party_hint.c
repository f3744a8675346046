/* party_hint.c - see policy.h: what is wrong with the name of a client that somebody wrote. It only
 * words; who is known by what is identify.c's business. */
#include "policy/rule.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMBERS_SAID 3U

static const char *instance_word(enum credential_kind kind)
{
    static const char *const words[CREDENTIAL_KIND_COUNT] = {
        [CRED_MTLS_URI] = "URI", [CRED_MTLS_DNS] = "NAME", [CRED_MTLS_SPKI] = "KEY",
        [CRED_MTLS_CN] = "NAME", [CRED_BEARER] = "TOKEN",  [CRED_JWT] = "ISSUER SUBJECT"};
    return words[kind];
}

bool policy_stands_for_many(const struct policy_client *client)
{
    return client->num_wide > 0 && client->num_creds == client->num_wide;
}

static void say_group(const struct policy *policy, const struct group *group,
                      char out[POLICY_PROBLEM_MAX])
{
    size_t used =
        (size_t)snprintf(out, POLICY_PROBLEM_MAX,
                         "\"%.64s\" is a group, and a request is one client's: ", group->id);
    for (size_t i = 0; i < group->num_clients && i < MEMBERS_SAID; i++) {
        used += (size_t)snprintf(out + used, POLICY_PROBLEM_MAX - used, "%s%.64s",
                                 i == 0 ? "" : ", ", policy->clients[group->clients[i]].id);
    }
    if (group->num_clients > MEMBERS_SAID) {
        (void)snprintf(out + used, POLICY_PROBLEM_MAX - used, " or one of %zu more",
                       group->num_clients - MEMBERS_SAID);
    }
}

static void say_unknown(const struct policy *policy, struct slice id, const char *quoted,
                        bool suggest, char out[POLICY_PROBLEM_MAX])
{
    const char **ids = suggest ? calloc(policy->num_clients + 1, sizeof(*ids)) : NULL;
    for (size_t i = 0; ids != NULL && i < policy->num_clients; i++) {
        ids[i] = policy->clients[i].id;
    }
    const char *meant = ids == NULL ? NULL : yaml_suggest(id, ids);
    (void)snprintf(out, POLICY_PROBLEM_MAX, "there is no client \"%s\"%s%s%s", quoted,
                   meant == NULL ? "" : ": did you mean \"", meant == NULL ? "" : meant,
                   meant == NULL ? "" : "\"?");
    free(ids);
}

bool policy_principal_problem(const struct policy *policy, struct slice principal, bool suggest,
                              char out[POLICY_PROBLEM_MAX])
{
    char quoted[NAME_QUOTE_SIZE];
    struct policy_caller caller;
    const char *colon = principal.len == 0 ? NULL : memchr(principal.ptr, ':', principal.len);
    const struct slice id = {principal.ptr,
                             colon == NULL ? principal.len : (size_t)(colon - principal.ptr)};
    const struct policy_client *client = policy_client_by_id(policy, id);
    size_t group = 0;
    (void)name_quote(principal, quoted);
    if (client == NULL && table_get(&policy->client_ids, PARTY_GROUP, id, &group)) {
        say_group(policy, &policy->groups[group], out);
    } else if (client == NULL) {
        say_unknown(policy, id, quoted, suggest, out);
    } else if (!policy_caller_by_principal(policy, principal, &caller)) {
        (void)snprintf(out, POLICY_PROBLEM_MAX, "client \"%s\" has no instance as in \"%s\"",
                       client->id, quoted);
    } else if (caller.instance.ptr == NULL && policy_stands_for_many(client)) {
        (void)snprintf(out, POLICY_PROBLEM_MAX, "%s stands for many identities: write %s:%s",
                       client->id, client->id,
                       instance_word(policy->wide[client->first_wide].kind));
    } else {
        return false;
    }
    return true;
}
