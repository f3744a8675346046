/* test_tls_load.c - what edge_tls_load takes and what it refuses, with a message that helps. */
/* cmocka.h needs these before it, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <pthread.h>

#include "broker/edge/tls_session.h"
#include <unistd.h>

#include "tests/unit/edge/tls_fixture.h"

static struct pki pki;

static int set_up(void **state)
{
    (void)state;
    pki_open(&pki);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pki_close(&pki);
    return 0;
}

static void check_refused(const struct edge_tls_files *files, const char *path, const char *text)
{
    struct edge_tls *tls = NULL;
    struct cb_err err = {0};
    assert_int_not_equal(edge_tls_load(files, &tls, &err), CB_OK);
    assert_null(tls);
    if (strstr(err.msg, path) == NULL || strstr(err.msg, text) == NULL) {
        fail_msg("expected \"%s\" and \"%s\", got \"%s\"", path, text, err.msg);
    }
    assert_int_equal(ERR_peek_error(), 0); /* nothing left behind for others to stumble on */
}

static void test_good(void **state)
{
    struct edge_tls *tls = pki_load(&pki, false);
    int64_t expected = 0;
    (void)state;
    assert_true(tls_time_s(X509_get0_notAfter(pki.server.cert), &expected));
    assert_int_equal(edge_tls_not_after_s(tls), expected);
    edge_tls_unref(edge_tls_ref(tls));
    edge_tls_unref(tls);
    edge_tls_unref(NULL);
}

/* Not only what a client happens to offer: nothing else is configured. */
static void test_suites(void **state)
{
    struct edge_tls *tls = pki_load(&pki, false);
    const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(tls->ctx);
    (void)state;
    assert_true(sk_SSL_CIPHER_num(all) >= 6);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value(all, i);
        const int exchange = SSL_CIPHER_get_kx_nid(suite);
        assert_int_equal(SSL_CIPHER_is_aead(suite), 1);
        assert_true(exchange == NID_kx_ecdhe || exchange == NID_kx_any); /* any: TLS 1.3 */
    }
    assert_int_equal(SSL_CTX_get_min_proto_version(tls->ctx), TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_get_num_tickets(tls->ctx), 0);
    assert_int_equal(SSL_CTX_get_session_cache_mode(tls->ctx), SSL_SESS_CACHE_OFF);
    const uint64_t wanted = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
    assert_true((SSL_CTX_get_options(tls->ctx) & wanted) == wanted);
    edge_tls_unref(tls);
}

static void test_missing_files(void **state)
{
    struct edge_tls_files files = pki_files(&pki);
    (void)state;
    files.certificate = "no/such/cert.pem";
    check_refused(&files, "no/such/cert.pem", "No such file");
    files = pki_files(&pki);
    files.key = "no/such/key.pem";
    check_refused(&files, "no/such/key.pem", "No such file");
    files = pki_files(&pki);
    files.client_ca = "no/such/ca.pem";
    check_refused(&files, "no/such/ca.pem", "No such file");
    files = pki_files(&pki);
    files.client_crl = "no/such/crl.pem";
    check_refused(&files, "no/such/crl.pem", "No such file");
    files = pki_files(&pki);
    files.certificate = pki.dir;
    check_refused(&files, pki.dir, "not a regular file");
}

static void test_key_that_others_may_read(void **state)
{
    /* 0640 is good for a file of root's only, which these are when the tests run as root */
    static const mode_t modes[] = {0644, 0604, 0620, 0641, 0660};
    const struct edge_tls_files files = pki_files(&pki);
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(pki.key_path, modes[i]), 0);
        check_refused(&files, pki.key_path, "chmod 0600");
    }
    assert_int_equal(chmod(pki.key_path, 0640), 0);
    if (geteuid() == 0) {
        edge_tls_unref(pki_load(&pki, false));
        assert_int_equal(chown(pki.key_path, 65534, 65534), 0);
    }
    check_refused(&files, pki.key_path, "chmod 0600");
    assert_int_equal(chmod(pki.key_path, 0400), 0);
    edge_tls_unref(pki_load(&pki, false));
    assert_int_equal(chmod(pki.key_path, 0600), 0);
}

static void test_key_of_another(void **state)
{
    struct pair other = issue(&pki.ca, (struct spec){.eku = "serverAuth"});
    const struct edge_tls_files files = pki_files(&pki);
    (void)state;
    write_key(pki.key_path, other.key, 0600);
    check_refused(&files, pki.key_path, "is not the key of");
    write_key(pki.key_path, pki.server.key, 0600);
    pair_free(&other);
}

static void test_key_with_a_passphrase(void **state)
{
    const struct edge_tls_files files = pki_files(&pki);
    FILE *f = open_file(pki.key_path, 0600);
    (void)state;
    assert_int_equal(PEM_write_PrivateKey(f, pki.server.key, EVP_aes_128_cbc(),
                                          (const unsigned char *)"pass", 4, NULL, NULL),
                     1);
    assert_int_equal(fclose(f), 0);
    check_refused(&files, pki.key_path, "passphrase");
    write_key(pki.key_path, pki.server.key, 0600);
}

static void test_dates(void **state)
{
    static const struct spec specs[] = {
        {.eku = "serverAuth", .from_s = -9 * DAY, .until_s = -60},
        {.eku = "serverAuth", .from_s = DAY, .until_s = 9 * DAY},
    };
    static const char *const texts[] = {"has expired on 20", "is not valid before 20"};
    const struct edge_tls_files files = pki_files(&pki);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair p = issue(&pki.ca, specs[i]);
        write_certs(pki.cert_path, &p.cert, 1);
        write_key(pki.key_path, p.key, 0600);
        check_refused(&files, pki.cert_path, texts[i]);
        pair_free(&p);
    }
    write_certs(pki.cert_path, &pki.server.cert, 1);
    write_key(pki.key_path, pki.server.key, 0600);
}

static void test_garbage(void **state)
{
    static const char *const texts[] = {
        "", "hello\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!!!\n", "-----BEGIN CERTIFICATE-----\n"};
    const struct edge_tls_files files = pki_files(&pki);
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(pki.cert_path, texts[i]);
        check_refused(&files, pki.cert_path, "certificate");
    }
    write_certs(pki.cert_path, &pki.server.cert, 1);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(pki.key_path, texts[i]);
        check_refused(&files, pki.key_path, "private key");
    }
    write_key(pki.key_path, pki.server.key, 0600);
}

static void test_client_ca(void **state)
{
    struct pair old = issue(
        NULL, (struct spec){.name = "old", .is_ca = true, .from_s = -9 * DAY, .until_s = -60});
    X509 *const both[] = {old.cert, pki.ca.cert};
    X509 *const with_leaf[] = {pki.ca.cert, pki.server.cert};
    const struct edge_tls_files files = pki_files(&pki);
    (void)state;
    write_certs(pki.ca_path, with_leaf, 2);
    check_refused(&files, pki.ca_path, "certificate 2 is not a CA");
    write_certs(pki.ca_path, &old.cert, 1);
    check_refused(&files, pki.ca_path, "expired");
    write_certs(pki.ca_path, both, 2); /* an old one beside a good one is how CAs are rolled */
    edge_tls_unref(pki_load(&pki, false));
    write_certs(pki.ca_path, &pki.ca.cert, 1);
    pair_free(&old);
}

static void test_crl(void **state)
{
    struct pair other = issue(NULL, (struct spec){.name = "client ca", .is_ca = true});
    struct edge_tls_files files = pki_files(&pki);
    (void)state;
    files.client_crl = pki.crl_path;
    write_crl(&pki, NULL, DAY, &pki.ca);
    edge_tls_unref(pki_load(&pki, true));
    write_crl(&pki, NULL, -60, &pki.ca);
    check_refused(&files, pki.crl_path, "stale");
    write_crl(&pki, NULL, DAY, &other);
    check_refused(&files, pki.crl_path, "no client CA has signed");
    write_text(pki.crl_path, "");
    check_refused(&files, pki.crl_path, "CRL");
    write_crl(&pki, NULL, DAY, &pki.ca);
    files.client_ca = NULL;
    check_refused(&files, pki.crl_path, "without a client CA");
    pair_free(&other);
}

static void test_server_key_types(void **state)
{
    static const char *const types[] = {"RSA", "ED25519", "EC"};
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct world w;
        pki_write_server(&pki, types[i]);
        struct edge_tls *tls = pki_load(&pki, false);
        world_limits(&w);
        world_start_on(&w, tls);
        assert_true(tls_visit(&w, NULL, NULL));
        world_stop(&w);
        edge_tls_unref(tls);
    }
}

/* ---------------------------------------------------------------- threads */

static void *use_own_generation(void *arg)
{
    size_t *num_ok = arg;
    for (int i = 0; i < 3; i++) {
        struct edge_tls_files files = pki_files(&pki);
        struct edge_tls *tls = NULL;
        struct cb_err err = {0};
        if (edge_tls_load(&files, &tls, &err) == CB_OK) {
            struct tls_session *s = tls_session_new(tls);
            edge_tls_unref(tls); /* the session keeps it */
            *num_ok += s != NULL && tls_session_identity(s) == NULL;
            tls_session_free(s);
        }
    }
    return NULL;
}

static void test_a_generation_per_thread(void **state)
{
    pthread_t threads[2];
    size_t num_ok[2] = {0, 0};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_own_generation, &num_ok[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(num_ok[i], 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_key_that_others_may_read),
        cmocka_unit_test(test_key_of_another),
        cmocka_unit_test(test_key_with_a_passphrase),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_client_ca),
        cmocka_unit_test(test_crl),
        cmocka_unit_test(test_server_key_types),
        cmocka_unit_test(test_a_generation_per_thread),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
