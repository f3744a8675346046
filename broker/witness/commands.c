/* commands.c - certbroker witness init, check and serve as the command line sees them. */
#include "broker/witness/witness.h"

#include "audit/seal/keyfile.h"
#include "broker/witness/server.h"
#include "broker/witness/settings.h"

#include <stdio.h>

/* ---- init ---- */

static int fail(const struct cb_err *err)
{
    (void)fprintf(stderr, "certbroker: %s\n", err->msg);
    return err->code == CB_EINPUT ? EXIT_USAGE : EXIT_PROBLEM;
}

static int run_init(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    const char *dir = args_text(args, "dir");
    const char *name = args_text(args, "name");
    struct note_signer *signer = NULL;
    struct cb_err err = {0};
    char vkey[NOTE_KEY_TEXT_MAX];
    char path[WITNESS_KEY_PATH_MAX];
    if (!note_name_valid(slice_of(name))) {
        return command_usage_error(
            args, "--name has 1 to %u characters, no spaces and no plus sign", NOTE_NAME_MAX);
    }
    if (store_create(&audit_system_io, dir, &err) != CB_OK ||
        witness_key_path(dir, path, &err) != CB_OK ||
        keyfile_create(path, slice_of(name), NOTE_WITNESS, &signer, &err) != CB_OK) {
        return fail(&err);
    }
    note_key_text(note_signer_key(signer), vkey);
    note_signer_free(signer);
    (void)printf("%s\n", vkey);
    (void)fprintf(
        stderr,
        "%s: witness \"%s\" created. The line above is its verifier key: brokers and auditors "
        "need it; it is no secret.\n",
        dir, name);
    return EXIT_OK;
}

static const struct command_option init_options[] = {
    {.name = "dir",
     .is_required = true,
     .kind = VALUE_FILE,
     .value = "DIR",
     .help = "where key and state are to be, e.g. /var/lib/certbroker-witness"},
    {.name = "name",
     .is_required = true,
     .kind = VALUE_TEXT,
     .value = "NAME",
     .help = "what the witness is called for ever, e.g. witness1.security.acme.example"},
    {.name = NULL}};

const struct command witness_cmd_init = {.name = "witness init",
                                         .summary = "make a witness's directory and key",
                                         .options = init_options,
                                         .run = run_init};

/* ---- check and serve ---- */

static struct witness_settings *load(const struct command_args *args)
{
    struct witness_settings *settings = NULL;
    struct diag_list *diags = diag_new();
    if (diags == NULL) {
        return NULL;
    }
    const enum cb_code code = settings_load(args_text(args, "config"), diags, &settings);
    diag_print(diags, stderr);
    diag_free(diags);
    return code == CB_OK ? settings : NULL;
}

static int run_check(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    struct witness_settings *settings = load(args);
    if (settings == NULL) {
        return EXIT_PROBLEM;
    }
    (void)printf("%s: ok, %zu logs\n", args_text(args, "config"), settings->num_logs);
    settings_free(settings);
    return EXIT_OK;
}

static int run_serve(const struct command_env *env, const struct command_args *args)
{
    (void)env;
    struct witness_settings *settings = load(args);
    return settings == NULL ? EXIT_USAGE : server_run_witness(args_text(args, "config"), settings);
}

static const struct command_option config_options[] = {
    {.name = "config",
     .letter = 'c',
     .is_required = true,
     .kind = VALUE_FILE,
     .value = "FILE",
     .help = "the configuration, certbroker-witness.yaml"},
    {.name = NULL}};

const struct command witness_cmd_check = {.name = "witness check",
                                          .summary = "check a witness's configuration",
                                          .options = config_options,
                                          .run = run_check};
const struct command witness_cmd_serve = {.name = "witness serve",
                                          .summary =
                                              "run a witness: cosign the checkpoints of audit logs",
                                          .options = config_options,
                                          .run = run_serve};
