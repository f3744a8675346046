/* check_cert.h - an X.509 certificate taken apart into slices of its DER, without judging it. */
#ifndef BROKER_CA_CHECK_CERT_H
#define BROKER_CA_CHECK_CERT_H

#include "broker/base/bytes.h"

/* The extensions that a CFSSL profile can put into a certificate. */
enum ext_kind {
    EXT_KEY_USAGE,
    EXT_EXT_KEY_USAGE,
    EXT_BASIC,
    EXT_SKI,
    EXT_AKI,
    EXT_SAN,
    EXT_CRL_POINTS,
    EXT_AIA,
    EXT_POLICIES,
};
#define EXT_KIND_COUNT 9

struct cert_ext {
    struct slice value; /* inside the OCTET STRING; ptr NULL: absent */
    bool critical;
};

struct cert {
    struct slice tbs;     /* the signed bytes, tag and length included */
    unsigned version;     /* 1, 2 or 3 */
    struct slice serial;  /* the INTEGER's content as it stands */
    struct slice tbs_alg; /* content of the AlgorithmIdentifier inside the signed part */
    struct slice issuer;  /* whole Name */
    int64_t not_before_s, not_after_s;
    struct slice subject; /* whole Name */
    struct slice spki;    /* whole SubjectPublicKeyInfo */
    struct cert_ext exts[EXT_KIND_COUNT];
    bool has_unknown_ext; /* not in the list above */
    bool has_repeated_ext;
    struct slice sig_alg; /* content of the outer AlgorithmIdentifier */
    struct slice signature;
};

/* cert_parse - der must be one certificate and nothing else. On false what was read before the
 * fault is in *ret (the serial among the first), the rest is zero. */
bool cert_parse(struct slice der, struct cert *ret);

#endif
