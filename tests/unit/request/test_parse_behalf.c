/* test_parse_behalf.c - on_behalf_of, in both bodies that may carry it: one reading, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/buf.h"
#include "broker/request/parse.h"

#include <stdio.h>

enum body { BODY_NEWCERT, BODY_REVOKE };

/* parse_with - a good body with one more member, as it is written. */
static enum cb_code parse_with(struct arena *arena, enum body which, const char *member,
                               struct slice *ret, struct cb_err *err)
{
    struct buf body;
    buf_init(&body, 8192);
    buf_printf(&body, "{%s%s%s}",
               which == BODY_NEWCERT ? "\"request\":{\"hosts\":[\"a.example\"]}"
                                     : "\"serial\":\"7\"",
               member[0] == '\0' ? "" : ",", member);
    struct policy_ask ask = {.action = ACTION_NEWCERT};
    struct revoke_ask revoke = {.serial_hex = ""};
    const enum cb_code code = which == BODY_NEWCERT
                                  ? parse_newcert(arena, buf_slice(&body), &ask, err)
                                  : parse_revoke(arena, buf_slice(&body), &revoke, err);
    *ret = which == BODY_NEWCERT ? ask.on_behalf_of : revoke.on_behalf_of;
    buf_free(&body);
    return code;
}

#define TEXT_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TEXT_512 TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64 TEXT_64

static void test_members(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        const char *want;    /* NULL: absent, unless there is a complaint */
        const char *problem; /* part of the message; NULL: it is accepted */
    } cases[] = {
        {"", NULL, NULL},
        {"\"on_behalf_of\":\"web\"", "web", NULL},
        {"\"on_behalf_of\":\"pods:spiffe://acme.test/ns/a/sa/b\"",
         "pods:spiffe://acme.test/ns/a/sa/b", NULL},
        {"\"on_behalf_of\":\"\\u0077eb\"", "web", NULL},
        {"\"on_behalf_of\":\"Web \"", "Web ", NULL}, /* the policy knows no such one */
        {"\"on_behalf_of\":\"" TEXT_512 "\"", TEXT_512, NULL},
        {"\"on_behalf_of\":\"" TEXT_512 "x\"", NULL, "1 to 512"},
        {"\"on_behalf_of\":\"\"", NULL, "leave it out"},
        {"\"on_behalf_of\":null", NULL, "must be a string, not null"},
        {"\"on_behalf_of\":1", NULL, "must be a string"},
        {"\"on_behalf_of\":[\"web\"]", NULL, "must be a string"},
        {"\"on_behalf_of\":{\"client\":\"web\"}", NULL, "must be a string"},
        {"\"on_behalf_of\":\"a\\u00e9\"", NULL, "printable ASCII"},
        {"\"on_behalf_of\":\"a\\n\"", NULL, "printable ASCII"},
        {"\"on_behalf_of\":\"web\\u0000\"", NULL, ""},
        {"\"On_Behalf_Of\":\"web\"", NULL, "did you mean \"on_behalf_of\""},
        {"\"on_behalf_of\":\"web\",\"on_behalf_of\":\"web\"", NULL, ""},
        {"\"on_behalf_of\":\"web\",\"ON_BEHALF_OF\":\"mail\"", NULL, ""},
        {"\"onBehalfOf\":\"web\"", NULL, "accepted here"},
    };
    for (enum body which = BODY_NEWCERT; which <= BODY_REVOKE; which++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct arena arena;
            arena_init(&arena, 64U << 10);
            struct slice got = {NULL, 0};
            struct cb_err err = {.msg = ""};
            const enum cb_code code = parse_with(&arena, which, cases[i].member, &got, &err);
            const bool is_good =
                cases[i].problem == NULL
                    ? code == CB_OK && slice_eq(got, slice_of(cases[i].want)) &&
                          (got.ptr == NULL) == (cases[i].want == NULL)
                    : code == CB_EINPUT && strstr(err.msg, cases[i].problem) != NULL;
            if (!is_good) {
                fail_msg("%s: %d %s", cases[i].member, (int)code, err.msg);
            }
            arena_free(&arena);
        }
    }
}

/* Inside the request it is none of ours. */
static void test_place(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64U << 10);
    struct policy_ask ask;
    struct slice profile;
    struct cb_err err = {.msg = ""};
    assert_int_equal(
        parse_newcert(&arena, SLICE("{\"request\":{\"on_behalf_of\":\"web\"}}"), &ask, &err),
        CB_EINPUT);
    assert_int_equal(parse_info(&arena, SLICE("{\"on_behalf_of\":\"web\"}"), &profile, &err),
                     CB_EINPUT);
    arena_free(&arena);
}

/* Asking for another is asking for something else; the digest of an ask for oneself stays what it was
 * (test_parse_digest.c holds its value). */
static void test_digest(void **state)
{
    (void)state;
    static const char *const parties[] = {NULL, "web", "mail", "web:1", "we", "b"};
    char digests[6][SHA256_HEX_LEN + 1];
    for (size_t i = 0; i < 6; i++) {
        const struct policy_ask ask = {
            .profile = SLICE("default"), .key_bits = 256, .on_behalf_of = slice_of(parties[i])};
        ask_digest(&ask, digests[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(digests[i], digests[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
