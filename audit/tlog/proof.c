/* proof.c - see proof.h. Does not know files: a hash_source has the nodes.
 *
 * RFC 6962 defines roots and proofs by recursion; here each is one walk from the root down. What
 * the walk leaves aside on its way is a run of records [first, first + num) whose hash goes into the
 * proof. Such a run begins at a multiple of a power of two that is not smaller than num, and so it
 * is made of one complete subtree for each bit of num, from left to right. */
#include "audit/tlog/proof.h"

#define SIZE_MAX_TREE (UINT64_C(1) << 63) /* whose proofs have PROOF_HASHES_MAX hashes */

/* lowest_bit - of a number that is not 0. */
static unsigned lowest_bit(uint64_t n)
{
    return (unsigned)__builtin_ctzll(n);
}

/* left_part - the largest power of two below num, num > 1: where RFC 6962 splits a tree. */
static uint64_t left_part(uint64_t num)
{
    return UINT64_C(1) << (63U - (unsigned)__builtin_clzll(num - 1));
}

/* run_hash - of the records [first, first + num), num > 0: joined from the right, smallest subtree
 * first. */
static enum cb_code run_hash(const struct hash_source *source, struct merkle *m, uint64_t first,
                             uint64_t num, unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    unsigned char right[SHA256_LEN];
    unsigned char left[SHA256_LEN];
    bool is_last = true;
    for (uint64_t rest = num; rest != 0; rest &= rest - 1) {
        const unsigned level = lowest_bit(rest);
        const uint64_t start = first + (rest & (rest - 1));
        TRY(source->read(source->ctx, level, start >> level, is_last ? right : left, err));
        if (!is_last) {
            merkle_join(m, left, right, right);
        }
        is_last = false;
    }
    memcpy(ret, right, SHA256_LEN);
    return CB_OK;
}

enum cb_code proof_root(const struct hash_source *source, struct merkle *m, uint64_t size,
                        unsigned char ret[SHA256_LEN], struct cb_err *err)
{
    if (size == 0) {
        merkle_sha256(m, SLICE(""), ret);
        return CB_OK;
    }
    return run_hash(source, m, 0, size, ret, err);
}

/* run - records left aside on the way down. */
struct run {
    uint64_t first;
    uint64_t num;
};

struct runs {
    struct run at[PROOF_HASHES_MAX + 1];
    size_t num;
};

static void leave(struct runs *runs, uint64_t first, uint64_t num)
{
    CB_CHECK(runs->num < sizeof(runs->at) / sizeof(runs->at[0]));
    runs->at[runs->num++] = (struct run){first, num};
}

/* hash_runs - a proof begins at the bottom: with what was left aside last. */
static enum cb_code hash_runs(const struct hash_source *source, struct merkle *m,
                              const struct runs *runs, struct proof *ret, struct cb_err *err)
{
    struct proof proof = {.num = runs->num};
    if (proof.num > PROOF_HASHES_MAX) {
        return cb_fail(err, CB_ELIMIT, "the proof has %zu hashes, at most %u are carried",
                       proof.num, PROOF_HASHES_MAX);
    }
    for (size_t i = 0; i < proof.num; i++) {
        const struct run run = runs->at[proof.num - 1 - i];
        TRY(run_hash(source, m, run.first, run.num, proof.hashes[i], err));
    }
    *ret = proof;
    return CB_OK;
}

static enum cb_code check_size(uint64_t size, struct cb_err *err)
{
    if (size > SIZE_MAX_TREE) {
        return cb_fail(err, CB_EINPUT, "a tree of more than 2^63 records");
    }
    return CB_OK;
}

enum cb_code proof_inclusion(const struct hash_source *source, struct merkle *m, uint64_t size,
                             uint64_t index, struct proof *ret, struct cb_err *err)
{
    TRY(check_size(size, err));
    if (index >= size) {
        return cb_fail(err, CB_EINPUT, "record %llu is not among the first %llu",
                       (unsigned long long)index, (unsigned long long)size);
    }
    struct runs runs = {.num = 0};
    uint64_t first = 0;
    uint64_t num = size;
    while (num > 1) {
        const uint64_t left = left_part(num);
        if (index - first < left) {
            leave(&runs, first + left, num - left);
            num = left;
        } else {
            leave(&runs, first, left);
            first += left;
            num -= left;
        }
    }
    return hash_runs(source, m, &runs, ret, err);
}

enum cb_code proof_consistency(const struct hash_source *source, struct merkle *m, uint64_t old,
                               uint64_t size, struct proof *ret, struct cb_err *err)
{
    TRY(check_size(size, err));
    if (old == 0 || old > size) {
        return cb_fail(
            err, CB_EINPUT,
            "a proof that %llu records continue %llu: the smaller number comes first, and "
            "nothing is proven of an empty log",
            (unsigned long long)size, (unsigned long long)old);
    }
    struct runs runs = {.num = 0};
    uint64_t first = 0;
    uint64_t num = size;
    /* Down to the subtree at whose end the old tree ends. */
    while (old - first != num) {
        const uint64_t left = left_part(num);
        if (old - first <= left) {
            leave(&runs, first + left, num - left);
            num = left;
        } else {
            leave(&runs, first, left);
            first += left;
            num -= left;
        }
    }
    if (first > 0) { /* else it is the old tree itself, whose root everybody has */
        leave(&runs, first, num);
    }
    return hash_runs(source, m, &runs, ret, err);
}

/* climb - where the walk up from a leaf is: its own number on this level and the last one's. */
struct climb {
    uint64_t node;
    uint64_t last;
};

static void up(struct climb *c)
{
    c->node >>= 1;
    c->last >>= 1;
}

/* is_right - whether the next hash of the proof stands left of this node. If the node is the last
 * of its level, climb on to where it has a neighbour. */
static bool is_right(struct climb *c)
{
    if ((c->node & 1U) == 0 && c->node != c->last) {
        return false;
    }
    while ((c->node & 1U) == 0 && c->node != 0) {
        up(c);
    }
    return true;
}

bool proof_check_inclusion(struct merkle *m, const struct proof *proof, uint64_t size,
                           uint64_t index, const unsigned char leaf[SHA256_LEN],
                           const unsigned char root[SHA256_LEN])
{
    if (index >= size || proof->num > PROOF_HASHES_MAX) {
        return false;
    }
    struct climb c = {index, size - 1};
    unsigned char hash[SHA256_LEN];
    memcpy(hash, leaf, SHA256_LEN);
    for (size_t i = 0; i < proof->num; i++) {
        if (c.last == 0) {
            return false;
        }
        if (is_right(&c)) {
            merkle_join(m, proof->hashes[i], hash, hash);
        } else {
            merkle_join(m, hash, proof->hashes[i], hash);
        }
        up(&c);
    }
    return c.last == 0 && memcmp(hash, root, SHA256_LEN) == 0;
}

/* consistency_roots - what the proof makes of both trees. Both hashes begin as the complete subtree at
 * whose end the old tree ends; the proof goes on at from. False: it is too short or too long. */
static bool consistency_roots(struct merkle *m, const struct proof *proof, size_t from,
                              struct climb c, unsigned char old_hash[SHA256_LEN],
                              unsigned char hash[SHA256_LEN])
{
    while (c.node & 1U) {
        up(&c);
    }
    for (size_t i = from; i < proof->num; i++) {
        if (c.last == 0) {
            return false;
        }
        if (is_right(&c)) {
            merkle_join(m, proof->hashes[i], old_hash, old_hash);
            merkle_join(m, proof->hashes[i], hash, hash);
        } else {
            merkle_join(m, hash, proof->hashes[i], hash);
        }
        up(&c);
    }
    return c.last == 0;
}

/* is_whole - the old tree is a subtree of the new one, so a proof does not carry its root. */
static bool is_whole(uint64_t old)
{
    return (old & (old - 1)) == 0;
}

bool proof_check_consistency(struct merkle *m, const struct proof *proof, uint64_t old,
                             uint64_t size, const unsigned char old_root[SHA256_LEN],
                             const unsigned char root[SHA256_LEN])
{
    if (old == 0 || old > size || proof->num > PROOF_HASHES_MAX) {
        return false;
    }
    if (old == size) {
        return proof->num == 0 && memcmp(old_root, root, SHA256_LEN) == 0;
    }
    if (!is_whole(old) && proof->num == 0) {
        return false;
    }
    const unsigned char *start = is_whole(old) ? old_root : proof->hashes[0];
    unsigned char old_hash[SHA256_LEN];
    unsigned char hash[SHA256_LEN];
    memcpy(old_hash, start, SHA256_LEN);
    memcpy(hash, start, SHA256_LEN);
    return consistency_roots(m, proof, is_whole(old) ? 0 : 1, (struct climb){old - 1, size - 1},
                             old_hash, hash) &&
           memcmp(old_hash, old_root, SHA256_LEN) == 0 && memcmp(hash, root, SHA256_LEN) == 0;
}

bool proof_check_fork(struct merkle *m, const struct proof *proof, uint64_t old, uint64_t size,
                      const unsigned char old_root[SHA256_LEN],
                      const unsigned char root[SHA256_LEN])
{
    if (old == 0 || old >= size || proof->num == 0 || proof->num > PROOF_HASHES_MAX ||
        is_whole(old)) {
        return false;
    }
    unsigned char old_hash[SHA256_LEN];
    unsigned char hash[SHA256_LEN];
    memcpy(old_hash, proof->hashes[0], SHA256_LEN);
    memcpy(hash, proof->hashes[0], SHA256_LEN);
    return consistency_roots(m, proof, 1, (struct climb){old - 1, size - 1}, old_hash, hash) &&
           memcmp(hash, root, SHA256_LEN) == 0 && memcmp(old_hash, old_root, SHA256_LEN) != 0;
}
