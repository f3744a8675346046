/* fuzz_recover.c - a segment file from anywhere: recovery and walk end without a fault, agree with
 * each other, and a log that opened once opens again after its bytes were cut.
 *
 * Checksums are put right first where the input asks for it, so that the fuzzer gets past them:
 * a line that ends in ,"crc":"????????"} has its question marks filled in. */
#include "audit/crc32c.h"
#include "audit/read/reader.h"
#include "audit/recover.h"
#include "audit/segdir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARK SLICE(",\"crc\":\"????????\"}")

static char dir[64];

static void clean_up(void)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    if (segdir_path(dir, 1, path, &err) == CB_OK) {
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/seg", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
}

static void set_up(void)
{
    static const char *const names[] = {"", "/seg"};
    (void)snprintf(dir, sizeof(dir), ".build/fuzz-audit-%ld", (long)getpid());
    for (size_t i = 0; i < 2; i++) {
        char path[80];
        (void)snprintf(path, sizeof(path), "%s%s", dir, names[i]);
        (void)mkdir(path, 0700);
    }
    (void)atexit(clean_up);
}

/* Without waiting for the disk: thousands of files a second. */
static int no_fsync(void *ctx, int fd)
{
    (void)ctx;
    (void)fd;
    return 0;
}

static int open_cached(void *ctx, const char *path, int flags, mode_t mode)
{
    return audit_system_io.open(ctx, path, flags & ~O_DIRECT, mode);
}

static void fill_checksums(char *bytes, size_t len)
{
    char *line = bytes;
    while (line < bytes + len) {
        char *end = memchr(line, '\n', (size_t)(bytes + len - line));
        end = end == NULL ? bytes + len : end;
        const struct slice text = {line, (size_t)(end - line)};
        if (slice_has_suffix(text, MARK)) {
            char *mark = end - MARK.len;
            crc32c_hex(crc32c((struct slice){line, (size_t)(mark - line)}), mark + 8);
        }
        line = end + 1;
    }
}

static bool count(void *ctx, uint64_t seq, struct slice line)
{
    uint64_t *next = ctx;
    (void)line;
    *next = seq + 1;
    return true;
}

static enum cb_code try_bytes(const char *bytes, size_t len)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    struct recovered *r = calloc(1, sizeof(*r));
    CB_CHECK(r != NULL && segdir_path(dir, 1, path, &err) == CB_OK);
    (void)unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CB_CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    (void)close(fd);
    struct audit_io io = audit_system_io;
    io.fsync = no_fsync;
    io.open = open_cached;
    uint64_t next = 0;
    const enum cb_code code = recover(dir, SLICE("fuzz"), &io, r, &err);
    const enum cb_code walked = audit_walk(dir, 0, count, &next, &err);
    if (code == CB_OK) {
        CB_CHECK(walked == CB_OK && next == r->tree.size);
        merkle_free(&r->tree);
    }
    free(r);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (dir[0] == '\0') {
        set_up();
    }
    char *bytes = malloc(size + 1);
    CB_CHECK(bytes != NULL);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    fill_checksums(bytes, size);
    /* What opened must still open when its end is cut off in the last line. */
    if (try_bytes(bytes, size) == CB_OK && size > 3 && bytes[size - 1] == '\n') {
        const enum cb_code cut = try_bytes(bytes, size - 2);
        CB_CHECK(cut == CB_OK || memchr(bytes, '\n', size - 1) == NULL);
    }
    free(bytes);
    return 0;
}
