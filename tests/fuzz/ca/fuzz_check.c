/* fuzz_check.c - any bytes as the certificate or as its key: no crash, and only the certificate
 * that the recorded CA has signed, with its own key, may pass. */
#include "broker/ca/check.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER "tests/fuzz/ca/corpus_check/"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ca_issuer *issuer;
static struct policy_ask ask;
static struct cert_expected expected;
static char cert_pem[8192], ec_key_pem[8192];

/* load_seed - a seed file without its first byte, as PEM. */
static void load_seed(const char *name, const char *label, char out[8192])
{
    unsigned char bytes[4096];
    FILE *f = fopen(name, "rb");
    CB_CHECK(f != NULL);
    const size_t num = fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    CB_CHECK(num > 1);
    BIO *bio = BIO_new(BIO_s_mem());
    CB_CHECK(PEM_write_bio(bio, label, "", bytes + 1, (long)num - 1) > 0);
    const int len = BIO_read(bio, out, 8191);
    CB_CHECK(len > 0);
    out[len] = '\0';
    BIO_free(bio);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct arena arena;
    static struct name name;
    static const struct subject_attr subject = {SUBJECT_O, {"ACME", 4}};
    struct cb_err err = {0};
    (void)argc;
    (void)argv;
    CB_CHECK(ca_issuer_load("tests/data/ca/recorded_ca.pem", &issuer, &err) == CB_OK);
    arena_init(&arena, 10000);
    CB_CHECK(name_parse(&arena, SLICE("ms1.acme.internal"), &name, &err) == CB_OK);
    ask = (struct policy_ask){.names = &name,
                              .num_names = 1,
                              .common_name = SLICE("ms1.acme.internal"),
                              .subject = &subject,
                              .num_subject = 1,
                              .key_algo = KEY_ECDSA,
                              .key_bits = 256};
    expected = (struct cert_expected){.ask = &ask, .now_s = 1795279178};
    CB_CHECK(usage_add(&expected.usages, SLICE("signing")));
    CB_CHECK(usage_add(&expected.usages, SLICE("key encipherment")));
    CB_CHECK(usage_add(&expected.usages, SLICE("server auth")));
    load_seed(FOLDER "cert_newcert_ok", "CERTIFICATE", cert_pem);
    load_seed(FOLDER "key_ec", "EC PRIVATE KEY", ec_key_pem);
    return 0;
}

static void check(struct slice cert, struct slice key)
{
    struct arena arena;
    struct cert_facts facts;
    arena_init_secret(&arena, 1U << 20);
    const bool good = ca_check(issuer, cert, key, &expected, &arena, &facts);
    CB_CHECK(good == (facts.differs == 0));
    CB_CHECK(facts.differs >> CERT_FIELD_COUNT == 0);
    CB_CHECK(strlen(facts.serial_hex) <= 40 && strlen(facts.serial_dec) <= 49);
    CB_CHECK((facts.serial_hex[0] == '\0') == (facts.serial_dec[0] == '\0'));
    CB_CHECK(strlen(facts.aki_hex) <= 64);
    if (good) {
        /* signed by the CA, and for this key: then it is the seed, whatever its spelling */
        CB_CHECK(strcmp(facts.serial_hex, "36464708faadf6ed62d267f10588d9ac346cd953") == 0);
    }
    arena_free(&arena);
}

/* The first byte chooses: 0 a certificate in DER, 1 to 3 a key in DER with each of the labels, 4 a
 * certificate in PEM, 5 a key in PEM. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const labels[4] = {"CERTIFICATE", "EC PRIVATE KEY", "RSA PRIVATE KEY",
                                          "PRIVATE KEY"};
    if (size < 2 || size > 8192) {
        return 0;
    }
    const unsigned kind = data[0] % 6;
    struct slice pem = {(const char *)data + 1, size - 1};
    BIO *bio = NULL;
    if (kind < 4) {
        char *text = NULL;
        bio = BIO_new(BIO_s_mem());
        CB_CHECK(PEM_write_bio(bio, labels[kind], "", data + 1, (long)size - 1) > 0);
        const long len = BIO_get_mem_data(bio, &text);
        pem = (struct slice){text, (size_t)len};
    }
    if (kind == 0 || kind == 4) {
        check(pem, slice_of(ec_key_pem));
    } else {
        check(slice_of(cert_pem), pem);
    }
    BIO_free(bio);
    return 0;
}
