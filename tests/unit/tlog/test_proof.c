/* test_proof.c - proofs of every record and of every pair of sizes up to SIZES, made over a tree that
 * is kept in plain sight; none is taken with a bit, a hash or a number changed. Proofs for eight
 * records are compared with the ones that RFC 6962 section 2.1.3 works out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/tlog/proof.h"

#include <stdio.h>

#define SIZES 131
#define LEVELS 8

typedef unsigned char digest[SHA256_LEN];

/* All complete subtrees of SIZES records, and the root for each size by merkle.h. */
struct tree {
    struct merkle m;
    digest node[LEVELS][SIZES];
    digest root[SIZES + 1];
    struct hash_source source;
    uint64_t size;  /* nodes that reach beyond it may not be asked for */
    size_t failing; /* reads until one fails; 0: none does */
    size_t reads;
};

static enum cb_code read_node(void *ctx, unsigned level, uint64_t index, unsigned char *ret,
                              struct cb_err *err)
{
    struct tree *t = ctx;
    t->reads++;
    if (t->reads == t->failing) {
        return cb_fail(err, CB_ESYS, "the tile cannot be read");
    }
    assert_true(level < LEVELS);
    assert_true(((index + 1) << level) <= t->size);
    memcpy(ret, t->node[level][index], SHA256_LEN);
    return CB_OK;
}

static void setup_tree(struct tree *t)
{
    struct cb_err err;
    struct merkle roots;
    assert_int_equal(merkle_init(&t->m, &err), CB_OK);
    assert_int_equal(merkle_init(&roots, &err), CB_OK);
    merkle_root(&roots, t->root[0]);
    for (size_t i = 0; i < SIZES; i++) {
        char line[16];
        (void)snprintf(line, sizeof(line), "record %zu", i);
        merkle_leaf(&t->m, slice_of(line), t->node[0][i]);
        merkle_append(&roots, slice_of(line));
        merkle_root(&roots, t->root[i + 1]);
    }
    for (unsigned level = 1; level < LEVELS; level++) {
        for (size_t i = 0; (i + 1) << level <= SIZES; i++) {
            merkle_join(&t->m, t->node[level - 1][2 * i], t->node[level - 1][2 * i + 1],
                        t->node[level][i]);
        }
    }
    t->source = (struct hash_source){read_node, t};
    t->size = SIZES;
    merkle_free(&roots);
}

static int setup(void **state)
{
    static struct tree tree;
    setup_tree(&tree);
    *state = &tree;
    return 0;
}

static int teardown(void **state)
{
    merkle_free(&((struct tree *)*state)->m);
    return 0;
}

static void test_roots(void **state)
{
    struct tree *t = *state;
    struct cb_err err;
    for (uint64_t size = 0; size <= SIZES; size++) {
        digest root;
        t->size = size;
        assert_int_equal(proof_root(&t->source, &t->m, size, root, &err), CB_OK);
        assert_memory_equal(root, t->root[size], SHA256_LEN);
    }
    t->size = SIZES;
}

static bool includes(struct tree *t, const struct proof *p, uint64_t size, uint64_t index,
                     const unsigned char *leaf)
{
    return proof_check_inclusion(&t->m, p, size, index, leaf, t->root[size]);
}

/* refuse_inclusion - every one of its hashes changed, dropped or doubled, one too many, and another
 * record, number or size. (A larger size can have the same path for the same record: the root then
 * differs, which is what is checked.) */
static void refuse_inclusion(struct tree *t, const struct proof *good, uint64_t size,
                             uint64_t index)
{
    const unsigned char *leaf = t->node[0][index];
    struct proof bad = *good;
    for (size_t i = 0; i < good->num; i++) {
        bad.hashes[i][(i * 7) % SHA256_LEN] ^= (unsigned char)(1U << (i % 8));
        assert_false(includes(t, &bad, size, index, leaf));
        bad = *good;
        memmove(bad.hashes[i], bad.hashes[i + 1], (good->num - i - 1) * SHA256_LEN);
        bad.num--;
        assert_false(includes(t, &bad, size, index, leaf));
        bad = *good;
        memmove(bad.hashes[i + 1], bad.hashes[i], (good->num - i) * SHA256_LEN);
        bad.num++;
        assert_false(includes(t, &bad, size, index, leaf));
        bad = *good;
    }
    bad.num = good->num + 1;
    memcpy(bad.hashes[good->num], t->root[size], SHA256_LEN);
    assert_false(includes(t, &bad, size, index, leaf));
    for (uint64_t other = 0; other < size; other++) {
        if (other != index) {
            assert_false(includes(t, good, size, other, leaf));
            assert_false(includes(t, good, size, index, t->node[0][other]));
        }
    }
    for (uint64_t other = 1; other <= SIZES; other++) {
        if (other != size) {
            assert_false(includes(t, good, other, index, leaf));
        }
    }
    assert_false(includes(t, good, size, size, leaf));
    assert_false(includes(t, good, 0, index, leaf));
}

static void test_inclusion(void **state)
{
    struct tree *t = *state;
    struct cb_err err;
    for (uint64_t size = 1; size <= SIZES; size++) {
        t->size = size;
        for (uint64_t index = 0; index < size; index++) {
            struct proof p;
            assert_int_equal(proof_inclusion(&t->source, &t->m, size, index, &p, &err), CB_OK);
            assert_true(includes(t, &p, size, index, t->node[0][index]));
            if (size < 20 || size % 16 < 2) {
                refuse_inclusion(t, &p, size, index);
            }
        }
    }
    t->size = SIZES;
}

static bool continues(struct tree *t, const struct proof *p, uint64_t old, uint64_t size)
{
    return proof_check_consistency(&t->m, p, old, size, t->root[old], t->root[size]);
}

static bool convicts(struct tree *t, const struct proof *p, uint64_t old, uint64_t size)
{
    return proof_check_fork(&t->m, p, old, size, t->root[old], t->root[size]);
}

static void refuse_consistency(struct tree *t, const struct proof *good, uint64_t old,
                               uint64_t size)
{
    struct proof bad = *good;
    for (size_t i = 0; i < good->num; i++) {
        bad.hashes[i][(i * 11) % SHA256_LEN] ^= (unsigned char)(1U << (i % 8));
        assert_false(continues(t, &bad, old, size));
        assert_false(convicts(t, &bad, old, size)); /* a bad proof is none of the opposite */
        bad = *good;
        memmove(bad.hashes[i], bad.hashes[i + 1], (good->num - i - 1) * SHA256_LEN);
        bad.num--;
        assert_false(continues(t, &bad, old, size));
        assert_false(convicts(t, &bad, old, size)); /* a bad proof is none of the opposite */
        bad = *good;
    }
    bad.num = good->num + 1;
    memcpy(bad.hashes[good->num], t->root[size], SHA256_LEN);
    assert_false(continues(t, &bad, old, size));
    assert_false(convicts(t, &bad, old, size));
    /* Another past or another present. */
    assert_false(proof_check_consistency(&t->m, good, old, size, t->root[old - 1], t->root[size]));
    assert_false(proof_check_consistency(&t->m, good, old, size, t->root[old], t->root[size - 1]));
    if (old != size) {
        assert_false(continues(t, good, size, old));
        assert_false(proof_check_consistency(&t->m, good, size, size, t->root[old], t->root[size]));
    }
}

static void test_consistency(void **state)
{
    struct tree *t = *state;
    struct cb_err err;
    for (uint64_t size = 1; size <= SIZES; size++) {
        t->size = size;
        for (uint64_t old = 1; old <= size; old++) {
            struct proof p;
            assert_int_equal(proof_consistency(&t->source, &t->m, old, size, &p, &err), CB_OK);
            assert_true(continues(t, &p, old, size));
            assert_true(old != size || p.num == 0);
            refuse_consistency(t, &p, old, size);
            assert_false(convicts(t, &p, old, size));
            /* of a log that had signed another tree of old records; not from 2^n on */
            assert_int_equal(
                proof_check_fork(&t->m, &p, old, size, t->root[old - 1], t->root[size]),
                old != size && (old & (old - 1)) != 0);
        }
    }
    t->size = SIZES;
}

/* RFC 6962 section 2.1.3: the tree of seven records d0..d6. */
static void test_rfc6962_example(void **state)
{
    struct tree *t = *state;
    struct cb_err err;
    struct proof p;
    const unsigned char *i = t->node[1][2]; /* names as in the RFC's drawing */
    const unsigned char *j = t->node[0][6];
    const unsigned char *k = t->node[2][0];
    digest l;
    merkle_join(&t->m, i, j, l);
    /* The audit path of d0 is [b, h, l]. */
    assert_int_equal(proof_inclusion(&t->source, &t->m, 7, 0, &p, &err), CB_OK);
    assert_int_equal(p.num, 3);
    assert_memory_equal(p.hashes[0], t->node[0][1], SHA256_LEN);
    assert_memory_equal(p.hashes[1], t->node[1][1], SHA256_LEN);
    assert_memory_equal(p.hashes[2], l, SHA256_LEN);
    /* Of d3 [c, g, l]; of d4 [f, j, k]; of d6 [i, k]. */
    assert_int_equal(proof_inclusion(&t->source, &t->m, 7, 3, &p, &err), CB_OK);
    assert_int_equal(p.num, 3);
    assert_memory_equal(p.hashes[0], t->node[0][2], SHA256_LEN);
    assert_memory_equal(p.hashes[1], t->node[1][0], SHA256_LEN);
    assert_memory_equal(p.hashes[2], l, SHA256_LEN);
    assert_int_equal(proof_inclusion(&t->source, &t->m, 7, 4, &p, &err), CB_OK);
    assert_int_equal(p.num, 3);
    assert_memory_equal(p.hashes[0], t->node[0][5], SHA256_LEN);
    assert_memory_equal(p.hashes[1], j, SHA256_LEN);
    assert_memory_equal(p.hashes[2], k, SHA256_LEN);
    assert_int_equal(proof_inclusion(&t->source, &t->m, 7, 6, &p, &err), CB_OK);
    assert_int_equal(p.num, 2);
    assert_memory_equal(p.hashes[0], i, SHA256_LEN);
    assert_memory_equal(p.hashes[1], k, SHA256_LEN);
    /* From 3 to 7: [c, d, g, l]; from 4: [l]; from 6: [i, j, k]. */
    assert_int_equal(proof_consistency(&t->source, &t->m, 3, 7, &p, &err), CB_OK);
    assert_int_equal(p.num, 4);
    assert_memory_equal(p.hashes[0], t->node[0][2], SHA256_LEN);
    assert_memory_equal(p.hashes[1], t->node[0][3], SHA256_LEN);
    assert_memory_equal(p.hashes[2], t->node[1][0], SHA256_LEN);
    assert_memory_equal(p.hashes[3], l, SHA256_LEN);
    assert_int_equal(proof_consistency(&t->source, &t->m, 4, 7, &p, &err), CB_OK);
    assert_int_equal(p.num, 1);
    assert_memory_equal(p.hashes[0], l, SHA256_LEN);
    assert_int_equal(proof_consistency(&t->source, &t->m, 6, 7, &p, &err), CB_OK);
    assert_int_equal(p.num, 3);
    assert_memory_equal(p.hashes[0], i, SHA256_LEN);
    assert_memory_equal(p.hashes[1], j, SHA256_LEN);
    assert_memory_equal(p.hashes[2], k, SHA256_LEN);
}

static void test_refused(void **state)
{
    struct tree *t = *state;
    struct cb_err err;
    struct proof p = {.num = 42};
    static const struct {
        uint64_t old;
        uint64_t size;
    } bad[] = {{0, 5}, {6, 5}, {0, 0}, {1, UINT64_MAX}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(proof_consistency(&t->source, &t->m, bad[i].old, bad[i].size, &p, &err),
                         CB_EINPUT);
    }
    assert_int_equal(proof_inclusion(&t->source, &t->m, 5, 5, &p, &err), CB_EINPUT);
    assert_int_equal(proof_inclusion(&t->source, &t->m, 0, 0, &p, &err), CB_EINPUT);
    assert_int_equal(proof_inclusion(&t->source, &t->m, UINT64_MAX, 0, &p, &err), CB_EINPUT);
    assert_int_equal(p.num, 42);
    p.num = 0;
    assert_false(proof_check_consistency(&t->m, &p, 0, 5, t->root[0], t->root[5]));
    assert_false(proof_check_consistency(&t->m, &p, 0, 0, t->root[0], t->root[0]));
    assert_false(proof_check_consistency(&t->m, &p, 3, 5, t->root[3], t->root[5]));
    p.num = PROOF_HASHES_MAX + 1; /* not read beyond its end */
    assert_false(proof_check_inclusion(&t->m, &p, UINT64_MAX, 5, t->node[0][0], t->root[5]));
    assert_false(proof_check_consistency(&t->m, &p, 5, UINT64_MAX, t->root[5], t->root[6]));
}

/* A node that cannot be read ends it, whichever it is, and nothing is handed out. */
static void test_failing_source(void **state)
{
    struct tree *t = *state;
    struct cb_err err;
    for (size_t failing = 1; failing <= 5; failing++) {
        struct proof p = {.num = 42};
        digest root = {7};
        t->failing = failing;
        t->reads = 0;
        assert_int_equal(proof_consistency(&t->source, &t->m, 53, 127, &p, &err), CB_ESYS);
        t->reads = 0;
        assert_int_equal(proof_inclusion(&t->source, &t->m, 127, 53, &p, &err), CB_ESYS);
        t->reads = 0;
        assert_int_equal(proof_root(&t->source, &t->m, 127, root, &err), CB_ESYS);
        assert_int_equal(p.num, 42);
        assert_int_equal(root[0], 7);
    }
    t->failing = 0;
}

/* A few large trees: only the path is asked for, never more than a handful of nodes. */
static enum cb_code counted(void *ctx, unsigned level, uint64_t index, unsigned char *ret,
                            struct cb_err *err)
{
    (void)err;
    (*(size_t *)ctx)++;
    memset(ret, (int)(level + index % 7), SHA256_LEN);
    return CB_OK;
}

static void test_large(void **state)
{
    struct tree *t = *state;
    struct cb_err err;
    size_t reads = 0;
    const struct hash_source source = {counted, &reads};
    const uint64_t sizes[] = {UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1, 1000000, 99999999};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const uint64_t indexes[] = {0, 1, sizes[i] / 3, sizes[i] - 1};
        for (size_t k = 0; k < sizeof(indexes) / sizeof(indexes[0]); k++) {
            struct proof p;
            reads = 0;
            assert_int_equal(proof_inclusion(&source, &t->m, sizes[i], indexes[k], &p, &err),
                             CB_OK);
            assert_true(p.num <= PROOF_HASHES_MAX && reads <= 126);
        }
    }
    /* Too many hashes for a proof file or a witness: said, not cut. */
    struct proof p;
    assert_int_equal(
        proof_consistency(&source, &t->m, (UINT64_C(1) << 63) - 1, UINT64_C(1) << 63, &p, &err),
        CB_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots),       cmocka_unit_test(test_inclusion),
        cmocka_unit_test(test_consistency), cmocka_unit_test(test_rfc6962_example),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_failing_source),
        cmocka_unit_test(test_large)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
