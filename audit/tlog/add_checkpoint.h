/* add_checkpoint.h - what a log sends to a witness, and where a witness shows what it has seen.
 *
 *   POST /add-checkpoint
 *
 *   old 1200\n                       (what the witness cosigned last; 0: nothing yet)
 *   BASE64(hash)\n ...               (the consistency proof from there on)
 *   \n
 *   the signed checkpoint
 *
 * Source: C2SP tlog-witness. Reading back the newest cosigned checkpoint is our own addition: GET on
 * the path below. */
#ifndef AUDIT_TLOG_ADD_CHECKPOINT_H
#define AUDIT_TLOG_ADD_CHECKPOINT_H

#include "audit/tlog/note.h"
#include "audit/tlog/proof.h"

#define ADD_CHECKPOINT_PATH "/add-checkpoint"
#define ADD_CHECKPOINT_MAX 65536U /* bytes; longer ones are refused */

struct add_checkpoint {
    uint64_t old;
    struct proof proof;
    struct slice note;
};

void add_checkpoint_text(const struct add_checkpoint *a, struct buf *out);
/* add_checkpoint_parse - note points into body and is not looked into. Strict: numbers without
 * leading zeros, canonical base64, at most PROOF_HASHES_MAX lines of it. CB_EINPUT says which line is
 * wrong. */
enum cb_code add_checkpoint_parse(struct slice body, struct add_checkpoint *ret,
                                  struct cb_err *err) CB_MUST_USE;

/* witness_log_id - SHA-256 of a log's name in hex: what a witness knows it by in paths and files.
 * witness_log_path - "/ID/checkpoint". */
#define WITNESS_LOG_PATH_MAX (SHA256_HEX_LEN + 13U)
void witness_log_id(struct slice origin, char out[SHA256_HEX_LEN + 1]);
void witness_log_path(struct slice origin, char out[WITNESS_LOG_PATH_MAX]);

#endif
