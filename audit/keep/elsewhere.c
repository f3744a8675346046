/* elsewhere.c - see elsewhere.h. */
#include "audit/keep/elsewhere.h"

#include "broker/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

static enum cb_code resolve(const char *path, char **ret, struct cb_err *err)
{
    *ret = realpath(path, NULL);
    if (*ret != NULL) {
        return CB_OK;
    }
    const enum cb_code code = cb_fail_errno(err, "cannot open %s", path);
    return err->sys_errno == ENOENT ? (err->code = CB_ENOENT) : code;
}

/* holds - outer is inner, or a folder above it; both as realpath gives them. */
static bool holds(const char *outer, const char *inner)
{
    const size_t len = strlen(outer);
    return strncmp(outer, inner, len) == 0 &&
           (inner[len] == '\0' || inner[len] == '/' || outer[len - 1] == '/');
}

enum cb_code elsewhere_check(const char *dir, const char *other, struct cb_err *err)
{
    char *here = NULL;
    char *there = NULL;
    enum cb_code code = resolve(dir, &here, err);
    if (code == CB_OK) {
        code = resolve(other, &there, err);
    }
    if (code == CB_OK && (holds(here, there) || holds(there, here))) {
        code =
            cb_fail(err, CB_EINPUT,
                    "%s is no second place: it and the log in %s are the same, or one lies in the "
                    "other; name a directory elsewhere, best on another volume",
                    other, dir);
    }
    free(here);
    free(there);
    return code;
}
