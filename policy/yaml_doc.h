/* yaml_doc.h - inside policy/ only: what a document is made of. */
#ifndef POLICY_YAML_DOC_H
#define POLICY_YAML_DOC_H

#include "broker/base/arena.h"
#include "policy/yaml_tree.h"

/* What hangs below one entry of the root, in memory of its own: it is dropped when it has been read,
 * so that the tree of a big file and what is made of it are not there at the same time. */
struct yaml_branch {
    struct arena arena;
    const struct yaml_node *top; /* the entry, itself in the document's arena */
    struct yaml_branch *next;
};

struct yaml_doc {
    char *file;         /* owned */
    char *data;         /* owned; what bytes points to; NULL: the bytes are somebody else's */
    struct slice bytes; /* the file as read */
    bool is_ascii;      /* so that characters are bytes */
    struct arena arena; /* nodes, and those texts that don't stand in the file as they are */
    struct yaml_branch *branches; /* in the arena */
    struct yaml_node *root;
    size_t num_nodes;
};

#define YAML_TREE_CAP ((size_t)1 << 30) /* bytes of nodes and texts of one branch */

/* yaml_build - parse doc->bytes into doc->root. False: diags say why. */
bool yaml_build(struct yaml_doc *doc, struct diag_list *diags);

/* What libyaml refuses, in its words; lines and columns are counted from 0. */
struct yaml_refusal {
    const char *context; /* "" where it gives none */
    const char *problem;
    size_t line, col;
    size_t context_line, context_col; /* where what it was reading begins */
    bool has_quoted;                  /* the last text in quotes in front of it */
    size_t quoted_line, quoted_end_line, quoted_end_col;
};
/* yaml_hint - what was probably done, and what would be right; NULL: no idea. */
#define YAML_HINT_SIZE 200
const char *yaml_hint(const struct yaml_doc *doc, const struct yaml_refusal *r,
                      char out[YAML_HINT_SIZE]);

/* yaml_parse - as yaml_load_bytes, but the bytes are borrowed and must outlive the document. */
enum cb_code yaml_parse(const char *file, struct slice bytes, struct diag_list *diags,
                        struct yaml_doc **ret) CB_MUST_USE;
/* yaml_drop_branch - free what is below a value of the root's map; it is empty then. */
void yaml_drop_branch(struct yaml_doc *doc, const struct yaml_node *top);

/* yaml_read_file - the bytes of a file that yaml_load_file would take, NUL behind them; free them.
 * dir: a folder that name is looked up in, or AT_FDCWD; path: the name for complaints. */
enum cb_code yaml_read_file(int dir, const char *name, const char *path, struct diag_list *diags,
                            char **ret, size_t *ret_len) CB_MUST_USE;

#endif
