/* tiles.c - see tiles.h. Does not judge what it reads. */
#include "audit/verify/tiles.h"

#include "audit/segdir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum tile_got read_fd(int fd, unsigned char out[TILE_BYTES], const char *path,
                             struct cb_err *err)
{
    unsigned char more[1];
    size_t total = 0;
    while (total <= TILE_BYTES) {
        const bool full = total == TILE_BYTES; /* then nothing may follow */
        const ssize_t got = full ? read(fd, more, 1) : read(fd, out + total, TILE_BYTES - total);
        if (got < 0 && errno != EINTR) {
            (void)cb_fail_errno(err, "cannot read %s", path);
            return TILE_FAILED;
        }
        if (got == 0) {
            return full ? TILE_THERE : TILE_DAMAGED;
        }
        total += got > 0 ? (size_t)got : 0;
    }
    return TILE_DAMAGED;
}

static enum tile_got read_file(void *ctx, unsigned level, uint64_t n, unsigned char out[TILE_BYTES],
                               struct cb_err *err)
{
    char name[TILE_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    tile_path(level, n, name);
    if (segdir_join(ctx, name, path, err) != CB_OK) {
        return TILE_FAILED;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return TILE_ABSENT;
        }
        (void)cb_fail_errno(err, "cannot open %s", path);
        return TILE_FAILED;
    }
    const enum tile_got got = read_fd(fd, out, path, err);
    (void)close(fd);
    return got;
}

void tiles_in_dir(struct tile_source *source, const char *dir, uint64_t sealed)
{
    char path[SEGMENT_PATH_MAX];
    struct cb_err ignored;
    struct stat st;
    const bool any = segdir_join(dir, "tile/0", path, &ignored) == CB_OK && stat(path, &st) == 0;
    *source = (struct tile_source){
        .read = read_file, .ctx = (void *)(uintptr_t)dir, .covered = any ? sealed : 0};
}

/* must_be - tile n of this level is full in a tree of so many records. */
static bool must_be(uint64_t covered, unsigned level, uint64_t n)
{
    const unsigned bits = 8U * (level + 1U);
    return n < covered >> bits;
}

const unsigned char *tiles_hash(struct tile_windows *w, struct tile_source *source, unsigned level,
                                uint64_t index, bool *ret_fresh, enum tile_got *ret_got,
                                struct cb_err *err)
{
    const uint64_t n = index / TILE_WIDTH;
    *ret_fresh = false;
    *ret_got = TILE_ABSENT;
    if (level >= TILE_LEVELS || !must_be(source->covered, level, n)) {
        return NULL;
    }
    if (!w->at[level].is_loaded || w->at[level].n != n) {
        w->at[level].got = source->read(source->ctx, level, n, w->at[level].hashes, err);
        w->at[level].n = n;
        w->at[level].is_loaded = true;
        *ret_fresh = true;
        if (w->at[level].got == TILE_THERE && index % TILE_WIDTH == 0) { /* once for each */
            atomic_fetch_add_explicit(&source->num_read, 1, memory_order_relaxed);
        }
    }
    *ret_got = w->at[level].got;
    return *ret_got == TILE_THERE ? w->at[level].hashes + index % TILE_WIDTH * SHA256_LEN : NULL;
}
