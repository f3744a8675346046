/* run_pruned.c - see run.h. Reads tiles alone. */
#include "audit/verify/run.h"

#include <stdlib.h>

struct pruned_pass {
    struct merkle m;
    struct tile_windows windows;
    struct tree tree;
};

/* say - about the tiles that hold the hashes of what is gone. */
static void say(struct run *run, const char *what)
{
    const uint64_t size = run->chain.pruned.size;
    struct verify_finding found = {
        .kind = VERIFY_TILE, .seq = 0, .last_seq = size - 1, .file = "tile/0"};
    findings_add(run->findings, found, "the hashes of the %llu pruned records %s record %llu",
                 (unsigned long long)size, what, (unsigned long long)run->chain.pruned.seq);
    run->pruned_found = true;
}

/* judge - nothing is pruned before the tile over its last record is full, so hashes that are not in
 * full tiles never were. */
static void judge(struct run *run, struct pruned_pass *p)
{
    unsigned char root[SHA256_LEN];
    const struct chain_pruned *pruned = &run->chain.pruned;
    const struct segment_result *first = &run->results[0];
    merkle_root(&p->m, root);
    if (p->tree.found > 0) {
        run->pruned_found = true; /* of which tile was said */
    } else if (p->tree.is_lost) {
        say(run, "are not all there, in full tiles: nothing but what somebody wrote speaks for");
    } else if (memcmp(root, pruned->root, SHA256_LEN) != 0 ||
               (first->begin.is_known && memcmp(root, first->begin.root, SHA256_LEN) != 0)) {
        say(run, "have another root than is stated by");
    }
}

static enum cb_code read_tiles(struct run *run, struct pruned_pass *p, struct cb_err *err)
{
    p->tree = (struct tree){.findings = run->findings,
                            .promises = run->promises,
                            .tiles = &run->tiles,
                            .windows = &p->windows,
                            .file = "tile/0",
                            .m = &p->m};
    tree_begin(&p->tree);
    while (p->m.size < run->chain.pruned.size && !p->tree.is_lost) {
        TRY(tree_kept(&p->tree, err));
    }
    judge(run, p);
    return CB_OK;
}

enum cb_code run_pruned(struct run *run, struct cb_err *err)
{
    if (run->chain.pruned.size == 0) {
        return CB_OK;
    }
    struct pruned_pass *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return cb_fail(err, CB_ENOMEM, "no memory to verify");
    }
    enum cb_code code = merkle_init(&p->m, err);
    if (code == CB_OK) {
        code = read_tiles(run, p, err);
        merkle_free(&p->m);
    }
    free(p);
    return code;
}
