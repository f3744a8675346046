/* authn.c - ask every method, then the policy; see authn.h. */
#include "broker/request/authn.h"

static const struct authn_method *const methods[] = {&authn_mtls, &authn_bearer};
#define NUM_METHODS (sizeof(methods) / sizeof(methods[0]))

const char *authn_result_word(enum authn_result result)
{
    switch (result) {
    case AUTHN_OK:
        return "ok";
    case AUTHN_NONE:
        return "no_credential";
    case AUTHN_UNKNOWN:
        return "unknown_credential";
    case AUTHN_AMBIGUOUS:
        return "ambiguous_credentials";
    case AUTHN_EXPIRED:
        return "expired_credential";
    case AUTHN_BROKEN:
        return "malformed_credential";
    }
    return "unknown_credential";
}

static enum authn_result from_policy(enum policy_identity identity)
{
    switch (identity) {
    case IDENTITY_OK:
        return AUTHN_OK;
    case IDENTITY_UNKNOWN:
        return AUTHN_UNKNOWN;
    case IDENTITY_AMBIGUOUS:
        return AUTHN_AMBIGUOUS;
    case IDENTITY_EXPIRED:
        return AUTHN_EXPIRED;
    }
    return AUTHN_UNKNOWN;
}

static const char *via_word(enum credential_kind kind)
{
    switch (kind) {
    case CRED_MTLS_URI:
        return "mtls.uri";
    case CRED_MTLS_DNS:
        return "mtls.dns";
    case CRED_MTLS_SPKI:
        return "mtls.spki";
    case CRED_MTLS_CN:
        return "mtls.cn";
    case CRED_BEARER:
        return "bearer";
    }
    return "unknown";
}

enum authn_result authenticate(const struct policy *policy, const struct edge_exchange *x,
                               int64_t now_s, struct arena *arena, struct authn_identity *ret)
{
    struct credential creds[AUTHN_CREDENTIALS_MAX];
    size_t num = 0;
    for (size_t i = 0; i < NUM_METHODS; i++) {
        bool is_broken = false;
        const size_t more = methods[i]->collect(x, now_s, arena, creds + num,
                                                AUTHN_CREDENTIALS_MAX - num, &is_broken);
        if (is_broken) {
            return AUTHN_BROKEN;
        }
        if (more > 0 && methods[i]->must_match) {
            const struct policy_client *alone = NULL;
            const enum policy_identity own =
                policy_identify(policy, creds + num, more, now_s, &alone, NULL);
            if (own != IDENTITY_OK) {
                return from_policy(own);
            }
        }
        num += more;
    }
    if (num == 0) {
        return AUTHN_NONE;
    }
    const struct policy_client *client = NULL;
    size_t matched = 0;
    const enum policy_identity identity =
        policy_identify(policy, creds, num, now_s, &client, &matched);
    if (identity == IDENTITY_OK) {
        ret->client = client;
        ret->via = via_word(creds[matched].kind);
        ret->credential = creds[matched].kind == CRED_BEARER
                              ? (struct slice){NULL, 0}
                              : arena_slice(arena, creds[matched].text);
    }
    return from_policy(identity);
}
