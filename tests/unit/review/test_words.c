/* test_words.c - the words that a query may ask for are those that their owners write. */
#include "broker/request/reason.h"
#include "broker/review/row.h"
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t count_of(const char *const *words, const char *word)
{
    size_t num = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        num += strcmp(words[i], word) == 0;
    }
    return num;
}

static void test_types(void **state)
{
    (void)state;
    size_t num = 0;
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        assert_int_equal(count_of(review_type_words, audit_type_word((enum audit_type)i)), 1);
    }
    while (review_type_words[num] != NULL) {
        num++;
    }
    assert_int_equal(num, AUDIT_TYPE_COUNT);
}

static void test_reasons(void **state)
{
    (void)state;
    for (unsigned i = 0; i < POLICY_REASON_COUNT; i++) {
        const char *word = policy_reason_word((enum policy_reason)i);
        assert_int_equal(count_of(review_reason_words, word), i == REASON_ALLOWED ? 0 : 1);
    }
    for (unsigned i = 0; i < REASON_ID_COUNT; i++) {
        const bool is_written = i != REFUSED_NONE && i != REFUSED_DENIED;
        const char *word = reason_of((enum reason_id)i)->word;
        assert_int_equal(count_of(review_reason_words, word), is_written ? 1 : 0);
    }
    for (size_t i = 0; review_reason_words[i] != NULL; i++) {
        assert_int_equal(count_of(review_reason_words, review_reason_words[i]), 1);
    }
}

static void test_results(void **state)
{
    (void)state;
    enum audit_type type;
    size_t num = 0;
    for (; review_result_words[num] != NULL; num++) {
        assert_true(row_result_type(slice_of(review_result_words[num]), &type));
    }
    assert_int_equal(num, REVIEW_RESULT_COUNT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_results)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
