/* fuzz_checkpoint.c - the text of a checkpoint from anywhere: what is taken is written back as the
 * same first three lines. */
#include "audit/tlog/checkpoint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = {(const char *)data, size};
    struct checkpoint c;
    struct cb_err err;
    struct buf out;
    buf_init(&out, NOTE_BYTES_MAX);
    if (checkpoint_parse(input, &c, &err) == CB_OK) {
        checkpoint_text(&c, &out);
        CB_CHECK(buf_ok(&out) && slice_has_prefix(input, buf_slice(&out)));
        CB_CHECK(input.len == out.len || input.ptr[input.len - 1] == '\n');
    }
    buf_free(&out);
    return 0;
}
