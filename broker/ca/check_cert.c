/* check_cert.c - see check_cert.h. RFC 5280 4.1, read in order; unique identifiers are refused. */
#include "broker/ca/check_cert.h"

#include "broker/ca/check_der.h"

static const struct {
    enum ext_kind kind;
    struct slice oid;
} known_exts[] = {
    {EXT_KEY_USAGE, {"\x55\x1d\x0f", 3}},  {EXT_EXT_KEY_USAGE, {"\x55\x1d\x25", 3}},
    {EXT_BASIC, {"\x55\x1d\x13", 3}},      {EXT_SKI, {"\x55\x1d\x0e", 3}},
    {EXT_AKI, {"\x55\x1d\x23", 3}},        {EXT_SAN, {"\x55\x1d\x11", 3}},
    {EXT_CRL_POINTS, {"\x55\x1d\x1f", 3}}, {EXT_AIA, {"\x2b\x06\x01\x05\x05\x07\x01\x01", 8}},
    {EXT_POLICIES, {"\x55\x1d\x20", 3}},
};
_Static_assert(sizeof(known_exts) / sizeof(known_exts[0]) == EXT_KIND_COUNT, "one row a kind");

static bool take_whole(struct slice *in, unsigned tag, struct slice *ret)
{
    unsigned got = 0;
    struct slice content = {0};
    return der_has(*in, tag) && der_any(in, &got, &content, ret);
}

static bool parse_version(struct slice *in, unsigned *ret)
{
    struct slice open = {0};
    struct slice number = {0};
    *ret = 1;
    if (!der_has(*in, DER_CONTEXT_OPEN(0))) {
        return true;
    }
    if (!der_take(in, DER_CONTEXT_OPEN(0), &open) || !der_uint(&open, &number) || open.len > 0 ||
        number.len != 1 || number.ptr[0] > 2) {
        return false; /* version 1 is never written out in DER, so 0 is wrong as well */
    }
    *ret = (unsigned)number.ptr[0] + 1;
    return true;
}

static bool parse_validity(struct slice *in, struct cert *ret)
{
    struct slice v = {0};
    return der_take(in, DER_SEQUENCE, &v) && der_time(&v, &ret->not_before_s) &&
           der_time(&v, &ret->not_after_s) && v.len == 0;
}

static bool parse_ext(struct slice *in, struct cert *ret)
{
    struct slice ext = {0};
    struct slice oid = {0};
    struct slice critical = {0};
    struct slice value = {0};
    if (!der_take(in, DER_SEQUENCE, &ext) || !der_take(&ext, DER_OID, &oid)) {
        return false;
    }
    if (der_has(ext, DER_BOOLEAN) &&
        (!der_take(&ext, DER_BOOLEAN, &critical) || !slice_eq(critical, SLICE("\xff")))) {
        return false;
    }
    if (!der_take(&ext, DER_OCTET_STRING, &value) || ext.len > 0) {
        return false;
    }
    for (size_t i = 0; i < EXT_KIND_COUNT; i++) {
        if (!slice_eq(oid, known_exts[i].oid)) {
            continue;
        }
        struct cert_ext *slot = &ret->exts[known_exts[i].kind];
        ret->has_repeated_ext |= slot->value.ptr != NULL;
        *slot = (struct cert_ext){value, critical.len > 0};
        return true;
    }
    ret->has_unknown_ext = true;
    return true;
}

static bool parse_exts(struct slice *in, struct cert *ret)
{
    struct slice open = {0};
    struct slice list = {0};
    if (in->len == 0) {
        return true;
    }
    if (!der_take(in, DER_CONTEXT_OPEN(3), &open) || in->len > 0 ||
        !der_only(open, DER_SEQUENCE, &list) || list.len == 0 || ret->version != 3) {
        return false;
    }
    while (list.len > 0) {
        if (!parse_ext(&list, ret)) {
            return false;
        }
    }
    return true;
}

static bool parse_tbs(struct slice in, struct cert *ret)
{
    return parse_version(&in, &ret->version) && der_take(&in, DER_INTEGER, &ret->serial) &&
           der_take(&in, DER_SEQUENCE, &ret->tbs_alg) &&
           take_whole(&in, DER_SEQUENCE, &ret->issuer) && parse_validity(&in, ret) &&
           take_whole(&in, DER_SEQUENCE, &ret->subject) &&
           take_whole(&in, DER_SEQUENCE, &ret->spki) && parse_exts(&in, ret);
}

bool cert_parse(struct slice der, struct cert *ret)
{
    struct slice cert = {0};
    struct slice rest = {0};
    struct slice tbs = {0};
    *ret = (struct cert){0};
    if (!der_only(der, DER_SEQUENCE, &cert)) {
        return false;
    }
    rest = cert;
    return take_whole(&rest, DER_SEQUENCE, &ret->tbs) && der_take(&cert, DER_SEQUENCE, &tbs) &&
           parse_tbs(tbs, ret) && der_take(&rest, DER_SEQUENCE, &ret->sig_alg) &&
           der_bits(&rest, &ret->signature) && rest.len == 0;
}
