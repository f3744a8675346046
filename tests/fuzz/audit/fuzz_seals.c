/* fuzz_seals.c - a history of checkpoints cut by crashes, and statements about new keys, from anywhere:
 * the pieces lie behind each other and begin with the log's name, and no statement is taken that is not
 * signed by keys of that log. */
#include "audit/seal/rotation.h"
#include "audit/seal/seals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ORIGIN SLICE("broker1.acme.example")

static void split(struct slice rest)
{
    const char *at = rest.ptr;
    const char *end = rest.ptr + rest.len;
    struct slice piece;
    while (seals_next(&rest, ORIGIN, &piece)) {
        CB_CHECK(piece.ptr >= at && piece.ptr + piece.len <= end);
        CB_CHECK(slice_has_prefix(piece, ORIGIN) && piece.ptr[ORIGIN.len] == '\n');
        CB_CHECK(rest.ptr == piece.ptr + piece.len && rest.ptr + rest.len == end);
        at = rest.ptr;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = {(const char *)data, size};
    struct rotation_statement s;
    struct cb_err err = {0};
    split(input);
    if (rotation_check(input, ORIGIN, &s, &err) == CB_OK) {
        CB_CHECK(slice_eq_str(ORIGIN, s.old_key.name) && slice_eq_str(ORIGIN, s.new_key.name));
        CB_CHECK(s.old_key.type == NOTE_LOG && s.new_key.type == NOTE_LOG);
    } else {
        CB_CHECK(err.msg[0] != '\0');
    }
    return 0;
}
