/* fuzz_add_checkpoint.c - what anybody may send to a witness: read without a fault, and what is taken
 * is written back byte for byte. */
#include "audit/tlog/add_checkpoint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = {(const char *)data, size};
    struct add_checkpoint add;
    struct cb_err err = {0};
    struct buf out;
    buf_init(&out, ADD_CHECKPOINT_MAX);
    if (add_checkpoint_parse(input, &add, &err) == CB_OK) {
        CB_CHECK(add.proof.num <= PROOF_HASHES_MAX && add.note.len > 0);
        add_checkpoint_text(&add, &out);
        CB_CHECK(buf_ok(&out) && slice_eq(buf_slice(&out), input));
    } else {
        CB_CHECK(err.msg[0] != '\0');
    }
    buf_free(&out);
    return 0;
}
