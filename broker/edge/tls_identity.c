/* tls_identity.c - from a client's certificate to its identity, by structure and never by text.
 *
 * What OpenSSL's chain verification does not ask for is asked here: version 3, no extension twice,
 * extended key usage clientAuth spelled out, a named curve, not a CA. Names are compared later as
 * bytes, so bytes that could mean two things (NUL, non-ASCII) refuse the certificate. */
#include "broker/edge/tls_internal.h"

#include <openssl/x509v3.h>

#define IDENTITY_BYTES_MAX ((size_t)64 * 1024)
#define EXTENSIONS_MAX 32
#define RSA_BITS_MAX 8192

bool tls_time_s(const ASN1_TIME *t, int64_t *ret_s)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) {
        return false;
    }
    *ret_s = time_from_civil(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday) +
             (int64_t)tm.tm_hour * 3600 + (int64_t)tm.tm_min * 60 + tm.tm_sec;
    return true;
}

/* ---------------------------------------------------------------- may it speak at all */

static bool has_repeated_extension(const X509 *leaf)
{
    const int num = X509_get_ext_count(leaf);
    if (num > EXTENSIONS_MAX) {
        return true;
    }
    for (int i = 0; i < num; i++) {
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(X509_get_ext(leaf, i));
        if (X509_get_ext_by_OBJ(leaf, oid, i) >= 0) {
            return true;
        }
    }
    return false;
}

/* key_problem - the key's algorithm: a few known ones, a curve by name, no giant RSA. */
static const char *key_problem(const X509 *leaf)
{
    const X509_ALGOR *algor = NULL;
    const ASN1_OBJECT *oid = NULL;
    int parameter_type = V_ASN1_UNDEF;
    if (X509_PUBKEY_get0_param(NULL, NULL, NULL, (X509_ALGOR **)(void *)&algor,
                               X509_get_X509_PUBKEY(leaf)) != 1) {
        return "unreadable public key";
    }
    X509_ALGOR_get0(&oid, &parameter_type, NULL, algor);
    switch (OBJ_obj2nid(oid)) {
    case NID_X9_62_id_ecPublicKey:
        /* CVE-2022-0778 and its kin live in explicit curve parameters. */
        return parameter_type == V_ASN1_OBJECT ? NULL : "curve not given by name";
    case NID_rsaEncryption:
        return EVP_PKEY_get_bits(X509_get0_pubkey(leaf)) <= RSA_BITS_MAX ? NULL
                                                                         : "RSA key too long";
    case NID_ED25519:
    case NID_ED448:
        return NULL;
    default:
        return "unsupported key type";
    }
}

const char *tls_identity_check(X509 *leaf)
{
    if (X509_get_version(leaf) != X509_VERSION_3) {
        return "not an X.509 version 3 certificate";
    }
    if (has_repeated_extension(leaf)) {
        return "an extension twice, or too many";
    }
    const char *problem = key_problem(leaf);
    if (problem != NULL) {
        return problem;
    }
    const uint32_t flags = X509_get_extension_flags(leaf);
    if ((flags & EXFLAG_INVALID) != 0) {
        return "a malformed extension";
    }
    if ((flags & EXFLAG_CA) != 0) {
        return "a CA certificate";
    }
    if ((flags & EXFLAG_XKUSAGE) == 0 ||
        (X509_get_extended_key_usage(leaf) & XKU_SSL_CLIENT) == 0) {
        return "no extended key usage clientAuth";
    }
    return NULL;
}

/* ---------------------------------------------------------------- names */

/* copy_ascii - an IA5 or printable string's bytes; false: bytes that must not be in a name. */
static bool copy_ascii(struct arena *a, const ASN1_STRING *text, struct slice *ret)
{
    const struct slice raw = {(const char *)ASN1_STRING_get0_data(text),
                              (size_t)ASN1_STRING_length(text)};
    if (raw.len == 0) {
        return false;
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (!ascii_is_print(raw.ptr[i])) {
            return false;
        }
    }
    *ret = arena_slice(a, raw);
    return ret->ptr != NULL;
}

struct name_list {
    struct slice *items;
    size_t num;
};

static bool add_names(struct arena *a, const GENERAL_NAMES *names, int type, struct name_list *out)
{
    const int num = sk_GENERAL_NAME_num(names);
    out->items = arena_array(a, (size_t)num + 1, sizeof(*out->items));
    if (out->items == NULL) {
        return false;
    }
    for (int i = 0; i < num; i++) {
        int found = 0;
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &found);
        if (found != type) {
            continue;
        }
        if (ASN1_STRING_type(text) != V_ASN1_IA5STRING ||
            !copy_ascii(a, text, &out->items[out->num])) {
            return false;
        }
        out->num++;
    }
    return true;
}

static const char *read_san(const X509 *leaf, struct tls_peer *p)
{
    int critical = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, &critical, NULL);
    if (names == NULL) {
        /* -1: there is none. -2 (twice) and malformed ones are no identity. */
        return critical == -1 ? NULL : "malformed subject alternative name";
    }
    struct name_list uris = {0};
    struct name_list dns = {0};
    const bool ok = sk_GENERAL_NAME_num(names) <= TLS_SAN_MAX &&
                    add_names(&p->memory, names, GEN_URI, &uris) &&
                    add_names(&p->memory, names, GEN_DNS, &dns);
    GENERAL_NAMES_free(names);
    if (!ok) {
        return "subject alternative name with odd bytes or too many entries";
    }
    p->identity.uris = uris.items;
    p->identity.num_uris = uris.num;
    p->identity.dns = dns.items;
    p->identity.num_dns = dns.num;
    return NULL;
}

/* read_common_name - only a single one in plain ASCII; anything else is as good as none. */
static void read_common_name(const X509 *leaf, struct tls_peer *p)
{
    const X509_NAME *subject = X509_get_subject_name(leaf);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
        return;
    }
    const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    const int type = ASN1_STRING_type(text);
    if (type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING) {
        (void)copy_ascii(&p->memory, text, &p->identity.common_name);
    }
}

/* ---------------------------------------------------------------- digests */

static bool digest_hex(struct edge_tls *tls, unsigned char *der, int len,
                       char out[SHA256_HEX_LEN + 1])
{
    unsigned char digest[SHA256_LEN];
    const bool ok = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, tls->sha256, NULL) == 1;
    OPENSSL_free(der);
    if (ok) {
        hex_encode(digest, SHA256_LEN, out);
    }
    return ok;
}

const char *tls_identity_read(struct edge_tls *tls, X509 *leaf, struct tls_peer *p)
{
    unsigned char *der = NULL;
    unsigned char *spki = NULL;
    arena_init(&p->memory, IDENTITY_BYTES_MAX);
    const char *problem = read_san(leaf, p);
    if (problem != NULL) {
        return problem;
    }
    read_common_name(leaf, p);
    const int der_len = i2d_X509(leaf, &der);
    const int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki);
    const bool cert_ok = digest_hex(tls, der, der_len, p->identity.cert_sha256);
    const bool spki_ok = digest_hex(tls, spki, spki_len, p->identity.spki_sha256);
    return cert_ok && spki_ok ? NULL : "digest failed";
}
