/* history_unused.c - certbroker policy unused: which rules, names and clients nobody needed. */
#include "broker/base/clock.h"
#include "broker/tools/history_tools.h"
#include "broker/tools/tools.h"
#include "policy/trace.h"

#include <stdio.h>

#define DAYS_DEFAULT 90U
#define DAYS_MAX 36500U

/* clang-format off */
static const struct command_option options[] = {
    TOOLS_POLICY_OPTIONS,
    CLI_AUDIT_OPTION,
    {.name = "days", .kind = VALUE_TEXT, .value = "N",
     .help = "how many days back to look (default 90)"},
    CLI_JSON_OPTION,
    {.name = NULL}};
/* clang-format on */

struct counting {
    const struct policy *policy;
    struct policy_usage *usage;
};

/* Whatever was said then: what counts is which rules of this policy answer it. */
static bool on_ask(void *ctx, const struct history_ask *ask)
{
    const struct counting *c = ctx;
    struct policy_caller caller;
    struct policy_ask question;
    if (!ask->by_quota && history_question(c->policy, ask, &caller, &question)) {
        policy_usage_add(c->usage, &caller, &question, ask->ts_us);
    }
    return true;
}

static bool read_days(const struct command_args *args, uint64_t *ret)
{
    const char *text = args_text(args, "days");
    *ret = DAYS_DEFAULT;
    if (text != NULL && (!slice_to_u64(slice_of(text), ret) || *ret == 0 || *ret > DAYS_MAX)) {
        (void)command_usage_error(args, "--days: \"%s\" is no number of days from 1 to %u", text,
                                  DAYS_MAX);
        return false;
    }
    return true;
}

/* say_what_was_seen - a log that does not reach back so far tells less than was asked. */
static void say_what_was_seen(const struct history_counts *counts, uint64_t days)
{
    char first[21];
    time_format_s(counts->first_us / 1000000, first);
    if (counts->first_us == 0) {
        (void)fprintf(stderr, "certbroker: the log holds no requests of the last %llu days\n",
                      (unsigned long long)days);
    } else {
        (void)fprintf(stderr, "certbroker: %llu request%s looked at, the first from %s\n",
                      (unsigned long long)counts->asks, counts->asks == 1 ? "" : "s", first);
    }
    if (counts->unclear > 0) {
        (void)fprintf(stderr, "certbroker: %llu records do not say enough and were left out\n",
                      (unsigned long long)counts->unclear);
    }
}

static int unused(const struct command_args *args, const struct tools_source *source,
                  struct policy_usage *usage)
{
    struct counting c = {source->policy, usage};
    struct history_counts counts;
    struct cb_err err;
    struct buf out;
    uint64_t days = 0;
    const char *dir = tools_audit_dir(args, source);
    if (dir == NULL || !read_days(args, &days)) {
        return EXIT_USAGE;
    }
    const struct history_range range = {.since_us = (cli_now_s() - (int64_t)days * 86400) * 1000000,
                                        .until_us = INT64_MAX};
    if (history_walk(dir, &range, on_ask, &c, &counts, &err) != CB_OK) {
        return tools_history_failed(&err);
    }
    say_what_was_seen(&counts, days);
    buf_init(&out, CLI_OUTPUT_MAX);
    const size_t num = policy_usage_print(usage, args_has(args, "json"), &out);
    return cli_print(&out, num > 0 ? EXIT_PROBLEM : EXIT_OK);
}

static int run(const struct command_env *env, const struct command_args *args)
{
    struct tools_source source;
    if (!tools_open(env, args, &source)) {
        return EXIT_USAGE;
    }
    struct policy_usage *usage = policy_usage_new(source.policy);
    const int status = usage == NULL ? cli_no_memory() : unused(args, &source, usage);
    policy_usage_free(usage);
    tools_close(env, &source);
    return status;
}

const struct command tools_policy_unused = {
    .name = "policy unused",
    .summary = "rules, names and clients that nobody needed",
    .options = options,
    .notes =
        "Decides the requests in the audit log again and lists what no request was covered by.\n"
        "Exit status: 0 everything was used, 1 something was not, 2 cannot.\n",
    .run = run,
};
