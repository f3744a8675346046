/* test_verify.c - what is intact is found intact, and what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/verify/helpers.h"

/* A log of three segments: 2 records of init, then 300 and 299 and segment records. */
static char *three_segments(const struct note_signer *key)
{
    static const uint64_t sizes[] = {100, 302, 400, 0};
    char *dir = new_signed_log(key);
    for (int i = 0; i < 2; i++) {
        struct audit *a = open_log(dir, NULL);
        append_bulk(a, 300);
        audit_close(a);
    }
    hand_seal(dir, key, sizes, 4);
    return dir;
}

static void test_intact(void **state)
{
    (void)state;
    struct note_signer *key = new_key();
    char *dir = three_segments(key);
    const struct verify_report *r = verify_dir(dir, key, NULL, 0);
    print_findings(r);
    assert_int_equal(r->verdict, VERIFY_INTACT);
    assert_int_equal(r->records, 606);
    assert_int_equal(r->segments, 3);
    assert_int_equal(r->sealed, 606);
    assert_int_equal(r->tiles, 2);
    assert_true(r->pinned);
    assert_int_equal(r->num_notices, 0);
    r = verify_dir(dir, NULL, NULL, 0);
    assert_int_equal(r->verdict, VERIFY_INTACT);
    assert_false(r->pinned);
    remove_dir(dir);
    note_signer_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
