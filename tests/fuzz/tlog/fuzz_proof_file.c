/* fuzz_proof_file.c - a proof from a stranger, as check-proof reads it: what is taken is written back
 * byte for byte, and no proof of nothing in particular is good. */
#include "audit/tlog/proof_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct proof_file *f)
{
    static const unsigned char root[SHA256_LEN] = {0x42};
    unsigned char leaf[SHA256_LEN];
    struct merkle m;
    struct note note;
    struct checkpoint c;
    struct cb_err err;
    CB_CHECK(merkle_init(&m, &err) == CB_OK);
    merkle_leaf(&m, f->extra.ptr == NULL ? SLICE("") : f->extra, leaf);
    CB_CHECK(!proof_check_inclusion(&m, &f->proof, f->index + 1, f->index, leaf, root));
    CB_CHECK(!proof_check_inclusion(&m, &f->proof, INT64_MAX, f->index, leaf, root));
    CB_CHECK(!proof_check_consistency(&m, &f->proof, f->index, f->index + 9, leaf, root));
    if (note_parse(f->note, &note, &err) == CB_OK &&
        checkpoint_parse(note.text, &c, &err) == CB_OK) {
        (void)proof_check_inclusion(&m, &f->proof, c.size, f->index, leaf, c.root);
    }
    merkle_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = {(const char *)data, size};
    struct proof_file f;
    struct buf extra;
    struct buf out;
    struct cb_err err;
    buf_init(&out, 2U * PROOF_FILE_MAX);
    if (proof_file_parse(input, &extra, &f, &err) == CB_OK) {
        proof_file_text(&f, &out);
        CB_CHECK(slice_eq(buf_slice(&out), input));
        check(&f);
    }
    buf_free(&extra);
    buf_free(&out);
    return 0;
}
