/* check.c - see check.h: every field of the returned certificate, one short function each.
 *
 * A difference sets its bit and the comparison goes on, so that the audit record names all of
 * them. Reading is done by check_der.c, check_cert.c, check_fields.c and check_key.c; nothing here
 * touches raw bytes. */
#include "broker/ca/check.h"

#include "broker/ca/check_cert.h"
#include "broker/ca/check_der.h"
#include "broker/ca/check_fields.h"
#include "broker/ca/check_issuer.h"

#include <openssl/err.h>

#define AKI_BYTES_MAX 32U
#define KEY_USAGE_CERT_SIGN (1U << 5)

const char *cert_field_word(enum cert_field field)
{
    static const char *const words[CERT_FIELD_COUNT] = {
        "parse",     "version",  "serial",    "signature",     "issuer",     "not_before",
        "not_after", "validity", "subject",   "common_name",   "names",      "key",
        "key_pair",  "ca",       "key_usage", "ext_key_usage", "extensions", "aki",
    };
    return (unsigned)field < CERT_FIELD_COUNT ? words[field] : "unknown";
}

struct check {
    struct ca_issuer *issuer;
    const struct cert_expected *expected;
    struct arena *arena;
    struct cert cert;
    struct slice aki; /* ptr NULL: absent or unreadable */
    struct cert_facts *facts;
};

static void differs(struct check *c, enum cert_field field)
{
    c->facts->differs |= 1U << field;
}

static void must(struct check *c, enum cert_field field, bool good)
{
    if (!good) {
        differs(c, field);
    }
}

/* check_serial - see serial_read. */
static void check_serial(struct check *c)
{
    must(c, FIELD_SERIAL, serial_read(c->cert.serial, c->facts->serial_hex, c->facts->serial_dec));
}

/* ---- who signed it ---- */

static void read_aki(struct check *c)
{
    const struct slice ext = c->cert.exts[EXT_AKI].value;
    struct slice aki = {0};
    if (ext.ptr == NULL) {
        return;
    }
    if (!aki_read(ext, &aki) || aki.len > AKI_BYTES_MAX) {
        differs(c, FIELD_AKI);
        return;
    }
    c->aki = aki;
    hex_encode((const unsigned char *)aki.ptr, aki.len, c->facts->aki_hex);
}

static void check_issuer(struct check *c)
{
    struct issuer_cert *by = issuer_pick(c->issuer, c->cert.issuer, c->aki, c->expected->now_s);
    if (by == NULL) {
        differs(c, FIELD_ISSUER);
        return;
    }
    must(c, FIELD_ISSUER, issuer_valid_at(by, c->expected->now_s));
    must(c, FIELD_AKI, c->aki.ptr == NULL || (by->ski.ptr != NULL && slice_eq(c->aki, by->ski)));
    must(c, FIELD_SIGNATURE, issuer_verify(c->issuer, by, &c->cert));
}

/* ---- when ---- */

static void check_times(struct check *c)
{
    const int64_t not_before = c->cert.not_before_s;
    const int64_t not_after = c->cert.not_after_s;
    const int64_t now = c->expected->now_s;
    const uint64_t cap = c->expected->max_validity_s;
    c->facts->not_before_s = not_before;
    c->facts->not_after_s = not_after;
    must(c, FIELD_NOT_BEFORE, not_before <= now + CHECK_CLOCK_SKEW_S);
    must(c, FIELD_NOT_AFTER, not_after > now);
    /* In the CA's own terms: CFSSL's `expiry` is notAfter - notBefore, and a cap of 720h must admit
     * a profile of 720h. (RFC 5280 4.1.2.5 counts both ends, which makes every certificate one
     * second longer than anybody says it is.) */
    must(c, FIELD_VALIDITY,
         not_after >= not_before && (cap == 0 || (uint64_t)(not_after - not_before) <= cap));
}

/* ---- for whom ---- */

static void check_subject(struct check *c)
{
    const struct policy_ask *ask = c->expected->ask;
    const struct slice wanted = ask->common_name;
    struct slice common_name = {0};
    size_t num = 0;
    must(c, FIELD_SUBJECT,
         subject_matches(c->cert.subject, ask->subject, ask->num_subject, &common_name, &num));
    must(c, FIELD_COMMON_NAME,
         wanted.ptr == NULL ? num == 0 : num == 1 && slice_eq(common_name, wanted));
    c->facts->common_name = common_name; /* inside facts->der, which is in the arena */
}

static void check_names(struct check *c)
{
    const struct policy_ask *ask = c->expected->ask;
    const struct slice ext = c->cert.exts[EXT_SAN].value;
    bool good = true;
    if (ext.ptr != NULL) {
        good = names_read(ext, c->arena, &c->facts->names, &c->facts->num_names);
    }
    good = good && c->facts->num_names == ask->num_names;
    for (size_t i = 0; good && i < ask->num_names; i++) {
        good = name_cmp(&c->facts->names[i], &ask->names[i]) == 0;
    }
    must(c, FIELD_NAMES, good);
}

/* ---- which key ---- */

static void check_key(struct check *c, struct slice key_pem)
{
    const struct policy_ask *ask = c->expected->ask;
    struct public_key pub;
    if (!public_key_parse(c->cert.spki, &pub)) {
        differs(c, FIELD_KEY);
        return;
    }
    must(c, FIELD_KEY, pub.algo == ask->key_algo && pub.bits == ask->key_bits);
    must(c, FIELD_KEY_PAIR,
         key_pem.len <= CHECK_PEM_MAX &&
             private_key_matches(&c->issuer->curves, &pub, key_pem, c->arena));
}

/* ---- for what ---- */

static void check_basic(struct check *c)
{
    const struct slice ext = c->cert.exts[EXT_BASIC].value;
    bool is_ca = false;
    /* Without the extension a version 3 certificate is no CA either. */
    must(c, FIELD_CA, ext.ptr == NULL || (basic_read(ext, &is_ca) && !is_ca));
}

static void check_usages(struct check *c)
{
    const struct slice usage = c->cert.exts[EXT_KEY_USAGE].value;
    const struct slice ext_usage = c->cert.exts[EXT_EXT_KEY_USAGE].value;
    unsigned bits = 0;
    unsigned ext_bits = 0;
    must(c, FIELD_KEY_USAGE,
         (usage.ptr == NULL || key_usage_read(usage, &bits)) &&
             bits == c->expected->usages.key_usage);
    must(c, FIELD_EXT_KEY_USAGE,
         (ext_usage.ptr == NULL || ext_key_usage_read(ext_usage, &ext_bits)) &&
             ext_bits == c->expected->usages.ext_key_usage);
    must(c, FIELD_CA, (bits & KEY_USAGE_CERT_SIGN) == 0);
}

static void check_extensions(struct check *c)
{
    static const bool may_be_critical[EXT_KIND_COUNT] = {
        [EXT_KEY_USAGE] = true, [EXT_EXT_KEY_USAGE] = true, [EXT_BASIC] = true, [EXT_SAN] = true};
    const struct slice ski = c->cert.exts[EXT_SKI].value;
    struct slice key_id = {0};
    must(c, FIELD_EXTENSIONS, !c->cert.has_unknown_ext && !c->cert.has_repeated_ext);
    must(c, FIELD_EXTENSIONS, ski.ptr == NULL || ski_read(ski, &key_id));
    for (size_t i = 0; i < EXT_KIND_COUNT; i++) {
        must(c, FIELD_EXTENSIONS, may_be_critical[i] || !c->cert.exts[i].critical);
    }
}

/* ---- all of it ---- */

/* read_cert - PEM to slices, with the facts that hold whatever the certificate says. */
static bool read_cert(struct check *c, struct slice cert_pem)
{
    struct slice label = {0};
    struct slice der = {0};
    unsigned char digest[SHA256_LEN];
    if (cert_pem.len > CHECK_PEM_MAX || !pem_read(cert_pem, c->arena, &label, &der) ||
        !slice_eq_str(label, "CERTIFICATE")) {
        return false;
    }
    c->facts->der = der;
    if (!issuer_sha256(c->issuer, der, digest)) {
        return false;
    }
    hex_encode(digest, sizeof(digest), c->facts->sha256);
    return cert_parse(der, &c->cert);
}

bool ca_check(struct ca_issuer *issuer, struct slice cert_pem, struct slice key_pem,
              const struct cert_expected *expected, struct arena *arena, struct cert_facts *ret)
{
    struct check c = {.issuer = issuer, .expected = expected, .arena = arena, .facts = ret};
    *ret = (struct cert_facts){0};
    const bool readable = read_cert(&c, cert_pem);
    if (c.cert.serial.ptr != NULL) {
        check_serial(&c); /* what a revocation needs, also of a certificate that is broken */
        read_aki(&c);
    }
    if (!readable) {
        ret->differs = 1U << FIELD_PARSE;
        ERR_clear_error();
        return false;
    }
    ret->spki = c.cert.spki;
    must(&c, FIELD_VERSION, c.cert.version == 3);
    check_issuer(&c);
    check_times(&c);
    check_subject(&c);
    check_names(&c);
    check_key(&c, key_pem);
    check_basic(&c);
    check_usages(&c);
    check_extensions(&c);
    if (ret->differs != 0) {
        ERR_clear_error();
    }
    return ret->differs == 0;
}
