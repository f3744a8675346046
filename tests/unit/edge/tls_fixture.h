/* tls_fixture.h - certificates made to measure, and a TLS client, for the TLS tests. */
#ifndef TESTS_UNIT_EDGE_TLS_FIXTURE_H
#define TESTS_UNIT_EDGE_TLS_FIXTURE_H

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "broker/edge/tls_internal.h"
#include "tests/unit/edge/harness.h"

#define DAY ((int64_t)86400)

/* What a certificate shall be like. Zero values: a good client certificate. */
struct spec {
    const char *name;    /* common name */
    const char *san;     /* in OpenSSL's notation; NULL: none */
    const char *eku;     /* NULL: clientAuth; "": none */
    const char *raw_san; /* these bytes as one URI entry, raw_san_len of them */
    size_t raw_san_len;
    int64_t from_s, until_s; /* relative to now; 0: an hour ago, in 30 days */
    size_t padding;          /* bytes in an extension without meaning */
    bool is_ca, is_v1, has_explicit_curve, has_unknown_critical, has_two_sans, is_sha1;
    const char *key_type; /* NULL: EC */
};

struct pair {
    X509 *cert;
    EVP_PKEY *key;
};

static inline void pair_free(struct pair *p)
{
    X509_free(p->cert);
    EVP_PKEY_free(p->key);
    *p = (struct pair){NULL, NULL};
}

static inline EVP_PKEY *make_key(const struct spec *s)
{
    if (s->key_type != NULL && strcmp(s->key_type, "RSA") == 0) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    }
    if (s->key_type != NULL && strcmp(s->key_type, "EC") != 0) {
        return EVP_PKEY_Q_keygen(NULL, NULL, s->key_type);
    }
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    if (s->has_explicit_curve) {
        assert_int_equal(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
    }
    return key;
}

static inline void add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

static inline void add_raw_ext(X509 *cert, const char *oid, bool is_critical, size_t len)
{
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    char *bytes = calloc(1, len + 1);
    assert_int_equal(ASN1_OCTET_STRING_set(data, (unsigned char *)bytes, (int)len), 1);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, obj, is_critical, data);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(data);
    ASN1_OBJECT_free(obj);
    free(bytes);
}

static inline void add_raw_san(X509 *cert, const char *bytes, size_t len)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    assert_int_equal(ASN1_STRING_set(text, bytes, (int)len), 1);
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    assert_true(sk_GENERAL_NAME_push(names, name) > 0);
    assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND), 1);
    GENERAL_NAMES_free(names);
}

static inline void add_extensions(X509 *cert, X509 *issuer, const struct spec *s)
{
    if (s->is_ca) {
        add_ext(cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
        add_ext(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
        return;
    }
    const char *eku = s->eku == NULL ? "clientAuth" : s->eku;
    if (eku[0] != '\0') {
        add_ext(cert, issuer, NID_ext_key_usage, eku);
    }
    if (s->san != NULL) {
        add_ext(cert, issuer, NID_subject_alt_name, s->san);
    }
    if (s->has_two_sans) {
        add_ext(cert, issuer, NID_subject_alt_name, "DNS:other.test");
    }
    if (s->raw_san != NULL) {
        add_raw_san(cert, s->raw_san, s->raw_san_len);
    }
    if (s->has_unknown_critical) {
        add_raw_ext(cert, "1.3.6.1.4.1.99999.1", true, 4);
    }
    if (s->padding > 0) {
        add_raw_ext(cert, "1.3.6.1.4.1.99999.2", false, s->padding);
    }
}

/* issue - issuer NULL: self-signed. */
static inline struct pair issue(const struct pair *issuer, struct spec s)
{
    static long serial = 1000;
    struct pair p = {X509_new(), make_key(&s)};
    X509_NAME *name = X509_get_subject_name(p.cert);
    assert_non_null(p.key);
    (void)X509_set_version(p.cert, s.is_v1 ? X509_VERSION_1 : X509_VERSION_3);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(p.cert), serial++);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)(s.name ? s.name : "client"),
                                                -1, -1, 0),
                     1);
    (void)X509_gmtime_adj(X509_getm_notBefore(p.cert), s.from_s == 0 ? -3600 : s.from_s);
    (void)X509_gmtime_adj(X509_getm_notAfter(p.cert), s.until_s == 0 ? 30 * DAY : s.until_s);
    X509 *signer = issuer == NULL ? p.cert : issuer->cert;
    (void)X509_set_issuer_name(p.cert, X509_get_subject_name(signer));
    (void)X509_set_pubkey(p.cert, p.key);
    if (!s.is_v1) {
        add_extensions(p.cert, signer, &s);
    }
    EVP_PKEY *key = issuer == NULL ? p.key : issuer->key;
    const bool has_digest = EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "RSA");
    assert_true(X509_sign(p.cert, key,
                          !has_digest ? NULL
                          : s.is_sha1 ? EVP_sha1()
                                      : EVP_sha256()) > 0);
    return p;
}

/* ---------------------------------------------------------------- files */

struct pki {
    char dir[128];
    char ca_path[160], cert_path[160], key_path[160], crl_path[160];
    struct pair ca, server;
    int64_t offset_us; /* added to the real time by clock */
    struct cb_clock clock;
};

static inline int64_t pki_wall(void *ctx)
{
    return clock_wall_us(&cb_system_clock) + ((struct pki *)ctx)->offset_us;
}

static inline int64_t pki_mono(void *ctx)
{
    (void)ctx;
    return clock_mono_us(&cb_system_clock);
}

static inline FILE *open_file(const char *path, mode_t mode)
{
    (void)unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    return fdopen(fd, "w");
}

static inline void write_certs(const char *path, X509 *const *certs, size_t num)
{
    FILE *f = open_file(path, 0644);
    for (size_t i = 0; i < num; i++) {
        assert_int_equal(PEM_write_X509(f, certs[i]), 1);
    }
    assert_int_equal(fclose(f), 0);
}

static inline void write_key(const char *path, EVP_PKEY *key, mode_t mode)
{
    FILE *f = open_file(path, mode);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(f), 0);
}

static inline void write_text(const char *path, const char *text)
{
    FILE *f = open_file(path, 0600);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* write_crl - of the pki's CA, listing revoked (NULL: nobody), due again next_s from now. */
static inline void write_crl(struct pki *p, X509 *revoked, int64_t next_s,
                             const struct pair *signer)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_new();
    (void)X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    (void)X509_CRL_set_issuer_name(crl, X509_get_subject_name(signer->cert));
    (void)X509_CRL_set1_lastUpdate(crl, X509_gmtime_adj(t, -7200));
    (void)X509_CRL_set1_nextUpdate(crl, X509_gmtime_adj(t, next_s));
    if (revoked != NULL) {
        X509_REVOKED *r = X509_REVOKED_new();
        (void)X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(revoked));
        (void)X509_REVOKED_set_revocationDate(r, X509_gmtime_adj(t, -7200));
        assert_int_equal(X509_CRL_add0_revoked(crl, r), 1);
    }
    assert_true(X509_CRL_sign(crl, signer->key, EVP_sha256()) > 0);
    FILE *f = open_file(p->crl_path, 0644);
    assert_int_equal(PEM_write_X509_CRL(f, crl), 1);
    assert_int_equal(fclose(f), 0);
    X509_CRL_free(crl);
    ASN1_TIME_free(t);
}

static inline void pki_write_server(struct pki *p, const char *key_type)
{
    pair_free(&p->server);
    p->server = issue(&p->ca, (struct spec){.name = "server",
                                            .san = "DNS:localhost",
                                            .eku = "serverAuth",
                                            .key_type = key_type});
    write_certs(p->cert_path, &p->server.cert, 1);
    write_key(p->key_path, p->server.key, 0600);
}

static inline void pki_open(struct pki *p)
{
    const char *tmp = getenv("TMPDIR");
    *p = (struct pki){.clock = {pki_wall, pki_mono, p}};
    (void)snprintf(p->dir, sizeof(p->dir), "%.90s/edge-tls-XXXXXX", tmp == NULL ? P_tmpdir : tmp);
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->ca_path, sizeof(p->ca_path), "%s/ca.pem", p->dir);
    (void)snprintf(p->cert_path, sizeof(p->cert_path), "%s/server.pem", p->dir);
    (void)snprintf(p->key_path, sizeof(p->key_path), "%s/server.key", p->dir);
    (void)snprintf(p->crl_path, sizeof(p->crl_path), "%s/crl.pem", p->dir);
    p->ca = issue(NULL, (struct spec){.name = "client ca", .is_ca = true});
    write_certs(p->ca_path, &p->ca.cert, 1);
    pki_write_server(p, "EC");
}

static inline void pki_close(struct pki *p)
{
    const char *const paths[] = {p->ca_path, p->cert_path, p->key_path, p->crl_path};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        (void)unlink(paths[i]);
    }
    (void)rmdir(p->dir);
    pair_free(&p->ca);
    pair_free(&p->server);
}

static inline struct edge_tls_files pki_files(struct pki *p)
{
    return (struct edge_tls_files){.certificate = p->cert_path,
                                   .key = p->key_path,
                                   .client_ca = p->ca_path,
                                   .clock = &p->clock};
}

static inline struct edge_tls *pki_load(struct pki *p, bool has_crl)
{
    struct edge_tls_files files = pki_files(p);
    struct edge_tls *tls = NULL;
    struct cb_err err = {0};
    files.client_crl = has_crl ? p->crl_path : NULL;
    if (edge_tls_load(&files, &tls, &err) != CB_OK) {
        fail_msg("edge_tls_load: %s", err.msg);
    }
    return tls;
}

/* ---------------------------------------------------------------- client */

struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    struct buf in;
    bool is_over; /* nothing more will come */
};

/* tls_client_new - not connected yet: the test may still set options on ctx or ssl. */
static inline void tls_client_new(struct tls_client *c, const struct pair *pair,
                                  STACK_OF(X509) * chain)
{
    *c = (struct tls_client){.ctx = SSL_CTX_new(TLS_client_method()), .fd = -1};
    buf_init(&c->in, 8 * 1024 * 1024);
    SSL_CTX_set_security_level(c->ctx, 0); /* the server is what is tested */
    if (pair != NULL) {
        assert_int_equal(SSL_CTX_use_cert_and_key(c->ctx, pair->cert, pair->key, chain, 1), 1);
    }
    c->ssl = SSL_new(c->ctx);
}

static inline void tls_client_free(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    buf_free(&c->in);
    ERR_clear_error();
}

/* tls_client_dial - false: the server ended the handshake. */
static inline bool tls_client_dial(struct world *w, struct tls_client *c)
{
    const int64_t until = clock_mono_us(&cb_system_clock) + WAIT_MS * 1000;
    c->fd = dial_fd(w);
    (void)SSL_set_fd(c->ssl, c->fd);
    for (;;) {
        ERR_clear_error();
        const int rc = SSL_connect(c->ssl);
        if (rc == 1) {
            return true;
        }
        const int why = SSL_get_error(c->ssl, rc);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
            return false;
        }
        turn(w);
        if (clock_mono_us(&cb_system_clock) > until) {
            fail_msg("the handshake never ends");
        }
    }
}

static inline void tls_client_send(struct world *w, struct tls_client *c, const char *bytes,
                                   size_t len)
{
    int rc = 0;
    (void)SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    for (size_t at = 0; at<len; at += rc> 0 ? (size_t)rc : 0) {
        ERR_clear_error();
        rc = SSL_write(c->ssl, bytes + at, (int)(len - at));
        if (rc <= 0 && SSL_get_error(c->ssl, rc) != SSL_ERROR_WANT_WRITE) {
            return;
        }
        turn(w);
    }
}

static inline void tls_client_poll(struct tls_client *c)
{
    char piece[16384];
    int n = 0;
    ERR_clear_error();
    while (!c->is_over && (n = SSL_read(c->ssl, piece, sizeof(piece))) > 0) {
        buf_add(&c->in, piece, (size_t)n);
    }
    c->is_over |= n <= 0 && SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ;
}

static inline bool tls_client_has(struct tls_client *c, const char *text)
{
    tls_client_poll(c);
    return c->in.data != NULL && strstr(c->in.data, text) != NULL;
}

static inline bool tls_client_over(struct tls_client *c)
{
    tls_client_poll(c);
    return c->is_over;
}

/* tls_visit - a whole visit: true if the server took the certificate and answered. */
static inline bool tls_visit(struct world *w, const struct pair *pair, STACK_OF(X509) * chain)
{
    static const char text[] = "GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct tls_client c;
    tls_client_new(&c, pair, chain);
    if (tls_client_dial(w, &c)) {
        tls_client_send(w, &c, text, sizeof(text) - 1);
        WAIT_FOR(w, tls_client_over(&c));
    }
    const bool ok = tls_client_has(&c, "HTTP/1.1 200 OK");
    tls_client_free(&c);
    WAIT_FOR(w, edge_num_connections(w->edge) == 0);
    return ok;
}

#endif
