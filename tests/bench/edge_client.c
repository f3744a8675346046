/* edge_client.c - one request after the other over mutual TLS, each on a new connection or all on
 * one. Usage: edge_client PORT CERT KEY CA COUNT new|keep */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SSL *dial(SSL_CTX *ctx, unsigned short port)
{
    const struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(ctx);
    if (fd < 0 || connect(fd, (const struct sockaddr *)(const void *)&addr, sizeof(addr)) != 0) {
        perror("connect");
        exit(1);
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1) {
        (void)fprintf(stderr, "handshake failed\n");
        exit(1);
    }
    return ssl;
}

static void hang_up(SSL *ssl)
{
    const int fd = SSL_get_fd(ssl);
    (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    (void)close(fd);
}

/* ask - one request and its whole answer (which always has a Content-Length). */
static void ask(SSL *ssl, const char *text)
{
    char in[8192];
    size_t have = 0;
    (void)SSL_write(ssl, text, (int)strlen(text));
    for (;;) {
        const int n = SSL_read(ssl, in + have, (int)(sizeof(in) - 1 - have));
        if (n <= 0) {
            (void)fprintf(stderr, "no answer\n");
            exit(1);
        }
        have += (size_t)n;
        in[have] = '\0';
        const char *end = strstr(in, "\r\n\r\n");
        const char *length = strcasestr(in, "content-length: ");
        if (end != NULL && length != NULL &&
            have >= (size_t)(end + 4 - in) + strtoul(length + 16, NULL, 10)) {
            break;
        }
    }
    if (strncmp(in, "HTTP/1.1 200", 12) != 0) {
        (void)fprintf(stderr, "unexpected answer: %.60s\n", in);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        (void)fprintf(stderr, "usage: edge_client PORT CERT KEY CA COUNT new|keep\n");
        return 2;
    }
    const unsigned short port = (unsigned short)strtoul(argv[1], NULL, 10);
    const long count = strtol(argv[5], NULL, 10);
    const int is_new = strcmp(argv[6], "new") == 0;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_use_certificate_chain_file(ctx, argv[2]) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, argv[3], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_file(ctx, argv[4]) != 1) {
        (void)fprintf(stderr, "cannot read the client's files\n");
        return 1;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL *ssl = is_new ? NULL : dial(ctx, port);
    for (long i = 0; i < count; i++) {
        if (is_new) {
            ssl = dial(ctx, port);
            ask(ssl, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            hang_up(ssl);
        } else {
            ask(ssl, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
    }
    if (!is_new) {
        hang_up(ssl);
    }
    SSL_CTX_free(ctx);
    return 0;
}
