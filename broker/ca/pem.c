/* pem.c - see pem.h. Reading strictly is check_der.c's business. */
#include "broker/ca/pem.h"

#include "broker/ca/check_der.h"

#include <openssl/evp.h>

#define LINE_BYTES 48U /* 64 characters */

static void add_boundary(struct buf *out, const char *begin, const char *label)
{
    buf_add_str(out, begin);
    buf_add_str(out, label);
    buf_add_str(out, "-----\\n");
}

void pem_encode_json(struct buf *out, const char *label, struct slice der)
{
    add_boundary(out, "-----BEGIN ", label);
    for (size_t at = 0; at < der.len; at += LINE_BYTES) {
        const size_t len = der.len - at < LINE_BYTES ? der.len - at : LINE_BYTES;
        unsigned char line[65 + 1];
        const int chars = EVP_EncodeBlock(line, (const unsigned char *)der.ptr + at, (int)len);
        buf_add(out, line, (size_t)chars);
        buf_add_str(out, "\\n");
    }
    add_boundary(out, "-----END ", label);
}

bool pem_decode(struct slice text, const char *label, struct arena *arena, struct slice *ret_der)
{
    struct slice found = {NULL, 0};
    return pem_read(text, arena, &found, ret_der) && slice_eq_str(found, label);
}
