/* output_file.c - see output_file.h. */
#include "broker/review/output_file.h"

#include <errno.h>
#include <stdio.h>

enum cb_code output_file_write(const char *path, struct slice bytes, struct cb_err *err)
{
    FILE *f = fopen(path, "we");
    if (f == NULL) {
        return cb_fail_errno(err, "cannot write %s", path);
    }
    const bool is_written = fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len;
    const int why = errno;
    const bool is_closed = fclose(f) == 0;
    if (!is_written || !is_closed) {
        errno = is_written ? errno : why;
        return cb_fail_errno(err, "cannot write %s", path);
    }
    return CB_OK;
}
