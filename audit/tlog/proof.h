/* proof.h - RFC 6962 proofs: that a record is in a tree, and that one tree continues another.
 *
 * Making a proof needs hashes of complete subtrees, which a hash_source reads from wherever they are
 * kept: node (level, index) covers the 2^level records from index * 2^level on, so (0, n) is the leaf
 * hash of record n. Checking a proof needs nothing but the proof. */
#ifndef AUDIT_TLOG_PROOF_H
#define AUDIT_TLOG_PROOF_H

#include "audit/tlog/merkle.h"

#define PROOF_HASHES_MAX 63U /* what C2SP tlog-witness accepts; enough for 2^63 records */

struct hash_source {
    enum cb_code (*read)(void *ctx, unsigned level, uint64_t index, unsigned char ret[SHA256_LEN],
                         struct cb_err *err);
    void *ctx;
};

struct proof {
    unsigned char hashes[PROOF_HASHES_MAX][SHA256_LEN];
    size_t num;
};

/* proof_root - of the first size records. */
enum cb_code proof_root(const struct hash_source *source, struct merkle *m, uint64_t size,
                        unsigned char ret[SHA256_LEN], struct cb_err *err) CB_MUST_USE;
/* proof_inclusion - of record index in the tree of size records; index < size. */
enum cb_code proof_inclusion(const struct hash_source *source, struct merkle *m, uint64_t size,
                             uint64_t index, struct proof *ret, struct cb_err *err) CB_MUST_USE;
/* proof_consistency - that the tree of size records begins with the tree of old; 0 < old <= size.
 * Empty when they are the same. */
enum cb_code proof_consistency(const struct hash_source *source, struct merkle *m, uint64_t old,
                               uint64_t size, struct proof *ret, struct cb_err *err) CB_MUST_USE;

/* These use m for its SHA-256 only. */
bool proof_check_inclusion(struct merkle *m, const struct proof *proof, uint64_t size,
                           uint64_t index, const unsigned char leaf[SHA256_LEN],
                           const unsigned char root[SHA256_LEN]);
bool proof_check_consistency(struct merkle *m, const struct proof *proof, uint64_t old,
                             uint64_t size, const unsigned char old_root[SHA256_LEN],
                             const unsigned char root[SHA256_LEN]);
/* proof_check_fork - the opposite: that the tree with this root begins with another tree of old records
 * than old_root's. Nobody can make such a proof of trees of which one continues the other, as nobody can
 * make a consistency proof of those that do not; so it convicts whoever signed both. A bad proof is
 * neither. Never true of an old tree of 2^n records: a proof from there does not carry its root. */
bool proof_check_fork(struct merkle *m, const struct proof *proof, uint64_t old, uint64_t size,
                      const unsigned char old_root[SHA256_LEN],
                      const unsigned char root[SHA256_LEN]);

#endif
