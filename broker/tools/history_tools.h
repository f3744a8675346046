/* history_tools.h - inside broker/tools only: what the commands that read the audit log share. */
#ifndef BROKER_TOOLS_HISTORY_TOOLS_H
#define BROKER_TOOLS_HISTORY_TOOLS_H

#include "broker/cli/audit_source.h"
#include "broker/history/history.h"
#include "broker/tools/tools_internal.h"

/* tools_audit_dir - --audit, else what the configuration says; NULL after a usage error. */
const char *tools_audit_dir(const struct command_args *args, const struct tools_source *source);
/* tools_range - --since and --until. False after a usage error. */
bool tools_range(const struct command_args *args, struct history_range *ret);
/* tools_history_failed - why the log could not be read, on stderr; EXIT_USAGE. */
int tools_history_failed(const struct cb_err *err);

#endif
