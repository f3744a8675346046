/* history_tools.c - see history_tools.h. */
#include "broker/tools/history_tools.h"

#include <stdio.h>

const char *tools_audit_dir(const struct command_args *args, const struct tools_source *source)
{
    const char *dir = args_text(args, "audit");
    if (dir == NULL && source != NULL && source->has_config) {
        dir = source->config.audit_dir;
    }
    if (dir == NULL) {
        (void)command_usage_error(args, "which audit log? Give --audit DIR, or -c FILE");
    }
    return dir;
}

bool tools_range(const struct command_args *args, struct history_range *ret)
{
    return cli_span(args, &ret->since_us, &ret->until_us);
}

int tools_history_failed(const struct cb_err *err)
{
    (void)fprintf(stderr, "certbroker: %s\n", err->msg);
    return EXIT_USAGE;
}
