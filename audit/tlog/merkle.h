/* merkle.h - the right edge of the RFC 6962 hash tree over the log's lines.
 *
 * A leaf is SHA-256(0x00 || line without its newline), an inner node SHA-256(0x01 || left ||
 * right). Only the frontier is kept: one hash for each power of two in the number of leaves, which
 * is all that appending and computing the root need. Not thread-safe: one owner. */
#ifndef AUDIT_TLOG_MERKLE_H
#define AUDIT_TLOG_MERKLE_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

#define MERKLE_LEVELS 64

struct evp_md_st;
struct evp_md_ctx_st;

struct merkle {
    struct evp_md_st *sha256;  /* fetched once: fetching for each line costs half as much again */
    struct evp_md_ctx_st *ctx; /* reused */
    uint64_t size;             /* leaves */
    unsigned char node[MERKLE_LEVELS][SHA256_LEN]; /* node[i] counts if bit i of size is set */
};

/* merkle_init - an empty tree. merkle_free - gives its OpenSSL objects back; zeroed is fine. */
enum cb_code merkle_init(struct merkle *m, struct cb_err *err) CB_MUST_USE;
void merkle_free(struct merkle *m);

/* merkle_leaf - the hash of a record's line; merkle_join - of two subtrees side by side (ret may be
 * either of them). Both use m for its SHA-256 alone. */
void merkle_leaf(struct merkle *m, struct slice line, unsigned char ret[SHA256_LEN]);
void merkle_join(struct merkle *m, const unsigned char *left, const unsigned char *right,
                 unsigned char *ret);

/* merkle_append - one more line, or its leaf hash. A failing SHA-256 aborts the program: a log whose tree is unknown
 * must not go on, and starting again rebuilds the tree from the file. So do all that hash. */
void merkle_append(struct merkle *m, struct slice line);
void merkle_append_leaf(struct merkle *m, const unsigned char leaf[SHA256_LEN]);
void merkle_root(struct merkle *m, unsigned char ret[SHA256_LEN]);
/* merkle_sha256 - a plain digest with the same fetched algorithm, for void tails. */
void merkle_sha256(struct merkle *m, struct slice bytes, unsigned char ret[SHA256_LEN]);

/* The frontier as text: the hashes of the complete subtrees from left (largest) to right. */
size_t merkle_frontier_count(uint64_t size);
/* merkle_frontier_level - the level of hash number index (from the left) in a tree of size. */
unsigned merkle_frontier_level(uint64_t size, size_t index);

#endif
