/* commands.h - the subcommands of the one binary that are about the server; those that look at
 * policies are in broker/tools. */
#ifndef BROKER_COMMANDS_H
#define BROKER_COMMANDS_H

#include "broker/cli/command.h"

extern const struct command cmd_serve;
extern const struct command cmd_check;
extern const struct command cmd_reload;           /* cmd_reload.c */
extern const struct command cmd_policy_rollback;  /* cmd_rollback.c */
extern const struct command cmd_audit_doctor;     /* cmd_doctor.c */
extern const struct command cmd_audit_prune;      /* cmd_prune.c */
extern const struct command cmd_audit_init;       /* cmd_audit_init.c */
extern const struct command cmd_audit_reconcile;  /* cmd_reconcile.c */
extern const struct command cmd_version;          /* version.c */
extern const struct command cmd_audit_rotate_key; /* cmd_audit_rotate.c */

/* certbroker.yaml for the tools: the functions of struct command_env. */
enum cb_code commands_open_config(const char *path, struct diag_list *diags,
                                  struct command_config *ret) CB_MUST_USE;
enum cb_code commands_load_policy(const struct command_config *config, const char *path,
                                  struct diag_list *diags, struct policy **ret) CB_MUST_USE;
const char *commands_jwt_issuer(const struct command_config *config, struct slice iss);
bool commands_has_profile(const struct command_config *config, struct slice name);
void commands_close_config(struct command_config *config);

/* For the option table of a command that works by certbroker.yaml alone. */
#define COMMAND_CONFIG_OPTION                                                                      \
    {                                                                                              \
        .name = "config", .letter = 'c', .kind = VALUE_FILE, .value = "FILE",                      \
        .help = "the configuration, certbroker.yaml (default " COMMAND_CONFIG_DEFAULT ")"          \
    }

#endif
