/* check_kit.h - a CA, a certificate that is right, and the request it answers; for the tests of
 * check.h. Header-only, as certs.h is. */
#ifndef TESTS_UNIT_CA_CHECK_KIT_H
#define TESTS_UNIT_CA_CHECK_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ca/check.h"
#include "tests/unit/ca/certs.h"

#include <unistd.h>

#define BIT(field) (1U << (field))
#define DAY 86400LL
#define SKI_HEX "a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4"
#define AKI_EXT "30168014" SKI_HEX
#define OID_KU "2.5.29.15"
#define OID_EKU "2.5.29.37"
#define OID_BC "2.5.29.19"
#define OID_SKI "2.5.29.14"
#define OID_AKI "2.5.29.35"
#define OID_SAN "2.5.29.17"

enum ext_slot { SLOT_KU, SLOT_EKU, SLOT_BC, SLOT_SKI, SLOT_AKI, SLOT_SAN, SLOT_FREE };

static const struct plan_attr ca_subject[4] = {{.type = "O", .value = "Test"},
                                               {.type = "CN", .value = "Test CA"}};

static EVP_PKEY *ca_key, *other_ca_key, *leaf_key, *other_key, *p384_key, *p521_key, *rsa_key,
    *rsa_small_key, *rsa_ca_key, *ed_ca_key;
static struct ca_issuer *issuer;

/* ---- files ---- */

static inline void write_ca(int fd, EVP_PKEY *key, const struct plan_attr *subject, const char *ski,
                            long long not_after, const char *basic)
{
    struct plan p = {.version = 2,
                     .serial_hex = "01",
                     .not_before = PLAN_NOW - 365 * DAY,
                     .not_after = not_after,
                     .key = key,
                     .exts = {{OID_BC, basic, 1}, {OID_KU, "03020106", 1}, {OID_SKI, ski, 0}},
                     .sign_key = key,
                     .hash = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : "SHA256"};
    memcpy(p.subject, subject, 2 * sizeof(p.subject[0]));
    int len = 0;
    char pem[8192];
    unsigned char *der = plan_der(&p, subject, &len);
    plan_pem("CERTIFICATE", der, len, pem, sizeof(pem));
    assert_int_equal(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
    OPENSSL_free(der);
}

static inline int open_temp(char path[64])
{
    (void)snprintf(path, 64, "/tmp/certbroker-test-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    return fd;
}

#define CA_TRUE "30030101ff"

static const struct plan_attr rsa_ca_subject[2] = {{.type = "CN", .value = "RSA CA"}};
static const struct plan_attr ed_ca_subject[2] = {{.type = "CN", .value = "Ed CA"}};
static const struct plan_attr old_ca_subject[2] = {{.type = "CN", .value = "Old CA"}};
static const struct plan_attr rotated_subject[2] = {{.type = "CN", .value = "Rotated CA"}};

static inline int setup(void **state)
{
    (void)state;
    char path[64];
    struct cb_err err = {0};
    ca_key = plan_ec_key("P-256");
    other_ca_key = plan_ec_key("P-256");
    leaf_key = plan_ec_key("P-256");
    other_key = plan_ec_key("P-256");
    p384_key = plan_ec_key("P-384");
    p521_key = plan_ec_key("P-521");
    rsa_key = plan_rsa_key(2048);
    rsa_small_key = plan_rsa_key(2047);
    rsa_ca_key = plan_rsa_key(2048);
    ed_ca_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    const int fd = open_temp(path);
    write_ca(fd, other_ca_key, rotated_subject, "04020001", PLAN_NOW + DAY, CA_TRUE);
    write_ca(fd, ca_key, ca_subject, "0414" SKI_HEX, PLAN_NOW + 365 * DAY, CA_TRUE);
    write_ca(fd, ca_key, rotated_subject, "04020002", PLAN_NOW + 365 * DAY, CA_TRUE);
    write_ca(fd, rsa_ca_key, rsa_ca_subject, "0414" SKI_HEX, PLAN_NOW + 365 * DAY, CA_TRUE);
    write_ca(fd, ed_ca_key, ed_ca_subject, "0414" SKI_HEX, PLAN_NOW + 365 * DAY, CA_TRUE);
    write_ca(fd, ca_key, old_ca_subject, "0414" SKI_HEX, PLAN_NOW - DAY, CA_TRUE);
    (void)close(fd);
    const enum cb_code code = ca_issuer_load(path, &issuer, &err);
    (void)unlink(path);
    if (code != CB_OK) {
        print_error("%s\n", err.msg);
        return 1;
    }
    assert_true(ca_issuer_not_after_s(issuer) == PLAN_NOW - DAY);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = {ca_key,   other_ca_key, leaf_key,      other_key,  p384_key,
                              p521_key, rsa_key,      rsa_small_key, rsa_ca_key, ed_ca_key};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        EVP_PKEY_free(keys[i]);
    }
    ca_issuer_free(issuer);
    return 0;
}

/* ---- the certificate that is right ---- */

/* GeneralNames: DNS a, b and c.example.test, a URI, an address, an e-mail address */
#define SAN_A "820e612e6578616d706c652e74657374"
#define SAN_B "820e622e6578616d706c652e74657374"
#define SAN_C "820e632e6578616d706c652e74657374"
#define SAN_URI "86177370696666653a2f2f6578616d706c652e746573742f61"
#define SAN_IP "87040a000001"
#define SAN_MAIL "810e78406578616d706c652e74657374"

static const struct plan good_plan = {
    .version = 2,
    .serial_hex = "7f0102030405060708090a0b0c0d0e0f10111213",
    .not_before = PLAN_NOW - 300,
    .not_after = PLAN_NOW - 300 + 30 * DAY,
    .subject = {{.type = "C", .value = "NL", .string = V_ASN1_PRINTABLESTRING},
                {.type = "O", .value = "ACME Inc."},
                {.type = "CN", .value = "a.example.test"}},
    .exts = {[SLOT_KU] = {OID_KU, "030205a0", 1},
             [SLOT_EKU] = {OID_EKU, "300a06082b06010505070301", 0},
             [SLOT_BC] = {OID_BC, "3000", 1},
             [SLOT_SKI] = {OID_SKI, "04020102", 0},
             [SLOT_AKI] = {OID_AKI, AKI_EXT, 0},
             [SLOT_SAN] = {OID_SAN, "3020" SAN_A SAN_B, 0}},
    .hash = "SHA256",
};

static const struct subject_attr good_subject[] = {{SUBJECT_C, {"NL", 2}},
                                                   {SUBJECT_O, {"ACME Inc.", 9}}};

struct asked {
    struct arena arena;
    struct policy_ask ask;
    struct cert_expected expected;
};

static inline void ask_names(struct asked *a, const char *const *texts)
{
    struct cb_err err = {0};
    struct name *names = arena_array(&a->arena, 10, sizeof(*names));
    size_t num = 0;
    for (; texts[num] != NULL; num++) {
        assert_int_equal(name_parse(&a->arena, slice_of(texts[num]), &names[num], &err), CB_OK);
    }
    a->ask.names = names;
    a->ask.num_names = name_sort_unique(names, num);
}

static inline void ask_good(struct asked *a)
{
    static const char *const names[] = {"a.example.test", "b.example.test", NULL};
    *a = (struct asked){0};
    arena_init(&a->arena, 100000);
    a->ask = (struct policy_ask){.action = ACTION_NEWCERT,
                                 .common_name = SLICE("a.example.test"),
                                 .subject = good_subject,
                                 .num_subject = 2,
                                 .key_algo = KEY_ECDSA,
                                 .key_bits = 256,
                                 .profile = SLICE("server")};
    ask_names(a, names);
    a->expected =
        (struct cert_expected){.ask = &a->ask, .max_validity_s = 30 * DAY, .now_s = PLAN_NOW};
    assert_true(usage_add(&a->expected.usages, SLICE("signing")));
    assert_true(usage_add(&a->expected.usages, SLICE("key encipherment")));
    assert_true(usage_add(&a->expected.usages, SLICE("server auth")));
}

static inline struct plan plan_copy(void)
{
    struct plan p = good_plan;
    p.key = leaf_key;
    p.sign_key = ca_key;
    return p;
}

static inline void plan_to_pem(const struct plan *p, char pem[20000])
{
    int len = 0;
    unsigned char *der = plan_der(p, ca_subject, &len);
    plan_pem("CERTIFICATE", der, len, pem, 20000);
    OPENSSL_free(der);
}

static inline unsigned check_pem(const char *cert, const char *key, const struct asked *a)
{
    struct arena arena;
    struct cert_facts facts;
    arena_init_secret(&arena, 200000);
    const bool good = ca_check(issuer, slice_of(cert), slice_of(key), &a->expected, &arena, &facts);
    assert_int_equal(good, facts.differs == 0);
    assert_true(ERR_peek_error() == 0); /* nothing is left that could confuse somebody else's I/O */
    arena_free(&arena);
    return facts.differs;
}

/* check_plan - the bits that differ when a's certificate is made by this plan. */
static inline unsigned check_plan(const struct plan *p, const struct asked *a)
{
    char cert[20000];
    char key[8192];
    plan_to_pem(p, cert);
    plan_key_pem(p->key, 0, key, sizeof(key));
    return check_pem(cert, key, a);
}

static inline void must_differ(const char *what, unsigned got, unsigned want)
{
    if (got != want) {
        char text[400] = "";
        for (unsigned f = 0; f < CERT_FIELD_COUNT; f++) {
            if (got >> f & 1U) {
                (void)strncat(text, cert_field_word((enum cert_field)f), 20);
                (void)strncat(text, " ", 2);
            }
        }
        fail_msg("%s: differs in %s(%x), wanted %x", what, text, got, want);
    }
}

#endif
