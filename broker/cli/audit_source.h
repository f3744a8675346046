/* audit_source.h - the audit log that a command reads: the options for it, and for a span of time. */
#ifndef BROKER_CLI_AUDIT_SOURCE_H
#define BROKER_CLI_AUDIT_SOURCE_H

#include "broker/cli/command.h"

/* clang-format off */
/* Rows for the option tables: of a command that reads the log; of one that reads a span of it. */
#define CLI_AUDIT_OPTION                                                                           \
    {.name = "audit", .kind = VALUE_FILE, .value = "DIR",                                          \
     .help = "the audit log, or a copy of it, instead of the one that -c names"}
#define CLI_AUDIT_OPTIONS                                                                          \
    {.name = "config", .letter = 'c', .kind = VALUE_FILE, .value = "FILE",                         \
     .help = "certbroker.yaml that names the log (default " COMMAND_CONFIG_DEFAULT ")"},            \
    CLI_AUDIT_OPTION
#define CLI_SPAN_OPTIONS                                                                           \
    {.name = "since", .kind = VALUE_TEXT, .value = "TIME",                                         \
     .help = "from then on: 30d, 12h, 2026-07-01 or 2026-07-01T12:00:00Z (default: all there is)"},\
    {.name = "until", .kind = VALUE_TEXT, .value = "TIME", .help = "and before then"}
/* clang-format on */

struct cli_audit {
    const char *dir; /* the log's directory */
    struct command_config config;
    bool has_config; /* certbroker.yaml was read: with -c, and where --audit was not given */
};

/* cli_audit_open - what --audit says, else the log that certbroker.yaml names. Complaints go to stderr.
 * False: nothing to close, the exit status is EXIT_USAGE. Does not look whether there is a log. */
bool cli_audit_open(const struct command_env *env, const struct command_args *args,
                    struct cli_audit *ret);
void cli_audit_close(const struct command_env *env, struct cli_audit *audit);

/* cli_span - --since and --until; INT64_MIN, INT64_MAX where they are not given. False after a usage
 * error. */
bool cli_span(const struct command_args *args, int64_t *ret_since_us, int64_t *ret_until_us);

#endif
