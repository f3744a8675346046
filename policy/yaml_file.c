/* yaml_file.c - see yaml_tree.h. Brings a file's bytes into memory, refuses files and bytes that no
 * YAML parser should see, and owns the document. The parsing itself is in yaml_tree.c. */
#include "policy/yaml_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_CAP ((size_t)1 << 30) /* bytes of nodes and texts */

static enum cb_code complain(struct diag_list *diags, const char *file, const char *why)
{
    diag_add(diags, DIAG_ERROR, (struct diag_place){.file = file}, "%s", why);
    return CB_EINPUT;
}

void yaml_doc_free(struct yaml_doc *doc)
{
    if (doc == NULL) {
        return;
    }
    arena_free(&doc->arena);
    free(doc->file);
    free(doc->data);
    free(doc);
}

void yaml_drop_tree(struct yaml_doc *doc)
{
    arena_free(&doc->arena);
    doc->root = NULL;
}

/* check_bytes - NUL and other control characters, with their place; libyaml only knows an offset. */
static void check_bytes(const struct yaml_doc *doc, struct diag_list *diags)
{
    struct diag_place place = {doc->file, 1, 1};
    for (size_t i = 0; i < doc->bytes.len; i++) {
        const unsigned char c = (unsigned char)doc->bytes.ptr[i];
        if (c == '\n') {
            place.line++;
            place.col = 1;
            continue;
        }
        if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
            diag_add(diags, DIAG_ERROR, place, "a control character (byte 0x%02x) is not text", c);
        }
        place.col += (c & 0xc0) == 0x80 ? 0 : 1; /* later bytes of one character */
    }
}

/* check_utf8 - the first line that is not UTF-8. Column 1: which character it is depends on the
 * encoding the file was meant to have. */
static void check_utf8(const struct yaml_doc *doc, struct diag_list *diags)
{
    if (utf8_valid(doc->bytes)) {
        return;
    }
    struct diag_place place = {doc->file, 0, 1};
    struct slice rest = doc->bytes;
    bool good = true;
    while (good && rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        const size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr) + 1;
        place.line++;
        good = utf8_valid((struct slice){rest.ptr, len});
        rest = (struct slice){rest.ptr + len, rest.len - len};
    }
    diag_add(diags, DIAG_ERROR, place, "this line is not UTF-8 text");
}

/* finish - parse the document and hand it over, or free it. */
static enum cb_code finish(struct yaml_doc *doc, struct diag_list *diags, struct yaml_doc **ret)
{
    const size_t errors_before = diag_num_errors(diags);
    check_bytes(doc, diags);
    check_utf8(doc, diags);
    if (diag_num_errors(diags) != errors_before || !yaml_build(doc, diags)) {
        yaml_doc_free(doc);
        return CB_EINPUT;
    }
    *ret = doc;
    return CB_OK;
}

/* new_doc - takes data over, also on failure. */
static struct yaml_doc *new_doc(const char *file, char *data, size_t len)
{
    struct yaml_doc *doc = calloc(1, sizeof(*doc));
    char *name = strdup(file);
    if (doc == NULL || name == NULL) {
        free(doc);
        free(name);
        free(data);
        return NULL;
    }
    doc->file = name;
    doc->data = data;
    doc->bytes = (struct slice){data, len};
    arena_init(&doc->arena, TREE_CAP);
    return doc;
}

enum cb_code yaml_load_bytes(const char *file, struct slice bytes, struct diag_list *diags,
                             struct yaml_doc **ret)
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
    struct yaml_doc *doc = new_doc(file, data, bytes.len);
    return doc == NULL ? complain(diags, file, "out of memory") : finish(doc, diags, ret);
}

static enum cb_code complain_errno(struct diag_list *diags, const char *path, const char *what)
{
    struct cb_err err;
    (void)cb_fail_errno(&err, "%s", what);
    return complain(diags, path, err.msg);
}

/* check_file - whoever may write the file decides who gets certificates. */
static enum cb_code check_file(int fd, const char *path, struct diag_list *diags, size_t *ret_size)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return complain_errno(diags, path, "cannot look at the file");
    }
    if (!S_ISREG(st.st_mode)) {
        return complain(diags, path, "this is not a regular file");
    }
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        diag_add(diags, DIAG_ERROR, (struct diag_place){.file = path},
                 "others than its owner may write this file: chmod go-w %s", path);
        return CB_EINPUT;
    }
    if (st.st_size < 0 || (uintmax_t)st.st_size > YAML_FILE_MAX) {
        return complain(diags, path, "the file is larger than 64 MiB");
    }
    *ret_size = (size_t)st.st_size;
    return CB_OK;
}

/* read_all - at most size bytes; *ret_len says how many there were. */
static bool read_all(int fd, char *data, size_t size, size_t *ret_len)
{
    size_t len = 0;
    while (len < size) {
        const ssize_t got = read(fd, data + len, size - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return false;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    *ret_len = len;
    return true;
}

static enum cb_code load_fd(int fd, const char *path, struct diag_list *diags,
                            struct yaml_doc **ret)
{
    size_t size = 0;
    TRY(check_file(fd, path, diags, &size));
    char *data = malloc(size + 1);
    if (data == NULL) {
        return complain(diags, path, "out of memory");
    }
    size_t len = 0;
    if (!read_all(fd, data, size + 1, &len)) {
        const enum cb_code code = complain_errno(diags, path, "cannot read the file");
        free(data);
        return code;
    }
    if (len != size) {
        free(data);
        return complain(diags, path, "the file changed while it was read: try again");
    }
    data[len] = '\0';
    struct yaml_doc *doc = new_doc(path, data, len);
    return doc == NULL ? complain(diags, path, "out of memory") : finish(doc, diags, ret);
}

enum cb_code yaml_load_file(const char *path, struct diag_list *diags, struct yaml_doc **ret)
{
    /* O_NONBLOCK: opening a pipe must not wait for a writer. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return complain_errno(diags, path, "cannot open the file");
    }
    const enum cb_code code = load_fd(fd, path, diags, ret);
    (void)close(fd);
    return code;
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc)
{
    return doc->root;
}

const char *yaml_file(const struct yaml_doc *doc)
{
    return doc->file;
}

struct slice yaml_bytes(const struct yaml_doc *doc)
{
    return doc->bytes;
}
