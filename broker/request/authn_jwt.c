/* authn_jwt.c - "Authorization: Bearer <token>" where the token is a JWT of a configured issuer. Which
 * tokens count as good is broker/jwt's business, whose they are the policy's. */
#include "broker/request/authn.h"

/* credential_text - the issuer's name, which has no space, and the subject. */
static struct slice credential_text(struct arena *arena, const struct jwt_token *token)
{
    const struct slice name = slice_of(token->issuer->name);
    const size_t len = name.len + 1 + token->subject.len;
    char *out = arena_alloc(arena, len + 1);
    if (out == NULL) {
        return (struct slice){0};
    }
    memcpy(out, name.ptr, name.len);
    out[name.len] = ' ';
    memcpy(out + name.len + 1, token->subject.ptr, token->subject.len);
    return (struct slice){out, len};
}

static size_t collect(struct authn_context *cx, struct credential *out, size_t room)
{
    struct slice token;
    if (!authn_bearer_token(cx->exchange->head.authorization, &token) || !authn_is_jwt(cx, token)) {
        return 0; /* somebody else's */
    }
    const enum jwt_result result = jwt_verify(cx->jwt_keys, token, cx->now_s, cx->arena, &cx->jwt);
    const struct slice text =
        result == JWT_OK ? credential_text(cx->arena, &cx->jwt) : (struct slice){0};
    if (room == 0 || text.ptr == NULL) {
        cx->problem = result == JWT_OK ? NULL : jwt_result_word(result);
        cx->is_broken = true;
        return 0;
    }
    out[0] = (struct credential){CRED_JWT, text};
    return 1;
}

const struct authn_method authn_jwt = {"jwt", collect, true};
