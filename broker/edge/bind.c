/* bind.c - from "address:port" to a listening socket. Numeric addresses only: a name that resolves
 * to something else tomorrow must not decide where we listen. */
#include "broker/edge/edge.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/edge/peers.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* split - host without brackets and port; false when the text has another shape. */
static bool split(const char *text, char host[INET6_ADDRSTRLEN], uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return false;
    }
    uint64_t port = 0;
    if (!slice_to_u64(slice_of(colon + 1), &port) || port > UINT16_MAX) {
        return false;
    }
    struct slice name = {text, (size_t)(colon - text)};
    const bool has_brackets = name.len >= 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (has_brackets) {
        name.ptr++;
        name.len -= 2;
    }
    if (name.len == 0 || name.len >= INET6_ADDRSTRLEN ||
        has_brackets != slice_has_byte(name, ':')) {
        return false;
    }
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

static bool parse(const char *text, union address *ret, socklen_t *ret_len)
{
    char host[INET6_ADDRSTRLEN] = "";
    uint16_t port = 0;
    if (!split(text, host, &port)) {
        return false;
    }
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(port);
        *ret_len = sizeof(ret->v4);
        return true;
    }
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons(port);
        *ret_len = sizeof(ret->v6);
        return true;
    }
    return false;
}

bool edge_address_is_loopback(const char *address)
{
    union address addr;
    socklen_t len = 0;
    if (!parse(address, &addr, &len)) {
        return false;
    }
    if (addr.any.sa_family == AF_INET) {
        return ntohl(addr.v4.sin_addr.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&addr.v6.sin6_addr);
}

static enum cb_code set_option(int fd, int level, int name, const char *word, struct cb_err *err)
{
    const int on = 1;
    if (setsockopt(fd, level, name, &on, sizeof(on)) != 0) {
        return cb_fail_errno(err, "setting %s on a listener", word);
    }
    return CB_OK;
}

static enum cb_code prepare(int fd, const char *text, const union address *addr, socklen_t len,
                            bool reuse_port, struct cb_err *err)
{
    TRY(set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", err));
    if (reuse_port) {
        TRY(set_option(fd, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT", err));
    }
    if (addr->any.sa_family == AF_INET6) {
        /* One family a listener: no mapped addresses to tell apart later. */
        TRY(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", err));
    }
    if (bind(fd, &addr->any, len) != 0) {
        return cb_fail_errno(err, "binding %s", text);
    }
    return CB_OK;
}

static enum cb_code real_name(int fd, char *ret_text, size_t size, struct cb_err *err)
{
    union address addr;
    socklen_t len = sizeof(addr);
    struct peer_key key;
    char text[PEER_TEXT_MAX];
    if (getsockname(fd, &addr.any, &len) != 0) {
        return cb_fail_errno(err, "asking for a listener's address");
    }
    peer_describe(&addr.any, &key, text);
    (void)snprintf(ret_text, size, "%s", text);
    return CB_OK;
}

enum cb_code edge_bind(const char *address, bool reuse_port, int *ret_fd, char *ret_text,
                       size_t text_size, struct cb_err *err)
{
    union address addr;
    socklen_t len = 0;
    if (!parse(address, &addr, &len)) {
        return cb_fail(err, CB_EINPUT,
                       "\"%.80s\" is not a listen address: use \"127.0.0.1:8443\" or "
                       "\"[::1]:8443\"",
                       address);
    }
    const int fd = socket(addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return cb_fail_errno(err, "making a socket for %s", address);
    }
    enum cb_code code = prepare(fd, address, &addr, len, reuse_port, err);
    if (code == CB_OK && ret_text != NULL) {
        code = real_name(fd, ret_text, text_size, err);
    }
    if (code != CB_OK) {
        (void)close(fd);
        return code;
    }
    *ret_fd = fd;
    return CB_OK;
}
