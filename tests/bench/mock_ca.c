/* mock_ca.c - a CA that answers at once, to measure what stands in front of it.
 *
 * What it does: speaks CFSSL's newcert, revoke and info over plain HTTP with keep-alive, on one
 * thread and one epoll. Every newcert answer is a real, different certificate for the names given
 * at start, taken from a pool that was signed before the first request. What it does not do: look
 * at what was asked. Whoever asks for other names gets a certificate that the broker must refuse.
 *
 *   mock_ca DIRECTORY POOL_SIZE NAME...
 *
 * Writes DIRECTORY/issuer.pem, then prints "listening PORT". Ends on SIGTERM and prints counts. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define NUM_KEYS 16
#define SERIAL_LEN 20
#define REQUEST_MAX 65536
#define ANSWER_MAX 16384

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "mock_ca: %s failed\n", what);
        exit(1);
    }
}

/* ---------------------------------------------------------------- certificates */

struct text {
    char *data;
    size_t len;
};

/* An answer to newcert: a part of its own and a tail that all of the same key share. */
struct answer {
    struct text own;
    const struct text *tail;
};

static struct answer *pool;
static size_t pool_size;
static struct text tails[NUM_KEYS];
static struct answer info_answer, revoke_answer, not_found_answer;
static const struct text no_tail = {"", 0};

static struct text pem_of(BIO *bio)
{
    /* A PEM text as the inside of a JSON string. */
    char *raw = NULL;
    const long len = BIO_get_mem_data(bio, &raw);
    struct text t = {malloc((size_t)len * 2 + 1), 0};
    must(t.data != NULL, "malloc");
    for (long i = 0; i < len; i++) {
        if (raw[i] == '\n') {
            t.data[t.len++] = '\\';
            t.data[t.len++] = 'n';
        } else {
            t.data[t.len++] = raw[i];
        }
    }
    t.data[t.len] = '\0';
    BIO_free(bio);
    return t;
}

static struct text pem_of_cert(X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(PEM_write_bio_X509(bio, cert) == 1, "PEM_write_bio_X509");
    return pem_of(bio);
}

static struct text pem_of_key(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) == 1,
         "PEM_write_bio_PrivateKey");
    return pem_of(bio);
}

static void add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(ext != NULL && X509_add_ext(cert, ext, -1) == 1, value);
    X509_EXTENSION_free(ext);
}

static X509 *new_cert(EVP_PKEY *key, X509 *issuer, const char *common_name, long seconds)
{
    X509 *cert = X509_new();
    must(cert != NULL && X509_set_version(cert, 2) == 1, "X509_new");
    X509_gmtime_adj(X509_getm_notBefore(cert), -300);
    X509_gmtime_adj(X509_getm_notAfter(cert), seconds - 300);
    X509_NAME *name = X509_get_subject_name(cert);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name,
                                    -1, -1, 0) == 1 &&
             X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) == 1 &&
             X509_set_pubkey(cert, key) == 1,
         "certificate");
    return cert;
}

static void new_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_LEN];
    must(RAND_bytes(bytes, sizeof(bytes)) == 1, "RAND_bytes");
    bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    must(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL, "serial");
    BN_free(number);
}

static X509 *make_root(EVP_PKEY *key, const char *directory)
{
    X509 *root = new_cert(key, NULL, "Mock CA", 10L * 365 * 86400);
    new_serial(root);
    add_ext(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_ext(root, root, NID_basic_constraints, "critical,CA:TRUE");
    add_ext(root, root, NID_subject_key_identifier, "hash");
    must(X509_sign(root, key, EVP_sha256()) > 0, "X509_sign");
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/issuer.pem", directory);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fail(path);
    }
    must(PEM_write_X509(out, root) == 1 && fclose(out) == 0, "issuer.pem");
    return root;
}

static struct answer whole_answer(int status, const char *body)
{
    char head[ANSWER_MAX];
    const int len = snprintf(head, sizeof(head),
                             "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
                             "Content-Length: %zu\r\n\r\n%s",
                             status, status == 200 ? "OK" : "Not Found", strlen(body), body);
    must(len > 0 && (size_t)len < sizeof(head), "answer");
    return (struct answer){{strdup(head), (size_t)len}, &no_tail};
}

/* pool_answer - the certificate comes first, so that all that follows it can be shared. */
static struct answer pool_answer(const struct text *cert, const struct text *tail)
{
    static const char start[] = "{\"success\":true,\"result\":{\"certificate\":\"";
    char head[ANSWER_MAX];
    const int len = snprintf(head, sizeof(head),
                             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: %zu\r\n\r\n%s%s",
                             strlen(start) + cert->len + tail->len, start, cert->data);
    must(len > 0 && (size_t)len < sizeof(head), "answer");
    return (struct answer){{strdup(head), (size_t)len}, tail};
}

static struct text tail_of(const struct text *key, const struct text *csr)
{
    char tail[ANSWER_MAX];
    const int len = snprintf(tail, sizeof(tail),
                             "\",\"certificate_request\":\"%s\",\"private_key\":\"%s\",\"sums\":"
                             "{\"certificate\":{\"md5\":\"0\",\"sha-1\":\"0\"},"
                             "\"certificate_request\":{\"md5\":\"0\",\"sha-1\":\"0\"}}},"
                             "\"errors\":[],\"messages\":[]}\n",
                             csr->data, key->data);
    must(len > 0 && (size_t)len < sizeof(tail), "tail");
    return (struct text){strdup(tail), (size_t)len};
}

static struct text csr_of(EVP_PKEY *key, const char *common_name)
{
    X509_REQ *csr = X509_REQ_new();
    must(csr != NULL && X509_REQ_set_pubkey(csr, key) == 1 &&
             X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(csr), "CN", MBSTRING_ASC,
                                        (const unsigned char *)common_name, -1, -1, 0) == 1 &&
             X509_REQ_sign(csr, key, EVP_sha256()) > 0,
         "CSR");
    BIO *bio = BIO_new(BIO_s_mem());
    must(PEM_write_bio_X509_REQ(bio, csr) == 1, "PEM_write_bio_X509_REQ");
    X509_REQ_free(csr);
    return pem_of(bio);
}

/* sign_again - the same certificate with another serial, put together by hand: X509_sign and
 * encoding anew take five times as long, and there are many to make. */
static struct text sign_again(EVP_PKEY *ca_key, unsigned char *tbs, size_t tbs_len,
                              unsigned char *serial)
{
    static const unsigned char algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                              0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    must(RAND_bytes(serial, SERIAL_LEN) == 1, "RAND_bytes");
    serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40);
    unsigned char signature[128];
    size_t signature_len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ca_key) == 1 &&
             EVP_DigestSign(ctx, signature, &signature_len, tbs, tbs_len) == 1,
         "EVP_DigestSign");
    EVP_MD_CTX_free(ctx);

    unsigned char der[4096];
    const size_t body_len = tbs_len + sizeof(algorithm) + 3 + signature_len;
    must(body_len > 255 && body_len < sizeof(der) - 4, "length");
    unsigned char *at = der;
    *at++ = 0x30;
    *at++ = 0x82;
    *at++ = (unsigned char)(body_len >> 8);
    *at++ = (unsigned char)body_len;
    memcpy(at, tbs, tbs_len);
    at += tbs_len;
    memcpy(at, algorithm, sizeof(algorithm));
    at += sizeof(algorithm);
    *at++ = 0x03;
    *at++ = (unsigned char)(signature_len + 1);
    *at++ = 0;
    memcpy(at, signature, signature_len);
    BIO *bio = BIO_new(BIO_s_mem());
    must(PEM_write_bio(bio, "CERTIFICATE", "", der, (long)(body_len + 4)) > 0, "PEM_write_bio");
    return pem_of(bio);
}

static X509 *leaf_of(EVP_PKEY *key, EVP_PKEY *ca_key, X509 *root, char **names, int num_names)
{
    char sans[4096] = "";
    for (int i = 0; i < num_names; i++) {
        const size_t used = strlen(sans);
        (void)snprintf(sans + used, sizeof(sans) - used, "%s%s:%s", i == 0 ? "" : ",",
                       strspn(names[i], "0123456789.") == strlen(names[i]) ? "IP" : "DNS",
                       names[i]);
    }
    X509 *cert = new_cert(key, root, names[0], 720L * 3600);
    new_serial(cert);
    add_ext(cert, root, NID_key_usage, "critical,digitalSignature,keyEncipherment");
    add_ext(cert, root, NID_ext_key_usage, "serverAuth");
    add_ext(cert, root, NID_basic_constraints, "critical,CA:FALSE");
    add_ext(cert, root, NID_subject_key_identifier, "hash");
    add_ext(cert, root, NID_authority_key_identifier, "keyid:always");
    add_ext(cert, root, NID_subject_alt_name, sans);
    must(X509_sign(cert, ca_key, EVP_sha256()) > 0, "X509_sign");
    return cert;
}

/* make_pool - num answers over NUM_KEYS key pairs, each certificate with a serial of its own. */
static void make_pool(size_t num, EVP_PKEY *ca_key, X509 *root, char **names, int num_names)
{
    pool = calloc(num, sizeof(*pool));
    must(pool != NULL && num >= NUM_KEYS, "pool size");
    pool_size = num;
    for (size_t k = 0; k < NUM_KEYS; k++) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        must(key != NULL, "EVP_EC_gen");
        X509 *cert = leaf_of(key, ca_key, root, names, num_names);
        struct text key_pem = pem_of_key(key);
        struct text csr = csr_of(key, names[0]);
        tails[k] = tail_of(&key_pem, &csr);
        unsigned char *tbs = NULL;
        const int tbs_len = i2d_re_X509_tbs(cert, &tbs);
        const ASN1_INTEGER *old = X509_get0_serialNumber(cert);
        unsigned char *serial =
            tbs_len < 0 ? NULL : memmem(tbs, (size_t)tbs_len, old->data, SERIAL_LEN);
        must(serial != NULL && old->length == SERIAL_LEN, "serial");
        for (size_t i = k; i < num; i += NUM_KEYS) {
            struct text pem = sign_again(ca_key, tbs, (size_t)tbs_len, serial);
            pool[i] = pool_answer(&pem, &tails[k]);
            free(pem.data);
        }
        OPENSSL_free(tbs);
        free(key_pem.data);
        free(csr.data);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
}

static void make_other_answers(X509 *root)
{
    char body[ANSWER_MAX];
    struct text pem = pem_of_cert(root);
    (void)snprintf(body, sizeof(body),
                   "{\"success\":true,\"result\":{\"certificate\":\"%s\",\"usages\":[\"signing\","
                   "\"key encipherment\",\"server auth\"],\"expiry\":\"720h\"},\"errors\":[],"
                   "\"messages\":[]}\n",
                   pem.data);
    info_answer = whole_answer(200, body);
    revoke_answer =
        whole_answer(200, "{\"success\":true,\"result\":{},\"errors\":[],\"messages\":[]}\n");
    not_found_answer = whole_answer(404, "404 page not found\n");
    free(pem.data);
}

/* ---------------------------------------------------------------- HTTP */

struct conn {
    int fd;
    size_t num_in, num_sent;
    const struct answer *out; /* what is being sent; NULL: reading */
    char in[REQUEST_MAX];
};

static unsigned long num_newcert, num_other;
static volatile sig_atomic_t is_stopping;

static void on_signal(int number)
{
    (void)number;
    is_stopping = 1;
}

static const struct answer *answer_for(const char *head)
{
    if (strncmp(head, "POST /api/v1/cfssl/newcert ", 27) == 0) {
        return &pool[num_newcert++ % pool_size];
    }
    num_other++;
    if (strncmp(head, "POST /api/v1/cfssl/revoke ", 26) == 0) {
        return &revoke_answer;
    }
    return strncmp(head, "POST /api/v1/cfssl/info ", 24) == 0 ? &info_answer : &not_found_answer;
}

/* request_len - bytes of the first request in the buffer; 0 while it is not all there. */
static size_t request_len(struct conn *c)
{
    c->in[c->num_in] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    const size_t head = (size_t)(end - c->in) + 4;
    size_t body = 0;
    for (const char *line = strstr(c->in, "\r\n"); line != NULL && line < end;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "content-length:", 15) == 0) {
            body = strtoul(line + 17, NULL, 10);
        }
    }
    return c->num_in >= head + body ? head + body : 0;
}

/* send_some - as much of the answer as the socket takes. False: an error, or would block. */
static bool send_some(struct conn *c)
{
    const struct text *own = &c->out->own;
    const struct text *tail = c->out->tail;
    const size_t from_own = c->num_sent < own->len ? own->len - c->num_sent : 0;
    const size_t tail_at = c->num_sent > own->len ? c->num_sent - own->len : 0;
    struct iovec parts[2] = {{own->data + own->len - from_own, from_own},
                             {tail->data + tail_at, tail->len - tail_at}};
    const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
    const ssize_t sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    if (sent < 0) {
        return false;
    }
    c->num_sent += (size_t)sent;
    if (c->num_sent == own->len + tail->len) {
        c->out = NULL;
    }
    return true;
}

/* advance - read, answer, until it would block. False: the connection is over. */
static bool advance(struct conn *c)
{
    for (;;) {
        while (c->out != NULL) {
            if (!send_some(c)) {
                return errno == EAGAIN;
            }
        }
        const size_t len = request_len(c);
        if (len > 0) {
            c->out = answer_for(c->in);
            c->num_sent = 0;
            memmove(c->in, c->in + len, c->num_in - len);
            c->num_in -= len;
            continue;
        }
        const ssize_t got = recv(c->fd, c->in + c->num_in, REQUEST_MAX - 1 - c->num_in, 0);
        if (got <= 0) {
            return got < 0 && errno == EAGAIN;
        }
        c->num_in += (size_t)got;
    }
}

static int listen_on_free_port(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        fail("listen");
    }
    (void)printf("listening %u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void accept_all(int epoll, int listener)
{
    for (;;) {
        const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        const int one = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        struct conn *c = malloc(sizeof(*c));
        must(c != NULL, "malloc");
        c->fd = fd;
        c->num_in = c->num_sent = 0;
        c->out = NULL;
        struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
            fail("epoll_ctl");
        }
    }
}

static void serve(int listener)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &ev) != 0) {
        fail("epoll");
    }
    struct epoll_event events[256];
    while (!is_stopping) {
        const int num = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < num; i++) {
            struct conn *c = events[i].data.ptr;
            if (c == NULL) {
                accept_all(epoll, listener);
            } else if (!advance(c)) {
                (void)close(c->fd);
                free(c);
            }
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: mock_ca DIRECTORY POOL_SIZE NAME...\n");
        return 2;
    }
    struct sigaction act = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGINT, &act, NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL, "EVP_EC_gen");
    X509 *root = make_root(key, argv[1]);
    make_pool(strtoul(argv[2], NULL, 10), key, root, argv + 3, argc - 3);
    make_other_answers(root);
    serve(listen_on_free_port());
    (void)fprintf(stderr, "mock_ca: %lu newcert from a pool of %zu, %lu other\n", num_newcert,
                  pool_size, num_other);
    return 0;
}
