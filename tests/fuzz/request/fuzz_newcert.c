/* fuzz_newcert.c - whatever the bytes: an error with a printable message, or an ask that holds only
 * canonical content and reads back as itself. */
#include "broker/request/parse.h"

#include <stdlib.h>

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_names(const struct policy_ask *ask)
{
    check(ask->num_names <= ASK_NAMES_MAX);
    for (size_t i = 0; i < ask->num_names; i++) {
        const struct name *name = &ask->names[i];
        struct arena arena;
        arena_init(&arena, 64U << 10);
        struct name again;
        struct cb_err err;
        check(strlen(name->text.ptr) == name->text.len);
        check(name_parse(&arena, name->text, &again, &err) == CB_OK);
        check(name_cmp(name, &again) == 0 && slice_eq(name->text, again.text));
        check(i == 0 || name_cmp(&ask->names[i - 1], name) < 0);
        arena_free(&arena);
    }
}

/* is_principal - absent, or what body_on_behalf_of promises. */
static bool is_principal(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_print(text.ptr[i])) {
            return false;
        }
    }
    return text.ptr == NULL || (text.len >= 1 && text.len <= POLICY_PRINCIPAL_MAX);
}

static void check_ask(const struct policy_ask *ask)
{
    check(ask->action == ACTION_NEWCERT);
    check_names(ask);
    check(is_principal(ask->on_behalf_of));
    check(ask->profile.len >= 1 && ask->profile.len <= 64);
    check(ask->common_name.ptr == NULL || ask->common_name.len > 0);
    check(utf8_valid(ask->common_name) && !slice_has_byte(ask->common_name, '\n'));
    check(ask->key_algo == KEY_ECDSA
              ? ask->key_bits == 256 || ask->key_bits == 384 || ask->key_bits == 521
              : ask->key_bits >= 2048 && ask->key_bits <= 8192);
    check(ask->num_subject <= ASK_SUBJECT_MAX);
    for (size_t i = 0; i < ask->num_subject; i++) {
        const struct subject_attr *attr = &ask->subject[i];
        check(attr->value.len >= 1 && attr->value.len <= 128 && utf8_valid(attr->value));
        check(!slice_has_byte(attr->value, '\0'));
        check(i == 0 || ask->subject[i - 1].type <= attr->type);
    }
    char digest[SHA256_HEX_LEN + 1];
    ask_digest(ask, digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 256U << 10);
    struct policy_ask ask;
    struct cb_err err = {.msg = ""};
    const struct slice body = {(const char *)data, size};
    if (parse_newcert(&arena, body, &ask, &err) == CB_OK) {
        check_ask(&ask);
    } else {
        check(err.msg[0] != '\0');
        for (const char *c = err.msg; *c != '\0'; c++) {
            check(ascii_is_print(*c));
        }
    }
    arena_free(&arena);
    return 0;
}
