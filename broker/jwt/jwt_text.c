/* jwt_text.c - the spellings inside a token: base64url and JSON, both read strictly. */
#include "broker/jwt/jwt_internal.h"

#include "broker/base/json_scan.h"

#include <cjson/cJSON.h>

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (ascii_is_digit(c)) {
        return c - '0' + 52;
    }
    if (c == '-') {
        return 62;
    }
    return c == '_' ? 63 : -1;
}

struct slice jwt_base64url(struct arena *arena, struct slice text)
{
    char *out = arena_alloc(arena, text.len / 4 * 3 + 4);
    if (out == NULL || text.len % 4 == 1) {
        return (struct slice){0};
    }
    uint32_t bits = 0;
    unsigned num_bits = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const int digit = digit_of(text.ptr[i]);
        if (digit < 0) {
            return (struct slice){0};
        }
        bits = bits << 6 | (uint32_t)digit;
        num_bits += 6;
        if (num_bits >= 8) {
            num_bits -= 8;
            out[len++] = (char)(unsigned char)(bits >> num_bits & 0xffU);
        }
    }
    /* One spelling for each value: bits that stand for nothing are zero. */
    if ((bits & ((1U << num_bits) - 1U)) != 0) {
        return (struct slice){0};
    }
    return (struct slice){out, len};
}

struct cJSON *jwt_json(struct slice text, size_t max)
{
    const struct json_caps caps = {.depth = JWT_DEPTH_MAX - 1,
                                   .members = 128,
                                   .elements = 128,
                                   .string_bytes = 4096,
                                   .text_bytes = max};
    struct cb_err err;
    if (text.ptr == NULL || json_scan(text, &caps, &err) != CB_OK) {
        return NULL;
    }
    cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
    if (!cJSON_IsObject(tree)) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

struct slice jwt_text(const struct cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(member) ? slice_of(member->valuestring) : (struct slice){0};
}
