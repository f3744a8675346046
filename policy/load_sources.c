/* load_sources.c - which files a policy is made of, and their bytes: a file, a folder, a bundle. What
 * is written in them is not looked at here. */
#include "policy/bundle.h"
#include "policy/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOO_LARGE "the files are larger than 64 MiB together"

/* The files of a folder while they are read. */
struct folder {
    const char *path;
    struct policy *policy;
    struct diag_list *diags;
    int fd;
    struct timespec changed;
    char **names; /* owned */
    size_t num;
    struct bundle_file *files; /* the bytes are owned */
    size_t total;
};

static enum cb_code complain(struct diag_list *diags, const char *file, const char *why)
{
    diag_add(diags, DIAG_ERROR, (struct diag_place){.file = file}, "%s", why);
    return CB_EINPUT;
}

static enum cb_code complain_errno(struct diag_list *diags, const char *file, const char *what)
{
    struct cb_err err;
    (void)cb_fail_errno(&err, "%s", what);
    return complain(diags, file, err.msg);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* join - PATH/NAME in the policy's arena; NULL: out of memory. */
static const char *join(struct policy *p, const char *path, struct slice name)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    char *joined = arena_alloc(&p->arena, len + name.len + 2);
    if (joined != NULL) {
        memcpy(joined, path, len);
        joined[len] = '/';
        memcpy(joined + len + 1, name.ptr, name.len);
        joined[len + 1 + name.len] = '\0';
    }
    return joined;
}

/* take_data - data becomes the policy's, also on failure. */
static enum cb_code take_data(struct policy *p, const char *path, char *data, size_t len,
                              struct diag_list *diags)
{
    p->data = data;
    p->bytes = (struct slice){data, len};
    p->path = arena_dup(&p->arena, slice_of(path));
    return p->path == NULL ? complain(diags, path, "out of memory") : CB_OK;
}

static enum cb_code one_source(struct policy *p, struct diag_list *diags)
{
    p->sources = arena_array(&p->arena, 1, sizeof(*p->sources));
    if (p->sources == NULL) {
        return complain(diags, p->path, "out of memory");
    }
    p->sources[0] =
        (struct policy_source){.name = base_name(p->path), .path = p->path, .bytes = p->bytes};
    p->num_sources = 1;
    return CB_OK;
}

/* ---- bundles ---- */

static enum cb_code add_source(struct policy *p, const struct bundle_file *file)
{
    struct policy_source *source = &p->sources[p->num_sources];
    *source = (struct policy_source){.name = arena_dup(&p->arena, file->name),
                                     .path = join(p, p->path, file->name),
                                     .bytes = file->bytes};
    p->num_sources++;
    return source->name == NULL || source->path == NULL ? CB_ENOMEM : CB_OK;
}

static bool in_order(const struct policy *p, struct slice name)
{
    if (p->num_sources == 0) {
        return true;
    }
    const struct slice last = slice_of(p->sources[p->num_sources - 1].name);
    const int order = memcmp(last.ptr, name.ptr, last.len < name.len ? last.len : name.len);
    return order < 0 || (order == 0 && last.len < name.len);
}

/* split - the sources of a policy whose bytes are a bundle. */
static enum cb_code split(struct policy *p, struct diag_list *diags)
{
    struct slice rest = p->bytes;
    struct bundle_file file;
    struct cb_err err;
    p->sources = arena_array(&p->arena, LOAD_FILES_MAX, sizeof(*p->sources));
    if (p->sources == NULL) {
        return complain(diags, p->path, "out of memory");
    }
    while (bundle_read(&rest, &file, &err)) {
        if (p->num_sources == LOAD_FILES_MAX) {
            return complain(diags, p->path, "the bundle holds more than 1000 files");
        }
        if (!in_order(p, file.name)) {
            return complain(diags, p->path, "the files of the bundle are not in ascending order");
        }
        if (add_source(p, &file) != CB_OK) {
            return complain(diags, p->path, "out of memory");
        }
    }
    if (err.code != CB_OK) {
        return complain(diags, p->path, err.msg);
    }
    return p->num_sources == 0 ? complain(diags, p->path, "the bundle holds no files") : CB_OK;
}

static enum cb_code from_data(struct policy *p, const char *path, char *data, size_t len,
                              struct diag_list *diags)
{
    TRY(take_data(p, path, data, len, diags));
    return bundle_is(p->bytes) ? split(p, diags) : one_source(p, diags);
}

enum cb_code load_sources_bytes(struct policy *policy, const char *file, struct slice bytes,
                                struct diag_list *diags)
{
    if (bytes.len > YAML_FILE_MAX) {
        return complain(diags, file, "the file is larger than 64 MiB");
    }
    char *data = malloc(bytes.len + 1);
    if (data == NULL) {
        return complain(diags, file, "out of memory");
    }
    if (bytes.len > 0) {
        memcpy(data, bytes.ptr, bytes.len);
    }
    data[bytes.len] = '\0';
    return from_data(policy, file, data, bytes.len, diags);
}

/* ---- folders ---- */

static enum cb_code check_folder(struct folder *f, const struct stat *st)
{
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        diag_add(f->diags, DIAG_ERROR, (struct diag_place){.file = f->path},
                 "others than its owner may write this folder: chmod go-w %s", f->path);
        return CB_EINPUT;
    }
    f->changed = st->st_mtim;
    return CB_OK;
}

/* wanted - *.yaml, but neither *.test.yaml nor hidden. Says so of what was surely meant to count. */
static bool wanted(const struct folder *f, const char *name)
{
    const struct slice text = slice_of(name);
    if (name[0] == '.' || slice_has_suffix(text, SLICE(".test.yaml"))) {
        return false;
    }
    if (slice_has_suffix(text, SLICE(".yml"))) {
        const char *path = join(f->policy, f->path, text);
        diag_add(f->diags, DIAG_WARNING, (struct diag_place){.file = path == NULL ? name : path},
                 "this file does not count: the files of a policy end in .yaml");
    }
    return slice_has_suffix(text, SLICE(".yaml"));
}

static enum cb_code add_name(struct folder *f, const char *name)
{
    if (!bundle_name_valid(slice_of(name))) {
        char quoted[NAME_QUOTE_SIZE];
        diag_add(f->diags, DIAG_ERROR, (struct diag_place){.file = f->path},
                 "the name of a policy file must be letters, digits and . _ -, not \"%s\"",
                 name_quote(slice_of(name), quoted));
        return CB_EINPUT;
    }
    if (f->num == LOAD_FILES_MAX) {
        return complain(f->diags, f->path, "this folder holds more than 1000 files for a policy");
    }
    f->names[f->num] = strdup(name);
    if (f->names[f->num] == NULL) {
        return complain(f->diags, f->path, "out of memory");
    }
    f->num++;
    return CB_OK;
}

static enum cb_code read_names(struct folder *f, DIR *dir)
{
    enum cb_code code = CB_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            return errno == 0 ? code : complain_errno(f->diags, f->path, "cannot read the folder");
        }
        if (!wanted(f, entry->d_name)) {
            continue;
        }
        const enum cb_code added = add_name(f, entry->d_name);
        if (added != CB_OK) {
            code = added;
        }
        if (f->num == LOAD_FILES_MAX && added != CB_OK) {
            return code;
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum cb_code list_folder(struct folder *f)
{
    const int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        const enum cb_code code = complain_errno(f->diags, f->path, "cannot read the folder");
        if (fd >= 0) {
            (void)close(fd);
        }
        return code;
    }
    const enum cb_code code = read_names(f, dir);
    (void)closedir(dir);
    TRY(code);
    if (f->num == 0) {
        return complain(f->diags, f->path, "there is no *.yaml in this folder");
    }
    qsort(f->names, f->num, sizeof(*f->names), compare_names);
    return CB_OK;
}

static enum cb_code read_one(struct folder *f, size_t i)
{
    char *data = NULL;
    size_t len = 0;
    const struct slice name = slice_of(f->names[i]);
    const char *path = join(f->policy, f->path, name);
    if (path == NULL) {
        return complain(f->diags, f->path, "out of memory");
    }
    TRY(yaml_read_file(f->fd, f->names[i], path, f->diags, &data, &len));
    f->files[i] = (struct bundle_file){name, {data, len}};
    f->total += len;
    return CB_OK;
}

/* read_all - goes on after a file that can't be read: whoever mends one will want to know of the
 * next. */
static enum cb_code read_all(struct folder *f)
{
    enum cb_code code = CB_OK;
    for (size_t i = 0; i < f->num; i++) {
        const enum cb_code one = read_one(f, i);
        code = one == CB_OK ? code : one;
        if (f->total > YAML_FILE_MAX) {
            return complain(f->diags, f->path, TOO_LARGE);
        }
    }
    struct stat st;
    if (code == CB_OK && (fstat(f->fd, &st) != 0 || st.st_mtim.tv_sec != f->changed.tv_sec ||
                          st.st_mtim.tv_nsec != f->changed.tv_nsec)) {
        return complain(f->diags, f->path, "the folder changed while it was read: try again");
    }
    return code;
}

static enum cb_code bundle_up(struct folder *f)
{
    struct buf text;
    buf_init(&text, YAML_FILE_MAX);
    if (!bundle_write(f->files, f->num, &text)) {
        buf_free(&text);
        return complain(f->diags, f->path, TOO_LARGE);
    }
    return from_data(f->policy, f->path, text.data, text.len, f->diags);
}

static enum cb_code read_folder(struct folder *f)
{
    f->names = calloc(LOAD_FILES_MAX, sizeof(*f->names));
    f->files = calloc(LOAD_FILES_MAX, sizeof(*f->files));
    if (f->names == NULL || f->files == NULL) {
        return complain(f->diags, f->path, "out of memory");
    }
    TRY(list_folder(f));
    TRY(read_all(f));
    return bundle_up(f);
}

static void free_folder(struct folder *f)
{
    for (size_t i = 0; i < f->num; i++) {
        free(f->names[i]);
        free((void *)(uintptr_t)f->files[i].bytes.ptr);
    }
    free(f->names);
    free(f->files);
}

enum cb_code load_sources(struct policy *policy, const char *path, struct diag_list *diags)
{
    struct stat st;
    struct folder f = {.path = path, .policy = policy, .diags = diags};
    f.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f.fd <
        0) { /* no folder, or none that can be read: as a file it is refused with the reason */
        char *data = NULL;
        size_t len = 0;
        TRY(yaml_read_file(AT_FDCWD, path, path, diags, &data, &len));
        return from_data(policy, path, data, len, diags);
    }
    enum cb_code code = fstat(f.fd, &st) == 0
                            ? check_folder(&f, &st)
                            : complain_errno(diags, path, "cannot look at the folder");
    if (code == CB_OK) {
        code = read_folder(&f);
    }
    free_folder(&f);
    (void)close(f.fd);
    return code;
}
