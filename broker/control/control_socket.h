/* control_socket.h - the file of the control socket: who may make it where, and talking to it. */
#ifndef BROKER_CONTROL_SOCKET_H
#define BROKER_CONTROL_SOCKET_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

#include <sys/stat.h>

/* A listening socket and which file it is. */
struct control_socket {
    const char *path; /* borrowed */
    int fd;
    dev_t device;
    ino_t inode;
};

/* control_socket_open - listen on path, mode 0600. The folder must belong to root or to us and nobody
 * else may write to it: whoever may could put a socket of his own in our place. A socket that is there
 * is replaced only if nobody answers on it (CB_EBUSY otherwise). */
enum cb_code control_socket_open(const char *path, struct control_socket *ret,
                                 struct cb_err *err) CB_MUST_USE;
/* control_socket_close - and remove the file if it is still ours. */
void control_socket_close(struct control_socket *s);

/* control_socket_ask - send a line to whoever listens on path and read the line that comes back
 * (without its newline). CB_ENOENT: nobody listens there. Blocks, at most timeout_s. */
enum cb_code control_socket_ask(const char *path, struct slice line, unsigned timeout_s,
                                struct buf *answer, struct cb_err *err) CB_MUST_USE;

#endif
