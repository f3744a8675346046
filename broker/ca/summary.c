/* summary.c - ca_cert_summary: a stored certificate read with the same strict readers as the CA's
 * answers, but without anything to hold it against. */
#include "broker/ca/check.h"
#include "broker/ca/check_cert.h"
#include "broker/ca/check_fields.h"
#include "broker/ca/check_key.h"

#define AKI_BYTES_MAX 32U
#define KEY_USAGE_CERT_SIGN (1U << 5)

static void read_aki(const struct cert *cert, struct cert_facts *facts)
{
    const struct slice ext = cert->exts[EXT_AKI].value;
    struct slice aki = {0};
    if (ext.ptr != NULL && aki_read(ext, &aki) && aki.len <= AKI_BYTES_MAX) {
        hex_encode((const unsigned char *)aki.ptr, aki.len, facts->aki_hex);
    }
}

static void read_names(const struct cert *cert, struct arena *arena, struct cert_summary *ret)
{
    const struct slice san = cert->exts[EXT_SAN].value;
    size_t num = 0;
    (void)subject_matches(cert->subject, NULL, 0, &ret->facts.common_name, &num);
    ret->are_names_plain = num <= 1 && (san.ptr == NULL || names_read(san, arena, &ret->facts.names,
                                                                      &ret->facts.num_names));
}

/* may_sign - what cannot be read is not taken for harmless. */
static bool may_sign(const struct cert *cert)
{
    const struct slice basic = cert->exts[EXT_BASIC].value;
    const struct slice usage = cert->exts[EXT_KEY_USAGE].value;
    bool is_ca = false;
    unsigned bits = 0;
    if (basic.ptr != NULL && (!basic_read(basic, &is_ca) || is_ca)) {
        return true;
    }
    return usage.ptr != NULL &&
           (!key_usage_read(usage, &bits) || (bits & KEY_USAGE_CERT_SIGN) != 0);
}

bool ca_cert_summary(struct slice der, struct arena *arena, struct cert_summary *ret)
{
    struct cert cert;
    struct public_key key;
    *ret = (struct cert_summary){0};
    if (!cert_parse(der, &cert) ||
        !serial_read(cert.serial, ret->facts.serial_hex, ret->facts.serial_dec)) {
        return false;
    }
    ret->facts.not_before_s = cert.not_before_s;
    ret->facts.not_after_s = cert.not_after_s;
    read_aki(&cert, &ret->facts);
    read_names(&cert, arena, ret);
    ret->is_ca = may_sign(&cert);
    if (public_key_parse(cert.spki, &key)) {
        ret->key_algo = key.algo;
        ret->key_bits = key.bits;
    }
    return true;
}
