/* support.h - what several tests of this folder need: loading a policy from text, names, asks. */
#ifndef TESTS_UNIT_POLICY_SUPPORT_H
#define TESTS_UNIT_POLICY_SUPPORT_H

#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_S 1780000000 /* 2026-05-28T20:26:40Z */

/* printed - the complaints as text; free it. */
static inline char *printed(const struct diag_list *diags)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    diag_print(diags, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* load_text - the policy, which must be good; complaints are shown otherwise. */
static inline struct policy *load_text(const char *text)
{
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    assert_non_null(diags);
    if (policy_load_bytes("test.yaml", slice_of(text), NOW_S, diags, &policy) != CB_OK) {
        char *why = printed(diags);
        print_error("%s", why);
        free(why);
    }
    diag_free(diags);
    assert_non_null(policy);
    return policy;
}

/* complaints_of - what is said about a policy, good or bad; free it. *ret_errors may be NULL. */
static inline char *complaints_of(const char *text, size_t *ret_errors)
{
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    assert_non_null(diags);
    const enum cb_code code = policy_load_bytes("test.yaml", slice_of(text), NOW_S, diags, &policy);
    assert_int_equal(code == CB_OK, diag_num_errors(diags) == 0);
    assert_int_equal(code == CB_OK, policy != NULL);
    if (ret_errors != NULL) {
        *ret_errors = diag_num_errors(diags);
    }
    char *said = printed(diags);
    policy_free(policy);
    diag_free(diags);
    return said;
}

static inline struct name name_of(struct arena *arena, const char *text)
{
    struct name name = {0};
    struct cb_err err;
    if (name_parse(arena, slice_of(text), &name, &err) != CB_OK) {
        fail_msg("%s", err.msg);
    }
    return name;
}

/* read_whole - a file of tests/data; free it. */
static inline char *read_whole(const char *path)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        fail_msg("cannot open %s: run from the root of the repository", path);
    }
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    const size_t len = fread(text, 1, (1 << 16) - 1, in);
    assert_true(len > 0 && len < (1 << 16) - 1);
    (void)fclose(in);
    return text;
}

#endif
