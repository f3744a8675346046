/* policies.c - see policies.h. Does not read a policy, and does not ask which of them records name. */
#include "audit/verify/policies.h"

#include "audit/lines.h"
#include "audit/segdir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#define SUFFIX SLICE(".yaml")

/* digest_of - the one that a file is named after. Others are not ours: a file on its way, for one. */
static bool digest_of(const char *name, unsigned char ret[SHA256_LEN])
{
    const struct slice text = slice_of(name);
    return text.len == SHA256_HEX_LEN + SUFFIX.len && slice_has_suffix(text, SUFFIX) &&
           hex_decode((struct slice){text.ptr, SHA256_HEX_LEN}, ret, SHA256_LEN);
}

static enum cb_code check_file(const char *dir, const char *name,
                               const unsigned char named[SHA256_LEN], struct findings *findings,
                               struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    unsigned char digest[SHA256_LEN];
    uint64_t bytes = 0;
    struct verify_finding found = {
        .kind = VERIFY_STATE, .seq = VERIFY_NO_SEQ, .last_seq = VERIFY_NO_SEQ};
    (void)snprintf(found.file, sizeof(found.file), "policy/%.69s", name);
    TRY(segdir_join(dir, found.file, path, err));
    TRY(lines_digest(&audit_system_io, path, 0, &bytes, digest, err));
    if (memcmp(named, digest, SHA256_LEN) != 0) {
        findings_add(findings, found, "was changed: it has another digest than its name says");
    }
    return CB_OK;
}

static enum cb_code check_all(DIR *d, const char *dir, struct findings *findings, uint64_t *ret_num,
                              struct cb_err *err)
{
    unsigned char named[SHA256_LEN];
    const struct dirent *e = NULL;
    enum cb_code code = CB_OK;
    errno = 0;
    while (code == CB_OK && (e = readdir(d)) != NULL) {
        if (digest_of(e->d_name, named)) {
            code = check_file(dir, e->d_name, named, findings, err);
            (*ret_num)++;
        }
        errno = 0;
    }
    if (code == CB_OK && errno != 0) {
        code = cb_fail_errno(err, "cannot read the directory %s/policy", dir);
    }
    return code;
}

enum cb_code policies_check(const char *dir, struct findings *findings, uint64_t *ret_num,
                            struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    uint64_t num = 0;
    TRY(segdir_join(dir, "policy", path, err));
    DIR *d = opendir(path);
    if (d == NULL && errno != ENOENT) {
        return cb_fail_errno(err, "cannot read the directory %s", path);
    }
    const enum cb_code code = d == NULL ? CB_OK : check_all(d, dir, findings, &num, err);
    if (d != NULL) {
        (void)closedir(d);
    }
    if (code == CB_OK) {
        *ret_num = num;
    }
    return code;
}
