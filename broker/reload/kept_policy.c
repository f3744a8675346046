/* kept_policy.c - see kept_policy.h. Writes nothing: audit_keep_policy does. */
#include "broker/reload/kept_policy.h"

#include "broker/base/clock.h"
#include "broker/base/file.h"

#include <limits.h>
#include <stdio.h>

#define KEPT_BYTES_MAX ((size_t)64 << 20)

enum cb_code kept_policy_load(const char *audit_dir, const char *sha256, struct diag_list *diags,
                              struct policy **ret, struct cb_err *err)
{
    char path[PATH_MAX];
    struct buf bytes;
    struct policy *policy = NULL;
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    (void)snprintf(path, sizeof(path), "%s/policy/%s.yaml", audit_dir, sha256);
    TRY(file_read(path, FILE_PUBLIC, KEPT_BYTES_MAX, &bytes, err));
    enum cb_code code = policy_load_bytes(path, buf_slice(&bytes), now_s, diags, &policy);
    buf_free(&bytes);
    if (code != CB_OK) {
        return cb_fail(err, code, "%s: cannot be loaded any more", path);
    }
    if (strcmp(policy_sha256(policy), sha256) != 0) {
        policy_free(policy);
        return cb_fail(err, CB_ECORRUPT, "%s: its bytes have another digest", path);
    }
    *ret = policy;
    return CB_OK;
}
