/* certs.h - certificates made to order: one plan, changed in one place by each test. Header-only,
 * so that every test program of the folder stays one file. */
#ifndef TESTS_UNIT_CA_CERTS_H
#define TESTS_UNIT_CA_CERTS_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_NOW 1800000000 /* 2027-01-15T08:00:00Z */

struct plan_attr {
    const char *type; /* short name or OID */
    const char *value;
    int set;    /* 0: an RDN of its own, -1: join the one before */
    int string; /* MBSTRING_UTF8 or V_ASN1_*; 0: MBSTRING_UTF8 */
};

struct plan_ext {
    const char *oid;
    const char *hex; /* content of the OCTET STRING */
    int critical;
};

struct plan {
    long version; /* 2 is v3 */
    const char *serial_hex;
    long long not_before, not_after;
    struct plan_attr subject[8];
    struct plan_attr issuer[4]; /* [0].type NULL: the CA's subject */
    EVP_PKEY *key;
    struct plan_ext exts[12]; /* oid NULL ends */
    EVP_PKEY *sign_key;
    const char *hash; /* NULL for Ed25519 */
};

static inline void plan_must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "certs.h: %s\n", what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

static inline EVP_PKEY *plan_ec_key(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    plan_must(key != NULL, "EC key");
    return key;
}

static inline EVP_PKEY *plan_rsa_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    plan_must(key != NULL, "RSA key");
    return key;
}

static inline void plan_name(X509_NAME *name, const struct plan_attr *attrs, size_t max)
{
    for (size_t i = 0; i < max && attrs[i].type != NULL; i++) {
        ASN1_OBJECT *type = OBJ_txt2obj(attrs[i].type, 0);
        const int string = attrs[i].string == 0 ? MBSTRING_UTF8 : attrs[i].string;
        plan_must(type != NULL, attrs[i].type);
        plan_must(X509_NAME_add_entry_by_OBJ(name, type, string,
                                             (const unsigned char *)attrs[i].value,
                                             (int)strlen(attrs[i].value), -1, attrs[i].set),
                  "name entry");
        ASN1_OBJECT_free(type);
    }
}

static inline void plan_add_ext(X509 *x, const struct plan_ext *ext)
{
    long len = 0;
    unsigned char *bytes = OPENSSL_hexstr2buf(ext->hex, &len);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *oid = OBJ_txt2obj(ext->oid, 1);
    plan_must(bytes != NULL && value != NULL && oid != NULL, ext->oid);
    plan_must(ASN1_OCTET_STRING_set(value, bytes, (int)len), "extension value");
    X509_EXTENSION *made = X509_EXTENSION_create_by_OBJ(NULL, oid, ext->critical, value);
    plan_must(made != NULL && X509_add_ext(x, made, -1), "extension");
    X509_EXTENSION_free(made);
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(value);
    OPENSSL_free(bytes);
}

/* plan_der - the certificate of a plan; free with OPENSSL_free. */
static inline unsigned char *plan_der(const struct plan *p, const struct plan_attr *ca_subject,
                                      int *ret_len)
{
    X509 *x = X509_new();
    BIGNUM *serial = NULL;
    plan_must(x != NULL && BN_hex2bn(&serial, p->serial_hex), "serial");
    plan_must(X509_set_version(x, p->version), "version");
    plan_must(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) != NULL, "serial");
    plan_must(ASN1_TIME_set(X509_getm_notBefore(x), p->not_before) != NULL &&
                  ASN1_TIME_set(X509_getm_notAfter(x), p->not_after) != NULL,
              "validity");
    plan_name(X509_get_subject_name(x), p->subject, 8);
    plan_name(X509_get_issuer_name(x), p->issuer[0].type != NULL ? p->issuer : ca_subject, 4);
    plan_must(X509_set_pubkey(x, p->key), "key");
    for (size_t i = 0; i < 12 && p->exts[i].oid != NULL; i++) {
        plan_add_ext(x, &p->exts[i]);
    }
    plan_must(X509_sign(x, p->sign_key, p->hash == NULL ? NULL : EVP_get_digestbyname(p->hash)) > 0,
              "sign");
    unsigned char *der = NULL;
    *ret_len = i2d_X509(x, &der);
    plan_must(*ret_len > 0, "encode");
    BN_free(serial);
    X509_free(x);
    return der;
}

/* plan_pem - bytes as one PEM block in a buffer of the caller's. */
static inline void plan_pem(const char *label, const unsigned char *der, long len, char *out,
                            size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    plan_must(PEM_write_bio(bio, label, "", der, len) > 0, "PEM");
    const long num = BIO_get_mem_data(bio, &text);
    plan_must(num > 0 && (size_t)num < size, "PEM size");
    memcpy(out, text, (size_t)num);
    out[num] = '\0';
    BIO_free(bio);
}

/* plan_key_pem - the traditional form ("EC PRIVATE KEY", "RSA PRIVATE KEY"), as CFSSL sends it, or
 * PKCS#8. */
static inline void plan_key_pem(EVP_PKEY *key, int pkcs8, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    plan_must(pkcs8 ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                    : PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL),
              "key PEM");
    const long num = BIO_get_mem_data(bio, &text);
    plan_must(num > 0 && (size_t)num < size, "key PEM size");
    memcpy(out, text, (size_t)num);
    out[num] = '\0';
    BIO_free(bio);
}

#endif
