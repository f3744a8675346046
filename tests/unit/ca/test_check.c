/* test_check.c - keys that don't belong, bytes that are no certificate, and what is told about a
 * certificate. The fields one by one are in test_check_fields.c. */
#include "tests/unit/ca/check_kit.h"

static void test_boundary_of_validity(void **state)
{
    (void)state;
    struct asked a;
    ask_good(&a);
    for (int extra = -1; extra <= 1; extra++) {
        struct plan p = plan_copy();
        p.not_before = PLAN_NOW - 300;
        p.not_after = p.not_before + 30 * DAY + extra;
        must_differ("validity", check_plan(&p, &a), extra > 0 ? BIT(FIELD_VALIDITY) : 0);
    }
    arena_free(&a.arena);
}

/* ---- the key pair ---- */

static void test_key_pair(void **state)
{
    (void)state;
    EVP_PKEY *const keys[] = {leaf_key, p384_key, p521_key, rsa_key};
    static const unsigned bits[] = {256, 384, 521, 2048};
    for (size_t i = 0; i < 4; i++) {
        struct plan p = plan_copy();
        struct asked a;
        char cert[20000];
        char key[8192];
        ask_good(&a);
        a.ask.key_algo = i == 3 ? KEY_RSA : KEY_ECDSA;
        a.ask.key_bits = bits[i];
        p.key = keys[i];
        plan_to_pem(&p, cert);
        plan_key_pem(keys[i], 0, key, sizeof(key));
        must_differ("traditional", check_pem(cert, key, &a), 0);
        plan_key_pem(keys[i], 1, key, sizeof(key));
        must_differ("PKCS#8", check_pem(cert, key, &a), 0);
        plan_key_pem(i == 3 ? rsa_ca_key : other_key, 0, key, sizeof(key));
        must_differ("another key", check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
        plan_key_pem(i == 3 ? rsa_ca_key : other_key, 1, key, sizeof(key));
        must_differ("another key", check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
        plan_key_pem(i == 3 ? leaf_key : rsa_key, 0, key, sizeof(key));
        must_differ("another kind", check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
        must_differ("none", check_pem(cert, "", &a), BIT(FIELD_KEY_PAIR));
        must_differ("no key", check_pem(cert, cert, &a), BIT(FIELD_KEY_PAIR));
        arena_free(&a.arena);
    }
}

/* A SEC1 key whose public half is the certificate's while its secret is not: only somebody who
 * computes the public half notices. */
static void test_key_that_lies(void **state)
{
    (void)state;
    struct plan p = plan_copy();
    struct asked a;
    char cert[20000];
    char key[8192];
    unsigned char *der = NULL;
    ask_good(&a);
    plan_to_pem(&p, cert);
    const int len = i2d_PrivateKey(leaf_key, &der);
    assert_true(len > 40);
    der[20] ^= 1; /* inside the secret: 30 len 02 01 01 04 20 <32 bytes> */
    plan_pem("EC PRIVATE KEY", der, len, key, sizeof(key));
    must_differ("secret", check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
    der[20] ^= 1;
    plan_pem("EC PRIVATE KEY", der, len, key, sizeof(key));
    must_differ("whole", check_pem(cert, key, &a), 0);
    der[len - 1] ^= 1;
    plan_pem("EC PRIVATE KEY", der, len, key, sizeof(key));
    must_differ("public half", check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
    der[len - 1] ^= 1;
    plan_pem("RSA PRIVATE KEY", der, len, key, sizeof(key));
    must_differ("label", check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
    memset(der + 7, 0, 32);
    plan_pem("EC PRIVATE KEY", der, len, key, sizeof(key));
    must_differ("zero", check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
    OPENSSL_free(der);
    arena_free(&a.arena);
}

/* Each number of an RSA key is held against the others. */
static void test_rsa_key_that_lies(void **state)
{
    (void)state;
    static const char *const params[] = {
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    struct plan p = plan_copy();
    struct asked a;
    char cert[20000];
    char key[8192];
    unsigned char *der = NULL;
    ask_good(&a);
    a.ask.key_algo = KEY_RSA;
    a.ask.key_bits = 2048;
    p.key = rsa_key;
    plan_to_pem(&p, cert);
    const int len = i2d_PrivateKey(rsa_key, &der);
    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        unsigned char bytes[256];
        BIGNUM *n = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(rsa_key, params[i], &n), 1);
        const int num = BN_bn2bin(n, bytes);
        unsigned char *at = memmem(der, (size_t)len, bytes, (size_t)num);
        assert_non_null(at);
        at[num / 2] ^= 0x10;
        plan_pem("RSA PRIVATE KEY", der, len, key, sizeof(key));
        must_differ(params[i], check_pem(cert, key, &a), BIT(FIELD_KEY_PAIR));
        at[num / 2] ^= 0x10;
        BN_clear_free(n);
    }
    plan_pem("RSA PRIVATE KEY", der, len, key, sizeof(key));
    must_differ("whole", check_pem(cert, key, &a), 0);
    OPENSSL_free(der);
    arena_free(&a.arena);
}

/* ---- bytes that are no certificate ---- */

static void test_pem(void **state)
{
    (void)state;
    struct plan p = plan_copy();
    struct asked a;
    char cert[20000];
    char key[8192];
    char text[40002];
    ask_good(&a);
    plan_to_pem(&p, cert);
    plan_key_pem(leaf_key, 0, key, sizeof(key));
    const char *const body = strchr(cert, '\n') + 1;
    static const struct {
        const char *before, *after; /* around the good one */
        bool good;
    } around[] = {
        {"", "", true},
        {"\n", "\r\n\n", true},
        {" ", "", false},
        {"junk\n", "", false},
        {"", "junk", false},
        {"", "-----BEGIN CERTIFICATE-----\n", false},
        {"\xef\xbb\xbf", "", false},
    };
    for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        (void)snprintf(text, sizeof(text), "%s%s%s", around[i].before, cert, around[i].after);
        must_differ("around", check_pem(text, key, &a), around[i].good ? 0 : BIT(FIELD_PARSE));
    }
    (void)snprintf(text, sizeof(text), "%s%s", cert, cert);
    must_differ("two", check_pem(text, key, &a), BIT(FIELD_PARSE));
    (void)snprintf(text, sizeof(text), "-----BEGIN TRUSTED CERTIFICATE-----\n%s", body);
    must_differ("label", check_pem(text, key, &a), BIT(FIELD_PARSE));
    (void)snprintf(text, sizeof(text), "-----BEGIN CERTIFICATE-----\nX: y\n\n%s", body);
    must_differ("header", check_pem(text, key, &a), BIT(FIELD_PARSE));
    must_differ("empty", check_pem("", key, &a), BIT(FIELD_PARSE));
    must_differ("key", check_pem(key, key, &a), BIT(FIELD_PARSE));
    memset(text, '\n', CHECK_PEM_MAX);
    (void)snprintf(text + CHECK_PEM_MAX, sizeof(text) - CHECK_PEM_MAX, "%s", cert);
    must_differ("too long", check_pem(text, key, &a), BIT(FIELD_PARSE));
    arena_free(&a.arena);
}

/* Every bit of the certificate turned: none may pass, since all of it is signed or is the
 * signature. (Every eighth byte, to be quick.) Shortened ones too. */
static void test_every_byte(void **state)
{
    (void)state;
    struct plan p = plan_copy();
    struct asked a;
    char cert[20000];
    char key[8192];
    int len = 0;
    ask_good(&a);
    plan_key_pem(leaf_key, 0, key, sizeof(key));
    unsigned char *der = plan_der(&p, ca_subject, &len);
    for (int i = 0; i < len; i += 8) {
        der[i] ^= (unsigned char)(1U << (i / 8 % 8));
        plan_pem("CERTIFICATE", der, len, cert, sizeof(cert));
        assert_true(check_pem(cert, key, &a) != 0);
        der[i] ^= (unsigned char)(1U << (i / 8 % 8));
        if (i > 0) {
            plan_pem("CERTIFICATE", der, i, cert, sizeof(cert));
            must_differ("short", check_pem(cert, key, &a), BIT(FIELD_PARSE));
        }
    }
    OPENSSL_free(der);
    arena_free(&a.arena);
}

static void test_facts(void **state)
{
    (void)state;
    struct plan p = plan_copy();
    struct asked a;
    struct arena arena;
    struct cert_facts facts;
    char cert[20000];
    ask_good(&a);
    arena_init_secret(&arena, 200000);
    p.serial_hex = "ffffffffffffffffffffffffffffffffffffffff";
    p.exts[SLOT_SAN].hex = "3010" SAN_C; /* wrong: the facts are told all the same */
    plan_to_pem(&p, cert);
    assert_false(ca_check(issuer, slice_of(cert), SLICE(""), &a.expected, &arena, &facts));
    assert_int_equal(facts.differs, BIT(FIELD_NAMES) | BIT(FIELD_KEY_PAIR));
    assert_string_equal(facts.serial_hex, "ffffffffffffffffffffffffffffffffffffffff");
    assert_string_equal(facts.serial_dec, "1461501637330902918203684832716283019655932542975");
    assert_string_equal(facts.aki_hex, SKI_HEX);
    assert_int_equal(strlen(facts.sha256), 64);
    assert_true(facts.not_before_s == p.not_before && facts.not_after_s == p.not_after);
    assert_int_equal(facts.num_names, 1);
    assert_true(slice_eq_str(facts.names[0].text, "c.example.test"));
    assert_true(slice_eq_str(facts.common_name, "a.example.test"));
    arena_free(&arena);
    arena_free(&a.arena);
}

/* The serial is told even where the rest can't be read: somebody must revoke it. */
static void test_serial_of_a_broken_one(void **state)
{
    (void)state;
    struct plan p = plan_copy();
    struct asked a;
    struct arena arena;
    struct cert_facts facts;
    char cert[20000];
    int len = 0;
    ask_good(&a);
    arena_init_secret(&arena, 200000);
    p.serial_hex = "0100";
    unsigned char *der = plan_der(&p, ca_subject, &len);
    unsigned char *date = memmem(der, (size_t)len, "\x17\x0d", 2);
    assert_non_null(date);
    date[2] = 'x';
    plan_pem("CERTIFICATE", der, len, cert, sizeof(cert));
    assert_false(ca_check(issuer, slice_of(cert), SLICE(""), &a.expected, &arena, &facts));
    assert_int_equal(facts.differs, BIT(FIELD_PARSE));
    assert_string_equal(facts.serial_hex, "0100");
    assert_string_equal(facts.serial_dec, "256");
    OPENSSL_free(der);
    arena_free(&arena);
    arena_free(&a.arena);
}

/* ---- words ---- */

static void test_words(void **state)
{
    (void)state;
    for (unsigned f = 0; f < CERT_FIELD_COUNT; f++) {
        assert_true(strlen(cert_field_word((enum cert_field)f)) > 1);
    }
    assert_string_equal(cert_field_word(FIELD_AKI), "aki");
    assert_string_equal(cert_field_word(FIELD_KEY_PAIR), "key_pair");
    for (size_t i = 0; usage_words[i] != NULL; i++) {
        struct usage_set set = {0};
        assert_true(usage_add(&set, slice_of(usage_words[i])));
        assert_true((set.key_usage != 0) != (set.ext_key_usage != 0));
    }
    struct usage_set set = {0};
    assert_true(usage_add(&set, SLICE("content committment"))); /* as CFSSL spells it */
    assert_int_equal(set.key_usage, 2);
    assert_false(usage_add(&set, SLICE("Signing")));
    assert_false(usage_add(&set, SLICE("server auth ")));
    assert_false(usage_add(&set, SLICE("")));
}

/* ---- loading ---- */

static enum cb_code load_text(const char *text, struct cb_err *err)
{
    char path[64];
    struct ca_issuer *made = NULL;
    const int fd = open_temp(path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    const enum cb_code code = ca_issuer_load(path, &made, err);
    (void)unlink(path);
    assert_int_equal(code == CB_OK, made != NULL);
    ca_issuer_free(made);
    assert_true(ERR_peek_error() == 0);
    return code;
}

static void test_load(void **state)
{
    (void)state;
    struct cb_err err = {0};
    struct ca_issuer *made = NULL;
    char path[64];
    char text[20000];
    assert_int_equal(ca_issuer_load("/nonexistent/ca.pem", &made, &err), CB_ESYS);
    assert_int_equal(load_text("", &err), CB_EINPUT);
    assert_int_equal(load_text("hello\n", &err), CB_EINPUT);
    assert_int_equal(load_text("-----BEGIN CERTIFICATE-----\nAAAA\n", &err), CB_EINPUT);
    assert_int_equal(
        load_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &err),
        CB_EINPUT);
    struct plan p = plan_copy();
    plan_to_pem(&p, text);
    assert_int_equal(load_text(text, &err), CB_EINPUT); /* a leaf */
    assert_non_null(strstr(err.msg, "CA:TRUE"));
    plan_key_pem(ca_key, 0, text, sizeof(text));
    assert_int_equal(load_text(text, &err), CB_EINPUT);

    int fd = open_temp(path);
    for (int i = 0; i < 17; i++) {
        write_ca(fd, ca_key, ca_subject, "0414" SKI_HEX, PLAN_NOW + DAY, CA_TRUE);
    }
    (void)close(fd);
    assert_int_equal(ca_issuer_load(path, &made, &err), CB_ELIMIT);
    (void)unlink(path);
    ca_issuer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boundary_of_validity),
        cmocka_unit_test(test_key_pair),
        cmocka_unit_test(test_key_that_lies),
        cmocka_unit_test(test_rsa_key_that_lies),
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_serial_of_a_broken_one),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
