/* keep.c - keeps the bytes of every policy that was ever in force, under their digest, so that a
 * record's policy_sha256 can be looked up years later. */
#include "audit/writer.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

static enum cb_code check_digest(const char *sha256_hex, struct slice bytes, struct cb_err *err)
{
    unsigned char digest[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1];
    if (EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return cb_fail(err, CB_ECRYPTO, "SHA-256 failed");
    }
    hex_encode(digest, sizeof(digest), hex);
    if (!slice_eq_str(slice_of(sha256_hex), hex)) {
        return cb_fail(err, CB_EINPUT, "the policy's bytes do not have the digest given for them");
    }
    return CB_OK;
}

static enum cb_code keep(const struct audit *a, const char *dir, const char *name,
                         struct slice bytes, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    struct stat st;
    TRY(segdir_join(dir, name, path, err));
    if (a->io->lstat(a->io->ctx, path, &st) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size == bytes.len) {
        return CB_OK;
    }
    return io_put_file(a->io, dir, name, bytes, err);
}

enum cb_code audit_keep_policy(struct audit *audit, const char *sha256_hex, struct slice bytes,
                               struct cb_err *err)
{
    char dir[SEGMENT_PATH_MAX];
    char name[SHA256_HEX_LEN + sizeof(".yaml")];
    TRY(check_digest(sha256_hex, bytes, err));
    TRY(segdir_join(audit->dir, "policy", dir, err));
    (void)snprintf(name, sizeof(name), "%s.yaml", sha256_hex);
    (void)pthread_mutex_lock(&audit->keep_mutex);
    const enum cb_code code = keep(audit, dir, name, bytes, err);
    (void)pthread_mutex_unlock(&audit->keep_mutex);
    return code;
}
