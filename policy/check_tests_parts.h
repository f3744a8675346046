/* check_tests_parts.h - inside policy/ only: reading one test. */
#ifndef POLICY_CHECK_TESTS_PARTS_H
#define POLICY_CHECK_TESTS_PARTS_H

#include "policy/ask_text.h"
#include "policy/check_tests.h"
#include "policy/rule.h"
#include "policy/yaml_tree.h"

#define TEST_CLAIMS_MAX 32U

struct test_case {
    struct slice name; /* ptr NULL: not given */
    struct slice as;
    struct policy_caller caller;
    struct policy_claim claims[TEST_CLAIMS_MAX];
    struct name peer;
    struct ask_text asked;
    int64_t at_s;
    bool expect_allow;
    struct slice rule;   /* ptr NULL: any */
    struct slice reason; /* ptr NULL: any */
};

struct test_reader {
    struct yaml_reader r;
    const struct policy *policy;
    const struct table *rule_ids; /* id -> index in policy->rules */
    struct arena *scratch;        /* for the texts of one test */
    size_t suggestions_left;
};

/* test_read - one item of tests:; ret->at_s is set already, for one without at:. False: diags say what is wrong. *ret borrows from the document, the
 * policy and itself; it is too large for a stack. */
bool test_read(struct test_reader *t, const struct yaml_node *n, struct test_case *ret);

#endif
