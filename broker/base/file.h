/* file.h - read a whole small file, and the one rule about files that hold secrets. */
#ifndef CB_BASE_FILE_H
#define CB_BASE_FILE_H

#include "broker/base/buf.h"
#include "broker/base/err.h"

enum file_kind {
    FILE_PUBLIC,  /* certificates */
    FILE_TRUSTED, /* who may write it decides something: keys that identities are proven with */
    FILE_SECRET,  /* private keys */
};

/* file_read - all bytes of a regular file of at most cap bytes into out, which is initialised here
 * as a secret buffer (some public files hold keys by mistake) and freed on failure.
 * FILE_SECRET: nobody but its owner may read or write it; one that belongs to root may be readable
 * by its group, which is how mounted secrets and /etc/ssl/private look (PostgreSQL's rule for
 * ssl_key_file). FILE_TRUSTED: nobody but its owner may write it. Messages begin with the path. A pipe or device does not hang it. */
enum cb_code file_read(const char *path, enum file_kind kind, size_t cap, struct buf *out,
                       struct cb_err *err) CB_MUST_USE;

#endif
