/* segment_digest.h - what a closed segment holds, in one number each: all its bytes, and its records.
 *
 * Works on either form of a file, wherever it is. */
#ifndef AUDIT_SEGMENT_DIGEST_H
#define AUDIT_SEGMENT_DIGEST_H

#include "audit/io.h"
#include "audit/read/chain.h"

struct segment_digest {
    uint64_t bytes;                   /* of the plain text, what does not count included */
    unsigned char sha256[SHA256_LEN]; /* of these */
};

/* segment_digest_file - path is the file itself, plain or with the name of a packed one. Reads all of
 * it. CB_ENOENT: there is none. CB_ECORRUPT: damaged packing. */
enum cb_code segment_digest_file(const struct audit_io *io, const char *path,
                                 struct segment_digest *ret, struct cb_err *err) CB_MUST_USE;

/* segment_root_file - check every record of a closed segment: checksum, number, and that the hash tree
 * over them, begun with the frontier that its segment.open states, has the root `want` at the end.
 * link: the segment's; end_seq: the first record behind it. CB_ECORRUPT names file and record. */
enum cb_code segment_root_file(const struct audit_io *io, const char *path,
                               const struct chain_link *link, uint64_t end_seq,
                               const unsigned char want[SHA256_LEN],
                               struct cb_err *err) CB_MUST_USE;

/* segment_start_root - the root that a segment's segment.open states for the records before it; path is
 * its plain name, either form is read. */
enum cb_code segment_start_root(const struct audit_io *io, const char *path,
                                unsigned char ret[SHA256_LEN], struct cb_err *err) CB_MUST_USE;

#endif
