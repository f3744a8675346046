/* commands.c - the subcommands that are not the server itself: serve's start, check; and certbroker.yaml
 * as the tools see it. */
#include "broker/commands/commands.h"

#include "audit/keep/archive.h"
#include "broker/config/audit_key.h"
#include "broker/config/config.h"
#include "broker/reload/generation.h"
#include "broker/server/server.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- serve ---- */

static int serve(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    struct config *config = NULL;
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        return EXIT_USAGE;
    }
    const enum cb_code code = config_load(args_text(args, "config"), diags, &config);
    diag_print(diags, stderr);
    diag_free(diags);
    if (code != CB_OK) {
        return EXIT_USAGE;
    }
    const int status = server_run(config);
    config_free(config);
    return status;
}

/* Which broker is started is always said. */
static const struct command_option serve_options[] = {
    {.name = "config",
     .letter = 'c',
     .is_required = true,
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "the configuration, certbroker.yaml"},
    {.name = NULL}};

const struct command cmd_serve = {
    .name = "serve", .summary = "run the broker", .options = serve_options, .run = serve};

/* ---- check ---- */

static const struct command_option check_options[] = {COMMAND_CONFIG_OPTION, {.name = NULL}};

static void say_policy(const struct policy *policy)
{
    (void)printf("%s: %zu rules, %zu clients, sha256 %s\n", policy_file(policy),
                 policy_num_rules(policy), policy_num_clients(policy), policy_sha256(policy));
}

/* check_policy_alone - where certbroker.yaml has errors of its own, the policy can still be read;
 * what it is held against (the CA's profiles) may be just what is wrong. */
static void check_policy_alone(const struct config *config, struct diag_list *diags)
{
    struct policy *policy = NULL;
    const int64_t now_s = clock_wall_us(&cb_system_clock) / 1000000;
    if (config->policy_path != NULL &&
        policy_load(config->policy_path, now_s, diags, &policy) == CB_OK) {
        say_policy(policy);
        policy_free(policy);
    }
}

/* check_audit_key - whether the broker could sign with it. */
static void check_audit_key(const struct config *config, struct diag_list *diags)
{
    struct note_signer *key = NULL;
    struct cb_err err = {0};
    if (audit_key_read(config, &key, &err) != CB_OK) {
        diag_add(diags, DIAG_ERROR, config->audit_key_place, "audit.key: %s", err.msg);
    }
    note_signer_free(key);
}

/* check_witnesses - the files only: nobody is asked. */
static void check_witnesses(const struct config *config, struct diag_list *diags)
{
    struct cb_err err = {0};
    for (size_t i = 0; i < config->anchor.num; i++) {
        if (anchor_check_file(&config->witnesses[i], &err) != CB_OK) {
            diag_add(diags, DIAG_ERROR, (struct diag_place){config->path, 0, 0},
                     "audit.witnesses: %s", err.msg);
        }
    }
}

/* check_archive - the broker would go on without it, and only warn. */
static void check_archive(const struct config *config, struct diag_list *diags)
{
    struct cb_err err = {0};
    if (config->audit_archive_to != NULL &&
        archive_place_check(config->audit_archive_to, &err) != CB_OK) {
        diag_add(diags, DIAG_ERROR, config->audit_archive_place, "audit.archive_to: %s", err.msg);
    }
}

static void check_everything(const struct config *config, struct diag_list *diags)
{
    struct policy *policy = NULL;
    struct cb_err err = {0};
    if (policy_load_checked(config, diags, &policy) == CB_OK) {
        say_policy(policy);
        policy_free(policy);
    }
    if (generation_check_files(config, &err) != CB_OK) {
        diag_add(diags, DIAG_ERROR, (struct diag_place){config->path, 0, 0}, "%s", err.msg);
    }
    for (size_t i = 0; i < config->num_syslog; i++) {
        if (ship_check(&config->syslog[i], &err) != CB_OK) {
            diag_add(diags, DIAG_ERROR, (struct diag_place){config->path, 0, 0}, "%s", err.msg);
        }
    }
    check_audit_key(config, diags);
    check_witnesses(config, diags);
    check_archive(config, diags);
}

static int check(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    struct config *config = NULL;
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        return EXIT_USAGE;
    }
    const char *path = args_config(args);
    const bool is_read = config_load_anyway(path, diags, &config) == CB_OK;
    if (is_read && diag_num_errors(diags) > 0) {
        check_policy_alone(config, diags);
    } else if (is_read) {
        check_everything(config, diags);
    }
    diag_print(diags, stderr);
    const bool ok = diag_num_errors(diags) == 0 && is_read;
    if (ok) {
        (void)printf("%s: ok\n", path);
    }
    config_free(config);
    diag_free(diags);
    return ok ? EXIT_OK : EXIT_PROBLEM;
}

const struct command cmd_check = {.name = "check",
                                  .summary = "check configuration and policy, and say every error",
                                  .options = check_options,
                                  .run = check};

/* ---- for the tools ---- */

enum cb_code commands_open_config(const char *path, struct diag_list *diags,
                                  struct command_config *ret)
{
    struct config *config = NULL;
    TRY(config_load(path, diags, &config));
    *ret = (struct command_config){
        .policy_path = config->policy_path, .audit_dir = config->audit_dir, .config = config};
    return CB_OK;
}

enum cb_code commands_load_policy(const struct command_config *config, const char *path,
                                  struct diag_list *diags, struct policy **ret)
{
    struct config with_path = *(const struct config *)config->config;
    with_path.policy_path = path;
    return policy_load_checked(&with_path, diags, ret);
}

const char *commands_jwt_issuer(const struct command_config *config, struct slice iss)
{
    const struct config *c = config->config;
    for (size_t i = 0; i < c->jwt.num_issuers; i++) {
        if (slice_eq_str(iss, c->jwt.issuers[i].issuer)) {
            return c->jwt.issuers[i].name;
        }
    }
    return NULL;
}

bool commands_has_profile(const struct command_config *config, struct slice name)
{
    const struct config *c = config->config;
    for (size_t i = 0; i < c->request.num_profiles; i++) {
        if (slice_eq_str(name, c->request.profiles[i].name)) {
            return true;
        }
    }
    return false;
}

void commands_close_config(struct command_config *config)
{
    config_free(config->config);
    config->config = NULL;
}
