/* output_file.c - a report on the disk; see writers.h. */
#include "broker/report/writers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096
#define MODE 0640

static enum cb_code write_all(int fd, const char *path, struct slice text, struct cb_err *err)
{
    while (text.len > 0) {
        const ssize_t done = write(fd, text.ptr, text.len);
        if (done <= 0) {
            return cb_fail_errno(err, "%s", path);
        }
        text = slice_from(text, (size_t)done);
    }
    return CB_OK;
}

static enum cb_code write_straight(const char *path, struct slice text, struct cb_err *err)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return cb_fail_errno(err, "%s", path);
    }
    enum cb_code code = write_all(fd, path, text, err);
    if (close(fd) != 0 && code == CB_OK) {
        code = cb_fail_errno(err, "%s", path);
    }
    return code;
}

enum cb_code output_file(const char *path, struct slice text, struct cb_err *err)
{
    char beside[PATH_ROOM];
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return write_straight(path, text, err);
    }
    const int len = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(beside)) {
        return cb_fail(err, CB_EINPUT, "the name of the output file is too long");
    }
    const int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        return cb_fail_errno(err, "%s", path);
    }
    enum cb_code code = write_all(fd, path, text, err);
    if (code == CB_OK && fchmod(fd, MODE) != 0) {
        code = cb_fail_errno(err, "%s", path);
    }
    if (close(fd) != 0 && code == CB_OK) {
        code = cb_fail_errno(err, "%s", path);
    }
    if (code == CB_OK && rename(beside, path) != 0) {
        code = cb_fail_errno(err, "%s", path);
    }
    if (code != CB_OK) {
        (void)unlink(beside);
    }
    return code;
}
