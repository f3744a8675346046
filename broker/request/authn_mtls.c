/* authn_mtls.c - the verified client certificate of this very connection: SANs, key pin, CN.
 *
 * Headers that claim an identity (X-Client-Cert, X-Forwarded-*, ...) are not read anywhere. */
#include "broker/request/authn.h"

static size_t add(struct credential *out, size_t num, size_t room, enum credential_kind kind,
                  struct slice text)
{
    if (num < room && text.ptr != NULL && text.len > 0) {
        out[num++] = (struct credential){kind, text};
    }
    return num;
}

static size_t collect(struct authn_context *cx, struct credential *out, size_t room)
{
    const struct tls_identity *id = cx->exchange->identity;
    if (!cx->exchange->is_tls || id == NULL) {
        return 0;
    }
    /* A kept-alive connection outlives its certificate: the handshake's check is not enough. */
    if (id->not_after_s < cx->now_s) {
        cx->is_broken = true;
        return 0;
    }
    size_t num = 0;
    for (size_t i = 0; i < id->num_uris; i++) {
        num = add(out, num, room, CRED_MTLS_URI, id->uris[i]);
    }
    for (size_t i = 0; i < id->num_dns; i++) {
        num = add(out, num, room, CRED_MTLS_DNS, id->dns[i]);
    }
    num = add(out, num, room, CRED_MTLS_SPKI, slice_of(id->spki_sha256));
    return add(out, num, room, CRED_MTLS_CN, id->common_name);
}

const struct authn_method authn_mtls = {"mtls", collect, false};
