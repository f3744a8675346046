/* tools_internal.h - inside broker/tools only: what the subcommands share. */
#ifndef BROKER_TOOLS_TOOLS_INTERNAL_H
#define BROKER_TOOLS_TOOLS_INTERNAL_H

#include "broker/cli/output.h"

/* clang-format off */
/* Rows for the option tables of commands that look at a policy. */
#define TOOLS_POLICY_OPTIONS                                                                       \
    {.name = "config", .letter = 'c', .kind = VALUE_FILE, .value = "FILE",                         \
     .help = "certbroker.yaml that names the policy (default " COMMAND_CONFIG_DEFAULT ")"},         \
    {.name = "policy", .kind = VALUE_FILE, .value = "PATH",                                        \
     .help = "the policy, a file or a folder, instead of what -c names"}
/* clang-format on */

/* A policy and, where one was read, the configuration that names it. */
struct tools_source {
    struct command_config config;
    bool has_config;
    const char *path; /* of the policy */
    struct policy *policy;
};

/* tools_open - by -c and --policy: with -c the policy is held against the configuration, with both the
 * policy at --policy is. Only --policy: no configuration is read. Every complaint goes to stderr as
 * `certbroker check` prints it. False: nothing to close, the exit status is EXIT_USAGE. */
bool tools_open(const struct command_env *env, const struct command_args *args,
                struct tools_source *ret);
void tools_close(const struct command_env *env, struct tools_source *source);
/* tools_load - a policy by its path alone, complaints to stderr; NULL: EXIT_USAGE. */
struct policy *tools_load(const char *path);

#endif
