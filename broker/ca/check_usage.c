/* check_usage.c - key usages: CFSSL's words for them, and the extensions that carry them.
 *
 * One table says it all. "content committment" is spelt like that in CFSSL's own source; the right
 * spelling is taken too. */
#include "broker/ca/check_der.h"
#include "broker/ca/check_fields.h"

enum ext_usage {
    USE_ANY,
    USE_SERVER_AUTH,
    USE_CLIENT_AUTH,
    USE_CODE_SIGNING,
    USE_EMAIL,
    USE_IPSEC_END_SYSTEM,
    USE_IPSEC_TUNNEL,
    USE_IPSEC_USER,
    USE_TIMESTAMPING,
    USE_OCSP_SIGNING,
    USE_MICROSOFT_SGC,
    USE_NETSCAPE_SGC,
};

/* Bit numbers of RFC 5280 4.2.1.3. */
enum {
    BIT_SIGNATURE,
    BIT_COMMITMENT,
    BIT_KEY_ENC,
    BIT_DATA_ENC,
    BIT_AGREEMENT,
    BIT_CERT_SIGN,
    BIT_CRL_SIGN,
    BIT_ENC_ONLY,
    BIT_DEC_ONLY
};

static const struct {
    const char *word;
    unsigned key_usage;     /* bits */
    unsigned ext_key_usage; /* bits */
} words[] = {
    {"signing", 1U << BIT_SIGNATURE, 0},
    {"digital signature", 1U << BIT_SIGNATURE, 0},
    {"content committment", 1U << BIT_COMMITMENT, 0},
    {"content commitment", 1U << BIT_COMMITMENT, 0},
    {"key encipherment", 1U << BIT_KEY_ENC, 0},
    {"key agreement", 1U << BIT_AGREEMENT, 0},
    {"data encipherment", 1U << BIT_DATA_ENC, 0},
    {"cert sign", 1U << BIT_CERT_SIGN, 0},
    {"crl sign", 1U << BIT_CRL_SIGN, 0},
    {"encipher only", 1U << BIT_ENC_ONLY, 0},
    {"decipher only", 1U << BIT_DEC_ONLY, 0},
    {"any", 0, 1U << USE_ANY},
    {"server auth", 0, 1U << USE_SERVER_AUTH},
    {"client auth", 0, 1U << USE_CLIENT_AUTH},
    {"code signing", 0, 1U << USE_CODE_SIGNING},
    {"email protection", 0, 1U << USE_EMAIL},
    {"s/mime", 0, 1U << USE_EMAIL},
    {"ipsec end system", 0, 1U << USE_IPSEC_END_SYSTEM},
    {"ipsec tunnel", 0, 1U << USE_IPSEC_TUNNEL},
    {"ipsec user", 0, 1U << USE_IPSEC_USER},
    {"timestamping", 0, 1U << USE_TIMESTAMPING},
    {"ocsp signing", 0, 1U << USE_OCSP_SIGNING},
    {"microsoft sgc", 0, 1U << USE_MICROSOFT_SGC},
    {"netscape sgc", 0, 1U << USE_NETSCAPE_SGC},
};
#define NUM_WORDS (sizeof(words) / sizeof(words[0]))

const char *const usage_words[] = {
    "signing",
    "digital signature",
    "content commitment",
    "key encipherment",
    "key agreement",
    "data encipherment",
    "cert sign",
    "crl sign",
    "encipher only",
    "decipher only",
    "any",
    "server auth",
    "client auth",
    "code signing",
    "email protection",
    "s/mime",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "timestamping",
    "ocsp signing",
    "microsoft sgc",
    "netscape sgc",
    NULL,
};

bool usage_add(struct usage_set *set, struct slice word)
{
    for (size_t i = 0; i < NUM_WORDS; i++) {
        if (slice_eq_str(word, words[i].word)) {
            set->key_usage |= words[i].key_usage;
            set->ext_key_usage |= words[i].ext_key_usage;
            return true;
        }
    }
    return false;
}

/* A named bit list: whole bytes but for the last, no zero bits at the end (X.690 11.2.2). */
bool key_usage_read(struct slice ext, unsigned *ret)
{
    struct slice c = {0};
    if (!der_only(ext, DER_BIT_STRING, &c) || c.len < 2 || c.len > 3) {
        return false;
    }
    const unsigned unused = (unsigned char)c.ptr[0];
    const unsigned last = (unsigned char)c.ptr[c.len - 1];
    if (unused > 7 || (last & ((1U << unused) - 1U)) != 0 || (last >> unused & 1U) == 0) {
        return false;
    }
    unsigned set = 0;
    for (unsigned bit = 0; bit < 8 * (c.len - 1); bit++) {
        const unsigned byte = (unsigned char)c.ptr[1 + bit / 8];
        set |= (byte >> (7 - bit % 8) & 1U) << bit;
    }
    *ret = set;
    return set >> (BIT_DEC_ONLY + 1) == 0;
}

static const struct {
    enum ext_usage usage;
    struct slice oid;
} usage_oids[] = {
    {USE_ANY, {"\x55\x1d\x25\x00", 4}},
    {USE_SERVER_AUTH, {"\x2b\x06\x01\x05\x05\x07\x03\x01", 8}},
    {USE_CLIENT_AUTH, {"\x2b\x06\x01\x05\x05\x07\x03\x02", 8}},
    {USE_CODE_SIGNING, {"\x2b\x06\x01\x05\x05\x07\x03\x03", 8}},
    {USE_EMAIL, {"\x2b\x06\x01\x05\x05\x07\x03\x04", 8}},
    {USE_IPSEC_END_SYSTEM, {"\x2b\x06\x01\x05\x05\x07\x03\x05", 8}},
    {USE_IPSEC_TUNNEL, {"\x2b\x06\x01\x05\x05\x07\x03\x06", 8}},
    {USE_IPSEC_USER, {"\x2b\x06\x01\x05\x05\x07\x03\x07", 8}},
    {USE_TIMESTAMPING, {"\x2b\x06\x01\x05\x05\x07\x03\x08", 8}},
    {USE_OCSP_SIGNING, {"\x2b\x06\x01\x05\x05\x07\x03\x09", 8}},
    {USE_MICROSOFT_SGC, {"\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03", 10}},
    {USE_NETSCAPE_SGC, {"\x60\x86\x48\x01\x86\xf8\x42\x04\x01", 9}},
};

static bool oid_usage(struct slice oid, unsigned *ret)
{
    for (size_t i = 0; i < sizeof(usage_oids) / sizeof(usage_oids[0]); i++) {
        if (slice_eq(oid, usage_oids[i].oid)) {
            *ret = 1U << usage_oids[i].usage;
            return true;
        }
    }
    return false;
}

bool ext_key_usage_read(struct slice ext, unsigned *ret)
{
    struct slice list = {0};
    unsigned set = 0;
    if (!der_only(ext, DER_SEQUENCE, &list) || list.len == 0) {
        return false;
    }
    while (list.len > 0) {
        struct slice oid = {0};
        unsigned bit = 0;
        if (!der_take(&list, DER_OID, &oid) || !oid_usage(oid, &bit)) {
            return false;
        }
        set |= bit;
    }
    *ret = set;
    return true;
}
