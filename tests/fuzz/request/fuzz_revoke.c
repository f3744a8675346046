/* fuzz_revoke.c - revoke and info bodies: an error with a printable message, or canonical content. */
#include "broker/request/parse.h"

#include <stdlib.h>

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_hex(const char *text)
{
    check(strlen(text) % 2 == 0);
    for (; *text != '\0'; text++) {
        check(ascii_is_digit(*text) || (*text >= 'a' && *text <= 'f'));
    }
}

static void check_message(const struct cb_err *err)
{
    check(err->msg[0] != '\0');
    for (const char *c = err->msg; *c != '\0'; c++) {
        check(ascii_is_print(*c));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 64U << 10);
    const struct slice body = {(const char *)data, size};
    struct cb_err err = {.msg = ""};
    struct revoke_ask ask;
    if (parse_revoke(&arena, body, &ask, &err) == CB_OK) {
        check_hex(ask.serial_hex);
        check_hex(ask.aki_hex);
        check(ask.serial_hex[0] != '\0' && ask.serial_dec[0] != '0');
        check((unsigned)ask.reason < REVOKE_REASON_COUNT);
        check(ask.on_behalf_of.ptr == NULL ||
              (ask.on_behalf_of.len >= 1 && ask.on_behalf_of.len <= POLICY_PRINCIPAL_MAX));
    } else {
        check_message(&err);
    }
    struct slice profile;
    err.msg[0] = '\0';
    if (parse_info(&arena, body, &profile, &err) == CB_OK) {
        check(profile.len >= 1 && profile.len <= 64);
    } else {
        check_message(&err);
    }
    arena_free(&arena);
    return 0;
}
