/* keyfile.c - see keyfile.h. Not by struct audit_io: a key is made by hand, never beside a running
 * log, and never lies in the log's directory. */
#include "audit/seal/keyfile.h"

#include "audit/io.h"
#include "broker/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_FILE_MAX 1024U

/* sync_parent - make the file's name durable. */
static enum cb_code sync_parent(const char *path, struct cb_err *err)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory for a path");
    }
    const enum cb_code code = io_sync_dir(&audit_system_io, dirname(copy), err);
    free(copy);
    return code;
}

static enum cb_code write_key(int fd, const char *path, struct slice text, struct cb_err *err)
{
    TRY(io_write_all(&audit_system_io, fd, text, err));
    if (fsync(fd) != 0) {
        return cb_fail_errno(err, "fsync of %s", path);
    }
    return sync_parent(path, err);
}

/* put_key - all or nothing: a file that could not be written whole is removed again. */
static enum cb_code put_key(const char *path, struct slice text, struct cb_err *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0) {
        const enum cb_code code = cb_fail_errno(err, "cannot create %s", path);
        return err->sys_errno != EEXIST
                   ? code
                   : cb_fail(err, CB_EBUSY,
                             "%s exists already: a key is never overwritten; choose another name, "
                             "or move the file away if no log was ever signed with it",
                             path);
    }
    const enum cb_code code = write_key(fd, path, text, err);
    (void)close(fd);
    if (code != CB_OK) {
        (void)unlink(path);
    }
    return code;
}

enum cb_code keyfile_create(const char *path, struct slice name, enum note_type type,
                            struct note_signer **ret, struct cb_err *err)
{
    struct note_signer *signer = NULL;
    struct buf text;
    if (!note_name_valid(name)) {
        return cb_fail(err, CB_EINPUT,
                       "a key's name has 1 to %u characters, no white space and no plus sign",
                       NOTE_NAME_MAX);
    }
    TRY(note_signer_new(name, type, &signer, err));
    buf_init_secret(&text, KEY_FILE_MAX);
    note_signer_text(signer, &text);
    buf_add_char(&text, '\n');
    const enum cb_code code = buf_ok(&text) ? put_key(path, buf_slice(&text), err)
                                            : cb_fail(err, CB_ENOMEM, "no memory for a key");
    buf_free(&text);
    if (code != CB_OK) {
        note_signer_free(signer);
        return code;
    }
    *ret = signer;
    return CB_OK;
}

enum cb_code keyfile_read(const char *path, struct note_signer **ret, struct cb_err *err)
{
    struct buf text;
    struct cb_err why;
    TRY(file_read(path, FILE_SECRET, KEY_FILE_MAX, &text, err));
    struct slice line = buf_slice(&text);
    if (slice_has_suffix(line, SLICE("\n"))) {
        line.len--;
    }
    const enum cb_code code = note_signer_parse(line, ret, &why);
    buf_free(&text);
    return code == CB_OK ? CB_OK
                         : cb_fail(err, code,
                                   "%s: not a signing key as `certbroker audit init` "
                                   "makes it: %s",
                                   path, why.msg);
}
