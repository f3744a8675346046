/* yaml_file.c - see yaml_tree.h. Brings a file's bytes into memory, refuses files and bytes that no
 * YAML parser should see, and owns the document. The parsing itself is in yaml_tree.c. */
#include "policy/yaml_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum cb_code complain(struct diag_list *diags, const char *file, const char *why)
{
    diag_add(diags, DIAG_ERROR, (struct diag_place){.file = file}, "%s", why);
    return CB_EINPUT;
}

void yaml_drop_tree(struct yaml_doc *doc)
{
    for (struct yaml_branch *branch = doc->branches; branch != NULL; branch = branch->next) {
        arena_free(&branch->arena);
    }
    doc->branches = NULL;
    arena_free(&doc->arena);
    doc->root = NULL;
}

void yaml_drop_branch(struct yaml_doc *doc, const struct yaml_node *top)
{
    for (struct yaml_node *n = doc->root->first; n != NULL; n = n->next) {
        if (n == top) {
            n->first = NULL;
            n->num = 0;
        }
    }
    for (struct yaml_branch *branch = doc->branches; branch != NULL; branch = branch->next) {
        if (branch->top == top) {
            arena_free(&branch->arena);
        }
    }
}

void yaml_doc_free(struct yaml_doc *doc)
{
    if (doc == NULL) {
        return;
    }
    yaml_drop_tree(doc);
    free(doc->file);
    free(doc->data);
    free(doc);
}

#define EACH_BYTE 0x0101010101010101U
#define HIGH_BITS (0x80U * EACH_BYTE)

/* all_plain - eight printable ASCII characters; most of every file is such. */
static bool all_plain(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    const uint64_t below_space = (word - 0x20 * EACH_BYTE) & ~word;
    const uint64_t no_del = word ^ (0x7f * EACH_BYTE);
    const uint64_t is_del = (no_del - EACH_BYTE) & ~no_del;
    return ((word | below_space | is_del) & HIGH_BITS) == 0;
}

/* What is not seen, or seen elsewhere than it stands: a reviewer must not read another policy than we
 * do. The first three are line breaks to libyaml and to few editors. */
static bool is_hidden(unsigned code)
{
    return (code >= 0x80 && code <= 0x9f) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff || code == 0xfffe || code == 0xffff;
}

/* code_at - the character of two or three bytes that begins here; 0: another one. */
static unsigned code_at(struct slice s, size_t i)
{
    const unsigned char *p = (const unsigned char *)s.ptr + i;
    if (s.len - i >= 2 && (p[0] & 0xe0) == 0xc0) {
        return (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
    }
    if (s.len - i >= 3 && (p[0] & 0xf0) == 0xe0) {
        return (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    }
    return 0;
}

static void check_byte(const struct yaml_doc *doc, size_t i, struct diag_place place,
                       struct diag_list *diags)
{
    const struct slice s = doc->bytes;
    const unsigned char c = (unsigned char)s.ptr[i];
    const unsigned code = c >= 0x80 ? code_at(s, i) : 0;
    if (c == '\r' && (i + 1 == s.len || s.ptr[i + 1] != '\n')) {
        diag_add(diags, DIAG_ERROR, place,
                 "a carriage return without a line feed is no end of a line everywhere");
    } else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
        diag_add(diags, DIAG_ERROR, place, "a control character (byte 0x%02x) is not text", c);
    } else if (is_hidden(code) && (code != 0xfeff || i > 0)) {
        diag_add(diags, DIAG_ERROR, place,
                 "the invisible character U+%04X may hide what the file says: take it out", code);
    }
}

/* check_bytes - what is not text, or not shown as what it is, with its place. Finds out by the way
 * whether the file is ASCII. */
static void check_bytes(struct yaml_doc *doc, struct diag_list *diags)
{
    struct diag_place place = {doc->file, 1, 1};
    const struct slice s = doc->bytes;
    doc->is_ascii = true;
    for (size_t i = 0; i < s.len; i++) {
        while (s.len - i > sizeof(uint64_t) && all_plain(s.ptr + i)) {
            i += sizeof(uint64_t);
            place.col += sizeof(uint64_t);
        }
        const unsigned char c = (unsigned char)s.ptr[i];
        if (c == '\n') {
            place.line++;
            place.col = 1;
            continue;
        }
        if ((c < 0x20 || c >= 0x7f) && !diag_is_full(diags)) {
            check_byte(doc, i, place, diags);
        }
        doc->is_ascii = doc->is_ascii && c < 0x80;
        place.col += (c & 0xc0) == 0x80 ? 0 : 1; /* later bytes of one character */
    }
}

/* check_utf8 - the first line that is not UTF-8. Column 1: which character it is depends on the
 * encoding the file was meant to have. */
static void check_utf8(const struct yaml_doc *doc, struct diag_list *diags)
{
    if (doc->is_ascii || utf8_valid(doc->bytes)) {
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
    if (slice_has_prefix(doc->bytes, SLICE("\xff\xfe")) ||
        slice_has_prefix(doc->bytes, SLICE("\xfe\xff"))) {
        (void)complain(diags, doc->file, "the file is UTF-16: save it as UTF-8");
    } else {
        check_bytes(doc, diags);
        check_utf8(doc, diags);
    }
    if (diag_num_errors(diags) != errors_before || !yaml_build(doc, diags)) {
        yaml_doc_free(doc);
        return CB_EINPUT;
    }
    *ret = doc;
    return CB_OK;
}

/* load - takes data over, also on failure; NULL: the bytes are borrowed. */
static enum cb_code load(const char *file, char *data, struct slice bytes, struct diag_list *diags,
                         struct yaml_doc **ret)
{
    struct yaml_doc *doc = calloc(1, sizeof(*doc));
    char *name = strdup(file);
    if (doc == NULL || name == NULL) {
        free(doc);
        free(name);
        free(data);
        return complain(diags, file, "out of memory");
    }
    doc->file = name;
    doc->data = data;
    doc->bytes = bytes;
    arena_init(&doc->arena, YAML_TREE_CAP);
    return finish(doc, diags, ret);
}

enum cb_code yaml_parse(const char *file, struct slice bytes, struct diag_list *diags,
                        struct yaml_doc **ret)
{
    return bytes.len > YAML_FILE_MAX ? complain(diags, file, "the file is larger than 64 MiB")
                                     : load(file, NULL, bytes, diags, ret);
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
    return load(file, data, (struct slice){data, bytes.len}, diags, ret);
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

static enum cb_code read_fd(int fd, const char *path, struct diag_list *diags, char **ret,
                            size_t *ret_len)
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
    *ret = data;
    *ret_len = len;
    return CB_OK;
}

enum cb_code yaml_read_file(int dir, const char *name, const char *path, struct diag_list *diags,
                            char **ret, size_t *ret_len)
{
    /* O_NONBLOCK: opening a pipe must not wait for a writer. */
    const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return complain_errno(diags, path, "cannot open the file");
    }
    const enum cb_code code = read_fd(fd, path, diags, ret, ret_len);
    (void)close(fd);
    return code;
}

enum cb_code yaml_load_file(const char *path, struct diag_list *diags, struct yaml_doc **ret)
{
    char *data = NULL;
    size_t len = 0;
    TRY(yaml_read_file(AT_FDCWD, path, path, diags, &data, &len));
    return load(path, data, (struct slice){data, len}, diags, ret);
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
