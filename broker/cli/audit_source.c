/* audit_source.c - see audit_source.h. Opens no file of the log: that is whoever reads it. */
#include "broker/cli/audit_source.h"

#include "broker/cli/output.h"

bool cli_audit_open(const struct command_env *env, const struct command_args *args,
                    struct cli_audit *ret)
{
    struct cli_audit audit = {.dir = args_text(args, "audit")};
    if (audit.dir == NULL || args_has(args, "config")) {
        struct diag_list *diags = diag_new();
        if (diags == NULL) {
            (void)cli_no_memory();
            return false;
        }
        const enum cb_code code = env->open_config(args_config(args), diags, &audit.config);
        if (code != CB_OK) {
            diag_print(diags, stderr);
            if (!args_has(args, "config")) {
                (void)command_usage_error(args, "which audit log? Give --audit DIR, or -c FILE");
            }
        }
        diag_free(diags);
        if (code != CB_OK) {
            return false;
        }
        audit.has_config = true;
        audit.dir = audit.dir == NULL ? audit.config.audit_dir : audit.dir;
    }
    *ret = audit;
    return true;
}

void cli_audit_close(const struct command_env *env, struct cli_audit *audit)
{
    if (audit->has_config) {
        env->close_config(&audit->config);
        audit->has_config = false;
    }
}

static bool take_time(const struct command_args *args, const char *name, int64_t *ret_us)
{
    const char *text = args_text(args, name);
    if (text != NULL && !cli_time(text, ret_us)) {
        (void)command_usage_error(args,
                                  "--%s: \"%s\" is no time: write 30d, 12h, 2026-07-01 or "
                                  "2026-07-01T12:00:00Z (or +02:00)",
                                  name, text);
        return false;
    }
    return true;
}

bool cli_span(const struct command_args *args, int64_t *ret_since_us, int64_t *ret_until_us)
{
    int64_t since_us = INT64_MIN;
    int64_t until_us = INT64_MAX;
    if (!take_time(args, "since", &since_us) || !take_time(args, "until", &until_us)) {
        return false;
    }
    if (since_us >= until_us) {
        (void)command_usage_error(args, "--until must be later than --since");
        return false;
    }
    *ret_since_us = since_us;
    *ret_until_us = until_us;
    return true;
}
