/* check.h - the returned certificate held against what was authorised, field by field. */
#ifndef BROKER_CA_CHECK_H
#define BROKER_CA_CHECK_H

#include "broker/base/arena.h"
#include "broker/base/err.h"
#include "policy/policy.h"

/* How far ahead of our clock the CA's may be: notBefore up to this much in the future is taken. */
#define CHECK_CLOCK_SKEW_S 60
#define CHECK_PEM_MAX 16384U /* bytes of a certificate or a key, as PEM */

/* The CA certificate(s) that may have signed what we accept; immutable after load; one per worker
 * (it holds decoded keys and fetched algorithms of a library context of its own). */
struct ca_issuer;
/* ca_issuer_load - pem_file: one to 16 certificates, each CA:TRUE, nothing else. */
enum cb_code ca_issuer_load(const char *pem_file, struct ca_issuer **ret,
                            struct cb_err *err) CB_MUST_USE;
void ca_issuer_free(struct ca_issuer *issuer);
int64_t ca_issuer_not_after_s(const struct ca_issuer *issuer); /* the earliest of them */
/* ca_issuer_find - our own copy of this certificate if it is one of the CA's; else ptr NULL. */
struct slice ca_issuer_find(const struct ca_issuer *issuer, struct slice der);
/* ca_issuer_ski - key identifier of the first certificate in lower-case hex; "" if it has none. */
void ca_issuer_ski(const struct ca_issuer *issuer, char out[65]);

/* Key usages and extended key usages in CFSSL's own words, as a set. */
struct usage_set {
    unsigned key_usage;     /* bits as in RFC 5280 KeyUsage: 1u << bit number */
    unsigned ext_key_usage; /* bits of enum ext_usage in check_usage.c */
};
/* usage_add - add one CFSSL usage word ("signing", "digital signature", "key encipherment",
 * "server auth", "client auth", ...). False: not a usage word. NULL-terminated list for hints. */
bool usage_add(struct usage_set *set, struct slice word);
extern const char *const usage_words[];

struct cert_expected {
    const struct policy_ask *ask; /* names, CN, subject, key */
    struct usage_set usages;      /* of the profile: EKU must be equal, KU must be equal */
    uint64_t max_validity_s; /* 0: no cap. notAfter - notBefore <= cap, as CFSSL counts expiry */
    int64_t now_s;           /* notBefore not in the future (but for CHECK_CLOCK_SKEW_S),
                                       notAfter in the future */
};

enum cert_field {
    FIELD_PARSE, /* not one readable certificate; nothing else is compared then */
    FIELD_VERSION,
    FIELD_SERIAL,
    FIELD_SIGNATURE,
    FIELD_ISSUER,
    FIELD_NOT_BEFORE,
    FIELD_NOT_AFTER,
    FIELD_VALIDITY,
    FIELD_SUBJECT,
    FIELD_COMMON_NAME,
    FIELD_NAMES,
    FIELD_KEY,
    FIELD_KEY_PAIR,
    FIELD_CA,
    FIELD_KEY_USAGE,
    FIELD_EXT_KEY_USAGE,
    FIELD_EXTENSIONS,
    FIELD_AKI,
};
#define CERT_FIELD_COUNT 18
const char *cert_field_word(enum cert_field field); /* "parse", "names", "key_pair", ... */

/* What the certificate really says; filled as far as it could be read, also on mismatch (the
 * serial and AKI are what a revocation needs). Slices in the arena. */
struct cert_facts {
    char serial_hex[41]; /* lower case, no leading zeros beyond a whole byte; "" if unreadable */
    char serial_dec[50];
    char aki_hex[65];                /* "" if the certificate has none */
    char sha256[SHA256_HEX_LEN + 1]; /* of the DER */
    int64_t not_before_s, not_after_s;
    struct name *names; /* sorted, unique */
    size_t num_names;
    struct slice common_name;
    struct slice der;
    struct slice spki; /* SubjectPublicKeyInfo, inside der */
    unsigned differs;  /* 1u << enum cert_field, a bit for each field that is not as expected */
};

/* What a certificate says of itself, whoever it is for. */
struct cert_summary {
    struct cert_facts facts; /* spki, der and differs are left alone */
    bool are_names_plain;    /* all of them are names as a request may have them, facts.names */
    bool is_ca;              /* CA:TRUE, or may sign certificates */
    enum key_algo key_algo;
    unsigned key_bits; /* 0: a key of a kind that is never asked for */
};
/* ca_cert_summary - read one certificate without comparing it with anything: for certificates that
 * others have stored. Slices in the arena or inside der. False: not one readable certificate with a
 * serial number; *ret is undefined then. Any thread. Does not look at the signature. */
bool ca_cert_summary(struct slice der, struct arena *arena, struct cert_summary *ret);

/* ca_check - compare. Returns true when nothing differs; else ret->differs says what does.
 * FIELD_ISSUER: none of the CA certificates has the issuer's name, or it is not valid now; without
 * a CA certificate of that name the signature is not looked at. FIELD_CA also for keyCertSign.
 * FIELD_EXTENSIONS: one that no CFSSL leaf profile makes, one that is there twice, or critical
 * where CFSSL's is not.
 * key_pem is a secret and is borrowed; what is derived from it is wiped, or lies in the arena, which
 * must be a secret one (only OpenSSL's own stack is out of reach).
 * Refuses anything but exactly one PEM certificate of at most 16 KiB, explicit EC parameters,
 * repeated or unexpected critical extensions. Threads: the issuer's worker only. */
bool ca_check(struct ca_issuer *issuer, struct slice cert_pem, struct slice key_pem,
              const struct cert_expected *expected, struct arena *arena, struct cert_facts *ret);

#endif
