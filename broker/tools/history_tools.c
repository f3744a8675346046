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

static bool take_time(const struct command_args *args, const char *name, int64_t *ret_us)
{
    const char *text = args_text(args, name);
    if (text != NULL && !cli_time(text, ret_us)) {
        (void)command_usage_error(args,
                                  "--%s: \"%s\" is no time: write 30d, 12h, 2026-07-01 or "
                                  "2026-07-01T12:00:00Z",
                                  name, text);
        return false;
    }
    return true;
}

bool tools_range(const struct command_args *args, struct history_range *ret)
{
    struct history_range range = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    if (!take_time(args, "since", &range.since_us)) {
        return false;
    }
    if (!take_time(args, "until", &range.until_us)) {
        return false;
    }
    if (range.since_us >= range.until_us) {
        (void)command_usage_error(args, "--until must be later than --since");
        return false;
    }
    *ret = range;
    return true;
}

int tools_history_failed(const struct cb_err *err)
{
    (void)fprintf(stderr, "certbroker: %s\n", err->msg);
    return EXIT_USAGE;
}
