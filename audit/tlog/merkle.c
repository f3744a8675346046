/* merkle.c - see merkle.h.
 *
 * Does not make proofs, tiles or signatures: those read the files later. */
#include "audit/tlog/merkle.h"

#include <openssl/evp.h>

enum cb_code merkle_init(struct merkle *m, struct cb_err *err)
{
    *m = (struct merkle){.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL), .ctx = EVP_MD_CTX_new()};
    if (m->sha256 == NULL || m->ctx == NULL) {
        merkle_free(m);
        return cb_fail(err, CB_ECRYPTO, "SHA-256 is not available");
    }
    return CB_OK;
}

void merkle_free(struct merkle *m)
{
    EVP_MD_CTX_free(m->ctx);
    EVP_MD_free(m->sha256);
    *m = (struct merkle){0};
}

/* hash - SHA-256 of prefix (unless NULL) and bytes. */
static void hash(struct merkle *m, const unsigned char *prefix, struct slice bytes,
                 unsigned char *ret)
{
    CB_CHECK(EVP_DigestInit_ex2(m->ctx, m->sha256, NULL) == 1);
    if (prefix != NULL) {
        CB_CHECK(EVP_DigestUpdate(m->ctx, prefix, 1) == 1);
    }
    CB_CHECK(EVP_DigestUpdate(m->ctx, bytes.ptr, bytes.len) == 1);
    CB_CHECK(EVP_DigestFinal_ex(m->ctx, ret, NULL) == 1);
}

void merkle_join(struct merkle *m, const unsigned char *left, const unsigned char *right,
                 unsigned char *ret)
{
    /* In one piece: each call into OpenSSL costs as much as the hashing of some bytes. */
    unsigned char node[1 + 2 * SHA256_LEN] = {0x01};
    memcpy(node + 1, left, SHA256_LEN);
    memcpy(node + 1 + SHA256_LEN, right, SHA256_LEN);
    hash(m, NULL, (struct slice){(const char *)node, sizeof(node)}, ret);
}

void merkle_leaf(struct merkle *m, struct slice line, unsigned char ret[SHA256_LEN])
{
    static const unsigned char leaf = 0x00;
    hash(m, &leaf, line, ret);
}

void merkle_append_leaf(struct merkle *m, const unsigned char leaf[SHA256_LEN])
{
    unsigned char node[SHA256_LEN];
    memcpy(node, leaf, SHA256_LEN);
    unsigned level = 0;
    for (; (m->size >> level) & 1U; level++) {
        merkle_join(m, m->node[level], node, node);
    }
    memcpy(m->node[level], node, SHA256_LEN);
    m->size++;
}

void merkle_append(struct merkle *m, struct slice line)
{
    unsigned char leaf[SHA256_LEN];
    merkle_leaf(m, line, leaf);
    merkle_append_leaf(m, leaf);
}

void merkle_root(struct merkle *m, unsigned char ret[SHA256_LEN])
{
    if (m->size == 0) {
        hash(m, NULL, SLICE(""), ret);
        return;
    }
    unsigned level = (unsigned)__builtin_ctzll(m->size);
    memcpy(ret, m->node[level], SHA256_LEN);
    for (level++; level < MERKLE_LEVELS && (m->size >> level) != 0; level++) {
        if ((m->size >> level) & 1U) {
            merkle_join(m, m->node[level], ret, ret);
        }
    }
}

void merkle_sha256(struct merkle *m, struct slice bytes, unsigned char ret[SHA256_LEN])
{
    hash(m, NULL, bytes, ret);
}

size_t merkle_frontier_count(uint64_t size)
{
    return (size_t)__builtin_popcountll(size);
}

unsigned merkle_frontier_level(uint64_t size, size_t index)
{
    unsigned level = MERKLE_LEVELS;
    for (size_t seen = 0; seen <= index; seen++) {
        level = 63U - (unsigned)__builtin_clzll(size);
        size &= ~(UINT64_C(1) << level);
    }
    return level;
}
