/* test_tile.c - names of tiles as C2SP tlog-tiles spells them, and where a node is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/tlog/tile.h"

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        unsigned level;
        uint64_t n;
        const char *path;
    } cases[] = {
        {0, 0, "tile/0/000"},
        {0, 5, "tile/0/005"},
        {1, 999, "tile/1/999"},
        {1, 1000, "tile/1/x001/000"},
        {0, 1234067, "tile/0/x001/x234/067"},
        {7, UINT64_MAX, "tile/7/x018/x446/x744/x073/x709/x551/615"},
        {63, 1000000, "tile/63/x001/x000/000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[TILE_PATH_MAX];
        tile_path(cases[i].level, cases[i].n, path);
        assert_string_equal(path, cases[i].path);
    }
}

/* Whatever the node: the nodes of the tile that it is made of cover the same records. */
static void test_nodes(void **state)
{
    (void)state;
    for (unsigned level = 0; level < 24; level++) {
        for (uint64_t index = 0; index < 700; index++) {
            unsigned tile_level = 0;
            uint64_t n = 0;
            size_t first = 0;
            size_t num = 0;
            tile_of(level, index, &tile_level, &n, &first, &num);
            assert_int_equal(tile_level, level / 8);
            assert_true(num >= 1 && num <= 128 && first + num <= TILE_WIDTH);
            const uint64_t start = (n * TILE_WIDTH + first) << (8 * tile_level);
            assert_int_equal(start, index << level);
            assert_int_equal((uint64_t)num << (8 * tile_level), UINT64_C(1) << level);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths), cmocka_unit_test(test_nodes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
