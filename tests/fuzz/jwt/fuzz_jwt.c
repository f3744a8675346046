/* fuzz_jwt.c - any bytes as a token, and as a JWKS file. A token that is taken would have to carry a
 * signature by a key whose private half does not exist here. */
#include "broker/jwt/jwt_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_S 1900000000

static const char jwks[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
static const char *const audiences[] = {"certbroker"};
static char path[64];
static struct jwt_issuer issuer = {"x", "https://x.example", audiences, 1, path, 30, 0};
static const struct jwt_settings settings = {&issuer, 1};

static void write_file(const void *data, size_t size)
{
    FILE *f = fopen(path, "we");
    if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0 || chmod(path, 0600) != 0) {
        abort();
    }
}

static struct jwt_keys *load(void)
{
    struct jwt_keys *keys = NULL;
    struct cb_err err = {0};
    return jwt_keys_load(&settings, &keys, &err) == CB_OK ? keys : NULL;
}

static void check(bool good)
{
    if (!good) {
        abort();
    }
}

static void check_base64url(struct arena *arena, struct slice text)
{
    const struct slice bytes = jwt_base64url(arena, text);
    check(bytes.ptr == NULL || bytes.len == text.len * 3 / 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt_keys *keys;
    if (keys == NULL) {
        (void)snprintf(path, sizeof(path), "/tmp/fuzz_jwt.%d", (int)getpid());
        write_file(jwks, sizeof(jwks) - 1);
        keys = load();
        (void)unlink(path);
        check(keys != NULL);
    }
    const struct slice text = {(const char *)data, size};
    struct arena arena;
    struct jwt_token token;
    arena_init(&arena, 1 << 20);
    check(jwt_verify(keys, text, NOW_S, &arena, &token) != JWT_OK);
    check_base64url(&arena, text);
    if (size > 0 && data[0] == '{') {
        write_file(data, size);
        jwt_keys_free(load());
        (void)unlink(path);
    }
    arena_free(&arena);
    return 0;
}
