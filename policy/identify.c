/* identify.c - see policy.h: from presented credentials to the one client they belong to. It checks
 * no certificate and no token: the edge has done that before. */
#include "policy/rule.h"

#define DNS_TEXT_MAX 255

/* find - host names are compared without regard to ASCII case, everything else byte by byte. */
static const struct stored_credential *find(const struct policy *policy,
                                            const struct credential *cred)
{
    char lower[DNS_TEXT_MAX];
    struct slice text = cred->text;
    size_t index = 0;
    if (text.ptr == NULL) {
        return NULL;
    }
    if (cred->kind == CRED_MTLS_DNS) {
        if (text.len > sizeof(lower)) {
            return NULL;
        }
        for (size_t i = 0; i < text.len; i++) {
            lower[i] = ascii_lower(text.ptr[i]);
        }
        text.ptr = lower;
    }
    return table_get(&policy->cred_index, cred->kind, text, &index) ? &policy->creds[index] : NULL;
}

enum policy_identity policy_identify(const struct policy *policy, const struct credential *creds,
                                     size_t num_creds, int64_t now_s,
                                     const struct policy_client **ret, size_t *matched)
{
    const struct stored_credential *first = NULL;
    size_t live = SIZE_MAX;
    for (size_t i = 0; i < num_creds; i++) {
        const struct stored_credential *found = find(policy, &creds[i]);
        if (found == NULL) {
            continue;
        }
        /* An expired token of somebody else is still somebody else's. */
        if (first != NULL && found->client != first->client) {
            return IDENTITY_AMBIGUOUS;
        }
        first = first == NULL ? found : first;
        if (live == SIZE_MAX && now_s < found->expires_s) {
            live = i;
        }
    }
    if (first == NULL) {
        return IDENTITY_UNKNOWN;
    }
    if (live == SIZE_MAX) {
        return IDENTITY_EXPIRED;
    }
    *ret = &policy->clients[first->client];
    if (matched != NULL) {
        *matched = live;
    }
    return IDENTITY_OK;
}

const char *policy_client_id(const struct policy_client *client)
{
    return client->id;
}

const struct policy_client *policy_client_by_id(const struct policy *policy, struct slice id)
{
    size_t index = 0;
    return table_get(&policy->client_ids, 0, id, &index) ? &policy->clients[index] : NULL;
}
