/* policy_test.c - certbroker policy test: what a policy is meant to decide, as TAP 14 or JSON. Reading
 * and running the tests is policy/check_tests.c's. */
#include "broker/tools/tools.h"
#include "broker/tools/tools_internal.h"
#include "policy/check_tests.h"

#define RESULT_CAP ((size_t)1 << 30)

/* ---- TAP ---- */

/* add_description - "#" would begin a directive. */
static void add_description(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '#' || *text == '\\') {
            buf_add_char(out, '\\');
        }
        const bool is_control = (unsigned char)*text < 0x20 || *text == 0x7f;
        buf_add_char(out, is_control ? '?' : *text);
    }
}

static void add_test(struct buf *out, const struct policy_test *test, size_t number)
{
    buf_printf(out, "%sok %zu - ", test->passed ? "" : "not ", number);
    add_description(out, test->name);
    buf_add_char(out, '\n');
    if (test->passed) {
        return;
    }
    buf_add_str(out, "  ---\n  message: "); /* a JSON string is YAML, too */
    buf_add_json_str(out, slice_of(test->why));
    buf_add_str(out, "\n  at: ");
    struct buf place;
    buf_init(&place, 8192);
    cli_add_place(&place, test->place);
    buf_add_json_str(out, buf_slice(&place));
    buf_free(&place);
    buf_add_str(out, "\n  ...\n");
}

static void add_unused(struct buf *out, const struct policy_tests *tests)
{
    if (tests->num_unused_rules == 0) {
        return;
    }
    buf_add_str(out, "# rules no test used: ");
    for (size_t i = 0; i < tests->num_unused_rules; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", tests->unused_rules[i]);
    }
    buf_add_char(out, '\n');
}

static void add_tap(struct buf *out, const struct policy_tests *tests, bool coverage)
{
    const bool is_covered = tests->num_unused_rules == 0;
    buf_printf(out, "TAP version 14\n1..%zu\n", tests->num + (coverage ? 1 : 0));
    for (size_t i = 0; i < tests->num; i++) {
        add_test(out, &tests->items[i], i + 1);
    }
    if (coverage) {
        buf_printf(out, "%sok %zu - some test uses every rule\n", is_covered ? "" : "not ",
                   tests->num + 1);
    }
    add_unused(out, tests);
    const size_t failed = tests->num_failed + (coverage && !is_covered ? 1 : 0);
    const size_t all = tests->num + (coverage ? 1 : 0);
    buf_printf(out, "# %zu passed, %zu failed\n", all - failed, failed);
}

/* ---- JSON ---- */

static void add_json(struct buf *out, const struct policy_tests *tests)
{
    buf_add_char(out, '{');
    cli_json_u64(out, "passed", tests->num - tests->num_failed);
    cli_json_u64(out, "failed", tests->num_failed);
    cli_json_key(out, "tests");
    buf_add_char(out, '[');
    for (size_t i = 0; i < tests->num; i++) {
        const struct policy_test *test = &tests->items[i];
        cli_json_item(out);
        buf_add_char(out, '{');
        cli_json_text(out, "name", test->name);
        cli_json_bool(out, "passed", test->passed);
        cli_json_place(out, "place", test->place);
        if (!test->passed) {
            cli_json_text(out, "why", test->why);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    cli_json_key(out, "unused_rules");
    buf_add_char(out, '[');
    for (size_t i = 0; i < tests->num_unused_rules; i++) {
        cli_json_item(out);
        buf_add_json_str(out, slice_of(tests->unused_rules[i]));
    }
    buf_add_str(out, "]}\n");
}

/* ---- the command ---- */

static enum cb_code run_tests(const struct tools_source *source, const struct command_args *args,
                              struct diag_list *diags, struct arena *arena,
                              struct policy_tests *ret)
{
    const size_t num = args_num_operands(args);
    if (num == 0) {
        return policy_tests_run(source->policy, source->path, cli_now_s(), diags, arena, ret);
    }
    const char **files = arena_array(arena, num, sizeof(*files));
    if (files == NULL) {
        return CB_ENOMEM;
    }
    for (size_t i = 0; i < num; i++) {
        files[i] = args_operand(args, i);
    }
    return policy_tests_run_files(source->policy, files, num, cli_now_s(), diags, arena, ret);
}

static int print_results(const struct policy_tests *tests, const struct command_args *args)
{
    struct buf out;
    const bool coverage = args_has(args, "coverage");
    const bool failed = tests->num_failed > 0 || (coverage && tests->num_unused_rules > 0);
    buf_init(&out, CLI_OUTPUT_MAX);
    if (args_has(args, "json")) {
        add_json(&out, tests);
    } else {
        add_tap(&out, tests, coverage);
    }
    return cli_print(&out, failed ? EXIT_PROBLEM : EXIT_OK);
}

static int test_policy(const struct tools_source *source, const struct command_args *args,
                       struct arena *arena)
{
    struct policy_tests tests = {0};
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        return cli_no_memory();
    }
    const enum cb_code code = run_tests(source, args, diags, arena, &tests);
    diag_print(diags, stderr);
    diag_free(diags);
    if (code != CB_OK) {
        return code == CB_ENOMEM ? cli_no_memory() : EXIT_USAGE;
    }
    if (tests.num == 0) {
        (void)fprintf(stderr,
                      "certbroker: %s has no tests: they stand in *.test.yaml in the folder of the "
                      "policy, or of a file NAME.yaml in NAME.test.yaml beside it\n",
                      source->path);
        return EXIT_USAGE;
    }
    return print_results(&tests, args);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct tools_source source;
    struct arena arena;
    if (!tools_open(env, args, &source)) {
        return EXIT_USAGE;
    }
    arena_init(&arena, RESULT_CAP);
    const int status = test_policy(&source, args, &arena);
    arena_free(&arena);
    tools_close(env, &source);
    return status;
}

static const struct command_option options[] = {
    TOOLS_POLICY_OPTIONS,
    {.name = "coverage", .help = "a rule that no test uses is a failure"},
    CLI_JSON_OPTION,
    {.name = NULL}};

const struct command tools_policy_test = {
    .name = "policy test",
    .summary = "check a policy against what it is meant to decide",
    .operands = "[FILE...]",
    .max_operands = SIZE_MAX,
    .options = options,
    .notes =
        "Without FILE: *.test.yaml in the policy's folder, or NAME.test.yaml beside NAME.yaml.\n"
        "Prints TAP 14. Exit status: 0 all passed, 1 some failed, 2 cannot run.\n",
    .run = run,
};
