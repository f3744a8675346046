/* log_state.c - what lies beside the records: the newest checkpoints, room on the disk. Checks no
 * signature: that is what `audit verify` is for, and the writers say so. */
#include "broker/base/file.h"
#include "broker/report/model.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define NOTE_MAX 65536U
#define PATH_ROOM 4096

static bool join(char out[PATH_ROOM], const char *dir, const char *name)
{
    const int len = snprintf(out, PATH_ROOM, "%s/%s", dir, name);
    return len > 0 && len < PATH_ROOM;
}

/* read_size - the second line of a note: the number of records it speaks for. */
static bool read_size(struct slice note, uint64_t *ret)
{
    const size_t first = slice_find(note, '\n');
    if (first >= note.len) {
        return false;
    }
    const struct slice rest = slice_from(note, first + 1);
    return slice_to_u64((struct slice){rest.ptr, slice_find(rest, '\n')}, ret);
}

static bool read_checkpoint(const char *dir, const char *name, uint64_t *ret_size, int64_t *ret_us)
{
    char path[PATH_ROOM];
    struct stat st;
    struct buf note;
    struct cb_err err;
    if (!join(path, dir, name) || stat(path, &st) != 0 ||
        file_read(path, FILE_PUBLIC, NOTE_MAX, &note, &err) != CB_OK) {
        return false;
    }
    const bool good = read_size(buf_slice(&note), ret_size);
    *ret_us = st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
    buf_free(&note);
    return good;
}

static void add_segment(struct log_file_state *s, DIR *seg, const struct dirent *entry)
{
    struct stat st;
    const struct slice name = slice_of(entry->d_name);
    if ((slice_has_suffix(name, SLICE(".jsonl")) || slice_has_suffix(name, SLICE(".jsonl.zst"))) &&
        fstatat(dirfd(seg), entry->d_name, &st, 0) == 0) {
        s->segments++;
        s->segment_bytes += (uint64_t)st.st_size;
    }
}

static void read_segments(const char *dir, struct log_file_state *s)
{
    char path[PATH_ROOM];
    DIR *seg = join(path, dir, "seg") ? opendir(path) : NULL;
    if (seg == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(seg); e != NULL;
         e = readdir(seg)) { // NOLINT(concurrency-mt-unsafe)
        add_segment(s, seg, e);
    }
    (void)closedir(seg);
}

void report_read_state(struct report *r)
{
    struct log_file_state *s = &r->state;
    struct statvfs fs;
    s->has_checkpoint =
        read_checkpoint(r->dir, "state/checkpoint", &s->checkpoint_size, &s->checkpoint_us);
    s->has_cosigned = read_checkpoint(r->dir, "state/cosigned", &s->cosigned_size, &s->cosigned_us);
    read_segments(r->dir, s);
    if (statvfs(r->dir, &fs) == 0) {
        s->has_free = true;
        s->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    }
}
