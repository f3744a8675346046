/* test_ca_tls.c - settings that can't work, TLS to the CA, and what is left of a secret. */
#include "tests/unit/ca/ca_kit.h"
#include "tests/unit/ca/certs.h"

#include <sys/stat.h>

/* ---- a small PKI in a folder of its own ---- */

static char folder[64];
static EVP_PKEY *ca_key, *server_key, *client_key;

static const char *file(const char *name)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(file(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const struct plan_attr ca_subject[4] = {{.type = "CN", .value = "Upstream CA"}};

static void write_cert(const char *name, EVP_PKEY *key, const char *cn, const char *san, bool is_ca)
{
    struct plan p = {.version = 2,
                     .serial_hex = "01",
                     .not_before = time(NULL) - 3600,
                     .not_after = time(NULL) + 3600,
                     .subject = {{.type = "CN", .value = cn}},
                     .key = key,
                     .exts = {{"2.5.29.19", is_ca ? "30030101ff" : "3000", 1},
                              {san == NULL ? NULL : "2.5.29.17", san, 0}},
                     .sign_key = ca_key,
                     .hash = "SHA256"};
    int len = 0;
    char pem[8192];
    unsigned char *der = plan_der(&p, ca_subject, &len);
    plan_pem("CERTIFICATE", der, len, pem, sizeof(pem));
    OPENSSL_free(der);
    write_file(name, pem);
}

static void write_key(const char *name, EVP_PKEY *key)
{
    char pem[8192];
    plan_key_pem(key, 1, pem, sizeof(pem));
    write_file(name, pem);
    assert_int_equal(chmod(file(name), 0600), 0);
}

static void write_locked_key(const char *name, EVP_PKEY *key)
{
    FILE *f = fopen(file(name), "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PKCS8PrivateKey(f, key, EVP_aes_128_cbc(), "pass", 4, NULL, NULL),
                     1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(file(name), 0600), 0);
}

/* pin_of - "sha256//" and base64 of the key's SPKI digest. */
static void pin_of(EVP_PKEY *key, char out[64])
{
    unsigned char *der = NULL;
    unsigned char digest[32];
    const int len = i2d_PUBKEY(key, &der);
    assert_int_equal(EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL), 1);
    memcpy(out, "sha256//", 8);
    (void)EVP_EncodeBlock((unsigned char *)out + 8, digest, 32);
    OPENSSL_free(der);
}

static int setup(void **state)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/certbroker-test-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    ca_key = plan_ec_key("P-256");
    server_key = plan_ec_key("P-256");
    client_key = plan_ec_key("P-256");
    write_cert("ca.pem", ca_key, "Upstream CA", NULL, true);
    write_cert("server.pem", server_key, "127.0.0.1",
               "30068704"
               "7f000001",
               false);
    write_cert("other-host.pem", server_key, "127.0.0.1", "3006870410000001", false);
    write_cert("client.pem", client_key, "broker", NULL, false);
    write_key("server.key", server_key);
    write_key("client.key", client_key);
    write_locked_key("locked.key", client_key);
    write_file("empty.pem", "");
    write_file("junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    EVP_PKEY *const right = ca_key;
    ca_key = server_key; /* another CA with the same name */
    write_cert("other-ca.pem", ca_key, "Upstream CA", NULL, true);
    ca_key = right;
    return kit_setup(state);
}

static int teardown(void **state)
{
    static const char *const names[] = {"ca.pem",     "server.pem",  "other-host.pem", "client.pem",
                                        "server.key", "client.key",  "locked.key",     "empty.pem",
                                        "junk.pem",   "other-ca.pem"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(file(names[i]));
    }
    (void)rmdir(folder);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(server_key);
    EVP_PKEY_free(client_key);
    return kit_teardown(state);
}

/* ---- settings ---- */

#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct {
    const char *url;
    const char *ca, *cert, *key, *pin; /* file names */
    bool good;
} settings_rows[] = {
    {"http://127.0.0.1:1", NULL, NULL, NULL, NULL, true},
    {"http://ca.internal", NULL, NULL, NULL, NULL, true},
    {"http://[::1]:8888", NULL, NULL, NULL, NULL, true},
    {"https://ca.internal:8888", "ca.pem", NULL, NULL, PIN, true},
    {"https://ca.internal:8888", "ca.pem", "client.pem", "client.key", NULL, true},
    {"https://ca.internal:8888", NULL, NULL, NULL, NULL, false},
    {"https://ca.internal:8888", "missing.pem", NULL, NULL, NULL, false},
    {"https://ca.internal:8888", "empty.pem", NULL, NULL, NULL, false},
    {"https://ca.internal:8888", "junk.pem", NULL, NULL, NULL, false},
    {"https://ca.internal:8888", "client.key", NULL, NULL, NULL, false},
    {"https://ca.internal:8888", "ca.pem", "client.pem", NULL, NULL, false},
    {"https://ca.internal:8888", "ca.pem", NULL, "client.key", NULL, false},
    {"https://ca.internal:8888", "ca.pem", "client.pem", "server.key", NULL, false},
    {"https://ca.internal:8888", "ca.pem", "client.pem", "locked.key", NULL, false},
    {"https://ca.internal:8888", "ca.pem", "client.pem", "missing.key", NULL, false},
    {"https://ca.internal:8888", "ca.pem", "client.pem", "client.pem", NULL, false},
    {"https://ca.internal:8888", "ca.pem", "empty.pem", "client.key", NULL, false},
    {"https://ca.internal:8888", "ca.pem", NULL, NULL, "sha256//AAAA", false},
    {"https://ca.internal:8888", "ca.pem", NULL, NULL, "sha1" PIN, false},
    {"", NULL, NULL, NULL, NULL, false},
    {"ca.internal:8888", NULL, NULL, NULL, NULL, false},
    {"ftp://ca.internal", NULL, NULL, NULL, NULL, false},
    {"file:///etc/passwd", NULL, NULL, NULL, NULL, false},
    {"HTTP://ca.internal", NULL, NULL, NULL, NULL, false},
    {"http://", NULL, NULL, NULL, NULL, false},
    {"http://ca.internal/", NULL, NULL, NULL, NULL, false},
    {"http://ca.internal/path", NULL, NULL, NULL, NULL, false},
    {"http://user@ca.internal", NULL, NULL, NULL, NULL, false},
    {"http://ca.internal?x", NULL, NULL, NULL, NULL, false},
    {"http://ca.internal#x", NULL, NULL, NULL, NULL, false},
    {"http://ca.internal:0x1", NULL, NULL, NULL, NULL, false},
    {"http://ca.internal:70000", NULL, NULL, NULL, NULL, false},
    {"http://ca internal", NULL, NULL, NULL, NULL, false},
    {"http://ca.internal\r\nX: y", NULL, NULL, NULL, NULL, false},
};

static const char *maybe(const char *name)
{
    return name == NULL ? NULL : file(name);
}

static void test_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(settings_rows) / sizeof(settings_rows[0]); i++) {
        const struct ca_upstream up = {settings_rows[i].url};
        struct ca_settings s = settings_for(&up, 1);
        struct ca *ca = NULL;
        struct cb_err err = {0};
        s.tls_ca = maybe(settings_rows[i].ca);
        s.tls_cert = maybe(settings_rows[i].cert);
        s.tls_key = maybe(settings_rows[i].key);
        s.tls_pin = settings_rows[i].pin;
        const enum cb_code code = ca_new(base, &s, &cb_system_clock, &ca, &err);
        if ((code == CB_OK) != settings_rows[i].good || (ca != NULL) != settings_rows[i].good) {
            fail_msg("row %zu %s: %s", i, settings_rows[i].url, err.msg);
        }
        ca_free(ca);
        assert_true(ERR_peek_error() == 0);
    }
    const struct ca_upstream ups[CA_UPSTREAM_MAX + 1] = {{NULL}};
    struct ca *ca = NULL;
    struct cb_err err = {0};
    struct ca_settings s = settings_for(ups, 0);
    assert_int_equal(ca_new(base, &s, &cb_system_clock, &ca, &err), CB_EINPUT);
    s = settings_for(ups, CA_UPSTREAM_MAX + 1);
    assert_int_equal(ca_new(base, &s, &cb_system_clock, &ca, &err), CB_EINPUT);
}

/* ---- TLS ---- */

static SSL_CTX *server_tls(const char *cert, bool wants_client)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_use_certificate_file(ctx, file(cert), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, file("server.key"), SSL_FILETYPE_PEM), 1);
    if (wants_client) {
        /* TLS 1.2 tells of a missing certificate within the handshake */
        (void)SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        assert_int_equal(SSL_CTX_load_verify_file(ctx, file("ca.pem")), 1);
    }
    return ctx;
}

enum pin { PIN_NONE, PIN_RIGHT, PIN_WRONG };

static const struct {
    const char *server, *ca;
    bool wants_client, has_client;
    enum pin pin;
    enum ca_effect effect;
    const char *says;
} tls_rows[] = {
    {"server.pem", "ca.pem", false, false, PIN_NONE, CA_ANSWERED, ""},
    {"server.pem", "ca.pem", false, false, PIN_RIGHT, CA_ANSWERED, ""},
    {"server.pem", "ca.pem", true, true, PIN_NONE, CA_ANSWERED, ""},
    {"server.pem", "ca.pem", true, false, PIN_NONE, CA_NOT_SENT, "SSL connect error"},
    {"server.pem", "ca.pem", false, false, PIN_WRONG, CA_NOT_SENT, "public key"},
    {"server.pem", "other-ca.pem", false, false, PIN_NONE, CA_NOT_SENT, "SSL"},
    {"server.pem", "client.pem", false, false, PIN_NONE, CA_NOT_SENT, "issuer"},
    {"other-host.pem", "ca.pem", false, false, PIN_NONE, CA_NOT_SENT, "certificate"},
};

static void test_tls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(tls_rows) / sizeof(tls_rows[0]); i++) {
        char pin[64];
        struct told t = {0};
        struct tiny server = {.body = GOOD_BODY,
                              .tls = server_tls(tls_rows[i].server, tls_rows[i].wants_client)};
        assert_true(tiny_start(&server));
        const struct ca_upstream up = {server.url};
        struct ca_settings s = settings_for(&up, 1);
        pin_of(tls_rows[i].pin == PIN_WRONG ? client_key : server_key, pin);
        s.tls_ca = file(tls_rows[i].ca);
        s.tls_cert = tls_rows[i].has_client ? file("client.pem") : NULL;
        s.tls_key = tls_rows[i].has_client ? file("client.key") : NULL;
        s.tls_pin = tls_rows[i].pin == PIN_NONE ? NULL : pin;
        struct ca *ca = ca_with(&s);
        for (size_t k = 0; k < 2; k++) {
            call_once(ca, &t);
            if (t.last.effect != tls_rows[i].effect ||
                strstr(t.last.message, tls_rows[i].says) == NULL) {
                fail_msg("row %zu: effect %d %s: %s", i, (int)t.last.effect, t.last.stage,
                         t.last.message);
            }
        }
        ca_free(ca);
        tiny_stop(&server);
        assert_int_equal(atomic_load(&server.requests), tls_rows[i].effect == CA_ANSWERED ? 2 : 0);
        if (tls_rows[i].effect == CA_ANSWERED) {
            assert_int_equal(atomic_load(&server.accepted), 1);
        }
        SSL_CTX_free(server.tls);
        forget(&t);
    }
}

static void test_tls_to_plain_and_back(void **state)
{
    (void)state;
    struct told t = {0};
    struct tiny plain = {.body = GOOD_BODY};
    assert_true(tiny_start(&plain));
    char url[64];
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", plain.port);
    const struct ca_upstream up = {url};
    struct ca_settings s = settings_for(&up, 1);
    s.tls_ca = file("ca.pem");
    s.timeout_ms = 200; /* each side waits for the other */
    struct ca *ca = ca_with(&s);
    call_once(ca, &t);
    assert_int_equal(t.last.effect, CA_NOT_SENT);
    ca_free(ca);
    tiny_stop(&plain);
    assert_int_equal(atomic_load(&plain.requests), 0);
    forget(&t);
}

/* The kept connection that dies, over TLS. */
static void test_tls_kept_connection_dies(void **state)
{
    (void)state;
    static const enum tiny_act script[] = {TINY_ANSWER, TINY_HANG_UP};
    struct told t = {0};
    struct tiny server = {.body = GOOD_BODY,
                          .script = script,
                          .script_len = 2,
                          .tls = server_tls("server.pem", false)};
    assert_true(tiny_start(&server));
    const struct ca_upstream up = {server.url};
    struct ca_settings s = settings_for(&up, 1);
    s.tls_ca = file("ca.pem");
    struct ca *ca = ca_with(&s);
    call_once(ca, &t);
    assert_int_equal(t.last.effect, CA_ANSWERED);
    call_once(ca, &t);
    assert_int_equal(t.last.effect, CA_UNKNOWN);
    ca_free(ca);
    tiny_stop(&server);
    SSL_CTX_free(server.tls);
    assert_int_equal(atomic_load(&server.requests), 2);
    assert_int_equal(atomic_load(&server.beginnings), 2);
    forget(&t);
}

/* Files that change after ca_new change nothing: half of a rotation is never seen. */
static void test_files_are_read_once(void **state)
{
    (void)state;
    struct told t = {0};
    struct tiny server = {.body = GOOD_BODY, .tls = server_tls("server.pem", true)};
    assert_true(tiny_start(&server));
    const struct ca_upstream up = {server.url};
    struct ca_settings s = settings_for(&up, 1);
    write_cert("now.pem", client_key, "broker", NULL, false);
    write_key("now.key", client_key);
    s.tls_ca = file("ca.pem");
    s.tls_cert = file("now.pem");
    s.tls_key = file("now.key");
    struct ca *ca = ca_with(&s);
    (void)unlink(file("now.pem"));
    (void)unlink(file("now.key"));
    call_once(ca, &t);
    assert_int_equal(t.last.effect, CA_ANSWERED);
    ca_free(ca);
    tiny_stop(&server);
    SSL_CTX_free(server.tls);
    forget(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_to_plain_and_back),
        cmocka_unit_test(test_tls_kept_connection_dies),
        cmocka_unit_test(test_files_are_read_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
