/* audit_key.c - see audit_key.h. Makes no key. */
#include "broker/config/audit_key.h"

#include "audit/io.h"
#include "audit/seal/keyfile.h"
#include "audit/seal/vkeys.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* advise - by what the log's directory has: no log, one without a key, or one that has its key elsewhere. */
static enum cb_code advise(const struct config *c, const char *why, struct cb_err *err)
{
    struct cb_err unread;
    struct buf origin;
    struct vkeys *vkeys = calloc(1, sizeof(*vkeys));
    const bool has_key =
        vkeys != NULL && vkeys_read(&audit_system_io, c->audit_dir, vkeys, &unread) == CB_OK;
    free(vkeys);
    if (has_key) {
        return cb_fail(
            err, CB_ENOENT,
            "%.140s. The log in %.100s has a key: put its file back there, or name where "
            "it is",
            why, c->audit_dir);
    }
    if (io_read_file(&audit_system_io, c->audit_dir, "state/origin", 65, &origin, &unread) ==
        CB_OK) {
        const enum cb_code code =
            cb_fail(err, CB_ENOENT,
                    "%.150s. The log has no key yet: certbroker audit init --dir %.110s --origin "
                    "%.*s --key "
                    "THIS-FILE gives it one",
                    why, c->audit_dir, (int)slice_find(buf_slice(&origin), '\n'), origin.data);
        buf_free(&origin);
        return code;
    }
    return cb_fail(err, CB_ENOENT,
                   "%.150s. certbroker audit init --dir %.130s --origin NAME --key THIS-FILE makes "
                   "the log and its key",
                   why, c->audit_dir);
}

enum cb_code audit_key_read(const struct config *config, struct note_signer **ret,
                            struct cb_err *err)
{
    struct stat st;
    struct cb_err why;
    const enum cb_code code = keyfile_read(config->audit_key, ret, &why);
    if (code == CB_OK) {
        return CB_OK;
    }
    return stat(config->audit_key, &st) != 0 && errno == ENOENT ? advise(config, why.msg, err)
                                                                : cb_fail(err, code, "%s", why.msg);
}
