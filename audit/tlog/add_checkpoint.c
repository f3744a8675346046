/* add_checkpoint.c - see add_checkpoint.h. Bytes to struct and back; whether a proof proves anything
 * is for whoever has both checkpoints to say. */
#include "audit/tlog/add_checkpoint.h"

#include "broker/base/base64.h"

#include <openssl/evp.h>
#include <stdio.h>

static bool hash_parse(struct slice text, unsigned char ret[SHA256_LEN])
{
    size_t len = 0;
    return text.len == BASE64_LEN(SHA256_LEN) && base64_decode(text, ret, SHA256_LEN, &len) &&
           len == SHA256_LEN;
}

void add_checkpoint_text(const struct add_checkpoint *a, struct buf *out)
{
    buf_add_str(out, "old ");
    buf_add_u64(out, a->old);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < a->proof.num; i++) {
        buf_add_base64(out, a->proof.hashes[i], SHA256_LEN);
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
    buf_add_slice(out, a->note);
}

/* next_line - the line at the start of *rest, without its newline; false: no newline is left. */
static bool next_line(struct slice *rest, struct slice *ret)
{
    const size_t end = slice_find(*rest, '\n');
    if (end == rest->len) {
        return false;
    }
    *ret = (struct slice){rest->ptr, end};
    *rest = slice_from(*rest, end + 1);
    return true;
}

enum cb_code add_checkpoint_parse(struct slice body, struct add_checkpoint *ret, struct cb_err *err)
{
    struct add_checkpoint a = {.old = 0};
    struct slice rest = body;
    struct slice line;
    const struct slice old = SLICE("old ");
    if (body.len > ADD_CHECKPOINT_MAX) {
        return cb_fail(err, CB_EINPUT, "a request has at most %u bytes", ADD_CHECKPOINT_MAX);
    }
    if (!next_line(&rest, &line) || !slice_has_prefix(line, old) ||
        !slice_to_u64(slice_from(line, old.len), &a.old)) {
        return cb_fail(err, CB_EINPUT,
                       "line 1: not \"old SIZE\", the size of the last checkpoint cosigned here "
                       "(0: none yet)");
    }
    for (unsigned number = 2;; number++) {
        if (!next_line(&rest, &line)) {
            return cb_fail(err, CB_EINPUT,
                           "line %u: it ends before the empty line that the checkpoint follows",
                           number);
        }
        if (line.len == 0) {
            break;
        }
        if (a.proof.num == PROOF_HASHES_MAX) {
            return cb_fail(err, CB_EINPUT, "line %u: a proof has at most %u lines", number,
                           PROOF_HASHES_MAX);
        }
        if (!hash_parse(line, a.proof.hashes[a.proof.num])) {
            return cb_fail(err, CB_EINPUT, "line %u: not a hash of 32 bytes in base64", number);
        }
        a.proof.num++;
    }
    if (rest.len == 0) {
        return cb_fail(err, CB_EINPUT, "the checkpoint is missing behind the empty line");
    }
    a.note = rest;
    *ret = a;
    return CB_OK;
}

void witness_log_id(struct slice origin, char out[SHA256_HEX_LEN + 1])
{
    unsigned char digest[SHA256_LEN];
    size_t len = 0;
    const bool ok = EVP_Q_digest(NULL, "SHA256", NULL, origin.ptr, origin.len, digest, &len) == 1;
    CB_CHECK(ok && len == SHA256_LEN);
    hex_encode(digest, len, out);
}

void witness_log_path(struct slice origin, char out[WITNESS_LOG_PATH_MAX])
{
    char id[SHA256_HEX_LEN + 1];
    witness_log_id(origin, id);
    (void)snprintf(out, WITNESS_LOG_PATH_MAX, "/%s/checkpoint", id);
}
