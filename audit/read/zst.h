/* zst.h - a segment as one zstd frame: how it is packed and read back.
 *
 * The frame states how many bytes it holds and ends with a checksum of them; nothing may stand
 * behind it. Both are what we write, and a file without them is refused: what reading costs is then
 * known before it begins. Memory: a window of at most 8 MiB and two blocks. Source: RFC 8878. */
#ifndef AUDIT_ZST_H
#define AUDIT_ZST_H

#include "audit/io.h"

#define ZST_CONTENT_MAX (UINT64_C(1) << 31) /* segments are limited to 1 GiB and one batch */

struct zst; /* opaque: a frame being read, front to back */

/* zst_open - path is borrowed until zst_close. CB_ENOENT: no such file. CB_ECORRUPT: it does not
 * begin as we write it; the message names the file. *ret_size: the bytes that it holds. */
enum cb_code zst_open(const struct audit_io *io, const char *path, struct zst **ret,
                      uint64_t *ret_size, struct cb_err *err) CB_MUST_USE;
/* zst_read - the next bytes. *ret_got is less than len only at the end, and then the checksum was
 * right. CB_ECORRUPT: damaged; bytes handed out before are worth nothing then, unless each of them
 * is checked by other means. */
enum cb_code zst_read(struct zst *z, void *out, size_t len, size_t *ret_got,
                      struct cb_err *err) CB_MUST_USE;
void zst_close(struct zst *z); /* NULL ok */

/* zst_pack - what stands in the file open as from_fd, size bytes, into to_fd (both at any position;
 * to_fd is appended to). CB_ECORRUPT: from_fd holds another number of bytes. Does not sync. */
enum cb_code zst_pack(const struct audit_io *io, int from_fd, uint64_t size, int to_fd,
                      struct cb_err *err) CB_MUST_USE;

#endif
