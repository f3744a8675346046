/* policy_list.c - certbroker policy list: what is in a policy. What is said is policy/list.c's. */
#include "broker/cli/terminal.h"
#include "broker/tools/tools.h"
#include "broker/tools/tools_internal.h"
#include "policy/review.h"

#define WIDTH_ELSEWHERE 120U /* where there is no terminal to ask */

static int run(const struct command_env *env, const struct command_args *args)
{
    struct tools_source source;
    struct buf out;
    const unsigned width = cli_terminal().width;
    if (!tools_open(env, args, &source)) {
        return EXIT_USAGE;
    }
    buf_init(&out, CLI_OUTPUT_MAX);
    const bool good = policy_list(source.policy, cli_now_s(), width == 0 ? WIDTH_ELSEWHERE : width,
                                  args_has(args, "json"), &out);
    tools_close(env, &source);
    if (!good) {
        buf_free(&out);
        return cli_no_memory();
    }
    return cli_print(&out, EXIT_OK);
}

static const struct command_option options[] = {
    TOOLS_POLICY_OPTIONS, CLI_JSON_OPTION, {.name = NULL}};

const struct command tools_policy_list = {
    .name = "policy list",
    .summary = "show a policy's rules, clients and groups",
    .options = options,
    .notes =
        "The table is as wide as COLUMNS says, else as the terminal; 120 columns where there is\n"
        "none. What does not fit is cut: --json has all of it.\n",
    .run = run,
};
