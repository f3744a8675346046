/* main.c - certbroker: one binary, subcommands. */
#include "broker/commands/commands.h"
#include "broker/report/report.h"
#include "broker/review/review.h"
#include "broker/tools/tools.h"
#include "broker/witness/witness.h"

static const struct command *const commands[] = {
    &cmd_serve,
    &cmd_check,
    &cmd_reload,
    &cmd_audit_init,
    &cmd_audit_rotate_key,
    &review_audit_search,
    &review_audit_show,
    &review_audit_why,
    &review_audit_tail,
    &review_audit_export,
    &cmd_audit_reconcile,
    &review_audit_archive,
    &cmd_audit_prune,
    &cmd_audit_doctor,
    &review_audit_verify,
    &review_audit_checkpoint,
    &review_audit_prove,
    &review_audit_check_proof,
    &review_audit_consistency,
    &report_audit_report,
    &tools_policy_explain,
    &tools_policy_test,
    &tools_policy_list,
    &tools_policy_diff,
    &tools_policy_replay,
    &tools_policy_suggest,
    &tools_policy_unused,
    &cmd_policy_rollback,
    &witness_cmd_init,
    &witness_cmd_check,
    &witness_cmd_serve,
    &cli_completion,
    &cmd_version,
};

int main(int argc, char **argv)
{
    const struct command_env env = {
        .commands = commands,
        .num_commands = sizeof(commands) / sizeof(commands[0]),
        .open_config = commands_open_config,
        .load_policy = commands_load_policy,
        .jwt_issuer = commands_jwt_issuer,
        .has_profile = commands_has_profile,
        .close_config = commands_close_config,
    };
    return command_main(&env, argc, argv);
}
