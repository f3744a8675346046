/* segdir.c - see segdir.h. Reads names only, never a file. */
#include "audit/segdir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SUFFIX SLICE(".jsonl")
#define PACKED ".zst"
#define DIGITS_MIN 8U /* zero-padded, so that `ls` shows them in order */

enum cb_code segdir_join(const char *dir, const char *name, char out[SEGMENT_PATH_MAX],
                         struct cb_err *err)
{
    const int len = snprintf(out, SEGMENT_PATH_MAX, "%s/%s", dir, name);
    if (len < 0 || len >= SEGMENT_PATH_MAX) {
        return cb_fail(err, CB_EINPUT, "the audit directory's path is too long");
    }
    return CB_OK;
}

enum cb_code segdir_path(const char *dir, uint64_t no, char out[SEGMENT_PATH_MAX],
                         struct cb_err *err)
{
    char name[40];
    (void)snprintf(name, sizeof(name), "seg/%08llu.jsonl", (unsigned long long)no);
    return segdir_join(dir, name, out, err);
}

enum cb_code segdir_packed(const char *plain, char out[SEGMENT_PATH_MAX], struct cb_err *err)
{
    const int len = snprintf(out, SEGMENT_PATH_MAX, "%s" PACKED, plain);
    if (len < 0 || len >= SEGMENT_PATH_MAX) {
        return cb_fail(err, CB_EINPUT, "the audit directory's path is too long");
    }
    return CB_OK;
}

bool segdir_is_packed(const char *path)
{
    return slice_has_suffix(slice_of(path), SLICE(PACKED));
}

/* parse_name - only the one spelling that segdir_path and segdir_packed make. */
static bool parse_name(const char *text, uint64_t *ret)
{
    struct slice name = slice_of(text);
    if (slice_has_suffix(name, SLICE(PACKED))) {
        name.len -= SLICE(PACKED).len;
    }
    if (!slice_has_suffix(name, SUFFIX)) {
        return false;
    }
    name.len -= SUFFIX.len;
    const bool padded = name.len > DIGITS_MIN && name.ptr[0] == '0';
    if (name.len < DIGITS_MIN || padded) {
        return false;
    }
    while (name.len > 1 && name.ptr[0] == '0') {
        name.ptr++;
        name.len--;
    }
    return slice_to_u64(name, ret) && *ret > 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = 0;
    uint64_t right = 0;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return (left > right) - (left < right);
}

static bool add_number(struct segment_list *list, size_t *room, uint64_t no)
{
    if (list->num == *room) {
        const size_t more = *room == 0 ? 64 : *room * 2;
        uint64_t *grown = realloc(list->no, more * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        list->no = grown;
        *room = more;
    }
    list->no[list->num++] = no;
    return true;
}

/* drop_repeats - a segment that is there in both forms is one segment. */
static void drop_repeats(struct segment_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->num; i++) {
        if (kept == 0 || list->no[kept - 1] != list->no[i]) {
            list->no[kept++] = list->no[i];
        }
    }
    list->num = kept;
}

enum cb_code segdir_list(const char *dir, struct segment_list *ret, struct cb_err *err)
{
    char path[SEGMENT_PATH_MAX];
    TRY(segdir_join(dir, "seg", path, err));
    DIR *d = opendir(path);
    if (d == NULL) {
        const enum cb_code code = cb_fail_errno(err, "cannot read the directory %s", path);
        return err->sys_errno == ENOENT ? (err->code = CB_ENOENT) : code;
    }
    struct segment_list list = {0};
    size_t room = 0;
    enum cb_code code = CB_OK;
    errno = 0;
    for (struct dirent *e = readdir(d); e != NULL && code == CB_OK; e = readdir(d)) {
        uint64_t no = 0;
        if (parse_name(e->d_name, &no) && !add_number(&list, &room, no)) {
            code = cb_fail(err, CB_ENOMEM, "no memory to list %s", path);
        }
        errno = 0;
    }
    if (code == CB_OK && errno != 0) {
        code = cb_fail_errno(err, "cannot read the directory %s", path);
    }
    (void)closedir(d);
    if (code != CB_OK) {
        segdir_list_free(&list);
        return code;
    }
    if (list.num > 0) {
        qsort(list.no, list.num, sizeof(*list.no), by_number);
        drop_repeats(&list);
    }
    *ret = list;
    return CB_OK;
}

void segdir_list_free(struct segment_list *list)
{
    free(list->no);
    *list = (struct segment_list){0};
}
