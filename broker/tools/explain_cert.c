/* explain_cert.c - see explain.h: what a client certificate's names and key would be known by. Reads it
 * the way the server does (broker/edge/tls_identity.c), but verifies nothing: no chain, no time, no
 * key usage. */
#include "broker/tools/explain.h"

#include "broker/base/file.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define PEM_MAX ((size_t)1 << 20)

struct collecting {
    struct arena *arena;
    struct credential *items;
    size_t num, room;
    const char *problem;
};

static void add(struct collecting *c, enum credential_kind kind, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_print(text.ptr[i])) {
            c->problem =
                "a name in it holds bytes that are no printable ASCII: such a certificate is "
                "refused";
            return;
        }
    }
    const struct slice copy = arena_slice(c->arena, text);
    if (copy.ptr == NULL || c->num == c->room) {
        c->problem = "it holds too many names";
        return;
    }
    c->items[c->num++] = (struct credential){kind, copy};
}

static struct slice text_of(const ASN1_STRING *s)
{
    return (struct slice){(const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
}

static void add_sans(struct collecting *c, const GENERAL_NAMES *names, int type,
                     enum credential_kind kind)
{
    const int num = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
    for (int i = 0; i < num && c->problem == NULL; i++) {
        int found = 0;
        const ASN1_STRING *text = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &found);
        if (found == type) {
            add(c, kind, text_of(text));
        }
    }
}

static void add_spki(struct collecting *c, const X509 *cert)
{
    unsigned char *der = NULL;
    unsigned char digest[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    const int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    const bool good =
        len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    if (!good) {
        c->problem = "its public key cannot be read";
        return;
    }
    hex_encode(digest, SHA256_LEN, hex);
    add(c, CRED_MTLS_SPKI, slice_of(hex));
}

/* add_common_name - only a single one, as the server does. */
static void add_common_name(struct collecting *c, const X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
        return;
    }
    const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    const int type = ASN1_STRING_type(text);
    if (type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING) {
        add(c, CRED_MTLS_CN, text_of(text));
    }
}

static void collect(struct collecting *c, const X509 *cert)
{
    int critical = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    if (names == NULL && critical != -1) {
        c->problem = "its subject alternative name is malformed";
    }
    add_sans(c, names, GEN_URI, CRED_MTLS_URI);
    add_sans(c, names, GEN_DNS, CRED_MTLS_DNS);
    GENERAL_NAMES_free(names);
    if (c->problem == NULL) {
        add_spki(c, cert);
    }
    if (c->problem == NULL) {
        add_common_name(c, cert);
    }
}

enum cb_code explain_cert(const char *path, struct arena *arena, struct credential *out,
                          size_t room, size_t *ret_num, struct cb_err *err)
{
    struct buf pem;
    TRY(file_read(path, FILE_PUBLIC, PEM_MAX, &pem, err));
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    buf_free(&pem);
    if (cert == NULL) {
        return cb_fail(err, CB_EINPUT, "%s: there is no certificate in PEM form in it", path);
    }
    struct collecting c = {.arena = arena, .items = out, .room = room};
    collect(&c, cert);
    X509_free(cert);
    if (c.problem != NULL) {
        return cb_fail(err, CB_EINPUT, "%s: %s", path, c.problem);
    }
    *ret_num = c.num;
    return CB_OK;
}
