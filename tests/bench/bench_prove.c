/* bench_prove.c - how long a proof takes on a large log, as one JSON object.
 *
 *   bench_prove DIR PROOFS
 *
 * DIR is a log as make_log leaves it; its hash tiles are made here and its checkpoint is signed here,
 * with a key of the moment, as a sealer would have done along the way. Each proof begins from nothing
 * but the directory, as `certbroker audit prove` does, and is of another record. Measured twice: for the
 * whole log, and for the size at which most has to be made up for tiles that are not full yet. */
#include "audit/seal/hashes.h"
#include "audit/seal/prove.h"
#include "audit/read/reader.h"
#include "audit/seal/seals.h"
#include "audit/segdir.h"
#include "audit/tlog/proof_file.h"
#include "audit/tlog/tile.h"
#include "broker/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ORIGIN "bench.acme.example/broker1"
#define LEVELS 3U

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_prove: %s: %s\n", what, why);
    exit(1);
}

/* One level of tiles being filled. */
struct filling {
    unsigned char node[TILE_WIDTH][SHA256_LEN];
    size_t num;
    uint64_t n;
};

struct tiles {
    const char *dir;
    struct merkle m;
    struct merkle work; /* for the roots of tiles */
    struct filling level[LEVELS];
    uint64_t marks[2];
    unsigned char roots[2][SHA256_LEN];
};

static void make_dirs(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(path, 0750) != 0 && errno != EEXIST) {
            die(path, strerror(errno));
        }
        *at = '/';
    }
}

static void write_tile(const struct tiles *t, unsigned level)
{
    char name[TILE_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    struct cb_err err;
    tile_path(level, t->level[level].n, name);
    if (segdir_join(t->dir, name, path, &err) != CB_OK) {
        die("tile", err.msg);
    }
    make_dirs(path);
    FILE *f = fopen(path, "we");
    if (f == NULL || fwrite(t->level[level].node, 1, TILE_BYTES, f) != TILE_BYTES ||
        fclose(f) != 0) {
        die(path, strerror(errno));
    }
}

static void add_node(struct tiles *t, const unsigned char *node)
{
    unsigned char up[SHA256_LEN];
    memcpy(up, node, SHA256_LEN);
    for (unsigned level = 0; level < LEVELS; level++) {
        struct filling *f = &t->level[level];
        memcpy(f->node[f->num++], up, SHA256_LEN);
        if (f->num < TILE_WIDTH) {
            return;
        }
        write_tile(t, level);
        t->work.size = 0;
        for (size_t i = 0; i < TILE_WIDTH; i++) {
            merkle_append_leaf(&t->work, f->node[i]);
        }
        merkle_root(&t->work, up);
        f->num = 0;
        f->n++;
    }
}

static bool add_line(void *ctx, uint64_t seq, struct slice line)
{
    struct tiles *t = ctx;
    unsigned char leaf[SHA256_LEN];
    (void)seq;
    merkle_leaf(&t->m, line, leaf);
    merkle_append_leaf(&t->m, leaf);
    add_node(t, leaf);
    for (size_t i = 0; i < 2; i++) {
        if (t->m.size == t->marks[i]) {
            merkle_root(&t->m, t->roots[i]);
        }
    }
    return true;
}

static bool count(void *ctx, uint64_t seq, struct slice line)
{
    (void)line;
    *(uint64_t *)ctx = seq + 1;
    return true;
}

static void check(enum cb_code code, const char *what, const struct cb_err *err)
{
    if (code != CB_OK) {
        die(what, err->msg);
    }
}

static void seal(const char *dir, const struct note_signer *signer, uint64_t size,
                 const unsigned char *root)
{
    struct checkpoint c = {.origin = ORIGIN, .size = size};
    struct buf note;
    struct cb_err err;
    char path[SEGMENT_PATH_MAX];
    memcpy(c.root, root, SHA256_LEN);
    buf_init(&note, SEAL_NOTE_MAX);
    check(checkpoint_sign(&c, signer, &note, &err), "sign", &err);
    check(segdir_join(dir, "state", path, &err), "state", &err);
    check(io_put_file(&audit_system_io, path, "checkpoint", buf_slice(&note), &err), "seal", &err);
    buf_free(&note);
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* measure - num proofs of records all over the first size. */
static void measure(const char *dir, uint64_t size, size_t num, const char *name, const char *after)
{
    int64_t *took = calloc(num, sizeof(*took));
    uint64_t seq = size / 3;
    for (size_t i = 0; i < num; i++) {
        struct prover *p = NULL;
        struct proven proven;
        struct buf out;
        struct cb_err err;
        seq = (seq * 6364136223846793005U + 1442695040888963407U);
        buf_init(&out, PROOF_FILE_MAX);
        const int64_t start = clock_mono_us(&cb_system_clock);
        check(prover_open(dir, &p, &err), "open", &err);
        check(prover_record(p, seq % size, &out, &proven, &err), "prove", &err);
        prover_close(p);
        took[i] = clock_mono_us(&cb_system_clock) - start;
        if (proven.tiles_wrong) {
            die("tiles", "wrong");
        }
        buf_free(&out);
    }
    qsort(took, num, sizeof(*took), by_value);
    (void)printf("\"%s\":{\"records\":%llu,\"proofs\":%zu,\"p50_us\":%lld,\"p99_us\":%lld,"
                 "\"max_us\":%lld}%s",
                 name, (unsigned long long)size, num, (long long)took[num / 2],
                 (long long)took[num * 99 / 100], (long long)took[num - 1], after);
    free(took);
}

int main(int argc, char **argv)
{
    static struct tiles t;
    struct note_signer *signer = NULL;
    struct vkeys vkeys = {.num = 0};
    struct cb_err err;
    uint64_t size = 0;
    const size_t num = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (num == 0) {
        (void)fprintf(stderr, "usage: bench_prove DIR PROOFS\n");
        return 2;
    }
    t.dir = argv[1];
    check(audit_walk(t.dir, 0, count, &size, &err), "walk", &err);
    t.marks[0] = size;
    /* 255 full tiles that no higher one covers, and 255 records */
    t.marks[1] = size > 65536 ? size - size % 65536 - 1 : size;
    check(merkle_init(&t.m, &err), "hash", &err);
    check(merkle_init(&t.work, &err), "hash", &err);
    check(audit_walk(t.dir, 0, add_line, &t, &err), "walk", &err);
    check(note_signer_new(SLICE(ORIGIN), NOTE_LOG, &signer, &err), "key", &err);
    check(vkeys_add(&vkeys, 0, note_signer_key(signer), &err), "key", &err);
    check(vkeys_write(&audit_system_io, t.dir, &vkeys, &err), "key", &err);
    (void)printf("{");
    seal(t.dir, signer, t.marks[0], t.roots[0]);
    measure(t.dir, t.marks[0], num, "prove", ",");
    seal(t.dir, signer, t.marks[1], t.roots[1]);
    measure(t.dir, t.marks[1], num, "prove_worst", "}\n");
    note_signer_free(signer);
    merkle_free(&t.m);
    merkle_free(&t.work);
    return 0;
}
