/* control_socket.c - see control_socket.h. Knows nothing of what is said over it. */
#include "broker/control/control_socket.h"

#include "broker/base/clock.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static enum cb_code address_of(const char *path, struct sockaddr_un *ret, struct cb_err *err)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    const size_t len = strlen(path);
    if (len >= sizeof(ret->sun_path)) {
        return cb_fail(err, CB_EINPUT, "%s: too long for a socket's path", path);
    }
    memcpy(ret->sun_path, path, len);
    return CB_OK;
}

static int connect_to(const struct sockaddr_un *addr, int fd)
{
    return connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

/* ---------------------------------------------------------------- listening */

static enum cb_code check_folder(const char *path, struct cb_err *err)
{
    char copy[PATH_MAX];
    struct stat st;
    (void)snprintf(copy, sizeof(copy), "%s", path);
    const char *folder = dirname(copy);
    if (stat(folder, &st) != 0) {
        return cb_fail_errno(err, "control: %s", folder);
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        return cb_fail(err, CB_EINPUT,
                       "control: the folder %s belongs to uid %u; it must belong to root or to the "
                       "user the broker runs as",
                       folder, (unsigned)st.st_uid);
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return cb_fail(err, CB_EINPUT,
                       "control: others may write to the folder %s (mode %04o): chmod go-w %s",
                       folder, (unsigned)st.st_mode & 07777U, folder);
    }
    return CB_OK;
}

/* remove_stale - what a broker that was killed has left behind. */
static enum cb_code remove_stale(const char *path, const struct sockaddr_un *addr,
                                 struct cb_err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? CB_OK : cb_fail_errno(err, "control: %s", path);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return cb_fail(err, CB_EINPUT, "control: %s is there and is no socket", path);
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return cb_fail_errno(err, "control: cannot make a socket");
    }
    const int rc = connect_to(addr, fd);
    const int why = errno;
    (void)close(fd);
    if (rc == 0 || why == EAGAIN) {
        return cb_fail(err, CB_EBUSY, "control: another process answers on %s", path);
    }
    if (why != ECONNREFUSED) {
        errno = why;
        return cb_fail_errno(err, "control: cannot tell whether somebody listens on %s", path);
    }
    return unlink(path) == 0 ? CB_OK : cb_fail_errno(err, "control: cannot remove %s", path);
}

static enum cb_code bind_to(const struct sockaddr_un *addr, struct control_socket *s,
                            struct cb_err *err)
{
    struct stat st;
    if (bind(s->fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0) {
        return cb_fail_errno(err, "control: cannot bind %s", s->path);
    }
    if (chmod(s->path, S_IRUSR | S_IWUSR) != 0 || lstat(s->path, &st) != 0 ||
        listen(s->fd, BACKLOG) != 0) {
        const enum cb_code code = cb_fail_errno(err, "control: %s", s->path);
        (void)unlink(s->path);
        return code;
    }
    s->device = st.st_dev;
    s->inode = st.st_ino;
    return CB_OK;
}

enum cb_code control_socket_open(const char *path, struct control_socket *ret, struct cb_err *err)
{
    struct sockaddr_un addr;
    struct control_socket s = {.path = path};
    TRY(address_of(path, &addr, err));
    TRY(check_folder(path, err));
    TRY(remove_stale(path, &addr, err));
    s.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s.fd < 0) {
        return cb_fail_errno(err, "control: cannot make a socket");
    }
    const enum cb_code code = bind_to(&addr, &s, err);
    if (code != CB_OK) {
        (void)close(s.fd);
        return code;
    }
    *ret = s;
    return CB_OK;
}

void control_socket_close(struct control_socket *s)
{
    struct stat st;
    if (lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode) {
        (void)unlink(s->path);
    }
    (void)close(s->fd);
}

/* ---------------------------------------------------------------- asking */

/* wait_for - until the socket is ready for this or the time is over. */
static enum cb_code wait_for(int fd, short what, int64_t until_us, struct cb_err *err)
{
    for (;;) {
        const int64_t left_ms = (until_us - clock_mono_us(&cb_system_clock)) / 1000;
        struct pollfd p = {.fd = fd, .events = what};
        const int n = left_ms <= 0 ? 0 : poll(&p, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
        if (n > 0) {
            return CB_OK;
        }
        if (n == 0) {
            return cb_fail(err, CB_EBUSY, "the broker has not answered in time");
        }
        if (errno != EINTR) {
            return cb_fail_errno(err, "cannot wait for the broker");
        }
    }
}

static enum cb_code send_line(int fd, struct slice line, int64_t until_us, struct cb_err *err)
{
    while (line.len > 0) {
        TRY(wait_for(fd, POLLOUT, until_us, err));
        const ssize_t n = send(fd, line.ptr, line.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EPIPE) {
            return CB_OK; /* it has said why and hung up */
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return cb_fail_errno(err, "cannot send to the broker");
        }
        line.ptr += n > 0 ? n : 0;
        line.len -= n > 0 ? (size_t)n : 0;
    }
    return CB_OK;
}

static enum cb_code read_line(int fd, int64_t until_us, struct buf *answer, struct cb_err *err)
{
    for (;;) {
        char piece[4096];
        TRY(wait_for(fd, POLLIN, until_us, err));
        const ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (n <= 0) {
            return cb_fail(err, CB_ESYS, "the broker hung up without an answer");
        }
        const char *end = memchr(piece, '\n', (size_t)n);
        buf_add(answer, piece, end == NULL ? (size_t)n : (size_t)(end - piece));
        if (!buf_ok(answer)) {
            return cb_fail(err, CB_ELIMIT, "the broker's answer is too long");
        }
        if (end != NULL) {
            return CB_OK;
        }
    }
}

enum cb_code control_socket_ask(const char *path, struct slice line, unsigned timeout_s,
                                struct buf *answer, struct cb_err *err)
{
    struct sockaddr_un addr;
    const int64_t until_us = clock_mono_us(&cb_system_clock) + (int64_t)timeout_s * 1000000;
    TRY(address_of(path, &addr, err));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return cb_fail_errno(err, "cannot make a socket");
    }
    enum cb_code code = CB_OK;
    if (connect_to(&addr, fd) != 0) {
        const bool is_nobody = errno == ENOENT || errno == ECONNREFUSED;
        code = is_nobody ? cb_fail(err, CB_ENOENT, "no broker listens on %s", path)
                         : cb_fail_errno(err, "%s", path);
    }
    code = code == CB_OK ? send_line(fd, line, until_us, err) : code;
    code = code == CB_OK ? read_line(fd, until_us, answer, err) : code;
    (void)close(fd);
    return code;
}
