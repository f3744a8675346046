/* policy_list.c - certbroker policy list: what is in a policy. What is said is policy/list.c's. */
#include "broker/tools/tools.h"
#include "broker/tools/tools_internal.h"
#include "policy/review.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MAX 1000
#define WIDTH_MIN 40
#define WIDTH_ELSEWHERE 120 /* where there is no terminal to ask */

/* width - of the table, in columns: as COLUMNS says, else as the terminal does. */
static unsigned width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size = {0};
    uint64_t number = 0;
    if (columns != NULL && slice_to_u64(slice_of(columns), &number) && number >= WIDTH_MIN &&
        number <= WIDTH_MAX) {
        return (unsigned)number;
    }
    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
        size.ws_col < WIDTH_MIN || size.ws_col > WIDTH_MAX) {
        return WIDTH_ELSEWHERE;
    }
    return size.ws_col;
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct tools_source source;
    struct buf out;
    if (!tools_open(env, args, &source)) {
        return EXIT_USAGE;
    }
    buf_init(&out, CLI_OUTPUT_MAX);
    const bool good =
        policy_list(source.policy, cli_now_s(), width(), args_has(args, "json"), &out);
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
