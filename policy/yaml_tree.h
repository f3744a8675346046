/* yaml_tree.h - a YAML file as a bounded tree of nodes that remember where they stood.
 *
 * A strict subset on libyaml's event API: one document, block or flow collections, scalars.
 * Refused with file:line:col: aliases, anchors, tags, merge keys, duplicate keys (both lines are
 * named), keys that are not plain text, NUL, invalid UTF-8, more than YAML_DEPTH_MAX levels or the
 * node cap, a second document. The file must be a regular file, not writable by others.
 * Scalars have no types here: the reader of a field says what it expects. */
#ifndef POLICY_YAML_TREE_H
#define POLICY_YAML_TREE_H

#include "broker/base/arena.h"
#include "broker/base/err.h"
#include "policy/diag.h"

#define YAML_DEPTH_MAX 16
#define YAML_NODES_MAX 4500000U   /* 288 MB of nodes */
#define YAML_CHILDREN_MAX 500000U /* of one list or map */
#define YAML_FILE_MAX (64U << 20) /* bytes; a policy of 100,000 rules is about 30 MiB */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* 64 bytes; 100,000 rules and clients are about 3 million of them, hence the packing. */
struct yaml_node {
    unsigned line : 27; /* from 1 */
    enum yaml_kind kind : 2;
    bool quoted : 1;   /* scalar written in quotes or as a block */
    unsigned num : 27; /* children */
    unsigned key_line : 27;
    unsigned short col, key_col; /* from 1; USHRT_MAX: that or more */
    struct slice text;           /* scalar */
    struct yaml_node *first;     /* list items, or map values, in order */
    struct yaml_node *next;      /* sibling */
    struct slice key;            /* of this node in its parent map */
};

struct yaml_doc; /* owns file name, bytes and nodes; immutable, any thread may read it */

/* yaml_load_file - read and parse one file. Problems of the text go to diags and give CB_EINPUT;
 * an unreadable file too (place without a line). *ret is set on success only; yaml_doc_free it. */
enum cb_code yaml_load_file(const char *path, struct diag_list *diags,
                            struct yaml_doc **ret) CB_MUST_USE;
/* yaml_load_bytes - the same for bytes in memory (copied); file is the name used in complaints. */
enum cb_code yaml_load_bytes(const char *file, struct slice bytes, struct diag_list *diags,
                             struct yaml_doc **ret) CB_MUST_USE;
void yaml_doc_free(struct yaml_doc *doc); /* not yaml_free: libyaml exports that name */

/* yaml_drop_tree - free the nodes and their texts, keep file name and bytes; yaml_root is NULL then. */
void yaml_drop_tree(struct yaml_doc *doc);

const struct yaml_node *yaml_root(const struct yaml_doc *doc);
const char *yaml_file(const struct yaml_doc *doc);
struct slice yaml_bytes(const struct yaml_doc *doc); /* the file exactly as read, for its digest */

/* --- reading fields: every helper below complains into diags and returns false when the node has
 * the wrong shape; NULL nodes are "absent" and simply give false without a complaint. --- */
struct yaml_reader {
    const struct yaml_doc *doc;
    struct diag_list *diags;
};

struct diag_place yaml_place(const struct yaml_reader *r, const struct yaml_node *n);
/* yaml_key_place - of the key in front of a map's value; of the node itself elsewhere. */
struct diag_place yaml_key_place(const struct yaml_reader *r, const struct yaml_node *n);
/* yaml_complain - an error at a node (NULL: about the file). */
void yaml_complain(const struct yaml_reader *r, const struct yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL: absent */
/* yaml_check_keys - every key of a map must be one of the NULL-terminated list; complains about
 * each other one with "did you mean". Also complains when n is no map. */
bool yaml_check_keys(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                     const char *const *allowed);
/* Words that people write for one of ours and that are not near it in spelling. */
struct yaml_synonym {
    const char *word;
    const char *meant; /* one of the allowed words */
};
/* yaml_check_keys_hinted - the same with synonyms, ended by {NULL, NULL}; NULL: none. */
bool yaml_check_keys_hinted(const struct yaml_reader *r, const struct yaml_node *n,
                            const char *what, const char *const *allowed,
                            const struct yaml_synonym *synonyms);
/* yaml_check_list - n must be a list with something in it. */
bool yaml_check_list(const struct yaml_reader *r, const struct yaml_node *n, const char *what);
/* yaml_suggest - the entry of the list nearest to a misspelt word, NULL if none is near. */
const char *yaml_suggest(struct slice word, const char *const *allowed);
bool yaml_read_text(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                    struct slice *ret);
bool yaml_read_bool(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                    bool *ret); /* exactly true or false */
bool yaml_read_u64(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                   uint64_t min, uint64_t max, uint64_t *ret);
/* durations: an integer and a unit, ms s m h d, also joined (1h30m); result in milliseconds */
bool yaml_read_duration_ms(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                           uint64_t min_ms, uint64_t max_ms, uint64_t *ret_ms);
/* sizes: an integer with an optional unit KiB MiB GiB */
bool yaml_read_size(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                    uint64_t min, uint64_t max, uint64_t *ret);
/* yaml_read_choice - index of the scalar in the NULL-terminated list of words */
bool yaml_read_choice(const struct yaml_reader *r, const struct yaml_node *n, const char *what,
                      const char *const *choices, size_t *ret);

#endif
