/* test_crc32c.c - published check values, and both ways of computing agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/crc32c.h"

#include <stdlib.h>

static void test_published_values(void **state)
{
    (void)state;
    char zeros[32] = {0};
    char ones[32];
    char up[32];
    memset(ones, 0xff, sizeof(ones));
    for (int i = 0; i < 32; i++) {
        up[i] = (char)i;
    }
    const struct {
        struct slice bytes;
        uint32_t crc;
    } cases[] = {
        {SLICE(""), 0x00000000},   {SLICE("123456789"), 0xe3069283},
        {{zeros, 32}, 0x8a9136aa}, /* this and the next two: RFC 3720 B.4 */
        {{ones, 32}, 0x62a8ab43},  {{up, 32}, 0x46dd794e},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(crc32c(cases[i].bytes), cases[i].crc);
        assert_int_equal(crc32c_table(cases[i].bytes), cases[i].crc);
    }
}

static void test_both_ways_agree(void **state)
{
    (void)state;
    char bytes[300];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        random = random * 1664525U + 1013904223U;
        bytes[i] = (char)(random >> 24);
    }
    for (size_t from = 0; from < 9; from++) { /* alignment must not matter */
        for (size_t len = 0; from + len <= sizeof(bytes); len++) {
            const struct slice part = {bytes + from, len};
            assert_int_equal(crc32c(part), crc32c_table(part));
        }
    }
}

static void test_hex(void **state)
{
    (void)state;
    char hex[CRC32C_HEX_LEN];
    crc32c_hex(0x00a1b2c3, hex);
    assert_memory_equal(hex, "00a1b2c3", CRC32C_HEX_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_values),
                                       cmocka_unit_test(test_both_ways_agree),
                                       cmocka_unit_test(test_hex)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
