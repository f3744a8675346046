/* disk_model.h - what may be on a disk after a power cut, worked out from a journal of file calls.
 *
 * Files are inodes with bytes, of which a sync covered the first so many; names are entries that lead to
 * them, and become durable with a sync of their folder. Without that a created file may be missing, a
 * removed one back, and a renamed one be found under either name or none. Unsynced bytes may be there, be
 * missing, be cut anywhere, or be zeros. */
#ifndef TESTS_UNIT_AUDIT_DISK_MODEL_H
#define TESTS_UNIT_AUDIT_DISK_MODEL_H

#include "tests/unit/audit/fake_io.h"

#define MODEL_NODES 4096
#define MODEL_NAMES 512

struct model_node {
    struct buf bytes;
    size_t durable;
    bool is_dir;
};

struct model_name {
    char path[128];
    int now, durable; /* node; -1: no such file */
};

struct model {
    size_t prefix; /* length of the directory's path and the slash */
    struct model_node node[MODEL_NODES];
    size_t nodes;
    struct model_name name[MODEL_NAMES];
    size_t names;
};

UNUSED static struct model_name *model_name(struct model *m, const char *relative)
{
    for (size_t i = 0; i < m->names; i++) {
        if (strcmp(m->name[i].path, relative) == 0) {
            return &m->name[i];
        }
    }
    assert_true(m->names < MODEL_NAMES);
    struct model_name *n = &m->name[m->names++];
    *n = (struct model_name){.now = -1, .durable = -1};
    (void)snprintf(n->path, sizeof(n->path), "%s", relative);
    return n;
}

UNUSED static int model_new_node(struct model *m, bool is_dir)
{
    assert_true(m->nodes < MODEL_NODES);
    m->node[m->nodes] = (struct model_node){.is_dir = is_dir};
    buf_init(&m->node[m->nodes].bytes, 1U << 20);
    return (int)m->nodes++;
}

/* model_sync_dir - the names right under it. */
UNUSED static void model_sync_dir(struct model *m, const char *dir)
{
    const size_t len = strlen(dir);
    for (size_t i = 0; i < m->names; i++) {
        struct model_name *n = &m->name[i];
        const char *slash = strrchr(n->path, '/');
        const size_t parent = slash == NULL ? 0 : (size_t)(slash - n->path);
        if (parent == len && strncmp(n->path, dir, len) == 0) {
            n->durable = n->now;
        }
    }
}

/* model_open - a created file, or one that was emptied: the old bytes may come back, so it is another. */
UNUSED static void model_open(struct model *m, const char *path, const struct fake_entry *e)
{
    struct model_name *n = model_name(m, path);
    if (n->now < 0 || (e->flags & O_TRUNC) != 0) {
        n->now = model_new_node(m, false);
    }
}

UNUSED static void model_sync(struct model *m, const char *path)
{
    const struct model_name *n = model_name(m, path);
    if (path[0] == '\0' || (n->now >= 0 && m->node[n->now].is_dir)) {
        model_sync_dir(m, path);
    } else if (n->now >= 0) {
        m->node[n->now].durable = m->node[n->now].bytes.len;
    }
}

/* model_apply - false: the call changed nothing that a crash could show. */
UNUSED static bool model_apply(struct model *m, const struct fake_entry *e)
{
    const char *path = strlen(e->path) >= m->prefix ? e->path + m->prefix : "";
    switch (e->op) {
    case OP_OPEN:
        model_open(m, path, e);
        return e->created;
    case OP_MKDIR:
        model_name(m, path)->now = model_new_node(m, true);
        return true;
    case OP_WRITE:
        buf_add(&m->node[model_name(m, path)->now].bytes, e->data, e->len);
        return true;
    case OP_FSYNC:
    case OP_FDATASYNC:
        if (!e->failed) {
            model_sync(m, path);
        }
        return !e->failed;
    case OP_RENAME:
        model_name(m, path)->now = model_name(m, e->from + m->prefix)->now;
        model_name(m, e->from + m->prefix)->now = -1;
        return true;
    case OP_UNLINK:
        model_name(m, path)->now = -1;
        return true;
    case OP_FALLOCATE:
    case OP_FLOCK:
    case OP_STATVFS:
    case OP_LSTAT:
    case OP_COUNT:
    case OP_ACK:
    case OP_SEAL:
        break;
    }
    return false;
}

/* model_base - a file or folder that is there from the start, durable. */
UNUSED static void model_base(struct model *m, const char *path, const char *real)
{
    struct model_name *n = model_name(m, path);
    struct stat st;
    assert_int_equal(stat(real, &st), 0);
    n->now = n->durable = model_new_node(m, S_ISDIR(st.st_mode));
    if (!S_ISDIR(st.st_mode)) {
        struct buf bytes;
        read_file(real, &bytes);
        buf_add_slice(&m->node[n->now].bytes, buf_slice(&bytes));
        m->node[n->now].durable = bytes.len;
        buf_free(&bytes);
    }
}

UNUSED static void model_free(struct model *m)
{
    for (size_t i = 0; i < m->nodes; i++) {
        buf_free(&m->node[i].bytes);
    }
    free(m);
}

/* ---- a state ---- */

enum model_bytes { BYTES_DURABLE, BYTES_ALL, BYTES_CUT, BYTES_ZEROS, BYTES_ALL_BUT_ONE };

/* All names and bytes have one fate but one, which has another. */
struct model_state {
    bool names_now;         /* of all other names; else durable ones */
    enum model_bytes bytes; /* of all other files */
    size_t which;           /* a name; SIZE_MAX: none is different */
    bool which_now;
    enum model_bytes which_bytes;
};

UNUSED static int model_binding(const struct model *m, const struct model_state *s, size_t i)
{
    const bool now = i == s->which ? s->which_now : s->names_now;
    return now ? m->name[i].now : m->name[i].durable;
}

UNUSED static void model_lay_file(const char *path, const struct model_node *node,
                                  enum model_bytes fate)
{
    const size_t all = node->bytes.len;
    const size_t len = fate == BYTES_DURABLE       ? node->durable
                       : fate == BYTES_CUT         ? (node->durable + all) / 2
                       : fate == BYTES_ALL_BUT_ONE ? (all > node->durable ? all - 1 : all)
                                                   : all;
    char *bytes = calloc(1, len + 1);
    assert_non_null(bytes);
    const size_t copy = fate == BYTES_ZEROS ? node->durable : len;
    if (copy > 0) {
        memcpy(bytes, node->bytes.data, copy);
    }
    write_file(path, (struct slice){bytes, len});
    free(bytes);
}

/* model_has_parents - is every folder above it there in this state? */
UNUSED static bool model_has_parents(struct model *m, const struct model_state *s, const char *path)
{
    char part[128];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        const struct model_name *n = model_name(m, part);
        if (model_binding(m, s, (size_t)(n - m->name)) < 0) {
            return false;
        }
    }
    return true;
}

/* model_lay - make dir, which is empty, look like that. Folders were noted before what is in them. */
UNUSED static void model_lay(struct model *m, const struct model_state *s, const char *dir)
{
    char path[512];
    for (size_t i = 0; i < m->names; i++) {
        const int node = model_binding(m, s, i);
        if (node < 0 || m->name[i].path[0] == '\0' || !model_has_parents(m, s, m->name[i].path)) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", dir, m->name[i].path);
        if (m->node[node].is_dir) {
            assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        } else {
            model_lay_file(path, &m->node[node], i == s->which ? s->which_bytes : s->bytes);
        }
    }
}

/* model_unsettled - could a crash still change what this name shows? */
UNUSED static bool model_unsettled(const struct model *m, size_t i)
{
    const struct model_name *n = &m->name[i];
    return n->now != n->durable ||
           (n->now >= 0 && m->node[n->now].durable < m->node[n->now].bytes.len);
}

#endif
