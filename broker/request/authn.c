/* authn.c - ask every method, then the policy; see authn.h. */
#include "broker/request/authn.h"

static const struct authn_method *const methods[] = {&authn_mtls, &authn_bearer, &authn_jwt};
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
    case CRED_JWT:
        return "jwt";
    }
    return "unknown";
}

bool authn_is_jwt(const struct authn_context *cx, struct slice token)
{
    return cx->jwt_keys != NULL && jwt_has_form(token);
}

/* keep - what is known of the caller, in the arena: the exchange may be gone before the request is.
 * False: no memory, and then nobody is known. */
static bool keep(struct authn_context *cx, const struct credential *matched,
                 const struct policy_caller *caller, struct authn_identity *ret)
{
    ret->caller = *caller;
    ret->via = via_word(matched->kind);
    if (matched->kind != CRED_BEARER) {
        ret->credential = arena_slice(cx->arena, matched->text);
    }
    if (caller->uri.ptr != NULL) {
        ret->caller.uri = arena_slice(cx->arena, caller->uri);
    }
    if (caller->instance.ptr != NULL) {
        ret->caller.instance = arena_slice(cx->arena, caller->instance);
    }
    if ((caller->uri.ptr != NULL && ret->caller.uri.ptr == NULL) ||
        (caller->instance.ptr != NULL && ret->caller.instance.ptr == NULL)) {
        return false;
    }
    if (matched->kind != CRED_JWT) {
        return true;
    }
    struct policy_claim *claims = arena_array(cx->arena, cx->jwt.num_claims + 1, sizeof(*claims));
    for (size_t i = 0; claims != NULL && i < cx->jwt.num_claims; i++) {
        claims[i] = (struct policy_claim){cx->jwt.claims[i].name, cx->jwt.claims[i].value};
    }
    ret->caller.claims = claims;
    ret->caller.num_claims = cx->jwt.num_claims;
    return claims != NULL;
}

enum authn_result authenticate(const struct policy *policy, struct authn_context *cx,
                               struct authn_identity *ret)
{
    struct credential creds[AUTHN_CREDENTIALS_MAX];
    size_t num = 0;
    for (size_t i = 0; i < NUM_METHODS; i++) {
        const size_t more = methods[i]->collect(cx, creds + num, AUTHN_CREDENTIALS_MAX - num);
        if (cx->is_broken) {
            return AUTHN_BROKEN;
        }
        if (more > 0 && methods[i]->must_match) {
            struct policy_caller alone = {0};
            const enum policy_identity own =
                policy_identify(policy, creds + num, more, cx->now_s, &alone, NULL);
            if (own != IDENTITY_OK) {
                return from_policy(own);
            }
        }
        num += more;
    }
    if (num == 0) {
        return AUTHN_NONE;
    }
    struct policy_caller caller = {0};
    size_t matched = 0;
    const enum policy_identity identity =
        policy_identify(policy, creds, num, cx->now_s, &caller, &matched);
    if (identity == IDENTITY_OK && !keep(cx, &creds[matched], &caller, ret)) {
        return AUTHN_BROKEN;
    }
    return from_policy(identity);
}
