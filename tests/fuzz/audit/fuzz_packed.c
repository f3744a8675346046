/* fuzz_packed.c - a packed segment from anywhere: reading it ends without a fault, within its memory, and
 * with no more bytes than it states; and whatever bytes are packed by us come back as they were. */
#include "audit/read/lines.h"
#include "audit/read/reader.h"
#include "audit/segdir.h"
#include "audit/read/zst.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];
static char plain[SEGMENT_PATH_MAX];
static char packed[SEGMENT_PATH_MAX];

static void clean_up(void)
{
    char path[SEGMENT_PATH_MAX];
    (void)unlink(packed);
    (void)unlink(plain);
    (void)snprintf(path, sizeof(path), "%s/seg", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
}

static void set_up(void)
{
    char path[80];
    struct cb_err err;
    (void)snprintf(dir, sizeof(dir), ".build/fuzz-packed-%ld", (long)getpid());
    (void)mkdir(dir, 0700);
    (void)snprintf(path, sizeof(path), "%s/seg", dir);
    (void)mkdir(path, 0700);
    CB_CHECK(segdir_path(dir, 1, plain, &err) == CB_OK);
    CB_CHECK(segdir_packed(plain, packed, &err) == CB_OK);
    (void)atexit(clean_up);
}

static void put(const char *path, const uint8_t *data, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CB_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)close(fd);
}

/* read_all - how many bytes come; they must be as many as it states if the end is reached. */
static enum cb_code read_all(const uint8_t *want, size_t want_len)
{
    char block[4096];
    struct zst *z = NULL;
    struct cb_err err;
    uint64_t size = 0;
    uint64_t total = 0;
    size_t got = sizeof(block);
    enum cb_code code = zst_open(&audit_system_io, packed, &z, &size, &err);
    while (code == CB_OK && got == sizeof(block)) {
        code = zst_read(z, block, sizeof(block), &got, &err);
        CB_CHECK(code != CB_OK || total + got <= size);
        CB_CHECK(want == NULL || code != CB_OK || total + got <= want_len);
        CB_CHECK(want == NULL || code != CB_OK || memcmp(want + total, block, got) == 0);
        total += code == CB_OK ? got : 0;
    }
    CB_CHECK(code != CB_OK || total == size);
    zst_close(z);
    return code;
}

static bool any(void *ctx, uint64_t seq, struct slice line)
{
    (void)ctx;
    (void)seq;
    CB_CHECK(line.len < AUDIT_LINE_MAX);
    return true;
}

static void round_trip(const uint8_t *data, size_t size)
{
    struct cb_err err;
    put(plain, data, size);
    const int from = open(plain, O_RDONLY);
    const int to = open(packed, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CB_CHECK(zst_pack(&audit_system_io, from, size, to, &err) == CB_OK);
    (void)close(from);
    (void)close(to);
    CB_CHECK(read_all(data, size) == CB_OK);
    (void)unlink(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cb_err err;
    if (dir[0] == '\0') {
        set_up();
    }
    if (size > 0 && data[0] % 2 == 1) {
        round_trip(data + 1, size - 1);
        return 0;
    }
    (void)unlink(plain);
    put(packed, data, size);
    (void)!read_all(NULL, 0);
    (void)!audit_walk(dir, 0, any, NULL, &err);
    return 0;
}
