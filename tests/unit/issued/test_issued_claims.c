/* test_issued_claims.c - the table of claims alone: many of them, in and out again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/issued/issued_claims.h"

#include <stdio.h>

static struct slice key_of(char *out, size_t size, unsigned i)
{
    (void)snprintf(out, size, "key-%u", i);
    return slice_of(out);
}

static void test_many(void **state)
{
    (void)state;
    struct claims claims = {.num = 0};
    char text[32];
    for (unsigned i = 0; i < CLAIMS_MAX; i++) {
        assert_int_equal(claims_take(&claims, SLICE("web"), key_of(text, sizeof(text), i)),
                         CLAIM_TAKEN);
    }
    assert_int_equal(claims_take(&claims, SLICE("web"), SLICE("one more")), CLAIM_FAILED);
    assert_int_equal(claims_take(&claims, SLICE("web"), SLICE("key-77")), CLAIM_HELD);
    for (unsigned i = 0; i < CLAIMS_MAX; i += 2) {
        claims_release(&claims, SLICE("web"), key_of(text, sizeof(text), i));
    }
    assert_int_equal(claims.num, CLAIMS_MAX / 2);
    for (unsigned i = 0; i < CLAIMS_MAX; i++) {
        assert_int_equal(claims_take(&claims, SLICE("web"), key_of(text, sizeof(text), i)),
                         i % 2 == 0 ? CLAIM_TAKEN : CLAIM_HELD);
    }
    claims_free(&claims);
    assert_int_equal(claims.num, 0);
}

/* A claim is the pair, whatever bytes it is made of. */
static void test_pairs(void **state)
{
    (void)state;
    struct claims claims = {.num = 0};
    static const struct {
        struct slice client, key;
    } pairs[] = {
        {{"a", 1}, {"bc", 2}}, {{"ab", 2}, {"c", 1}},   {{"abc", 3}, {"", 0}},
        {{"", 0}, {"abc", 3}}, {{"a\0", 2}, {"bc", 2}}, {{"a", 1}, {"\0bc", 3}},
        {{"", 0}, {"", 0}},
    };
    const size_t num = sizeof(pairs) / sizeof(pairs[0]);
    for (size_t i = 0; i < num; i++) {
        assert_int_equal(claims_take(&claims, pairs[i].client, pairs[i].key), CLAIM_TAKEN);
    }
    for (size_t i = 0; i < num; i++) {
        assert_int_equal(claims_take(&claims, pairs[i].client, pairs[i].key), CLAIM_HELD);
        claims_release(&claims, pairs[i].client, pairs[i].key);
        claims_release(&claims, pairs[i].client, pairs[i].key);
        assert_int_equal(claims.num, num - 1 - i);
    }
    claims_free(&claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
