/* test_elsewhere.c - a copy in the same place is no copy, by whatever name it is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/keep/elsewhere.h"
#include "tests/unit/audit/helpers.h"

static void make(const char *root, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static const struct {
    const char *dir, *other;
    enum cb_code code;
} places[] = {
    {"log", "log", CB_EINPUT},        {"log", "log/", CB_EINPUT},      {"log", "log/seg", CB_EINPUT},
    {"log", ".", CB_EINPUT},          {"log", "link", CB_EINPUT},      {"log", "link/seg", CB_EINPUT},
    {"log", "log2/../log", CB_EINPUT}, {"log", "/", CB_EINPUT},        {"log", "log2", CB_OK},
    {"log2", "log", CB_OK},           {"log", "missing", CB_ENOENT},   {"missing", "log", CB_ENOENT},
};

static void test_places(void **state)
{
    (void)state;
    char *root = temp_dir();
    char link[512];
    make(root, "log");
    make(root, "log/seg");
    make(root, "log2");
    (void)snprintf(link, sizeof(link), "%s/link", root);
    assert_int_equal(symlink("log", link), 0);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char dir[512];
        char other[512];
        struct cb_err err;
        (void)snprintf(dir, sizeof(dir), "%s/%s", root, places[i].dir);
        if (places[i].other[0] == '/') {
            (void)snprintf(other, sizeof(other), "%s", places[i].other);
        } else {
            (void)snprintf(other, sizeof(other), "%s/%s", root, places[i].other);
        }
        const enum cb_code code = elsewhere_check(dir, other, &err);
        if (code != places[i].code) {
            fail_msg("%s, %s: %d", dir, other, code);
        }
    }
    remove_dir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
