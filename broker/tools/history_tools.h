/* history_tools.h - inside broker/tools only: what the commands that read the audit log share. */
#ifndef BROKER_TOOLS_HISTORY_TOOLS_H
#define BROKER_TOOLS_HISTORY_TOOLS_H

#include "broker/history/history.h"
#include "broker/tools/tools_internal.h"

/* clang-format off */
#define TOOLS_AUDIT_OPTION                                                                         \
    {.name = "audit", .kind = VALUE_FILE, .value = "DIR",                                          \
     .help = "the audit log, or a copy of it, instead of the one that -c names"}
#define TOOLS_SINCE_OPTION                                                                         \
    {.name = "since", .kind = VALUE_TEXT, .value = "TIME",                                         \
     .help = "from then on: 30d, 12h, 2026-07-01 or 2026-07-01T12:00:00Z (default: all there is)"}
#define TOOLS_UNTIL_OPTION                                                                         \
    {.name = "until", .kind = VALUE_TEXT, .value = "TIME", .help = "and before then"}
/* clang-format on */

/* tools_audit_dir - --audit, else what the configuration says; NULL after a usage error. */
const char *tools_audit_dir(const struct command_args *args, const struct tools_source *source);
/* tools_range - --since and --until. False after a usage error. */
bool tools_range(const struct command_args *args, struct history_range *ret);
/* tools_history_failed - why the log could not be read, on stderr; EXIT_USAGE. */
int tools_history_failed(const struct cb_err *err);

#endif
