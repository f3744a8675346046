/* identify.c - see policy.h: from presented credentials to the one client they belong to, and between
 * callers and their names. It checks no certificate and no token: the edge has done that before. */
#include "policy/wide.h"

#define DNS_TEXT_MAX 255

/* What the credentials seen so far come to. */
struct finding {
    const struct policy *policy;
    const struct credential *creds;
    int64_t now_s;
    size_t client; /* SIZE_MAX: none yet */
    size_t exact;  /* the first live credential that is written out; SIZE_MAX: none yet */
    size_t wide;   /* the first one that fits a pattern */
    bool two_clients;
    bool two_instances;
};

/* find_exact - host names are compared without regard to ASCII case, everything else byte by byte. */
static const struct stored_credential *find_exact(const struct policy *policy,
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

/* name_fits - is the principal that this comes to short enough? */
static bool name_fits(const struct policy *policy, size_t client, struct slice instance)
{
    const size_t id_len = strlen(policy->clients[client].id);
    return id_len + 1 + instance.len <= POLICY_PRINCIPAL_MAX;
}

static void belongs_to(struct finding *f, size_t client)
{
    f->two_clients = f->two_clients || (f->client != SIZE_MAX && f->client != client);
    f->client = client;
}

static void look_wide(struct finding *f, size_t i)
{
    const struct stored_credential *found = NULL;
    const struct slice instance = f->creds[i].text; /* no two kinds can look the same */
    size_t at = 0;
    while ((found = wide_find(f->policy, &f->creds[i], &at)) != NULL) {
        if (!name_fits(f->policy, found->client, instance)) {
            continue;
        }
        belongs_to(f, found->client);
        if (f->wide == SIZE_MAX) {
            f->wide = i;
        } else if (!slice_eq(f->creds[f->wide].text, instance)) {
            f->two_instances = true;
        }
    }
}

static void look(struct finding *f, size_t i)
{
    const struct stored_credential *found = find_exact(f->policy, &f->creds[i]);
    if (found == NULL) {
        look_wide(f, i);
        return;
    }
    /* An expired token of somebody else is still somebody else's. */
    belongs_to(f, found->client);
    if (f->exact == SIZE_MAX && f->now_s < found->expires_s) {
        f->exact = i;
    }
}

/* settle - which credential decides: one that is written out before one that fits a pattern. */
static enum policy_identity settle(const struct finding *f, size_t *ret)
{
    if (f->two_clients) {
        return IDENTITY_AMBIGUOUS;
    }
    if (f->client == SIZE_MAX) {
        return IDENTITY_UNKNOWN;
    }
    if (f->exact != SIZE_MAX) {
        *ret = f->exact;
        return IDENTITY_OK;
    }
    if (f->wide == SIZE_MAX) {
        return IDENTITY_EXPIRED;
    }
    *ret = f->wide;
    return f->two_instances ? IDENTITY_AMBIGUOUS : IDENTITY_OK;
}

enum policy_identity policy_identify(const struct policy *policy, const struct credential *creds,
                                     size_t num_creds, int64_t now_s, struct policy_caller *ret,
                                     size_t *matched)
{
    struct finding f = {.policy = policy,
                        .creds = creds,
                        .now_s = now_s,
                        .client = SIZE_MAX,
                        .exact = SIZE_MAX,
                        .wide = SIZE_MAX};
    for (size_t i = 0; i < num_creds; i++) {
        look(&f, i);
    }
    size_t decided = 0;
    const enum policy_identity identity = settle(&f, &decided);
    if (identity != IDENTITY_OK) {
        return identity;
    }
    *ret = (struct policy_caller){.client = &policy->clients[f.client]};
    if (creds[decided].kind == CRED_MTLS_URI) {
        ret->uri = creds[decided].text;
    }
    if (f.exact == SIZE_MAX) {
        ret->instance = creds[decided].text;
    }
    if (matched != NULL) {
        *matched = decided;
    }
    return IDENTITY_OK;
}

/* ---- clients and their names ---- */

const char *policy_client_id(const struct policy_client *client)
{
    return client->id;
}

const struct policy_client *policy_client_by_id(const struct policy *policy, struct slice id)
{
    size_t index = 0;
    return table_get(&policy->client_ids, PARTY_CLIENT, id, &index) ? &policy->clients[index]
                                                                    : NULL;
}

struct slice policy_principal(const struct policy_caller *caller,
                              char out[POLICY_PRINCIPAL_MAX + 1])
{
    const struct slice id = slice_of(caller->client->id);
    const struct slice instance = caller->instance;
    size_t len = id.len;
    memcpy(out, id.ptr, id.len);
    if (instance.ptr != NULL && id.len + 1 + instance.len <= POLICY_PRINCIPAL_MAX) {
        out[len++] = ':';
        memcpy(out + len, instance.ptr, instance.len);
        len += instance.len;
    }
    out[len] = '\0';
    return (struct slice){out, len};
}

/* identifies - would this instance, presented as the kind of credential that a pattern is about, be
 * known as this very client? It would not where it is written out for another one. */
static bool identifies(const struct policy *policy, const struct stored_credential *wide,
                       struct slice instance, struct policy_caller *ret)
{
    const struct credential cred = {wide->kind, instance};
    struct policy_caller found;
    if (policy_identify(policy, &cred, 1, 0, &found, NULL) != IDENTITY_OK ||
        found.client != ret->client || found.instance.ptr == NULL) {
        return false;
    }
    ret->instance = instance;
    ret->uri = found.uri;
    return true;
}

bool policy_caller_by_principal(const struct policy *policy, struct slice principal,
                                struct policy_caller *ret)
{
    if (principal.len == 0 || principal.len > POLICY_PRINCIPAL_MAX) {
        return false;
    }
    const char *colon = memchr(principal.ptr, ':', principal.len);
    const size_t id_len = colon == NULL ? principal.len : (size_t)(colon - principal.ptr);
    const struct policy_client *client =
        policy_client_by_id(policy, (struct slice){principal.ptr, id_len});
    struct policy_caller found = {.client = client};
    if (client == NULL) {
        return false;
    }
    if (colon == NULL) {
        found.uri = client->only_uri;
        *ret = found;
        return true;
    }
    const struct slice instance = {colon + 1, principal.len - id_len - 1};
    for (size_t i = 0; i < client->num_wide; i++) {
        if (identifies(policy, &policy->wide[client->first_wide + i], instance, &found)) {
            *ret = found;
            return true;
        }
    }
    return false;
}

bool policy_credential(const struct policy *policy, size_t i, struct credential *ret,
                       struct diag_place *ret_place)
{
    if (i >= policy->num_creds + policy->num_wide) {
        return false;
    }
    const struct stored_credential *c =
        i < policy->num_creds ? &policy->creds[i] : &policy->wide[i - policy->num_creds];
    *ret = (struct credential){c->kind, c->text};
    *ret_place = rule_place(policy, c->pos);
    return true;
}
