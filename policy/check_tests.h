/* check_tests.h - *.test.yaml: what a policy is meant to decide, checked. Public, with policy.h.
 *
 *   tests:
 *     - name: payments may have its own name      # optional
 *       as: payments-api                          # principal: a client's id, or id:instance
 *       action: newcert                           # newcert (default), revoke, info
 *       hosts: [api.payments.acme.internal]       # names of every kind, as in a request
 *       cn: api.payments.acme.internal            # cn, subject, key, profile, from, at, claims,
 *       profile: server                           #   on_behalf_of, relation: all optional
 *       expect: allow                             # or deny
 *       rule: payments-server                     # optional: by which rule
 *       reason: name_not_allowed                  # optional, with deny
 *
 * claims: {ns: payments}, subject: {O: Acme} or {O: [a, b]}, key: ecdsa-256, from: 10.0.0.1, at: a
 * UTC time or a date, relation (of a revoke): own (default), foreign, unknown. Strict like every file
 * here: unknown keys, and keys that mean nothing to the action, are errors with their place. */
#ifndef POLICY_CHECK_TESTS_H
#define POLICY_CHECK_TESTS_H

#include "policy/policy.h"

struct policy_test {
    const char *name;        /* given, or made up from as, action and hosts */
    struct diag_place place; /* of the test */
    bool passed;
    const char *why; /* failed: what was expected, what came, by which rule at which place */
};

struct policy_tests {
    struct policy_test *items; /* in the order of files and places */
    size_t num, num_failed;
    const char **unused_rules; /* ids of rules that decided no test */
    size_t num_unused_rules;
};

/* policy_tests_run - all files that belong to the policy at path: of a folder every *.test.yaml in it,
 * of a file NAME.yaml the file NAME.test.yaml beside it. No files: num is 0. CB_EINPUT: a file
 * cannot be read as tests, diags say why. Everything lives in the arena. now_s: for tests without
 * at:. */
enum cb_code policy_tests_run(const struct policy *policy, const char *path, int64_t now_s,
                              struct diag_list *diags, struct arena *arena,
                              struct policy_tests *ret) CB_MUST_USE;
/* policy_tests_run_files - the same for these files, wherever they are. */
enum cb_code policy_tests_run_files(const struct policy *policy, const char *const *files,
                                    size_t num, int64_t now_s, struct diag_list *diags,
                                    struct arena *arena, struct policy_tests *ret) CB_MUST_USE;
/* policy_tests_run_bytes - the same for one file that is in memory. */
enum cb_code policy_tests_run_bytes(const struct policy *policy, const char *file,
                                    struct slice bytes, int64_t now_s, struct diag_list *diags,
                                    struct arena *arena, struct policy_tests *ret) CB_MUST_USE;

#endif
