/* authn_bearer.c - "Authorization: Bearer <token>" (RFC 6750 2.1). The policy holds the SHA-256 of
 * a token, so neither a leaked policy nor its log gives a token away, and comparing digests takes
 * no secret-dependent time that would help to guess one. */
#include "broker/request/authn.h"

#include <openssl/sha.h>

#define TOKEN_MIN 16U
#define TOKEN_MAX 4096U

static bool is_token_char(char c)
{
    return ascii_is_alnum(c) || slice_has_byte(SLICE("-._~+/="), c);
}

static bool is_token(struct slice token)
{
    if (token.len < TOKEN_MIN || token.len > TOKEN_MAX) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        if (!is_token_char(token.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool authn_bearer_token(struct slice header, struct slice *ret)
{
    const struct slice scheme = SLICE("bearer ");
    if (header.ptr == NULL || header.len < scheme.len ||
        !slice_eq_nocase((struct slice){header.ptr, scheme.len}, scheme)) {
        return false;
    }
    *ret = slice_trim((struct slice){header.ptr + scheme.len, header.len - scheme.len});
    return true;
}

static size_t collect(struct authn_context *cx, struct credential *out, size_t room)
{
    const struct slice header = cx->exchange->head.authorization;
    struct slice token;
    if (header.ptr == NULL) {
        return 0;
    }
    char *hex = arena_alloc(cx->arena, SHA256_HEX_LEN + 1);
    if (room == 0 || hex == NULL || !authn_bearer_token(header, &token)) {
        cx->is_broken = true;
        return 0;
    }
    if (authn_is_jwt(cx, token)) {
        return 0;
    }
    if (!is_token(token)) {
        cx->is_broken = true;
        return 0;
    }
    unsigned char digest[SHA256_LEN];
    (void)SHA256((const unsigned char *)token.ptr, token.len, digest);
    hex_encode(digest, sizeof(digest), hex);
    out[0] = (struct credential){CRED_BEARER, {hex, SHA256_HEX_LEN}};
    return 1;
}

const struct authn_method authn_bearer = {"bearer", collect, true};
