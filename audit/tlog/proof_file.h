/* proof_file.h - one record's proof as a file that a third party can check without the log.
 *
 *   c2sp.org/tlog-proof@v1\n
 *   extra BASE64(the record's line, without its newline)\n
 *   index 1234\n
 *   BASE64(hash)\n ...
 *   \n
 *   the signed checkpoint, with any witnesses' cosignatures
 *
 * Source: C2SP tlog-proof. */
#ifndef AUDIT_TLOG_PROOF_FILE_H
#define AUDIT_TLOG_PROOF_FILE_H

#include "audit/tlog/checkpoint.h"
#include "audit/tlog/proof.h"

#define PROOF_FILE_MAX 131072U

struct proof_file {
    struct slice extra; /* decoded, in the caller's buffer; absent: none */
    uint64_t index;
    struct proof proof;
    struct slice note; /* the signed checkpoint's bytes; checkpoint_open makes sure of them */
};

void proof_file_text(const struct proof_file *f, struct buf *out);
/* proof_file_parse - note points into bytes, extra into *extra_buf (which this initialises and the
 * caller frees, after a failure too). CB_EINPUT says which line is wrong. */
enum cb_code proof_file_parse(struct slice bytes, struct buf *extra_buf, struct proof_file *ret,
                              struct cb_err *err) CB_MUST_USE;

#endif
